--- What :Souk does: its subcommands, and how they are completed.
local ask = require "souk_nvim.ask"
local async = require "souk_nvim.async"
local calls = require "souk_nvim.calls"
local form = require "souk_nvim.form"
local library = require "souk_nvim.library"
local listing = require "souk_nvim.listing"
local say = require "souk_nvim.say"
local servers = require "souk_nvim.servers"

local command = {}

-- How long a completion waits for the tools of a server that was not connected to before, in milliseconds.
local COMPLETION_PATIENCE = 3000

-- --- choosing --------------------------------------------------------------------------------------------------------

local function no_servers()
  local path = servers.config_file()
  say.warning(path and ("there is no server in %s"):format(path)
    or "there is no .mcp.json here or above, and no server in setup")
end

-- The servers that there are, or nil after a message.
local function load_servers()
  local list, why = servers.load()
  if not list then
    say.error("%s", why)
  elseif #list == 0 then
    no_servers()
    list = nil
  end
  return list
end

local function connect(server)
  if not server.tools and not server.problem then
    say.info("connecting to %s ... (:Souk cancel gives it up)", server.name)
  end
  local ok, why = servers.connect(server)
  if not ok then
    say.error("%s", why)
  end
  return ok
end

local function choose_server(list)
  if #list == 1 then
    return list[1]
  end
  return ask.select(list, "Server", function(server)
    return ("%s: %s"):format(server.name, listing.state_of(server))
  end)
end

local function choose_tool(server)
  local tools = servers.tools(server)
  if #tools == 0 then
    say.warning("%s has no tools", server.name)
    return nil
  end
  return ask.select(tools, ("Tool of %s"):format(server.name), function(tool)
    return say.one_line(("%s - %s"):format(tool.name, tool.description), 100)
  end)
end

-- "server.tool" -> the server, and the rest; names of servers may have dots in them.
local function split_name(name)
  local found
  for at in name:gmatch "()%." do
    found = servers.get(name:sub(1, at - 1)) and at or found
  end
  if found then
    return servers.get(name:sub(1, found - 1)), name:sub(found + 1)
  end
  return servers.get(name), ""
end

local function find_tool(server, name)
  for _, tool in ipairs(servers.tools(server)) do
    if tool.name == name then
      return tool
    end
  end
  say.error("%s has no tool '%s'", server.name, name)
end

-- The tool that is meant by a name that may be missing, or only that of a server. Nil when there is none.
local function tool_for(name)
  local list = load_servers()
  if not list then
    return nil
  end
  local server, rest
  if name and name ~= "" then
    server, rest = split_name(name)
    if not server then
      say.error("there is no server for '%s': write server.tool", name)
      return nil
    end
  else
    server = async.alone(choose_server, list)
  end
  if not server or not connect(server) then
    return nil
  elseif rest and rest ~= "" then
    return find_tool(server, rest)
  end
  return async.alone(choose_tool, server)
end

-- --- subcommands -----------------------------------------------------------------------------------------------------

local function call_tool(tool, input)
  local title = ("%s.%s"):format(tool.server, tool.name)
  local filled = form.fill(title, tool.input_schema, { given = input, go = "call it" })
  if filled then
    calls.start(tool, filled)
  end
end

--- @param name string|nil "server.tool", or "server"; nil: the user chooses
-- @param input table|nil what is missing and required is asked for; nil: everything is
function command.call(name, input)
  async.run(function()
    local tool = tool_for(name)
    if tool then
      call_tool(tool, input)
    end
  end)
end

local subcommands = {}

-- The rest of the line is a name, and the input as JSON.
function subcommands.call(rest)
  local name, text = rest:match "^(%S*)%s*(.*)$"
  if text == "" then
    return command.call(name)
  end
  local souk, missing = library.load()
  if not souk then
    return say.error("%s", missing)
  end
  local input, err = souk.json.decode(text)
  if input == nil then
    return say.error("the arguments of %s: column %s: %s", name, tostring(err.column), err.message)
  elseif text:sub(1, 1) ~= "{" then
    return say.error("the arguments of %s: expected a JSON object", name)
  end
  command.call(name, input)
