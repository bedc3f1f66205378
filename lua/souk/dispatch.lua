--- The dispatcher: fetches what the core has for the program, and hands it to whom it belongs.
--
-- What comes out of the core: calls that ended or go on (for handles), questions (for functions of the script that give
-- credentials, implement a session handler, or answer what servers want to know), events and what servers say (for
-- observers and the cache).
local cache = require "souk.cache"
local core = require "souk.core"
local guard = require "souk.guard"
local inputs = require "souk.inputs"
local nearest = require "souk.nearest"
local notices = require "souk.notices"
local shared = require "souk.shared"

local dispatch = {}

--- Every event there is; observers may also ask for "*".
dispatch.events = {
  "session_opening", "session_opened", "session_renewed", "session_reused", "session_failed", "session_lost",
  "session_closed", "session_waiting", "session_evicted", "session_probed", "session_held", "session_released",
  "breaker_opened", "breaker_trial", "breaker_closed", "endpoint_paused",
}
for _, name in ipairs(notices.events()) do
  dispatch.events[#dispatch.events + 1] = name
end

-- The dispatcher's part of a market's state. It hangs on the userdata itself (not in a table of this module), so that
-- a market whose callbacks refer to it can be collected on every Lua.
local function look_up_state(market)
  return market:_state().dispatch
end

-- Found again without asking the core: every call wants it several times. Weak on both sides, so nothing is kept.
local states = setmetatable({}, { __mode = "kv" })

local function state_of(market)
  local state = states[market]
  if not state then
    state = look_up_state(market)
    states[market] = state
  end
  return state
end

dispatch.state_of = state_of

local heard_elsewhere

--- The first number that add_function gives.
dispatch.COMMON_INPUTS = 1

function dispatch.attach(market, private)
  market:_state().dispatch = {
    handles = setmetatable({}, { __mode = "v" }), -- call number -> handle; nobody waits for a collected one
    kept = {},        -- handles with callbacks, which must not be collected
    ended = 0,        -- how many calls of handles have ended, so that each knows the how manieth it was
    progress = {},    -- call number -> function that is told how it goes
    functions = {},   -- number -> function or table of functions, for questions
    asked = {},       -- number of a server's question -> what inputs.lua knows of it, until it is answered
    servers = {},     -- names of the servers that were added, as keys
    observers = {},   -- event name -> list of functions
    observer_count = 0,
    cache = cache.new(private.max_cached),
    inputs = private.inputs,
    shared = private.shared, -- nil, or the store of sessions that other workers use, too
    max_pages = private.max_pages,
    now = private.now,
    on_error = private.on_error,
    trace = private.trace,
    host = private.host,
  }
  if private.shared then
    private.shared.heard_elsewhere = heard_elsewhere
  end
  if private.host.attach then
    private.host.attach(market, market:_state().dispatch)
  end
  -- The number under which the core knows the handlers that servers have when they have none of their own.
  assert(dispatch.add_function(market, private.inputs) == dispatch.COMMON_INPUTS)
end

--- Remembers the handle that the end of this call belongs to.
function dispatch.expect(handle)
  handle.state_.handles[handle.id_] = handle
end

--- Keeps the handle alive until its call has ended.
function dispatch.keep(handle)
  local state = handle.state_
  state.kept[handle.id_] = handle
  if state.host.on_keep then
    state.host.on_keep(state, handle.market_)
  end
end

--- The number of an end: a call that ended before another has a smaller one.
function dispatch.count_end(state)
  state.ended = state.ended + 1
  return state.ended
end

--- Gives a function (or a table of them) a number by which the core asks for it.
function dispatch.add_function(market, f)
  local functions = state_of(market).functions
  functions[#functions + 1] = f
  return #functions
end

function dispatch.add_handler(market, prefix, functions)
  return market:_handler(prefix, dispatch.add_function(market, functions))
end

--- Calls f with how a call ended, as it would have been called if the call were still running.
function dispatch.tell(handle, f)
  guard.run(handle.state_, f, handle.value_, handle.err_)
end

--- Raises unless it is the name of a server that was added.
function dispatch.check_server(state, where, name)
  if type(name) ~= "string" then
    core.misuse(("%s: expected the name of a server, got %s"):format(where, type(name)))
  elseif state.servers[name] then
    return
  end
  local known = {}
  for one in pairs(state.servers) do
    known[#known + 1] = one
  end
  core.misuse(("%s: no server '%s' was added%s"):format(where, name, nearest.hint(name, known)))
end

local function check_event(name)
  if name == "*" then
    return
  end
  for _, known in ipairs(dispatch.events) do
    if name == known then
      return
    end
  end
  core.misuse(("on: there is no event '%s'%s"):format(name, nearest.hint(name, dispatch.events)))
end

--- Adds an observer; returns a function that removes it. The core makes events only while somebody observes.
function dispatch.observe(market, name, f)
  check_event(name)
  local state = state_of(market)
  local list = state.observers[name] or {}
  local entry = { f = f }
  state.observers[name] = list
  list[#list + 1] = entry
  state.observer_count = state.observer_count + 1
  market:_observe(true)
  return function()
    for i, other in ipairs(list) do
      if other == entry then
        table.remove(list, i)
        state.observer_count = state.observer_count - 1
        market:_observe(state.observer_count > 0)
        return
      end
    end
  end
end

local function tell_observers(state, event)
  for _, key in ipairs { event.name, "*" } do
    local list = state.observers[key]
    if list then
      for _, entry in ipairs { (table.unpack or unpack)(list) } do
        guard.run(state, entry.f, event)
      end
    end
  end
end

local function call_ended(state, id, value, err, asked)
  local handle = state.handles[id]
  state.progress[id] = nil
  if not handle then
    return
  end
  state.handles[id] = nil
  state.kept[id] = nil
  if err and handle.capability_ and not err.capability then
    err.capability = handle.capability_
  end
  handle.done_, handle.value_, handle.err_, handle.asked_ = true, value, err, asked
  handle.ended_ = dispatch.count_end(state)
  if handle.callbacks_ then
    for _, f in ipairs(handle.callbacks_) do
      guard.run(state, f, value, err)
    end
  end
  local waiter = handle.waiter_
  if waiter then
    state.host.settle(waiter, handle.market_, state)
    waiter:wake()
  end
end

local function call_goes_on(state, id, progress)
  local handle, f = state.handles[id], state.progress[id]
  if handle and progress.task then
    handle.task_ = progress.task
  end
  if not f then
    return
  elseif handle and handle.on_progress_ and handle.waiter_ and handle.waiter_.takes_progress then
    handle.untold_ = handle.untold_ or {}
    handle.untold_[#handle.untold_ + 1] = progress
    handle.waiter_:wake()
  else
    guard.run(state, f, progress)
  end
end

local function notice(state, method, params, server, identity)
  notices.invalidate(state.cache, method, params, server)
  local refusal = notices.refusal_of(method, params, server)
  if refusal then
    guard.report(state, refusal)
  end
  if state.observer_count > 0 then
    for _, event in ipairs(notices.events_of(method, params, server, identity)) do
      tell_observers(state, event)
    end
  end
end

-- Another worker, with which the session is shared, heard this of the server.
function heard_elsewhere(market, state, method, params, server, identity)
  if method == "notifications/tools/list_changed" then
    market:_tools_changed(server)
  end
  notice(state, method, params, server, identity)
end

-- Which function answers which kind of question, and with what arguments.
local questions = {
  credential = function(f, payload)
    local token = f(payload)
    if token ~= nil and type(token) ~= "string" then
      error("auth: expected a string or nil, got " .. type(token), 0)
    end
    return token == nil and core.json.null or token
  end,
  open = function(functions, target)
    local session, err = functions.open(target)
    return session == nil and err == nil and true or session, err
  end,
  call = function(functions, payload)
    local session = payload.session
    payload.session = nil
    local result, err = functions.call(session, payload)
    return result == nil and err == nil and core.json.null or result, err
  end,
  cancel = function(functions, payload)
    if functions.cancel then
      functions.cancel(payload.session, payload.call)
    end
  end,
  close = function(functions, payload)
    if functions.close then
      functions.close(payload.session)
    end
  end,
}

-- What kind of error it is when a function gives a mere text, or raises one.
local failures = { credential = "auth", open = "transport", call = "tool" }

local function answer(market, state, ask, kind, number, payload)
  local f = state.functions[number]
  if kind == "input" then
    return inputs.ask(market, state, ask, f, payload)
  elseif kind == "withdrawn" then
    if state.shared then
      state.shared:withdrawn(payload.ask)
    end
    return inputs.withdrawn(state, payload.ask)
  elseif shared.hears(kind) then
    return state.shared:hear(market, state, ask, kind, payload)
  end
  local ok, value, err = pcall(questions[kind], f, payload)
  if kind == "cancel" or kind == "close" then
    if not ok then
      guard.run(state, error, value)
    end
    return
  end
  if not ok then
    err, value = value, nil
  end
  if value == nil then
    market:_answer_error(ask, type(err) == "table" and err or { kind = failures[kind], message = tostring(err) })
  else
    market:_answer(ask, value)
  end
end

--- Hands out one outcome of the core.
function dispatch.hand_out(market, state, kind, a, b, c, d)
  if kind == "done" then
    call_ended(state, a, b, c, d)
  elseif kind == "ask" then
    answer(market, state, a, b, c, d)
  elseif kind == "progress" then
    call_goes_on(state, a, b)
  elseif kind == "notice" then
    if state.shared and notices.is_for_all(a) then
      state.shared:tell_others(state, a, b, c, d)
    end
    notice(state, a, b, c, d)
  else
    b.name = a
    tell_observers(state, b)
  end
end

--- Hands out everything that the core has ready.
local function drain(market, state)
  while true do
    local kind, a, b, c, d = market:_next()
    if kind == nil then
      return
    end
    dispatch.hand_out(market, state, kind, a, b, c, d)
  end
end

--- Works for at most `timeout` seconds. `state` saves a look-up where it is at hand.
function dispatch.step(market, timeout, state)
  state = state or state_of(market)
  local ok, err = market:_step(timeout)
  if not ok then
    return nil, err
  end
  drain(market, state)
  return true
end

-- Wakes those whose wish came true, or whose time is over. Who is woken may run at once, and wish for something else.
local function grant(state)
  local woken, now = {}, core.now()
  for waiter, wish in pairs(state.wishes) do
    if wish.is_done(wish.subject) or (wish.by and wish.by < now) then
      woken[waiter] = wish
    end
  end
  for waiter, wish in pairs(woken) do
    state.host.settle(waiter, wish.market, state)
    waiter:wake()
  end
end

--- What an event loop does when it was woken: hands out everything that is ready, and wakes those who wait for it.
-- @return boolean|nil true; nil and an error
function dispatch.pump(market, state)
  local ok, err = dispatch.step(market, 0, state)
  local host = state.host
  if state.wishes and next(state.wishes) then
    grant(state)
  end
  if host.on_pumped then
    host.on_pumped(state)
  end
  return ok, err
end

--- Does what can be done without waiting, where nobody else does it.
function dispatch.look(market, state)
  if not state.host.own_thread then
    dispatch.step(market, 0, state)
  end
end

--- Whether a call can be made from here, before anything of it is sent.
-- @param waits boolean it will be waited for
-- @return souk.Error|nil why not
function dispatch.refusal(market, waits)
  local host = state_of(market).host
  return host.refusal and host.refusal(waits)
end

--- A call is about to be made, and waited for.
function dispatch.before_call(market)
  local state = state_of(market)
  if state.host.on_call then
    state.host.on_call(market, state)
  end
end

--- Something was started that nobody waits for yet.
-- @return boolean|nil true; nil and an error when nobody would ever hear of its end
function dispatch.started(market, state)
  if state.host.on_started then
    return state.host.on_started(market, state)
  end
  return true
end

--- Hands out how everything ended, before a market is let go.
function dispatch.finish(market)
  drain(market, state_of(market))
end

--- Waits for a call that was just started, in the way of the host.
-- @return any its result, or nil
-- @return souk.Error|nil
-- @return boolean|nil true when input was asked for on the way, so that the result is nobody else's
function dispatch.finish_call(market, call, capability, opts)
  return state_of(market).host.finish_call(market, call, capability, opts)
end

--- Waits until the handle has ended, in the way of the host.
-- @param timeout number|nil seconds
-- @return boolean|nil true; nil and an error, of kind "timeout" when the time is over first
function dispatch.wait(handle, timeout)
  local ok, err = handle.state_.host.wait(handle, timeout)
  if err == "timeout" then
    err = core.error("timeout", ("the call is still running after %g s of waiting"):format(timeout))
  end
  return ok, err
end

return dispatch
