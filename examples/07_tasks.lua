-- Calls that take long: progress, and tasks, which a server goes on with although nobody waits.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/07_tasks.lua
local souk = require "souk"
local servers = require "spec.support.servers"

local peer = servers.start("scripted", {
  knobs = { revisions = { "2026-07-28" }, all_tools = true, answer = "sse" },
})
local market = souk.open()
assert(market:add_server("lab", { url = peer.url }))

-- Each report moves the deadline of the call, so two seconds are enough for three seconds' work.
assert(market:call("mcp.lab.slow", { ms = 3000, steps = 10 }, {
  timeout = 2,
  on_progress = function(progress)
    if progress.progress % 5 == 0 then
      print(("%d of %d"):format(progress.progress, progress.total))
    end
  end,
}))

-- The server makes a task of this call. souk follows it to its end, so to the script it is a call like others.
print(("worked %d ms"):format(assert(market:call("mcp.lab.task", { ms = 50 })).worked))

-- Nobody waits long enough for this one. The task goes on, and its id is all that has to be kept.
local handle = assert(market:start("mcp.lab.task", { ms = 1500 }, { timeout = 1 }))
local _, err = handle:wait()
print(err.kind)
local id = assert(handle:task())
market:close()

-- Later, maybe in another process:
market = souk.open()
assert(market:add_server("lab", { url = peer.url }))
os.execute "sleep 0.1" -- whoever asked last, a server wants a pause between two questions about a task
handle = assert(market:server("lab"):task(id))
print(("the task worked %d ms"):format(assert(handle:wait()).worked))

-- A call that is cancelled takes its task along.
handle = assert(market:start("mcp.lab.task", { ms = 60000 }))
while not handle:task() do
  assert(market:step(0.1))
end
local last = handle:task()
handle:cancel()
while peer:ledger().tasks[last].cancels == 0 do
  assert(market:step(0.1))
end
print(select(2, handle:wait()).kind)

market:close()
peer:stop()
