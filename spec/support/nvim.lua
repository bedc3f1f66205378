-- Runs Lua scripts in a real headless Neovim, which finds this checkout's souk as spec/support/paths.lua does.
--
--     local nvim = require "spec.support.nvim"
--     local value = nvim.value([[
--       local url = ...
--       local market = require("souk").open()
--       assert(market:add_server("s", { url = url }))
--       return assert(market:call("mcp.s.echo", { text = "x" }))
--     ]], { arguments = { server.url } })
--
--     local run = nvim.run(script, options)      -- the same, also for what fails
--     run.code        -- exit code: 0; 1 when the script raised; 124 when it took too long; others are Neovim's own
--     run.value       -- what the script returned, by way of JSON
--     run.error       -- what it raised, with a traceback
--     run.output      -- what Neovim wrote to standard output and error: messages, and errors of callbacks
--
--     local job = nvim.start(script, options)    -- returns at once
--     job:wait()                                 -- as run
--
-- The script is a text; when it has returned, Neovim leaves by `qa!`. It may wait (vim.wait); Neovim's own loop goes on
-- meanwhile. options: `arguments` (a list, the script's `...`), `rtp` (folders of plugins, whose plugin/*.lua is
-- sourced), `env` (variables; false removes one), `cwd`, `timeout` (seconds, 20), `last` (the command by which it
-- leaves, "qa!"), `paths` (false: Neovim is not told where souk is).
--
-- SOUK_NVIM chooses another Neovim. Nothing of the user's own is read or written: no configuration, no shada.

local cjson = require "cjson"
local shell = require "spec.support.shell"

local nvim = {}

local absolute, output_of, quote = shell.absolute, shell.output_of, shell.quote
local read_file, write_file = shell.read_file, shell.write_file

local TOP = output_of "pwd"

function nvim.program()
  return os.getenv "SOUK_NVIM" or "nvim"
end

-- Whether there is a Neovim, for specs that want to say so themselves.
function nvim.is_here()
  return output_of("command -v " .. quote(nvim.program())) ~= ""
end

-- A folder for one run: script, job, result, output, and Neovim's own files.
local function new_folder()
  output_of "mkdir -p build/run"
  return output_of("mktemp -d " .. quote(TOP .. "/build/run/nvim.XXXXXX"))
end

local function job_for(script, options, folder)
  local job = {
    script = folder .. "/script.lua", result = folder .. "/result.json", path = "", cpath = "",
    arguments = options.arguments or {}, rtp = {},
  }
  if options.paths ~= false then
    local build = absolute(os.getenv "SOUK_BUILD" or "build/")
    job.path = ("%s/lua/?.lua;%s/lua/?/init.lua;"):format(TOP, TOP)
    job.cpath = build .. "lua5.1/?.so;"
  end
  for i, one in ipairs(options.rtp or {}) do
    job.rtp[i] = absolute(one)
  end
  write_file(job.script, script)
  return job
end

-- Variables in front of the command: Neovim's files go below `folder`, and then what the options say.
local function environment(options, folder)
  local words = {}
  for _, name in ipairs { "CONFIG", "DATA", "STATE", "CACHE" } do
    words[#words + 1] = ("XDG_%s_HOME=%s"):format(name, quote(folder))
  end
  words[#words + 1] = "NVIM_LOG_FILE=" .. quote(folder .. "/log")
  for name, value in pairs(options.env or {}) do
    if value then
      words[#words + 1] = name .. "=" .. quote(value)
    else
      table.insert(words, 1, "-u " .. name)
    end
  end
  return table.concat(words, " ")
end

local Job = {}
Job.__index = Job

function nvim.start(script, options)
  options = options or {}
  local folder = new_folder()
  write_file(folder .. "/job.json", cjson.encode(job_for(script, options, folder)))
  local start = ("lua dofile(%q)(%q)"):format(TOP .. "/spec/support/nvim_start.lua", folder .. "/job.json")
  local command = ("cd %s && env %s timeout -k 2 %g %s --headless -n -i NONE -u NONE -c %s -c %s </dev/null >%s 2>&1; "
    .. "echo $?"):format(quote(options.cwd or TOP), environment(options, folder), options.timeout or 20,
    quote(nvim.program()), quote(start), quote(options.last or "qa!"), quote(folder .. "/output"))
  return setmetatable({ folder = folder, pipe = assert(io.popen(command)) }, Job)
end

-- Waits until Neovim has left. Its files are gone then.
function Job:wait()
  if self.run then
    return self.run
  end
  local run = { code = tonumber(self.pipe:read "*a") }
  self.pipe:close()
  run.output = read_file(self.folder .. "/output") or ""
  local text = read_file(self.folder .. "/result.json")
  local result = text and cjson.decode(text) or { error = "the script did not come to its end: " .. run.output }
  run.value, run.error = result.value, result.error
  output_of("rm -rf " .. quote(self.folder))
  self.run = run
  return run
end

function nvim.run(script, options)
  return nvim.start(script, options):wait()
end

-- What the script returns. Raises when it did, when Neovim did not leave in order, or said something of an error.
function nvim.value(script, options)
  local run = nvim.run(script, options)
  if run.error or run.code ~= 0 or run.output:find "E%d+:" or run.output:find "Error " then
    error(("nvim left with code %s: %s\n%s"):format(tostring(run.code), tostring(run.error), run.output), 2)
  end
  return run.value
end

return nvim
