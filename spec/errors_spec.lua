-- What goes wrong, and what a person is told about it: situation -> kind, delivery, message.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails = help.open, help.fails

local server

setup(function()
  server = servers.start "scripted"
end)

teardown(help.stop_servers)

before_each(function()
  server:reset()
end)

after_each(function()
  help.clean_up()
  assert.same({}, server:ledger().violations)
end)

local function connect(options, server_options)
  local market = open(options)
  local copy = { url = server.url }
  for key, value in pairs(server_options or {}) do
    copy[key] = value
  end
  assert(market:add_server("s", copy))
  return market
end

local function deep(opening, closing, count)
  return opening:rep(count) .. "1" .. closing:rep(count)
end

describe("no way to the server:", function()
  local function refused(url, options)
    local copy = { url = url }
    for key, value in pairs(options or {}) do
      copy[key] = value
    end
    return open({ connect_timeout = 2 }):add_server("s", copy)
  end

  local function check(kind, pattern, retryable, value, err)
    fails(kind, "^server 's': .*" .. pattern, value, err)
    assert.equal("not_sent", err.delivery)
    assert.equal(retryable, err.retryable)
    assert.truthy(tostring(err):find(err.message, 1, true))
  end

  it("a port that nobody listens on", function()
    local value, err = refused "http://127.0.0.1:1/mcp"
    check("transport", "could not connect to 127.0.0.1:1: Connection refused", true, value, err)
    assert.equal("transport: server 's': could not connect to 127.0.0.1:1: Connection refused (delivery not_sent)",
      tostring(err))
  end)

  it("a name that does not exist", function()
    check("transport", "could not resolve host no%-such%-host%.invalid", true,
      refused "http://no-such-host.invalid/mcp")
  end)

  it("a certificate that nobody trusts, until its file is given", function()
    local secure = servers.start("scripted", { tls = true })
    check("transport", "the certificate of 127.0.0.1 was not accepted: ", false, refused(secure.url))
    assert.equal(10, refused(secure.url, { ca_file = secure.ca_file }))
    check("config", "cannot read the trusted roots in '/no/such/file.pem': No such file", false,
      refused(secure.url, { ca_file = "/no/such/file.pem" }))
    local plain = secure.url:gsub("^https", "http")
    assert.is_nil((refused(plain)))
    secure:stop()
  end)

  it("a server without TLS at a URL that wants it", function()
    check("transport", "no TLS connection to 127.0.0.1:%d+: ", true, refused((server.url:gsub("^http", "https"))))
  end)

  it("a server that takes connections and says nothing", function()
    server:knobs { faults = { { method = "*", kind = "hang" } }, discover = "hang" }
    check("timeout", "not open after 0.2 s %(option open_timeout%)", true,
      open({ open_timeout = 0.2 }):add_server("s", { url = server.url }))
  end)

  it("an address that is no MCP server", function()
    check("protocol", "HTTP status 404", false, refused(server.origin .. "/control/nothing"))
  end)
end)

