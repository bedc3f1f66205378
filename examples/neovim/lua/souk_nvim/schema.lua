--- What a JSON Schema says about one field, in the words of a form: which type, which choices, which text is a value.
-- It need not be complete: souk checks the whole input against the whole schema before it is sent.
local schema = {}

-- Up to here every integer has a number of its own.
local LARGEST_INTEGER = 2 ^ 53

local function is_table(value)
  return type(value) == "table"
end

-- { "$ref" = "#/$defs/colour" } is what stands there.
local function at_pointer(root, pointer)
  local found = root
  for step in pointer:gmatch "/([^/]*)" do
    step = step:gsub("~1", "/"):gsub("~0", "~")
    found = is_table(found) and (found[step] or found[tonumber(step) and tonumber(step) + 1]) or nil
  end
  return found
end

-- What the outer one says (title, default, ...) goes before what the inner one says.
local function over(inner, outer, left_out)
  local merged = {}
  for key, value in pairs(inner) do
    merged[key] = value
  end
  for key, value in pairs(outer) do
    if not left_out[key] then
      merged[key] = value
    end
  end
  return merged
end

local function alternatives(field)
  local list = is_table(field.anyOf) and field.anyOf or is_table(field.oneOf) and field.oneOf or {}
  local others = {}
  for _, one in ipairs(list) do
    if is_table(one) and one.type ~= "null" then
      others[#others + 1] = one
    end
  end
  return others
end

--- The field with references followed, and without the alternative null, which is what leaving it out is for.
-- @param root table the whole schema
function schema.plain(root, field)
  if not is_table(field) then
    return {}
  end
  for _ = 1, 16 do
    local target = type(field["$ref"]) == "string" and at_pointer(root, field["$ref"]:match "^#(.*)$" or "")
    local only = alternatives(field)
    if is_table(target) then
      field = over(target, field, { ["$ref"] = true })
    elseif #only == 1 then
      field = over(only[1], field, { anyOf = true, oneOf = true })
    else
      break
    end
  end
  return field
end

--- "string", "number", "integer", "boolean", "array", "object", or "any" when there are several, or none is said.
function schema.type_of(field)
  local kind = field.type
  if is_table(kind) then
    local others = vim.tbl_filter(function(one) return one ~= "null" end, kind)
    kind = #others == 1 and others[1] or nil
  end
  return type(kind) == "string" and kind or "any"
end

local function choice(value, label)
  return { value = value, label = type(label) == "string" and label or schema.text_of(value) }
end

-- { const = 1, title = "one" }, ... as people are to read it.
local function titled_choices(field)
  local list = {}
  for _, one in ipairs(alternatives(field)) do
    if one.const == nil then
      return nil
    end
    list[#list + 1] = choice(one.const, one.title)
  end
  return #list > 0 and list or nil
end

--- What there is to choose from; nil when a text has to be typed.
-- @return { value: any, label: string }[]|nil
function schema.choices(field)
  if is_table(field.enum) then
    local names = is_table(field.enumNames) and field.enumNames or {}
    local list = {}
    for i, value in ipairs(field.enum) do
      list[i] = choice(value, names[i])
    end
    return list
  elseif field.const ~= nil then
    return { choice(field.const) }
  elseif schema.type_of(field) == "boolean" then
    return { choice(true), choice(false) }
  end
  return titled_choices(field)
end

--- The choices of a list of which several may be chosen; nil when it is no such list.
function schema.several(field)
  if schema.type_of(field) ~= "array" or not is_table(field.items) then
    return nil
  end
  local choices = schema.choices(field.items)
  return field.items.type ~= "boolean" and choices or nil
end

--- A value as it is typed.
function schema.text_of(value)
  if type(value) == "string" then
    return value
  end
  local text = require("souk").json.encode(value)
  return text or tostring(value)
end

local function range(field, low, high, what)
  local parts = {}
  if type(field[low]) == "number" then
    parts[1] = ("from %s"):format(schema.text_of(field[low]))
  end
  if type(field[high]) == "number" then
    parts[#parts + 1] = ("up to %s"):format(schema.text_of(field[high]))
  end
  return #parts > 0 and table.concat(parts, " ") .. what or nil
end

--- What is expected, for prompts and complaints: "integer from 1 up to 10".
function schema.describe(field)
  local kind = schema.type_of(field)
  local words = { ({ any = "JSON or text", array = "JSON array", object = "JSON object" })[kind] or kind }
  if kind == "string" then
    words[#words + 1] = type(field.format) == "string" and ("(%s)"):format(field.format) or nil
    words[#words + 1] = range(field, "minLength", "maxLength", " characters")
  elseif kind == "number" or kind == "integer" then
    words[#words + 1] = range(field, "minimum", "maximum", "")
  end
  return table.concat(words, " ")
end

-- --- from text to value ----------------------------------------------------------------------------------------------

local function outside(value, field, low, high)
  return type(field[low]) == "number" and value < field[low] or type(field[high]) == "number" and value > field[high]
end

local readers = {}

function readers.string(text, field)
  if text == '""' then
    text = ""
  end
  if outside(vim.fn.strchars(text), field, "minLength", "maxLength") then
    return nil
  end
  return text
end

-- Numbers as JSON has them: tonumber also takes 0x10, and inf.
function readers.number(text, field)
  text = vim.trim(text)
  local value = text:find "^-?%d[%d.eE+-]*$" and tonumber(text)
  if not value or outside(value, field, "minimum", "maximum") or math.abs(value) == math.huge then
    return nil
  end
  return value
end

function readers.integer(text, field)
  local value = readers.number(text, field)
  if not value or value % 1 ~= 0 then
    return nil
  elseif math.abs(value) > LARGEST_INTEGER then
    return nil, "an integer that is not beyond 2^53, from where on not every one can be told from its neighbours"
  end
  return value
end

local function read_json(text)
  local value, err = require("souk").json.decode(text)
  if value == nil then
    return nil, ("JSON: column %s: %s"):format(tostring(err.column), err.message)
  end
  return value
end

local function read_container(opening)
  return function(text)
    if vim.trim(text):sub(1, 1) ~= opening then
      return nil
    end
    return read_json(text)
  end
end

readers.array, readers.object = read_container "[", read_container "{"

function readers.any(text)
  local value = read_json(text)
  if value == nil then
    return text
  end
  return value
end

--- The value that a text stands for.
-- @return any|nil
-- @return string|nil what was expected
function schema.read(field, text)
  local value, why = (readers[schema.type_of(field)] or readers.any)(text, field)
  if value == nil then
    return nil, "expected " .. (why or schema.describe(field))
  end
  return value
end

--- The fields of an object: required ones in the order of `required`, then the others by name.
-- @return { name: string, schema: table, required: boolean }[]
function schema.fields(root)
  local plain = schema.plain(root, root)
  local properties = is_table(plain.properties) and plain.properties or {}
  local list, seen = {}, {}
  local function add(name, is_required)
    if type(name) == "string" and not seen[name] then
      local field = over(schema.plain(root, properties[name]), {}, {})
      field.items = field.items and schema.plain(root, field.items)
      seen[name] = true
      list[#list + 1] = { name = name, schema = field, required = is_required }
    end
  end
  for _, name in ipairs(is_table(plain.required) and plain.required or {}) do
    add(name, true)
  end
  local others = vim.tbl_keys(properties)
  table.sort(others)
  for _, name in ipairs(others) do
    add(name, false)
  end
  return list
end

return schema
