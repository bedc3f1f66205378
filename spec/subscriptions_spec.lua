-- What servers say by themselves: changed lists, updated resources, and everything else, in both eras and over both
-- transports. Tools are registered anew when they have changed.

local eras = require "spec.support.eras"
local help = require "spec.support.help"
local souk = require "souk"

teardown(eras.stop)
after_each(eras.finish)

-- A list of the events of one name that a market has from now on.
local function events(market, name)
  local list = {}
  market:on(name, function(event)
    list[#list + 1] = event
  end)
  return list
end

-- Works until the list has so many entries.
local function wait_for(market, list, count)
  help.step_until(market, function() return #list >= count end)
end

-- Whether the server has the client's word that it wants to hear of changes of the resource.
local function is_subscribed(peer, uri)
  local on = false
  for _, entry in ipairs(peer.ledger().subscriptions) do
    if entry.uri == uri then
      on = entry.on
    end
  end
  for _, entry in ipairs(peer.ledger().listens) do
    local wish = entry.notifications.resourceSubscriptions
    if entry.state == "open" and wish then
      on = on or help.count(wish, uri) > 0
    end
  end
  return on
end

-- A market that listens to the server already. The third value: its events of "listening".
local function listening(case, options)
  options = options or {}
  options.server = options.server or {}
  options.server.discover = false
  local market, peer = eras.connect(case, options)
  local heard = events(market, "listening")
  assert(market:refresh "s")
  wait_for(market, heard, 1)
  return market, peer, heard
end

eras.each(describe, function(case)
  local is_legacy = case.era == "legacy"

  it("begins when the tools were asked for, and is told", function()
    local market, peer, heard = listening(case)
    assert.equal("s", heard[1].server)
    assert.equal("listening", heard[1].name)
    if not is_legacy then
      help.step_until(market, function() return #peer.ledger().listens > 0 end)
      assert.same({ toolsListChanged = true, promptsListChanged = true, resourcesListChanged = true },
        peer.ledger().listens[1].notifications)
    end
  end)

  it("registers tools anew when they have changed", function()
    local market = listening(case)
    local changed, refreshed = events(market, "tools_changed"), events(market, "tools_refreshed")
    local before = market:get "mcp.s.echo"
    assert(market:call("mcp.s.set_tools", { add = { "brand_new" }, remove = { "mixed" } }))
    wait_for(market, refreshed, 1)
    assert.equal("s", changed[1].server)
    assert.equal("s", refreshed[1].server)
    assert.is_number(refreshed[1].tools)
    assert.same({}, refreshed[1].diagnostics)
    assert.same(before, market:get "mcp.s.echo")
    assert.is_nil(market:get "mcp.s.mixed")
    assert.equal("brand_new", market:call("mcp.s.brand_new").tool)
    assert.equal(refreshed[1].tools, #market:list { server = "s" })
  end)

  it("does so without anybody looking, as long as the market works", function()
    local market = listening(case)
    assert(market:call("mcp.s.set_tools", { add = { "quiet" } }))
    help.step_until(market, function() return market:get "mcp.s.quiet" end)
  end)

  it("tells which lists have changed", function()
    local market = listening(case)
    local prompts, resources = events(market, "prompts_changed"), events(market, "resources_changed")
    local all = events(market, "notification")
    assert(market:call("mcp.s.notify", { method = "notifications/prompts/list_changed" }))
    assert(market:call("mcp.s.notify", { method = "notifications/resources/list_changed" }))
    wait_for(market, resources, 1)
    assert.equal(1, #prompts)
    assert.equal("s", prompts[1].server)
    assert.equal("notifications/prompts/list_changed", all[1].method)
    assert.equal("notifications/resources/list_changed", all[2].method)
  end)

  it("passes on notifications that nobody has heard of", function()
    local market = listening(case)
    local all = events(market, "notification")
    assert(market:call("mcp.s.notify", { method = "notifications/souk/odd", params = { deep = { 1, souk.null } } }))
    wait_for(market, all, 1)
    assert.equal("notifications/souk/odd", all[1].method)
    assert.same({ 1, souk.null }, all[1].params.deep)
  end)

  it("tells when a resource has changed, of those that are subscribed to", function()
    local market, peer = listening(case)
    local server = market:server "s"
    local updated = events(market, "resource_updated")
    assert.is_true(server:subscribe "souk://notes/1")
    assert.is_true(server:subscribe "souk://users/ann")
    help.step_until(market, function()
      return is_subscribed(peer, "souk://notes/1") and is_subscribed(peer, "souk://users/ann")
    end)
    assert(market:call("mcp.s.touch", { uri = "souk://notes/2" }))
    assert(market:call("mcp.s.touch", { uri = "souk://notes/1" }))
    wait_for(market, updated, 1)
    assert.equal("souk://notes/1", updated[1].uri)
    assert.equal("Note 1, version 1", server:read(updated[1].uri)[1].text)
    assert.is_true(server:unsubscribe "souk://notes/1")
    help.step_until(market, function()
      return not is_subscribed(peer, "souk://notes/1") and is_subscribed(peer, "souk://users/ann")
    end)
    assert(market:call("mcp.s.touch", { uri = "souk://notes/1" }))
    assert(market:call("mcp.s.touch", { uri = "souk://users/ann" }))
    wait_for(market, updated, 2)
    assert.equal("souk://users/ann", updated[2].uri)
    assert.equal(2, #updated)
  end)

  -- A legacy child has no stream that could break.
  local over_streams = not (is_legacy and case.transport == "stdio") and it or function() end
  over_streams("is taken up again when it breaks, and then asks for the tools once more", function()
    local market, _, heard = listening(case)
    local refreshed = events(market, "tools_refreshed")
    -- A stream breaks; what stands on a pipe can only be ended with a word.
    assert(market:call("mcp.s.end_listen", { how = case.transport == "http" and "eof" or "result" }))
    wait_for(market, heard, 2)
    wait_for(market, refreshed, 1)
    local changed = events(market, "tools_changed")
    assert(market:call("mcp.s.notify", { method = "notifications/tools/list_changed" }))
    wait_for(market, changed, 1)
  end)

  it("does not happen when it is not wanted", function()
    local market, peer = eras.connect(case, { server = { listen = false } })
    local heard = events(market, "listening")
    for _ = 1, 5 do
      assert(market:step(0.02))
    end
    assert.same({}, heard)
    assert.same({}, peer.ledger().listens)
    assert.same({}, peer.ledger().streams)
    assert.equal("x", market:call("mcp.s.echo", { text = "x" }))
  end)

  it("ends with the server", function()
    local market, peer = listening(case)
    assert.is_true(market:remove_server "s")
    help.step_until(market, function() return #market:sessions() == 0 end)
    if not is_legacy and case.transport == "http" then
      help.step_until(market, function() return peer.ledger().listens[1].state == "closed" end)
    end
  end)
end)

describe("observers", function()
  it("are told of notifications by the name of an event that exists", function()
    local market = help.open()
    help.raises("there is no event 'tool_changed' %(did you mean 'tools_changed'%?%)", market.on, market,
      "tool_changed", print)
  end)
end)
