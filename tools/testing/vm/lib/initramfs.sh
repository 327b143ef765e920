# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The file system of the guest: busybox, the init script, modules and programs.

# busybox_get: sets BUSYBOX to a statically linked busybox. That of the host may be
# linked dynamically.
busybox_get() {
	local entry=$CACHE/busybox APT_ARCH=$GUEST_ARCH

	[ "$GUEST_ARCH" = amd64 ] || entry+=-$GUEST_ARCH
	lock "${entry##*/}"
	BUSYBOX=$entry/bin/busybox
	if [ ! -x "$BUSYBOX" ]; then
		apt_check
		if [ "$GUEST_ARCH" != amd64 ]; then
			apt_in "$(apt_own_suites | paste -sd ' ')" \
				apt_fetch "$WORK_DIR/debs" busybox-static
		else
			[ -n "$(apt_field busybox-static Version)" ] || apt_update || :
			apt_fetch "$WORK_DIR/debs" busybox-static
		fi
		dpkg-deb -x "$WORK_DIR"/debs/busybox-static_*.deb "$WORK_DIR/busybox"
		mv -T "$WORK_DIR/busybox" "$entry"
		rm -rf "$WORK_DIR/debs"
	fi
	unlock "${entry##*/}"
}

# guest_prepare KERNEL MODE: sets RUN_DIR, KERNEL_IMAGE and INITRAMFS
guest_prepare() {
	local kernel=$1 mode=$2 root

	qemu_get "$kernel"
	kernel_get "$kernel"
	busybox_get

	RUN_DIR=$WORK_DIR/run-$kernel
	INITRAMFS=$RUN_DIR/initramfs.gz
	GUEST_MODE=$mode
	root=$RUN_DIR/root
	initramfs_base "$root"

	lock "build-$TREE_ID-$kernel"
	# shellcheck disable=SC2046 # one word per part
	case $mode in
	test) build "$kernel" modules $(suites "$kernel") ;;
	demo | timeline) build "$kernel" modules demo ;;
	bench) build "$kernel" modules bench ;;
	shell) build "$kernel" modules tests demo ;;
	esac
	cp "$BUILD_DIR"/src/*/*.ko "$root/modules/" || die "the build for $kernel has no modules"
	[ ! -e "$BUILD_DIR/hmm_demo" ] || cp "$BUILD_DIR/hmm_demo" "$root/bin/"
	[ -z "${EXTRA-}" ] || initramfs_extra "$root"
	case $mode in
	test) [ -n "${EXTRA-}" ] || initramfs_tests "$root" "${TEST:-*}" "$(suites "$kernel")" ;;
	shell) initramfs_tests "$root" '*' tests ;;
	bench)
		cp "$BUILD_DIR/tools/bench/module/hmm_bench.ko" "$root/modules/"
		cp "$BUILD_DIR/hmm_bench" "$root/bin/"
		;;
	esac
	unlock "build-$TREE_ID-$kernel"

	initramfs_pack "$root"
}

# initramfs_base ROOT: installs the files that every guest needs
initramfs_base() {
	mkdir -p "$1"/{args,bin,dev,proc,sys,tmp,mnt/ramfs,modules/tests,tests}
	# bench does not need the kernel's modules.
	[ "$GUEST_MODE" = bench ] || [ -z "$KERNEL_MODULES" ] || cp -rT "$KERNEL_MODULES" "$1/modules/kernel"
	cp "$BUSYBOX" "$1/bin/"
	cp "$LAB_DIR/guest/init" "$1/"
	chmod +x "$1/init"
}

# initramfs_extra ROOT: copies the directory of the user, following symbolic links
initramfs_extra() {
	cp -rL "$EXTRA" "$1/extra" || die "cannot copy EXTRA=$EXTRA"
}

# initramfs_pack ROOT
initramfs_pack() {
	(cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$INITRAMFS"
}

# initramfs_tests ROOT GLOB PARTS
initramfs_tests() {
	local program name all= programs=() patterns

	read -ra patterns <<<"${CASE-}"

	[[ $3 != *tests* ]] || programs+=("$BUILD_DIR"/tests/*_test)
	[[ $3 != *upstream* ]] || programs+=("$BUILD_DIR/upstream/hmm-tests")
	[[ $3 != *dropin* ]] || programs+=("$BUILD_DIR/dropin/dropin")
	for program in "${programs[@]}"; do
		[ -x "$program" ] || continue
		name=${program##*/}
		all+=" $name"
		# shellcheck disable=SC2053 # a pattern
		[[ $name == $2 ]] || continue
		[ -z "${CASE-}" ] || cases_args "$name" "${patterns[@]}" >"$1/args/$name" || continue
		cp "$program" "$1/tests/"
	done
	if [ -x "$1/tests/dropin" ]; then
		mkdir -p "$1/modules/dropin"
		cp "$BUILD_DIR/dropin/test_hmm.ko" "$1/modules/dropin/"
	fi
	[ -n "$all" ] || die "this tree has no test program: there is no tools/testing/selftests/hmm/*_test.c"
	[ -n "$(ls "$1/tests")" ] || die "TEST=$2${CASE:+ CASE=$CASE} matches no test program: choose among$all"
	[ ! -x "$BUILD_DIR/tests/hmmtop" ] || cp "$BUILD_DIR/tests/hmmtop" "$1/bin/"
	[[ $3 != *tests* ]] || build_test_modules | while read -r name; do
		cp "$BUILD_DIR/$name"/*.ko "$1/modules/tests/"
	done
}
