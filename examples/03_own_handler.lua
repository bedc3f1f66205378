-- A session handler of one's own: the pool opens, shares, renews and closes sessions of any kind, and knows nothing of
-- what they are. Here a session is a connection to a small store of notes, which lives in this script.
--
--     lua5.4 -e 'dofile "spec/support/paths.lua"' examples/03_own_handler.lua
local souk = require "souk"

-- --- the thing that sessions are opened with: it forgets a connection after three requests --------------------

local notes = { connections = {}, opened = 0, pages = {} }

function notes.connect(user)
  notes.opened = notes.opened + 1
  notes.connections[notes.opened] = { user = user, left = 3 }
  return notes.opened
end

function notes.ask(number, action, page, text)
  local connection = notes.connections[number]
  if not connection or connection.left == 0 then
    return nil, "no connection"
  end
  connection.left = connection.left - 1
  if action == "write" then
    notes.pages[page] = text
  end
  return notes.pages[page] or "(an empty page)"
end

-- --- the handler ---------------------------------------------------------------------------------------------------

local handler = {}

-- Called when a session is needed. What it returns is given to the other functions; it has to be a value that JSON has.
function handler.open(target)
  print(("  open %s for %s"):format(target.server, target.identity))
  return { number = notes.connect(target.identity) }
end

-- Called for each call. An error of kind "closed" says that the session is gone and nothing was done: souk opens
-- another one, and calls once more.
function handler.call(session, request)
  local text, why = notes.ask(session.number, request.metadata.notes_tool_name, request.input.page, request.input.text)
  if why == "no connection" then
    print(("  connection %d is gone"):format(session.number))
    return nil, { kind = "closed", message = why }
  end
  return text
end

function handler.close(session)
  print(("  close connection %d"):format(session.number))
  notes.connections[session.number] = nil
end

-- --- capabilities whose metadata ask for it: <prefix>_requires_session ---------------------------------------------

-- What the metadata of two capabilities say alike, but for tool_name, is where they go: these two share a session.
local market = souk.open()
assert(market:handler("notes", handler))
assert(market:load_text [==[
  (capability "notes.write"
    :input-schema [:map [:page :string] [:text :string]]
    :metadata {:notes {:requires_session "auto" :server_name "pad" :tool_name "write"}})
  (capability "notes.read"
    :input-schema [:map [:page :string]]
    :metadata {:notes {:requires_session "auto" :server_name "pad" :tool_name "read"}})
]==])

local function call(identity, id, input)
  local text = assert(market:call(id, input, { identity = identity }))
  print(("%s: %s %s -> %s"):format(identity, id, input.page, text))
end

call("ann", "notes.write", { page = "plan", text = "buy bread" })
call("ann", "notes.read", { page = "plan" })
call("bob", "notes.read", { page = "plan" }) -- a session of his own
call("ann", "notes.read", { page = "other" })
call("ann", "notes.read", { page = "plan" }) -- one too many for her session: it is renewed on the way

print(("sessions opened: %d, calls made once more: %d"):format(market:stats().sessions_opened,
  market:stats().calls_resent))
market:close()
