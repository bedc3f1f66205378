--- W3C trace context: what the option `trace` of souk.open says becomes that of each call that has none of its own.
local guard = require "souk.guard"

local trace = {}

local members = { traceparent = true, tracestate = true, baggage = true }

-- What is wrong with a context; nil when nothing is.
local function fault(context)
  if type(context) ~= "table" then
    return "expected a table or nil, got " .. type(context)
  end
  for key, value in pairs(context) do
    if not members[key] then
      return ("unknown member '%s' (there are: traceparent, tracestate, baggage)"):format(tostring(key))
    elseif type(value) ~= "string" then
      return ("%s: expected a string, got %s"):format(key, type(value))
    end
  end
end

-- Asks the program. A mistake there is told, and no reason not to call.
local function ask(state)
  local ok, context = pcall(state.trace)
  if not ok then
    guard.report(state, context)
    return nil
  end
  local why = context ~= nil and fault(context)
  if why then
    guard.report(state, "trace: " .. why)
    return nil
  end
  return context
end

--- The options of a call, with the trace context of the program if they have none.
function trace.add(state, opts)
  if not state.trace or (opts ~= nil and (type(opts) ~= "table" or opts.trace ~= nil)) then
    return opts
  end
  local context = ask(state)
  if context == nil then
    return opts
  end
  local out = { trace = context }
  for key, value in pairs(opts or {}) do
    out[key] = value
  end
  return out
end

return trace
