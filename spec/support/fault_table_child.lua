-- What becomes of a call over stdio that meets a fault. How to read it is said in spec/support/fault_outcome.lua; the
-- columns are "legacy child" and "modern child". A child that ends is a lost session: a call that may be repeated goes
-- to the next one.

local LARGE = 1024 * 1024 -- more than a pipe takes

local function cut(at, how)
  return { kind = "cut", at = at, how = how }
end

local ran, idle = "transport ambiguous, executed", "transport ambiguous, not executed"
local too_late = "timeout ambiguous, executed"

return {
  -- Calls that do not disturb each other: all of them are in flight at once, in one child.
  living = {
    { "answer", "comes too late", { kind = "late", ms = 3000 }, all = too_late },
    { "answer", "comes late, but in time", { kind = "late", ms = 300 }, all = "result" },
    { "answer", "is never given", { kind = "hang", executed = true }, all = too_late },
    { "answer", "is an empty line", { kind = "empty", executed = true }, all = too_late },
    { "answer", "is no JSON", { kind = "nonsense", text = "this is no JSON" }, all = too_late },
    { "answer", "is JSON and no message", { kind = "nonsense", text = '{"answer":42}' }, all = too_late },
    { "answer", "is binary", { kind = "nonsense", text = "AAEC//4A/w==", encoding = "base64" }, all = too_late },
    { "answer", "comes behind nonsense", { kind = "nonsense", text = "npm WARN deprecated", and_mine = true },
      all = "result" },
    { "answer", "comes behind bytes", { kind = "nonsense", text = "AAEC//4A/w==", encoding = "base64",
      and_mine = true }, all = "result" },
    { "answer", "goes to nobody", { kind = "stranger" }, all = too_late },
    { "answer", "comes behind that of another", { kind = "stranger", and_mine = true }, all = "result" },
    { "answer", "comes twice", { kind = "twice" }, all = "result" },
    { "answer", "comes again later", { kind = "twice", ms = 200 }, all = "result" },
    { "answer", "comes in reverse order", { kind = "swap" }, pair = true, all = "result" },
    -- Over one stream the id is all that tells whose an answer is.
    { "answer", "comes with that of another", { kind = "cross" }, pair = true, all = "result" },
    { "answer", "comes behind a flood of notifications",
      { kind = "flood", of = "notifications", ms = 100, and_mine = true }, all = "result" },
    { "answer", "comes behind a flood on stderr", { kind = "flood", of = "stderr", bytes = 1000000, and_mine = true },
      all = "result" },
    { "answer", "is rejected", { kind = "rpc_error", code = -32600, message = "no" }, all = "rpc rejected" },
    { "answer", "is an error", { kind = "rpc_error", code = -32603, message = "no", executed = true },
      all = "rpc delivered, executed" },
  },

  -- One after the other: what happens happens to the child.
  ending = {
    { "request", "the child ends when it has read it", { kind = "reset" }, all = idle, again = "result" },
    { "request", "the child ends when half of it came", { method = "stdin", kind = "cut", at = 300000 }, body = LARGE,
      all = idle },
    -- It is cancelled, too late for this tool.
    { "request", "half of it waits for too long", { method = "stdin", kind = "stall", at = 300000, ms = 1500 },
      body = LARGE, all = too_late },
    { "answer", "the child ends before a byte", cut "start", all = ran, again = "result" },
    { "answer", "the child is killed in the middle", cut("body", "kill"), all = ran, again = "result" },
    { "answer", "the child ends in the middle", cut "body", all = ran },
    { "answer", "stalls in the middle", { kind = "stall", at = "body", ms = 1500 }, all = too_late },
    { "answer", "stalls for a moment", { kind = "stall", at = "body", ms = 200 }, all = "result" },
    { "answer", "has no end", { kind = "flood", of = "line", ms = 3000 }, all = "limit ambiguous, executed" },
    { "answer", "notifications without end", { kind = "flood", of = "notifications", ms = 1500 }, all = too_late },
    { "after", "the child ends behind the answer", cut "end", all = "result", settles = true },
    { "after", "the child stops talking", cut("end", "close"), all = "result" },
  },
}
