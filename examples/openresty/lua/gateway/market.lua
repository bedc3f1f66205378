--- The marketplace of this worker: opened when the worker starts, with what needs no server; servers come after that.
local board = require "gateway.board"
local config = require "gateway.config"
local demo = require "gateway.demo"
local servers = require "gateway.servers"
local souk = require "souk"

local market = {}

local open

-- What souk has to say goes into nginx's error log.
local LEVELS = { debug = ngx.DEBUG, info = ngx.INFO, warning = ngx.WARN, error = ngx.ERR }

local function log(level, message)
  ngx.log(LEVELS[level], message)
end

local function load_files(content)
  for _, path in ipairs(content.capabilities or {}) do
    if path:sub(1, 1) ~= "/" then
      path = content.folder .. path
    end
    local count, diagnostics = open:load(path)
    if not count then
      log("error", tostring(diagnostics))
    else
      for _, one in ipairs(diagnostics) do
        log(one.severity == "error" and "error" or "info", ("%s:%d: %s"):format(one.file, one.line or 0, one.message))
      end
    end
  end
end

--- Opens it; in init_worker_by_lua.
function market.start()
  local content = config.get()
  open = souk.open {
    shared_dict = "sessions",
    policy = content.policy,
    log = log,
    on_error = function(message)
      log("error", "a callback failed: " .. tostring(message))
    end,
  }
  demo.register(open)
  load_files(content)
  servers.start(open, content.mcpServers)
  board.start(open)
end

--- Closes it, when the worker ends: the last one to use a session says good-bye to its server.
function market.stop()
  if open then
    open:close(2)
  end
end

--- The marketplace.
-- @return souk.Market
function market.get()
  return open
end

return market
