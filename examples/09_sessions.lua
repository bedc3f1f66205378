-- Sessions: one that is held, sessions with a name, one call at a time, and what happens when a server is gone.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/09_sessions.lua
local souk = require "souk"
local servers = require "spec.support.servers"

local forge = servers.start("scripted", { knobs = { all_tools = true } })
local market = souk.open { breaker_failures = 2, breaker_pause = 0.2, retry_delay = 0.01 }
assert(market:add_server("forge", { url = forge.url, listen = false }))

-- A session that nobody else's calls run on. In Lua 5.4 `local browser <close> = ...` gives it back by itself.
local browser = assert(market:session "forge")
assert(browser:call("mcp.forge.echo", { text = "mine alone" }))
assert(market:call("mcp.forge.echo", { text = "on another one" }))
local held = 0
for _, session in ipairs(market:sessions()) do
  held = held + session.holds
end
print(("there are %d sessions, %d of them held"):format(#market:sessions(), held))

-- It is never replaced in silence: what was done on it is gone, and the script has to know.
forge:drop_sessions()
local value, err = browser:call("mcp.forge.echo", { text = "still there?" })
assert(not value)
print("lost: " .. err.kind .. ", " .. err.delivery)
browser:close()
print("others did not notice: " .. assert(market:call("mcp.forge.echo", { text = "hello" })))

-- A session with a name, found again by whoever names it.
local tab = assert(market:session("forge", { affinity = "tab 1" }))
assert(market:call("mcp.forge.echo", { text = "in the same tab" }, { affinity = "tab 1" }))
local again = assert(market:session("forge", { affinity = "tab 1" }))
print("the same tab: " .. tostring(tab.id == again.id))
tab:close()
again:close() -- it stays for the next one, as long as idle sessions stay

-- Servers that can do one thing at a time in each session. Three calls are inside at once: on three sessions.
assert(market:add_server("press", {
  url = forge.url, listen = false, mode = "exclusive", max_sessions = 3, rate_limit = "1000/s",
}))
local handles = {}
for i = 1, 6 do
  handles[i] = market:start("mcp.press.meet", { count = 3 })
end
for i = 1, 6 do
  assert(handles[i]:wait())
end
print(("at most %d at a time"):format(forge:ledger().max_in_flight))

-- A server that is gone: after two failures in a row calls fail at once, until one tries again.
for _, name in ipairs { "breaker_opened", "breaker_trial", "breaker_closed" } do
  market:on(name, function(event)
    print(event.name .. " (" .. event.server .. ")")
  end)
end
local shop = servers.start "scripted"
assert(market:add_server("shop", { url = shop.url, discover = false, listen = false }))
local port = shop.port
shop:stop()
for attempt = 1, 3 do
  local _, why = market:server("shop"):ping()
  print(("attempt %d: %s"):format(attempt, why.retry_after and "failed at once" or "nobody was there"))
end
shop = servers.start("scripted", { port = port })
while not market:server("shop"):ping() do
  market:step(0.05) -- the breaker lets one call try when its pause is over
end
print "it is there again"

market:close()
forge:stop()
shop:stop()
