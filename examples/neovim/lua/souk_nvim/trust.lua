--- Whether the servers of a project's file may be used. Such a file names programs that are started, and where the
-- values of variables are sent; it may come with a project that the user has only just fetched. So it is shown once,
-- and again when it has changed. In coroutines only, but for is_trusted.
local ask = require "souk_nvim.ask"
local async = require "souk_nvim.async"
local say = require "souk_nvim.say"

local trust = {}

-- path -> hash of what was agreed to.
local function store()
  return vim.fn.stdpath "data" .. "/souk/trusted.json"
end

local function read_store()
  local path = store()
  if vim.fn.filereadable(path) == 0 then
    return {}
  end
  local ok, known = pcall(vim.fn.json_decode, table.concat(vim.fn.readfile(path), "\n"))
  return ok and type(known) == "table" and known or {}
end

local function remember(path, hash)
  local known = read_store()
  known[path] = hash
  vim.fn.mkdir(vim.fn.fnamemodify(store(), ":h"), "p")
  vim.fn.writefile({ vim.fn.json_encode(known) }, store())
end

--- Whether the user has agreed to this text of the file.
function trust.is_trusted(path, text)
  return require("souk_nvim").option "trust" or read_store()[path] == vim.fn.sha256(text)
end

local YES, SHOW, NO = "Yes, until the file changes", "Show it", "No"

local function put_question(path, count)
  local servers = count == 1 and "the server" or ("the %d servers"):format(count)
  local prompt = ("Use %s of %s, and start the programs that it names?"):format(servers, path)
  return ask.select({ YES, SHOW, NO }, say.one_line(prompt))
end

--- Asks, unless the user has agreed before.
-- @param count integer servers in it
-- @return boolean
function trust.obtain(path, text, count)
  if count == 0 or trust.is_trusted(path, text) then
    return true
  end
  local answer = async.alone(put_question, path, count)
  if answer == YES then
    remember(path, vim.fn.sha256(text))
    return true
  elseif answer == SHOW then
    vim.cmd("split " .. vim.fn.fnameescape(path))
  end
  return false
end

return trust
