--- A call as a stream of Server-Sent Events: `progress`, as often as there is some; then `result` or `error`.
--
-- The stream begins with the first thing that there is to say. A call that is refused before it was sent anywhere has
-- the status that it would have without a stream; later there is an event of kind `error`, with that status in it.
local answer = require "gateway.answer"
local market = require "gateway.market"
local souk = require "souk"

local events = {}

-- Whoever is in between (a proxy, a load balancer) may close a connection on which nothing is said.
local HEARTBEAT = 10

local function begin(stream)
  if not stream.begun then
    stream.begun = true
    ngx.status = 200
    ngx.header.content_type = "text/event-stream"
    ngx.header.cache_control = "no-store"
    ngx.header.x_accel_buffering = "no" -- for an nginx before this one
  end
end

-- flush(true) waits until it is on its way: a client that reads slowly makes us wait, not remember.
local function say(stream, text)
  begin(stream)
  return ngx.print(text) and ngx.flush(true)
end

local function event(stream, name, value)
  -- JSON has no line breaks of its own, so one line of data is enough.
  return say(stream, ("event: %s\ndata: %s\n\n"):format(name, assert(souk.json.encode(value))))
end

local function heartbeat(stream)
  repeat
    ngx.sleep(HEARTBEAT)
  until not say(stream, ": still working\n\n")
end

--- Answers the request; as call.run.
function events.run(capability, value, opts, known)
  local stream = {}
  function opts.on_progress(progress)
    event(stream, "progress", progress)
  end
  local beat = ngx.thread.spawn(heartbeat, stream)
  local result, err = market.get():call(capability, value, opts)
  ngx.thread.kill(beat)
  if not err then
    event(stream, "result", result)
  elseif not stream.begun and err.delivery == "not_sent" then
    answer.failed(err, known)
  else
    event(stream, "error", { status = answer.status(err, known), error = answer.error(err) })
  end
end

return events
