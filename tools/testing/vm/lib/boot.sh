# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The machine: QEMU, two serial ports, no disk, no network. All but bench get
# two memory nodes, and a device that does DMA behind an IOMMU.

: "${HMM_CPUS:=2}" "${HMM_TIMEOUT:=1800}"

# MiB at the end of the second node that the guest's kernel is told to leave
# alone: test_hmm makes the device-coherent memory of two devices of them. The
# hmm-tests of 7.2 migrate 256 MiB at once, and need some to spare.
COHERENT_MB=1024
# Where memory goes on that has no room below 4 GiB; q35's own limits.
HIGH_START_MB=4096 LOW_MAX_MB=2048

# guest_machine [KERNEL]: sets QEMU, the command without kernel and serial ports, and
# GUEST_WORDS, what the guest's kernel has to be told of the machine
guest_machine() {
	local accel=(-accel "tcg,thread=$QEMU_THREADS" -cpu max)

	# identify_cpu() clears the CPU's features for a moment. An interrupt then
	# finds four levels of page tables instead of five, and KASAN reports it.
	[[ ${1-} != debug-* ]] || accel=(-accel "tcg,thread=$QEMU_THREADS" -cpu "max,la57=off")

	if [ -n "${GUEST_ICOUNT-}" ]; then
		# Each instruction takes a nanosecond of the guest's time, and
		# nothing else takes any: what is measured in it repeats.
		accel=(-accel "tcg,thread=single" -icount "shift=0,sleep=off"
			-cpu "max,-rdrand,-rdseed" -rtc "base=2026-01-01T00:00:00,clock=vm")
	elif kvm_works; then
		accel=(-accel kvm -cpu host)
	fi
	QEMU=("${QEMU_COMMAND[@]}" -nodefaults -no-user-config -display none
		"${accel[@]}" -no-reboot)
	if [ "$GUEST_MODE" = bench ]; then
		GUEST_MEM=${HMM_MEM:-1G}
		GUEST_WORDS=
		QEMU+=(-smp "$HMM_CPUS" -m "$GUEST_MEM")
	else
		guest_machine_test
	fi
	GUEST_MACHINE="QEMU $QEMU_VERSION, ${accel[1]%%,*}, $HMM_CPUS CPUs, $GUEST_MEM"
}

# One node below 4 GiB and one above, where a huge page of 1 GiB has room: the
# end of the lower one is taken by tables.
guest_machine_test() {
	local mb half=$((HMM_CPUS / 2)) nodes smp=$HMM_CPUS start high

	GUEST_MEM=${HMM_MEM:-5G}
	mb=$(guest_mb "$GUEST_MEM")
	((mb >= 5120)) ||
		die "HMM_MEM=$GUEST_MEM is too small: the machine's two nodes, a huge page of 1 GiB and the devices' memory take 5G"
	high=$((mb - LOW_MAX_MB))
	if ((HMM_CPUS % 2)); then
		nodes=("cpus=0-$((HMM_CPUS - 1))")
	else
		# Nodes that share a socket would make the kernel warn.
		nodes=("cpus=0-$((half - 1))" "cpus=$half-$((HMM_CPUS - 1))")
		smp+=,sockets=2
	fi
	QEMU+=(-machine q35 -smp "$smp" -m "${mb}M"
		-object "memory-backend-ram,id=low,size=${LOW_MAX_MB}M"
		-object "memory-backend-ram,id=high,size=${high}M"
		-numa "node,memdev=low,${nodes[0]}"
		-numa "node,memdev=high${nodes[1]+,${nodes[1]}}"
		-device "intel-iommu,intremap=off"
		# It reaches every address, so that none is cut to one that is mapped.
		-device "edu,dma_mask=0xffffffffffffffff")

	start=$((HIGH_START_MB + high - COHERENT_MB))
	# What is balanced between the nodes is invalidated when nobody expects it:
	# tests turn that on where they want it. Mappings that the driver undoes
	# are gone at once, so that a stale one is a fault.
	GUEST_WORDS="numa_balancing=disable intel_iommu=on iommu.passthrough=0 iommu.strict=1"
	GUEST_WORDS+=" hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=16"
	GUEST_WORDS+=" memmap=${COHERENT_MB}M\$${start}M"
	GUEST_WORDS+=" hmm.coherent=$((start << 20)),$((COHERENT_MB << 20))"
}

