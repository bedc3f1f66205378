-- Sessions that the workers of an nginx share (souk.open's option shared_dict). Here the workers are markets of one
-- process; a real nginx is in spec/shared_nginx_spec.lua, and what the core asks and is told in c/test_pool_shared.c.

local help = require "spec.support.help"
local news = require "souk.news"
local servers = require "spec.support.servers"
local shared = require "souk.shared"
local souk = require "souk"
local workers = require "spec.support.workers"

local raises = help.raises
local LEGACY = { revisions = { "2025-11-25" } }
local WORKERS = 8

local server, world

setup(function()
  server = servers.start "scripted"
end)

teardown(function()
  help.stop_servers()
end)

before_each(function()
  server:reset()
  server:knobs(LEGACY)
end)

after_each(function()
  help.clean_up()
  if world then
    world:close()
    world = nil
  end
end)

local function open(count, options)
  world = workers.open(count, options)
  return world
end

local function where(options)
  return help.merge({ url = server.url, listen = false }, options)
end

local function connect(market)
  assert(market:add_server("s", where()))
end

local function echo(market)
  assert.equal("hello", assert(market:call("mcp.s.echo", { text = "hello" })))
end

local function count(method)
  return server:ledger().methods[method] or 0
end

-- The session ids that calls of tools came with, as keys.
local function sessions_of_calls()
  local ids, number = {}, 0
  for _, entry in ipairs(server:ledger().log) do
    local id = entry.method == "tools/call" and entry.headers["mcp-session-id"]
    if id and not ids[id] then
      ids[id] = true
      number = number + 1
    end
  end
  return ids, number
end

if workers.possible then

describe("eight workers", function()
  it("cause one initialize", function()
    open(WORKERS):each(function(market)
      connect(market)
      for _ = 1, 3 do
        echo(market)
      end
    end)
    assert.equal(1, count "initialize")
    assert.equal(1, count "server/discover")
    assert.equal(1, #server:ledger().sessions.issued)
    assert.equal(3 * WORKERS, count "tools/call")
    local _, number = sessions_of_calls()
    assert.equal(1, number)
    for _, market in ipairs(world.markets) do
      local info = market:server("s"):info()
      assert.equal("2025-11-25", info.protocol)
      assert.equal("http", info.transport)
      assert.same(world.markets[1]:server("s"):info().capabilities, info.capabilities)
    end
  end)

  it("never use an id twice in it", function()
    server:knobs { answer = "sse" }
    open(WORKERS):each(function(market)
      connect(market)
      for _ = 1, 3 do
        assert(market:call("mcp.s.echo", { text = "x" }, { on_progress = function() end }))
      end
    end)
    local seen = {}
    local tokens = server:ledger().tokens
    assert.equal(3 * WORKERS, #tokens)
    for _, token in ipairs(tokens) do
      assert.is_nil(seen[token])
      assert.is_true(token > 2 ^ 32 and token < 2 ^ 53)
      seen[token] = true
    end
  end)

  it("open one session anew when it was lost", function()
    open(WORKERS):each(function(market)
      connect(market)
      echo(market)
    end)
    server:drop_sessions()
    world:each(echo)
    assert.equal(2, count "initialize")
    world:each(echo)
    assert.equal(2, count "initialize")
    server:drop_sessions() -- found out one after the other
    for i = 1, WORKERS do
      world:each(function(market, k)
        if k == i then
          echo(market)
        end
      end)
    end
    assert.equal(3, count "initialize")
    assert.equal(0, #server:ledger().sessions.deleted)
  end)

  it("end the session when the last of them needs it no more", function()
    open(WORKERS):each(function(market)
      connect(market)
      echo(market)
    end)
    for i = 1, WORKERS do
      assert.equal(0, #server:ledger().sessions.deleted)
      local closed = false
      world:start(i, function(market)
        market:close(5)
        closed = true
      end)
      world:run_until(function() return closed end)
    end
    assert.same(server:ledger().sessions.issued, server:ledger().sessions.deleted)
  end)

  it("open a new one after that", function()
    open(2):each(connect)
    world:each(function(market, i)
      if i == 1 then
        market:close(5)
      end
    end)
    world:each(function(market, i)
      if i == 2 then
        echo(market)
        market:close(5)
      end
    end)
    local dict = world.dict
    world:close()
    world = workers.open(1)
    world.dict.items = dict.items
    world:each(function(market)
      connect(market)
      echo(market)
    end)
    assert.equal(2, count "initialize")
  end)

  it("ask a modern server once what it is", function()
    server:knobs { revisions = { "2026-07-28" } }
    open(WORKERS):each(function(market)
      connect(market)
      echo(market)
    end)
    assert.equal(1, count "server/discover")
    assert.equal(WORKERS, count "tools/call")
    assert.equal("modern", world.markets[WORKERS]:server("s"):info().era)
  end)

  it("share a server without session ids, and have sessions of their own over HTTP+SSE", function()
    server:knobs { session = "none" }
    open(WORKERS):each(function(market)
      connect(market)
      echo(market)
    end)
    assert.equal(1, count "initialize")
    help.clean_up()
    world:close()
    server:reset()
    server:knobs { transport = "sse", revisions = { "2024-11-05" } }
    open(3):each(function(market)
      connect(market)
      echo(market)
    end)
    assert.equal(3, count "initialize")
  end)

  it("share as many sessions as each of them needs", function()
    open(3, { max_in_flight = 1 }):each(connect)
    world:each(function(market)
      local calls = {}
      for i = 1, 2 do
        calls[i] = assert(market:start("mcp.s.slow", { ms = 200 }))
      end
      for i = 1, 2 do
        assert(calls[i]:wait())
      end
    end)
    assert.equal(2, count "initialize")
  end)
end)

describe("a stream that the server gives to one", function()
  local failures

  -- Connects all, who listen and make calls, and looks for a while at what happens.
  local function listen(url)
    failures = 0
    world:each(function(market)
      market:on("*", function(event)
        failures = failures + (event.name == "listening_failed" and 1 or 0)
      end)
      assert(market:add_server("s", { url = url, listen = true }))
    end)
    local until_when = world.now() + 1
    world:run_until(function() return world.now() > until_when end)
  end

  it("is had by one of them, and the others go on", function()
    server:knobs { get = "stream", all_tools = true,
      faults = { { method = "GET", kind = "status", status = 409, after = 1, times = 1000 } } }
    open(4, { stream_retry = 0.1 })
    listen(server.url)
    world:each(echo)
    assert.equal(1, count "initialize")
    assert.equal(4, server:ledger().http.GET) -- none asks again at once
    assert.equal(0, failures)
    for _, market in ipairs(world.markets) do
      assert.equal("closed", market:stats().servers.s.breaker)
    end
  end)

  it("brings what is said on it to all of them", function()
    server:knobs { get = "stream", all_tools = true,
      faults = { { method = "GET", kind = "status", status = 409, after = 1, times = 1000 } } }
    open(4)
    local heard = { 0, 0, 0, 0 }
    for i, market in ipairs(world.markets) do
      market:on("tools_changed", function(event)
        assert.equal("s", event.server)
        heard[i] = heard[i] + 1
      end)
    end
    listen(server.url)
    server:set_tools { add = { "brand_new" } }
    world:run_until(function()
      for _, market in ipairs(world.markets) do
        if not market:get "mcp.s.brand_new" then
          return false
        end
      end
      return true
    end)
    assert.same({ 1, 1, 1, 1 }, heard)
    assert.equal(8, count "tools/list")
    assert.equal(1, count "initialize")
  end)

  it("is no trouble with the official server", function()
    local official = servers.start "everything"
    open(4)
    listen(official.url)
    world:each(function(market)
      assert.equal("Echo: hello", assert(market:call("mcp.s.echo", { message = "hello" })))
    end)
    assert.equal(0, failures)
    help.clean_up()
    official:stop()
  end)
end)

describe("an opener", function()
  it("that fails leaves it to another one", function()
    server:knobs { faults = { { method = "initialize", kind = "status", status = 500 } } }
    local failures = 0
    open(4):each(function(market)
      if not market:add_server("s", where()) then
        failures = failures + 1
        connect(market)
      end
      echo(market)
    end)
    assert.equal(1, failures)
    assert.equal(2, count "initialize")
  end)

  it("that is gone is waited for until its time is over", function()
    open(4, { open_timeout = 5 })
    server:knobs { delay = 500 }
    world:start(1, function(market)
      market:add_server("s", where())
    end)
    world:run_until(function() return world.dict:text():find "souk:opener:" end)
    world:kill(1)
    server:knobs { delay = 0 }
    local done = 0
    for i = 2, 4 do
      world:start(i, function(market)
        connect(market)
        echo(market)
        done = done + 1
      end)
    end
    local began = world.now()
    world:run_until(function() return world.now() > began + 0.3 end)
    assert.equal(0, done)
    world:advance(6)
    world:run_until(function() return done == 3 end)
    assert.is_true(count "initialize" <= 2)
    local _, number = sessions_of_calls()
    assert.equal(1, number)
  end)

  it("is not waited for by a market that was closed meanwhile", function()
    open(2, { open_timeout = 5 })
    assert.is_true(world.dict:add("souk:opener:x:0", 1))
    local items = world.dict.items
    world.dict.before = function(name, key)
      if name == "add" then
        items[key] = { value = 4711 } -- somebody else was quicker
      end
    end
    local value, why
    world:start(1, function(market)
      value, why = market:add_server("s", { url = server.url })
    end)
    local adds = 0
    local before = world.dict.before
    world.dict.before = function(name, key)
      adds = adds + (name == "add" and 1 or 0)
      before(name, key)
    end
    world:run_until(function() return adds > 3 end)
    local closed = false
    world:start(1, function(market)
      market:close(5)
      closed = true
    end)
    world:run_until(function() return closed and #world.threads == 0 end)
    help.fails("closed", "", value, why)
    assert.equal(0, count "initialize")
  end)
end)

describe("the dict", function()
  it("has no credential, whoever gives it", function()
    server:knobs { token = "s3cret-1" }
    open(2, { env = { KEY = "s3cret-1" } }):each(function(market, i)
      assert(market:add_server("s", where { auth_env_var = "KEY", headers = { ["X-Key"] = "s3cret-2" } }))
      echo(market)
      assert(market:add_server("f", { url = server.url, auth = function() return "s3cret-1" end,
        identity = "worker " .. i }))
    end)
    assert.truthy(world.dict:text():find("souk:session:", 1, true))
    assert.is_nil(world.dict:text():find("s3cret", 1, true))
    assert.equal(3, count "initialize") -- identities share nothing
  end)

  it("is no reason to fail when it is full", function()
    local reported = {}
    open(2, { on_error = function(message) reported[#reported + 1] = message end })
    world.dict.set = function() return false, "no memory" end
    world:each(function(market)
      connect(market)
      echo(market)
    end)
    assert.equal(2, count "initialize")
    world.dict.add = function() error "broken" end
    help.clean_up()
    assert.same({}, reported)
  end)

  it("is no reason to fail when it does not work", function()
    local reported = {}
    open(2, { on_error = function(message) reported[#reported + 1] = message end })
    world.dict.get = function() error "broken" end
    world:each(function(market)
      connect(market)
      echo(market)
    end)
    assert.equal(2, count "initialize")
    assert.truthy(tostring(reported[1]):find "broken")
  end)
end)

end -- workers.possible

describe("the option shared_dict", function()
  it("is for nginx", function()
    raises("souk.open: option 'shared_dict': only nginx", souk.open, { shared_dict = "souk" })
    raises("option 'shared_dict': expected string", souk.open, { shared_dict = {} })
  end)

  it("says what nginx.conf needs", function()
    open(0)
    raises("there is no dict 'other'; nginx.conf needs it in its http block: lua_shared_dict other 1m;", souk.open,
      { shared_dict = "other", host = "blocking" })
  end)
end)

describe("what one worker hears", function()
  local now, dict, one, other, heard

  local function tell(who, uri)
    who:tell("notifications/resources/updated", { uri = uri }, "s", "ann")
  end

  local function read(who)
    heard = {}
    who:read(function(method, params, name, identity)
      assert.equal("notifications/resources/updated", method)
      heard[#heard + 1] = table.concat({ name, identity, params.uri }, " ")
    end)
    return heard
  end

  before_each(function()
    now = 1000
    dict = workers.dict(function() return now end)
    one, other = news.new(dict, "one"), news.new(dict, "other")
    one:follow("e", "s", "ann")
    other:follow("e.1", "s2", "ann") -- the second session of the same, under another name
  end)

  it("is read by the others, once and in order", function()
    tell(one, "a")
    tell(one, "b")
    assert.same({ "s2 ann a", "s2 ann b" }, read(other))
    assert.same({}, read(other))
    assert.same({}, read(one))
    other:tell("notifications/resources/updated", { uri = "c" }, "s2", "ann")
    assert.same({ "s ann c" }, read(one))
  end)

  it("is not for those who come later, nor about other servers and identities", function()
    tell(one, "a")
    local late = news.new(dict, "late")
    late:follow("e", "s", "ann")
    assert.same({}, read(late))
    one:tell("notifications/resources/updated", { uri = "b" }, "s", "bob")
    assert.same({ "s2 ann a" }, read(other))
  end)

  it("is waited for while it is being written, and not for ever", function()
    dict:incr("souk:news:e", 1, 0)
    assert.same({}, read(other))
    dict:set("souk:news:e:1", souk.json.encode { from = "one", method = "notifications/resources/updated",
      params = { uri = "a" } })
    assert.same({ "s2 ann a" }, read(other))
    dict:incr("souk:news:e", 1)
    assert.same({}, read(other))
    tell(one, "b")
    assert.same({ "s2 ann b" }, read(other))
    dict:incr("souk:news:e", 1)
    assert.same({}, read(other))
    assert.same({}, read(other))
    tell(one, "c")
    assert.same({ "s2 ann c" }, read(other))
  end)

  it("is kept for a while, and never too much of it", function()
    tell(one, "a")
    now = now + 61
    assert.same({}, read(other))
    for i = 1, 250 do
      tell(one, tostring(i))
    end
    assert.equal(100, #read(other))
    assert.equal("s2 ann 250", heard[100])
  end)

  it("is read for a while after the last session is gone, and then no more", function()
    other:follow("e", "s2", "ann")
    other:leave("e")
    for _ = 1, 20 do
      read(other)
    end
    tell(one, "a")
    assert.same({ "s2 ann a" }, read(other))
    other:leave("e.1")
    for _ = 1, 9 do
      read(other)
    end
    tell(one, "b")
    assert.same({ "s2 ann b" }, read(other))
    read(other)
    tell(one, "c")
    assert.same({}, read(other))
    assert.is_nil(next(other.endpoints))
    other:follow("e", "s2", "ann")
    assert.same({}, read(other))
    tell(one, "d")
    assert.same({ "s2 ann d" }, read(other))
  end)

  it("is heard again when the dict has lost its counter", function()
    for _ = 1, 3 do
      tell(one, "a")
    end
    read(other)
    dict.items = {}
    tell(one, "b")
    assert.same({ "s2 ann b" }, read(other))
  end)
end)

-- A store whose steps can be interleaved with those of another one.
describe("the store", function()
  local now, dict, one, other

  local function new_store()
    return shared.new { name = tostring {}, dict = dict, spawn = function() end, sleep = function() return false end,
      now = function() return now end, open_timeout = 30, max_life = 3600 }
  end

  local function market(list)
    return { _answer = function(_, _, answer)
      list[#list + 1] = answer
      return list.awaited ~= false
    end }
  end

  local function tell(store, kind, payload, list)
    list = list or {}
    payload.endpoint = payload.endpoint or "e"
    store:hear(market(list), { on_error = error }, 1, kind, payload)
    return list[1]
  end

  local function published()
    local right = tell(one, "adopt", {})
    assert.is_true(right.open)
    tell(one, "publish", { generation = right.generation, protocol = "2025-11-25", session = "id", about = "{}" })
    return right.generation
  end

  before_each(function()
    now = 1000
    dict = workers.dict(function() return now end)
    one, other = new_store(), new_store()
  end)

  it("gives the right to open to one", function()
    local right = tell(one, "adopt", {})
    assert.is_true(right.open)
    assert.equal(1, right.seat)
    assert.is_nil(tell(other, "adopt", {})) -- it waits
    tell(one, "give_up", { generation = right.generation })
    local next_right = tell(other, "adopt", {})
    assert.is_true(next_right.open)
    assert.is_true(next_right.generation > right.generation)
  end)

  it("gives every worker a seat of its own", function()
    local generation = published()
    for seat = 2, 5 do
      assert.same({ generation = generation, protocol = "2025-11-25", session = "id", about = "{}", seat = seat },
        tell(other, "adopt", {}))
    end
  end)

  it("forgets a lost session, and none that is newer", function()
    local first = published()
    tell(other, "lost", { generation = first })
    local right = tell(other, "adopt", {})
    assert.is_true(right.open)
    assert.equal("2025-11-25", right.protocol)
    tell(other, "publish", { generation = right.generation, protocol = "2025-11-25", session = "new", about = "{}" })
    tell(one, "lost", { generation = first })
    assert.equal("new", tell(one, "adopt", {}).session)
    assert.is_false(tell(one, "leave", { generation = first }))
  end)

  it("knows who is the last, also when somebody comes in between", function()
    local generation = published()
    tell(other, "adopt", {})
    assert.is_false(tell(one, "leave", { generation = generation }))
    assert.is_true(tell(other, "leave", { generation = generation }))
    assert.is_true(tell(one, "adopt", {}).open)

    now = now + 40
    generation = published()
    local steps = 0
    local joined
    dict.before = function(name)
      steps = steps + (name == "incr" and 1 or 0)
      if steps == 2 and not joined then -- nobody is left, and nobody was told so
        dict.before = nil
        joined = tell(other, "adopt", {})
      end
    end
    assert.is_false(tell(one, "leave", { generation = generation }))
    assert.equal("id", joined.session)
    assert.is_true(tell(other, "leave", { generation = generation }))
  end)

  it("gives back what nobody waits for any more", function()
    tell(one, "adopt", {}, { awaited = false })
    local generation = published() -- the right to open was given back
    tell(other, "adopt", {}, { awaited = false })
    assert.is_true(tell(one, "leave", { generation = generation }))
  end)

  it("replaces what is too old, and lets those who have it end it", function()
    local generation = published()
    now = now + 3599
    tell(other, "adopt", {})
    now = now + 1
    local right = tell(one, "adopt", {})
    assert.is_true(right.open)
    assert.is_false(tell(one, "leave", { generation = generation }))
    now = now + 3598
    assert.is_true(tell(other, "leave", { generation = generation }))
  end)

  it("does not count on counters that the dict has lost", function()
    local generation = published()
    dict.items = {}
    assert.is_false(tell(one, "leave", { generation = generation }))
    now = now + 1
    assert.is_true(tell(one, "adopt", {}).generation > generation)

    dict.items = {}
    generation = published()
    dict:delete(("souk:seats:e:%.0f"):format(generation))
    assert.is_true(tell(other, "adopt", {}).open)
  end)

  it("lets a slow opener keep its session for itself", function()
    local slow = tell(one, "adopt", {}).generation
    now = now + 31
    local quick = tell(other, "adopt", {}).generation
    tell(other, "publish", { generation = quick, protocol = "2025-11-25", session = "quick", about = "{}" })
    tell(one, "publish", { generation = slow, protocol = "2025-11-25", session = "slow", about = "{}" })
    assert.equal("quick", tell(one, "adopt", {}).session)
    assert.is_false(tell(one, "leave", { generation = slow }))
  end)

  it("counts a worker that goes no longer, and still knows whether it is the last", function()
    local generation = published()
    tell(other, "adopt", {})
    other:count_out()
    other:count_out()
    assert.is_true(tell(one, "leave", { generation = generation }))
    assert.is_false(tell(other, "leave", { generation = generation }))

    now = now + 40
    generation = published()
    one:count_out()
    assert.is_true(tell(one, "leave", { generation = generation }))
  end)
end)
