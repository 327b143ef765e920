# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The name of a kernel has a kind and a series: stock-6.12, debug-6.12. It ends in the
# flavour of a kernel with PREEMPT_RT or for arm64. The latter contains the size of a
# page if this is not 4K.

KERNEL_NAMES="stock-5.10 stock-6.1 stock-6.12 stock-7.2 stock-7.3 stock-newest stock-6.12-rt stock-7.3-rt lab-6.1 lab-6.12 lab-7.2 debug-6.1 debug-6.12 debug-7.2"
KERNEL_NAMES+=" stock-6.12-arm64 stock-7.3-arm64 stock-6.12-arm64-16k stock-7.3-arm64-16k"

kernels_list() {
	echo "$KERNEL_NAMES"
}

# kernels_check "NAME ..."
kernels_check() {
	local name

	[ -n "${1// /}" ] || die "KERNEL is empty: choose among $(kernels_list)"
	for name in $1; do
		[[ " $(kernels_list) " == *" $name "* ]] ||
			die "unknown KERNEL=$name: choose among $(kernels_list)"
	done
}

kernels_check_one() {
	kernels_check "$1"
	[[ $1 != *" "* ]] || die "KERNEL must be one kernel here, not \"$1\""
}

# kernel_series NAME
kernel_series() {
	local series=${1#*-}

	echo "${series%%-*}"
}

# kernel_offered NAME: true for a stock kernel, and for other kernels if Debian or the
# cache still has the source
kernel_offered() {
	case $1 in
	stock-*) ;;
	*) source_find "${1#*-}" ;;
	esac
}

# kernel_get NAME: sets
#   KERNEL_IMAGE    the image to boot
#   KERNEL_DIR      the directory to build modules against
#   KERNEL_MODULES  directory of the kernel's modules for the guest, or empty
#   KERNEL_ID       an identifier that changes with the kernel
kernel_get() {
	local kind=${1%%-*} series=${1#*-}

	arch_set "$1"
	lock "$1"
	KERNEL_MODULES=
	case $kind in
	stock) stock_get "$series" ;;
	*) source_kernel_get "$kind" "$series" ;;
	esac
	unlock "$1"
}