-- One fault for the next tools/call; `executed` says whether the tool may have run nevertheless.
local situations = {
  { "a refused credential", { kind = "status", status = 401 },
    "auth", "rejected", "HTTP status 401: it wants other credentials", status = 401 },
  { "a credential that is not enough", { kind = "status", status = 403 },
    "auth", "rejected", "HTTP status 403: these credentials do not allow it", status = 403 },
  { "a server in trouble", { kind = "status", status = 500 },
    "transport", "ambiguous", "HTTP status 500: the server or a gateway is in trouble", retry = true, status = 500 },
  { "a gateway without its server", { kind = "status", status = 502, body = "<html>Bad Gateway</html>" },
    "transport", "ambiguous", "HTTP status 502", retry = true, status = 502 },
  { "a server that is busy", { kind = "status", status = 429, headers = { ["retry-after"] = "7" } },
    "transport", "rejected", "HTTP status 429: too many requests", retry = true, status = 429 },
  { "a request that is too large for the server", { kind = "status", status = 413 },
    "limit", "rejected", "HTTP status 413", status = 413 },
  { "a redirect", { kind = "status", status = 302, headers = { location = "http://elsewhere.invalid/" } },
    "protocol", "rejected", "HTTP status 302: it points elsewhere", status = 302 },
  { "another status", { kind = "status", status = 418 },
    "protocol", "rejected", "HTTP status 418: it does not take the request", status = 418 },
  { "a web page", { kind = "content_type" },
    "protocol", "delivered", "neither JSON nor an event stream, where an answer was expected", status = 200 },
  { "an empty answer", { kind = "empty" },
    "protocol", "delivered", "not valid JSON", status = 200 },
  { "half an answer", { kind = "truncated" },
    "transport", "ambiguous", "closed after %d+ bytes, in the middle of the response", retry = true, status = 200 },
  { "a closed connection", { kind = "reset" },
    "transport", "ambiguous", "closed before an answer came", retry = true },
  { "broken JSON", { kind = "invalid_json" },
    "protocol", "delivered", "not valid JSON: ", status = 200 },
  { "half a surrogate pair", { kind = "body", body = '{"jsonrpc":"2.0","id":4,"result":{"content":"\\ud800"}}' },
    "protocol", "delivered", "not valid JSON: ", status = 200 },
  { "JSON that is no message", { kind = "body", body = "[1, 2, 3]" },
    "protocol", "delivered", "", status = 200 },
  { "a message that is no answer", { kind = "body", body = '{"jsonrpc":"2.0","method":"notifications/message"}' },
    "protocol", "delivered", "the response answers another request", status = 200 },
  { "somebody else's answer", { kind = "wrong_id" },
    "protocol", "delivered", "the response answers another request", status = 200 },
  { "a JSON-RPC error", { kind = "rpc_error", code = -32603, message = "the disk is full", data = { disk = "sda" } },
    "rpc", "delivered", "the disk is full", code = -32603, data = { disk = "sda" }, status = 200 },
  { "a JSON-RPC error with a status", { kind = "rpc_error", code = -32602, message = "no such page", status = 400 },
    "rpc", "delivered", "no such page", code = -32602, status = 400 },
  { "a code that is out of the ordinary", { kind = "rpc_error", code = 4711, message = "" },
    "rpc", "delivered", "", code = 4711, status = 200 },
  { "a result that is none", { kind = "body", body = '{"jsonrpc":"2.0","id":4,"result":{}}' },
    "protocol", "delivered", "neither a content list nor structuredContent", data = {} },
  { "an answer that never comes", { kind = "hang" },
    "timeout", "ambiguous", "no answer within 0.2 s", retry = true },
  { "an answer that is larger than allowed", { kind = "huge", bytes = 3000000 },
    "limit", "delivered", "larger than 1000000 bytes", status = 200 },
  { "a bomb of nested lists", { kind = "body", body = deep("[", "]", 20000) },
    "limit", "delivered", "nest", status = 200 },
  { "a bomb of nested objects in a result",
    { kind = "body", body = '{"jsonrpc":"2.0","id":4,"result":' .. deep('{"a":', "}", 5000) .. "}" },
    "limit", "delivered", "nest", status = 200 },
  { "headers without end", { kind = "status", status = 200, headers = { ["x-long"] = ("x"):rep(20000) } },
    "limit", "ambiguous", "the head of the response is larger than 10000 bytes" },
}

