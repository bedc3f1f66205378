-- Where a market may connect to: deny_private, allow_hosts, deny_commands. Which addresses are private, and which hosts
-- a rule names, is in spec/c/test_base_reach.c; that the address of a name counts, in spec/c/test_io_redirect.c.

local eras = require "spec.support.eras"
local help = require "spec.support.help"
local servers = require "spec.support.servers"

local fails, raises = help.fails, help.raises

local server, other

setup(function()
  server, other = servers.start "scripted", servers.start "scripted"
end)

teardown(function()
  eras.stop()
  help.stop_servers()
end)

before_each(function()
  server:reset()
  other:reset()
end)

after_each(eras.finish)

local function port_of(peer)
  return peer.url:match ":(%d+)/"
end

-- What is refused before anything was sent, by the option of that name.
local function is_refused(option, host, value, err)
  fails("policy", option, value, err)
  assert.equal("not_sent", err.delivery)
  assert.is_false(err.retryable)
  assert.truthy(err.message:find(host, 1, true), err.message)
  assert.is_nil(tostring(err):find("s3cret", 1, true))
end

describe("deny_private", function()
  it("refuses servers at private addresses, in every form", function()
    local market = help.open { deny_private = true }
    for i, host in ipairs {
      "127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "localhost", "a.localhost", "LOCALHOST.", "10.0.0.1", "[::1]",
      "[::ffff:127.0.0.1]", "169.254.169.254", "192.168.1.1", "[fd00::1]", "0.0.0.0",
    } do
      local url = ("http://%s:%s/mcp?key=s3cret"):format(host, port_of(server))
      is_refused("deny_private", host, market:add_server("s" .. i, { url = url }))
    end
    assert.same({}, server:ledger().log)
  end)

  it("refuses what a variable or a capability file names", function()
    local market = help.open { deny_private = true, env = { WHERE = server.url } }
    market:load_text [[(capability "x" :provider "MCP" :metadata {:mcp {:server_url_override_env "WHERE"
      :server_url "https://public.example.com" :server_name "forge" :tool_name "get_me"}})
      (capability "y" :provider "MCP" :metadata {:mcp {:server_url "http://10.0.0.1/?s3cret" :tool_name "t"}})]]
    is_refused("deny_private", "127.0.0.1", market:call "x")
    is_refused("deny_private", "10.0.0.1", market:call "y")
    assert.same({}, server:ledger().log)
  end)

  it("is off by default, and can be turned off", function()
    assert.equal(10, help.open({ deny_private = false }):add_server("s", { url = server.url }))
  end)
end)

describe("allow_hosts", function()
  it("lets through what it names, and nothing else", function()
    local market = help.open { allow_hosts = { "127.0.0.*", "*.example.com" } }
    assert.equal(10, market:add_server("s", { url = server.url }))
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    for i, host in ipairs { "example.com", "evil.org", "x.example.com.evil.org", "127.0.1.1", "[::1]" } do
      is_refused("allow_hosts", host, market:add_server("t" .. i, { url = "https://" .. host .. "/mcp?s3cret" }))
    end
  end)

  it("takes addresses and names in any form", function()
    local url = "http://2130706433:" .. port_of(server) .. "/mcp"
    assert.equal(10, help.open({ allow_hosts = { "127.0.0.1" } }):add_server("s", { url = url }))
    url = "http://LocalHost:" .. port_of(server) .. "/mcp"
    assert.equal(10, help.open({ allow_hosts = { "localhost" } }):add_server("s", { url = url }))
  end)

  it("allows nothing when it is empty", function()
    is_refused("allow_hosts", "127.0.0.1", help.open({ allow_hosts = {} }):add_server("s", { url = server.url }))
  end)

  it("is checked together with deny_private", function()
    local market = help.open { allow_hosts = { "*" }, deny_private = true }
    is_refused("deny_private", "127.0.0.1", market:add_server("s", { url = server.url }))
  end)

  it("has to be a list of hosts", function()
    for _, rule in ipairs { "https://example.com", "example.com/mcp", "example.com:443", "", "b\195\188cher.de" } do
      raises("option 'allow_hosts': .* names no host: expected a name", help.open, { allow_hosts = { rule } })
    end
    raises("option 'allow_hosts': expected a list of hosts, got string", help.open, { allow_hosts = "example.com" })
    raises("option 'allow_hosts': expected a list of strings", help.open, { allow_hosts = { 1 } })
    raises("option 'allow_hosts': expected a list of strings", help.open, { allow_hosts = { ["example.com"] = true } })
    raises("option 'allow_hosts': expected a list of strings", help.open, { allow_hosts = { x = "example.com" } })
    raises("option 'deny_private': expected true or false, got string", help.open, { deny_private = "yes" })
    raises("option 'deny_commands': expected true or false, got number", help.open, { deny_commands = 1 })
  end)
end)

