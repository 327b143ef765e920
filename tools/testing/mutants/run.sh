# shellcheck shell=bash
# shellcheck disable=SC2034 # lab uses these variables
# SPDX-License-Identifier: GPL-2.0
# make mutants: builds the modules with one mistake at a time, and runs tests that
# must fail.

MUTANTS_DIR=$TREE/tools/testing/mutants
MUTANTS_KERNEL=stock-6.12
# Maximum number of mutants in one guest
MUTANTS_PER_GUEST=16
# A mutant is considered hung if its tests take longer than this number of seconds.
# It is "patience" in mutants/guest. The tests also have their own limits, and
# HMM_TIMEOUT of the guest is higher.
MUTANTS_PATIENCE=300
# Names of mutants that must run alone in a guest
declare -A MUTANTS_ALONE
# With WHOLE, names of mutants that their own tests did not detect
declare -A MUTANTS_MISSED

lab_mutants() {
	local kernel mutant pending

	mutants_select
	MUTANTS_RESULTS=$CACHE/mutants/$TREE_ID
	mkdir -p "$MUTANTS_RESULTS"
	[ -z "${FRESH-}" ] || rm -f "$MUTANTS_RESULTS"/*
	MUTANTS_TREE_ID=$(mutants_tree_id)
	MUTANTS_DONE=0

	# Mutants of the same kernel share a build and a baseline.
	for kernel in $(mutants_kernels); do
		pending=()
		for mutant in "${MUTANTS[@]}"; do
			[ "$(mutant_kernel "$mutant")" = "$kernel" ] || continue
			if mutant_kept "$mutant" "$kernel"; then
				mutant_say "$mutant"
			else
				pending+=("$mutant")
			fi
		done
		[ "${#pending[@]}" = 0 ] || mutants_run "$kernel" "${pending[@]}"
	done
	mutants_table
}

# mutants_select: sets MUTANTS to the names that match MUTANT: the first one of each
# source file, then the second one of each, and so on. In this order, even an
# interrupted run has tried mutants of many files.
mutants_select() {
	local path

	MUTANTS=()
	while read -r path; do
		path=${path#"$MUTANTS_DIR/"}
		# shellcheck disable=SC2053 # a pattern
		[[ ${path%.mutant} != ${MUTANT:-*} ]] || MUTANTS+=("${path%.mutant}")
	done < <(find "$MUTANTS_DIR" -name '*.mutant' | LC_ALL=C sort |
		awk '{ file = $0; sub(/-[^\/]*$/, "", file); print n[file]++, $0 }' |
		sort -s -n -k 1,1 | cut -d ' ' -f 2)
	[ "${#MUTANTS[@]}" != 0 ] || die "MUTANT=${MUTANT-} matches no file below $MUTANTS_DIR"
}

# mutant_field MUTANT FIELD: prints the values of a field, one in each line
mutant_field() {
	awk -v field="$2:" '
		$1 == field { sub(/^[^ ]*: */, ""); if (n++) print text; text = $0; on = 1; next }
		/^[ \t]+[^ \t]/ && on { sub(/^[ \t]+/, ""); text = text " " $0; next }
		{ on = 0 }
		END { if (n) print text }' "$MUTANTS_DIR/$1.mutant"
}

mutant_kernel() {
	local kernel

	kernel=${KERNEL:-$(mutant_field "$1" Kernel)}
	echo "${kernel:-$MUTANTS_KERNEL}"
}

# mutants_kernels: prints the kernels that the mutants need, the most frequent one
# first
mutants_kernels() {
	local mutant

	for mutant in "${MUTANTS[@]}"; do
		mutant_kernel "$mutant"
	done | LC_ALL=C sort | uniq -c | sort -rn | awk '{ print $2 }'
}

# mutants_tests MUTANT...: prints the tests that the mutants name: in each line, a
# program and patterns of its cases
mutants_tests() {
	local mutant

	for mutant; do
		mutant_field "$mutant" Killed-by
	done | LC_ALL=C sort -u
}

mutants_tree_id() {
	(cd "$TREE" && tree_files | xargs sha1sum | sha1sum | cut -c 1-12)
}

