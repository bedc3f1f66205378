-- The servers that the other specs rely on: that the scripted one accepts what the official client does, sees
-- what a sloppy client does wrong, and does what its knobs say.

local cjson = require "cjson"
local by_hand = require "spec.support.by_hand"
local servers = require "spec.support.servers"

local run, quote, rpc = by_hand.run, by_hand.quote, by_hand.rpc
local official_client, post = by_hand.official_client, by_hand.post
local initialize, open_session = by_hand.initialize, by_hand.open_session

describe("the scripted server #harness", function()
  local server

  setup(function()
    server = servers.start("scripted")
  end)

  teardown(function()
    server:stop()
  end)

  before_each(function()
    server:reset()
  end)

  for _, revision in ipairs({ "2025-03-26", "2025-06-18", "2025-11-25" }) do
    for _, answer in ipairs({ "json", "sse" }) do
      it(("finds no fault with the official client at %s, answering as %s"):format(revision, answer), function()
        server:knobs({ revisions = { revision }, answer = answer, token = "s3cret", page = 3,
          priming = answer == "sse", chunks = answer == "sse" and 7 or 0 })
        local report = official_client("legacy", server.url, "s3cret")
        local ledger = server:ledger()
        assert.same({}, ledger.violations)
        assert.equal(revision, report.revision)
        assert.equal(10, report.tools)
        assert.equal("grüezi", report.echo)
        assert.equal(5, report.add.sum)
        assert.equal(answer == "sse" and 3 or 0, report.progress)
        assert.equal(1, ledger.methods.initialize)
        assert.equal(4, ledger.methods["tools/call"])
        assert.same(ledger.sessions.issued, ledger.sessions.deleted)
      end)
    end
  end

  it("finds no fault with the official client at 2026-07-28", function()
    server:knobs({ revisions = { "2026-07-28" } })
    local report = official_client("auto", server.url)
    assert.same({}, server:ledger().violations)
    assert.equal("2026-07-28", report.revision)
    assert.is_nil(server:ledger().methods.initialize)
  end)

  for _, way in ipairs({ "400", "404", "400-rpc", "404-rpc", "200-32601", "200-32602" }) do
    it("is recognised as a legacy server that refuses discovery with " .. way, function()
      server:knobs({ discover = way })
      assert.equal("2025-11-25", official_client("auto", server.url).revision)
      assert.same({}, server:ledger().violations)
    end)
  end

  it("gives the answer to a stream that it closed to whoever comes back with the event's id", function()
    server:knobs({ answer = "sse", poll = true, retry = 20 })
    local report = official_client("legacy", server.url)
    assert.equal("slept 30 ms", report.slow)
    assert.same({}, server:ledger().violations)
  end)

  it("asks for a ping and hears the answer", function()
    server:knobs({ answer = "sse", server_ping = true })
    official_client("legacy", server.url)
    assert.equal(4, server:ledger().replies)
    assert.same({}, server:ledger().violations)
  end)

  it("asks for the token and never writes it down", function()
    server:knobs({ token = "s3cret" })
    local status, body = initialize(server)
    assert.equal(401, status)
    assert.equal("missing required Authorization header", body)
    assert.equal(401, (post(server, "{}", "-H 'authorization: Bearer s3cret-nope'")))
    local ledger = server:ledger()
    assert.equal("wrong", ledger.log[2].headers.authorization)
    server:violations()
    assert.is_nil(cjson.encode(ledger.log):find("s3cret-nope", 1, true))
  end)

  it("notices what a sloppy client does wrong", function()
    local _, _, id = initialize(server)
    local session = ("-H 'mcp-session-id: %s'"):format(id)
    post(server, rpc(1, "tools/list"), session)
    post(server, { jsonrpc = "2.0", method = "notifications/initialized" }, session)
    post(server, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":[]}}',
      session .. " -H 'accept: application/json'")
    local text = table.concat(server:violations(), "\n")
    assert.truthy(text:find("tools/list before notifications/initialized", 1, true))
    assert.truthy(text:find("MCP-Protocol-Version is missing, 2025-06-18 was negotiated", 1, true))
    assert.truthy(text:find("the id 1 was used before", 1, true))
    assert.truthy(text:find("arguments is not an object", 1, true))
  end)

  it("notices modern headers that do not repeat the message", function()
    server:knobs({ revisions = { "2026-07-28" } })
    post(server, '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"x"},'
      .. '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}', "-H 'mcp-name: add'")
    local text = table.concat(server:violations(), "\n")
    assert.truthy(text:find("_meta has no clientCapabilities object", 1, true))
    assert.truthy(text:find("MCP-Protocol-Version is missing", 1, true))
    assert.truthy(text:find("Mcp-Method is missing", 1, true))
    assert.truthy(text:find("Mcp-Name is add", 1, true))
  end)

  it("forgets sessions, and says so in the ways of the field", function()
    local headers = open_session(server)
    local ping = rpc(1, "ping")
    assert.equal(200, (post(server, ping, headers)))
    server:drop_sessions()
    assert.equal(404, (post(server, ping, headers)))
    server:knobs({ lost = "400" })
    local status, body = post(server, ping, headers)
    assert.equal(400, status)
    assert.equal("Bad Request: No valid session ID provided", cjson.decode(body).error.message)
    server:knobs({ lost = "200" })
    status, body = post(server, ping, headers)
    assert.equal(200, status)
    assert.equal(-32001, cjson.decode(body).error.code)
    assert.equal(1, #server:ledger().sessions.dropped)
  end)

  it("ends a session after as many calls as it was told", function()
    server:knobs({ session_calls = 1 })
    local headers = open_session(server)
    local call = '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_me","arguments":{}}}'
    assert.equal(200, (post(server, call:format(1), headers)))
    assert.equal(404, (post(server, call:format(2), headers)))
    assert.equal(1, server:ledger().tools.get_me)
  end)

  it("fails the requests that it was told to fail, and only those", function()
    local headers = open_session(server)
    server:knobs({ faults = {
      { method = "ping", kind = "status", status = 503, after = 1, times = 2 },
      { method = "tools/list", kind = "truncated" },
      { method = "tools/list", kind = "invalid_json" },
      { method = "tools/list", kind = "rpc_error", code = -32603, message = "no" },
    } })
    local seen = {}
    for id = 1, 4 do
      seen[id] = post(server, rpc(id, "ping"), headers)
    end
    assert.same({ 200, 503, 503, 200 }, seen)
    local list = {}
    for id = 5, 8 do
      local _, body = post(server, rpc(id, "tools/list"), headers)
      local ok, value = pcall(cjson.decode, body or "")
      list[#list + 1] = not ok and "broken" or value.error and value.error.code or #value.result.tools
    end
    assert.same({ "broken", "broken", -32603, 10 }, list)
  end)

  it("executes a tool before a fault only when the fault says so", function()
    local headers = open_session(server)
    server:knobs({ faults = {
      { method = "tools/call", kind = "reset" },
      { method = "tools/call", kind = "reset", executed = true },
    } })
    local call = '{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"create_issue",'
      .. '"arguments":{"owner":"o","repo":"r","title":"t"}}}'
    post(server, call:format(1), headers)
    assert.same({}, server:ledger().created)
    post(server, call:format(2), headers)
    assert.same({ "t" }, server:ledger().created)
  end)

  it("has 130 issues, by pages", function()
    local headers = open_session(server)
    local function page(id, number)
      local _, body = post(server, ('{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":'
        .. '"list_issues","arguments":{"owner":"o","repo":"r","perPage":100,"page":%d}}}'):format(id, number),
        headers)
      return cjson.decode(cjson.decode(body).result.content[1].text)
    end
    assert.equal(100, #page(1, 1))
    local rest = page(2, 2)
    assert.equal(30, #rest)
    assert.equal(1, rest[30].number)
  end)

  it("refuses a knob that does not exist", function()
    assert.has_error(function() server:knobs({ tokne = "x" }) end)
  end)
end)

describe("a stdio server #harness", function()
  local function through_official_client(mode, spec)
    return by_hand.through_stdio(official_client, mode, spec)
  end

  it("of ours finds no fault with the official client, old and new", function()
    local legacy = servers.stdio("scripted")
    assert.equal("2025-11-25", through_official_client("legacy", legacy).revision)
    assert.same({}, legacy.ledger().violations)
    local modern = servers.stdio("scripted", { knobs = { revisions = { "2026-07-28" } } })
    assert.equal("2026-07-28", through_official_client("auto", modern).revision)
    assert.same({}, modern.ledger().violations)
  end)

  it("of the official packages speaks 2026-07-28", function()
    assert.equal("2026-07-28", through_official_client("auto", servers.stdio("modern")).revision)
  end)

  it("may flood its stderr, write garbage and answer out of order, and still be understood", function()
    local spec = servers.stdio("scripted", { knobs = { flood_stderr = 300000, garbage = true, out_of_order = true,
      page = 2 } })
    local report = through_official_client("legacy", spec)
    assert.equal(10, report.tools)
    assert.equal("grüezi", report.echo)
    assert.equal(5, report.add.sum)
    assert.equal("slept 30 ms", report.slow)
    assert.equal("meanwhile", report.meanwhile)
    assert.same({}, spec.ledger().violations)
  end)
end)

describe("servers #harness", function()
  it("of the official packages speak 2026-07-28 over HTTP, and older revisions when they may", function()
    local modern = servers.start("modern")
    assert.equal("2026-07-28", official_client("auto", modern.url).revision)
    modern:stop()
    local both = servers.start("modern", { legacy = "stateless", answer = "sse" })
    assert.equal("2025-11-25", official_client("legacy", both.url).revision)
    both:stop()
  end)

  it("are gone after stop, and a second stop does nothing", function()
    local server = servers.start("scripted")
    assert.is_true(server:is_alive())
    server:stop()
    assert.is_false(server:is_alive())
    server:stop()
  end)

  it("do not outlive a script that forgets them", function()
    local script = [[
      dofile "spec/support/paths.lua"
      local server = require("spec.support.servers").start("scripted")
      print(server.pid)
      error("this script fails")
    ]]
    local pid = run("lua5.4 -e " .. quote(script)):match("^(%d+)")
    assert.truthy(pid)
    assert.equal("", run("kill -0 " .. pid .. " 2>/dev/null && echo alive"))
  end)

  it("that do not start say why", function()
    local server = servers.start("scripted")
    local ok, message = pcall(servers.start, "scripted", { port = server.port })
    server:stop()
    assert.is_false(ok)
    assert.truthy(message:find("EADDRINUSE", 1, true))
  end)
end)
