-- The scripted server in both eras of the protocol and over both transports, for specs of what has to be the same in
-- all four.
--
--     local eras = require "spec.support.eras"
--     teardown(eras.stop)
--     after_each(eras.finish)                     -- closes markets, and looks for rules that were broken
--     eras.each(describe, function(case)
--       it("...", function()
--         local market, peer = eras.connect(case, { open = { elicitation = f }, knobs = { page = 3 } })
--         market:call("mcp.s.echo", { text = "x" })
--         assert.equal(1, peer.ledger().tools.echo)
--       end)
--     end)

local help = require "spec.support.help"
local servers = require "spec.support.servers"

local eras = {}

eras.cases = {}
for _, era in ipairs { { "legacy", "2025-11-25" }, { "modern", "2026-07-28" } } do
  for _, transport in ipairs { "http", "stdio" } do
    eras.cases[#eras.cases + 1] = { era = era[1], revision = era[2], transport = transport }
  end
end

-- The HTTP server of this file of specs, and the ledgers that finish() looks into.
local server
local peers = {}

local function http_server()
  server = server or servers.start "scripted"
  server:reset()
  return server
end

-- Describes every case by f(case). `describe` is busted's, which only files of specs can see.
function eras.each(describe, f)
  for _, case in ipairs(eras.cases) do
    describe(("%s, %s:"):format(case.revision, case.transport), function()
      f(case)
    end)
  end
end

local function merge(...)
  local out = {}
  for _, one in ipairs { ... } do
    for key, value in pairs(one) do
      out[key] = value
    end
  end
  return out
end

-- A market that knows a fresh server as "s", with all its tools. options: `knobs` of the server, `open` for
-- souk.open, `server` for add_server. peer.ledger() is what the server was asked; peer.knobs{} turns something, over
-- HTTP only.
function eras.connect(case, options)
  options = options or {}
  local knobs = merge({ all_tools = true, revisions = { case.revision }, get = "stream" }, options.knobs or {})
  local peer = {}
  local where
  if case.transport == "http" then
    local one = http_server()
    one:knobs(knobs)
    where = { url = one.url }
    peer.ledger = function() return one:ledger() end
    peer.knobs = function(changes) return one:knobs(changes) end
    peer.server = one
  else
    local child
    where, child = help.child("scripted", { knobs = knobs })
    peer.ledger = child.ledger
  end
  peer.where = where
  peers[#peers + 1] = peer
  local market = help.open(options.open)
  local count, why = market:add_server("s", merge(where, options.server or {}))
  assert(count, why)
  return market, peer
end

-- Closes all markets. Whatever a spec did, souk kept the rules of the revision that it spoke.
function eras.finish()
  help.clean_up()
  local list = peers
  peers = {}
  for _, peer in ipairs(list) do
    local ledger = peer.ledger()
    for _, what in ipairs { "violations", "mistakes" } do
      if #ledger[what] > 0 then
        error(("%s: %s"):format(what, table.concat(ledger[what], "; ")), 0)
      end
    end
  end
end

function eras.stop()
  server = nil
  help.stop_servers()
end

return eras
