#!/bin/sh
# Runs C tests under valgrind's memcheck, two at a time: what reads memory that was never written, which the sanitizers
# do not see, and what is lost, also by code that they were not built into (libcurl, the C library).
#
#     sh spec/tools/valgrind.sh build/valgrind/spec/test_json_read...
#
# A program passes when its tests do and memcheck has nothing to say. What it says is kept in build/log.
set -u
cd "$(dirname "$0")/../.."
command -v valgrind >/dev/null 2>&1 || { echo "valgrind is not here: make deps"; echo "0 passed, 1 failed"; exit 1; }
mkdir -p build/log

run_one() {
    name=${1##*/}
    log=build/log/valgrind-$name.log
    started=$(date +%s)
    # Children are other programs, or end by _exit: what they leave allocated is none of ours, and must not change how
    # they end. So memcheck says what it has to say in the log, in lines that begin with ==, and not by an exit code.
    if timeout 900 valgrind --quiet --tool=memcheck --leak-check=full --show-leak-kinds=definite,indirect,possible \
        --track-origins=yes --num-callers=24 \
        --child-silent-after-fork=yes "$1" >"$log" 2>&1 && grep -q '^ok ' "$log" && ! grep -q '^==' "$log"; then
        echo "ok      $name: $(grep -c '^ok ' "$log") tests ($(($(date +%s) - started)) s)"
        return 0
    fi
    echo "FAILED  $name, see $log:"
    grep -v '^ok ' "$log" | head -n 40 | sed 's/^/    /'
    return 1
}

if [ "$1" = --one ]; then
    run_one "$2"
    exit
fi

printf '%s\n' "$@" | xargs -n 1 -P 2 sh "$0" --one | tee build/log/valgrind.out
passed=$(grep -c '^ok ' build/log/valgrind.out)
echo "$passed passed, $(($# - passed)) failed"
[ "$passed" -eq $# ]
