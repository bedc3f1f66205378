-- MCP over Streamable HTTP, against the scripted server: revisions, answers, tools, sessions, time and resending.
-- Credentials and headers are in mcp_auth_spec.lua, faults in errors_spec.lua.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails = help.open, help.fails

local LEGACY = { "2025-03-26", "2025-06-18", "2025-11-25" }
local MODERN = "2026-07-28"

local server
local controls -- requests of our own since the ledger is empty; each had a connection of its own

setup(function()
  server = servers.start "scripted"
end)

teardown(help.stop_servers)

before_each(function()
  server:reset()
  controls = 0
end)

local function knobs(changes)
  controls = controls + 1
  server:knobs(changes)
end

local function drop_sessions()
  controls = controls + 1
  server:drop_sessions()
end

-- The ledger, with souk's connections only.
local function ledger_now()
  controls = controls + 1
  local ledger = server:ledger()
  ledger.connections = ledger.connections - controls
  return ledger
end

-- Whatever a spec does, souk keeps the rules of the revision that it speaks.
after_each(function()
  help.clean_up()
  assert.same({}, ledger_now().violations)
end)

-- A market that knows the tools of the server as mcp.s.*; the second value says how many there are.
local function connect(options, server_options)
  local market = open(options)
  local copy = { url = server.url }
  for key, value in pairs(server_options or {}) do
    copy[key] = value
  end
  local tools, diagnostics = market:add_server("s", copy)
  assert(tools, diagnostics)
  return market, tools, diagnostics
end

-- A market with one capability that leads to a tool of the server, which is not asked for anything yet.
local function market_of(id, tool)
  local market = open()
  local metadata = { mcp = { server_url = server.url, tool_name = tool } }
  assert(market:register { id = id, provider = "MCP", metadata = metadata })
  return market
end

local function count(method)
  return ledger_now().methods[method] or 0
end

