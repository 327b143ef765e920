# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Compiles the drivers of the kernel's source that use the kernel's interface, object
# by object: once as they are, and once with the drop-in headers.

# The names of the kernel's interface. A new function of a later kernel matches, too.
DRIVERS_NAMES='\b((mmu_interval|hmm_dma)_[a-z_]+|hmm_(range|pfns?)(_[a-z_]+)?|HMM_PFN_[A-Z0-9_]+|__mmu_notifier_register)\b'
# The functions that the drop-in must replace. hmm_dma_*() remain those of the kernel.
DRIVERS_KERNEL='(mmu_interval_|hmm_range_)[a-z_]+|__mmu_notifier_register'

# drivers_possible KERNEL: true if the drivers can be compiled for this kernel. They
# need the options of Debian's kernels, and a kbuild that has MO=.
drivers_possible() {
	[[ $1 =~ ^stock-[7-9]\. ]] && [ "$(arch_of "$1")" = amd64 ]
}

# drivers_files: prints the files of SOURCE_TREE that name the interface outside of
# comments, or that include a header of the kernel which does
drivers_files() {
	local headers file

	headers=$(cd "$SOURCE_TREE/include" &&
		grep -rlE "$DRIVERS_NAMES|<linux/hmm(-dma)?\.h>" --include='*.h' . | sed 's|^\./||' |
		grep -vx 'linux/mmu_notifier\.h' | paste -sd '|')
	cd "$SOURCE_TREE" || return
	grep -rlE "$DRIVERS_NAMES|^#include <($headers)>" --include='*.c' drivers lib net sound virt |
		LC_ALL=C sort | while read -r file; do
		# Without comments
		gcc -fpreprocessed -dD -E -P -x c "$file" 2>/dev/null |
			grep -E "$DRIVERS_NAMES|^#include <($headers)>" >/dev/null || continue
		echo "$file"
	done
}

# drivers_object FILE: prints the object. Makefiles may be included by the Makefile of
# another directory, like that of amdkfd by that of amdgpu. Kbuild then builds the
# object in that directory.
drivers_object() {
	local dir=${1%/*} name=${1##*/} parent

	parent=$(cd "$SOURCE_TREE/$dir/.." &&
		grep -lE "^include .*/${dir##*/}/Makefile" ./*/Makefile 2>/dev/null | head -n 1)
	[ -z "$parent" ] || dir=${dir%/*}/$(cut -d / -f 2 <<<"$parent")/../${dir##*/}
	echo "$dir/${name%.c}.o"
}

# drivers_option FILE: prints the option that enables the object, and m or y, if the
# kernel was built without it
drivers_option() {
	local dir=$SOURCE_TREE/${1%/*} name=${1##*/} kind option

	read -r kind option < <(sed -nE "s/^([a-z0-9_-]+)-\\$\((CONFIG_[A-Z0-9_]+)\)[ \t]*[+:]?=.*\b${name%.c}\.o\b.*/\1 \2/p" \
		"$dir/Makefile" "$dir/Kbuild" 2>/dev/null) || return 0
	grep -qE "^$option=" "$KERNEL_DIR/include/config/auto.conf" ||
		echo "$option $([ "$kind" = obj ] && echo m || echo y)"
}

