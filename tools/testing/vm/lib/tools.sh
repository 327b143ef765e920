# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Gets the files of the kernel's source that tests and checks need.

# source_suites SERIES: prints the suites to search if the machine's own Debian lacks
# the source
source_suites() {
	case $1 in
	5.10) echo bullseye ;;
	6.*) ;;
	*) echo forky sid trixie-backports experimental ;;
	esac
}

# source_tarball SERIES: sets SOURCE_TARBALL and SOURCE_ID
source_tarball() {
	source_find "$1" || die "$(source_missing "$1")"
}

# source_find SERIES: sets the same variables, but fails if no suite has the source.
# A failed download ends the run.
source_find() {
	local series=$1 suite suites

	apt_check
	source_known "$series" || source_cached "$series" && return
	suites=$(source_suites "$series")
	for suite in $suites; do
		apt_in "$suite" source_known "$series" && return
	done
	[ -z "$suites" ] && apt_update && source_known "$series"
}

source_missing() {
	local suites

	suites=$(source_suites "$1")
	if [ -n "$suites" ]; then
		echo "Debian has no linux-source-$1, neither here nor in ${suites// / or }: choose another KERNEL"
	else
		echo "apt has no linux-source-$1: add Debian 12 with its security updates to apt's sources and run \"apt-get update\""
	fi
}

# If apt has no package lists, the cache may still have a source. The lists of another
# suite are not fetched only to look for an update.
source_cached() {
	local dir

	dir=$(find "$CACHE/source" -mindepth 1 -maxdepth 1 -name "$1-*" 2>/dev/null | sort -V | tail -n 1)
	[ -n "$dir" ] || return
	SOURCE_ID=${dir##*/}
	SOURCE_TARBALL=$dir/linux-source-$1.tar.xz
}

# source_known SERIES: fetches the source if apt has it
source_known() {
	local series=$1 version dir

	version=$(apt_field "linux-source-$series" Version)
	[ -n "$version" ] || return
	dir=$CACHE/source/$series-${version//[:~]/_}
	SOURCE_ID=${dir##*/}
	SOURCE_TARBALL=$dir/linux-source-$series.tar.xz
	[ ! -e "$SOURCE_TARBALL" ] || return 0

	apt_fetch "$WORK_DIR/debs" "linux-source-$series"
	mkdir -p "$WORK_DIR/source" "$CACHE/source"
	dpkg-deb --fsys-tarfile "$WORK_DIR"/debs/linux-source-*.deb |
		tar -x -C "$WORK_DIR/source" --strip-components=3 "./usr/src/linux-source-$series.tar.xz" ||
		die "cannot unpack linux-source-$series: remove $CACHE/source and try again"
	mv -T "$WORK_DIR/source" "$dir"
	rm -rf "$WORK_DIR/debs"
}

# tools_get: sets TOOLS_DIR, which has the layout of the kernel's tree
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
