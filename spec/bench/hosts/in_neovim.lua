-- What runs in the headless Neovim of the bench; run_neovim.lua starts it, with the server's address in the
-- environment. It writes what it measured to a file, as JSON.
local bench = require "spec.bench.hosts.support"
local core = require "souk.core"
local souk = require "souk"
local stalls = require "spec.bench.hosts.stalls"

local uv = vim.uv or vim.loop
local ROUNDS, MANY, STALL_RUNS, CALLS, WIDTH, IDLE_MS = 11, 8000, 15, 1000, 64, 100
local PATIENCE = 60000 -- ms

local market = assert(souk.open {})

-- Waits as an editor does: its loop turns.
local function wait_for(is_over)
  assert(vim.wait(PATIENCE, is_over), "it takes too long")
end

-- So many calls, so many of them at once, each in a coroutine that goes on when its call has ended.
local function many_calls(count)
  local started, running = 0, 0
  local function lane()
    running = running + 1
    while started < count do
      started = started + 1
      assert(market:call(bench.TOOL, bench.INPUT))
    end
    running = running - 1
  end
  for _ = 1, WIDTH do
    local ok, why = coroutine.resume(coroutine.create(lane))
    assert(ok, why)
  end
  wait_for(function() return running == 0 end)
end

local function one_call(tool)
  local is_over, value, err
  coroutine.wrap(function()
    value, err = market:call("mcp.bench." .. tool, {})
    is_over = true
  end)()
  wait_for(function() return is_over end)
  return assert(value, err)
end

local works = {
  idle = function() vim.wait(IDLE_MS, function() return false end) end,
  calls = function() many_calls(CALLS) end,
  big_text = function() one_call "big_text" end,
  big_rows = function() one_call "big_rows" end,
}

-- What a timer of a millisecond in the editor's loop saw of it.
local function stall(work)
  collectgarbage()
  collectgarbage()
  local watch, timer = stalls.watch(), uv.new_timer()
  timer:start(1, 1, function() watch:tick() end)
  vim.wait(10, function() return false end)
  local build = stalls.longest_call(core.market_methods, "_next", works[work])
  local ticks = watch.ticks
  wait_for(function() return watch.ticks > ticks end)
  timer:stop()
  timer:close()
  local report = watch:report()
  report.build = build -- the Lua value of an answer is made there
  return report
end

local function bare_multi()
  local text = bench.output_of(("%sbench_curl multi %d"):format(bench.BIN, MANY))
  return assert(tonumber(text:match "([%d.]+) us per request"), text)
end

local function throughput()
  local rounds = {}
  for round = 0, ROUNDS do
    local bare = bare_multi()
    many_calls(MANY / 2) -- both are measured warm
    local start = stalls.now()
    many_calls(MANY)
    rounds[round] = { ours = (stalls.now() - start) / MANY * 1e6, bare = bare }
  end
  rounds[0] = nil
  return rounds
end

local function runs_of(work)
  local runs = {}
  for run = 0, STALL_RUNS do
    runs[run] = stall(work)
  end
  runs[0] = nil
  return runs
end

local url = os.getenv "SOUK_BENCH_URL"
assert(market:add_server("bench", { url = url, protocol_version = "2025-11-25", listen = false }))
local report = { throughput = throughput(), stalls = {} }
for work in pairs(works) do
  report.stalls[work] = runs_of(work)
end
bench.write_file(os.getenv "SOUK_BENCH_REPORT", assert(souk.json.encode(report)))
market:close()
