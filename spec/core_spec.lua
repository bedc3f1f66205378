-- The half of the binding that is written in C, as the half that is written in Lua uses it.

local core = require "souk.core"
local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails, raises = help.open, help.fails, help.raises

after_each(help.clean_up)
teardown(help.stop_servers)

-- Fetches what the core has until `kind` comes; all that it gave.
local function wait_for(market, kind)
  for _ = 1, 200 do
    assert(market:_step(0.1))
    while true do
      local got = { market:_next() }
      if got[1] == kind then
        return got
      elseif got[1] == nil then
        break
      end
    end
  end
  error("it never came: " .. kind)
end

describe("libcurl", function()
  it("says what it is", function()
    assert.truthy(souk.libcurl():find "^libcurl/%d+%.%d+%.%d+")
  end)
end)

describe("values and schemas", function()
  local schema = {
    type = "object", properties = { name = { type = "string" }, tags = { type = "array" } }, required = { "name" },
  }

  it("are compared", function()
    assert.is_true(core.validate(schema, { name = "a" }))
    fails("schema", "^/name: expected string", core.validate(schema, { name = 1 }))
    fails("schema", "name", core.validate(schema, {}))
    assert.is_true(core.validate(true, 3))
    fails("schema", "", core.validate(false, 3))
  end)

  it("know an empty array from an empty object by the schema", function()
    assert.is_true(core.validate(schema, { name = "a", tags = {} }))
    assert.is_true(core.validate({ type = "object" }, {}))
    assert.is_true(core.validate({ type = "null" }, souk.null))
  end)

  it("are refused when they are none", function()
    fails("schema", "^the schema: ", core.validate({ type = "nonsense" }, 1))
    fails("schema", "^the schema: ", core.validate({ type = print }, 1))
    fails("schema", "cannot encode a function", core.validate(schema, { name = print }))
    raises("table expected", core.validate, "text", 1)
  end)
end)

it("abilities have a flag each", function()
  assert.same({ elicit_form = 1, elicit_url = 2, sample = 4, roots = 8, tasks = 16 }, core.abilities)
end)

describe("options", function()
  it("of a market say what answers the questions of servers", function()
    core.open { input = 1, abilities = 31 }
    raises("souk.open: option 'input': expected a whole number", core.open, { input = "x" })
    raises("souk.open: option 'abilities': expected a whole number", core.open, { abilities = 1.5 })
    raises("souk.open: unknown option 'input'", souk.open, { input = 1 })
  end)

  it("of a server say what it may ask and whether it is listened to", function()
    local market = open()
    local function add(options)
      options.url = "http://127.0.0.1:9/mcp"
      return market:_add_server("a", options)
    end
    for _, listen in ipairs { "auto", "never" } do
      assert.is_true(add { listen = listen, input = 1, abilities = 3, log_level = "warning" })
    end
    raises("add_server: option 'listen': expected auto, always or never", add, { listen = "sometimes" })
    raises("add_server: option 'log_level': expected debug, info", add, { log_level = "loud" })
    raises("add_server: option 'input': expected a whole number", add, { input = -1 })
  end)

  it("of a call are of the right type", function()
    local market = open()
    raises("call: option 'on_progress': expected a function, got number", market._call, market, "a", {},
      { on_progress = 1 })
    raises("call: option 'cap': expected a number of seconds", market._call, market, "a", {}, { cap = 0 })
    raises("call: option 'trace': expected a table, got string", market._call, market, "a", {}, { trace = "x" })
    raises("call: option 'traceparent': expected a string", market._call, market, "a", {},
      { trace = { traceparent = 1 } })
    raises("call: unknown option 'parent' %(there are: traceparent, tracestate, baggage%)", market._call, market, "a",
      {}, { trace = { parent = "x" } })
    fails("config", "no capability 'a'", market:_call("a", {}, {
      on_progress = print, cap = 1, trace = { traceparent = "a", tracestate = "b", baggage = "c" },
    }))
  end)
end)

describe("a server that nobody knows", function()
  it("cannot be asked for anything", function()
    local market = open()
    fails("config", "no server named 'x'", market:_special("x", "ping"))
    fails("config", "no server named 'x'", market:_subscribe("x", "a:b", true))
    assert.is_nil(market:_about "x")
    raises("expected notify, task, ping or log_level", market._special, market, "x", "pong")
  end)
end)

describe("listening", function()
  it("that fails is told, and tried again, and keeps nobody waiting", function()
    local market = open { open_timeout = 2 }
    market:_observe(true)
    assert(market:_add_server("gone", { url = "http://127.0.0.1:9/mcp", listen = "always" }))
    local note
    repeat
      note = wait_for(market, "note")
    until note[2] == "listening_failed"
    assert.equal("gone", note[3].server)
    assert.is_string(note[3].reason)
    local before = core.now()
    market:close()
    assert.is_true(core.now() - before < 2)
  end)

  it("to resources wants URIs", function()
    local market = open()
    assert(market:_add_server("gone", { url = "http://127.0.0.1:9/mcp", listen = "never" }))
    fails("config", "URI of a resource", market:_subscribe("gone", "", true))
    fails("config", "URI of a resource", market:_subscribe("gone", "\255", true))
    assert.is_true(market:_subscribe("gone", "a:b", true))
    assert.is_true(market:_subscribe("gone", "a:b", false))
  end)
end)

it("requests of a kind of their own end like calls", function()
  local market = open()
  local server = servers.start "scripted"
  assert(market:_add_server("http", { url = server.url }))
  local call = assert(market:_special("http", "ping"))
  local done = wait_for(market, "done")
  assert.equal(call, done[2])
  assert.is_table(done[3])
end)
