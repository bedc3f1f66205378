--- GET /status: the servers, their sessions and the workers, as a page for people. It has no script, so that nothing a
--- server says can be one; a refresh every five seconds is asked for in its head.
local answer = require "gateway.answer"
local html = require "gateway.html"
local souk = require "souk"
local summary = require "gateway.summary"

local status = {}

local REFRESH = 5
local MOST_SESSIONS = 200

-- Nothing but our own style sheet may be loaded, and nobody may put this page into one of theirs.
local POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

local PAGE = [[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{refresh}<title>souk gateway</title>
<link rel="stylesheet" href="/status/style.css">
</head>
<body>
<header>
<h1>souk gateway</h1> {ready}
<p>{workers} · up {age} · souk {version} · {toggle}</p>
</header>
<main>
<dl class="tiles">{tiles}</dl>
<section>
<h2>Servers</h2>
{servers}
</section>
<section>
<h2>Sessions</h2>
{sessions}
</section>
<section>
<h2>Workers</h2>
{worker_table}
</section>
</main>
</body>
</html>
]]

-- How good each word is that stands in a badge.
local MOODS = {
  ready = "good", adding = "busy", failed = "bad", wrong = "bad",
  closed = "good", ["half-open"] = "busy", open = "bad",
}

local SESSION_MOODS = { open = "good", opening = "busy", retiring = "busy", closing = "busy", lost = "bad" }

local function badge(word, moods)
  return html('<span class="badge {mood}">{word}</span>', { word = word, mood = (moods or MOODS)[word] or "busy" })
end

-- A time as people say it.
local function span(seconds)
  if not seconds then
    return "–"
  elseif seconds < 0.01 then
    return ("%.2g ms"):format(seconds * 1000)
  elseif seconds < 1 then
    return ("%.0f ms"):format(seconds * 1000)
  elseif seconds < 120 then
    return ("%.3g s"):format(seconds)
  elseif seconds < 7200 then
    return ("%.0f min"):format(seconds / 60)
  end
  return ("%.1f h"):format(seconds / 3600)
end

local function count(number, word)
  return ("%d %s%s"):format(number, word, number == 1 and "" or "s")
end

local TABLE = [[
<div class="wide"><table class="{class}">
<thead><tr>{heads}</tr></thead>
<tbody>
{lines}</tbody>
</table></div>]]

local CELL = '<td class="{class}" data-title="{title}">{cell}</td>\n'
local NOTE = '<tr class="note"><td colspan="{columns}">{note}</td></tr>\n'

