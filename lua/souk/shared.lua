--- Sessions that the workers of an nginx share through a lua_shared_dict. The core asks and tells (pool/mcp_share.c);
-- here is what the workers know of each other.
--
-- Per endpoint and generation, which counts its sessions:
--     opener    who is opening one; it expires when that worker is gone
--     session   what the opener published: generation, session, protocol, about
--     users     how many workers use it. Whoever leaves last ends it at the server; one that was lost, or that somebody
--               is about to end, has less than none, and cannot be joined any more
--     seats     numbers that were given out: the ids of JSON-RPC requests must differ between workers
--
-- Every step is one operation of the dict, which nginx makes atomic. What a crashed worker leaves behind grows old.
-- A session id is a secret of its server: it is in the dict, and nowhere else.
local core = require "souk.core"
local guard = require "souk.guard"
local news = require "souk.news"

local shared = {}

local Store = {}
Store.__index = Store

-- s; between two looks at what another worker does.
local FIRST_PAUSE, LAST_PAUSE = 0.01, 0.1

-- s; after the time that an opener has.
local GRACE = 1

-- s; a worker that waits gives up so long after the opener has lost its right to open.
local PATIENCE = 5

-- Added to the number of users once nobody may join: far more than there can ever be.
local GONE = 2 ^ 40

local LAST_SEAT = 2 ^ 21 - 1

-- s; between two looks at what other workers have heard.
local READING = 1

local NOTHING = core.json.null

--- A store over a dict.
-- @param how table dict: as one of ngx.shared; spawn(f): runs a function that may sleep, now or soon; sleep(seconds):
-- false when that cannot be done here; now(): seconds, the same in every worker; open_timeout, max_life: seconds; name:
-- of this worker, which no other has; every(seconds, f), or nil: calls f again and again until it returns false
function shared.new(how)
  local store = { adopting = {}, used = {}, counted_out = {}, asked_by = {}, every = how.every }
  store.news = news.new(how.dict, how.name)
  for _, name in ipairs { "name", "dict", "spawn", "sleep", "now", "open_timeout", "max_life" } do
    store[name] = assert(how[name], name)
  end
  return setmetatable(store, Store)
end

local function key(what, endpoint, generation)
  return ("souk:%s:%s:%.0f"):format(what, endpoint, generation or 0)
end

-- Who joins a session last may use it as long again as whoever opened it.
function Store:set_for_users(name, value)
  return self.dict:set(name, value, 2 * self.max_life + GRACE)
end

function Store:published(endpoint)
  local text = self.dict:get(key("session", endpoint))
  return text and core.json.decode(text)
end

-- @return number|nil the seat; nil when it cannot be joined any more
function Store:join(endpoint, generation)
  local dict, users = self.dict, key("users", endpoint, generation)
  local count = dict:incr(users, 1)
  if not count then
    return nil
  end
  local seat = count > 0 and dict:incr(key("seats", endpoint, generation), 1)
  if seat and seat <= LAST_SEAT then
    return seat
  end
  dict:incr(users, -1)
  return nil
end

function Store:unlock(endpoint, generation)
  local opener = key("opener", endpoint)
  if self.dict:get(opener) == generation then
    self.dict:delete(opener)
  end
end

-- The right to open, or nil when somebody else has it. Generations grow even when the dict has lost the last one.
function Store:take_opener(endpoint)
  local dict, opener = self.dict, key("opener", endpoint)
  local ok, why = dict:add(opener, 0, self.open_timeout + GRACE)
  if not ok then
    return nil, why ~= "exists"
  end
  local generation = dict:incr(key("generation", endpoint), 1, math.floor(self.now() * 1000))
  if not generation or not dict:set(opener, generation, self.open_timeout + GRACE) then
    dict:delete(opener)
    return nil, true
  end
  return generation
end

-- What the core is answered; nil while another worker is opening a session.
function Store:look(endpoint)
  local known = self:published(endpoint)
  if known and known.alone then
    return { alone = true, protocol = known.protocol }
  end
  local seat = known and self:join(endpoint, known.generation)
  if seat then
    known.seat = seat
    return known
  end
  local generation, is_full = self:take_opener(endpoint)
  if not generation then
    return is_full and NOTHING or nil
  end
  local newer = self:published(endpoint)
  if newer and newer.generation ~= (known and known.generation) then
    self:unlock(endpoint, generation) -- it came between our look and our right
    return nil
  end
  return { open = true, generation = generation, seat = 1, protocol = known and known.protocol }
