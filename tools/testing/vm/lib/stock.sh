# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian's own kernels: image and headers, unpacked side by side.

# Modules of the image that tests use, with what they depend on.
STOCK_MODULES="zram hwpoison-inject"

stock_get() {
	local series=$1 release version entry

	apt_check
	release=$(stock_newest "$series")
	if [ -n "$release" ]; then
		version=$(apt_field "linux-image-$release" Version)
		entry=$CACHE/kernel/stock-$series/$release-${version//[:~]/_}
	else
		# A machine without package lists may still hold a kernel.
		entry=$(stock_cached "$series")
		[ -n "$entry" ] || {
			apt_update && stock_get "$series" && return
			die "apt knows no linux-image-$series.*-amd64: add Debian 12 with its security updates to apt's sources and run \"apt-get update\""
		}
		release=$(cat "$entry/release")
	fi

	# An entry without them was made by an older lab.
	if [ -d "$entry/modules" ]; then
		say "stock-$series: reusing $release"
	else
		stock_unpack "$release" "$entry"
	fi
	KERNEL_IMAGE=$entry/vmlinuz
	KERNEL_DIR=$entry/usr/src/linux-headers-$release
	KERNEL_MODULES=$entry/modules
	KERNEL_ID=${entry##*/}
}

# The newest release of a series that has both image and headers. The pattern
# leaves out -rt and -cloud kernels, as they have a word before amd64.
stock_newest() {
	comm -12 <(stock_releases image "$1") <(stock_releases headers "$1") | sort -V | tail -n 1
}

stock_releases() {
	apt_names "^linux-$1-${2//./\\.}\.[0-9][0-9.+a-z]*(-[0-9]+)?-amd64$" | sed "s/^linux-$1-//" | sort
}

stock_cached() {
	find "$CACHE/kernel/stock-$1" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort -V | tail -n 1
}

stock_unpack() {
	local release=$1 entry=$2 new=$WORK_DIR/stock headers depends deb module
	local packages=("linux-image-$release" "linux-headers-$release")

	headers=linux-headers-$release
	depends=$(apt_field "$headers" Depends | sed 's/[,|] */\n/g' | sed 's/ .*//')
	mapfile -t -O 2 packages < <(grep -E '^linux-(headers-.*-common|kbuild-.*)$' <<<"$depends")

	apt_fetch "$WORK_DIR/debs" "${packages[@]}"
	say "unpacking $release"
	mkdir -p "$new"
	for deb in "$WORK_DIR"/debs/linux-{headers,kbuild}-*.deb; do
		dpkg-deb -x "$deb" "$new"
	done
	# Of the image the kernel and a few modules.
	for deb in "$WORK_DIR"/debs/linux-image-*.deb; do
		dpkg-deb -x "$deb" "$WORK_DIR/image"
	done
	mv "$WORK_DIR/image/boot/vmlinuz-$release" "$new/vmlinuz"
	mkdir "$new/modules"
	for module in $STOCK_MODULES; do
		stock_module "$WORK_DIR/image" "$new/modules" "$module"
	done
	rm -rf "$WORK_DIR/image"
	# The packages expect to lie in /usr/src.
	sed -i 's|^include /usr/src/|include ../|' "$new/usr/src/$headers/Makefile"
	# It serves BTF only, and would make every build of a module need pahole.
	rm -f "$new/usr/src/$headers/vmlinux"
	rm -rf "${new:?}"/{boot,lib,usr/share}
	echo "$release" >"$new/release"

	mkdir -p "${entry%/*}"
	rm -rf "$entry"
	mv -T "$new" "$entry"
	rm -rf "$WORK_DIR/debs"
}

# stock_module IMAGE DIR NAME: unpacks a module into DIR, after those that it
# depends on, and appends them to DIR/order. What is built in has no file.
stock_module() {
	local image=$1 dir=$2 name=$3 file depends

	[ ! -e "$dir/$name.ko" ] || return 0
	file=$(find "$image/lib/modules" -name "$name.ko*" -o -name "${name//_/-}.ko*" | head -n 1)
	case $file in
	'') return 0 ;;
	*.xz) xz -dc "$file" >"$dir/$name.ko" ;;
	*.ko) cp "$file" "$dir/$name.ko" ;;
	*) die "$file is compressed in a way that the lab does not know" ;;
	esac
	depends=$(tr '\0' '\n' <"$dir/$name.ko" | sed -n 's/^depends=//p' | head -n 1)
	for depends in ${depends//,/ }; do
		stock_module "$image" "$dir" "$depends"
	done
	echo "$name.ko" >>"$dir/order"
}
