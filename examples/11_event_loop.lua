-- Calls in an event loop: each coroutine waits for its own call, and the loop goes on.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/11_event_loop.lua
--
-- It needs luv (Debian: lua-luv). In Neovim and OpenResty the same works without the option `host`.
local uv = require "luv" -- in the main program, before any coroutine needs it
local souk = require "souk"
local servers = require "spec.support.servers"

-- Any MCP server; this one belongs to the specs.
local server = servers.start("scripted", { knobs = { answer = "sse" } })
local market = souk.open { host = "luv" }

-- Something else that the loop has to do.
local ticks = 0
local ticker = uv.new_timer()
ticker:start(10, 10, function() ticks = ticks + 1 end)
ticker:unref() -- nothing that the loop would stay for

coroutine.wrap(function()
  assert(market:add_server("forge", { url = server.url }))

  -- Ten coroutines, each with a call that takes a tenth of a second.
  local before, left = uv.now(), 10
  for _ = 1, 10 do
    coroutine.wrap(function()
      assert(market:call("mcp.forge.slow", { ms = 100, steps = 1 }))
      left = left - 1
      if left == 0 then
        print(("ten calls of 100 ms took less than half a second: %s"):format(tostring(uv.now() - before < 500)))
      end
    end)()
  end

  -- Progress comes while it runs, and the loop has ticked meanwhile.
  ticks = 0
  assert(market:call("mcp.forge.slow", { ms = 200, steps = 2 }, {
    on_progress = function(progress) print(("%d of %d"):format(progress.progress, progress.total)) end,
  }))
  print(("the loop went on: %s"):format(tostring(ticks > 3)))
end)()

uv.run() -- ends when nobody waits for a call any more
market:close()
server:stop()
