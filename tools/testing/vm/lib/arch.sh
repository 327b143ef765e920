# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The architecture of a kernel. Kernels of arm64 are cross-built and emulated.

# arch_check: checks ARCH, which selects the default kernels
arch_check() {
	local arch kernel

	case ${ARCH-} in
	'') return ;;
	amd64 | x86 | x86_64) arch=amd64 ;;
	arm64 | aarch64) arch=arm64 ;;
	*) die "unknown ARCH=$ARCH: use amd64 or arm64" ;;
	esac
	for kernel in ${KERNEL-}; do
		[ "$(arch_of "$kernel")" = "$arch" ] ||
			die "KERNEL=$kernel is not a kernel for ARCH=$ARCH: leave one of them empty"
	done
}

# arch_of KERNEL: prints the architecture in the terms of Debian
arch_of() {
	case $1 in
	*-arm64*) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

# arch_set KERNEL: sets
#   GUEST_ARCH     the architecture
#   GUEST_CROSS    the prefix of the compiler and the binutils
#   GUEST_CONSOLE  the device of the kernel's log
#   GUEST_VERDICT  the device of the results
arch_set() {
	local arch

	arch=$(arch_of "$1")
	[ "$arch" != "${GUEST_ARCH-}" ] || return 0
	GUEST_ARCH=$arch
	case $arch in
	amd64)
		GUEST_CROSS=
		GUEST_CONSOLE=ttyS0 GUEST_VERDICT=ttyS1
		;;
	arm64)
		"$TREE/scripts/install-deps" arm64
		GUEST_CROSS=aarch64-linux-gnu-
		GUEST_CONSOLE=ttyAMA0 GUEST_VERDICT=ttyAMA1
		;;
	esac
	# Each architecture has its own QEMU.
	QEMU_VERSION= QEMU_THREADS=
}
