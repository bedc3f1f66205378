-- What becomes of a call over Streamable HTTP that meets a fault, by the step at which it strikes. This is the table
-- that fault_matrix_spec.lua checks, cell by cell; how to read it is said in spec/support/fault_outcome.lua.
--
-- Columns: "legacy json", "legacy sse", "modern json", "modern sse"; `json`, `sse`, `legacy`, `modern` and `all` stand
-- for several of them. Legacy is 2025-11-25, whose streams have event ids and can be taken up again.

local LARGE = 8 * 1024 * 1024 -- more than fits between two programs: a part of the request never leaves

local function cut(at, how)
  return { kind = "cut", at = at, how = how or "reset" }
end

local function stall(at, ms)
  return { kind = "stall", at = at, ms = ms }
end

-- A fault of an event stream that has something to tell before the answer.
local function stream(fault, ids)
  fault.prelude = 1
  if not ids then
    fault.ids = false
  end
  return fault
end

local function early(fault)
  fault.method = "POST"
  return fault
end

local function bytes(text, how)
  return { kind = "bytes", text = text, how = how, executed = true }
end

local function endless(of)
  return { kind = "endless", of = of, executed = true }
end

-- Nobody can know whether it was executed; a tool that may be repeated is repeated.
local lost = { ran = "transport ambiguous, executed", idle = "transport ambiguous, not executed" }

