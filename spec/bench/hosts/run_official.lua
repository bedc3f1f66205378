-- souk in plain Lua beside the official TypeScript client, in turns, against the same server: time for each call and
-- processor time of the client, with 1, 16 and 64 calls in flight.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/bench/hosts/run_official.lua
local bench = require "spec.bench.hosts.support"
local core = require "souk.core"
local souk = require "souk"

local ROUNDS = 5
local WIDTHS = { 1, 16, 64 }
local OFFICIAL, OURS = 2000, 8000 -- calls

local NPM = os.getenv "SOUK_NPM" or "build/npm/node_modules"
local NODE = os.getenv "SOUK_NODE" or bench.output_of("ls " .. NPM .. "/node-linux-*/bin/node"):match "%S+"

local function run_official(server)
  local works = {}
  for i, width in ipairs(WIDTHS) do
    works[i] = width .. ":" .. OFFICIAL
  end
  local text = bench.output_of(("SOUK_NPM=%s %s spec/bench/hosts/official.mjs %s %s 2>&1"):format(NPM, NODE, server.url,
    table.concat(works, " ")))
  local results = {}
  for width, time, cpu in text:gmatch "(%d+) ([%d.]+) ([%d.]+)\n" do
    results[tonumber(width)] = { time = tonumber(time), cpu = tonumber(cpu) }
  end
  for _, width in ipairs(WIDTHS) do
    assert(results[width], text)
  end
  return results
end

-- The handles stand in a ring, as in bench_call.lua.
local function make_calls(market, width, count)
  local handles, head, tail = {}, 1, 0
  while head <= count do
    while tail < count and tail - head < width - 1 do
      tail = tail + 1
      handles[tail % width] = assert(market:start(bench.TOOL, bench.INPUT))
    end
    assert(handles[head % width]:wait())
    handles[head % width] = nil
    head = head + 1
  end
end

local function run_souk(market)
  local results = {}
  for _, width in ipairs(WIDTHS) do
    make_calls(market, width, OURS / 2)
    local cpu, start = os.clock(), core.now()
    make_calls(market, width, OURS)
    results[width] = { time = (core.now() - start) / OURS * 1e6, cpu = (os.clock() - cpu) / OURS * 1e6 }
  end
  return results
end

local function show(width, ours, theirs)
  local function of(rounds, name)
    return bench.map(rounds, function(round) return round[width][name] end)
  end
  local function ratio(name)
    local list, their = of(ours, name), of(theirs, name)
    for round in ipairs(list) do
      list[round] = their[round] / list[round]
    end
    return bench.median(list)
  end
  local format = "%-14s %2d in flight: %7.1f us a call, %7.1f us of its own CPU"
  for name, rounds in pairs { souk = ours, official = theirs } do
    print(format:format(name, width, bench.median(of(rounds, "time")), bench.median(of(rounds, "cpu"))))
  end
  bench.row(("official client, %d in flight"):format(width), ratio "time",
    ("x the calls/s of the official TypeScript client (%.1f x less CPU)"):format(ratio "cpu"))
end

local server = bench.start_server()
local market = souk.open {}
local ok, why = pcall(function()
  assert(market:add_server("bench", { url = server.url, protocol_version = "2025-11-25", listen = false }))
  local ours, theirs = {}, {}
  for round = 1, ROUNDS do
    theirs[round] = run_official(server)
    ours[round] = run_souk(market)
  end
  for _, width in ipairs(WIDTHS) do
    show(width, ours, theirs)
  end
end)
market:close()
server.stop()
assert(ok, why)
