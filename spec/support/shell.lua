-- Commands and files, for what starts programs. Nothing here loads souk.

local shell = {}

-- The text as one word of a shell's command line.
function shell.quote(text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- What a command prints, without the line ends behind it.
function shell.output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

-- The bytes of a file; nil when it is not there.
function shell.read_file(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read "*a"
  file:close()
  return text
end

function shell.write_file(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

local top

-- From the top of the tree, where all specs run.
function shell.absolute(path)
  top = top or shell.output_of "pwd"
  return path:sub(1, 1) == "/" and path or top .. "/" .. path
end

return shell
