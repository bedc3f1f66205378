-- Servers that want the words of a language model, or the folders that they may work in, in both eras and over both
-- transports.

local eras = require "spec.support.eras"
local help = require "spec.support.help"

teardown(eras.stop)
after_each(eras.finish)

local function words(request)
  local question = request.params.messages[1].content.text
  return { content = "You said: " .. question, model = "parrot", stopReason = "endTurn" }
end

eras.each(describe, function(case)
  -- Where the transport makes no difference one is enough: each child is a program that has to be started.
  local over_http = case.transport == "http" and it or function() end
  describe("sampling", function()
    it("is answered by a function of the script", function()
      local market = eras.connect(case, { open = { sampling = words } })
      local answer = market:call("mcp.s.ask_sample", { prompt = "Moin" })
      assert.same({
        role = "assistant", content = { type = "text", text = "You said: Moin" }, model = "parrot",
        stopReason = "endTurn",
      }, answer)
    end)

    over_http("is refused by the user", function()
      local market, peer = eras.connect(case, { open = { sampling = function() return nil, "no, thank you" end } })
      local _, err = market:call "mcp.s.ask_sample"
      assert.truthy(err and err.message:find "no, thank you", tostring(err))
      if case.era == "legacy" then
        local asked = peer.ledger().asked
        assert.equal(-1, asked[1].answer.error.code)
        assert.equal("no, thank you", asked[1].answer.error.message)
      end
    end)
  end)

  describe("roots", function()
    it("are those of the market, or of the server", function()
      local market = eras.connect(case, { open = { roots = { "/home/ann/a b" } } })
      assert.same({ roots = { { uri = "file:///home/ann/a%20b" } } }, market:call "mcp.s.ask_roots")
      market = eras.connect(case, {
        open = { roots = { "/home/ann" } },
        server = { roots = function() return { { uri = "file:///srv", name = "Server" } } end },
      })
      assert.same({ roots = { { uri = "file:///srv", name = "Server" } } }, market:call "mcp.s.ask_roots")
    end)

    over_http("are an empty list when there are none", function()
      local market = eras.connect(case, { open = { roots = {} } })
      assert.same({ roots = {} }, market:call "mcp.s.ask_roots")
    end)
  end)

  it("everything is asked at once, and only what is declared", function()
    local market, peer = eras.connect(case, { open = {
      sampling = words, roots = { "/" }, elicitation = function() return "decline" end,
    } })
    local all = assert(market:call "mcp.s.ask_all")
    assert.equal("decline", all.form.action)
    assert.equal("parrot", all.sample.model)
    assert.equal("file:///", all.roots.roots[1].uri)
    assert.equal(3, #peer.ledger().asked)
  end)

  -- Later there is no such notification any more.
  local over_legacy = case.era == "legacy" and it or function() end
  over_legacy("changes of the roots can be told", function()
    local market, peer = eras.connect(case, { open = { roots = { "/" } } })
    assert(market:server("s"):notify "notifications/roots/list_changed")
    assert(market:server("s"):ping())
    assert.equal(1, peer.ledger().methods["notifications/roots/list_changed"])
  end)
end)

it("what is asked in one session is not declared in another", function()
  local case = eras.cases[1]
  local market = eras.connect(case, { open = { sampling = words }, server = { sampling = false } })
  help.fails("tool", "", market:call "mcp.s.ask_sample")
end)
