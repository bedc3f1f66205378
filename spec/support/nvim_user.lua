-- A user of the plugin in examples/neovim, for scripts of spec/support/nvim.lua: answers what vim.ui asks, hears what
-- vim.notify says, looks at the floating window, and presses keys.
--
--     local user = require("spec.support.nvim_user")
--     user.answers = { "first", user.CANCEL, user.pick "green" }     -- one for each question, in order
--     vim.cmd "Souk call s.echo"
--     user.wait(function() return user.sees "done" end)
--     return { asked = user.asked, said = user.said, window = user.window() }

local user = {}

user.answers = {}
user.asked = {} -- { prompt, default, items }, in order
user.said = {} -- { text, level }

user.CANCEL = "the user cancels"

local function next_answer(what)
  if #user.answers == 0 then
    error("nobody has an answer for: " .. what, 0)
  end
  return table.remove(user.answers, 1)
end

-- Dressed-up versions of these answer later, and so does this user.
function vim.ui.input(opts, done)
  table.insert(user.asked, { prompt = opts.prompt, default = opts.default })
  local answer = next_answer(opts.prompt)
  vim.schedule(function()
    if answer == user.CANCEL then
      done(nil)
    elseif answer == user.KEEP then
      done(opts.default or "")
    else
      done(answer)
    end
  end)
end

-- Enter: the default.
user.KEEP = {}

-- An item that has this text.
function user.pick(text)
  return { text = text }
end

function vim.ui.select(items, opts, done)
  local texts = {}
  for i, item in ipairs(items) do
    texts[i] = opts.format_item(item)
  end
  table.insert(user.asked, { prompt = opts.prompt, items = texts })
  local answer = next_answer(opts.prompt)
  vim.schedule(function()
    if answer == user.CANCEL then
      return done(nil)
    end
    for i, text in ipairs(texts) do
      if text:find(answer.text, 1, true) then
        return done(items[i], i)
      end
    end
    table.insert(user.said, { text = ("no item has '%s': %s"):format(answer.text, table.concat(texts, " | ")) })
    done(nil)
  end)
end

function vim.notify(text, level)
  table.insert(user.said, { text = text, level = level })
end

-- The lines of the floating window; nil when there is none.
function user.window()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      return vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
    end
  end
  return nil
end

function user.sees(text)
  return table.concat(user.window() or {}, "\n"):find(text, 1, true) ~= nil
end

function user.hears(text)
  for _, one in ipairs(user.said) do
    if one.text:find(text, 1, true) then
      return true
    end
  end
  return false
end

-- Waits until something is so; says what there is when it does not come.
function user.wait(condition, milliseconds)
  if not vim.wait(milliseconds or 8000, condition, 5) then
    error("it did not happen: " .. vim.inspect { window = user.window(), said = user.said, asked = user.asked }, 2)
  end
end

function user.wait_for(text)
  user.wait(function() return user.sees(text) or user.hears(text) end)
end

function user.press(keys)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), "xt", false)
end

return user
