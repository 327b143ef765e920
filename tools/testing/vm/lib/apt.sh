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

# Which apt: the machine's own, or within apt_in one of a private suite.
APT=()

# apt_update: at most once a run, as it fetches a lot
apt_update() {
	[ -z "${APT_UPDATED-}" ] && [ "${#APT[@]}" = 0 ] || return 1
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
	apt-cache "${APT[@]}" search --names-only "$1" | cut -d ' ' -f 1 | sort -V
}

# apt_field PACKAGE FIELD: of the version that apt would take; nothing when
# apt does not know the package
apt_field() {
	{ apt-cache "${APT[@]}" show --no-all-versions "$1" 2>/dev/null || :; } |
		sed -n "s/^$2: //p"
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
	(cd "$1" && apt-get "${APT[@]}" download -qq -o APT::Sandbox::User="$(id -un)" "$2") \
		>"$WORK_DIR/apt-download.log" 2>&1
}

# apt_missing PACKAGE: what its installation would add to this machine, itself
# included. Nothing is installed.
apt_missing() {
	apt-get "${APT[@]}" -o Dir::State::status=/var/lib/dpkg/status \
		-qq -s --no-install-recommends install "$1" 2>"$WORK_DIR/apt-missing.log" |
		sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep .
}

# apt_in "SUITE..." COMMAND...: the command, its apt one that knows only those
# suites of Debian, and prefers the last.
#
# Nothing of the machine's apt changes: its lists, cache and sources are not
# used, only what it says of where its own Debian comes from, and its keys.
apt_in() {
	local APT=() suites=$1 dir=$WORK_DIR/apt-${1// /+}
	shift

	[ -e "$dir/ready" ] || apt_suites "$suites" "$dir"
	APT=(-c "$dir/apt.conf")
	"$@"
}

# apt_suites "SUITE..." DIR: fetches their lists into a directory of the run
apt_suites() {
	local suites=$1 dir=$2 uri suite keys=/usr/share/keyrings/debian-archive-keyring.gpg

	uri=$(apt_uri)
	[ -n "$uri" ] || { apt_update && uri=$(apt_uri) && [ -n "$uri" ]; } ||
		die "apt does not say where its Debian comes from: run \"apt-get update\" as root, then try again"
	say "fetching the package lists of ${suites// / and }"
	mkdir -p "$dir"/{state,lists/partial,cache/archives/partial}
	[ ! -e "$keys" ] || keys="signed-by=$keys"
	for suite in $suites; do
		echo "deb [arch=amd64 target=Packages lang=none ${keys##/*}] $uri $suite main"
	done >"$dir/sources.list"
	# Hooks of the machine would work on its own lists and archives.
	cat >"$dir/apt.conf" <<-END
		Dir::State "$dir/state";
		Dir::State::lists "$dir/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Default-Release "$suite";
		APT::Sandbox::User "$(id -un)";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
	apt-get -c "$dir/apt.conf" update -q --error-on=any >"$dir/update.log" 2>&1 || {
		show_tail "$dir/update.log" 5
		die "cannot fetch the package lists of Debian's ${suites// / and }: check the network, then try again"
	}
	touch "$dir/ready"
}

# apt_uri: of the Debian that the machine installs from
apt_uri() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian|Debian|//p' | LC_ALL=C sort -u | head -n 1
}
