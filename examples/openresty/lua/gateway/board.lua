--- What the workers tell each other. Each has a market of its own, and a request is answered by any of them: so each
--- puts up once a second what it has to say, and who is asked reads what all have put up.
local servers = require "gateway.servers"
local souk = require "souk"

local board = {}

local EVERY = 1
local FORGOTTEN_AFTER = 5 -- what a worker said that is not there any more

local market, dict, started

local function put(key, text)
  -- safe_set: not at the cost of what another worker has put up.
  local ok, why = dict:safe_set(key .. ngx.worker.id(), text, FORGOTTEN_AFTER)
  if not ok then
    ngx.log(ngx.ERR, "lua_shared_dict gateway: ", why, ": it should be larger in nginx.conf")
  end
end

local function snapshot()
  return {
    worker = ngx.worker.id(), pid = ngx.worker.pid(), age = ngx.now() - started, settled = servers.are_settled(),
    servers = servers.state(), sessions = souk.array(market:sessions()), stats = market:stats(),
    lua_memory = collectgarbage "count" * 1024,
  }
end

-- A worker that is about to end has a successor with the same number.
local function put_up(premature)
  if premature or ngx.worker.exiting() then
    return
  end
  local text, err = souk.json.encode(snapshot())
  if text then
    put("status:", text)
    put("metrics:", assert(market:metrics()))
  else
    ngx.log(ngx.ERR, "what this worker has to say is no JSON: ", err.message)
  end
end

--- Begins to put up what this worker has to say.
function board.start(open)
  market, dict, started = open, ngx.shared.gateway, ngx.now()
  put_up(false)
  assert(ngx.timer.every(EVERY, put_up))
end

local function read(key)
  put_up(false) -- of this worker the newest
  local list = {}
  for id = 0, ngx.worker.count() - 1 do
    list[#list + 1] = dict:get(key .. id)
  end
  return list
end

--- What all workers say of their state, a list. A worker that has only just begun may be missing.
function board.status()
  local list = read "status:"
  for i, text in ipairs(list) do
    list[i] = assert(souk.json.decode(text))
  end
  return list
end

--- What all workers count: worker -> text of market:metrics().
function board.metrics()
  put_up(false)
  local texts = {}
  for id = 0, ngx.worker.count() - 1 do
    texts[id] = dict:get("metrics:" .. id)
  end
  return texts
end

return board
