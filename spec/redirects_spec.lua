-- Redirects: which are followed, what goes along to another origin, and what is said when one is not followed. What
-- belongs to the engine alone is in spec/c/test_io_redirect.c.

local help = require "spec.support.help"
local servers = require "spec.support.servers"

local fails = help.fails

local TOKEN, KEY = "s3cret-t0ken", "s3cret-k3y"
local ERAS = { legacy = { "2025-11-25", "2025-06-18", "2025-03-26" }, modern = { "2026-07-28" } }

local home, other -- two servers, and two origins: their ports differ

setup(function()
  home, other = servers.start "scripted", servers.start "scripted"
end)

teardown(help.stop_servers)

before_each(function()
  home:reset()
  other:reset()
end)

after_each(help.clean_up)

local function elsewhere(path)
  return (other.url:gsub("/mcp$", path))
end

local function connect(options, open_options)
  local copy, all = { url = home.url, listen = false }, { env = { MCP_AUTH_TOKEN = TOKEN } }
  for key, value in pairs(options or {}) do
    copy[key] = value
  end
  for key, value in pairs(open_options or {}) do
    all[key] = value
  end
  local market = help.open(all)
  local tools, err = market:add_server("s", copy)
  return market, tools, err
end

-- Nothing in what the server logged may be a secret of the first one's.
local function check_clean(server, id)
  local log = server:ledger().log
  assert.truthy(#log > 0)
  for _, entry in ipairs(log) do
    assert.is_nil(entry.headers.authorization)
    assert.is_nil(entry.headers["x-key"])
    assert.is_nil(entry.headers.cookie)
    assert.is_nil(entry.headers["last-event-id"])
    assert.is_true(entry.headers["mcp-session-id"] == nil or entry.headers["mcp-session-id"] ~= id)
    for _, value in pairs(entry.headers) do
      assert.is_nil(tostring(value):find("s3cret", 1, true))
    end
  end
end

for era, revisions in pairs(ERAS) do
  local is_legacy = era == "legacy"

  describe("a redirect, " .. era .. ",", function()
    before_each(function()
      home:knobs { revisions = revisions }
      other:knobs { revisions = revisions }
    end)

    it("to a path with a slash is followed, with credentials", function()
      home:knobs { redirect = { to = "/mcp/" }, token = TOKEN }
      local market, tools, err = connect { headers = { ["X-Key"] = KEY } }
      assert.equal(10, tools, tostring(err))
      home:knobs { redirect = { status = 308, to = "/mcp/" } }
      assert.equal("hello", market:call("mcp.s.echo", { text = "hello" }))
      local ledger = home:ledger()
      assert.equal(1, ledger.tools.echo)
      for _, entry in ipairs(ledger.log) do
        assert.equal("/mcp/", entry.path)
        assert.equal("ok", entry.headers.authorization)
        assert.equal(KEY, entry.headers["x-key"])
      end
      if is_legacy then
        assert.equal(1, #ledger.sessions.issued)
        assert.is_true(market:close())
        assert.same(home:ledger().sessions.issued, home:ledger().sessions.deleted)
      end
    end)

    it("to another origin takes along what was said, and no secret", function()
      home:knobs { redirect = { to = elsewhere "/mcp" } }
      local market, tools, err = connect { headers = { ["X-Key"] = KEY, Cookie = "a=s3cret" } }
      assert.equal(10, tools, tostring(err))
      assert.equal("hello", market:call("mcp.s.echo", { text = "hello" }))
      assert.same({ echo = 1 }, other:ledger().tools)
      assert.same({}, home:ledger().tools)
      check_clean(other)
      for _, entry in ipairs(home:ledger().redirected) do
        assert.equal("present", entry.headers.authorization)
        assert.equal(KEY, entry.headers["x-key"])
        assert.is_nil(entry.headers["mcp-session-id"]) -- that of the other server
      end
      if is_legacy then -- its session belongs there, and so does its end
        market:close()
        assert.equal(1, #other:ledger().sessions.issued)
        assert.same(other:ledger().sessions.issued, other:ledger().sessions.deleted)
      end
    end)

    it("of a single call takes neither token nor session to another origin", function()
      other:knobs { session = "none" }
      local market, tools = connect { headers = { ["X-Key"] = KEY } }
      assert.equal(10, tools)
      local id = home:ledger().sessions.issued[1]
      assert.equal(is_legacy, id ~= nil)
      home:knobs { redirect = { to = elsewhere "/mcp" } }
      -- A legacy server without this session refuses the call, and then opens one: all of it without secrets.
      assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
      assert.same({ echo = 1 }, other:ledger().tools)
      check_clean(other, id)
    end)

    it("that leads in circles ends with an error that says so", function()
      home:knobs { redirect = { to = "/mcp" } }
      local _, tools, err = connect({}, { max_redirects = 2 })
      fails("protocol", "redirects again, after 2 redirects %(option max_redirects%)", tools, err)
      assert.equal("not_sent", err.delivery) -- the call itself: no session was opened for it
      assert.equal(3, #home:ledger().redirected)
    end)

    it("that leads in circles proves that a call was not executed", function()
      local market = connect()
      home:knobs { redirect = { to = "/mcp", verb = "POST" } }
      local err = fails("protocol", "after 5 redirects", market:call("mcp.s.echo", { text = "x" }))
      assert.equal("rejected", err.delivery)
      assert.is_false(err.retryable)
      assert.equal(307, err.status)
      assert.is_nil(home:ledger().tools.echo)
    end)

    it("of a POST with 301, 302 or 303 is not followed", function()
      local market = connect()
      for i, status in ipairs { 301, 302, 303 } do
        home:knobs { redirect = { status = status, to = "/mcp/" } }
        local err = fails("protocol", status .. ": it points elsewhere, in a way that may make a POST a GET",
          market:call("mcp.s.echo", { text = "x" }))
        assert.equal("rejected", err.delivery)
        assert.equal(status, err.status)
        assert.equal(i, #home:ledger().redirected)
      end
    end)

    it("is not followed at all when max_redirects is 0", function()
      home:knobs { redirect = { to = "/mcp/" } }
      local _, tools, err = connect({}, { max_redirects = 0 })
      fails("protocol", "307: it points elsewhere, but .*option max_redirects is 0", tools, err)
    end)

    it("to something else than a plain URL is refused, and not shown", function()
      local market = connect()
      for _, place in ipairs { "http://s3cret@127.0.0.1/", "ftp://127.0.0.1/s3cret", "file:///s3cret" } do
        home:knobs { redirect = { to = place } }
        local err = fails("protocol", "redirects to ", market:call("mcp.s.echo", { text = "x" }))
        assert.equal("rejected", err.delivery)
        assert.is_nil(tostring(err):find("s3cret", 1, true))
      end
    end)

    it("to a server that wants credentials says why it has none", function()
      home:knobs { redirect = { to = elsewhere "/mcp" } }
      other:knobs { token = TOKEN }
      local _, tools, err = connect()
      fails("auth", "401.*redirects led to another origin, where credentials do not go", tools, err)
      check_clean(other)
    end)

    it("of a call that then breaks off is as uncertain as any", function()
      local market = connect()
      home:knobs { redirect = { to = "/mcp/" }, faults = { { method = "tools/call", kind = "reset", times = 9,
        executed = true } } }
      local err = fails("transport", "closed before an answer came", market:call("mcp.s.create_issue",
        { owner = "o", repo = "r", title = "x" }))
      assert.equal("ambiguous", err.delivery)
      assert.equal(1, #home:ledger().created)
    end)
  end)
end

describe("a stream", function()
  -- The other statuses are in spec/c/test_io_redirect.c.
  it("is followed with 302, too", function()
    home:knobs { get = "stream", redirect = { status = 302, to = "/mcp/", verb = "GET" } }
    local market = connect { listen = true }
    local changed = 0
    market:on("tools_changed", function() changed = changed + 1 end)
    help.step_until(market, function() return #home:ledger().streams == 1 end)
    home:notify "notifications/tools/list_changed"
    help.step_until(market, function() return changed == 1 end)
    assert.equal(1, #home:ledger().redirected)
  end)
end)

describe("HTTP+SSE", function()
  it("names its endpoint relative to where the stream came from", function()
    home:knobs { transport = "sse", redirect = { to = "/mcp/", verb = "GET" } }
    local market, tools, err = connect()
    assert.equal(10, tools, tostring(err))
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
  end)

  it("at another origin has its endpoint there, and gets no secret", function()
    home:knobs { redirect = { to = elsewhere "/mcp" } }
    other:knobs { transport = "sse" }
    local market, tools, err = connect { headers = { ["X-Key"] = KEY } }
    assert.equal(10, tools, tostring(err))
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    check_clean(other)
  end)
end)

describe("a redirect from https", function()
  it("to http is never followed", function()
    local secure = servers.start("scripted", { tls = true, knobs = { redirect = { to = elsewhere "/mcp" } } })
    local _, tools, err = connect { url = secure.url, ca_file = "build/tls/cert.pem" }
    fails("protocol", "redirects from https to http, which is never followed", tools, err)
    assert.same({}, other:ledger().log)
    secure:knobs { redirect = { to = "/mcp/" } }
    assert.equal(10, select(2, connect { url = secure.url, ca_file = "build/tls/cert.pem" }))
  end)
end)
