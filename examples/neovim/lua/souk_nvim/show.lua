--- Values as people read them: lines of text.
local say = require "souk_nvim.say"

local show = {}

-- Beyond this much of it, a value is not shown: nobody reads on, and the editor would have to.
local MOST_LINES = 20000
local MOST_BYTES = 1024 * 1024 -- of one text

local function souk()
  return require "souk"
end

-- The beginning of a text that is too long, up to the last whole character, and a word about the rest.
local function cut(text)
  if #text <= MOST_BYTES then
    return text
  end
  local beginning = text:sub(1, MOST_BYTES):gsub("[\192-\255][\128-\191]*$", "")
  return ("%s\n[the rest is not shown: the text has %d bytes]"):format(beginning, #text)
end

-- --- JSON with indents -----------------------------------------------------------------------------------------------

local function is_list(value)
  return value[1] ~= nil or (next(value) == nil and souk().json.encode(value) == "[]")
end

local function sorted_keys(value)
  local keys = vim.tbl_keys(value)
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

local function encoded(value)
  local text, err = souk().json.encode(value)
  return (cut(text or tostring(err)):gsub("\n", " "))
end

-- Appends to `lines`; `before` and `after` are what stands around the value on its first and last line.
local function add_json(lines, value, indent, before, after)
  if #lines >= MOST_LINES then
    return
  elseif type(value) ~= "table" or next(value) == nil then
    lines[#lines + 1] = indent .. before .. encoded(value) .. after
    return
  end
  local opening, closing = "{", "}"
  local inner, entries = indent .. "  ", {}
  if is_list(value) then
    opening, closing = "[", "]"
    for i, one in ipairs(value) do
      entries[i] = { "", one }
    end
  else
    for i, key in ipairs(sorted_keys(value)) do
      entries[i] = { encoded(tostring(key)) .. ": ", value[key] }
    end
  end
  lines[#lines + 1] = indent .. before .. opening
  for i, entry in ipairs(entries) do
    add_json(lines, entry[2], inner, entry[1], i < #entries and "," or "")
  end
  lines[#lines + 1] = indent .. closing .. after
end

-- --- blocks of content -----------------------------------------------------------------------------------------------

local function add_text(lines, text)
  for line in (cut(text):gsub("\r\n", "\n") .. "\n"):gmatch "(.-)\n" do
    if #lines >= MOST_LINES then
      return
    end
    lines[#lines + 1] = line
  end
end

-- Base64 has four characters for three bytes.
local function size_of(data)
  local bytes = type(data) == "string" and math.floor(#data * 3 / 4) or 0
  return bytes < 1024 and ("%d bytes"):format(bytes) or ("%.1f KiB"):format(bytes / 1024)
end

local blocks = {}

function blocks.text(lines, block)
  add_text(lines, tostring(block.text))
end

function blocks.image(lines, block)
  lines[#lines + 1] = ("[%s: %s, %s]"):format(block.type, tostring(block.mimeType), size_of(block.data))
end

blocks.audio = blocks.image

function blocks.resource_link(lines, block)
  lines[#lines + 1] = say.one_line(("[%s: %s]"):format(tostring(block.name), tostring(block.uri)))
end

function blocks.resource(lines, block)
  local resource = type(block.resource) == "table" and block.resource or {}
  lines[#lines + 1] = say.one_line(("[%s]"):format(tostring(resource.uri)))
  if type(resource.text) == "string" then
    add_text(lines, resource.text)
  else
    lines[#lines + 1] = ("[%s, %s]"):format(tostring(resource.mimeType), size_of(resource.blob))
  end
end

-- Whether it is a content list of a result, and not data that happens to be a list.
local function is_content(value)
  for _, block in ipairs(value) do
    if type(block) ~= "table" or not blocks[block.type] then
      return false
    end
  end
  return value[1] ~= nil
end

--- A result of a call.
-- @return string[]
function show.value(value)
  local lines = {}
  if type(value) == "string" then
    add_text(lines, value)
  elseif type(value) == "table" and is_content(value) then
    for _, block in ipairs(value) do
      blocks[block.type](lines, block)
    end
  else
    add_json(lines, value, "", "", "")
  end
  if #lines >= MOST_LINES then
    lines[#lines + 1] = ("[the rest is not shown: it has more than %d lines]"):format(MOST_LINES)
  end
  return lines
end

--- An error: its line, and what a server said besides.
-- @param err souk.Error|string
-- @return string[]
function show.error(err)
  local lines = {}
  add_text(lines, tostring(err))
  if type(err) == "table" and err.kind == "rpc" and err.data ~= nil then
    vim.list_extend(lines, show.value(err.data))
  end
  return lines
end

return show
