-- Each older revision over each transport that it has: what all of them offer works the same. The two newest revisions
-- have specs of their own for every feature (eras.each).

local eras = require "spec.support.eras"
local help = require "spec.support.help"

teardown(eras.stop)
after_each(eras.finish)

local cases = {}
for _, revision in ipairs { "2024-11-05", "2025-03-26", "2025-06-18" } do
  for _, transport in ipairs { "http", "stdio" } do
    cases[#cases + 1] = { era = "legacy", revision = revision, transport = transport, shown = transport }
  end
end
cases[#cases + 1] = { era = "legacy", revision = "2024-11-05", transport = "http", shown = "sse", sse = true }

-- Answers whatever a server may ask.
local answers = {
  elicitation = function() return { name = "Ann" } end,
  sampling = function(request)
    return { content = "re: " .. request.params.messages[1].content.text, model = "parrot" }
  end,
  roots = { "/home/ann" },
}

for _, case in ipairs(cases) do
  describe(("%s, %s:"):format(case.revision, case.shown), function()
    local function connect(knobs)
      knobs = knobs or {}
      knobs.transport = case.sse and "sse" or nil
      return eras.connect(case, { knobs = knobs, open = answers })
    end

    it("is found out, with tools and what else there is", function()
      local market, peer = connect { page = 3 }
      local server = market:server "s"
      local info = assert(server:info())
      assert.equal(case.revision, info.protocol)
      assert.equal("legacy", info.era)
      assert.equal(case.shown, info.transport)
      assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
      help.fails("tool", "", market:call("mcp.s.fail", { message = "oh" }))
      assert.same({ { uri = "souk://notes/2", mimeType = "text/plain", text = "Note 2, version 0" } },
        server:read "souk://notes/2")
      assert.equal("Greet Ann.", server:prompt("greet", { name = "Ann" }).messages[1].content.text)
      assert.is_true(server:ping())
      assert.truthy(peer.ledger().methods["tools/list"] > 1)
    end)

    it("asks, reports progress, and is told that a call is given up", function()
      local market, peer = connect { answer = not case.sse and case.transport == "http" and "sse" or nil }
      assert.same({ roots = { { uri = "file:///home/ann" } } }, market:call "mcp.s.ask_roots")
      assert.equal("re: Moin", market:call("mcp.s.ask_sample", { prompt = "Moin" }).content.text)
      if case.revision == "2025-06-18" then
        assert.equal("accept", market:call("mcp.s.ask_form", {}).action)
      end
      local seen = 0
      assert(market:call("mcp.s.slow", { ms = 30, steps = 3 }, { on_progress = function() seen = seen + 1 end }))
      assert.equal(3, seen)
      local handle = market:start("mcp.s.slow", { ms = 30000 })
      help.step_until(market, function() return peer.ledger().in_flight == 1 end)
      handle:cancel()
      help.fails("cancelled", "", handle:wait())
      help.step_until(market, function() return #peer.ledger().cancelled == 1 end)
    end)

    it("says that its tools have changed, and they follow", function()
      local market = connect()
      local heard = 0
      market:on("tools_changed", function() heard = heard + 1 end)
      help.step_until(market, function()
        assert(market:call("mcp.s.set_tools", { add = { "fresh" } }))
        return market:get "mcp.s.fresh" ~= nil
      end)
      assert.truthy(heard > 0)
    end)
  end)
end
