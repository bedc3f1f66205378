--- Runs functions of the script that nobody waits for: their errors must neither stop the pump nor get lost.
local guard = {}

--- Tells an error that nobody waits for: to the option on_error, else on standard error.
function guard.report(state, message)
  if state.on_error then
    pcall(state.on_error, message)
  else
    local ok, text = pcall(tostring, message)
    io.stderr:write("souk: error in a callback: ", ok and text or "an error that cannot be shown", "\n")
  end
end

--- Calls f(...) and reports what it raises.
function guard.run(state, f, ...)
  local ok, message = pcall(f, ...)
  if not ok then
    guard.report(state, message)
  end
end

return guard
