-- Starts and stops the servers that specs and the demo talk to, all on the loopback interface.
--
--     local servers = require "spec.support.servers"
--     local server = servers.start("scripted", { knobs = { token = "s3cret", answer = "sse" } })
--     server.url                      -- "http://127.0.0.1:41225/mcp"
--     server:knobs{ lost = "400" }    -- turn something while it runs
--     server:ledger().methods         -- what it was asked
--     server:stop()
--
-- Whatever a server is sent is judged, by itself (scripted) or by spec/server/watch.mjs. stop(), reset(),
-- servers.check() and servers.stop_all() raise when a rule was broken, unless server:violations() was asked for them: a
-- spec that expects some has to look at them.
--
-- A server lives no longer than the Lua state that started it: it runs under a shell that reads from a pipe
-- which this process holds, and kills it when that pipe closes, by stop(), by the end of the process or by
-- a crash. Written for Lua 5.1 to 5.4 and LuaJIT, with a POSIX shell and the programs curl and sleep.

local cjson = require "cjson"
local shell = require "spec.support.shell"

local servers = {}

local START_SECONDS = 20
local NPM = os.getenv("SOUK_NPM") or "build/npm/node_modules"

local absolute, output_of, quote, read_file = shell.absolute, shell.output_of, shell.quote, shell.read_file

local function exists(path)
  local file = io.open(path, "rb")
  return file ~= nil and file:close()
end

-- The Node that all servers run on, pinned with the other peers.
function servers.node()
  local path = os.getenv("SOUK_NODE")
  if not path then
    local machine = output_of("uname -m"):match("aarch64") and "arm64" or "x64"
    path = NPM .. "/node-linux-" .. machine .. "/bin/node"
  end
  assert(exists(path), "there is no Node at " .. path .. ": make deps")
  return absolute(path)
end

-- The folder of the npm packages.
function servers.npm()
  return absolute(NPM)
end

local function peer(name)
  return absolute(("%s/@modelcontextprotocol/server-%s/dist/index.js"):format(NPM, name))
end

-- A fresh file name below build/run; nothing but the servers of this process writes there.
local function scratch(suffix)
  local path = os.tmpname()
  os.remove(path)
  output_of("mkdir -p build/run")
  return absolute("build/run/" .. path:match("[^/]+$") .. suffix)
end

-- A certificate for 127.0.0.1 and localhost that nobody has signed but itself; made once.
local function certificate()
  local folder = "build/tls"
  local cert, key = absolute(folder .. "/cert.pem"), absolute(folder .. "/key.pem")
  if not (exists(cert) and exists(key)) then
    -- Several runs may want it at once: each makes its own, and the first to be done is the one that is used.
    local command = "t=%s.$$ && mkdir -p $t && openssl req -x509 -newkey rsa:2048 -nodes -days 3650 "
      .. "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
      .. "-keyout $t/key.pem -out $t/cert.pem 2>&1 && "
      .. "{ mv -T $t %s 2>/dev/null || rm -rf $t; }"
    output_of(command:format(folder, folder))
    assert(exists(cert), "openssl made no certificate")
  end
  return cert, key
end

-- What to run: a list of words, and a table of environment variables. Servers of others are watched.
local programs = {}

local function watched(words, environment)
  table.insert(words, 1, servers.node())
  table.insert(words, 2, "--import")
  table.insert(words, 3, absolute("spec/server/watch.mjs"))
  environment = environment or {}
  environment.SOUK_NPM = absolute(NPM)
  environment.SOUK_VIOLATIONS = scratch(".violations")
  return words, environment
end

