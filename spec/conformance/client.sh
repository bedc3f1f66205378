#!/bin/sh
# The command that the suite runs: client.sh INTERPRETER URL. The interpreter is "lua5.4" or "luajit", and then runs
# client.lua, or a program that stands for a bad client (see the check of the gate in spec/tools/conformance.mjs).
#
# It writes the exit code of the client into the file SOUK_CLIENT_EXIT, for the suite does not judge it in every
# scenario, and ends the client in time: the suite would only end this shell, and wait for the client's output.
cd "$(dirname "$0")/../.." || exit 99
case $1 in
lua* | luajit*) timeout -k 2 20 "$1" spec/conformance/client.lua "$2" ;;
does-its-work-and-fails) timeout -k 2 20 lua5.4 spec/conformance/client.lua "$2" && false ;;
*) "$1" "$2" ;;
esac
code=$?
echo "$code" >"$SOUK_CLIENT_EXIT"
exit "$code"
