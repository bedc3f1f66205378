--- What hosts with an event loop have in common. The engine moves its bytes on a thread; here whoever waits is parked
-- until the host's loop has heard of the end.
--
-- A host gives `waiter(market, state)`: something that parks the running coroutine, light thread or editor:
--     waiter:sleep(timeout) -> true when it was woken, false when the time is over; nil, err when it was interrupted
--     waiter:wake()         any number of times, also before it sleeps
--     waiter.takes_progress  progress is told by whoever waits, and not by the loop
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local guard = require "souk.guard"
local handles = require "souk.handle"

local parked = {}

-- A wait without an end looks up now and then all the same.
local LONGEST_WAIT = 3600

-- Who waits, and for what: a coroutine that nobody else refers to must not be collected while its call is under way,
-- and neither must the handle, whose end tells that it waits no more.
local waiting = {}

-- subject: a handle, whose end settles it; or a wish { is_done, subject, by, market }.
local function park(waiter, state, subject, wish)
  waiting[waiter] = wish or subject
  state.wishes[waiter] = wish
  state.parked_count = state.parked_count + 1
end

--- The waiter does not wait any more. That is known from the end of what it waited for, too, and not only from itself:
-- the light thread of a request that was aborted never comes back.
function parked.settle(waiter, market, state)
  if not waiting[waiter] then
    return
  end
  waiting[waiter] = nil
  state.wishes[waiter] = nil
  state.parked_count = state.parked_count - 1
  if state.parked_count == 0 and state.host.on_idle then
    state.host.on_idle(market, state)
  end
end

local function leave(waiter, market, state)
  parked.settle(waiter, market, state)
  if waiter.done then
    waiter:done()
  end
end

--- Prepares the state of a market.
function parked.attach(_, state)
  state.wishes = {} -- waiter -> what it waits for, unless that is the end of one call
  state.parked_count = 0
end

local HoldUp = {}
HoldUp.__index = HoldUp

function HoldUp:sleep(timeout)
  return dispatch.step(self.market, timeout, self.state)
end

function HoldUp.wake() end

--- A waiter that drives the market itself, as plain Lua does: for where nobody can be parked, and the loop has to wait.
function parked.hold_up(market, state)
  return setmetatable({ market = market, state = state }, HoldUp)
end

-- Sleeps again and again until it is done. Progress that was left for the waiter is told here, where it may also wait.
local function sleep_until(waiter, state, is_done, subject, timeout, handle)
  local deadline = timeout and core.now() + timeout
  while true do
    if handle and handle.untold_ then
      local untold = handle.untold_
      handle.untold_ = nil
      for _, progress in ipairs(untold) do
        guard.run(state, handle.on_progress_, progress)
      end
    elseif is_done(subject) then
      return true
    else
      local left = deadline and deadline - core.now() or LONGEST_WAIT
      if left <= 0 then
        return nil, "timeout"
      end
      local ok, err = waiter:sleep(left)
      if ok == nil then
        return nil, err
      end
    end
  end
end

--- As blocking.wait_until.
function parked.wait_until(host, market, state, is_done, timeout, subject)
  if is_done(subject) then
    return true
  end
  local waiter, err = host.waiter(market, state)
  if not waiter then
    return nil, err
  end
  park(waiter, state, nil, {
    is_done = is_done, subject = subject, market = market, by = timeout and core.now() + timeout,
  })
  local ok, why = sleep_until(waiter, state, is_done, subject, timeout)
  leave(waiter, market, state)
  return ok, why
end

local function has_ended(handle)
  return handle.done_
end

--- As blocking.wait. Dispatch wakes the waiter of a handle by itself, so nobody has to look through all that wait.
function parked.wait(host, handle, timeout)
  local market, state = handle.market_, handle.state_
  if handle.waiter_ then
    return parked.wait_until(host, market, state, has_ended, timeout, handle) -- somebody waits for it already
  end
  local waiter, err = host.waiter(market, state)
  if not waiter then
    return nil, err
  end
  park(waiter, state, handle)
  handle.waiter_ = waiter
  local ok, why = sleep_until(waiter, state, has_ended, handle, timeout, handle)
  handle.waiter_ = nil
  leave(waiter, market, state)
  return ok, why
end

--- Waits for a call that was just started. One whose waiting ends before it does is given up: nobody has a handle.
function parked.finish_call(host, market, call, capability, opts)
  local handle = handles.new(market, call, capability)
  handle.on_progress_ = opts and opts.on_progress
  local ok, err = true, nil
  if host.before_wait then
    ok, err = host.before_wait(handle, opts)
  end
  if ok then
    ok, err = parked.wait(host, handle)
  end
  if host.after_wait then
    host.after_wait(handle, opts)
  end
  if not ok then
    market:_cancel(call)
    err.capability = err.capability or capability
    return nil, err
  end
  return handle.value_, handle.err_, handle.asked_
end

--- Works for a while without waiting for a certain call.
function parked.step(host, market, state, timeout)
  if not timeout or timeout <= 0 then
    return dispatch.pump(market, state)
  end
  local ok, err = parked.wait_until(host, market, state, function() return false end, timeout)
  return ok or err == "timeout" or nil, err ~= "timeout" and err or nil
end

local function is_ended(market)
  return market:_is_ended()
end

--- Closes without holding up the host's loop. Where nothing can wait, what takes longer is cut off; but where the loop
-- has ended (host.is_over) nobody is held up by waiting as plain Lua does.
function parked.close(host, market, state, timeout)
  if not market:_begin_end() then
    return
  end
  dispatch.pump(market, state)
  parked.wait_until(host, market, state, is_ended, timeout or 10, market)
  if market:_is_open() then
    market:_end(host.is_over and host.is_over() and (timeout or 10) or 0)
  end
end

--- A host with all of this. `own` has name, waiter, and what is special about it.
function parked.host(own)
  own.own_thread = true
  own.settle = parked.settle
  for _, name in ipairs { "wait_until", "wait", "finish_call", "step", "close" } do
    local f = parked[name]
    own[name] = own[name] or function(a, b, c, d, e)
      return f(own, a, b, c, d, e)
    end
  end
  return own
end

return parked
