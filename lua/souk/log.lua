--- The option `log`: every event as a line for people, with a level. It is an observer like any other.
local core = require "souk.core"
local dispatch = require "souk.dispatch"
local guard = require "souk.guard"
local options = require "souk.options"
local show = require "souk.show"

local log = {}

local rank = {}
for i, level in ipairs(options.hook_levels) do
  rank[level] = i
end

-- Which of them a message of a server has.
local levels_of_servers = { notice = "info", critical = "error", alert = "error", emergency = "error" }

-- Name of an event -> its level, and what it says of the session or the server; the reason follows.
local rows = {
  session_opening = { "debug", "is being opened" },
  session_opened = { "info", "opened" },
  session_renewed = { "info", "opened again" },
  session_reused = { "debug", "used again" },
  session_failed = { "warning", "could not be opened" },
  session_lost = { "warning", "lost" },
  session_closed = { "info", "closed" },
  session_waiting = { "debug", "a call waits" },
  session_evicted = { "info", "closed to make room" },
  session_held = { "debug", "is held by one caller" },
  session_released = { "debug", "was given back" },
  session_probed = { "debug", "was asked whether it is still there" },
  endpoint_paused = { "warning", "asks to be left alone for a while" },
  breaker_opened = { "error", "fails too often and is left alone for now" },
  breaker_trial = { "info", "is tried with one call" },
  breaker_closed = { "info", "works again" },
  visit_declined = { "warning", "a visit that it asked for was declined" },
  tools_changed = { "info", "its tools have changed" },
  prompts_changed = { "info", "its prompts have changed" },
  resources_changed = { "info", "its resources have changed" },
  elicitation_complete = { "debug", "an elicitation is complete" },
  listening = { "debug", "is listened to" },
  listening_failed = { "warning", "cannot be listened to" },
  tools_refreshed = function(event)
    if event.reason then
      return "warning", "its tools could not be read again"
    end
    return "info", ("has %d tools now"):format(event.tools or 0)
  end,
  resource_updated = function(event)
    return "debug", "has changed " .. tostring(event.uri)
  end,
  notification = function(event)
    return "debug", "said " .. tostring(event.method)
  end,
  log = function(event)
    local data = event.data
    local text = type(data) == "string" and data or core.json.encode(data) or "something without text"
    return levels_of_servers[event.level] or rank[event.level] and event.level or "info", "says: " .. text
  end,
}

--- Whether an event of that name has words of its own.
function log.knows(name)
  return rows[name] ~= nil
end

local function level_and_words(event)
  local row = rows[event.name]
  if type(row) == "function" then
    return row(event)
  elseif row then
    return row[1], row[2]
  end
  return "info", event.name
end

-- Who and what: "server 'github' for ann: session 3f2a…9c1d (2025-11-25): lost: HTTP status 404".
local function line(event, words)
  local server = ("server '%s'"):format(event.server or "")
  local parts = { server }
  if event.identity and event.identity ~= "" then
    parts[1] = server .. " for " .. event.identity
  end
  if event.session and event.session ~= "" then
    local detail = event.detail and event.detail ~= "" and (" (%s)"):format(event.detail) or ""
    parts[#parts + 1] = "session " .. event.session .. detail
  end
  parts[#parts + 1] = words
  local reason = event.reason
  if reason and reason:sub(1, #server + 2) == server .. ": " then
    reason = reason:sub(#server + 3) -- it was said already
  end
  parts[#parts + 1] = reason
  return show.plain(table.concat(parts, ": "), 2000)
end

--- The level and the line of an event.
function log.message(event)
  local level, words = level_and_words(event)
  return level, line(event, words)
end

local function to_stderr(level, message)
  io.stderr:write(os.date "!%Y-%m-%dT%H:%M:%SZ", " ", level, " ", message, "\n")
end

--- Starts to log what happens to a market, if that is wanted.
function log.attach(market, private)
  if not private.log then
    return
  end
  local hook = private.log == "stderr" and to_stderr or private.log
  local least = rank[private.log_level or "info"]
  local state = dispatch.state_of(market)
  local busy = false
  dispatch.observe(market, "*", function(event)
    -- A function that itself calls something would log that, and so on for ever.
    if busy or rank[(level_and_words(event))] < least then
      return
    end
    busy = true
    guard.run(state, function()
      local level, message = log.message(event)
      hook(level, message, event)
    end)
    busy = false
  end)
end

return log
