-- Fills in the table of options in README.md from the tables that the code reads itself:
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/tools/readme.lua          prints the README as it should be
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/tools/readme.lua --write  writes it: make readme
--
-- spec/docs_spec.lua compares the README with what this prints.

local START, STOP = "<!-- table: options -->\n", "<!-- end: options -->\n"
local HEAD = "| option | default | |\n|---|---|---|\n"

local readme = {}

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- The default of an option as people write it: 32 MiB, 16,384, 0.5. "" when there is none.
function readme.default_of(option)
  local value = option.default
  if type(value) ~= "number" then
    return value == nil and "" or tostring(value)
  end
  local suffix = ""
  if option.unit == "bytes" then
    for _, unit in ipairs { " KiB", " MiB", " GiB" } do
      if value % 1024 ~= 0 then
        break
      end
      value, suffix = value / 1024, unit
    end
  end
  local text = ("%.14g"):format(value)
  local more = 1
  while more > 0 do
    text, more = text:gsub("^(%d+)(%d%d%d)", "%1,%2")
  end
  return text .. suffix
end

-- Every option of souk.open, name -> { default, unit, meaning }.
function readme.options()
  local all = {}
  for _, source in ipairs { require("souk.core").option_names, require("souk.options").known.open } do
    for name, option in pairs(source) do
      all[name] = option
    end
  end
  return all
end

-- The fields that a class has in types.lua, in the order in which they stand there; each { name, text }.
function readme.fields_of(class)
  local list, inside = {}, false
  for line in read_file("lua/souk/types.lua"):gmatch "([^\n]*)\n" do
    local name, text = line:match "^%-%-%-@field ([%w_]+) (.*)$"
    if inside and name then
      list[#list + 1] = { name = name, text = text }
    else
      inside = line == "---@class " .. class
    end
  end
  return list
end

local function table_of_options()
  local all, rows = readme.options(), {}
  for _, field in ipairs(readme.fields_of "souk.OpenOptions") do
    local option = assert(all[field.name], "types.lua names an option that does not exist: " .. field.name)
    rows[#rows + 1] = ("| `%s` | %s | %s |\n"):format(field.name, readme.default_of(option), option.meaning)
    all[field.name] = nil
  end
  assert(next(all) == nil, "types.lua does not name the option " .. tostring(next(all)))
  return table.concat(rows)
end

-- The README as it should be.
function readme.text()
  local text = read_file "README.md"
  local _, start = text:find(START, 1, true)
  local stop = text:find(STOP, 1, true)
  assert(start and stop and start < stop, "README.md has no table of options")
  return text:sub(1, start) .. HEAD .. table_of_options() .. text:sub(stop)
end

if arg and arg[0] and arg[0]:find "readme%.lua$" then
  local text = readme.text()
  local file = arg[1] == "--write" and assert(io.open("README.md", "wb")) or io.stdout
  file:write(text)
end

return readme
