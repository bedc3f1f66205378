-- A soak: calls over HTTP and stdio in both eras, on behalf of many, while sessions are forgotten, connections broken,
-- servers restarted, children killed, answers late, spoilt or refused. Every call ends once, none is executed twice
-- that must not be, and neither memory nor descriptors nor children grow.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' spec/soak/soak.lua [MINUTES [CALLS]]      (make soak)
--
-- The calls are spread evenly over the minutes. Prints a line every few seconds, and a verdict. What was
-- recorded is kept below build/soak when the verdict is bad. SEED (1) chooses the calls.

local core = require "souk.core"
local servers = require "spec.support.servers"
local souk = require "souk"
local traffic = require "spec.soak.traffic"
local verdict = require "spec.soak.verdict"

local MINUTES = tonumber(arg[1]) or 30
local SECONDS = MINUTES * 60
local CALLS = tonumber(arg[2]) or math.ceil(1000000 / 30 * MINUTES)
local WIDTH = 64 -- calls in flight
local SAMPLE_SECONDS = math.max(SECONDS / 360, math.min(SECONDS / 12, 5))
local PATIENCE = 1.5 -- so much longer than planned may it take
local IS_SHORT = SECONDS < 60 -- nothing can be said about growth, and the start is most of it
local OK_SHARE = IS_SHORT and 0.4 or 0.8 -- so many calls succeed, for all that goes wrong

local pid = assert(io.open "/proc/self/stat"):read "*n"
local folder = "build/soak/" .. pid
local executed_path, ends_path = folder .. "/executed", folder .. "/ends"

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

-- The HTTP server ends with this process at the latest: it is killed when the pipe to its keeper is closed.
local function start_http()
  local port_path = folder .. "/port"
  os.remove(port_path)
  local keeper = assert(io.popen(("%s spec/soak/http.mjs %s >%s & cat >/dev/null; kill $! 2>/dev/null")
    :format(servers.node(), executed_path, port_path), "w"))
  for _ = 1, 200 do
    local file = io.open(port_path)
    local port = file and file:read "*n"
    if file then
      file:close()
    end
    if port then
      return { keeper = keeper, url = ("http://127.0.0.1:%d/"):format(port) }
    end
    os.execute "sleep 0.05"
  end
  error "the HTTP server of the soak did not start"
end

local function add_places(market, url)
  for _, place in ipairs(traffic.places) do
    local options = { identity = "person-1", listen = false }
    if place.path then
      options.url = url .. place.path
      options.auth = function(question)
        return "token-of-" .. question.identity
      end
    else
      options.command = servers.node()
      options.args = { "spec/soak/stdio.mjs", executed_path, place.era }
    end
    local ok
    for _ = 1, 20 do -- the HTTP server may be away just now
      ok = market:add_server(place.name, options)
      if ok then
        break
      end
      market:remove_server(place.name)
      market:step(0.1)
    end
    assert(ok, place.name .. " could not be added")
  end
end

-- This process from outside: memory in KiB, descriptors, children.
local function look()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open "/proc/self/status")
  local rss = tonumber(file:read("*a"):match "VmRSS:%s*(%d+)")
  file:close()
  -- The shell looks when the pipe to it is closed, so that it does not count that.
  local path = folder .. "/look"
  local look_later = "cat >/dev/null; { ls /proc/%d/fd | wc -l; pgrep -c -P %d node; } >%s"
  assert(io.popen(look_later:format(pid, pid, path), "w")):close()
  local text = assert(io.open(path))
  local fds, children = text:read("*n", "*n")
  text:close()
  return rss, fds, children
end

local Soak = { started = 0, ended = 0, ok = 0, in_flight = 0, mixed_up = 0, blocked = {} }

-- The answer belongs to this call and this person.
local function is_own(call, n, value)
  if type(value) ~= "table" or value.n ~= n then
    return false
  end
  return not call.place.path or value.who == "Bearer token-of-" .. call.person
end

function Soak:note(call, n, value, err)
  self.ended, self.in_flight = self.ended + 1, self.in_flight - 1
  if err == nil then
    self.ok = self.ok + 1
    if not is_own(call, n, value) then
      self.mixed_up = self.mixed_up + 1
    end
  elseif err.kind == "transport" and err.delivery == "not_sent" then
    self.blocked[call.place] = core.now() + 0.05 -- away just now
  end
  self.ends:write(("%d %s %s %s %s\n"):format(n, call.tool, call.fault, err and err.kind or "ok",
    err and err.delivery or "-"))
end

function Soak:start(market, place)
  local n = self.started + 1
  local call = traffic.call(math.random, n, place)
  self.started, self.in_flight = n, self.in_flight + 1
  local handle, err = market:start(("mcp.%s.%s"):format(place.name, call.tool), call.input,
    { identity = call.person, timeout = call.timeout })
  if not handle then
    return self:note(call, n, nil, err)
  end
  handle:on_done(function(value, why)
    self:note(call, n, value, why)
  end)
  if call.cancel_after then
    self.to_cancel[handle] = core.now() + call.cancel_after
  end
end

