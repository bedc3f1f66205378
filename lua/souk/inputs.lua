--- Questions of servers: elicitation, sampling, roots. The core says which were declared and puts them; here they come
-- to functions of the script, and what those say becomes the answer.
local core = require "souk.core"
local forms = require "souk.forms"
local guard = require "souk.guard"
local roots = require "souk.roots"

local inputs = {}

--- What a handler returns when its answer comes later.
inputs.later = setmetatable({}, { __tostring = function() return "souk.later" end })

local function wrong(message, ...)
  return nil, core.error("schema", message:format(...))
end

-- --- elicitation ----------------------------------------------------------------------------------------------------

local actions = { accept = "accept", decline = "decline", cancel = "cancel", [true] = "accept", [false] = "decline" }

-- A URL that may be shown to the user. Others could do harm when a program opens them.
local function may_be_visited(url)
  return type(url) == "string" and url:lower():find "^https?://[^/?#]" ~= nil and not url:find "[%c%s]"
end

local elicitation = { option = "elicitation" }

function elicitation.prepare(request)
  local params = request.params
  request.message = params.message
  if params.mode == "url" then
    request.mode, request.url, request.elicitation_id = "url", params.url, params.elicitationId
    if not may_be_visited(params.url) then
      return { action = "decline" }
    end
  else
    request.mode, request.schema = "form", params.requestedSchema
  end
end

function elicitation.result(request, answer)
  local action = actions[answer]
  if request.mode == "url" then
    if not action then
      return wrong("elicitation: expected 'accept', 'decline' or 'cancel' for a URL, got %s", tostring(answer))
    end
    return { action = action }
  elseif action and action ~= "accept" then
    return { action = action }
  elseif not action and type(answer) ~= "table" then
    return wrong("elicitation: expected a table, 'accept', 'decline' or 'cancel', got %s", tostring(answer))
  end
  local content, why = forms.fill(request.schema, action and {} or answer)
  if not content then
    return nil, why
  end
  return { action = "accept", content = content }
end

-- --- sampling -------------------------------------------------------------------------------------------------------

-- code: "User rejected sampling request" has this one in the specification (2025-11-25, client/sampling).
local sampling = { option = "sampling", code = -1 }

function sampling.prepare() end

-- The number of the first block that is none; nil when all are. What else belongs into which block is the schema's.
local function block_without_type(content)
  for i, block in ipairs(content[1] == nil and { content } or content) do
    if type(block) ~= "table" or type(block.type) ~= "string" then
      return i
    end
  end
  return nil
end

function sampling.result(_, answer)
  if type(answer) ~= "table" then
    return wrong("sampling: expected a table {role, content, model, stopReason}, got %s", tostring(answer))
  end
  local result = {}
  for key, value in pairs(answer) do
    result[key] = value
  end
  result.role = result.role or "assistant"
  if type(result.content) == "string" then
    result.content = { type = "text", text = result.content }
  end
  if type(result.content) ~= "table" or next(result.content) == nil then
    return wrong("sampling: content: expected a text, a block, or a list of blocks")
  elseif result.role ~= "user" and result.role ~= "assistant" then
    return wrong("sampling: role: expected 'user' or 'assistant', got %s", tostring(result.role))
  elseif result.stopReason ~= nil and type(result.stopReason) ~= "string" then
    return wrong("sampling: stopReason: expected a string, got %s", type(result.stopReason))
  end
  local misfit = block_without_type(result.content)
  if misfit then
    return wrong("sampling: content: block %d: expected a table with a type", misfit)
  elseif type(result.model) ~= "string" then
    return wrong("sampling: model: expected the name of the model, got %s", type(result.model))
  end
  return result
end

-- --- roots ----------------------------------------------------------------------------------------------------------

local folders = { option = "roots" }

function folders.prepare() end

function folders.result(_, answer)
  local list, why = roots.list(answer)
  if not list then
    return wrong("roots: %s", why)
  end
  return { roots = list }
end

-- --- the way of a question ------------------------------------------------------------------------------------------

local methods = {
  ["elicitation/create"] = elicitation,
  ["sampling/createMessage"] = sampling,
  ["roots/list"] = folders,
}

