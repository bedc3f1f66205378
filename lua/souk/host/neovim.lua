--- The host for Neovim, 0.7 and later.
--
-- In a coroutine a wait yields, and the editor goes on; outside of one it waits through vim.wait, so that the screen is
-- redrawn and Ctrl-C ends the waiting. Callbacks run through vim.schedule, so they may do everything.
local core = require "souk.core"
local guard = require "souk.guard"
local uv_host = require "souk.host.uv"

local vim = rawget(_G, "vim")
local uv = vim.uv or vim.loop

-- s. While vim.wait has a condition, Neovim 0.7 notices Ctrl-C only when its time is over.
local SLICE = 0.1

local EditorWaits = {}
EditorWaits.__index = EditorWaits

function EditorWaits:sleep(timeout)
  local _, why = vim.wait(math.ceil(math.min(timeout, SLICE) * 1000), function() return self.woken end, SLICE * 1000)
  self.woken = false
  if why == -2 then
    return nil, core.error("cancelled", "the waiting was interrupted")
  end
  return true
end

function EditorWaits:wake()
  self.woken = true
end

-- Markets that are open, so that leaving the editor can close them.
local open_markets = setmetatable({}, { __mode = "k" })

-- What is open when the editor is left says good-bye, if that is quick. Nothing can wait any more then.
local GOODBYE = 0.3

local function leave()
  for market in pairs(open_markets) do
    if market:_is_open() then
      market:_end(GOODBYE)
      market:_release()
    end
  end
end

local function refusal(waits)
  if waits and vim.in_fast_event() and not uv_host.yieldable() then
    return core.error("config", "nothing can wait in a fast event (|api-fast|) outside of a coroutine: use a "
      .. "coroutine, on_done, or vim.schedule", { delivery = "not_sent" })
  end
end

local neovim = uv_host.new {
  name = "neovim",
  uv = uv,
  run_later = vim.schedule,
  resume_later = vim.schedule,
  main_waiter = function()
    local err = refusal(true)
    if err then
      return nil, err
    end
    return setmetatable({}, EditorWaits)
  end,
  refusal = refusal,
}

local attach = neovim.attach
local has_autocmd = false

function neovim.attach(market, state)
  attach(market, state)
  open_markets[market] = true
  if not has_autocmd then
    has_autocmd = true
    vim.api.nvim_create_autocmd("VimLeavePre", { callback = function() guard.run(state, leave) end })
  end
end

return neovim
