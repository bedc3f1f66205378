--- What Neovim and luv have in common: a poll handle of libuv watches the market's descriptor, and whoever waits is a
-- coroutine that yields.
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local guard = require "souk.guard"
local parked = require "souk.host.parked"

local uv_host = {}

local can_yield = rawget(coroutine, "isyieldable") -- not in every Lua

-- The running coroutine, if it can yield; the main program cannot.
local function yieldable()
  local co, is_main = coroutine.running()
  if not co or is_main then
    return nil
  elseif can_yield and not can_yield() then
    return nil -- inside of a C function, such as table.sort
  end
  return co
end

uv_host.yieldable = yieldable

local Waiter = {}
Waiter.__index = Waiter

-- Longer waits have no timer: most have no limit of their own, since the call itself has one.
local NO_LIMIT = 3600

function Waiter:set_timer(timeout)
  self.timer = self.timer or self.uv.new_timer()
  self.timer:start(math.ceil(timeout * 1000), 0, function() self:wake() end)
end

-- Parks its coroutine. Waking it twice, or before it sleeps, does no harm.
function Waiter:sleep(timeout)
  if not self.woken then
    if timeout < NO_LIMIT then
      self:set_timer(timeout)
    end
    self.asleep = true
    coroutine.yield()
    self.asleep = false -- also when somebody else has resumed it
    if self.timer then
      self.timer:stop()
    end
  end
  self.woken = false
  return true
end

function Waiter:wake()
  self.woken = true
  if not self.asleep then
    return
  end
  self.asleep = false
  if self.resume_later then
    self.resume_later(self)
  else
    self:go_on()
  end
end

function Waiter:done()
  if self.timer then
    self.timer:close()
  end
end

function Waiter:go_on()
  local ok, err = coroutine.resume(self.co)
  if not ok then
    guard.report(self.state, debug.traceback(self.co, tostring(err)))
  end
end

-- A function that has waiters go on from where it is safe. Those that are woken together go on one after the other: to
-- ask the host for a turn for each costs more than their calls. run_later: see uv_host.new
local function resumer(run_later)
  local woken, first, last, is_asked = {}, 1, 0, false
  local run
  local function ask()
    if not is_asked then
      is_asked = true
      run_later(run)
    end
  end
  function run()
    is_asked = false
    while first <= last do
      local waiter = woken[first]
      woken[first] = nil
      first = first + 1
      if first <= last then
        ask() -- whoever goes on now may have the loop turn before it comes back: the others must not wait for that
      end
      waiter:go_on()
    end
    first, last = 1, 0 -- so that the table stays small
  end
  return function(waiter)
    last = last + 1
    woken[last] = waiter
    ask()
  end
end

-- Fetches and hands out, or puts the handle away when the market is gone.
local function pump(holder, poll, fd, uv)
  local market, state = holder.market, holder.state
  if market and state and market:_is_open() then
    local ok, why = dispatch.pump(market, state)
    if not ok then
      guard.report(state, why)
    end
  elseif not poll:is_closing() then
    poll:stop()
    poll:close(function() uv.fs_close(fd) end)
  end
end

--- Watches a market. The poll handle does not keep the market alive; when it is gone, the descriptor tells that, too.
-- @param run_later function calls a function from where callbacks may do everything
function uv_host.watch(uv, market, state, run_later)
  local fd, err = market:_watch()
  if not fd then
    core.misuse("souk.open: " .. tostring(err))
  end
  local holder = setmetatable({ market = market, state = state }, { __mode = "v" })
  local poll = uv.new_poll(fd)
  local queued = false
  local function run()
    queued = false
    pump(holder, poll, fd, uv)
  end
  poll:start("r", function()
    local m = holder.market
    if m then
      m:_hush() -- what is fetched later must not keep the loop busy until then
    else
      poll:stop()
    end
    if not queued then
      queued = true
      run_later(run)
    end
  end)
  poll:unref()
  return poll
end

-- A loop that has nothing else to do may end: the descriptor counts only while somebody waits for something.
local function count_in(state)
  state.poll:ref()
end

local function count_out(state)
  if state.parked_count == 0 and next(state.kept) == nil then
    state.poll:unref()
  end
end

--- A host on libuv. own: name, uv, run_later(f), resume_later (the same, or nil: at once), main_waiter(market, state)
function uv_host.new(own)
  local resume_later = own.resume_later and resumer(own.resume_later)
  own.on_keep, own.on_pumped = count_in, count_out
  function own.waiter(market, state)
    count_in(state)
    local co = yieldable()
    if co then
      return setmetatable({ uv = own.uv, state = state, co = co, resume_later = resume_later }, Waiter)
    end
    return own.main_waiter(market, state)
  end
  function own.attach(market, state)
    parked.attach(market, state)
    state.poll = uv_host.watch(own.uv, market, state, own.run_later)
  end
  return parked.host(own)
end

return uv_host
