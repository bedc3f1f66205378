--- The dispatcher: fetches what the core has for the program, and hands it to whom it belongs.
--
-- Three things come out of the core: calls that ended (for handles), questions (for functions of the script that give
-- credentials or implement a session handler), and events (for observers).
local core = require "souk.core"
local nearest = require "souk.nearest"

local dispatch = {}

--- Every event there is; observers may also ask for "*".
dispatch.events = {
  "session_opening", "session_opened", "session_renewed", "session_reused", "session_failed", "session_lost",
  "session_closed",
}

-- The dispatcher's part of a market's state. It hangs on the userdata itself (not in a table of this module), so that
-- a market whose callbacks refer to it can be collected on every Lua.
local function state_of(market)
  return market:_state().dispatch
end

dispatch.state_of = state_of

function dispatch.attach(market, private)
  market:_state().dispatch = {
    handles = setmetatable({}, { __mode = "v" }), -- call number -> handle; nobody waits for a collected one
    kept = {},        -- handles with callbacks, which must not be collected
    functions = {},   -- number -> function or table of functions, for questions
    observers = {},   -- event name -> list of functions
    observer_count = 0,
    on_error = private.on_error,
    host = private.host,
  }
end

--- Remembers the handle that the end of this call belongs to.
function dispatch.expect(handle)
  handle.state_.handles[handle.id_] = handle
end

--- Keeps the handle alive until its call has ended.
function dispatch.keep(handle)
  handle.state_.kept[handle.id_] = handle
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

-- Runs a function of the script that nobody waits for; its error must neither stop the pump nor get lost.
local function guarded(state, f, ...)
  local ok, message = pcall(f, ...)
  if not ok then
    if state.on_error then
      pcall(state.on_error, message)
    else
      io.stderr:write("souk: error in a callback: ", tostring(message), "\n")
    end
  end
end

--- Calls f with how a call ended, as it would have been called if the call were still running.
function dispatch.tell(handle, f)
  guarded(handle.state_, f, handle.value_, handle.err_)
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
  error(("on: there is no event '%s'%s"):format(name, nearest.hint(name, dispatch.events)), 4)
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

local function tell_observers(state, name, event)
  event.name = name
  for _, key in ipairs { name, "*" } do
    local list = state.observers[key]
    if list then
      for _, entry in ipairs { (table.unpack or unpack)(list) } do
        guarded(state, entry.f, event)
      end
    end
  end
end

local function call_ended(state, id, value, err)
  local handle = state.handles[id]
  if not handle then
    return
  end
  state.handles[id] = nil
  state.kept[id] = nil
  if err and handle.capability_ and not err.capability then
    err.capability = handle.capability_
  end
  handle.done_, handle.value_, handle.err_ = true, value, err
  if handle.callbacks_ then
    for _, f in ipairs(handle.callbacks_) do
      guarded(state, f, value, err)
    end
  end
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
  local ok, value, err = pcall(questions[kind], f, payload)
  if kind == "cancel" or kind == "close" then
    if not ok then
      guarded(state, error, value)
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
    call_ended(state, a, b, c)
  elseif kind == "ask" then
    answer(market, state, a, b, c, d)
  elseif kind == "note" then
    tell_observers(state, a, b)
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

--- Hands out how everything ended, before a market is let go.
function dispatch.finish(market)
  drain(market, state_of(market))
end

--- Waits for a call that was just started, in the way of the host.
-- @return any its result, or nil
-- @return souk.Error|nil
function dispatch.finish_call(market, call, capability)
  return state_of(market).host.finish_call(market, call, capability)
end

--- Waits until the handle has ended, in the way of the host.
function dispatch.wait(handle, timeout)
  return handle.state_.host.wait(handle, timeout)
end

return dispatch
