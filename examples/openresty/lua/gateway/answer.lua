--- Answers over HTTP: JSON, and the status that belongs to each kind of error.
local souk = require "souk"

local answer = {}

-- What a client has done wrong is 4xx, what went wrong behind the gateway is 5xx.
local STATUS = {
  config = 500,    -- the gateway, or a capability file, is set up wrongly; 404: there is no such capability
  file = 500,
  schema = 422,    -- JSON, but not what the capability takes; 502: the server's answer is not what it promised
  policy = 403,
  transport = 502,
  protocol = 502,
  rpc = 502,       -- 422 when the server says that the arguments are wrong (-32602)
  tool = 422,      -- it was called, and says that it cannot do this
  auth = 502,      -- the credentials of the gateway, which a client can do nothing about; so it is no 401
  timeout = 504,
  cancelled = 499, -- nginx's own number for a client that has gone
  limit = 503,     -- too many calls at once; 502 when it is the server's answer that is too large
  closed = 503,
}

local INVALID_PARAMS = -32602

-- Proof that nothing was executed: the same call may be made again when there is less to do.
local function was_never_sent(err)
  return err.delivery == "not_sent" or err.delivery == "rejected"
end

--- The status for an error of souk.
-- @param known boolean whether there is a capability of that name
function answer.status(err, known)
  if err.retry_after then
    return 503
  elseif err.kind == "config" and not known then
    return 404
  elseif err.kind == "schema" and not was_never_sent(err) then
    return 502
  elseif err.kind == "rpc" and err.code == INVALID_PARAMS then
    return 422
  elseif err.kind == "limit" and not was_never_sent(err) then
    return 502
  end
  return STATUS[err.kind] or 500
end

--- What a client gets to see of an error. `status` in it would be taken for ours: it is that of the server behind us.
function answer.error(err)
  return {
    kind = err.kind, message = err.message, capability = err.capability, retryable = err.retryable,
    retry_after = err.retry_after, delivery = err.delivery, server_status = err.status, code = err.code,
    data = err.data, line = err.line, column = err.column,
  }
end

--- Ends the request with a value. One that is no JSON, of a function of the gateway's own, raises: status 500.
function answer.json(status, value)
  local text = assert(souk.json.encode(value))
  ngx.status = status
  ngx.header.content_type = "application/json"
  ngx.header.cache_control = "no-store"
  ngx.header.content_length = #text
  ngx.print(text)
end

--- Ends the request with an error of the gateway's own, of kind "request" when the client did it.
-- @param more table|nil further members
function answer.refuse(status, message, more)
  local err = { kind = status < 500 and "request" or "gateway", message = message }
  for key, value in pairs(more or {}) do
    err[key] = value
  end
  answer.json(status, { error = err })
end

--- Ends the request with an error of souk.
function answer.failed(err, known)
  local status = answer.status(err, known)
  if status == 503 then
    -- Without a word of the server: a second is what a queue of calls needs to get shorter.
    ngx.header.retry_after = math.max(1, math.ceil(err.retry_after or 1))
  end
  answer.json(status, { error = answer.error(err) })
end

--- Whether the method is this one; if not, the request has ended. HEAD is a GET whose body nginx keeps for itself.
function answer.allows(method)
  local given = ngx.req.get_method()
  if given == method or (given == "HEAD" and method == "GET") then
    return true
  end
  ngx.header.allow = method == "GET" and "GET, HEAD" or method
  answer.refuse(405, ("expected %s, got %s"):format(method, given))
  return false
end

local MESSAGES = {
  [400] = "this is no HTTP request that can be understood",
  [403] = "only from addresses that nginx.conf allows here",
  [404] = "there is nothing here; GET / says what there is",
  [405] = "this method is not for this address",
  [408] = "the request did not come to its end in time",
  [413] = "the body is too large",
  [414] = "the address is too long",
  [421] = "this is not the name of the gateway (server_name in nginx.conf)",
  [429] = "too many requests from your address",
  [500] = "something is wrong with the gateway; its error log says what",
}

--- Says in JSON what nginx itself refuses; for error_page.
function answer.of_nginx()
  local status = ngx.status
  if status == 429 then
    ngx.header.retry_after = 1
    return answer.json(status, { error = { kind = "limit", message = MESSAGES[429], retryable = true } })
  end
  answer.refuse(status, MESSAGES[status] or "nginx refuses this request")
end

return answer
