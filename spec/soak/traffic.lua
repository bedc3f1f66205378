-- The calls of a soak: which server, on whose behalf, with what going wrong, and what may come of that.

local traffic = {}

-- Where calls go. `people`: identities that call there; each has a child of its own over stdio.
traffic.places = {
  { name = "legacy_json", path = "legacy/json", people = 20 },
  { name = "legacy_sse", path = "legacy/sse", people = 20 },
  { name = "modern_json", path = "modern/json", people = 20 },
  { name = "modern_sse", path = "modern/sse", people = 20 },
  { name = "legacy_child", era = "legacy", people = 2 },
  { name = "modern_child", era = "modern", people = 2 },
}

-- name: { calls in 10,000, over "http" or "stdio" or either, how a call with it has to end at least sometimes }.
-- All calls may end in another way as well: the servers break connections and sessions all the time.
local FAULTS = {
  { "slow", 40, nil, "timeout" },
  { "cancel", 40, nil, "cancelled" },
  { "late", 80, nil, "ok" },
  { "rpc_error", 40, nil, "rpc" },
  { "tool_error", 40, nil, "tool" },
  { "reset_before", 20, "http", "transport" },
  { "reset_after", 20, "http", "transport" },
  { "half", 20, "http", "transport" },
  { "unavailable", 20, "http", "transport" },
  { "garbage", 20, "http", "protocol" },
  { "garbage", 20, "stdio", "ok" },
  { "refuse", 20, "http", "auth" },
  { "lose", 40, "http", "ok" },
  { "die_before", 15, "stdio", "transport" },
  { "die_after", 15, "stdio", "transport" },
}

traffic.faults = FAULTS

-- The first calls have each fault in turn, so that a short soak has them all, too.
local TURNS, EVERY = 1200, 8
local turn = { http = 0, stdio = 0 }

local function fits(row, transport)
  return row[3] == nil or row[3] == transport
end

local function next_fault(transport)
  repeat
    turn[transport] = turn[transport] % #FAULTS + 1
  until fits(FAULTS[turn[transport]], transport)
  return FAULTS[turn[transport]][1]
end

local function pick_fault(random, n, transport)
  if n <= TURNS and n % EVERY == 0 then
    return next_fault(transport)
  end
  local ticket = random(10000)
  for _, row in ipairs(FAULTS) do
    if fits(row, transport) then
      ticket = ticket - row[2]
      if ticket <= 0 then
        return row[1]
      end
    end
  end
  return "none"
end

-- The n-th call: { place, tool, person, fault, input, timeout, cancel_after }.
function traffic.call(random, n, place)
  local fault = pick_fault(random, n, place.path and "http" or "stdio")
  return {
    place = place,
    tool = random(4) == 1 and "often" or "once",
    person = "person-" .. random(place.people),
    fault = fault,
    input = { n = n, fault = fault == "cancel" and "slow" or fault, ms = random(60) },
    timeout = fault == "slow" and 0.3 or nil,
    cancel_after = fault == "cancel" and random(50) / 1000 or nil,
  }
end

return traffic
