--- GET /capabilities: what can be called. What a server is, and where, is nobody's business here.
local answer = require "gateway.answer"
local market = require "gateway.market"
local souk = require "souk"

local list = {}

local MOST = 1000

local function shown(manifest)
  return {
    id = manifest.id, name = manifest.name, description = manifest.description, server = manifest.server,
    input_schema = manifest.input_schema, output_schema = manifest.output_schema, annotations = manifest.annotations,
  }
end

--- All of them, or those that ?match= fits, a glob; ?limit= of them.
function list.run()
  if not answer.allows "GET" then
    return
  end
  local args = ngx.req.get_uri_args()
  local limit = tonumber(args.limit or MOST)
  if not limit or limit < 1 or limit % 1 ~= 0 then
    return answer.refuse(400, "limit: expected a whole number from 1 on")
  end
  local match = type(args.match) == "string" and args.match or nil
  local found = market.get():list { match = match, limit = math.min(limit, MOST) }
  for i, manifest in ipairs(found) do
    found[i] = shown(manifest)
  end
  answer.json(200, { capabilities = souk.array(found) })
end

function list.one(id)
  if not answer.allows "GET" then
    return
  end
  local manifest = market.get():get(id)
  if not manifest then
    return answer.refuse(404, ("there is no capability '%s'"):format(id))
  end
  answer.json(200, shown(manifest))
end

return list
