-- Tokens that change and identities that come and go: neither makes the pool grow.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

teardown(help.stop_servers)
after_each(help.clean_up)

-- The server of spec/server/isolation.mjs, which refuses a token when a later one is known, and what it counts.
local function new_server()
  local server = servers.start "isolation"
  local control = help.open()
  assert(control:add_server("c", { url = server.origin .. "/modern", listen = false,
    headers = { Authorization = "Bearer control.0" } }))
  return server, function(tool, input)
    return assert(control:call("mcp.c." .. tool, input or {}))
  end
end

-- Rotates the token of "ann" `count` times, and calls with each; set(token) gives the new one to the program. `open`
-- makes the market, `options` are those of add_server.
local function rotate(endpoint, count, set, open, options)
  local server, control = new_server()
  set "ann.0"
  local market = open()
  options.url, options.listen = server.origin .. "/" .. endpoint, false
  assert(market:add_server("s", options))
  for generation = 1, count do
    set("ann." .. generation)
    control("rotate", { who = "ann", generation = generation })
    assert.equal("ann", assert(market:call("mcp.s.whoami", { nonce = generation, me = "ann" })).who)
    assert.truthy(#market:sessions() <= 2) -- the one before may be on its way out
  end
  assert.equal(1, market:stats().endpoints)
  assert.equal(count + 1, market:stats().sessions_opened)
  local counts = control "counts"
  assert.equal(count, counts.executed)
  -- One connection for all tokens, beside that of the controls; a few more when one was in use at a change.
  assert.truthy(counts.connections < 10, counts.connections)
end

local MANY = _VERSION == "Lua 5.4" and not help.sanitized

describe("1,000 tokens of one identity, one after the other,", function()
  for endpoint, count in pairs { legacy = MANY and 1000 or 100, modern = 100 } do
    it("have one place in the pool and one connection when a function gives them: " .. endpoint, function()
      local token
      rotate(endpoint, count, function(new) token = new end, help.open, {
        auth = function() return token end,
      })
    end)
  end

  -- Only with its ffi can a program change its own variables.
  local with_ffi = rawget(_G, "jit") and it or function() end

  with_ffi("have one place in the pool and one connection when a variable has them", function()
    local ffi = require "ffi"
    ffi.cdef "int setenv(const char *name, const char *value, int overwrite); int unsetenv(const char *name);"
    local market
    finally(function()
      ffi.C.unsetenv "SOUK_SPEC_TOKEN"
      market:close()
    end)
    local function set(token)
      ffi.C.setenv("SOUK_SPEC_TOKEN", token, 1)
    end
    local function open()
      market = souk.open {} -- it sees the variables of the process
      return market
    end
    rotate("legacy", help.sanitized and 100 or 1000, set, open, { auth_env_var = "SOUK_SPEC_TOKEN" })
  end)
end)

describe("5,000 identities, one after the other,", function()
  it("keep to the limits; what was not used for longest goes, and is closed in order", function()
    local identities = MANY and 5000 or 500
    local server, control = new_server()
    local market = help.open { max_keys = 12, max_sessions = 8 }
    local most_sessions, opened = 0, {}
    local closed = 0
    market:on("session_closed", function(event)
      local reason = event.reason
      assert.truthy(reason == "max_sessions" or reason == "max_keys" or reason == "close", reason)
      closed = closed + 1
    end)
    assert(market:add_server("s", { url = server.origin .. "/legacy", listen = false, discover = false,
      auth = function(question)
        opened[question.identity] = (opened[question.identity] or 0) + 1
        return question.identity .. ".0"
      end }))
    local who
    local function call()
      local result = assert(market:server("s"):request("tools/call", { name = "peek", arguments = { nonce = 1 } },
        { identity = who }))
      assert.equal(who, result.structuredContent.who)
    end
    for i = 1, identities do
      who = "i" .. i
      call()
      if i % 3 == 0 then
        who = "often"
        call()
      end
      local stats = market:stats()
      assert.truthy(stats.endpoints <= 12)
      most_sessions = math.max(most_sessions, stats.sessions)
    end
    assert.truthy(most_sessions <= 16) -- as many again may be on their way out
    assert.equal(1, opened.often)
    assert.equal(1, opened.i1)
    who = "i1"
    call()
    assert.equal(2, opened.i1)
    help.step_until(market, function() return market:stats().sessions == 8 end)
    local counts = control "counts"
    assert.equal(identities + 2, counts.opened)
    assert.equal(identities + 2 - 8, counts.deleted)
    assert.equal(counts.deleted, closed)
    market:close()
    counts = control "counts"
    assert.equal(counts.opened, counts.deleted)
    assert.equal(0, counts.sessions)
  end)
end)
