# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# make timeline: traces the demo or the driver that EXTRA= names, and draws what
# happened over time.

TIMELINE_DIR=$TREE/tools/timeline
: "${TIMELINE_OUT:=$TREE/timeline-out}"

lab_timeline() {
	local failed

	: "${KERNEL:=$DEMO_KERNELS}"
	mkdir -p "$TIMELINE_OUT" 2>/dev/null && [ -w "$TIMELINE_OUT" ] ||
		die "cannot write to $TIMELINE_OUT: set TIMELINE_OUT to another directory"
	guest_prepare "$KERNEL" timeline
	guest_boot "$KERNEL"
	judge "$KERNEL"
	read -r _ failed _ <"$RUN_DIR/counts"
	[ -n "${EXTRA-}" ] || failed=$((failed + $(judge_demo_status)))
	timeline_draw "$KERNEL"
	return "$((failed != 0))"
}

# timeline_draw KERNEL: draws the trace in RUN_DIR/verdict
timeline_draw() {
	sed -n '/^#hmm begin trace$/,/^#hmm end trace /{ /^#hmm /d; p; }' \
		"$RUN_DIR/verdict" >"$RUN_DIR/trace.txt"
	cp "$RUN_DIR/trace.txt" "$TIMELINE_OUT/"
	awk -f "$TIMELINE_DIR/timeline.awk" "$RUN_DIR/trace.txt" >"$RUN_DIR/timeline.svg" ||
		die "$1: there is no timeline; the trace is $TIMELINE_OUT/trace.txt"
	cp "$RUN_DIR/timeline.svg" "$TIMELINE_OUT/"
	say "written to $TIMELINE_OUT: timeline.svg trace.txt"
}
