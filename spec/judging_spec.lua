-- That what a client sends is judged, by the scripted server and by watch.mjs beside servers of others: with messages
-- that break rules.

local by_hand = require "spec.support.by_hand"
local servers = require "spec.support.servers"

local modern, post, quote = by_hand.modern, by_hand.post, by_hand.quote

local INITIALIZE = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"%s",'
  .. '"capabilities":%s,"clientInfo":{"name":"sh","version":"1"}}}'
local INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}'
local BAD_CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":"x"}}'
local BAD_CANCEL = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":[]}}'

local function contains(text, part)
  assert.truthy(text:find(part, 1, true), ("'%s' is not in: %s"):format(part, text))
end

-- Sends lines to a stdio server, a moment apart, and ends it.
local function pipe_into(spec, ...)
  local environment = {}
  for name, value in pairs(spec.env) do
    environment[#environment + 1] = name .. "=" .. quote(value)
  end
  local lines = {}
  for index, line in ipairs({ ... }) do
    lines[index] = ("printf '%%s\\n' %s; sleep 0.4;"):format(quote(line))
  end
  local words = { quote(spec.command) }
  for _, word in ipairs(spec.args) do
    words[#words + 1] = quote(word)
  end
  return by_hand.run(("{ sleep 0.6; %s } | env %s %s"):format(table.concat(lines, " "),
    table.concat(environment, " "), table.concat(words, " ")))
end

local function violations_after(spec, ...)
  pipe_into(spec, ...)
  return table.concat(spec.violations(), "\n")
end

-- Posts everything in one session of Streamable HTTP; without the header that names the revision.
local function violations_of_session(server, revision, ...)
  local _, _, id = post(server, INITIALIZE:format(revision, "{}"))
  local headers = ("-H 'mcp-session-id: %s'"):format(id)
  for _, message in ipairs({ INITIALIZED, ... }) do
    post(server, message, headers, 1)
  end
  return table.concat(server:violations(), "\n")
end

local BAD_REPLIES = {
  ['{"jsonrpc":"2.0","id":9,"error":{"code":1.5,"message":"x"}}'] = "the code of an error is not an integer",
  ['{"jsonrpc":"2.0","id":9,"error":{"code":1}}'] = "the message of an error is not a string",
  ['{"jsonrpc":"2.0","id":9,"error":"no"}'] = "the error of a reply is not an object",
  ['{"jsonrpc":"2.0","id":9,"result":[]}'] = "the result of a reply is not an object",
  ['{"jsonrpc":"2.0","id":9,"result":{},"error":{"code":1,"message":"x"}}'] = "has both result and error",
  ['{"jsonrpc":"2.0","result":{}}'] = "a reply has no id",
  ['{"jsonrpc":"2.0","id":9,"result":{"_meta":[]}}'] = "/result/_meta must be object",
}

describe("the scripted server #harness", function()
  local server

  setup(function() server = servers.start("scripted") end)
  teardown(function() server:stop() end)
  before_each(function() server:reset() end)

  for reply, complaint in pairs(BAD_REPLIES) do
    it("notices a reply that is none: " .. reply, function()
      contains(violations_of_session(server, "2025-03-26", reply), complaint)
    end)
  end

  it("takes a batch for a violation", function()
    contains(violations_of_session(server, "2025-03-26", "[" .. BAD_CALL .. "]"), "a message is not a JSON object")
  end)

  it("knows what 2024-11-05 does not have yet", function()
    local spec = servers.stdio("scripted", { knobs = { revisions = { "2024-11-05" } } })
    contains(violations_after(spec, INITIALIZE:format("2024-11-05", "{}"), INITIALIZED,
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1,"message":"x"}}',
      '{"jsonrpc":"2.0","id":9,"error":{"code":1}}'),
      "notifications/progress: message is of a later revision")
    server:knobs({ revisions = { "2024-11-05" } })
    local _, _, id = post(server, INITIALIZE:format("2024-11-05", "{}"))
    post(server, INITIALIZED, ("-H 'mcp-session-id: %s' -H 'mcp-protocol-version: 2024-11-05'"):format(id))
    assert.same({ "notifications/initialized: MCP-Protocol-Version is of a later revision" }, server:violations())
  end)

  it("hears that an answer is of a later revision than 2024-11-05", function()
    local answer = quote '{"role":"assistant","model":"m","content":{"type":"audio","data":"","mimeType":"audio/wav"}}'
    local script = [[import("./spec/server/questions.mjs").then(({ answerRules }) => {
      for (const revision of ["2024-11-05", "2025-03-26"])
        console.log(answerRules(revision, "sampling/createMessage", {}, JSON.parse(process.argv[1])).join("; "));
    })]]
    assert.equal("the answer to sampling/createMessage: audio is of a later revision\n\n",
      by_hand.run(("%s -e %s %s"):format(quote(servers.node()), quote(script), answer)))
  end)
end)

