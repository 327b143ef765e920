# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Selects the emulator. Without KVM, an old QEMU with a thread for each virtual CPU
# executes stale instructions while another CPU patches them. The kernel patches its
# code for every static key and tracepoint, so guests crash with "Oops: int3" in
# functions that are unrelated to the test. In this case, a newer QEMU is unpacked
# into the cache; nothing is installed.

# The oldest version that is known to pass the self-test. Debian 12's 7.2 fails it.
QEMU_GOOD=10.0
# This suite has a newer version for Debian 12.
QEMU_SUITE=bookworm-backports

QEMU_VERSION= QEMU_THREADS=

# qemu_get KERNEL: sets
#   QEMU_COMMAND  the program with options for the paths of its files
#   QEMU_VERSION  its version
#   QEMU_ID       its version, including that of the package
#   QEMU_THREADS  a safe value for -accel tcg,thread=, unless the caller has
#                 set one
qemu_get() {
	arch_set "$1"
	[ -z "$QEMU_VERSION" ] || return 0
	QEMU_COMMAND=("${HMM_QEMU:-$(qemu_program)}")
	QEMU_VERSION=$(qemu_version) || die "cannot run ${QEMU_COMMAND[0]}"
	if ! kvm_works && [ -z "${HMM_QEMU-}" ] && ! qemu_is_good; then
		qemu_unpacked || say "cannot get a newer QEMU from Debian's $QEMU_SUITE"
	fi
	QEMU_ID=$("${QEMU_COMMAND[@]}" --version | sed -n '1{s/[^0-9A-Za-z.+-]/_/g;s/^QEMU_emulator_version_//;p}')
	[ "$GUEST_ARCH" = amd64 ] || QEMU_ID+=-$GUEST_ARCH
	[ -z "$QEMU_THREADS" ] || return 0
	QEMU_THREADS=multi
	kvm_works || qemu_is_good ||
		qemu_single "QEMU $QEMU_VERSION mishandles code that one CPU patches while another runs it"
}

# qemu_program: prints the name of the program
qemu_program() {
	case $GUEST_ARCH in
	amd64) echo qemu-system-x86_64 ;;
	arm64) echo qemu-system-aarch64 ;;
	esac
}

# qemu_package: prints the name of Debian's package
qemu_package() {
	case $GUEST_ARCH in
	amd64) echo qemu-system-x86 ;;
	arm64) echo qemu-system-arm ;;
	esac
}

# qemu_cache: prints the directory of the unpacked versions
qemu_cache() {
	case $GUEST_ARCH in
	amd64) echo "$CACHE/qemu" ;;
	*) echo "$CACHE/qemu-$GUEST_ARCH" ;;
	esac
}

# qemu_single REASON
qemu_single() {
	QEMU_THREADS=single
	say "$1: all CPUs are emulated in one thread, which is slow"
}

# /dev/kvm may exist although the CPU does not support it.
kvm_works() {
	[ "$GUEST_ARCH" = amd64 ] && grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]
}

qemu_version() {
	"${QEMU_COMMAND[@]}" --version 2>/dev/null |
		sed -n '1s/^QEMU emulator version \([0-9][0-9.]*\).*/\1/p' | grep .
}

qemu_is_good() {
	printf '%s\n' "$QEMU_GOOD" "$QEMU_VERSION" | sort -V -C && ! selftest_failed
}

# qemu_unpacked: uses the newest QEMU in the cache, and fetches one if there is none or
# if it does not start. On failure, the machine's own QEMU stays in use.
qemu_unpacked() {
	lock qemu
	# In the subshell, die does not exit the lab.
	qemu_take || { (qemu_fetch) && qemu_take; } || {
		unlock qemu
		return 1
	}
	unlock qemu
}

# qemu_take: fails if the cached QEMU does not start, for example because the machine
# no longer has its libraries
qemu_take() {
	local dir version own=("${QEMU_COMMAND[@]}")

	dir=$(find "$(qemu_cache)" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort -V | tail -n 1)
	[ -n "$dir" ] || return
	qemu_command "$dir"
	if version=$(qemu_version); then
		QEMU_VERSION=$version
		return
	fi
	QEMU_COMMAND=("${own[@]}")
	return 1
}

# qemu_command DIR: sets QEMU_COMMAND for packages unpacked in DIR
qemu_command() {
	local libs=usr/lib/x86_64-linux-gnu

	QEMU_COMMAND=(env "LD_LIBRARY_PATH=$1/$libs:$1/${libs#usr/}" "QEMU_MODULE_DIR=$1/$libs/qemu"
		"$1/usr/bin/$(qemu_program)" -L "$1/usr/share/qemu" -L "$1/usr/share/seabios")
}

# qemu_fetch: unpacks QEMU, and the libraries that the machine lacks
qemu_fetch() {
	local suites packages='' version package cache new=$WORK_DIR/qemu deb

	apt_check
	package=$(qemu_package)
	cache=$(qemu_cache)
	apt_in "$QEMU_SUITE" true
	for suites in "$QEMU_SUITE" "${QEMU_SUITE%-*} $QEMU_SUITE"; do
		packages=$(apt_in "$suites" apt_missing "$package") && break
	done
	# Fail if a newer libc is needed: it does not work together with the machine's.
	[ -n "$packages" ] && ! grep -qx libc6 <<<"$packages" || return
	version=$(apt_in "$suites" apt_field "$package" Version)
	# shellcheck disable=SC2086 # one word per package
	apt_in "$suites" apt_fetch "$WORK_DIR/debs" $packages || return
	mkdir -p "$new" "$cache" || return
	for deb in "$WORK_DIR"/debs/*.deb; do
		dpkg-deb -x "$deb" "$new" || die "cannot unpack ${deb##*/}: is the disk full?"
	done
	rm -rf "$WORK_DIR/debs" "$cache/${version//[:~]/_}"
	mv -T "$new" "$cache/${version//[:~]/_}"
}
