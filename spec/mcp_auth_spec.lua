-- Credentials, addresses and headers: where they come from, where they go, and where they never show up.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails = help.open, help.fails

local TOKEN = "s3cret-t0ken"

local server

setup(function()
  server = servers.start "scripted"
end)

teardown(help.stop_servers)

before_each(function()
  server:reset()
  server:knobs { token = TOKEN }
end)

after_each(function()
  help.clean_up()
  assert.same({}, server:ledger().violations)
end)

-- Asks the server for its tools, with these variables and these options of add_server.
local function connect(env, options, open_options)
  local copy = { url = server.url }
  for key, value in pairs(options or {}) do
    copy[key] = value
  end
  local all = { env = env }
  for key, value in pairs(open_options or {}) do
    all[key] = value
  end
  local market = open(all)
  local tools, err = market:add_server("my-server", copy)
  return market, tools, err
end

-- Everything that a person can get to see of an error.
local function all_of(err)
  local parts = { tostring(err) }
  for _, value in pairs(err) do
    parts[#parts + 1] = tostring(value)
  end
  return table.concat(parts, "\n")
end

describe("a token", function()
  for name, env in pairs {
    ["the variable that auth_env_var names"] = {
      MINE = TOKEN, MY_SERVER_MCP_TOKEN = "s3cret-x", MCP_AUTH_TOKEN = "s3cret-y",
    },
    ["<SERVER>_MCP_TOKEN"] = { MY_SERVER_MCP_TOKEN = TOKEN, MCP_AUTH_TOKEN = "s3cret-y" },
    ["MCP_AUTH_TOKEN"] = { MCP_AUTH_TOKEN = TOKEN },
    ["the next variable when one is empty"] = { MINE = "", MY_SERVER_MCP_TOKEN = "", MCP_AUTH_TOKEN = TOKEN },
  } do
    it("comes from " .. name, function()
      local _, tools, err = connect(env, { auth_env_var = "MINE" })
      assert.equal(10, tools, tostring(err))
      for _, entry in ipairs(server:ledger().log) do
        assert.equal("ok", entry.headers.authorization)
      end
    end)
  end

  it("is found for a capability file in the same way", function()
    local market = open { env = { FORGE_MCP_TOKEN = TOKEN, WHERE = server.url } }
    market:load_text [[(capability "x" :provider "MCP" :metadata {:mcp {:server_url_override_env "WHERE"
      :server_url "http://unused.invalid" :server_name "forge" :tool_name "get_me"}})]]
    assert.equal("souk-tester", assert(market:call "x").login)
  end)

  it("is sent as it is when it names its scheme", function()
    local _, tools = connect { MCP_AUTH_TOKEN = "Bearer " .. TOKEN }
    assert.equal(10, tools)
    local _, refused, err = connect { MCP_AUTH_TOKEN = "Basic " .. TOKEN }
    fails("auth", "401", refused, err)
  end)

  it("that cannot be in a header is not sent, and the error says where it is wrong", function()
    for _, bad in ipairs { TOKEN .. "\n", TOKEN .. "\r\nX-Evil: 1", "s3cret\1b" } do
      local _, tools, err = connect { MCP_AUTH_TOKEN = bad }
      fails("auth", "server 'my%-server': the token has .* at byte %d+ of %d+.*MCP_AUTH_TOKEN", tools, err)
      assert.equal("not_sent", err.delivery)
      assert.is_nil(all_of(err):find(bad, 1, true))
    end
    assert.same({}, server:ledger().methods)
  end)

  it("that is missing is said to be, with the names of the variables that were looked for", function()
    local _, tools, err = connect({}, { auth_env_var = "MINE" })
    fails("auth", "server 'my%-server': .*401.*no token was found %(looked for the variables MINE, "
      .. "MY_SERVER_MCP_TOKEN, MCP_AUTH_TOKEN%)", tools, err)
    assert.equal(401, err.status)
    assert.equal("not_sent", err.delivery)
    assert.is_false(err.retryable)
  end)

  it("that is wrong is said to be, with the name of its variable, and is never shown", function()
    local _, tools, err = connect { MCP_AUTH_TOKEN = "s3cret-wrong" }
    fails("auth", "401.*the token in MCP_AUTH_TOKEN was refused", tools, err)
    assert.is_nil(all_of(err):find("s3cret-wrong", 1, true))
  end)

  it("that is revoked fails the call, which was not executed", function()
    local market = connect { MCP_AUTH_TOKEN = TOKEN }
    server:knobs { token = "s3cret-another" }
    local err = fails("auth", "the token in MCP_AUTH_TOKEN was refused", market:call "mcp.my-server.get_me")
    assert.is_nil(all_of(err):find(TOKEN, 1, true))
    assert.is_nil(server:ledger().tools.get_me)
  end)

  local ffi = type(jit) == "table" and require "ffi" -- nothing else here changes the environment
  if ffi then
    it("that is replaced while a session opens is read once more", function()
      ffi.cdef "int setenv(const char *name, const char *value, int overwrite);"
      local function connecting(later)
        ffi.C.setenv("SOUK_SPEC_TOKEN", "s3cret-old", 1)
        local market = souk.open()
        market:add_server("s", { url = server.url, auth_env_var = "SOUK_SPEC_TOKEN", discover = false })
        local handle = market:server("s"):start("tools/list", {})
        ffi.C.setenv("SOUK_SPEC_TOKEN", later, 1)
        local tools, err = handle:wait()
        market:close()
        return tools, err
      end
      assert(connecting(TOKEN))
      local function refusals()
        local count = 0
        for _, entry in ipairs(server:ledger().log) do
          count = count + (entry.headers.authorization == "wrong" and 1 or 0)
        end
        return count
      end
      local before = refusals()
      fails("auth", "the token in SOUK_SPEC_TOKEN was refused", connecting "s3cret-old")
      assert.equal(before + 1, refusals())
      fails("auth", "was refused", connecting "") -- it is gone
    end)
  end

  it("is seen nowhere: not in manifests, sessions, events, exports or as text of the market", function()
    local seen = {}
    local market = open { env = { MCP_AUTH_TOKEN = TOKEN } }
    market:on("*", function(event)
      for _, value in pairs(event) do
        seen[#seen + 1] = tostring(value)
      end
    end)
    assert(market:add_server("s", { url = server.url, headers = { ["X-Api-Key"] = "s3cret-key" } }))
    assert(market:call "mcp.s.get_me")
    local path = help.folder() .. "/all.rtfs"
    market:export(path)
    seen[#seen + 1] = help.read_file(path)
    seen[#seen + 1] = tostring(market)
    for _, list in ipairs { market:sessions(), market:list() } do
      seen[#seen + 1] = require("souk").json.encode(list)
    end
    local all = table.concat(seen, "\n")
    assert.is_nil(all:find(TOKEN, 1, true))
    assert.is_nil(all:find("s3cret-key", 1, true))
  end)

  it("never goes to another server, also when requests are redirected there", function()
    local elsewhere = servers.start "scripted"
    server:knobs { redirect = { to = elsewhere.url } }
    local market, tools, err = connect { MCP_AUTH_TOKEN = TOKEN }
    assert.equal(10, tools, tostring(err))
    assert.equal("souk-tester", assert(market:call "mcp.my-server.get_me").login)
    assert.truthy(#elsewhere:ledger().log > 0)
    for _, entry in ipairs(elsewhere:ledger().log) do
      assert.is_nil(entry.headers.authorization)
    end
    market:close()
    elsewhere:stop()
  end)

  it("from another variable means another session, even at the same URL", function()
    local market = open { env = { FIRST = TOKEN, SECOND = TOKEN } }
    assert(market:add_server("a", { url = server.url, auth_env_var = "FIRST" }))
    assert(market:add_server("b", { url = server.url, auth_env_var = "SECOND" }))
    assert.equal(2, #server:ledger().sessions.issued)
  end)
end)

describe("an auth function", function()
  it("is asked once for a session, and told for whom", function()
    local questions = {}
    local market = connect({}, { identity = "ann", auth = function(question)
      questions[#questions + 1] = question
      return TOKEN
    end })
    assert(market:call "mcp.my-server.get_me")
    assert.same({ { server = "my-server", identity = "ann", url = server.url } }, questions)
    assert(market:call("mcp.my-server.get_me", {}, { identity = "bob" }))
    assert.equal("bob", questions[2].identity)
  end)

  it("is asked again after a 401, and the call is made once more", function()
    local asked = 0
    local market = connect({}, { auth = function()
      asked = asked + 1
      return asked == 1 and TOKEN or "s3cret-fresh"
    end })
    server:knobs { token = "s3cret-fresh" }
    assert.equal("souk-tester", assert(market:call "mcp.my-server.get_me").login)
    assert.equal(2, asked)
    assert.equal(1, server:ledger().tools.get_me)
  end)

  it("is asked once more when its token was replaced while a session was opening, and told that it was", function()
    for _, revision in ipairs { "2025-11-25", "2026-07-28" } do
      server:knobs { revisions = { revision } }
      local before = server:ledger()
      local questions = {}
      local market = open {}
      market:add_server("s", { url = server.url, discover = false, listen = false, auth = function(question)
        questions[#questions + 1] = question
        return #questions == 1 and "s3cret-old" or TOKEN
      end })
      local handles = {}
      for i = 1, 16 do
        handles[i] = market:server("s"):start("tools/call", { name = "get_me", arguments = {} })
      end
      for i = 1, 16 do
        assert(handles[i]:wait())
      end
      assert.equal(2, #questions)
      assert.is_nil(questions[1].refused)
      assert.is_true(questions[2].refused)
      assert.equal(16, server:ledger().tools.get_me - (before.tools.get_me or 0))
      assert.equal(0, market:stats().sessions_failed)
      assert.equal(1, market:stats().sessions_opened)
    end
  end)

  it("is told that its token was refused by a call, too, and not for ever", function()
    local refused, token = {}, TOKEN
    local market = connect({}, { auth = function(question)
      refused[#refused + 1] = question.refused or false
      return token
    end })
    token = "s3cret-fresh"
    server:knobs { token = token }
    assert(market:call "mcp.my-server.get_me")
    assert(market:call("mcp.my-server.get_me", {}, { identity = "ann" }))
    server:drop_sessions()
    assert(market:call "mcp.my-server.get_me")
    assert.same({ false, true, false, false }, refused)
  end)

  it("is not asked for ever while a session opens", function()
    local asked = 0
    local _, tools, err = connect({}, { auth = function()
      asked = asked + 1
      return "s3cret-wrong"
    end })
    fails("auth", "401.*the credential came from the server's auth function", tools, err)
    assert.equal(2, asked)
  end)

  it("is not asked for ever", function()
    local asked = 0
    local market = connect({}, { auth = function()
      asked = asked + 1
      return TOKEN
    end })
    server:knobs { token = "s3cret-another" }
    local err = fails("auth", "401.*the credential came from the server's auth function",
      market:call "mcp.my-server.get_me")
    assert.truthy(asked <= 3)
    assert.is_nil(all_of(err):find(TOKEN, 1, true))
  end)

  it("takes the place of every variable", function()
    local _, tools, err = connect({ MCP_AUTH_TOKEN = TOKEN }, { auth = function() end })
    fails("auth", "401.*auth function", tools, err)
  end)

  it("may refuse, raise, or give nonsense: each fails the opening and says so", function()
    local cases = {
      { function() error("the vault is closed", 0) end, "server 'my%-server': the vault is closed" },
      { function() return 42 end, "auth: expected a string or nil, got number" },
      { function() return "s3cret\nb" end, "the token has a line end" },
    }
    for _, case in ipairs(cases) do
      local _, tools, err = connect({}, { auth = case[1] })
      fails("auth", case[2], tools, err)
      assert.equal("not_sent", err.delivery)
    end
    assert.same({}, server:ledger().methods)
  end)

  it("may call other capabilities", function()
    local market = open()
    market:register { id = "vault.read", handler = function() return TOKEN end }
    assert.equal(10, market:add_server("s", { url = server.url, auth = function()
      return market:call "vault.read"
    end }))
  end)
end)

describe("an address", function()
  it("is replaced by the variable that url_override_env names, when that is set", function()
    local options = { url = "http://127.0.0.1:1/mcp", url_override_env = "WHERE", auth = function() return TOKEN end }
    local _, tools = connect({ WHERE = server.url }, options)
    assert.equal(10, tools)
    local _, refused, err = connect({ WHERE = "" }, options)
    fails("transport", "127.0.0.1:1", refused, err)
  end)

  it("has to be http or https, and to exist", function()
    local market = open()
    for url, what in pairs {
      ["ftp://127.0.0.1/mcp"] = "neither http nor https",
      [""] = "has no address",
      ["http://"] = "no valid host",
      ["http://127.0.0.1:99999/"] = "no valid port",
      ["http://127.0.0.1/a b"] = "percent%-encoded",
      ["http://127.0.0.1/\r\nX: y"] = "percent%-encoded",
      ["http://user:s3cret@127.0.0.1/mcp"] = "a user or password",
    } do
      local err = fails("config", "server 's'.*" .. what, market:add_server("s", { url = url }))
      assert.is_nil(all_of(err):find("s3cret", 1, true))
    end
    help.raises("expected either url or command", market.add_server, market, "s", {})
    help.raises("expected either url or command", market.add_server, market, "s", { url = "http://a/", command = "b" })
  end)

  it("and everything else of a server is checked when it is added", function()
    local market = open()
    help.raises("the name of a server has letters", market.add_server, market, "a b", { url = "http://a/" })
    help.raises("the name of a server has letters", market.add_server, market, nil, { url = "http://a/" })
    help.raises("expected a table of options, got nil", market.add_server, market, "s")
    help.raises("unknown option 'adn' ", market.add_server, market, "s", { url = "http://a/", adn = 1 })
    help.raises("unknown option 'hedaers' %(did you mean 'headers'%?%)", market.add_server, market, "s",
      { url = "http://a/", hedaers = {} })
    help.raises("option 'timeout': expected number, got string", market.add_server, market, "s",
      { url = "http://a/", timeout = "1" })
    help.raises("option 'timeout': expected a number of seconds", market.add_server, market, "s",
      { url = "http://a/", timeout = -1 })
    help.raises("option 'auth': expected function", market.add_server, market, "s", { url = "http://a/", auth = "f" })
    help.raises("option 'args'", market.add_server, market, "s", { command = "a", args = { print } })
    fails("config", "headers of server 's': 'X' is no string",
      market:add_server("s", { url = "http://a/", headers = { X = 1 } }))
    fails("config", "args of server 's'", market:add_server("s", { command = "a", args = { 1 } }))
    fails("config", "env of server 's'", market:add_server("s", { command = "a", env = { ["A=B"] = "x" } }))
    fails("config", "auth_env_var", market:add_server("s", { url = "http://a/", auth_env_var = "A=B" }))
    assert.is_false(market:remove_server "s")
  end)
end)

describe("headers", function()
  it("are sent with every request", function()
    local market = connect({ MCP_AUTH_TOKEN = TOKEN }, { headers = { ["X-Tenant"] = "blue", ["x-flag"] = "" } })
    market:call "mcp.my-server.get_me"
    market:close()
    local ledger = server:ledger()
    local verbs = {}
    for _, entry in ipairs(ledger.log) do
      verbs[entry.http] = true
      assert.equal("blue", entry.headers["x-tenant"])
      assert.equal("", entry.headers["x-flag"])
    end
    assert.same({ POST = true, GET = true, DELETE = true }, verbs)
  end)

  it("may be the credential, and a token of a variable takes their place", function()
    local _, tools = connect({}, { headers = { Authorization = "Bearer " .. TOKEN } })
    assert.equal(10, tools)
    local _, again = connect({ MCP_AUTH_TOKEN = TOKEN }, { headers = { authorization = "Bearer s3cret-nonsense" } })
    assert.equal(10, again)
  end)

  it("of the protocol itself cannot be replaced", function()
    local market = connect({ MCP_AUTH_TOKEN = TOKEN }, { headers = {
      ["Mcp-Session-Id"] = "mine", ["Content-Type"] = "text/plain", accept = "nothing", ["Content-Length"] = "3",
      ["MCP-Protocol-Version"] = "1.0",
    } })
    assert.equal("souk-tester", assert(market:call "mcp.my-server.get_me").login)
  end)

  it("that differ mean another session", function()
    local market = open { env = { MCP_AUTH_TOKEN = TOKEN } }
    assert(market:add_server("a", { url = server.url, headers = { ["X-Tenant"] = "blue" } }))
    assert(market:add_server("b", { url = server.url, headers = { ["X-Tenant"] = "green" } }))
    assert.equal(2, #server:ledger().sessions.issued)
  end)
end)
