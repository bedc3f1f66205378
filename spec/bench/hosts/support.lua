-- What the drivers of the benches in hosts have in common. They run in plain Lua, beside the host that they measure.
local shell = require "spec.support.shell"

local bench = {}

bench.BIN = (os.getenv "SOUK_BENCH_BIN" or "build/bench") .. "/"
bench.TOOL = "mcp.bench.echo"
bench.INPUT = {
  text = "The quick brown fox jumps over the lazy dog, again and again, until the benchmark ends.",
  times = 3,
}

function bench.output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

bench.read_file, bench.write_file = shell.read_file, shell.write_file

--- Starts a program that prints its port, and goes on by itself. It ends with stop().
function bench.start_server()
  local pipe = assert(io.popen(bench.BIN .. "bench_server & echo $!; wait", "r"))
  local pid, port
  repeat
    local line = assert(pipe:read "*l", "the bench server did not start")
    pid, port = pid or line:match "^%d+$", port or line:match "port (%d+)"
  until pid and port
  local server = { pid = pid, port = tonumber(port), url = "http://127.0.0.1:" .. port .. "/mcp" }
  function server.stop()
    os.execute("kill " .. pid)
    pipe:close()
  end
  return server
end

--- A port that nobody uses: the server's, which ends at once when nothing stands on its standard input.
function bench.free_port()
  return assert(bench.output_of(": | " .. bench.BIN .. "bench_server"):match "port (%d+)")
end

function bench.median(list)
  local sorted = {}
  for i, value in ipairs(list) do
    sorted[i] = value
  end
  table.sort(sorted)
  return sorted[math.ceil(#sorted / 2)]
end

--- f(x) of each.
function bench.map(list, f)
  local mapped = {}
  for i, value in ipairs(list) do
    mapped[i] = f(value)
  end
  return mapped
end

-- Nanoseconds where the kernel counts them, else in ticks of a hundredth of a second.
local function cpu_of(folder)
  local nanoseconds = (bench.read_file(folder .. "/schedstat") or ""):match "^(%d+)"
  if nanoseconds then
    return nanoseconds / 1e9
  end
  local fields = (bench.read_file(folder .. "/stat") or ""):match "^.*%) (.*)$" or ""
  local number, ticks = 2, 0
  for field in fields:gmatch "%S+" do
    number = number + 1
    ticks = ticks + ((number == 14 or number == 15) and tonumber(field) or 0)
  end
  return ticks / 100
end

--- Seconds of processor time of the first thread of a process, and of all its others.
function bench.thread_cpu(pid)
  local first, others = 0, 0
  for thread in bench.output_of("ls /proc/" .. pid .. "/task"):gmatch "%d+" do
    local seconds = cpu_of(("/proc/%s/task/%s"):format(pid, thread))
    if thread == tostring(pid) then
      first = seconds
    else
      others = others + seconds
    end
  end
  return first, others
end

--- A row of the table at the end of `make bench`. `is_met` is nil where there is no goal.
function bench.row(title, value, text, is_met)
  local verdict = is_met == nil and "" or is_met and "met" or "MISSED"
  print((("row: %-32s %9.2f %-58s %s"):format(title, value, text, verdict):gsub("%s+$", "")))
end

--- Prints the largest gaps of several runs, and judges their median: what else runs on the machine makes gaps, too.
-- @param runs table list of what a watch of stalls.lua reports
-- @param goal number|nil ms
function bench.gaps(title, runs, goal)
  local function of(name)
    return bench.map(runs, function(run) return run[name] end)
  end
  local gap, work = bench.median(of "largest"), bench.median(of "work")
  print(("%-44s largest gap %6.2f ms, worst %6.2f; work in one gap %6.2f ms (%d runs of %.0f ms)"):format(title, gap,
    math.max((table.unpack or unpack)(of "largest")), work, #runs, bench.median(of "seconds") * 1e3))
  if goal then
    bench.row(title, gap, ("ms: the largest gap, %.2f of it own work (goal: under %g)"):format(work, goal), gap < goal)
  end
end

--- The same for a big answer: all in all, the making of its Lua value by itself, and the rest, which is judged.
function bench.gaps_of_big(title, runs, goal)
  bench.gaps(title .. ", all in all", runs)
  local builds = bench.map(runs, function(run) return run.build end)
  print(("%-44s             %6.2f ms"):format(title .. ", the Lua value alone", bench.median(builds)))
  bench.gaps(title .. ", but for that", bench.map(runs, function(run)
    return { largest = run.largest - run.build, work = run.work - run.build, seconds = run.seconds }
  end), goal)
end

return bench
