#!/bin/sh
# clang-format, clang-tidy and luacheck over the sources; what is checked is counted file by file.
#
#     sh spec/tools/lint.sh FILE.c FILE.h ...
#
# The Makefile gives the list, and runs clang-tidy (`make tidy`), which remembers what it has checked.
set -u
nodes=20000 # states of a function for clang-tidy's analyzer, see the Makefile
cd "$(dirname "$0")/../.."
passed=0
failed=0

count() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "lint: $2"
    fi
}

for file in "$@"; do
    clang-format --dry-run -Werror "$file" >/dev/null 2>&1
    count $? "$file is not formatted: make format, or clang-format -i $file"
done
echo "lint: clang-format looked at $# files"

# One line a finding; `make tidy` tells the whole story.
${MAKE:-make} -s -k tidy TIDY_NODES=$nodes 2>&1 | grep ' error: ' | sed "s,^$PWD/,,"
tidied=0
for file in "$@"; do
    case $file in
    src/*.c)
        tidied=$((tidied + 1))
        [ -e "build/tidy/$nodes/${file#src/}.ok" ]
        count $? "clang-tidy has something to say about $file"
        ;;
    esac
done
echo "lint: clang-tidy looked at $tidied files"

lua_files=$(find lua spec examples .luacheckrc .busted souk-scm-1.rockspec -name '*.lua' -o -name '*.rockspec' 2>/dev/null | sort)
for file in $lua_files; do
    report=$(luacheck -q --no-color "$file")
    code=$?
    [ $code = 0 ] || echo "$report"
    count $code "luacheck has something to say about $file"
done
echo "lint: luacheck looked at $(echo "$lua_files" | wc -w) files"

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
