-- Sessions that the script holds (market:session), and how a server's sessions are used: mode, max_sessions,
-- rate_limit, affinity. What the pool does about each without a network is in c/test_pool_*.c.

local eras = require "spec.support.eras"
local help = require "spec.support.help"

local fails, raises = help.fails, help.raises

teardown(eras.stop)
after_each(eras.finish)

local LEGACY, CHILD, MODERN = eras.cases[1], eras.cases[2], eras.cases[3]

-- A market with server "s", over HTTP in the newest legacy revision unless `options.case` says otherwise.
local function connect(options)
  options = options or {}
  return eras.connect(options.case or LEGACY, { open = options.open, knobs = options.knobs,
    server = help.merge({ listen = false }, options.server) })
end

-- The session ids that the calls of this tool came with, oldest first.
local function sessions_of(peer, tool)
  local list = {}
  for _, entry in ipairs(peer.ledger().log) do
    if entry.method == "tools/call" and entry.name == tool then
      list[#list + 1] = entry.headers["mcp-session-id"]
    end
  end
  return list
end

local function issue(title)
  return { owner = "o", repo = "r", title = title }
end

local function shown(market, field)
  local list = {}
  for i, session in ipairs(market:sessions()) do
    list[i] = session[field]
  end
  return list
end

describe("a session that is held", function()
  it("is nobody else's", function()
    local market, peer = connect()
    local held = assert(market:session "s")
    assert.equal("2025-11-25", held.protocol)
    assert.equal(1, held.generation)
    assert.equal(1, help.count(shown(market, "id"), held.id))
    for _ = 1, 2 do
      assert(held:call("mcp.s.echo", { text = "mine" }))
      assert(market:call "mcp.s.get_me")
    end
    assert(held:start("mcp.s.echo", { text = "mine" }):wait())
    assert(market:call("mcp.s.echo", { text = "mine" }, { session = held }))
    assert.equal("mine", assert(held:request("tools/call", { name = "echo", arguments = { text = "mine" } })).content[1]
      .text)
    local mine, others = sessions_of(peer, "echo"), sessions_of(peer, "get_me")
    assert.equal(5, help.count(mine, mine[1]))
    assert.equal(2, help.count(others, others[1]))
    assert.are_not.equal(mine[1], others[1])
    assert.equal(2, #peer.ledger().sessions.issued)
    assert.equal(1, help.count(shown(market, "holds"), 1))
  end)

  it("is one of several, each with its own", function()
    local market, peer = connect { server = { max_sessions = 1 } }
    local a, b = assert(market:session "s"), assert(market:session "s")
    assert.are_not.equal(a.id, b.id)
    assert(a:call("mcp.s.echo", { text = "a" }))
    assert(b:call("mcp.s.echo", { text = "b" }))
    local ids = sessions_of(peer, "echo")
    assert.are_not.equal(ids[1], ids[2])
  end)

  it("has calls in flight as any other: progress, cancelling, many at once", function()
    local market = connect { knobs = { answer = "sse" } }
    local held, steps = assert(market:session "s"), 0
    local first = held:start("mcp.s.meet", { count = 2 })
    assert.equal("met 2", held:call("mcp.s.meet", { count = 2 }))
    assert.equal("met 2", first:wait())
    assert.equal("slept 60 ms", held:call("mcp.s.slow", { ms = 60, steps = 3 }, {
      on_progress = function() steps = steps + 1 end,
    }))
    assert.equal(3, steps)
    local slow = held:start("mcp.s.slow", { ms = 60000 })
    help.step_until(market, function() return market:stats().in_flight == 1 end)
    slow:cancel()
    fails("cancelled", "by the caller", slow:wait())
    assert(held:call "mcp.s.get_me")
  end)

  it("grows neither idle nor old", function()
    local now = 0
    local market, peer = connect { open = { clock = function() return now end, max_life = 1000 } }
    local held = assert(market:session "s")
    local shared = market:sessions()[1].id
    for _ = 1, 5 do
      now = now + 400
      market:step(0)
    end
    assert.same({ held.id }, shown(market, "id"))
    assert.are_not.equal(shared, held.id)
    assert(held:call "mcp.s.get_me")
    assert.equal(2, #peer.ledger().sessions.issued)
  end)

  it("works for what its server is asked beside tools", function()
    local market, peer = connect()
    local held = assert(market:session "s")
    assert.is_true(market:server("s"):ping { session = held })
    assert.equal("souk://notes/1", market:server("s"):read("souk://notes/1", { session = held })[1].uri)
    assert(held:request("tools/list", {}))
    local log = peer.ledger().log
    for _, entry in ipairs(log) do
      if entry.method == "ping" or entry.method == "resources/read" then
        assert.equal(log[#log].headers["mcp-session-id"], entry.headers["mcp-session-id"])
      end
    end
  end)

  for _, case in ipairs { CHILD, MODERN } do
    it(("is there as well: %s, %s"):format(case.revision, case.transport), function()
      local market = connect { case = case }
      local held = assert(market:session "s")
      assert.equal(case.revision, held.protocol)
      assert.equal("x", held:call("mcp.s.echo", { text = "x" }))
      assert.equal(2, #market:sessions())
      held:close()
      help.step_until(market, function() return #market:sessions() == 1 end)
      fails("closed", "given back", held:call "mcp.s.get_me")
      assert(market:call "mcp.s.get_me")
    end)
  end
end)

describe("a held session that is lost", function()
  it("ends its calls with kind closed, and is never replaced in silence", function()
    local market, peer = connect()
    local held = assert(market:session "s")
    peer.server:drop_sessions()
    local err = fails("closed", "the session is gone: .*Session not found", held:call("mcp.s.create_issue",
      issue "one"))
    assert.equal("rejected", err.delivery)
    for _ = 1, 2 do
      err = fails("closed", "the session is gone: .*Session not found", held:call("mcp.s.create_issue", issue "two"))
      assert.equal("not_sent", err.delivery)
    end
    fails("closed", "the session is gone", held:request("tools/list", {}))
    fails("closed", "the session is gone", held:start "mcp.s.get_me")
    fails("closed", "the session is gone", market:server("s"):ping { session = held })
    assert.same({}, peer.ledger().created)
    held = assert(market:session "s")
    assert(held:call("mcp.s.create_issue", issue "three"))
    assert(market:call "mcp.s.get_me")
    assert.same({ "three" }, peer.ledger().created)
  end)

  it("tells those that are in flight, each by how far it got", function()
    local market = connect { case = CHILD, server = { discover = false } }
    local held = assert(market:session "s")
    local pid = help.children("--stdio")[1]
    os.execute("kill -STOP " .. pid)
    local handles = {}
    for i = 1, 5 do
      handles[i] = held:start("mcp.s.echo", { text = "x" }) -- nothing is known of it: nobody listed the tools
      if not handles[i] then
        handles[i] = assert(market:server("s"):start("tools/call", { name = "echo", arguments = { text = "x" } },
          { session = held }))
      end
    end
    market:step(0)
    os.execute("kill -KILL " .. pid)
    for i = 1, 5 do
      assert.equal("ambiguous", fails("transport", "process ended", handles[i]:wait()).delivery)
    end
    fails("closed", "the session is gone: .*process ended", held:request("tools/list", {}))
    assert.same({}, market:sessions())
    assert(assert(market:session "s"):request("tools/list", {}))
    assert.equal(1, #help.children "--stdio")
  end)

  it("is gone for good when its market is closed", function()
    local market = connect()
    local held = assert(market:session "s")
    market:close()
    raises("session_spec.lua:%d+: souk.market is closed", function() held:call "mcp.s.get_me" end)
    raises("souk.market is closed", market.session, market, "s")
    assert.is_true(held:close())
    assert.is_true(held:close())
  end)
end)

describe("giving a session back", function()
  local function deleted(peer)
    return #peer.ledger().sessions.deleted
  end

  it("closes it, once", function()
    local market, peer = connect()
    local held = assert(market:session "s")
    assert.truthy(tostring(held):find("souk.session (s, " .. held.id, 1, true))
    assert.is_true(held:close())
    assert.is_true(held:close())
    assert.equal("souk.session (s, given back)", tostring(held))
    help.step_until(market, function() return deleted(peer) == 1 and #market:sessions() == 1 end)
    fails("closed", "the session was given back", held:call "mcp.s.get_me")
    fails("closed", "the session was given back", held:request("tools/list", {}))
    fails("closed", "the session was given back", market:call("mcp.s.get_me", {}, { session = held }))
  end)

  it("lets calls that are in flight end", function()
    local market, peer = connect()
    local held = assert(market:session "s")
    local slow = held:start("mcp.s.slow", { ms = 200 })
    help.step_until(market, function() return peer.ledger().in_flight == 1 end)
    held:close()
    assert.equal("slept 200 ms", slow:wait())
    help.step_until(market, function() return deleted(peer) == 1 end)
  end)

  it("happens when it is collected", function()
    local market, peer = connect()
    for _ = 1, 3 do
      assert(market:session "s"):call "mcp.s.get_me"
    end
    help.step_until(market, function()
      collectgarbage()
      return deleted(peer) == 3 and #market:sessions() == 1
    end)
  end)

  if _VERSION == "Lua 5.4" then
    it("happens at the end of its scope (<close>), also when that is left by an error", function()
      local market, peer = connect()
      local run = assert(load [[
        local market, fault = ...
        local held <close> = assert(market:session "s")
        assert(held:call "mcp.s.get_me")
        if fault then error "left" end
        return held
      ]])
      local held = run(market)
      help.step_until(market, function() return deleted(peer) == 1 end)
      fails("closed", "given back", held:call "mcp.s.get_me")
      raises("left", run, market, true)
      help.step_until(market, function() return deleted(peer) == 2 end)
    end)
  end

  it("leaves nothing behind, however it ended", function()
    local market, peer = connect { open = { retry_delay = 0.01 } }
    assert(market:add_server("dead", { url = "http://127.0.0.1:1/mcp", discover = false, listen = false }))
    local before = market:stats().endpoints + 1 -- what is known of "dead" stays
    for _ = 1, 3 do
      fails("transport", "refused", market:session "dead")
      local held = assert(market:session "s")
      peer.server:drop_sessions()
      fails("closed", "the session is gone", held:call "mcp.s.get_me")
      assert(market:session "s"):close()
    end
    help.step_until(market, function() return market:stats().endpoints == before end)
  end)

  it("happens when nobody is left who waits for it", function()
    local market, peer = connect { knobs = { delay = 300 }, server = { discover = false } }
    fails("timeout", "no session could be had", market:session("s", { timeout = 0.05 }))
    peer.knobs { delay = 0 }
    help.step_until(market, function() return #market:sessions() == 0 end)
    assert(assert(market:session "s"):request("tools/list", {}))
  end)
end)

describe("affinity", function()
  it("finds a session again by its name, held or not", function()
    local market, peer = connect()
    local held = assert(market:session("s", { affinity = "tab 1" }))
    assert(market:call("mcp.s.echo", { text = "x" }, { affinity = "tab 1" }))
    assert(held:call("mcp.s.echo", { text = "x" }))
    assert(market:call("mcp.s.echo", { text = "x" }, { affinity = "tab 2" }))
    assert(market:call("mcp.s.echo", { text = "x" }))
    assert.equal(held.id, assert(market:session("s", { affinity = "tab 1" })).id)
    local ids = sessions_of(peer, "echo")
    assert.equal(ids[1], ids[2])
    assert.are_not.equal(ids[1], ids[3])
    assert.are_not.equal(ids[1], ids[4])
    assert.are_not.equal(ids[3], ids[4])
  end)

  it("is kept apart for each identity", function()
    local market = connect()
    local ann = assert(market:session("s", { affinity = "tab", identity = "ann" }))
    local bob = assert(market:session("s", { affinity = "tab", identity = "bob" }))
    local nobody = assert(market:session("s", { affinity = "tab" }))
    assert.are_not.equal(ann.id, bob.id)
    assert.are_not.equal(ann.id, nobody.id)
    assert.equal(ann.id, assert(market:session("s", { affinity = "tab", identity = "ann" })).id)
    assert.equal(1, help.count(shown(market, "identity"), "bob"))
  end)

  it("keeps a session that was given back, until it was idle for long", function()
    local now = 0
    local market, peer = connect { open = { clock = function() return now end } }
    local held = assert(market:session("s", { affinity = "tab" }))
    held:close()
    market:step(0)
    fails("closed", "given back", held:call "mcp.s.get_me")
    local again = assert(market:session("s", { affinity = "tab" }))
    assert.equal(held.id, again.id)
    again:close()
    now = 301
    help.step_until(market, function() return #market:sessions() == 0 end)
    assert.equal(2, #peer.ledger().sessions.deleted)
  end)

  it("has one session, which is renewed for those who do not hold it", function()
    local market, peer = connect()
    local held = assert(market:session("s", { affinity = "tab" }))
    peer.server:drop_sessions()
    assert(market:call("mcp.s.get_me", {}, { affinity = "tab" }))
    fails("closed", "the session is gone", held:call "mcp.s.get_me")
    assert.equal(2, assert(market:session("s", { affinity = "tab" })).generation)
  end)
end)

describe("a capability", function()
  local FILE = [[(capability "x.who" :name "who" :provider "MCP" :metadata {:mcp {:server_url "%s" :server_name "%s"
    :tool_name "get_me" %s}} :input-schema :map :output-schema :any)]]

  it("of a file runs on the session of the server that it names", function()
    local market, peer = eras.connect(LEGACY)
    assert.equal(1, (market:load_text(FILE:format(peer.where.url, "s", ""), "x.rtfs")))
    local held = assert(market:session "s")
    assert.equal("souk-tester", assert(held:call "x.who").login)
    assert.equal(1, market:sessions()[2].calls)
  end)

  it("of another server does not", function()
    local market, peer = connect()
    assert(market:add_server("o", { url = peer.where.url, headers = { ["X-Other"] = "1" }, listen = false }))
    local held = assert(market:session "s")
    local err = fails("config", "'mcp.o.get_me' does not go where this session of server 's' leads",
      held:call "mcp.o.get_me")
    assert.equal("not_sent", err.delivery)
    fails("config", "does not go where", market:request("o", "tools/list", {}, { session = held }))
    assert(held:call "mcp.s.get_me")
  end)

  it("says in a file how the sessions of its server are used", function()
    local market, peer = connect()
    market:load_text(FILE:format(peer.where.url, "f", ':session_mode "pinned"'), "x.rtfs")
    fails("config", "sessions of server 'f' are pinned", market:call "x.who")
    market:load_text(FILE:format(peer.where.url, "f", ':session_mode "exclusive" :max_sessions 2'), "x.rtfs")
    local handles = {}
    for i = 1, 6 do
      handles[i] = market:start "x.who"
    end
    for i = 1, 6 do
      assert(handles[i]:wait())
    end
    local ids = {}
    for _, id in ipairs(sessions_of(peer, "get_me")) do
      ids[id] = true
    end
    local first = next(ids)
    assert.is_nil(next(ids, next(ids, first)))
    for _, case in ipairs {
      { ':session_mode "common"', "mcp_session_mode of server 'f': expected \"shared\", \"exclusive\" or \"pinned\"" },
      { ":max_sessions 0", "mcp_max_sessions of server 'f': expected a number from 1 to 1024" },
      { ':rate_limit "fast"', "mcp_rate_limit of server 'f': expected calls per second, minute or hour" },
    } do
      market:load_text(FILE:format(peer.where.url, "f", case[1]), "x.rtfs")
      assert.equal("not_sent", fails("config", case[2], market:call "x.who").delivery)
    end
  end)
end)

describe("misuse of sessions", function()
  -- All of it raises where it was written, and says what was wrong.
  local function wrong(pattern, f, ...)
    raises("session_spec.lua:%d+: " .. pattern, f, ...)
  end

  it("raises, at the line of the script", function()
    local market = connect()
    wrong("session: expected the name of a server, got nil", function() market:session() end)
    wrong("session: no server 't' was added", function() market:session "t" end)
    wrong("session: expected a table of options, got number", function() market:session("s", 3) end)
    wrong("session: unknown option 'identiti' %(did you mean 'identity'%?%)", function()
      market:session("s", { identiti = "x" })
    end)
    wrong("session: option 'identity': expected string, got number", function()
      market:session("s", { identity = 1 })
    end)
    wrong("session: option 'affinity': expected a name", function() market:session("s", { affinity = "" }) end)
    wrong("session: option 'timeout': expected a number of seconds", function()
      market:session("s", { timeout = -1 })
    end)
    assert.equal(1, #market:sessions())
  end)

  it("raises for calls on it, too", function()
    local market = connect()
    local held = assert(market:session "s")
    local server = market:server "s"
    for _, name in ipairs { "call", "start" } do
      wrong(name .. ": expected the id of a capability, got number", function() held[name](held, 1) end)
      wrong("expected a table of options, got number", function() held[name](held, "mcp.s.get_me", {}, 1) end)
    end
    wrong("request: expected a method, got nil", function() held:request() end)
    wrong("expected a table of options, got string", function() held:request("x/y", {}, "z") end)
    for _, f in ipairs {
      function(opts) held:call("mcp.s.get_me", {}, opts) end,
      function(opts) held:start("mcp.s.get_me", {}, opts) end,
      function(opts) held:request("tools/list", {}, opts) end,
    } do
      wrong("option 'identity' is the session's own", f, { identity = "ann" })
      wrong("option 'affinity' is the session's own", f, { affinity = "tab" })
      raises("unknown option 'timeuot'", f, { timeuot = 1 })
    end
    for _, f in ipairs {
      function(opts) market:call("mcp.s.get_me", {}, opts) end,
      function(opts) market:start("mcp.s.get_me", {}, opts) end,
      function(opts) market:request("s", "tools/list", {}, opts) end,
      function(opts) server:request("tools/list", {}, opts) end,
      function(opts) server:ping(opts) end,
    } do
      wrong("option 'session': expected what market:session gave, got boolean", f, { session = true })
      wrong("option 'session': expected what market:session gave, got number", f, { session = 1 })
      wrong("option 'identity' is the session's own", f, { session = held, identity = "ann" })
    end
    assert(held:call "mcp.s.get_me")
  end)

  it("is a session of another market, whose numbers mean something else here", function()
    local one, two = connect(), connect()
    local mine, theirs = assert(one:session "s"), assert(two:session "s")
    wrong("option 'session': it is of another market", function()
      one:call("mcp.s.get_me", {}, { session = theirs })
    end)
    assert(one:call("mcp.s.get_me", {}, { session = mine }))
  end)
end)

describe("mode exclusive", function()
  -- Starts `count` calls, and waits for all; no session ever has two of them.
  local function run(market, count, tool, input)
    local handles = {}
    for i = 1, count do
      handles[i] = assert(market:start("mcp.s." .. tool, input))
    end
    help.step_until(market, function()
      for _, session in ipairs(market:sessions()) do
        assert.is_true(session.in_flight <= 1)
      end
      return handles[count]:done() and market:stats().in_flight + market:stats().waiting == 0
    end)
    for i = 1, count do
      assert(handles[i]:wait())
    end
  end

  for _, case in ipairs { LEGACY, MODERN } do
    it("has one call at a time on each session, and as many sessions as it may: " .. case.revision, function()
      local market, peer = connect { case = case, server = { mode = "exclusive", max_sessions = 3 } }
      run(market, 9, "meet", { count = 3 }) -- three at a time, neither fewer nor more
      assert.equal(3, peer.ledger().max_in_flight)
      assert.equal(3, #market:sessions())
      if case == LEGACY then
        local count = {}
        for _, id in ipairs(sessions_of(peer, "meet")) do
          count[id] = (count[id] or 0) + 1
        end
        for _, id in ipairs(peer.ledger().sessions.issued) do
          assert.equal(3, count[id])
        end
      end
    end)
  end

  it("uses no more sessions than it needs", function()
    local market, peer = connect { server = { mode = "exclusive", max_sessions = 3 } }
    for _ = 1, 5 do
      assert(market:call "mcp.s.get_me")
    end
    assert.equal(1, #peer.ledger().sessions.issued)
  end)

  it("counts for each identity", function()
    local market, peer = connect { server = { mode = "exclusive", max_sessions = 1 } }
    local ann = market:start("mcp.s.meet", { count = 2 }, { identity = "ann" })
    local bob = market:start("mcp.s.meet", { count = 2 }, { identity = "bob" })
    assert(ann:wait())
    assert(bob:wait())
    assert.equal(2, peer.ledger().max_in_flight)
  end)

  it("holds for calls on a held session, which wait for each other", function()
    local market, peer = connect { server = { mode = "exclusive" } }
    local held = assert(market:session "s")
    local first, second = held:start("mcp.s.slow", { ms = 100 }), held:start("mcp.s.slow", { ms = 1 })
    assert.equal("slept 1 ms", second:wait())
    assert.is_true(first:done())
    assert.equal(1, peer.ledger().max_in_flight)
  end)

  it("says what a call waited for when its time is over", function()
    local market, peer = connect { server = { mode = "exclusive", max_sessions = 1 } }
    local slow = market:start("mcp.s.slow", { ms = 60000 })
    help.step_until(market, function() return peer.ledger().in_flight == 1 end)
    local err = fails("timeout", "all sessions were busy", market:call("mcp.s.get_me", {}, { timeout = 0.1 }))
    assert.equal("not_sent", err.delivery)
    slow:cancel()
    assert(market:call "mcp.s.get_me")
  end)
end)

describe("mode pinned", function()
  it("lets nobody call but through a session that is held, or named", function()
    local market, peer = connect { server = { mode = "pinned" } }
    local err = fails("config", "sessions of server 's' are pinned.*market:session", market:call "mcp.s.get_me")
    assert.equal("not_sent", err.delivery)
    fails("config", "are pinned", market:start "mcp.s.get_me")
    assert.is_nil(peer.ledger().tools.get_me)
    local held = assert(market:session "s")
    assert(held:call "mcp.s.get_me")
    assert(market:call("mcp.s.get_me", {}, { session = held }))
    assert(market:call("mcp.s.get_me", {}, { affinity = "tab" }))
    assert(market:request("s", "tools/list", {})) -- what is about the server and not its state
    held:close()
    fails("closed", "given back", held:call "mcp.s.get_me")
    fails("config", "are pinned", market:call "mcp.s.get_me")
  end)
end)

describe("a rate limit", function()
  -- A market whose clock is set by hand: clock.now; and a server that lets so many calls through.
  local function limited(rate, clock)
    clock.now = 100
    local market, peer = connect { open = { clock = function() return clock.now end }, server = { rate_limit = rate } }
    clock.now = clock.now + 3600 -- what asked for the tools counts too
    return market, peer
  end

  local function start(market, count)
    local handles = {}
    for i = 1, count do
      handles[i] = assert(market:start("mcp.s.echo", { text = "call " .. i }))
    end
    return handles
  end

  -- So many have gone, and no more go by themselves.
  local function gone(market, handles, count)
    if count > 0 then
      help.step_until(market, function() return handles[count]:done() end)
    end
    market:step(0.02)
    assert.equal(#handles - count, market:stats().waiting)
    assert.equal(0, market:stats().in_flight)
  end

  it("lets calls wait for their turn; what a second allows goes at once", function()
    local clock = {}
    local market, peer = limited("2/s", clock)
    local handles = start(market, 5)
    gone(market, handles, 2)
    clock.now = clock.now + 0.499
    gone(market, handles, 2)
    clock.now = clock.now + 0.001
    gone(market, handles, 3)
    clock.now = clock.now + 1
    gone(market, handles, 5)
    assert.equal("call 5", handles[5]:wait())
    assert.equal(5, peer.ledger().tools.echo)
  end)

  it("may be slower than one call in a second", function()
    local clock = {}
    local market = limited("6/min", clock)
    local handles = start(market, 3)
    gone(market, handles, 1)
    clock.now = clock.now + 9.9
    gone(market, handles, 1)
    clock.now = clock.now + 0.1
    gone(market, handles, 2)
    local late = assert(market:start("mcp.s.echo", { text = "late" }, { timeout = 5 }))
    clock.now = clock.now + 6
    local err = fails("timeout", "the rate limit was reached", late:wait())
    assert.equal("not_sent", err.delivery)
  end)

  it("is for each identity apart, and is shared with held sessions", function()
    local clock = {}
    local market = limited(1, clock)
    assert(market:call("mcp.s.echo", { text = "x" }))
    assert(market:call("mcp.s.echo", { text = "x" }, { identity = "ann" }))
    local held = assert(market:session "s")
    local second = held:start("mcp.s.echo", { text = "second" })
    market:step(0.02)
    assert.is_false(second:done())
    clock.now = clock.now + 1
    assert.equal("second", second:wait())
    local third = market:start("mcp.s.echo", { text = "third" })
    market:step(0.02)
    assert.is_false(third:done())
    clock.now = clock.now + 1
    assert.equal("third", third:wait())
  end)
end)

describe("options of add_server for sessions", function()
  it("are checked", function()
    local market = help.open()
    local function wrong(pattern, options)
      options.url = "http://127.0.0.1:1/mcp"
      options.discover = false
      raises("session_spec.lua:%d+: " .. pattern, function() market:add_server("s", options) end)
    end
    wrong("add_server: option 'mode': expected shared, exclusive or pinned, got 'excl'", { mode = "excl" })
    wrong("add_server: option 'mode': expected string, got number", { mode = 1 })
    for _, bad in ipairs { 0, -1, 1.5, 1025, 0 / 0, 1 / 0 } do
      wrong("add_server: option 'max_sessions': expected a whole number from 1 to 1024", { max_sessions = bad })
    end
    wrong("add_server: option 'max_sessions': expected number, got string", { max_sessions = "3" })
    wrong("add_server: option 'rate_limit': expected string or number, got boolean", { rate_limit = true })
    for _, bad in ipairs { "", "fast", "0/s", "10/day", "1.5/s", "-1/s", "10 s", "1000001/s", 0, -1, 1.5, 0 / 0 } do
      wrong("add_server: option 'rate_limit': expected calls per second, minute or hour, as \"10/s\", \"600/min\" or "
        .. "\"1000/h\"", { rate_limit = bad })
    end
    for _, good in ipairs { "1/s", "10 / min", " 600/h ", "5", 7 } do
      assert(market:add_server("s", { url = "http://127.0.0.1:1/mcp", discover = false, rate_limit = good }))
    end
  end)
end)
