-- Calls that were started and not waited for at once: handles, their callbacks, events, and what a market tells of
-- itself.

local help = require "spec.support.help"
local servers = require "spec.support.servers"

local open = help.open

after_each(help.clean_up)
teardown(help.stop_servers)

describe("a handle", function()
  it("gives the same result however often it is asked", function()
    local server = servers.start "scripted"
    local market = open()
    assert(market:add_server("web", { url = server.url }))
    local handle = assert(market:start("mcp.web.echo", { text = "hi" }))
    assert.equal("hi", handle:wait())
    assert.equal("hi", handle:wait())
    assert.is_true(handle:done())
    assert.same({}, server:ledger().violations)
  end)
end)
