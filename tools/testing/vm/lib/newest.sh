# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# stock-newest: the newest stock kernel in any suite of Debian.

# newest_resolve: replaces stock-newest in KERNEL by the name of that kernel, and drops
# names that occur twice
newest_resolve() {
	local name newest names=

	[[ " ${KERNEL-} " == *" stock-newest "* ]] || return 0
	newest=$(newest_name)
	say "stock-newest is $newest"
	for name in ${KERNEL//stock-newest/$newest}; do
		[[ " $names " == *" $name "* ]] || names+=${names:+ }$name
	done
	KERNEL=$names
}

# newest_name: prints the name. The answer is kept for a day, because the package lists
# are large. Without these, the cache may still have kernels.
newest_name() {
	local known=$CACHE/newest name

	lock newest
	if [ -z "$(find "$known" -mmin -1440 2>/dev/null)" ]; then
		# A failure to fetch the lists exits, so use a subshell.
		if name=$(apt_check && apt_in "$(newest_suites)" newest_offered) && [ -n "$name" ]; then
			echo "$name" >"$known"
		else
			say "Debian's lists are not available: stock-newest is the newest kernel in the cache"
			name=$(newest_cached)
			[ -n "$name" ] || die "cannot find the newest kernel of Debian: check the network, then try again"
			unlock newest
			echo "$name"
			return
		fi
	fi
	unlock newest
	cat "$known"
}

# newest_suites: prints all suites in which stock_find searches for new kernels
newest_suites() {
	stock_suites newest | tr ' +' '\n' | LC_ALL=C sort -u | paste -sd ' '
}

# newest_offered: prints the newest series that has both an image and headers. Release
# candidates, such as 7.4-rc2, do not match.
newest_offered() {
	local series

	series=$(LC_ALL=C comm -12 <(newest_series image) <(newest_series headers) | sort -V | tail -n 1)
	[ -z "$series" ] || echo "stock-$series"
}

newest_series() {
	apt_names "^linux-$1-[0-9]+\.[0-9]+\.[0-9][0-9.+a-z]*(-[0-9]+)?-amd64$" |
		sed -E "s/^linux-$1-([0-9]+\.[0-9]+)\..*/\1/" | LC_ALL=C sort -u
}

newest_cached() {
	find "$CACHE/kernel" -mindepth 1 -maxdepth 1 -name 'stock-[0-9]*' ! -name '*-*-*' -printf '%f\n' 2>/dev/null |
		sort -V | tail -n 1
}
