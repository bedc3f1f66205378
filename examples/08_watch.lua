-- Watching a market: the log, events, sessions, statistics, and numbers for a monitoring system.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/08_watch.lua
local souk = require "souk"
local servers = require "spec.support.servers"

local forge = servers.start("scripted", { knobs = { token = "s3cret sesame" } })

-- Lines for people. In a program of your own `log = "stderr"` may be all that is needed.
local market = souk.open {
  env = { FORGE_TOKEN = "s3cret sesame" },
  log = function(level, message)
    print(("%-7s %s"):format(level, message))
  end,
  log_level = "info",
}

-- Events for programs: here, how often each one came.
local seen = {}
market:on("*", function(event)
  seen[event.name] = (seen[event.name] or 0) + 1
end)

assert(market:add_server("forge", {
  url = forge.url, auth_env_var = "FORGE_TOKEN", identity = "ann", listen = false,
}))
for _ = 1, 10 do
  assert(market:call "mcp.forge.get_me")
end
forge:drop_sessions() -- as if it were restarted: souk opens another session, and sends the call again
assert(market:call "mcp.forge.get_me")
assert(market:call("mcp.forge.get_me", {}, { identity = "bob" }))
assert(not market:call("mcp.forge.fail", { message = "out of paper" }))

print(("session_reused came %d times, session_lost %d time(s)"):format(seen.session_reused, seen.session_lost))

-- What there is now, and what happened so far; both are plain tables, too.
print(market:sessions())
print(market:stats())
local stats = market:stats()
print(("%d of %d calls of forge failed"):format(stats.servers.forge.failed, stats.servers.forge.calls))

-- The same for Prometheus: give it out under /metrics, with the content type "text/plain; version=0.0.4".
for line in market:metrics():gmatch "[^\n]+" do
  if line:find "^souk_server_calls" or line:find "^souk_sessions_" then
    print(line)
  end
end

market:close()
forge:stop()
