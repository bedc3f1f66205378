-- Children and the program that started them: what is left of them when it is killed, what they inherit, and what they
-- may write to stderr. How they are stopped (stdin, TERM, KILL, with their group) is in c/test_io_child.c and
-- mcp_stdio_spec.lua, the shell that watches over their groups in c/test_io_keeper.c.

local help = require "spec.support.help"
local servers = require "spec.support.servers"

teardown(help.stop_servers)
after_each(help.clean_up)

local LUA = _VERSION == "Lua 5.4" and "lua5.4" or rawget(_G, "jit") and "luajit" or "lua5.1"

local quote = require "spec.support.shell".quote

-- The ids of all processes that descend from this one.
local function descendants(pid)
  local parents = {}
  for child, parent in help.output_of("ps -e -o pid= -o ppid="):gmatch "(%d+)%s+(%d+)" do
    parents[tonumber(child)] = tonumber(parent)
  end
  local list = {}
  for child in pairs(parents) do
    local at = parents[child]
    while at and at > 1 and at ~= pid do
      at = parents[at]
    end
    if at == pid then
      list[#list + 1] = child
    end
  end
  return list
end

local function is_gone(pid)
  local state = help.output_of(("ps -o stat= -p %d"):format(pid))
  return state == "" or state:sub(1, 1) == "Z"
end

local function wait_until(done, what)
  for _ = 1, 500 do
    if done() then
      return
    end
    os.execute "sleep 0.02"
  end
  error(what)
end

-- A program that has the child, and then only waits: it is killed, and everything that descended from it goes.
local function kill_program_with(child, least)
  local script = ([[dofile "spec/support/paths.lua"
    local market = require("souk").open { env = {} }
    assert(market:add_server("c", { command = %q, args = { %q, %q } }))
    print "ready"
    io.stdout:flush()
    while true do market:step(60) end]]):format(child.command, child.args[1], child.args[2])
  local path = help.write_file(help.folder() .. "/script.lua", script)
  local pipe = assert(io.popen("echo $$; SOUK_BUILD=build/ exec " .. LUA .. " " .. path))
  local pid = tonumber(pipe:read "*l")
  assert.equal("ready", pipe:read "*l")
  local family = descendants(pid)
  assert.truthy(#family >= least, #family)
  os.execute("kill -KILL " .. pid)
  pipe:close()
  for _, one in ipairs(family) do
    wait_until(function() return is_gone(one) end, "a process is still there: "
      .. help.output_of("ps -o pid=,args= -p " .. one))
  end
end

describe("a program that is killed", function()
  -- The server ends neither with its input nor by TERM.
  local function stubborn()
    local words = { help.child("scripted").command, help.child("scripted").args[1], "--stdio", "--knobs",
      '{"ignore_eof":true,"ignore_term":true}' }
    for i, word in ipairs(words) do
      words[i] = quote(word)
    end
    return table.concat(words, " ")
  end

  it("takes its children along", function()
    kill_program_with({ command = "sh", args = { "-c", "exec " .. stubborn() } }, 2)
  end)

  it("takes along what they have started, as npx and shells do", function()
    kill_program_with({ command = "sh", args = { "-c", stubborn() .. "; exit 0" } }, 3)
    kill_program_with({ command = "sh", args = { "-c", "sh -c " .. quote(stubborn() .. "; :") .. "; :" } }, 4)
  end)
end)

-- The beginning of a server that is a shell script: it answers what it is asked, line by line.
local SERVER = [[
  answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
  while read -r line; do
    id=${line##*\"id\":}; id=${id%%[,\}]*}
    case $line in
      *'"initialize"'*)
        answer "$id" '{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"s","version":"1"}}' ;;
      *'"ping"'*) answer "$id" '{}' ;;
]]

local function shell_server(market, name, cases)
  local script = help.write_file(help.folder() .. "/server.sh", SERVER .. cases .. "\nesac\ndone")
  assert(market:add_server(name, { command = "sh", args = { script }, protocol_version = "2025-06-18",
    discover = false, listen = false }))
end

describe("a child", function()
  it("has no descriptors but its own three, whatever else is open", function()
    local peer = servers.start("scripted", { knobs = { all_tools = true } })
    local market = help.open()
    assert(market:add_server("web", { url = peer.url, listen = false }))
    shell_server(market, "first", "")
    assert(market:request("first", "ping"))
    local handles = {}
    for i = 1, 50 do
      handles[i] = assert(market:start("mcp.web.slow", { ms = 60000 })) -- each has a connection
    end
    help.step_until(market, function() return peer:ledger().in_flight == 50 end)
    assert.truthy(help.descriptors() > 50)
    -- 3 is the folder that ls reads.
    shell_server(market, "second", [[*'"which"'*) answer "$id" "{\"open\":\"$(ls /proc/self/fd | tr '\n' ' ')\"}" ;;]])
    assert.equal("0 1 2 3 ", assert(market:request("second", "which")).open)
    for _, handle in ipairs(handles) do
      handle:cancel()
    end
    market:close()
    peer:stop()
  end)

  it("may write 10 MB to stderr before it answers, and its last lines are in the error when it dies", function()
    local market = help.open()
    shell_server(market, "c", [[
      *'"flood"'*) head -c 10000000 /dev/zero | tr '\0' x >&2; answer "$id" '{"done":true}' ;;
      *'"die"'*) head -c 10000000 /dev/zero | tr '\0' x >&2; echo >&2; echo "the disk is full" >&2; exit 3 ;;]])
    assert.is_true(assert(market:request("c", "flood")).done)
    local err = help.fails("transport", "code 3; its last words: .*the disk is full", market:request("c", "die"))
    assert.equal("ambiguous", err.delivery)
  end)
end)
