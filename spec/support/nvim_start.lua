-- What a Neovim of spec/support/nvim.lua runs: dofile(...)(job file). Everything in the job is absolute.
--
-- The script's return value, or its error with a traceback, is written into a file as JSON; an error also ends Neovim
-- with code 1. Whoever finds no file knows that the script did not come to its end.

-- What a job says is there before the script is: where modules are, and folders of plugins with their plugin/*.
local function prepare(job)
  package.path = job.path .. package.path
  package.cpath = job.cpath .. package.cpath
  for _, folder in ipairs(job.rtp) do
    vim.opt.runtimepath:append(folder)
    for _, file in ipairs(vim.fn.sort(vim.fn.glob(folder .. "/plugin/**/*.lua", true, true))) do
      vim.cmd("source " .. vim.fn.fnameescape(file))
    end
  end
end

local function write(path, value)
  local ok, text = pcall(vim.json.encode, value)
  if not ok then
    value = { error = "the script's result cannot be encoded: " .. text }
    text = vim.json.encode(value)
  end
  -- Written beside and renamed, so that nobody reads half of it.
  local file = assert(io.open(path .. ".new", "wb"))
  file:write(text)
  file:close()
  assert(os.rename(path .. ".new", path))
  return value.error
end

return function(path)
  local file = assert(io.open(path, "rb"))
  local job = vim.json.decode(file:read "*a")
  file:close()
  local ok, value = xpcall(function()
    prepare(job)
    return assert(loadfile(job.script))(unpack(job.arguments))
  end, function(err)
    return debug.traceback(tostring(err), 2)
  end)
  local err = write(job.result, ok and { value = value } or { error = value })
  if err then
    io.stderr:write(err, "\n")
    vim.cmd "cquit 1"
  end
end
