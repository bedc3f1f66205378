--- The window that lists servers and their tools.
local async = require "souk_nvim.async"
local float = require "souk_nvim.float"
local say = require "souk_nvim.say"
local servers = require "souk_nvim.servers"

local listing = {}

-- Columns that names of tools get before their descriptions; longer ones push theirs to the right.
local NAME_CELLS = 26
local DESCRIPTION_CELLS = 70 -- or what a narrow screen has

--- How things stand with a server, in a few words.
function listing.state_of(server)
  if server.problem then
    return "cannot be used: " .. server.problem
  elseif server.waiting then
    return "connecting ..."
  elseif server.err then
    return tostring(server.err)
  elseif server.tools then
    return ("%d tools"):format(#servers.tools(server))
  end
  return "not connected yet"
end

local function group_of(server)
  return (server.problem or server.err) and "SoukFailed" or "SoukTitle"
end

-- Lines, and number of a line -> the tool in it.
local function lines_of(list)
  local room = math.max(math.min(DESCRIPTION_CELLS, vim.o.columns - NAME_CELLS - 14), 10)
  local lines, tools = { { text = "<CR> calls the tool in this line, q closes", group = "SoukMuted" }, "" }, {}
  for _, server in ipairs(list) do
    local text = say.one_line(("%s: %s"):format(server.name, listing.state_of(server)))
    lines[#lines + 1] = { text = text, group = group_of(server) }
    for _, tool in ipairs(servers.tools(server)) do
      local name = tool.name .. (" "):rep(NAME_CELLS - vim.fn.strdisplaywidth(tool.name))
      lines[#lines + 1] = ("  %s  %s"):format(name, say.one_line(tool.description, room))
      tools[#lines] = tool
    end
    lines[#lines + 1] = ""
  end
  lines[#lines] = nil
  return lines, tools
end

--- Opens the window, connects to the servers, and shows what they have as it comes in. In coroutines.
-- @param list table[] servers
-- @param choose function gets the tool that the user wants to call
function listing.open(list, choose)
  local tools = {}
  local window = float.open({}, {
    ["<CR>"] = function(self)
      local tool = tools[self:line()]
      if tool then
        self:close()
        choose(tool)
      end
    end,
  })
  local function draw()
    local lines
    lines, tools = lines_of(list)
    window:set(lines)
  end
  draw()
  async.each(list, function(server)
    servers.connect(server)
    draw()
  end)
end

--- Shows texts, each of one line or more.
function listing.show(texts)
  local lines = {}
  for _, text in ipairs(texts) do
    vim.list_extend(lines, vim.split(text, "\n", { plain = true }))
  end
  float.open(lines)
end

return listing
