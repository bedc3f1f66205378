-- With everything turned on that souk can say, no credential is in any of it.
--
-- Every secret of a spec has "s3cret" in it: spec/tools/secrets.sh sees to that, and searches the output of the whole
-- suite for it. So no name of a spec, and nothing that a spec prints when all is well, may have it.

local help = require "spec.support.help"
local log = require "souk.log"
local servers = require "spec.support.servers"
local souk = require "souk"

local MARK = "s3cret"
local TOKEN = "s3cret-t0ken"
local unpack = table.unpack or unpack

local server

setup(function()
  server = servers.start "scripted"
end)

teardown(help.stop_servers)

before_each(function()
  server:reset()
end)

after_each(help.clean_up)

-- All text in a value, keys too, and what it is as text.
local function add_text(parts, value, depth)
  parts[#parts + 1] = tostring(value)
  if type(value) == "table" and depth < 8 then
    for key, one in pairs(value) do
      parts[#parts + 1] = tostring(key)
      add_text(parts, one, depth + 1)
    end
  end
end

-- A market that says everything, and what it said so far.
local function talking(options)
  local parts = {}
  local copy = {
    log_level = "debug",
    log = function(_, message, event)
      parts[#parts + 1] = message
      add_text(parts, event, 0)
    end,
    on_error = function(message) add_text(parts, message, 0) end,
  }
  for key, value in pairs(options or {}) do
    copy[key] = value
  end
  local market = help.open(copy)
  market:on("*", function(event)
    add_text(parts, event, 0)
    parts[#parts + 1] = select(2, log.message(event))
  end)
  return market, parts
end

-- Everything that a person can get to see of the market.
local function everything(market, parts, ...)
  local path = help.folder() .. "/all.rtfs"
  market:export(path)
  parts[#parts + 1] = help.read_file(path)
  for _, value in ipairs { market:sessions(), market:stats(), market:list() } do
    add_text(parts, value, 0)
    parts[#parts + 1] = souk.json.encode(value)
  end
  parts[#parts + 1] = market:metrics()
  parts[#parts + 1] = tostring(market)
  for _, err in ipairs { ... } do
    -- The whole result of a tool that failed, and data of JSON-RPC errors, are given as they came.
    add_text(parts, err.message, 0)
    parts[#parts + 1] = tostring(err)
  end
  market:close()
  return table.concat(parts, "\n")
end

local function check(text, ...)
  assert.is_nil(text:find(MARK, 1, true), text)
  for _, sign in ipairs { ... } do
    assert.truthy(text:find(sign, 1, true), sign .. "\nis not in\n" .. text)
  end
end

local function failed(value, err)
  assert(value == nil)
  return err
end

describe("a credential is not in what souk says", function()
  it("while all goes well", function()
    server:knobs { token = TOKEN }
    local market, parts = talking { env = { MCP_AUTH_TOKEN = TOKEN } }
    assert(market:add_server("s", {
      url = server.url .. "?key=s3cret-query", headers = { ["X-Api-Key"] = "s3cret-key" }, identity = "ann",
    }))
    assert(market:call "mcp.s.get_me")
    server:drop_sessions()
    assert(market:call "mcp.s.get_me")
    check(everything(market, parts), "session_renewed", "opened again", "souk_calls_total")
  end)

  it("when it is refused", function()
    server:knobs { token = TOKEN }
    for name, options in pairs {
      variable = { env = { MCP_AUTH_TOKEN = "s3cret-wrong" } },
      control = { env = { MCP_AUTH_TOKEN = "s3cret\r\nX: y" } },
      header = { headers = { Authorization = "Bearer s3cret-wrong" } },
      ["function"] = { auth = function() return "s3cret-wrong" end },
    } do
      local market, parts = talking { env = options.env or {} }
      local err = failed(market:add_server("s", {
        url = server.url, headers = options.headers, auth = options.auth,
      }))
      assert.equal("auth", err.kind, name)
      check(everything(market, parts, err), "session_failed")
    end
  end)

  it("when the server says it again", function()
    server:knobs { token = TOKEN, answer = "sse", all_tools = true }
    local market, parts = talking { env = { MCP_AUTH_TOKEN = TOKEN } }
    assert(market:add_server("s", {
      url = server.url, headers = { ["X-Api-Key"] = "Key s3cret-key" }, log_level = "debug",
    }))
    local echoed = "who sent 'Bearer " .. TOKEN .. "' and s3cret-key?"
    assert(market:call("mcp.s.chatter", { level = "error", logger = "x", data = echoed, times = 2 }))
    local tool = failed(market:call("mcp.s.fail", { message = echoed }))
    server:knobs { faults = { { method = "tools/call", kind = "rpc_error", code = -32000, message = echoed } } }
    local rpc = failed(market:call "mcp.s.get_me")
    assert.equal("who sent 'Bearer [the credential]' and [header X-Api-Key]?", tool.message:match "who.*")
    check(everything(market, parts, tool, rpc), "says: who sent 'Bearer [the credential]' and [header X-Api-Key]?",
      "mcp.s.get_me: rpc: server 's': who sent 'Bearer [the credential]'")
  end)

  it("when a session is refused or lost with it", function()
    server:knobs { token = TOKEN }
    local market, parts = talking { env = { MCP_AUTH_TOKEN = TOKEN } }
    server:knobs { faults = {
      { method = "*", kind = "rpc_error", code = -32000, message = "no: " .. TOKEN, times = 9 },
    } }
    local err = failed(market:add_server("s", { url = server.url, protocol_version = "2025-11-25" }))
    check(everything(market, parts, err), "session_failed", "no: [the credential]")
  end)

  it("when a long message is cut in the middle of it", function()
    server:knobs { token = TOKEN }
    local market, parts = talking { env = { MCP_AUTH_TOKEN = TOKEN } }
    assert(market:add_server("s", { url = server.url }))
    local errors = {}
    for length = 470, 512 do
      errors[#errors + 1] = failed(market:call("mcp.s.fail", { message = ("x"):rep(length) .. TOKEN }))
    end
    local text = everything(market, parts, unpack(errors))
    check(text, "xxx[the credential]")
    -- What is left of it may be too short to be known, but not longer than that.
    assert.is_nil(text:find(TOKEN:sub(1, 8), 1, true))
  end)

  it("when a child dies and prints what it was given", function()
    local market, parts = talking()
    local child = {
      command = "sh", args = { "-c", 'echo "no access with $DB_PASSWORD ($SHORT)" >&2; exit 3', "s3cret-argument" },
      env = { DB_PASSWORD = "s3cret-variable", SHORT = "yes" }, protocol_version = "2025-11-25",
    }
    local err = failed(market:add_server("c", child))
    assert.truthy(err.message:find("its last words: no access with [variable DB_PASSWORD] (yes)", 1, true), err.message)
    child.args[2] = 'i=0; while [ $i -lt 100 ]; do echo "$i: $DB_PASSWORD" >&2; i=$((i+1)); done; exit 3'
    local long = failed(market:add_server("d", child))
    check(everything(market, parts, err, long), "99: [variable DB_PASSWORD]")
  end)

  it("when its tools are listed: no arguments, no query", function()
    local child = help.child "scripted"
    for i, word in ipairs { "-c", 'shift; exec "$@"', "sh", "s3cret-argument", child.command } do
      table.insert(child.args, i, word)
    end
    child.command = "sh"
    local market, parts = talking()
    assert(market:add_server("c", child))
    assert(market:add_server("s", { url = server.url .. "?token=s3cret-query" }))
    assert.is_nil(market:get("mcp.c.get_me").metadata.mcp_args)
    assert.equal(server.url, market:get("mcp.s.get_me").metadata.mcp_server_url)
    assert(market:call "mcp.c.get_me")
    assert(market:call "mcp.s.get_me")
    check(everything(market, parts), server.url)
  end)

  it("when its address is wrong, answers nothing, or points elsewhere", function()
    local market, parts = talking()
    local errors = {}
    for _, url in ipairs {
      "http://ann:s3cret@127.0.0.1/mcp", "http://127.0.0.1:1/mcp?token=s3cret", "http://127.0.0.1:99999/?s3cret",
      "ftp://127.0.0.1/s3cret", "http://127.0.0.1/s3cret here", "http://127.0.0.1:1/mcp#s3cret",
      "http://no-such-host.invalid/?token=s3cret", server.origin .. "/elsewhere?token=s3cret",
    } do
      errors[#errors + 1] = failed(market:add_server("s", { url = url }))
    end
    assert.equal(8, #errors)
    server:knobs { faults = { { method = "*", kind = "status", status = 307, times = 9,
      headers = { location = "http://127.0.0.1:1/?token=s3cret" } } } }
    errors[#errors + 1] = failed(market:add_server("s", { url = server.url, protocol_version = "2025-11-25" }))
    check(everything(market, parts, unpack(errors)), "session_failed")
  end)
end)
