#include <stdio.h>
#include <string.h>

#include "mcp/redact.h"
#include "mcp/result.h"
#include "pool/mcp_state.h"

void souk_mcp_slot_explain(const souk_session *session, souk_err *err)
{
    const souk_mcp_slot *state = session->state;
    if (err->kind == SOUK_E_AUTH && state->endpoint.url != NULL) {
        char message[SOUK_MESSAGE_MAX];
        memcpy(message, err->message, sizeof message);
        souk_err full = *err;
        if (session->target->auth != 0) {
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

static void report_state(souk_session *session)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_state now = souk_mcp_get_state(state->mcp);
    souk_err why;
    if (now == state->seen) {
        return;
    }
    state->seen = now;
    if (souk_mcp_contradicted(state->mcp)) {
        session->memory[SOUK_MCP_MEMORY_REVISION] = SOUK_MCP_UNKNOWN;
    }
    switch (now) {
    case SOUK_MCP_READY:
        session->memory[SOUK_MCP_MEMORY_REVISION] = (uint64_t)souk_mcp_get_revision(state->mcp);
        label(session);
        souk_session_opened(session);
        break;
    case SOUK_MCP_FAILED:
    case SOUK_MCP_LOST:
        why = *souk_mcp_why(state->mcp);
        souk_mcp_slot_explain(session, &why);
        if (now == SOUK_MCP_FAILED) {
            souk_session_failed(session, &why);
        } else {
            souk_session_lost(session, &why);
        }
        break;
    case SOUK_MCP_CLOSED:
        souk_session_closed(session);
        break;
    default:
        break;
    }
}

/* Chooses what of a tools/call result the caller gets. */
static int pick_value(const souk_call *call, souk_mcp_revision revision, souk_mcp_end *end,
                      souk_answer *answer, souk_err *err)
{
    answer->value = end->value;
    if (call->request.kind != SOUK_REQUEST_CAPABILITY) {
        return SOUK_OK;
    }
    souk_mcp_tool_result result;
    souk_mcp_tool_result_init(&result, answer->doc.arena.alloc);
    int failed = souk_mcp_read_tool_result(end->value, revision, &result, err);
    if (failed == SOUK_OK && result.is_error && !call->request.raw) {
        failed = souk_mcp_fail_tool(end->value, err);
    } else if (failed == SOUK_OK && !call->request.raw) {
        answer->structured =
            result.kind == SOUK_MCP_VALUE_STRUCTURED || result.kind == SOUK_MCP_VALUE_DECODED;
        switch (result.kind) {
        case SOUK_MCP_VALUE_STRUCTURED:
        case SOUK_MCP_VALUE_CONTENT:
            answer->value = result.value;
            break;
        case SOUK_MCP_VALUE_DECODED:
            answer->value = result.value;
            souk_json_doc_move(&answer->inner, &result.decoded);
            break;
        case SOUK_MCP_VALUE_TEXT:
            answer->value =
                souk_json_get(souk_json_at(souk_json_get(end->value, "content"), 0), "text");
            break;
        }
    }
    souk_mcp_tool_result_free(&result);
    return failed;
}

static void report_end(souk_session *session, souk_mcp_end *end)
{
    const souk_mcp_slot *state = session->state;
    souk_call *call = end->tag;
    souk_answer answer;
    souk_err err = end->err;
    souk_answer_init(&answer, session->alloc);
    int failed = err.kind;
    if (failed == SOUK_OK && end->type != SOUK_MCP_RESULT_COMPLETE) {
        failed = souk_fail(&err, SOUK_E_PROTOCOL,
                           "the server asks for something that this client did not say it can do");
        err.delivery = SOUK_DELIVERY_DELIVERED;
        answer.value = end->value;
    } else if (failed == SOUK_OK) {
        failed = pick_value(call, souk_mcp_get_revision(state->mcp), end, &answer, &err);
        err.delivery = SOUK_DELIVERY_DELIVERED;
    } else {
        answer.value = end->value;
    }
    souk_json_doc_move(&answer.doc, &end->doc);
    call->state = NULL;
    if (failed == SOUK_OK) {
        souk_call_done(call, &answer);
    } else {
        souk_mcp_slot_explain(session, &err);
        souk_call_failed(call, &err, end->lost, &answer);
    }
    souk_answer_free(&answer);
}

void souk_mcp_slot_report(souk_session *session)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_end end;
    souk_mcp_notice notice;
    while (souk_mcp_next_notice(state->mcp, &notice)) {
        souk_json_doc_free(&notice.doc); /* nothing that the pool does depends on one yet */
    }
    while (souk_mcp_next(state->mcp, &end)) {
        report_end(session, &end);
        souk_json_doc_free(&end.doc);
    }
    session->on_the_way = souk_mcp_replies(state->mcp);
    report_state(session);
}
