# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The machine: QEMU with two serial ports and without a disk or network. Except for
# bench, it has two memory nodes, and a device that does DMA behind an IOMMU.

: "${HMM_CPUS:=2}" "${HMM_TIMEOUT:=1800}"

# Size in MiB of a region at the end of the second node that the guest's kernel does
# not use. test_hmm uses it as device-coherent memory of two devices. The hmm-tests
# of 7.2 migrate 256 MiB at once, so each device needs more than that.
COHERENT_MB=1024
# The size of the first node. Memory of q35 above it begins at HIGH_START_MB. That of
# virt is contiguous and begins at VIRT_START_MB.
LOW_MAX_MB=2048 HIGH_START_MB=4096 VIRT_START_MB=1024

# guest_machine [KERNEL]: sets QEMU, the command without kernel and serial ports,
# and GUEST_WORDS, the part of the kernel's command line that describes the machine
guest_machine() {
	local cpu=max accel

	# The architected algorithm of pointer authentication is slow to emulate.
	[ "$GUEST_ARCH" != arm64 ] || cpu+=,pauth-impdef=on
	# Before 6.14, page tables of five levels cannot be walked without a lock; see
	# src/compat/pgtable.h. Without LPA2, there are four, as on most machines.
	[[ ${1-} != stock-6.12-arm64* ]] || cpu+=,lpa2=off
	# identify_cpu() clears the CPU's features for a moment. An interrupt at that
	# moment assumes four levels of page tables instead of five, and KASAN reports
	# it.
	[[ ${1-} != debug-* ]] || cpu+=,la57=off
	accel=(-accel "tcg,thread=$QEMU_THREADS" -cpu "$cpu")

	if [ -n "${GUEST_ICOUNT-}" ]; then
		# Each instruction takes one nanosecond of guest time, and nothing
		# else takes time, so measurements are reproducible.
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
		# Freed pages are filled with a pattern, which is checked when they are
		# allocated again: the kernel reports a device that wrote to a page
		# after it was freed.
		[[ ${1-} != debug-* ]] || GUEST_WORDS+=" page_poison=1"
	fi
	GUEST_MACHINE="QEMU $QEMU_VERSION, ${accel[1]%%,*}, $HMM_CPUS CPUs, $GUEST_MEM"
}

# On q35, one node is below 4 GiB and the other one above. A huge page of 1 GiB fits
# only in the upper node, because firmware tables are at the end of the lower node.
guest_machine_test() {
	local mb half=$((HMM_CPUS / 2)) nodes smp=$HMM_CPUS start high low=$LOW_MAX_MB

	GUEST_MEM=${HMM_MEM:-5G}
	mb=$(guest_mb "$GUEST_MEM")
	((mb >= 5120)) ||
		die "HMM_MEM=$GUEST_MEM is too small: two memory nodes, a huge page of 1 GiB and the memory of the devices need 5G"
	# On virt, early allocations are at the end of a node and at the end of the
	# memory below 4 GiB. The huge page of 1 GiB needs the rest of the upper node.
	[ "$GUEST_ARCH" != arm64 ] || low=1024
	high=$((mb - low))
	if ((HMM_CPUS % 2)); then
		nodes=("cpus=0-$((HMM_CPUS - 1))")
	else
		# The kernel warns if nodes share a socket.
		nodes=("cpus=0-$((half - 1))" "cpus=$half-$((HMM_CPUS - 1))")
		smp+=,sockets=2
	fi
	# NUMA balancing causes unexpected invalidations, so only some tests turn it
	# on. Strict mode removes DMA mappings immediately, so that the use of a stale
	# mapping causes a fault.
	GUEST_WORDS="numa_balancing=disable iommu.passthrough=0 iommu.strict=1"
	GUEST_WORDS+=" hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=16"
	case $GUEST_ARCH in
	amd64)
		QEMU+=(-machine q35 -device "intel-iommu,intremap=off")
		start=$((HIGH_START_MB + high - COHERENT_MB))
		GUEST_WORDS+=" intel_iommu=on memmap=${COHERENT_MB}M\$${start}M"
		;;
	arm64)
		QEMU+=(-machine "virt,gic-version=3,iommu=smmuv3")
		start=$((VIRT_START_MB + mb - COHERENT_MB))
		# The kernel does not use the memory beyond this size.
		GUEST_WORDS+=" mem=$((mb - COHERENT_MB))M"
		;;
	esac
	GUEST_WORDS+=" hmm.coherent=$((start << 20)),$((COHERENT_MB << 20))"
	QEMU+=(-smp "$smp" -m "${mb}M"
		-object "memory-backend-ram,id=low,size=${low}M"
		-object "memory-backend-ram,id=high,size=${high}M"
		-numa "node,memdev=low,${nodes[0]}"
		-numa "node,memdev=high${nodes[1]+,${nodes[1]}}"
		# The device uses all address bits, because a truncated address might
		# be mapped.
		-device "edu,dma_mask=0xffffffffffffffff")
}

