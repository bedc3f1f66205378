--- souk: a Model Context Protocol client with a session pool, and the capability marketplace around it.
--
-- The C core does the work; this file is the public face. It may yield and call user code, which C must not (LuaJIT
-- cannot yield across a C call), so everything that waits or calls back is written here in Lua.
local calls = require "souk.calls"
local core = require "souk.core"
local handle = require "souk.handle"
local held = require "souk.held"
local inputs = require "souk.inputs"
local local_provider = require "souk.local_provider"
local dispatch = require "souk.dispatch"
local log = require "souk.log"
local options = require "souk.options"
local server = require "souk.server"
local show = require "souk.show"
local waiting = require "souk.waiting"

-- Misuse is told at the line of the script, whichever of souk's own files finds it.
core.own_sources(debug.getinfo(1, "S").source:match "^(.*[/\\])" or "=souk")

local souk = {
  version = core.version,
  libcurl = core.libcurl,
  null = core.json.null,
  array = core.json.array,
  json = { encode = core.json.encode, decode = core.json.decode },
  error_kinds = core.error_kinds,
  later = inputs.later,
  wait_all = waiting.all,
  wait_any = waiting.any,
}

-- Methods written in C are there already: get, list, metrics, and the private ones with "_".
local Market = core.market_methods

local forget_server, sessions, stats = Market.remove_server, Market.sessions, Market.stats

--- Opens a marketplace with its session pool.
-- @param opts table|nil see souk.OpenOptions in souk/types.lua; unknown options raise an error
-- @return souk.Market
function souk.open(opts)
  local settings, private = options.open(opts or {})
  local market = core.open(settings)
  dispatch.attach(market, private)
  local_provider.attach(market)
  log.attach(market, private)
  return market
end

--- Loads a capability file, or every .rtfs file of a folder and the folders in it.
-- @return integer|nil capabilities that were registered
-- @return table|souk.Error diagnostics (notes, warnings, errors with file, line, column), or the error
function Market:load(path)
  local count, diagnostics = self:_load(path)
  local_provider.replaced(self)
  return count, diagnostics
end

--- The same for a text; `name` stands for the file in diagnostics.
function Market:load_text(text, name)
  local count, diagnostics = self:_load_text(name or "text", text)
  local_provider.replaced(self)
  return count, diagnostics
end

--- Writes capabilities as one capability file.
-- @param path string
-- @param match string|nil a glob over ids; all when absent
-- @return integer|nil how many were written
-- @return souk.Error|nil
function Market:export(path, match)
  return self:_export(path, match or "*")
end

--- Registers a capability. With `handler` (a function of the script) it is local; else its metadata says where it is.
-- @param manifest souk.ManifestInput
-- @return boolean|nil true
-- @return souk.Error|nil
function Market:register(manifest)
  if type(manifest) ~= "table" then
    core.misuse("register: expected a table, got " .. type(manifest))
  end
  local handler = manifest.handler
  if handler ~= nil and type(handler) ~= "function" then
    core.misuse("register: handler: expected a function, got " .. type(handler))
  end
  local plain = {}
  for key, value in pairs(manifest) do
    if key ~= "handler" then
      plain[key] = value
    end
  end
  if handler and plain.provider == nil then
    plain.provider = "lua"
  end
  local ok, err = self:_register(plain)
  if not ok then
    return nil, err
  end
  local_provider.set(self, manifest.id, handler)
  return true
end

--- Removes a capability; calls that are under way go on.
-- @return boolean whether it was there
function Market:remove(id)
  local was_there = self:_remove(id)
  local_provider.set(self, id, nil)
  return was_there
end

--- Adds a server, asks it for its tools, and registers each as mcp.<name>.<tool>.
-- @param name string
-- @param opts souk.ServerOptions
-- @return integer|nil number of tools
-- @return table|souk.Error diagnostics about single tools, or the error
function Market:add_server(name, opts)
  local settings, private = options.server(name, opts)
  server.prepare(self, settings, private)
  local ok, err = self:_add_server(name, settings)
  if not ok then
    return nil, err
  end
  server.added(self, name)
  if private.discover == false then
    return 0, {}
  end
  return self:refresh(name, settings.timeout)
end

--- Forgets a server with its capabilities, and closes its sessions.
-- @return boolean whether it was there
function Market:remove_server(name)
  local was_there = forget_server(self, name)
  server.removed(self, name)
  return was_there
end

--- A server that was added, with everything that it offers beside its tools. Raises when there is none of that name.
-- @return souk.Server
function Market:server(name)
  return server.get(self, name)
end

--- Takes a session of a server that nobody else's calls run on, and waits until it is open. For servers that keep
-- something between calls. It is given back by its close(), at the end of its scope (<close>), or when it is collected.
-- @param name string of a server that was added
-- @param opts souk.SessionOptions|nil
-- @return souk.HeldSession|nil
-- @return souk.Error|nil
function Market:session(name, opts)
  return held.take(self, name, opts)
end

