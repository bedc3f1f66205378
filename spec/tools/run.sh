#!/bin/sh
# `make test`: every check, one after the other. Prints what each runner prints, then the closing lines of all
# of them once more, and at last one line that adds them up: "N passed, N failed".
#
# STEPS="rooms ctest" chooses. Logs are kept in build/log. A runner that fails, or that executed nothing, fails
# the whole.
set -u
cd "$(dirname "$0")/../.."
steps=${STEPS:-rooms ctest spec rock sanitize conformance fuzz-smoke lint demo-check secrets}
make="${MAKE:-make} --no-print-directory WERROR=-Werror"
passed=0
failed=0
summary=
mkdir -p build/log

# What the markets of specs say about themselves goes here, for the last step.
export SOUK_TRANSCRIPT="$PWD/build/log/transcript.txt"
rm -f "$SOUK_TRANSCRIPT"
export STEPS="$steps"

# The numbers of one log: "<passed> <failed>". Understood are prove, busted, and a line "N passed, N failed".
numbers() {
    awk '
        /^[0-9]+ passed, [0-9]+ failed$/ { ok += $1; bad += $3 }
        /^[0-9]+ success(es)? \/ [0-9]+ failures? \/ [0-9]+ errors? \/ [0-9]+ pending/ { ok += $1; bad += $4 + $7 }
        /^Files=[0-9]+, Tests=[0-9]+/ { split($2, n, /[^0-9]+/); ok += n[2] }
        /^Failed [0-9]+\/[0-9]+ subtests/ { split($2, n, "/"); ok -= n[1]; bad += n[1] }
        END { print ok + 0, bad + 0 }
    ' "$1"
}

closing_lines() {
    grep -a -E '^[0-9]+ passed, [0-9]+ failed$|^[0-9]+ success(es)? / |^Files=|^Result: |skipped$' "$1"
}

step() {
    name=$1
    log=build/log/$name.log
    echo
    echo "=== $name"
    started=$(date +%s)
    # The exit code goes through a file: a pipe's own is that of tee.
    { $make "$name" 2>&1 </dev/null; echo $? >"$log.code"; } | tee "$log"
    code=$(cat "$log.code")
    rm -f "$log.code"
    # shellcheck disable=SC2046 # two numbers
    set -- $(numbers "$log")
    ok=$1
    bad=$2
    remark=
    if [ "$code" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
        remark=" (exit code $code)"
    elif [ "$ok" = 0 ] && [ "$bad" = 0 ]; then
        bad=1
        remark=" (it executed nothing)"
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    summary="$summary
$(printf '%-11s %5d passed %5d failed %5d s%s' "$name" "$ok" "$bad" $(($(date +%s) - started)) "$remark")
$(closing_lines "$log" | sed 's/^/            /')"
}

echo "=== build"
if ! $make -s -j2 all test-programs >build/log/build.log 2>&1; then
    tail -n 40 build/log/build.log
    echo "The build failed: build/log/build.log"
    echo "0 passed, 1 failed"
    exit 1
fi
cat build/log/build.log

for name in $steps; do
    step "$name"
done

echo
echo "=== summary"
echo "$summary" | sed 1d
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
