--- What a market tells about itself, as text for people: sessions as a table, statistics in a few lines.
--
-- The values stay plain tables; only tostring() of them is made here.
local show = {}

--- Text that fits into a line: names and reasons may come from servers, and a terminal obeys control characters.
function show.plain(text, most)
  text = tostring(text):gsub("[%c\127]", "?"):gsub("\194[\128-\159]", "?") -- those past 0x7F, too
  if most and #text > most then
    text = text:sub(1, most - 3):gsub("[\192-\255]?[\128-\191]*$", "") .. "..."
  end
  return text
end

-- How many columns a text takes; bytes that go on with a character take none.
local function width(text)
  return #text - select(2, text:gsub("[\128-\191]", ""))
end

--- A span as people say it: "12 ms", "3.2 s", "5 min", "2.5 h".
function show.span(seconds)
  if seconds < 1 then
    return ("%.0f ms"):format(seconds * 1000)
  elseif seconds < 120 then
    return ("%.3g s"):format(seconds)
  elseif seconds < 7200 then
    return ("%.0f min"):format(seconds / 60)
  end
  return ("%.1f h"):format(seconds / 3600)
end

-- Lines with aligned columns; what `right` has is set to the right.
local function aligned(rows, right)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 0, width(cell))
    end
  end
  for n, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local gap = (" "):rep(widths[i] - width(cell))
      cells[i] = right[i] and gap .. cell or cell .. gap
    end
    lines[n] = table.concat(cells, "  "):gsub(" +$", "")
  end
  return table.concat(lines, "\n")
end

local COLUMNS = { "server", "identity", "state", "id", "protocol", "in flight", "calls", "age", "idle" }
local RIGHT = { [6] = true, [7] = true, [8] = true, [9] = true }

local session_list = { __name = "souk.sessions" }

function session_list.__tostring(list)
  if #list == 0 then
    return "no sessions"
  end
  local rows = { COLUMNS }
  for _, one in ipairs(list) do
    rows[#rows + 1] = {
      show.plain(one.server, 40), one.identity == "" and "-" or show.plain(one.identity, 40), one.state,
      show.plain(one.id), show.plain(one.protocol), ("%d"):format(one.in_flight), ("%d"):format(one.calls),
      show.span(one.age), show.span(one.idle),
    }
  end
  return aligned(rows, RIGHT)
end

--- Gives the list of market:sessions() its text.
function show.sessions(list)
  return setmetatable(list, session_list)
end

local statistics = { __name = "souk.stats" }

local function percentiles(latency)
  if latency.count == 0 then
    return "none yet"
  end
  return ("half within %s, 90%% within %s, 99%% within %s"):format(show.span(latency.p50), show.span(latency.p90),
    show.span(latency.p99))
end

local function server_lines(servers)
  local names, rows = {}, {}
  for name in pairs(servers) do
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do
    local one = servers[name]
    rows[i] = {
      "  " .. show.plain(name, 40), ("%d calls"):format(one.calls), ("%d failed"):format(one.failed),
      ("%d in flight"):format(one.in_flight), ("%d waiting"):format(one.waiting),
      ("%d sessions"):format(one.sessions), "breaker " .. one.breaker,
    }
  end
  return aligned(rows, { false, true, true, true, true, true })
end

function statistics.__tostring(stats)
  local lines = {
    ("calls: %d, failed %d, sent again %d; now %d in flight, %d waiting"):format(stats.calls, stats.calls_failed,
      stats.calls_resent, stats.in_flight, stats.waiting),
    ("sessions: opened %d, reused %d, lost %d, closed %d, failed %d; now %d at %d endpoints"):format(
      stats.sessions_opened, stats.sessions_reused, stats.sessions_lost, stats.sessions_closed,
      stats.sessions_failed, stats.sessions, stats.endpoints),
    "time of calls: " .. percentiles(stats.latency.call),
    "time to open a session: " .. percentiles(stats.latency.open),
  }
  if next(stats.servers) then
    lines[#lines + 1] = server_lines(stats.servers)
  end
  return table.concat(lines, "\n")
end

--- Gives the table of market:stats() its text.
function show.stats(stats)
  return setmetatable(stats, statistics)
end

return show
