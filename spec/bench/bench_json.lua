-- JSON text -> Lua tables, and back, against lua-cjson on the same documents in the same process.
--
--     LUA_CPATH='build/lua5.4/?.so;;' lua5.4 spec/bench/bench_json.lua
--
-- Prints MB/s of both and their ratio; above 1 souk is the quicker one. Every figure is the best of several rounds, in
-- which the two take turns, so that a busy machine disturbs both alike.

local cjson = require "cjson"
local json = require "souk.core".json

local ROUNDS = tonumber(os.getenv "SOUK_BENCH_ROUNDS") or 9
local SECONDS = tonumber(os.getenv "SOUK_BENCH_SECONDS") or 0.15 -- of each round

-- A generator of our own, so that every Lua builds the same documents.
local seed = 42
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

local WORDS = {}
for word in ([[the a of in by with name owner repository issue pull request branch commit file path query page size
  cursor list search create update delete returns result filter sort order state label user team code review]])
  :gmatch "%a+" do
  WORDS[#WORDS + 1] = word
end

local function sentence(words)
  local out = {}
  for i = 1, words do
    out[i] = WORDS[random(#WORDS)]
  end
  return table.concat(out, " ")
end

local function property()
  local kind = random(4)
  if kind == 1 then
    return ([[{"type":"string","description":"%s"}]]):format(sentence(8))
  elseif kind == 2 then
    return ([[{"type":"number","description":"%s","minimum":1,"maximum":100}]]):format(sentence(6))
  elseif kind == 3 then
    return ([[{"type":"array","items":{"type":"string"},"description":"%s"}]]):format(sentence(5))
  end
  return ([[{"type":"string","enum":["open","closed","all"],"description":"%s"}]]):format(sentence(7))
end

local function tool(number)
  local names, properties = {}, {}
  for i = 1, random(6) + 1 do
    names[i] = WORDS[random(#WORDS)] .. i
    properties[i] = ('"%s":%s'):format(names[i], property())
  end
  return ([[{"name":"%s_%d","title":"%s","description":"%s.\nSee \"%s\".","inputSchema":{"type":"object",]]
    .. [["properties":{%s},"required":["%s","%s"],"additionalProperties":false},"annotations":{]]
    .. [["readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":true}}]])
    :format(WORDS[random(#WORDS)], number, sentence(3), sentence(25), sentence(2),
      table.concat(properties, ","), names[1], names[2])
end

local function tools_list(bytes)
  local tools, size = {}, 0
  while size < bytes do
    tools[#tools + 1] = tool(#tools + 1)
    size = size + #tools[#tools]
  end
  return '{"jsonrpc":"2.0","id":1,"result":{"tools":[' .. table.concat(tools, ",") .. "]}}"
end

local SMALL = [[{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text",]]
  .. [["text":"{\"login\":\"octocat\",\"id\":583231}"}],]]
  .. [["structuredContent":{"login":"octocat","id":583231,"type":"User","site_admin":false,"score":12.5,]]
  .. [["url":"https://api.example.org/users/octocat","created_at":"2011-01-25T18:44:36Z"},"isError":false}}]]

local function numbers(rows)
  local out = {}
  for i = 1, rows do
    out[i] = ("[%d,%d,%d.%03d,0.%09d%07d,-%d.5e-%d]"):format(random(1000), random(2000000000),
      random(1000), random(999), random(999999999), random(9999999), random(1000), random(9))
  end
  return "[" .. table.concat(out, ",") .. "]"
end

-- Bytes per second of `work`, which handles `bytes` bytes each time.
local function speed(work, argument, bytes, times)
  local start = os.clock()
  for _ = 1, times do
    work(argument)
  end
  return bytes * times / (os.clock() - start)
end

-- How often `work` runs within a round.
local function calibrate(work, argument)
  local times = 1
  while true do
    local start = os.clock()
    for _ = 1, times do
      work(argument)
    end
    local spent = os.clock() - start
    if spent > SECONDS / 4 then
      return math.max(1, math.floor(times * SECONDS / spent))
    end
    times = times * 2
  end
end

local function compare(what, ours, theirs, argument, bytes)
  local times = calibrate(ours, argument)
  local our_best, their_best = 0, 0
  for _ = 1, ROUNDS do
    collectgarbage()
    our_best = math.max(our_best, speed(ours, argument, bytes, times))
    collectgarbage()
    their_best = math.max(their_best, speed(theirs, argument, bytes, times))
  end
  print(("%-24s %9d bytes   souk %7.1f MB/s   cjson %7.1f MB/s   ratio %.2f")
    :format(what, bytes, our_best / 1e6, their_best / 1e6, our_best / their_best))
  local ratio = our_best / their_best
  print(("row: %-32s %9.2f %-58s %s"):format("JSON " .. what .. (jit and ", JIT" or ""), ratio,
    "x the speed of lua-cjson (goal: at least 1)", ratio >= 1 and "met" or "MISSED"))
end

local documents = {
  { "tools/list", tools_list(700000) },
  { "small result", SMALL },
  { "numbers", numbers(8000) },
}

print(jit and jit.version or _VERSION)
for _, document in ipairs(documents) do
  local name, text = document[1], document[2]
  local value = assert(json.decode(text))
  assert(#assert(json.encode(value)) > #text / 2)
  compare(name .. ", decode", json.decode, cjson.decode, text, #text)
  compare(name .. ", encode", json.encode, cjson.encode, value, #text)
end
