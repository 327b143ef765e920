# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# A kernel's name is its kind and its series: stock-6.12, debug-6.12.

KERNEL_KINDS="stock lab debug"
KERNEL_SERIES="6.1 6.12"

kernels_list() {
	local kind series list=

	for kind in $KERNEL_KINDS; do
		for series in $KERNEL_SERIES; do
			list+=" $kind-$series"
		done
	done
	echo "${list# }"
}

# kernels_check "NAME ..."
kernels_check() {
	local name

	[ -n "${1// /}" ] || die "KERNEL names no kernel: choose among $(kernels_list)"
	for name in $1; do
		[[ " $(kernels_list) " == *" $name "* ]] ||
			die "KERNEL=$name is not known: choose among $(kernels_list)"
	done
}

kernels_check_one() {
	kernels_check "$1"
	[[ $1 != *" "* ]] || die "KERNEL must name one kernel here, not \"$1\""
}

# kernel_get NAME: sets
#   KERNEL_IMAGE  what QEMU boots
#   KERNEL_DIR    what modules are built against
#   KERNEL_ID     changes whenever the kernel does
kernel_get() {
	local kind=${1%%-*} series=${1#*-}

	lock "$1"
	case $kind in
	stock) stock_get "$series" ;;
	*) source_kernel_get "$kind" "$series" ;;
	esac
	unlock "$1"
}
