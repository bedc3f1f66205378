-- Which capabilities need a session, which handler they go to, and handlers that the script itself provides.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails, raises = help.open, help.fails, help.raises

after_each(help.clean_up)
teardown(help.stop_servers)

-- A handler that writes down what it was asked. `log` is a list of texts, `functions` may be changed.
local function echo()
  local self = { log = {}, functions = {} }
  local function note(...)
    self.log[#self.log + 1] = table.concat({ ... }, " ")
  end
  self.note = note
  local opened = 0
  function self.functions.open(target)
    opened = opened + 1
    note("open", target.server, target.identity)
    return { number = opened, list = souk.array {} }
  end
  function self.functions.call(session, request)
    note("call", session.number, request.capability)
    return { session = session, input = request.input, metadata = request.metadata }
  end
  function self.functions.close(session)
    note("close", session.number)
  end
  function self.functions.cancel(session, call)
    note("cancel", session.number, type(call))
  end
  return self
end

local function market_with_echo(options)
  local handler = echo()
  local market = open(options)
  assert(market:handler("echo", handler.functions))
  return market, handler
end

describe("a capability", function()
  -- What `requires_session` says, and whether that sends the call to a session.
  local truth = {
    { "auto", true }, { "true", true }, { true, true },
    { false, false }, { "false", false }, { "required", false }, { "always", false }, { "TRUE", false },
    { "Auto", false }, { "", false }, { 1, false }, { souk.null, false }, { nil, false },
    { { nested = "auto" }, false },
  }

  for i = 1, 14 do
    local value, goes = truth[i][1], truth[i][2]
    local shown = value == souk.null and "null" or type(value) == "table" and "a map" or
      type(value) == "string" and ("'%s'"):format(value) or tostring(value)
    it(("whose metadata says %s goes to %s"):format(shown, goes and "a session" or "the script itself"), function()
      local market, handler = market_with_echo()
      assert(market:register {
        id = "x", metadata = { echo = { requires_session = value, server_name = "s" } },
        handler = function() return "local" end,
      })
      local result = assert(market:call "x")
      if goes then
        assert.equal(1, result.session.number)
      else
        assert.equal("local", result)
        assert.same({}, handler.log)
      end
    end)
  end

  for text, goes in pairs {
    ['"auto"'] = true, ['"true"'] = true, ["true"] = true, [":auto"] = true,
    ["false"] = false, ['"required"'] = false, ['"TRUE"'] = false, ["1"] = false, ["nil"] = false,
  } do
    it(("whose file says %s goes to %s"):format(text, goes and "a session" or "nowhere"), function()
      local market = market_with_echo()
      assert.equal(1, (market:load_text(('(capability "x" :metadata {:echo {:requires_session %s}})'):format(text))))
      if goes then
        assert.equal(1, assert(market:call "x").session.number)
      else
        fails("config", "no function in this program", market:call "x")
      end
    end)
  end

  it("may spell it with a hyphen, and flat", function()
    local market = market_with_echo()
    market:load_text '(capability "a" :metadata {:echo {:requires-session "auto"}})'
    market:load_text '(capability "b" :metadata {:echo_requires_session "auto"})'
    assert.equal(1, market:call("a").session.number)
    assert.equal(1, market:call("b").session.number)
  end)

  it("goes to the handler of the key that fired, whatever other prefixes there are", function()
    local market, handler = market_with_echo()
    local other = echo()
    market:handler("graphql", other.functions)
    market:register { id = "x", metadata = {
      graphql = { requires_session = "false", url = "http://a/" }, mcp = { server_url = "http://127.0.0.1:1/mcp" },
      echo = { requires_session = "auto" }, aaa = { requires_session = "no" },
    } }
    assert(market:call "x")
    assert.equal(2, #handler.log)
    assert.same({}, other.log)
  end)

  it("with a prefix that nobody handles fails, and the error lists those that are", function()
    local market = market_with_echo()
    market:register { id = "x", metadata = { grpc = { requires_session = "auto" } } }
    local err = fails("config", "no session handler for 'grpc' is registered %(there are: mcp, echo%)", market:call "x")
    assert.equal("not_sent", err.delivery)
    assert.equal("x", err.capability)
  end)

  for _, provider in ipairs { "MCP", "mcp", { type = "mcp" } } do
    local shown = type(provider) == "table" and "of type mcp" or provider
    it("whose provider is " .. shown .. " always goes to the pool, whatever its metadata says", function()
      local server = servers.start "scripted"
      finally(function() server:stop() end)
      local market = open()
      market:register { id = "forge.get_me", provider = provider,
        metadata = { mcp = { server_url = server.url, requires_session = "false" } },
        handler = function() return "local" end }
      assert.equal("souk-tester", assert(market:call "forge.get_me").login)
      assert.same({}, server:ledger().violations)
    end)
  end

  it("of MCP without an address fails and says what is missing", function()
    local market = open()
    market:register { id = "x", provider = "MCP" }
    fails("config", "has no address: expected mcp_server_url or mcp_command", market:call "x")
  end)
end)

describe("a session handler of the script", function()
  local function register(market, id, fields)
    local metadata = { requires_session = "auto", server_name = "s" }
    for key, value in pairs(fields or {}) do
      metadata[key] = value
    end
    assert(market:register { id = id, metadata = { echo = metadata } })
  end

  it("is asked to open once, to call each time, and to close at the end", function()
    local market, handler = market_with_echo()
    register(market, "a", { tool_name = "one" })
    register(market, "b", { tool_name = "two" })
    local result = assert(market:call("a", { text = "hi" }))
    assert.same({ text = "hi" }, result.input)
    assert.equal("one", result.metadata.echo_tool_name)
    assert(market:call("a"))
    assert(market:call("b"))
    market:close()
    assert.same({ "open s ", "call 1 a", "call 1 a", "call 1 b", "close 1" }, handler.log)
  end)

  it("gets back what it called the session, lists and all", function()
    local market = market_with_echo()
    register(market, "a")
    local session = assert(market:call("a")).session
    assert.equal('{"list":[],"number":1}', (souk.json.encode(session):gsub('{"number":1,"list":%[%]}',
      '{"list":[],"number":1}')))
  end)

  it("may call its session nothing at all", function()
    local market = open()
    local seen = "nothing"
    market:handler("echo", {
      open = function() end,
      call = function(session) seen = session end,
    })
    register(market, "a")
    assert.equal(souk.null, market:call "a")
    assert.is_true(seen)
  end)

  it("is told who asks and where, and identities share no session", function()
    local market, handler = market_with_echo()
    register(market, "a")
    market:call("a", {}, { identity = "ann" })
    market:call("a", {}, { identity = "bob" })
    market:call("a", {}, { identity = "ann" })
    assert.same({ "open s ann", "call 1 a", "open s bob", "call 2 a", "call 1 a" }, handler.log)
    local seen = {}
    for _, session in ipairs(market:sessions()) do
      assert.equal("echo", session.handler)
      seen[session.identity] = session.calls
    end
    assert.same({ ann = 2, bob = 1 }, seen)
  end)

  it("that fails to open fails the call, which was not sent", function()
    local market, handler = market_with_echo()
    register(market, "a")
    handler.functions.open = function() return nil, "the door is locked" end
    market:handler("echo2", handler.functions)
    market:register { id = "b", metadata = { echo2 = { requires_session = "auto" } } }
    local err = fails("transport", "the door is locked", market:call "b")
    assert.equal("not_sent", err.delivery)
    assert.equal("b", err.capability)
    handler.functions.open = function() error { kind = "auth", message = "who is there?" } end
    market:handler("echo3", handler.functions)
    market:register { id = "c", metadata = { echo3 = { requires_session = "auto" } } }
    fails("auth", "who is there", market:call "c")
  end)

  it("may fail a call in every way", function()
    local market, handler = market_with_echo()
    local answer
    handler.functions.call = function() return answer() end
    assert(market:handler("other", handler.functions))
    market:register { id = "a", metadata = { other = { requires_session = "auto" } } }
    for _, case in ipairs {
      { function() return nil, "no" end, "tool", "^no$" },
      { function() error("raised", 0) end, "tool", "^raised$" },
      { function() return nil, { kind = "rpc", message = "code" } end, "rpc", "code" },
      { function() return nil, { kind = "odd", message = "odd" } end, "tool", "odd" },
      { function() return nil, { message = "said", code = 7 } end, "tool", "said", 7 },
      { function() return nil, {} end, "tool", "no answer" },
      { function() return function() end end, "schema", "the answer of a function of the program" },
      { function() return { nan = 0 / 0 } end, "schema", "/nan" },
    } do
      answer = case[1]
      local err = fails(case[2], case[3], market:call "a")
      assert.equal("delivered", err.delivery)
      assert.equal(case[4], err.code)
    end
    answer = function() end
    assert.equal(souk.null, market:call "a")
    answer = function() return false end
    assert.is_false(market:call "a")
  end)

  it("that lost its session opens another one, and the call is made once more", function()
    local market, handler = market_with_echo()
    local good = handler.functions.call
    local left = 1
    handler.functions.call = function(session, request)
      if left > 0 then
        left = left - 1
        handler.note("lost", session.number)
        return nil, { kind = "closed", message = "the session is gone" }
      end
      return good(session, request)
    end
    market:handler("other", handler.functions)
    market:register { id = "a", metadata = { other = { requires_session = "auto", server_name = "s" } } }
    assert.equal(2, assert(market:call "a").session.number)
    assert.same({ "open s ", "lost 1", "open s ", "call 2 a" }, handler.log)
    assert.equal(1, market:stats().calls_resent)
    left = 2
    local err = fails("closed", "the session is gone", market:call "a")
    assert.equal("rejected", err.delivery)
  end)

  it("is told of a call that was cancelled only when it has seen it", function()
    local market, handler = market_with_echo()
    register(market, "a")
    assert(market:call("a"))
    local handle = market:start("a")
    handle:cancel()
    fails("cancelled", "cancelled", handle:wait())
    assert.same({ "open s ", "call 1 a" }, handler.log)
    local other = echo()
    other.functions.call = function()
      handle:cancel()
      return "too late"
    end
    market:handler("other", other.functions)
    market:register { id = "b", metadata = { other = { requires_session = "auto" } } }
    handle = market:start "b"
    fails("cancelled", "cancelled", handle:wait())
    assert.same({ "open  ", "cancel 1 number" }, other.log)
  end)

  it("may have its own results checked against schemas", function()
    local market = market_with_echo()
    market:register { id = "a", metadata = { echo = { requires_session = "auto" } },
      input_schema = { type = "object", required = { "text" } },
      output_schema = { type = "object", required = { "impossible" } } }
    assert.equal("not_sent", fails("schema", "input of 'a'", market:call "a").delivery)
    local err = fails("schema", "output of 'a'", market:call("a", { text = 1 }))
    assert.equal("delivered", err.delivery)
    assert.same({ text = 1 }, err.data.input)
  end)

  it("can call other capabilities while it works", function()
    local market, handler = market_with_echo()
    market:register { id = "local", handler = function(input) return input.n + 1 end }
    register(market, "inner")
    handler.functions.call = function(_, request)
      return { own = market:call("local", { n = 1 }), other = market:call("inner", { n = 2 }).input.n,
        input = request.input }
    end
    market:handler("outer", handler.functions)
    market:register { id = "x", metadata = { outer = { requires_session = "auto" } } }
    assert.same({ own = 2, other = 2, input = {} }, market:call "x")
  end)

  it("that raises in cancel or close, or an observer that raises, stops nothing and is not swallowed", function()
    local errors = {}
    local market = open { on_error = function(message) errors[#errors + 1] = message end }
    local handler = echo()
    handler.functions.close = function() error("in close", 0) end
    market:handler("echo", handler.functions)
    register(market, "a")
    market:on("session_opened", function() error("in observer", 0) end)
    assert(market:call "a")
    market:close()
    assert.same({ "in observer", "in close" }, errors)
  end)

  it("says what is wrong with it when it is registered", function()
    local market = open()
    raises("handler: the prefix is a word", market.handler, market, "a-b", {})
    raises("handler: expected a table of functions, got nil", market.handler, market, "a")
    raises("handler: unknown option 'opne' %(did you mean 'open'%?%)", market.handler, market, "a", { opne = print })
    raises("handler: option 'call': expected function, got string", market.handler, market, "a", { call = "f" })
    raises("handler: the functions open and call are needed", market.handler, market, "a", { open = print })
    fails("config", "'mcp' is registered already", market:handler("mcp", { open = print, call = print }))
    assert(market:handler("a", { open = print, call = print }))
    fails("config", "'a' is registered already", market:handler("a", { open = print, call = print }))
    local count = 1
    while market:handler("h" .. count, { open = print, call = print }) do
      count = count + 1
      assert(count < 100)
    end
    fails("limit", "session handlers", market:handler("more", { open = print, call = print }))
  end)
end)
