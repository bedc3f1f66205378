#!/bin/sh
# Installs what souk needs, by name: Debian packages that are missing, and the npm packages of spec/peers
# below build/npm. Says what it installs; does nothing, fast, when all is there.
#
#     sh spec/tools/deps.sh demo|gateway|test|bench
#
# demo: to build and to run `make demo`. gateway: the same for `make gateway`. test: all that `make test` runs. bench: test,
# callgrind and wrk.
set -eu
cd "$(dirname "$0")/../.."
grade=${1:-test}

say() { echo "deps: $*"; }

# One package a word; "a|b" is content with either and installs the first. luajit2, not luajit: the latter
# conflicts with what Debian's nginx needs for its Lua module.
demo_packages="gcc libc6-dev pkg-config|pkgconf libcurl4-openssl-dev lua5.4 liblua5.4-dev lua-cjson curl ca-certificates"
test_packages="lua5.1 liblua5.1-0-dev luajit2|luajit libluajit2-5.1-dev|libluajit-5.1-dev lua-busted luarocks
    lua-check clang clang-tidy clang-format libclang-rt-dev|libclang-rt-14-dev libjansson-dev libtest-json-schema-acceptance-perl
    nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache neovim lua-luv lua-cqueues chromium-headless-shell
    openssl perl procps"
gateway_packages="libluajit2-5.1-dev|libluajit-5.1-dev nginx libnginx-mod-http-lua lua-resty-core lua-resty-lrucache
    procps"
bench_packages="valgrind wrk"

case $grade in
demo) packages=$demo_packages ;;
gateway) packages="$demo_packages $gateway_packages" ;;
test) packages="$demo_packages $test_packages" ;;
bench) packages="$demo_packages $test_packages $bench_packages" ;;
*) say "unknown grade '$grade': demo, gateway, test or bench"; exit 2 ;;
esac
command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"

missing_packages() {
    installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ' 2>/dev/null | tr '\n' ' ')"
    for choice in $packages; do
        found=
        for name in $(echo "$choice" | tr '|' ' '); do
            case $installed in *" ii $name "* | *" hi $name "*) found=yes ;; esac
        done
        [ -n "$found" ] || echo "${choice%%|*}"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        say "not root, and there is no sudo: ask somebody who is to run: $*"
        exit 1
    fi
}

# apt's own long story goes to a log; its end is shown when something went wrong.
apt() {
    # RUNLEVEL=1: a service that is installed (nginx) is not started.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -y -q "$@" </dev/null >>"$log" 2>&1
}

install_debian() {
    missing=$(missing_packages | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        say "this is no Debian; please install what corresponds to: $missing"
        exit 1
    fi
    log=build/log/deps.log
    mkdir -p build/log
    : >"$log"
    say "installing Debian packages (the log is $log): $missing"
    # Not there, or an old list of packages: ask for a new one, once.
    # shellcheck disable=SC2086 # a list of words is what is meant
    apt install --no-install-recommends $missing || { apt update && apt install --no-install-recommends $missing; } || {
        tail -n 30 "$log"
        exit 1
    }
}

# The versions are pinned by the lock file; the copy of it is made last, so that it marks a complete install.
install_npm() {
    if cmp -s spec/peers/package-lock.json build/npm/complete.json; then
        return 0
    fi
    say "installing npm packages into build/npm:"
    sed -n 's/^ *"\(.*[a-z0-9]\)": "\([0-9][^"]*\)".*/    \1 \2/p' spec/peers/package.json
    mkdir -p build/npm
    rm -rf build/npm/node_modules build/npm/complete.json
    cp spec/peers/package.json spec/peers/package-lock.json spec/peers/.npmrc build/npm/
    (cd build/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null)
    node=$(echo build/npm/node_modules/node-linux-*/bin/node)
    [ -x "$node" ] || { say "npm installed no Node for $(uname -s) $(uname -m)"; exit 1; }
    say "Node $("$node" --version) at $node"
    cp spec/peers/package-lock.json build/npm/complete.json
}

install_debian
install_npm