--- The handlers that a server has: its own, and those of the market where it says nothing.
-- @param own table option -> handler, or false for none
-- @param common table|nil option -> handler
-- @return table option -> handler
-- @return integer what is declared by that: flags of core.abilities
function inputs.merge(own, common)
  local handlers, abilities, flags = {}, 0, core.abilities
  for _, kind in pairs(methods) do
    local handler = own[kind.option]
    if handler == nil and common then
      handler = common[kind.option]
    end
    handlers[kind.option] = handler or nil
  end
  if handlers.elicitation then
    abilities = abilities + flags.elicit_form + flags.elicit_url
  end
  if handlers.sampling then
    abilities = abilities + flags.sample
  end
  if handlers.roots then
    abilities = abilities + flags.roots
  end
  return handlers, abilities
end

-- An error that a handler returned, as the core takes it.
local function error_of(kind, err)
  local fields = type(err) == "table" and err or { message = tostring(err) }
  return {
    kind = core.error_kinds[fields.kind] and fields.kind or "tool",
    message = type(fields.message) == "string" and fields.message or "no answer",
    code = fields.code or kind.code,
  }
end

-- Sends the answer, unless it does not fit: then the question stays open.
local function settle(question, answer, err)
  if question.settled then
    return true
  end
  -- Everything that may raise comes first: what the program gave may be a table with a mind of its own.
  local result, refusal
  if answer == nil then
    refusal = error_of(question.kind, err)
  else
    local why
    result, why = question.kind.result(question.request, answer)
    if result then
      local text
      text, why = core.json.encode(result)
      result = text and result
    end
    if not result then
      return nil, why
    end
  end
  question.settled = true
  question.state.asked[question.ask] = nil
  if result then
    question.market:_answer(question.ask, result)
  else
    question.market:_answer_error(question.ask, refusal)
  end
  return true
end

-- The function of the request by which the answer comes later.
local function respond_to(question)
  return function(answer, err)
    if question.answered then
      error("respond: the question was answered already", 2)
    elseif answer == nil and err == nil then
      error("respond: expected an answer, or nil and an error", 2)
    end
    local ok, why = settle(question, answer, err)
    question.answered = ok
    return ok, why
  end
end

-- What a handler has done wrong is told here; the server only hears that there is no answer, and no more than needed.
local function fail(question, message, why)
  guard.report(question.state, message)
  settle(question, nil, { kind = why and why.kind, code = -32603, message = why and why.message
    or ("the client's handler for %s failed"):format(question.kind.option) })
end

local function run(question, handler)
  local ok, answer, err = true, handler, nil
  if type(handler) == "function" then
    ok, answer, err = pcall(handler, question.request)
  end
  if question.settled or (ok and answer == inputs.later) then
    return
  elseif not ok then
    fail(question, answer)
  elseif answer == nil and err == nil then
    fail(question, ("%s: the handler gave no answer"):format(question.kind.option))
  else
    question.answered = true
    local looked, fits, why = pcall(settle, question, answer, err)
    if not looked then
      fail(question, fits)
    elseif not fits then
      fail(question, why, why)
    end
  end
end

--- Puts a question to the handlers of its server, and answers it at once or when they do.
-- @param state table the dispatcher's
-- @param ask integer the core's number for the question
-- @param handlers table option -> handler
-- @param payload table server, identity, capability, method, params
function inputs.ask(market, state, ask, handlers, payload)
  local kind = methods[payload.method]
  local handler = kind and handlers[kind.option]
  if not handler then
    local message = "nobody answers " .. tostring(payload.method)
    market:_answer_error(ask, { kind = "config", code = -32601, message = message })
    return
  end
  local request = {
    server = payload.server, identity = payload.identity, capability = payload.capability,
    method = payload.method, params = type(payload.params) == "table" and payload.params or {}, withdrawn = false,
  }
  local question = { market = market, state = state, ask = ask, kind = kind, request = request }
  request.respond = respond_to(question)
  state.asked[ask] = question
  local answer = kind.prepare(request)
  if answer then
    question.settled = true
    state.asked[ask] = nil
    market:_answer(ask, answer)
    return
  end
  run(question, handler)
end

--- The server does not want the answer any more, or waited too long for it.
function inputs.withdrawn(state, ask)
  local question = state.asked[ask]
  if not question then
    return
  end
  state.asked[ask] = nil
  question.settled = true
  question.request.withdrawn = true
  if question.request.on_withdrawn then
    guard.run(state, question.request.on_withdrawn)
  end
end

return inputs
