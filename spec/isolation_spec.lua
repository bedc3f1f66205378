-- Twenty identities on shared endpoints do random things at once, while sessions are evicted, dropped and lost, tokens
-- are replaced and connections break. No answer, session, cached result or connection of one is ever seen by another:
-- the client checks every answer, and spec/server/isolation.mjs every request.
--
-- SOUK_SEED and SOUK_OPERATIONS choose another run.

local core = require "souk.core"
local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

teardown(help.stop_servers)
after_each(help.clean_up)

-- The whole of it on one Lua; on the others and with sanitizers, what finds mistakes of their own.
local OPERATIONS = tonumber(os.getenv "SOUK_OPERATIONS")
  or (_VERSION == "Lua 5.4" and not help.sanitized and 100000 or 10000)
local SEED = tonumber(os.getenv "SOUK_SEED") or os.time() % 1000000

local ENDPOINTS = { "legacy", "modern" }
local WINDOW = 48 -- calls in flight
local ACTIVE = 6 -- identities that are busy at one time
local SEASON = 200 -- operations, after which others are

-- The same numbers on every Lua: 16807 x seed stays exact in doubles.
local state = SEED + 1
local function random(most)
  state = state * 16807 % 2147483647
  return state % most + 1
end

-- Names that a careless key would mix up.
local NAMES = { "a", "A", "a ", " a", "1 a", "a 1", "aa", "ä", "a\n", "a\0b", "a\0c", "12" }

-- An identity: `who` is what the server knows it by, `name` what souk is told; it is known as `servers[endpoint]`.
-- Some are told apart by each call, others have a server of their own, whose credential is a variable or a header.
local function make_identities()
  local list, env = {}, {}
  for i, name in ipairs(NAMES) do
    list[i] = { kind = "function", name = name, servers = { legacy = "legacy", modern = "modern" } }
  end
  for i = #NAMES + 1, 20 do
    local kind = i % 2 == 0 and "variable" or "header"
    list[i] = { kind = kind, servers = { legacy = "legacy" .. i, modern = "modern" .. i } }
  end
  for i, one in ipairs(list) do
    one.who, one.generation = "id" .. i, 0
    env["TOKEN_" .. one.who] = one.who .. ".0"
  end
  return list, env
end

local function options_of(server, endpoint, identity)
  local options = { url = server.origin .. "/" .. endpoint, listen = false }
  if identity.kind == "variable" then
    options.auth_env_var = "TOKEN_" .. identity.who
  elseif identity.kind == "header" then
    options.headers = { Authorization = "Bearer " .. identity.who .. ".0" }
  end
  return options
end

local function add_own_servers(world, identity)
  for _, endpoint in ipairs(ENDPOINTS) do
    assert(world.market:add_server(identity.servers[endpoint], options_of(world.server, endpoint, identity)))
  end
end

local function new_world()
  local world = { in_flight = {}, ends = {}, done = {}, calls = 0 }
  world.server = servers.start "isolation"
  local env
  world.identities, env = make_identities()
  local by_name = { [""] = "main.0" }
  for _, one in ipairs(world.identities) do
    by_name[one.name or {}] = one
  end
  world.market = help.open { env = env, max_sessions = 8, max_keys = 20,
    breaker_failures = 0 } -- connections are broken on purpose, and nobody shall pause for that
  for _, endpoint in ipairs(ENDPOINTS) do
    assert(world.market:add_server(endpoint, { url = world.server.origin .. "/" .. endpoint, listen = false,
      auth = function(question)
        local one = by_name[question.identity]
        return type(one) == "table" and ("%s.%d"):format(one.who, one.generation) or one
      end }))
  end
  for _, one in ipairs(world.identities) do
    if one.kind ~= "function" then
      add_own_servers(world, one)
    end
  end
  world.control = help.open()
  assert(world.control:add_server("c", { url = world.server.origin .. "/modern", listen = false,
    headers = { Authorization = "Bearer control.0" } }))
  return world
