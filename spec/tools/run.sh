#!/bin/sh
# `make test`: every check. Prints what each runner prints, then the closing lines of all of them once more, and at
# last one line that adds them up: "N passed, N failed".
#
# STEPS="rooms ctest" chooses. Logs are kept in build/log. A runner that fails, or that executed nothing, fails
# the whole.
#
# The specs wait for servers and clocks half of the time, so the steps that only compute run beside them, one after the
# other and with a lower priority: what waits with a time limit gets the processor when it wants it. What those print
# comes when the others are done.
set -u
cd "$(dirname "$0")/../.."
steps=${STEPS:-rooms ctest tsan spec rock sanitize conformance fuzz-smoke lint demo-check secrets}
computing=" fuzz-smoke lint rock "
make="${MAKE:-make} --no-print-directory WERROR=-Werror"
passed=0
failed=0
summary=
mkdir -p build/log

# Runs a step, and leaves its log, and its exit code and seconds in a file beside that.
run() {
    log=build/log/$1.log
    started=$(date +%s)
    rm -f "$log.end"
    # The exit code goes through a file: a pipe's own is that of tee.
    { $make "$1" 2>&1 </dev/null; echo $? >"$log.code"; } | tee "$log"
    echo "$(cat "$log.code") $(($(date +%s) - started))" >"$log.end"
    rm -f "$log.code"
}

if [ "${1:-}" = --beside ]; then
    shift
    for name in "$@"; do
        run "$name" >/dev/null
    done
    exit
fi

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

# Adds what a step left to the sums and to the summary.
count() {
    name=$1
    log=build/log/$name.log
    # shellcheck disable=SC2046 # two numbers each; a step that left none has failed
    set -- $(cat "$log.end" 2>/dev/null || echo 1 0) $(numbers "$log")
    code=$1
    seconds=$2
    ok=$3
    bad=$4
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
$(printf '%-11s %5d passed %5d failed %5d s%s' "$name" "$ok" "$bad" "$seconds" "$remark")
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

is_computing() {
    case $computing in *" $1 "*) return 0 ;; esac
    return 1
}

# In the order in which they are best run: the fuzz targets are given seconds, and the C tests leave them most of these.
beside=
for name in $computing; do
    case " $steps " in *" $name "*) beside="$beside $name" ;; esac
done
rm -f build/log/*.log.end
for name in $steps; do
    : >"build/log/$name.log"
done
# shellcheck disable=SC2086 # names of steps
setsid nice -n 10 sh "$0" --beside $beside &
lane=$!
trap 'kill -- -$lane 2>/dev/null' EXIT
trap 'exit 130' INT TERM HUP

for name in $steps; do
    if is_computing "$name" || [ "$name" = secrets ]; then
        continue
    fi
    echo
    echo "=== $name"
    run "$name"
done
wait "$lane"
for name in $beside; do
    echo
    echo "=== $name"
    cat "build/log/$name.log"
done
# It searches what all the others have printed.
case " $steps " in
*" secrets "*)
    echo
    echo "=== secrets"
    run secrets
    ;;
esac
for name in $steps; do
    count "$name"
done

echo
echo "=== summary"
echo "$summary" | sed 1d
echo
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
