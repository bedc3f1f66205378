--- Calls of tools, each shown in a floating window: what is called, how it goes, and what came of it.
local float = require "souk_nvim.float"
local say = require "souk_nvim.say"
local servers = require "souk_nvim.servers"
local show = require "souk_nvim.show"

local calls = {}

-- Milliseconds between looks at the clock while something runs.
local TICK = 100
local SPINNER = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" }
local BAR_CELLS = 30

local uv = vim.uv or vim.loop

local running = {} -- calls that have not ended, oldest first
local last -- the call that was started last

-- --- what is seen of a call ------------------------------------------------------------------------------------------

local function seconds(call)
  return ("%.1f s"):format((uv.hrtime() - call.started) / 1e9)
end

local function bar(progress)
  if type(progress.total) ~= "number" or progress.total <= 0 or type(progress.progress) ~= "number" then
    return type(progress.progress) == "number" and ("%g so far"):format(progress.progress) or nil
  end
  local part = math.max(0, math.min(1, progress.progress / progress.total))
  local full = math.floor(part * BAR_CELLS + 0.5)
  local cells = ("█"):rep(full) .. ("░"):rep(BAR_CELLS - full)
  return ("%s %3.0f %%  %g of %g"):format(cells, part * 100, progress.progress, progress.total)
end

local function state_line(call)
  if call.is_done then
    local state = call.err and (call.err.kind == "cancelled" and "cancelled" or "failed") or "done"
    local text = ("%s after %s   q closes"):format(state, call.took)
    return { text = text, group = call.err and "SoukFailed" or "SoukDone" }
  end
  call.tick = (call.tick or 0) % #SPINNER + 1
  local what = call.is_cancelled and "cancelling" or "running"
  local text = ("%s %s for %s   c cancels, q closes and lets it run"):format(SPINNER[call.tick], what, seconds(call))
  return { text = text, group = "SoukMuted" }
end

local function progress_lines(call)
  local progress, lines = call.progress, {}
  if progress and not call.is_done then
    lines[#lines + 1] = { text = bar(progress), group = "SoukBar" }
    if type(progress.message) == "string" then
      lines[#lines + 1] = say.one_line(progress.message, 200)
    end
  end
  return lines
end

local function lines_of(call)
  local lines = { { text = call.title, group = "SoukTitle" } }
  if call.input_text ~= "{}" then
    lines[#lines + 1] = { text = call.input_text, group = "SoukMuted" }
  end
  lines[#lines + 1] = state_line(call)
  lines[#lines + 1] = ""
  vim.list_extend(lines, progress_lines(call))
  vim.list_extend(lines, call.result or {})
  return lines
end

local function draw(call)
  if call.window then
    call.window:set(lines_of(call))
  end
end

local function open_window(call)
  call.window = float.open(lines_of(call), {
    c = function() calls.cancel(call) end,
    ["<C-c>"] = function() calls.cancel(call) end,
  })
end

-- --- the life of a call ----------------------------------------------------------------------------------------------

local function remove(call)
  for i, other in ipairs(running) do
    if other == call then
      table.remove(running, i)
      return
    end
  end
end

local function start_clock(call)
  call.timer = uv.new_timer()
  call.timer:start(TICK, TICK, vim.schedule_wrap(function()
    if not call.is_done then
      draw(call)
    end
  end))
end

-- Whoever has closed the window is told that there is something to see.
local function tell(call)
  if call.window:is_open() then
    return
  elseif call.err then
    say.error("%s: %s", call.title, tostring(call.err))
  else
    say.info("%s is done; :Souk result shows it", call.title)
  end
end

local function finish(call, value, err)
  call.timer:close()
  remove(call)
  call.is_done, call.took, call.value = true, seconds(call), value
  if value == nil then
    call.err, call.result = err, show.error(err)
  else
    call.result = show.value(value)
  end
  draw(call)
  tell(call)
end

--- Calls a tool and waits for its end. In coroutines.
-- @param tool table of servers.tools
function calls.start(tool, input)
  local call = {
    title = ("%s.%s"):format(tool.server, tool.name), started = uv.hrtime(),
    input_text = say.one_line(require("souk").json.encode(input) or "", 300),
  }
  running[#running + 1] = call
  last = call
  open_window(call)
  start_clock(call)
  local handle, err = servers.market():start(tool.id, input, {
    timeout = require("souk_nvim").option "timeout",
    on_progress = function(progress)
      call.progress = progress
      draw(call)
    end,
  })
  if not handle then
    return finish(call, nil, err)
  end
  call.handle = handle
  finish(call, handle:wait())
end

--- Cancels a call, unless it has ended. Its end comes as any other does.
function calls.cancel(call)
  if not call.is_done and call.handle then
    call.is_cancelled = true
    draw(call)
    call.handle:cancel()
  end
end

--- The calls that are running, oldest first; each has a `title`.
function calls.running()
  return vim.list_extend({}, running)
end

--- A line for a list of running calls.
function calls.describe(call)
  return ("%s, for %s"):format(call.title, seconds(call))
end

--- Opens the window of the last call again. False when there was none.
function calls.show_last()
  if last and not last.window:is_open() then
    open_window(last)
  end
  return last ~= nil
end

return calls