end

-- What other workers hear is read as long as the market is there, which this does not keep.
local function read_news(store, market, state)
  local holder = setmetatable({ market = market, state = state }, { __mode = "v" })
  store.every(READING, function()
    local here, its_state = holder.market, holder.state
    if not here or not its_state or not here:_is_open() then
      return false
    end
    guard.run(its_state, store.news.read, store.news, function(...)
      store.heard_elsewhere(here, its_state, ...)
    end)
    return true
  end)
end

-- A session is used here from now on, and its stream is that of all.
function Store:use(market, state, endpoint, entry)
  self.used[key("users", endpoint, entry.generation)] = true
  local asked = self.asked_by[endpoint]
  if not self.every or not asked or type(entry.session) ~= "string" then
    return
  end
  self.news:follow(endpoint, asked.server, asked.identity)
  if not self.reads then
    self.reads = true
    read_news(self, market, state)
  end
end

function Store:disuse(endpoint, users)
  self.asked_by[endpoint] = nil
  if self.used[users] then
    self.used[users] = nil
    self.news:leave(endpoint)
  end
end

-- Gives back what was taken for an answer that nobody waits for any more.
function Store:take_back(endpoint, answer)
  if answer == NOTHING or answer.alone then
    return
  elseif answer.open then
    self:unlock(endpoint, answer.generation)
  else
    self.dict:incr(key("users", endpoint, answer.generation), -1)
  end
end

-- Answers an ADOPT.
function Store:give(market, state, ask, endpoint, answer)
  self.adopting[ask] = nil
  local is_awaited = market:_answer(ask, answer)
  if is_awaited and answer ~= NOTHING and answer.session then
    self:use(market, state, endpoint, answer)
  elseif not is_awaited then
    self:take_back(endpoint, answer)
  end
  if not is_awaited or answer == NOTHING or answer.alone then
    self.asked_by[endpoint] = nil
  end
end

-- Looks again and again, less often with time.
function Store:wait(market, state, ask, endpoint)
  local deadline = self.now() + self.open_timeout + GRACE + PATIENCE
  local pause = FIRST_PAUSE
  local answer
  repeat
    if self.sleep(pause) == false or self.now() >= deadline then
      answer = NOTHING
    elseif not self.adopting[ask] then
      self.asked_by[endpoint] = nil
      return
    else
      answer = self:look(endpoint)
    end
    pause = math.min(pause * 2, LAST_PAUSE)
  until answer
  self:give(market, state, ask, endpoint, answer)
end

local told = {}

function told.adopt(store, market, state, ask, payload)
  local endpoint = payload.endpoint
  store.asked_by[endpoint] = { server = payload.server or "", identity = payload.identity or "" }
  local answer = store:look(endpoint)
  if answer then
    store:give(market, state, ask, endpoint, answer)
    return
  end
  store.adopting[ask] = true
  store.spawn(function()
    local ok, message = pcall(store.wait, store, market, state, ask, endpoint)
    if not ok then
      guard.report(state, message)
      store:give(market, state, ask, endpoint, NOTHING)
    end
  end)
end

function told.publish(store, market, state, _, payload)
  local endpoint, generation = payload.endpoint, payload.generation
  local entry = { generation = generation, protocol = payload.protocol, session = payload.session,
    about = payload.about, alone = payload.alone }
  local newest = store:published(endpoint)
  -- An opener that was so slow that another one took its place keeps its session for itself.
  if not newest or newest.generation < generation then
    local users = key("users", endpoint, generation)
    local ok, why = store:set_for_users(users, 1)
    if ok then
      ok, why = store:set_for_users(key("seats", endpoint, generation), 1)
    end
    if ok then
      ok, why = store.dict:set(key("session", endpoint), assert(core.json.encode(entry)), store.max_life)
    end
    if ok and not payload.alone then
      store:use(market, state, endpoint, entry)
    elseif not ok then
      guard.report(state, "a session cannot be shared: lua_shared_dict: " .. tostring(why))
    end
  end
  store:unlock(endpoint, generation)
