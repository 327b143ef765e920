# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Packages are downloaded and unpacked into the cache, never installed.

apt_check() {
	if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
		die "the lab takes its kernels from Debian's packages: run it where apt-get and dpkg-deb exist (Debian 12)"
	fi
	[ "$(dpkg --print-architecture)" = amd64 ] ||
		die "the lab knows amd64 kernels only: run it on an amd64 machine"
}

# apt_update: at most once a run, as it fetches a lot
apt_update() {
	[ -z "${APT_UPDATED-}" ] || return 1
	APT_UPDATED=y
	[ "$(id -u)" = 0 ] ||
		die "apt's package lists lack a package or are out of date: run \"apt-get update\" as root, then try again"
	say "updating apt's package lists"
	apt-get update -qq >"$WORK_DIR/apt-update.log" 2>&1 || {
		show_tail "$WORK_DIR/apt-update.log"
		return 1
	}
}

# apt_names REGEX: packages that can be downloaded, oldest version first
apt_names() {
	apt-cache search --names-only "$1" | cut -d ' ' -f 1 | sort -V
}

# apt_field PACKAGE FIELD: of the version that apt would take
apt_field() {
	apt-cache show --no-all-versions "$1" 2>/dev/null | sed -n "s/^$2: //p"
}

# apt_fetch DIR PACKAGE...: leaves one .deb per package in DIR
apt_fetch() {
	local dir=$1 package size
	shift

	mkdir -p "$dir"
	for package; do
		size=$(apt_field "$package" Size)
		say "downloading $package ($((${size:-0} / 1000000)) MB)"
		apt_download "$dir" "$package" && continue
		# A list that is older than the archive names files that are gone.
		if apt_update; then
			apt_download "$dir" "$package" && continue
		fi
		show_tail "$WORK_DIR/apt-download.log"
		die "cannot download $package: check the network and /etc/apt/sources.list*, then try again"
	done
}

apt_download() {
	# apt's own sandbox user cannot write to a directory of ours.
	(cd "$1" && apt-get download -qq -o APT::Sandbox::User="$(id -un)" "$2") \
		>"$WORK_DIR/apt-download.log" 2>&1
}