describe("a call meets", function()
  for _, case in ipairs(situations) do
    local name, fault, kind, delivery, pattern = case[1], case[2], case[3], case[4], case[5]
    it(name, function()
      local market = connect { max_response = 1000000, max_header = 10000 }
      fault.method = "tools/call"
      server:knobs { faults = { fault } }
      -- The tool is marked as one that may be sent again, which would hide most of it.
      local err = fails(kind, pattern,
        market:call("mcp.s.get_me", {}, { timeout = kind == "timeout" and 0.2 or 5, resend = false }))
      assert.equal(delivery, err.delivery)
      assert.equal(case.retry or false, err.retryable)
      assert.equal(case.status, err.status)
      assert.equal(case.code, err.code)
      assert.same(case.data, err.data)
      assert.equal("mcp.s.get_me", err.capability)
      assert.truthy(err.message:find("^server 's': ") or kind == "timeout", err.message)
      assert.is_nil(server:ledger().tools.get_me)
      -- Nothing of it is left: the next call is as good as any.
      assert.equal("souk-tester", assert(market:call "mcp.s.get_me").login)
    end)
  end

  it("more than all sessions together may buffer", function()
    local market = connect { max_buffered = 1048576, max_response = 4000000 }
    local err = fails("limit", "more than 1048576 bytes %(option max_buffered%)",
      market:call("mcp.s.big", { bytes = 3000000 }))
    assert.equal("delivered", err.delivery)
    local handles = {}
    for i = 1, 20 do
      handles[i] = market:start("mcp.s.big", { bytes = 150000 })
    end
    for i = 1, 20 do
      local value, why = handles[i]:wait()
      assert.truthy(value and #value == 150000 or why.kind == "limit", tostring(why))
    end
    -- Nothing of it is left.
    assert.equal(150000, #assert(market:call("mcp.s.big", { bytes = 150000 })))
  end)

  it("a tool that does not exist", function()
    local market = open()
    market:register { id = "gone", provider = "MCP",
      metadata = { mcp = { server_url = server.url, server_name = "s", tool_name = "nope" } } }
    local err = fails("rpc", "Unknown tool: nope", market:call "gone")
    assert.equal(-32602, err.code)
    assert.equal("gone", err.capability)
    assert.equal("gone: rpc: server 's': Unknown tool: nope (status 200, code -32602, delivery delivered)",
      tostring(err))
  end)

  it("an id that does not exist", function()
    local market = open()
    local err = fails("config", "there is no capability 'nope'", market:call "nope")
    assert.equal("not_sent", err.delivery)
    assert.equal("nope", err.capability)
    fails("config", "there is no capability", market:start "nope")
  end)
end)

describe("an answer of 100 MB", function()
  -- The most memory that this process ever had, in MB.
  local function peak()
    return help.sanitized and 0 or tonumber(help.status("VmHWM"):match "%d+") / 1024
  end

  it("is refused as soon as it is too large, and memory stays bounded", function()
    local market = connect()
    local before = peak()
    server:knobs { faults = { { method = "tools/call", kind = "huge", bytes = 100 * 1024 * 1024 } } }
    fails("limit", "server 's'.*larger than 33554432 bytes", market:call "mcp.s.get_me")
    assert.truthy(peak() - before < 80, ("memory grew by %.0f MB"):format(peak() - before))
    assert.equal(1, server:ledger().aborted)
    assert(market:call "mcp.s.get_me")
  end)

  it("is refused as an event, too", function()
    local market = connect { max_response = 1000000 }
    local before = peak()
    server:knobs { answer = "sse" }
    fails("limit", "larger than 1000000 bytes", market:call("mcp.s.big", { bytes = 40 * 1024 * 1024 }))
    assert.truthy(peak() - before < 20, ("memory grew by %.0f MB"):format(peak() - before))
    assert(market:call "mcp.s.get_me")
  end)
end)

describe("what would break out of its place", function()
  -- A server that hands out this session id.
  local function with_session_id(id)
    server:knobs { faults = { { method = "initialize", kind = "body", headers = { ["mcp-session-id"] = id },
      body = souk.json.encode { jsonrpc = "2.0", id = 1, result = { protocolVersion = "2025-06-18", capabilities = {},
        serverInfo = { name = "x", version = "1" } } } } } }
    return open():add_server("s", { url = server.url, protocol_version = "2025-06-18" })
  end

  it("is not taken for a session id", function()
    for _, id in ipairs { "with space", "with\ttab", "caf\195\169", ("x"):rep(9000) } do
      local value, err = with_session_id(id)
      fails("protocol", "the server's session id is too long or has a character that is not allowed", value, err)
      assert.equal("not_sent", err.delivery)
    end
    assert.is_nil(server:ledger().methods["notifications/initialized"])
  end)

  it("is not sent as a header", function()
    local market = open()
    for _, headers in ipairs { { ["X-A"] = "b\r\nX-Evil: 1" }, { ["X-A"] = "b\0c" }, { ["X-A\r\nX-Evil"] = "1" },
      { ["X A"] = "1" }, { [""] = "1" }, { ["X-A: 1"] = "s3cret" } } do
      local err = fails("config", "header", market:add_server("s", { url = server.url, headers = headers }))
      assert.is_nil(err.message:find("\r", 1, true))
      assert.is_nil(err.message:find("s3cret", 1, true))
    end
    assert.same({}, server:ledger().methods)
  end)

  it("is no id of a capability", function()
    local market = open()
    for _, id in ipairs { "a\r\nb", "a\0b", "\27[2J" } do
      fails("config", "id", market:register { id = id })
    end
  end)

  it("is a harmless name of a tool, whatever the revision", function()
    for _, revision in ipairs { "2025-06-18", "2026-07-28" } do
      server:knobs { revisions = { revision } }
      local market = open()
      market:register { id = "x", provider = "MCP",
        metadata = { mcp = { server_url = server.url, tool_name = "a\r\nX-Evil: 1" } } }
      fails("rpc", "Unknown tool", market:call "x")
    end
    for _, entry in ipairs(server:ledger().log) do
      assert.is_nil(entry.headers["x-evil"])
    end
  end)

  it("is no method of a request", function()
    server:knobs { revisions = { "2026-07-28" } }
    local market = connect()
    local err = fails("protocol", "control character", market:request("s", "tools/list\r\nX-Evil: 1"))
    assert.equal("not_sent", err.delivery)
  end)
end)

describe("a full house", function()
  it("refuses what is beyond max_calls, max_waiting and max_keys", function()
    server:knobs { delay = 50 }
    local market = open { max_calls = 2 }
    local function register(id)
      market:register { id = id, provider = "MCP", metadata = { mcp = { server_url = server.url .. "?" .. id,
        tool_name = "get_me" } } }
    end
    register "a"
    assert(market:start "a")
    assert(market:start "a")
    local err = fails("limit", "more than 2 calls are under way %(option max_calls%)", market:start "a")
    assert.equal("not_sent", err.delivery)
    market = open { max_waiting = 2 }
    register "a"
    assert(market:start "a")
    assert(market:start "a")
    fails("limit", "more than 2 calls wait for a session .*%(option max_waiting%)", market:start "a")
    market = open { max_keys = 1 }
    register "a"
    register "b"
    local first = assert(market:start "a")
    fails("limit", "1 endpoints are in use %(option max_keys%)", market:start "b")
    assert(first:wait())
    assert(market:call "b")
  end)

  it("lets calls wait for their turn when sessions are full", function()
    local market = connect { max_in_flight = 4, max_sessions_per_key = 2 }
    local handles = {}
    for i = 1, 32 do
      handles[i] = assert(market:start("mcp.s.slow", { ms = 20 }))
    end
    for i = 1, 32 do
      assert.equal("slept 20 ms", handles[i]:wait())
    end
    local ledger = server:ledger()
    assert.equal(2, ledger.methods.initialize)
    assert.truthy(ledger.max_in_flight <= 8)
  end)

  it("closes the session that was idle for longest when there are too many", function()
    local market = connect { max_sessions = 2 }
    for _, identity in ipairs { "ann", "bob", "ann" } do
      assert(market:call("mcp.s.get_me", {}, { identity = identity }))
    end
    help.step_until(market, function() return #market:sessions() == 2 end)
    assert.equal(3, #server:ledger().sessions.issued)
    assert.equal(1, #server:ledger().sessions.deleted)
  end)
end)
