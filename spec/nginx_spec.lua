-- souk in a real nginx: waiting, phases, clients that go away, reload and shutdown, and whatever a thread beside a
-- worker can do wrong. What every host promises is in hosts_contract_spec.lua.

local cjson = require "cjson"
local help = require "spec.support.help"
local nginx = require "spec.support.nginx"
local servers = require "spec.support.servers"

local SETUP = [[
  souk = require "souk"
  -- nginx complains of globals that are made later.
  ready, logged, ended, errors = false, false, false, {}
  function say(value, err)
    ngx.say(value ~= nil and (type(value) == "table" and souk.json.encode(value) or tostring(value)) or tostring(err))
  end
]]

describe("souk in nginx #harness", function()
  local peer

  setup(function()
    peer = servers.start("scripted", { knobs = { all_tools = true, answer = "sse" } })
  end)

  before_each(function()
    peer:reset()
    peer:knobs { all_tools = true, answer = "sse" }
  end)

  after_each(nginx.stop_all)
  teardown(help.stop_servers)

  -- Opens a market in each worker, and adds the scripted server to it. `more` stands behind that.
  local function init_worker(more)
    return SETUP .. ([[
      market = souk.open { env = {} }
      ngx.timer.at(0, function()
        assert(market:add_server("s", { url = %q }))
        %s
        ready = true
      end)
    ]]):format(peer.url, more or "")
  end

  local function start(options)
    options.init_worker = options.init_worker or init_worker(options.more)
    options.more = nil
    options.locations = (options.locations or "") .. [[
      location = /ready { content_by_lua_block { ngx.print(tostring(ready)) } }
      location = /echo { content_by_lua_block { say(market:call("mcp.s.echo", { text = ngx.var.arg_text or "x" })) } }
      location = /slow {
        lua_check_client_abort on;
        content_by_lua_block {
          local ms = tonumber(ngx.var.arg_ms)
          say(market:call("mcp.s.slow", { ms = ms, steps = 2 }, { cancel_on_abort = ngx.var.arg_abort ~= nil }))
        }
      }
      location = /state {
        content_by_lua_block {
          collectgarbage() collectgarbage()
          local state = market:_state().dispatch
          local kept, handles = 0, 0
          for _ in pairs(state.kept) do kept = kept + 1 end
          for _ in pairs(state.handles) do handles = handles + 1 end
          local stats = market:stats()
          ngx.print(require("cjson").encode {
            parked = state.parked_count, kept = kept, handles = handles, timers = ngx.timer.running_count(),
            pending = ngx.timer.pending_count(), sessions = #market:sessions(), in_flight = stats.in_flight,
            memory = collectgarbage "count",
          })
        }
      }
    ]]
    local web = nginx.start(options)
    nginx.wait_until("the market", 10, function() return web:get("/ready").body == "true" end)
    return web
  end

  local function state_of(web)
    return cjson.decode(web:get("/state").body)
  end

  local function count(command)
    local pipe = assert(io.popen(command .. " 2>/dev/null | wc -l"))
    local number = tonumber(pipe:read "*a")
    pipe:close()
    return number
  end

  local function descriptors_of(pid)
    return count("ls /proc/" .. pid .. "/fd")
  end

  local function threads_of(pid)
    return count("ls /proc/" .. pid .. "/task")
  end

  -- Nothing that nginx has to complain of.
  local function complaints(web)
    local lines = {}
    for line in web:error_log():gmatch "[^\n]+" do
      if line:find "%[error%]" or line:find "%[warn%]" or line:find "%[alert%]" or line:find "%[crit%]" then
        lines[#lines + 1] = line
      end
    end
    return table.concat(lines, "\n")
  end

  describe("a call", function()
    it("makes its request wait, and nobody else's", function()
      local web = start {}
      local slow = web:begin "/slow?ms=3000"
      nginx.wait_until("the call", 15, function() return state_of(web).in_flight == 1 end)
      for _ = 1, 5 do
        assert.equal("x\n", web:get("/echo").body)
      end
      assert.equal(1, state_of(web).in_flight) -- it is still waiting
      slow:abort()
      assert.equal("", complaints(web))
    end)

    it("can be made in rewrite, access and content, and in timers", function()
      local web = start { locations = [[
        location = /phases {
          rewrite_by_lua_block { ngx.ctx.a = market:call("mcp.s.echo", { text = "rewrite" }) }
          access_by_lua_block { ngx.ctx.b = market:call("mcp.s.echo", { text = "access" }) }
          content_by_lua_block {
            local text = market:call("mcp.s.echo", { text = "content" })
            ngx.say(ngx.ctx.a, " ", ngx.ctx.b, " ", text)
          }
        }
      ]] }
      assert.equal("rewrite access content\n", web:get("/phases").body)
    end)

    it("is an error that says what to do where nothing can wait", function()
      local web = start {
        init = 'require "souk"',
        more = "",
        init_worker = init_worker() .. [[
          local _, err = market:add_server("t", { url = "http://127.0.0.1:1/mcp" })
          errors.init_worker = err
          function try(phase)
            errors[phase] = select(2, market:call("mcp.s.echo", { text = "x" }))
            return ""
          end
        ]],
        locations = [[
          location = /phases {
            set_by_lua_block $unused { return try "set" }
            content_by_lua_block { ngx.say "text" }
            header_filter_by_lua_block { try "header_filter" }
            body_filter_by_lua_block { try "body_filter" }
            log_by_lua_block { try "log" }
          }
          location = /errors {
            content_by_lua_block {
              local list = {}
              for phase, err in pairs(errors) do list[phase] = err.kind .. ": " .. err.message end
              ngx.print(require("cjson").encode(list))
            }
          }
        ]],
      }
      web:get "/phases"
      local errors
      nginx.wait_until("the log phase", 15, function()
        errors = cjson.decode(web:get("/errors").body)
        return errors.log
      end)
      for phase, hint in pairs {
        init_worker = "ngx.timer.at", set = "rewrite_by_lua", header_filter = "access_by_lua",
        body_filter = "access_by_lua", log = "market:start",
      } do
        assert(errors[phase], phase)
        assert(errors[phase]:find("^config: nothing can wait in the phase " .. phase), errors[phase])
        assert(errors[phase]:find(hint, 1, true), errors[phase])
      end
      assert.equal("x\n", web:get("/echo").body)
      -- What could not be waited for was not sent either.
      assert.equal(1, peer:ledger().tools.echo)
    end)

    it("in the master is an error, and leaves no thread there", function()
      local web = start {
        init = SETUP .. ([[
          early = souk.open { env = {} }
          early:register { id = "text.upper", handler = function(input) return input.text:upper() end }
          early:add_server("s", { url = %q, discover = false })
          said = {
            call = tostring(select(2, early:request("s", "ping"))),
            start = tostring(select(2, early:server("s"):start("ping"))),
            own = early:call("text.upper", { text = "own" }),
          }
        ]]):format(peer.url),
        locations = [[ location = /errors { content_by_lua_block { ngx.print(require("cjson").encode(said)) } } ]],
      }
      local errors = cjson.decode(web:get("/errors").body)
      assert(errors.call:find "config: nothing can wait in the phase init", errors.call)
      assert(errors.start:find "config: no call can be made in the phase init", errors.start)
      assert.equal("OWN", errors.own)
      assert.equal(1, threads_of(web:master()))
    end)

    it("works, and says so once, where no socket can be made", function()
      local web = start { env = { TMPDIR = "/nowhere" }, main = "env TMPDIR=/nowhere;" }
      for _ = 1, 5 do
        assert.equal("x\n", web:get("/echo").body)
      end
      local _, times = web:error_log():gsub("cannot make a socket for the event loop in '/nowhere'", "")
      assert.equal(1, times + select(2, web:output():gsub("cannot make a socket for the event loop in '/nowhere'", "")))
      assert(web:quit(6) < 3)
    end)

    it("that nobody waits for can be started anywhere", function()
      local web = start { locations = [[
        location = /start {
          return 204;
          log_by_lua_block {
            local handle = assert(market:start("mcp.s.echo", { text = "from the log" }))
            handle:on_done(function(value, err) logged = value or tostring(err) end)
          }
        }
        location = /logged { content_by_lua_block { ngx.print(tostring(logged)) } }
      ]] }
      web:get "/start"
      nginx.wait_until("its end", 15, function() return web:get("/logged").body == "from the log" end)
    end)

    it("tells its progress in its own request", function()
      local web = start { locations = [[
        location = /progress {
          content_by_lua_block {
            local result, err = market:call("mcp.s.slow", { ms = 600, steps = 3 }, { on_progress = function(progress)
              ngx.say(progress.progress)
              ngx.flush(true)
            end })
            ngx.say(result and "end" or tostring(err))
          }
        }
      ]] }
      local request = web:begin "/progress"
      nginx.wait_until("the first step", 15, function() return request:so_far() == "1\n" end)
      assert.equal("1\n2\n3\nend\n", request:wait().body)
      assert.equal("", complaints(web))
    end)
  end)

  describe("a client that goes away", function()
    it("takes its call with it, when that was asked for", function()
      local web = start {}
      local request = web:begin "/slow?ms=20000&abort=1"
      nginx.wait_until("the call", 15, function() return state_of(web).in_flight == 1 end)
      request:abort()
      nginx.wait_until("its end", 15, function()
        local state = state_of(web)
        return state.in_flight == 0 and state.parked == 0
      end)
      assert.equal(1, #peer:ledger().cancelled)
    end)

    it("leaves its call alone otherwise", function()
      local web = start {}
      local request = web:begin "/slow?ms=500"
      nginx.wait_until("the call", 15, function() return state_of(web).in_flight == 1 end)
      request:abort()
      nginx.wait_until("its end", 15, function() return state_of(web).in_flight == 0 end)
      assert.equal(0, #peer:ledger().cancelled)
    end)

    it("takes all calls of its request with it", function()
      local web = start { locations = [[
        location = /two {
          lua_check_client_abort on;
          content_by_lua_block {
            local function one()
              return market:call("mcp.s.slow", { ms = 20000, steps = 1 }, { cancel_on_abort = true })
            end
            local a, b = ngx.thread.spawn(one), ngx.thread.spawn(one)
            local _, _, err = ngx.thread.wait(a)
            local _, _, err2 = ngx.thread.wait(b)
            ended = err.kind .. " " .. err2.kind
          }
        }
        location = /ended { content_by_lua_block { ngx.print(tostring(ended)) } }
      ]] }
      local request = web:begin "/two"
      nginx.wait_until("the calls", 15, function() return state_of(web).in_flight == 2 end)
      request:abort()
      nginx.wait_until("their ends", 15, function() return web:get("/ended").body == "cancelled cancelled" end)
    end)

    it("cannot be noticed where nginx does not look, or somebody else does", function()
      local web = start { locations = [[
        location = /blind {
          content_by_lua_block { say(market:call("mcp.s.echo", { text = "x" }, { cancel_on_abort = true })) }
        }
        location = /taken {
          lua_check_client_abort on;
          content_by_lua_block {
            assert(ngx.on_abort(function() end))
            say(market:call("mcp.s.echo", { text = "x" }, { cancel_on_abort = true }))
          }
        }
      ]] }
      local blind = web:get("/blind").body
      assert(blind:find "config: .*cancel_on_abort.*lua_check_client_abort", blind)
      local taken = web:get("/taken").body
      assert(taken:find "config: .*has an ngx.on_abort of its own", taken)
      assert.equal(0, state_of(web).parked)
    end)
  end)

  describe("the end of a worker", function()
    it("comes at once when nothing is under way, whatever is listened to", function()
      peer:knobs { all_tools = true, answer = "sse", get = "stream" }
      local web = start { more = [[ assert(market:server("s"):subscribe("souk://notes/1")) ]] }
      web:get "/echo"
      local old = web:reload()
      assert(nginx.wait_for_end(old, 6) < 3)
      nginx.wait_until("the new market", 15, function() return web:get("/ready").body == "true" end)
      assert.equal("x\n", web:get("/echo").body)
      assert(web:quit(6) < 3)
      assert.equal("", complaints(web))
    end)

    it("waits for calls that are under way, and not much longer", function()
      local web = start {}
      local request = web:begin "/slow?ms=1000"
      nginx.wait_until("the call", 15, function() return state_of(web).in_flight == 1 end)
      local old = web:reload()
      assert(nginx.is_running(old[1]))
      assert.equal(200, request:wait().status)
      assert(nginx.wait_for_end(old, 6) < 3)
      assert.equal("", complaints(web))
    end)

    -- The light thread that wakes others must not end with the first call, nor hang on when the last one has ended.
    it("lets a request make one call after the other, with pauses", function()
      local web = start { locations = [[
        location = /several {
          content_by_lua_block {
            for i = 1, 4 do
              ngx.say(market:call("mcp.s.echo", { text = "call " .. i }, { timeout = 5 }))
              ngx.flush(true)
              ngx.sleep(0.4)
            end
          }
        }
      ]] }
      local request = web:begin "/several"
      nginx.wait_until("the first call", 15, function() return request:so_far() ~= "" end)
      local old = web:reload()
      assert.equal("call 1nil\ncall 2nil\ncall 3nil\ncall 4nil\n", request:wait().body)
      assert(nginx.wait_for_end(old, 6) < 3)
      assert.equal("", complaints(web))
    end)

    it("is orderly with TLS connections in the middle of things", function()
      local secure = servers.start("scripted", { tls = true, knobs = { all_tools = true } })
      local web = start {
        workers = 2,
        more = ([[ assert(market:add_server("tls", { url = %q, ca_file = %q })) ]]):format(secure.url, secure.ca_file),
        locations = [[
          location = /tls {
            content_by_lua_block {
              for i = 1, 20 do market:start("mcp.tls.slow", { ms = 300, steps = 1 }) end
              market:start("mcp.tls.echo", { text = "x" })
              ngx.say "started"
            }
          }
        ]],
      }
      for _ = 1, 6 do
        web:get "/tls"
        assert(nginx.wait_for_end(web:reload(), 5) < 4)
        nginx.wait_until("the market", 15, function() return web:get("/ready").body == "true" end)
      end
      web:quit(5)
      assert.equal("", complaints(web))
    end)

    it("takes children with it, also when it is killed", function()
      local child = servers.stdio("scripted")
      local web = start { more = ([[
        assert(market:add_server("child", { command = %q, args = require("cjson").decode %q }))
      ]]):format(child.command, cjson.encode(child.args)), locations = [[
        location = /child {
          content_by_lua_block {
            ngx.print((market:call("mcp.child.echo", { text = "child" })))
          }
        }
      ]] }
      local function child_of()
        assert.equal("child", web:get("/child").body)
        local pipe = assert(io.popen(("ps -o pid=,args= --ppid %d"):format(web:workers()[1])))
        local list = pipe:read "*a"
        pipe:close()
        return tonumber(list:match "(%d+) [^\n]*scripted.mjs")
      end
      local first = assert(child_of())
      local worker = web:workers()[1]
      web:signal("KILL", worker)
      nginx.wait_for_end({ worker, first }, 5)
      nginx.wait_until("the next worker", 15, function()
        local pid = web:workers()[1]
        return pid and pid ~= worker and web:get("/ready").body == "true"
      end)
      local second = assert(child_of())
      assert.is_not.equal(first, second)
      web:quit(5)
      assert(not nginx.is_running(second))
      web:alerts() -- "worker process ... exited on signal 9" was to be expected
    end)

    it("leaves no socket behind, also when it is killed", function()
      local function sockets()
        return count "ls -d /tmp/souk-*/bell"
      end
      local before = sockets()
      local web = start {}
      assert.equal("x\n", web:get("/echo").body)
      assert.equal(before, sockets())
      local worker = web:workers()[1]
      web:signal("KILL", worker)
      nginx.wait_until("the next worker", 15, function()
        local pid = web:workers()[1]
        return pid and pid ~= worker and web:get("/ready").body == "true"
      end)
      assert.equal("x\n", web:get("/echo").body)
      assert.equal(before, sockets())
      web:alerts()
    end)
  end)

  describe("a market", function()
    it("that was opened in the master works in each worker", function()
      local web = start {
        workers = 3,
        init = SETUP .. [[ market = souk.open { env = {} } ]],
        init_worker = ([[ ngx.timer.at(0, function() assert(market:add_server("s", { url = %q })) ready = true end) ]])
          :format(peer.url),
      }
      for i = 1, 12 do
        assert.equal(i .. "\n", web:get("/echo?text=" .. i).body)
      end
      assert.equal("", complaints(web))
    end)

    it("that was used in the master says so in the workers", function()
      local web = start {
        init = SETUP .. ([[
          market = souk.open { env = {}, host = "loop" }
          assert(market:add_server("s", { url = %q }))
        ]]):format(peer.url),
        init_worker = "ready = true",
      }
      local said = web:get("/echo").body
      assert(said:find "closed: .*made in process %d+ and cannot be used in process %d+", said)
    end)

    it("of each request works with lua_code_cache off, and leaves nothing behind", function()
      local web = nginx.start {
        code_cache = false,
        locations = ([[
          location = /once {
            content_by_lua_block {
              local market = require("souk").open { env = {} }
              assert(market:add_server("s", { url = %q }))
              ngx.say(market:call("mcp.s.echo", { text = "once" }))
            }
          }
        ]]):format(peer.url),
      }
      for _ = 1, 10 do
        assert.equal("oncenil\n", web:get("/once").body)
      end
      local worker = web:workers()[1]
      nginx.wait_until("the end of its threads", 15, function() return threads_of(worker) == 1 end)
      local descriptors = descriptors_of(worker)
      for _ = 1, 40 do
        assert.equal("oncenil\n", web:get("/once").body)
      end
      nginx.wait_until("the end of its threads", 15, function() return threads_of(worker) == 1 end)
      assert(descriptors_of(worker) <= descriptors + 3)
      assert.equal("", complaints(web):gsub("[^\n]*lua_code_cache is off[^\n]*\n?", ""))
    end)

    it("can be closed by a request, and the worker goes on", function()
      local web = start { locations = [[
        location = /close {
          content_by_lua_block {
            local before = ngx.now()
            local slow = market:start("mcp.s.slow", { ms = 20000, steps = 1 })
            say(market:close(2))
            local _, err = slow:wait()
            say(err.kind)
            say(pcall(market.call, market, "mcp.s.echo", { text = "x" }))
          }
        }
      ]] }
      local body = web:get("/close").body
      assert(body:find "^true\nclosed\nfalse", body)
      local worker = web:workers()[1]
      nginx.wait_until("the end of its thread", 15, function() return threads_of(worker) == 1 end)
      assert.equal("", complaints(web))
    end)
  end)

  it("leaks nothing over a thousand requests of which half the clients go away, with a reload in between", function()
    local web = start { workers = 1, connections = 2048, locations = [[
      location = /mixed {
        lua_check_client_abort on;
        content_by_lua_block {
          local n = tonumber(ngx.var.arg_n)
          if n % 4 < 2 then
            say(market:call("mcp.s.slow", { ms = 3000, steps = 1 }, { cancel_on_abort = n % 4 == 0 }))
          else
            say(market:call("mcp.s.echo", { text = "x" }))
          end
        }
      }
    ]] }
    -- 25 requests on connections of their own at once; those of the slow tool are cut off after a moment.
    local function burst(number)
      local urls = {}
      for i = 1, 50 do
        urls[i] = ("%s/mixed?n=%d"):format(web.origin, number * 50 + i)
      end
      os.execute(("printf '%%s\\n' %s | xargs -P 50 -n 1 curl -s -o /dev/null --max-time 0.15"):format(
        table.concat(urls, " "):gsub("&", "\\&")))
    end
    local function settled()
      nginx.wait_until("the end of all calls", 15, function()
        local state = state_of(web)
        return state.in_flight == 0 and state.parked == 0 and state.kept == 0
      end)
      return state_of(web)
    end
    burst(0)
    local first = settled()
    local worker = web:workers()[1]
    local descriptors = descriptors_of(worker)
    for i = 1, 9 do
      burst(i)
    end
    local middle = settled()
    -- Idle connections to the server and from clients come and go; 450 requests were made.
    local now = descriptors_of(worker)
    assert(now <= descriptors + 100, ("descriptors: %d after %d"):format(now, descriptors))
    assert.equal(0, middle.handles)
    assert.equal(first.timers, middle.timers)
    assert(middle.memory < first.memory + 400, ("memory: %.0f KiB after %.0f KiB"):format(middle.memory, first.memory))
    assert(middle.sessions <= 2)
    -- The reload comes while calls are under way.
    local ended = web:begin "/slow?ms=500"
    local old = web:reload()
    for i = 10, 19 do
      burst(i)
    end
    ended:wait()
    nginx.wait_for_end(old, 10)
    nginx.wait_until("the market", 15, function() return web:get("/ready").body == "true" end)
    local last = settled()
    assert.equal(0, last.handles)
    assert(last.sessions <= 2)
    assert.equal(2, threads_of(web:workers()[1]))
    assert.equal("", complaints(web))
  end)
end)
