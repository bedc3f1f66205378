--- The marketplace of the plugin, and the servers in it: those of the file that holds for the current folder, and those
-- of setup. A server is connected to when something of it is wanted for the first time.
local async = require "souk_nvim.async"
local config = require "souk_nvim.config"
local library = require "souk_nvim.library"
local say = require "souk_nvim.say"
local trust = require "souk_nvim.trust"

local servers = {}

-- name -> { name, options, problem, is_added, tools (their number, once it is known), err, waiting }
local known = {}
local market
local read_from -- path and text of the file that `known` was made of

local function option(name)
  return require("souk_nvim").option(name)
end

-- --- the marketplace -------------------------------------------------------------------------------------------------

local function settings()
  return vim.tbl_extend("keep", option "open", {
    elicitation = function(request) return require("souk_nvim.questions").answer(request) end,
    roots = function() return { read_from and vim.fn.fnamemodify(read_from.path, ":h") or vim.fn.getcwd() } end,
    on_error = function(message) say.warning("%s", tostring(message)) end,
  })
end

--- The marketplace, which is opened when it is asked for first.
-- @return souk.Market|nil
-- @return string|nil why there is none
function servers.market()
  if not market then
    local souk, why = library.load()
    if not souk then
      return nil, why
    end
    market = souk.open(settings())
  end
  return market
end

-- --- which servers there are -----------------------------------------------------------------------------------------

local function sorted()
  local list = vim.tbl_values(known)
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- Goes on with whoever waits for the tools of a server.
local function finish(server, tools, err)
  local waiting = server.waiting
  if waiting then -- nobody does, when it was given up
    server.tools, server.err, server.waiting = tools, not tools and err or nil, nil
    for _, go_on in ipairs(waiting) do
      go_on()
    end
  end
end

-- Whoever waits for it is told why it is not there any more.
local function forget(name, why)
  local server = known[name]
  known[name] = nil
  if server.is_added then
    market:remove_server(name)
  end
  finish(server, nil, ("%s: %s"):format(name, why))
end

-- Takes over a list; what is as it was keeps its sessions.
local function take_over(list)
  local wanted = {}
  for _, one in ipairs(list) do
    wanted[one.name] = one
  end
  for _, server in ipairs(sorted()) do
    local name = server.name
    local now = wanted[name]
    if not now or not vim.deep_equal(now.options, server.options) then
      forget(name, "the file of the project does not name it so any more")
    end
  end
  for name, one in pairs(wanted) do
    known[name] = known[name] or { name = name, options = one.options }
    known[name].problem = one.problem
  end
end

-- The servers of a file and those of setup, which go before.
local function all_of(list)
  local all = {}
  for _, one in ipairs(list) do
    if not one.is_disabled and not option "servers"[one.name] then
      all[#all + 1] = one
    end
  end
  for name, options in pairs(option "servers") do
    all[#all + 1] = { name = name, options = options }
  end
  return all
end

--- Path of the file that holds here, or nil.
function servers.config_file()
  local path = option "config"
  return path and vim.fn.fnamemodify(path, ":p") or config.find(vim.fn.getcwd())
end

-- Reads the file that holds here, if there is one.
-- @return table|nil list of servers, {} without a file
-- @return string path, or what is wrong
-- @return string|nil text
local function read_file()
  local path = servers.config_file()
  if not path then
    return {}
  end
  local text, why = config.text_of(path)
  if not text then
    return nil, why
  end
  local list, problem = config.parse(path, text)
  if not list then
    return nil, problem
  end
  return list, path, text
end

local function needs_consent()
  return not option "config"
end

--- Looks at the file that holds here, and at what has changed in it. In coroutines, because the user may be asked
-- whether it is to be trusted; with `is_silent` anywhere: then it is not used without having been.
-- @return table[]|nil the servers by their names
-- @return string|nil what is wrong
-- @return boolean|nil true: only that nobody has agreed to it
function servers.load(is_silent)
  local _, missing = servers.market()
  if missing then
    return nil, missing
  end
  local list, path, text = read_file()
  if not list then
    return nil, path
  end
  if path and needs_consent() then
    local may = is_silent and trust.is_trusted(path, text) or not is_silent and trust.obtain(path, text, #list)
    if not may then
      return nil, ("%s is not used: you have not agreed to it"):format(path), true
    end
  end
  read_from = path and { path = path, text = text }
  take_over(all_of(list))
  return sorted()
end

--- The server of that name, after servers.load; nil when there is none.
function servers.get(name)
  return known[name]
end

-- --- connecting ------------------------------------------------------------------------------------------------------

local function ask_for_tools(server)
  if server.is_added then
    return market:refresh(server.name)
  end
  server.is_added = true
  return market:add_server(server.name, server.options)
end

--- Sees to it that the tools of a server are known. In coroutines. One that has failed is tried again.
-- @return boolean|nil true
-- @return string|nil what is wrong
function servers.connect(server)
  if server.problem then
    return nil, server.problem
  elseif not server.tools and not server.waiting then
    server.waiting = {}
    async.run(function() finish(server, ask_for_tools(server)) end)
  end
  if server.waiting then
    async.await(function(go_on) table.insert(server.waiting, go_on) end)
  end
  if server.tools then
    return true
  end
  return nil, tostring(server.err)
end

-- The name by which a tool is called is what its id ends with; that of the manifest is the one for people.
local function tool_of(manifest)
  return {
    id = manifest.id, name = manifest.id:sub(#"mcp." + #manifest.server + #"." + 1), server = manifest.server,
    description = manifest.description, input_schema = manifest.input_schema,
  }
end

--- The servers that are being connected to.
function servers.connecting()
  return vim.tbl_filter(function(server) return server.waiting ~= nil end, sorted())
end

--- Waits no longer for a server that is being connected to.
function servers.give_up(server)
  forget(server.name, "it was given up")
end

--- The tools of a server, as far as they are known, by their names.
-- @return { id: string, name: string, server: string, description: string, input_schema: table|boolean|nil }[]
function servers.tools(server)
  local list = vim.tbl_map(tool_of, server.is_added and market:list { server = server.name } or {})
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- Forgets all servers, which ends their sessions and programs. The next use connects anew.
function servers.restart()
  for _, server in ipairs(sorted()) do
    forget(server.name, "it is started anew when it is used again")
  end
  read_from = nil
end

return servers
