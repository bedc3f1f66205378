-- Servers that fail, as a script sees it: the breaker, Retry-After, what is sent again, probes, growing waits, limits.
--
-- Time passes as it does elsewhere, and leaps where there is something to be waited for. What the pool does in each
-- state is in c/test_pool_*.c; sessions that are lost under load are in storms_spec.lua.

local core = require "souk.core"
local eras = require "spec.support.eras"
local help = require "spec.support.help"
local servers = require "spec.support.servers"

local fails = help.fails

teardown(eras.stop)
after_each(eras.finish)

local LEGACY, CHILD, MODERN = eras.cases[1], eras.cases[2], eras.cases[3]

-- Options of souk.open with a clock that can be put forward: leap(seconds).
local function leaping(options)
  local ahead = 0
  local function clock()
    return core.now() + ahead
  end
  local function leap(seconds)
    ahead = ahead + seconds
  end
  return help.merge(options or {}, { clock = clock }), leap
end

-- A market that knows the scripted server as "s"; leap, its peer, and the names of its events so far.
local function connect(options)
  options = options or {}
  local open, leap = leaping(options.open)
  local market, peer = eras.connect(options.case or LEGACY, { open = open, knobs = options.knobs,
    server = help.merge({ listen = false }, options.server) })
  local seen = {}
  market:on("*", function(event) seen[#seen + 1] = event.name end)
  return market, peer, leap, seen
end

local function saw(seen, name)
  return help.count(seen, name) > 0
end

local function issue(title)
  return { owner = "o", repo = "r", title = title }
end

-- How often the server was sent such a request, let in or not.
local function sent(peer, method, from)
  local count = 0
  for i, entry in ipairs(peer.ledger().log) do
    count = count + (entry.method == method and i > (from or 0) and 1 or 0)
  end
  return count
end

describe("the breaker", function()
  -- A market with a healthy server "s", and "dead" at a port where nobody is until start() is called.
  local function with_dead(options)
    local market, peer, leap, seen = connect { open = help.merge({ breaker_failures = 3, retry_delay = 0.01,
      max_retry_delay = 0.02 }, options) }
    local place = servers.start "scripted"
    local port = place.port
    place:stop()
    assert(market:add_server("dead", { url = place.url, discover = false, listen = false }))
    return market, peer, leap, seen, function() return servers.start("scripted", { port = port }) end
  end

  local function list(market, options)
    return market:request("dead", "tools/list", {}, options)
  end

  local function break_it(market, count)
    for _ = 1, count or 3 do
      assert.equal("not_sent", fails("transport", "server 'dead': .*refused", list(market)).delivery)
    end
  end

  it("lets calls fail at once after failures in a row, tries with one, and closes", function()
    local market, _, leap, seen, start = with_dead()
    break_it(market)
    local err = fails("transport", "server 'dead': the breaker is open for %d+%.%d s more after 3 failures in a row, "
      .. "the last one: could not connect to .*refused", list(market))
    assert.equal("not_sent", err.delivery)
    assert.is_true(err.retryable)
    assert.is_true(err.retry_after > 0 and err.retry_after <= 30)
    assert.equal("open", market:stats().servers.dead.breaker)
    assert.equal(1, market:stats().calls_refused)

    local server = start()
    fails("transport", "the breaker is open", list(market)) -- it does not know yet
    leap(30)
    local handles = {}
    for i = 1, 8 do
      handles[i] = assert(market:server("dead"):start("tools/list", {}))
    end
    for i = 1, 8 do
      assert(handles[i]:wait())
    end
    assert.equal(1, server:ledger().methods.initialize)
    assert.equal("closed", market:stats().servers.dead.breaker)
    local story = {}
    for _, name in ipairs(seen) do
      story[#story + 1] = name:match "^breaker_.*"
    end
    assert.same({ "breaker_opened", "breaker_trial", "breaker_closed" }, story)
    server:stop()
  end)

  it("opens again when the trial fails: one call tried, the others heard of it", function()
    local market, _, leap, seen = with_dead()
    break_it(market)
    local before = market:stats().sessions_failed
    leap(30)
    local handles = {}
    for i = 1, 8 do
      handles[i] = assert(market:server("dead"):start("tools/list", {}))
    end
    for i = 1, 8 do
      fails("transport", "refused", handles[i]:wait())
    end
    assert.equal(before + 1, market:stats().sessions_failed)
    assert.equal(2, help.count(seen, "breaker_opened"))
    fails("transport", "the breaker is open for .* after 4 failures", list(market))
  end)

  it("is that of one server and identity; others go on", function()
    local market = with_dead()
    break_it(market)
    assert(market:call "mcp.s.get_me")
    assert.equal("closed", market:stats().servers.s.breaker)
    for _ = 1, 3 do
      fails("transport", "server 'dead': .*refused", list(market, { identity = "ann" }))
    end
    fails("transport", "the breaker is open", list(market, { identity = "ann" }))
    assert(market:call("mcp.s.get_me", {}, { identity = "ann" }))
  end)

  it("does not open for what a server answers, however often, and never when it has no number", function()
    local market, peer = with_dead { breaker_failures = 0 }
    break_it(market, 8)
    for _ = 1, 5 do
      fails("tool", "no", market:call("mcp.s.fail", { message = "no" }))
      fails("rpc", "", market:request("s", "no/such", {}))
    end
    peer.knobs { faults = { { method = "tools/call", kind = "status", status = 403, times = 5 } } }
    for _ = 1, 5 do
      fails("auth", "", market:call "mcp.s.get_me")
    end
    assert.equal("closed", market:stats().servers.s.breaker)
  end)

  it("counts calls that break together as one failure", function()
    local market, peer = connect { open = { breaker_failures = 2 } }
    local handles = {}
    for i = 1, 10 do
      handles[i] = assert(market:start("mcp.s.create_issue", issue(tostring(i))))
    end
    peer.knobs { faults = { { method = "tools/call", kind = "reset", times = 10 } } }
    for i = 1, 10 do
      fails("transport", "", handles[i]:wait())
    end
    assert.equal("closed", market:stats().servers.s.breaker)
    assert(market:call "mcp.s.get_me")
  end)
end)

describe("Retry-After", function()
  local function date(seconds)
    return os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + seconds)
  end

  local function refuse(peer, status, value, more)
    peer.knobs { faults = { help.merge({ method = "tools/call", kind = "status", status = status, body = "busy",
      headers = { ["Retry-After"] = value } }, more) } }
  end

  for _, status in ipairs { 429, 503 } do
    for _, form in ipairs { "seconds", "a date" } do
      it(("with %d and %s makes calls wait, and the refused one goes again"):format(status, form), function()
        local market, peer, leap, seen = connect()
        refuse(peer, status, form == "seconds" and "20" or date(20))
        local first = assert(market:start("mcp.s.create_issue", issue "first"))
        help.step_until(market, function() return saw(seen, "endpoint_paused") end)
        local second = assert(market:start("mcp.s.create_issue", issue "second"))
        leap(10)
        market:step(0.02)
        assert.is_false(first:done() or second:done())
        assert.equal(2, market:stats().waiting)
        leap(12)
        assert(first:wait())
        assert(second:wait())
        assert.same({ "first", "second" }, peer.ledger().created)
        assert.equal(1, market:stats().calls_resent)
        assert.equal("closed", market:stats().servers.s.breaker)
      end)
    end
  end

  it("is told at once to those whose time would be over before", function()
    local market, peer = connect()
    refuse(peer, 429, "20")
    local err = fails("transport", "", market:call("mcp.s.create_issue", issue "x", { timeout = 10 }))
    assert.equal(429, err.status)
    assert.equal(20, err.retry_after)
    assert.equal("rejected", err.delivery)
    err = fails("transport", "server 's' asked for a pause %(Retry%-After%) that lasts %d+%.%d s more",
      market:call("mcp.s.get_me", {}, { timeout = 10 }))
    assert.is_true(err.retry_after > 10 and err.retry_after <= 20)
    assert.equal("not_sent", err.delivery)
    assert.is_nil(peer.ledger().tools.create_issue)
    assert(market:call("mcp.s.get_me", {}, { identity = "ann" })) -- whom the server did not mean
  end)

  it("holds for max_pause at most", function()
    local market, peer, leap, seen = connect { open = { max_pause = 5 } }
    refuse(peer, 503, "3600")
    fails("transport", "", market:call("mcp.s.create_issue", issue "x"))
    assert.is_true(saw(seen, "endpoint_paused"))
    leap(5)
    assert(market:call "mcp.s.get_me")
  end)

  it("holds for an opening, too", function()
    local market, peer, leap, seen = connect { server = { discover = false } }
    peer.knobs { faults = { { method = "initialize", kind = "status", status = 503, headers = {
      ["Retry-After"] = "20" } } } }
    local handle = market:server("s"):start("tools/list", {})
    help.step_until(market, function() return saw(seen, "endpoint_paused") end)
    leap(20)
    assert(handle:wait())
  end)
end)

describe("a connection that breaks", function()
  local function broken(peer, more)
    peer.knobs { faults = { help.merge({ method = "tools/call", kind = "reset" }, more) } }
  end

  for _, case in ipairs { LEGACY, MODERN } do
    it("is not noticed by who calls a tool that only reads: " .. case.revision, function()
      local market, peer = connect { case = case, open = { retry_delay = 0.01 } }
      broken(peer, { executed = true })
      assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
      assert.equal(2, peer.ledger().tools.echo)
      assert.equal(1, market:stats().calls_resent)
    end)
  end

  it("is told to who forbids that", function()
    local market, peer = connect()
    broken(peer, { executed = true })
    local err = fails("transport", "", market:call("mcp.s.echo", { text = "x" }, { resend = false }))
    assert.equal("ambiguous", err.delivery)
    assert.is_true(err.retryable)
    assert.equal(1, peer.ledger().tools.echo)
    assert.equal(0, market:stats().calls_resent)
  end)

  it("leaves a tool that does something executed once, with nobody knowing; unless the caller allows more", function()
    local market, peer = connect { open = { retry_delay = 0.01 } }
    broken(peer, { executed = true })
    local err = fails("transport", "", market:call("mcp.s.create_issue", issue "one"))
    assert.equal("ambiguous", err.delivery)
    assert.same({ "one" }, peer.ledger().created)
    broken(peer, { executed = true })
    assert(market:call("mcp.s.create_issue", issue "two", { resend = true }))
    assert.same({ "one", "two", "two" }, peer.ledger().created)
  end)

  it("is tried again max_resends times", function()
    local market, peer = connect { open = { retry_delay = 0.01, max_resends = 3 } }
    broken(peer, { times = 3 })
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    broken(peer, { times = 5 })
    assert.equal("ambiguous", fails("transport", "", market:call("mcp.s.echo", { text = "x" })).delivery)
    assert.equal(6, market:stats().calls_resent)
    assert.equal(8, sent(peer, "tools/call"))
  end)
end)

describe("a probe", function()
  it("finds that a session is gone before a call is risked on it", function()
    local market, peer, leap, seen = connect()
    assert(market:call "mcp.s.get_me")
    peer.server:drop_sessions()
    local from = #peer.ledger().log
    leap(61)
    assert(market:call("mcp.s.create_issue", issue "one"))
    assert.equal(1, sent(peer, "ping", from))
    assert.equal(1, sent(peer, "tools/call", from)) -- it did not go to the session that was gone
    assert.same({ "one" }, peer.ledger().created)
    assert.equal(1, market:stats().sessions_probed)
    assert.equal(0, market:stats().calls_resent)
    assert.is_true(saw(seen, "session_probed") and saw(seen, "session_lost") and saw(seen, "session_renewed"))
  end)

  it("finds that the server was started anew", function()
    local market, _, leap = connect()
    local one = servers.start "scripted"
    assert(market:add_server("other", { url = one.url, listen = false }))
    local port = one.port
    one:stop()
    local two = servers.start("scripted", { port = port })
    leap(61)
    assert(market:call("mcp.other.create_issue", issue "one"))
    local ledger = two:ledger()
    assert.same({ "one" }, ledger.created)
    assert.is_nil(ledger.methods["server/discover"]) -- what was learnt is remembered
    two:stop()
  end)

  it("is passed by any answer; only who was idle for long is asked", function()
    local market, peer, leap = connect()
    local id = market:sessions()[1].id
    peer.knobs { faults = { { method = "ping", kind = "rpc_error", code = -32601, message = "Method not found" } } }
    leap(59)
    assert(market:call "mcp.s.get_me")
    assert.equal(0, sent(peer, "ping"))
    leap(61)
    assert(market:call "mcp.s.get_me")
    assert.equal(1, sent(peer, "ping"))
    assert.equal(id, market:sessions()[1].id)
    assert.equal(1, #market:sessions())
  end)

  it("is asked of many waiting calls once, and of no stateless server", function()
    local market, peer, leap = connect()
    leap(61)
    local handles = {}
    for i = 1, 16 do
      handles[i] = assert(market:start "mcp.s.get_me")
    end
    for i = 1, 16 do
      assert(handles[i]:wait())
    end
    assert.equal(1, sent(peer, "ping"))
    market, peer, leap = connect { case = MODERN }
    local from = #peer.ledger().log
    leap(61)
    assert(market:call "mcp.s.get_me")
    assert.equal(1, #peer.ledger().log - from)
  end)

  it("is asked after a call that ran out of time without a word", function()
    local market, peer, _, seen = connect { open = { probe_limit = 0.3 } }
    local id = market:sessions()[1].id
    peer.knobs { faults = { { method = "tools/call", kind = "hang" } } }
    local err = fails("timeout", "", market:call("mcp.s.create_issue", issue "x", { timeout = 0.2 }))
    assert.equal("ambiguous", err.delivery)
    assert(market:call "mcp.s.get_me")
    assert.equal(1, sent(peer, "ping"))
    assert.equal(id, market:sessions()[1].id)

    peer.knobs { faults = { { method = "tools/call", kind = "hang" }, { method = "ping", kind = "hang" } } }
    fails("timeout", "", market:call("mcp.s.create_issue", issue "x", { timeout = 0.2 }))
    assert(market:call "mcp.s.get_me")
    assert.is_true(saw(seen, "session_lost"))
    assert.equal(2, #peer.ledger().sessions.issued)
  end)

  it("finds a child that hangs", function()
    local market, _, leap = connect { case = CHILD, open = { probe_limit = 5 } }
    os.execute("kill -STOP " .. help.children("--stdio")[1])
    leap(61)
    local handle = assert(market:start "mcp.s.get_me")
    market:step(0.02)
    assert.is_false(handle:done())
    leap(6)
    assert(handle:wait())
    assert.equal(1, market:stats().sessions_lost)
  end)
end)

describe("a child that dies at once", function()
  it("is started again after growing waits, with its last words in each error", function()
    local open, leap = leaping { breaker_failures = 0, retry_delay = 10, max_retry_delay = 40, child_grace = 0.1 }
    local market = help.open(open)
    local log = help.folder() .. "/starts"
    local script = ("echo x >>%s; echo 'no paper' >&2; exit 3"):format(log)
    assert(market:add_server("s", { command = "sh", args = { "-c", script }, protocol_version = "2025-06-18",
      discover = false, listen = false }))
    local function starts()
      return #help.read_file(log) / 2
    end
    fails("transport", "no paper", market:request("s", "tools/list", {}))
    assert.equal(1, starts())
    for i, least in ipairs { 5, 10, 20, 20 } do -- half of it at least, the rest is chance
      local handle = assert(market:server("s"):start("tools/list", {}))
      leap(least - 4)
      market:step(0.05)
      assert.is_false(handle:done())
      assert.equal(i, starts())
      leap(least + 4)
      fails("transport", "no paper", handle:wait())
      assert.equal(i + 1, starts())
    end
  end)
end)

describe("an opening", function()
  local function opened_by_many(peer, market)
    local handles = {}
    for i = 1, 16 do
      handles[i] = assert(market:server("s"):start("tools/call", { name = "get_me", arguments = {} }))
    end
    return function(check)
      for i = 1, 16 do
        check(handles[i]:wait())
      end
      return peer.ledger()
    end
  end

  it("whose session is dropped before it is used begins anew, once", function()
    local market, peer = connect { server = { discover = false } }
    local function drop(times)
      peer.knobs { faults = { { method = "notifications/initialized", kind = "status", status = 404, times = times } } }
    end
    drop(1)
    local ledger = opened_by_many(peer, market)(assert)
    assert.equal(2, ledger.methods.initialize)
    assert.equal(16, ledger.tools.get_me)
    assert.equal(0, market:stats().sessions_failed)
    peer.server:drop_sessions()
    drop(5)
    ledger = opened_by_many(peer, market)(function(value, err)
      assert.equal("not_sent", fails("protocol", "404", value, err).delivery)
    end)
    assert.equal(16, ledger.tools.get_me)
  end)
end)

describe("limits", function()
  it("let so many sessions open at a time, whoever wants them (max_opening)", function()
    local market, peer = connect { open = { max_opening = 3 }, server = { discover = false }, knobs = { delay = 50 } }
    local most = 0
    for i = 1, 12 do
      assert(market:server("s"):start("tools/list", {}, { identity = "user " .. i }))
    end
    help.step_until(market, function()
      local opening = 0
      for _, session in ipairs(market:sessions()) do
        opening = opening + (session.state == "opening" and 1 or 0)
      end
      most = math.max(most, opening)
      return market:stats().calls_ok == 12
    end)
    assert.equal(3, most)
    assert.equal(12, #peer.ledger().sessions.issued)
  end)

  it("refuse inputs that are too much together (max_input)", function()
    local market = connect { open = { max_input = 4096 } }
    local err = fails("limit", "more than 4096 bytes %(option max_input%)", market:call("mcp.s.echo", {
      text = ("x"):rep(5000) }))
    assert.equal("not_sent", err.delivery)
    local slow = market:start("mcp.s.slow", { ms = 60000 })
    assert.equal(2000, #market:call("mcp.s.echo", { text = ("x"):rep(2000) }))
    slow:cancel()
  end)
end)
