-- What a market tells about itself: statistics, metrics, sessions and the log.

local cjson = require "cjson"
local dispatch = require "souk.dispatch"
local help = require "spec.support.help"
local log = require "souk.log"
local prometheus = require "spec.support.prometheus"
local servers = require "spec.support.servers"
local show = require "souk.show"
local souk = require "souk"

local server

setup(function()
  server = servers.start "scripted"
end)

teardown(help.stop_servers)

before_each(function()
  server:reset()
end)

after_each(help.clean_up)

-- A market with a server "s" that was called a few times: three good calls, and one that failed.
local function busy_market(options)
  local market = help.open(options)
  assert(market:add_server("s", { url = server.url, identity = "ann" }))
  for _ = 1, 3 do
    assert(market:call "mcp.s.get_me")
  end
  assert.is_nil(market:call("mcp.s.fail", { message = "no" }))
  return market
end

-- A handler of the script, whose servers may have any name that a capability gives them.
local function with_own_servers(names)
  local market = help.open()
  assert(market:handler("pad", { open = function() end, call = function() return 1 end }))
  for i, name in ipairs(names) do
    assert(market:register { id = "pad." .. i, metadata = {
      pad = { requires_session = "auto", server_name = name, server_url = "pad://x" },
    } })
    assert.equal(1, market:call("pad." .. i))
  end
  return market
end

