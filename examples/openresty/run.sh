#!/bin/sh
# Starts the gateway in the foreground, on the loopback interface; Ctrl-C ends it. No root is needed.
#
#     sh examples/openresty/run.sh [port]                       port 8080, unless another one is given
#     SOUK_GATEWAY_CONFIG=.mcp.json sh examples/openresty/run.sh
#
# Without SOUK_GATEWAY_CONFIG the servers of demo.mcp.json are there, if `make deps` has installed Node and them.
# NGINX chooses the program: Debian's nginx with libnginx-mod-http-lua, or OpenResty.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
port=${1:-8080}

fail() {
    echo "gateway: $*" >&2
    exit 1
}

case $port in
'' | *[!0-9]*) fail "expected a port, got '$port'" ;;
esac

# The first that is there: of OpenResty, which has Lua built in, and of nginx, which has it as a module.
find_nginx() {
    for program in ${NGINX:-} openresty /usr/local/openresty/bin/openresty nginx /usr/sbin/nginx; do
        if command -v "$program" >/dev/null 2>&1; then
            command -v "$program"
            return
        fi
    done
    return 1
}
nginx=$(find_nginx) || fail "no nginx is here: apt-get install nginx libnginx-mod-http-lua lua-resty-core"

# The lines that load Lua into an nginx that has it as modules; none when it is built in.
load_modules() {
    about=$("$nginx" -V 2>&1)
    for folder in $(echo "$about" | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p') /usr/lib/nginx/modules; do
        if [ -e "$folder/ngx_http_lua_module.so" ]; then
            # The development kit comes first, where it is a module, too.
            [ ! -e "$folder/ndk_http_module.so" ] || echo "load_module $folder/ndk_http_module.so;"
            echo "load_module $folder/ngx_http_lua_module.so;"
            return
        fi
    done
    case $about in
    *openresty* | *lua-nginx-module* | *ngx_lua*) ;;
    *) fail "$nginx has no Lua module: apt-get install libnginx-mod-http-lua lua-resty-core" ;;
    esac
}

prefix=$(mktemp -d "${TMPDIR:-/tmp}/souk-gateway.XXXXXX")
trap 'rm -rf "$prefix"' EXIT
mkdir "$prefix/machine" "$prefix/temp"
cp "$here/nginx.conf" "$here/style.css" "$prefix/"

load_modules >"$prefix/machine/main.conf"
# Workers of root would become somebody who may not read this folder.
[ "$(id -u)" != 0 ] || echo "user $(id -un);" >>"$prefix/machine/main.conf"
cat >"$prefix/machine/http.conf" <<END
lua_package_path "$here/lua/?.lua;$tree/lua/?.lua;$tree/lua/?/init.lua;;";
lua_package_cpath "$tree/${SOUK_BUILD:-build/}lua5.1/?.so;;";
END
echo "listen 127.0.0.1:$port;" >"$prefix/machine/listen.conf"

export SOUK_TREE="$tree"
export SOUK_NPM="${SOUK_NPM:-$tree/build/npm/node_modules}"
export SOUK_NODE="${SOUK_NODE:-}"
if [ -z "$SOUK_NODE" ]; then
    for node in "$SOUK_NPM"/node-linux-*/bin/node; do
        [ ! -x "$node" ] || SOUK_NODE=$node
    done
fi
if [ -z "${SOUK_GATEWAY_CONFIG:-}" ]; then
    if [ -n "$SOUK_NODE" ] && [ -d "$SOUK_NPM/@modelcontextprotocol" ]; then
        export SOUK_GATEWAY_CONFIG="$here/demo.mcp.json"
    else
        echo "gateway: there is no Node below build/npm (make deps): functions in Lua are all that can be called"
        export SOUK_GATEWAY_CONFIG="$here/alone.mcp.json"
    fi
fi
case $SOUK_GATEWAY_CONFIG in
/*) ;;
*) SOUK_GATEWAY_CONFIG=$(pwd)/$SOUK_GATEWAY_CONFIG ;; # nginx goes to its own folder
esac

"$nginx" -p "$prefix/" -c "$prefix/nginx.conf" -e stderr &
pid=$!
# nginx ends by itself on Ctrl-C, which the whole group gets; TERM comes to this shell alone.
trap : INT
trap 'kill -TERM $pid 2>/dev/null || :' TERM HUP
while kill -0 $pid 2>/dev/null && [ ! -s "$prefix/nginx.pid" ]; do
    sleep 0.05
done
if [ -s "$prefix/nginx.pid" ]; then
    cat <<END
The gateway is at http://127.0.0.1:$port - Ctrl-C ends it.
    http://127.0.0.1:$port/status        a page for people
    curl -s http://127.0.0.1:$port/capabilities
    curl -s --json '{"text":"hello"}' http://127.0.0.1:$port/call/demo.upper
    curl -N --json '{"seconds":5}' -H 'Accept: text/event-stream' http://127.0.0.1:$port/call/demo.slow
END
fi
code=0
wait $pid || code=$?
while kill -0 $pid 2>/dev/null; do # it was a signal to this shell that ended the wait
    code=0
    wait $pid || code=$?
done
exit $code
