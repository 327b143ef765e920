# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The self-test of the machine: the guest's kernel patches its scheduler while all
# CPUs execute it. Each QEMU is tested once, on the first stock kernel. The result
# is stored in the cache.

# selftest KERNEL: boots once with a thread for each CPU, and prints results like a
# test. Sets SELFTEST to passed or failed and stores it for this QEMU. If the kernel
# lacks the static key or the machine hung, SELFTEST is empty and nothing is stored.
selftest() {
	local passed failed

	arch_set "$1"
	QEMU_THREADS=multi
	selftest_prepare "$1"
	guest_boot "$1"
	judge "$1"
	read -r passed failed _ <"$RUN_DIR/counts"
	SELFTEST=
	if ((failed > 0)); then
		[ "$GUEST_STATUS" = 124 ] || selftest_keep failed
	elif ((passed > 0)) && ! grep -q '# SKIP' "$RUN_DIR/verdict"; then
		selftest_keep passed
	fi
}

# selftest_prepare KERNEL: like guest_prepare, but without files of this tree
selftest_prepare() {
	qemu_get "$1"
	kernel_get "$1"
	busybox_get
	GUEST_MODE=selftest
	RUN_DIR=$WORK_DIR/run-$1-selftest
	INITRAMFS=$RUN_DIR/initramfs.gz
	initramfs_base "$RUN_DIR/root"
	initramfs_pack "$RUN_DIR/root"
}

# selftest_keep passed|failed
selftest_keep() {
	SELFTEST=$1
	mkdir -p "$CACHE/selftest"
	rm -f "$CACHE/selftest/$QEMU_ID".*
	echo "$KERNEL_ID" >"$CACHE/selftest/$QEMU_ID.$1"
}

selftest_passed() {
	[ -e "$CACHE/selftest/$QEMU_ID.passed" ]
}

selftest_failed() {
	[ -e "$CACHE/selftest/$QEMU_ID.failed" ]
}

# selftest_once KERNEL: tests a QEMU that has no stored result, and falls back to one
# thread for all CPUs if it does not pass
selftest_once() {
	local log=$WORK_DIR/selftest.log

	[[ $1 == stock-* ]] || return 0
	qemu_get "$1"
	[ "$QEMU_THREADS" = multi ] && ! kvm_works && ! selftest_passed || return 0
	say "QEMU $QEMU_VERSION has not been tested yet: testing it first"
	selftest "$1" >"$log"
	[ "$SELFTEST" != passed ] || return 0
	show_tail "$log" 60
	qemu_single "QEMU $QEMU_VERSION did not pass the self-test"
}
