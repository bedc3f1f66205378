-- Faults of the matrix (fault_matrix_spec.lua) that are about a whole server, and so about all calls at once: its
-- port is closed, it is started again, it has another era than before. Row by row, as spec/support/fault_table_port.lua
-- has it.

local help = require "spec.support.help"
local matrix = require "spec.support.fault_matrix"
local servers = require "spec.support.servers"

local LEGACY, MODERN = "2025-11-25", "2026-07-28"

local rows = require "spec.support.fault_table_port"
local server, deaf

local function offer(...)
  local revisions = { ... }
  return function()
    server:knobs { revisions = revisions }
    server:drop_sessions()
  end
end

local function nothing() end

-- What is done to the server before a session is opened, before the calls of a row, and behind them.
local acts = {
  nothing = { nothing, nothing, nothing },
  close = { nothing, function() server:close_port() end, function() server:open_port() end },
  close_for_a_moment = { nothing, function() server:close_port(0.15) end, function() server:open_port() end },
  disconnect = { nothing, function() server:drop_connections() end, nothing },
  restart = { nothing, function()
    server:drop_sessions()
    server:close_port()
    server:open_port()
  end, nothing },
  become_modern = { offer(LEGACY), offer(MODERN), offer(LEGACY, MODERN) },
  become_legacy = { offer(MODERN), offer(LEGACY), offer(LEGACY, MODERN) },
}

-- A server that souk has a session with; a cold one it knows by name only.
local function introduce(market, cell)
  local row = cell.row
  cell.server = "c" .. cell.number
  local url = matrix.url(row.deaf and deaf or server, cell)
  if row.cold then
    assert(market:register { id = ("mcp.%s.create_issue"):format(cell.server), provider = "MCP",
      metadata = { mcp = { server_url = url, tool_name = "create_issue" } } })
    return
  end
  local changes = row[4]:find "^become" ~= nil
  assert(market:add_server(cell.server, { url = url, listen = false, identity = cell.server,
    protocol_version = not changes and (cell.column:find "^legacy" and LEGACY or MODERN) or nil }))
end

local function run_row(market, row, cells)
  local first, before, behind = acts[row[4]][1], acts[row[4]][2], acts[row[4]][3]
  first()
  for _, cell in ipairs(cells) do
    introduce(market, cell)
  end
  before()
  if row[3] then
    server:knobs { faults = matrix.faults(cells) }
  end
  matrix.run(market, cells, behind)
end

-- Everybody loses its session, so each gets its own when it is its turn.
local function run_row_alone(market, cells)
  server:knobs { faults = matrix.faults(cells) }
  for _, cell in ipairs(cells) do
    introduce(market, cell)
    matrix.run_alone(market, cell, function() server:open_port() end)
  end
end

describe("a server whose port, process or era changes:", function()
  local cells = matrix.cells(rows, { "legacy json", "modern json" })

  setup(function()
    server = servers.start("scripted", { knobs = { revisions = { LEGACY, MODERN } } })
    deaf = servers.start "deaf"
    local market = help.open { connect_timeout = 0.3, max_resends = 3 } -- the breaker opens at five
    for _, row in ipairs(rows) do
      local mine = {}
      for _, cell in ipairs(cells) do
        mine[#mine + 1] = cell.row == row and cell or nil
      end
      if row.alone then
        run_row_alone(market, mine)
      else
        run_row(market, row, mine)
      end
    end
    matrix.judge(cells, matrix.ledger(cells, function() return server:ledger() end))
    help.clean_up()
  end)

  teardown(help.stop_servers)

  for _, cell in ipairs(cells) do
    it(cell.label, function()
      matrix.check(cell)
    end)
  end
end)
