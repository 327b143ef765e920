# SPDX-License-Identifier: GPL-2.0
# Counts the results of the guest's programs. Adds a failure for each program that
# crashed, exited early, printed nothing or did not finish.
#
# Variables: kernel; mode (test, demo, bench, timeline or selftest); why, the reason why the
# machine stopped; counts, the file for "passed failed skipped".

# True if a program prints results
function has_results(name)
{
	return name != "" && name != "demo" && name != "bench" && name != "trace"
}

function problem(text)
{
	print "not ok - " kernel " " text
	failed++
}

function start_program(name)
{
	program = name
	results = bad = 0
	plan = -1
	skipped_whole = 0
}

function end_program(status)
{
	if (!has_results(program)) {
		program = ""
		return
	}
	if (skipped_whole && results == 0 && (status == 0 || status == 4)) {
		skipped++
	} else if (results == 0) {
		problem(program ": printed no result and exited with status " status)
	} else {
		if (plan < 0)
			problem(program ": printed no plan (1..N)")
		else if (plan != results)
			problem(program ": planned " plan " results and printed " results)
		if (status != 0 && bad == 0)
			problem(program ": exited with status " status ", but no test failed")
	}
	program = ""
}

/^#hmm begin / {
	start_program($3)
	next
}

/^#hmm end / {
	end_program($4)
	next
}

/^#hmm done/ {
	done = 1
	next
}

/^#hmm start/ {
	started = 1
	next
}

!has_results(program) {
	next
}

/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	skipped_whole = plan == 0 && /# *SKIP/
	next
}

/^ok( |$)/ {
	results++
	if (/# *SKIP/)
		skipped++
	else
		passed++
	next
}

/^not ok( |$)/ {
	results++
	bad++
	failed++
	# In mode test, this line was printed while the guest ran.
	if (mode != "test")
		print
	next
}

mode != "test" && program == "guest" && NF {
	print
}

END {
	if (program != "")
		problem(program ": did not finish: " why)
	else if (!started)
		problem("boot: the guest never reached its init: " why)
	else if (!done)
		problem("guest: stopped before all programs had finished: " why)
	print passed + 0, failed + 0, skipped + 0 > counts
}
