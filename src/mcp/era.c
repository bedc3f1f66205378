#include "mcp/era.h"

#include "mcp/server.h"

static souk_mcp_verdict verdict(souk_mcp_verdict_kind kind, souk_mcp_revision revision,
                                const char *reason)
{
    souk_mcp_verdict v = {kind, revision, reason};
    return v;
}

static souk_mcp_verdict legacy(const char *reason)
{
    return verdict(SOUK_MCP_VERDICT_LEGACY, SOUK_MCP_NEWEST_LEGACY, reason);
}

bool souk_mcp_is_modern_error(const souk_rpc_message *message)
{
    if (message == NULL || message->kind != SOUK_RPC_ERROR) {
        return false;
    }
    return message->code == SOUK_RPC_HEADER_MISMATCH ||
           message->code == SOUK_RPC_MISSING_CAPABILITY ||
           message->code == SOUK_RPC_UNSUPPORTED_VERSION;
}

/* The answer to a probe that was understood: which of the server's revisions to speak. */
static souk_mcp_verdict choose(souk_mcp_revision best, souk_mcp_verdict_kind modern_kind,
                               const char *reason)
{
    if (souk_mcp_is_modern(best)) {
        return verdict(modern_kind, best, reason);
    }
    if (souk_mcp_is_legacy(best)) {
        return verdict(SOUK_MCP_VERDICT_LEGACY, best,
                       "the server names only legacy revisions that souk speaks");
    }
    return verdict(SOUK_MCP_VERDICT_INCOMPATIBLE, SOUK_MCP_UNKNOWN,
                   "the server names no revision that souk speaks");
}

/* -32020 and -32021 leave the revision open: the server is modern, its next answer will say what it
 * misses. */
static souk_mcp_verdict from_modern_error(const souk_rpc_message *error, souk_mcp_revision asked)
{
    if (error->code != SOUK_RPC_UNSUPPORTED_VERSION) {
        return verdict(SOUK_MCP_VERDICT_MODERN, asked,
                       "the server answered with an error that only modern servers know");
    }
    const souk_jval *supported = souk_json_get(error->data, "supported");
    if (souk_json_type_of(supported) != SOUK_JSON_ARRAY) {
        return verdict(SOUK_MCP_VERDICT_INCOMPATIBLE, SOUK_MCP_UNKNOWN,
                       "the server refused the revision and named no other");
    }
    return choose(souk_mcp_best_of(supported, SOUK_MCP_ERA_UNKNOWN), SOUK_MCP_VERDICT_MODERN_RETRY,
                  "the server wants another revision");
}

/* A JSON-RPC message, however it came. */
static souk_mcp_verdict from_message(const souk_rpc_message *message, souk_mcp_revision asked)
{
    souk_mcp_server server;
    if (souk_mcp_is_modern_error(message)) {
        return from_modern_error(message, asked);
    }
    if (message->kind == SOUK_RPC_ERROR) {
        return legacy("the server does not know server/discover");
    }
    if (message->kind != SOUK_RPC_RESULT ||
        souk_mcp_read_discover(message->result, &server, NULL) != SOUK_OK) {
        return legacy("the server's answer to server/discover names no revisions");
    }
    return choose(server.revision, SOUK_MCP_VERDICT_MODERN, "the server answered server/discover");
}

souk_mcp_verdict souk_mcp_era_over_http(int status, const souk_rpc_message *message,
                                        souk_mcp_revision asked)
{
    bool has_error = message != NULL && message->kind == SOUK_RPC_ERROR;
    if (status == 401 || status == 403) {
        return verdict(SOUK_MCP_VERDICT_AUTH, SOUK_MCP_UNKNOWN,
                       "the server wants other credentials, or any");
    }
    if (souk_mcp_is_modern_error(message)) {
        return from_modern_error(message, asked);
    }
    if (status == 0) {
        return verdict(SOUK_MCP_VERDICT_TRANSIENT, SOUK_MCP_UNKNOWN, "no answer came");
    }
    if (status == 408 || status == 425 || status == 429) {
        return verdict(SOUK_MCP_VERDICT_TRANSIENT, SOUK_MCP_UNKNOWN,
                       "the server wants the request again later");
    }
    /* A JSON-RPC error in a 500 is an answer: some servers fail so on a method that they do not
     * know. */
    if (status >= 500 && !(status == 500 && has_error)) {
        return verdict(SOUK_MCP_VERDICT_TRANSIENT, SOUK_MCP_UNKNOWN,
                       "the server or a gateway is in trouble");
    }
    if (message == NULL) {
        return legacy("the server's answer to server/discover is no JSON-RPC message");
    }
    if (status >= 300 && !has_error) {
        return legacy("the server refused server/discover");
    }
    return from_message(message, asked);
}

souk_mcp_verdict souk_mcp_era_over_stdio(souk_mcp_probe_end end, const souk_rpc_message *message,
                                         souk_mcp_revision asked)
{
    switch (end) {
    case SOUK_MCP_PROBE_TIMED_OUT:
        return legacy("the server was silent after server/discover");
    case SOUK_MCP_PROBE_DIED:
        return legacy("the server's process ended after server/discover");
    case SOUK_MCP_PROBE_ANSWERED:
        break;
    }
    if (message == NULL) {
        return legacy("the server's answer to server/discover is no JSON-RPC message");
    }
    return from_message(message, asked);
}
