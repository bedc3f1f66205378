--- A session that is held: market:session. Nobody else's calls run on it, and it is never replaced in silence.
local calls = require "souk.calls"
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local options = require "souk.options"

local held = {}

local Session = {}
Session.__index = Session
Session.__name = "souk.session"

Session.__tostring = function(self)
  return ("souk.session (%s, %s)"):format(self.server, self.guard_ and self.id or "given back")
end

Session.__close = function(self)
  self:close()
end

local known = { identity = "string", affinity = "string", timeout = "number" }

local function check(market, server, opts)
  if opts ~= nil and type(opts) ~= "table" then
    core.misuse("session: expected a table of options, got " .. type(opts))
  end
  options.check("session", opts or {}, known)
  if opts and opts.affinity == "" then
    core.misuse "session: option 'affinity': expected a name, got an empty string"
  elseif opts and opts.timeout and not (opts.timeout > 0 and opts.timeout <= 86400) then
    core.misuse "session: option 'timeout': expected a number of seconds from 0 to 86,400"
  end
  dispatch.check_server(dispatch.state_of(market), "session", server)
end

--- Takes a session and waits until it is open.
-- @return souk.HeldSession|nil, souk.Error|nil
function held.take(market, server, opts)
  check(market, server, opts)
  local refusal = dispatch.refusal(market, true)
  if refusal then
    return nil, refusal
  end
  local call, err = market:_hold(server, opts or {})
  if not call then
    return nil, err
  end
  -- Made before anything waits: a program that is interrupted meanwhile still gives the session back.
  local guard = market:_guard(call)
  local info, why = dispatch.finish_call(market, call)
  if not info then
    core.release(guard)
    return nil, why
  end
  return setmetatable({
    server = server, id = info.session, protocol = info.protocol, generation = info.generation,
    market_ = market, hold_ = call, guard_ = guard,
  }, Session)
end

--- The number of the hold in the core, for the option `session` of calls. Another market counts for itself.
function held.number(market, session)
  if getmetatable(session) ~= Session then
    core.misuse("option 'session': expected what market:session gave, got " .. type(session))
  elseif session.market_ ~= market then
    core.misuse "option 'session': it is of another market"
  end
  return session.hold_
end

local function on_this(self, opts)
  if opts ~= nil and type(opts) ~= "table" then
    return opts -- whoever is given it says what is wrong with it
  end
  local copy = {}
  for key, value in pairs(opts or {}) do
    copy[key] = value
  end
  if copy.session ~= nil and copy.session ~= self then
    core.misuse "option 'session': this is the call of another session"
  end
  copy.session = self
  return copy
end

--- Calls a capability of the server on this session. When the session was lost, or given back: kind "closed".
function Session:call(id, input, opts)
  local value, err = self.market_:call(id, input, on_this(self, opts))
  return value, err
end

--- Starts a call on this session.
function Session:start(id, input, opts)
  return self.market_:start(id, input, on_this(self, opts))
end

--- Sends any request of the protocol on this session, and waits for the whole result.
function Session:request(method, params, opts)
  local value, err = calls.request(self.market_, self.server, method, params, on_this(self, opts))
  return value, err
end

--- Gives it back; harmless when that was done already. It is closed, unless it has an affinity: then it stays for the
-- next who names that, as long as idle sessions stay.
-- @return boolean true
function Session:close()
  if self.guard_ then
    core.release(self.guard_)
    self.guard_ = nil
  end
  return true
end

return held
