--- The host for plain Lua: whoever waits drives the engine. No thread exists, nothing happens between calls.
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local handles = require "souk.handle"

local blocking = { name = "blocking" }

-- A wait without an end still looks up now and then, so that a signal handler of the program gets its turn.
local LONGEST_WAIT = 3600

--- Drives the engine until is_done(subject) says so. What can be done at once is done also when there is no time.
-- @param state table of the market, as dispatch.state_of gives it
-- @param is_done function(subject) asked after everything that happens
-- @param timeout number|nil seconds
-- @param subject any
-- @return boolean|nil true
-- @return string|souk.Error|nil "timeout" when the time is over first, which the caller puts into words; or an error
function blocking.wait_until(market, state, is_done, timeout, subject)
  local deadline = timeout and core.now() + timeout
  local left = timeout or LONGEST_WAIT
  while not is_done(subject) do
    local ok, err = dispatch.step(market, left, state)
    if not ok then
      return nil, err
    end
    left = deadline and deadline - core.now() or LONGEST_WAIT
    if left <= 0 and not is_done(subject) then
      return nil, "timeout"
    end
  end
  -- Nothing happens between calls, so what the session still has to say is said before this one returns.
  market:_flush()
  return true
end

local function has_ended(handle)
  return handle.done_
end

--- The same until the handle has ended.
function blocking.wait(handle, timeout)
  return blocking.wait_until(handle.market_, handle.state_, has_ended, timeout, handle)
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
