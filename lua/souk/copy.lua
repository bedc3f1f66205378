--- A copy of a value that came from JSON: tables within tables, array marks and all. How deeply they are nested is
-- bounded by the option max_depth, which held when the value was read.
local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local out = {}
  for key, field in pairs(value) do
    out[key] = copy(field)
  end
  return setmetatable(out, getmetatable(value))
end

return copy
