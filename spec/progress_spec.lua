-- Calls that report how they go on, and the trace context that every request may carry, in both eras and over both
-- transports.

local eras = require "spec.support.eras"
local help = require "spec.support.help"

teardown(eras.stop)
after_each(eras.finish)

local function watcher()
  local seen = {}
  return seen, function(progress)
    seen[#seen + 1] = progress
  end
end

-- { n, total, message } for n from 1.
local function steps(total)
  local list = {}
  for n = 1, total do
    list[n] = { progress = n, total = total, message = ("step %d of %d"):format(n, total) }
  end
  return list
end

eras.each(describe, function(case)
  -- Where the transport makes no difference one is enough: each child is a program that has to be started.
  local over_http = case.transport == "http" and it or function() end
  describe("progress", function()
    local knobs = { answer = "sse" }

    it("is told while the call goes on", function()
      local market, peer = eras.connect(case, { knobs = knobs })
      local seen, f = watcher()
      assert.equal("slept 30 ms", market:call("mcp.s.slow", { ms = 30, steps = 3 }, { on_progress = f }))
      assert.same(steps(3), seen)
      assert.equal(1, #peer.ledger().tokens)
    end)

    over_http("is not asked for when nobody wants it", function()
      local market, peer = eras.connect(case, { knobs = knobs })
      assert(market:call("mcp.s.slow", { ms = 3, steps = 3 }))
      assert.same({}, peer.ledger().tokens)
    end)

    it("goes to the call that it is about", function()
      local market, peer = eras.connect(case, { knobs = knobs })
      local handles, all = {}, {}
      for i = 1, 5 do
        local f
        all[i], f = watcher()
        handles[i] = assert(market:start("mcp.s.slow", { ms = 20, steps = i }, { on_progress = f }))
      end
      for i = 1, 5 do
        assert(handles[i]:wait())
        assert.same(steps(i), all[i])
      end
      local tokens = {}
      for _, token in ipairs(peer.ledger().tokens) do
        assert.is_nil(tokens[token])
        tokens[token] = true
      end
    end)

    it("moves the deadline, but not past the cap", function()
      local market = eras.connect(case, { knobs = knobs })
      local _, f = watcher()
      assert(market:call("mcp.s.slow", { ms = 1000, steps = 20 }, { on_progress = f, timeout = 0.7 }))
      help.fails("timeout", "", market:call("mcp.s.slow", { ms = 1000, steps = 20 }, { timeout = 0.3 }))
      local err = help.fails("timeout", "", market:call("mcp.s.slow", { ms = 5000, steps = 100 },
        { on_progress = f, timeout = 0.7, cap = 0.9 }))
      assert.equal("ambiguous", err.delivery)
    end)

    over_http("is of a request, too", function()
      local market = eras.connect(case, { knobs = knobs })
      local seen, f = watcher()
      local params = { name = "slow", arguments = { ms = 10, steps = 2 } }
      assert(market:request("s", "tools/call", params, { on_progress = f }))
      assert(market:server("s"):request("tools/call", params, { on_progress = f }))
      assert.equal(4, #seen)
    end)

    it("may be told to a function that calls something else, or raises", function()
      local errors = {}
      local market
      market = eras.connect(case, { knobs = knobs, open = { on_error = function(message)
        errors[#errors + 1] = message
      end } })
      local echoes = {}
      assert(market:call("mcp.s.slow", { ms = 30, steps = 2 }, { on_progress = function(progress)
        local echo = assert(market:call("mcp.s.echo", { text = tostring(progress.total) }))
        echoes[#echoes + 1] = echo
        error "oh"
      end }))
      assert.equal(2, #echoes)
      assert.equal(2, #errors)
    end)
  end)

  describe("trace context", function()
    local PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    it("goes with a call", function()
      local market, peer = eras.connect(case)
      assert(market:call("mcp.s.echo", { text = "x" }, { trace = { traceparent = PARENT, baggage = "a=b" } }))
      assert(market:call("mcp.s.echo", { text = "x" }))
      assert.same({ { method = "tools/call", traceparent = PARENT, baggage = "a=b" } }, peer.ledger().traces)
    end)

    over_http("comes from the program for every call that has none of its own", function()
      local count = 0
      local market, peer = eras.connect(case, { open = { trace = function()
        count = count + 1
        return { traceparent = PARENT, tracestate = "n=" .. count }
      end } })
      assert(market:call("mcp.s.echo", { text = "x" }))
      assert(market:start("mcp.s.echo", { text = "x" }, { timeout = 5 }):wait())
      assert(market:call("mcp.s.echo", { text = "x" }, { trace = { tracestate = "own" } }))
      assert(market:server("s"):read "souk://notes/1")
      local states = {}
      for i, trace in ipairs(peer.ledger().traces) do
        states[i] = trace.tracestate
      end
      assert.same({ "n=1", "n=2", "own", "n=3" }, states)
    end)

    over_http("is left out when the program's function fails, and that is told", function()
      local errors, wrong = {}, nil
      local market, peer = eras.connect(case, { open = {
        trace = function()
          if wrong == nil then
            error "no trace today"
          end
          return wrong
        end,
        on_error = function(message) errors[#errors + 1] = message end,
      } })
      assert(market:call("mcp.s.echo", { text = "x" }))
      assert.truthy(errors[1]:find "no trace today")
      for i, value in ipairs { "text", { traceparnet = PARENT }, { traceparent = 7 } } do
        wrong = value
        assert(market:call("mcp.s.echo", { text = "x" }))
        assert.truthy(errors[i + 1]:find "^trace: ", errors[i + 1])
      end
      assert.same({}, peer.ledger().traces)
    end)
  end)
end)

describe("options of a call", function()
  it("are checked", function()
    local market = help.open()
    assert(market:register { id = "x", handler = function() return 1 end })
    help.raises("option 'on_progress': expected a function, got string", market.call, market, "x", {},
      { on_progress = "f" })
    help.raises("option 'cap': expected a number of seconds", market.call, market, "x", {}, { cap = "long" })
    help.raises("option 'trace': expected a table, got string", market.call, market, "x", {}, { trace = "00-..." })
    help.raises("unknown option 'traceparnet'", market.call, market, "x", {}, { trace = { traceparnet = "x" } })
    help.raises("option 'traceparent': expected a string", market.call, market, "x", {},
      { trace = { traceparent = 1 } })
  end)
end)