-- The entries of the server's log for one JSON-RPC method.
local function logged(method)
  local list = {}
  for _, entry in ipairs(ledger_now().log) do
    if entry.method == method then
      list[#list + 1] = entry
    end
  end
  return list
end

-- Checks one result of every kind.
local function check_results(market)
  assert.equal("grüezi", market:call("mcp.s.echo", { text = "grüezi" }))
  assert.same({ sum = 5 }, market:call("mcp.s.add", { a = 2, b = 3 }))
  assert.equal("souk-tester", market:call("mcp.s.get_me").login)
  local value = { list = souk.array {}, null = souk.null, deep = { { { "x" } } }, big = 9007199254740991, text = "\0" }
  assert.same(value, market:call("mcp.s.mirror", value))
  local mixed = market:call "mcp.s.mixed"
  assert.equal("image/png", mixed[2].mimeType)
  assert.equal(3, #mixed)
  local err = fails("tool", "it did not work", market:call "mcp.s.fail")
  assert.equal("delivered", err.delivery)
  assert.equal("mcp.s.fail", err.capability)
  assert.is_true(err.data.isError)
  assert.equal(100, #market:call("mcp.s.list_issues", { owner = "o", repo = "r", perPage = 100 }))
end

describe("MCP over HTTP", function()
  for _, revision in ipairs { LEGACY[1], LEGACY[2], LEGACY[3], MODERN } do
    for name, answer in pairs {
      JSON = { answer = "json" },
      ["JSON in pieces"] = { answer = "json", chunks = 100 },
      ["event streams"] = { answer = "sse" },
      ["event streams in odd pieces, primed"] = { answer = "sse", chunks = 7, priming = true },
    } do
      it(("speaks %s, answered by %s"):format(revision, name), function()
        answer.revisions = { revision }
        knobs(answer)
        local market, tools = connect(nil, { listen = false })
        assert.equal(10, tools)
        check_results(market)
        assert.equal(revision, market:sessions()[1].protocol)
        market:close()
        local ledger = ledger_now()
        assert.equal(1, ledger.methods["server/discover"])
        assert.equal(revision ~= MODERN and 1 or nil, ledger.methods.initialize)
        assert.equal(revision ~= MODERN and 1 or nil, ledger.methods["notifications/initialized"])
        assert.same(ledger.sessions.issued, ledger.sessions.deleted)
        -- Behind an answer the stream may stay open for a moment, and the next request does not wait for that.
        assert.truthy(ledger.connections <= (answer.answer == "sse" and 2 or 1))
      end)
    end
  end

  it("answers the ping of a server in the middle of a call", function()
    knobs { answer = "sse", server_ping = true }
    local market = connect()
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    assert.equal(1, ledger_now().replies)
  end)

  it("works without session ids", function()
    knobs { session = "none" }
    local market = connect()
    check_results(market)
    assert.equal("stateless", market:sessions()[1].id)
    market:close()
    assert.is_nil(ledger_now().http.DELETE)
  end)

  it("keeps integers exact in both directions", function()
    local market = connect()
    local result = market:call("mcp.s.mirror", { small = -1, most = 9007199254740991, half = 0.5 })
    assert.equal('0.5', souk.json.encode(result.half))
    assert.equal('9007199254740991', souk.json.encode(result.most))
    assert.equal('-1', souk.json.encode(result.small))
  end)
end)

describe("finding out the revision", function()
  for _, way in ipairs { "400", "404", "405", "400-rpc", "404-rpc", "200-32601", "200-32602" } do
    it("takes a refusal of server/discover by " .. way .. " for a legacy server", function()
      knobs { discover = way }
      local market = connect()
      assert.equal("2025-11-25", market:sessions()[1].protocol)
      assert.equal(1, count "initialize")
    end)
  end

  it("does not take trouble for an answer: it fails, and the next call asks again", function()
    knobs { discover = "500" }
    local market = open()
    local err = fails("transport", "HTTP status 500", market:add_server("s", { url = server.url }))
    assert.equal(500, err.status)
    assert.equal("not_sent", err.delivery)
    assert.is_true(err.retryable)
    assert.equal(0, count "initialize")
    knobs { discover = "400" }
    assert.equal(10, market:refresh "s")
    assert.equal(2, count "server/discover")
  end)

  it("does not wait for ever", function()
    knobs { discover = "hang" }
    local market = open { open_timeout = 0.2 }
    local err = fails("timeout", "server 's'.*option open_timeout", market:add_server("s", { url = server.url }))
    assert.equal("not_sent", err.delivery)
  end)

  it("is done once for each endpoint, also when its session is lost or closed", function()
    local now = 0
    -- What is listened to is not idle.
    local market = connect({ clock = function() return now end, idle_timeout = 10 }, { listen = false })
    drop_sessions()
    assert(market:call "mcp.s.get_me")
    now = now + 20
    market:step(0)
    help.step_until(market, function() return #market:sessions() == 0 end)
    assert(market:call "mcp.s.get_me")
    assert.equal(3, count "initialize")
    assert.equal(1, count "server/discover")
  end)

  it("is done again when a server has become a modern one", function()
    local market = connect()
    knobs { revisions = { MODERN } }
    drop_sessions()
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    assert.equal(MODERN, market:sessions()[1].protocol)
  end)

  it("is done again when a modern server has become a legacy one", function()
    knobs { revisions = { MODERN } }
    local market = connect()
    knobs { revisions = LEGACY }
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    assert.equal("2025-11-25", market:sessions()[1].protocol)
    assert.equal(1, ledger_now().tools.echo)
  end)

  for _, revision in ipairs { LEGACY[1], LEGACY[2], LEGACY[3], MODERN } do
    it("is left out when protocol_version pins " .. revision, function()
      knobs { revisions = { LEGACY[1], LEGACY[2], LEGACY[3], MODERN } }
      local market = connect({}, { protocol_version = revision })
      assert.equal(revision, market:sessions()[1].protocol)
      assert.equal(0, count "server/discover")
    end)
  end

  it("fails when the server does not speak the pinned revision", function()
    knobs { revisions = { "2025-06-18" } }
    local market = open()
    fails("protocol", "server 's': the server speaks 2025%-06%-18, and protocol_version asks for 2025%-11%-25",
      market:add_server("s", { url = server.url, protocol_version = "2025-11-25" }))
    local err = fails("protocol", "status 400", market:add_server("t", { url = server.url, protocol_version = MODERN }))
    assert.equal(400, err.status)
    knobs { revisions = { MODERN } }
    fails("rpc", "Unsupported protocol version",
      market:add_server("u", { url = server.url, protocol_version = "2025-11-25" }))
  end)

  it("fails at once for a revision that souk does not speak", function()
    fails("config", "protocol_version of server 's': '2024%-01%-01' is none that souk speaks",
      open():add_server("s", { url = server.url, protocol_version = "2024-01-01" }))
    assert.equal(0, ledger_now().connections)
  end)

  it("fails when the server names a revision that nobody knows", function()
    knobs { answer_revision = "2031-01-01" }
    fails("protocol", "2031%-01%-01", open():add_server("s", { url = server.url }))
  end)
end)

describe("the tools of a server", function()
  it("are registered as mcp.<server>.<tool>, with all that the server says about them", function()
    local market = connect()
    local manifest = market:get "mcp.s.add"
    assert.equal("add", manifest.name)
    assert.equal("The sum of two numbers.", manifest.description)
    assert.equal("s", manifest.server)
    assert.equal("mcp", manifest.provider_kind)
    assert.same({ "a", "b" }, manifest.input_schema.required)
    assert.equal("number", manifest.output_schema.properties.sum.type)
    assert.is_true(manifest.annotations.readOnlyHint)
    assert.equal(server.url, manifest.metadata.mcp_server_url)
    assert.equal("add", manifest.metadata.mcp_tool_name)
    assert.equal("Get my user profile", market:get("mcp.s.get_me").name)
    assert.equal(10, #market:list { server = "s" })
  end)

  it("come in pages, and a cursor may be empty", function()
    knobs { page = 3, empty_cursor = true }
    local _, tools = connect()
    assert.equal(10, tools)
    assert.equal(4, count "tools/list")
  end)

  it("that have no end are an error", function()
    knobs { page = 3, repeat_cursor = true }
    local market = open()
    fails("protocol", "server 's'.*repeats a cursor", market:add_server("s", { url = server.url }))
    assert.truthy(count "tools/list" < 5)
  end)

  it("are bounded in number and in pages", function()
    knobs { page = 3 }
    fails("limit", "max_pages", open({ max_pages = 2 }):add_server("s", { url = server.url }))
    fails("limit", "max_tools", open({ max_tools = 5 }):add_server("s", { url = server.url }))
  end)

  -- Answers the next tools/list with this list; `id` is the request's.
  local function offer(id, tools)
    knobs { faults = { { method = "tools/list", kind = "body",
      body = souk.json.encode { jsonrpc = "2.0", id = id, result = { tools = tools } } } } }
  end

  local function tool(name, fields)
    local one = { name = name, inputSchema = { type = "object" } }
    for key, value in pairs(fields or {}) do
      one[key] = value
    end
    return one
  end

  it("that cannot be used are told about, and lose none of the others", function()
    offer(2, { tool "good", { description = "nameless" }, tool "", tool "a\nb", tool(12), tool(("x"):rep(2000)), 7,
      tool("odd", { inputSchema = { type = "nonsense" } }), tool("no schema", { inputSchema = souk.null }) })
    local market, tools, diagnostics = connect({}, { protocol_version = "2025-11-25" })
    assert.equal(tools, #market:list())
    assert.truthy(market:get "mcp.s.good")
    assert.truthy(market:get "mcp.s.odd")
    assert.truthy(market:get "mcp.s.no schema")
    assert.equal(9 - tools, #diagnostics)
    for _, diagnostic in ipairs(diagnostics) do
      assert.truthy(diagnostic.severity == "warning" or diagnostic.severity == "error")
      assert.is_string(diagnostic.message)
    end
  end)

  it("that are gone leave the marketplace at the next refresh, and new ones come", function()
    local market = connect()
    offer(4, { tool "echo", tool "fresh" })
    assert.equal(2, market:refresh "s")
    assert.is_nil(market:get "mcp.s.add")
    assert.truthy(market:get "mcp.s.fresh")
    assert.equal(2, #market:list { server = "s" })
    assert.equal(10, market:refresh "s")
  end)

  it("leave the others alone when a refresh fails", function()
    local market = connect()
    knobs { faults = { { method = "tools/list", kind = "rpc_error", code = -32603, message = "no list" } } }
    fails("rpc", "no list", market:refresh "s")
    assert.equal(10, #market:list { server = "s" })
  end)

  it("go when the server is removed, and its session is closed", function()
    local market = connect()
    assert.is_true(market:remove_server "s")
    assert.is_false(market:remove_server "s")
    assert.same({}, market:list())
    help.step_until(market, function() return #market:sessions() == 0 end)
    assert.equal(1, #ledger_now().sessions.deleted)
    fails("config", "there is no server named 's'", market:refresh "s")
    fails("config", "there is no server named 's'", market:request("s", "ping"))
  end)

  it("may wait: with discover = false nothing is asked until it has to be", function()
    local market = open()
    assert.equal(0, market:add_server("s", { url = server.url, discover = false }))
    assert.equal(0, ledger_now().connections)
    assert.equal(10, market:refresh "s")
  end)

  it("are called with input that fits their schemas", function()
    local market = connect()
    local err = fails("schema", "input of 'mcp.s.add': .*b", market:call("mcp.s.add", { a = 1 }))
    assert.equal("not_sent", err.delivery)
    assert.equal(0, count "tools/call")
    fails("tool", "'b' is missing", market:call("mcp.s.add", { a = 1 }, { validate = false }))
  end)

  it("give everything when raw is asked for", function()
    local market = connect()
    local result = market:call("mcp.s.add", { a = 1, b = 2 }, { raw = true })
    assert.equal(3, result.structuredContent.sum)
    assert.equal("text", result.content[1].type)
    result = market:call("mcp.s.fail", { message = "so it is" }, { raw = true })
    assert.is_true(result.isError)
    assert.equal("so it is", result.content[1].text)
  end)
end)

describe("requests of the protocol", function()
  it("give the whole result", function()
    local market = connect()
    assert.same({}, market:request("s", "ping"))
    assert.equal(10, #market:request("s", "tools/list", {}).tools)
    local result = market:request("s", "tools/call", { name = "echo", arguments = { text = "hi" } })
    assert.equal("hi", result.content[1].text)
  end)

  it("that the server does not know fail with its code", function()
    local market = connect()
    local err = fails("rpc", "Method not found: nonsense/list", market:request("s", "nonsense/list"))
    assert.equal(-32601, err.code)
    assert.equal("rejected", err.delivery)
  end)

  it("work with a modern server, too", function()
    knobs { revisions = { MODERN } }
    local market = connect()
    assert.equal("complete", market:request("s", "tools/list").resultType)
    local result = market:request("s", "tools/call", { name = "echo", arguments = { text = "hi" } })
    assert.equal("hi", result.content[1].text)
    local entry = logged "tools/call"[1]
    assert.equal("tools/call", entry.headers["mcp-method"])
    assert.equal("echo", entry.headers["mcp-name"])
  end)
end)

describe("a session", function()
  it("serves every tool of its server", function()
    local market = connect()
    market:call("mcp.s.echo", { text = "x" })
    market:call "mcp.s.get_me"
    market:call("mcp.s.add", { a = 1, b = 2 })
    assert.equal(1, count "initialize")
    local session = market:sessions()[1]
    assert.equal(4, session.calls)
    assert.equal("open", session.state)
    assert.equal(1, session.generation)
    assert.equal(3, market:stats().sessions_reused)
  end)

  it("serves every capability file that names the same server", function()
    local market = open { env = { WHERE = server.url } }
    for _, tool in ipairs { "get_me", "echo" } do
      market:load_text(([[(capability "files.%s" :provider "MCP" :metadata {:mcp {:server_url "http://unused.invalid/"
        :server_name "s" :tool_name "%s" :requires_session "auto" :server_url_override_env "WHERE"}})]])
        :format(tool, tool))
    end
    assert.equal("souk-tester", market:call("files.get_me").login)
    assert.equal("x", market:call("files.echo", { text = "x" }))
    assert.equal(1, count "initialize")
  end)

  it("is shown shortened, never whole", function()
    local market = connect()
    local issued = ledger_now().sessions.issued[1]
    local shown = market:sessions()[1].id
    assert.truthy(#shown < 16 and not issued:find(shown, 1, true))
    assert.equal(issued:sub(1, 4), shown:sub(1, 4))
  end)

  it("is never shared between identities, and neither is a connection", function()
    local market = connect()
    market:call("mcp.s.get_me", {}, { identity = "ann" })
    market:call("mcp.s.get_me", {}, { identity = "bob" })
    market:call("mcp.s.get_me", {}, { identity = "ann" })
    assert.equal(3, count "initialize")
    assert.equal(3, ledger_now().connections)
    local ids = {}
    for _, entry in ipairs(logged "tools/call") do
      ids[#ids + 1] = entry.headers["mcp-session-id"]
    end
    assert.equal(ids[1], ids[3])
    assert.not_equal(ids[1], ids[2])
  end)

  it("serves 64 calls at once", function()
    knobs { all_tools = true }
    local market = connect()
    local handles = {}
    for i = 1, 64 do
      handles[i] = assert(market:start("mcp.s.meet", { count = 64 })) -- none is answered before all are there
    end
    assert.equal(64, market:stats().in_flight)
    for i = 1, 64 do
      assert.equal("met 64", handles[i]:wait())
    end
    local ledger = ledger_now()
    assert.equal(64, ledger.max_in_flight)
    assert.equal(1, ledger.methods.initialize)
  end)

  it("is opened once for 200 calls that find none", function()
    local market = market_of("cold.echo", "echo")
    local handles = {}
    for i = 1, 200 do
      handles[i] = assert(market:start("cold.echo", { text = "call " .. i }))
    end
    for i = 1, 200 do
      assert.equal("call " .. i, handles[i]:wait())
    end
    local ledger = ledger_now()
    assert.equal(1, ledger.methods["server/discover"])
    assert.equal(1, ledger.methods.initialize)
    assert.equal(200, ledger.tools.echo)
  end)

  it("ends with DELETE, and a server may not like that", function()
    knobs { delete = "405" }
    local market = connect()
    market:close()
    assert.equal(1, ledger_now().http.DELETE)
    assert.same({}, ledger_now().sessions.deleted)
  end)

  it("does not keep close waiting when its server is gone", function()
    local other = servers.start "scripted"
    local market = open()
    assert(market:add_server("other", { url = other.url }))
    other:stop()
    local core = require "souk.core"
    local before = core.now()
    market:close()
    assert.truthy(core.now() - before < 5)
  end)
end)

describe("a session that the server has lost", function()
  for _, way in ipairs { "404", "404-plain", "400", "200" } do
    it(("is opened again once, and the call is made again once (%s)"):format(way), function()
      local events = {}
      local market = connect()
      assert(market:call "mcp.s.get_me")
      market:on("*", function(event)
        if event.name:find "^session" then
          events[#events + 1] = event.name
        end
      end)
      knobs { lost = way }
      drop_sessions()
      assert.equal("souk-tester", assert(market:call "mcp.s.get_me").login)
      local ledger = ledger_now()
      assert.equal(2, ledger.methods.initialize)
      assert.equal(3, ledger.methods["tools/call"])
      assert.equal(2, ledger.tools.get_me)
      assert.equal(1, market:stats().calls_resent)
      assert.equal(1, market:stats().sessions_lost)
      assert.equal(2, market:sessions()[1].generation)
      assert.same({ "session_reused", "session_lost", "session_opening", "session_renewed" }, events)
    end)
  end

  it("costs one opening for all of 64 calls, and each is executed once", function()
    local market = connect()
    drop_sessions()
    local handles = {}
    for i = 1, 64 do
      handles[i] = assert(market:start("mcp.s.create_issue", { owner = "o", repo = "r", title = "issue " .. i }))
    end
    for i = 1, 64 do
      assert.is_number(assert(handles[i]:wait()).number)
    end
    local ledger = ledger_now()
    assert.equal(2, ledger.methods.initialize)
    assert.equal(64, #ledger.created)
    local seen = {}
    for _, title in ipairs(ledger.created) do
      assert.is_nil(seen[title])
      seen[title] = true
    end
    assert.equal(64, market:stats().calls_resent)
  end)

  it("in the middle of many calls disturbs none of them", function()
    knobs { session_calls = 40 }
    local market = connect()
    local handles = {}
    for i = 1, 64 do
      handles[i] = assert(market:start("mcp.s.create_issue", { owner = "o", repo = "r", title = "issue " .. i }))
    end
    for i = 1, 64 do
      assert(handles[i]:wait())
    end
    local ledger = ledger_now()
    assert.equal(64, #ledger.created)
    assert.equal(2, ledger.methods.initialize)
  end)

  it("twice in one call fails it, with the promise that it was not executed", function()
    local market = connect()
    knobs { faults = { { method = "tools/call", kind = "status", status = 404, times = 2 } } }
    local err = fails("protocol", "server 's'.*HTTP status 404", market:call "mcp.s.get_me")
    assert.equal("rejected", err.delivery)
    assert.equal(404, err.status)
    assert.equal(2, count "tools/call")
    assert.is_nil(ledger_now().tools.get_me)
  end)

  it("fails its calls when it cannot be opened again", function()
    local market = connect()
    drop_sessions()
    knobs { faults = { { method = "initialize", kind = "status", status = 503, body = "busy" } } }
    local err = fails("transport", "HTTP status 503", market:call "mcp.s.get_me")
    assert.equal("not_sent", err.delivery)
    assert.is_true(err.retryable)
    assert(market:call "mcp.s.get_me")
  end)
end)

describe("time", function()
  it("closes sessions that are idle, by the program's clock", function()
    local now = 1000
    local market = connect({ clock = function() return now end, idle_timeout = 60 }, { listen = false })
    now = now + 59
    assert(market:call "mcp.s.get_me")
    now = now + 59
    market:step(0)
    assert.equal(1, #market:sessions())
    assert.equal(59, market:sessions()[1].idle)
    local reason
    market:on("session_closed", function(event) reason = event.reason end)
    now = now + 2
    market:step(0)
    help.step_until(market, function() return #market:sessions() == 0 end)
    assert.equal("idle_timeout", reason)
    assert.equal(1, #ledger_now().sessions.deleted)
    assert(market:call "mcp.s.get_me")
    assert.equal(2, count "initialize")
  end)

  it("replaces sessions that are old, also when they are in use", function()
    local now = 1000
    local market = connect { clock = function() return now end, max_life = 100, idle_timeout = 1000 }
    local handle = market:start("mcp.s.slow", { ms = 300 }, { timeout = 500 })
    market:step(0.05)
    now = now + 30
    market:step(0)
    assert.equal(1, #market:sessions())
    now = now + 71
    market:step(0)
    assert(market:call "mcp.s.get_me")
    assert.equal("slept 300 ms", handle:wait())
    assert.equal(2, count "initialize")
    help.step_until(market, function() return #market:sessions() == 1 end)
    assert.equal(1, #ledger_now().sessions.deleted)
  end)

  it("ends a call whose answer does not come, and the server is told", function()
    local market = connect()
    local err = fails("timeout", "no answer within 0.2 s", market:call("mcp.s.slow", { ms = 3000 }, { timeout = 0.2 }))
    assert.equal("ambiguous", err.delivery)
    assert.equal("mcp.s.slow", err.capability)
    assert.is_true(err.retryable)
    help.step_until(market, function() return #ledger_now().cancelled >= 1 and ledger_now().aborted >= 1 end)
    local ledger = ledger_now()
    assert.equal(1, #ledger.cancelled)
    assert.equal(1, ledger.aborted)
    assert.equal(logged "tools/call"[1].id, ledger.cancelled[1])
    assert(market:call "mcp.s.get_me")
    assert.equal(1, ledger.methods.initialize)
  end)

  it("ends a call that waits for its session, which was not sent", function()
    knobs { delay = 400 }
    local market = open()
    market:add_server("s", { url = server.url, discover = false })
    local err = fails("timeout", "no session could be had within 0.2 s",
      market:request("s", "ping", {}, { timeout = 0.2 }))
    assert.equal("not_sent", err.delivery)
  end)

  it("is limited for each server, and for each call", function()
    local market = open()
    market:add_server("s", { url = server.url, timeout = 1, discover = false })
    assert(market:request("s", "ping", {}, { timeout = 30 })) -- the limit is not for the opening of the session
    assert(market:refresh "s")
    fails("timeout", "within 1.0 s", market:call("mcp.s.slow", { ms = 60000 }))
    assert.equal("slept 1300 ms", market:call("mcp.s.slow", { ms = 1300 }, { timeout = 30 }))
    market = connect({ call_timeout = 0.2 }, { timeout = 30 })
    assert.equal("slept 300 ms", market:call("mcp.s.slow", { ms = 300 }))
  end)

  it("passes by the program's clock for calls, too", function()
    local now = 0
    local market = connect { clock = function() return now end }
    local handle = market:start("mcp.s.slow", { ms = 3000 })
    market:step(0.05)
    assert.is_false(handle:done())
    now = 61
    assert.is_true(handle:done())
    fails("timeout", "no answer within 60.0 s", handle:wait())
  end)
end)

describe("cancelling", function()
  it("tells a legacy server, and leaves the others alone", function()
    local market = connect()
    local first, second = market:start("mcp.s.slow", { ms = 60000 }), market:start("mcp.s.slow", { ms = 300 })
    help.step_until(market, function() return ledger_now().max_in_flight == 2 end)
    first:cancel()
    local err = fails("cancelled", "cancelled by the caller", first:wait())
    assert.equal("ambiguous", err.delivery)
    assert.equal("slept 300 ms", second:wait())
    help.step_until(market, function() return #ledger_now().cancelled == 1 end)
    assert.equal(logged "tools/call"[1].id, ledger_now().cancelled[1])
  end)

  it("closes the stream of a modern server", function()
    knobs { revisions = { MODERN } }
    local market = connect()
    local handle = market:start("mcp.s.slow", { ms = 60000 })
    help.step_until(market, function() return ledger_now().in_flight == 1 end)
    handle:cancel()
    fails("cancelled", "cancelled", handle:wait())
    help.step_until(market, function() return ledger_now().aborted == 1 end)
    assert.same({}, ledger_now().cancelled)
  end)

  it("of a call that waits says that it was not sent", function()
    local market = market_of("x", "get_me")
    local handle = market:start "x"
    handle:cancel()
    assert.equal("not_sent", fails("cancelled", "cancelled", handle:wait()).delivery)
    assert(market:call "x")
    assert.equal(1, ledger_now().tools.get_me)
  end)
end)

describe("closing the market", function()
  it("ends what is under way: every handle is told, once, and can be asked afterwards", function()
    local market = connect()
    local told = {}
    local running = market:start("mcp.s.slow", { ms = 5000 })
    local waiting = market:start("mcp.s.slow", { ms = 5000 }, { identity = "ann" })
    for name, handle in pairs { running = running, waiting = waiting } do
      handle:on_done(function(value, err)
        assert(value == nil)
        told[#told + 1] = name .. " " .. err.kind
      end)
    end
    help.step_until(market, function() return ledger_now().in_flight >= 1 end)
    market:close()
    table.sort(told)
    assert.equal("running closed", told[1])
    assert.equal(2, #told)
    assert.equal("ambiguous", fails("closed", "the pool was closed", running:wait()).delivery)
    assert.is_true(running:done())
    running:cancel()
    running:on_done(function(_, err) told[3] = err.kind end)
    assert.equal("closed", told[3])
    assert.equal("souk.handle (call 2, failed)", tostring(running))
    help.clean_up()
    local ledger = ledger_now()
    assert.same(#ledger.sessions.issued, #ledger.sessions.deleted)
  end)

  it("may happen in a callback or in an observer", function()
    local market = connect()
    local handle = market:start "mcp.s.get_me"
    local other = market:start("mcp.s.slow", { ms = 5000 })
    handle:on_done(function() market:close() end)
    assert.equal("souk-tester", assert(handle:wait()).login)
    fails("closed", "closed", other:wait())
    market = open()
    market:on("session_opened", function() market:close() end)
    fails("closed", "closed", market:add_server("s", { url = server.url }))
    assert.equal("souk.market (closed)", tostring(market))
  end)
end)

describe("a call that may have been executed", function()
  it("is never sent twice", function()
    local market = connect()
    knobs { faults = { { method = "tools/call", kind = "reset", executed = true } } }
    local err = fails("transport", "closed before an answer came",
      market:call("mcp.s.create_issue", { owner = "o", repo = "r", title = "once" }))
    assert.equal("ambiguous", err.delivery)
    assert.is_true(err.retryable)
    assert.same({ "once" }, ledger_now().created)
  end)

  it("is not sent twice either when the server says that something else is wrong", function()
    local market = connect()
    for _, fault in ipairs {
      { kind = "status", status = 500 }, { kind = "status", status = 502 }, { kind = "truncated" },
      { kind = "invalid_json" }, { kind = "rpc_error", code = -32603 },
    } do
      fault.method, fault.executed = "tools/call", true
      knobs { faults = { fault } }
      assert.is_nil(market:call("mcp.s.create_issue", { owner = "o", repo = "r", title = fault.kind }))
    end
    assert.equal(5, #ledger_now().created)
  end)
end)
