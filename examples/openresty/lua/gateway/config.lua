--- Which servers there are: a JSON file of the shape that other programs call .mcp.json.
--
--     {
--       "mcpServers": {
--         "github": { "url": "https://api.githubcopilot.com/mcp/", "headers": { "Authorization": "Bearer ${TOKEN}" } },
--         "files": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv"] },
--         "shop": { "url": "https://shop.example/mcp", "souk": { "rate_limit": "10/s", "timeout": 5 } }
--       },
--       "capabilities": ["capabilities"],
--       "policy": { "deny": ["mcp.files.write_*"] }
--     }
--
-- ${NAME} is a variable of the environment, ${NAME:-this} has a default. "souk" has further options of add_server.
-- "capabilities" are capability files or folders, as seen from this file. Members of other programs are passed over.
local souk = require "souk"

local config = {}

local loaded

local function fault(where, expected, got)
  return nil, ("%s: expected %s, got %s"):format(where, expected, got)
end

-- Members of a server, and what is expected of them; "strings" is an object, "list" an array of strings.
local MEMBERS = { url = "string", command = "string", args = "list", env = "strings", headers = "strings",
  cwd = "string", souk = "table" }

local function check_strings(where, value, is_list)
  local expected = is_list and "an array of strings" or "an object of strings"
  if type(value) ~= "table" then
    return fault(where, expected, type(value))
  end
  for key, one in pairs(value) do
    if (type(key) == "number") ~= is_list then
      return fault(where, expected, is_list and "an object" or "an array")
    elseif type(one) ~= "string" then
      return fault(("%s.%s"):format(where, key), "a string", type(one))
    end
  end
  return true
end

local function check_member(where, value, wanted)
  if wanted == "list" or wanted == "strings" then
    return check_strings(where, value, wanted == "list")
  elseif type(value) ~= wanted then
    return fault(where, wanted == "table" and "an object" or "a " .. wanted, type(value))
  end
  return true
end

local function check_server(where, server)
  if type(server) ~= "table" then
    return fault(where, "an object", type(server))
  end
  for name, wanted in pairs(MEMBERS) do
    if server[name] ~= nil then
      local ok, why = check_member(where .. "." .. name, server[name], wanted)
      if not ok then
        return nil, why
      end
    end
  end
  if (server.url == nil) == (server.command == nil) then
    return fault(where, "either url or command", server.url and "both" or "none")
  end
  return true
end

local POLICY = { allow = "list", deny = "list", restrictive = "boolean" }

-- A rule that is misspelled would let through what it was to keep out.
local function check_policy(policy)
  if type(policy) ~= "table" then
    return fault("policy", "an object", type(policy))
  end
  for name, value in pairs(policy) do
    if not POLICY[name] then
      return fault("policy", "allow, deny or restrictive", tostring(name))
    end
    local ok, why = check_member("policy." .. name, value, POLICY[name])
    if not ok then
      return nil, why
    end
  end
  return true
end

local function check(content)
  if type(content) ~= "table" or type(content.mcpServers) ~= "table" then
    return nil, "expected an object with the member mcpServers"
  end
  for name, server in pairs(content.mcpServers) do
    local ok, why = check_server("mcpServers." .. name, server)
    if not ok then
      return nil, why
    end
  end
  local ok, why = check_policy(content.policy or {})
  if not ok then
    return nil, why
  end
  return check_strings("capabilities", content.capabilities or {}, true)
end

--- Reads a file.
-- @return table|nil its content, with `folder` beside it
-- @return string|nil what is wrong, with the place
function config.read(path)
  local file, why = io.open(path, "rb")
  if not file then
    return nil, why
  end
  local text = file:read "*a"
  file:close()
  local content, err = souk.json.decode(text)
  if content == nil then
    return nil, ("%s:%d:%d: %s"):format(path, err.line or 1, err.column or 1, err.message)
  end
  local ok, complaint = check(content)
  if not ok then
    return nil, path .. ": " .. complaint
  end
  content.folder = path:match "^(.*/)[^/]*$" or "./"
  return content
end

--- Reads the file that SOUK_GATEWAY_CONFIG names, in the master of nginx: what is wrong raises, and stops the start.
function config.load()
  local path = os.getenv "SOUK_GATEWAY_CONFIG"
  if not path or path == "" then
    error("SOUK_GATEWAY_CONFIG is not set: it names the file with the servers", 0)
  end
  local content, why = config.read(path)
  if not content then
    error(why, 0)
  end
  loaded = content
end

--- What load has read. Workers inherit it.
function config.get()
  return loaded
end

-- A text with its variables filled in.
local function expand(text, where)
  local missing
  text = text:gsub("%${([%w_]+)(:?%-?)([^}]*)}", function(name, mark, default)
    local value = os.getenv(name)
    if value and (value ~= "" or mark ~= ":-") then
      return value
    elseif mark == ":-" then
      return default
    end
    missing = missing or name
  end)
  if missing then
    return nil, ("%s: the variable %s is not set; nginx passes on only those that an `env` line of nginx.conf names")
      :format(where, missing)
  end
  return text
end

local function expand_all(value, where)
  if type(value) == "string" then
    return expand(value, where)
  end
  local out = {}
  for key, one in pairs(value) do
    local text, why = expand(one, ("%s.%s"):format(where, key))
    if not text then
      return nil, why
    end
    out[key] = text
  end
  return out
end

--- The options of add_server for a server of the file, with the variables of this process.
-- @return table|nil
-- @return string|nil what is missing
function config.options(server)
  local options = {}
  for name, value in pairs(server.souk or {}) do
    options[name] = value
  end
  for _, name in ipairs { "url", "command", "cwd", "args", "env", "headers" } do
    if server[name] ~= nil then
      local value, why = expand_all(server[name], name)
      if value == nil then
        return nil, why
      end
      options[name] = value
    end
  end
  return options
end

return config