# guest_mb SIZE: converts a size in the format of QEMU to MiB
guest_mb() {
	case $1 in
	*[!0-9]*[GgMm] | [GgMm]) ;;
	*[Gg]) echo $((${1%?} * 1024)) && return ;;
	*[Mm]) echo "${1%?}" && return ;;
	*[!0-9]* | '') ;;
	*) echo "$1" && return ;;
	esac
	die "HMM_MEM=$1 is not a size: use a number of MiB, or a number followed by G or M"
}

# The limits of the kernel's watchdogs are above those of the tests, because the
# host may be busy. Without no_timer_check, the kernel waits at boot for a timer
# interrupt and panics if none arrives within ten ticks; on a busy host, the
# interrupt may be late. The first oops stops the machine, because later results
# prove nothing.
guest_cmdline() {
	echo "console=$GUEST_CONSOLE panic=-1 oops=panic log_buf_len=4M printk.devkmsg=on" \
		"rcupdate.rcu_cpu_stall_timeout=300" \
		"sysctl.kernel.hung_task_timeout_secs=1500 watchdog_thresh=600 no_timer_check" \
		"hmm.mode=$GUEST_MODE hmm.verdict=$GUEST_VERDICT${GUEST_WORDS:+ $GUEST_WORDS}${*:+ $*}"
}

# guest_boot KERNEL [WORD...]: boots the machine and waits until it stops. The words
# are added to the kernel's command line. Sets GUEST_STATUS to the status of QEMU,
# or to 124 if the machine hung. Prints the output of its programs while it runs.
guest_boot() {
	local qemu watch

	guest_machine "$1"
	say "$1: booting ${KERNEL_ID} ($GUEST_MACHINE)"
	: >"$RUN_DIR/verdict"
	: >"$RUN_DIR/console"
	rm -f "$RUN_DIR/hung"

	# QEMU runs in the background because bash runs no trap while it waits for a
	# foreground command. setpriv: QEMU must not survive if the lab is killed.
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

# guest_watch PID: kills a machine that hangs. A machine is considered hung if its
# programs print nothing for HMM_TIMEOUT seconds. The length of a run has no limit,
# because it depends on the load of the host. Output in the kernel's log does not
# count, because a hung kernel keeps reporting stalls.
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

# guest_show KERNEL: prints the output of the guest without the marks. An empty
# line before a mark belongs to the mark.
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
			timeline-extra) printf '%s%s\n' "$empty" "$line" ;;
			demo-* | bench-* | timeline-*) ;;
			*) printf '%s\n' "$line" ;;
			esac
			;;
		esac
		empty=
	done
}

# guest_shell KERNEL: runs the machine on this terminal. The guest receives Ctrl-C.
guest_shell() {
	guest_machine
	say "$1: booting ${KERNEL_ID} ($GUEST_MACHINE); leave with \"exit\" or Ctrl-a x"
	TTY_STATE=$(stty -g)
	"${QEMU[@]}" -kernel "$KERNEL_IMAGE" -initrd "$INITRAMFS" \
		-append "$(guest_cmdline quiet)" -serial mon:stdio -serial null
}
