-- HTTP+SSE of 2024-11-05, the transport with two endpoints: what is more than what every revision and transport has
-- (revisions_spec.lua). All answers come in one stream, which is the session.

local eras = require "spec.support.eras"
local help = require "spec.support.help"

teardown(eras.stop)
after_each(eras.finish)

local PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

-- The revision is negotiated on any transport: newer ones were spoken over this one, too.
local function connect(revision, options)
  options = options or {}
  options.knobs = { transport = "sse" }
  return eras.connect({ era = "legacy", revision = revision, transport = "http" }, options)
end

describe("HTTP+SSE", function()
  it("carries trace context, any request and any notification", function()
    local market, peer = connect "2024-11-05"
    local server = market:server "s"
    assert(market:call("mcp.s.echo", { text = "x" }, { trace = { traceparent = PARENT, baggage = "a=b" } }))
    assert.same({ { method = "tools/call", traceparent = PARENT, baggage = "a=b" } }, peer.ledger().traces)
    assert.equal("x", server:request("tools/call", { name = "echo", arguments = { text = "x" } }).content[1].text)
    assert.equal(-32601, help.fails("rpc", "", server:request "unheard/of").code)
    assert.is_true(server:notify("notifications/unheard/of", { x = 1 }))
    assert(server:ping())
    assert.equal(1, peer.ledger().methods["notifications/unheard/of"])
  end)

  it("lets a call succeed once its URL was visited, when 2025-11-25 is spoken", function()
    local visits = 0
    local market = connect("2025-11-25", { open = { elicitation = function(request)
      visits = visits + (request.mode == "url" and 1 or 0)
      return "accept"
    end } })
    assert.equal("2025-11-25", market:server("s"):info().protocol)
    assert.equal("welcome", market:call "mcp.s.need_url")
    assert.equal(1, visits)
  end)

  it("brings progress, which moves the deadline of its call", function()
    local market = connect "2024-11-05"
    local seen = 0
    assert(market:call("mcp.s.slow", { ms = 4000, steps = 16 }, {
      on_progress = function() seen = seen + 1 end, timeout = 2,
    }))
    assert.equal(16, seen)
  end)

  it("is opened again once when the stream breaks, and listened to again", function()
    local market, peer = connect "2024-11-05"
    local listening, changed = 0, 0
    market:on("listening", function() listening = listening + 1 end)
    market:on("tools_changed", function() changed = changed + 1 end)
    help.step_until(market, function() return listening >= 1 end)
    peer.server:drop_connections()
    help.step_until(market, function() return market:stats().sessions_lost == 1 end)
    local handles = {}
    for i = 1, 16 do
      handles[i] = assert(market:start("mcp.s.create_issue", { owner = "o", repo = "r", title = "issue " .. i }))
    end
    for i = 1, 16 do
      assert(handles[i]:wait())
    end
    assert.equal(16, #peer.ledger().created)
    assert.equal(2, market:stats().sessions_opened)
    help.step_until(market, function() return listening >= 2 end)
    assert(market:call("mcp.s.set_tools", { add = { "fresh" } }))
    help.step_until(market, function() return changed >= 1 and market:get "mcp.s.fresh" ~= nil end)
  end)

  it("fails a call whose answer would have come in the stream that broke", function()
    local market, peer = connect "2024-11-05"
    local handle = assert(market:start("mcp.s.slow", { ms = 30000 }, { resend = false }))
    help.step_until(market, function() return peer.ledger().in_flight == 1 end)
    peer.server:drop_connections()
    local err = help.fails("transport", "", handle:wait(30))
    assert.equal("ambiguous", err.delivery)
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
  end)
end)
