-- How long a host's own loop was kept from its work: something in it calls tick() every millisecond, and the largest
-- gap between two of them is what counts. For hosts with LuaJIT.
local ffi = require "ffi"

-- By a name of our own, so that a host that has declared the function does not mind.
ffi.cdef [[
  typedef struct { long seconds, nanoseconds; } souk_bench_time;
  int souk_bench_clock(int which, souk_bench_time *at) __asm__("clock_gettime");
]]

local MONOTONIC = 1

local stalls = {}
local Watch = {}
Watch.__index = Watch

local at = ffi.new "souk_bench_time"

--- Seconds.
function stalls.now()
  ffi.C.souk_bench_clock(MONOTONIC, at)
  return tonumber(at.seconds) + tonumber(at.nanoseconds) / 1e9
end

function stalls.watch()
  local now = stalls.now()
  return setmetatable({ start = now, last = now, largest = 0, ticks = 0 }, Watch)
end

function Watch:tick()
  local now = stalls.now()
  self.largest = math.max(self.largest, now - self.last)
  self.last = now
  self.ticks = self.ticks + 1
end

--- What was seen, in words of its own: milliseconds, and seconds of the whole.
function Watch:report()
  return { largest = self.largest * 1e3, seconds = self.last - self.start, ticks = self.ticks }
end

--- Seconds that f takes: the least of some runs.
function stalls.time_of(f)
  local least = math.huge
  for _ = 1, 5 do
    collectgarbage()
    local start = stalls.now()
    f()
    least = math.min(least, stalls.now() - start)
  end
  return least
end

return stalls
