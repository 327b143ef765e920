# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# The few files of the kernel's source that tests and checks are made with.

# source_tarball SERIES: sets SOURCE_TARBALL and SOURCE_ID
source_tarball() {
	local series=$1 version dir

	apt_check
	version=$(apt_field "linux-source-$series" Version)
	if [ -z "$version" ]; then
		# A machine without package lists may still hold a source.
		dir=$(find "$CACHE/source" -mindepth 1 -maxdepth 1 -name "$series-*" 2>/dev/null | sort -V | tail -n 1)
		if [ -z "$dir" ]; then
			apt_update && source_tarball "$series" && return
			die "apt knows no linux-source-$series: add Debian 12 with its security updates to apt's sources and run \"apt-get update\""
		fi
	else
		dir=$CACHE/source/$series-${version//[:~]/_}
	fi
	SOURCE_ID=${dir##*/}
	SOURCE_TARBALL=$dir/linux-source-$series.tar.xz
	[ ! -e "$SOURCE_TARBALL" ] || return 0

	apt_fetch "$WORK_DIR/debs" "linux-source-$series"
	mkdir -p "$WORK_DIR/source" "$CACHE/source"
	dpkg-deb --fsys-tarfile "$WORK_DIR"/debs/linux-source-*.deb |
		tar -x -C "$WORK_DIR/source" --strip-components=3 "./usr/src/linux-source-$series.tar.xz"
	mv -T "$WORK_DIR/source" "$dir"
	rm -rf "$WORK_DIR/debs"
}

# tools_get: sets TOOLS_DIR, laid out like the kernel's tree
tools_get() {
	local new=$WORK_DIR/tools top

	lock "source-$TOOLS_SERIES"
	source_tarball "$TOOLS_SERIES"
	TOOLS_DIR=$CACHE/tools/$SOURCE_ID
	if [ -d "$TOOLS_DIR" ]; then
		unlock "source-$TOOLS_SERIES"
		return
	fi

	top=linux-source-$TOOLS_SERIES
	say "extracting kselftest_harness.h and the checkers from $top"
	mkdir -p "$new" "$CACHE/tools"
	xz -dc "$SOURCE_TARBALL" | tar -x -C "$new" --strip-components=1 \
		"$top/tools/testing/selftests/kselftest.h" \
		"$top/tools/testing/selftests/kselftest_harness.h" \
		"$top/scripts/checkpatch.pl" \
		"$top/scripts/spelling.txt" \
		"$top/scripts/const_structs.checkpatch" \
		"$top/scripts/kernel-doc" ||
		die "cannot extract files from $SOURCE_TARBALL: remove it and try again"
	mv -T "$new" "$TOOLS_DIR"
	unlock "source-$TOOLS_SERIES"
}
