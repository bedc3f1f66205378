--- What servers want to know from the user (elicitation), put through vim.ui. The call that it is for goes on when the
-- answer is there; other calls go on meanwhile.
local ask = require "souk_nvim.ask"
local async = require "souk_nvim.async"
local form = require "souk_nvim.form"
local say = require "souk_nvim.say"

local questions = {}

local FILL, OPEN, VISITED = "Answer", "Open it in the browser", "I have visited it"
local DECLINE = "Decline"

local function title_of(request)
  return ("server %s asks: %s"):format(request.server, say.one_line(request.message or "", 200))
end

-- Nobody waits for an answer any more; whoever is at it is told when they are done.
local function is_over(request)
  if request.withdrawn then
    say.info("the server %s does not wait for the answer any more", request.server)
  end
  return request.withdrawn
end

-- Sends it. False when it did not fit, and the question is still open.
local function respond(request, answer)
  if request.withdrawn then
    is_over(request)
    return true
  end
  local ok, why = request.respond(answer)
  if not ok then
    say.warning("%s", why.message)
  end
  return ok
end

local function answer_form(request)
  while not request.withdrawn do
    local choice = ask.select({ FILL, DECLINE }, title_of(request))
    if choice ~= FILL then
      respond(request, choice == DECLINE and "decline" or "cancel")
      return
    end
    local content = form.fill(("for %s"):format(request.server), request.schema, {
      go = "send", left_out = require("souk").null })
    if content and respond(request, content) then
      return
    end
  end
  is_over(request)
end

-- vim.ui.open came with Neovim 0.10. souk has seen to it that it is a URL of http or https.
local function answer_url(request)
  local choices = vim.ui.open and { OPEN, VISITED, DECLINE } or { VISITED, DECLINE }
  while not request.withdrawn do
    local choice = ask.select(choices, ("%s - %s"):format(title_of(request), request.url))
    if choice == OPEN then
      vim.ui.open(request.url)
      choices = { VISITED, DECLINE }
    else
      respond(request, choice == VISITED and "accept" or choice == DECLINE and "decline" or "cancel")
      return
    end
  end
  is_over(request)
end

-- What the user is typing in the meantime is not an answer: the question waits for normal mode.
local function wait_for_normal_mode(request)
  if vim.api.nvim_get_mode().mode:sub(1, 1) == "n" then
    return
  end
  say.info("the server %s has a question, and waits until you are back in normal mode", request.server)
  async.await(function(go_on)
    vim.api.nvim_create_autocmd("ModeChanged", { pattern = "*:n*", once = true, callback = vim.schedule_wrap(go_on) })
  end)
end

local function answer(request)
  wait_for_normal_mode(request)
  local f = request.mode == "url" and answer_url or answer_form
  f(request)
end

--- souk's option `elicitation`.
function questions.answer(request)
  async.run(function()
    async.alone(answer, request)
  end)
  return require("souk").later
end

return questions
