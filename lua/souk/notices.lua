--- What servers say by themselves: which event each notification becomes, and what it makes stale.
local notices = {}

-- method -> the event's name, its fields from params, the methods whose kept results are of no use any more, and
-- whether it is about the server rather than about who has heard it.
local known = {
  ["notifications/tools/list_changed"] = { event = "tools_changed", stale = { "tools/list" }, for_all = true },
  ["notifications/prompts/list_changed"] = { event = "prompts_changed", stale = { "prompts/list" }, for_all = true },
  ["notifications/resources/list_changed"] = {
    event = "resources_changed", stale = { "resources/list", "resources/templates/list" }, for_all = true,
  },
  ["notifications/resources/updated"] = {
    event = "resource_updated", fields = { uri = "uri" }, stale = { "resources/read" }, for_all = true,
  },
  ["notifications/message"] = { event = "log", fields = { level = "level", logger = "logger", data = "data" } },
  ["notifications/elicitation/complete"] = {
    event = "elicitation_complete", fields = { elicitation_id = "elicitationId" },
  },
  -- Not the server's own words, but the core's: what was said before may have been missed.
  ["souk/listening"] = { event = "listening", stale_all = true },
  ["souk/visit_declined"] = { event = "visit_declined", fields = { reason = "reason" }, is_refusal = true },
  ["souk/tools_stale"] = { stale = { "tools/list" } },
}

-- Events that notes of the core become, and not notifications.
local from_notes = { "tools_refreshed", "listening_failed" }

--- The names of all events that are made here.
function notices.events()
  local names = { "notification" }
  for _, entry in pairs(known) do
    names[#names + 1] = entry.event
  end
  for _, name in ipairs(from_notes) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

--- Drops from the cache what a notification makes stale.
-- @param store table of cache.lua
function notices.invalidate(store, method, params, server)
  local entry = known[method]
  if not entry then
    return
  elseif entry.stale_all then
    store:drop(server)
  end
  local uri = entry.fields and entry.fields.uri and type(params) == "table" and params.uri
  for _, stale in ipairs(entry.stale or {}) do
    store:drop(server, stale, type(uri) == "string" and uri or nil)
  end
end

--- Whether everybody who uses the server wants to know it, and not only who has heard it.
function notices.is_for_all(method)
  return known[method] ~= nil and known[method].for_all == true
end

--- What is to be told as an error, whether somebody observes or not; nil for most.
function notices.refusal_of(method, params, server)
  if known[method] and known[method].is_refusal then
    return ("a visit that server '%s' asks for was declined: %s"):format(server,
      type(params) == "table" and tostring(params.reason) or "it is not allowed")
  end
end

--- The events that a notification becomes, in their order.
-- @return table[] each with name, server, identity and its own fields
function notices.events_of(method, params, server, identity)
  local list, entry = {}, known[method]
  params = type(params) == "table" and params or nil
  if entry and entry.event then
    local event = { name = entry.event, server = server, identity = identity }
    for field, member in pairs(entry.fields or {}) do
      event[field] = params and params[member]
    end
    list[1] = event
  end
  if method:find "^notifications/" then
    list[#list + 1] = { name = "notification", server = server, identity = identity, method = method, params = params }
  end
  return list
end

return notices
