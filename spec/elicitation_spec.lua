-- Servers that want something from the user, in both eras and over both transports: forms and URLs. What becomes of
-- answers is in inputs_spec.lua.

local eras = require "spec.support.eras"
local help = require "spec.support.help"
local souk = require "souk"

teardown(eras.stop)
after_each(eras.finish)

local DEFAULTS = { name = "Ann", age = 30, score = 95.5, verified = true, status = "active", tags = { "red", "blue" } }

-- DEFAULTS with changes.
local function content(changes)
  local copy = {}
  for key, value in pairs(DEFAULTS) do
    copy[key] = value
  end
  for key, value in pairs(changes or {}) do
    copy[key] = value
  end
  return copy
end

-- A market whose handler of elicitation is f.
local function connect(case, f, more)
  local options = more or {}
  options.open = options.open or { elicitation = f }
  return eras.connect(case, options)
end

eras.each(describe, function(case)
  local is_legacy = case.era == "legacy"
  -- Where the transport makes no difference one is enough: each child is a program that has to be started.
  local over_http = case.transport == "http" and it or function() end

  describe("a form", function()
    it("is filled in by a function of the script", function()
      local seen
      local market, peer = connect(case, function(request)
        seen = request
        return { name = "Bob", tags = {} }
      end)
      assert.same({ action = "accept", content = content { name = "Bob", tags = {} } },
        market:call("mcp.s.ask_form", { message = "Who?" }))
      assert.equal("s", seen.server)
      -- A legacy child does not say for which of the calls it asks.
      local is_known = not (is_legacy and case.transport == "stdio")
      assert.equal(is_known and "mcp.s.ask_form" or nil, seen.capability)
      assert.equal("form", seen.mode)
      assert.equal("Who?", seen.message)
      assert.equal("Ann", seen.schema.properties.name.default)
      assert.equal(1, #peer.ledger().asked)
    end)

    for _, action in ipairs { "accept", "decline", "cancel" } do
      over_http("is answered with the mere word " .. action, function()
        local market = connect(case, function() return action end)
        local answer = market:call "mcp.s.ask_form"
        assert.equal(action, answer.action)
        assert.same(action == "accept" and DEFAULTS or nil, answer.content)
      end)
    end

    it("is filled in later, and other calls go on meanwhile", function()
      local asked
      local market = connect(case, function(request)
        asked = request
        return souk.later
      end)
      local handle = market:start "mcp.s.ask_form"
      help.step_until(market, function() return asked end)
      assert.equal("meanwhile", market:call("mcp.s.echo", { text = "meanwhile" }))
      assert.is_false(handle:done())
      assert.is_true(asked.respond { age = 31 })
      assert.same(content { age = 31 }, handle:wait().content)
    end)

    over_http("is filled in with the help of another call", function()
      local market
      market = connect(case, function()
        return { name = assert(market:call("mcp.s.echo", { text = "Eve" })) }
      end)
      assert.equal("Eve", market:call("mcp.s.ask_form").content.name)
    end)

    it("may come several at once, and again", function()
      local count = 0
      local market = connect(case, function()
        count = count + 1
        return { age = count }
      end)
      local answers = market:call("mcp.s.ask_form", { rounds = 3, together = 2 })
      local ages = {}
      for i, answer in ipairs(answers) do
        ages[i] = answer.content.age
      end
      table.sort(ages)
      assert.same({ 1, 2, 3, 4, 5, 6 }, ages)
    end)

    it("that the handler does not answer is an error for the server, and the program hears why", function()
      local errors = {}
      local market = connect(case, nil, { open = {
        elicitation = function() error "a secret of the program" end,
        on_error = function(message) errors[#errors + 1] = message end,
      } })
      local err = help.fails("tool", "the client's handler for elicitation failed", market:call "mcp.s.ask_form")
      assert.is_nil(tostring(err):find "secret")
      assert.equal(1, #errors)
      assert.truthy(errors[1]:find "a secret of the program")
      assert.equal("still there", market:call("mcp.s.echo", { text = "still there" }))
    end)

    over_http("is not asked of a client that has nobody to fill it in", function()
      for _, options in ipairs {
        { open = {} }, { open = { elicitation = error }, server = { elicitation = false } },
      } do
        local market, peer = connect(case, nil, options)
        local _, err = market:call "mcp.s.ask_form"
        assert.truthy(err and (err.kind == "tool" or err.code == -32021), tostring(err))
        assert.same({}, peer.ledger().asked)
      end
    end)

    over_http("is filled in by the server's own handler, where it has one", function()
      local market = connect(case, nil, {
        open = { elicitation = error }, server = { elicitation = function() return { name = "own" } end },
      })
      assert.equal("own", market:call("mcp.s.ask_form").content.name)
    end)

    it("is withdrawn when the call is cancelled", function()
      local asked, told
      local market = connect(case, function(request)
        asked = request
        request.on_withdrawn = function() told = true end
        return souk.later
      end)
      local handle = market:start "mcp.s.ask_form"
      help.step_until(market, function() return asked end)
      handle:cancel()
      help.fails("cancelled", "", handle:wait())
      -- A legacy server's question may outlive the call by a moment: the server takes it back itself.
      help.step_until(market, function() return told end)
      assert.is_true(asked.withdrawn)
      assert.is_true(asked.respond "cancel")
      assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    end)
  end)

  describe("a URL", function()
    it("is shown to a function of the script, with nobody visiting it by himself", function()
      local seen
      local completed = {}
      local market = connect(case, function(request)
        seen = request
        return "accept"
      end)
      market:on("elicitation_complete", function(event)
        completed[#completed + 1] = event.elicitation_id
      end)
      assert.same({ action = "accept" }, market:call("mcp.s.ask_url", { message = "Sign in" }))
      assert.equal("url", seen.mode)
      assert.equal("https://souk.example/sign-in?a=1", seen.url)
      assert.equal("Sign in", seen.message)
      if is_legacy then
        help.step_until(market, function() return completed[1] end)
        assert.same({ seen.elicitation_id }, completed)
      else
        assert.is_nil(seen.elicitation_id)
      end
    end)

    over_http("of another kind than http is declined without asking", function()
      local market = connect(case, function() error "it was asked" end)
      assert.same({ action = "decline" }, market:call("mcp.s.ask_url", { url = "javascript:alert(1)" }))
    end)

    it("is visited before a call can succeed", function()
      local visits = 0
      local market = connect(case, function(request)
        visits = visits + (request.mode == "url" and 1 or 0)
        return "accept"
      end)
      local result = assert(market:call "mcp.s.need_url")
      assert.equal(1, visits)
      if is_legacy then
        assert.equal("welcome", result)
      else
        assert.same({ action = "accept" }, result)
      end
    end)
  end)

  if is_legacy then
    it("takes a form back that the server does not want any more", function()
      local asked
      local market = connect(case, function(request)
        asked = request
        return souk.later
      end)
      local handle = market:start "mcp.s.ask_cancelled"
      help.step_until(market, function() return asked end)
      assert.is_falsy(asked.withdrawn)
      assert.equal("withdrew 1", market:call "mcp.s.withdraw")
      assert.equal("withdrawn", handle:wait())
      assert.is_true(asked.withdrawn)
      assert.is_true(asked.respond "accept")
    end)

    over_http("fails a call that wants a URL which the user does not visit", function()
      local market = connect(case, function() return "decline" end)
      local err = help.fails("rpc", "", market:call "mcp.s.need_url")
      assert.equal(-32042, err.code)
    end)
  else
    for _, state in ipairs { "plain", "weird", "number", "long", "empty", "none" } do
      over_http("hands back the server's state as it came: " .. state, function()
        local market = connect(case, function() return "accept" end, { knobs = { state = state } })
        assert.equal("accept", market:call("mcp.s.ask_form", { rounds = 2 })[2].action)
      end)
    end

    it("comes again when the server only wants that", function()
      local market = connect(case, function() return "accept" end)
      assert.equal("came again 2 times", market:call("mcp.s.state_only", { rounds = 2 }))
    end)

    over_http("does not go on for ever", function()
      local market = connect(case, function() return "accept" end)
      help.fails("limit", "", market:call("mcp.s.odd_result", { kind = "forever" }))
    end)

    it("asks while a resource is read and a prompt is written", function()
      local market = connect(case, function(request)
        assert.is_nil(request.capability)
        return { name = request.message }
      end)
      local server = market:server "s"
      local contents = assert(server:read "souk://ask")
      assert.equal("Who reads?", souk.json.decode(contents[1].text).content.name)
      local prompt = assert(server:prompt "ask")
      assert.equal("Who asks for a prompt?", souk.json.decode(prompt.messages[1].content.text).content.name)
    end)
  end
end)