end

local function control(world, tool, input)
  return assert(world.control:call("mcp.c." .. tool, input))
end

local function fail(world, text)
  error(("%s (SOUK_SEED=%d, operation %d)"):format(text, SEED, world.operation), 0)
end

-- How a call may end without a result, and after what.
local function check_end(world, kind, err, cancelled)
  local fits = err.kind == "limit"
    or err.kind == "cancelled" and cancelled
    or err.kind == "timeout" and kind == "hang"
    or err.kind == "closed" and world.done.leave
    or err.kind == "transport" and world.done.break_connections
    or err.kind == "auth" and world.done.rotate
    or err.status == 404 and world.done.drop_sessions
  if not fits then
    fail(world, ("%s ended with %s"):format(kind, tostring(err)))
  end
end

local function count(world, kind, err)
  local key = kind .. (err and " " .. err.kind or "")
  world.ends[key] = (world.ends[key] or 0) + 1
end

local function check_answer(world, call, value, err)
  count(world, call.kind, err)
  if err then
    check_end(world, call.kind, err, call.cancelled)
  elseif value.who ~= call.identity.who or value.nonce ~= call.nonce or value.endpoint ~= call.endpoint then
    fail(world, ("call %d of %s at %s got the answer %s"):format(call.nonce, call.identity.who, call.endpoint,
      souk.json.encode(value)))
  end
end

local function wait_for_oldest(world)
  local call = table.remove(world.in_flight, 1)
  check_answer(world, call, call.handle:wait())
end

local function request_options(identity, more)
  local options = more or {}
  options.identity = identity.name
  return options
end

