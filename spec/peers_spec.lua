-- souk beside servers that others wrote: the reference servers over HTTP and stdio, and the new protocol.

local help = require "spec.support.help"

local open = help.open

after_each(help.clean_up)
teardown(help.stop_servers)

describe("server-memory", function()
  it("lists its tools", function()
    local market = open()
    assert.equal(9, assert(market:add_server("memory", (help.child "memory"))))
    assert.equal(9, #market:list { server = "memory" })
  end)
end)
