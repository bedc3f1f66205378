#include "mcp/server.h"

#include <string.h>

int64_t souk_mcp_ttl_ms(const souk_jval *result)
{
    int64_t ms;
    bool is_usable = souk_json_integer(souk_json_get(result, "ttlMs"), &ms) && ms >= 0;
    return is_usable ? ms : 0;
}

bool souk_mcp_is_private(const souk_jval *result)
{
    return !souk_json_is_string(souk_json_get(result, "cacheScope"), "public");
}

souk_mcp_revision souk_mcp_best_of(const souk_jval *names, souk_mcp_era era)
{
    souk_mcp_revision best = SOUK_MCP_UNKNOWN;
    souk_json_elements it = souk_json_each_element(names);
    while (souk_json_next_element(&it)) {
        souk_mcp_revision revision = souk_mcp_revision_from(souk_json_string(it.value));
        bool counts = era == SOUK_MCP_ERA_UNKNOWN || souk_mcp_revision_era(revision) == era;
        if (counts && revision > best) {
            best = revision;
        }
    }
    return best;
}

static void read_info(const souk_jval *info, souk_mcp_server *server)
{
    server->name = souk_json_string(souk_json_get(info, "name"));
    server->version = souk_json_string(souk_json_get(info, "version"));
    server->title = souk_json_string(souk_json_get(info, "title"));
}

static const souk_jval *object_or_null(const souk_jval *value)
{
    return souk_json_type_of(value) == SOUK_JSON_OBJECT ? value : NULL;
}

static void read_common(const souk_jval *result, souk_mcp_server *server)
{
    server->instructions = souk_json_string(souk_json_get(result, "instructions"));
    server->capabilities = object_or_null(souk_json_get(result, "capabilities"));
}

/* What an error of `initialize` offers: the best legacy revision, else the best modern one. */
static souk_mcp_revision offered_instead(const souk_rpc_message *message, souk_mcp_revision wanted)
{
    const souk_jval *supported = souk_json_get(message->data, "supported");
    souk_mcp_revision best = souk_mcp_best_of(supported, SOUK_MCP_ERA_LEGACY);
    if (best == SOUK_MCP_UNKNOWN) {
        best = souk_mcp_best_of(supported, SOUK_MCP_ERA_MODERN);
    }
    return best == wanted ? SOUK_MCP_UNKNOWN : best;
}

static int malformed(souk_err *err, const char *what)
{
    int rc = souk_fail(err, SOUK_E_PROTOCOL, "the server's answer to initialize %s", what);
    if (err != NULL) {
        err->delivery = SOUK_DELIVERY_DELIVERED;
    }
    return rc;
}

static int read_initialized(const souk_jval *result, souk_mcp_server *server, souk_err *err)
{
    if (souk_json_type_of(result) != SOUK_JSON_OBJECT) {
        return malformed(err, "is no object");
    }
    souk_slice version = souk_json_string(souk_json_get(result, "protocolVersion"));
    if (version.ptr == NULL) {
        return malformed(err, "has no protocolVersion");
    }
    server->revision = souk_mcp_revision_from(version);
    if (!souk_mcp_is_legacy(server->revision)) {
        server->revision = SOUK_MCP_UNKNOWN;
        return souk_fail(err, SOUK_E_PROTOCOL,
                         "the server answered initialize with protocol version \"%.*s\"; souk "
                         "takes %s to %s there",
                         version.len < 64 ? (int)version.len : 64, version.ptr,
                         souk_mcp_revision_name(SOUK_MCP_2024_11_05),
                         souk_mcp_revision_name(SOUK_MCP_NEWEST_LEGACY));
    }
    read_common(result, server);
    read_info(souk_json_get(result, "serverInfo"), server);
    server->is_private = true;
    return SOUK_OK;
}

int souk_mcp_read_initialize(const souk_rpc_message *message, souk_mcp_revision wanted,
                             souk_mcp_server *server, souk_mcp_revision *retry, souk_err *err)
{
    souk_mcp_revision instead = SOUK_MCP_UNKNOWN;
    int rc;
    memset(server, 0, sizeof *server);
    if (message->kind == SOUK_RPC_RESULT) {
        rc = read_initialized(message->result, server, err);
    } else if (message->kind == SOUK_RPC_ERROR) {
        instead = offered_instead(message, wanted);
        rc = souk_rpc_fail(message, err);
    } else {
        rc = malformed(err, "is no response");
    }
    if (retry != NULL) {
        *retry = instead;
    }
    return rc;
}

/* In the result's _meta; servers that follow an earlier text have it in the body. */
static const souk_jval *find_info(const souk_jval *result)
{
    const souk_jval *info =
        souk_json_get(souk_json_get(result, "_meta"), "io.modelcontextprotocol/serverInfo");
    return info != NULL ? info : souk_json_get(result, "serverInfo");
}

int souk_mcp_read_discover(const souk_jval *result, souk_mcp_server *server, souk_err *err)
{
    memset(server, 0, sizeof *server);
    const souk_jval *names = souk_json_get(result, "supportedVersions");
    if (souk_json_type_of(names) != SOUK_JSON_ARRAY ||
        souk_json_type_of(souk_json_first(names)) != SOUK_JSON_STRING) {
        return souk_fail(err, SOUK_E_PROTOCOL,
                         "the server's answer to server/discover has no supportedVersions");
    }
    server->revision = souk_mcp_best_of(names, SOUK_MCP_ERA_UNKNOWN);
    read_common(result, server);
    read_info(find_info(result), server);
    server->ttl_ms = souk_mcp_ttl_ms(result);
    server->is_private = souk_mcp_is_private(result);
    return SOUK_OK;
}
