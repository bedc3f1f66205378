-- Several calls at once from one script: souk.wait_all, souk.wait_any, and their deadlines.

local core = require "souk.core"
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

local function connect(options)
  local market = open(options)
  assert(market:add_server("s", { url = server.url, listen = false }))
  return market
end

local function start_slow(market, ...)
  local list = {}
  for i, ms in ipairs { ... } do
    list[i] = assert(market:start("mcp.s.slow", { ms = ms }))
  end
  return list
end

local function seconds_of(f, ...)
  local start = core.now()
  f(...)
  return core.now() - start
end

describe("souk.wait_all", function()
  it("waits until all have ended, and each has its own result", function()
    server:knobs { all_tools = true }
    local market = connect()
    local list = {}
    for i = 1, 10 do
      list[i] = market:start("mcp.s.meet", { count = 10 }) -- none is answered before all are there
    end
    assert.is_true(souk.wait_all(list))
    for i = 1, 10 do
      assert.equal("met 10", list[i]:wait(0))
    end
    assert.equal(10, server:ledger().max_in_flight)
  end)

  it("takes as long as the slowest, and not as long as all", function()
    local list = start_slow(connect(), 150, 150, 150, 150, 150, 150, 150, 150)
    local seconds = seconds_of(souk.wait_all, list)
    assert.is_true(seconds >= 0.14 and seconds < 0.8, seconds)
  end)

  it("is true also when calls have failed: what became of each is in its handle", function()
    local market = connect()
    local list = {
      market:start("mcp.s.echo", { text = "hi" }), market:start "mcp.s.fail",
      market:start("mcp.s.slow", { ms = 5000 }, { timeout = 0.03 }), market:start("mcp.s.slow", { ms = 5000 }),
    }
    list[4]:cancel()
    assert.is_true(souk.wait_all(list, 30))
    assert.equal("hi", list[1]:wait(0))
    fails("tool", "did not work", list[2]:wait(0))
    fails("timeout", "", list[3]:wait(0))
    fails("cancelled", "", list[4]:wait(0))
  end)

  it("says how many are still running when its time is over, and they go on", function()
    local market = connect()
    local list = start_slow(market, 0, 5000, 0, 5000, 60)
    local err = fails("timeout", "^%d of 5 calls are still running after 0%.04 s of waiting$",
      souk.wait_all(list, 0.04))
    assert.is_nil(err.delivery)
    assert.equal("slept 60 ms", list[5]:wait())
    fails("timeout", "^2 of 5 calls are still running", souk.wait_all(list, 0.01))
    list[2]:cancel()
    fails("timeout", "^1 of 5 calls is still running", souk.wait_all(list, 0.01))
    assert.equal(1, market:stats().in_flight)
    assert.equal(1, #server:ledger().cancelled)
    list[4]:cancel()
    assert.is_true(souk.wait_all(list, 0))
  end)

  it("does without any time what can be done at once", function()
    local market = connect()
    local list = start_slow(market, 0, 0, 0)
    local looked = 0
    repeat
      looked = looked + 1
      local all, err = souk.wait_all(list, 0)
      assert(all or err.kind == "timeout" and looked < 1e6)
    until all
    assert.equal(3, server:ledger().tools.slow)
  end)

  it("keeps to its time while others keep it busy", function()
    local market = connect()
    local running = true
    local function again()
      if running then
        market:start("mcp.s.echo", { text = "hi" }):on_done(again)
      end
    end
    again()
    local list = start_slow(market, 5000)
    local seconds = seconds_of(function() fails("timeout", "still running", souk.wait_all(list, 0.1)) end)
    running = false
    assert.is_true(seconds > 0.09 and seconds < 1, seconds)
    list[1]:cancel()
  end)

  it("is true at once for none", function()
    assert.is_true(souk.wait_all {})
    assert.is_true(souk.wait_all({}, 0))
  end)

  it("counts a call once that stands in the list twice", function()
    local market = connect()
    local slow = start_slow(market, 5000)[1]
    fails("timeout", "^1 of 1 call is still running", souk.wait_all({ slow, slow, slow }, 0.01))
    slow:cancel()
    assert.is_true(souk.wait_all { slow, slow })
  end)

  it("takes calls that have ended, and functions of the script, which end at once", function()
    local market = connect()
    market:register { id = "own", handler = function(input) return input.n + 1 end }
    local ended = market:start("mcp.s.echo", { text = "hi" })
    ended:wait()
    local list = { ended, market:start("own", { n = 1 }), market:start("mcp.s.echo", { text = "you" }) }
    assert.is_true(souk.wait_all(list))
    assert.equal(2, list[2]:wait())
    assert.equal("you", list[3]:wait())
  end)

  it("takes requests, and calls on sessions that are held", function()
    local market = connect()
    local session = assert(market:session "s")
    local list = { market:server("s"):start "tools/list", session:start("mcp.s.echo", { text = "hi" }) }
    assert.is_true(souk.wait_all(list, 30))
    assert.equal(10, #list[1]:wait().tools)
    assert.equal("hi", list[2]:wait())
    session:close()
  end)

  it("ends when the market is closed by a callback", function()
    local market = connect()
    local list = start_slow(market, 5000, 0)
    list[2]:on_done(function() market:close() end)
    assert.is_true(souk.wait_all(list, 30))
    fails("closed", "", list[1]:wait())
    assert.is_true(souk.wait_all(list))
  end)

  it("may be called by a callback, also for calls that end first", function()
    local market = connect()
    local list, seen = start_slow(market, 40, 60), {}
    market:start("mcp.s.echo", { text = "hi" }):on_done(function()
      seen[1] = souk.wait_all(list, 30)
    end)
    assert.is_true(souk.wait_all({ list[1] }, 30))
    assert.same({ true }, seen)
  end)

  it("is not confused by a list that is changed meanwhile", function()
    local market = connect()
    local list = start_slow(market, 50, 0)
    list[2]:on_done(function()
      list[1], list[2], list[3] = nil, nil, "no handle"
    end)
    assert.is_true(souk.wait_all(list, 30))
    assert.equal(0, market:stats().in_flight)
  end)

  it("wants a list of handles of one market, and a time that is one", function()
    local market, other = connect(), connect()
    local one = market:start("mcp.s.echo", { text = "hi" })
    local text = "wait_all: expected a list of handles, "
    raises(text .. "got nil", souk.wait_all)
    raises(text .. "got number", souk.wait_all, 2)
    raises(text .. "got a handle", souk.wait_all, one)
    raises(text .. "and %[2%] is of type table", souk.wait_all, { one, {} })
    raises(text .. "and it has a field 'first'", souk.wait_all, { first = one })
    raises("wait_all: %[2%] is nil %(did its call not start%?%)", souk.wait_all, { one, nil, one })
    raises("wait_all: %[2%] is a call of another market than %[1%]", souk.wait_all,
      { one, other:start("mcp.s.echo", { text = "hi" }) })
    for _, wrong in ipairs { "soon", -1, 0 / 0, true } do
      raises("wait_all: expected a number of seconds, got ", souk.wait_all, { one }, wrong)
    end
    local message = raises("", function() souk.wait_all "list" end)
    assert.truthy(message:find "waiting_spec%.lua:%d+: wait_all")
  end)
end)

describe("souk.wait_any", function()
  it("gives the one that ends first, and where it stands", function()
    local list = start_slow(connect(), 5000, 30, 5000)
    local first, index = souk.wait_any(list)
    assert.equal(list[2], first)
    assert.equal(2, index)
    assert.equal("slept 30 ms", first:wait(0))
    assert.is_false(list[1]:done())
    souk.wait_any { list[2] }
  end)

  it("gives them in the order in which they ended, however late they are asked for", function()
    local market = connect()
    local list = start_slow(market, 200, 0, 100)
    assert.is_true(souk.wait_all(list, 30))
    local order = {}
    while #list > 0 do
      local handle, index = souk.wait_any(list, 0)
      order[#order + 1] = handle:wait()
      assert.equal(handle, table.remove(list, index))
    end
    assert.same({ "slept 0 ms", "slept 100 ms", "slept 200 ms" }, order)
  end)

  it("gives one that has failed as well", function()
    local market = connect()
    local list = { market:start("mcp.s.slow", { ms = 5000 }), market:start "mcp.s.fail" }
    local first, index = souk.wait_any(list, 30)
    assert.equal(2, index)
    fails("tool", "did not work", first:wait())
    list[1]:cancel()
    assert.equal(2, select(2, souk.wait_any(list)))
    assert.equal(1, select(2, souk.wait_any { list[1] }))
  end)

  it("gives one that has ended already, without waiting", function()
    local market = connect()
    market:register { id = "own", handler = function() return "at once" end }
    local list = { market:start("mcp.s.slow", { ms = 5000 }), market:start "own" }
    local first, index = souk.wait_any(list, 0)
    assert.equal(2, index)
    assert.equal("at once", first:wait())
  end)

  it("gives the first place of one that stands there twice", function()
    local market = connect()
    local slow, quick = market:start("mcp.s.slow", { ms = 5000 }), market:start("mcp.s.echo", { text = "hi" })
    assert.equal(2, select(2, souk.wait_any({ slow, quick, quick, slow }, 30)))
  end)

  it("says so when its time is over, and they go on", function()
    local list = start_slow(connect(), 5000, 5000, 100)
    fails("timeout", "^none of 3 calls has ended after 0%.02 s of waiting$", souk.wait_any(list, 0.02))
    assert.equal(3, select(2, souk.wait_any(list, 30)))
    fails("timeout", "^none of 1 call has ended after 0 s of waiting$", souk.wait_any({ list[1] }, 0))
  end)

  it("makes a race: the others are cancelled by who wants that", function()
    local market = connect()
    local list = start_slow(market, 5000, 20, 5000)
    help.step_until(market, function() return server:ledger().in_flight >= 2 end)
    local first = assert(souk.wait_any(list, 30))
    for _, handle in ipairs(list) do
      handle:cancel()
    end
    assert.equal("slept 20 ms", first:wait())
    help.step_until(market, function() return #server:ledger().cancelled == 2 end)
    assert.equal(0, market:stats().in_flight)
  end)

  it("keeps many in flight: as one ends the next one starts", function()
    local market = connect()
    local list, started, sum = {}, 0, 0
    while started < 60 or #list > 0 do
      while #list < 8 and started < 60 do
        started = started + 1
        list[#list + 1] = market:start("mcp.s.add", { a = started, b = 0 })
      end
      local handle, index = souk.wait_any(list, 30)
      sum = sum + assert(handle:wait()).sum
      table.remove(list, index)
    end
    assert.equal(60 * 61 / 2, sum)
    assert.is_true(server:ledger().max_in_flight <= 8)
  end)

  it("wants at least one, of one market", function()
    local market, other = connect(), connect()
    raises("wait_any: the list is empty", souk.wait_any, {})
    raises("wait_any: expected a list of handles, got string", souk.wait_any, "x")
    raises("wait_any: %[1%] is nil", souk.wait_any, { nil, market:start("mcp.s.echo", { text = "hi" }) })
    raises("wait_any: %[3%] is a call of another market than %[1%]", souk.wait_any, {
      market:start("mcp.s.echo", { text = "1" }), market:start("mcp.s.echo", { text = "2" }),
      other:start("mcp.s.echo", { text = "3" }),
    })
    raises("wait_any: expected a number of seconds, got soon", souk.wait_any,
      { market:start("mcp.s.echo", { text = "hi" }) }, "soon")
  end)
end)

describe("coroutines of a plain script", function()
  it("wait one after the other, while the calls of all go on", function()
    server:knobs { all_tools = true }
    local market = connect()
    local results, threads = {}, {}
    for i = 1, 6 do
      threads[i] = coroutine.create(function()
        local handle = assert(market:start("mcp.s.meet", { count = 6 }))
        coroutine.yield()
        results[i] = handle:wait() -- drives the engine for all of them, and never yields
      end)
      assert(coroutine.resume(threads[i]))
    end
    for i = 1, 6 do
      assert(coroutine.resume(threads[i]))
      assert.equal("dead", coroutine.status(threads[i]))
      assert.equal("met 6", results[i])
    end
  end)

  it("may be resumed as their calls end", function()
    local market = connect()
    local waits_for, order = {}, {}
    local function call(id, input)
      local handle = assert(market:start(id, input))
      waits_for[handle] = coroutine.running()
      coroutine.yield()
      return handle:wait()
    end
    for _, ms in ipairs { 300, 0, 150 } do
      assert(coroutine.resume(coroutine.create(function()
        local result = call("mcp.s.slow", { ms = ms })
        order[#order + 1] = result
        result = call("mcp.s.echo", { text = "after " .. ms })
        order[#order + 1] = result
      end)))
    end
    while next(waits_for) do
      local list = {}
      for handle in pairs(waits_for) do
        list[#list + 1] = handle
      end
      local handle = assert(souk.wait_any(list, 30))
      local thread = waits_for[handle]
      waits_for[handle] = nil
      assert(coroutine.resume(thread))
    end
    assert.same({ "slept 0 ms", "after 0", "slept 150 ms", "after 150", "slept 300 ms", "after 300" }, order)
  end)
end)

describe("handles that were waited for together", function()
  it("are let go, also when their time was over", function()
    local market = connect()
    local seen = setmetatable({}, { __mode = "k" })
    local function wait_for_some()
      local list = start_slow(market, 0, 5000)
      seen[list[1]], seen[list[2]] = true, true
      assert(souk.wait_any(list, 30))
      assert(not souk.wait_all(list, 0.01))
    end
    wait_for_some()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(seen))
    assert.equal(1, market:stats().in_flight)
  end)

  it("are kept as long as somebody waits for them", function()
    local market = connect()
    local function some()
      return start_slow(market, 30, 60)
    end
    market:start("mcp.s.echo", { text = "hi" }):on_done(function()
      collectgarbage()
      collectgarbage()
    end)
    assert.is_true(souk.wait_all(some(), 30))
    assert.equal(2, server:ledger().tools.slow)
  end)
end)