function programs.scripted(options)
  local words = { servers.node(), absolute("spec/server/scripted.mjs"), "--knobs", cjson.encode(options.knobs or {}) }
  if options.tls then
    local cert, key = certificate()
    for _, word in ipairs({ "--cert", cert, "--key", key }) do
      words[#words + 1] = word
    end
  end
  if options.port then
    words[#words + 1] = "--port"
    words[#words + 1] = tostring(options.port)
  end
  return words, {}
end

-- A port that answers no connection.
function programs.deaf()
  return { servers.node(), absolute("spec/server/deaf.mjs") }, {}
end

function programs.modern(options)
  return watched({
    absolute("spec/server/modern.mjs"), "--legacy", options.legacy or "reject", "--answer", options.answer or "auto",
  })
end

function programs.everything(options, stdio)
  if stdio then
    return watched({ peer("everything") })
  end
  local transport = options.transport or "streamableHttp"
  return watched({ "--import", absolute("spec/server/any_port.mjs"), peer("everything"), transport }, { PORT = "0" })
end

function programs.filesystem(options)
  return watched({ peer("filesystem"), assert(options.folder, "folder is missing") })
end

function programs.memory(options)
  return watched({ peer("memory") }, { MEMORY_FILE_PATH = options.file or scratch(".jsonl") })
end

function programs.isolation()
  return { servers.node(), absolute("spec/server/isolation.mjs") }, { SOUK_VIOLATIONS = scratch(".violations") }
end

local function command_line(words, environment)
  local out = {}
  for name, value in pairs(environment) do
    out[#out + 1] = name .. "=" .. quote(value)
  end
  for _, word in ipairs(words) do
    out[#out + 1] = quote(word)
  end
  return table.concat(out, " ")
end

-- $1: the command, $2: where its output goes, $3: where its process id goes. The shell survives the signals of
-- a terminal, which also end `cat`, so that it always comes to the kill.
local KEEPER = [[
trap : INT TERM HUP
sh -c "exec env $1" </dev/null >"$2" 2>&1 &
child=$!
echo $child >"$3"
cat >/dev/null
kill $child 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
  kill -0 $child 2>/dev/null || break
  sleep 0.05
done
kill -9 $child 2>/dev/null
rm -f "$2" "$3"
]]

local Server = {}
Server.__index = Server

-- Both hold what they list until stop_all: a server is judged to its end, also when no spec has it in hand any more.
local running = {} -- HTTP servers that were not stopped, as keys
local children = {} -- descriptions of stdio servers

local function wait_until_it_listens(server)
  local step = 0.05
  for _ = 1, START_SECONDS / step do
    local text = read_file(server.log) or ""
    local port = text:match("listening on (%d+)\n")
    if port then
      return tonumber(port), text:match("control on (%d+)\n")
    end
    if not server:is_alive() then
      break
    end
    os.execute("sleep " .. step)
  end
  local text = read_file(server.log) or ""
  server:stop()
  error("the server did not start:\n" .. text, 0)
end

local function wait_for_pid(path)
  for _ = 1, 200 do
    local pid = (read_file(path) or ""):match("^(%d+)\n")
    if pid then
      return tonumber(pid)
    end
    os.execute("sleep 0.02")
  end
  error("the shell did not start", 0)
end

-- Starts a server over HTTP and waits until it listens. `name`: "scripted" (options: knobs, tls, port), "modern"
-- (options: legacy, answer), "everything" (options: transport, "streamableHttp" or "sse"), "isolation" (its endpoints
-- are origin .. "/legacy" and "/modern") or "deaf". Fields: url, origin, port, pid, log (a file with its output),
-- ca_file (tls).
function servers.start(name, options)
  options = options or {}
  local program = assert(programs[name], "there is no server called " .. tostring(name))
  local words, environment = program(options, false)
  local base = scratch("")
  local server = setmetatable({ name = name, log = base .. ".log", violations_file = environment.SOUK_VIOLATIONS },
    Server)
  local pid_file = base .. ".pid"
  server.keeper = assert(io.popen(("sh -c %s keeper %s %s %s"):format(quote(KEEPER),
    quote(command_line(words, environment)), quote(server.log), quote(pid_file)), "w"))
  running[server] = true
  server.pid = wait_for_pid(pid_file)
  local side
  server.port, side = wait_until_it_listens(server)
  server.side_door = side and "http://127.0.0.1:" .. side
  if options.tls then
    server.ca_file = certificate()
  end
  server.origin = ("%s://127.0.0.1:%d"):format(options.tls and "https" or "http", server.port)
  server.url = server.origin .. (options.transport == "sse" and "/sse" or "/mcp")
  return server
end

local function lines_of(path)
  local list = {}
  for line in (read_file(path) or ""):gmatch("[^\n]+") do
    list[#list + 1] = line
  end
  return list
end

-- { violations, mistakes } of a stdio server, or of an HTTP server of others, so far.
local function faults_of(spec)
  if spec.violations_file then
    return { violations = lines_of(spec.violations_file), mistakes = {} }
  end
  local text = read_file(spec.ledger_file)
  if not text then
    return { violations = {}, mistakes = {} }
  end
  -- Most ledgers are those of servers that have ended: they are read at every check, but taken apart only once.
  if text ~= spec.read_before then
    spec.read_before, spec.faults = text, cjson.decode(text)
  end
  return spec.faults
end

-- What a stdio server is started with: { command, args, env, ledger() }, for souk's own options. `name`:
-- "scripted" (options: knobs, knobs_file, keep), "modern" (options: legacy), "everything", "filesystem" (options:
-- folder) or "memory" (options: file). ledger() reads what a scripted server has written so far.
function servers.stdio(name, options)
  options = options or {}
  local program = assert(programs[name], "there is no server called " .. tostring(name))
  local words, environment = program(options, true)
  local spec = { name = name, env = environment, args = {} }
  if name == "scripted" or name == "modern" then
    words[#words + 1] = "--stdio"
  end
  if name == "scripted" and options.knobs_file then
    words[#words + 1] = "--knobs-file"
    words[#words + 1] = options.knobs_file
  end
  if name == "scripted" and options.keep then
    words[#words + 1] = "--keep"
  end
  if name == "scripted" then
    spec.ledger_file = scratch(".ledger")
    words[#words + 1] = "--ledger"
    words[#words + 1] = spec.ledger_file
  end
  spec.command = words[1]
  for index = 2, #words do
    spec.args[index - 1] = words[index]
  end
  spec.violations_file = environment.SOUK_VIOLATIONS
  children[#children + 1] = spec
  spec.known = 0
  function spec.ledger()
    local text = assert(read_file(spec.ledger_file), "the server was never started")
    return cjson.decode(text)
  end
  -- What the server complains of; those need not be complained of again.
  function spec.violations()
    local list = faults_of(spec).violations
    spec.known = #list
    return list
  end
  return spec
end

-- Raises when there are complaints beyond the first `known` ones. `faults`: a ledger, or its part.
local function judge(faults, known, name)
  if #faults.mistakes > 0 then
    error(("the %s server itself made a mistake: %s"):format(name, table.concat(faults.mistakes, "; ")), 0)
  end
  if #faults.violations > known then
    error(("what the %s server was sent breaks rules: %s"):format(name,
      table.concat(faults.violations, "; ", known + 1)), 0)
  end
end

local function judge_child(spec)
  local faults = faults_of(spec)
  local known = spec.known
  spec.known = math.max(known, #faults.violations)
  judge(faults, known, spec.name .. " (stdio)")
end

local function control(server, method, path, body, origin)
  assert(server.name == "scripted", "only the scripted server can be controlled")
  local command = ("curl -s -S -k -m 10 -X %s -w '\\n%%{http_code}' %s/control/%s"):format(method,
    origin or server.origin, path)
  if body then
    command = command .. " --data-binary " .. quote(cjson.encode(body))
  end
  local text, status = output_of(command .. " 2>&1"):match("^(.*)\n(%d+)$")
  if status ~= "200" then
    error(("control %s: %s"):format(path, tostring(text)), 0)
  end
  return cjson.decode(text)
end

-- What the server was asked and did; see spec/server/README.md.
function Server:ledger()
  return control(self, "GET", "ledger")
end

-- Turns knobs; returns all of them as they are then.
function Server:knobs(changes)
  return control(self, "POST", "knobs", changes)
end

local function faults_over_http(server)
  if server.violations_file then
    return faults_of(server)
  end
  local is_asked = server.name == "scripted" and server:is_alive()
  return is_asked and control(server, "GET", "faults") or { violations = {}, mistakes = {} }
end

-- What the server complains of; those need not be complained of again.
function Server:violations()
  local list = faults_over_http(self).violations
  self.known = #list
  return list
end

-- Raises when the server has a complaint that no spec has looked at.
function Server:check()
  if self.keeper then
    local faults = faults_over_http(self)
    local known = self.known or 0
    self.known = #faults.violations
    judge(faults, known, self.name)
  end
end

-- All knobs and the ledger as they were born, and no sessions.
function Server:reset()
  local ok, message = pcall(self.check, self)
  control(self, "POST", "reset")
  self.known = 0
  if not ok then
    error(message, 0)
  end
end

-- Tells everybody who listens. Returns how many there were.
function Server:notify(method, params)
  return control(self, "POST", "notify", { method = method, params = params }).told
end

-- Adds and removes tools (`add`: names or whole tools), and tells everybody who listens.
function Server:set_tools(changes)
  return control(self, "POST", "tools", changes).told
end

-- Changes a resource, and tells everybody who subscribed to it.
function Server:touch(uri)
  return control(self, "POST", "touch", { uri = uri }).told
end

-- Ends all listening: "result" (gracefully), "eof", "cancelled", "both". Returns how many there were.
function Server:end_listen(how)
  return control(self, "POST", "end-listen", { how = how }).ended
end

-- Forgets all sessions, as a server that was restarted.
function Server:drop_sessions()
  control(self, "POST", "drop-sessions")
end

-- Closes all connections, also those in use.
function Server:drop_connections()
  if self.name == "everything" then
    os.execute("kill -USR2 " .. self.pid)
    return
  end
  control(self, "POST", "drop-connections")
end

-- Closes the port and all connections, until open_port, or for `seconds`: as a server that is gone. Its sessions
-- outlive that.
function Server:close_port(seconds)
  local body = seconds and { ms = seconds * 1000 }
  control(self, "POST", "close-port", body, self.side_door)
end

function Server:open_port()
  control(self, "POST", "open-port", nil, self.side_door)
end

function Server:is_alive()
  local answer = output_of("kill -0 " .. self.pid .. " 2>/dev/null && echo yes")
  return answer ~= ""
end

-- What the server printed so far.
function Server:output()
  return read_file(self.log) or ""
end

-- Ends the server and waits for that. A second stop does nothing. Raises as check() does, afterwards.
function Server:stop()
  local ok, message = pcall(self.check, self)
  if self.keeper then
    self.keeper:close()
    self.keeper = nil
  end
  running[self] = nil
  if not ok then
    error(message, 0)
  end
end

-- Calls every function, and raises what was raised first.
local function do_all(list)
  local first
  for _, run in ipairs(list) do
    local ok, message = pcall(run)
    first = first or (not ok and message) or nil
  end
  if first then
    error(first, 0)
  end
end

local function each_running(method)
  local list = {}
  for server in pairs(running) do
    list[#list + 1] = function()
      server[method](server)
    end
  end
  return list
end

local function each_child(list)
  for _, spec in ipairs(children) do
    list[#list + 1] = function()
      judge_child(spec)
    end
  end
  return list
end

-- Raises when a scripted server, running or ended, has a complaint that no spec has looked at.
function servers.check()
  do_all(each_child(each_running("check")))
end

-- Stops what is still running; for after_each and the end of a script. Raises as check() does, afterwards.
function servers.stop_all()
  local list = each_child(each_running("stop"))
  children = {}
  do_all(list)
end

return servers
