--- What Lua adds to calls of the core: progress, trace context, handles.
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local handle = require "souk.handle"
local trace = require "souk.trace"

local calls = {}

-- The session that the script holds, as the core knows it.
local function on_hold(market, opts)
  local copy = {}
  for key, value in pairs(opts) do
    copy[key] = value
  end
  copy.session = require("souk.held").number(market, opts.session)
  for _, name in ipairs { "identity", "affinity" } do
    if opts[name] ~= nil then
      core.misuse(("option '%s' is the session's own: give it to market:session"):format(name))
    end
  end
  return copy
end

--- The options as the core wants them: with the trace context that the program gives.
function calls.options(market, opts)
  if opts ~= nil and type(opts) ~= "table" then
    core.misuse("expected a table of options, got " .. type(opts))
  elseif opts and opts.cancel_on_abort ~= nil then
    core.misuse "option 'cancel_on_abort': only a call that is waited for at once has it"
  elseif opts and opts.session ~= nil then
    opts = on_hold(market, opts)
  end
  return trace.add(dispatch.state_of(market), opts)
end

--- The same for a call that is waited for at once: `cancel_on_abort` is for the host, and not for the core.
-- @return souk.CallOptions|nil for the core
-- @return souk.CallOptions|nil for calls.finish
function calls.options_of_wait(market, opts)
  if type(opts) ~= "table" or opts.cancel_on_abort == nil then
    opts = calls.options(market, opts)
    return opts, opts
  end
  local copy = {}
  for key, value in pairs(opts) do
    copy[key] = value
  end
  copy.cancel_on_abort = nil
  if type(opts.cancel_on_abort) ~= "boolean" then
    core.misuse("option 'cancel_on_abort': expected a boolean, got " .. type(opts.cancel_on_abort))
  elseif not dispatch.state_of(market).host.cancels_on_abort then
    core.misuse "option 'cancel_on_abort': there are no clients of requests outside of OpenResty"
  end
  return calls.options(market, copy), opts
end

--- Raises unless it is the id of a capability.
function calls.check_id(where, id)
  if type(id) ~= "string" then
    core.misuse(("%s: expected the id of a capability, got %s"):format(where, type(id)))
  end
end

local function check_method(method)
  if type(method) ~= "string" then
    core.misuse("request: expected a method, got " .. type(method))
  end
end

-- Remembers who wants to hear how the call goes on. Returns the table in which that stands; nil when nobody does.
local function watch(market, call, opts)
  local f = opts and opts.on_progress
  if not f then
    return nil
  end
  local watchers = dispatch.state_of(market).progress
  watchers[call] = f
  return watchers
end

--- Waits for a call that the core has just started.
-- @param call integer
-- @param capability string|nil to be named in its error
-- @param opts souk.CallOptions|nil
-- @return any, souk.Error|nil, boolean|nil as dispatch.finish_call
function calls.finish(market, call, capability, opts)
  local watchers = watch(market, call, opts)
  local value, err, asked = dispatch.finish_call(market, call, capability, opts)
  if watchers then
    watchers[call] = nil
  end
  return value, err, asked
end

--- A handle for a call that the core has just started.
-- @return souk.Handle|nil, souk.Error|nil
function calls.handle(market, call, capability, opts)
  watch(market, call, opts)
  local ok, err = dispatch.started(market, dispatch.state_of(market))
  if not ok then
    market:_cancel(call)
    return nil, err
  end
  return handle.new(market, call, capability)
end

--- Sends a request to a server and waits for the whole result.
-- @return any, souk.Error|nil, boolean|nil as dispatch.finish_call
function calls.request(market, server, method, params, opts)
  check_method(method)
  local for_core, for_wait = calls.options_of_wait(market, opts)
  local refusal = dispatch.refusal(market, true)
  if refusal then
    return nil, refusal
  end
  dispatch.before_call(market)
  local call, err = market:_request(server, method, params, for_core)
  if not call then
    return nil, err
  end
  return calls.finish(market, call, nil, for_wait)
end

--- Starts a request to a server.
-- @return souk.Handle|nil, souk.Error|nil
function calls.start(market, server, method, params, opts)
  opts = calls.options(market, opts)
  local refusal = dispatch.refusal(market, false)
  if refusal then
    return nil, refusal
  end
  local call, err = market:_request(server, method, params, opts)
  if not call then
    return nil, err
  end
  return calls.handle(market, call, nil, opts)
end

return calls
