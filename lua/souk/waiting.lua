--- Waiting for several calls at once: souk.wait_all and souk.wait_any.
--
-- Both say to the host what they wait for, and leave to it how: it drives the engine, or lets others have their turn.
local core = require "souk.core"
local handles = require "souk.handle"
local options = require "souk.options"

local waiting = {}

local function check_entry(where, index, entry)
  if type(index) ~= "number" or index < 1 or index % 1 ~= 0 then
    core.misuse(("%s: expected a list of handles, and it has a field '%s'"):format(where, tostring(index)))
  elseif getmetatable(entry) ~= handles.metatable then
    core.misuse(("%s: expected a list of handles, and [%d] is of type %s"):format(where, index, type(entry)))
  end
end

-- How long the list is. A hole is where a call could not be started and nobody looked: to wait for the others alone
-- would hide that.
local function check_list(where, list)
  if type(list) ~= "table" or getmetatable(list) == handles.metatable then
    core.misuse(("%s: expected a list of handles, got %s"):format(where,
      type(list) == "table" and "a handle" or type(list)))
  end
  local length, count = 0, 0
  for index, entry in pairs(list) do
    check_entry(where, index, entry)
    length, count = math.max(length, index), count + 1
  end
  if count < length then
    local hole = 1
    while list[hole] do
      hole = hole + 1
    end
    core.misuse(("%s: [%d] is nil (did its call not start?)"):format(where, hole))
  end
  return length
end

-- Every handle once, in a list of our own (callbacks may change theirs meanwhile); and where each stands in theirs.
local function collect(where, list)
  local length = check_list(where, list)
  local distinct, place = {}, {}
  for index = 1, length do
    local handle = list[index]
    if handle.market_ ~= list[1].market_ then
      -- Each market has an engine of its own, and whoever waits drives one: the other's calls would stand still.
      core.misuse(("%s: [%d] is a call of another market than [1]"):format(where, index))
    elseif not place[handle] then
      place[handle] = index
      distinct[#distinct + 1] = handle
    end
  end
  return distinct, place
end

-- Waits in the way of the host, whose words for a time that is over are "timeout".
local function wait(first, is_done, timeout)
  if is_done() then
    return true
  end
  return first.state_.host.wait_until(first.market_, first.state_, is_done, timeout)
end

local function count_running(list)
  local running = 0
  for _, handle in ipairs(list) do
    running = running + (handle.done_ and 0 or 1)
  end
  return running
end

local function calls(count)
  return count == 1 and "1 call" or count .. " calls"
end

--- Waits until all have ended, however they did: each handle's wait() then gives its result at once.
-- @param list souk.Handle[] of one market; a handle may stand in it twice
-- @param timeout number|nil seconds; the calls go on when they are over, and the error says so (kind "timeout")
-- @return boolean|nil true
-- @return souk.Error|nil
function waiting.all(list, timeout)
  options.check_seconds("wait_all", timeout)
  local distinct = collect("wait_all", list)
  local next_one = 1 -- all before it have ended
  local function is_done()
    while distinct[next_one] and distinct[next_one].done_ do
      next_one = next_one + 1
    end
    return next_one > #distinct
  end
  if #distinct == 0 then
    return true
  end
  local ok, err = wait(distinct[1], is_done, timeout)
  if err == "timeout" then
    local running = count_running(distinct)
    err = core.error("timeout", ("%d of %s %s still running after %g s of waiting"):format(running, calls(#distinct),
      running == 1 and "is" or "are", timeout))
  end
  return ok, err
end

-- Which of those that have ended was the first to.
local function first_ended(list)
  local first
  for _, handle in ipairs(list) do
    if handle.done_ and (not first or handle.ended_ < first.ended_) then
      first = handle
    end
  end
  return first
end

--- Waits until one has ended, however it did.
-- @param list souk.Handle[] of one market, at least one
-- @param timeout number|nil seconds; the calls go on when they are over, and the error says so (kind "timeout")
-- @return souk.Handle|nil the one that ended first
-- @return integer|souk.Error where it stands in the list; or the error
function waiting.any(list, timeout)
  options.check_seconds("wait_any", timeout)
  local distinct, place = collect("wait_any", list)
  if #distinct == 0 then
    core.misuse "wait_any: the list is empty, so that nothing in it can ever end"
  end
  local first
  local function is_done()
    first = first_ended(distinct)
    return first ~= nil
  end
  local ok, err = wait(distinct[1], is_done, timeout)
  if ok then
    return first, place[first]
  elseif err == "timeout" then
    err = core.error("timeout", ("none of %s has ended after %g s of waiting"):format(calls(#distinct), timeout))
  end
  return nil, err
end

return waiting
