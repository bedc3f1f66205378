#!/bin/sh
# Builds and installs the rock, offline and without its dependencies, into a scratch tree for each Lua, and
# requires it from there and from nowhere else; then the same with `make install`. A copy of the sources is
# built, because luarocks leaves objects beside them; without optimisation, because it compiles one file at a time.
set -u
cd "$(dirname "$0")/../.."
scratch=$PWD/build/rock
passed=0
failed=0

check() {
    name=$1
    shift
    if "$@" >build/log/rock.out 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name"
    else
        failed=$((failed + 1))
        echo "FAILED  $name"
        tail -n 25 build/log/rock.out | sed 's/^/    /'
    fi
}

install_rock() { # Lua version, tree, more arguments
    version=$1
    tree=$2
    shift 2
    rm -rf "$scratch/source"
    mkdir -p "$scratch/source"
    cp -R src lua souk-scm-1.rockspec LICENSE "$scratch/source/" || return 1
    find "$scratch/source" -name '*.o' -exec rm -f {} +
    (cd "$scratch/source" && luarocks --lua-version="$version" make --no-doc --deps-mode none \
        --tree "$scratch/$tree" souk-scm-1.rockspec CFLAGS="-O0 -fPIC" "$@")
}

require_rock() { # interpreter, Lua version, tree
    (cd "$scratch" && LUA_PATH="$scratch/$3/share/lua/$2/?.lua;$scratch/$3/share/lua/$2/?/init.lua" \
        LUA_CPATH="$scratch/$3/lib/lua/$2/?.so" \
        "$1" -e 'local souk = require "souk"
            assert(souk.version:match("^%d+%.%d+%.%d+"), "no version")
            assert(package.loaded["souk.core"], "no core")
            assert(souk.json.decode("[1,2]")[2] == 2, "it does not decode")')
}

rm -rf "$scratch"
mkdir -p "$scratch" build/log
check "luarocks lint" luarocks lint souk-scm-1.rockspec
check "install for Lua 5.4" install_rock 5.4 lua54
check "require in Lua 5.4" require_rock lua5.4 5.4 lua54
jit_include=$(pkg-config --variable=includedir luajit 2>/dev/null)
check "install for LuaJIT and Lua 5.1" install_rock 5.1 lua51 ${jit_include:+"LUA_INCDIR=$jit_include"}
for lua in luajit lua5.1; do
    ! command -v $lua >/dev/null 2>&1 || check "require in $lua" require_rock $lua 5.1 lua51
done

make_install() {
    ${MAKE:-make} -s --no-print-directory install DESTDIR="$scratch/stage" PREFIX= LUA_VERSIONS=5.4
}

make_uninstall() {
    ${MAKE:-make} -s --no-print-directory uninstall DESTDIR="$scratch/stage" PREFIX= LUA_VERSIONS=5.4 &&
        [ -z "$(find "$scratch/stage" -type f)" ]
}

check "make install" make_install
check "require what make installed" require_rock lua5.4 5.4 stage
check "make uninstall leaves no file" make_uninstall
rm -rf "$scratch"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
