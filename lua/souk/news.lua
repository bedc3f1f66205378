--- What servers say by themselves, between workers of an nginx that share a session: it comes on one stream, to one
-- worker. That one writes it down for the others, who look from time to time.
local core = require "souk.core"

local news = {}

local News = {}
News.__index = News

-- s that something is kept for those who have not looked yet.
local KEPT = 60

-- Of one endpoint at a time; who missed more has missed it.
local MOST = 100

--- @param dict table as one of ngx.shared
-- @param name string of this worker, which no other has
function news.new(dict, name)
  return setmetatable({ dict = dict, name = name, endpoints = {}, followed = {} }, News)
end

-- Looks at an endpoint that has no session: a lost one is replaced soon, and nothing is to be missed meanwhile.
local PATIENCE = 10

local function counter(endpoint)
  return "souk:news:" .. endpoint
end

local function entry(endpoint, number)
  return ("souk:news:%s:%.0f"):format(endpoint, number)
end

local function who(server, identity)
  return ("%d %s%s"):format(#server, server, identity)
end

-- The second session with an endpoint hears what the first one does.
local function common_name(endpoint)
  return (endpoint:gsub("%.%d+$", ""))
end

--- A session is used: from now on what is said at the endpoint is about this server, as it is called here.
function News:follow(endpoint, server, identity)
  endpoint = common_name(endpoint)
  local place = self.followed[endpoint]
  if not place then
    place = { seen = self.dict:get(counter(endpoint)) or 0, server = server, identity = identity, users = 0 }
    self.followed[endpoint] = place
    self.endpoints[who(server, identity)] = endpoint
  end
  place.users, place.idle = place.users + 1, 0
end

--- It is used no more. When no other one is for a while, nothing is read of the endpoint.
function News:leave(endpoint)
  local place = self.followed[common_name(endpoint)]
  if place then
    place.users = math.max(0, place.users - 1)
  end
end

--- For the other workers, if there are any.
function News:tell(method, params, server, identity)
  local endpoint = self.endpoints[who(server, identity)]
  if endpoint then
    local text = assert(core.json.encode { from = self.name, method = method, params = params })
    local number = self.dict:incr(counter(endpoint), 1, 0)
    if number then
      self.dict:set(entry(endpoint, number), text, KEPT)
    end
  end
end

local function read_one(self, endpoint, place, hear)
  local newest = self.dict:get(counter(endpoint)) or 0
  if newest < place.seen then
    place.seen = 0 -- the dict has lost the counter
  end
  for number = math.max(place.seen, newest - MOST) + 1, newest do
    local text = self.dict:get(entry(endpoint, number))
    if not text and number == newest and place.awaited ~= number then
      place.awaited = number -- it was counted, and is being written
      return
    end
    place.seen = number
    local said = text and core.json.decode(text)
    if said and said.from ~= self.name then
      hear(said.method, said.params, place.server, place.identity)
    end
  end
end

--- Calls hear(method, params, server, identity) for everything that others have heard since.
function News:read(hear)
  for endpoint, place in pairs(self.followed) do
    read_one(self, endpoint, place, hear)
    place.idle = place.users == 0 and place.idle + 1 or 0
    if place.idle > PATIENCE then
      self.followed[endpoint] = nil
      self.endpoints[who(place.server, place.identity)] = nil
    end
  end
end

return news
