-- What runs in the nginx worker of the bench; nginx.conf says which location calls what.
local bench = require "spec.bench.hosts.support"
local core = require "souk.core"
local cosocket_client = require "spec.bench.hosts.cosocket_client"
local souk = require "souk"
local stalls = require "spec.bench.hosts.stalls"

local in_nginx = {}

local CALLS, WIDTH, IDLE_SECONDS = 1000, 64, 0.1
local BIG = { big_text = true, big_rows = true }

local market, url

function in_nginx.init_worker(port)
  url = ("http://127.0.0.1:%d/mcp"):format(port)
  cosocket_client.set_up("127.0.0.1", port)
  market = assert(souk.open {})
end

--- Both clients get their session before anything is measured. Tells the process id.
function in_nginx.ready()
  assert(market:add_server("bench", { url = url, protocol_version = "2025-11-25", listen = false }))
  assert(cosocket_client.initialize())
  ngx.say(ngx.worker.pid())
end

local callers = {
  souk = function(tool, input)
    return market:call("mcp.bench." .. tool, input)
  end,
  cosocket = function(tool, input)
    local result, err = cosocket_client.call(tool, input)
    return result and (result.structuredContent or result.content[1].text), err
  end,
}

local function answer(call)
  local text, err = call("echo", bench.INPUT)
  if not text then
    ngx.status = 500 -- luacheck: ignore 122
  end
  ngx.say(text or tostring(err))
end

function in_nginx.souk()
  answer(callers.souk)
end

function in_nginx.cosocket()
  answer(callers.cosocket)
end

-- So many calls, so many of them at once.
local function many_calls(call)
  local started, threads = 0, {}
  for i = 1, WIDTH do
    threads[i] = ngx.thread.spawn(function()
      while started < CALLS do
        started = started + 1
        assert(call("echo", bench.INPUT))
      end
    end)
  end
  for i = 1, WIDTH do
    assert(ngx.thread.wait(threads[i]))
  end
end

--- Works while another light thread sleeps for a millisecond again and again. ?client=souk|cosocket
-- &work=idle|calls|big_text|big_rows
function in_nginx.stall()
  local call, work, build = callers[ngx.var.arg_client], ngx.var.arg_work, nil
  collectgarbage()
  collectgarbage()
  local watch, is_over = stalls.watch(), false
  local watcher = ngx.thread.spawn(function()
    repeat
      ngx.sleep(0.001)
      watch:tick()
    until is_over
  end)
  ngx.sleep(0.01)
  if work == "idle" then
    ngx.sleep(IDLE_SECONDS)
  elseif BIG[work] then
    build = stalls.longest_call(core.market_methods, "_next", function() assert(call(work, {})) end)
  else
    many_calls(call)
  end
  is_over = true
  ngx.thread.wait(watcher)
  local report = watch:report()
  report.build = build -- the Lua value is made there
  ngx.say(souk.json.encode(report))
end

return in_nginx