describe("statistics", function()
  it("say how long calls took, how long they waited, and how long sessions took to open", function()
    local latency = busy_market():stats().latency
    assert.equal(5, latency.call.count) -- with the one for the tools
    assert.equal(5, latency.wait.count)
    assert.equal(1, latency.open.count)
    for name, one in pairs(latency) do
      local last = one.buckets[#one.buckets]
      assert.is_nil(last.le)
      assert.equal(one.count, last.count, name)
      assert.is_true(one.p50 <= one.p90 and one.p90 <= one.p99, name)
      for i = 2, #one.buckets do
        assert.is_true(one.buckets[i].count >= one.buckets[i - 1].count, name)
      end
    end
  end)

  it("measure with the clock of the program", function()
    local now = 100
    local market = help.open { clock = function() return now end }
    assert(market:handler("pad", { open = function() end, call = function() return 1 end }))
    market:register { id = "x", metadata = { pad = { requires_session = "auto", server_name = "p" } } }
    local handle = market:start "x"
    now = now + 2
    assert.equal(1, handle:wait())
    local latency = market:stats().latency
    assert.equal(2, latency.call.sum)
    assert.equal(2, latency.wait.sum)
    assert.equal(2, latency.open.sum)
  end)

  it("have no quantiles before anything was measured", function()
    local latency = help.open():stats().latency
    assert.equal(0, latency.call.count)
    assert.is_nil(latency.call.p50)
    assert.equal(0, latency.call.sum)
  end)

  it("are kept for each server, all identities together", function()
    local market = busy_market()
    assert(market:call("mcp.s.get_me", {}, { identity = "bob" }))
    local one = market:stats().servers.s
    assert.equal(6, one.calls)
    assert.equal(1, one.failed)
    assert.equal(2, one.sessions)
    assert.equal(0, one.in_flight + one.waiting)
    assert.equal("closed", one.breaker)
    assert.equal(6, one.latency.count)
    assert.is_nil(souk.json.encode(market:stats()):find("bob", 1, true))
  end)

  it("are a summary as text, and a plain table as JSON", function()
    local market = busy_market()
    local text = tostring(market:stats())
    assert.truthy(text:find("calls: 5, failed 1, sent again 0; now 0 in flight, 0 waiting", 1, true), text)
    assert.truthy(text:find("time of calls: half within", 1, true), text)
    assert.truthy(text:find("\n  s  5 calls  1 failed", 1, true), text)
    for _, encode in ipairs { cjson.encode, souk.json.encode } do
      assert.equal(5, cjson.decode(encode(market:stats())).calls)
    end
    assert.truthy(tostring(help.open():stats()):find("none yet", 1, true))
  end)
end)

describe("sessions", function()
  it("are a table as text", function()
    local market = busy_market()
    local lines = {}
    for line in tostring(market:sessions()):gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    assert.equal(2, #lines)
    assert.truthy(lines[1]:find "^server  identity  state  id +protocol +in flight  calls +age +idle$", lines[1])
    assert.truthy(lines[2]:find "^s       ann       open   %S+ +2025%-11%-25 +0      5 ", lines[2])
    assert.equal("no sessions", tostring(help.open():sessions()))
  end)

  it("stay a plain list for everything else", function()
    local sessions = busy_market():sessions()
    assert.equal(1, #sessions)
    local count = 0
    for _, session in ipairs(sessions) do
      count = count + 1
      assert.equal("s", session.server)
    end
    assert.equal(1, count)
    for _, encode in ipairs { cjson.encode, souk.json.encode } do
      assert.equal("ann", cjson.decode(encode(sessions))[1].identity)
    end
  end)

  it("show names as what they are: no control character reaches a terminal", function()
    local market = with_own_servers { "a\27[31mred\nline", "caf\195\169", ("long"):rep(50), "c1\194\155x" }
    local text = tostring(market:sessions())
    assert.truthy(text:find("a?[31mred?line", 1, true), text)
    assert.truthy(text:find("caf\195\169 ", 1, true), text)
    assert.truthy(text:find("c1?x", 1, true), text)
    assert.is_nil(text:find(("long"):rep(50), 1, true))
    assert.is_nil(tostring(market:stats()):find("\27", 1, true))
    assert.equal(5, select(2, (text .. "\n"):gsub("\n", "")))
  end)
end)

describe("metrics", function()
  it("are text that a strict reader takes, with every counter", function()
    local market = busy_market()
    local families = prometheus.read(assert(market:metrics()))
    local stats = market:stats()
    local counters = 0
    for name, family in pairs(families) do
      local counter = name:match "^souk_([%w_]+)_total$"
      if family.type == "counter" and stats[counter] then
        assert.equal(stats[counter], prometheus.value(families, name))
        counters = counters + 1
      end
    end
    assert.is_true(counters >= 10, counters)
    assert.equal(1, prometheus.value(families, "souk_sessions", { state = "open" }))
    assert.equal(5, prometheus.value(families, "souk_server_calls_total", { server = "s" }))
    assert.equal(1, prometheus.value(families, "souk_server_calls_failed_total", { server = "s" }))
    assert.equal(0, prometheus.value(families, "souk_server_breaker", { server = "s" }))
    assert.equal(5, prometheus.value(families, "souk_call_duration_seconds_count", { server = "s" }))
    assert.equal(5, prometheus.value(families, "souk_session_wait_seconds_bucket", { le = "+Inf" }))
    assert.equal(1, prometheus.value(families, "souk_session_open_seconds_count"))
  end)

  it("are there before anything happened", function()
    local families = prometheus.read(assert(help.open():metrics()))
    assert.equal(0, prometheus.value(families, "souk_calls_total"))
  end)

  it("have no identity in them", function()
    assert.is_nil(busy_market():metrics():find("ann", 1, true))
  end)

  it("survive every name that a server can have", function()
    local names = { 'quo"te', "back\\slash", "line\nend", "b\\n", "", "caf\195\169", "tab\tnul", '"} 1\nx{y="' }
    local families = prometheus.read(assert(with_own_servers(names):metrics()))
    for _, name in ipairs(names) do
      assert.equal(1, prometheus.value(families, "souk_server_calls_total", { server = name }), name)
    end
  end)

  it("are read strictly here", function()
    local head = "# HELP a_total x\n# TYPE a_total counter\n"
    for _, wrong in ipairs {
      "a_total 1\n", head .. "a_total 1", head .. "a_total\n", head .. "a_total 1\na_total 2\n", head .. "b 1\n",
      head .. 'a_total{x="1} 1\n', head .. 'a_total{x="\\q"} 1\n', head .. 'a_total{x="1",x="2"} 1\n', head .. head,
      "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 1\n",
      "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
      "# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
    } do
      assert.is_false((pcall(prometheus.read, wrong)), wrong)
    end
    assert.equal(1, prometheus.value(prometheus.read(head .. "a_total 1\n"), "a_total"))
  end)
end)

describe("the log", function()
  -- A market that logs, and what it logged: "level message".
  local function logging(options)
    local lines, events = {}, {}
    options = options or {}
    options.log = function(level, message, event)
      lines[#lines + 1] = level .. " " .. message
      events[#events + 1] = event
    end
    return help.open(options), lines, events
  end

  local function has(lines, pattern)
    for _, line in ipairs(lines) do
      if line:find(pattern) then
        return true
      end
    end
    error("no line like '" .. pattern .. "' in\n" .. table.concat(lines, "\n"), 2)
  end

  it("tells the life of sessions in lines for people", function()
    local market, lines, events = logging()
    assert(market:add_server("s", { url = server.url, identity = "ann" }))
    server:drop_sessions()
    assert(market:call "mcp.s.get_me")
    market:close()
    has(lines, "^info server 's' for ann: session %S+ %(2025%-11%-25%): opened$")
    has(lines, "^warning server 's' for ann: session %S+ %(2025%-11%-25%): lost: %w[^']*$")
    has(lines, "^info server 's' for ann: session %S+ %(2025%-11%-25%): opened again$")
    has(lines, "^info server 's' for ann: session %S+ %(2025%-11%-25%): closed: close$")
    assert.equal("s", events[1].server)
  end)

  it("leaves out what is less severe than log_level", function()
    for level, wanted in pairs { debug = true, info = true, warning = false, error = false } do
      local market, lines = logging { log_level = level }
      assert(market:add_server("s", { url = server.url }))
      assert.equal(wanted, #lines > 0, level)
      for _, line in ipairs(lines) do
        assert.is_true(level == "debug" or line:find "^debug" == nil, line)
      end
    end
  end)

  it("has words for every event, and a line for one that it does not know", function()
    for _, name in ipairs(dispatch.events) do
      assert.is_true(log.knows(name), name)
      local level, message = log.message { name = name, server = "s" }
      assert.truthy(("debug info warning error"):find(level, 1, true), name)
      assert.truthy(message:find "^server 's': .", name)
    end
    assert.same({ "info", "server 's': unheard_of: why" },
      { log.message { name = "unheard_of", server = "s", reason = "why" } })
  end)

  it("passes on the messages of servers, with their level, in one line", function()
    for said, level in pairs { debug = "debug", notice = "info", alert = "error", [""] = "info" } do
      assert.same({ level, "server 's': says: a?b" }, { log.message {
        name = "log", server = "s", level = said, data = "a\nb" } })
    end
    assert.same({ "warning", 'server \'s\': says: {"a":1}' }, { log.message {
      name = "log", server = "s", level = "warning", data = { a = 1 } } })
  end)

  it("survives a function that raises: on_error is told, and the call goes on", function()
    local errors = {}
    local market = help.open {
      log = function() error("the disk is full", 0) end, log_level = "debug",
      on_error = function(message) errors[#errors + 1] = message end,
    }
    assert(market:add_server("s", { url = server.url }))
    assert.is_true(#errors > 0)
    assert.equal("the disk is full", errors[1])
  end)

  it("does not log what its own function causes", function()
    local market, lines
    local depth, deepest = 0, 0
    local function again()
      depth = depth + 1
      deepest = math.max(deepest, depth)
      lines = (lines or 0) + 1
      if market:get "mcp.s.get_me" then
        assert(market:call "mcp.s.get_me")
      end
      depth = depth - 1
      error("and it raises", 0)
    end
    market = help.open { log = again, log_level = "debug", on_error = function()
      if market:get "mcp.s.get_me" then
        assert(market:call "mcp.s.get_me")
      end
    end }
    assert(market:add_server("s", { url = server.url }))
    assert(market:call "mcp.s.get_me")
    assert.equal(1, deepest)
    assert.is_true(lines < 20, lines)
  end)

  it("costs nothing when nobody wants it", function()
    local market = help.open { max_notes = 1 }
    assert(market:add_server("s", { url = server.url, listen = false }))
    assert(market:call "mcp.s.get_me")
    assert.equal(0, market:stats().notes_dropped)
  end)

  it("is checked when the market is opened", function()
    help.raises("option 'log': expected a function or \"stderr\"", souk.open, { log = "stdout" })
    help.raises("option 'log': expected function or string, got table", souk.open, { log = {} })
    help.raises("option 'log_level': there is no level 'loud'", souk.open, { log_level = "loud" })
  end)

  it("can go to standard error, with the time #harness", function()
    local script = help.write_file(help.folder() .. "/log.lua", [[
      dofile "spec/support/paths.lua"
      local market = require("souk").open { log = "stderr" }
      market:handler("pad", { open = function() end, call = function() return 1 end })
      market:register { id = "x", metadata = { pad = {
        requires_session = "auto", server_name = "p", server_url = "p" } } }
      assert(market:call "x" == 1)
    ]])
    local interpreter = type(jit) == "table" and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local output = help.output_of("env -u SOUK_BUILD " .. interpreter .. " " .. script .. " 2>&1")
    assert.truthy(output:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ info server 'p': session .*: opened", output)
  end)
end)

describe("spans", function()
  it("are said as people say them", function()
    for seconds, text in pairs {
      [0] = "0 ms", [0.0123] = "12 ms", [3.2] = "3.2 s", [300] = "5 min", [9000] = "2.5 h",
    } do
      assert.equal(text, show.span(seconds))
    end
  end)
end)
