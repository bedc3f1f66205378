-- The main job of souk, step by step, against real MCP servers. Run it with `make demo`.
--
-- `make demo-github` runs the first part against the URL in the capability file instead; that needs a network and a
-- token in MCP_AUTH_TOKEN.
local souk = require "souk"
local servers = require "spec.support.servers"

local real_github = arg and arg[1] == "github"

local steps = 0

local function step(title)
  steps = steps + 1
  print(("\n%d. %s"):format(steps, title))
end

local function say(text, ...)
  print("   " .. (select("#", ...) > 0 and text:format(...) or text))
end

-- Every call of the demo has to succeed: a demo that goes on after a failure shows nothing.
local function must(value, err)
  if value == nil then
    io.stderr:write("\nThe demo failed: ", tostring(err), "\n")
    os.exit(1)
  end
  return value
end

local function short(value)
  local plain = type(value) == "table" and not value.kind
  local text = plain and souk.json.encode(value) or tostring(value)
  text = text:gsub("%s+", " ")
  return #text > 100 and text:sub(1, 97) .. "..." or text
end

-- Prints what happens to sessions while it happens.
local function watch(market)
  market:on("session_opened", function(e)
    say("[pool] session opened: id %s, protocol %s", e.session, e.detail)
  end)
  market:on("session_reused", function(e)
    say("[pool] session reused: id %s", e.session)
  end)
  market:on("session_closed", function(e)
    say("[pool] session closed: id %s", e.session)
  end)
end

local function count_of(ledger, method)
  return math.floor(ledger.methods[method] or 0)
end

