--- GET /healthz: 200 once every worker has heard, or given up for now, every server; 503 before that.
local answer = require "gateway.answer"
local board = require "gateway.board"

local health = {}

function health.run()
  local workers = board.status()
  local ready = #workers == ngx.worker.count()
  local servers = {}
  for _, worker in ipairs(workers) do
    ready = ready and worker.settled
    for name, server in pairs(worker.servers) do
      -- The worst that any worker says.
      if not servers[name] or servers[name] == "ready" then
        servers[name] = server.state
      end
    end
  end
  if not ready then
    ngx.header.retry_after = 1
  end
  answer.json(ready and 200 or 503, { ready = ready, servers = servers })
end

return health
