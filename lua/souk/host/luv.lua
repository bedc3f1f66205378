--- The host for programs that run a libuv loop through luv.
--
-- In a coroutine a wait yields, and the loop goes on. Outside of one it holds up the loop: libuv cannot be run from
-- inside of one of its callbacks.
local dispatch = require "souk.dispatch"
local uv = require "luv"
local uv_host = require "souk.host.uv"

local Blocked = {}
Blocked.__index = Blocked

function Blocked:sleep(timeout)
  return dispatch.step(self.market, timeout, self.state)
end

function Blocked.wake() end

return uv_host.new {
  name = "luv",
  uv = uv,
  run_later = function(f)
    f()
  end,
  main_waiter = function(market, state)
    return setmetatable({ market = market, state = state }, Blocked)
  end,
}
