-- souk in a headless Neovim: calls per second beside bare curl_multi, which runs in turns with it, and how long the
-- editor's loop is kept from its work.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/bench/hosts/run_neovim.lua
local bench = require "spec.bench.hosts.support"
local souk = require "souk"

local RATE_GOAL, GAP_GOAL, PATIENCE = 0.8, 5, 300

local SCRIPT = [[
  package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
  package.cpath = "./" .. (os.getenv "SOUK_BUILD" or "build/") .. "lua5.1/?.so;" .. package.cpath
  local ok, why = xpcall(dofile, debug.traceback, "spec/bench/hosts/in_neovim.lua")
  if not ok then
    io.stderr:write(tostring(why), "\n")
    vim.cmd "cquit"
  end
]]

-- The report of a run, whose end is awaited.
local function measure(server)
  local folder = bench.output_of "mktemp -d":match "%S+"
  bench.write_file(folder .. "/script.lua", SCRIPT)
  local output = bench.output_of(("SOUK_BENCH_URL=%s SOUK_BENCH_REPORT=%s/report timeout %d nvim --headless -u NONE "
    .. "-i NONE -c 'luafile %s/script.lua' -c 'qa!' </dev/null 2>&1"):format(server.url, folder, PATIENCE, folder))
  local report = bench.read_file(folder .. "/report")
  os.execute("rm -rf " .. folder)
  assert(report, "Neovim reports nothing:\n" .. output)
  return assert(souk.json.decode(report))
end

local function show_throughput(rounds)
  local ours = bench.median(bench.map(rounds, function(round) return round.ours end))
  local bare = bench.median(bench.map(rounds, function(round) return round.bare end))
  local ratio = bench.median(bench.map(rounds, function(round) return round.bare / round.ours end))
  print(("%-22s souk %7.1f us   bare curl_multi %7.1f us"):format("Neovim, 64 in flight", ours, bare))
  bench.row("Neovim, 64 in flight", ratio,
    ("x the throughput of bare curl_multi (goal: at least %g)"):format(RATE_GOAL), ratio >= RATE_GOAL)
end

local function show_stalls(report)
  bench.gaps("Neovim, a loop that does nothing", report.stalls.idle)
  bench.gaps("Neovim, 1,000 calls", report.stalls.calls, GAP_GOAL)
  for _, work in ipairs { "big_text", "big_rows" } do
    local what = work == "big_text" and "10 MB of text" or "10 MB of rows"
    bench.gaps_of_big("Neovim, " .. what, report.stalls[work], GAP_GOAL)
  end
end

local server = bench.start_server()
local ok, report = pcall(measure, server)
server.stop()
assert(ok, report)
show_throughput(report.throughput)
show_stalls(report)
