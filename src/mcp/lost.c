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

static bool starts_with_any(souk_slice text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (souk_slice_starts_nocase(text, souk_slice_of(words[i]))) {
            return true;
        }
    }
    return false;
}

/* "Bad Request: Session not found" -> "Session not found" */
static souk_slice without_prefix(souk_slice text)
{
    static const char *const prefixes[] = {
        "bad request: ", "invalid request: ", "error: ", "mcp error: "};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        souk_slice prefix = souk_slice_of(prefixes[i]);
        if (souk_slice_starts_nocase(text, prefix)) {
            return souk_slice_from(text, prefix.len);
        }
    }
    return text;
}

/*
 * Whether an error is about nothing but the session. An error that names our request may come from
 * the tool, which has done its work and speaks of sessions of its own: "User session expired in the
 * CRM". Taken for a lost session, the call would be executed twice.
 */
static bool is_about_session_alone(souk_slice text)
{
    static const char *const uninitialized[] = {"not initiali",
                                                "server not initiali",
                                                "server is not initiali",
                                                "server has not been initiali",
                                                "session not initiali",
                                                "session is not initiali",
                                                "session has not been initiali"};
    static const char *const session[] = {
        "session",          "mcp session",         "mcp-session-id",
        "invalid session",  "invalid mcp session", "unknown session",
        "no valid session", "no active session",   "no such session",
        "missing session",  "expired session",     "no session",
        "no mcp session"};
    text = without_prefix(text);
    return starts_with_any(text, uninitialized, sizeof uninitialized / sizeof uninitialized[0]) ||
           (starts_with_any(text, session, sizeof session / sizeof session[0]) &&
            says_session_is_gone(text));
}

/* 404 to a request with our session id: 2025-03-26 to 2025-11-25, basic/transports, "Session
 * management". */
static bool lost_by_404(const souk_mcp_outcome *outcome, const souk_rpc_message *error)
{
    if (!outcome->sent_session) {
        return false;
    }
    bool is_unknown_method = error != NULL && error->code == SOUK_RPC_METHOD_NOT_FOUND;
    return !is_unknown_method || is_about_session_alone(error->message);
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
           souk_rpc_is_nameless_error(error);
}

/* Errors that are about the session by code and text, whatever the status. */
static bool lost_by_error(const souk_mcp_outcome *outcome, const souk_rpc_message *error)
{
    if (error == NULL || !(outcome->sent_session || outcome->worked_before)) {
        return false;
    }
    if (!souk_rpc_is_nameless_error(error) && !is_about_session_alone(error->message)) {
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
