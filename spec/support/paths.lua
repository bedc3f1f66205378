-- Makes `require "souk"` find this checkout's Lua files and the module that was built for the running Lua.
-- busted runs it before the specs (see .busted); examples and tools get the same with
-- `dofile "spec/support/paths.lua"`. The current directory is the top of the checkout.
--
-- SOUK_BUILD chooses another build: "build/asan-" is the sanitized one.

local build = os.getenv("SOUK_BUILD") or "build/"

-- LuaJIT and Lua 5.1 share a binary interface, and so a build.
local version = _VERSION:match("%d+%.%d+")

package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "./" .. build .. "lua" .. version .. "/?.so;" .. package.cpath
