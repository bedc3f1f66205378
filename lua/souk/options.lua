--- Options of souk.open, add_server and handler: checked here, so that a typing error is found where it was made.
local core = require "souk.core"
local inputs = require "souk.inputs"
local nearest = require "souk.nearest"
local roots = require "souk.roots"
local shared = require "souk.shared"

local options = {}

-- Options of souk.open that are for Lua and not for the core: like core.option_names, with the type beside it.
local private_open = {
  on_error = {
    type = "function", default = "standard error", meaning = "gets errors of callbacks that nobody waits for",
  },
  host = {
    type = "string|function", default = "auto",
    meaning = "how to wait: \"blocking\", \"openresty\", \"neovim\", \"luv\", \"loop\", or a function that parks "
      .. "coroutines of your event loop",
  },
  elicitation = { type = "function", meaning = "answers what servers want to know from the user" },
  sampling = { type = "function", meaning = "answers with what a language model says" },
  roots = { type = "table|function", meaning = "folders that servers may work in" },
  trace = { type = "function", meaning = "gives the W3C trace context of each call that has none of its own" },
  log = {
    type = "function|string", meaning = "gets what happens as lines: f(level, message, event), or \"stderr\"",
  },
  log_level = {
    type = "string", default = "info", meaning = "least severe level for `log`: debug, info, warning or error",
  },
  shared_dict = {
    type = "string", meaning = "nginx: name of the lua_shared_dict through which workers share their sessions",
  },
  max_cached = {
    type = "number", default = 256, meaning = "results of servers that are kept as long as they allow (ttlMs); 0: none",
  },
}

local hosts = {
  blocking = "souk.host.blocking", openresty = "souk.host.openresty", neovim = "souk.host.neovim",
  luv = "souk.host.luv", loop = "souk.host.loop",
}

-- The host around us, as far as it can be told.
local function guess_host()
  local ngx, vim = rawget(_G, "ngx"), rawget(_G, "vim")
  if type(ngx) == "table" and ngx.get_phase then
    return "openresty"
  elseif type(vim) == "table" and (vim.uv or vim.loop) and vim.schedule then
    return "neovim"
  end
  return "blocking"
end

