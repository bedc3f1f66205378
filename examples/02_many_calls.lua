-- Many calls at once, from one script without threads: start() returns a handle, and the calls share one session.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/02_many_calls.lua
local souk = require "souk"
local servers = require "spec.support.servers"

-- Any MCP server; this one belongs to the specs.
local server = servers.start("scripted", { knobs = { all_tools = true } })
local market = souk.open()
assert(market:add_server("forge", { url = server.url }))

-- Sixty-four calls of a tool that answers none of them before all of them are there. Nothing waits until wait() does.
local handles = {}
for i = 1, 64 do
  handles[i] = assert(market:start("mcp.forge.meet", { count = 64 }))
end

-- A callback hears of the end as soon as somebody waits for anything.
local ended = 0
for _, handle in ipairs(handles) do
  handle:on_done(function(_, err)
    assert(not err, err)
    ended = ended + 1
  end)
end

-- The answers may come in any order; waiting in the order of the questions costs nothing.
for _, handle in ipairs(handles) do
  assert(handle:wait())
end
print(("%d calls have ended; the server worked on %d of them at once"):format(ended, server:ledger().max_in_flight))

-- A handle's wait() may be given up without giving up the call ...
local slow = assert(market:start("mcp.forge.slow", { ms = 60000 }))
local _, err = slow:wait(0.05)
print(tostring(err))

-- ... and the call may be cancelled, which the server is told.
slow:cancel()
_, err = slow:wait()
print(tostring(err))

local stats = market:stats()
print(("calls: %d, sessions opened: %d, reused: %d times"):format(stats.calls, stats.sessions_opened,
  stats.sessions_reused))
market:close()
server:stop()