end

function told.give_up(store, _, _, _, payload)
  store.asked_by[payload.endpoint] = nil
  store:unlock(payload.endpoint, payload.generation)
end

function told.lost(store, _, _, _, payload)
  local users = key("users", payload.endpoint, payload.generation)
  store:disuse(payload.endpoint, users)
  store.dict:incr(users, -GONE)
end

-- Whether we were the last one, and nobody can join any more.
function Store:is_last(users)
  local dict = self.dict
  local left
  if self.counted_out[users] then
    left = dict:get(users)
  else
    left = dict:incr(users, -1)
  end
  if left ~= 0 then
    return false
  elseif dict:incr(users, -GONE) == -GONE then
    return true
  end
  dict:incr(users, GONE) -- somebody joined in between
  return false
end

function told.leave(store, market, _, ask, payload)
  local users = key("users", payload.endpoint, payload.generation)
  store:disuse(payload.endpoint, users)
  market:_answer(ask, store:is_last(users))
end

--- Does what the core asks for or tells of a session. What goes wrong here is reported, and never fails a call.
-- @param state table the dispatcher's
-- @param ask integer
-- @param kind string "adopt", "publish", "give_up", "lost", "leave"
-- @param payload table
function Store:hear(market, state, ask, kind, payload)
  local ok, message = pcall(told[kind], self, market, state, ask, payload)
  if not ok then
    guard.report(state, message)
    market:_answer(ask, NOTHING) -- harmless where no answer is expected
  end
end

--- Whether the core asks for it here.
function shared.hears(kind)
  return told[kind] ~= nil
end

--- What this worker heard of a server, for those who share the session.
function Store:tell_others(state, method, params, server, identity)
  guard.run(state, self.news.tell, self.news, method, params, server, identity)
end

--- The session is not needed any more.
function Store:withdrawn(ask)
  self.adopting[ask] = nil
end

--- The worker is about to end, perhaps without closing its market: it counts no longer. What is closed in order after
-- that still asks who is last.
function Store:count_out()
  for users in pairs(self.used) do
    if not self.counted_out[users] then
      self.counted_out[users] = true
      self.dict:incr(users, -1)
    end
  end
end

-- --- in nginx -------------------------------------------------------------------------------------------------------

-- The phases in which ngx.sleep works.
local can_sleep = {
  rewrite = true, access = true, content = true, timer = true,
  ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true, preread = true,
}

--- The store of the lua_shared_dict with this name. Raises when there is none.
-- @param name string
-- @param limits table open_timeout, max_life: seconds
-- @param is_driven boolean whether light threads run while the market waits
function shared.of_nginx(name, limits, is_driven)
  local ngx = rawget(_G, "ngx")
  if type(ngx) ~= "table" or not ngx.shared then
    core.misuse "souk.open: option 'shared_dict': only nginx with its Lua module has such dicts"
  elseif not ngx.shared[name] then
    core.misuse(("souk.open: option 'shared_dict': there is no dict '%s'; nginx.conf needs it in its http block: "
      .. "lua_shared_dict %s 1m;"):format(name, name))
  end
  -- With `lua_code_cache off` a timer would keep the Lua state of its request. That is known from the second state on.
  local function every(seconds, f)
    local function tick(premature)
      if not premature and core.states_seen() == 1 and f() then
        ngx.timer.at(seconds, tick)
      end
    end
    ngx.timer.at(seconds, tick)
  end
  return shared.new {
    dict = ngx.shared[name],
    name = ("%d %s"):format(ngx.worker.pid(), tostring({}):match "[^:]+$"),
    every = is_driven and core.states_seen() == 1 and every or nil,
    open_timeout = limits.open_timeout,
    max_life = limits.max_life,
    now = function()
      ngx.update_time()
      return ngx.now()
    end,
    sleep = function(seconds)
      if not can_sleep[ngx.get_phase()] or ngx.worker.exiting() then
        return false
      end
      ngx.sleep(seconds)
      return true
    end,
    spawn = function(f)
      if not is_driven or not ngx.timer.at(0, f) then
        f()
      end
    end,
  }
end

return shared
