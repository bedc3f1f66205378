-- Several calls at once, and waiting for all of them, for the first of them, and not for ever.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/10_at_once.lua
local souk = require "souk"
local servers = require "spec.support.servers"

-- Any MCP server; this one belongs to the specs.
local server = servers.start "scripted"
local market = souk.open()
assert(market:add_server("forge", { url = server.url }))

local function slow(ms)
  return assert(market:start("mcp.forge.slow", { ms = ms }))
end

-- All of them: true says that every call has ended, however it did. Each handle has its own result then.
local list = { slow(40), market:start("mcp.forge.echo", { text = "hello" }), market:start "mcp.forge.fail" }
assert(souk.wait_all(list, 30))
for i, handle in ipairs(list) do
  local value, err = handle:wait()
  print(("%d: %s"):format(i, value or "failed, " .. err.kind))
end

-- A deadline for all: the calls go on when it is over, until somebody cancels them.
list = { slow(0), slow(60000), slow(60000) }
local _, err = souk.wait_all(list, 0.2)
print(err.message)
for _, handle in ipairs(list) do
  handle:cancel() -- one that has ended stays as it is
end

-- A race: the first one that ends is taken.
list = { slow(60000), slow(20), slow(60000) }
local first, index = assert(souk.wait_any(list, 30))
print(("number %d was first: %s"):format(index, first:wait()))
for _, handle in ipairs(list) do
  handle:cancel()
end

-- Twenty calls, never more than four at once: as one ends the next one starts.
local next_one, sum, most = 1, 0, 0
list = {}
while next_one <= 20 or #list > 0 do
  while #list < 4 and next_one <= 20 do
    list[#list + 1] = assert(market:start("mcp.forge.add", { a = next_one, b = 0 }))
    next_one = next_one + 1
  end
  most = math.max(most, #list)
  local handle, place = assert(souk.wait_any(list, 30))
  sum = sum + assert(handle:wait()).sum
  table.remove(list, place)
end
print(("the sum of 1 to 20 is %d, with at most %d calls at once"):format(sum, most))

-- Coroutines, each with calls of its own. In plain Lua handle:wait() would wait for its own call before any other
-- coroutine runs (the calls of all go on meanwhile); a loop around wait_any resumes each when its call has ended.
local waits_for = {} -- handle -> coroutine

local function call(id, input)
  local handle = assert(market:start(id, input))
  waits_for[handle] = coroutine.running()
  coroutine.yield()
  return handle:wait()
end

for _, ms in ipairs { 300, 150, 0 } do
  coroutine.wrap(function()
    local text = assert(call("mcp.forge.slow", { ms = ms }))
    print(text .. assert(call("mcp.forge.echo", { text = ", and went on" })))
  end)()
end
while next(waits_for) do
  local running = {}
  for handle in pairs(waits_for) do
    running[#running + 1] = handle
  end
  local handle = assert(souk.wait_any(running, 30))
  local thread = waits_for[handle]
  waits_for[handle] = nil
  assert(coroutine.resume(thread))
end

market:close()
server:stop()
