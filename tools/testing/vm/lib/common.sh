# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Messages, the cache, locks and the clean-up.

CACHE=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
CACHE=${HMM_CACHE:-${CACHE:+$CACHE/hmm-mirror}}

# Progress is printed to stderr, results to stdout.
say() {
	printf '# %s\n' "$*" >&2
}

die() {
	printf 'hmm-mirror: %s\n' "$*" >&2
	exit 1
}

# disk_check DIR: called after a failure; exits with a message if the disk is full
disk_check() {
	local free_kb

	free_kb=$(df --output=avail -k "$1" | tail -n 1)
	((free_kb >= 1024)) ||
		die "the disk of $1 is full: free some space, or set HMM_CACHE to a directory on another disk"
}

# Prints the end of a log after a failure.
show_tail() {
	say "the last lines of $1:"
	tail -n "${2:-30}" "$1" | sed 's/^/# | /' >&2
}

# All unfinished work is in WORK_DIR. Finished parts are renamed into place, so
# WORK_DIR must be on the file system of the cache. lab_cleanup removes the rest.
lab_start() {
	local old pid

	[ -n "$CACHE" ] || die "HOME is not set: set it or HMM_CACHE"
	[[ $CACHE == /* ]] || die "HMM_CACHE must be an absolute path, not $CACHE"
	[[ $CACHE/ != "$TREE"/* ]] || die "HMM_CACHE must be outside the source tree"
	# make treats a path with a blank as two words.
	[[ $CACHE$TREE != *[[:space:]]* ]] || die "the paths of the tree and of HMM_CACHE must not contain blanks"
	mkdir -p "$CACHE/tmp" "$CACHE/lock" 2>/dev/null ||
		die "cannot write to the cache directory $CACHE: set HMM_CACHE to another one"

	# Remove the directories of runs that were killed.
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

# lab_cleanup [STATUS]
lab_cleanup() {
	local status=${1:-$?} pids

	trap '' INT TERM HUP
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word per process
	[ -z "$pids" ] || kill $pids 2>/dev/null || :
	wait 2>/dev/null || :
	[ -z "${TTY_STATE-}" ] || stty "$TTY_STATE" 2>/dev/null || :
	rm -rf "$WORK_DIR"
	exit "$status"
}

# Runs may share a cache. A run waits while another run prepares the same entry.
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

# elapsed SECONDS: prints minutes and seconds
elapsed() {
	printf '%d:%02d' $(($1 / 60)) $(($1 % 60))
}
