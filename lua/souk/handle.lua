--- Handles: calls that were started and may not have ended yet.
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local options = require "souk.options"

local handle = {}

local Handle = {}
Handle.__index = Handle
Handle.__name = "souk.handle"

-- A handle is a table and not userdata: what it stands for lives in the core and ends by its deadline at the latest,
-- so nothing has to happen when a handle is collected.
local function make(market, id, capability)
  -- value_, err_, callbacks_ and others come later; the fields named here leave room for them without a second
  -- allocation.
  return setmetatable({
    market_ = market, state_ = dispatch.state_of(market), id_ = id, capability_ = capability, done_ = false,
  }, Handle)
end

--- A handle for the call with this number. The capability is named in its error; nil when there is none.
function handle.new(market, id, capability)
  local h = make(market, id, capability)
  dispatch.expect(h)
  return h
end

--- A handle for something that has ended already.
function handle.finished(market, value, err)
  local h = make(market, 0)
  h.done_, h.value_, h.err_ = true, value, err
  h.ended_ = dispatch.count_end(h.state_)
  return h
end

--- Whether the call has ended. Does what can be done without waiting.
function Handle:done()
  if not self.done_ then
    dispatch.look(self.market_, self.state_)
  end
  return self.done_
end

--- Waits for the end.
-- @param timeout number|nil seconds; the call goes on when they are over, and the error says so (kind "timeout")
-- @return any the result, or nil
-- @return souk.Error|nil
function Handle:wait(timeout)
  options.check_seconds("wait", timeout)
  if not self.done_ then
    local ok, err = dispatch.wait(self, timeout)
    if not ok then
      return nil, err
    end
  end
  return self.value_, self.err_
end

--- Cancels the call; wait() then gives an error of kind "cancelled". A call that has ended stays as it is.
function Handle:cancel()
  if not self.done_ then
    self.market_:_cancel(self.id_)
    dispatch.look(self.market_, self.state_)
    self.market_:_flush()
  end
end

--- Id of the task that the server made of the call, as far as is known. With it souk.Server:task goes on later, or in
-- another process. Does what can be done without waiting.
-- @return string|nil
function Handle:task()
  if not self.done_ then
    dispatch.look(self.market_, self.state_)
  end
  return self.task_
end

--- Calls f(value, err) once, when the call has ended; at once if it has. What f raises goes to `on_error`.
function Handle:on_done(f)
  if type(f) ~= "function" then
    core.misuse("on_done: expected a function, got " .. type(f))
  end
  if self.done_ then
    dispatch.tell(self, f)
    return
  end
  self.callbacks_ = self.callbacks_ or {}
  self.callbacks_[#self.callbacks_ + 1] = f
  dispatch.keep(self)
end

Handle.__tostring = function(self)
  local state = not self.done_ and "running" or self.err_ and "failed" or "done"
  return ("souk.handle (call %d, %s)"):format(self.id_, state)
end

--- With Lua 5.4's `local h <close>`: a call that is still running is cancelled.
Handle.__close = function(self)
  self:cancel()
end

handle.metatable = Handle

return handle
