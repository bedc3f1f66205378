-- What becomes of a call over HTTP+SSE of 2024-11-05 that meets a fault. The message goes out with a POST, which is
-- accepted before anything is executed; the answer comes in the one stream that carries all answers. How to read it is
-- said in spec/support/fault_outcome.lua; the column is `old`.

local LARGE = 8 * 1024 * 1024

local function early(kind, at, how)
  return { method = "POST", kind = kind, at = at, how = how }
end

-- Of the POST's response. The message was read and goes on its way.
local function post(kind, at, how)
  return { kind = kind, at = at, how = how, pause = 1500 }
end

-- Of the stream; `at` counts from the beginning of the answer.
local function stream(kind, at, how, ms)
  return { kind = kind, on = "stream", at = at, how = how, ms = ms }
end

local ran, idle = "transport ambiguous, executed", "transport ambiguous, not executed"

return {
  { "request", "reset when its head was read", early("cut", 0), old = idle, again = "result" },
  { "request", "reset when half of it was sent", early("cut", 1000000), body = LARGE, old = idle,
    again = "result" },
  { "request", "is never read", early("stall", 0), old = "timeout ambiguous, not executed" },

  { "acceptance", "reset before a byte", post("cut", "start"), old = ran, again = "result" },
  { "acceptance", "closed before a byte", post("cut", "start", "close"), old = ran, again = "result" },
  { "acceptance", "reset in the head", post("cut", "head"), old = ran, again = "result" },
  -- The answer comes, and says all that there is to say.
  { "acceptance", "stalls before a byte", post("stall", "start"), old = "result" },
  { "acceptance", "reset in the body", post("cut", "body"), old = "result" },
  { "acceptance", "stalls in the body", post("stall", "body"), old = "result" },
  { "acceptance", "is a refusal", { kind = "status", status = 422 }, old = "protocol rejected" },
  { "acceptance", "is trouble", { kind = "status", status = 500 }, old = idle },
  { "acceptance", "is trouble of a gateway", { kind = "status", status = 502 }, old = idle, again = "result" },
  { "acceptance", "is no HTTP", { kind = "bytes", text = "SSH-2.0-OpenSSH_9.9\r\n" }, old = idle },

  { "stream", "reset before the answer", stream("cut", 0), old = ran, again = "result" },
  { "stream", "closed before the answer", stream("cut", 0, "close"), old = ran, again = "result" },
  { "stream", "reset in the answer", stream("cut", 40), old = ran, again = "result" },
  { "stream", "closed in the answer", stream("cut", 40, "close"), old = ran, again = "result" },
  { "stream", "stalls before the answer", stream("stall", 0, nil, 3000), old = "timeout ambiguous, executed" },
  { "stream", "stalls in the answer", stream("stall", 40, nil, 3000), old = "timeout ambiguous, executed" },
  { "stream", "the answer comes too late", { kind = "late", ms = 3000 }, old = "timeout ambiguous, executed" },
  { "stream", "the answer goes to nobody", { kind = "stranger" }, old = "timeout ambiguous, executed" },
  { "stream", "another answer comes first", { kind = "stranger", and_mine = true }, old = "result" },
  { "stream", "nonsense comes first", { kind = "nonsense", text = "no JSON", and_mine = true }, old = "result" },
  { "stream", "nonsense and nothing else", { kind = "nonsense", text = "no JSON" },
    old = "timeout ambiguous, executed" },
  { "stream", "notifications without end", { kind = "flood", of = "notifications", ms = 3000 },
    old = "timeout ambiguous, executed" },
  { "stream", "an event without end", { kind = "flood", of = "event" }, old = "limit ambiguous, executed" },
  { "stream", "the answer comes twice", { kind = "twice" }, old = "result" },
  { "stream", "the answer comes again later", { kind = "twice", ms = 200 }, old = "result" },
  { "stream", "two answers in reverse order", { kind = "swap" }, pair = true, old = "result" },

  { "session", "is lost", { kind = "lose_session" }, old = "result" },
}
