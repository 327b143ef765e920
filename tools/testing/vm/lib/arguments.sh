# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Checks the variables of make before anything is installed, downloaded or built.

# arguments_check GOAL
arguments_check() {
	arguments_kernel "$1"
	arch_check
	[[ ${SUITE-} =~ ^(|own|upstream|dropin)$ ]] ||
		die "unknown SUITE=$SUITE: use own, upstream or dropin, or leave it empty for all"
	[ "${SUITE-}" != dropin ] || [[ ${KERNEL-} != *debug-* ]] ||
		die "SUITE=dropin cannot run on debug kernels, because the kernel's test_hmm leaks memory: choose another KERNEL"
	[[ ${SEED-} =~ ^[0-9]*$ ]] || die "SEED=$SEED is not a number"
	[[ $HMM_CPUS =~ ^[1-9][0-9]{0,2}$ ]] ||
		die "HMM_CPUS=$HMM_CPUS is not a number of CPUs: use 1 to 999"
	[[ $HMM_TIMEOUT =~ ^[1-9][0-9]{0,8}$ ]] ||
		die "HMM_TIMEOUT=$HMM_TIMEOUT is not a time: use a number of seconds, at least 1"
	[ -z "${HMM_MEM-}" ] || guest_mb "$HMM_MEM" >/dev/null
	[ -z "${HMM_QEMU-}" ] || command -v "$HMM_QEMU" >/dev/null ||
		die "HMM_QEMU=$HMM_QEMU is not a program"
	[ -z "${EXTRA-}" ] || arguments_extra "$1"
	case $1 in
	test | matrix) arguments_test ;;
	esac
}

arguments_extra() {
	[[ $1 =~ ^(test|shell|timeline)$ ]] || die "make $1 does not use EXTRA"
	[ -d "$EXTRA" ] || die "EXTRA=$EXTRA is not a directory"
	[ "$1" = shell ] || [ -x "$EXTRA/run" ] ||
		die "EXTRA=$EXTRA has no executable file \"run\", which make $1 runs in the guest"
	[ -z "${TEST-}${CASE-}${SUITE-}" ] ||
		die "EXTRA runs only the program of that directory: leave TEST, CASE and SUITE empty"
}

arguments_kernel() {
	# Only kdir has no default.
	[ "$1" = kdir ] || [ -n "${KERNEL-}" ] || return 0
	case $1 in
	bench) kernels_check_one "$KERNEL" && [ "$(arch_of "$KERNEL")" = amd64 ] ||
		die "KERNEL=$KERNEL: make bench measures only on kernels for amd64" ;;
	test | matrix) kernels_check "$KERNEL" ;;
	drivers) arguments_drivers ;;
	*) kernels_check_one "${KERNEL-}" ;;
	esac
}

arguments_drivers() {
	local kernel

	kernels_check "$KERNEL"
	for kernel in $KERNEL; do
		[ "$kernel" = stock-newest ] || drivers_possible "$kernel" ||
			die "KERNEL=$kernel: make drivers needs Debian's own kernel of 7.2 or later, for amd64"
	done
}

# TEST and CASE must match at least one program. The names of hmm-tests' cases are
# unknown, so CASE never matches hmm-tests and dropin.
arguments_test() {
	local source name all='' patterns

	read -ra patterns <<<"${CASE-}"
	if [[ ${SUITE-} =~ ^(|own)$ ]]; then
		for source in "$TREE"/tools/testing/selftests/hmm/*_test.c; do
			name=${source##*/}
			all+=" ${name%.c}"
		done
	fi
	[[ ! ${SUITE-} =~ ^(|upstream)$ ]] || all+=" hmm-tests"
	[[ ! ${SUITE-} =~ ^(|dropin)$ ]] || all+=" dropin"
	for name in $all; do
		# shellcheck disable=SC2053 # a pattern
		[[ $name == ${TEST:-*} ]] || continue
		[ -z "${CASE-}" ] || cases_args "$name" "${patterns[@]}" >/dev/null || continue
		return
	done
	die "TEST=${TEST:-*}${CASE:+ CASE=$CASE} matches no test program: choose among$all"
}
