-- The client that the official conformance suite tests: souk through its public face, one scenario a run.
--
--     client.sh lua5.4 URL      with MCP_CONFORMANCE_SCENARIO and MCP_CONFORMANCE_CONTEXT in the environment
--
-- No scenario needs a pinned revision: souk finds out for itself which era a mock server belongs to, also where the
-- mock is not quite a server of its revision. So MCP_CONFORMANCE_PROTOCOL_VERSION is not read.
dofile "spec/support/paths.lua"
local souk = require "souk"

local url = assert(arg[1], "client.lua: the address of the server is missing")

local function must(value, err)
  if value == nil then
    error(tostring(err), 0)
  end
  return value
end

-- A market that knows the suite's server as "mock", with all its tools registered. `env` is empty, so that tokens and
-- addresses in the environment of whoever runs this have no part in it.
local function visit(options)
  options = options or {}
  options.env = {}
  local market = souk.open(options)
  must(market:add_server("mock", { url = url }))
  return market, market:server "mock"
end

local function call(market, tool, input, options)
  return must(market:call("mcp.mock." .. tool, input or {}, options))
end

-- Accepts whatever is asked; fields get the defaults of their schema.
local function accept()
  return "accept"
end

local scenarios = {}

function scenarios.initialize()
  local market = visit()
  must(market:server("mock"):info())
  return market
end

function scenarios.tools_call()
  local market = visit()
  call(market, "add_numbers", { a = 5, b = 3 })
  return market
end

scenarios["elicitation-sep1034-client-defaults"] = function()
  local market = visit { elicitation = accept }
  call(market, "test_client_elicitation_defaults")
  return market
end

-- The stream of the call ends without an answer; the answer is on another one, after the time that the server gave.
scenarios["sse-retry"] = function()
  local market = visit()
  call(market, "test_reconnection")
  return market
end

-- Everything that a client can declare is declared.
scenarios["request-metadata"] = function()
  local market, server = visit {
    elicitation = accept,
    sampling = function()
      return { role = "assistant", content = { type = "text", text = "yes" }, model = "none" }
    end,
    roots = { "/" },
  }
  must(server:info())
  must(server:request("tools/list", {}))
  return market
end

-- Another tool is called between the question and its answer: neither may leak into that call.
scenarios["sep-2322-client-request-state"] = function()
  local question
  local market = visit {
    elicitation = function(request)
      if request.capability == "mcp.mock.test_mrtr_echo_state" then
        question = request
        return souk.later
      end
      return { confirmed = true }
    end,
  }
  local echo = must(market:start("mcp.mock.test_mrtr_echo_state", {}))
  while not question and not echo:done() do
    must(market:step(1))
  end
  call(market, "test_mrtr_unrelated")
  assert(question, "test_mrtr_echo_state asked nothing").respond { confirmed = true }
  must(echo:wait())
  call(market, "test_mrtr_no_state")
  call(market, "test_mrtr_no_result_type")
  return market
end

scenarios["http-standard-headers"] = function()
  local market, server = visit()
  for _, tool in ipairs(must(server:tools())) do
    call(market, tool.name)
  end
  for _, resource in ipairs(must(server:resources())) do
    must(server:read(resource.uri))
  end
  for _, prompt in ipairs(must(server:prompts())) do
    must(server:prompt(prompt.name))
  end
  return market
end

-- One of the calls has null for a boolean, which its schema does not allow: without `validate` souk would refuse it.
scenarios["http-custom-headers"] = function()
  local context = must(souk.json.decode(os.getenv "MCP_CONFORMANCE_CONTEXT" or ""))
  local market = visit()
  for _, wanted in ipairs(context.toolCalls) do
    call(market, wanted.name, wanted.arguments, { validate = false })
  end
  return market
end

-- Every tool that souk offers is called; it may offer one only.
scenarios["http-invalid-tool-headers"] = function()
  local market = visit()
  for _, manifest in ipairs(market:list { server = "mock" }) do
    must(market:call(manifest.id, { region = "west" }, { validate = false }))
  end
  return market
end

scenarios["json-schema-ref-no-deref"] = function()
  local market, server = visit()
  must(server:tools())
  return market
end

scenarios["json-schema-2020-12-preservation"] = function()
  local market = visit()
  local focal = assert(market:get "mcp.mock.json_schema_2020_12_tool", "souk does not offer json_schema_2020_12_tool")
  call(market, "json_schema_echo", { schema = focal.input_schema })
  return market
end

local name = assert(os.getenv "MCP_CONFORMANCE_SCENARIO", "MCP_CONFORMANCE_SCENARIO is not set")
local scenario = scenarios[name]
if not scenario then
  io.stderr:write("client.lua knows no scenario ", name, "\n")
  os.exit(2)
end
local ok, result = pcall(scenario)
if not ok then
  io.stderr:write(tostring(result), "\n")
  os.exit(1)
end
result:close()