# mutant_id MUTANT KERNEL: prints an identifier that depends on the mutant and on
# the code of the files that it changes, without their comments
mutant_id() {
	{
		echo "$2"
		cat "$MUTANTS_DIR/$1.mutant"
		"$MUTANTS_DIR/mutate" -l "$MUTANTS_DIR/$1.mutant" | while read -r file; do
			mutant_code "$TREE/$file"
		done
	} | sha1sum | cut -c 1-12
}

# mutant_code FILE: prints the source code without comments. The output of the
# compiler lacks some preprocessor directives, so all of them are added.
mutant_code() {
	[ -e "$1" ] || return 0
	gcc -x c -w -fpreprocessed -dD -E -P "$1"
	grep '^[ 	]*#' "$1" || :
}

# mutant_kept MUTANT KERNEL: true if a valid result is stored. If so, sets
# MUTANT_STATE (killed, survived, argued, unbuilt, stale, untested), MUTANT_BY and
# MUTANT_NOTE. The result "killed" is valid until the mutant or the code of its file
# changes. Other results are valid until any file changes.
mutant_kept() {
	local id old_id old_tree file=$MUTANTS_RESULTS/${1//\//,}

	[ -e "$file" ] || return
	{
		read -r old_id old_tree MUTANT_STATE
		read -r MUTANT_BY
		read -r MUTANT_NOTE
	} <"$file"
	id=$(mutant_id "$1" "$2")
	if [ "$MUTANT_STATE" != killed ]; then
		id+=" $MUTANTS_TREE_ID"
		old_id+=" $old_tree"
	fi
	[ "$old_id" = "$id" ]
}

# mutant_keep MUTANT KERNEL: stores and prints the result
mutant_keep() {
	local file=$MUTANTS_RESULTS/${1//\//,}

	printf '%s %s %s\n%s\n%s\n' "$(mutant_id "$1" "$2")" "$MUTANTS_TREE_ID" \
		"$MUTANT_STATE" "$MUTANT_BY" "$MUTANT_NOTE" >"$file.new"
	mv "$file.new" "$file"
	rm -rf "$RUN_DIR/built/${1//\//,}"
	mutant_say "$1"
}

mutant_say() {
	MUTANTS_DONE=$((MUTANTS_DONE + 1))
	say "[$MUTANTS_DONE/${#MUTANTS[@]}] $1: $MUTANT_STATE${MUTANT_BY:+ $MUTANT_BY}${MUTANT_NOTE:+ ($MUTANT_NOTE)}"
}

# mutants_run KERNEL MUTANT...: runs several mutants in each guest, until one leaves
# it in a bad state
mutants_run() {
	local kernel=$1 queue batch again mutant failed=0
	shift

	mutants_prepare "$kernel"
	mutants_build_ahead "$kernel" "$@" &
	MUTANTS_BUILDER=$!
	mutants_baseline "$kernel" "$(mutants_tests "$@")"
	queue=("$@")
	while [ "${#queue[@]}" != 0 ]; do
		batch=() again=()
		while [ "${#queue[@]}" != 0 ] && mutants_fit "${queue[0]}" "${batch[@]}"; do
			mutant_wait "${queue[0]}"
			if [ -n "$MUTANT_STATE" ]; then
				mutant_keep "${queue[0]}" "$kernel"
			else
				batch+=("${queue[0]}")
			fi
			queue=("${queue[@]:1}")
		done
		[ "${#batch[@]}" != 0 ] || continue
		mutants_boot "$kernel" "${batch[@]}"
		for mutant in "${batch[@]}"; do
			if mutant_judge "$mutant" "$kernel" "${batch[0]}"; then
				mutant_keep "$mutant" "$kernel"
				failed=0
			else
				again+=("$mutant")
			fi
		done
		failed=$((failed + 1))
		((failed < 4)) || {
			show_tail "$RUN_DIR/console" 40
			die "$kernel: four guests stopped before they ran a mutant"
		}
		queue=("${again[@]}" "${queue[@]}")
	done
	wait "$MUTANTS_BUILDER" || :
}

# mutants_fit MUTANT BATCH...: true if the mutant can run in the same guest as the
# mutants of BATCH
mutants_fit() {
	local mutant=$1
	shift

	[ "$#" != 0 ] || return 0
	(($# < MUTANTS_PER_GUEST)) && [ -d "$RUN_DIR/built/${mutant//\//,}" ] &&
		! mutant_alone "$mutant" && ! mutant_alone "$1"
}

# mutant_alone MUTANT: true if the mutant needs its own guest, for example because
# lockdep is off after a report
mutant_alone() {
	[ -n "${MUTANTS_ALONE[$1]-}" ] ||
		mutant_field "$1" Killed-by | mutants_lockdep_tests | grep -q .
}

# mutants_lockdep_tests: prints the lines of stdin whose case provokes a lockdep
# report
mutants_lockdep_tests() {
	grep -xE "api_test ($(wrong_drivers debug-any | paste -sd '|'))" || :
}

# mutants_prepare KERNEL: prepares the files that all mutants share
mutants_prepare() {
	kernel_get "$1"
	busybox_get
	qemu_get "$1"
	RUN_DIR=$WORK_DIR/run-$1
	INITRAMFS=$RUN_DIR/initramfs.gz
	GUEST_MODE=mutants
	# Use a separate build, so that make test never uses a mutant.
	BUILD_PURPOSE=mutants
	mkdir -p "$RUN_DIR"/{tests,built,results} "$RUN_DIR/root/mutants"

	lock "build-$TREE_ID-$1-mutants"
	build "$1" modules tests
	rm -f "$BUILD_DIR/.mutated"
	cp "$BUILD_DIR"/tests/*_test "$RUN_DIR/tests/"
	initramfs_base "$RUN_DIR/root"
	mutants_modules "$RUN_DIR/root/modules"
	unlock "build-$TREE_ID-$1-mutants"
	cp "$MUTANTS_DIR/guest" "$RUN_DIR/root/mutants/"
}

# mutants_modules DIR: copies the modules without debug information
mutants_modules() {
	local dir

	mkdir -p "$1/tests"
	cp "$BUILD_DIR"/src/*/*.ko "$1/"
	for dir in $(build_test_modules); do
		cp "$BUILD_DIR/$dir"/*.ko "$1/tests/"
	done
	"${GUEST_CROSS}strip" --strip-debug "$1"/*.ko "$1"/tests/*.ko
}

# mutants_build_ahead KERNEL MUTANT...: builds mutants while others run
mutants_build_ahead() {
	local kernel=$1 mutant new=$RUN_DIR/new file
	shift

	for mutant; do
		MUTANT_STATE='' MUTANT_BY=
		mkdir -p "$new"
		mutant_build "$mutant" "$kernel" "$new"
		# Keep only modules that differ.
		for file in "$new"/*.ko "$new"/tests/*.ko; do
			! cmp -s "$file" "$RUN_DIR/root/modules/${file#"$new/"}" || rm -f "$file"
		done
		printf '%s\n%s\n' "$MUTANT_STATE" "$MUTANT_BY" >"$new/state"
		mv -T "$new" "$RUN_DIR/built/${mutant//\//,}"
	done
}

# mutant_wait MUTANT: waits until the mutant is built. Sets MUTANT_STATE, MUTANT_BY
# and MUTANT_NOTE. If the mutant can run, MUTANT_STATE is empty.
mutant_wait() {
	local dir=$RUN_DIR/built/${1//\//,}

	while [ ! -d "$dir" ]; do
		kill -0 "$MUTANTS_BUILDER" 2>/dev/null || [ -d "$dir" ] || die "the build of $1 stopped early"
		sleep 0.2
	done
	MUTANT_NOTE=
	{
		read -r MUTANT_STATE
		read -r MUTANT_BY
	} <"$dir/state"
	if [ -z "$MUTANT_STATE" ] && [ -z "$(mutants_tests "$1")" ] && [ -z "${WHOLE-}" ]; then
		mutant_survives "$1"
	fi
}

# mutant_build MUTANT KERNEL DIR: copies the modules to DIR. Sets MUTANT_STATE on
# failure
mutant_build() {
	local file path=$MUTANTS_DIR/$1.mutant log=$RUN_DIR/make.log

	lock "build-$TREE_ID-$2-mutants"
	if [ -e "$BUILD_DIR/.mutated" ]; then
		while read -r file; do
			cp "$TREE/$file" "$BUILD_DIR/$file"
		done <"$BUILD_DIR/.mutated"
	fi
	"$MUTANTS_DIR/mutate" -l "$path" >>"$BUILD_DIR/.mutated"
	if ! "$MUTANTS_DIR/mutate" "$BUILD_DIR" "$path" 2>"$log"; then
		MUTANT_STATE=stale
		MUTANT_BY=$(sed 's/.*\.mutant: //' "$log" | tr '\n' ' ')
	elif ! mutant_make "$log"; then
		MUTANT_STATE=unbuilt
		MUTANT_BY=$(grep -m 1 -oE '(error|ERROR): .*' "$log" || tail -n 1 "$log")
	else
		mutants_modules "$3"
		"$MUTANTS_DIR/mutate" -l "$path" >"$BUILD_DIR/.mutated"
	fi
	unlock "build-$TREE_ID-$2-mutants"
}

# mutant_make LOG: builds the modules that contain changed files
mutant_make() {
	{
		build_modules || return
		grep -qE '^(include|src/compat|samples|tools)/' "$BUILD_DIR/.mutated" || return 0
		build_clients
	} >"$1" 2>&1
}

# mutants_boot KERNEL MUTANT...: boots one guest. Stores its output in
# RUN_DIR/results, in separate files for each mutant that it reached.
mutants_boot() {
	local kernel=$1 mutant set tests root=$RUN_DIR/root number=100
	shift

	rm -rf "$root/mutants/sets" "$root"/tests/*
	for mutant; do
		set=$root/mutants/sets/$number-${mutant//\//,}
		number=$((number + 1))
		mkdir -p "$set"
		[ ! -d "$RUN_DIR/built/${mutant//\//,}" ] ||
			cp -rT "$RUN_DIR/built/${mutant//\//,}" "$set"
		tests=$(mutant_tests "$mutant")
		mutants_programs "$tests" >"$set/programs"
	done
	initramfs_pack "$root"
	rm -f "$RUN_DIR"/results/*
	HMM_TIMEOUT=$((MUTANTS_PATIENCE + 60 + 60 * $#)) guest_boot "$kernel" >"$RUN_DIR/guest.log" 2>&1
	awk -v dir="$RUN_DIR/results" '
		/^#hmm set / { if (file) close(file); file = dir "/" substr($3, 5) ".verdict" }
		file { print >file }' "$RUN_DIR/verdict"
	awk -v dir="$RUN_DIR/results" '
		/hmm-set: / { if (file) close(file); file = dir "/" substr($NF, 5) ".console" }
		file { print >file }' "$RUN_DIR/console"
}

# mutant_tests MUTANT: prints the tests to run; those of the baseline are in
# MUTANTS_BASELINE
mutant_tests() {
	case $1 in
	baseline) echo "$MUTANTS_BASELINE" ;;
	*)
		if [ -n "${WHOLE-}" ] && [ -n "${MUTANTS_MISSED[$1]-}" ]; then
			mutants_all_tests
		else
			mutants_tests "$1"
		fi
		;;
	esac
}

mutants_all_tests() {
	(cd "$RUN_DIR/tests" && printf '%s\n' *_test)
}

# mutants_programs TESTS: prints a program and its arguments in each line, and
# copies the programs
mutants_programs() {
	local program cases patterns args
	local -A all=() whole=()

	while read -r program cases; do
		[ -e "$RUN_DIR/tests/$program" ] || die "there is no test program $program"
		cp "$RUN_DIR/tests/$program" "$RUN_DIR/root/tests/"
		[ -n "$cases" ] || whole[$program]=1
		read -ra patterns <<<"$cases"
		args=$(cases_args "$program" "${patterns[@]}") ||
			[ -z "$cases" ] || die "$program has no case $cases"
		all[$program]+=" ${args//$'\n'/ }"
	done <<<"$1"
	for program in "${!all[@]}"; do
		[ -z "${whole[$program]-}" ] || all[$program]=
		echo "$program${all[$program]}"
	done
}

# mutants_results NAME: prints a line for each result of the last boot: ok, not or
# skip, the program and the case
mutants_results() {
	awk '
		/^#hmm begin / { program = $3; bad = 0; next }
		/^#hmm end / {
			if (program != "guest" && $4 != 0 && $4 != 4 && !bad)
				print "not", program, "exits-with-" $4
			program = ""
			next
		}
		program == "" { next }
		/^(not )?ok / {
			state = /# *SKIP/ ? "skip" : $1
			bad += state == "not"
			sub(/^(not )?ok [0-9]+ (- )?/, "")
			sub(/ *# .*/, "")
			if (program != "guest")
				sub(/^.*\./, "")
			gsub(/ /, "-")
			print state, program, $0
		}' "$RUN_DIR/results/$1.verdict"
}

# mutants_baseline KERNEL TESTS: runs those of the tests without a mutant that have
# no stored result. A test that fails without a mutant cannot kill a mutant.
mutants_baseline() {
	local passed=$MUTANTS_RESULTS/,baseline-$1-$MUTANTS_TREE_ID missing='' line

	while read -r line; do
		[ -z "$line" ] || grep -qxF "asked $line" "$passed" 2>/dev/null ||
			missing+=$line$'\n'
	done <<<"$2"
	# After a report, lockdep is off for the rest of a boot.
	while read -r line; do
		[ -z "$line" ] || mutants_baseline_boot "$1" "$line" "$passed"
	done < <(mutants_lockdep_tests <<<"$missing")
	missing=$(grep -vxF "$(mutants_lockdep_tests <<<"$missing")" <<<"$missing" | grep . || :)
	[ -z "$missing" ] || mutants_baseline_boot "$1" "$missing" "$passed"
}

# mutants_baseline_boot KERNEL TESTS FILE: adds the results to FILE
mutants_baseline_boot() {
	local line patience=$MUTANTS_PATIENCE

	say "$1: running the tests without a mutant"
	MUTANTS_BASELINE=$2
	# The baseline runs many tests in one set.
	MUTANTS_PATIENCE=3600
	sed -i "s/^patience=.*/patience=$MUTANTS_PATIENCE/" "$RUN_DIR/root/mutants/guest"
	mutants_boot "$1" baseline
	MUTANTS_PATIENCE=$patience
	sed -i "s/^patience=.*/patience=$MUTANTS_PATIENCE/" "$RUN_DIR/root/mutants/guest"
	if ! grep -q '^#hmm done' "$RUN_DIR/verdict"; then
		show_tail "$RUN_DIR/console" 40
		die "$1: the guest stopped early, although there was no mutant"
	fi
	mutants_results baseline | sed -n "s/^not \([^ ]*\) \(.*\)/# fails without a mutant: \1 \2/p" >&2
	{
		mutants_results baseline
		while read -r line; do
			echo "asked $line"
		done <<<"$2"
	} >>"$3"
}

# mutant_judge MUTANT KERNEL FIRST: sets MUTANT_STATE, MUTANT_BY and MUTANT_NOTE.
# Fails if the mutant must be tried again. This is the case if the guest did not
# reach it, if something other than its tests killed it and an earlier mutant may be
# the cause, or if WHOLE requires a run with all tests.
mutant_judge() {
	local verdict=$RUN_DIR/results/${1//\//,}.verdict

	MUTANT_STATE='' MUTANT_BY='' MUTANT_NOTE=
	[ -s "$verdict" ] || return
	mutant_verdict "$1" "$2" "$verdict"
	if [ -z "$MUTANT_STATE" ]; then
		if [ -n "${WHOLE-}" ] && [ -z "${MUTANTS_MISSED[$1]-}" ]; then
			MUTANTS_MISSED[$1]=1
			mutants_baseline "$2" "$(mutants_all_tests)"
			return 1
		fi
		mutant_survives "$1"
	elif [ -n "$MUTANT_NOTE" ] && [ "$1" != "$3" ]; then
		MUTANTS_ALONE[$1]=1
		return 1
	fi
}

mutant_survives() {
	MUTANT_BY=$(mutant_field "$1" Survives)
	MUTANT_STATE=${MUTANT_BY:+argued}
	: "${MUTANT_STATE:=survived}"
}

# mutant_verdict MUTANT KERNEL FILE: if the mutant was killed, sets MUTANT_STATE,
# MUTANT_BY to the cause, and MUTANT_NOTE if the cause is not one of its tests
mutant_verdict() {
	local passed=$MUTANTS_RESULTS/,baseline-$2-$MUTANTS_TREE_ID
	local state program name other='' report='' tests

	tests=$(mutants_tests "$1")
	while read -r state program name; do
		[ "$state" = not ] || continue
		# Ignore tests that fail without a mutant.
		! grep -qxF "not $program $name" "$passed" || continue
		if mutant_named "$program" "$name" "$tests"; then
			MUTANT_STATE=killed
			MUTANT_BY="by $program $name"
			return
		fi
		: "${other:=$program $name}"
	done < <(mutants_results "${1//\//,}")

	[ ! -s "${3%.verdict}.console" ] ||
		report=$(awk -f "$LAB_DIR/lib/klog.awk" -v kernel="$2" -v mode=demo \
			-v counts="$RUN_DIR/counts.klog" "${3%.verdict}.console" |
			sed -n '2s/^# \(\[[^]]*\] *\)\?//p')
	if [ -n "$other" ]; then
		MUTANT_BY="by $other"
	elif grep -q '^#hmm hang' "$3" ||
		{ [ "$GUEST_STATUS" = 124 ] && ! grep -q '^#hmm set-end' "$3"; }; then
		MUTANT_BY="by a hang in $(sed -n 's/^#hmm begin //p' "$3" | tail -n 1)"
	elif [ -n "$report" ]; then
		MUTANT_BY="by the kernel log: $report"
	elif grep -q '^#hmm set-end dirty' "$3"; then
		MUTANT_BY="by a module that does not load or unload"
	elif ! grep -q '^#hmm set-end' "$3"; then
		MUTANT_BY="by a crash"
	else
		mutant_untested "$passed" "$tests"
		return
	fi
	MUTANT_STATE=killed
	MUTANT_NOTE="not by one of its tests"
}

# mutant_named PROGRAM NAME TESTS: true if TESTS names the case
mutant_named() {
	local program cases pattern patterns

	while read -r program cases; do
		[ "$program" = "$1" ] || continue
		[ -n "$cases" ] || return 0
		read -ra patterns <<<"$cases"
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053 # a pattern
			[[ $2 != $pattern ]] || return 0
		done
	done <<<"$3"
	return 1
}

# mutant_untested BASELINE TESTS: sets MUTANT_STATE to untested if none of the tests
# passes without the mutant on this kernel
mutant_untested() {
	local state program name

	while read -r state program name; do
		[ "$state" = ok ] || continue
		! mutant_named "$program" "$name" "$2" || return 0
	done <"$1"
	MUTANT_STATE=untested
	MUTANT_BY="none of its tests passes without the mutant"
}

# mutants_table: prints the results of all selected mutants
mutants_table() {
	local mutant file width=6 killed=0 argued=0 survived=0 other=0 kernel

	for mutant in "${MUTANTS[@]}"; do
		((width >= ${#mutant})) || width=${#mutant}
	done
	printf '%-*s  %-11s %s\n' "$width" mutant kernel result
	for mutant in $(printf '%s\n' "${MUTANTS[@]}" | LC_ALL=C sort); do
		kernel=$(mutant_kernel "$mutant")
		file=$MUTANTS_RESULTS/${mutant//\//,}
		{
			read -r _ _ MUTANT_STATE
			read -r MUTANT_BY
			read -r MUTANT_NOTE
		} <"$file"
		case $MUTANT_STATE in
		killed) killed=$((killed + 1)) ;;
		argued) argued=$((argued + 1)) ;;
		survived) survived=$((survived + 1)) ;;
		*) other=$((other + 1)) ;;
		esac
		printf '%-*s  %-11s %s\n' "$width" "$mutant" "$kernel" \
			"$MUTANT_STATE${MUTANT_BY:+ $MUTANT_BY}${MUTANT_NOTE:+ ($MUTANT_NOTE)}"
	done
	echo "${#MUTANTS[@]} mutants: $killed killed, $argued argued, $survived survived, $other did not apply, build or run"
	((survived == 0 && other == 0))
}
