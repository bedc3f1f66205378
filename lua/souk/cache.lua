--- What servers allow to be kept: results with ttlMs (2026-07-28, server/utilities/caching). They are kept for each
-- server and identity apart, whatever their cacheScope is, because identities share nothing.
local copy = require "souk.copy"

local cache = {}

local Cache = {}
Cache.__index = Cache

--- @param most integer how many results are kept at most
function cache.new(most)
  return setmetatable({ most = most, count = 0, clock = 0, entries = {}, epochs = {} }, Cache)
end

-- A text that is equal only for equal keys: each part with its length, and "-" for one that is absent.
local function name_of(key)
  local parts = {}
  for i, part in ipairs { key.server, key.identity or false, key.method, key.param or false } do
    parts[i] = part and #part .. ":" .. part or "-" -- the format "%s" of Lua 5.1 ends at a zero byte
  end
  return table.concat(parts, " ")
end

local function remove(self, name)
  self.entries[name] = nil
  self.count = self.count - 1
end

-- The clock of uses, by which the entry that was not used for longest is found.
local function touch(self, entry)
  self.clock = self.clock + 1
  entry.used = self.clock
end

local function make_room(self)
  local oldest
  for name, entry in pairs(self.entries) do
    if not oldest or entry.used < self.entries[oldest].used then
      oldest = name
    end
  end
  remove(self, oldest)
end

--- The result, as long as it is fresh.
-- @param key table server, identity|nil, method, param|nil: the cursor or URI that the result depends on
-- @param now number seconds
-- @return table|nil a copy
function Cache:find(key, now)
  local name = name_of(key)
  local entry = self.entries[name]
  if not entry then
    return nil
  elseif now >= entry.stale then
    remove(self, name)
    return nil
  end
  touch(self, entry)
  return copy(entry.result)
end

--- Ask for it before a request is sent, and give it to keep(): what became stale meanwhile is not kept.
function Cache:epoch(server)
  return self.epochs[server] or 0
end

--- Keeps a result, if its server allows that.
-- @param key table as for find
-- @param result table of which a copy is kept
-- @param now number seconds, when it was received
-- @param epoch integer of before the request
function Cache:keep(key, result, now, epoch)
  local ttl = type(result.ttlMs) == "number" and result.ttlMs or 0
  if ttl <= 0 or epoch ~= self:epoch(key.server) or self.most < 1 then
    return
  end
  local name = name_of(key)
  if not self.entries[name] then
    if self.count >= self.most then
      make_room(self)
    end
    self.count = self.count + 1
  end
  local entry = {
    server = key.server, method = key.method, param = key.param, stale = now + ttl / 1000, result = copy(result),
  }
  self.entries[name] = entry
  touch(self, entry)
end

-- Whether a change of the resource `uri` concerns what was read from `read`: the same, or a part of it.
local function concerns(read, uri)
  return uri == nil or (read ~= nil and uri:sub(1, #read) == read)
end

--- Forgets what a server said.
-- @param server string
-- @param method string|nil only results of this method
-- @param uri string|nil only what was read from this resource, or from one that it is a part of
function Cache:drop(server, method, uri)
  self.epochs[server] = self:epoch(server) + 1
  for name, entry in pairs(self.entries) do
    if entry.server == server and (method == nil or entry.method == method) and concerns(entry.param, uri) then
      remove(self, name)
    end
  end
end

return cache
