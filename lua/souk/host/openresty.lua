--- The host for OpenResty, and for nginx with its Lua module.
--
-- nginx cannot watch a descriptor of others. So one light thread per market and worker, the pump, reads from a
-- Unix-domain socket to which the engine's thread sends a byte when there is something to do. It hands out, and wakes
-- the light threads that wait, of whatever request, through a semaphore each.
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local guard = require "souk.guard"
local parked = require "souk.host.parked"

local ngx = rawget(_G, "ngx")
local semaphore = require "ngx.semaphore"

-- --- waiting --------------------------------------------------------------------------------------------------------

-- The phases in which a light thread can wait (lua-nginx-module: ngx.semaphore, wait).
local can_wait = {
  rewrite = true, access = true, content = true, timer = true,
  ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true, preread = true,
}

-- What is to be done instead, where something comes to mind.
local advice = {
  init = "open the market in init_worker_by_lua, and call from there through ngx.timer.at(0, ...)",
  init_worker = "call it from ngx.timer.at(0, ...)",
  set = "use rewrite_by_lua or access_by_lua",
  header_filter = "use access_by_lua or content_by_lua",
  body_filter = "use access_by_lua or content_by_lua",
  log = "use market:start, or ngx.timer.at(0, ...)",
  balancer = "use access_by_lua",
}

-- Semaphores that nobody waits on, to be used again: making one costs more than waiting on it. One that was posted once
-- too often wakes its next waiter early, who looks for himself.
local spare, SPARES = {}, 1024

local Waiter = { takes_progress = true }
Waiter.__index = Waiter

function Waiter:sleep(timeout)
  self.semaphore:wait(timeout) -- woken or not: whoever waits looks for himself
  return true
end

function Waiter:wake()
  self.semaphore:post(1)
end

