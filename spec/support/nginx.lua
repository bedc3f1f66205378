-- Starts a real nginx with its Lua module on a free port of the loopback interface, and ends it.
--
--     local nginx = require "spec.support.nginx"
--     local server = nginx.start {
--       init_worker = 'market = require("souk").open()',
--       locations = [[
--         location = /call { content_by_lua_block { ngx.print(market:call("text.upper", { text = "x" })) } }
--       ]],
--     }
--     local answer = server:get "/call"         -- { status, headers, body, seconds }
--     server:workers(); server:reload(); server:quit()
--     server:stop()                             -- and in after_each or teardown: nginx.stop_all()
--
-- nginx lives no longer than the Lua state that started it: a shell that reads from a pipe of this process ends it when
-- that closes. An alert in its error log (a worker that crashed, a descriptor or a connection that leaked) that no spec
-- asked for with server:alerts() makes stop() and stop_all() raise. Nothing here loads souk: a describe that uses souk
-- only inside of nginx may be tagged #harness.
--
-- Written for Lua 5.1 to 5.4 and LuaJIT, with a POSIX shell, curl, and Linux' /proc.

local cjson = require "cjson"
local shell = require "spec.support.shell"

local nginx = {}

local START_SECONDS, STOP_SECONDS, REQUEST_SECONDS = 10, 10, 30

-- Below those that the kernel gives to connections that go out.
local FIRST_PORT, LAST_PORT = 20000, 32000

local output_of, quote, read_file, write_file = shell.output_of, shell.quote, shell.read_file, shell.write_file

local function sleep(seconds)
  os.execute(("sleep %g"):format(seconds))
end

-- Seconds since the machine was started, in hundredths: the clock of Lua 5.1 has whole seconds only.
function nginx.now()
  return tonumber(read_file("/proc/uptime"):match "^%S+")
end

-- Looks at done() until it gives something, which is returned, and how long that took. Raises after `seconds`.
function nginx.wait_until(what, seconds, done)
  local start = nginx.now()
  while true do
    local value = done()
    if value then
      return value, nginx.now() - start
    elseif nginx.now() - start > seconds then
      error(("%s: not within %g s"):format(what, seconds), 2)
    end
    sleep(0.02)
  end
end

local TREE = output_of "pwd"

-- --- ports -----------------------------------------------------------------------------------------------------------

-- Whether a socket of this machine listens there; IPv4 is all that is used here.
local function is_taken(port)
  return (read_file "/proc/net/tcp"):find((":%04X 00000000:0000 0A"):format(port), 1, true) ~= nil
end

local function own_pid()
  return tonumber(read_file("/proc/self/stat"):match "^%d+")
end

local last_port

-- A port that nobody listens on. Another program may be quicker: whoever uses it has to look whether it got it.
function nginx.free_port()
  -- Processes that start at the same moment begin at different places.
  last_port = last_port or FIRST_PORT + own_pid() * 37 % (LAST_PORT - FIRST_PORT)
  repeat
    last_port = last_port < LAST_PORT and last_port + 1 or FIRST_PORT
  until not is_taken(last_port)
  return last_port
end

-- --- the configuration -----------------------------------------------------------------------------------------------

local MODULES = "/usr/lib/nginx/modules/"