describe("a redirect", function()
  it("to a host that is not allowed is not followed", function()
    local market = help.open { allow_hosts = { "127.0.0.1" } }
    assert.equal(10, market:add_server("s", { url = server.url, listen = false }))
    server:knobs { redirect = { to = "http://localhost:" .. port_of(other) .. "/mcp?s3cret" } }
    local err = fails("policy", "redirects: 'localhost' is no host that option allow_hosts names",
      market:call("mcp.s.echo", { text = "x" }))
    assert.equal("rejected", err.delivery) -- the first server had it, and did not execute it
    assert.is_nil(tostring(err):find("s3cret", 1, true))
    server:knobs { redirect = { to = other.url } }
    other:knobs { session = "none" }
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
    server:knobs { redirect = { to = "http://localhost/mcp" } }
    is_refused("allow_hosts", "localhost", market:add_server("again", { url = server.url }))
  end)
end)

describe("deny_commands", function()
  it("refuses servers that are commands, however they are named", function()
    local folder = help.folder()
    local market = help.open { deny_commands = true, env = { WHERE = "touch " .. folder .. "/ran" } }
    local words = { command = "touch", args = { folder .. "/ran" } }
    is_refused("deny_commands", "server 's'", market:add_server("s", words))
    is_refused("deny_commands", "server 't'", market:add_server("t", { url = "touch " .. folder .. "/ran" }))
    local text = [[(capability "x" :provider "MCP" :metadata {:mcp {:server_url "touch FOLDER/ran" :tool_name "t"}})
      (capability "y" :provider "MCP" :metadata {:mcp {:command "touch" :args ["FOLDER/ran"] :tool_name "t"}})
      (capability "z" :provider "MCP" :metadata {:mcp {:server_url "https://x.example.com" :tool_name "t"
        :server_url_override_env "WHERE"}})]]
    assert.equal(3, (market:load_text((text:gsub("FOLDER", folder)))))
    for _, id in ipairs { "x", "y", "z" } do
      is_refused("deny_commands", "commands", market:call(id))
    end
    assert.equal("", help.output_of("ls " .. folder))
    assert.equal(10, market:add_server("u", { url = server.url }))
  end)
end)

for _, case in ipairs { eras.cases[1], eras.cases[3] } do -- both eras, over HTTP
  describe("a visit that a server asks for, " .. case.era, function()
    local function connect(rules)
      local seen, errors, events = {}, {}, {}
      local open = { on_error = function(message) errors[#errors + 1] = message end }
      function open.elicitation(request)
        seen[#seen + 1] = request.url
        return "accept"
      end
      for name, value in pairs(rules) do
        open[name] = value
      end
      local market = eras.connect(case, { open = open })
      market:on("visit_declined", function(event) events[#events + 1] = event end)
      return market, seen, errors, events
    end

    it("is declined where it is not allowed, and the program hears of it", function()
      local market, seen, errors, events = connect { allow_hosts = { "127.0.0.1", "*.example.com" } }
      local function visit(url)
        return market:call("mcp.s.ask_url", { url = url })
      end
      assert.equal("accept", visit("https://a.example.com/x?y").action)
      for _, url in ipairs {
        "https://evil.org/?s3cret", "https://a.example.com@evil.org/s3cret", "https://evil%2eorg/s3cret",
        "javascript:s3cret", "https:evil.org/s3cret",
      } do
        assert.equal("decline", visit(url).action)
      end
      assert.same({ "https://a.example.com/x?y" }, seen)
      assert.equal(5, #errors)
      assert.equal(5, #events)
      assert.truthy(errors[1]:find "a visit that server 's' asks for was declined: 'evil.org' is no host that option "
        and errors[1]:find "allow_hosts")
      assert.equal("s", events[1].server)
      assert.truthy(events[1].reason:find "allow_hosts")
      for i = 1, 5 do
        assert.is_nil((errors[i] .. events[i].reason):find("s3cret", 1, true))
      end
    end)
  end)
end

describe("a visit to a private address", function()
  it("is declined with deny_private", function()
    -- The server itself is a command, which this option does not stop.
    local words = help.child("scripted", { knobs = { all_tools = true } })
    local errors, seen = {}, {}
    local market = help.open {
      deny_private = true, on_error = function(message) errors[#errors + 1] = message end,
      elicitation = function(request)
        seen[#seen + 1] = request.url
        return "accept"
      end,
    }
    assert(market:add_server("s", words))
    for _, host in ipairs { "127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0xa9fea9fe", "192.168.0.1:8080" } do
      assert.equal("decline", market:call("mcp.s.ask_url", { url = "http://" .. host .. "/" }).action)
    end
    assert.equal("accept", market:call("mcp.s.ask_url", { url = "https://example.com/" }).action)
    assert.same({ "https://example.com/" }, seen)
    assert.equal(6, #errors)
  end)
end)
