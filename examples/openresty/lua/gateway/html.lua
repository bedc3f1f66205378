--- HTML in which nothing is markup that was not written as markup here: values are escaped unless html() made them.
--
--     html("<td>{name}</td>", { name = server.name })
--     html("<tr>{cells}</tr>", { cells = { html(...), html(...) } })       -- a list: one after the other
local Markup = {}

Markup.__tostring = function(self)
  return self.text
end

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(value)
  -- Control characters, and what turns the direction of writing around, have nothing to say on a page.
  return (tostring(value):gsub("[%c\127]", " "):gsub("\226\128[\170-\174]", "?"):gsub("\226\129[\166-\169]", "?")
    :gsub("[&<>\"']", ESCAPES))
end

local function text_of(value, name)
  if value == nil then
    error("html: there is no value for {" .. name .. "}", 3)
  elseif getmetatable(value) == Markup then
    return value.text
  elseif type(value) == "table" then
    local parts = {}
    for i, one in ipairs(value) do
      parts[i] = text_of(one, name)
    end
    return table.concat(parts)
  end
  return escape(value)
end

--- Fills in a template. `template` has to be a text of this program, never one that comes from elsewhere.
return function(template, values)
  local text = template:gsub("{([%l_]+)}", function(name)
    return text_of(values[name], name)
  end)
  return setmetatable({ text = text }, Markup)
end
