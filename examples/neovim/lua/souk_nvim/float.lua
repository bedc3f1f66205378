--- A floating window with lines that may change while it is open.
local float = {}

local Float = {}
Float.__index = Float

local NAMESPACE = vim.api.nvim_create_namespace "souk"
local MARGIN = 4 -- cells that stay free around it, its border included

local function define_highlights()
  for name, link in pairs {
    SoukTitle = "Title", SoukMuted = "Comment", SoukDone = "String", SoukFailed = "ErrorMsg", SoukBar = "Special",
  } do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
end

-- Columns that a line takes. What is longer than any screen need not be measured exactly, which takes long.
local function cells_of(line)
  return #line > 10000 and #line or vim.fn.strdisplaywidth(line)
end

local function widest(lines)
  local width = 0
  for i = 1, math.min(#lines, 1000) do
    width = math.max(width, cells_of(lines[i]))
  end
  return width
end

-- In the middle of the screen, as large as what is in it. Lines that are too long are wrapped, so they need more rows.
local function place(lines)
  local most_columns = math.max(vim.o.columns - 2 * MARGIN, 20)
  local most_rows = math.max(vim.o.lines - 2 * MARGIN, 3)
  local width = math.min(math.max(widest(lines) + 2, 50), most_columns)
  local height = 0
  for _, line in ipairs(lines) do
    height = height + math.max(1, math.ceil(cells_of(line) / (width - 1)))
    if height >= most_rows then
      height = most_rows
      break
    end
  end
  return {
    relative = "editor", width = width, height = math.max(height, 1),
    row = math.floor((vim.o.lines - height) / 2) - 1, col = math.floor((vim.o.columns - width) / 2),
  }
end

local function make_buffer()
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[buffer].bufhidden = "wipe"
  vim.bo[buffer].filetype = "souk"
  return buffer
end

-- The column is for some air between the border and the text, which is not part of the text. Each change of a window's
-- place makes it "minimal" again, and takes the column away.
local function set_options(window)
  vim.wo[window].wrap = true
  vim.wo[window].linebreak = true
  vim.wo[window].foldcolumn = "1"
  vim.wo[window].winhighlight = "FoldColumn:NormalFloat"
end

--- Opens one, and goes into it.
-- @param lines { text: string, group: string|nil }[] or strings
-- @param keys table key -> function(float); q and <Esc> close it
function float.open(lines, keys)
  define_highlights()
  local self = setmetatable({ buffer = make_buffer() }, Float)
  self:write(lines)
  local where = place(self.text)
  where.style, where.border = "minimal", require("souk_nvim").option "border"
  self.window = vim.api.nvim_open_win(self.buffer, true, where)
  set_options(self.window)
  for key, f in pairs(vim.tbl_extend("keep", keys or {}, { q = self.close, ["<Esc>"] = self.close })) do
    vim.keymap.set("n", key, function() f(self) end, { buffer = self.buffer, nowait = true })
  end
  vim.api.nvim_create_autocmd("VimResized", {
    buffer = self.buffer, callback = function() self:fit() end,
  })
  return self
end

function Float:is_open()
  return self.window ~= nil and vim.api.nvim_win_is_valid(self.window)
end

function Float:write(lines)
  self.text = {}
  local groups = {}
  for i, line in ipairs(lines) do
    local text = type(line) == "table" and line.text or line
    -- A line of a buffer has no line feed in it.
    self.text[i] = text:gsub("\n", " ")
    groups[i] = type(line) == "table" and line.group or nil
  end
  vim.bo[self.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(self.buffer, 0, -1, false, self.text)
  vim.bo[self.buffer].modifiable = false
  vim.api.nvim_buf_clear_namespace(self.buffer, NAMESPACE, 0, -1)
  for i, group in pairs(groups) do
    vim.api.nvim_buf_set_extmark(self.buffer, NAMESPACE, i - 1, 0, { end_col = #self.text[i], hl_group = group })
  end
end

--- Gives it the size of what is in it.
function Float:fit()
  if self:is_open() then
    vim.api.nvim_win_set_config(self.window, place(self.text))
    set_options(self.window)
  end
end

--- Replaces what is in it. Does nothing when it was closed.
function Float:set(lines)
  if self:is_open() then
    self:write(lines)
    self:fit()
  end
end

--- The number of the line that the cursor is on.
function Float:line()
  return vim.api.nvim_win_get_cursor(self.window)[1]
end

function Float:close()
  if self:is_open() then
    vim.api.nvim_win_close(self.window, true)
  end
end

return float
