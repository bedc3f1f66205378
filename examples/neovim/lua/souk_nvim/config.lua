--- Reads .mcp.json, the file in which a project names its MCP servers:
--
--     { "mcpServers": {
--         "files": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "."] },
--         "forge": { "url": "https://forge.example.com/mcp", "headers": { "X-Key": "${FORGE_KEY}" } } } }
--
-- A server that is described wrongly does not take the others with it: it has a `problem` that says where it is.
local config = {}

config.NAME = ".mcp.json"

-- --- finding ---------------------------------------------------------------------------------------------------------

local function is_file(path)
  return vim.fn.filereadable(path) == 1
end

--- The file that holds here: the nearest one from the folder upwards.
-- @param folder string absolute
-- @return string|nil
function config.find(folder)
  while true do
    local path = folder:gsub("/$", "") .. "/" .. config.NAME
    if is_file(path) then
      return path
    end
    local parent = vim.fn.fnamemodify(folder, ":h")
    if parent == folder then
      return nil
    end
    folder = parent
  end
end

-- --- variables -------------------------------------------------------------------------------------------------------

--- Puts in the values of ${NAME} and ${NAME:-default}. The default also stands for an empty variable, as in a shell;
-- what was put in is not looked at again.
-- @return string|nil
-- @return string|nil the variable that has no value
function config.expand(text)
  local missing
  local expanded = text:gsub("%${([%a_][%w_]*)(.-)}", function(name, rest)
    local value = os.getenv(name)
    if rest == "" then
      missing = missing or (value == nil and name) or nil
      return value
    elseif rest:sub(1, 2) == ":-" then
      return value ~= nil and value ~= "" and value or rest:sub(3)
    end
    return nil
  end)
  if missing then
    return nil, missing
  end
  return expanded
end

-- --- one server ------------------------------------------------------------------------------------------------------

-- Raised and caught in this file: where something is wrong, and what.
local function wrong(where, message, ...)
  error({ problem = ("%s: %s"):format(where, message:format(...)) }, 0)
end

local function kind_of(value)
  if type(value) == "userdata" then
    return "null"
  elseif type(value) == "table" then
    return (#value > 0 or require("souk").json.encode(value) == "[]") and "a list" or "an object"
  end
  return "a " .. type(value)
end

local function text_at(where, value)
  if type(value) ~= "string" then
    wrong(where, "expected a string, got %s", kind_of(value))
  end
  local expanded, missing = config.expand(value)
  if not expanded then
    wrong(where, "the variable %s is not set", missing)
  end
  return expanded
end

local function list_at(where, value)
  if kind_of(value) ~= "a list" then
    wrong(where, "expected a list of strings, got %s", kind_of(value))
  end
  local list = {}
  for i, one in ipairs(value) do
    list[i] = text_at(("%s[%d]"):format(where, i), one)
  end
  return list
end

local function map_at(where, value)
  if kind_of(value) ~= "an object" then
    wrong(where, "expected an object, got %s", kind_of(value))
  end
  local map = {}
  for name, one in pairs(value) do
    map[name] = text_at(where .. "." .. name, one)
  end
  return map
end

local kinds = {
  stdio = "command", http = "url", ["streamable-http"] = "url", streamableHttp = "url", sse = "url",
}

-- Which of `url` and `command` it has; `type`, which may be left out, has to agree.
local function place_of(where, entry)
  local place = entry.url ~= nil and "url" or "command"
  if (entry.url == nil) == (entry.command == nil) then
    wrong(where, "expected either url or command")
  elseif entry.type ~= nil and kinds[entry.type] == nil then
    wrong(where .. ".type", "expected stdio, http or sse, got %s",
      type(entry.type) == "string" and ("'%s'"):format(entry.type) or kind_of(entry.type))
  elseif entry.type ~= nil and kinds[entry.type] ~= place then
    wrong(where, "type is %s, and there is a %s", entry.type, place)
  end
  return place
end

-- The options of market:add_server. Children start where the file is, as in other programs that read it.
local function options_of(where, entry, folder)
  if place_of(where, entry) == "url" then
    return {
      url = text_at(where .. ".url", entry.url),
      headers = entry.headers ~= nil and map_at(where .. ".headers", entry.headers) or nil,
    }
  end
  local cwd = entry.cwd ~= nil and text_at(where .. ".cwd", entry.cwd) or "."
  return {
    command = text_at(where .. ".command", entry.command),
    args = entry.args ~= nil and list_at(where .. ".args", entry.args) or {},
    env = entry.env ~= nil and map_at(where .. ".env", entry.env) or {},
    cwd = cwd:sub(1, 1) == "/" and cwd or cwd == "." and folder or folder .. "/" .. cwd,
  }
end

local function server_of(name, entry, folder)
  local where = "mcpServers." .. name
  local ok, result = pcall(function()
    if not name:find "^[%w_%.%-]+$" then
      wrong(where, "the name of a server has letters, digits, '_', '-' and '.' only")
    elseif kind_of(entry) ~= "an object" then
      wrong(where, "expected an object, got %s", kind_of(entry))
    end
    return options_of(where, entry, folder)
  end)
  if ok then
    return { name = name, options = result, is_disabled = entry.disabled == true }
  elseif type(result) ~= "table" then
    error(result, 0)
  end
  return { name = name, problem = result.problem, is_disabled = type(entry) == "table" and entry.disabled == true }
end

-- --- the file --------------------------------------------------------------------------------------------------------

--- The text of a file.
-- @return string|nil
-- @return string|nil why not
function config.text_of(path)
  local file, why = io.open(path, "rb")
  if not file then
    return nil, why
  end
  local text, read_error = file:read "*a"
  file:close()
  return text, read_error and ("%s: %s"):format(path, read_error)
end

--- The servers that a text names, by their names.
-- @param path string of its file, for complaints
-- @return { name: string, options: table|nil, problem: string|nil, is_disabled: boolean }[]|nil
-- @return string|nil what is wrong with the whole
function config.parse(path, text)
  local whole, err = require("souk").json.decode(text)
  if whole == nil then
    return nil, ("%s:%s:%s: %s"):format(path, tostring(err.line), tostring(err.column), err.message)
  elseif kind_of(whole) ~= "an object" then
    return nil, ("%s: expected an object, got %s"):format(path, kind_of(whole))
  elseif whole.mcpServers == nil then
    return nil, ("%s: there is no mcpServers"):format(path)
  elseif kind_of(whole.mcpServers) ~= "an object" then
    return nil, ("%s: mcpServers: expected an object, got %s"):format(path, kind_of(whole.mcpServers))
  end
  local list, folder = {}, vim.fn.fnamemodify(path, ":p:h")
  for name, entry in pairs(whole.mcpServers) do
    list[#list + 1] = server_of(name, entry, folder)
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

return config
