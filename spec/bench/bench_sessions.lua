-- What the pool is for: calls through a session that is kept, beside a session for each call, which is what clients
-- without a pool do; and calls in flight while the server forgets all sessions.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/bench/bench_sessions.lua
local souk = require "souk"
local core = require "souk.core"

local BENCH = (os.getenv "SOUK_BENCH_BIN" or "build/bench") .. "/"
local ROUNDS, POOLED, SINGLE = 5, 2000, 200
local WIDTH, SLICE, SLICES = 64, 0.25, 12 -- calls in flight; seconds; how many of them
local LOST_AFTER = 6 -- slices
local TOOL, INPUT = "mcp.bench.echo", { text = "The quick brown fox jumps over the lazy dog." }
local LUA = jit and "LuaJIT" or _VERSION

local function start_server()
  local pipe = assert(io.popen(BENCH .. "bench_server & echo $!; wait", "r"))
  local pid, port
  repeat
    local line = assert(pipe:read "*l", "the bench server did not start")
    pid, port = pid or line:match "^%d+$", port or line:match "port (%d+)"
  until pid and port
  return { pid = pid, url = "http://127.0.0.1:" .. port .. "/mcp", pipe = pipe }
end

-- The revision is named, so that neither side has to find it out.
local function open(server)
  local market = souk.open { env = {} }
  assert(market:add_server("bench", { url = server.url, protocol_version = "2025-11-25", listen = false }))
  return market
end

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local function microseconds(count, f)
  local start = core.now()
  for _ = 1, count do
    f()
  end
  return (core.now() - start) / count * 1e6
end

-- The tools are known, so that a session for each call costs an opening, a call and an end, and nothing else.
local function single(server)
  local market = souk.open { env = {} }
  assert(market:add_server("bench",
    { url = server.url, protocol_version = "2025-11-25", listen = false, discover = false }))
  assert(market:request("bench", "tools/call", { name = "echo", arguments = INPUT }))
  market:close()
end

local function pooled_against_single(server)
  local market = open(server)
  local pooled, alone, ratios = {}, {}, {}
  for round = 1, ROUNDS do
    pooled[round] = microseconds(POOLED, function() assert(market:call(TOOL, INPUT)) end)
    alone[round] = microseconds(SINGLE, function() single(server) end)
    ratios[round] = alone[round] / pooled[round]
  end
  market:close()
  print(("a call: %.1f us through the pool, %.1f us with a session of its own"):format(median(pooled), median(alone)))
  print(("row: %-32s %9.1f %s"):format("pooled session, " .. LUA, median(ratios),
    "x the calls of one session for each call"))
end

local Load = {}
Load.__index = Load

function Load:fill()
  while self.in_flight < WIDTH do
    self.in_flight = self.in_flight + 1
    assert(self.market:start(TOOL, INPUT)):on_done(function(_, err)
      assert(not err, tostring(err))
      self.in_flight, self.done = self.in_flight - 1, self.done + 1
    end)
  end
end

function Load:drain()
  while self.in_flight > 0 do
    assert(self.market:step(1))
  end
end

-- Calls per second for a while.
function Load:slice()
  local start, done = core.now(), self.done
  while core.now() < start + SLICE do
    self:fill()
    assert(self.market:step(0.01))
  end
  return (self.done - done) / (core.now() - start)
end

-- Another market drops the sessions, with a request that is one of the load as well.
local function renewal(server)
  local market = open(server)
  local load = setmetatable({ market = market, in_flight = 0, done = 0 }, Load)
  local other = open(server)
  local before, through, after = {}, nil, {}
  load:slice() -- warm
  local opened = market:stats().sessions_opened
  for number = 1, SLICES do
    if number == LOST_AFTER then
      assert(other:request("bench", "bench/drop", {}))
      through = load:slice()
    else
      local list = number < LOST_AFTER and before or after
      list[#list + 1] = load:slice()
    end
  end
  load:drain()
  local stats = market:stats()
  print(("%d in flight: %.0f calls/s before all sessions are lost, %.0f in the %.2f s after that, %.0f then")
    :format(WIDTH, median(before), through, SLICE, median(after)))
  print(("opened again: %d, calls sent again: %d, calls failed: %d"):format(stats.sessions_opened - opened,
    stats.calls_resent, stats.calls_failed))
  print(("row: %-32s %9.2f %s"):format("all sessions lost, " .. LUA, through / median(before),
    ("x the calls/s of before, through the loss (%d opened again)"):format(stats.sessions_opened - opened)))
  other:close()
  market:close()
end

local server = start_server()
local ok, why = pcall(function()
  pooled_against_single(server)
  renewal(server)
end)
os.execute("kill " .. server.pid)
server.pipe:close()
assert(ok, why)