function Soak:cancel_some(now)
  for handle, when in pairs(self.to_cancel) do
    if now >= when then
      self.to_cancel[handle] = nil
      handle:cancel()
    end
  end
end

-- As many as there is room for, and no more than the pace allows.
function Soak:start_some(market, now)
  local due = math.min(CALLS, math.ceil((now - self.began) / SECONDS * CALLS))
  while self.in_flight < WIDTH and self.started < due do
    local place = traffic.places[math.random(#traffic.places)]
    if (self.blocked[place] or 0) > now then
      return
    end
    self:start(market, place)
  end
end

local samples = { rss = {}, fds = {}, children = {} }

function Soak:sample(market, now)
  local rss, fds, children = look()
  local stats = market:stats()
  samples.rss[#samples.rss + 1], samples.fds[#samples.fds + 1] = rss, fds
  samples.children[#samples.children + 1] = children
  print(("%6.1f s %8d calls %6.0f/s %5.1f %% ok %7d KiB %4d descriptors %3d children %4d sessions %6d opened")
    :format(now - self.began, self.ended, (self.ended - self.last_ended) / (now - self.last_time),
      100 * self.ok / math.max(self.ended, 1), rss, fds, children, stats.sessions, stats.sessions_opened))
  io.stdout:flush()
  self.last_ended, self.last_time = self.ended, now
end

function Soak:run(market)
  local now = core.now()
  self.began, self.last_time, self.last_ended, self.to_cancel = now, now, 0, {}
  local sample_at, latest = now + SAMPLE_SECONDS, now + SECONDS * PATIENCE + 40
  while self.ended < CALLS and now < latest do
    self:start_some(market, now)
    self:cancel_some(now)
    assert(market:step(0.005))
    now = core.now()
    if now >= sample_at then
      self:sample(market, now)
      sample_at = sample_at + SAMPLE_SECONDS
    end
  end
  self:sample(market, now)
end

local passed, failed = 0, 0

local function check(ok, what)
  passed, failed = passed + (ok and 1 or 0), failed + (ok and 0 or 1)
  print((ok and "ok      " or "FAILED  ") .. what)
end

local function check_flat(name, list, share, more, unit)
  local flat, before, after = verdict.is_flat(list, share, more)
  if flat == nil or IS_SHORT then
    print(("        %s: too short a time to tell"):format(name))
  else
    check(flat, ("%s: %d %s in the first third, %d in the last"):format(name, before, unit, after))
  end
end

local function check_calls()
  local complaints, ends = verdict.calls(ends_path, verdict.executions(executed_path), Soak.started)
  for what, count in pairs(complaints) do
    check(false, ("%d calls: %s"):format(count, what))
  end
  check(next(complaints) == nil, ("%d calls ended once each, and were executed as their ends say"):format(Soak.ended))
  check(Soak.mixed_up == 0, ("%d answers were those of other calls or people"):format(Soak.mixed_up))
  check(Soak.ok >= OK_SHARE * CALLS, ("%d of %d calls succeeded"):format(Soak.ok, CALLS))
  for _, row in ipairs(traffic.faults) do
    local count = ends[row[1]] and ends[row[1]][row[4]] or 0
    check(count > 0, ("%s: %d calls ended with %s"):format(row[1], count, row[4]))
  end
end

local function check_servers(did)
  for _, name in ipairs { "drop_sessions", "drop_connections", "restarts" } do
    local count = tonumber(did:match('"' .. name .. '":(%d+)')) or 0
    check(count > 0, ("%s: %d"):format(name, count))
  end
  check(did:match '"foreign_sessions":0' ~= nil, "nobody used the session of another")
end

assert(os.execute("rm -rf " .. folder .. " && mkdir -p " .. folder))
math.randomseed(tonumber(os.getenv "SEED") or 1)
local _, fds_before = look()
Soak.ends = assert(io.open(ends_path, "w"))
local http = start_http()
local market = souk.open { env = {}, probe_timeout = 2, call_timeout = 10, open_timeout = 5 }
add_places(market, http.url)
Soak:run(market)
market:close(5)
Soak.ends:close()
local did = output_of("curl -s -m 5 --retry 10 --retry-delay 1 --retry-connrefused -X POST " .. http.url .. "stop")
http.keeper:close()
local _, fds_after, children_after = look()

print(("=== %d calls in %.0f s"):format(Soak.ended, core.now() - Soak.began))
check_calls()
check_servers(did)
check_flat("memory", samples.rss, 0.1, 4096, "KiB")
check_flat("descriptors", samples.fds, 0.1, 8, "open")
check_flat("children", samples.children, 0, 2, "running")
check(fds_after <= fds_before, ("descriptors: %d before, %d after"):format(fds_before, fds_after))
if fds_after > fds_before then
  print(output_of(("ls -l /proc/%d/fd"):format(pid)))
end
check(children_after == 0, ("children left: %d"):format(children_after))
print(("%d passed, %d failed"):format(passed, failed))
if failed == 0 then
  os.execute("rm -rf " .. folder)
end
os.exit(failed == 0 and passed > 0 and 0 or 1)
