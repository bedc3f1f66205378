--- The known name that somebody may have meant.
local nearest = {}

-- Edit distance, row by row; names are short.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal = above
    end
  end
  return row[#b]
end

--- " (did you mean 'timeout'?)", or "" when nothing is near.
-- @param name string
-- @param known string[]
function nearest.hint(name, known)
  local best, least = nil, 4
  for _, candidate in ipairs(known) do
    local d = distance(name, candidate)
    local is_nearer = d < least or (d == least and best and candidate < best)
    if is_nearer and d < #candidate then
      best, least = candidate, d
    end
  end
  return best and (" (did you mean '%s'?)"):format(best) or ""
end

return nearest
