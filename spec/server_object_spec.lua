-- market:server(name): lists, resources, prompts, completion and the rest of what servers offer beside tools, in both
-- eras and over both transports. Subscriptions are in subscriptions_spec.lua, what is kept in cache_spec.lua.

local eras = require "spec.support.eras"
local help = require "spec.support.help"
local souk = require "souk"

local fails, raises = help.fails, help.raises

teardown(eras.stop)
after_each(eras.finish)

local function names(list, member)
  local out = {}
  for i, entry in ipairs(list) do
    out[i] = entry[member or "name"]
  end
  return out
end

local NOTES = { "note-1", "note-2", "note-3", "note-4", "note-5", "binary", "ask" }

eras.each(describe, function(case)
  local is_legacy = case.era == "legacy"
  -- Where the transport makes no difference one is enough: each child is a program that has to be started.
  local over_http = case.transport == "http" and it or function() end

  it("says about itself what the server said", function()
    local market = eras.connect(case)
    local info = assert(market:server("s"):info())
    assert.equal(case.revision, info.protocol)
    assert.equal(case.era, info.era)
    assert.equal(case.transport, info.transport)
    assert.is_string(info.name)
    assert.is_string(info.version)
    assert.is_string(info.instructions)
    assert.is_table(info.capabilities.tools)
  end)

  it("opens a session to find that out", function()
    local market, peer = eras.connect(case)
    local other = help.open()
    local options = { discover = false }
    for key, value in pairs(peer.where) do
      options[key] = value
    end
    assert.equal(0, (other:add_server("later", options)))
    assert.same({}, other:sessions())
    assert.equal(case.revision, other:server("later"):info().protocol)
    assert.equal(1, #other:sessions())
    assert.equal(case.revision, market:server("s"):info().protocol)
  end)

  it("lists what there is", function()
    local market = eras.connect(case)
    local server = market:server "s"
    local tools = assert(server:tools())
    assert.equal("get_me", tools[1].name)
    assert.equal("object", tools[1].inputSchema.type)
    assert.same(NOTES, names(server:resources()))
    assert.same({ "souk://users/{name}", "souk://days/{year}/{month}" },
      names(server:resource_templates(), "uriTemplate"))
    assert.same({ "greet", "review", "ask" }, names(server:prompts()))
  end)

  it("lists all pages", function()
    local market, peer = eras.connect(case, { knobs = { page = 3 } })
    assert.same(NOTES, names(market:server("s"):resources()))
    assert.equal(3, peer.ledger().methods["resources/list"])
    assert.equal(3, #assert(market:server("s"):prompts()))
  end)

  it("takes an empty cursor for a cursor", function()
    local market = eras.connect(case, { knobs = { page = 4, empty_cursor = true } })
    assert.same(NOTES, names(market:server("s"):resources()))
  end)

  over_http("does not walk pages that have no end", function()
    local market = eras.connect(case, { open = { max_pages = 3 }, server = { discover = false }, knobs = { page = 2 } })
    local err = fails("limit", "resources/list of server 's' has more than 3 pages", market:server("s"):resources())
    assert.equal("delivered", err.delivery)
    market = eras.connect(case, { server = { discover = false }, knobs = { page = 2, repeat_cursor = true } })
    fails("protocol", "resources/list repeats a cursor", market:server("s"):resources())
  end)

  it("reads resources", function()
    local market = eras.connect(case)
    local server = market:server "s"
    assert.same({ { uri = "souk://notes/2", mimeType = "text/plain", text = "Note 2, version 0" } },
      server:read "souk://notes/2")
    assert.equal("3q2+7w==", server:read("souk://binary")[1].blob)
    assert.same({ name = "jürg", version = 0 }, souk.json.decode(server:read("souk://users/j%C3%BCrg")[1].text))
    local err = fails("rpc", "Resource not found", server:read "souk://nowhere")
    assert.equal(is_legacy and -32002 or -32602, err.code)
    assert.equal("souk://nowhere", err.data.uri)
  end)

  it("gets prompts", function()
    local market = eras.connect(case)
    local server = market:server "s"
    local prompt = assert(server:prompt("greet", { name = "Ann" }))
    assert.equal("A greeting", prompt.description)
    assert.same({ "user", "assistant" }, names(prompt.messages, "role"))
    assert.equal("Greet Ann.", prompt.messages[1].content.text)
    assert.equal("Review this plainly: ", server:prompt("review").messages[1].content.text)
    fails("rpc", "Unknown prompt", server:prompt "nothing")
    fails("rpc", "is missing", server:prompt("greet", {}))
  end)

  over_http("completes arguments", function()
    local market = eras.connect(case)
    local server = market:server "s"
    assert.same({ values = { "brief", "bold", "baroque" }, total = 3, hasMore = false },
      server:complete({ prompt = "review" }, "style", "b"))
    assert.same({ "ann", "anton" }, server:complete({ template = "souk://users/{name}" }, "name", "an").values)
    local days = { template = "souk://days/{year}/{month}" }
    assert.same({ "2026-11" }, server:complete(days, "month", "2026-1", { arguments = { year = "2026" } }).values)
    local none = server:complete({ prompt = "review" }, "style", "zzz")
    assert.equal("[]", souk.json.encode(none.values))
    fails("rpc", "nothing to complete", server:complete({ prompt = "ask" }, "x", ""))
  end)

  it("is there, or not", function()
    local market = eras.connect(case)
    assert.is_true(market:server("s"):ping())
    fails("timeout", "", market:server("s"):request("tools/call",
      { name = "slow", arguments = { ms = 5000 } }, { timeout = 0.1 }))
  end)

  it("passes on any request, waiting or not", function()
    local market = eras.connect(case)
    local server = market:server "s"
    assert.equal(5, #server:request("tools/call", { name = "echo", arguments = { text = "12345" } }).content[1].text)
    local handle = assert(server:start("tools/call", { name = "slow", arguments = { ms = 20 } }))
    assert.is_false(handle:done())
    assert.equal("slept 20 ms", handle:wait().content[1].text)
    fails("rpc", "", server:request "unheard/of")
  end)

  it("passes on notifications", function()
    local market, peer = eras.connect(case)
    local server = market:server "s"
    if case.era == "modern" and case.transport == "http" then
      fails("config", "", server:notify("notifications/unheard/of"))
      return
    end
    assert.is_true(server:notify("notifications/unheard/of", { x = 1 }))
    assert(server:ping())
    assert.equal(1, peer.ledger().methods["notifications/unheard/of"])
  end)

  it("sends the log messages that are wanted", function()
    local market = eras.connect(case, { knobs = { answer = "sse" } })
    local server = market:server "s"
    local heard = {}
    market:on("log", function(event)
      heard[#heard + 1] = { event.server, event.level, event.logger, event.data }
    end)
    assert.is_true(server:log_level "warning")
    assert.equal("wrote 0", market:call("mcp.s.chatter", { level = "info" }))
    assert.equal("wrote 1", market:call("mcp.s.chatter", { level = "error", data = { why = { 1, 2 } } }))
    assert.same({ { "s", "error", "chatter", { why = { 1, 2 } } } }, heard)
    assert.is_true(server:log_level "debug")
    assert.equal("wrote 2", market:call("mcp.s.chatter", { times = 2 }))
    assert.equal(3, #heard)
  end)

  it("has the log level of add_server from the start, in every session", function()
    local market, peer = eras.connect(case, { server = { log_level = "info" } })
    assert.equal("wrote 1", market:call "mcp.s.chatter")
    if peer.server and is_legacy then
      peer.server:drop_sessions()
      assert.equal("wrote 1", market:call "mcp.s.chatter")
      assert.same({ "info", "info" }, peer.ledger().log_levels)
    end
  end)
end)

describe("a result that has not the shape that the protocol gives it", function()
  for shown, one in pairs {
    ["a list that is none"] = {
      "prompts", "prompts/list", { prompts = 5 }, "prompts/list has no list 'prompts'",
    },
    ["a cursor that is none"] = {
      "prompts", "prompts/list", { prompts = souk.array {}, nextCursor = 7 }, "has a nextCursor that is no string",
    },
    ["a resource without contents"] = { "read", "resources/read", {}, "has no list 'contents'" },
    ["a prompt without messages"] = { "prompt", "prompts/get", {}, "has no list 'messages'" },
    ["a result that is a text"] = { "prompt", "prompts/get", "text", "" },
  } do
    it("is an error: " .. shown, function()
      local market, peer = eras.connect(eras.cases[1])
      peer.knobs { faults = { { method = one[2], kind = "result", result = one[3] } } }
      local server = market:server "s"
      local err = fails("protocol", one[4], server[one[1]](server, one[1] ~= "prompts" and "souk://x" or nil))
      assert.equal("delivered", err.delivery)
    end)
  end

  it("is an error of completion", function()
    local market, peer = eras.connect(eras.cases[1])
    for _, result in ipairs { { completion = 1 }, { completion = { values = "x" } } } do
      peer.knobs { faults = { { method = "completion/complete", kind = "result", result = result } } }
      fails("protocol", "has no list 'completion.values'", market:server("s"):complete({ prompt = "x" }, "a", ""))
    end
  end)

  it("is not an end: a null for a cursor", function()
    local market, peer = eras.connect(eras.cases[1])
    peer.knobs { faults = { { method = "prompts/list", kind = "result",
      result = { prompts = { { name = "x" } }, nextCursor = souk.null } } } }
    assert.same({ "x" }, names(market:server("s"):prompts()))
  end)
end)

describe("market:server", function()
  it("raises for a server that was not added, or was removed", function()
    local market = help.open()
    raises("server: no server 'forge' was added", market.server, market, "forge")
    raises("expected the name of a server, got nil", market.server, market)
    assert(market:add_server("forge", { url = "http://127.0.0.1:1/mcp", discover = false }))
    raises("did you mean 'forge'", market.server, market, "frogge")
    local server = market:server "forge"
    assert.equal("souk.server (forge)", tostring(server))
    assert.equal("forge", server.name)
    assert.is_true(market:remove_server "forge")
    assert.is_false(market:remove_server "forge")
    raises("no server 'forge' was added", market.server, market, "forge")
    fails("config", "forge", server:tools())
  end)

  it("raises for misuse, and says of what", function()
    local market = help.open()
    assert(market:add_server("s", { url = "http://127.0.0.1:1/mcp", discover = false }))
    local s = market:server "s"
    raises("read: expected a URI, got nil", s.read, s)
    raises("subscribe: expected a URI, got number", s.subscribe, s, 1)
    raises("unsubscribe: expected a URI, got table", s.unsubscribe, s, {})
    raises("prompt: expected the name of a prompt, got nil", s.prompt, s)
    raises("prompt: arguments: expected a table, got string", s.prompt, s, "x", "y")
    raises("prompt: argument 'n': expected a string, got number", s.prompt, s, "x", { n = 1 })
    raises("complete: expected either {prompt = name} or {template = uri}", s.complete, s, { name = "x" }, "a", "")
    raises("complete: expected the name of an argument, got nil", s.complete, s, { prompt = "x" })
    raises("complete: expected what was typed so far, got nil", s.complete, s, { prompt = "x" }, "a")
    raises("log_level: there is no level 'loud' %(there are: debug, info", s.log_level, s, "loud")
    raises("request: expected a method, got nil", s.request, s)
    raises("start: expected a method, got nil", s.start, s)
    raises("notify: expected a method, got nil", s.notify, s)
    raises("task: expected the id of a task, got nil", s.task, s)
    raises("expected a table of options, got number", s.tools, s, 5)
    raises("unknown option 'frehs'", s.tools, s, { frehs = true })
  end)

  it("tells a server that is not there from one that has nothing", function()
    local market = help.open()
    assert(market:add_server("s", { url = "http://127.0.0.1:1/mcp", discover = false }))
    local server = market:server "s"
    for _, method in ipairs { "info", "ping", "tools", "resources", "resource_templates", "prompts" } do
      fails("transport", "", server[method](server))
    end
    fails("transport", "", server:read "x")
    fails("transport", "", server:log_level "info")
  end)
end)
