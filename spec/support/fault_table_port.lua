-- What becomes of calls when the whole server is gone, comes back, or is another one than before. How to read it is
-- said in spec/support/fault_outcome.lua; the columns are "legacy json" and "modern json". Here a row begins with
-- { step, name, fault, act }: the fault, if there is one, is the server's; the act is one of fault_port_spec.lua, which
-- is carried out before the call. Further fields:
--
--     cold    nothing was asked of the server before
--     deaf    it is one that will never answer
--     alone   one call after the other

-- After so many tries. A call that never left is put again, and may find the port open.
local never_left = "transport not_sent"

return {
  { "connect", "nobody listens", nil, "close", all = never_left },
  { "connect", "nobody listens, for a moment", nil, "close_for_a_moment", all = "result" },
  { "connect", "nobody listens, and never did", nil, "close", cold = true, all = never_left },
  { "connect", "nobody answers", nil, "nothing", cold = true, deaf = true, all = "timeout not_sent" },
  -- The system says that it has sent it, or finds out before that; then it goes again.
  { "connect", "reset when accepted", { method = "connection", kind = "cut" }, "disconnect",
    all = "transport ambiguous, not executed or result" },
  { "connect", "is accepted and never read", { method = "connection", kind = "stall" }, "disconnect",
    all = "timeout ambiguous, not executed" },

  { "request", "the server ends before it is executed", { kind = "restart", ms = 20 }, "nothing", alone = true,
    all = "transport ambiguous, not executed", again = "result" },
  { "head", "the server ends when it was executed", { kind = "restart", ms = 20, executed = true },
    "nothing", alone = true,
    all = "transport ambiguous, executed", again = "result" },

  { "session", "the server was started again", nil, "restart", all = "result" },
  { "session", "the server has become a modern one", nil, "become_modern", legacy = "result" },
  { "session", "the server has become a legacy one", nil, "become_legacy", modern = "result" },
}
