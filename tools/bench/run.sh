# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# make bench: boots the machines that the measurements need, and prints a report.

BENCH_DIR=$TREE/tools/bench
: "${BENCH_OUT:=$TREE/bench-out}"

# Addresses and stack offsets are fixed, because they influence the figures.
# GUEST_ICOUNT also fixes the clock and the random numbers.
BENCH_CMDLINE="nokaslr norandmaps randomize_kstack_offset=off"

lab_bench() {
	: "${KERNEL:=$BENCH_KERNELS}"
	mkdir -p "$BENCH_OUT" 2>/dev/null && [ -w "$BENCH_OUT" ] ||
		die "cannot write to $BENCH_OUT: set BENCH_OUT to another directory"
	: "${HMM_MEM:=2G}"
	guest_prepare "$KERNEL" bench
	: >"$RUN_DIR/rows"

	GUEST_ICOUNT=1
	bench_boot 1 icount
	# With preempt=full, only sections with preemption disabled cause latency.
	bench_boot 1 preempt preempt=full
	GUEST_ICOUNT=
	bench_boot 2 smp
	bench_boot 4 smp
	bench_report
}

# bench_boot CPUS MODE [WORD...]: boots a machine, with WORDs on the kernel's
# command line, and adds the figures of a mode to RUN_DIR/rows
bench_boot() {
	local failed

	HMM_CPUS=$1
	# shellcheck disable=SC2086 # split into words
	guest_boot "$KERNEL" $BENCH_CMDLINE "hmm.bench=$2" "${@:3}"
	judge "$KERNEL"
	read -r _ failed _ <"$RUN_DIR/counts"
	if [ "$failed" != 0 ] || ! grep -q '^#hmm end bench 0$' "$RUN_DIR/verdict"; then
		grep '^hmm_bench: ' "$RUN_DIR/verdict" >&2 || :
		die "$KERNEL: hmm_bench $2 on $1 CPUs failed: there is no report"
	fi
	grep '^figure' "$RUN_DIR/verdict" >>"$RUN_DIR/rows" ||
		die "$KERNEL: hmm_bench $2 on $1 CPUs printed no figure"
}

bench_report() {
	local new=$RUN_DIR/report

	mkdir -p "$new"
	echo "hmm-mirror beside the HMM of $KERNEL (${KERNEL_ID}, QEMU $QEMU_VERSION)"
	awk -f "$BENCH_DIR/report.awk" -v out="$new" -v cores="$(nproc)" \
		"$RUN_DIR/rows"
	(cd "$new" && gnuplot "$BENCH_DIR/plots.gp") ||
		die "gnuplot failed: there is no report"
	cp "$new"/bench.json "$new"/table.csv "$new"/*.svg "$BENCH_OUT/"
	say "written to $BENCH_OUT: $(cd "$new" && echo bench.json table.csv *.svg)"
}
