-- Requests that are written by hand, and the official client: for the specs of the servers themselves.

local cjson = require "cjson"
local servers = require "spec.support.servers"

local unpack = table.unpack or unpack

local by_hand = {}

function by_hand.run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

function by_hand.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Runs a program of spec/server; its last line is a report in JSON. What it and its children write to stderr is only
-- for whoever has to find out why there is none.
local function program(name, ...)
  local words = { servers.node(), "spec/server/" .. name, ... }
  for index, word in ipairs(words) do
    words[index] = by_hand.quote(word)
  end
  local path = os.tmpname()
  local text = by_hand.run(("{ timeout 60 %s 2>%s; }"):format(table.concat(words, " "), path))
  local complaints = assert(io.open(path))
  local last_words = complaints:read("*a"):sub(-2000)
  complaints:close()
  os.remove(path)
  local ok, report = pcall(cjson.decode, ("\n" .. text):match("^.*\n([^\n]+)\n$"))
  assert(ok, text:sub(-2000) .. last_words)
  return report
end

function by_hand.official_client(...)
  return program("official_client.mjs", ...)
end

function by_hand.official_features(...)
  return program("official_features.mjs", ...)
end

-- The same against a child process; `which` is one of the two above.
function by_hand.through_stdio(which, mode, spec)
  local list = {}
  for name, value in pairs(spec.env) do
    list[#list + 1] = name .. "=" .. value
  end
  list[#list + 1] = spec.command
  for _, word in ipairs(spec.args) do
    list[#list + 1] = word
  end
  return which(mode, "--stdio", "/usr/bin/env", unpack(list))
end

local HEADERS = "-H 'content-type: application/json' -H 'accept: application/json, text/event-stream'"

-- Posts a message; returns status, body, session id.
function by_hand.post(server, message, headers, seconds)
  local text = by_hand.run(("curl -s -i -m %s %s %s %s --data-binary %s"):format(seconds or 5, server.url, HEADERS,
    headers or "", by_hand.quote(type(message) == "string" and message or cjson.encode(message))))
  local head, body = text:match("^(.-)\r\n\r\n(.*)$")
  if not head then
    return nil, text
  end
  return tonumber(head:match("^HTTP/1.1 (%d+)")), body, head:match("mcp%-session%-id: (%S+)")
end

function by_hand.rpc(id, method, params)
  return { jsonrpc = "2.0", id = id, method = method, params = params }
end

function by_hand.initialize(server, revision)
  return by_hand.post(server, ('{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"%s",'
    .. '"capabilities":{},"clientInfo":{"name":"curl","version":"1"}}}'):format(revision or "2025-06-18"))
end

-- A session that may call tools: the headers that go with it, and its id.
function by_hand.open_session(server)
  local _, _, id = by_hand.initialize(server)
  local headers = ("-H 'mcp-session-id: %s' -H 'mcp-protocol-version: 2025-06-18'"):format(id)
  by_hand.post(server, { jsonrpc = "2.0", method = "notifications/initialized" }, headers)
  return headers, id
end

local ENVELOPE = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
  .. '"io.modelcontextprotocol/clientInfo":{"name":"curl","version":"1"},'
  .. '"io.modelcontextprotocol/clientCapabilities":%s}'

-- A request of 2026-07-28, with its headers. `params`: the rest of the params as JSON members ('"name":"echo"'), `name`
-- goes into Mcp-Name. Returns status and reply, or status and text when there is no JSON.
function by_hand.modern(server, id, method, params, name, capabilities, more)
  local meta = ENVELOPE:format(capabilities or "{}")
  local body = ('{"jsonrpc":"2.0","id":%d,"method":"%s","params":{%s"_meta":%s}}'):format(id, method,
    params and params .. "," or "", meta)
  local headers = ("-H 'mcp-protocol-version: 2026-07-28' -H 'mcp-method: %s' %s %s"):format(method,
    name and "-H " .. by_hand.quote("mcp-name: " .. name) or "", more or "")
  local status, text = by_hand.post(server, body, headers)
  local ok, reply = pcall(cjson.decode, text)
  return status, ok and reply or text
end

return by_hand
