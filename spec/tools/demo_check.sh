#!/bin/sh
# Runs `make demo` as a stranger would and looks for what it promises to show.
set -u
cd "$(dirname "$0")/../.."
out=build/log/demo.out
passed=0
failed=0
mkdir -p build/log

check() { # what, exit code
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED  $1"
    fi
}

shows() {
    grep -q -E -e "$1" "$out"
    check "it shows: $1" $?
}

${MAKE:-make} --no-print-directory demo >"$out" 2>&1 </dev/null
check "make demo ends well" $?
cat "$out"
shows 'flattened, has 11 entries'
shows 'mcp_requires_session: auto'
shows 'mcp_auth_env_var: MCP_AUTH_TOKEN'
shows 'mcp_server_url: '
shows 'session opened: id '
shows 'login souk-tester, id 4242'
shows 'session reused: id '
shows 'initialize 1 +tools/call 3 +protocol violations 0'
shows 'over HTTP'
shows 'over stdio'
shows 'written through souk'
shows 'stateless'
shows 'text.shout -> .*SOUK!'
! grep -q 's3cret-demo' "$out"
check "it prints no token" $?

env -u MCP_AUTH_TOKEN "${MAKE:-make}" --no-print-directory demo-github >"$out" 2>&1 </dev/null
[ $? != 0 ]
check "make demo-github does not go on without a token" $?
shows 'MCP_AUTH_TOKEN is not set'

echo "$passed passed, $failed failed"
[ $failed = 0 ]
