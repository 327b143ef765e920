# SPDX-License-Identifier: GPL-2.0
# Searches a kernel's log for reports of its checkers.
#
# A test that provokes a report announces it in /dev/kmsg:
#	hmm-expect-begin: <extended regular expression>
#	hmm-expect-end
# Matching reports between these lines are expected, and at least one must occur.
# Every other report is a failure.
#
# Variables: kernel; mode (test, demo, bench, timeline or selftest); counts, the file for
# "passed failed skipped".

BEGIN {
	n_patterns = split( \
		"BUG:|" \
		"kernel BUG at|" \
		"Oops|" \
		"WARNING:|" \
		"KASAN:|" \
		"KCSAN:|" \
		"UBSAN:|" \
		"KFENCE:|" \
		"possible circular locking|" \
		"possible recursive locking|" \
		"possible irq lock inversion|" \
		"inconsistent lock state|" \
		"suspicious RCU usage|" \
		"trying to register non-static key|" \
		"DEBUG_LOCKS_WARN_ON|" \
		"sleeping function called from invalid context|" \
		"scheduling while atomic|" \
		"INFO: task .* blocked|" \
		"soft lockup|" \
		"hard LOCKUP|" \
		"rcu.*detected .*stall|" \
		"kmemleak: .* new suspected|" \
		"ODEBUG:|" \
		"refcount_t:|" \
		"[Bb]ad page state|" \
		"Bad rss-counter|" \
		"DMAR: .*fault addr|" \
		"arm-smmu-v3 .*: event[: ]|" \
		"DMA-API:.*device driver|" \
		"general protection fault|" \
		"[Uu]nable to handle|" \
		"Kernel panic", pattern, "|")
}

function is_report(line,    i)
{
	# Ignore crashes of user programs: the tests handle them.
	if (line ~ /traps: /)
		return 0
	for (i = 1; i <= n_patterns; i++)
		if (line ~ pattern[i])
			return 1
	return 0
}

function failure(text, at)
{
	failures++
	failure_text[failures] = text
	failure_at[failures] = at
}

# The lines between "cut here" and "end trace" are one report. An announcement may
# match any of them.
function end_report()
{
	if (telling != "") {
		if (expecting && report ~ expected)
			seen = 1
		else
			failure(telling, report_at)
	}
	report = telling = ""
	in_block = 0
}

{
	log_line[NR] = $0
}

/hmm-expect-begin: / {
	end_report()
	expected = $0
	sub(/.*hmm-expect-begin: /, "", expected)
	expecting = 1
	seen = 0
	next
}

/hmm-expect-end/ {
	end_report()
	if (expecting && !seen)
		failure("the expected report is missing: " expected, NR)
	expecting = 0
	next
}

/-+\[ cut here \]-+/ {
	end_report()
	in_block = 1
	next
}

/---\[ end trace/ {
	end_report()
	next
}

in_block {
	report = report $0 "\n"
}

is_report($0) {
	if (telling == "") {
		telling = $0
		report_at = NR
	}
	if (!in_block) {
		report = $0
		end_report()
	}
}

END {
	end_report()
	if (expecting)
		failure("an announcement without hmm-expect-end: " expected, NR)

	if (failures) {
		print "not ok - " kernel " kernel log"
		shown = 0
		for (i = 1; i <= failures; i++) {
			print "# " failure_text[i]
			if (failure_at[i] <= shown)
				continue
			from = failure_at[i] - 5
			if (from <= shown)
				from = shown + 1
			shown = failure_at[i] + 45
			if (shown > NR)
				shown = NR
			for (j = from; j <= shown; j++)
				print "# | " log_line[j]
		}
	} else if (mode != "demo" && mode != "timeline") {
		print "ok - " kernel " kernel log"
	}
	print (failures ? "0 1 0" : "1 0 0") > counts
}
