-- The scenarios of the official conformance suite over stdio, for which it has none: the same work with a child. Those
-- about HTTP alone are named at the end, with the reason. Every message is judged as it is everywhere (schemas of its
-- revision; see spec/server/README.md).

local eras = require "spec.support.eras"
local help = require "spec.support.help"
local servers = require "spec.support.servers"
local souk = require "souk"

teardown(eras.stop)
after_each(eras.finish)

local LEGACY, MODERN = eras.cases[2], eras.cases[4]

-- name -> list of functions, one for each revision in which the suite runs it.
local scenarios = {}

function scenarios.initialize()
  local market, peer = eras.connect(LEGACY)
  local info = assert(market:server("s"):info())
  assert.equal("2025-11-25", info.protocol)
  assert.equal("stdio", info.transport)
  assert.equal(1, peer.ledger().methods.initialize)
  assert.equal(1, peer.ledger().methods["notifications/initialized"])
end

function scenarios.tools_call()
  for _, case in ipairs { LEGACY, MODERN } do
    local market, peer = eras.connect(case)
    assert.same({ sum = 8 }, market:call("mcp.s.add", { a = 5, b = 3 }))
    assert.equal(1, peer.ledger().methods["tools/list"])
    assert.equal(1, peer.ledger().tools.add)
  end
end

scenarios["elicitation-sep1034-client-defaults"] = function()
  local market = eras.connect(LEGACY, { open = { elicitation = function() return "accept" end } })
  assert.same({ action = "accept", content = {
    name = "Ann", age = 30, score = 95.5, verified = true, status = "active", tags = { "red", "blue" },
  } }, market:call "mcp.s.ask_form")
end

-- _meta of each request is checked by the server; here: what is declared arrives, and a server that does not know the
-- revision at first is asked again.
scenarios["request-metadata"] = function()
  local market, peer = eras.connect(MODERN, {
    open = {
      elicitation = function() return "accept" end,
      sampling = function() return { content = "yes", model = "none" } end,
      roots = { "/" },
    },
    knobs = { faults = { {
      method = "server/discover", kind = "rpc_error", code = -32022, message = "Unsupported protocol version",
      data = { supported = { "2026-07-28" }, requested = "2026-07-28" },
    } } },
  })
  local answers = assert(market:call "mcp.s.ask_all")
  assert.equal("accept", answers.form.action)
  assert.equal("yes", answers.sample.content.text)
  assert.same({ { uri = "file:///" } }, answers.roots.roots)
  assert.equal(2, peer.ledger().methods["server/discover"])
  assert.is_nil(peer.ledger().methods.initialize)
end

-- Another tool is called between the question and its answer: neither may leak into that call. The states that a
-- server may give are handed back byte for byte; where there was none, none is sent.
scenarios["sep-2322-client-request-state"] = function()
  for _, state in ipairs { "plain", "weird", "number", "long", "empty", "none" } do
    local question
    local market, peer = eras.connect(MODERN, { knobs = { state = state }, open = {
      elicitation = function(request)
        question = request
        return souk.later
      end,
    } })
    local handle = assert(market:start("mcp.s.ask_form", {}))
    help.step_until(market, function() return question end)
    assert.equal("meanwhile", market:call("mcp.s.echo", { text = "meanwhile" }))
    assert.is_true(question.respond "accept")
    assert.equal("accept", assert(handle:wait()).action)
    assert.equal(1, peer.ledger().rounds)
    assert.equal("of an older revision", market:call("mcp.s.odd_result", { kind = "no_type" }))
  end
end

-- A server with one more tool, of this schema.
local function offer(case, name, schema)
  local market = eras.connect(case)
  assert(market:call("mcp.s.set_tools", { add = { { name = name, description = "d", inputSchema = schema } } }))
  assert(market:refresh "s")
  return market
end

-- The same text as it comes out of a table: members in order.
local function canonical(value)
  if type(value) ~= "table" then
    return souk.json.encode(value)
  end
  local parts = {}
  if #value > 0 then
    for i, one in ipairs(value) do
      parts[i] = canonical(one)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for key, one in pairs(value) do
    parts[#parts + 1] = souk.json.encode(key) .. ":" .. canonical(one)
  end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

local SCHEMA = [[{
  "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://souk.example/schema", "type": "object",
  "$defs": { "street": { "$anchor": "street", "type": "string" } },
  "properties": {
    "street": { "$ref": "#/$defs/street" }, "kind": { "const": null }, "tags": { "prefixItems": [ {}, true ] }
  },
  "if": { "required": ["kind"] }, "then": { "dependentRequired": { "kind": ["street"] } }, "else": {},
  "unevaluatedProperties": false, "additionalProperties": true, "x-of-nobody": [1, 2.5, "3", [], {}]
}]]

scenarios["json-schema-2020-12-preservation"] = function()
  local schema = assert(souk.json.decode(SCHEMA))
  for _, case in ipairs { LEGACY, MODERN } do
    local market = offer(case, "focal", schema)
    local seen = market:get("mcp.s.focal").input_schema
    assert.equal(canonical(schema), canonical(seen))
    local echoed = assert(market:call("mcp.s.mirror", { schema = seen }))
    assert.equal(canonical(schema), canonical(echoed.schema))
    assert.equal("[]", souk.json.encode(echoed.schema["x-of-nobody"][4]))
    assert.equal("{}", souk.json.encode(echoed.schema["x-of-nobody"][5]))
  end
end

-- A reference that leads out of the schema is not followed: nobody calls at the canary.
scenarios["json-schema-ref-no-deref"] = function()
  local canary = servers.start "scripted"
  local schema = { type = "object", properties = { a = { ["$ref"] = canary.origin .. "/canary.json" } } }
  local market = offer(MODERN, "focal", schema)
  assert.equal(canary.origin .. "/canary.json", market:get("mcp.s.focal").input_schema.properties.a["$ref"])
  market:call("mcp.s.focal", { a = 1 })
  assert.same({}, canary:ledger().log)
  canary:stop()
end

local OF_HTTP_ALONE = {
  ["sse-retry"] = "a child has no stream that could be taken up",
  ["http-standard-headers"] = "a child gets no headers",
  ["http-custom-headers"] = "a child gets no headers",
  ["http-invalid-tool-headers"] = "over stdio annotations of headers mean nothing, and no tool is dropped for them",
}

describe("over stdio, the scenario", function()
  for name, run in pairs(scenarios) do
    it(name, run)
  end

  it("is there for each of the suite's, or cannot be", function()
    for _, row in ipairs(assert(souk.json.decode(help.read_file "spec/conformance/scenarios.json"))) do
      assert.is_true((scenarios[row.scenario] == nil) == (OF_HTTP_ALONE[row.scenario] ~= nil), row.scenario)
    end
  end)

  it("http-invalid-tool-headers would drop no tool", function()
    local market = eras.connect(MODERN, { knobs = { bad_headers = true } })
    assert.truthy(market:get "mcp.s.bad_header_space")
    assert.same({ region = "west" }, market:call("mcp.s.headers", { region = "west" }))
  end)
end)
