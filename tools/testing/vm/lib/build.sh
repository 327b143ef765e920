# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Modules and programs are built in a copy of the tree for each kernel, so the tree
# itself stays clean.

TREE_ID=$(sha1sum <<<"$TREE" | cut -c 1-12)

# build_dir NAME: prints the directory for this tree and for BUILD_PURPOSE, if set
build_dir() {
	echo "$CACHE/build/$TREE_ID/$1${BUILD_PURPOSE:+-$BUILD_PURPOSE}"
}

# tree_files: prints the files that a build may depend on
tree_files() {
	(cd "$TREE" || return; find Makefile Kbuild src include samples tools/bench tools/hmmtop tools/testing/modules \
		tools/testing/selftests \
		-type f ! -name '*.o' ! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' \
		! -name '*.cmd' ! -name '.*.d' ! -name '*.symvers' ! -name modules.order \
		! -name '*~' ! -name '.*.swp' 2>/dev/null || :) | LC_ALL=C sort
}

# tree_copy DIR ID: updates the copy. A file is written only if its content differs,
# so make rebuilds only what depends on changed files. If files were added or
# removed, or if ID differs, the copy is made anew, because kbuild keeps objects
# whose source was removed.
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

# build KERNEL PART...: sets BUILD_DIR and builds these parts in it:
#   modules  hmm_mirror.ko and test_hmm.ko, beside their sources
#   tests    tests/, the programs of the kselftests, and the modules that
#            some of them use, and hmmtop
#   upstream the kernel's own hmm-tests
#   dropin   the kernel's own test_hmm on hmm_mirror, and its hmm-tests
#   demo     hmm_demo
#   bench    hmm_bench.ko, which needs the modules, and hmm_bench
# The caller holds the lock of the build until it has copied the results.
build() {
	local kernel=$1 part log reused=
	shift

	BUILD_DIR=$(build_dir "$kernel")
	tree_copy "$BUILD_DIR" "$KERNEL_ID $("${GUEST_CROSS}gcc" -dumpfullversion) $(sha1sum <"$LAB_DIR/lib/build.sh")"
	for part; do
		if [ -e "$BUILD_DIR/.built-$part" ]; then
			reused+=", $part"
			continue
		fi
		case $part in
		tests) tools_get ;;
		upstream | dropin) tools_get && source_get "$(kernel_series "$kernel")" ;;
		esac
		say "$kernel: building $part"
		log=$BUILD_DIR/$part.log
		if ! "build_$part" >"$log" 2>&1; then
			show_tail "$log" 60
			die "building $part for $kernel failed; the whole log is $log"
		fi
		# Print warnings, because a log is not read after a success.
		grep -iE 'warning:' "$log" >&2 || :
		[ "${V-}" != 1 ] || cat "$log" >&2
		touch "$BUILD_DIR/.built-$part"
	done
	[ -z "$reused" ] || say "$kernel: reusing the build of ${reused#, }"
}

# Runs make, without the environment variables of a make that runs the lab.
build_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES -u ARCH \
		make -j "$(nproc)" V="${V-}" "$@"
}

build_modules() {
	build_make -C "$BUILD_DIR" KDIR="$KERNEL_DIR" modules
}

# build_against DIR: builds modules that use our exports. Kbuild does not notice that
# the checksums of the exports have changed.
build_against() {
	rm -f "$1/Module.symvers"
	build_make -C "$KERNEL_DIR" M="$1" KBUILD_EXTRA_SYMBOLS="$BUILD_DIR/Module.symvers" modules
}

