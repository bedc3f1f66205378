-- What servers offer beside tools: resources, prompts, completion; and how to hear of changes.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/06_resources.lua
local souk = require "souk"
local servers = require "spec.support.servers"

local peer = servers.start("scripted", {
  knobs = { revisions = { "2026-07-28" }, all_tools = true, page = 3, ttl = 60000 },
})
local market = souk.open()
local listening = false
market:on("listening", function() listening = true end)
assert(market:add_server("library", { url = peer.url }))
local library = market:server "library"

local info = assert(library:info())
print(("%s speaks %s"):format(info.name, info.protocol))

-- Lists come in pages over the wire, and whole to the script.
for _, resource in ipairs(assert(library:resources())) do
  print(("  %-18s %s"):format(resource.uri, resource.title or resource.name))
end

-- This server allows results to be kept for a minute, so the second reading sends nothing. What was read before souk
-- listens to the server is asked for once more, because a change may have been missed.
while not listening do
  assert(market:step(1))
end
local function read(uri, options)
  return assert(library:read(uri, options))[1].text
end
print(read "souk://notes/1")
print(read "souk://notes/1")
print(("read %d time(s)"):format(peer:ledger().methods["resources/read"]))

print(assert(library:prompt("greet", { name = "Ann" })).messages[1].content.text)
print(table.concat(assert(library:complete({ prompt = "review" }, "style", "b")).values, ", "))

-- When the resource changes, the server says so; what was kept is forgotten.
local changed
market:on("resource_updated", function(event) changed = event.uri end)
market:on("tools_refreshed", function(event) print(("%s has %d tools now"):format(event.server, event.tools)) end)
assert(library:subscribe "souk://notes/1")
while true do
  assert(market:call("mcp.library.touch", { uri = "souk://notes/1" }))
  assert(market:step(0.1))
  if changed then
    break
  end
end
print(("%s has changed"):format(changed))
assert(read("souk://notes/1"):find "version [1-9]")

-- So do tools: new ones can be called as soon as the server has said that they are there.
assert(market:call("mcp.library.set_tools", { add = { "lend" } }))
while not market:get "mcp.library.lend" do
  assert(market:step(1))
end
print("a new tool: " .. assert(market:call "mcp.library.lend").tool)

market:close()
peer:stop()
