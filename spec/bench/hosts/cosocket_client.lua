-- A minimal MCP client over nginx's cosockets, as one would write it for one server and one revision: a session for
-- each worker, connections that are kept, JSON by lua-cjson. A yardstick, and no part of souk.
local cjson = require "cjson"

local client = {}
local host, port, session
local last_id = 0

local HEAD = "POST /mcp HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: application/json\r\n"
  .. "Accept: application/json, text/event-stream\r\n%sContent-Length: %d\r\n\r\n"

function client.set_up(server_host, server_port)
  host, port = server_host, server_port
end

-- The status line is followed by headers up to an empty line. Those that matter are known by their first letters.
local function read_head(socket)
  local line, err = socket:receive "*l"
  if not line then
    return nil, err
  end
  local status, length, id = tonumber(line:sub(10, 12)), 0, nil
  line = socket:receive "*l"
  while line and line ~= "" do
    local name, value = line:match "^([^:]+): *(.*)$"
    name = name and name:lower()
    if name == "content-length" then
      length = tonumber(value)
    elseif name == "mcp-session-id" then
      id = value
    end
    line = socket:receive "*l"
  end
  return status, length, id
end

local function post(message)
  local socket = ngx.socket.tcp()
  local ok, err = socket:connect(host, port)
  if not ok then
    return nil, err
  end
  local body = cjson.encode(message)
  local more = session and ("Mcp-Session-Id: %s\r\nMCP-Protocol-Version: 2025-11-25\r\n"):format(session) or ""
  socket:send { HEAD:format(host, port, more, #body), body }
  local status, length, id = read_head(socket)
  if not status then
    return nil, length
  end
  local text = length > 0 and socket:receive(length) or ""
  socket:setkeepalive(60000, 128)
  return status, text, id
end

local function request(method, params)
  last_id = last_id + 1
  local status, text, id = post { jsonrpc = "2.0", id = last_id, method = method, params = params }
  if status ~= 200 then
    return nil, status or text
  end
  local message = cjson.decode(text)
  return message.result, message.error, id
end

--- Opens the session of the worker. Before the first call, once.
function client.initialize()
  local result, err, id = request("initialize", {
    protocolVersion = "2025-11-25", capabilities = { roots = { listChanged = false } },
    clientInfo = { name = "cosocket", version = "1" },
  })
  session = id
  return result and post { jsonrpc = "2.0", method = "notifications/initialized" }, err
end

function client.call(name, arguments)
  return request("tools/call", { name = name, arguments = arguments })
end

return client
