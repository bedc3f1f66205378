-- Servers that want to know something before they go on: from the user, from a language model, and where they may
-- work. Here the "user" is a table of answers, and the model a parrot.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/05_questions.lua
local souk = require "souk"
local servers = require "spec.support.servers"

-- --- who answers what ----------------------------------------------------------------------------------------------

local later -- a question that is answered when there is time for it

local function ask_the_user(request)
  if request.mode == "url" then
    print(("%s wants %s to be visited: not today"):format(request.server, request.url))
    return "decline"
  elseif request.message == "Take your time." then
    later = request
    return souk.later
  end
  print(("%s asks for %s: %s"):format(request.server, request.capability or "itself", request.message))
  return { name = "Ann", age = 41 } -- the rest are the form's defaults
end

local function parrot(request)
  return { model = "parrot", content = request.params.messages[1].content.text .. "! Hello!" }
end

-- --- both eras of the protocol look alike from here ----------------------------------------------------------------

for _, revision in ipairs { "2025-11-25", "2026-07-28" } do
  print("--- " .. revision)
  local server = servers.start("scripted", { knobs = { revisions = { revision }, all_tools = true } })
  local market = souk.open { elicitation = ask_the_user, sampling = parrot, roots = { "/home/ann/work" } }
  assert(market:add_server("clerk", { url = server.url }))

  local form = assert(market:call("mcp.clerk.ask_form", { message = "Who are you?" }))
  print(("it got: %s, %d, %s"):format(form.content.name, form.content.age, form.content.status))
  print("it got: " .. assert(market:call "mcp.clerk.ask_url").action)
  print("it got: " .. assert(market:call("mcp.clerk.ask_sample", { prompt = "Hello" })).content.text)
  print("it got: " .. assert(market:call "mcp.clerk.ask_roots").roots[1].uri)

  -- An answer may take its time, while other calls go on.
  local handle = assert(market:start("mcp.clerk.ask_form", { message = "Take your time." }))
  while not later do
    assert(market:step(1))
  end
  print("meanwhile: " .. assert(market:call("mcp.clerk.echo", { text = "other work" })))
  print(later.respond { age = "old" }) -- does not fit the form
  assert(later.respond { name = "Bob" })
  later = nil
  print("it got: " .. assert(handle:wait()).content.name)

  market:close()
  server:stop()
end