local function choose_host(wanted)
  if type(wanted) == "function" then
    return require "souk.host.loop".new(wanted)
  elseif wanted == nil or wanted == "auto" then
    wanted = guess_host()
  end
  if not hosts[wanted] then
    local names = { "auto" }
    for name in pairs(hosts) do
      names[#names + 1] = name
    end
    table.sort(names)
    core.misuse(("souk.open: option 'host': no host '%s' (there are: %s)"):format(wanted, table.concat(names, ", ")))
  end
  local found, host = pcall(require, hosts[wanted])
  if not found then
    core.misuse(("souk.open: option 'host': '%s' cannot be used here: %s"):format(wanted, tostring(host)))
  end
  return wanted == "loop" and host.new() or host
end

-- known, others: tables with the names as keys.
local function unknown(where, key, known, others)
  local names = {}
  for name in pairs(known) do
    names[#names + 1] = name
  end
  for name in pairs(others or {}) do
    names[#names + 1] = name
  end
  core.misuse(("%s: unknown option '%s'%s"):format(where, tostring(key), nearest.hint(tostring(key), names)))
end

local function check_type(where, key, value, wanted)
  for one in wanted:gmatch "[^|]+" do
    if one == type(value) or (one == "false" and value == false) then
      return
    end
  end
  core.misuse(("%s: option '%s': expected %s, got %s"):format(where, key, wanted:gsub("|", " or "), type(value)))
end

--- Raises unless each member of the table is known and of its type ("string", "table|function", ...).
function options.check(where, opts, types)
  for key, value in pairs(opts) do
    if not types[key] then
      unknown(where, key, types)
    end
    check_type(where, key, value, types[key])
  end
end

local function check_one_of(where, level, levels)
  for _, known in ipairs(levels) do
    if level == known then
      return
    end
  end
  core.misuse(("%s: there is no level '%s' (there are: %s)"):format(where, tostring(level), table.concat(levels, ", ")))
end

--- Checks a time that may be absent.
function options.check_seconds(where, seconds)
  if seconds ~= nil and not (type(seconds) == "number" and seconds >= 0) then
    core.misuse(("%s: expected a number of seconds, got %s"):format(where, tostring(seconds)))
  end
end

-- Roots that are given as a list are checked where they are given.
local function check_roots(where, list)
  if type(list) == "table" then
    local _, why = roots.list(list)
    if why then
      core.misuse(("%s: option 'roots': %s"):format(where, why))
    end
  end
end

--- The levels of the option `log`, least severe first.
options.hook_levels = { "debug", "info", "warning", "error" }

local function check_log(private)
  if type(private.log) == "string" and private.log ~= "stderr" then
    core.misuse("souk.open: option 'log': expected a function or \"stderr\"")
  end
  if private.log_level then
    check_one_of("souk.open: option 'log_level'", private.log_level, options.hook_levels)
  end
end

-- What the core is told of the questions of servers, and what Lua needs to know of the core's options.
local function complete(settings, private)
  local declared
  private.inputs, declared = inputs.merge(private)
  settings.input = declared > 0 and 1 or 0
  settings.abilities = declared + core.abilities.tasks
  private.now = settings.clock or core.now
  if private.shared_dict then
    local limits = {}
    for _, name in ipairs { "open_timeout", "max_life" } do
      limits[name] = settings[name] or core.option_names[name].default
    end
    private.shared = shared.of_nginx(private.shared_dict, limits, private.host.own_thread)
    settings.share = 1
  end
  private.max_pages = settings.max_pages or core.option_names.max_pages.default
  private.max_cached = private.max_cached or private_open.max_cached.default
end

--- Splits the options of souk.open into those of the core (checked by it) and our own.
function options.open(opts)
  if type(opts) ~= "table" then
    core.misuse("souk.open: expected a table of options, got " .. type(opts))
  end
  local settings, private = {}, {}
  for key, value in pairs(opts) do
    if private_open[key] then
      check_type("souk.open", key, value, private_open[key].type)
      private[key] = value
    elseif core.option_names[key] then
      settings[key] = value
    else
      unknown("souk.open", key, core.option_names, private_open)
    end
  end
  private.host = choose_host(private.host)
  settings.own_thread = private.host.own_thread
  check_roots("souk.open", private.roots)
  check_log(private)
  if private.max_cached and (private.max_cached < 0 or private.max_cached % 1 ~= 0) then
    core.misuse("souk.open: option 'max_cached': expected a whole number from 0 on")
  end
  complete(settings, private)
  return settings, private
end

--- The levels of log messages, least severe first.
options.log_levels = { "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency" }

--- Raises unless it is a level of log messages.
function options.check_level(where, level)
  check_one_of(where, level, options.log_levels)
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
  elicitation = "function|false",
  sampling = "function|false",
  roots = "table|function|false",
  tasks = "boolean",
  listen = "boolean",
  log_level = "string",
  mode = "string",
  max_sessions = "number",
  rate_limit = "string|number",
}

-- Those that are for Lua and not for the core.
local private_server = {
  auth = true, discover = true, elicitation = true, sampling = true, roots = true, tasks = true, listen = true,
}

-- How its sessions are used. The core checks the rate, which it also reads from capability files.
local function check_sessions(opts)
  local mode, most = opts.mode, opts.max_sessions
  if mode ~= nil and mode ~= "shared" and mode ~= "exclusive" and mode ~= "pinned" then
    core.misuse(("add_server: option 'mode': expected shared, exclusive or pinned, got '%s'"):format(mode))
  end
  if most ~= nil and not (most >= 1 and most <= 1024 and most % 1 == 0) then
    core.misuse("add_server: option 'max_sessions': expected a whole number from 1 to 1024")
  end
end

local function check_server(opts)
  options.check("add_server", opts, server_options)
  if (opts.url == nil) == (opts.command == nil) then
    core.misuse("add_server: expected either url or command")
  end
  check_roots("add_server", opts.roots)
  check_sessions(opts)
  if opts.log_level ~= nil then
    options.check_level("add_server", opts.log_level)
  end
end

--- Checks the options of add_server, and splits them into those of the core and our own.
-- @return table for the core, table our own
function options.server(name, opts)
  if type(name) ~= "string" or not name:find "^[%w_%.%-]+$" then
    core.misuse("add_server: the name of a server has letters, digits, '_', '-' and '.' only")
  end
  if type(opts) ~= "table" then
    core.misuse("add_server: expected a table of options, got " .. type(opts))
  end
  check_server(opts)
  local settings, private = {}, {}
  for key, value in pairs(opts) do
    (private_server[key] and private or settings)[key] = value
  end
  for _, key in ipairs { "max_sessions", "rate_limit" } do
    if type(settings[key]) == "number" then
      settings[key] = ("%.14g"):format(settings[key])
    end
  end
  settings.listen = opts.listen == nil and "auto" or opts.listen and "always" or "never"
  return settings, private
end

local handler_functions = { open = "function", call = "function", close = "function", cancel = "function" }

function options.handler(prefix, functions)
  if type(prefix) ~= "string" or not prefix:find "^%a[%w_]*$" then
    core.misuse("handler: the prefix is a word of letters, digits and '_'")
  end
  if type(functions) ~= "table" then
    core.misuse("handler: expected a table of functions, got " .. type(functions))
  end
  options.check("handler", functions, handler_functions)
  local copy = {}
  for key, value in pairs(functions) do
    copy[key] = value
  end
  if not copy.open or not copy.call then
    core.misuse("handler: the functions open and call are needed")
  end
  return copy
end

-- What there is, for the checks of documentation.
options.known = { open = private_open, server = server_options, handler = handler_functions }

return options
