--- The host for plain Lua: whoever waits drives the engine. No thread exists, nothing happens between calls.
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local handles = require "souk.handle"

local blocking = { name = "blocking" }

-- A wait without an end still looks up now and then, so that a signal handler of the program gets its turn.
local LONGEST_WAIT = 3600

--- Drives the engine until the handle has ended.
-- @param timeout number|nil seconds
-- @return boolean|nil true; nil and an error of kind "timeout" when the time is over first
function blocking.wait(handle, timeout)
  local deadline = timeout and core.now() + timeout
  while not handle.done_ do
    local left = deadline and deadline - core.now() or LONGEST_WAIT
    if left <= 0 then
      return nil, core.error("timeout", ("the call is still running after %g s of waiting"):format(timeout))
    end
    local ok, err = dispatch.step(handle.market_, left, handle.state_)
    if not ok then
      return nil, err
    end
  end
  -- Nothing happens between calls, so what the session still has to say is said before this one returns.
  handle.market_:_flush()
  return true
end

--- Waits for a call that was just started. As long as nothing else happens no handle is needed.
-- @return any, souk.Error|nil, boolean|nil as dispatch.finish_call
function blocking.finish_call(market, call, capability)
  while true do
    local kind, a, b, c, d = market:_await()
    if kind == "done" and a == call then
      if c and capability and not c.capability then
        c.capability = capability
      end
      return b, c, d
    elseif kind == false then
      return nil, a
    elseif kind then
      -- Whoever this is for may wait for something, too, and meet the end of our call: from here on a handle has it.
      local handle = handles.new(market, call, capability)
      dispatch.hand_out(market, handle.state_, kind, a, b, c, d)
      local value, err = handle:wait()
      return value, err, handle.asked_
    end
  end
end

return blocking
