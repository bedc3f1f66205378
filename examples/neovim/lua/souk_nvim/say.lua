--- Messages: one line in the words of the user, never a stack trace.
local say = {}

-- Text of a server may have anything in it; a message is one line.
function say.one_line(text, most)
  local line = tostring(text):gsub("%s+", " "):gsub("%c", "?"):gsub("^ ", ""):gsub(" $", "")
  if most and vim.fn.strchars(line) > most then
    line = vim.fn.strcharpart(line, 0, most - 1) .. "…"
  end
  return line
end

-- What raised in a coroutine comes with its stack, which is for nobody here.
local function without_stack(text)
  return (text:gsub("\nstack traceback:.*$", ""))
end

local function notify(level)
  return function(text, ...)
    local message = select("#", ...) > 0 and text:format(...) or text
    vim.notify("souk: " .. say.one_line(without_stack(message)), level, { title = "souk" })
  end
end

say.info = notify(vim.log.levels.INFO)
say.warning = notify(vim.log.levels.WARN)
say.error = notify(vim.log.levels.ERROR)

return say