-- columns: { title, "number" or nil } each; rows: lists of cells, with a `note` that may follow. On a narrow screen a
-- row becomes a card, and each cell needs the title of its column by itself.
local function make_table(class, columns, rows, empty)
  if #rows == 0 then
    return html('<p class="none">{empty}</p>', { empty = empty })
  end
  local heads, lines = {}, {}
  for i, column in ipairs(columns) do
    heads[i] = html('<th scope="col" class="{class}">{title}</th>', { class = column[2] or "word", title = column[1] })
  end
  for n, row in ipairs(rows) do
    local cells = {}
    for i, column in ipairs(columns) do
      cells[i] = html(CELL, { class = column[2] or "word", title = column[1], cell = row[i] })
    end
    local note = row.note and html(NOTE, { columns = #columns, note = row.note }) or ""
    lines[n] = html('<tr class="{class}">\n{cells}</tr>\n{note}',
      { class = row.note and "noted" or "plain", cells = cells, note = note })
  end
  return html(TABLE, { class = class, heads = heads, lines = lines })
end

local BAR = '<rect x="{x}" y="{y}" width="4" height="{height}" class="{class}"><title>{title}</title></rect>'

-- How calls spread over times, from fast to slow: a bar for each bucket, the highest for the fullest.
local function histogram(buckets)
  local bars, before, most = {}, 0, 1
  for i, bucket in ipairs(buckets) do
    bars[i] = bucket.count - before
    before = bucket.count
    most = math.max(most, bars[i])
  end
  for i, calls in ipairs(bars) do
    local height = calls == 0 and 1 or math.max(3, math.floor(20 * calls / most + 0.5))
    local bound = buckets[i].le and "up to " .. span(buckets[i].le) or "longer"
    bars[i] = html(BAR, {
      x = (i - 1) * 5, y = 20 - height, height = height, class = calls == 0 and "empty" or "bar",
      title = ("%s: %s"):format(bound, count(calls, "call")),
    })
  end
  return html('<svg class="histogram" viewBox="0 0 {width} 20" width="{width}" height="20" role="img">{bars}</svg>',
    { width = math.max(1, #bars * 5), bars = bars })
end

local function title_of(server)
  local about = {}
  if server.title and server.title ~= server.name then
    about[#about + 1] = server.title
  end
  about[#about + 1] = server.version
  local small = #about > 0 and html("<small>{about}</small>", { about = table.concat(about, " ") }) or ""
  return html("<strong>{name}</strong>{small}", { name = server.name, small = small })
end

local SERVER_COLUMNS = {
  { "server" }, { "state" }, { "breaker" }, { "era" }, { "revision" }, { "transport" }, { "tools", "number" },
  { "sessions", "number" }, { "in flight", "number" }, { "waiting", "number" }, { "calls", "number" },
  { "failed", "number" }, { "half within", "number" }, { "99% within", "number" }, { "latency" },
}

local function server_table(servers)
  local rows = {}
  for i, server in ipairs(servers) do
    rows[i] = {
      title_of(server), badge(server.state), badge(server.breaker), server.era or "–", server.protocol or "–",
      server.transport or "–", server.tools or "–", server.sessions, server.in_flight, server.waiting, server.calls,
      server.failed, span(summary.quantile(server.buckets, 0.5)), span(summary.quantile(server.buckets, 0.99)),
      histogram(server.buckets), note = server.reason,
    }
  end
  return make_table("servers", SERVER_COLUMNS, rows, "There is no server in the configuration.")
end

local SESSION_COLUMNS = {
  { "server" }, { "identity" }, { "worker", "number" }, { "state" }, { "session" }, { "era" }, { "revision" },
  { "in flight", "number" }, { "calls", "number" }, { "age", "number" }, { "idle", "number" },
}

local function session_table(sessions)
  local rows = {}
  for i = 1, math.min(#sessions, MOST_SESSIONS) do
    local one = sessions[i]
    rows[i] = {
      html("<strong>{name}</strong>", { name = one.server }), one.identity == "" and "–" or one.identity, one.worker,
      badge(one.state, SESSION_MOODS), html("<code>{id}</code>", { id = one.id }), one.era, one.protocol,
      one.in_flight, one.calls, span(one.age), span(one.idle),
    }
  end
  local more = #sessions - #rows
  return {
    make_table("sessions", SESSION_COLUMNS, rows, "No session is open: the first call of a server opens one."),
    more > 0 and html('<p class="none">and {more} more</p>', { more = more }) or "",
  }
end

local WORKER_COLUMNS = {
  { "worker" }, { "process", "number" }, { "up", "number" }, { "calls", "number" }, { "failed", "number" },
  { "in flight", "number" }, { "sessions", "number" }, { "memory of Lua", "number" },
}

local function worker_table(workers)
  local rows = {}
  for i, one in ipairs(workers) do
    rows[i] = {
      one.worker, one.pid, span(one.age), one.stats.calls, one.stats.calls_failed, one.stats.in_flight,
      one.stats.sessions, ("%.1f MiB"):format(one.lua_memory / 2 ^ 20),
    }
  end
  return make_table("workers", WORKER_COLUMNS, rows, "No worker has said anything yet.")
end

local function tiles(now)
  local ready = 0
  for _, server in ipairs(now.servers) do
    ready = ready + (server.state == "ready" and 1 or 0)
  end
  local list = {
    { "servers ready", ("%d of %d"):format(ready, #now.servers) },
    { "calls", now.totals.calls }, { "failed", now.totals.calls_failed },
    { "in flight", now.totals.in_flight }, { "waiting", now.totals.waiting }, { "sessions", now.totals.sessions },
    { "half within", span(summary.quantile(now.buckets, 0.5)) },
    { "99% within", span(summary.quantile(now.buckets, 0.99)) },
  }
  for i, tile in ipairs(list) do
    list[i] = html("<div><dt>{name}</dt><dd>{value}</dd></div>", { name = tile[1], value = tile[2] })
  end
  return list
end

local function page(now)
  local age = 0
  for _, worker in ipairs(now.workers) do
    age = math.max(age, worker.age)
  end
  local still = ngx.var.arg_refresh == "0"
  return html(PAGE, {
    refresh = still and "" or html('<meta http-equiv="refresh" content="{seconds}">\n', { seconds = REFRESH }),
    toggle = still and html('<a href="/status">refresh again</a>', {})
      or html('<a href="/status?refresh=0">stop refreshing</a>', {}),
    ready = badge(now.settled and "ready" or "adding"),
    workers = count(#now.workers, "worker"), age = span(age), version = souk.version, tiles = tiles(now),
    servers = server_table(now.servers), sessions = session_table(now.sessions),
    worker_table = worker_table(now.workers),
  })
end

--- Answers the request.
function status.run()
  if not answer.allows "GET" then
    return
  end
  ngx.header.content_type = "text/html; charset=utf-8"
  ngx.header.cache_control = "no-store"
  ngx.header.content_security_policy = POLICY
  ngx.header.x_content_type_options = "nosniff"
  ngx.header.referrer_policy = "no-referrer"
  ngx.print(tostring(page(summary.now())))
end

return status
