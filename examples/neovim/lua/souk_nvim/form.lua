--- Asks for the fields of an object, as its JSON Schema describes them: required ones first, one after the other; then
-- a menu of the others, of which none need be given. In coroutines only.
local ask = require "souk_nvim.ask"
local async = require "souk_nvim.async"
local say = require "souk_nvim.say"
local schema = require "souk_nvim.schema"

local form = {}

-- What a field is, in front of what is asked.
local function prompt_for(title, field)
  local words = { field.name, " (", field.schema_words, field.required and ", required)" or ")" }
  local about = field.schema.description or field.schema.title
  if type(about) == "string" and about ~= "" then
    table.insert(words, ": " .. say.one_line(about, 60))
  end
  return say.one_line(("%s: %s"):format(title, table.concat(words)), math.max(vim.o.columns - 20, 40))
end

local function default_of(field)
  local default = field.schema.default
  if default == nil or default == require("souk").null then
    return nil
  end
  return default
end

-- --- one field -------------------------------------------------------------------------------------------------------

-- The three ways to ask give a value, nil for "left out", or CANCEL.
local CANCEL = {}

local function same(a, b)
  return schema.text_of(a) == schema.text_of(b)
end

local function ask_choice(field, prompt, choices)
  local default, items = field.value, {}
  for i, one in ipairs(choices) do
    items[i] = one
  end
  if not field.required then
    items[#items + 1] = { label = "(leave it out)", is_left_out = true }
  end
  local chosen = ask.select(items, prompt, function(one)
    local is_default = default ~= nil and not one.is_left_out and same(one.value, default)
    return say.one_line(one.label, 80) .. (is_default and "  (default)" or "")
  end)
  if not chosen then
    return CANCEL
  elseif chosen.is_left_out then
    return nil
  end
  return chosen.value
end

-- Of a list of choices any number: each choice turns one on or off, until the last item is chosen.
local function ask_several(field, prompt, choices)
  local is_on = {}
  for _, value in ipairs(type(field.value) == "table" and field.value or {}) do
    for i, one in ipairs(choices) do
      is_on[i] = is_on[i] or same(one.value, value)
    end
  end
  local items = vim.list_extend(vim.list_extend({}, choices), { { label = "(done)" } })
  while true do
    local _, number = ask.select(items, prompt, function(one)
      for i, known in ipairs(choices) do
        if known == one then
          return (is_on[i] and "[x] " or "[ ] ") .. say.one_line(one.label, 80)
        end
      end
      return one.label
    end)
    if not number then
      return CANCEL
    elseif number == #items then
      break
    end
    is_on[number] = not is_on[number]
  end
  local list = require("souk").array {}
  for i, one in ipairs(choices) do
    if is_on[i] then
      list[#list + 1] = one.value
    end
  end
  return list
end

-- Until there is a value: an empty text leaves out what may be left out.
local function ask_text(field, prompt)
  local text = field.value ~= nil and schema.text_of(field.value) or nil
  local problem
  while true do
    text = ask.input(problem and ("%s. %s"):format(problem, prompt) or prompt, text)
    if not text then
      return CANCEL
    elseif text == "" and not field.required then
      return nil
    elseif text == "" then
      problem = schema.type_of(field.schema) == "string" and 'it is required; "" is the empty text' or "it is required"
    else
      local value, why = schema.read(field.schema, text)
      if value ~= nil then
        return value
      end
      problem = why
    end
  end
end

local function ask_field(title, field)
  local prompt = prompt_for(title, field)
  local choices, several = schema.choices(field.schema), schema.several(field.schema)
  if choices then
    return ask_choice(field, prompt, choices)
  elseif several then
    return ask_several(field, prompt, several)
  end
  return ask_text(field, prompt)
end

-- --- the menu of what may be left out --------------------------------------------------------------------------------

local function menu_line(field)
  local value = "not given"
  if field.is_given then
    value = schema.text_of(field.value)
  elseif field.value ~= nil then
    value = schema.text_of(field.value) .. " by default"
  end
  local about = field.schema.description or field.schema.title
  local line = ("%s (%s): %s"):format(field.name, field.schema_words, say.one_line(value, 40))
  return say.one_line(type(about) == "string" and ("%s - %s"):format(line, about) or line, 100)
end

-- Lets the user give optional fields until they are content. False when they do not want to go on.
local function ask_optional(title, fields, go)
  local items = { { is_go = true } }
  for _, field in ipairs(fields) do
    if not field.required then
      items[#items + 1] = field
    end
  end
  if #items == 1 then
    return true
  end
  while true do
    local chosen = ask.select(items, title .. ": more to give?", function(one)
      return one.is_go and ("(%s)"):format(go) or menu_line(one)
    end)
    if not chosen then
      return false
    elseif chosen.is_go then
      return true
    end
    local value = ask_field(title, chosen)
    if value ~= CANCEL then
      chosen.value, chosen.is_given = value, value ~= nil
      chosen.is_left_out = value == nil
    end
  end
end

-- --- the whole -------------------------------------------------------------------------------------------------------

-- A tool that takes anything says so; one that says nothing about arguments has none.
local function takes_anything(root, fields)
  local extra = root.additionalProperties
  return #fields == 0 and extra ~= nil and extra ~= false
end

local function fields_of(root, given)
  local fields = schema.fields(root)
  for _, field in ipairs(fields) do
    field.schema_words = schema.describe(field.schema)
    field.value = given[field.name]
    field.is_given = field.value ~= nil
    if not field.is_given then
      field.value = default_of(field)
    end
  end
  return fields
end

-- What was given, of fields of the form and others. `left_out` stands for what the user took out of the form.
local function content_of(fields, given, left_out)
  local content = {}
  for name, value in pairs(given) do
    content[name] = value
  end
  for _, field in ipairs(fields) do
    if field.is_given then
      content[field.name] = field.value
    elseif field.is_left_out then
      content[field.name] = left_out
    end
  end
  return content
end

local function fill(title, root, options)
  local given = options.given or {}
  local fields = fields_of(root, given)
  if takes_anything(root, fields) and not options.given then
    local value = ask_text({ schema = { type = "object" }, required = false }, title .. ": arguments (JSON object)")
    return value ~= CANCEL and (value or {}) or nil
  end
  for _, field in ipairs(fields) do
    if field.required and not field.is_given then
      local value = ask_field(title, field)
      if value == CANCEL then
        return nil
      end
      field.value, field.is_given = value, true
    end
  end
  if not options.given and not ask_optional(title, fields, options.go or "go on") then
    return nil
  end
  return content_of(fields, given, options.left_out)
end

--- Asks for what an object needs.
-- @param title string who wants to know
-- @param root table|boolean|nil JSON Schema
-- @param options table `given`: values that are there already, after which only required ones are asked for; `go`: the
-- words for being content; `left_out`: stands for a field that the user took out again
-- @return table|nil nil when the user does not want to go on
function form.fill(title, root, options)
  return async.alone(fill, title, type(root) == "table" and root or {}, options or {})
end

return form
