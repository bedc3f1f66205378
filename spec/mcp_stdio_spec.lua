-- MCP over stdio: children of every kind, good and bad.

local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

local open, fails = help.open, help.fails
local core = require "souk.core"

after_each(help.clean_up)
teardown(help.stop_servers)

-- A market with the scripted server as a child, known as mcp.c.*. The third value has ledger().
local function connect(knobs, options, open_options)
  local child, spec = help.child("scripted", { knobs = knobs })
  for key, value in pairs(options or {}) do
    child[key] = value
  end
  local market = open(open_options)
  local tools, err = market:add_server("c", child)
  return market, tools, err or spec, spec
end

local function connected(knobs, options, open_options)
  local market, tools, err, spec = connect(knobs, options, open_options)
  assert(tools, err)
  return market, spec
end

-- A child that is a shell script.
local function shell(script, options)
  local child = { command = "sh", args = { "-c", script } }
  for key, value in pairs(options or {}) do
    child[key] = value
  end
  return child
end

-- The process ids of the children that this spec started.
local function children()
  return help.children "scripted.mjs"
end

local function seconds_of(f)
  local before = core.now()
  f()
  return core.now() - before
end

describe("MCP over stdio", function()
  for _, revision in ipairs { "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28" } do
    it("speaks " .. revision, function()
      local market, spec = connected { revisions = { revision } }
      assert.equal("grüezi\n", market:call("mcp.c.echo", { text = "grüezi\n" }))
      assert.same({ sum = 5 }, market:call("mcp.c.add", { a = 2, b = 3 }))
      local value = { list = souk.array {}, null = souk.null }
      assert.same(value, market:call("mcp.c.mirror", value))
      fails("tool", "it did not work", market:call "mcp.c.fail")
      assert.equal(revision, market:sessions()[1].protocol)
      assert.equal("child", market:sessions()[1].id)
      market:close()
      local ledger = spec.ledger()
      assert.same({}, ledger.violations)
      assert.equal(revision ~= "2026-07-28" and 1 or nil, ledger.methods.initialize)
    end)
  end

  for way, seconds in pairs { ["-32601"] = 0, ["-32602"] = 0, silent = 0.2, die = 0 } do
    it("takes a child for a legacy server when it answers server/discover with " .. way, function()
      local market, spec = connected({ discover_stdio = way }, nil, { probe_timeout = seconds > 0 and seconds or nil })
      assert.equal("2025-11-25", market:sessions()[1].protocol)
      assert.equal("x", market:call("mcp.c.echo", { text = "x" }))
      assert.same({}, spec.ledger().violations)
    end)
  end

  it("does not ask for the era again when the child has to be started again", function()
    local market, spec = connected()
    assert.equal(1, spec.ledger().methods["server/discover"])
    os.execute("kill -9 " .. children()[1])
    help.step_until(market, function() return #market:sessions() == 0 end)
    assert(market:call "mcp.c.get_me")
    assert.is_nil(spec.ledger().methods["server/discover"])
    assert.equal(1, spec.ledger().methods.initialize)
  end)

  it("can pin the revision", function()
    local market, spec = connected({}, { protocol_version = "2025-06-18" })
    assert.equal("2025-06-18", market:sessions()[1].protocol)
    assert.is_nil(spec.ledger().methods["server/discover"])
  end)

  it("carries 64 calls at once, answered in another order", function()
    local market, spec = connected { out_of_order = true }
    local handles = {}
    for i = 1, 64 do
      handles[i] = assert(market:start("mcp.c.echo", { text = "call " .. i }))
    end
    for i = 1, 64 do
      assert.equal("call " .. i, handles[i]:wait())
    end
    assert.same({}, spec.ledger().violations)
    assert.equal(1, #market:sessions())
  end)

  it("carries large messages both ways", function()
    local market = connected()
    local text = ("x"):rep(3000000)
    assert.equal(text, market:call("mcp.c.echo", { text = text }))
    assert.equal(5000000, #market:call("mcp.c.big", { bytes = 5000000 }))
  end)

  it("sends the protocol's other requests, and cancellations", function()
    local market, spec = connected()
    assert.same({}, market:request("c", "ping"))
    local handle = market:start("mcp.c.slow", { ms = 5000 })
    help.step_until(market, function() return spec.ledger().in_flight == 1 end)
    handle:cancel()
    fails("cancelled", "cancelled", handle:wait())
    help.step_until(market, function() return #spec.ledger().cancelled == 1 end)
    assert.equal("x", market:call("mcp.c.echo", { text = "x" }))
    local err = fails("timeout", "no answer within 0.1 s", market:call("mcp.c.slow", { ms = 5000 }, { timeout = 0.1 }))
    assert.equal("ambiguous", err.delivery)
    assert.same({}, spec.ledger().violations)
  end)

  it("starts one child for each identity, and for each environment", function()
    local market = connected()
    assert(market:call("mcp.c.get_me", {}, { identity = "ann" }))
    assert.equal(2, #children())
    local child = help.child "scripted"
    assert(market:add_server("d", { command = child.command, args = child.args, env = { SOME = "x" } }))
    assert.equal(3, #children())
  end)

  it("can be described in a capability file", function()
    local child = help.child "scripted"
    local market = open()
    assert(market:register { id = "file.get_me", provider = "MCP",
      metadata = { mcp = { command = child.command, args = souk.array(child.args), tool_name = "get_me" } } })
    assert.equal("souk-tester", assert(market:call "file.get_me").login)
    local line = child.command .. " spec/server/scripted.mjs --stdio"
    assert(market:register { id = "line.get_me", provider = "MCP",
      metadata = { mcp = { server_url = line, tool_name = "get_me" } } })
    assert.equal("souk-tester", assert(market:call "line.get_me").login)
  end)
end)

describe("a child", function()
  it("gets its arguments, its folder and its variables, beside those of the program", function()
    local folder = help.folder()
    local out = folder .. "/out"
    local market = open()
    market:add_server("c", { command = "sh", args = { "-c",
      'printf "%s|" "$@" "$PWD" "$SOUK_SPEC" "$HOME" > out; exit 1', "sh", "one two", "", "it's $x" },
      env = { SOUK_SPEC = "a b\nc" }, cwd = folder })
    assert.equal(("one two||it's $x|%s|a b\nc|%s|"):format(folder, os.getenv "HOME"), help.read_file(out))
  end)

  it("that does not exist is a clear error", function()
    local market = open()
    local err = fails("transport", "server 'c': cannot run 'souk%-no%-such%-program': No such file or directory",
      market:add_server("c", { command = "souk-no-such-program" }))
    assert.equal("not_sent", err.delivery)
    local path = help.write_file(help.folder() .. "/no_program", "")
    fails("transport", "no_program': Permission denied", market:add_server("c", { command = path }))
    fails("transport", "no_such_folder", market:add_server("c", { command = "true", cwd = "/no_such_folder" }))
  end)

  it("that dies at once is quoted in the error", function()
    local _, tools, err = connect { die_at_start = true }
    fails("transport", "server 'c': the server process ended: .*code 1; its last words: "
      .. "souk%-scripted: no configuration found, giving up", tools, err)
    assert.equal("not_sent", err.delivery)
    assert.same({}, children())
  end)

  it("that says nothing and dies is told by how it ended", function()
    local market = open()
    fails("transport", "the server process ended: .*code 7", market:add_server("c", shell "exit 7"))
    fails("transport", "the server process ended: .*signal 9", market:add_server("c", shell "kill -9 $$"))
  end)

  it("may have last words that are long, binary, or full of control characters", function()
    local market = open()
    local err = fails("transport", "its last words: ",
      market:add_server("c", shell [[printf 'a\033[31mred\377\001 end' >&2; exit 1]]))
    assert.truthy(err.message:find("a?[31mred?? end", 1, true))
    err = fails("transport", "the end$", market:add_server("c", shell [[
      i=0; while [ $i -lt 500 ]; do echo "line $i of a long complaint" >&2; i=$((i+1)); done
      echo the end >&2; exit 1]]))
    assert.truthy(#err.message < 512)
  end)

  it("that floods stderr disturbs nothing", function()
    local market, spec = connected { flood_stderr = 300000 }
    for i = 1, 5 do
      assert.equal("call " .. i, market:call("mcp.c.echo", { text = "call " .. i }))
    end
    assert.same({}, spec.ledger().violations)
  end)

  it("that prints other lines to stdout is still understood", function()
    local market = connected { garbage = true }
    assert.equal("x", market:call("mcp.c.echo", { text = "x" }))
  end)

  it("that never answers is given up, and ended", function()
    local market = open { spawn_timeout = 0.3, probe_timeout = 0.1, child_grace = 0.1 }
    local err = fails("timeout", "server 'c'.*not open after 0.3 s", market:add_server("c", shell "exec sleep 61.7"))
    assert.equal("not_sent", err.delivery)
    help.step_until(market, function() return #help.children "sleep 61.7" == 0 end)
  end)

  it("that writes a line without end is stopped", function()
    local market = open { max_response = 100000 }
    fails("limit", "server 'c'.*larger than 100000 bytes", market:add_server("c",
      shell "head -c 5000000 /dev/zero | tr '\\0' x; exec sleep 61.8"))
    help.step_until(market, function() return #help.children "sleep 61.8" == 0 end)
  end)

  it("that dies in a call fails the call, and the next one starts another child", function()
    local market, spec = connected { die_on_call = 2 }
    assert(market:call("mcp.c.create_issue", { owner = "o", repo = "r", title = "first" }))
    local before = children()
    local err = fails("transport", "the server process ended: .*code 7",
      market:call("mcp.c.create_issue", { owner = "o", repo = "r", title = "second" }))
    assert.equal("ambiguous", err.delivery)
    assert.is_true(err.retryable)
    assert(market:call("mcp.c.create_issue", { owner = "o", repo = "r", title = "third" }))
    assert.not_same(before, children())
    assert.same({ "third" }, spec.ledger().created)
    assert.equal(1, market:stats().sessions_lost)
  end)

  it("that dies in a call gets the call again when the tool only reads, or the caller allows it", function()
    local market = connected({ die_on_call = 2 }, { listen = false })
    local issue = { owner = "o", repo = "r", title = "t" }
    assert(market:call "mcp.c.get_me")
    assert.equal("souk-tester", assert(market:call "mcp.c.get_me").login)
    assert.equal(1, market:stats().calls_resent)
    assert(market:call("mcp.c.create_issue", issue, { resend = true }))
    assert.equal(2, market:stats().calls_resent)
    fails("transport", "ended", market:call("mcp.c.get_me", {}, { resend = false }))
    assert.equal(2, market:stats().calls_resent)
  end)

  it("that dies in every call is not asked for ever", function()
    local market = connected({ die_on_call = 1 }, { listen = false })
    local err = fails("transport", "the server process ended", market:call "mcp.c.get_me")
    assert.equal("ambiguous", err.delivery)
    assert.equal(1, market:stats().calls_resent)
  end)

  it("that was killed while it was idle is replaced without anybody noticing", function()
    local market = connected()
    local pid = children()[1]
    os.execute("kill -9 " .. pid)
    help.step_until(market, function() return #market:sessions() == 0 end)
    assert(market:call("mcp.c.create_issue", { owner = "o", repo = "r", title = "t" }))
    assert.not_equal(pid, children()[1])
  end)

  it("ends when its stdin is closed", function()
    local market = connected({}, nil, { child_grace = 30 })
    local pid = children()[1]
    assert.truthy(seconds_of(function() market:close(60) end) < 15)
    assert.is_false(help.is_running(pid))
  end)

  it("that ignores the end of its stdin is sent TERM after its grace", function()
    local market = connected({ ignore_eof = true }, nil, { child_grace = 0.2 })
    local pid = children()[1]
    local took = seconds_of(function() market:close(60) end)
    assert.truthy(took >= 0.2 and took < 10)
    assert.is_false(help.is_running(pid))
  end)

  it("that ignores TERM, too, is killed after its grace", function()
    local market = connected({ ignore_eof = true, ignore_term = true }, nil, { child_grace = 0.2 })
    local pid = children()[1]
    local took = seconds_of(function() market:close(60) end)
    assert.truthy(took >= 0.4 and took < 10)
    assert.is_false(help.is_running(pid))
  end)

  it("does not outlive a program that was killed", function()
    local child = help.child "scripted"
    local script = ([[dofile "spec/support/paths.lua"
      local market = require("souk").open { env = {} }
      assert(market:add_server("c", { command = %q, args = { %q, "--stdio", "--knobs", "{\"ignore_eof\":false}" } }))
      print "ready"
      io.stdout:flush()
      while true do market:step(60) end]]):format(child.command, child.args[1])
    local path = help.write_file(help.folder() .. "/script.lua", script)
    local lua = _VERSION == "Lua 5.4" and "lua5.4" or jit and "luajit" or "lua5.1"
    local pipe = assert(io.popen("echo $$; SOUK_BUILD=build/ exec " .. lua .. " " .. path))
    local pid = tonumber(pipe:read "*l")
    assert.equal("ready", pipe:read "*l")
    local grandchild = help.output_of("ps -o pid= --ppid " .. pid):match "%d+"
    os.execute("kill -9 " .. pid)
    pipe:close()
    for _ = 1, 100 do
      if not help.is_running(grandchild) then
        return
      end
      os.execute "sleep 0.02"
    end
    error "the child is still there"
  end)

  it("leaves nothing behind: no process and no descriptor after 50 openings", function()
    -- A server that is quick to start: it answers what it is asked, line by line.
    local script = help.write_file(help.folder() .. "/server.sh", [[
      answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
      while read -r line; do
        id=${line##*\"id\":}; id=${id%%[,\}]*}
        case $line in
          *'"initialize"'*)
            answer "$id" '{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}' ;;
          *'"tools/list"'*) answer "$id" '{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}' ;;
        esac
      done]])
    local function once()
      local market = souk.open { env = {} }
      assert.equal(1, market:add_server("c", { command = "sh", args = { script }, protocol_version = "2025-06-18" }))
      market:close()
    end
    once()
    local before = help.descriptors()
    for _ = 1, 50 do
      once()
    end
    assert.equal(before, help.descriptors())
    assert.same({}, help.children(script))
  end)
end)

describe("children and connections together", function()
  it("serve one script", function()
    local server = servers.start "scripted"
    local market, spec = connected()
    assert(market:add_server("web", { url = server.url }))
    local handles = {}
    for i = 1, 20 do
      handles[i] = market:start(i % 2 == 0 and "mcp.c.echo" or "mcp.web.echo", { text = "call " .. i })
    end
    for i = 1, 20 do
      assert.equal("call " .. i, handles[i]:wait())
    end
    market:close()
    assert.same({}, server:ledger().violations)
    assert.same({}, spec.ledger().violations)
    server:stop()
  end)
end)