local function show_metadata(manifest)
  local keys = {}
  for key in pairs(manifest.metadata) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  say("its nested metadata, flattened, has %d entries:", #keys)
  for _, key in ipairs(keys) do
    say("     %s: %s", key, manifest.metadata[key])
  end
end

-- --- the capability file, the marketplace, the pool ------------------------------------------------------------

local function github_part()
  step "A capability file is loaded into the marketplace"
  local github, env
  if real_github then
    if (os.getenv "MCP_AUTH_TOKEN" or "") == "" then
      say "MCP_AUTH_TOKEN is not set. Make a personal access token for GitHub, and say:"
      say "    MCP_AUTH_TOKEN=github_pat_... make demo-github"
      os.exit(1)
    end
  else
    github = servers.start("scripted", { knobs = { token = "s3cret-demo" } })
    env = { MCP_SERVER_URL = github.url, MCP_AUTH_TOKEN = "s3cret-demo" }
    say("(a GitHub-shaped server of the specs listens on %s; it wants a Bearer token)", github.url)
  end
  local market = souk.open { env = env }
  watch(market)
  local loaded, diagnostics = market:load "examples/capabilities/mcp/github"
  must(loaded, diagnostics)
  say("%d capabilities loaded from examples/capabilities/mcp/github, %d diagnostics", loaded, #diagnostics)
  local manifest = must(market:get "mcp.github.get_me", "mcp.github.get_me is not there")
  say("%s: %s", manifest.id, manifest.description)
  show_metadata(manifest)

  step "It is called: the metadata asks for a session, so the call goes to the session pool"
  say("mcp_requires_session is '%s': handler 'mcp'", manifest.metadata.mcp_requires_session)
  local me = must(market:call("mcp.github.get_me", {}))
  say("tool get_me called; the result: login %s, id %s", me.login, me.id)

  step "It is called again: the same session serves it"
  must(market:call("mcp.github.get_me", {}))

  step "Another tool of the same server: still the same session"
  if real_github then
    local issues = must(market:call("mcp.github.list_issues", { owner = "lua", repo = "lua", perPage = 2 }))
    say("tool list_issues called; the result: %s", short(issues))
  else
    local issues = must(market:call("mcp.github.list_issues", { owner = "souk", repo = "souk", perPage = 2 }))
    say("tool list_issues called; the result: %s", short(issues))
    local ledger = github:ledger()
    say("")
    say("what the server saw:   initialize %d   tools/call %d   protocol violations %d",
      count_of(ledger, "initialize"), count_of(ledger, "tools/call"), #ledger.violations)
    assert(count_of(ledger, "initialize") == 1, "more than one session was opened")
    assert(count_of(ledger, "tools/call") == 3, "not every call was made once")
  end
  market:close()
  if github then
    github:stop()
  end
end

-- Where a stdio server is, in the words of add_server.
local function child(name, options)
  local spec = servers.stdio(name, options)
  return { command = spec.command, args = spec.args, env = spec.env }
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

-- --- servers that we did not write -----------------------------------------------------------------------------

local function everything_over_http(market)
  step "@modelcontextprotocol/server-everything over Streamable HTTP"
  local server = servers.start "everything"
  say("it listens on %s", server.url)
  say("%d tools found and registered", must(market:add_server("everything_http", { url = server.url })))
  say("mcp.everything_http.echo -> %s", short(must(market:call("mcp.everything_http.echo", { message = "over HTTP" }))))
  say("mcp.everything_http.get-sum -> %s", short(must(market:call("mcp.everything_http.get-sum", { a = 19, b = 23 }))))
  return server
end

local function everything_over_stdio(market)
  step "@modelcontextprotocol/server-everything over stdio: a child process is a session"
  say("%d tools found and registered", must(market:add_server("everything", child "everything")))
  say("mcp.everything.echo -> %s", short(must(market:call("mcp.everything.echo", { message = "over stdio" }))))
  say("mcp.everything.get-sum -> %s", short(must(market:call("mcp.everything.get-sum", { a = 19, b = 23 }))))
end

local function filesystem(market)
  step "@modelcontextprotocol/server-filesystem over stdio, on a temporary folder"
  local folder = output_of "mktemp -d"
  say("%d tools found and registered", must(market:add_server("files", child("filesystem", { folder = folder }))))
  must(market:call("mcp.files.write_file", { path = folder .. "/note.txt", content = "written through souk" }))
  say("write_file, then read_text_file -> %s",
    short(must(market:call("mcp.files.read_text_file", { path = folder .. "/note.txt" }))))
  local outside, err = market:call("mcp.files.read_text_file", { path = "/etc/hostname" })
  assert(outside == nil and err.kind == "tool")
  say("a file outside of the folder -> %s", short(err))
  return folder
end

local function modern(market)
  step "A server of the new protocol, 2026-07-28: no session at all, through the same door"
  local server = servers.start "modern"
  say("%d tools found and registered", must(market:add_server("modern", { url = server.url })))
  say("mcp.modern.echo -> %s", short(must(market:call("mcp.modern.echo", { text = "stateless" }))))
  return server
end

local function own_function(market)
  step "A Lua function is a capability, too"
  must(market:register {
    id = "text.shout",
    description = "Says it louder.",
    input_schema = { type = "object", properties = { text = { type = "string" } }, required = { "text" } },
    handler = function(input)
      return { text = input.text:upper() .. "!" }
    end,
  })
  say("text.shout -> %s", short(must(market:call("text.shout", { text = "souk" }))))
  local _, err = market:call("text.shout", { text = 42 })
  say("with a number -> %s", tostring(err))
end

local function in_the_end(market)
  step "In the end"
  for _, session in ipairs(market:sessions()) do
    say("session of %-16s id %-10s protocol %-10s calls %d", session.server, session.id, session.protocol,
      session.calls)
  end
  local stats = market:stats()
  say("calls %d, sessions opened %d, reused %d, lost %d", stats.calls, stats.sessions_opened, stats.sessions_reused,
    stats.sessions_lost)
end

github_part()
if not real_github then
  local market = souk.open {}
  watch(market)
  local http = everything_over_http(market)
  everything_over_stdio(market)
  local folder = filesystem(market)
  local stateless = modern(market)
  own_function(market)
  in_the_end(market)
  market:close()
  http:stop()
  stateless:stop()
  os.execute("rm -rf '" .. folder .. "'")
end
print "\nDone."