local function start(world, kind, tool, input, options)
  local identity, endpoint = world.identity, world.endpoint
  world.calls = world.calls + 1
  input.nonce, input.me = world.calls, identity.who
  local call = { kind = kind, identity = identity, endpoint = endpoint, nonce = world.calls }
  local err
  call.handle, err = world.market:start(("mcp.%s.%s"):format(identity.servers[endpoint], tool), input,
    request_options(identity, options))
  if call.handle then
    world.in_flight[#world.in_flight + 1] = call
  else
    check_answer(world, call, nil, err)
  end
end

-- Something that waits for its end, and may be kept.
local function look(world, kind, expected, look_at)
  local value, err = look_at(world.market:server(world.identity.servers[world.endpoint]))
  count(world, kind, err)
  if err then
    check_end(world, kind, err)
  elseif value ~= expected then
    fail(world, ("%s of %s saw '%s'"):format(kind, world.identity.who, tostring(value)))
  end
end

local actions = {}

function actions.call(world)
  start(world, "call", "whoami", {})
end

function actions.slow(world)
  start(world, "slow", "whoami", { ms = random(20) })
end

function actions.peek(world)
  start(world, "peek", "peek", {})
end

function actions.hang(world)
  start(world, "hang", "whoami", { hang = true }, { timeout = 0.01 + random(40) / 1000 })
end

function actions.cancel(world)
  local call = world.in_flight[#world.in_flight - random(8) + 1] -- older ones have mostly ended
  if call then
    call.cancelled = true
    call.handle:cancel()
  end
end

function actions.read(world)
  local uri = random(2) == 1 and "iso://private" or "iso://public"
  local expected = ("%s %s %s"):format(world.identity.who, world.endpoint, uri)
  look(world, "read", expected, function(server)
    local contents, err = server:read(uri, request_options(world.identity, { fresh = random(8) == 1 }))
    return contents and contents[1].text, err
  end)
end

function actions.list(world)
  look(world, "list", "tool of " .. world.identity.who, function(server)
    local tools, err = server:tools(request_options(world.identity))
    return tools and tools[1].description, err
  end)
end

function actions.drop_sessions(world)
  control(world, "drop_sessions", { who = world.identity.who })
end

function actions.close_connections(world)
  control(world, "drop_connections", { who = world.identity.who, busy = false })
end

function actions.break_connections(world)
  control(world, "drop_connections", { who = world.identity.who, busy = true })
end

-- The program has the new token before the server refuses the old one.
function actions.rotate(world)
  local identity = world.identity
  if identity.kind == "function" then
    identity.generation = identity.generation + 1
    control(world, "rotate", { who = identity.who, generation = identity.generation })
  end
end

-- A server goes with its sessions, and comes again under its name.
function actions.leave(world)
  local identity = world.identity
  if identity.kind ~= "function" then
    world.market:remove_server(identity.servers[world.endpoint])
    repeat
      local options = options_of(world.server, world.endpoint, identity)
      local tools, err = world.market:add_server(identity.servers[world.endpoint], options)
      if not tools then
        check_end(world, "leave", err)
        wait_for_oldest(world)
      end
    until tools
  end
end

-- How often each happens in 1,000 operations.
local WEIGHTS = {
  call = 380, peek = 150, slow = 60, hang = 8, cancel = 40, read = 270, list = 74, drop_sessions = 6,
  close_connections = 5, break_connections = 1, rotate = 4, leave = 2,
}

local function make_lots()
  local names, lots = {}, {}
  for name in pairs(WEIGHTS) do
    names[#names + 1] = name
  end
  table.sort(names) -- so that a seed means the same everywhere
  for _, name in ipairs(names) do
    for _ = 1, WEIGHTS[name] do
      lots[#lots + 1] = name
    end
  end
  return lots
end

local function operate(world, lots)
  local active = {}
  for i = 1, OPERATIONS do
    if i % SEASON == 1 then
      for k = 1, ACTIVE do
        active[k] = world.identities[random(#world.identities)]
      end
    end
    world.operation = i
    world.identity = random(50) == 1 and world.identities[random(#world.identities)] or active[random(ACTIVE)]
    world.endpoint = ENDPOINTS[random(2)]
    local name = lots[random(#lots)]
    world.done[name] = (world.done[name] or 0) + 1
    actions[name](world)
    while #world.in_flight >= WINDOW do
      wait_for_oldest(world)
    end
  end
  while world.in_flight[1] do
    wait_for_oldest(world)
  end
end

local function total(ends, pattern)
  local sum = 0
  for key, number in pairs(ends) do
    sum = sum + (key:find(pattern) and number or 0)
  end
  return sum
end

local function describe_run(world, counts, seconds)
  local list = {}
  for key, number in pairs(world.ends) do
    list[#list + 1] = key .. " " .. number
  end
  table.sort(list)
  local stats = world.market:stats()
  return ("isolation: seed %d, %d operations in %.1f s; %s; server: %d requests, %d sessions, %d connections, "
    .. "%d times 401; resent %d, lost %d"):format(SEED, OPERATIONS, seconds, table.concat(list, ", "),
    counts.requests, counts.opened, counts.connections, counts.refused, stats.calls_resent, stats.sessions_lost)
end

describe("twenty identities on shared endpoints", function()
  it("share no answer, session, cached result or connection", function()
    local world = new_world()
    local started = core.now()
    operate(world, make_lots())
    local counts = control(world, "counts", {})
    local story = describe_run(world, counts, core.now() - started)
    print(story)
    -- It was not all for nothing: most succeeded, and what makes mistakes happened often.
    local good, all = total(world.ends, "^%a+$"), total(world.ends, "")
    assert.is_true(good > all * 0.7, story)
    assert.is_true(total(world.ends, " auth$") <= all * 0.01, story)
    assert.is_true(counts.opened > OPERATIONS / 500, story)
    assert.is_true(#world.market:sessions() <= 20, story) -- half of them may be on their way out
    world.market:close()
    assert.equal("", table.concat(world.server:violations(), "\n"):sub(1, 1000))
  end)
end)
