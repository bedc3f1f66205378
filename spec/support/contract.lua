-- What every host promises, as cases that can run anywhere: in a script, in nginx, in Neovim, in a loop of luv or
-- cqueues. Nothing here knows which host it is.
--
--     local results = contract.run { open = function(options) return souk.open(options) end, url = url,
--                                    command = words of a stdio server }
--     results[1] == { name = "...", error = nil or a text }
--
-- It runs in one coroutine, light thread or main program, which waits in the way of its host.

local souk = require "souk"

local contract = {}

local cases = {}

local function case(name, run)
  cases[#cases + 1] = { name = name, run = run }
end

local function equal(got, wanted, what)
  if got ~= wanted then
    error(("%s: expected %s, got %s"):format(what or "value", tostring(wanted), tostring(got)), 2)
  end
end

local function fails(kind, pattern, value, err)
  if value ~= nil then
    error(("expected an error of kind %s, got the value %s"):format(kind, tostring(value)), 2)
  elseif type(err) ~= "table" or err.kind ~= kind or not err.message:find(pattern) then
    error(("expected %s: %s, got %s"):format(kind, pattern, tostring(err)), 2)
  end
  return err
end

-- --- calls ----------------------------------------------------------------------------------------------------------

case("a call gives its result", function(market)
  equal(market:call("mcp.s.echo", { text = "grüß dich" }), "grüß dich")
  local sum = assert(market:call("mcp.s.add", { a = 2, b = 40 }))
  equal(sum.sum or sum.result, 42)
end)

case("errors come as errors", function(market)
  fails("config", "no capability", market:call("mcp.s.nothing", {}))
  fails("schema", "text", market:call("mcp.s.echo", {}))
  local err = fails("tool", "broken", market:call("mcp.s.fail", { message = "broken" }))
  equal(err.capability, "mcp.s.fail")
  equal(err.delivery, "delivered")
  fails("rpc", "", market:request("s", "no/such/method"))
end)

case("functions of the program are capabilities, too, and may call others", function(market)
  assert(market:register { id = "text.twice", handler = function(input)
    local text, err = market:call("mcp.s.echo", { text = input.text .. input.text })
    return text and { text = text }, err
  end })
  equal(assert(market:call("text.twice", { text = "ab" })).text, "abab")
end)

-- --- many at once ---------------------------------------------------------------------------------------------------

case("many calls run at once", function(market)
  local handles = {}
  for i = 1, 40 do
    handles[i] = assert(market:start("mcp.s.meet", { count = 40 }))
  end
  assert(souk.wait_all(handles, 20))
  for i = 1, 40 do
    equal(handles[i]:wait(), "met 40")
    equal(handles[i]:done(), true)
  end
end)

case("the first one that ends is told apart", function(market)
  local slow = assert(market:start("mcp.s.slow", { ms = 20000, steps = 1 }))
  local fast = assert(market:start("mcp.s.echo", { text = "fast" }))
  local first, index = assert(souk.wait_any({ slow, fast }, 10))
  equal(first, fast)
  equal(index, 2)
  equal(first:wait(), "fast")
  slow:cancel()
  fails("cancelled", "", slow:wait(10))
end)

case("callbacks are called once, with the result or the error", function(market)
  local got = {}
  local good = assert(market:start("mcp.s.echo", { text = "told" }))
  local bad = assert(market:start("mcp.s.fail", { message = "broken" }))
  good:on_done(function(value, err) got[#got + 1] = { value, err } end)
  bad:on_done(function(value, err) got[#got + 1] = { value, err } end)
  assert(souk.wait_all({ good, bad }, 10))
  market:step(0)
  equal(#got, 2)
  for _, one in ipairs(got) do
    equal(one[1] or one[2].kind, one[1] and "told" or "tool")
  end
  local late
  good:on_done(function(value) late = value end)
  equal(late, "told", "a callback of a call that has ended")
end)

-- --- times ----------------------------------------------------------------------------------------------------------

case("a call that takes too long ends in time", function(market, where)
  local before = where.now()
  local err = fails("timeout", "no answer within 0.2 s",
    market:call("mcp.s.slow", { ms = 20000, steps = 1 }, { timeout = 0.2 }))
  equal(err.delivery, "ambiguous")
  local took = where.now() - before
  assert(took >= 0.15 and took < 8, "it took " .. took)
end)

case("who waits with a deadline is told, and the call goes on", function(market)
  local handle = assert(market:start("mcp.s.slow", { ms = 600, steps = 1 }))
  fails("timeout", "still running after 0.1 s", handle:wait(0.1))
  fails("timeout", "1 of 1 call is still running", souk.wait_all({ handle }, 0.05))
  equal(handle:done(), false)
  assert(handle:wait(10))
  equal(handle:done(), true)
end)

case("a cancelled call ends at once", function(market, where)
  local before = where.now()
  local handle = assert(market:start("mcp.s.slow", { ms = 20000, steps = 1 }))
  market:step(0.05)
  handle:cancel()
  fails("cancelled", "", handle:wait(10))
  assert(where.now() - before < 8, "it took too long")
  handle:cancel() -- harmless
end)

case("a step ends when its time is over, at the latest", function(market, where)
  local before = where.now()
  assert(market:step(0.1))
  assert(market:step(0))
  local took = where.now() - before
  assert(took < 5, "it took " .. took)
end)

-- --- streams and questions ------------------------------------------------------------------------------------------

case("progress is told in order, and before the end", function(market)
  local told, ended = {}, false
  local result = assert(market:call("mcp.s.slow", { ms = 200, steps = 4 }, { on_progress = function(progress)
    assert(not ended, "progress after the end")
    told[#told + 1] = progress.progress
  end }))
  ended = true
  assert(result)
  equal(table.concat(told, " "), "1 2 3 4", "progress")
end)

case("questions of servers are answered", function(market)
  local answer = assert(market:call("mcp.s.ask_form", { message = "who?" }))
  assert(tostring(type(answer) == "table" and souk.json.encode(answer) or answer):find "accept", "not accepted")
end)

case("events are heard", function(market)
  local heard
  local stop = market:on("session_opened", function(event) heard = event end)
  local session = assert(market:session("s"))
  equal(session:call("mcp.s.echo", { text = "held" }), "held")
  session:close()
  market:step(0)
  stop()
  assert(heard and heard.server == "s", "nothing was heard")
end)

-- --- sizes ----------------------------------------------------------------------------------------------------------

case("a big answer comes whole", function(market)
  for _, bytes in ipairs { 1000, 300000, 5000000 } do
    local text = assert(market:call("mcp.s.big", { bytes = bytes }, { timeout = 30 }))
    equal(#text, bytes, "bytes")
  end
end)

case("a big question goes whole", function(market)
  local text = ("0123456789"):rep(200000)
  equal(assert(market:call("mcp.s.echo", { text = text })), text)
end)

-- --- servers that are children --------------------------------------------------------------------------------------

case("a server over stdio works the same", function(market, where)
  if not where.command then
    return
  end
  local args = {}
  for i = 2, #where.command do
    args[#args + 1] = where.command[i]
  end
  assert(market:add_server("child", { command = where.command[1], args = args }))
  equal(market:call("mcp.child.echo", { text = "child" }), "child")
  local handles = {}
  for i = 1, 20 do
    handles[i] = assert(market:start("mcp.child.echo", { text = "c" .. i }))
  end
  assert(souk.wait_all(handles, 20))
  for i = 1, 20 do
    equal(handles[i]:wait(), "c" .. i)
  end
  fails("cancelled", "", (function()
    local handle = assert(market:start("mcp.child.slow", { ms = 20000, steps = 1 }))
    handle:cancel()
    return handle:wait(10)
  end)())
  assert(market:remove_server("child"))
end)

case("a server that cannot be started is an error", function(market)
  fails("transport", "souk%-no%-such%-program",
    market:add_server("missing", { command = "souk-no-such-program", args = {} }))
  market:remove_server "missing"
end)

case("a server that is not there is an error", function(market)
  fails("transport", "127.0.0.1", market:add_server("nowhere", { url = "http://127.0.0.1:1/mcp" }))
  market:remove_server "nowhere"
end)

-- --- the end --------------------------------------------------------------------------------------------------------

case("closing ends what is under way", function(market, where)
  local other = where.open {}
  assert(other:add_server("s", { url = where.url }))
  local handle = assert(other:start("mcp.s.slow", { ms = 20000, steps = 1 }))
  local told
  handle:on_done(function(_, err) told = err end)
  local before = where.now()
  equal(other:close(5), true)
  assert(where.now() - before < 8, "closing took too long")
  fails("closed", "", handle:wait())
  equal(told and told.kind, "closed")
  equal(other:close(), true)
  local ok, message = pcall(other.call, other, "mcp.s.echo", { text = "x" })
  assert(not ok and tostring(message):find "closed", "a closed market was used")
  equal(market:call("mcp.s.echo", { text = "still there" }), "still there")
end)

--- Runs all cases.
-- @param where table open(options), url, command (list of words or nil), now() seconds
-- @return table list of { name, error }
function contract.run(where)
  local market = where.open {
    env = {},
    elicitation = function() return "accept" end,
  }
  assert(market:add_server("s", { url = where.url }))
  local results = {}
  for i, one in ipairs(cases) do
    local ok, message = xpcall(function() one.run(market, where) end, debug.traceback)
    results[i] = { name = one.name, error = not ok and tostring(message) or nil }
  end
  market:close(5)
  return results
end

--- Raises what went wrong, with the names of the cases; also when some are missing.
function contract.judge(results)
  local wrong = {}
  for _, result in ipairs(results) do
    if result.error and result.error ~= "" then
      wrong[#wrong + 1] = result.name .. ": " .. result.error
    end
  end
  if #wrong > 0 or #results ~= #cases then
    error(("%d of %d cases were run\n%s"):format(#results, #cases, table.concat(wrong, "\n\n")), 0)
  end
end

--- The command line of a stdio server, as spec.support.servers gives it, in one list.
function contract.words(child)
  local list = { child.command }
  for _, word in ipairs(child.args) do
    list[#list + 1] = word
  end
  return list
end

return contract
