#include <stdio.h>
#include <string.h>

#include "mcp/redact.h"
#include "pool/mcp_state.h"
#include "json/write.h"

enum { UNAUTHORIZED = 401 };

void souk_mcp_slot_explain(const souk_session *session, souk_err *err)
{
    const souk_mcp_slot *state = session->state;
    if (state->mcp != NULL) {
        souk_mcp_secrets secrets = souk_mcp_get_secrets(state->mcp);
        souk_mcp_redact_error(&secrets, err);
    }
    if (err->kind == SOUK_E_AUTH && state->endpoint.url != NULL) {
        char message[SOUK_MESSAGE_MAX];
        memcpy(message, err->message, sizeof message);
        souk_err full = *err;
        if (souk_mcp_went_abroad(state->mcp)) {
            souk_fail(&full, SOUK_E_AUTH,
                      "%s; redirects led to another origin, where credentials do not go", message);
        } else if (session->target->auth != 0) {
            souk_fail(&full, SOUK_E_AUTH, "%s; the credential came from the server's auth function",
                      message);
        } else if (state->has_token) {
            souk_fail(&full, SOUK_E_AUTH, "%s; the token in %s was refused", message,
                      state->token_source);
        } else {
            souk_fail(&full, SOUK_E_AUTH, "%s; no token was found (looked for the variables %s)",
                      message, state->looked_for);
        }
        memcpy(err->message, full.message, sizeof err->message);
    }
    souk_err_prefix(err, "server '%s'", state->endpoint.name);
}

static void label(souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    souk_slice id = souk_mcp_session_id(state->mcp);
    char shortened[SOUK_MCP_SHORT_MAX];
    if (id.len > 0) {
        snprintf(session->label, sizeof session->label, "%s", souk_mcp_shorten(id, shortened));
    } else if (souk_mcp_child(state->mcp) != 0) {
        snprintf(session->label, sizeof session->label, "child");
    } else {
        snprintf(session->label, sizeof session->label, "stateless");
    }
    session->detail = souk_mcp_revision_name(souk_mcp_get_revision(state->mcp));
}

/* Without memory the endpoint goes without it: it is for people and optional features. */
static void describe(souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    souk_slice about = souk_mcp_about(state->mcp);
    if (about.len > 0) {
        (void)souk_session_describe(session, about);
    }
}

static void report_failed(const souk_handler *self, souk_session *session, souk_ms now)
{
    const souk_mcp_slot *state = session->state;
    souk_err why = *souk_mcp_why(state->mcp);
    if (!souk_mcp_slot_refresh(self, session, &why, now)) {
        souk_mcp_share_failed(session);
        souk_mcp_slot_explain(session, &why);
        souk_session_failed(session, &why);
    }
}

static void report_lost(souk_session *session)
{
    const souk_mcp_slot *state = session->state;
    souk_err why = *souk_mcp_why(state->mcp);
    souk_mcp_share_lost(session);
    souk_mcp_slot_explain(session, &why);
    souk_session_lost(session, &why);
}

/* The last step: after it there may be another souk_mcp, or none. */
static void report_state(const souk_handler *self, souk_session *session, souk_ms at)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_state now = souk_mcp_get_state(state->mcp);
    if (now == state->seen) {
        return;
    }
    state->seen = now;
    if (souk_mcp_contradicted(state->mcp)) {
        session->memory[SOUK_MCP_MEMORY_REVISION] = SOUK_MCP_UNKNOWN;
    }
    if ((now == SOUK_MCP_FAILED || now == SOUK_MCP_LOST) && state->has_token &&
        souk_mcp_why(state->mcp)->status == UNAUTHORIZED) {
        session->memory[SOUK_MCP_MEMORY_REFUSED] = 1;
    }
    switch (now) {
    case SOUK_MCP_READY:
        session->memory[SOUK_MCP_MEMORY_REVISION] = (uint64_t)souk_mcp_get_revision(state->mcp);
        label(session);
        describe(session);
        souk_mcp_share_ready(session);
        souk_session_opened(session);
        break;
    case SOUK_MCP_FAILED:
        report_failed(self, session, at);
        break;
    case SOUK_MCP_LOST:
        report_lost(session);
        break;
    case SOUK_MCP_CLOSED:
        souk_session_closed(session);
        break;
    default:
        break;
    }
}

/* Servers log what they are given. Everything else that they send is data, and stays as it is. */
static bool redact_log(const souk_mcp *mcp, souk_buf *params, size_t most)
{
    souk_mcp_secrets secrets = souk_mcp_get_secrets(mcp);
    souk_buf clean;
    souk_buf_init(&clean, params->alloc, most);
    size_t len = souk_mcp_redact(&secrets, souk_buf_slice(params), NULL, 0);
    if (souk_buf_reserve(&clean, len) != SOUK_OK) {
        souk_buf_free(&clean);
        return false;
    }
    clean.len = souk_mcp_redact(&secrets, souk_buf_slice(params), clean.data, len);
    souk_buf_move(params, &clean);
    souk_buf_free(&clean);
    return true;
}

static void report_notice(const souk_mcp_handler *handler, souk_session *session,
                          const souk_mcp_news *news)
{
    const souk_mcp_slot *state = session->state;
    souk_buf params;
    souk_jw w;
    size_t most = (size_t)handler->options.max_response + 1024;
    souk_buf_init(&params, session->alloc, most);
    souk_jw_init(&w, &params);
    if (news->value != NULL) {
        souk_jw_value(&w, news->value);
    }
    if (souk_jw_check(&w, NULL) == SOUK_OK &&
        (!souk_slice_is(news->method, "notifications/message") ||
         redact_log(state->mcp, &params, most))) {
        souk_session_notice(session, news->method, souk_buf_slice(&params));
    }
    souk_buf_free(&params);
}

static void report_news(const souk_mcp_handler *handler, souk_session *session, souk_mcp_news *news,
                        souk_ms now)
{
    souk_mcp_slot *state = session->state;
    if (news->tag == &state->level_op) {
        souk_mcp_level_end(state, news);
        return;
    }
    if (news->tag == &state->probe_op) {
        souk_mcp_probe_end(session, news);
        return;
    }
    switch (news->kind) {
    case SOUK_MCP_NEWS_END:
        souk_mcp_call_end(session, news);
        break;
    case SOUK_MCP_NEWS_PROGRESS:
    case SOUK_MCP_NEWS_TASK:
        souk_mcp_call_goes_on(session, news->tag, news, now);
        break;
    case SOUK_MCP_NEWS_NOTICE:
        report_notice(handler, session, news);
        break;
    case SOUK_MCP_NEWS_QUESTION:
        souk_mcp_question_put(handler, session, news, now);
        break;
    case SOUK_MCP_NEWS_WITHDRAWN:
        souk_mcp_question_withdrawn(session, news->question);
        break;
    }
}

static void drain(const souk_mcp_handler *handler, souk_session *session, souk_ms now)
{
    const souk_mcp_slot *state = session->state;
    souk_mcp_news news;
    while (souk_mcp_ops_next(state->ops, now, &news)) {
        report_news(handler, session, &news, now);
        souk_json_doc_free(&news.doc);
    }
}

void souk_mcp_slot_report(const souk_handler *self, souk_session *session, souk_ms now)
{
    const souk_mcp_slot *state = session->state;
    drain(self->user, session, now);
    souk_mcp_level_keep(session, now);
    drain(self->user, session, now); /* where that needs no request */
    session->on_the_way = souk_mcp_replies(state->mcp);
    report_state(self, session, now);
}
