-- How the tables of faults say what becomes of a call.
--
-- A row is { step, name, fault, <column> = outcome, ... }. The fault is one of spec/server/README.md. A column that a
-- row does not name is not tried. Further fields:
--
--     again   what becomes of a call of a tool that may be repeated (readOnlyHint), where that is something else
--     pair    two calls are needed; both have the outcome
--     body    so many bytes go with the call
--     settles the session ends by it, a moment later
--
-- An outcome is "result", or a kind of error, its delivery, and whether the server had executed the call: "transport
-- ambiguous, executed". How they are chosen:
--
--     not_sent, rejected   it is certain that it was not executed
--     delivered            an answer came, whatever it was
--     ambiguous            everything else: nobody knows
--
-- "this or that": either, where time decides. A result means executed once, not_sent and rejected mean never. In no
-- cell is a tool executed twice that may not be.

local outcome = {}

-- Of the first alternative: kind ("result" or that of an error), delivery, how often it was executed.
function outcome.read(text)
  text = text:gsub(" or .*", "")
  if text == "result" then
    return "result", nil, 1
  end
  local kind, delivery, rest = text:match "^(%l+) ([%l_]+)(.*)$"
  assert(kind, "this is no outcome: " .. text)
  if delivery == "not_sent" or delivery == "rejected" then
    assert(rest == "", "it is clear that it was not executed: " .. text)
    return kind, delivery, 0
  end
  local times = ({ [", executed"] = 1, [", not executed"] = 0 })[rest]
  return kind, delivery, assert(times, "it is not said whether it was executed: " .. text)
end

-- The outcomes between which time decides.
function outcome.alternatives(text)
  local list = {}
  for one in (text .. " or "):gmatch "(.-) or " do
    list[#list + 1] = one
  end
  return list
end

-- The outcome of a row in a column ("legacy sse"), or nil: the most special word for it counts.
function outcome.of(row, column)
  local first, second = column:match "^(%l+) (%l+)$"
  return row[column] or row[second] or row[first] or row.all
end

return outcome