# guest_mb SIZE: as QEMU takes it, in MiB
guest_mb() {
	case $1 in
	*[!0-9]*[GgMm] | [GgMm]) ;;
	*[Gg]) echo $((${1%?} * 1024)) && return ;;
	*[Mm]) echo "${1%?}" && return ;;
	*[!0-9]* | '') ;;
	*) echo "$1" && return ;;
	esac
	die "HMM_MEM=$1 is no size: it is a number of MiB, or one with G or M behind it"
}

# The limits of the kernel's watchdogs are raised above those of the tests,
# because the host may be busy. no_timer_check: at boot the kernel waits ten
# ticks for a timer interrupt and panics if it does not arrive, which a busy host
# can cause. The first oops ends the machine, because nothing that runs after
# it proves anything.
guest_cmdline() {
	echo "console=ttyS0 panic=-1 oops=panic log_buf_len=4M printk.devkmsg=on" \
		"rcupdate.rcu_cpu_stall_timeout=300" \
		"sysctl.kernel.hung_task_timeout_secs=1500 watchdog_thresh=600 no_timer_check" \
		"hmm.mode=$GUEST_MODE${GUEST_WORDS:+ $GUEST_WORDS}${*:+ $*}"
}

# guest_boot KERNEL [WORD...]: runs the machine to its end, with the words added
# to its command line. Sets GUEST_STATUS to QEMU's status, or to 124 if the
# machine hung. Shows the output of its programs as it comes.
guest_boot() {
	local qemu watch

	guest_machine "$1"
	say "$1: booting ${KERNEL_ID} ($GUEST_MACHINE)"
	: >"$RUN_DIR/verdict"
	: >"$RUN_DIR/console"
	rm -f "$RUN_DIR/hung"

	# In the background, as bash would run no trap while it waits for a
	# foreground command. setpriv: QEMU must not outlive a killed lab.
	setpriv --pdeathsig TERM "${QEMU[@]}" \
		-kernel "$KERNEL_IMAGE" -initrd "$INITRAMFS" \
		-append "$(guest_cmdline "${@:2}")" -monitor none \
		-serial "file:$RUN_DIR/console" -serial "file:$RUN_DIR/verdict" \
		</dev/null >"$RUN_DIR/qemu.log" 2>&1 &
	qemu=$!
	guest_watch "$qemu" &
	watch=$!
	tail -n +1 -f -s 0.2 --pid="$qemu" "$RUN_DIR/verdict" 2>/dev/null |
		guest_show "$1" &
	GUEST_STATUS=0
	wait "$qemu" || GUEST_STATUS=$?
	wait "$!" "$watch" || :
	[ ! -e "$RUN_DIR/hung" ] || GUEST_STATUS=124
	sed -i 's/\r$//' "$RUN_DIR/console" "$RUN_DIR/verdict"
}

# guest_watch PID: kills a machine that hangs. The length of a run depends on
# how busy the host is, so the limit is on silence: HMM_TIMEOUT seconds in which
# the guest's programs print nothing. The kernel's log does not count, because
# a kernel that hangs keeps reporting stalls.
guest_watch() {
	local size=0 now since=$SECONDS

	while kill -0 "$1" 2>/dev/null; do
		sleep 0.5
		now=$(stat -c %s "$RUN_DIR/verdict")
		if [ "$now" != "$size" ]; then
			size=$now since=$SECONDS
		elif ((SECONDS - since > HMM_TIMEOUT + 10)); then
			kill -KILL "$1" 2>/dev/null || :
		elif ((SECONDS - since > HMM_TIMEOUT)); then
			touch "$RUN_DIR/hung"
			kill "$1" 2>/dev/null || :
		fi
	done
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
	guest_machine
	say "$1: booting ${KERNEL_ID} ($GUEST_MACHINE); leave with \"exit\" or Ctrl-a x"
	TTY_STATE=$(stty -g)
	"${QEMU[@]}" -kernel "$KERNEL_IMAGE" -initrd "$INITRAMFS" \
		-append "$(guest_cmdline quiet)" -serial mon:stdio -serial null
}