--- Asks a server again for its tools; those that are gone are removed from the marketplace.
-- @param timeout number|nil seconds
function Market:refresh(name, timeout)
  options.check_seconds("refresh", timeout)
  local refusal = dispatch.refusal(self, true)
  if refusal then
    return nil, refusal
  end
  local call, err = self:_discover(name, timeout)
  if not call then
    return nil, err
  end
  local found, why = dispatch.finish_call(self, call)
  if not found then
    return nil, why
  end
  return found.tools, found.diagnostics
end

--- Registers a session handler written in Lua, for metadata keys that begin with `prefix`.
-- @param prefix string
-- @param functions souk.Handler { open(target), call(session, request), close(session), cancel(session, call) }
function Market:handler(prefix, functions)
  return dispatch.add_handler(self, prefix, options.handler(prefix, functions))
end

--- Starts a call and returns at once.
-- @return souk.Handle|nil
-- @return souk.Error|nil
function Market:start(id, input, opts)
  calls.check_id("start", id)
  opts = calls.options(self, opts)
  local refusal = dispatch.refusal(self, false)
  if refusal and not local_provider.has(self, id) then
    refusal.capability = id
    return nil, refusal
  end
  local call, err = self:_call(id, input, opts)
  if call then
    return calls.handle(self, call, id, opts)
  elseif call == false then
    return handle.finished(self, local_provider.call(self, id, input, opts))
  end
  return nil, err
end

--- Calls a capability and waits for its result.
-- @param id string
-- @param input table|nil
-- @param opts souk.CallOptions|nil
-- @return any the result; JSON null is souk.null, so nil always means failure
-- @return souk.Error|nil
function Market:call(id, input, opts)
  calls.check_id("call", id)
  local for_core, for_wait = calls.options_of_wait(self, opts)
  local refusal = dispatch.refusal(self, true)
  if refusal and not local_provider.has(self, id) then
    refusal.capability = id
    return nil, refusal
  end
  dispatch.before_call(self)
  local call, err = self:_call(id, input, for_core)
  if call then
    local value, why = calls.finish(self, call, id, for_wait)
    return value, why
  elseif call == false then
    return local_provider.call(self, id, input, for_core)
  end
  return nil, err
end

--- Sends any request to a server that was added, and waits for the whole result.
-- @param name string of the server
-- @param method string such as "resources/list"
-- @param params table|nil
-- @param opts souk.CallOptions|nil
function Market:request(name, method, params, opts)
  local value, err = calls.request(self, name, method, params, opts)
  return value, err
end

--- Calls f(event) for every event of that name; "*" for all. Returns a function that ends it.
-- @param name string such as "session_opened"; souk.EventName in types.lua has them all
function Market:on(name, f)
  if type(name) ~= "string" then
    core.misuse("on: expected the name of an event, got " .. type(name))
  end
  if type(f) ~= "function" then
    core.misuse("on: expected a function, got " .. type(f))
  end
  self:_state() -- raises when the market is closed
  return dispatch.observe(self, name, f)
end

--- The sessions that there are, as a list; tostring() of it is a table for people.
-- @return souk.Session[]
function Market:sessions()
  return show.sessions(sessions(self))
end

--- Counters, how long things took, and the same for each server; tostring() of it is a summary.
-- @return souk.Stats
function Market:stats()
  return show.stats(stats(self))
end

--- Works for at most `timeout` seconds (0: only what can be done at once) without waiting for a certain call.
-- @return boolean|nil true
-- @return souk.Error|nil
function Market:step(timeout)
  options.check_seconds("step", timeout)
  local state = dispatch.state_of(self)
  if state.host.step then
    return state.host.step(self, state, timeout)
  end
  return dispatch.step(self, timeout, state)
end

--- For the host "loop": a descriptor that becomes readable when dispatch() has something to do, be it only that some
-- time is over. It is the market's: watch it, and do not read from it. It stays open until the market is collected.
-- @return integer|nil
-- @return souk.Error|nil
function Market:fd()
  if not dispatch.state_of(self).host.own_thread then
    core.misuse "fd: with the host 'blocking' there is nothing to watch: souk.open{ host = \"loop\" }"
  end
  return self:_fd()
end

--- Hands out everything that is ready: ends of calls to their callbacks, progress, events. It never waits.
-- @return boolean|nil true; false when the market is closed, and need not be watched any more
-- @return souk.Error|nil
function Market:dispatch()
  if not self:_is_open() then
    return false
  end
  return dispatch.pump(self, dispatch.state_of(self))
end

--- Ends all calls (their handles get an error of kind "closed"), says good-bye to servers, stops children. Harmless
-- when the market is closed already.
-- @param timeout number|nil how long to wait for servers and children; default 10
-- @return boolean true
function Market:close(timeout)
  options.check_seconds("close", timeout)
  if not self:_is_open() then
    return true
  end
  local state = dispatch.state_of(self)
  if state.host.close then
    state.host.close(self, state, timeout)
  else
    if state.shared and self:_begin_end() then
      dispatch.finish(self) -- who is the last to use a session is asked now
    end
    self:_end(timeout)
  end
  if self:_is_open() then
    dispatch.finish(self)
    self:_release()
  end
  return true
end

return souk
