-- What specs of the public face have in common: markets that are closed also when a spec fails, temporary folders,
-- and looks at this process from outside.
--
--     local help = require "spec.support.help"
--     after_each(help.clean_up)
--     local market = help.open { policy = { deny = { "x.*" } } }
--     help.fails("policy", "denied", market:call("x.y"))

local servers = require "spec.support.servers"
local shell = require "spec.support.shell"
local souk = require "souk"

local help = {}

-- Whether the sanitized module is under test: it keeps freed memory, and only an interpreter with its library preloaded
-- can load it.
help.sanitized = (os.getenv "SOUK_BUILD" or ""):find "asan" ~= nil

local markets, folders = {}, {}

-- What markets say goes into a file, where spec/tools/secrets.sh looks for secrets.
local transcript = os.getenv "SOUK_TRANSCRIPT"

local function write_down(...)
  if transcript then
    local file = assert(io.open(transcript, "a"))
    for _, value in ipairs { ... } do
      file:write(tostring(value), "\n")
    end
    file:close()
  end
end

-- A market that clean_up closes. Unless `options.env` is given, no variable of the environment is seen.
function help.open(options)
  local copy = { env = {} }
  for key, value in pairs(options or {}) do
    copy[key] = value
  end
  local market = souk.open(copy)
  markets[#markets + 1] = market
  return market
end

-- Closes the markets and removes the folders that were made here. Servers are stopped by stop_servers; what they
-- complain of fails the spec now.
function help.clean_up()
  for _, market in ipairs(markets) do
    if transcript and tostring(market) ~= "souk.market (closed)" then
      write_down(market, market:sessions(), market:stats(), market:metrics())
    end
    market:close(2)
  end
  markets = {}
  for _, folder in ipairs(folders) do
    os.execute("rm -rf '" .. folder .. "'")
  end
  folders = {}
  servers.check()
end

help.stop_servers = servers.stop_all

-- Checks that something failed as it should: the kind, and a pattern of the message. Returns the error.
function help.fails(kind, pattern, value, err)
  assert(value == nil, "it succeeded with " .. tostring(value))
  assert(type(err) == "table", "there is no error but " .. tostring(err))
  write_down(err)
  if err.kind ~= kind or not err.message:find(pattern) then
    error(("expected %s: %s, got %s"):format(kind, pattern, tostring(err)), 2)
  end
  return err
end

-- Checks that f(...) raises an error that fits the pattern.
function help.raises(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "it raised nothing")
  write_down(message)
  if not tostring(message):find(pattern) then
    error(("expected an error like %s, got %s"):format(pattern, tostring(message)), 2)
  end
  return message
end

-- Where a stdio server of spec/support/servers is, in the words of add_server; the second value has ledger().
function help.child(name, options)
  local spec = servers.stdio(name, options)
  local read = spec.ledger
  -- The child may be writing its ledger at this moment.
  function spec.ledger()
    for _ = 1, 20 do
      local ok, ledger = pcall(read)
      if ok then
        return ledger
      end
      os.execute "sleep 0.02"
    end
    return read()
  end
  return { command = spec.command, args = spec.args, env = spec.env }, spec
end

help.output_of, help.write_file = shell.output_of, shell.write_file

function help.read_file(path)
  return (assert(shell.read_file(path), "there is no file " .. path))
end

-- An empty folder that clean_up removes.
function help.folder()
  local folder = help.output_of "mktemp -d"
  folders[#folders + 1] = folder
  return folder
end

-- Something about this process: a field of /proc/self/status, in its own words ("VmHWM" -> "1234 kB").
function help.status(field)
  return help.read_file("/proc/self/status"):match("\n" .. field .. ":%s*([^\n]+)")
end

local function own_pid()
  return help.read_file("/proc/self/stat"):match "^%d+"
end

-- The process ids of children of this process whose command line has this text; zombies count.
function help.children(text)
  local list = {}
  local command = "ps -o pid= -o args= --ppid " .. own_pid()
  for line in help.output_of(command):gmatch "[^\n]+" do
    local pid, args = line:match "^%s*(%d+)%s+(.*)$"
    if args:find(text, 1, true) and not args:find(command, 1, true) then
      list[#list + 1] = tonumber(pid)
    end
  end
  return list
end

function help.is_running(pid)
  return help.output_of("kill -0 " .. pid .. " 2>/dev/null && echo yes") ~= ""
end

-- How many descriptors are open.
function help.descriptors()
  collectgarbage()
  collectgarbage()
  -- The shell looks when the pipe to it is closed, so that it does not count that.
  local path = os.tmpname()
  local pipe = assert(io.popen(("cat >/dev/null; ls /proc/%s/fd | wc -l >%s"):format(own_pid(), path), "w"))
  pipe:close()
  local count = tonumber(help.read_file(path))
  os.remove(path)
  return count
end

-- Does market:step until done() is true; at most `seconds` (30).
function help.step_until(market, done, seconds)
  local core = require "souk.core"
  local until_when = core.now() + (seconds or 30)
  while not done() do
    assert(core.now() < until_when, "it did not happen in time")
    assert(market:step(0.02))
  end
end

-- What is in either table; what stands in both is as in the second one, which may be nil.
function help.merge(first, second)
  local out = {}
  for _, one in ipairs { first, second } do
    for key, value in pairs(one) do
      out[key] = value
    end
  end
  return out
end

-- How often the value is in the list.
function help.count(list, value)
  local count = 0
  for _, one in ipairs(list) do
    count = count + (one == value and 1 or 0)
  end
  return count
end

return help
