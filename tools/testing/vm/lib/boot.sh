# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The machine: QEMU, two serial ports, no disk, no network.

: "${HMM_CPUS:=2}" "${HMM_TIMEOUT:=900}"

# guest_machine KERNEL: sets QEMU, the command without kernel and serial ports
guest_machine() {
	local accel=(-accel "tcg,thread=multi" -cpu max)

	# /dev/kvm alone proves nothing: without the CPU's own support it may be
	# there and unusable.
	if [ -n "${GUEST_ICOUNT-}" ]; then
		# Each instruction takes a nanosecond of the guest's time, and
		# nothing else takes any: what is measured in it repeats.
		accel=(-accel "tcg,thread=single" -icount "shift=0,sleep=off"
			-cpu "max,-rdrand,-rdseed" -rtc "base=2026-01-01T00:00:00,clock=vm")
	elif grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then
		accel=(-accel kvm -cpu host)
	fi
	if [ -z "${HMM_MEM-}" ]; then
		case $1 in
		debug-*) GUEST_MEM=2G ;;
		*) GUEST_MEM=1G ;;
		esac
	else
		GUEST_MEM=$HMM_MEM
	fi
	GUEST_MACHINE="${accel[1]%%,*}, $HMM_CPUS CPUs, $GUEST_MEM"
	QEMU=(qemu-system-x86_64 -nodefaults -no-user-config -display none
		"${accel[@]}" -smp "$HMM_CPUS" -m "$GUEST_MEM" -no-reboot)
}

# The watchdogs are told that the machine is slow. A first oops ends it: what
# runs after one proves nothing.
guest_cmdline() {
	echo "console=ttyS0 panic=-1 oops=panic log_buf_len=4M printk.devkmsg=on" \
		"rcupdate.rcu_cpu_stall_timeout=300" \
		"sysctl.kernel.hung_task_timeout_secs=420 watchdog_thresh=165" \
		"hmm.mode=$GUEST_MODE $*"
}

# guest_boot KERNEL [WORD...]: runs the machine. Under emulation a kernel now
# and then dies in its own first milliseconds, before anything of ours is in
# it: that is said, and tried once more. Once init has started, all counts.
guest_boot() {
	guest_boot_once "$@"
	if [ "$GUEST_STATUS" = 124 ] || grep -q '^#hmm start$' "$RUN_DIR/verdict"; then
		return
	fi
	say "$1: the kernel died before init began; once more"
	show_tail "$RUN_DIR/console" 20
	guest_boot_once "$@"
}

# guest_boot_once KERNEL [WORD...]: runs the machine, its command line with the
# words, to its end; sets GUEST_STATUS to that of
# QEMU, 124 after a timeout. Its words are shown as they come.
guest_boot_once() {
	local qemu

	guest_machine "$1"
	say "$1: booting ${KERNEL_ID} ($GUEST_MACHINE)"
	: >"$RUN_DIR/verdict"
	: >"$RUN_DIR/console"

	# In the background, as bash would run no trap while it waits for a
	# foreground command. setpriv: QEMU must not outlive a killed lab.
	setpriv --pdeathsig TERM \
		timeout --foreground -k 10 "$HMM_TIMEOUT" "${QEMU[@]}" \
		-kernel "$KERNEL_IMAGE" -initrd "$INITRAMFS" \
		-append "$(guest_cmdline "${@:2}")" -monitor none \
		-serial "file:$RUN_DIR/console" -serial "file:$RUN_DIR/verdict" \
		</dev/null >"$RUN_DIR/qemu.log" 2>&1 &
	qemu=$!
	tail -n +1 -f -s 0.2 --pid="$qemu" "$RUN_DIR/verdict" 2>/dev/null |
		guest_show "$1" &
	GUEST_STATUS=0
	wait "$qemu" || GUEST_STATUS=$?
	wait "$!" || :
	sed -i 's/\r$//' "$RUN_DIR/console" "$RUN_DIR/verdict"
}

# guest_show KERNEL: the guest's words without the marks. An empty line before
# a mark belongs to the mark.
guest_show() {
	local line program='' empty=

	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		'')
			empty+=$'\n'
			continue
			;;
		"#hmm begin "*)
			program=${line##* }
			[ "$GUEST_MODE" != test ] || echo "# $1: $program"
			;;
		"#hmm "*)
			program=
			;;
		*)
			case $GUEST_MODE-$program in
			demo-demo) printf '%s%s\n' "$empty" "$line" ;;
			bench-bench) [[ $line == figure* ]] || say "${line#"# "}" ;;
			demo-* | bench-*) ;;
			*) printf '%s\n' "$line" ;;
			esac
			;;
		esac
		empty=
	done
}

# guest_shell KERNEL: the machine on this terminal. Ctrl-C goes to the guest.
guest_shell() {
	guest_machine "$1"
	say "$1: booting ${KERNEL_ID} ($GUEST_MACHINE); leave with \"exit\" or Ctrl-a x"
	TTY_STATE=$(stty -g)
	"${QEMU[@]}" -kernel "$KERNEL_IMAGE" -initrd "$INITRAMFS" \
		-append "$(guest_cmdline quiet)" -serial mon:stdio -serial null
}
