-- Each fault at each step of a call, in both eras and over all transports: what becomes of the call is written in
-- tables (spec/support/fault_table_*.lua), and checked here cell by cell. A tool that may not be repeated is executed
-- once at most in every cell, every call ends once, and the next call is as good as any.

local help = require "spec.support.help"
local matrix = require "spec.support.fault_matrix"
local servers = require "spec.support.servers"

local LEGACY, MODERN = "2025-11-25", "2026-07-28"
local revisions = { legacy = LEGACY, modern = MODERN }

local function revision_of(cell)
  return revisions[cell.column:match "^%l+"]
end

-- A market in which each cell has its own server, and so its own session and connections.
local function open(cells, where)
  local market = help.open { max_sessions = 1000, max_response = 500000, max_header = 20000, connect_timeout = 5,
    stream_retry = 0.02, child_grace = 0.1 }
  for _, cell in ipairs(cells) do
    cell.server = "c" .. cell.number
    local options = where(cell)
    options.listen = false
    options.identity = cell.server -- connections are shared by those of one identity only
    assert(market:add_server(cell.server, options))
  end
  return market
end

local function check(cells)
  for _, cell in ipairs(cells) do
    it(cell.label, function()
      matrix.check(cell)
    end)
  end
end

teardown(help.stop_servers)

-- Cells that have nothing to do with each other: all calls are in flight at once.
local function over_http(cells, knobs)
  local server = servers.start("scripted", { knobs = knobs })
  local market = open(cells, function(cell)
    return { url = matrix.url(server, cell), protocol_version = revision_of(cell) }
  end)
  server:knobs { faults = matrix.faults(cells) }
  matrix.run(market, cells, function()
    server:knobs { faults = {} } -- also where a call gave up before the server came to it
  end)
  matrix.judge(cells, matrix.ledger(cells, function() return server:ledger() end))
  help.clean_up()
end

describe("over Streamable HTTP:", function()
  local cells = matrix.cells(require "spec.support.fault_table_http",
    { "legacy json", "legacy sse", "modern json", "modern sse" })

  setup(function()
    over_http(cells, { revisions = { LEGACY, MODERN } })
  end)

  check(cells)
end)

describe("over HTTP+SSE of 2024-11-05:", function()
  local cells = matrix.cells(require "spec.support.fault_table_old", { "old" })

  setup(function()
    over_http(cells, { transport = "sse" })
  end)

  check(cells)
end)

for era, revision in pairs(revisions) do
  local rows = require "spec.support.fault_table_child"
  local column = era .. " child"

  describe("over stdio, in one child:", function()
    local cells = matrix.cells(rows.living, { column })

    setup(function()
      local knobs = { revisions = { revision }, faults = matrix.faults(cells) }
      local child, spec = help.child("scripted", { knobs = knobs })
      local market = open({ cells[1] }, function() return child end)
      for _, cell in ipairs(cells) do
        cell.server = cells[1].server
      end
      matrix.run(market, cells)
      matrix.judge(cells, matrix.ledger(cells, spec.ledger))
      help.clean_up()
    end)

    check(cells)
  end)

  describe("over stdio, one after the other:", function()
    local cells = matrix.cells(rows.ending, { column })

    setup(function()
      local knobs = { revisions = { revision }, faults = matrix.faults(cells) }
      local child, spec = help.child("scripted", { knobs = knobs, keep = true })
      child.env.SOUK_NPM = "none" -- a child that is started often does not read the schemas; those above check enough
      local market = open({ cells[1] }, function() return child end)
      for _, cell in ipairs(cells) do
        cell.server = cells[1].server
        matrix.run_alone(market, cell, function()
          if cell.row.settles then
            help.step_until(market, function() return #market:sessions() == 0 end)
          end
        end)
      end
      matrix.judge(cells, matrix.ledger(cells, spec.ledger))
      help.clean_up()
    end)

    check(cells)
  end)
end
