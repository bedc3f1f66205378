--- Work that waits runs in coroutines: market:call yields there, and so do questions to the user.
--
-- No pcall around what may yield: a Neovim with plain Lua 5.1 in it cannot yield across one.
local say = require "souk_nvim.say"

local async = {}

-- Who may ask the user now, and who wants to: functions that let them go on.
local owner
local waiting = {}

local function leave()
  owner = nil
  local go_on = table.remove(waiting, 1)
  if go_on then
    go_on()
  end
end

local function resume(thread)
  local ok, err = coroutine.resume(thread)
  if not ok then
    say.error("%s", err)
    if owner == thread then
      leave()
    end
  end
end

--- Runs f(...) until it waits for the first time; the rest follows when what it waits for is there.
function async.run(f, ...)
  local arguments = { n = select("#", ...), ... }
  resume(coroutine.create(function()
    f(unpack(arguments, 1, arguments.n))
  end))
end

--- Waits until the function that `start` is given was called, and returns what it was called with. Later calls of it
-- do nothing.
function async.await(start)
  local thread = coroutine.running()
  local answers, is_waiting
  start(function(...)
    if answers then
      return
    end
    answers = { n = select("#", ...), ... }
    if is_waiting then
      resume(thread)
    end
  end)
  if not answers then
    is_waiting = true
    coroutine.yield()
  end
  return unpack(answers, 1, answers.n)
end

--- Runs f(item) for all items at once, and waits for the last of them.
function async.each(items, f)
  if #items == 0 then
    return
  end
  async.await(function(done)
    local left = #items
    for _, item in ipairs(items) do
      async.run(function()
        f(item)
        left = left - 1
        if left == 0 then
          done()
        end
      end)
    end
  end)
end

--- Runs f(...) while nobody else does: the user is asked about one thing at a time. Returns what it returns.
function async.alone(f, ...)
  local thread = coroutine.running()
  if owner == thread then
    return f(...)
  elseif owner and coroutine.status(owner) ~= "dead" then
    async.await(function(go_on) waiting[#waiting + 1] = go_on end)
  end
  owner = thread
  local results = { n = 0 }
  local function keep(...)
    results = { n = select("#", ...), ... }
  end
  keep(f(...))
  leave()
  return unpack(results, 1, results.n)
end

return async
