--- Options of souk.open, add_server and handler: checked here, so that a typing error is found where it was made.
local core = require "souk.core"
local nearest = require "souk.nearest"

local options = {}

-- Options of souk.open that are for Lua and not for the core: like core.option_names, with the type beside it.
local private_open = {
  on_error = {
    type = "function", default = "standard error", meaning = "gets errors of callbacks that nobody waits for",
  },
  host = { type = "string", default = "blocking", meaning = "how to wait" },
}

local hosts = { blocking = "souk.host.blocking" }

local function unknown(where, key, known)
  error(("%s: unknown option '%s'%s"):format(where, tostring(key), nearest.hint(tostring(key), known)), 4)
end

local function check_type(where, key, value, wanted)
  local got = type(value)
  for one in wanted:gmatch "[^|]+" do
    if one == got then
      return
    end
  end
  error(("%s: option '%s': expected %s, got %s"):format(where, key, wanted:gsub("|", " or "), got), 4)
end

--- Checks a time that may be absent.
function options.check_seconds(where, seconds)
  if seconds ~= nil and not (type(seconds) == "number" and seconds >= 0) then
    error(("%s: expected a number of seconds, got %s"):format(where, tostring(seconds)), 3)
  end
end

--- Splits the options of souk.open into those of the core (checked by it) and our own.
function options.open(opts)
  if type(opts) ~= "table" then
    error("souk.open: expected a table of options, got " .. type(opts), 3)
  end
  local settings, private = {}, {}
  for key, value in pairs(opts) do
    if private_open[key] then
      check_type("souk.open", key, value, private_open[key].type)
      private[key] = value
    elseif core.option_names[key] then
      settings[key] = value
    else
      local known = {}
      for name in pairs(core.option_names) do
        known[#known + 1] = name
      end
      for name in pairs(private_open) do
        known[#known + 1] = name
      end
      unknown("souk.open", key, known)
    end
  end
  local host = private.host or "blocking"
  if not hosts[host] then
    error(("souk.open: option 'host': no host '%s' (there is: blocking)"):format(host), 3)
  end
  private.host = require(hosts[host])
  return settings, private
end

-- name -> types; what the core gets is made of these.
local server_options = {
  url = "string",
  command = "string",
  args = "table",
  env = "table",
  cwd = "string",
  headers = "table",
  auth_env_var = "string",
  auth = "function",
  identity = "string",
  protocol_version = "string",
  timeout = "number",
  ca_file = "string",
  url_override_env = "string",
  discover = "boolean",
}

--- Checks the options of add_server.
-- @return table for the core, function|nil auth, boolean whether to ask for tools, number|nil seconds for that
function options.server(name, opts)
  if type(name) ~= "string" or not name:find "^[%w_%.%-]+$" then
    error("add_server: the name of a server has letters, digits, '_', '-' and '.' only", 3)
  end
  if type(opts) ~= "table" then
    error("add_server: expected a table of options, got " .. type(opts), 3)
  end
  local settings = {}
  for key, value in pairs(opts) do
    if not server_options[key] then
      local known = {}
      for one in pairs(server_options) do
        known[#known + 1] = one
      end
      unknown("add_server", key, known)
    end
    check_type("add_server", key, value, server_options[key])
    settings[key] = value
  end
  if (settings.url == nil) == (settings.command == nil) then
    error("add_server: expected either url or command", 3)
  end
  local wants_tools = settings.discover ~= false
  settings.discover = nil
  local auth = settings.auth
  settings.auth = nil
  return settings, auth, wants_tools, settings.timeout
end

local handler_functions = { open = "function", call = "function", close = "function", cancel = "function" }

function options.handler(prefix, functions)
  if type(prefix) ~= "string" or not prefix:find "^%a[%w_]*$" then
    error("handler: the prefix is a word of letters, digits and '_'", 3)
  end
  if type(functions) ~= "table" then
    error("handler: expected a table of functions, got " .. type(functions), 3)
  end
  local copy = {}
  for key, value in pairs(functions) do
    if not handler_functions[key] then
      unknown("handler", key, { "open", "call", "close", "cancel" })
    end
    check_type("handler", key, value, "function")
    copy[key] = value
  end
  if not copy.open or not copy.call then
    error("handler: the functions open and call are needed", 3)
  end
  return copy
end

-- What there is, for the checks of documentation.
options.known = { open = private_open, server = server_options, handler = handler_functions }

return options
