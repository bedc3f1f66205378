--- What all workers say, put together: sums, the worst of states, and times out of the buckets of all.
local board = require "gateway.board"

local summary = {}

-- Best first.
local RANKS = {
  ready = 1, adding = 2, failed = 3, wrong = 4,
  closed = 1, ["half-open"] = 2, open = 3,
}

local function worse(a, b)
  return (not a or RANKS[b] > RANKS[a]) and b or a
end

-- The buckets of several histograms of the same bounds, added up.
local function add_buckets(sum, buckets)
  for i, bucket in ipairs(buckets) do
    sum[i] = sum[i] or { le = bucket.le, count = 0 }
    sum[i].count = sum[i].count + bucket.count
  end
end

--- Within how many seconds that share of the calls ended, estimated as Prometheus does: evenly spread in a bucket. nil
--- when there were none; the largest bound for those beyond it.
function summary.quantile(buckets, share)
  local all = #buckets > 0 and buckets[#buckets].count or 0
  if all == 0 then
    return nil
  end
  local before, low = 0, 0
  for _, bucket in ipairs(buckets) do
    if not bucket.le then
      return low
    elseif bucket.count >= share * all then
      return low + (bucket.le - low) * (share * all - before) / (bucket.count - before)
    end
    before, low = bucket.count, bucket.le
  end
end

local SUMS = { "calls", "failed", "sessions", "in_flight", "waiting" }

-- A server that is called through a capability file is in no configuration, and nobody has added it.
local function row_of(rows, name)
  if not rows[name] then
    rows[name] = { name = name, state = "ready", buckets = {}, breaker = "closed" }
    for _, key in ipairs(SUMS) do
      rows[name][key] = 0
    end
    rows[#rows + 1] = rows[name]
  end
  return rows[name]
end

local function add_server(row, server)
  -- What is worst is what somebody has to look at; and its reason.
  if worse(row.state, server.state) ~= row.state then
    row.state, row.reason = server.state, server.reason
  end
  for _, key in ipairs { "tools", "era", "protocol", "transport", "title", "version" } do
    row[key] = server[key] or row[key]
  end
end

local function add_stats(row, stats)
  for _, key in ipairs(SUMS) do
    row[key] = row[key] + stats[key]
  end
  row.breaker = worse(row.breaker, stats.breaker)
  add_buckets(row.buckets, stats.latency.buckets)
end

-- Sessions say which revision they speak; it may have changed since the server said something about itself.
local function add_session(rows, sessions, session, worker)
  session.worker = worker
  session.era = session.protocol >= "2026" and "modern" or "legacy"
  sessions[#sessions + 1] = session
  local row = row_of(rows, session.server)
  if session.protocol ~= "" then
    row.protocol, row.era = session.protocol, session.era
  end
end

local function by(...)
  local keys = { ... }
  return function(a, b)
    for _, key in ipairs(keys) do
      if a[key] ~= b[key] then
        return a[key] < b[key]
      end
    end
    return false
  end
end

local TOTALS = { "calls", "calls_failed", "calls_resent", "in_flight", "waiting", "sessions" }

--- { workers, servers, sessions, totals, buckets, settled }
function summary.now()
  local out = { workers = board.status(), servers = {}, sessions = {}, totals = {}, buckets = {}, settled = true }
  for _, key in ipairs(TOTALS) do
    out.totals[key] = 0
  end
  for _, worker in ipairs(out.workers) do
    out.settled = out.settled and worker.settled
    for name, server in pairs(worker.servers) do
      add_server(row_of(out.servers, name), server)
    end
    for name, stats in pairs(worker.stats.servers) do
      add_stats(row_of(out.servers, name), stats)
    end
    for _, session in ipairs(worker.sessions) do
      add_session(out.servers, out.sessions, session, worker.worker)
    end
    for _, key in ipairs(TOTALS) do
      out.totals[key] = out.totals[key] + worker.stats[key]
    end
    add_buckets(out.buckets, worker.stats.latency.call.buckets)
  end
  table.sort(out.servers, by "name")
  table.sort(out.sessions, by("server", "identity", "worker", "id"))
  out.settled = out.settled and #out.workers == ngx.worker.count()
  return out
end

return summary
