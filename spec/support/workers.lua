-- Several workers of an nginx that is not there: in one process, each with a market of its own, on one lua_shared_dict.
--
--     local workers = require "spec.support.workers"
--     local world = workers.open(8, { env = {} })      -- souk.open's options; the dict is "souk"
--     world:each(function(market, i) ... end)          -- in a coroutine each, all at once; raises what they raise
--     world.dict, world.markets; world:advance(3)      -- seconds, for the dict and the store
--     world:close()
--
-- Coroutines wait in pcall here, which PUC Lua 5.1 cannot: workers.possible.

local core = require "souk.core"
local help = require "spec.support.help"

local workers = { possible = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil }

local SECONDS = 20

-- --- the dict --------------------------------------------------------------------------------------------------------

local Dict = {}
Dict.__index = Dict

-- What lua-nginx-module says of ngx.shared.DICT. before(name, key), if it is there, is called before each operation.
function workers.dict(now)
  return setmetatable({ now = now, items = {} }, Dict)
end

function Dict:live(key)
  local item = self.items[key]
  if item and item.ends and item.ends <= self.now() then
    self.items[key] = nil
    item = nil
  end
  return item
end

function Dict:step(name, key)
  if self.before then
    self.before(name, key)
  end
end

function Dict:get(key)
  self:step("get", key)
  local item = self:live(key)
  return item and item.value
end

function Dict:put(key, value, ttl)
  self.items[key] = { value = value, ends = ttl and ttl > 0 and self.now() + ttl or nil }
  return true, nil, false
end

function Dict:set(key, value, ttl)
  self:step("set", key)
  return self:put(key, value, ttl)
end

function Dict:add(key, value, ttl)
  self:step("add", key)
  if self:live(key) then
    return false, "exists", false
  end
  return self:put(key, value, ttl)
end

function Dict:delete(key)
  self:step("delete", key)
  self.items[key] = nil
end

function Dict:incr(key, by, init)
  self:step("incr", key)
  local item = self:live(key)
  if not item then
    if not init then
      return nil, "not found"
    end
    self:put(key, init)
    item = self.items[key]
  end
  item.value = item.value + by
  return item.value, nil, false
end

-- Everything that is in it, as one text.
function Dict:text()
  local parts = {}
  for key, item in pairs(self.items) do
    parts[#parts + 1] = key .. "=" .. tostring(item.value)
  end
  return table.concat(parts, "\n")
end

-- --- the world -------------------------------------------------------------------------------------------------------

local World = {}
World.__index = World

-- A coroutine that is resumed at every turn, or at the first one after `wakes`.
local function add_thread(world, f, wakes)
  world.threads[#world.threads + 1] = { co = coroutine.create(f), wakes = wakes or 0 }
end

local function pretend_nginx(world)
  return {
    shared = { souk = world.dict },
    get_phase = function() return "timer" end,
    now = world.now,
    update_time = function() end,
    worker = { exiting = function() return false end, pid = function() return 17 end },
    sleep = function(seconds)
      world.running.wakes = world.now() + seconds
      coroutine.yield()
    end,
    timer = {
      at = function(seconds, f)
        add_thread(world, f, world.now() + seconds)
        return true
      end,
    },
  }
end

local function turn(world)
  for i, market in ipairs(world.markets) do
    if not world.dead[i] and market:_is_open() then
      assert(market:dispatch())
    end
  end
  for i = #world.threads, 1, -1 do
    local thread = world.threads[i]
    if thread.wakes <= world.now() then
      world.running = thread
      local ok, why = coroutine.resume(thread.co)
      assert(ok, why)
      if coroutine.status(thread.co) == "dead" then
        table.remove(world.threads, i)
      end
    end
  end
end

-- Lets everything happen until done() says so.
function World:run_until(done)
  local deadline = core.now() + SECONDS
  while not done() do
    assert(core.now() < deadline, "it did not happen in time")
    turn(self)
    os.execute "sleep 0.002"
  end
end

-- Runs f(market, i) for each worker that lives, all at once, and waits for all of them.
function World:each(f)
  local left = 0
  for i, market in ipairs(self.markets) do
    if not self.dead[i] then
      left = left + 1
      add_thread(self, function()
        f(market, i)
        left = left - 1
      end)
    end
  end
  self:run_until(function() return left == 0 end)
end

function World:start(i, f)
  add_thread(self, function() f(self.markets[i]) end)
end

-- The worker is gone from one moment to the next: nothing that it began goes on.
function World:kill(i)
  self.dead[i] = true
end

function World:advance(seconds)
  self.offset = self.offset + seconds
end

function World:close()
  rawset(_G, "ngx", self.ngx_before)
end

--- So many workers. options: for souk.open.
function workers.open(count, options)
  local world = setmetatable({ markets = {}, threads = {}, dead = {}, offset = 0 }, World)
  world.now = function() return 1700000000 + core.now() + world.offset end
  world.dict = workers.dict(world.now)
  world.ngx_before = rawget(_G, "ngx")
  rawset(_G, "ngx", pretend_nginx(world))
  for i = 1, count do
    world.markets[i] = help.open(help.merge({
      shared_dict = "souk",
      host = function()
        if not world.running or world.running.co ~= coroutine.running() then
          return nil
        end
        return coroutine.yield, function() end
      end,
    }, options))
  end
  return world
end

return workers
