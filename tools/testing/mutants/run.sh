# shellcheck shell=bash
# shellcheck disable=SC2034 # lab reads what is set here
# SPDX-License-Identifier: GPL-2.0
# make mutants: builds the modules with one mistake after another and runs the
# tests that have to fail then.

MUTANTS_DIR=$TREE/tools/testing/mutants
MUTANTS_KERNEL=stock-6.12
# Tests have limits of their own, which end them long before. A guest that
# runs into this one hangs in the kernel.
MUTANTS_PATIENCE=300

lab_mutants() {
	local kernel mutant number=0

	[ -z "${KERNEL-}" ] || kernels_check_one "$KERNEL"
	mutants_select
	MUTANTS_RESULTS=$CACHE/mutants/$(sha1sum <<<"$TREE" | cut -c 1-12)
	mkdir -p "$MUTANTS_RESULTS"
	[ -z "${FRESH-}" ] || rm -f "$MUTANTS_RESULTS"/*
	MUTANTS_TREE_ID=$(mutants_tree_id)

	# All of a kernel's mutants together, as a build and a baseline serve all.
	for kernel in $(mutants_kernels); do
		MUTANTS_READY=
		for mutant in "${MUTANTS[@]}"; do
			[ "$(mutant_kernel "$mutant")" = "$kernel" ] || continue
			number=$((number + 1))
			mutant_result "$mutant" "$kernel"
			say "[$number/${#MUTANTS[@]}] $mutant: $MUTANT_STATE${MUTANT_BY:+ $MUTANT_BY}${MUTANT_NOTE:+ ($MUTANT_NOTE)}"
		done
	done
	mutants_table
}

# mutants_select: sets MUTANTS, the names of those that MUTANT means
mutants_select() {
	local path

	MUTANTS=()
	while read -r path; do
		path=${path#"$MUTANTS_DIR/"}
		# shellcheck disable=SC2053 # it is a pattern
		[[ ${path%.mutant} != ${MUTANT:-*} ]] || MUTANTS+=("${path%.mutant}")
	done < <(find "$MUTANTS_DIR" -name '*.mutant' | LC_ALL=C sort)
	[ "${#MUTANTS[@]}" != 0 ] || die "MUTANT=${MUTANT-} matches no file below $MUTANTS_DIR"
}

# mutant_field MUTANT FIELD: the field's values, one a line
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

mutants_kernels() {
	local mutant

	for mutant in "${MUTANTS[@]}"; do
		mutant_kernel "$mutant"
	done | LC_ALL=C sort -u
}

mutants_tree_id() {
	(cd "$TREE" && tree_files | xargs sha1sum | sha1sum | cut -c 1-12)
}

# mutant_id MUTANT KERNEL: changes with the mutant and with the files that it
# changes
mutant_id() {
	{
		echo "$2"
		cat "$MUTANTS_DIR/$1.mutant"
		"$MUTANTS_DIR/mutate" -l "$MUTANTS_DIR/$1.mutant" | while read -r file; do
			cat "$TREE/$file" 2>/dev/null || :
		done
	} | sha1sum | cut -c 1-12
}

# mutant_result MUTANT KERNEL: sets MUTANT_STATE (killed, survived, argued,
# unbuilt, stale, untested), MUTANT_BY and MUTANT_NOTE. What was killed stays
# killed until the mutant or its file changes; all else is tried again when
# anything changes.
mutant_result() {
	local file=$MUTANTS_RESULTS/${1//\//,} id since=$SECONDS old_id old_tree

	id=$(mutant_id "$1" "$2")
	MUTANT_STATE='' MUTANT_BY='' MUTANT_NOTE=
	if [ -e "$file" ]; then
		{ read -r old_id old_tree MUTANT_STATE && read -r MUTANT_BY && read -r MUTANT_NOTE; } <"$file" || :
		[ "$MUTANT_STATE" = killed ] || id+=" $MUTANTS_TREE_ID" old_id+=" $old_tree"
		[ "$old_id" != "$id" ] || return 0
		id=${id%% *}
		MUTANT_STATE='' MUTANT_BY='' MUTANT_NOTE=
	fi
	mutant_try "$1" "$2"
	MUTANT_NOTE="${MUTANT_NOTE:+$MUTANT_NOTE, }$((SECONDS - since)) s"
	printf '%s %s %s\n%s\n%s\n' "$id" "$MUTANTS_TREE_ID" "$MUTANT_STATE" \
		"$MUTANT_BY" "$MUTANT_NOTE" >"$file.new"
	mv "$file.new" "$file"
}

# mutant_try MUTANT KERNEL
mutant_try() {
	local tests argued

	mutants_prepare "$2"
	argued=$(mutant_field "$1" Survives)
	tests=$(mutant_field "$1" Killed-by)
	[ -z "$tests" ] || mutants_baseline "$2" "$tests"
	mutant_build "$1" "$2"
	[ -z "$MUTANT_STATE" ] || return 0

	if [ -n "$tests" ]; then
		mutants_boot "$2" "$MUTANTS_PATIENCE" "$tests"
		mutant_verdict "$2" "$tests"
	fi
	if [ -z "$MUTANT_STATE" ] && [ -n "${WHOLE-}" ]; then
		tests=$(cd "$RUN_DIR/tests" && echo *_test | tr ' ' '\n')
		mutants_baseline "$2" "$tests"
		mutant_build "$1" "$2"
		mutants_boot "$2" 3600 "$tests"
		mutant_verdict "$2" "$tests"
	fi
	[ -z "$MUTANT_STATE" ] || return 0
	MUTANT_STATE=survived
	if [ -n "$argued" ]; then
		MUTANT_STATE=argued
		MUTANT_BY="survives $argued"
	fi
}

# mutants_prepare KERNEL: gets and builds what all of its mutants need
mutants_prepare() {
	[ "$MUTANTS_READY" != "$1" ] || return 0
	kernel_get "$1"
	busybox_get
	qemu_get
	RUN_DIR=$WORK_DIR/run-$1
	INITRAMFS=$RUN_DIR/initramfs.gz
	GUEST_MODE="test"
	# A build of its own, so that make test never meets a mutant.
	BUILD_PURPOSE=mutants
	mkdir -p "$RUN_DIR/tests"

	lock "build-$TREE_ID-$1-mutants"
	build "$1" modules tests
	rm -f "$BUILD_DIR/.mutated"
	cp "$BUILD_DIR"/tests/*_test "$RUN_DIR/tests/"
	mutants_root
	unlock "build-$TREE_ID-$1-mutants"
	MUTANTS_READY=$1
	mutants_baseline "$1" "$(mutants_tests "$1")"
}

# mutants_tests KERNEL: what its mutants name, so that one baseline serves all
mutants_tests() {
	local mutant

	for mutant in "${MUTANTS[@]}"; do
		[ "$(mutant_kernel "$mutant")" != "$1" ] || mutant_field "$mutant" Killed-by
	done | LC_ALL=C sort -u
}

# mutants_root: the guest's files, but for the tests
mutants_root() {
	local dir

	initramfs_base "$RUN_DIR/root"
	cp "$BUILD_DIR"/src/*/*.ko "$RUN_DIR/root/modules/"
	for dir in $(build_test_modules); do
		cp "$BUILD_DIR/$dir"/*.ko "$RUN_DIR/root/modules/tests/"
	done
}

# mutant_build MUTANT KERNEL: sets MUTANT_STATE if that fails
mutant_build() {
	local file path=$MUTANTS_DIR/$1.mutant dir

	lock "build-$TREE_ID-$2-mutants"
	if [ -e "$BUILD_DIR/.mutated" ]; then
		while read -r file; do
			cp "$TREE/$file" "$BUILD_DIR/$file"
		done <"$BUILD_DIR/.mutated"
	fi
	"$MUTANTS_DIR/mutate" -l "$path" >"$BUILD_DIR/.mutated"
	if ! "$MUTANTS_DIR/mutate" "$BUILD_DIR" "$path" 2>"$RUN_DIR/mutate.log"; then
		MUTANT_STATE=stale
		MUTANT_BY=$(sed 's/.*\.mutant: //' "$RUN_DIR/mutate.log" | tr '\n' ' ')
	elif ! mutant_make "$RUN_DIR/make.log"; then
		MUTANT_STATE=unbuilt
		MUTANT_BY=$(grep -m 1 -oE '(error|ERROR): .*' "$RUN_DIR/make.log" || tail -n 1 "$RUN_DIR/make.log")
	else
		mutants_root
	fi
	unlock "build-$TREE_ID-$2-mutants"
}

# mutant_make LOG: the modules that the mutated files are part of
mutant_make() {
	local dir

	{
		build_modules || return
		grep -qE '^(include|samples|tools)/' "$BUILD_DIR/.mutated" || return 0
		for dir in $(build_test_modules); do
			build_make -C "$KERNEL_DIR" M="$BUILD_DIR/$dir" \
				KBUILD_EXTRA_SYMBOLS="$BUILD_DIR/Module.symvers" modules || return
		done
	} >"$1" 2>&1
}

# mutants_boot KERNEL SECONDS TESTS: TESTS has a program and patterns of its
# cases, or none for all of them, on each line
mutants_boot() {
	local program cases root=$RUN_DIR/root patterns whole=
	local HMM_TIMEOUT=$2

	rm -f "$root"/tests/* "$root"/args/*
	while read -r program cases; do
		[ -e "$RUN_DIR/tests/$program" ] || die "$program is no test program"
		cp "$RUN_DIR/tests/$program" "$root/tests/"
		if [ -n "$cases" ]; then
			read -ra patterns <<<"$cases"
			cases_args "$program" "${patterns[@]}" >>"$root/args/$program" ||
				die "$program has no case $cases"
		else
			whole+=" $program"
		fi
	done <<<"$3"
	for program in $whole; do
		rm -f "$root/args/$program"
	done
	initramfs_pack "$root"
	guest_boot "$1" "${MUTANTS_GO_ON:-hmm.stop=1}" >"$RUN_DIR/guest.log" 2>&1
}

# mutants_results: of the last boot, a line each: ok, not or skip, program and
# case
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
		}' "$RUN_DIR/verdict"
}

# mutants_baseline KERNEL TESTS: makes sure that the tests pass without a
# mutant; those that do not kill nothing
mutants_baseline() {
	local passed=$MUTANTS_RESULTS/,baseline-$1-$MUTANTS_TREE_ID missing='' program cases name
	local MUTANTS_GO_ON=hmm.stop=

	while read -r program cases; do
		[ -n "$program" ] || continue
		grep -qxF "asked $program $cases" "$passed" 2>/dev/null ||
			missing+="$program $cases"$'\n'
	done <<<"$2"
	[ -n "$missing" ] || return 0
	missing=${missing%$'\n'}

	rm -f "$MUTANTS_RESULTS/,baseline-$1-"*.new
	mutants_root_clean "$1"
	# A report of lockdep is the last of a boot.
	while read -r cases; do
		[ -z "$cases" ] || mutants_baseline_boot "$1" "$cases" "$passed"
	done < <(mutants_lockdep_tests <<<"$missing")
	missing=$(grep -vxF "$(mutants_lockdep_tests <<<"$missing")" <<<"$missing" || :)
	[ -z "$missing" ] || mutants_baseline_boot "$1" "$missing" "$passed"
}

# mutants_lockdep_tests: the lines of stdin whose case makes lockdep report
mutants_lockdep_tests() {
	grep -xE "api_test ($(wrong_drivers debug-any | paste -sd '|'))" || :
}

# mutants_baseline_boot KERNEL TESTS FILE: adds the results to FILE
mutants_baseline_boot() {
	local program cases

	say "$1: its tests without a mutant"
	mutants_boot "$1" 3600 "$2"
	if ! grep -q '^#hmm done' "$RUN_DIR/verdict"; then
		show_tail "$RUN_DIR/console" 40
		die "$1: the guest did not come to its end without a mutant"
	fi
	{
		mutants_results
		while read -r program cases; do
			echo "asked $program $cases"
		done <<<"$2"
	} >>"$3"
}

# mutants_root_clean KERNEL: the modules as they are in the tree
mutants_root_clean() {
	local file

	lock "build-$TREE_ID-$1-mutants"
	if [ -e "$BUILD_DIR/.mutated" ]; then
		while read -r file; do
			cp "$TREE/$file" "$BUILD_DIR/$file"
		done <"$BUILD_DIR/.mutated"
		mutant_make "$RUN_DIR/make.log" || die "$1: building without a mutant failed; see make.log"
		rm -f "$BUILD_DIR/.mutated"
	fi
	mutants_root
	unlock "build-$TREE_ID-$1-mutants"
}

# mutant_verdict KERNEL TESTS: sets MUTANT_STATE if the mutant was killed, and
# MUTANT_BY to what did it
mutant_verdict() {
	local passed=$MUTANTS_RESULTS/,baseline-$1-$MUTANTS_TREE_ID
	local state program name other='' report

	while read -r state program name; do
		[ "$state" = not ] || continue
		# A test that fails anyway proves nothing.
		! grep -qxF "not $program $name" "$passed" || continue
		if mutant_named "$program" "$name" "$2"; then
			MUTANT_STATE=killed
			MUTANT_BY="by $program $name"
			return
		fi
		: "${other:=$program $name}"
	done < <(mutants_results)

	report=$(awk -f "$LAB_DIR/lib/klog.awk" -v kernel="$1" -v mode=demo \
		-v counts="$RUN_DIR/counts.klog" "$RUN_DIR/console" |
		sed -n '2s/^# \(\[[^]]*\] *\)\?//p')
	if [ -n "$other" ]; then
		MUTANT_BY="by $other"
	elif [ "$GUEST_STATUS" = 124 ]; then
		MUTANT_BY="by a hang in $(sed -n 's/^#hmm begin //p' "$RUN_DIR/verdict" | tail -n 1)"
	elif [ -n "$report" ]; then
		MUTANT_BY="by the kernel log: $report"
	elif ! grep -q '^#hmm done' "$RUN_DIR/verdict"; then
		MUTANT_BY="by a crash"
	else
		mutant_untested "$1" "$2"
		return
	fi
	MUTANT_STATE=killed
	MUTANT_NOTE="not by a test that it names"
}

# mutant_named PROGRAM NAME TESTS: whether TESTS names the case
mutant_named() {
	local program cases pattern patterns

	while read -r program cases; do
		[ "$program" = "$1" ] || continue
		[ -n "$cases" ] || return 0
		read -ra patterns <<<"$cases"
		for pattern in "${patterns[@]}"; do
			# shellcheck disable=SC2053 # it is a pattern
			[[ $2 != $pattern ]] || return 0
		done
	done <<<"$3"
	return 1
}

# mutant_untested KERNEL TESTS: a mutant survives only if a test that it names
# passes without it on this kernel
mutant_untested() {
	local passed=$MUTANTS_RESULTS/,baseline-$1-$MUTANTS_TREE_ID state program name

	while read -r state program name; do
		[ "$state" = ok ] || continue
		! mutant_named "$program" "$name" "$2" || return 0
	done <"$passed"
	MUTANT_STATE=untested
	MUTANT_BY="none of the tests that it names passes without it"
}

# mutants_table: what came of all that were selected
mutants_table() {
	local mutant file width=6 killed=0 argued=0 survived=0 other=0 kernel

	for mutant in "${MUTANTS[@]}"; do
		((width >= ${#mutant})) || width=${#mutant}
	done
	printf '%-*s  %-11s %s\n' "$width" mutant kernel result
	for mutant in "${MUTANTS[@]}"; do
		kernel=$(mutant_kernel "$mutant")
		file=$MUTANTS_RESULTS/${mutant//\//,}
		{ read -r _ _ MUTANT_STATE && read -r MUTANT_BY && read -r MUTANT_NOTE; } <"$file" || :
		case $MUTANT_STATE in
		killed) killed=$((killed + 1)) ;;
		argued) argued=$((argued + 1)) ;;
		survived) survived=$((survived + 1)) ;;
		*) other=$((other + 1)) ;;
		esac
		printf '%-*s  %-11s %s\n' "$width" "$mutant" "$kernel" \
			"$MUTANT_STATE${MUTANT_BY:+ $MUTANT_BY}${MUTANT_NOTE:+ ($MUTANT_NOTE)}"
	done
	echo "${#MUTANTS[@]} mutants: $killed killed, $argued argued, $survived survived, $other did not apply or build"
	((survived == 0 && other == 0))
}