describe("a watched server #harness", function()
  it("over HTTP is seen to be sent what is wrong", function()
    local server = servers.start("modern")
    modern(server, 1, "tools/call", '"name":"echo","arguments":{"text":"x"}', "add")
    modern(server, 2, "tools/call", '"name":"echo","arguments":[]', "echo")
    local text = table.concat(server:violations(), "\n")
    contains(text, "Mcp-Name is add")
    contains(text, "/params/arguments must be object")
    server:stop()
  end)

  it("over HTTP is judged by the session's revision also when no header names it", function()
    local server = servers.start("everything")
    local text = violations_of_session(server, "2025-03-26", BAD_CALL, INITIALIZED)
    contains(text, "tools/call: no CallToolRequest: /params/arguments must be object")
    contains(text, "notifications/initialized was sent twice")
    assert.is_nil(text:find("MCP-Protocol-Version", 1, true), text)
    contains(violations_of_session(server, "2025-06-18"), "MCP-Protocol-Version is missing, 2025-06-18 was negotiated")
    server:stop()
  end)

  it("over HTTP is seen to get replies that are wrong, or to what nobody asked", function()
    local server = servers.start("everything")
    local text = violations_of_session(server, "2025-03-26", '{"jsonrpc":"2.0","id":99,"result":{"_meta":[]}}',
      '{"jsonrpc":"2.0","id":98,"error":{"code":"x","message":"x"}}')
    contains(text, "/result/_meta must be object")
    contains(text, "a reply to a question that nobody asked: 99")
    contains(text, "the code of an error is not an integer")
    server:stop()
  end)

  it("over HTTP+SSE is judged in the session that its stream has named", function()
    local server = servers.start("everything", { transport = "sse" })
    local events = by_hand.run("mktemp"):gsub("%s+$", "")
    local pid = by_hand.run(("curl -s -N -m 20 %s >%s & echo $!"):format(server.url, events)):match("%d+")
    local function wait_for(words)
      return by_hand.run(("for i in $(seq 50); do grep -m1 %s %s && break; sleep 0.1; done"):format(words, events))
    end
    local endpoint = wait_for("'^data: /'"):match("data: (%S+)")
    local place = { url = server.origin .. endpoint }
    for _, message in ipairs({ INITIALIZE:format("2024-11-05", '{"roots":{}}'), INITIALIZED, BAD_CALL }) do
      post(place, message)
    end
    -- Which roots there are is asked by the server itself, a moment later.
    local id = wait_for("roots/list"):match('"id":(%d+)')
    post(place, ('{"jsonrpc":"2.0","id":%s,"result":{"roots":[{"uri":1}]}}'):format(id))
    local text = table.concat(server:violations(), "\n")
    by_hand.run("kill " .. pid .. "; rm " .. events)
    server:stop()
    contains(text, "tools/call: no CallToolRequest: /params/arguments must be object")
    contains(text, "the answer to roots/list: no ListRootsResult: /roots/0/uri must be string")
    assert.is_nil(text:find("nobody asked", 1, true), text)
  end)

  it("over stdio is judged when a modern client cancels, which has no envelope", function()
    local text = violations_after(servers.stdio("modern"),
      '{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{'
        .. '"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
        .. '"io.modelcontextprotocol/clientInfo":{"name":"sh","version":"1"},'
        .. '"io.modelcontextprotocol/clientCapabilities":{}}}}', BAD_CANCEL, '{"jsonrpc":"2.0","id":3,"result":{}}')
    contains(text, "/params/requestId must be string,integer")
    contains(text, "a reply to a modern server")
  end)

  it("over stdio fails a spec that does not look at it", function()
    pipe_into(servers.stdio("memory"), INITIALIZE:format("2025-06-18", "[]"))
    local ok, message = pcall(servers.check)
    assert.is_false(ok)
    contains(message, "capabilities is not an object")
    servers.check() -- said once
  end)

  it("over stdio is judged to its end, also when nobody has its description any more", function()
    local copy
    do
      local spec = servers.stdio("memory")
      copy = { env = spec.env, command = spec.command, args = spec.args }
    end
    servers.check() -- nothing was said to it so far
    collectgarbage()
    collectgarbage()
    pipe_into(copy, INITIALIZE:format("2025-06-18", "[]"))
    local ok, message = pcall(servers.check)
    assert.is_false(ok)
    contains(message, "capabilities is not an object")
  end)

  it("over HTTP is judged also when nobody has it any more", function()
    local url = servers.start("modern").url
    collectgarbage()
    collectgarbage()
    modern({ url = url }, 1, "tools/call", '"name":"echo","arguments":[]', "echo")
    local ok, message = pcall(servers.stop_all)
    assert.is_false(ok)
    contains(message, "/params/arguments must be object")
  end)
end)
