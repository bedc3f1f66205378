#!/bin/sh
# Searches all output of the suite for the secrets that it used: `make secrets`, the last step of `make test`.
#
# That can be done because every secret of a spec or an example, right or wrong, has the mark in it; so that is looked at
# first. What is searched are the logs of the steps and what they left beside them: the transcript of the markets of
# all specs (spec/support/help.lua), what the demo printed, what servers printed. STEPS says which steps there were: a
# log that should be there and is not, or has nothing in it, fails.
set -u
cd "$(dirname "$0")/../.." || exit 1
mark=s3cret
logs=build/log
passed=0
failed=0

check() { # what, exit code
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED  $1"
    fi
}

# --- the convention ---------------------------------------------------------------------------------------------------
# What gives somebody a credential, up to the first byte of it that tells something.
giving='(Bearer |Basic |[Tt]oken = \\?"|TOKEN"?\]?(=| = |, )\\?"|[Pp]assword = "|Api-Key\\?"\]?( = |:)\\?")'
literals=$(grep -rnoE --include='*.lua' --include='*.c' --include='*.h' --include='*.mjs' --include='*.sh' \
    "${giving}[A-Za-z0-9][A-Za-z0-9._~+/ -]*" spec examples | grep -v '^spec/tools/secrets.sh:')
# Words about tokens, not tokens; and the public one with which a spec asks its own server what it counted.
strange=$(echo "$literals" | grep -v "$mark" | grep -vE \
    '(Bearer|Basic) (realm|error|token|control\.0|Bearer|strange|unless|that|$)|"Basic $')
count=$(echo "$literals" | grep -c "$mark")
[ -z "$strange" ]
check "secrets without the mark '$mark':
$strange" $?
[ "$count" -ge 40 ]
check "only $count secrets were found in the sources of the suite: does the pattern still fit?" $?
echo "$count secrets in the sources have the mark"

# --- the output -------------------------------------------------------------------------------------------------------
# Prints what is found in the file, a line each, and says whether that is nothing. The mark stands in the code of fuzz
# targets, so libFuzzer finds it there and tells which words it tried; souk has not said that.
clean() {
    ! LC_ALL=C grep -a -n -F -e "$mark" "$1" | grep -a -v -E '^[0-9]+:(#[0-9]+[[:space:]].* DE: |".*" # Uses: )' | head -n 5 |
        grep -a .
}

# The search itself finds what it should.
canary=$(mktemp)
printf 'a line\nbinary \000 %s-in-it\n' "$mark" >"$canary"
! clean "$canary" >/dev/null
check "the search finds nothing where something is" $?
rm -f "$canary"

there() {
    [ -s "$logs/$1" ]
    check "$logs/$1 is not there, or empty: it cannot be searched" $?
}
for step in ${STEPS:-ctest spec sanitize demo-check}; do
    case $step in
    secrets) continue ;;
    spec | sanitize) there transcript.txt ;;
    demo-check) there demo.out ;;
    esac
    there "$step.log"
done
files=0
bytes=0
for file in "$logs"/* build/run/*.log; do
    if [ ! -s "$file" ] || [ "$file" = "$logs/secrets.log" ]; then
        continue
    fi
    files=$((files + 1))
    bytes=$((bytes + $(wc -c <"$file")))
    clean "$file"
    check "a secret is in $file" $?
done
[ "$files" -gt 0 ] && [ "$bytes" -gt 0 ]
check "only $files files with $bytes bytes were there to be searched" $?
echo "$files files with $bytes bytes were searched"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
