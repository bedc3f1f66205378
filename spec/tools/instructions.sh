#!/bin/sh
# Instructions per call, counted by callgrind: repeatable whatever else the machine does. Each program runs twice with
# different numbers of calls; the difference is what the calls cost, without start and end.
set -u
cd "$(dirname "$0")/../.."

command -v valgrind >/dev/null 2>&1 || { echo "instructions: no valgrind here"; exit 1; }

FEW=200
MANY=1200

count() {
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# per_call NAME COMMAND...: the number of calls is the last argument
per_call() {
    name=$1
    shift
    few=$(count "$@" $FEW)
    many=$(count "$@" $MANY)
    if [ -z "$few" ] || [ -z "$many" ]; then
        echo "instructions: $name could not be counted"
        return 1
    fi
    printf '%-34s %8d instructions per call\n' "$name" $(((many - few) / (MANY - FEW)))
}

code=0
per_call "the pool alone, instant handler" build/bench/bench_pool || code=1
per_call "bare libcurl easy handle" build/bench/bench_curl easy || code=1
per_call "souk's engine, sequential" build/bench/bench_curl engine || code=1
per_call "bare curl_multi, 64 in flight" build/bench/bench_curl multi || code=1
per_call "souk's engine, 64 in flight" build/bench/bench_curl engine64 || code=1
for lua in lua5.4 luajit; do
    command -v $lua >/dev/null 2>&1 || continue
    for which in sequential parallel; do
        per_call "market:call, $which, $lua" $lua -e 'dofile "spec/support/paths.lua"' spec/bench/bench_call.lua \
            $which || code=1
    done
done
exit $code
