#!/bin/sh
# Runs the benchmarks of spec/bench: each bench_*.c as built, each bench_*.lua under each Lua, and each host and peer of
# spec/bench/hosts. All print ratios to a yardstick that ran beside them; none fails because a machine is slow.
set -u
cd "$(dirname "$0")/../.."
code=0
log=build/log/bench.log
mkdir -p build/log
: >"$log"

# Prints what a benchmark printed, but keeps its rows for the table at the end.
show() {
    grep -v '^row: ' "$log.part"
    grep '^row: ' "$log.part" >>"$log"
    rm -f "$log.part"
}

for program in build/bench/bench_*; do
    case $program in *.d | */bench_server | */bench_pool) continue ;; esac
    [ -x "$program" ] || continue
    echo "--- ${program##*/}"
    { "$program" || code=1; } >"$log.part"
    show
done

for script in spec/bench/bench_*.lua; do
    [ -e "$script" ] || continue
    for lua in lua5.4 luajit; do
        command -v "$lua" >/dev/null 2>&1 || continue
        echo "--- ${script##*/}, $lua"
        { "$lua" -e 'dofile "spec/support/paths.lua"' "$script" || code=1; } >"$log.part"
        show
    done
done

for script in spec/bench/hosts/run_*.lua; do
    echo "--- ${script#spec/bench/}"
    { lua5.4 -e 'dofile "spec/support/paths.lua"' "$script" || code=1; } >"$log.part"
    show
done
echo "--- instructions, counted by callgrind"
sh spec/tools/instructions.sh || code=1
echo
echo "=== goals"
sed 's/^row: //' "$log"
exit $code
