-- Event loops of the program's own: what market:fd and market:dispatch promise, in real loops of luv and cqueues; and
-- what is special about the host "luv". What every host promises is in hosts_contract_spec.lua.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"
local uv = require "luv"

describe("event loops", function()
  local server

  setup(function()
    server = servers.start("scripted", { knobs = { all_tools = true } })
  end)

  before_each(function()
    server:reset()
    server:knobs { all_tools = true }
  end)

  after_each(help.clean_up)
  teardown(help.stop_servers)

  local function open(host)
    local market = help.open { host = host }
    assert(market:add_server("s", { url = server.url }))
    return market
  end

  -- Watches the market in luv's loop until `done` says so; how often the descriptor was readable.
  local function watch(market, done)
    local poll, rounds = uv.new_poll(assert(market:fd())), 0
    local guard = uv.new_timer()
    guard:start(10000, 0, function() uv.stop() end)
    poll:start("r", function()
      rounds = rounds + 1
      assert(market:dispatch())
      if done() then
        uv.stop()
      end
    end)
    uv.run()
    poll:close()
    guard:close()
    uv.run()
    assert(done(), "nothing came within 10 s")
    return rounds
  end

  describe("that watch a descriptor", function()
    it("hear of ends, and of nothing else", function()
      local market = open "loop"
      local got = {}
      for i = 1, 20 do
        market:start("mcp.s.echo", { text = "call " .. i }):on_done(function(value) got[#got + 1] = value end)
      end
      local rounds = watch(market, function() return #got == 20 end)
      table.sort(got)
      assert.equal("call 1", got[1])
      assert(rounds <= 60, rounds .. " rounds for 20 calls")
    end)

    it("need no timer: the descriptor tells of deadlines, too", function()
      local market = open "loop"
      local err
      local before = uv.hrtime()
      market:start("mcp.s.slow", { ms = 20000, steps = 1 }, { timeout = 0.3 }):on_done(function(_, why) err = why end)
      watch(market, function() return err end)
      assert.equal("timeout", err.kind)
      local took = (uv.hrtime() - before) / 1e9
      assert(took > 0.25 and took < 5, took)
    end)

    it("hear of what servers say by themselves", function()
      server:knobs { all_tools = true, get = "stream" }
      local market = help.open { host = "loop" }
      local heard, listening
      market:on("resource_updated", function(event) heard = event end)
      market:on("listening", function() listening = true end)
      assert(market:add_server("s", { url = server.url, listen = true }))
      assert(market:server("s"):subscribe "souk://notes/1")
      watch(market, function() return listening and #server:ledger().subscriptions > 0 end)
      server:touch "souk://notes/1"
      watch(market, function() return heard end)
      assert.equal("souk://notes/1", heard.uri)
    end)

    it("are quiet when nothing is under way", function()
      local market = open "loop"
      local rounds = 0
      local poll, timer = uv.new_poll(market:fd()), uv.new_timer()
      poll:start("r", function()
        rounds = rounds + 1
        market:dispatch()
      end)
      timer:start(500, 0, function() uv.stop() end)
      uv.run()
      poll:close()
      timer:close()
      uv.run()
      assert(rounds <= 3, rounds .. " rounds in half a second")
    end)

    it("are told when the market is closed, and may look at the descriptor until it is collected", function()
      local market = open "loop"
      local fd = market:fd()
      assert.equal(fd, market:fd())
      market:close()
      local poll, told = uv.new_poll(fd), nil
      poll:start("r", function()
        told = market:dispatch()
        poll:close()
      end)
      uv.run()
      assert.is_false(told)
    end)

    it("are told what is wrong: fd of a market that drives itself", function()
      local market = help.open {}
      help.raises("'blocking' there is nothing to watch", market.fd, market)
      help.raises("no host 'lov'.*luv", souk.open, { host = "lov" })
      help.raises("'openresty' cannot be used here", souk.open, { host = "openresty" })
      local options = { cancel_on_abort = true }
      help.raises("option 'cancel_on_abort': there are no clients", market.call, market, "x", {}, options)
      help.raises("option 'cancel_on_abort': only a call that is waited for", market.start, market, "x", {}, options)
    end)
  end)

  describe("of cqueues", function()
    it("poll the descriptor beside everything else", function()
      local cqueues = require "cqueues"
      local market = open "loop"
      local loop, got, ticks = cqueues.new(), nil, 0
      market:start("mcp.s.slow", { ms = 200, steps = 1 }):on_done(function(value) got = value end)
      loop:wrap(function()
        while not got do
          cqueues.poll { pollfd = market:fd(), events = "r" }
          market:dispatch()
        end
      end)
      loop:wrap(function()
        while not got do
          cqueues.sleep(0.01)
          ticks = ticks + 1
        end
      end)
      assert(loop:loop(10))
      assert(got)
      assert(ticks >= 5, ticks .. " ticks in 200 ms")
    end)
  end)

  describe("of luv", function()
    it("go on while a coroutine waits, and end when nobody does", function()
      local market = open "luv"
      local ticks, result = 0, nil
      local timer = uv.new_timer()
      timer:start(10, 10, function() ticks = ticks + 1 end)
      timer:unref()
      coroutine.wrap(function()
        result = market:call("mcp.s.slow", { ms = 300, steps = 1 })
      end)()
      assert.equal(nil, result)
      uv.run() -- ends by itself
      timer:close()
      assert(result)
      assert(ticks >= 5, ticks .. " ticks in 300 ms")
    end)

    it("wait for calls with callbacks", function()
      local market = open "luv"
      local got
      market:start("mcp.s.slow", { ms = 100, steps = 1 }):on_done(function(value, err) got = value or err end)
      uv.run()
      assert.equal("string", type(got))
    end)

    it("run waits with deadlines", function()
      local market = open "luv"
      local first, second
      coroutine.wrap(function()
        local handle = market:start("mcp.s.slow", { ms = 300, steps = 1 })
        first = { handle:wait(0.05) }
        second = { handle:wait() }
      end)()
      uv.run()
      assert.equal("timeout", first[2].kind)
      assert.truthy(second[1])
    end)

    it("let several coroutines wait for one call, and for all of many", function()
      local market = open "luv"
      local woken = 0
      local handle = market:start("mcp.s.slow", { ms = 100, steps = 1 })
      local others = { handle, market:start("mcp.s.echo", { text = "x" }) }
      for _ = 1, 3 do
        coroutine.wrap(function()
          assert(handle:wait())
          woken = woken + 1
        end)()
      end
      coroutine.wrap(function()
        assert(souk.wait_all(others, 5))
        woken = woken + 1
      end)()
      uv.run()
      assert.equal(4, woken)
    end)

    it("are told what a coroutine raises after it was resumed", function()
      local told
      local market = help.open { host = "luv", on_error = function(message) told = message end }
      assert(market:add_server("s", { url = server.url }))
      coroutine.wrap(function()
        market:call("mcp.s.echo", { text = "x" })
        error "a mistake of the program"
      end)()
      uv.run()
      assert(told and told:find "a mistake of the program", told)
    end)

    -- A server that is removed is waited for by nobody any more.
    it("end the waiting for a server that is removed meanwhile", function()
      local deaf = servers.start "deaf"
      local market = help.open { host = "luv" }
      local err
      coroutine.wrap(function() err = select(2, market:add_server("d", { url = deaf.url })) end)()
      local timer = uv.new_timer()
      timer:start(50, 0, function()
        timer:close()
        assert(market:remove_server "d")
      end)
      uv.run()
      help.fails("closed", "the server was removed meanwhile", nil, err)
    end)

    it("collect what was forgotten", function()
      local weak = setmetatable({}, { __mode = "k" })
      do
        local market = souk.open { host = "luv", env = {} }
        assert(market:add_server("s", { url = server.url }))
        weak[market] = true
      end
      for _ = 1, 4 do
        collectgarbage()
        uv.run "nowait"
      end
      assert.equal(nil, next(weak))
    end)
  end)
end)
