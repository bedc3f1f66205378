--- The plugin's options and its few functions for others. Everything has a default: setup need not be called.
local souk_nvim = {}

--- What setup takes, with the defaults. Kinds: types of Lua, or a list of the values that there are.
local options = {
  config = { kind = "string" },                  -- a file in the place of the nearest .mcp.json
  servers = { kind = "table", default = {} },    -- name -> options of market:add_server, beside those of the file
  open = { kind = "table", default = {} },       -- options of souk.open
  trust = { kind = "boolean", default = false }, -- start what any .mcp.json names, without asking first
  timeout = { kind = "number" },                 -- seconds for a call; souk's default when absent
  border = { kind = "string", default = "rounded" },
}

local values = {}
for name, option in pairs(options) do
  values[name] = option.default
end

local function names()
  local list = vim.tbl_keys(options)
  table.sort(list)
  return table.concat(list, ", ")
end

--- Sets options; those that are not given stay as they are.
function souk_nvim.setup(given)
  for name, value in pairs(given or {}) do
    local option = options[name]
    if not option then
      error(("souk_nvim.setup: there is no option '%s' (there are: %s)"):format(tostring(name), names()), 2)
    elseif type(value) ~= option.kind then
      local message = "souk_nvim.setup: option '%s': expected a %s, got a %s"
      error(message:format(name, option.kind, type(value)), 2)
    end
    values[name] = value
  end
end

--- The value of an option.
function souk_nvim.option(name)
  assert(options[name], name)
  return values[name]
end

--- Calls a tool and shows the call in a floating window, as :Souk call does.
-- @param name string "server.tool"
-- @param input table|nil what of it is missing and required is asked for; everything, when it is nil
function souk_nvim.call(name, input)
  require("souk_nvim.command").call(name, input)
end

--- The marketplace with the servers of :Souk, for calls of your own; nil and a reason when souk is not there.
function souk_nvim.market()
  return require("souk_nvim.servers").market()
end

return souk_nvim
