# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Debian's own kernels: image and headers, unpacked side by side.

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

	if [ -d "$entry" ]; then
		say "stock-$series: reusing $release"
	else
		stock_unpack "$release" "$entry"
	fi
	KERNEL_IMAGE=$entry/vmlinuz
	KERNEL_DIR=$entry/usr/src/linux-headers-$release
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
	local release=$1 entry=$2 new=$WORK_DIR/stock headers depends deb
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
	# Of the image only the kernel: what the guest needs is built in.
	for deb in "$WORK_DIR"/debs/linux-image-*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$new" "./boot/vmlinuz-$release"
	done
	mv "$new/boot/vmlinuz-$release" "$new/vmlinuz"
	# The packages expect to lie in /usr/src.
	sed -i 's|^include /usr/src/|include ../|' "$new/usr/src/$headers/Makefile"
	# It serves BTF only, and would make every build of a module need pahole.
	rm -f "$new/usr/src/$headers/vmlinux"
	rm -rf "${new:?}"/{boot,lib,usr/share}
	echo "$release" >"$new/release"

	mkdir -p "${entry%/*}"
	mv -T "$new" "$entry"
	rm -rf "$WORK_DIR/debs"
}