# drivers_format FILE: prints a variable of make that defines pr_fmt or dev_fmt as the
# file does. dropin.rst describes why.
drivers_format() {
	local name=${1##*/} macro='\(pr_fmt\|dev_fmt\)'

	! grep -q "^ *#undef $macro" "$SOURCE_TREE/$1" || return 0
	sed -n "s/^#define $macro(fmt)[ \t]*\(.*\)/CFLAGS_${name%.c}.o=-D'\1(fmt)=\2'/p" "$SOURCE_TREE/$1"
}

# drivers_tree DIR: creates DIR/kernel, Debian's headers together with the rest of the
# source, and DIR/src, an external module that consists of the kernel's directories
drivers_tree() {
	local dir=$1 from headers

	headers=$(sed -n 's/^include //p' "$KERNEL_DIR/Makefile")
	headers=$(cd "$KERNEL_DIR" && cd "${headers%/*}" && pwd) || return
	rm -rf "$dir/kernel" "$dir/src"
	mkdir -p "$dir/kernel" "$dir/src"
	for from in "$headers"/* "$SOURCE_TREE"/*; do
		[ -e "$dir/kernel/${from##*/}" ] || ln -s "$from" "$dir/kernel/"
	done
	for from in drivers lib net sound virt; do
		ln -s "$SOURCE_TREE/$from" "$dir/src/"
	done
	# The line of dropin.rst, in a variable
	cat >"$dir/src/Kbuild" <<-END
	subdir-ccflags-y += \$(DRIVERS_FLAGS)
	obj-m += drivers/ lib/ net/ sound/ virt/
	END
}

# drivers_make DIR RUN FLAGS VARIABLE...: compiles the objects of DIR/objects to
# DIR/RUN. Errors are not a failure. A warning is only printed when an object is
# compiled, so compile all of them.
drivers_make() {
	local dir=$1 run=$2 flags=$3 objects
	shift 3

	mapfile -t objects < <(cut -d ' ' -f 2 "$dir/objects")
	rm -rf "${dir:?}/$run"
	mkdir "$dir/$run"
	build_make -k -Otarget -C "$dir/kernel" O="$KERNEL_DIR" M="$dir/src" MO="$dir/$run" \
		"$@" DRIVERS_FLAGS="$flags" "${objects[@]}" >"$dir/$run.log" 2>&1 </dev/null || :
	grep -q '^  CC ' "$dir/$run.log" || {
		tail -n 20 "$dir/$run.log"
		return 1
	}
}

# build_drivers: a part of build(). The objects without the drop-in do not depend on
# this tree, so they are compiled once.
build_drivers() {
	local dir=$BUILD_DIR/drivers id flags='' file option value
	local options=() formats=()

	mkdir -p "$dir"
	drivers_files | while read -r file; do
		echo "$file $(drivers_object "$file") $(drivers_option "$file")"
	done >"$dir/objects"
	while read -r file _ option value; do
		mapfile -t -O "${#formats[@]}" formats < <(drivers_format "$file")
		[ -n "$option" ] || continue
		options+=("$option=$value")
		flags+=" -D${option}$([ "$value" = y ] || echo _MODULE)=1"
	done <"$dir/objects"

	id="$SOURCE_ID $flags $(declare -f drivers_tree drivers_make | cat - "$dir/objects" | sha1sum)"
	if [ "$id" != "$(cat "$dir/id" 2>/dev/null)" ]; then
		drivers_tree "$dir" &&
			drivers_make "$dir" kernels "$flags" "${options[@]}" || return
		echo "$id" >"$dir/id"
	fi
	drivers_make "$dir" dropin "$flags -I$BUILD_DIR/include -include hmm/dropin/dropin.h" \
		"${options[@]}" "${formats[@]}"
}

# drivers_judge: prints a result for each object, and adds to the counts of the caller
drivers_judge() {
	local dir=$BUILD_DIR/drivers number=0 object verdict

	echo "TAP version 13"
	echo "1..$(wc -l <"$dir/objects")"
	while read -r _ object _; do
		number=$((number + 1))
		verdict=$(drivers_verdict "$dir" "$object")
		case $verdict in
		ok*) passed=$((passed + 1)) ;;
		skip*) skipped=$((skipped + 1)) ;;
		*) failed=$((failed + 1)) ;;
		esac
		sed "1s|^ok|ok $number - $object|
			1s|^skip|ok $number - $object # SKIP|
			1s|^not ok|not ok $number - $object|
			2,\$s|^|# |
			s|$dir/\(src\|kernel\)/||g" <<<"$verdict"
	done <"$dir/objects"
}

