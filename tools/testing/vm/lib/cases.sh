# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Finds the cases of the test programs in the sources.

# cases PROGRAM: prints the names of the cases, if the program has cases
cases() {
	local source=$TREE/tools/testing/selftests/hmm/$1.c

	case $1 in
	api_test) sed -n 's/^\t{ "\([a-z0-9_]*\)",.*/\1/p' "$TREE"/tools/testing/modules/*.c ;;
	*)
		[ ! -e "$source" ] || perl -0777 -ne \
			'print "$+\n" while /^TEST(?:_SIGNAL|_TIMEOUT)?\(\s*(\w+)|^TEST_F(?:_SIGNAL|_TIMEOUT)?\(\s*\w+,\s*(\w+)/mg' \
			"$source"
		;;
	esac
}

# cases_args PROGRAM PATTERN...: prints the arguments that select the matching
# cases, one word in each line; fails if no case matches
cases_args() {
	local name pattern program=$1 found=1
	shift

	while read -r name; do
		for pattern; do
			# shellcheck disable=SC2053 # a pattern
			[[ $name == $pattern ]] || continue
			[ "$program" = api_test ] || echo "-t"
			echo "$name"
			found=0
			break
		done
	done < <(cases "$program")
	return "$found"
}
