# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Downloads packages and unpacks them into the cache. Nothing is installed.

apt_check() {
	if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
		die "apt-get or dpkg-deb not found: the lab needs Debian packages, so run it on Debian 12"
	fi
	[ "$(dpkg --print-architecture)" = amd64 ] ||
		die "the lab runs only on an amd64 machine"
}

# Options of apt. Empty, except within apt_in, where they select other suites.
APT=()

# apt_update: updates the package lists. Runs at most once, because it downloads a
# lot. Fails if it has already run, and within apt_in.
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

# apt_names REGEX: prints available packages, oldest version first
apt_names() {
	apt-cache "${APT[@]}" search --names-only "$1" | cut -d ' ' -f 1 | sort -V
}

# apt_field PACKAGE FIELD: prints a field of the version that apt would install;
# nothing if the package is unknown
apt_field() {
	{ apt-cache "${APT[@]}" show --no-all-versions "$1" 2>/dev/null || :; } |
		sed -n "s/^$2: //p"
}

# apt_fetch DIR PACKAGE...: downloads one .deb per package to DIR
apt_fetch() {
	local dir=$1 package size
	shift

	mkdir -p "$dir"
	for package; do
		size=$(apt_field "$package" Size)
		say "downloading $package ($((${size:-0} / 1000000)) MB)"
		apt_download "$dir" "$package" && continue
		# An outdated list names files that the archive no longer has.
		if apt_update; then
			apt_download "$dir" "$package" && continue
		fi
		show_tail "$WORK_DIR/apt-download.log"
		disk_check "$dir"
		die "cannot download $package: check the network and /etc/apt/sources.list*, then try again"
	done
}

apt_download() {
	# The default sandbox user of apt cannot write to this directory.
	(cd "$1" && apt-get "${APT[@]}" download -qq -o APT::Sandbox::User="$(id -un)" "$2") \
		>"$WORK_DIR/apt-download.log" 2>&1
}

# apt_missing PACKAGE: prints the packages that an installation would add,
# including PACKAGE. Nothing is installed.
apt_missing() {
	apt-get "${APT[@]}" -o Dir::State::status=/var/lib/dpkg/status \
		-qq -s --no-install-recommends install "$1" 2>"$WORK_DIR/apt-missing.log" |
		sed -n 's/^Inst \([^ ]*\) .*/\1/p' | grep .
}

# The architecture of the packages that apt_in finds.
APT_ARCH=amd64

# apt_host PACKAGE...: prints the names under which apt_in finds the packages for this
# machine
apt_host() {
	if [ "$APT_ARCH" = amd64 ]; then
		printf '%s\n' "$@"
	else
		printf '%s:amd64\n' "$@"
	fi
}

# apt_in "SUITE..." COMMAND...: runs a command in which apt uses only these suites
# of Debian, and prefers the last.
#
# The machine's configuration does not change. apt uses the machine's keyring and the
# address of its archive, but not its package lists, cache and sources.
apt_in() {
	local APT=() suites=$1 dir=$WORK_DIR/apt-${1// /+}
	shift

	[ "$APT_ARCH" = amd64 ] || dir+=-$APT_ARCH
	[ -e "$dir/ready" ] || apt_suites "$suites" "$dir"
	APT=(-c "$dir/apt.conf")
	"$@"
}

# apt_suites "SUITE..." DIR: fetches the package lists of these suites to DIR
apt_suites() {
	local suites=$1 dir=$2 arches=$APT_ARCH uri security='' suite keys=/usr/share/keyrings/debian-archive-keyring.gpg

	uri=$(apt_uri)
	[ -n "$uri" ] || { apt_update && uri=$(apt_uri) && [ -n "$uri" ]; } ||
		die "apt has no list of a Debian archive: run \"apt-get update\" as root, then try again"
	say "fetching the package lists of ${suites// / and }"
	mkdir -p "$dir"/{state,lists/partial,cache/archives/partial}
	[ ! -e "$keys" ] || keys="signed-by=$keys"
	# The programs of kbuild run on this machine.
	[ "$arches" = amd64 ] || arches+=,amd64
	for suite in $suites; do
		[[ $suite != *-security ]] || security=$(apt_uri Debian-Security)
		echo "deb [arch=$arches target=Packages lang=none ${keys##/*}] ${security:-$uri} $suite main"
		security=
	done >"$dir/sources.list"
	# Clear the machine's hooks, because they expect its own lists and archives.
	cat >"$dir/apt.conf" <<-END
		#clear APT::Architectures;
		APT::Architecture "$APT_ARCH";
		APT::Architectures { "${arches//,/\"; \"}"; };
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
		disk_check "$dir"
		die "cannot fetch the package lists of Debian's ${suites// / and }: check the network, then try again"
	}
	touch "$dir/ready"
}

# apt_uri [LABEL]: prints the address of the machine's Debian archive
apt_uri() {
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n "s/^Debian|${1-Debian}|//p" | LC_ALL=C sort -u | head -n 1
}

# apt_own_suites: prints the suites of Debian in the configuration of the machine
apt_own_suites() {
	apt-get indextargets --format '$(ORIGIN)|$(RELEASE)' 'Created-By: Packages' |
		sed -n 's/^Debian|//p' | LC_ALL=C sort -u
}