# drivers_verdict DIR OBJECT: prints "ok", "not ok" or "skip", why, and what the
# compiler printed
drivers_verdict() {
	local dir=$1 object=$2 new wrong uses

	if [ ! -e "$dir/kernels/$object" ]; then
		echo "skip cannot be built without the drop-in: $(drivers_reason "$dir/kernels.log" "$object")"
		return
	fi
	new=$(drivers_output "$dir/dropin.log" "$object" | grep -E '(warning|error): ' |
		grep -vxFf <(drivers_output "$dir/kernels.log" "$object") || :)
	if [ ! -e "$dir/dropin/$object" ] || [ -n "$new" ]; then
		echo "not ok: the drop-in causes errors or warnings"
		drivers_output "$dir/dropin.log" "$object"
		[ -n "$new" ] || drivers_reason "$dir/dropin.log" "$object"
		return
	fi
	wrong=$(drivers_wrong "$dir" "$object")
	if [ -n "$wrong" ]; then
		echo "not ok: $wrong"
		return
	fi
	uses=$(drivers_symbols "$dir/dropin/$object" 'hmm_dropin_[a-z_]+' | wc -l)
	echo "ok: $([ "$uses" = 0 ] && echo "types and constants" || echo "functions of the drop-in: $uses")"
}

# drivers_wrong DIR OBJECT: prints in what way an object does not use the drop-in
drivers_wrong() {
	local dir=$1 object=$2 left got name

	grep -qs 'hmm/dropin/dropin\.h' "$dir/dropin/${object%/*}/.${object##*/}.cmd" ||
		echo "was built without hmm/dropin/dropin.h"
	left=$(drivers_symbols "$dir/dropin/$object" "$DRIVERS_KERNEL" | paste -sd ' ')
	[ -z "$left" ] || echo "uses functions of the kernel: $left"

	got=$(drivers_symbols "$dir/dropin/$object" 'hmm_dropin_[a-z_]+')
	for name in $(drivers_symbols "$dir/kernels/$object" "$DRIVERS_KERNEL"); do
		name=$(awk -v name="$name" '$1 == "#define" && $2 == name { print $3 }' \
			"$BUILD_DIR/include/hmm/dropin/dropin.h")
		[ -z "$name" ] || grep -qx "$name" <<<"$got" || echo "does not call $name()"
	done
	for name in $got; do
		grep -rqE "^EXPORT_SYMBOL_GPL\($name\)" "$BUILD_DIR/src/dropin" || echo "calls $name(), which is not exported"
	done
}

# drivers_symbols OBJECT PATTERN: prints the undefined symbols that match
drivers_symbols() {
	nm -u "$1" | awk '{ print $2 }' | grep -xE "$2" | LC_ALL=C sort || :
}

# drivers_output LOG OBJECT: prints what the compiler printed about an object
drivers_output() {
	awk -v object="$2" '/^  [A-Z]+ |^make/ { on = $1 == "CC" && $NF == object; next } on' "$1"
}

# drivers_reason LOG OBJECT: prints why an object was not built
drivers_reason() {
	{
		drivers_output "$1" "$2" | grep 'error: ' || drivers_output "$1" "$2" | grep . ||
			grep -F '***' "$1" | grep -F "${2##*/}" || grep -F '***' "$1" || echo "see $1"
	} | sed -n '1s|[^ ]*/drivers/src/||; 1p'
}

# drivers_test KERNEL: the caller has called kernel_get
drivers_test() {
	local built

	lock "build-$TREE_ID-$1"
	source_get "$(kernel_series "$1")"
	built=$(build_dir "$1")/.built-drivers
	[ ! "$LAB_DIR/lib/drivers.sh" -nt "$built" ] || rm -f "$built"
	build "$1" drivers
	say "$1: drivers of the kernel's source"
	drivers_judge
	unlock "build-$TREE_ID-$1"
}
