-- market:call beside bare libcurl, posting to the same kind of server in the same run, in turns: one call after the
-- other against an easy handle, and 64 in flight against curl_multi. Prints medians and ratios.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/bench/bench_call.lua [WHICH COUNT]
--
-- WHICH (sequential or parallel) and COUNT run only souk, for callgrind.
local souk = require "souk"
local core = require "souk.core"

local BENCH = (os.getenv "SOUK_BENCH_BIN" or "build/bench") .. "/"
local ROUNDS, SEQUENTIAL, PARALLEL, WIDTH = 11, 2000, 8000, 64
local TOOL, INPUT = "mcp.bench.echo", {
  text = "The quick brown fox jumps over the lazy dog, again and again, until the benchmark ends.",
  times = 3,
}

-- The server ends when its standard input does, or with this process.
local function start_server()
  local pipe = assert(io.popen(BENCH .. "bench_server & echo $!; wait", "r"))
  local pid, port
  for line in pipe:lines() do
    if not pid then
      pid = line:match "^%d+$" or nil
    end
    port = port or line:match "port (%d+)"
    if pid and port then
      return { pid = pid, url = "http://127.0.0.1:" .. port .. "/mcp", pipe = pipe }
    end
  end
  error "the bench server did not start"
end

local function sequential(market, count)
  for _ = 1, count do
    assert(market:call(TOOL, INPUT))
  end
end

-- The handles stand in a ring: a table whose keys only grow is built anew by Lua with almost every call.
local function parallel(market, count)
  local handles, head, tail = {}, 1, 0
  while head <= count do
    while tail < count and tail - head < WIDTH - 1 do
      tail = tail + 1
      handles[tail % WIDTH] = assert(market:start(TOOL, INPUT))
    end
    assert(handles[head % WIDTH]:wait())
    handles[head % WIDTH] = nil
    head = head + 1
  end
end

local function time_of(f, market, count)
  local start = core.now()
  f(market, count)
  return (core.now() - start) / count * 1e6
end

local function yardstick(which, count)
  local pipe = assert(io.popen(BENCH .. "bench_curl " .. which .. " " .. count))
  local text = pipe:read "*a"
  pipe:close()
  return assert(tonumber(text:match "([%d.]+) us per request"), text)
end

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local function contest(title, market, f, which, count, goal)
  local ours, theirs, ratios = {}, {}, {}
  for round = 1, ROUNDS do
    theirs[round] = yardstick(which, count)
    f(market, count / 2) -- both are measured warm
    ours[round] = time_of(f, market, count)
    ratios[round] = ours[round] / theirs[round]
  end
  local ratio = median(ratios)
  if goal.throughput then
    ratio = 1 / ratio
  end
  local met = goal.throughput and ratio >= goal.throughput or goal.time and ratio <= goal.time
  print(("%-22s souk %7.1f us   bare libcurl %7.1f us"):format(title, median(ours), median(theirs)))
  print(("row: %-32s %9.2f %-58s %s"):format(title .. ", " .. (jit and "LuaJIT" or _VERSION), ratio,
    goal.time and "x the time of a bare easy handle (goal: at most " .. goal.time .. ")"
      or "x the throughput of bare curl_multi (goal: at least 1)", met and "met" or "MISSED"))
end

local server = start_server()
local market = souk.open {}
assert(market:add_server("bench", { url = server.url }))
if arg and arg[1] then
  local f = arg[1] == "parallel" and parallel or sequential
  print(("%.3f us per call"):format(time_of(f, market, tonumber(arg[2]))))
else
  sequential(market, 500)
  contest("sequential", market, sequential, "easy", SEQUENTIAL, { time = 1.15 })
  contest("64 in flight", market, parallel, "multi", PARALLEL, { throughput = 1.0 })
end
market:close()
os.execute("kill " .. server.pid)
server.pipe:close()
