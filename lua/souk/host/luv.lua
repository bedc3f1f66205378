--- The host for programs that run a libuv loop through luv.
--
-- In a coroutine a wait yields, and the loop goes on. Outside of one it holds up the loop: libuv cannot be run from
-- inside of one of its callbacks.
local parked = require "souk.host.parked"
local uv_host = require "souk.host.uv"

-- luv runs its callbacks on the Lua thread that has loaded it, and a coroutine that waits must not be that one.
if not package.loaded.luv and uv_host.yieldable() then
  error("luv has to be loaded by the main program, before a coroutine opens a market", 0)
end
local uv = require "luv"

return uv_host.new {
  name = "luv",
  uv = uv,
  run_later = function(f)
    f()
  end,
  main_waiter = parked.hold_up,
}