-- A light thread that was ended while it waited never comes here, so what it waited on is not used again.
function Waiter:done()
  if #spare < SPARES then
    spare[#spare + 1] = self.semaphore
  end
end

local start_pump

-- In init everything would happen in the master, whose threads the workers do not have.
local function refusal(waits)
  local phase = ngx.get_phase()
  if can_wait[phase] or (not waits and phase ~= "init") then
    return nil
  end
  local what = advice[phase] and (": " .. advice[phase]) or ""
  local message = phase == "init" and not waits and "no call can be made in the phase %s of nginx%s"
    or "nothing can wait in the phase %s of nginx%s"
  return core.error("config", message:format(phase, what), { delivery = "not_sent" })
end

local function waiter(market, state)
  local err = refusal(true)
  if err then
    return nil, err
  end
  local ok
  ok, err = start_pump(market, state)
  if not ok then
    return nil, err
  end
  return setmetatable({ semaphore = table.remove(spare) or semaphore.new(0) }, Waiter)
end

-- --- the pump -------------------------------------------------------------------------------------------------------

-- ms. The engine's thread looks in every half a minute at least, so the last is never reached.
local CONNECT, READ = 1000, 120000
local FOREVER = 86400 -- s

-- With `lua_code_cache off` every request has a Lua state of its own, which lives as long as a timer of it: there the
-- pump must end with the last call. That is known from the second state on.
local function has_state_for_each_request()
  return core.states_seen() > 1
end

local function is_waited_for(state)
  return state.parked_count > 0 or next(state.kept) ~= nil
end

local function may_end(state)
  return not is_waited_for(state) and (ngx.worker.exiting() or has_state_for_each_request())
end

-- The socket; nil and an error; nothing at all when the market is gone.
local function connect(holder)
  local market, state = holder.market, holder.state
  if not market or not market:_is_open() then
    return nil
  end
  local socket = ngx.socket.tcp()
  socket:settimeouts(CONNECT, CONNECT, READ)
  local path, err = market:_open_door(state.door_folder)
  if not path then
    return nil, err
  end
  local ok, why = socket:connect("unix:" .. path)
  if not ok then
    market:_close_door()
    return nil, core.error("transport", "the socket that wakes nginx: " .. tostring(why))
  end
  ok, err = market:_let_in()
  if not ok then
    socket:close()
    return nil, err
  end
  return socket
end

-- One round: false when the pump is to end. The market is not held while it sleeps.
local function round(holder)
  local market, state = holder.market, holder.state
  if not market or not market:_is_open() then
    return false
  end
  local ok, err = dispatch.pump(market, state)
  if not ok then
    guard.report(state, err)
    return false
  end
  return not may_end(state)
end

-- A call wakes the engine at the end of this round of nginx's loop, together with those of other requests: nginx calls
-- whoever a semaphore has woken after all that had news. One that is alone wakes it at once.
local function on_call(market, state)
  if state.parked_count > 0 and state.flusher and not state.flushes then
    state.flushes = true
    market:_cork()
    state.flusher:post(1)
  end
end

-- Wakes the engine for all that was asked of it. It runs as long as the pump.
local function flush(holder, flusher)
  while true do
    flusher:wait(FOREVER)
    local market, state = holder.market, holder.state
    if not state or not market:_is_open() then
      return
    end
    state.flushes = false
    market:_uncork()
  end
end

local function start_flusher(state, holder)
  state.flusher, state.flushes = semaphore.new(0), false
  return ngx.thread.spawn(flush, holder, state.flusher)
end

local function stop_flusher(thread, holder)
  local market, state = holder.market, holder.state
  if state then
    state.flusher = nil
    if market then
      market:_uncork()
    end
  end
  ngx.thread.kill(thread)
end

local function run_pump(holder, socket)
  while round(holder) do
    if not socket:receiveany(64) then
      local market = holder.market
      if not market or not market:_is_open() or ngx.worker.exiting() then
        return round(holder)
      end
      return true -- something is wrong with the socket: a new one
    end
  end
  return false
end

-- A worker that is told to end calls pending timers early: so this one tells the pump, whatever it sleeps for. A timer
-- keeps its Lua state, so one that should not be kept is let go of soon.
local LOOK = 2

local function watch_for_exit(premature, holder)
  local market = holder.market
  if not market or not market:_is_open() then
    return
  elseif premature then
    market:_close_door()
  elseif not has_state_for_each_request() then
    ngx.timer.at(LOOK, watch_for_exit, holder)
  end
end

-- Where no socket can be made (a folder that is not there, or full), souk looks again and again. Its user is told once.
local LOOK_AGAIN = 0.02

local function tell_of_socket(state, err)
  if not state.told_of_socket then
    state.told_of_socket = true
    guard.report(state, err)
  end
end

local function run_without_socket(holder, err)
  tell_of_socket(holder.state, err)
  while round(holder) do
    ngx.sleep(LOOK_AGAIN)
  end
  return false
end

local function run_with_socket(holder, socket)
  local flusher = start_flusher(holder.state, holder)
  local again = run_pump(holder, socket)
  stop_flusher(flusher, holder)
  socket:close()
  return again
end

local function pump(_, holder)
  local again = true
  while again do
    local socket, err = connect(holder)
    if socket then
      again = run_with_socket(holder, socket)
    elseif err then
      again = run_without_socket(holder, err)
    else
      return
    end
  end
  local market, state = holder.market, holder.state
  if state then
    state.pump_runs = false
    if market and market:_is_open() then
      market:_close_door()
      if state.shared and ngx.worker.exiting() then
        state.shared:count_out()
      end
      if is_waited_for(state) then
        start_pump(market, state)
      end
    end
  end
end

-- @return boolean|nil true
-- @return souk.Error|nil
function start_pump(market, state)
  if state.pump_runs then
    return true
  end
  local holder = setmetatable({ market = market, state = state }, { __mode = "v" })
  local ok, why = ngx.timer.at(0, pump, holder)
  if not ok then
    return nil, core.error("limit", "nginx gives no timer for the light thread that wakes others: " .. tostring(why))
  end
  state.pump_runs = true
  if not state.watches_exit and not has_state_for_each_request() then
    state.watches_exit = ngx.timer.at(LOOK, watch_for_exit, holder)
  end
  return true
end

-- The last one has gone: a pump that has nothing else to live for ends.
local function on_idle(market, state)
  if state.pump_runs and may_end(state) then
    market:_close_door()
  end
end

-- --- clients that go away -------------------------------------------------------------------------------------------

-- A request can have one function for that, so it has one for all calls of the request.
local function calls_to_abort()
  local ctx = ngx.ctx
  if ctx.souk_calls_to_abort then
    return ctx.souk_calls_to_abort
  end
  local calls = {}
  local known, ok, why = pcall(ngx.on_abort, function()
    for handle in pairs(calls) do
      handle:cancel()
    end
  end)
  if not known or not ok then
    local message = "option 'cancel_on_abort': " .. tostring(known and why or ok)
    if why == "duplicate call" then
      message = message .. ": the request has an ngx.on_abort of its own; cancel the handle of market:start there"
    end
    return nil, core.error("config", message)
  end
  ctx.souk_calls_to_abort = calls
  return calls
end

local function before_wait(handle, opts)
  if not (opts and opts.cancel_on_abort) then
    return true
  end
  local calls, err = calls_to_abort()
  if not calls then
    return nil, err
  end
  calls[handle] = true
  return true
end

local function after_wait(handle, opts)
  local calls = opts and opts.cancel_on_abort and ngx.ctx.souk_calls_to_abort
  if calls then
    calls[handle] = nil
  end
end

return parked.host {
  name = "openresty",
  attach = function(market, state)
    parked.attach(market, state)
    state.door_folder = os.getenv "TMPDIR" or "/tmp"
    if has_state_for_each_request() then
      core.wake_all() -- one that did not know yet that it is not the only one may end
    end
  end,
  waiter = waiter,
  refusal = refusal,
  is_over = function()
    return ngx.get_phase() == "exit_worker"
  end,
  on_keep = function(state, market)
    start_pump(market, state)
  end,
  on_started = start_pump,
  on_call = on_call,
  on_idle = on_idle,
  before_wait = before_wait,
  after_wait = after_wait,
  cancels_on_abort = true,
}
