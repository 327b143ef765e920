# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Modules and programs of one kernel are built in a copy of the tree, so that
# several kernels can be built from one tree and the tree stays clean.

TREE_ID=$(sha1sum <<<"$TREE" | cut -c 1-12)

# build_dir NAME: one per tree and, with BUILD_PURPOSE, per purpose
build_dir() {
	echo "$CACHE/build/$TREE_ID/$1${BUILD_PURPOSE:+-$BUILD_PURPOSE}"
}

# tree_files: what a build may depend on, one path per line
tree_files() {
	(cd "$TREE" || return; find Makefile Kbuild src include samples tools/bench tools/testing/modules \
		tools/testing/selftests \
		-type f ! -name '*.o' ! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' \
		! -name '*.cmd' ! -name '.*.d' ! -name '*.symvers' ! -name modules.order \
		! -name '*~' ! -name '.*.swp' 2>/dev/null || :) | LC_ALL=C sort
}

# tree_copy DIR ID: brings the copy up to date. A file is written only when its
# content differs, so that make rebuilds what changed and nothing else. When
# files come or go, or ID differs, it starts afresh: kbuild would not notice an
# object whose source is gone.
tree_copy() {
	local dir=$1 list file copy

	list=$(echo "$2" && tree_files)
	if [ "$list" != "$(cat "$dir/.files" 2>/dev/null)" ]; then
		rm -rf "$dir"
		mkdir -p "$dir"
	fi
	while read -r file; do
		cmp -s "$TREE/$file" "$dir/$file" && continue
		rm -f "$dir"/.built-*
		copy=$dir/$file
		mkdir -p "${copy%/*}"
		cp "$TREE/$file" "$copy"
	done < <(sed 1d <<<"$list")
	printf '%s\n' "$list" >"$dir/.files"
}

# build KERNEL PART...: sets BUILD_DIR and makes in it of
#   modules  hmm_mirror.ko and test_hmm.ko, where their sources are
#   tests    tests/, the programs of the kselftests, and the modules that
#            some of them drive
#   upstream the kernel's own hmm-tests
#   demo     hmm_demo
#   bench    hmm_bench.ko, which needs the modules, and hmm_bench
# The caller holds the lock of the build until it has copied what it needs.
build() {
	local kernel=$1 part log reused=
	shift

	BUILD_DIR=$(build_dir "$kernel")
	tree_copy "$BUILD_DIR" "$KERNEL_ID $(gcc -dumpfullversion) $(sha1sum <"$LAB_DIR/lib/build.sh")"
	for part; do
		if [ -e "$BUILD_DIR/.built-$part" ]; then
			reused+=", $part"
			continue
		fi
		case $part in
		tests) tools_get ;;
		upstream) tools_get && source_get "${kernel#*-}" ;;
		esac
		say "$kernel: building $part"
		log=$BUILD_DIR/$part.log
		if ! "build_$part" >"$log" 2>&1; then
			show_tail "$log" 60
			die "building $part for $kernel failed; the whole log is $log"
		fi
		# A warning must not hide in a log that nobody reads.
		grep -iE 'warning:' "$log" >&2 || :
		[ "${V-}" != 1 ] || cat "$log" >&2
		touch "$BUILD_DIR/.built-$part"
	done
	[ -z "$reused" ] || say "$kernel: reusing the build of ${reused#, }"
}

# The lab may itself run below a make, whose variables are not meant here.
build_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES \
		make -j "$(nproc)" V="${V-}" "$@"
}

build_modules() {
	build_make -C "$BUILD_DIR" KDIR="$KERNEL_DIR" modules
}

# build_test_modules: the directories whose modules the tests drive, those that
# have a Kbuild
build_test_modules() {
	(cd "$BUILD_DIR" && ls -d tools/testing/modules/Kbuild samples/edu/Kbuild 2>/dev/null || :) |
		sed 's|/Kbuild$||'
}

# By itself, so that who builds the modules need not build it.
build_tests() {
	local dir

	for dir in $(build_test_modules); do
		build_make -C "$KERNEL_DIR" M="$BUILD_DIR/$dir" \
			KBUILD_EXTRA_SYMBOLS="$BUILD_DIR/Module.symvers" modules || return
	done
	rm -rf "$BUILD_DIR/kselftest"
	cp -r "$TOOLS_DIR/tools/testing/selftests" "$BUILD_DIR/kselftest" &&
	build_harness "$BUILD_DIR/kselftest/kselftest_harness.h" || return
	build_make -C "$BUILD_DIR/tools/testing/selftests/hmm" OUT="$BUILD_DIR/tests" \
		KSELFTEST_DIR="$BUILD_DIR/kselftest" all
}

# The kernel's own tests of its HMM, unchanged and from the source of the same
# series. Newer ones share code with the other tests beside them. Only the
# limits of the harness are raised; and that of 6.1, which repeats a clean-up that fails for ever, is a newer one.
build_upstream() {
	local tests=$SOURCE_TREE/tools/testing/selftests new=$BUILD_DIR/upstream dir=mm file

	[ -e "$tests/mm/hmm-tests.c" ] || dir=vm
	rm -rf "$new"
	mkdir -p "$new/$dir"
	cp "$tests"/*.h "$new/" && cp "$tests/$dir"/*.h "$tests/$dir/hmm-tests.c" "$new/$dir/" || return
	for file in vm_util.c hugepage_settings.c; do
		[ ! -e "$tests/$dir/$file" ] || cp "$tests/$dir/$file" "$new/$dir/"
	done
	[ "$dir" = mm ] || cp "$TOOLS_DIR"/tools/testing/selftests/*.h "$new/"
	build_harness "$new/kselftest_harness.h" || return
	# Its warnings are not ours to fix.
	gcc -O2 -w -D_GNU_SOURCE -static -pthread -I"$SOURCE_TREE" -I"$new" \
		-I"$SOURCE_TREE/tools/include/uapi" -o "$new/hmm-tests" "$new/$dir"/*.c
}

# build_harness FILE: raises the limit of each test, 30 seconds by default, so
# that only a hang reaches it on a busy host
build_harness() {
	sed -i 's/alarm(t->timeout)/alarm(t->timeout * 5)/; s/t->timeout \* 1000/t->timeout * 5000/' "$1"
	grep -qE 't->timeout \* 50*\b' "$1" || {
		echo "the timeout in ${1##*/} is not where it was"
		return 1
	}
}

build_demo() {
	gcc -O2 -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -static -pthread \
		-I"$BUILD_DIR/include/uapi" -o "$BUILD_DIR/hmm_demo" \
		"$BUILD_DIR/samples/demo/demo.c"
}

# Likewise.
build_bench() {
	local module=$BUILD_DIR/tools/bench/module

	build_make -C "$KERNEL_DIR" M="$module" \
		KBUILD_EXTRA_SYMBOLS="$BUILD_DIR/Module.symvers" modules &&
		gcc -O2 -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -static -pthread \
			-I"$module" -o "$BUILD_DIR/hmm_bench" "$BUILD_DIR"/tools/bench/user/*.c
}