-- The first lines: what Debian's nginx does not have built in. OpenResty has it, and no such files.
local function module_lines()
  local lines = {}
  for _, name in ipairs { "ndk_http_module.so", "ngx_http_lua_module.so" } do
    if read_file(MODULES .. name) then
      lines[#lines + 1] = ("load_module %s%s;"):format(MODULES, name)
    end
  end
  return table.concat(lines, "\n")
end

-- Where nginx keeps bodies that are too large for memory; all of it inside of the prefix, so that no root is needed.
local function temporary_paths()
  local lines = {}
  for _, name in ipairs { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" } do
    lines[#lines + 1] = ("  %s_temp_path temp/%s;"):format(name, name)
  end
  return table.concat(lines, "\n")
end

local CONFIGURATION = [[
{modules}
daemon off;
master_process on;
{user}
pid nginx.pid;
error_log error.log {log_level};
worker_processes {workers};
worker_shutdown_timeout {shutdown_timeout};
{env}
{main}
events { worker_connections {connections}; }
http {
{temporary}
  access_log off;
  lua_code_cache {code_cache};
  lua_package_path "{tree}/lua/?.lua;{tree}/lua/?/init.lua;{tree}/?.lua;;";
  lua_package_cpath "{tree}/{build}lua5.1/?.so;;";
{dicts}
{init}
{init_worker}
{http}
  server {
    listen 127.0.0.1:{port};
{server}
    location = /_alive { access_log off; return 200 "$pid"; }
{locations}
  }
}
]]

local function lines_of(list, format)
  local names = {}
  for name in pairs(list or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  local lines = {}
  for i, name in ipairs(names) do
    lines[i] = format:format(name, tostring(list[name]))
  end
  return table.concat(lines, "\n")
end

local function lua_block(directive, text)
  return text and ("  %s {\n%s\n  }"):format(directive, text) or ""
end

local function configuration(options, port)
  local values = {
    modules = module_lines(),
    user = output_of "id -u" == "0" and "user root;" or "",
    log_level = options.log_level or "notice",
    workers = options.workers or 1,
    shutdown_timeout = options.shutdown_timeout or "60s",
    env = lines_of(options.env, "env %s;"),
    main = options.main or "",
    connections = options.connections or 1024,
    temporary = temporary_paths(),
    code_cache = options.code_cache == false and "off" or "on",
    tree = TREE,
    build = os.getenv "SOUK_BUILD" or "build/",
    dicts = lines_of(options.dicts, "  lua_shared_dict %s %s;"),
    init = lua_block("init_by_lua_block", options.init),
    init_worker = lua_block("init_worker_by_lua_block", options.init_worker),
    http = options.http or "",
    port = port,
    server = options.server or "",
    locations = options.locations or "",
  }
  return (CONFIGURATION:gsub("{([%l_]+)}", function(name)
    return tostring(values[name])
  end))
end

-- --- starting --------------------------------------------------------------------------------------------------------

-- $1: the command, $2: where its output goes, $3: where its process id goes, $4: how long it may take to end. The
-- command leads a process group of its own, so that what is left after that (a worker that hangs) is killed, too.
local KEEPER = [[
trap : INT TERM HUP
sh -c "exec setsid env $1" </dev/null >"$2" 2>&1 &
child=$!
echo $child >"$3"
cat >/dev/null
kill -TERM $child 2>/dev/null
left=$(($4 * 20))
while kill -0 $child 2>/dev/null && [ $left -gt 0 ]; do
  sleep 0.05
  left=$((left - 1))
done
kill -KILL -- -$child 2>/dev/null
]]

local Server = {}
Server.__index = Server

local running = {} -- servers that were not stopped, as keys

local KNOWN = {}
for name in ("workers http init init_worker locations server main env code_cache dicts log_level connections "
  .. "shutdown_timeout"):gmatch "%S+" do
  KNOWN[name] = true
end

local function command_line(words, environment)
  local out = {}
  for name, value in pairs(environment or {}) do
    out[#out + 1] = quote(name .. "=" .. value)
  end
  for _, word in ipairs(words) do
    out[#out + 1] = quote(word)
  end
  return table.concat(out, " ")
end

-- Runs a command that becomes nginx, or starts it, on server.port, and waits until it answers. Returns false when it
-- ended before that, or did not answer in time.
local function launch(server, words, environment)
  local pid_file = server.folder .. "/keeper.pid"
  server.output_file = server.folder .. "/output"
  server.keeper = assert(io.popen(("sh -c %s keeper %s %s %s %d"):format(quote(KEEPER),
    quote(command_line(words, environment)), quote(server.output_file), quote(pid_file), STOP_SECONDS), "w"))
  running[server] = true
  server.leader = nginx.wait_until("the shell of nginx", START_SECONDS, function()
    return tonumber((read_file(pid_file) or ""):match "^(%d+)\n")
  end)
  local ok, answers = pcall(nginx.wait_until, "an answer of nginx", server.start_seconds, function()
    return server:curl_code(server.alive) == 0 and "yes" or not nginx.is_running(server.leader) and "no"
  end)
  return ok and answers == "yes"
end

local function new_server(port, fields)
  local server = setmetatable(fields or {}, Server)
  server.port = port
  server.origin = "http://127.0.0.1:" .. port
  server.folder = output_of "mktemp -d"
  server.requests, server.seen_alerts = 0, 0
  server.alive = server.alive or "/_alive"
  server.start_seconds = server.start_seconds or START_SECONDS
  return server
end

-- Starts nginx. Options: workers (1), code_cache (true), env (name -> value: set, and let through to the workers),
-- dicts (name -> size of a lua_shared_dict), log_level ("notice"), connections (per worker, 1024), shutdown_timeout
-- ("60s"); Lua: init, init_worker; lines of configuration: main, http, server, locations.
-- Fields: port, origin, folder (the prefix), leader (process id of the master).
function nginx.start(options)
  for name in pairs(options) do
    assert(KNOWN[name], "nginx.start: unknown option " .. tostring(name))
  end
  for _ = 1, 5 do
    local server = new_server(nginx.free_port())
    os.execute("mkdir " .. server.folder .. "/temp")
    server.error_file = server.folder .. "/error.log"
    local file = write_file(server.folder .. "/nginx.conf", configuration(options, server.port))
    local words = { "nginx", "-p", server.folder .. "/", "-c", file, "-e", "error.log" }
    if launch(server, words, options.env) then
      return server
    end
    local why = server:output() .. server:error_log()
    server.seen_alerts = #server:alerts()
    server:stop()
    if not why:find("98: Address already in use", 1, true) then
      error("nginx did not start:\n" .. why, 2)
    end
  end
  error("five ports were taken by others", 2)
end

-- Runs a script that starts nginx on a port that it is given: command(port) returns a list of words. Options: env (its
-- variables), alive (a path that answers), start_seconds. It is ended by TERM. There is no error log but its output.
-- A folder of its own is its TMPDIR.
function nginx.run(command, options)
  options = options or {}
  local server = new_server(nginx.free_port(), { alive = options.alive, start_seconds = options.start_seconds })
  local environment = { TMPDIR = server.folder }
  for name, value in pairs(options.env or {}) do
    environment[name] = value
  end
  server.error_file = server.folder .. "/output"
  if not launch(server, command(server.port), environment) then
    local why = server:output()
    server:stop()
    error("it did not start:\n" .. why, 2)
  end
  return server
end

-- --- processes -------------------------------------------------------------------------------------------------------

-- Zombies are running for kill, but not for us.
function nginx.is_running(pid)
  local state = (read_file("/proc/" .. pid .. "/stat") or ""):match "^%d+ %b() (%u)"
  return state ~= nil and state ~= "Z"
end

local function children_of(pid)
  local list = {}
  for child in output_of("ps -o pid= --ppid " .. pid):gmatch "%d+" do
    list[#list + 1] = tonumber(child)
  end
  return list
end

local function title_of(pid)
  return (read_file("/proc/" .. pid .. "/cmdline") or ""):gsub("%z.*", "")
end

-- The process id of the master.
function Server:master()
  if title_of(self.leader):find "^nginx: master" then
    return self.leader
  end
  for _, pid in ipairs(children_of(self.leader)) do
    if title_of(pid):find "^nginx: master" then
      return pid
    end
  end
end

-- The process ids of the workers; those that are shutting down only when `all` is true.
function Server:workers(all)
  local list = {}
  for _, pid in ipairs(children_of(assert(self:master(), "nginx has no master any more"))) do
    local title = title_of(pid)
    if title:find "^nginx: worker" and (all or not title:find "shutting down") then
      list[#list + 1] = pid
    end
  end
  table.sort(list)
  return list
end

-- Waits until all of these processes have ended. Returns how long that took.
function nginx.wait_for_end(pids, seconds)
  local _, took = nginx.wait_until(("the end of %s"):format(table.concat(pids, ", ")), seconds, function()
    for _, pid in ipairs(pids) do
      if nginx.is_running(pid) then
        return false
      end
    end
    return true
  end)
  return took
end

-- Sends a signal to the master, or to another process of it.
function Server:signal(name, pid)
  os.execute(("kill -%s %d"):format(name, pid or assert(self:master(), "nginx has no master any more")))
end

-- Reads the configuration anew, and waits until only new workers take connections. Returns the old ones, which may
-- still be busy (wait_for_end).
function Server:reload()
  local old = self:workers()
  local is_old = {}
  for _, pid in ipairs(old) do
    is_old[pid] = true
  end
  self:signal "HUP"
  nginx.wait_until("new workers", START_SECONDS, function()
    local new = self:workers()
    for _, pid in ipairs(new) do
      if is_old[pid] then
        return false
      end
    end
    return #new >= #old
  end)
  return old
end

-- Ends it gracefully: workers finish what they do. Returns how long that took; raises when it is more than `seconds`.
function Server:quit(seconds)
  self:signal "QUIT"
  return nginx.wait_for_end({ self.leader }, seconds or STOP_SECONDS)
end

-- --- logs ------------------------------------------------------------------------------------------------------------

function Server:output()
  return read_file(self.output_file) or ""
end

function Server:error_log()
  return read_file(self.error_file) or ""
end

-- Lines that say that something is wrong with nginx itself; those that were returned need not be complained of again.
-- nginx reaps the children of souk, too, and calls a child that was killed an "unknown process".
function Server:alerts()
  local list = {}
  for line in self:error_log():gmatch "[^\n]+" do
    local is_alert = line:find "%[alert%]" or line:find "%[emerg%]" or line:find "%[crit%]"
    local is_wanted = line:find "unknown process %d+ exited on signal" or line:find "lua_code_cache is off"
    if is_alert and not is_wanted then
      list[#list + 1] = line
    end
  end
  self.seen_alerts = #list
  return list
end

-- Ends it, quickly, also when it hangs, and removes its folder; harmless when that was done. Returns how long it took.
-- Raises when it had to be killed, and when there are alerts that nobody asked for.
function Server:stop()
  if not self.keeper then
    return 0
  end
  local start = nginx.now()
  self.keeper:close()
  self.keeper = nil
  running[self] = nil
  local took = nginx.now() - start
  local known = self.seen_alerts
  local alerts = self:alerts()
  os.execute("rm -rf " .. quote(self.folder))
  if took > STOP_SECONDS then
    error(("nginx did not end within %d s"):format(STOP_SECONDS), 2)
  elseif #alerts > known then
    error("alerts of nginx:\n" .. table.concat(alerts, "\n", known + 1), 2)
  end
  return took
end

-- Stops what is still running, and raises what was raised first.
function nginx.stop_all()
  local list, first = {}, nil
  for server in pairs(running) do
    list[#list + 1] = server
  end
  for _, server in ipairs(list) do
    local ok, message = pcall(server.stop, server)
    first = first or (not ok and message) or nil
  end
  if first then
    error(first, 0)
  end
end

-- --- requests --------------------------------------------------------------------------------------------------------

function Server:curl_code(path)
  return tonumber(output_of(("curl -s -o /dev/null --max-time 2 %s; echo $?"):format(quote(self.origin .. path)))
    :match "%d+$")
end

local Request = {}
Request.__index = Request

-- The command of a request, and the name that its files begin with.
function Server:curl_command(path, options)
  self.requests = self.requests + 1
  local base = ("%s/request-%d"):format(self.folder, self.requests)
  local words = { "curl", "-sSN", "--max-time", options.timeout or REQUEST_SECONDS, "-D", base .. ".head", "-o",
    base .. ".body", "-w", "%{http_code} %{time_total}", "-X", options.method or options.body and "POST" or "GET" }
  local body = options.body
  if type(body) == "table" then
    body = cjson.encode(body)
    words[#words + 1] = "-H"
    words[#words + 1] = "Content-Type: application/json"
  end
  for name, value in pairs(options.headers or {}) do
    words[#words + 1] = "-H"
    words[#words + 1] = name .. ": " .. value
  end
  if body then
    words[#words + 1] = "--data-binary"
    words[#words + 1] = "@" .. write_file(base .. ".sent", body)
  end
  for _, word in ipairs(options.curl or {}) do
    words[#words + 1] = word
  end
  words[#words + 1] = self.origin .. path
  return ("%s >%s.done 2>%s.failed"):format(command_line(words), base, base), base
end

-- Starts a request and returns at once: { pid, so_far(), wait(), abort() }. Options: method, headers (name -> value),
-- body (a text, or a table that is sent as JSON), timeout (30 s), curl (more words for its command line).
function Server:begin(path, options)
  options = options or {}
  local command, base = self:curl_command(path, options)
  local pid = output_of(command .. " & echo $!")
  return setmetatable({ pid = tonumber(pid), base = base, timeout = options.timeout or REQUEST_SECONDS }, Request)
end

-- What has arrived of the body.
function Request:so_far()
  return read_file(self.base .. ".body") or ""
end

-- The client goes away.
function Request:abort()
  os.execute("kill -KILL " .. self.pid)
end

local function headers_of(text)
  local headers = {}
  for name, value in text:gmatch "\n([^:\r\n]+):%s*([^\r\n]*)" do
    name = name:lower()
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  return headers
end

-- How a request ended.
function Request:answer()
  local status, seconds = (read_file(self.base .. ".done") or ""):match "^(%d+) (%S+)"
  local head = (read_file(self.base .. ".head") or ""):gsub("^HTTP/1.1 100.-\r\n\r\n", "")
  local failed = read_file(self.base .. ".failed")
  return {
    status = tonumber(status), seconds = tonumber(seconds), headers = headers_of(head), body = self:so_far(),
    failed = failed ~= "" and failed or nil,
  }
end

-- Waits for the end: { status, headers (names in lower case), body, seconds, failed }. `failed` is what curl complains
-- of, when the answer did not come to its end. The head is that of the last answer, if there was a 100 before.
function Request:wait()
  nginx.wait_until("the end of a request", self.timeout + 5, function()
    return not nginx.is_running(self.pid)
  end)
  return self:answer()
end

-- The answer to a request, as wait() gives it; options as those of begin.
function Server:request(path, options)
  local command, base = self:curl_command(path, options or {})
  os.execute(command)
  return setmetatable({ base = base }, Request):answer()
end

function Server:get(path, options)
  return self:request(path, options)
end

-- `body`: a text, or a table that is sent as JSON.
function Server:post(path, body, options)
  local copy = { method = "POST", body = body }
  for name, value in pairs(options or {}) do
    copy[name] = value
  end
  return self:request(path, copy)
end

return nginx
