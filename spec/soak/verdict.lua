-- Judges a soak: what was recorded of every call by its caller and by the servers, and what was measured meanwhile.
-- It has no state; spec/soak_spec.lua gives it lies.

local verdict = {}

-- Ends that prove that the call was not executed.
local NOT_EXECUTED = { not_sent = true, rejected = true }

-- The executions that the servers recorded: number of the call -> how often.
function verdict.executions(path)
  local count = {}
  for line in io.lines(path) do
    local n = tonumber(line)
    if n then
      count[n] = (count[n] or 0) + 1
    end
  end
  return count
end

-- What is wrong with one call, or nil. `how`: "ok", or the kind of its error.
local function complaint(tool, how, delivery, executed)
  if tool == "once" and executed > 1 then
    return "executed more than once"
  elseif how == "ok" and executed == 0 then
    return "succeeded, and was not executed"
  elseif how == "tool" and executed == 0 then
    return "its tool failed, and was not executed"
  elseif tool == "once" and NOT_EXECUTED[delivery] and executed > 0 then
    return delivery .. ", and was executed"
  end
end

-- The ends of calls that were recorded, a line each: number, tool, fault, how, delivery. Returns a table of how often
-- each complaint was made, and one of how calls with each fault ended.
function verdict.calls(path, executions, started)
  local complaints, ends = {}, {}
  local function complain(what)
    complaints[what] = (complaints[what] or 0) + 1
  end
  local seen, ended = {}, 0
  for line in io.lines(path) do
    local n, tool, fault, how, delivery = line:match "^(%d+) (%S+) (%S+) (%S+) (%S+)$"
    n = tonumber(n)
    if not n then
      complain "the record of an end cannot be read"
    elseif seen[n] then
      complain "ended more than once"
    else
      seen[n], ended = true, ended + 1
      local what = complaint(tool, how, delivery, executions[n] or 0)
      if what then
        complain(what)
      end
      ends[fault] = ends[fault] or {}
      ends[fault][how] = (ends[fault][how] or 0) + 1
    end
  end
  if ended < started then
    complaints["never ended"] = started - ended
  end
  for n in pairs(executions) do
    if not seen[n] then
      complain "executed, and has no end"
    end
  end
  return complaints, ends
end

local function median(list)
  local copy = {}
  for i, value in ipairs(list) do
    copy[i] = value
  end
  table.sort(copy)
  return copy[math.ceil(#copy / 2)]
end

-- Whether a row of samples does not grow: the median of the last third is at most that of the first third, a `share`
-- of it and `more`. The first tenth is the warm-up. Returns nil when there are too few, and the two medians.
function verdict.is_flat(samples, share, more)
  local from = math.floor(#samples / 10) + 1
  local third = math.floor((#samples - from + 1) / 3)
  if third < 3 then
    return nil
  end
  local first, last = {}, {}
  for i = 0, third - 1 do
    first[#first + 1] = samples[from + i]
    last[#last + 1] = samples[#samples - i]
  end
  local before, after = median(first), median(last)
  return after <= before * (1 + share) + more, before, after
end

return verdict
