--- Adds the servers of the configuration, each in a light thread of its own, and goes on trying with those that are not
--- there yet.
local config = require "gateway.config"

local servers = {}

local FIRST_DELAY, LONGEST_DELAY = 0.5, 60

-- name -> { state = "adding"|"ready"|"failed"|"wrong", tools, reason, tries, info }
-- "wrong": the configuration has to be changed, so that it is not tried again.
local known = {}

local market

local function wrong(server, why)
  server.state, server.reason = "wrong", why
  ngx.log(ngx.ERR, "server '", server.name, "' is set up wrongly: ", why)
end

-- Registers it, without asking it for anything.
local function register(server, entry)
  local options, why = config.options(entry)
  if not options then
    return wrong(server, why)
  end
  options.discover = false
  -- A mistake in the options raises.
  local ok, added, err = pcall(market.add_server, market, server.name, options)
  if not ok or not added then
    return wrong(server, tostring(not ok and added or err))
  end
  return true
end

local try

local function try_later(server, err)
  server.state, server.reason = "failed", tostring(err)
  local delay = math.min(FIRST_DELAY * 2 ^ (server.tries - 1), LONGEST_DELAY)
  -- While souk's breaker is open it would be of no use.
  delay = math.max(delay, err.retry_after or 0)
  ngx.log(ngx.WARN, "server '", server.name, "' is tried again in ", delay, " s: ", server.reason)
  assert(ngx.timer.at(delay, try, server))
end

-- How often any worker has heard that the tools of the server have changed.
local function changes_of(server)
  return ngx.shared.gateway:get("changes:" .. server.name) or 0
end

-- A timer: asks for the tools, again and again until there is an answer. `premature`: the worker ends.
function try(premature, server)
  if premature then
    return
  end
  server.tries = server.tries + 1
  server.changes = changes_of(server)
  local tools, err = market:refresh(server.name)
  if not tools then
    return try_later(server, err)
  end
  server.state, server.reason, server.tools, server.tries = "ready", nil, tools, 0
  -- What it says about itself; a server without that is none the worse.
  server.info = market:server(server.name):info()
end

local function begin(premature, server, entry)
  if not premature and register(server, entry) then
    try(false, server)
  end
end

-- Of workers that share a session a server may tell only one that its tools have changed. souk asks again by itself
-- where that was heard; the others find it in the dict.
local function hear_of_changes()
  market:on("tools_changed", function(event)
    local server = known[event.server]
    if server then
      server.changes = ngx.shared.gateway:incr("changes:" .. server.name, 1, 0)
    end
  end)
  assert(ngx.timer.every(1, function(premature)
    for _, server in pairs(known) do
      local changes = changes_of(server)
      if not premature and server.state == "ready" and server.changes ~= changes then
        server.changes = changes
        server.tools = market:refresh(server.name) or server.tools
      end
    end
  end))
end

--- Begins to add them. In init_worker_by_lua nothing may wait yet, so timers do it.
-- @param entries table name -> entry of the configuration
function servers.start(open, entries)
  market = open
  for name, entry in pairs(entries) do
    known[name] = { name = name, state = "adding", tries = 0 }
    assert(ngx.timer.at(0, begin, known[name], entry))
  end
  hear_of_changes()
  market:on("tools_refreshed", function(event)
    local server = known[event.server]
    if server and event.tools then
      server.tools = event.tools
    end
  end)
end

-- Names come from the configuration, what a server says about itself from the server.
local function said(info, name)
  local value = info and info[name]
  return type(value) == "string" and value or nil
end

--- What is known of each of them, by name; to be shown.
function servers.state()
  local out = {}
  for name, server in pairs(known) do
    local info = server.info
    out[name] = {
      state = server.state, reason = server.reason, tools = server.tools, era = said(info, "era"),
      protocol = said(info, "protocol"), transport = said(info, "transport"),
      title = said(info, "title") or said(info, "name"), version = said(info, "version"),
    }
  end
  return out
end

--- Whether every server has answered or failed at least once. One that is down is no reason to take no calls.
function servers.are_settled()
  for _, server in pairs(known) do
    if server.state == "adding" then
      return false
    end
  end
  return true
end

return servers
