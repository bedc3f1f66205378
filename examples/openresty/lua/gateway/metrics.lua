--- GET /metrics: what the markets of all workers count, each sample with the number of its worker, in Prometheus' text
--- format; and how many requests had which status.
local board = require "gateway.board"

local metrics = {}

-- Adds a label to a sample.
local function labelled(line, worker)
  local name, labels, value = line:match "^([%w_:]+){(.*)} (%S+)$"
  if name then
    return ('%s{worker="%d",%s} %s'):format(name, worker, labels, value)
  end
  name, value = line:match "^([%w_:]+) (%S+)$"
  return ('%s{worker="%d"} %s'):format(name, worker, value)
end

-- The format wants all samples of a family behind its HELP and TYPE, so those of the workers are put together.
local function add(families, text, worker)
  local family
  for line in text:gmatch "[^\n]+" do
    local name = line:match "^# HELP (%S+)"
    if name then
      family = families[name] or { head = {}, samples = {} }
      if not families[name] then
        families[name] = family
        families[#families + 1] = family
      end
      family.head[1] = line
    elseif line:sub(1, 1) == "#" then
      family.head[2] = line
    else
      family.samples[#family.samples + 1] = labelled(line, worker)
    end
  end
end

local function lines_of(families)
  local lines = {}
  for _, family in ipairs(families) do
    for _, list in ipairs { family.head, family.samples } do
      for _, line in ipairs(list) do
        lines[#lines + 1] = line
      end
    end
  end
  return lines
end

--- Counts a request, when it has ended.
function metrics.count()
  ngx.shared.gateway:incr("responses:" .. ngx.status, 1, 0)
end

local function add_responses(lines)
  lines[#lines + 1] = "# HELP gateway_responses_total requests answered, by status"
  lines[#lines + 1] = "# TYPE gateway_responses_total counter"
  for status = 100, 599 do
    local count = ngx.shared.gateway:get("responses:" .. status)
    if count then
      lines[#lines + 1] = ('gateway_responses_total{status="%d"} %d'):format(status, count)
    end
  end
end

function metrics.run()
  local families = {}
  for worker, text in pairs(board.metrics()) do
    add(families, text, worker)
  end
  local lines = lines_of(families)
  add_responses(lines)
  ngx.header.content_type = "text/plain; version=0.0.4"
  ngx.print(table.concat(lines, "\n"), "\n")
end

return metrics
