# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Messages, the cache, and leaving nothing behind.

CACHE=${HMM_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set it or HMM_CACHE}/.cache}/hmm-mirror}

# Progress goes to stderr: stdout carries results.
say() {
	printf '# %s\n' "$*" >&2
}

die() {
	printf 'hmm-mirror: %s\n' "$*" >&2
	exit 1
}

# Shows the end of a log that explains a failure.
show_tail() {
	say "the last lines of $1:"
	tail -n "${2:-30}" "$1" | sed 's/^/# | /' >&2
}

# Everything unfinished lives below one directory, which is renamed into place
# or removed. It lies in the cache, as a rename must not cross file systems.
lab_start() {
	local old pid

	[[ $CACHE == /* ]] || die "HMM_CACHE must be an absolute path, not $CACHE"
	[[ $CACHE/ != "$TREE"/* ]] || die "HMM_CACHE must lie outside the source tree"
	# Compilers and make split words, so a blank in a path would break them.
	[[ $CACHE$TREE != *[[:space:]]* ]] || die "the paths of the tree and of HMM_CACHE must not contain blanks"
	mkdir -p "$CACHE/tmp" "$CACHE/lock" 2>/dev/null ||
		die "cannot write to the cache directory $CACHE: set HMM_CACHE to another one"

	# Left by a run that was killed without a chance to clean up.
	for old in "$CACHE"/tmp/*.*; do
		pid=${old##*/}
		pid=${pid%%.*}
		[ ! -d "$old" ] || kill -0 "$pid" 2>/dev/null || rm -rf "$old"
	done

	WORK_DIR=$(mktemp -d "$CACHE/tmp/$$.XXXXXX")
	trap lab_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

lab_cleanup() {
	local status=$? pids

	trap '' INT TERM HUP
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word per process
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
	wait 2>/dev/null || :
	[ -z "${TTY_STATE-}" ] || stty "$TTY_STATE" 2>/dev/null || :
	rm -rf "$WORK_DIR"
	exit "$status"
}

# Two runs may share a cache; what one of them makes, the other waits for.
declare -A LOCKS

lock() {
	local fd

	exec {fd}>"$CACHE/lock/$1"
	LOCKS[$1]=$fd
	if ! flock -n "$fd"; then
		say "another run is preparing $1: waiting for it"
		flock "$fd"
	fi
}

unlock() {
	local fd=${LOCKS[$1]}

	exec {fd}>&-
}

# elapsed SECONDS: minutes and seconds
elapsed() {
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}
