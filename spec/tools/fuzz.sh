#!/bin/sh
# Runs fuzz targets, two at a time.
#
#     sh spec/tools/fuzz.sh smoke|long SECONDS build/fuzz/fuzz_json...
#
# smoke: from a fixed seed and the small corpus in spec/fuzz/corpus/<topic>, so that two runs do nearly the same.
# long: from a random seed; what is found interesting is kept in build/fuzz/corpus/<topic> for the next run.
# Inputs that fail are kept in build/fuzz/finds.
set -u
cd "$(dirname "$0")/../.."
mode=$1
seconds=$2
shift 2
mkdir -p build/fuzz/finds build/log

run_one() {
    topic=${1##*/fuzz_}
    log=build/log/fuzz_$topic.log
    seeds=spec/fuzz/corpus/$topic
    corpus=build/fuzz/corpus/$topic
    seed=0
    if [ "$mode" = smoke ]; then
        corpus=build/fuzz/smoke/$topic
        rm -rf "$corpus"
        seed=1
    fi
    mkdir -p "$corpus"
    [ -d "$seeds" ] || seeds=
    # shellcheck disable=SC2086 # no seeds, no word
    if "$1" -seed=$seed -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/finds/$topic-" "$corpus" $seeds >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        if [ "${runs:-0}" -gt 0 ]; then
            echo "ok      fuzz_$topic: $runs runs"
            return 0
        fi
    fi
    echo "FAILED  fuzz_$topic, see $log:"
    grep -v '^#[0-9]' "$log" | tail -n 30 | sed 's/^/    /'
    return 1
}

if [ "$mode" = one-smoke ] || [ "$mode" = one-long ]; then
    mode=${mode#one-}
    run_one "$1"
    exit
fi

[ $# -gt 0 ] || { echo "fuzz: there is no target"; echo "0 passed, 0 failed"; exit 1; }
printf '%s\n' "$@" | xargs -n 1 -P 2 sh "$0" "one-$mode" "$seconds" >build/log/fuzz.out
cat build/log/fuzz.out
passed=$(grep -c '^ok ' build/log/fuzz.out)
echo "$passed passed, $(($# - passed)) failed"
[ "$passed" -eq $# ]
