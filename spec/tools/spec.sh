#!/bin/sh
# Runs the busted specs under each Lua that is here.
#
#     sh spec/tools/spec.sh plain|sanitized [file or folder]...
#
# LUAS="lua5.4 luajit" chooses the interpreters, and each of them has to be there; of the usual ones only lua5.1 may be
# missing. Sanitized: the module of build/asan-lua*, with the sanitizers' libraries preloaded into a stock interpreter.
# busted closes its Lua state at the end, so what is still allocated then and not reachable is a leak. What is tagged
# #harness does not load the module, and is not run again.
#
# Lua 5.1 shares its module with LuaJIT, and the sanitized LuaJIT its core with the sanitized Lua 5.4: what these two
# runs can find is in the binding and in lua/souk. They leave out the files that are about what servers say and do, of
# which Lua sees no more than in the others. What runs inside of nginx and Neovim runs in their Lua, whichever Lua starts
# them: it has a run of its own ("luajit.programs"). LUAS, or a choice of files, leaves out nothing.
set -u
cd "$(dirname "$0")/../.."
mode=$1
shift
luas=${LUAS:-lua5.4 luajit lua5.1}
busted=$(command -v busted) || { echo "spec: busted is missing: make deps"; exit 1; }

if [ "$mode" = sanitized ]; then
    luas=${LUAS:-lua5.4 luajit} # PUC 5.1 cannot close its state on the way out
    export SOUK_BUILD=build/asan-
    mkdir -p build/asan
    ${CC:-cc} -shared -fPIC -O1 spec/tools/unpreload.c -o build/asan/unpreload.so || exit 1
    preload="$(${CC:-cc} -print-file-name=libasan.so) $(${CC:-cc} -print-file-name=libubsan.so) $PWD/build/asan/unpreload.so"
    export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=0:abort_on_error=0:exitcode=99"
    export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
fi

ABOUT_SERVERS='/(server|server_features|judging|odd_servers|peers(_[a-z]+)?|revisions|stdio_scenarios|tasks|progress|sampling|subscriptions|fault_(matrix|port)|storms|tokens|resilience|redirects|hosts|http_sse|children|isolation|mcp_(stdio|auth)|elicitation|inputs|soak)_spec'

IN_PROGRAMS='/(nginx|gateway|shared_nginx|hosts_programs|neovim|neovim_(plugin|project)|nvim_harness)_spec'

program_files() {
    find spec -maxdepth 1 -name "*_spec.lua" | sort | grep -E "$IN_PROGRAMS"
}

other_files() {
    find spec -maxdepth 1 -name "*_spec.lua" | sort | grep -v -E "$IN_PROGRAMS"
}

# The files for one run: what was asked for, or less of the whole. "lua5.4.1" and "lua5.4.2" are halves of it, as are
# "luajit.1" and "luajit.2": one run that takes longest, and mostly waits, would leave a core idle.
files_for() { # interpreter, files and folders...
    lua=$1
    shift
    case $lua in
    *.[0-9].1 | *.[0-9].2 | luajit.1 | luajit.2)
        other_files | awk -v half="${lua##*.}" 'NR % 2 == half % 2'
        return
        ;;
    *.programs)
        program_files
        return
        ;;
    esac
    if [ -z "${LUAS:-}" ] && [ "$*" = spec ]; then
        case $mode-$lua in
        plain-lua5.1 | sanitized-luajit) other_files | grep -v -E "$ABOUT_SERVERS" ;;
        *) other_files ;;
        esac
        return
    fi
    echo "$@"
}

# Each interpreter's run mostly waits for servers and clocks, so all of them run at once; what they print comes in order.
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0
missing=0
present=
if [ -z "${LUAS:-}" ] && [ "$*" = spec ]; then
    case $mode in
    sanitized) luas="lua5.4.1 lua5.4.2 luajit" ;;
    *) luas="lua5.4.1 lua5.4.2 luajit.1 luajit.2 lua5.1 luajit.programs" ;;
    esac
fi
for run in $luas; do
    lua=$(echo "$run" | sed 's/\(\.[0-9]\)\.[12]$/\1/; s/^luajit\..*/luajit/')
    if ! command -v "$lua" >/dev/null 2>&1; then
        if [ "$lua" = lua5.1 ] && [ -z "${LUAS:-}" ]; then
            echo "spec: lua5.1 is not here: skipped"
        else
            echo "spec: $lua is not here: make deps"
            missing=$((missing + 1))
        fi
        continue
    fi
    present="$present $run"
    (
        # shellcheck disable=SC2046 # a list of names
        set -- $(files_for "$run" "$@")
        if [ "$mode" = sanitized ]; then
            timeout 900 env LD_PRELOAD="$preload" "$lua" "$busted" -o plainTerminal --exclude-tags=harness "$@"
        else
            timeout 900 "$lua" "$busted" -o plainTerminal "$@"
        fi
        echo $? >"$logs/$run.code"
    ) >"$logs/$run.log" 2>&1 &
done
wait

for lua in $present; do
    echo "--- $lua${SOUK_BUILD:+, sanitized}"
    cat "$logs/$lua.log"
    [ "$(cat "$logs/$lua.code")" = 0 ] || failed=1
done
# A line that run.sh counts.
if [ "$missing" != 0 ]; then
    echo "0 passed, $missing failed"
    failed=1
fi
exit $failed
