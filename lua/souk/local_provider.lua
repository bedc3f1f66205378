--- Capabilities that are functions of the script. Their values do not travel as JSON; only a schema, if there is one,
-- sees them as JSON would.
local core = require "souk.core"

local local_provider = {}

local function functions_of(market)
  return market:_state().functions
end

function local_provider.attach(market)
  market:_state().functions = {}
end

--- Sets or removes the function of a capability.
function local_provider.set(market, id, f)
  functions_of(market)[id] = f
end

--- Whether it is a function of this script: its call waits for nobody.
function local_provider.has(market, id)
  return functions_of(market)[id] ~= nil
end

--- Forgets the functions of capabilities that a file has replaced.
function local_provider.replaced(market)
  local functions = functions_of(market)
  for id in pairs(functions) do
    local manifest = market:get(id)
    if manifest and manifest.file then
      functions[id] = nil
    end
  end
end

-- What a function raised or returned as its error: one of souk's is passed on, a table with a message becomes one, and
-- everything else is its message.
local function as_error(value, id)
  if getmetatable(value) == core.error_metatable then
    value.capability = value.capability or id
    return value
  end
  local fields = { capability = id, delivery = "delivered" }
  if type(value) ~= "table" or type(value.message) ~= "string" then
    return core.error("tool", tostring(value), fields)
  end
  for key, field in pairs(value) do
    if key ~= "kind" and key ~= "message" then
      fields[key] = field
    end
  end
  return core.error(core.error_kinds[value.kind] and value.kind or "tool", value.message, fields)
end

--- Calls it: the same door as for every other capability, so policy and input were checked before.
-- @return any the result; nil from the function becomes souk.null
-- @return souk.Error|nil when it raised an error, or returned nil and one: kind "tool" unless it names another
function local_provider.call(market, id, input, opts)
  local f = functions_of(market)[id]
  if not f then
    local message = "capability '%s' has no function in this program, and no metadata that says where it is"
    return nil, core.error("config", message:format(id), { capability = id, delivery = "not_sent" })
  end
  local ok, result, err = pcall(f, input == nil and {} or input, opts or {})
  if not ok then
    return nil, as_error(result, id)
  elseif result == nil and err ~= nil then
    return nil, as_error(err, id)
  end
  if result == nil then
    result = core.json.null
  end
  if not (opts and (opts.validate == false or opts.raw)) then
    local fits, why = market:_check(id, result, true)
    if not fits then
      return nil, why
    end
  end
  return result
end

return local_provider
