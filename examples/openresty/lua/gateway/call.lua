--- POST /call/<capability>: JSON in, JSON out; or a stream of events, for who wants to hear how it goes.
local answer = require "gateway.answer"
local events = require "gateway.events"
local market = require "gateway.market"
local souk = require "souk"

local call = {}

local LONGEST_TIMEOUT = 600

-- A page of a browser may send a text to any address without asking, but not application/json: that needs an answer to
-- OPTIONS, which is not given here.
local function check_type()
  local kind = ngx.var.content_type or ""
  if kind:lower():find "^application/json%f[;%s%z]" then
    return true
  end
  return answer.refuse(415, ("expected Content-Type: application/json, got %s"):format(kind == "" and "none" or kind))
end

local function body()
  ngx.req.read_body()
  local text = ngx.req.get_body_data()
  local path = not text and ngx.req.get_body_file()
  if path then
    -- Only when client_body_buffer_size is smaller than client_max_body_size.
    local file = assert(io.open(path, "rb"))
    text = file:read "*a"
    file:close()
  end
  return text or ""
end

-- The input; nil when the request was refused.
local function input()
  local text = body()
  if text:find "^%s*$" then
    return {}
  end
  local value, err = souk.json.decode(text)
  if value == nil then
    return answer.refuse(400, "the body is no JSON: " .. err.message, { line = err.line, column = err.column })
  elseif not text:find "^%s*{" then
    return answer.refuse(400, "expected a JSON object with the input of the capability", { line = 1, column = 1 })
  end
  return value
end

-- ?timeout=5; nil when the request was refused.
local function options()
  local given = ngx.var.arg_timeout
  local seconds = tonumber(given)
  if given and not (seconds and seconds > 0 and seconds <= LONGEST_TIMEOUT) then
    return answer.refuse(400, ("timeout: expected seconds, up to %d, got '%s'"):format(LONGEST_TIMEOUT, given))
  end
  local parent = ngx.var.http_traceparent or ""
  return {
    timeout = seconds,
    cancel_on_abort = true,
    trace = parent:find "^%x%x%-%x+%-%x+%-%x%x$" and { traceparent = parent } or nil,
  }
end

local function answer_at_once(capability, value, opts, known)
  local result, err = market.get():call(capability, value, opts)
  if err then
    return answer.failed(err, known)
  end
  answer.json(200, result)
end

--- Answers the request.
-- @param capability string
function call.run(capability)
  if not answer.allows "POST" or not check_type() then
    return
  end
  local value = input()
  local opts = value and options()
  if not opts then
    return
  end
  local known = market.get():get(capability) ~= nil
  if (ngx.var.http_accept or ""):find("text/event-stream", 1, true) then
    return events.run(capability, value, opts, known)
  end
  return answer_at_once(capability, value, opts, known)
end

return call
