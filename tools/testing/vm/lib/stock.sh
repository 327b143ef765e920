# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian's own kernels: unpacks images and headers. The name of a series ends in the
# flavour if this is not amd64: 6.12-rt, 6.12-arm64-16k.

# Modules of the image that tests use. Their dependencies are added.
STOCK_MODULES="zram hwpoison-inject"

# stock_suites SERIES: prints the suites to search, or nothing if the machine's
# own apt has the series. Suites joined by + are searched together, because the
# programs of one may need the libraries of the other.
stock_suites() {
	case $1 in
	5.*) echo bullseye+bullseye-security ;;
	6.*-arm64*) apt_own_suites | paste -sd + ;;
	6.*) ;;
	*) echo trixie+trixie-backports sid forky sid+experimental ;;
	esac
}

# stock_flavour SERIES: prints how the names of Debian's packages end
stock_flavour() {
	case $1 in
	*-rt) echo rt-amd64 ;;
	*-*) echo "${1#*-}" ;;
	*) echo amd64 ;;
	esac
}

stock_get() {
	local series=$1 APT_ARCH

	apt_check
	APT_ARCH=$(arch_of "stock-$series")
	stock_find "$series" || die "$(stock_missing "$series")"
	# An entry of an older version of the lab lacks modules and is replaced.
	if [ -d "$STOCK_ENTRY/modules" ]; then
		say "stock-$series: reusing $STOCK_RELEASE"
	elif [ -n "$STOCK_SUITE" ]; then
		apt_in "${STOCK_SUITE//+/ }" stock_unpack "$STOCK_RELEASE" "$STOCK_ENTRY"
	else
		stock_unpack "$STOCK_RELEASE" "$STOCK_ENTRY"
	fi
	KERNEL_IMAGE=$STOCK_ENTRY/vmlinuz
	KERNEL_DIR=$STOCK_ENTRY/usr/src/linux-headers-$STOCK_RELEASE
	KERNEL_MODULES=$STOCK_ENTRY/modules
	KERNEL_ID=${STOCK_ENTRY##*/}
}

# stock_find SERIES: sets STOCK_RELEASE and STOCK_ENTRY, and also STOCK_SUITE if
# the kernel was found in one of stock_suites. Fails if no suite has it.
stock_find() {
	local series=$1 suites suite

	STOCK_SUITE=
	suites=$(stock_suites "$series")
	if [ -z "$suites" ]; then
		# If apt has no package lists, the cache may still have a kernel.
		stock_known "$series" || stock_cached "$series" ||
			{ apt_update && stock_known "$series"; }
		return
	fi
	# Do not fetch the lists of another suite only to look for an update.
	stock_cached "$series" && return
	for suite in $suites; do
		STOCK_SUITE=$suite
		apt_in "${suite//+/ }" stock_known "$series" && return
	done
	return 1
}

stock_missing() {
	local suites

	suites=$(stock_suites "$1" | sed 's/ / or /g; s/+/ and /g')
	if [ -n "$suites" ]; then
		echo "Debian has no linux-image-${1%%-*}.*-$(stock_flavour "$1") in $suites: choose another KERNEL"
	else
		echo "apt has no linux-image-${1%%-*}.*-$(stock_flavour "$1"): add Debian 12 with its security updates to apt's sources and run \"apt-get update\""
	fi
}

stock_known() {
	local version

	STOCK_RELEASE=$(stock_newest "$1")
	[ -n "$STOCK_RELEASE" ] || return
	version=$(apt_field "linux-image-$STOCK_RELEASE" Version)
	STOCK_ENTRY=$CACHE/kernel/stock-$1/$STOCK_RELEASE-${version//[:~]/_}
}

stock_cached() {
	STOCK_ENTRY=$(find "$CACHE/kernel/stock-$1" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort -V | tail -n 1)
	[ -n "$STOCK_ENTRY" ] || return
	STOCK_RELEASE=$(cat "$STOCK_ENTRY/release")
}

# Prints the newest release of a series with both image and headers. The pattern
# excludes other flavours, such as -cloud kernels, which have a word before the
# architecture.
stock_newest() {
	comm -12 <(stock_releases image "$1") <(stock_releases headers "$1") | sort -V | tail -n 1
}

stock_releases() {
	local series=${2%%-*}

	apt_names "^linux-$1-${series//./\\.}\.[0-9][0-9.+a-z]*(-[0-9]+)?-$(stock_flavour "$2")$" | sed "s/^linux-$1-//" | sort
}

stock_unpack() {
	local release=$1 entry=$2 new=$WORK_DIR/stock headers depends kbuild deb module packages

	headers=linux-headers-$release
	depends=$(stock_depends "$headers")
	kbuild=$(grep '^linux-kbuild-' <<<"$depends")
	mapfile -t packages < <(stock_image "$release"
		echo "$headers"
		grep -E '^linux-headers-.*-common(-rt)?$' <<<"$depends"
		apt_host "$kbuild")

	apt_fetch "$WORK_DIR/debs" "${packages[@]}"
	say "unpacking $release"
	mkdir -p "$new"
	for deb in "$WORK_DIR"/debs/linux-{headers,kbuild}-*.deb; do
		dpkg-deb -x "$deb" "$new"
		rm "$deb"
	done
	# Store only the kernel and a few modules of the image.
	for deb in "$WORK_DIR"/debs/*.deb; do
		dpkg-deb -x "$deb" "$WORK_DIR/image"
	done
	rm -rf "$WORK_DIR/debs"
	mv "$(stock_vmlinuz "$WORK_DIR/image" "$release")" "$new/vmlinuz"
	mkdir "$new/modules"
	for module in $STOCK_MODULES; do
		stock_module "$WORK_DIR/image" "$new/modules" "$module"
	done
	rm -rf "$WORK_DIR/image"
	# The Makefiles of the packages contain paths below /usr/src.
	sed -i "s|^include /usr/src/|include ../|; s|=/usr/src/|=$entry/usr/src/|" \
		"$new/usr/src/$headers/Makefile"
	# vmlinux is only needed for BTF. If it exists, modules can be built only with
	# pahole.
	rm -f "$new/usr/src/$headers/vmlinux"
	stock_compiler "$new/usr/src/$headers"
	stock_programs "$new" "$entry" "$kbuild"
	rm -rf "${new:?}"/{boot,lib,usr/share,usr/lib/modules}
	echo "$release" >"$new/release"

	mkdir -p "${entry%/*}"
	rm -rf "$entry"
	mv -T "$new" "$entry"
}

# stock_depends PACKAGE: prints the names of its dependencies
stock_depends() {
	apt_field "$1" Depends | sed 's/[,|] */\n/g' | sed 's/ .*//'
}

# stock_image RELEASE: prints the packages with the kernel and its modules. In newer
# releases, linux-image is empty and depends on them.
stock_image() {
	if [ -n "$(apt_field "linux-binary-$1" Version)" ]; then
		echo "linux-binary-$1"
		echo "linux-modules-$1"
	else
		echo "linux-image-$1"
	fi
}

# stock_vmlinuz IMAGE RELEASE
stock_vmlinuz() {
	local file

	for file in "$1/boot/vmlinuz-$2" "$1/usr/lib/modules/$2/vmlinuz"; do
		[ ! -e "$file" ] || echo "$file"
	done
}

# stock_compiler HEADERS: selects the machine's compiler instead of the one in the
# package. Removes options that only a newer compiler supports. These do not change
# the layout of data.
stock_compiler() {
	local symbol

	sed -i 's/gcc-[0-9]*$/gcc/' "$1/.kernelvariables"
	# pahole is not used without vmlinux. Avoid a message about its version.
	sed -i 's/^CONFIG_PAHOLE_VERSION=.*/CONFIG_PAHOLE_VERSION=0/' "$1/include/config/auto.conf"
	(($("${GUEST_CROSS}gcc" -dumpversion | cut -d . -f 1) < 14)) || return 0
	# Without SANE_FUNCTION_ALIGNMENT, no function is cold. An older compiler does not
	# align cold functions, and ftrace of arm64 panics if a function is not aligned.
	for symbol in MIN_FUNCTION_ALIGNMENT SANE_FUNCTION_ALIGNMENT ASSUME COUNTED_BY TYPEOF_UNQUAL; do
		sed -i "/^CONFIG_CC_HAS_$symbol=/d" "$1/include/config/auto.conf"
		sed -i "/^#define CONFIG_CC_HAS_$symbol /d" "$1/include/generated/autoconf.h"
	done
}

# stock_programs NEW ENTRY KBUILD: programs of kbuild may need newer libraries
# than the machine has. In this case, the function unpacks the libraries and
# replaces each program with a wrapper that uses them. NEW is renamed to ENTRY
# later.
stock_programs() {
	local program libs=$2/libs packages

	find "$1/usr/lib/$3" -type f -perm /100 | while read -r program; do
		! head -c 4 "$program" | grep -q ELF || ! grep -q 'not found' <<<"$(ldd "$program" 2>&1)" ||
			echo "$program"
	done >"$WORK_DIR/programs"
	[ -s "$WORK_DIR/programs" ] || return 0

	mapfile -t packages < <(stock_depends "$(apt_host "$3")" | grep '^lib\|^zlib')
	mapfile -t packages < <(apt_host "${packages[@]}" libzstd1)
	apt_fetch "$WORK_DIR/debs" "${packages[@]}"
	mkdir "$WORK_DIR/libs" "$1/libs"
	for program in "$WORK_DIR"/debs/*.deb; do
		dpkg-deb -x "$program" "$WORK_DIR/libs"
	done
	find "$WORK_DIR/libs" -path '*/x86_64-linux-gnu/*.so*' \
		! -path '*/x86_64-linux-gnu/*/*' -exec cp -a -t "$1/libs" {} +
	while read -r program; do
		mv "$program" "$program.bin"
		printf '#!/bin/sh\nexec %s --library-path %s "$0.bin" "$@"\n' \
			"$libs/ld-linux-x86-64.so.2" "$libs" >"$program"
		chmod +x "$program"
	done <"$WORK_DIR/programs"
	rm -rf "$WORK_DIR/debs" "$WORK_DIR/libs"
}

# stock_module IMAGE DIR NAME: unpacks a module and its dependencies to DIR, and
# appends them to DIR/order, dependencies first. Built-in modules have no file.
stock_module() {
	local image=$1 dir=$2 name=$3 file depends

	[ ! -e "$dir/$name.ko" ] || return 0
	file=$(find "$image" -name "$name.ko*" -o -name "${name//_/-}.ko*" | head -n 1)
	case $file in
	'') return 0 ;;
	*.xz) xz -dc "$file" >"$dir/$name.ko" ;;
	*.ko) cp "$file" "$dir/$name.ko" ;;
	*) die "$file has an unknown compression" ;;
	esac
	depends=$(tr '\0' '\n' <"$dir/$name.ko" | sed -n 's/^depends=//p' | head -n 1)
	for depends in ${depends//,/ }; do
		stock_module "$image" "$dir" "$depends"
	done
	echo "$name.ko" >>"$dir/order"
}
