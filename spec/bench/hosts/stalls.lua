-- How long a host's own loop was kept from its work: something in it calls tick() every millisecond, and the largest
-- gap between two of them is what counts. How much its thread itself worked between two of them is watched, too: the
-- rest of a gap is the machine's, which had others to serve. For hosts with LuaJIT.
local ffi = require "ffi"

-- By a name of our own, so that a host that has declared the function does not mind.
ffi.cdef [[
  typedef struct { long seconds, nanoseconds; } souk_bench_time;
  int souk_bench_clock(int which, souk_bench_time *at) __asm__("clock_gettime");
]]

local MONOTONIC, THREAD_CPU = 1, 3 -- Linux' numbers

local stalls = {}
local Watch = {}
Watch.__index = Watch

local at = ffi.new "souk_bench_time"

local function read(clock)
  ffi.C.souk_bench_clock(clock, at)
  return tonumber(at.seconds) + tonumber(at.nanoseconds) / 1e9
end

--- Seconds.
function stalls.now()
  return read(MONOTONIC)
end

function stalls.watch()
  local now, cpu = read(MONOTONIC), read(THREAD_CPU)
  return setmetatable({ start = now, last = now, last_cpu = cpu, largest = 0, work = 0, ticks = 0 }, Watch)
end

function Watch:tick()
  local now, cpu = read(MONOTONIC), read(THREAD_CPU)
  self.largest = math.max(self.largest, now - self.last)
  self.work = math.max(self.work, cpu - self.last_cpu)
  self.last, self.last_cpu = now, cpu
  self.ticks = self.ticks + 1
end

--- What was seen: `largest` gap and most `work` between two ticks in milliseconds, `seconds` of the whole.
function Watch:report()
  return {
    largest = self.largest * 1e3, work = self.work * 1e3, seconds = self.last - self.start, ticks = self.ticks,
  }
end

--- Runs f, and tells the milliseconds of the longest call of the function that stands there under this name meanwhile.
function stalls.longest_call(functions, name, f)
  local original, longest = functions[name], 0
  functions[name] = function(...)
    local start = stalls.now()
    local a, b, c, d, e = original(...)
    longest = math.max(longest, stalls.now() - start)
    return a, b, c, d, e
  end
  f()
  functions[name] = original
  return longest * 1e3
end

return stalls
