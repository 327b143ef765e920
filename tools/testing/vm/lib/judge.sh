# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Evaluates a run: the results of its programs and the kernel's log.

# judge KERNEL: prints further results, such as a report in the kernel's log, and
# writes "passed failed skipped" to RUN_DIR/counts
judge() {
	local kernel=$1 why="QEMU exited with status $GUEST_STATUS" logs

	[ "$GUEST_STATUS" != 0 ] || why="the machine stopped"
	[ "$GUEST_STATUS" != 124 ] || why="no output for $HMM_TIMEOUT seconds (HMM_TIMEOUT)"

	awk -f "$LAB_DIR/lib/verdict.awk" -v kernel="$kernel" -v mode="$GUEST_MODE" \
		-v why="$why" -v counts="$RUN_DIR/counts.verdict" "$RUN_DIR/verdict"
	awk -f "$LAB_DIR/lib/klog.awk" -v kernel="$kernel" -v mode="$GUEST_MODE" \
		-v counts="$RUN_DIR/counts.klog" "$RUN_DIR/console"
	awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' \
		"$RUN_DIR"/counts.* >"$RUN_DIR/counts"

	logs=$CACHE/log/$kernel
	mkdir -p "$logs"
	cp "$RUN_DIR"/{console,verdict,qemu.log} "$logs/"
	if ! grep -q '^#hmm done' "$RUN_DIR/verdict"; then
		[ ! -s "$logs/qemu.log" ] || show_tail "$logs/qemu.log"
		# If the log has a report, klog.awk has already printed it.
		[ "$(cat "$RUN_DIR/counts.klog")" != "1 0 0" ] || show_tail "$logs/console" 40
	fi
	[ "$(cut -d ' ' -f 2 "$RUN_DIR/counts")" = 0 ] ||
		say "$kernel: the complete log of the guest is $logs/console"
}

# judge_demo_status: prints the status of the demo, or 1 if another check failed
judge_demo_status() {
	local status failed

	status=$(sed -n 's/^#hmm end demo //p' "$RUN_DIR/verdict")
	failed=$(cut -d ' ' -f 2 "$RUN_DIR/counts")
	if [ "${status:-1}" = 0 ] && [ "$failed" = 0 ]; then
		say "no report in the kernel's log, no leak, both modules unloaded"
		echo 0
	elif [ "${status:-0}" != 0 ]; then
		say "the demo exited with status $status"
		echo "$status"
	else
		say "the demo passed, but a check after it failed: see above"
		echo 1
	fi
}
