-- What to do about an error: err.kind says what went wrong, err.delivery whether the server may have done it anyway,
-- err.retryable whether the same call may succeed later.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/04_errors.lua
local souk = require "souk"
local servers = require "spec.support.servers"

-- Whose turn it is after an error.
local function advice(err)
  if err.kind == "config" or err.kind == "schema" or err.kind == "policy" then
    return "mend the program: nothing was sent"
  elseif err.kind == "auth" then
    return "ask the user for a credential"
  elseif err.kind == "tool" or err.kind == "rpc" then
    return "show it: the server has answered"
  elseif err.delivery == "ambiguous" then
    return "look before you call again: it may have happened"
  elseif err.retryable then
    return "try again later"
  end
  return "give up"
end

-- Calls again as long as that is safe: the failure may pass, and the server cannot have executed the call.
local function persistently(market, id, input, attempts)
  local value, err
  for attempt = 1, attempts do
    value, err = market:call(id, input)
    if not err then
      print(("%s succeeded at attempt %d"):format(id, attempt))
      return value
    end
    local is_safe = err.delivery == "not_sent" or err.delivery == "rejected"
    if not (err.retryable and is_safe) then
      break
    end
  end
  return nil, err
end

local function show(value, err)
  assert(value == nil)
  print(tostring(err))
  print("    -> " .. advice(err))
end

local server = servers.start("scripted", { knobs = { token = "s3cret sesame" } })
local market = souk.open { env = { FORGE_TOKEN = "s3cret sesame" }, policy = { deny = { "*.big" } } }

-- Without the right token nothing is possible, and the error says which variables were looked for.
show(market:add_server("stranger", { url = server.url }))
assert(market:add_server("forge", { url = server.url, auth_env_var = "FORGE_TOKEN" }))

show(market:call("mcp.forge.ehco", { text = "a typing error" }))
show(market:call("mcp.forge.echo", { text = 42 }))
show(market:call("mcp.forge.big", { bytes = 1 }))
show(market:call("mcp.forge.fail", { message = "out of paper" }))

-- The connection breaks after the server did its work. Nobody can know, so souk does not call again by itself.
local issue = { owner = "souk", repo = "souk", title = "once" }
server:knobs { faults = { { method = "tools/call", kind = "reset", executed = true } } }
show(market:call("mcp.forge.create_issue", issue))

-- The server refuses twice before it executes anything: trying again is safe.
server:knobs { faults = { { method = "tools/call", kind = "status", status = 429, body = "busy", times = 2 } } }
assert(persistently(market, "mcp.forge.create_issue", issue, 5))
print(("issues created in all: %d"):format(#server:ledger().created))

-- A server that takes longer than the caller has time for. It may still be at it.
show(market:call("mcp.forge.slow", { ms = 60000 }, { timeout = 0.1 }))

-- No server at all.
server:stop()
show(market:add_server("nobody", { url = server.origin .. "/elsewhere" }))

-- Misuse is no error to handle, but one to mend: it raises.
print(select(2, pcall(market.call, market, "mcp.forge.echo", {}, { timeuot = 1 })))
market:close()
