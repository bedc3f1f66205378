-- souk in an nginx worker beside a minimal client over cosockets in the same worker, against the same server: requests
-- per second and processor time with wrk, and how long the worker's loop is kept from its work.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/bench/hosts/run_nginx.lua
local bench = require "spec.bench.hosts.support"

local ROUNDS, SECONDS, STALL_RUNS = 7, 1, 15
local CONNECTIONS = { 1, 16, 64 }
local RATE_GOAL, CPU_GOAL, GAP_GOAL = 0.9, 0.6, 2

local CONF = "spec/bench/hosts/nginx.conf"

local function modules_folder()
  local folder = bench.output_of "nginx -V 2>&1":match "%-%-modules%-path=(%S+)"
  return assert(folder, "nginx is not here, or has no modules: make deps-bench")
end

local function write_conf(folder, port, server)
  local words = {
    MODULES = modules_folder(), FOLDER = folder, PORT = port, PORT_OF_SERVER = server.port,
    TOP = bench.output_of "pwd":match "^[^\n]+", USER = bench.output_of "id -un":match "%S+",
    BUILD = os.getenv "SOUK_BUILD" or "build/",
  }
  local text = bench.read_file(CONF):gsub("@([A-Z_]+)@", words)
  bench.write_file(folder .. "/nginx.conf", text)
end

local function get(nginx, path)
  return bench.output_of(("curl -s -S -m 60 'http://127.0.0.1:%s%s' 2>&1"):format(nginx.port, path))
end

local function start_nginx(server)
  local folder, port = bench.output_of "mktemp -d":match "%S+", bench.free_port()
  write_conf(folder, port, server)
  local pipe = assert(io.popen(("nginx -p %s -c %s/nginx.conf -e %s/error.log >/dev/null 2>&1 & echo $!; wait")
    :format(folder, folder, folder)))
  local nginx = { pid = pipe:read "*l", port = port, folder = folder }
  function nginx.stop()
    os.execute("kill -QUIT " .. nginx.pid)
    pipe:close()
    os.execute("rm -rf " .. folder)
  end
  for _ = 1, 100 do
    nginx.worker = get(nginx, "/ready"):match "^(%d+)\n$"
    if nginx.worker then
      return nginx
    end
    os.execute "sleep 0.05"
  end
  local log = bench.read_file(folder .. "/error.log")
  nginx.stop()
  error("nginx does not answer:\n" .. log, 0)
end

-- One run of wrk: requests per second; microseconds of the worker's thread, and of its other threads, for each.
local function measure(nginx, location, connections)
  local first, others = bench.thread_cpu(nginx.worker)
  local text = bench.output_of(("wrk -t1 -c%d -d%ds http://127.0.0.1:%s%s"):format(connections, SECONDS, nginx.port,
    location))
  local first_then, others_then = bench.thread_cpu(nginx.worker)
  local requests = tonumber(text:match "(%d+) requests in")
  assert(requests and requests > 0 and not text:find "Non%-2xx" and not text:find "Socket errors", text)
  return {
    rate = tonumber(text:match "Requests/sec:%s*([%d.]+)"),
    cpu = (first_then - first) / requests * 1e6,
    others = (others_then - others) / requests * 1e6,
  }
end

local function medians(runs)
  local one = {}
  for name in pairs(runs[1]) do
    one[name] = bench.median(bench.map(runs, function(run) return run[name] end))
  end
  return one
end

-- In turns, and who begins changes: what disturbs a round disturbs both.
local function contest(nginx, connections)
  local ours, theirs, rates, cpus = {}, {}, {}, {}
  for round = 0, ROUNDS do
    local souk, cosocket
    if round % 2 == 0 then
      souk = measure(nginx, "/souk", connections)
      cosocket = measure(nginx, "/cosocket", connections)
    else
      cosocket = measure(nginx, "/cosocket", connections)
      souk = measure(nginx, "/souk", connections)
    end
    if round > 0 then -- the first is for warming up
      ours[round], theirs[round] = souk, cosocket
      rates[round], cpus[round] = souk.rate / cosocket.rate, souk.cpu / cosocket.cpu
    end
  end
  local us, them = medians(ours), medians(theirs)
  local format = "%-10s %3d connections: %6.0f requests/s, %5.1f us of the worker's thread for each, %5.1f us of others"
  print(format:format("souk", connections, us.rate, us.cpu, us.others))
  print(format:format("cosocket", connections, them.rate, them.cpu, them.others))
  local title = ("nginx, %d connection%s"):format(connections, connections == 1 and "" or "s")
  local rate, cpu = bench.median(rates), bench.median(cpus)
  bench.row(title .. ", rate", rate, ("x the requests/s of a cosocket client (goal: at least %g)"):format(RATE_GOAL),
    rate >= RATE_GOAL)
  bench.row(title .. ", CPU", cpu, ("x its worker's CPU for a request (goal: at most %g)"):format(CPU_GOAL),
    cpu <= CPU_GOAL)
end

local function stall(nginx, client, work)
  local runs = {}
  for run = 0, STALL_RUNS do
    local text = get(nginx, ("/stall?client=%s&work=%s"):format(client, work))
    runs[run] = {}
    for name, number in text:gmatch '"(%l+)":([%d.e+-]+)' do
      runs[run][name] = tonumber(number)
    end
    assert(runs[run].largest, text)
  end
  return runs -- the first stands at 0, and is for warming up
end

local function stalls(nginx)
  bench.gaps("nginx, a loop that does nothing", stall(nginx, "souk", "idle"))
  bench.gaps("nginx, 1,000 calls of a cosocket client", stall(nginx, "cosocket", "calls"))
  bench.gaps("nginx, 1,000 calls", stall(nginx, "souk", "calls"), GAP_GOAL)
  for _, work in ipairs { "big_text", "big_rows" } do
    local what = work == "big_text" and "10 MB of text" or "10 MB of rows"
    bench.gaps(("nginx, %s, cosocket client"):format(what), stall(nginx, "cosocket", work))
    bench.gaps_of_big("nginx, " .. what, stall(nginx, "souk", work), GAP_GOAL)
  end
end

local server = bench.start_server()
local ok, why = pcall(function()
  local nginx = start_nginx(server)
  local went_well, message = pcall(function()
    for _, connections in ipairs(CONNECTIONS) do
      contest(nginx, connections)
    end
    stalls(nginx)
  end)
  local log = bench.read_file(nginx.folder .. "/error.log")
  nginx.stop()
  assert(went_well, tostring(message) .. "\n" .. log)
end)
server.stop()
assert(ok, why)
