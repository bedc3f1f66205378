--- A server that was added, with everything that it offers beside its tools: resources, prompts, completion, log,
-- listening, tasks. Lists are whole, and what the server allows to be kept is kept (cache.lua).
local calls = require "souk.calls"
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local inputs = require "souk.inputs"
local options = require "souk.options"

local server = {}

local Server = {}
Server.__index = Server
Server.__name = "souk.server"

Server.__tostring = function(self)
  return ("souk.server (%s)"):format(self.name)
end

server.metatable = Server

-- --- servers of a market ---------------------------------------------------------------------------------------------

--- Puts into the settings for the core what the options of add_server say that are for Lua.
function server.prepare(market, settings, private)
  local state = dispatch.state_of(market)
  if private.auth then
    settings.auth = dispatch.add_function(market, private.auth)
  end
  local handlers, declared = inputs.merge(private, state.inputs)
  local is_own = private.elicitation ~= nil or private.sampling ~= nil or private.roots ~= nil
  if declared == 0 then
    settings.input = 0
  elseif is_own then
    settings.input = dispatch.add_function(market, handlers)
  else
    settings.input = dispatch.COMMON_INPUTS
  end
  settings.abilities = declared + (private.tasks == false and 0 or core.abilities.tasks)
end

--- To be told of servers that come, perhaps in the place of others of their names, and go.
function server.added(market, name)
  local state = dispatch.state_of(market)
  state.servers[name] = true
  state.cache:drop(name)
end

function server.removed(market, name)
  local state = dispatch.state_of(market)
  state.servers[name] = nil
  state.cache:drop(name)
end

--- The object for a server that was added; raises when there is none of that name.
function server.get(market, name)
  local state = dispatch.state_of(market)
  dispatch.check_server(state, "server", name)
  return setmetatable({ name = name, market_ = market, state_ = state }, Server)
end

-- --- requests --------------------------------------------------------------------------------------------------------

-- One of the options, which may be absent altogether.
local function option(opts, name)
  if opts == nil then
    return nil
  elseif type(opts) ~= "table" then
    core.misuse("expected a table of options, got " .. type(opts))
  end
  return opts[name]
end

-- The options of a call: those that are for this file alone are left out, `timeout` may be replaced.
local function call_options(opts, timeout)
  if opts == nil and timeout == nil then
    return nil
  end
  local out = {}
  for key, value in pairs(opts or {}) do
    out[key] = value
  end
  out.fresh, out.arguments = nil, nil
  out.timeout = timeout or out.timeout
  return out
end

-- The error for a result that has not the shape that the protocol gives it.
local function misshapen(self, method, what)
  local message = ("the answer of server '%s' to %s %s"):format(self.name, method, what)
  return nil, core.error("protocol", message, { delivery = "delivered" })
end

-- A request whose result may be kept.
-- @param param string|nil the cursor or URI on which the result depends
local function cached_request(self, method, params, param, opts)
  local state = self.state_
  local store = state.cache
  local key = { server = self.name, identity = option(opts, "identity"), method = method, param = param }
  local found = not option(opts, "fresh") and store:find(key, state.now())
  if found then
    return found
  end
  local epoch = store:epoch(self.name)
  local result, err, asked = calls.request(self.market_, self.name, method, params, call_options(opts))
  if not result then
    return nil, err
  elseif type(result) ~= "table" then
    return misshapen(self, method, "is no object")
  end
  if not asked then
    store:keep(key, result, state.now(), epoch)
  end
  return result
end

-- What the core does beside requests: "notify", "ping", "log_level", "task".
local function special(self, kind, name, params, opts)
  opts = calls.options(self.market_, call_options(opts))
  local call, err = self.market_:_special(self.name, kind, name, params, opts)
  if not call then
    return nil, err
  end
  return call, opts
end

local function finish_special(self, kind, name, params, opts)
  local call, rest = special(self, kind, name, params, opts)
  if not call then
    return nil, rest
  end
  local value, err = calls.finish(self.market_, call, nil, rest)
  if value == nil then
    return nil, err
  end
  return true
end

-- --- lists -----------------------------------------------------------------------------------------------------------

local INVALID_PARAMS = -32602

-- The cursor of the next page: a string, also an empty one; nil when this was the last.
local function next_cursor(self, method, result, seen)
  local cursor = result.nextCursor
  if cursor == nil or cursor == core.json.null then
    return nil
  elseif type(cursor) ~= "string" then
    return misshapen(self, method, "has a nextCursor that is no string")
  elseif seen[cursor] then
    return misshapen(self, method, "repeats a cursor: its pages have no end")
  end
  seen[cursor] = true
  return cursor
