# SPDX-License-Identifier: GPL-2.0
# Evaluates the figures of hmm_bench: prints a table, and writes bench.json,
# table.csv for the documentation and the data of the plots to the directory out.
# cores is the number of cores of the host.

BEGIN {
	FS = "\t"
	json = out "/bench.json"
	csv = out "/table.csv"
	line = "%-67s %6s %4s %-12s %10s %10s %7s  %-16s %s\n"
	printf line, "figure", "mode", "cpus", "unit", "ours", "kernel", "ratio", "to reach", ""
	printf "[" > json
}

function number(x)
{
	return x == int(x) && x < 1e15 ? sprintf("%d", x) : sprintf("%.6g", x)
}

function rounded(x)
{
	return x >= 1000 || x == int(x) ? sprintf("%.0f", x) : sprintf("%.4g", x)
}

# figure group x name mode cpus unit ours kernel rule note
$1 == "figure" {
	group = $2; x = $3; name = $4; mode = $5; cpus = $6; unit = $7
	ours = $8 + 0; kernel = $9 + 0; rule = $10; note = $11

	goal = "none"
	met = target = "null"
	if (rule != "-") {
		limit = substr(rule, 3)
		most = rule ~ /^<=/
		target = limit + 0
		goal = (most ? "at most " : "at least ") target
		if (limit ~ /x$/) {
			goal = goal " x"
			target *= kernel
		}
		# Virtual CPUs that share a core cannot show the scaling.
		if (group == "snapshot-scaling" && x > cores) {
			note = "not judged: the host has " cores " cores; " note
		} else {
			met = (most ? ours <= target : ours >= target) ? "true" : "false"
			total++
			reached += met == "true"
		}
	}
	verdict = met == "true" ? "met" : met == "false" ? "missed" : ""
	ratio = kernel ? ours / kernel : 0

	printf line, name, mode, cpus, unit, rounded(ours), rounded(kernel),
		sprintf("%.3f", ratio), rule == "-" ? "" : goal,
		note == "" ? verdict : sprintf("%-8s%s", verdict, note)
	judged = rule == "-" ? "" : goal (verdict == "" ? "" : ": " verdict)
	printf "\"%s\",%s %d,%s,%s,%s,%s\n", name, mode, cpus, unit,
		rounded(ours), rounded(kernel), judged > csv

	printf "%s\n  {\"name\": \"%s\", \"mode\": \"%s\", \"cpus\": %d, \"unit\": \"%s\", ", \
		rows++ ? "," : "", name, mode, cpus, unit > json
	printf "\"ours\": %s, \"kernel\": %s, \"target\": %s, \"met\": %s, ", \
		number(ours), number(kernel),
		target == "null" ? target : number(target), met > json
	printf "\"ratio\": %.4f, \"goal\": \"%s\", \"note\": \"%s\"}",
		ratio, goal, note > json

	# Do not plot ratios of sizes, or of figures that are ratios themselves.
	if (group !~ /^(size|sparse|snapshot-(held|scaling))$/) {
		label = name
		gsub(/_/, " ", label)
		printf "%s\t%.4f\n", label " (" mode " " cpus ")", ratio > (out "/ratios.dat")
	}
	if (group ~ /^madvise-/)
		printf "%s\t%s\t%s\n", x ? x : 0.1, ours, kernel > (out "/" group ".dat")
	if (group == "read-threads" || group == "snapshot-threads")
		printf "%s\t%s\t%s\n", x, ours, kernel > (out "/" group "-" cpus ".dat")
}

END {
	print "\n]" > json
	if (!rows) {
		print "hmm_bench printed no figures" > "/dev/stderr"
		exit 1
	}
	printf "%d of %d goals met\n", reached, total
}