end

function subcommands.list(rest)
  async.run(function()
    local list = load_servers()
    local only = rest ~= "" and servers.get(rest) or nil
    if list and rest ~= "" and not only then
      say.error("there is no server '%s'", rest)
    elseif list then
      listing.open(only and { only } or list, function(tool)
        async.run(call_tool, tool)
      end)
    end
  end)
end

-- Calls, and servers that are being connected to: { text, cancel }.
local function what_runs()
  local list = {}
  for _, call in ipairs(calls.running()) do
    list[#list + 1] = { text = calls.describe(call), cancel = function() calls.cancel(call) end }
  end
  for _, server in ipairs(servers.connecting()) do
    local text = ("connecting to %s"):format(server.name)
    list[#list + 1] = { text = text, cancel = function() servers.give_up(server) end }
  end
  return list
end

local function choose_one(list)
  return ask.select(list, "Cancel", function(one) return one.text end)
end

function subcommands.cancel()
  async.run(function()
    local list = what_runs()
    if #list == 0 then
      return say.info "nothing is running"
    end
    local one = #list == 1 and list[1] or async.alone(choose_one, list)
    if one then
      one.cancel()
    end
  end)
end

function subcommands.result()
  if not calls.show_last() then
    say.info "nothing was called yet"
  end
end

function subcommands.status()
  local market, missing = servers.market()
  if not market then
    return say.error("%s", missing)
  end
  listing.show { "Sessions", tostring(market:sessions()), "", "Since it was opened", tostring(market:stats()) }
end

function subcommands.restart()
  servers.restart()
  say.info "sessions are closed; the next use of a server connects anew"
end

--- Does what stands behind :Souk. Nothing: the user chooses what to call.
function command.run(text)
  local name, rest = vim.trim(text):match "^(%S*)%s*(.*)$"
  if name == "" then
    return command.call()
  end
  local f = subcommands[name]
  if not f then
    return say.error("there is no subcommand '%s' (there are: %s)", name, table.concat(command.names(), ", "))
  end
  -- What raises here is setup's, such as a wrong option of souk.open.
  local ok, err = pcall(f, rest)
  if not ok then
    say.error("%s", err)
  end
end

-- --- completion ------------------------------------------------------------------------------------------------------

function command.names()
  local list = vim.tbl_keys(subcommands)
  table.sort(list)
  return list
end

-- Connects, but nobody waits for it longer than they would like to.
local function connect_for_completion(server)
  local is_done = server.tools or server.problem
  if not is_done then
    async.run(function()
      servers.connect(server)
      is_done = true
    end)
    vim.wait(COMPLETION_PATIENCE, function() return is_done end, 20)
  end
end

-- Servers, with their tools where those are known or this server is the one that is meant.
local function names_of_tools(lead)
  local list = servers.load(true) or {}
  local names = {}
  for _, server in ipairs(list) do
    if #list == 1 or vim.startswith(lead, server.name .. ".") then
      connect_for_completion(server)
    end
    for _, tool in ipairs(servers.tools(server)) do
      names[#names + 1] = ("%s.%s"):format(server.name, tool.name)
    end
    if not server.tools then
      names[#names + 1] = server.name .. "."
    end
  end
  return names
end

local function names_of_servers()
  return vim.tbl_map(function(server) return server.name end, servers.load(true) or {})
end

local completions = { call = names_of_tools, list = names_of_servers }

--- What may stand where the cursor is.
function command.complete(lead, line, cursor)
  local words = vim.split(vim.trim(line:sub(1, cursor - #lead)), "%s+")
  local candidates = {}
  if #words == 1 then
    candidates = command.names()
  elseif #words == 2 and completions[words[2]] then
    local ok, names = pcall(completions[words[2]], lead)
    candidates = ok and names or {}
  end
  return vim.tbl_filter(function(one) return vim.startswith(one, lead) end, candidates)
end

return command
