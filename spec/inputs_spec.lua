-- What becomes of a server's question, and of the answers that functions of the script give. The servers' side is in
-- elicitation_spec.lua and sampling_spec.lua.

local core = require "souk.core"
local guard = require "souk.guard"
local inputs = require "souk.inputs"
local options = require "souk.options"
local souk = require "souk"

-- A market that writes down what it is given to answer; `last` is the latest: JSON text, or the table of an error.
local function fake_market()
  local market = { answers = 0 }
  function market:_answer(ask, value)
    self.answers, self.ask, self.last = self.answers + 1, ask, souk.json.encode(value)
  end
  function market:_answer_error(ask, err)
    self.answers, self.ask, self.last = self.answers + 1, ask, err
  end
  return market
end

local function fake_state()
  local state = { asked = {}, errors = {} }
  function state.on_error(message)
    state.errors[#state.errors + 1] = message
  end
  return state
end

local market, state

before_each(function()
  market, state = fake_market(), fake_state()
end)

-- Puts a question to a handler; returns what was answered.
local function put(method, params, handler)
  local names = {
    ["elicitation/create"] = "elicitation", ["sampling/createMessage"] = "sampling", ["roots/list"] = "roots",
  }
  local payload = { server = "s", identity = "default", capability = "mcp.s.x", method = method, params = params }
  inputs.ask(market, state, 7, { [names[method]] = handler }, payload)
  return market.last
end

local FORM = {
  type = "object",
  properties = {
    name = { type = "string", default = "ann" },
    age = { type = "integer", minimum = 0, default = 30 },
    score = { type = "number", default = 0.5 },
    wise = { type = "boolean", default = false },
    size = { type = "string", enum = { "s", "m", "l" }, default = "m" },
    tags = { type = "array", items = { type = "string", enum = { "x", "y" } }, default = { "x" } },
    note = { type = "string" },
  },
  required = { "name" },
}

local function elicit(handler, schema)
  local params = { message = "who?", requestedSchema = schema or FORM }
  return put("elicitation/create", params, handler)
end

local function content_of(text)
  local answer = assert(souk.json.decode(text))
  assert.equal("accept", answer.action)
  return answer.content
end

describe("a form", function()
  it("tells the handler everything that is known", function()
    local seen
    elicit(function(request)
      seen = request
      return "cancel"
    end)
    assert.equal("s", seen.server)
    assert.equal("default", seen.identity)
    assert.equal("mcp.s.x", seen.capability)
    assert.equal("elicitation/create", seen.method)
    assert.equal("form", seen.mode)
    assert.equal("who?", seen.message)
    assert.equal(FORM, seen.schema)
    assert.is_false(seen.withdrawn)
  end)

  it("is filled up with the defaults of its schema", function()
    local all = { name = "ann", age = 30, score = 0.5, wise = false, size = "m", tags = { "x" } }
    assert.same(all, content_of(elicit(function() return {} end)))
    assert.same(all, content_of(elicit(function() return "accept" end)))
    assert.same(all, content_of(elicit(function() return true end)))
    all.name, all.tags, all.wise = "bob", { "y", "x" }, true
    assert.same(all, content_of(elicit(function() return { name = "bob", tags = { "y", "x" }, wise = true } end)))
    assert.same({ "x" }, FORM.properties.tags.default)
  end)

  it("leaves out a field with a default that is null in the answer", function()
    local content = content_of(elicit(function() return { age = souk.null } end))
    assert.is_nil(content.age)
    assert.equal("ann", content.name)
  end)

  it("has an object as its content, and lists as lists, also when they are empty", function()
    local function has(text, part)
      assert.truthy(text:find(part, 1, true), text)
    end
    has(elicit(function() return {} end, { type = "object", properties = {} }), '"content":{}')
    has(elicit(function() return { tags = {} } end,
      { type = "object", properties = { tags = { type = "array", items = { type = "string" } } } }),
      '"content":{"tags":[]}')
  end)

  it("is declined or cancelled", function()
    assert.equal('{"action":"decline"}', elicit(function() return "decline" end))
    assert.equal('{"action":"decline"}', elicit(function() return false end))
    assert.equal('{"action":"cancel"}', elicit(function() return "cancel" end))
  end)

  for what, answer in pairs {
    ["/age: .*integer"] = { age = "old" },
    ["/age: "] = { age = -1 },
    ["/size: "] = { size = "xl" },
    ["/tags"] = { tags = { "z" } },
    ["no field 'nmae' %(did you mean 'name'%?%)"] = { nmae = "ann" },
    ["by the names of their fields"] = { "ann" },
    ["required"] = { name = souk.null },
    ["expected a table, 'accept', 'decline' or 'cancel', got yes"] = "yes",
  } do
    it("is refused where it does not fit: " .. what, function()
      local answered = elicit(function() return answer end)
      assert.equal("schema", answered.kind)
      assert.equal(-32603, answered.code)
      assert.truthy(answered.message:find(what), answered.message)
      assert.equal(1, #state.errors)
      assert.truthy(tostring(state.errors[1]):find(what))
    end)
  end
end)

describe("a handler", function()
  it("that raises is told of, and the server hears no more than needed", function()
    local answered = elicit(function() error "a secret of the program" end)
    assert.same({ kind = "tool", code = -32603, message = "the client's handler for elicitation failed" }, answered)
    assert.truthy(state.errors[1]:find "a secret of the program")
  end)

  it("that gives nothing is told of", function()
    assert.equal("tool", elicit(function() end).kind)
    assert.truthy(state.errors[1]:find "gave no answer")
  end)

  it("whose answer raises when it is looked at is told of, and answered for", function()
    local strict = { __index = function(_, name) error("there is no " .. tostring(name), 2) end }
    local loud = { __tostring = function() error "do not look" end }
    for _, give in ipairs {
      function() return setmetatable({ age = 7 }, strict) end,
      function() return nil, setmetatable({}, strict) end,
      function() return setmetatable({}, loud), nil end,
    } do
      state.asked, state.errors, market.last = {}, {}, nil
      local answered = elicit(give)
      assert.truthy(answered)
      assert.same({}, state.asked)
    end
    local raised = elicit(function() return nil, setmetatable({}, strict) end)
    assert.same({ kind = "tool", code = -32603, message = "the client's handler for elicitation failed" }, raised)
    assert.truthy(tostring(state.errors[1]):find "there is no")
  end)

  it("gives an error, which nobody else is told of", function()
    local answered = elicit(function() return nil, "nobody is at home" end)
    assert.same({ kind = "tool", message = "nobody is at home" }, answered)
    answered = elicit(function() return nil, { kind = "cancelled", message = "busy", code = 5 } end)
    assert.same({ kind = "cancelled", message = "busy", code = 5 }, answered)
    assert.same({}, state.errors)
  end)

  it("answers later", function()
    local kept
    assert.is_nil(elicit(function(request)
      kept = request
      return souk.later
    end))
    assert.is_true(kept.respond { name = "eve" })
    assert.equal(7, market.ask)
    assert.equal("eve", content_of(market.last).name)
    assert.has_error(function() kept.respond "cancel" end, "respond: the question was answered already")
    assert.equal(1, market.answers)
    assert.same({}, state.asked)
  end)

  it("answers later with an error", function()
    local kept
    elicit(function(request)
      kept = request
      return souk.later
    end)
    assert.has_error(function() kept.respond() end, "respond: expected an answer, or nil and an error")
    assert.is_true(kept.respond(nil, "nobody"))
    assert.equal("nobody", market.last.message)
  end)

  it("may try again when its later answer does not fit", function()
    local kept
    elicit(function(request)
      kept = request
      return souk.later
    end)
    local ok, err = kept.respond { age = "old" }
    assert.is_nil(ok)
    assert.equal("schema", err.kind)
    assert.equal(0, market.answers)
    assert.is_true(kept.respond { age = 31 })
    assert.equal(31, content_of(market.last).age)
    assert.same({}, state.errors)
  end)

  it("may respond before it returns", function()
    elicit(function(request)
      request.respond "decline"
      return souk.later
    end)
    assert.equal('{"action":"decline"}', market.last)
    assert.equal(1, market.answers)
  end)

  it("is told that its answer is not needed any more, and may give it all the same", function()
    local kept, told
    elicit(function(request)
      kept = request
      request.on_withdrawn = function() told = request.withdrawn end
      return souk.later
    end)
    inputs.withdrawn(state, 7)
    assert.is_true(told)
    assert.is_true(kept.withdrawn)
    assert.is_true(kept.respond "cancel")
    assert.equal(0, market.answers)
    inputs.withdrawn(state, 7) -- and again: nothing
    assert.same({}, state.errors)
  end)

  it("that raises when it is told so stops nothing", function()
    elicit(function(request)
      request.on_withdrawn = function() error "oh" end
      return souk.later
    end)
    inputs.withdrawn(state, 7)
    assert.truthy(state.errors[1]:find "oh")
  end)

  it("may raise what cannot be shown, and nothing stops", function()
    local written
    local stderr = io.stderr
    rawset(io, "stderr", { write = function(_, ...) written = table.concat { ... } end })
    local ok = pcall(guard.run, {}, error, setmetatable({}, { __tostring = function() error "not me" end }))
    rawset(io, "stderr", stderr)
    assert.is_true(ok)
    assert.truthy(written:find "an error that cannot be shown")
  end)

  it("does not answer what was withdrawn while it worked", function()
    elicit(function(request)
      inputs.withdrawn(state, 7)
      assert.is_true(request.withdrawn)
      return {}
    end)
    assert.equal(0, market.answers)
  end)

  it("is missing: the server hears that there is no such method", function()
    assert.equal(-32601, put("elicitation/create", {}, nil).code)
  end)
end)

describe("a URL", function()
  local function visit(url, handler)
    local params = { mode = "url", message = "look", url = url, elicitationId = "e1" }
    return put("elicitation/create", params, handler)
  end

  for answer, action in pairs {
    accept = "accept", decline = "decline", cancel = "cancel", [true] = "accept", [false] = "decline",
  } do
    it(("is answered with %s for %s"):format(action, tostring(answer)), function()
      local seen
      assert.equal(('{"action":"%s"}'):format(action), visit("https://example.org/x?y=1#z", function(request)
        seen = request
        return answer
      end))
      assert.equal("url", seen.mode)
      assert.equal("https://example.org/x?y=1#z", seen.url)
      assert.equal("e1", seen.elicitation_id)
    end)
  end

  for _, url in ipairs {
    "javascript:alert(1)", "file:///etc/passwd", "https://", "ftp://example.org", "https:///x", "http//x", "",
    "https://example.org/\27[2J", "https://example.org/a b", " https://example.org",
  } do
    it("is declined without asking: " .. ("%q"):format(url), function()
      assert.equal('{"action":"decline"}', visit(url, function() error "it was asked" end))
      assert.same({}, state.errors)
    end)
  end

  it("has no content", function()
    assert.equal("schema", visit("https://example.org", function() return { name = "x" } end).kind)
    assert.truthy(tostring(state.errors[1]):find "'accept', 'decline' or 'cancel' for a URL")
  end)
end)

describe("sampling", function()
  local function sample(handler)
    return put("sampling/createMessage", { messages = {}, maxTokens = 10 }, handler)
  end

  it("is answered with what a model says", function()
    local text = sample(function(request)
      assert.equal(10, request.params.maxTokens)
      return { role = "assistant", content = { type = "text", text = "hi" }, model = "m", stopReason = "endTurn" }
    end)
    assert.same({ role = "assistant", content = { type = "text", text = "hi" }, model = "m", stopReason = "endTurn" },
      souk.json.decode(text))
  end)

  it("takes a text as content, and knows whose it is", function()
    local text = sample(function() return { content = "hi", model = "m" } end)
    assert.same({ role = "assistant", content = { type = "text", text = "hi" }, model = "m" }, souk.json.decode(text))
  end)

  it("is refused by the user with code -1, or with a code of the program's", function()
    assert.same({ kind = "tool", code = -1, message = "no" }, sample(function() return nil, "no" end))
    assert.equal(-5, sample(function() return nil, { message = "no", code = -5 } end).code)
  end)

  for what, answer in pairs {
    ["content"] = { model = "m" }, ["content: "] = { content = {}, model = "m" }, ["model"] = { content = "hi" },
    ["got hi"] = "hi",
    ["cannot encode a function"] = { content = "hi", model = "m", f = print },
    ["role: expected 'user' or 'assistant', got robot"] = { content = "hi", model = "m", role = "robot" },
    ["stopReason: expected a string, got number"] = { content = "hi", model = "m", stopReason = 5 },
    ["content: block 1: expected a table with a type"] = { content = { foo = 1 }, model = "m" },
    ["content: block 2: expected a table with a type"] = {
      content = { { type = "text", text = "x" }, 7 }, model = "m",
    },
  } do
    it("is refused where the answer is none: " .. what, function()
      assert.truthy(sample(function() return answer end).message:find(what))
      assert.equal(1, #state.errors)
    end)
  end
end)

describe("roots", function()
  local function list(roots)
    return put("roots/list", nil, roots)
  end

  it("are paths, URIs, or both with names", function()
    local text = list { "/home/ann/a b", "file:///x", { uri = "file:///y", name = "Y" }, "/grüße%#?" }
    assert.same({ roots = {
      { uri = "file:///home/ann/a%20b" }, { uri = "file:///x" }, { uri = "file:///y", name = "Y" },
      { uri = "file:///gr%C3%BC%C3%9Fe%25%23%3F" },
    } }, souk.json.decode(text))
  end)

  it("are a list, also when there are none", function()
    assert.equal('{"roots":[]}', list {})
    assert.equal('{"roots":[]}', list(function() return {} end))
  end)

  it("are what a function says at that moment", function()
    assert.equal('{"roots":[{"uri":"file:///now"}]}', list(function(request)
      assert.equal("roots/list", request.method)
      return { "/now" }
    end))
  end)

  for what, value in pairs {
    ["entry 1: expected an absolute path or a file:// URI, got 'work'"] = { "work" },
    ["entry 2: expected a path, or a table with uri, got number"] = { "/x", 5 },
    ["entry 1: uri: expected a file:// URI, got https://x"] = { { uri = "https://x" } },
    ["entry 1: name: expected a string, got number"] = { { uri = "file:///x", name = 1 } },
    ["got a table with names"] = { uri = "file:///x" },
    ["entry 2 is missing, but there is '3'"] = { "/x", nil, "/y" },
  } do
    it("are checked: " .. what, function()
      assert.truthy(list(function() return value end).message:find(what, 1, true))
      local ok, message = pcall(options.open, { roots = value })
      assert.is_false(ok)
      assert.truthy(message:find("souk.open: option 'roots': ", 1, true))
      assert.truthy(message:find(what, 1, true))
      ok, message = pcall(options.server, "s", { url = "http://x", roots = value })
      assert.is_false(ok)
      assert.truthy(message:find("add_server: option 'roots': ", 1, true))
    end)
  end
end)

describe("what is declared", function()
  local flags = core.abilities
  local function f() end

  it("is what there are handlers for", function()
    local function declared(own, common)
      return select(2, inputs.merge(own, common))
    end
    assert.equal(0, declared {})
    assert.equal(flags.elicit_form + flags.elicit_url, declared { elicitation = f })
    assert.equal(flags.sample, declared { sampling = f })
    assert.equal(flags.roots, declared { roots = {} })
    assert.equal(flags.sample, declared({}, { sampling = f }))
    assert.equal(0, declared({ sampling = false }, { sampling = f }))
    assert.equal(flags.roots + flags.sample, declared({ roots = f }, { sampling = f }))
  end)

  it("comes from the market, where the server has no handlers of its own", function()
    local function g() end
    local handlers = inputs.merge({ elicitation = g }, { elicitation = f, sampling = f })
    assert.same({ elicitation = g, sampling = f }, handlers)
  end)
end)
