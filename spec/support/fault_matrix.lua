-- Runs the cells of a table of faults, as many as possible at once, and says of each what is wrong with it.
--
--     local cells = matrix.cells(table, columns)          -- one for each row and column
--     for each cell: cell.server = a server of the market, the faults of matrix.faults(cells) being set
--     matrix.run(market, cells)                           -- all calls, and behind each of them a plain one
--     matrix.judge(cells, ledger)                         -- what is wrong, for matrix.check(cell)
--
-- A call's label is the `title` or the `reason` that it carries; the ledger of the server counts by it.

local core = require "souk.core"
local outcome = require "spec.support.fault_outcome"

local matrix = {}

-- Seconds that a call gets which is expected to take too long: among all the others, and alone.
local GIVEN_UP, GIVEN_UP_ALONE = 2, 1
local PATIENCE = 20 -- seconds for all others
local REPO = "souk"

local function add_call(cell, suffix, tool, expected, fault)
  local call = { cell = cell, label = cell.label .. suffix, tool = tool, expected = expected, ends = 0 }
  cell.calls[#cell.calls + 1] = call
  if fault then
    call.fault = { method = "tools/call" }
    for key, value in pairs(fault) do
      call.fault[key] = value
    end
  end
  return call
end

-- Adds a cell with one call, or two; `tool` as it is named by the server.
local function add_cell(cells, row, column, tool, expected)
  local mark = tool == "get_me" and " (may be repeated)" or ""
  local label = ("%s, %s: %s%s"):format(column, row[1], row[2], mark)
  local cell = { row = row, column = column, label = label, number = #cells + 1, calls = {} }
  cells[#cells + 1] = cell
  if not row.pair then
    add_call(cell, "", tool, expected, row[3])
    return
  end
  for _, suffix in ipairs { ", first", ", second" } do
    add_call(cell, suffix, tool, expected, row[3]).fault.pair = label
  end
end

-- A cell for each row that has something to say about a column, and one more where a call that may be repeated fares
-- otherwise.
function matrix.cells(rows, columns)
  local cells = {}
  for _, column in ipairs(columns) do
    for _, row in ipairs(rows) do
      local expected = outcome.of(row, column)
      if expected then
        add_cell(cells, row, column, "create_issue", expected)
      end
      if expected and row.again then
        add_cell(cells, row, column, "get_me", row.again)
      end
    end
  end
  return cells
end

-- Where a server is told apart by its URL; faults that strike before a request is read find it by that.
function matrix.url(server, cell)
  return ("%s?cell=%d."):format(server.url, cell.number)
end

-- What the server is to do to the calls of these cells.
function matrix.faults(cells)
  local list = {}
  for _, cell in ipairs(cells) do
    for _, call in ipairs(cell.calls) do
      local fault = call.fault or {}
      if fault.method == "tools/call" then
        fault.with = call.tool == "get_me" and { reason = call.label } or { title = call.label }
        fault.answer = cell.column:match "json$" or cell.column:match "sse$"
      elseif fault.method == "POST" then
        fault.url = ("cell=%d."):format(cell.number)
      end
      list[#list + 1] = call.fault
    end
  end
  return list
end

local function input_of(call, label)
  if call.tool == "get_me" then
    return { reason = label }
  end
  local size = call.cell.row.body
  return { owner = "o", repo = REPO, title = label, body = size and ("x"):rep(size) or nil }
end

-- Calls report progress, because a stream without it has only one event.
local function start_call(market, call, given_up)
  local kind = outcome.read(call.expected)
  call.handle = market:start(("mcp.%s.%s"):format(call.cell.server, call.tool), input_of(call, call.label), {
    timeout = kind == "timeout" and given_up or PATIENCE, on_progress = function() end })
  call.handle:on_done(function()
    call.ends = call.ends + 1
  end)
end

local function wait_call(call)
  call.value, call.err = call.handle:wait()
end

function matrix.start(market, cell)
  for _, call in ipairs(cell.calls) do
    start_call(market, call, GIVEN_UP)
  end
end

function matrix.wait(_, cell)
  for _, call in ipairs(cell.calls) do
    wait_call(call)
  end
end

-- A plain call after each: the session, or the next one, is as good as any.
function matrix.start_next(market, cell)
  cell.next_label = cell.label .. ", next"
  local input = { owner = "o", repo = REPO, title = cell.next_label }
  cell.next_handle = market:start(("mcp.%s.create_issue"):format(cell.server), input, { timeout = PATIENCE })
end

function matrix.wait_next(_, cell)
  cell.next_value, cell.next_err = cell.next_handle:wait()
end

local function do_all(market, cells, first, second)
  for _, step in ipairs { first, second } do
    for _, cell in ipairs(cells) do
      step(market, cell)
    end
  end
end

-- All calls at once, then the plain ones. behind(): what to do between them.
function matrix.run(market, cells, behind)
  do_all(market, cells, matrix.start, matrix.wait)
  if behind then
    behind()
  end
  do_all(market, cells, matrix.start_next, matrix.wait_next)
end

-- The same, call by call: for faults that everybody feels.
function matrix.run_alone(market, cell, behind)
  for _, call in ipairs(cell.calls) do
    start_call(market, call, GIVEN_UP_ALONE)
    wait_call(call)
  end
  if behind then
    behind()
  end
  matrix.start_next(market, cell)
  matrix.wait_next(market, cell)
end

local function is_issue(value)
  return type(value) == "table" and type(value.url) == "string" and value.url:find("/o/" .. REPO .. "/", 1, true)
end

local function told(call)
  local err = call.err
  if call.value ~= nil then
    return "result"
  end
  return ("%s %s (%s)"):format(tostring(err.kind), tostring(err.delivery), tostring(err.message))
end

-- Whether a call ended in this way, and was executed as often as that means.
local function fits(call, text, executed)
  local kind, delivery, times = outcome.read(text)
  local is_right
  if kind == "result" then
    is_right = call.tool == "get_me" and type(call.value) == "table" or is_issue(call.value)
  else
    is_right = call.value == nil and call.err.kind == kind and call.err.delivery == delivery
  end
  -- Who gave up may have done so before the server came to it; what may be repeated may have been.
  local is_counted = call.tool == "get_me" or executed == times or (kind == "timeout" and executed < times)
  return is_right and is_counted
end

-- What is wrong with a call, or nil.
local function fault_of(call, executed)
  if call.ends ~= 1 then
    return ("it ended %d times"):format(call.ends)
  end
  for _, text in ipairs(outcome.alternatives(call.expected)) do
    if fits(call, text, executed) then
      return nil
    end
  end
  return ("expected %s, got %s, executed %d times"):format(call.expected, told(call), executed)
end

-- ledger.executed: how often each label was.
function matrix.judge(cells, ledger)
  for _, cell in ipairs(cells) do
    local complaint
    for _, call in ipairs(cell.calls) do
      local what = fault_of(call, ledger.executed[call.label] or 0)
      complaint = complaint or what and call.label .. ": " .. what
    end
    if not complaint and cell.row.deaf then
      complaint = cell.next_err.delivery ~= "not_sent" and "the next call has another end" or nil
    elseif not complaint and not is_issue(cell.next_value) then
      complaint = "the next call failed: " .. tostring(cell.next_err or "it has another answer")
    elseif not complaint and ledger.executed[cell.next_label] ~= 1 then
      complaint = ("the next call was executed %d times"):format(ledger.executed[cell.next_label] or 0)
    end
    cell.complaint = complaint or "nothing"
  end
end

-- Raises what is wrong with a cell that was judged.
function matrix.check(cell)
  assert(cell.complaint, "it was not tried")
  if cell.complaint ~= "nothing" then
    error(cell.complaint, 0)
  end
end

-- Asks for the ledger until it has all executions that the outcomes speak of: a server may be late.
function matrix.ledger(cells, ask)
  local function is_complete(ledger)
    for _, cell in ipairs(cells) do
      for _, call in ipairs(cell.calls) do
        local kind, _, times = outcome.read(call.expected)
        if call.tool == "create_issue" and kind ~= "timeout" and (ledger.executed[call.label] or 0) < times then
          return false
        end
      end
    end
    return true
  end
  local until_when = core.now() + 3
  local ledger = ask()
  while not is_complete(ledger) and core.now() < until_when do
    os.execute "sleep 0.1"
    ledger = ask()
  end
  return ledger
end

return matrix
