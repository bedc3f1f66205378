--- Questions to the user through vim.ui, which other plugins may have dressed up. In coroutines only.
local async = require "souk_nvim.async"
local say = require "souk_nvim.say"

local ask = {}

-- What an input gives when it is cancelled, where vim.ui hands that through; nobody can type it.
local CANCELLED = "\27"

-- Neovim 0.7's own vim.ui.input gives nil for an empty text, too.
local function nil_is_empty()
  return vim.fn.has "nvim-0.8" == 0 and debug.getinfo(vim.ui.input, "S").source:find "vim/ui.lua" ~= nil
end

-- vim.ui may wait in the function itself; Ctrl-C there is an error. What was typed last still stands in the line of
-- commands, where the next question would be put behind it.
local function guarded(f, ...)
  vim.cmd "redraw"
  local ok, err = pcall(f, ...)
  if not ok and not tostring(err):find "Keyboard interrupt" then
    say.error("%s", err)
  end
  return ok
end

-- A prompt ends with a colon, or with the question mark or colon that it has.
local function ended(prompt)
  return prompt:find "[:?]$" and prompt or prompt .. ":"
end

--- Asks for a text.
-- @param default string|nil
-- @return string|nil nil when the user does not want to go on
function ask.input(prompt, default)
  local text = async.await(function(done)
    local opts = { prompt = ended(prompt) .. " ", default = default, cancelreturn = CANCELLED }
    if not guarded(vim.ui.input, opts, done) then
      done(CANCELLED)
    end
  end)
  if text == CANCELLED then
    return nil
  elseif text == nil and nil_is_empty() then
    return ""
  end
  return text
end

--- Lets the user choose one of the items.
-- @param format function|nil item -> text
-- @return any the item; nil when the user does not want to go on
-- @return integer|nil its number
function ask.select(items, prompt, format)
  return async.await(function(done)
    local opts = { prompt = ended(prompt), format_item = format or tostring }
    if not guarded(vim.ui.select, items, opts, done) then
      done(nil)
    end
  end)
end

return ask
