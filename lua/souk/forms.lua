--- Forms of elicitation: what the program gives as their content is filled up with the defaults of the form's schema
-- and checked against it.
local copy = require "souk.copy"
local core = require "souk.core"
local nearest = require "souk.nearest"

local forms = {}

local null = core.json.null

local function misfit(message, ...)
  return nil, core.error("schema", "the content of the form: " .. message:format(...))
end

-- The fields of a form; none when its schema names none.
local function fields_of(schema)
  local fields = type(schema) == "table" and schema.properties
  return type(fields) == "table" and fields or {}
end

local function no_such_field(name, fields)
  local known = {}
  for field in pairs(fields) do
    known[#known + 1] = tostring(field)
  end
  return misfit("there is no field '%s'%s", name, nearest.hint(name, known))
end

-- The value as the field's type wants it: an empty table is a list where the form has one, and else a mistake that the
-- schema finds.
local function as_field(field, value)
  if type(value) == "table" and next(value) == nil and type(field) == "table" and field.type == "array" then
    return core.json.array {}
  end
  return value
end

-- Fields that were left out get their defaults. That helps whoever fills in the form, so every type may have one
-- (SEP-1034).
local function add_defaults(content, given, fields)
  for name, field in pairs(fields) do
    local default = type(field) == "table" and field.default
    if given[name] == nil and default ~= nil and default ~= null and type(field) == "table" then
      content[name] = as_field(field, copy(default))
    end
  end
end

--- Makes the content that is sent.
-- @param schema table|nil the form's requestedSchema
-- @param given table field -> value; souk.null leaves a field out although it has a default
-- @return table|nil
-- @return souk.Error|nil of kind "schema", naming the field
function forms.fill(schema, given)
  local fields, content = fields_of(schema), {}
  for name, value in pairs(given) do
    if type(name) ~= "string" then
      return misfit("expected values by the names of their fields, got a list")
    elseif fields[name] == nil and next(fields) ~= nil then
      return no_such_field(name, fields)
    elseif value ~= null then
      content[name] = as_field(fields[name], value)
    end
  end
  add_defaults(content, given, fields)
  if type(schema) == "table" then
    local fits, why = core.validate(schema, content)
    if not fits then
      return misfit("%s", why.message)
    end
  end
  return content
end

return forms
