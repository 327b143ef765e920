# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Builds kernels from Debian's source, with allnoconfig and our fragments.

# source_kernel_get KIND SERIES
source_kernel_get() {
	local kind=$1 series=$2 name=$1-$2 fragments hash entry tree

	"$TREE/scripts/install-deps" source
	source_fragments "$kind" "$series"
	lock "source-$series"
	source_tarball "$series"
	hash=$({ source_options "${fragments[@]}" && gcc -dumpfullversion; } | sha1sum | cut -c 1-12)
	entry=$CACHE/kernel/$name/$SOURCE_ID-$hash
	tree=${SOURCE_TARBALL%/*}/tree
	if [ -d "$entry" ]; then
		say "$name: reusing $SOURCE_ID"
	else
		source_unpack "$tree"
	fi
	unlock "source-$series"

	[ -d "$entry" ] || source_build "$name" "$tree" "$entry" "${fragments[@]}"
	KERNEL_IMAGE=$entry/arch/x86/boot/bzImage
	KERNEL_DIR=$entry
	KERNEL_ID=${entry##*/}
}

# source_fragments KIND SERIES: sets the caller's array "fragments", general fragments
# first. A series may have a fragment that unsets options which it lacks.
source_fragments() {
	local dir=$LAB_DIR/config fragment

	fragments=()
	for fragment in lab "lab-$2" "$1" "$1-$2"; do
		fragment=$dir/$fragment.config
		[ ! -e "$fragment" ] || [[ " ${fragments[*]-} " == *" $fragment "* ]] ||
			fragments+=("$fragment")
	done
}

# source_options FRAGMENT...: prints the options without the comments
source_options() {
	grep -h -E '^(CONFIG_|# CONFIG_.* is not set$)' "$@"
}

# source_get SERIES: sets SOURCE_TREE, the unpacked source
source_get() {
	lock "source-$1"
	source_tarball "$1"
	SOURCE_TREE=${SOURCE_TARBALL%/*}/tree
	source_unpack "$SOURCE_TREE"
	unlock "source-$1"
}

source_unpack() {
	[ ! -d "$1" ] || return 0
	say "unpacking the source of ${SOURCE_ID%%-*}"
	mkdir "$WORK_DIR/tree"
	tar -xf "$SOURCE_TARBALL" -C "$WORK_DIR/tree" --strip-components=1 ||
		die "cannot unpack $SOURCE_TARBALL: remove it and try again"
	mv -T "$WORK_DIR/tree" "$1"
}

# source_build NAME TREE ENTRY FRAGMENT...
# Builds in a temporary directory and renames it to ENTRY. External modules are built
# against ENTRY later. In newer kernels, the generated Makefile contains the path of
# the build directory, so it is changed to ENTRY.
source_build() {
	local name=$1 tree=$2 entry=$3 out=$WORK_DIR/kernel log=$CACHE/log/$1/kernel-build.log make start=$SECONDS
	shift 3

	mkdir -p "$out" "${log%/*}"
	say "$name: configuring ${entry##*/}; the log is $log"
	if ! source_configure "$tree" "$out" "$@" >"$log" 2>&1; then
		show_tail "$log"
		die "configuring $name failed: see $log"
	fi
	source_config_check "$name" "$out/.config" "$@"

	nice -n 10 env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		make -j "$(nproc)" -C "$tree" O="$out" bzImage modules >>"$log" 2>&1 </dev/null &
	make=$!
	source_progress "$name" "$make" "$log"
	if ! wait "$make"; then
		show_tail "$log" 40
		die "building $name failed; the whole log is $log"
	fi
	say "$name: built in $(elapsed $((SECONDS - start)))"
	# External modules need headers, scripts and Module.symvers, but no objects.
	find "$out" \( -path "$out/scripts" -o -path "$out/tools" \) -prune -o \
		\( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) -type f -exec rm -f {} +
	sed -i "s|^export KBUILD_OUTPUT = .*|export KBUILD_OUTPUT = $entry|" "$out/Makefile"
	mkdir -p "${entry%/*}"
	mv -T "$out" "$entry"
}

source_configure() {
	local tree=$1 out=$2
	shift 2

	build_make -C "$tree" O="$out" allnoconfig &&
	"$tree/scripts/kconfig/merge_config.sh" -m -O "$out" "$out/.config" "$@" &&
	build_make -C "$tree" O="$out" olddefconfig
}

# Kconfig silently drops options with missing dependencies. Without this check, the
# tests would silently cover less.
source_config_check() {
	local name=$1 config=$2 lost
	shift 2

	lost=$(awk '
		/^CONFIG_[A-Za-z0-9_]+=/ { symbol = $0; sub(/=.*/, "", symbol); line = $0 }
		/^# CONFIG_[A-Za-z0-9_]+ is not set/ { symbol = $2; line = "" }
		!/^(# )?CONFIG_/ { next }
		FILENAME == config { got[symbol] = line; next }
		{ want[symbol] = line }
		END {
			for (symbol in want)
				if (want[symbol] != got[symbol])
					print (want[symbol] == "" ? symbol " is set" : want[symbol])
		}' config="$config" "$config" "$@" | sort)
	[ -z "$lost" ] ||
		die "the configuration of $name lacks options of its fragments: ${lost//$'\n'/, }"
}

# source_progress NAME PID LOG: updates one line on a terminal; otherwise prints a
# line every half minute
source_progress() {
	local name=$1 pid=$2 log=$3 start=$SECONDS next=0 text

	while kill -0 "$pid" 2>/dev/null; do
		text=$(awk '/^  (CC|AS|LD|AR|HOSTCC) / { n++; file = $NF } END { print n + 0 " objects" (n ? ", " file : "") }' "$log")
		text="$name: building, $(elapsed $((SECONDS - start))), $text"
		if [ -t 2 ]; then
			printf '\r\033[K# %.100s' "$text" >&2
		elif ((SECONDS - start >= next)); then
			say "$text"
			next=$((next + 30))
		fi
		# Sleep in the background, so that traps run immediately.
		sleep 1 &
		wait "$!"
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
}
