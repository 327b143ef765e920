# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The clean chroot: made once with mmdebstrap, and unpacked from the cache for each run.

# chroot_releases: sets RELEASES, the kernels for which DKMS builds
chroot_releases() {
	local series

	RELEASES=()
	for series in $SERIES; do
		stock_find "$series" || die "$(stock_missing "$series")"
		RELEASES+=("$STOCK_RELEASE")
	done
}

# chroot_sources: prints the suites of Debian in the machine's configuration of apt
chroot_sources() {
	local keys=/usr/share/keyrings/debian-archive-keyring.gpg

	[ ! -e "$keys" ] || keys="[signed-by=$keys]"
	# shellcheck disable=SC2016 # fields of apt
	apt-get indextargets --format '$(ORIGIN)|deb '"${keys##/*}"' $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | sed -n 's/^Debian|//p' | LC_ALL=C sort -u
}

# chroot_get: sets CHROOT_TAR, a system with DKMS and the headers of RELEASES
chroot_get() {
	local sources suite id release log=$WORK_DIR/chroot.log packages
	local -a options

	sources=$(chroot_sources)
	[ -n "$sources" ] || { apt_update && sources=$(chroot_sources) && [ -n "$sources" ]; } ||
		die "apt has no list of a Debian archive: run \"apt-get update\" as root, then try again"
	suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	# libjs-sphinxdoc is a dependency of hmm-mirror-doc, which is installed without
	# network.
	packages="dkms,libjs-sphinxdoc"
	for release in "${RELEASES[@]}"; do
		packages+=,linux-headers-$release
	done
	id=$(sha1sum <<<"$sources $packages" | cut -c 1-12)
	CHROOT_TAR=$CACHE/deb/chroot-$id.tar
	lock deb-chroot
	if [ -e "$CHROOT_TAR" ]; then
		say "reusing the chroot with the headers of ${RELEASES[*]}"
		unlock deb-chroot
		return
	fi

	say "making a chroot with the headers of ${RELEASES[*]}; this downloads about 150 MB"
	mkdir -p "$CACHE/deb"
	echo "$sources" >"$WORK_DIR/sources.list"
	mapfile -t options < <(apt-config dump | sed -n 's/^Acquire::.*::[Pp]roxy .*/--aptopt=&/p')
	# A PID namespace ends all processes of an interrupted run. mmdebstrap cannot remove
	# its files then, so they are in WORK_DIR.
	TMPDIR=$WORK_DIR killable unshare --mount --pid --fork --kill-child --mount-proc \
		mmdebstrap --mode=root --variant=apt --format=tar --dpkgopt=force-unsafe-io \
		--aptopt='APT::Install-Recommends "false"' \
		--include="$packages" "${options[@]}" \
		"$suite" "$WORK_DIR/chroot.tar" "$WORK_DIR/sources.list" >"$log" 2>&1 || {
		show_tail "$log"
		disk_check "$WORK_DIR"
		die "mmdebstrap could not make the chroot: see its message above, and check the network and /etc/apt/sources.list*"
	}
	# Only the newest is kept.
	rm -f "$CACHE"/deb/chroot-*.tar
	mv "$WORK_DIR/chroot.tar" "$CHROOT_TAR"
	unlock deb-chroot
}

chroot_unpack() {
	local release

	ROOT=$WORK_DIR/root
	mkdir "$ROOT"
	tar -x --numeric-owner -C "$ROOT" -f "$CHROOT_TAR"
	# DKMS runs depmod, which writes files that no package owns.
	for release in "${RELEASES[@]}"; do
		in_chroot depmod -a "$release" 2>/dev/null
	done
}

# in_chroot COMMAND...: runs a command in the chroot, without network
in_chroot() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --pid --net --fork --kill-child sh -c \
		'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$ROOT" \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive "$@"
}

# snapshot: prints each file of the chroot with its type, owner, mode and contents.
# Not compared: the logs and caches of apt, dpkg and ldconfig, the lists of packages
# that dpkg keeps, and the key with which DKMS signs modules.
snapshot() {
	(cd "$ROOT" && find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./packages \
			-o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg/info \
			-o -path './var/lib/dpkg/status*' -o -path './var/lib/dpkg/triggers' \
			-o -path './var/lib/dpkg/available*' -o -path './var/lib/dpkg/diversions*' \
			-o -path './var/lib/dpkg/lock*' -o -path './var/lib/dkms/mok.*' \) -prune \
		-o -printf '%p %y %U:%G %m %l\n'
	find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./tmp -o -path ./packages -o -path ./var \) -prune \
		-o -type f -print0 | xargs -0 sha1sum) | LC_ALL=C sort
}