return {
  -- The request. What the system took of it counts as sent: nobody knows what a server made of it.
  { "request", "reset when its head was read", early(cut(0)), all = lost.idle, again = "result" },
  { "request", "closed when its head was read", early(cut(0, "close")), all = lost.idle,
    again = "result" },
  { "request", "is never read", early(stall(0)), all = "timeout ambiguous, not executed" },
  { "request", "reset when half of it was sent", early(cut(1000000)), body = LARGE, all = lost.idle,
    again = "result" },
  { "request", "half of it is read", early(stall(1000000)), body = LARGE, all = "timeout ambiguous, not executed" },

  -- Before the head.
  { "head", "reset before a byte", cut "start", all = lost.ran, again = "result" },
  { "head", "closed before a byte", cut("start", "close"), all = lost.ran, again = "result" },
  { "head", "stalls before a byte", stall "start", all = "timeout ambiguous, executed" },
  { "head", "comes too late", { kind = "late", ms = 3000 }, json = "timeout ambiguous, executed" },
  { "head", "comes late, but in time", { kind = "late", ms = 300 }, all = "result" },

  -- The head itself.
  { "head", "says that the server failed", { kind = "status", status = 500, executed = true }, all = lost.ran },
  { "head", "says that a gateway failed", { kind = "status", status = 502, executed = true }, all = lost.ran,
    again = "result" },
  { "head", "refuses the request", { kind = "status", status = 422 }, all = "protocol rejected" },
  { "head", "is too busy", { kind = "status", status = 429, headers = { ["retry-after"] = "1" } }, all = "result" },

  -- In the head.
  { "head", "reset in the middle", cut "head", all = lost.ran, again = "result" },
  { "head", "closed in the middle", cut("head", "close"), all = lost.ran, again = "result" },
  { "head", "reset after a byte", cut(1), all = lost.ran, again = "result" },
  { "head", "stalls in the middle", stall "head", all = "timeout ambiguous, executed" },
  { "head", "stalls for a moment", stall("head", 200), all = "result" },
  { "head", "is no HTTP", bytes "SSH-2.0-OpenSSH_9.9\r\nwhat do you want?\r\n", all = lost.ran },
  { "head", "is binary", bytes "\0\1\2\255\254\0\r\n\r\n", all = lost.ran },
  { "head", "is no status line", bytes "HTTP/1.1 abc\r\n\r\n", all = lost.ran },
  { "head", "has no end", endless "headers", all = "limit ambiguous, executed" },
  { "head", "has a line without end", endless "header", all = "limit ambiguous, executed" },
  { "head", "is announced without end", endless "interim", all = "limit ambiguous, executed" },

  -- In the body.
  { "body", "reset behind the head", cut "behind head", all = lost.ran, again = "result" },
  { "body", "reset in the middle", cut "body", all = lost.ran, again = "result" },
  { "body", "closed in the middle", cut("body", "close"), all = lost.ran, again = "result" },
  { "body", "stalls behind the head", stall "behind head", all = "timeout ambiguous, executed" },
  { "body", "stalls in the middle", stall "body", all = "timeout ambiguous, executed" },
  { "body", "stalls for a moment", stall("body", 200), all = "result" },
  { "body", "is longer than it says", { kind = "length", by = -5 }, json = "protocol delivered, executed" },
  { "body", "is shorter than it says, and closed", { kind = "length", by = 20, how = "close" }, json = lost.ran,
    again = "result" },
  { "body", "is shorter than it says", { kind = "length", by = 20 }, json = "timeout ambiguous, executed" },
  { "body", "a chunk is longer than it says", { kind = "length", by = -5 }, sse = lost.ran },
  { "body", "is no JSON", { kind = "nonsense", text = "this is no JSON" }, all = "protocol delivered, executed" },
  { "body", "is JSON and no message", { kind = "nonsense", text = '{"answer":42}' },
    all = "protocol delivered, executed" },
  { "body", "is binary", { kind = "nonsense", text = "AAEC//4A/w==", encoding = "base64" },
    all = "protocol delivered, executed" },
  { "body", "is empty", { kind = "nonsense" }, json = "protocol delivered, executed", sse = lost.ran },
  { "body", "is a web page", { kind = "content_type", executed = true }, all = "protocol delivered, executed" },
  { "body", "has no end", endless "body", all = "limit delivered, executed" },
  { "body", "answers another request", { kind = "stranger" }, json = "protocol delivered, executed", sse = lost.ran },
  { "body", "two answers went astray", { kind = "cross" }, pair = true, json = "protocol delivered, executed",
    sse = lost.ran },
  { "body", "two answers in reverse order", { kind = "swap" }, pair = true, all = "result" },

  -- In the stream. One with event ids is taken up again behind the last whole event.
  { "stream", "reset between events", stream(cut "between"), sse = lost.ran, again = "result" },
  { "stream", "closed between events", stream(cut("between", "close")), sse = lost.ran,
    again = "result" },
  { "stream", "reset in an event", stream(cut "event"), sse = lost.ran, again = "result" },
  { "stream", "closed in an event", stream(cut("event", "close")), sse = lost.ran, again = "result" },
  { "stream", "reset between events with ids", stream(cut "between", true), ["legacy sse"] = "result" },
  { "stream", "closed between events with ids", stream(cut("between", "close"), true), ["legacy sse"] = "result" },
  { "stream", "reset in an event with ids", stream(cut "event", true), ["legacy sse"] = "result" },
  { "stream", "closed in an event with ids", stream(cut("event", "close"), true), ["legacy sse"] = "result" },
  { "stream", "stalls between events", stream(stall "between"), sse = "timeout ambiguous, executed" },
  { "stream", "stalls in an event", stream(stall "event"), sse = "timeout ambiguous, executed" },
  { "stream", "the answer comes too late", stream { kind = "late", ms = 3000 }, sse = "timeout ambiguous, executed" },
  { "stream", "another answer comes first", { kind = "stranger", and_mine = true }, sse = "result" },
  { "stream", "notifications without end", { kind = "flood", of = "notifications" },
    sse = "timeout ambiguous, executed" },
  { "stream", "comments without end", endless "comments", sse = "timeout ambiguous, executed" },
  { "stream", "an event without end", { kind = "flood", of = "event" }, sse = "limit delivered, executed" },
  { "stream", "many notifications first", { kind = "flood", of = "notifications", ms = 100, and_mine = true },
    sse = "result" },

  -- Behind the answer.
  { "after", "reset", cut "end", all = "result" },
  { "after", "closed", cut("end", "close"), all = "result" },
  { "after", "the answer comes twice", { kind = "twice" }, sse = "result" },
  { "after", "the answer comes again later", { kind = "twice", ms = 200 }, sse = "result" },
  -- It would be the answer to the next call, if anybody took it.
  { "after", "a response that nobody asked for", { kind = "more" }, json = "result" },
  { "after", "another response, later", { kind = "more", ms = 100 }, json = "result" },

  -- The session.
  { "session", "is lost", { kind = "lose_session" }, legacy = "result" },
}