end

-- How much of the time for the whole list is left for the next page.
local function time_left(self, deadline, opts)
  if not deadline then
    return opts
  end
  local left = deadline - self.state_.now()
  if left <= 0 then
    return nil
  end
  local copy = call_options(opts, left)
  copy.fresh = opts.fresh
  return copy
end

-- All pages. The third value is true when a cursor was not taken, as it happens when the list changed meanwhile.
local function pages(self, method, member, opts)
  local entries, seen, cursor = core.json.array {}, {}, nil
  local timeout = option(opts, "timeout")
  options.check_seconds(method, timeout)
  local deadline = timeout and self.state_.now() + timeout
  for _ = 1, self.state_.max_pages do
    local page_opts = time_left(self, deadline, opts)
    if deadline and not page_opts then
      return nil, core.error("timeout", ("%s: not all pages came within %g s"):format(method, timeout))
    end
    local result, err = cached_request(self, method, cursor and { cursor = cursor }, cursor, page_opts)
    if not result then
      return nil, err, cursor ~= nil and err.code == INVALID_PARAMS
    elseif type(result[member]) ~= "table" then
      return misshapen(self, method, ("has no list '%s'"):format(member))
    end
    for _, entry in ipairs(result[member]) do
      entries[#entries + 1] = entry
    end
    cursor, err = next_cursor(self, method, result, seen)
    if not cursor then
      return not err and entries or nil, err
    end
  end
  return nil, core.error("limit", ("%s of server '%s' has more than %d pages (option max_pages)"):format(method,
    self.name, self.state_.max_pages), { delivery = "delivered" })
end

local function list(self, method, member, opts)
  local entries, err, is_stale = pages(self, method, member, opts)
  if is_stale then
    self.state_.cache:drop(self.name, method)
    entries, err = pages(self, method, member, opts)
  end
  return entries, err
end

--- All tools, as the server sent them.
-- @param opts souk.RequestOptions|nil
-- @return table[]|nil, souk.Error|nil
function Server:tools(opts)
  return list(self, "tools/list", "tools", opts)
end

--- All resources.
function Server:resources(opts)
  return list(self, "resources/list", "resources", opts)
end

--- All templates of resources.
function Server:resource_templates(opts)
  return list(self, "resources/templates/list", "resourceTemplates", opts)
end

--- All prompts.
function Server:prompts(opts)
  return list(self, "prompts/list", "prompts", opts)
end

-- --- resources, prompts, completion ----------------------------------------------------------------------------------

local function check_string(where, what, value)
  if type(value) ~= "string" then
    core.misuse(("%s: expected %s, got %s"):format(where, what, type(value)))
  end
end

--- Reads a resource.
-- @param uri string
-- @param opts souk.RequestOptions|nil
-- @return table[]|nil contents: {uri, mimeType, text or blob}
-- @return souk.Error|nil
function Server:read(uri, opts)
  check_string("read", "a URI", uri)
  local result, err = cached_request(self, "resources/read", { uri = uri }, uri, opts)
  if not result then
    return nil, err
  elseif type(result.contents) ~= "table" then
    return misshapen(self, "resources/read", "has no list 'contents'")
  end
  return result.contents
end

--- Wants to hear of changes of a resource, from now on and over lost sessions: event "resource_updated".
function Server:subscribe(uri)
  check_string("subscribe", "a URI", uri)
  dispatch.started(self.market_, dispatch.state_of(self.market_))
  return self.market_:_subscribe(self.name, uri, true)
end

--- Wants to hear no more of them.
function Server:unsubscribe(uri)
  check_string("unsubscribe", "a URI", uri)
  return self.market_:_subscribe(self.name, uri, false)
end

-- Arguments of prompts and templates are texts. What else is meant by a number or a boolean is for the caller to say.
local function check_arguments(where, arguments)
  if arguments ~= nil and type(arguments) ~= "table" then
    core.misuse(("%s: arguments: expected a table, got %s"):format(where, type(arguments)))
  end
  for name, value in pairs(arguments or {}) do
    if type(name) ~= "string" or type(value) ~= "string" then
      core.misuse(("%s: argument '%s': expected a string, got %s"):format(where, tostring(name), type(value)))
    end
  end
end

--- Gets a prompt.
-- @param name string
-- @param arguments table<string, string>|nil
-- @param opts souk.CallOptions|nil
-- @return table|nil {description, messages}
-- @return souk.Error|nil
function Server:prompt(name, arguments, opts)
  check_string("prompt", "the name of a prompt", name)
  check_arguments("prompt", arguments)
  local params = { name = name, arguments = arguments }
  local result, err = calls.request(self.market_, self.name, "prompts/get", params, opts)
  if not result then
    return nil, err
  elseif type(result) ~= "table" or type(result.messages) ~= "table" then
    return misshapen(self, "prompts/get", "has no list 'messages'")
  end
  return result
end

local function reference(ref)
  if type(ref) == "table" and type(ref.prompt) == "string" and ref.template == nil then
    return { type = "ref/prompt", name = ref.prompt }
  elseif type(ref) == "table" and type(ref.template) == "string" and ref.prompt == nil then
    return { type = "ref/resource", uri = ref.template }
  end
  core.misuse("complete: expected either {prompt = name} or {template = uri}")
end

--- Suggestions for an argument of a prompt or of a resource template.
-- @param ref table {prompt = name} or {template = uri}
-- @param argument string its name
-- @param value string what was typed so far
-- @param opts table|nil souk.CallOptions, and `arguments`: those that are chosen already
-- @return table|nil {values, total, hasMore}
-- @return souk.Error|nil
function Server:complete(ref, argument, value, opts)
  check_string("complete", "the name of an argument", argument)
  check_string("complete", "what was typed so far", value)
  local params = { ref = reference(ref), argument = { name = argument, value = value } }
  local chosen = option(opts, "arguments")
  if chosen ~= nil then
    check_arguments("complete", chosen)
    params.context = { arguments = chosen }
  end
  local result, err = calls.request(self.market_, self.name, "completion/complete", params, call_options(opts))
  if not result then
    return nil, err
  elseif type(result) ~= "table" or type(result.completion) ~= "table" or
      type(result.completion.values) ~= "table" then
    return misshapen(self, "completion/complete", "has no list 'completion.values'")
  end
  return result.completion
end

-- --- the server itself -----------------------------------------------------------------------------------------------

-- What the core knows of the server, in the words of souk.ServerInfo.
local function info_of(about)
  local who = type(about.serverInfo) == "table" and about.serverInfo or {}
  return {
    protocol = about.protocolVersion, era = about.era, transport = about.transport,
    name = who.name, version = who.version, title = who.title,
    instructions = about.instructions, capabilities = about.capabilities or {},
  }
end

--- What the server said about itself. Opens a session when there was none yet.
-- @param opts souk.CallOptions|nil
-- @return souk.ServerInfo|nil
-- @return souk.Error|nil
function Server:info(opts)
  local identity = option(opts, "identity")
  local about = self.market_:_about(self.name, identity)
  if not about then
    local ok, err = self:ping(opts)
    if not ok then
      return nil, err
    end
    about = self.market_:_about(self.name, identity)
  end
  if not about then
    return nil, core.error("protocol", ("server '%s' says nothing about itself"):format(self.name))
  end
  return info_of(about)
end

--- Whether the server is there.
function Server:ping(opts)
  return finish_special(self, "ping", "", nil, opts)
end

--- The least severe log messages that are wanted, in all sessions from now on: event "log".
-- @param level souk.LogLevel
function Server:log_level(level, opts)
  options.check_level("log_level", level)
  return finish_special(self, "log_level", level, nil, opts)
end

--- Sends any request and waits for the whole result.
-- @return any, souk.Error|nil
function Server:request(method, params, opts)
  check_string("request", "a method", method)
  local value, err = calls.request(self.market_, self.name, method, params, opts)
  return value, err
end

--- Starts a request and returns at once.
-- @return souk.Handle|nil, souk.Error|nil
function Server:start(method, params, opts)
  check_string("start", "a method", method)
  return calls.start(self.market_, self.name, method, params, opts)
end

--- Sends a notification.
-- @param method string "notifications/..."
-- @return true|nil, souk.Error|nil
function Server:notify(method, params)
  check_string("notify", "a method", method)
  return finish_special(self, "notify", method, params)
end

--- Goes on with a task that a call became earlier; the handle's result is that of the call.
-- @param id string of Handle:task
-- @return souk.Handle|nil, souk.Error|nil
function Server:task(id, opts)
  check_string("task", "the id of a task", id)
  local call, rest = special(self, "task", id, nil, opts)
  if not call then
    return nil, rest
  end
  return calls.handle(self.market_, call, nil, rest)
end

return server
