--- What Lua adds to calls of the core: progress, trace context, handles.
local dispatch = require "souk.dispatch"
local handle = require "souk.handle"
local trace = require "souk.trace"

local calls = {}

-- The session that the script holds, as the core knows it.
local function on_hold(opts)
  local copy = {}
  for key, value in pairs(opts) do
    copy[key] = value
  end
  if opts.identity ~= nil or opts.affinity ~= nil then
    error("option 'session': it has an identity and an affinity already", 4)
  end
  copy.session = require("souk.held").number(opts.session)
  return copy
end

--- The options as the core wants them: with the trace context that the program gives.
function calls.options(market, opts)
  if type(opts) == "table" and opts.session ~= nil then
    opts = on_hold(opts)
  end
  return trace.add(dispatch.state_of(market), opts)
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
  local value, err, asked = dispatch.finish_call(market, call, capability)
  if watchers then
    watchers[call] = nil
  end
  return value, err, asked
end

--- A handle for a call that the core has just started.
function calls.handle(market, call, capability, opts)
  watch(market, call, opts)
  return handle.new(market, call, capability)
end

--- Sends a request to a server and waits for the whole result.
-- @return any, souk.Error|nil, boolean|nil as dispatch.finish_call
function calls.request(market, server, method, params, opts)
  opts = calls.options(market, opts)
  local call, err = market:_request(server, method, params, opts)
  if not call then
    return nil, err
  end
  return calls.finish(market, call, nil, opts)
end

--- Starts a request to a server.
-- @return souk.Handle|nil, souk.Error|nil
function calls.start(market, server, method, params, opts)
  opts = calls.options(market, opts)
  local call, err = market:_request(server, method, params, opts)
  if not call then
    return nil, err
  end
  return calls.handle(market, call, nil, opts)
end

return calls
