-- Storms: many callers at once at endpoints that are cold, dying, dead, or want another token.
--
-- What is elsewhere: 64 calls on a session that is lost before or between them, and 200 at a cold HTTP server
-- (mcp_http_spec.lua); one child that dies (mcp_stdio_spec.lua); all of it without a network, the late loss of an old
-- session and the order of those who go again included (c/test_pool_calls.c, test_pool_sessions.c, test_pool_limits.c).

local core = require "souk.core"
local eras = require "spec.support.eras"
local help = require "spec.support.help"
local servers = require "spec.support.servers"

teardown(eras.stop)
after_each(eras.finish)

local LEGACY, CHILD, MODERN, MODERN_CHILD = eras.cases[1], eras.cases[2], eras.cases[3], eras.cases[4]

-- Starts `count` calls; input_of(i) is the input of each.
local function start_all(market, count, tool, input_of, options)
  local handles = {}
  for i = 1, count do
    handles[i] = assert(market:start("mcp.s." .. tool, input_of(i), options))
  end
  return handles
end

local function issue(i)
  return { owner = "o", repo = "r", title = "issue " .. i }
end

-- Every title once, in whatever order.
local function check_created(created, count)
  local seen = {}
  for _, title in ipairs(created) do
    assert.is_nil(seen[title], title)
    seen[title] = true
  end
  assert.equal(count, #created)
end

describe("all sessions are dropped while 64 calls are in flight:", function()
  for _, answer in ipairs { "json", "sse" } do
    it("one opening, and every call is executed once, answered by " .. answer, function()
      local market, peer = eras.connect(LEGACY, { knobs = { answer = answer }, server = { listen = false } })
      local slow = start_all(market, 32, "slow", function() return { ms = 300 } end)
      help.step_until(market, function() return peer.ledger().in_flight == 32 end)
      peer.server:drop_sessions()
      local issues = start_all(market, 32, "create_issue", issue)
      for i = 1, 32 do
        assert(issues[i]:wait())
        assert.equal("slept 300 ms", slow[i]:wait()) -- the answer of the old session, when the new one is long there
      end
      local ledger = peer.ledger()
      assert.equal(2, ledger.methods.initialize)
      assert.equal(32, ledger.tools.slow)
      check_created(ledger.created, 32)
      assert.equal(1, market:stats().sessions_lost)
      assert.equal(1, #market:sessions())
      assert.equal(2, market:sessions()[1].generation)
    end)
  end

  for _, case in ipairs { CHILD, MODERN_CHILD } do
    local name = ("one other child for all, %s, "):format(case.revision)

    local function kill_in_flight(tool, input_of)
      local market, peer = eras.connect(case, { server = { listen = false } })
      local pid = help.children("--stdio")[1]
      os.execute("kill -STOP " .. pid) -- it takes what is sent, and answers nothing
      local handles = start_all(market, 64, tool, input_of)
      market:step(0)
      assert.equal(64, market:stats().in_flight)
      os.execute("kill -KILL " .. pid)
      return market, peer, handles
    end

    it(name .. "and what only reads is answered", function()
      local market, peer, handles = kill_in_flight("get_me", function() return {} end)
      for i = 1, 64 do
        assert.equal("souk-tester", assert(handles[i]:wait()).login)
      end
      assert.equal(64, peer.ledger().tools.get_me)
      assert.equal(2, market:stats().sessions_opened)
      assert.equal(64, market:stats().calls_resent)
      assert.equal(1, #help.children "--stdio")
    end)

    it(name .. "and what may have been executed is not sent again", function()
      local market, peer, handles = kill_in_flight("create_issue", issue)
      for i = 1, 64 do
        assert.equal("ambiguous", help.fails("transport", "process ended", handles[i]:wait()).delivery)
      end
      assert(market:call("mcp.s.create_issue", issue(65)))
      assert.same({ "issue 65" }, peer.ledger().created)
      assert.equal(2, market:stats().sessions_opened)
      assert.equal(0, market:stats().calls_resent)
    end)
  end
end)

describe("200 callers at a cold endpoint", function()
  for _, case in ipairs { CHILD, MODERN, MODERN_CHILD } do
    it(("cause one opening: %s, %s"):format(case.revision, case.transport), function()
      local market, peer = eras.connect(case, { server = { discover = false, listen = false } })
      local server, handles = market:server "s", {}
      for i = 1, 200 do
        handles[i] = assert(server:start("tools/call", { name = "echo", arguments = { text = "call " .. i } }))
      end
      for i = 1, 200 do
        assert.equal("call " .. i, assert(handles[i]:wait()).content[1].text)
      end
      local ledger = peer.ledger()
      assert.equal(1, ledger.methods["server/discover"])
      assert.equal(case.era == "legacy" and 1 or nil, ledger.methods.initialize)
      assert.equal(200, ledger.tools.echo)
      assert.equal(1, market:stats().sessions_opened)
      if case.transport == "stdio" then
        assert.equal(1, #help.children "--stdio")
      end
    end)
  end
end)

describe("a token that is not taken any more", function()
  for _, case in ipairs { LEGACY, MODERN } do
    it("is asked for once by 64 callers, and each call is executed once: " .. case.revision, function()
      local asked, token = 0, "s3cret-first"
      local market, peer = eras.connect(case, { knobs = { token = "s3cret-first" }, server = { listen = false,
        auth = function()
          asked = asked + 1
          return token
        end } })
      token = "s3cret-second"
      peer.knobs { token = token }
      local handles = start_all(market, 64, "create_issue", issue)
      for i = 1, 64 do
        assert(handles[i]:wait())
      end
      assert.equal(2, asked)
      assert.equal(2, market:stats().sessions_opened)
      check_created(peer.ledger().created, 64)
    end)
  end
end)

describe("an answer of an old session", function()
  it("that comes when the new one is open is an answer, and touches nothing", function()
    local market, peer = eras.connect(LEGACY, { server = { listen = false } })
    local old = market:start("mcp.s.slow", { ms = 400 })
    help.step_until(market, function() return peer.ledger().in_flight == 1 end)
    peer.server:drop_sessions()
    assert(market:call "mcp.s.get_me")
    assert.is_false(old:done())
    assert.equal("slept 400 ms", old:wait())
    assert(market:call "mcp.s.get_me")
    assert.equal(2, peer.ledger().methods.initialize)
    assert.equal(1, peer.ledger().tools.slow)
  end)
end)

describe("a dead server", function()
  -- A server that accepts connections and never answers; a port where nobody is.
  local function silent_server()
    return servers.start("scripted", { knobs = { delay = 600000 } })
  end

  -- The middle one of the times that calls of a healthy server take.
  local function median(market, disturb)
    local times = {}
    for i = 1, 41 do
      if disturb then
        disturb()
      end
      local before = core.now()
      assert(market:call("mcp.s.echo", { text = "x" }))
      times[i] = core.now() - before
    end
    table.sort(times)
    return times[21]
  end

  it("beside a healthy one does not make it slower", function()
    local market = eras.connect(LEGACY, { open = { open_timeout = 60 }, server = { listen = false } })
    local silent = silent_server()
    assert(market:add_server("silent", { url = silent.url, discover = false, listen = false }))
    assert(market:add_server("refused", { url = "http://127.0.0.1:1/mcp", discover = false, listen = false }))
    local alone = median(market)
    local handles = {}
    local beside = median(market, function()
      handles[#handles + 1] = assert(market:server("silent"):start("tools/list", {}))
      handles[#handles + 1] = market:server("refused"):start("tools/list", {})
    end)
    assert.is_true(beside < alone * 5 + 0.05, ("%.1f ms beside dead ones, %.1f ms alone"):format(beside * 1e3,
      alone * 1e3))
    for _, handle in ipairs(handles) do
      handle:cancel()
      assert.is_nil((handle:wait()))
    end
    market:close(0.1)
    silent:stop()
  end)
end)

describe("those who wait for a session", function()
  -- A child that is quick to start but answers only when the file is there; then it names what it was called with.
  local function slow_to_open(options)
    local gate = help.folder() .. "/gate"
    local script = help.write_file(gate .. ".sh", [[
      answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
      until [ -e "$1" ]; do sleep 0.02; done
      while read -r line; do
        id=${line##*\"id\":}; id=${id%%[,\}]*}
        case $line in
          *'"initialize"'*)
            answer "$id" '{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}' ;;
          *'"id"'*) n=$((n + 1)); answer "$id" "{\"number\":$n}" ;;
        esac
      done]])
    local market = help.open(options)
    assert(market:add_server("s", { command = "sh", args = { script, gate }, protocol_version = "2025-06-18",
      discover = false, listen = false }))
    return market, function() help.write_file(gate, "") end
  end

  local function start(market, options)
    return market:server("s"):start("any/thing", {}, options)
  end

  it("are served first come, first served; those who give up leave the line", function()
    local market, open_gate = slow_to_open()
    local handles = {}
    for i = 1, 10 do
      handles[i] = assert(start(market, i == 4 and { timeout = 0.1 } or nil))
    end
    handles[2]:cancel()
    assert.equal("not_sent", help.fails("cancelled", "", handles[2]:wait()).delivery)
    assert.equal("not_sent", help.fails("timeout", "no session could be had", handles[4]:wait()).delivery)
    assert.equal(8, market:stats().waiting)
    open_gate()
    for place, i in ipairs { 1, 3, 5, 6, 7, 8, 9, 10 } do
      assert.equal(place, assert(handles[i]:wait()).number)
    end
    assert.equal(0, market:stats().waiting)
  end)

  it("are bounded: one too many is told at once, and a place that is left is free", function()
    local market, open_gate = slow_to_open { max_waiting = 4 }
    local handles = {}
    for i = 1, 4 do
      handles[i] = assert(start(market))
    end
    local refused, err = start(market)
    if refused then
      refused, err = refused:wait()
    end
    assert.equal("not_sent", help.fails("limit", "max_waiting", refused, err).delivery)
    handles[1]:cancel()
    handles[5] = assert(start(market))
    open_gate()
    for i = 2, 5 do
      assert.equal(i - 1, assert(handles[i]:wait()).number)
    end
  end)
end)
