--- Folders that servers may work in, as they go over the wire (roots/list): file:// URIs with names.
local core = require "souk.core"

local roots = {}

-- A path as a URI: everything but what never needs it is percent-encoded (RFC 3986, 2.3), byte by byte.
local function uri_of(path)
  return "file://" .. path:gsub("[^A-Za-z0-9%-%._~/]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end)
end

local function root_of(entry)
  if type(entry) == "string" then
    if entry:find "^file://" then
      return { uri = entry }
    elseif entry:find "^/" then
      return { uri = uri_of(entry) }
    end
    return nil, ("expected an absolute path or a file:// URI, got '%s'"):format(entry)
  elseif type(entry) ~= "table" then
    return nil, "expected a path, or a table with uri, got " .. type(entry)
  elseif type(entry.uri) ~= "string" or not entry.uri:find "^file://" then
    return nil, ("uri: expected a file:// URI, got %s"):format(tostring(entry.uri))
  elseif entry.name ~= nil and type(entry.name) ~= "string" then
    return nil, "name: expected a string, got " .. type(entry.name)
  end
  return { uri = entry.uri, name = entry.name }
end

--- Makes the list of roots of what the program says.
-- @param list table paths, file:// URIs, or {uri = ..., name = ...}
-- @return table|nil an array, also when it is empty
-- @return string|nil what is wrong with which entry
function roots.list(list)
  if type(list) ~= "table" then
    return nil, "expected a list of paths, got " .. type(list)
  end
  local out = core.json.array {}
  for i, entry in ipairs(list) do
    local root, why = root_of(entry)
    if not root then
      return nil, ("entry %d: %s"):format(i, why)
    end
    out[i] = root
  end
  for key in pairs(list) do
    if out[key] == nil then
      return nil, #out == 0 and "expected a list of paths, got a table with names"
        or ("entry %d is missing, but there is '%s'"):format(#out + 1, tostring(key))
    end
  end
  return out
end

return roots