# build_test_modules: prints the directories of the modules that the tests use
build_test_modules() {
	(cd "$BUILD_DIR" && ls -d tools/testing/modules/Kbuild samples/*/Kbuild 2>/dev/null || :) |
		sed 's|/Kbuild$||'
}

# build_clients: builds the modules that use hmm_mirror. The samples are built like
# any driver: with their own Makefile, against the files that install-dev installs.
build_clients() {
	local dir

	build_make -C "$BUILD_DIR" KDIR="$KERNEL_DIR" INSTALL_MOD_PATH="$BUILD_DIR/install" \
		install-dev || return
	for dir in $(build_test_modules); do
		case $dir in
		samples/*)
			build_make -C "$BUILD_DIR/$dir" KDIR="$KERNEL_DIR" \
				HMM="$BUILD_DIR/install/usr/src/hmm-mirror/default" modules
			;;
		*) build_against "$BUILD_DIR/$dir" ;;
		esac || return
	done
}

# Separate from build_modules, because not all goals need the tests.
build_tests() {
	build_clients || return
	build_make -C "$BUILD_DIR/tools/testing/selftests/hmm" OUT="$BUILD_DIR/tests" CC="${GUEST_CROSS}gcc" \
		KSELFTEST_DIR="$TOOLS_DIR/tools/testing/selftests" all || return
	[ ! -e "$BUILD_DIR/tools/hmmtop" ] ||
		build_make -C "$BUILD_DIR/tools/hmmtop" OUT="$BUILD_DIR/tests" CC="${GUEST_CROSS}gcc" \
			CFLAGS='-O2 -g -Werror' LDFLAGS=-static all
}

# The kernel's own tests of its HMM, unchanged and from the source of the same
# series. In newer series they share code with other tests in the same directory.
# Only the harness is changed: its time limits are raised. The harness of 6.1 repeats
# a failing clean-up endlessly, so a newer one replaces it.
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
	# -w: warnings in the kernel's source are not fixed here.
	"${GUEST_CROSS}gcc" -O2 -w -D_GNU_SOURCE -static -pthread -I"$SOURCE_TREE" -I"$new" \
		-I"$SOURCE_TREE/tools/include/uapi" -o "$new/hmm-tests" "$new/$dir"/*.c
}

# The kernel's own test driver, unchanged and from the source of the same series,
# with the drop-in headers.
build_dropin() {
	local dir=$BUILD_DIR/dropin

	[ -x "$BUILD_DIR/upstream/hmm-tests" ] || build_upstream || return
	mkdir -p "$dir"
	cp "$BUILD_DIR/upstream/hmm-tests" "$dir/dropin" &&
		cp "$SOURCE_TREE"/lib/test_hmm.c "$SOURCE_TREE"/lib/test_hmm_uapi.h "$dir/" || return
	cat >"$dir/Kbuild" <<-END
	ccflags-y += -I$BUILD_DIR/include -include hmm/dropin/dropin.h
	obj-m += test_hmm.o
	END
	build_against "$dir" || return
	if nm -u "$dir/test_hmm.ko" | grep -E ' (mmu_interval_|hmm_range_)'; then
		echo "test_hmm.ko uses these functions of the kernel"
		return 1
	fi
}

# build_harness FILE: raises the time limit of each test, which is 30 seconds by
# default, so that only a hang exceeds it on a busy host
build_harness() {
	sed -i 's/alarm(t->timeout)/alarm(t->timeout * 5)/; s/t->timeout \* 1000/t->timeout * 5000/' "$1"
	grep -qE 't->timeout \* 50*\b' "$1" || {
		echo "cannot find the timeout in ${1##*/}"
		return 1
	}
}

build_demo() {
	"${GUEST_CROSS}gcc" -O2 -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -static -pthread \
		-I"$BUILD_DIR/include/uapi" -o "$BUILD_DIR/hmm_demo" \
		"$BUILD_DIR/samples/demo/demo.c"
}

build_bench() {
	local module=$BUILD_DIR/tools/bench/module

	build_against "$module" &&
		"${GUEST_CROSS}gcc" -O2 -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -static -pthread \
			-I"$module" -o "$BUILD_DIR/hmm_bench" "$BUILD_DIR"/tools/bench/user/*.c
}
