/* Whether a server has forgotten a session: souk_mcp_lost of mcp/reply.h. */
#include "mcp/reply.h"

static bool contains(souk_slice text, const char *word)
{
    souk_slice bytes = souk_slice_of(word);
    for (size_t i = 0; i + bytes.len <= text.len; i++) {
        if (souk_slice_starts_nocase(souk_slice_from(text, i), bytes)) {
            return true;
        }
    }
    return false;
}

static bool says_not_initialized(souk_slice text)
{
    return contains(text, "initializ") || contains(text, "initialis");
}

/* Whether an error speaks of a session, and says that it is not there. */
static bool says_session_is_gone(souk_slice text)
{
    static const char *const signs[] = {"not found", "unknown",   "invalid",   "not valid",
                                        "no valid",  "expired",   "closed",    "terminat",
                                        "missing",   "no longer", "not exist", "no such",
                                        "no active", "required",  "gone"};
    if (says_not_initialized(text)) {
        return true;
    }
    if (!contains(text, "session")) {
        return false;
    }
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (contains(text, signs[i])) {
            return true;
        }
    }
    return false;
}

/* An error that names no request was made before the request was looked at, by the transport. */
static bool names_no_request(const souk_rpc_message *message)
{
    return message->id.type == SOUK_RPC_ID_NONE || message->id.type == SOUK_RPC_ID_NULL;
}

/* 404 to a request with our session id: 2025-03-26 to 2025-11-25, basic/transports, "Session
 * management". */
static bool lost_by_404(const souk_mcp_outcome *outcome, const souk_rpc_message *error)
{
    if (!outcome->sent_session) {
        return false;
    }
    bool is_unknown_method = error != NULL && error->code == SOUK_RPC_METHOD_NOT_FOUND;
    return !is_unknown_method || says_session_is_gone(error->message);
}

/* 400: what many servers answer where the specification wants 404. */
static bool lost_by_400(const souk_mcp_outcome *outcome, const souk_rpc_message *error)
{
    if (!outcome->sent_session) {
        return false;
    }
    if (error == NULL) {
        return outcome->worked_before && outcome->message == NULL;
    }
    return error->code == SOUK_RPC_SERVER_ERROR && outcome->worked_before &&
           names_no_request(error);
}

/* Errors that are about the session by code and text, whatever the status. */
static bool lost_by_error(const souk_mcp_outcome *outcome, const souk_rpc_message *error)
{
    if (error == NULL || !(outcome->sent_session || outcome->worked_before)) {
        return false;
    }
    switch (error->code) {
    case SOUK_RPC_NOT_INITIALIZED: /* or a resource that was not found: only the text tells */
        return says_not_initialized(error->message);
    case SOUK_RPC_SERVER_ERROR:
    case SOUK_RPC_SESSION_NOT_FOUND:
    case SOUK_RPC_INVALID_REQUEST:
        return says_session_is_gone(error->message);
    default:
        return false;
    }
}

bool souk_mcp_lost(const souk_mcp_outcome *outcome)
{
    const souk_rpc_message *error = outcome->message;
    if (error != NULL && error->kind != SOUK_RPC_ERROR) {
        error = NULL;
    }
    if (!souk_mcp_is_legacy(outcome->revision)) {
        return false;
    }
    if (outcome->status == 404 && lost_by_404(outcome, error)) {
        return true;
    }
    if (outcome->status == 400 && lost_by_400(outcome, error)) {
        return true;
    }
    bool may_carry_error =
        outcome->status == 200 || outcome->status == 400 || outcome->status == 404;
    return may_carry_error && lost_by_error(outcome, error);
}
