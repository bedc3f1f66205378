-- Calls that were started and not waited for at once: handles, their callbacks, events, and what a market tells of
-- itself.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails, raises = help.open, help.fails, help.raises

local server

setup(function()
  server = servers.start "scripted"
end)

teardown(help.stop_servers)

before_each(function()
  server:reset()
end)

after_each(function()
  help.clean_up()
  assert.same({}, server:ledger().violations)
end)

-- A market that knows the tools of the server as mcp.s.*.
-- It does not listen: what the server says would come among the events.
local function connect(options)
  local market = open(options)
  assert(market:add_server("s", { url = server.url, listen = false }))
  return market
end

-- A market with a capability "own" whose session handler is written here: call(session, request), close(session).
local function market_with(call, close, options)
  local market = open(options)
  assert(market:handler("own", { open = function() end, call = call, close = close }))
  assert(market:register { id = "own", metadata = { own = { requires_session = "auto" } } })
  return market
end

-- An option on_error that remembers.
local function errors_of()
  local list = {}
  return list, function(message)
    list[#list + 1] = message
  end
end

local function noted(list)
  return function(value, err)
    list[#list + 1] = err and err.kind or value
  end
end

local in_lua_5_4 = _VERSION == "Lua 5.4" and it or function() end

describe("a handle", function()
  it("gives the same result however often it is asked", function()
    local handle = assert(connect():start("mcp.s.echo", { text = "hi" }))
    assert.equal("hi", handle:wait())
    assert.equal("hi", handle:wait(0))
    assert.is_true(handle:done())
  end)

  it("gives the same error however often it is asked", function()
    local handle = assert(connect():start("mcp.s.fail", { message = "no" }))
    local err = fails("tool", "no", handle:wait())
    assert.equal("mcp.s.fail", err.capability)
    assert.equal(err, select(2, handle:wait()))
    assert.is_true(handle:done())
  end)

  it("says what has become of its call", function()
    local market = connect()
    local good, bad = market:start("mcp.s.echo", { text = "hi" }), market:start "mcp.s.fail"
    assert.truthy(tostring(good):find "^souk%.handle %(call %d+, running%)$")
    good:wait()
    bad:wait()
    assert.truthy(tostring(good):find "done%)$")
    assert.truthy(tostring(bad):find "failed%)$")
  end)

  it("gives up waiting when its time is over, and the call goes on", function()
    server:knobs { all_tools = true }
    local market = connect()
    local handle = market:start("mcp.s.meet", { count = 2 })
    local err = fails("timeout", "still running after 0%.01 s of waiting", handle:wait(0.01))
    assert.is_nil(err.delivery)
    fails("timeout", "still running", handle:wait(0))
    help.step_until(market, function() return server:ledger().in_flight == 1 end)
    assert.equal("met 2", market:call("mcp.s.meet", { count = 2 }))
    assert.equal("met 2", handle:wait(30))
    assert.equal(2, server:ledger().tools.meet)
  end)

  it("works when it is asked whether it is done", function()
    local handle = connect():start("mcp.s.slow", { ms = 30 })
    assert.is_false(handle:done())
    local asked = 0
    while not handle:done() do
      asked = asked + 1
      assert(asked < 1e6)
    end
    assert.equal("slept 30 ms", handle:wait(0))
  end)

  it("wants a time that is one, and a function to call", function()
    local handle = connect():start("mcp.s.echo", { text = "hi" })
    for _, wrong in ipairs { "soon", -1, 0 / 0, true } do
      raises("wait: expected a number of seconds, got ", handle.wait, handle, wrong)
    end
    raises("on_done: expected a function, got nil", handle.on_done, handle)
  end)

  it("is not given for a call that cannot even start", function()
    local market = connect()
    fails("config", "there is no capability 'mcp.s.ehco'", market:start "mcp.s.ehco")
    fails("schema", "/text", market:start("mcp.s.echo", { text = 1 }))
    assert.equal(1, market:stats().calls)
  end)

  it("of a function of the script is done at once", function()
    local market = open()
    market:register { id = "good", handler = function(input) return input.n + 1 end }
    market:register { id = "bad", handler = function() error("boom", 0) end }
    local good, bad = market:start("good", { n = 1 }), market:start "bad"
    assert.is_true(good:done())
    assert.equal(2, good:wait())
    fails("tool", "boom", bad:wait())
    bad:cancel()
    fails("tool", "boom", bad:wait())
    local seen = {}
    good:on_done(noted(seen))
    bad:on_done(noted(seen))
    assert.same({ 2, "tool" }, seen)
  end)

  it("serves whatever handle is waited for: all calls go on together", function()
    local market = connect()
    local handles, seen = {}, {}
    for i = 1, 20 do
      handles[i] = market:start("mcp.s.echo", { text = tostring(i) })
      handles[i]:on_done(noted(seen))
    end
    assert.equal("slept 60 ms", market:start("mcp.s.slow", { ms = 60 }):wait())
    assert.equal(20, #seen)
    for i = 1, 20 do
      assert.equal(tostring(i), handles[i]:wait(0))
    end
  end)

  it("may be waited for when its market is closed, and says what became of it", function()
    local market = connect()
    local running, ended = market:start("mcp.s.slow", { ms = 5000 }), market:start("mcp.s.echo", { text = "hi" })
    ended:wait()
    market:close()
    assert.equal("hi", ended:wait())
    assert.equal("ambiguous", fails("closed", "closed", running:wait()).delivery)
    assert.is_true(running:done())
    running:cancel()
    fails("closed", "closed", running:wait())
  end)
end)

describe("cancelling a handle", function()
  it("ends its call at once, and a second time is a no-op", function()
    local market = connect()
    local handle = market:start("mcp.s.slow", { ms = 5000 })
    help.step_until(market, function() return server:ledger().in_flight == 1 end)
    handle:cancel()
    assert.is_true(handle:done())
    local err = fails("cancelled", "cancelled by the caller", handle:wait())
    assert.equal("ambiguous", err.delivery)
    handle:cancel()
    assert.equal(err, select(2, handle:wait()))
    help.step_until(market, function() return #server:ledger().cancelled >= 1 end)
    assert.equal(1, #server:ledger().cancelled)
  end)

  it("changes nothing when its call has ended", function()
    local handle = connect():start("mcp.s.echo", { text = "hi" })
    assert.equal("hi", handle:wait())
    handle:cancel()
    assert.equal("hi", handle:wait())
    assert.same({}, server:ledger().cancelled)
  end)

  in_lua_5_4("happens at the end of its scope", function()
    local market = connect()
    local script = [[
      local market, until_sent = ...
      local seen
      do
        local ended <close> = market:start("mcp.s.echo", { text = "hi" })
        local running <close> = market:start("mcp.s.slow", { ms = 5000 })
        ended:wait()
        until_sent()
        seen = { ended, running }
      end
      return seen[1], seen[2]
    ]]
    local ended, running = assert(load(script))(market, function()
      help.step_until(market, function() return server:ledger().in_flight == 1 end)
    end)
    assert.equal("hi", ended:wait())
    fails("cancelled", "cancelled", running:wait())
    help.step_until(market, function() return #server:ledger().cancelled >= 1 end)
    assert.equal(1, #server:ledger().cancelled)
  end)

  it("can be done by the callback of another call", function()
    local market = connect()
    local slow = market:start("mcp.s.slow", { ms = 5000 })
    market:start("mcp.s.echo", { text = "hi" }):on_done(function() slow:cancel() end)
    fails("cancelled", "cancelled", slow:wait())
  end)
end)

describe("a handle that was dropped", function()
  it("leaves nothing behind, and its call is made all the same", function()
    local market = connect()
    local seen = setmetatable({}, { __mode = "k" })
    for i = 1, 50 do
      seen[market:start("mcp.s.echo", { text = tostring(i) })] = true
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(seen))
    help.step_until(market, function() return market:stats().in_flight == 0 end)
    assert.equal(50, server:ledger().tools.echo)
    assert.equal(51, market:stats().calls_ok)
  end)

  it("is kept as long as somebody wants to hear of its end", function()
    local market = connect()
    local seen = {}
    market:start("mcp.s.slow", { ms = 30 }):on_done(noted(seen))
    collectgarbage()
    collectgarbage()
    help.step_until(market, function() return #seen > 0 end)
    assert.same({ "slept 30 ms" }, seen)
    local weak = setmetatable({ market:start("mcp.s.echo", { text = "hi" }) }, { __mode = "v" })
    weak[1]:on_done(noted(seen))
    help.step_until(market, function() return #seen > 1 end)
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)
end)

describe("a callback of a handle", function()
  it("is called once, in the order in which they came, with the value or with nil and the error", function()
    local market = connect()
    local seen = {}
    local good, bad = market:start("mcp.s.echo", { text = "hi" }), market:start "mcp.s.fail"
    good:on_done(function(value, err) seen[#seen + 1] = { 1, value, err } end)
    good:on_done(function(value, err) seen[#seen + 1] = { 2, value, err } end)
    assert.equal("hi", good:wait())
    good:on_done(function(value, err) seen[#seen + 1] = { 3, value, err } end)
    good:wait()
    assert.same({ { 1, "hi" }, { 2, "hi" }, { 3, "hi" } }, seen)
    bad:on_done(function(...) seen = { ... } end)
    local err = fails("tool", "did not work", bad:wait())
    assert.is_nil(seen[1])
    assert.equal(err, seen[2])
  end)

  it("hears of every other end, too: cancelled, too late, closed", function()
    local market = connect()
    local seen = {}
    local first = market:start("mcp.s.slow", { ms = 5000 })
    local second = market:start("mcp.s.slow", { ms = 5000 }, { timeout = 0.03 })
    local third = market:start("mcp.s.slow", { ms = 5000 })
    for _, handle in ipairs { first, second, third } do
      handle:on_done(noted(seen))
    end
    first:cancel()
    second:wait()
    market:close()
    assert.same({ "cancelled", "timeout", "closed" }, seen)
  end)

  it("that raises stops no other, and what it raised goes to on_error", function()
    local errors, on_error = errors_of()
    local market = connect { on_error = on_error }
    local handle = market:start("mcp.s.echo", { text = "hi" })
    local seen, thrown = {}, { any = "value" }
    handle:on_done(function() error(thrown) end)
    handle:on_done(noted(seen))
    assert.equal("hi", handle:wait())
    handle:on_done(function() error("late", 0) end)
    assert.same({ "hi" }, seen)
    assert.equal(thrown, errors[1])
    assert.equal("late", errors[2])
    assert.equal(2, #errors)
  end)

  it("that raises is not silent when there is no on_error, and an on_error that raises does no harm", function()
    local market = connect()
    local handle = market:start("mcp.s.echo", { text = "hi" })
    local stderr, text = io.stderr, {}
    handle:on_done(function() error("nobody listens", 0) end)
    io.stderr = { write = function(_, ...) text[#text + 1] = table.concat { ... } end } -- luacheck: ignore 122
    local value = handle:wait()
    io.stderr = stderr -- luacheck: ignore 122
    assert.equal("hi", value)
    assert.same({ "souk: error in a callback: nobody listens\n" }, text)
    market = connect { on_error = function() error "again" end }
    handle = market:start("mcp.s.echo", { text = "hi" })
    handle:on_done(function() error "first" end)
    assert.equal("hi", handle:wait())
  end)

  it("may wait for its own call, start others, wait for them, and register callbacks", function()
    local market = connect()
    local handle = market:start("mcp.s.echo", { text = "outer" })
    local seen = {}
    handle:on_done(function()
      seen[#seen + 1] = handle:wait()
      seen[#seen + 1] = assert(market:call("mcp.s.echo", { text = "called" }))
      local inner = market:start("mcp.s.echo", { text = "started" })
      inner:on_done(function(value)
        seen[#seen + 1] = value
        handle:on_done(noted(seen))
      end)
      inner:wait()
    end)
    assert.equal("outer", handle:wait())
    assert.same({ "outer", "called", "started", "outer" }, seen)
  end)

  it("may wait for a call that ends first", function()
    local market = connect()
    local slow = market:start("mcp.s.slow", { ms = 50 })
    local quick = market:start("mcp.s.echo", { text = "quick" })
    local seen = {}
    slow:on_done(noted(seen))
    quick:on_done(function(value)
      slow:wait()
      seen[#seen + 1] = value
    end)
    assert.equal("quick", quick:wait())
    assert.same({ "slept 50 ms", "quick" }, seen)
  end)

  it("may close the market, and those who wait get an end", function()
    local market = connect()
    local slow = market:start("mcp.s.slow", { ms = 5000 })
    market:start("mcp.s.echo", { text = "hi" }):on_done(function() market:close() end)
    fails("closed", "closed", slow:wait())
    raises("souk%.market is closed", market.call, market, "mcp.s.echo")
  end)

  it("may be the last that knows its market", function()
    local weak = setmetatable({}, { __mode = "k" })
    local function forget()
      local market = souk.open { env = {} }
      weak[market] = true
      assert(market:add_server("s", { url = server.url }))
      market:start("mcp.s.slow", { ms = 5000 }):on_done(function() return market end)
    end
    forget()
    collectgarbage()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
    assert.equal(1, #server:ledger().sessions.deleted)
  end)
end)

describe("a call inside of another", function()
  it("works in a handler that starts several and waits for all", function()
    local market
    market = market_with(function(_, request)
      local handles, sum = {}, 0
      for i = 1, request.input.n do
        handles[i] = market:start("mcp.s.add", { a = i, b = 1 })
      end
      for _, handle in ipairs(handles) do
        sum = sum + assert(handle:wait()).sum
      end
      return sum
    end)
    assert(market:add_server("s", { url = server.url }))
    local first, second = market:start("own", { n = 4 }), market:start("own", { n = 3 })
    assert.equal(9, second:wait())
    assert.equal(14, first:wait())
  end)

  it("works in an observer, for the server that the event is about, too", function()
    local market = connect()
    local seen = {}
    market:on("session_renewed", function()
      seen[#seen + 1] = market:call("mcp.s.echo", { text = "in between" })
    end)
    server:drop_sessions()
    assert.equal("hi", market:call("mcp.s.echo", { text = "hi" }))
    assert.same({ "in between" }, seen)
  end)

  it("has an end when it calls itself without end: a function of the script", function()
    local market = open()
    local calls = 0
    market:register { id = "again", handler = function()
      calls = calls + 1
      return market:call "again"
    end }
    fails("tool", "stack overflow", market:call "again")
    assert.is_true(calls > 100)
    market:register { id = "again", handler = function() return "well" end }
    assert.equal("well", market:call "again")
  end)

  it("has an end when it calls itself without end: a session handler", function()
    local market
    market = market_with(function() return market:call "own" end, nil, { max_calls = 50 })
    fails("limit", "max_calls", market:call "own")
    assert.equal(0, market:stats().in_flight)
    assert.equal(50, market:stats().calls_failed)
  end)

  it("cannot happen any more while the market is being closed", function()
    local market, messages = nil, {}
    market = market_with(function() return "ran" end, function()
      assert(market:close())
      messages[1] = raises("souk%.market is closed", market.call, market, "own")
      messages[2] = raises("souk%.market is closed", market.stats, market)
    end)
    assert.equal("ran", market:call "own")
    market:close()
    assert.equal(2, #messages)
  end)

  it("may close the market, which ends the call that it is in", function()
    local market
    market = market_with(function()
      market:close()
      return "too late"
    end)
    assert.equal("ambiguous", fails("closed", "closed", market:call "own").delivery)
  end)
end)

describe("market:step", function()
  it("works on everything without waiting for a certain call", function()
    local market = connect()
    local handle = market:start("mcp.s.slow", { ms = 30 })
    help.step_until(market, function() return handle.done_ end)
    assert.equal("slept 30 ms", handle:wait(0))
  end)

  it("returns when its time is over, though nothing happens", function()
    local market = open()
    local core = require "souk.core"
    local before = core.now()
    assert.is_true(market:step(0.05))
    local took = core.now() - before
    assert.is_true(took >= 0.049 and took < 5, took)
    assert.is_true(market:step())
    raises("step: expected a number of seconds, got %-1", market.step, market, -1)
    raises("step: expected a number of seconds, got soon", market.step, market, "soon")
  end)

  it("returns before its time is over when something has happened", function()
    local market = connect()
    local core = require "souk.core"
    local handle = market:start("mcp.s.echo", { text = "hi" })
    local before, steps = core.now(), 0
    while not handle.done_ and steps < 100 do
      assert(market:step(60))
      steps = steps + 1
    end
    assert.equal("hi", handle:wait(0))
    assert.is_true(core.now() - before < 30)
  end)
end)

describe("events", function()
  -- The events that a market tells, each as "name server reason".
  local function observed(market, name)
    local list = {}
    market:on(name or "*", function(event)
      list[#list + 1] = event
    end)
    return list
  end

  local function names(list)
    local out = {}
    for i, event in ipairs(list) do
      out[i] = event.name:gsub("^session_", "")
    end
    return table.concat(out, " ")
  end

  it("tell the life of a session, in order", function()
    local market = open()
    local seen = observed(market)
    assert(market:add_server("s", { url = server.url, listen = false }))
    assert.equal("opening waiting opened", names(seen))
    assert(market:call("mcp.s.echo", { text = "hi" }))
    assert.equal("opening waiting opened reused", names(seen))
    server:drop_sessions()
    assert(market:call("mcp.s.echo", { text = "hi" }))
    assert.equal("opening waiting opened reused reused lost opening renewed", names(seen))
    market:close()
    assert.equal("opening waiting opened reused reused lost opening renewed closed", names(seen))
    for _, event in ipairs(seen) do
      assert.equal("s", event.server)
      assert.equal("mcp", event.handler)
      assert.equal("", event.identity)
      assert.is_number(event.age_ms or 0)
    end
    assert.truthy(seen[6].reason:find "Session not found")
    assert.equal(1, seen[6].generation)
    assert.equal(2, seen[8].generation)
    assert.equal("2025-11-25", seen[3].detail)
  end)

  it("name a session by a shortened id", function()
    local market = open()
    local seen = observed(market, "session_opened")
    assert(market:add_server("s", { url = server.url }))
    local id = server:ledger().sessions.issued[1]
    assert.is_true(#seen[1].session < #id)
    assert.equal(id:sub(1, 4), seen[1].session:sub(1, 4))
  end)

  it("tell why a session could not be opened", function()
    local market = open()
    local seen = observed(market)
    market:add_server("nowhere", { url = "http://127.0.0.1:1/mcp", identity = "ann" })
    assert.equal("opening waiting failed", names(seen))
    assert.equal("nowhere", seen[3].server)
    assert.equal("ann", seen[3].identity)
    assert.equal("a session was being opened", seen[2].reason)
    assert.truthy(seen[3].reason:find "Connection refused")
  end)

  it("tell why a session was closed", function()
    local now = 0
    local market = open { clock = function() return now end, idle_timeout = 10 }
    local seen = observed(market, "session_closed")
    assert(market:add_server("s", { url = server.url }))
    now = 11
    help.step_until(market, function() return #seen > 0 end)
    assert.equal("idle_timeout", seen[1].reason)
    assert(market:call("mcp.s.echo", { text = "hi" }))
    market:remove_server "s"
    help.step_until(market, function() return #seen > 1 end)
    assert.equal("asked for", seen[2].reason)
  end)

  it("of other names are not told to an observer of one", function()
    local market = open()
    local opened, reused = observed(market, "session_opened"), observed(market, "session_reused")
    assert(market:add_server("s", { url = server.url }))
    assert(market:call("mcp.s.echo", { text = "hi" }))
    assert(market:call("mcp.s.echo", { text = "hi" }))
    assert.equal("opened", names(opened))
    assert.equal("reused reused", names(reused))
  end)

  it("tell of handlers that the script provides, too", function()
    local lost = true
    local market = market_with(function()
      if lost then
        lost = false
        return nil, { kind = "closed", message = "gone" }
      end
      return "ran"
    end)
    local seen = observed(market)
    assert.equal("ran", market:call "own")
    assert.equal("opening waiting opened lost opening renewed", names(seen))
    assert.equal("own", seen[1].handler)
    assert.truthy(seen[4].reason:find "gone")
  end)

  it("are told to all observers, also when one of them raises", function()
    local errors, on_error = errors_of()
    local market = open { on_error = on_error }
    market:on("session_opened", function() error("first", 0) end)
    market:on("*", function(event)
      if event.name == "session_opened" then
        error("all", 0)
      end
    end)
    local seen = observed(market, "session_opened")
    assert(market:add_server("s", { url = server.url }))
    assert.equal("opened", names(seen))
    assert.same({ "first", "all" }, errors)
  end)

  it("are told to an observer until it is ended, twice is a no-op, and its twin stays", function()
    local market = connect()
    local count = 0
    local function observer()
      count = count + 1
    end
    local stop = market:on("session_reused", observer)
    market:on("session_reused", observer)
    market:call("mcp.s.echo", { text = "hi" })
    assert.equal(2, count)
    stop()
    stop()
    market:call("mcp.s.echo", { text = "hi" })
    assert.equal(3, count)
  end)

  it("may be given up, and others observed, by an observer itself", function()
    local market = connect()
    local seen = {}
    local stop
    stop = market:on("session_reused", function()
      seen[#seen + 1] = "first"
      stop()
      market:on("session_reused", function() seen[#seen + 1] = "later" end)
    end)
    market:on("session_reused", function() seen[#seen + 1] = "second" end)
    market:call("mcp.s.echo", { text = "hi" })
    assert.same({ "first", "second" }, seen)
    market:call("mcp.s.echo", { text = "hi" })
    assert.same({ "first", "second", "second", "later" }, seen)
  end)

  it("that nobody observes are not made, and one that is ended after close does no harm", function()
    local market = open()
    local seen = {}
    local stop = market:on("*", function(event) seen[#seen + 1] = event end)
    stop()
    assert(market:add_server("s", { url = server.url }))
    market:on("*", function(event) seen[#seen + 1] = event end)
    assert.same({}, seen)
    assert.equal(0, market:stats().notes_dropped)
    market:close()
    assert.equal("closed", names(seen))
    stop()
  end)

  it("that nobody fetches are dropped at a limit, and counted", function()
    local market = connect { max_notes = 3 }
    local seen = observed(market)
    local handles = {}
    for i = 1, 10 do
      handles[i] = market:start("mcp.s.echo", { text = "hi" })
    end
    for i = 1, 10 do
      assert.equal("hi", handles[i]:wait())
    end
    assert.equal(7, market:stats().notes_dropped)
    assert.equal("reused reused reused", names(seen))
  end)

  it("have names that exist", function()
    local market = open()
    raises("on: there is no event 'session_opend' %(did you mean 'session_opened'%?%)", market.on, market,
      "session_opend", print)
    raises("on: expected the name of an event, got nil", market.on, market)
    raises("on: expected a function, got nil", market.on, market, "*")
  end)

  it("may close the market", function()
    local market = open()
    market:on("session_opened", function() market:close() end)
    fails("closed", "closed", market:add_server("s", { url = server.url }))
    raises("souk%.market is closed", market.sessions, market)
  end)
end)

describe("what a market tells of itself:", function()
  it("no sessions before there are any", function()
    local market = open()
    assert.same({}, market:sessions())
    assert.equal(0, market:stats().sessions)
  end)

  it("each session, with its server, identity, age and work", function()
    local now = 100
    local market = open { clock = function() return now end }
    assert(market:add_server("s", { url = server.url, identity = "ann", listen = false }))
    local one = market:sessions()[1]
    assert.equal("mcp", one.handler)
    assert.equal("s", one.server)
    assert.equal("ann", one.identity)
    assert.equal("open", one.state)
    assert.equal("2025-11-25", one.protocol)
    assert.equal(1, one.generation)
    assert.equal(1, one.calls)
    assert.equal(0, one.in_flight)
    assert.is_true(#one.id > 0 and #one.id < #server:ledger().sessions.issued[1])
    now = 107
    one = market:sessions()[1]
    assert.equal(7, one.age)
    assert.equal(7, one.idle)
    local handle = market:start("mcp.s.slow", { ms = 30 })
    one = market:sessions()[1]
    assert.equal(1, one.in_flight)
    assert.equal(2, one.calls)
    assert.equal(0, one.idle)
    assert(handle:wait())
    now = 109
    one = market:sessions()[1]
    assert.equal(9, one.age)
    assert.equal(2, one.idle)
  end)

  it("sessions that are being opened, and sessions of several servers", function()
    local market = open()
    assert(market:add_server("one", { url = server.url, identity = "a", discover = false }))
    assert(market:add_server("two", { url = server.url, identity = "b" }))
    market:register { id = "x", provider = "MCP",
      metadata = { mcp = { server_name = "one", server_url = server.url, tool_name = "get_me" } } }
    local handle = market:start "x"
    local states = {}
    for _, session in ipairs(market:sessions()) do
      states[#states + 1] = session.state
    end
    table.sort(states)
    assert.same({ "open", "opening" }, states)
    assert.equal("souk-tester", assert(handle:wait()).login)
    market:remove_server "two"
    help.step_until(market, function() return #market:sessions() == 1 end)
  end)

  it("what was counted, and what there is now", function()
    local market = connect()
    assert(market:call("mcp.s.echo", { text = "hi" }))
    fails("tool", "did not work", market:call "mcp.s.fail")
    server:drop_sessions()
    assert(market:call("mcp.s.echo", { text = "hi" }))
    market:add_server("nowhere", { url = "http://127.0.0.1:1/mcp" })
    local handle = market:start("mcp.s.slow", { ms = 5000 })
    local stats = market:stats()
    local counts = {}
    for name, value in pairs(stats) do
      counts[name] = type(value) == "number" and value or nil -- what more there is: spec/watching_spec.lua
    end
    assert.same({
      calls = 6, calls_ok = 3, calls_failed = 2, calls_resent = 1,
      sessions_opened = 2, sessions_failed = 1, sessions_reused = 4, sessions_lost = 1, sessions_closed = 0,
      calls_waited = 2, calls_refused = 0, sessions_evicted = 0, sessions_probed = 0, breaker_opened = 0,
      notes_dropped = 0, sessions = 1, endpoints = 2, in_flight = 1, waiting = 0, capabilities = 10,
    }, counts)
    handle:cancel()
    stats = market:stats()
    assert.equal(3, stats.calls_failed)
    assert.equal(0, stats.in_flight)
  end)

  it("calls that wait for a session", function()
    local market = open { max_in_flight = 2, max_sessions_per_key = 1 }
    assert(market:add_server("s", { url = server.url }))
    local handles = {}
    for i = 1, 5 do
      handles[i] = market:start("mcp.s.slow", { ms = 20 })
    end
    local stats = market:stats()
    assert.equal(2, stats.in_flight)
    assert.equal(3, stats.waiting)
    for i = 1, 5 do
      assert.equal("slept 20 ms", handles[i]:wait())
    end
    assert.equal(0, market:stats().waiting)
    assert.equal(2, server:ledger().max_in_flight)
  end)
end)
