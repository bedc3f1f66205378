/* Whether a session is still there: asked before a call is risked on one that was not used for
 * long. */
#include "pool/mcp_state.h"

/* ms; longer than anybody waits for it: the pool has its own limit. */
enum { PROBE_TIMEOUT = 3600 * 1000 };

/* Over HTTP a modern server keeps nothing that could be lost between two requests. */
static bool has_something_to_lose(const souk_mcp_slot *state)
{
    return state->endpoint.url == NULL ||
           souk_mcp_revision_era(souk_mcp_get_revision(state->mcp)) != SOUK_MCP_ERA_MODERN;
}

int souk_mcp_probe(const souk_handler *self, souk_session *session, bool suspect, souk_ms now,
                   souk_err *err)
{
    souk_mcp_slot *state = session->state;
    if (state->mcp == NULL || (!suspect && !has_something_to_lose(state))) {
        return SOUK_NOTHING_TO_PROBE;
    }
    /* A ping, or server/discover where there is none: neither does anything. */
    const souk_mcp_order order = {
        .kind = SOUK_MCP_OP_PING, .timeout = PROBE_TIMEOUT, .tag = &state->probe_op};
    souk_mcp_op *op = NULL;
    int failed = souk_mcp_op_start(state->ops, &order, now, &op, err);
    if (failed == SOUK_OK) {
        state->probe_op = op;
    }
    souk_mcp_slot_report(self, session, now);
    return failed;
}

void souk_mcp_probe_end(souk_session *session, const souk_mcp_news *news)
{
    souk_mcp_slot *state = session->state;
    if (news->kind != SOUK_MCP_NEWS_END) {
        return;
    }
    state->probe_op = NULL;
    /* "Method not found" comes from a server that lives; so does any other opinion about a ping. */
    bool answered = news->err.kind == SOUK_OK || news->err.kind == SOUK_E_RPC ||
                    news->err.kind == SOUK_E_PROTOCOL;
    if (answered && !news->lost) {
        souk_session_probed(session);
    } else {
        souk_err why = news->err;
        souk_mcp_share_lost(session); /* else the next opening would adopt it again */
        souk_mcp_slot_explain(session, &why);
        souk_session_lost(session, &why);
    }
}

void souk_mcp_probe_drop(souk_session *session, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    if (state->probe_op != NULL) {
        souk_mcp_op_cancel(state->ops, state->probe_op, "the session is closed", false, now);
        state->probe_op = NULL;
    }
}
