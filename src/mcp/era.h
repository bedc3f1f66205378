/*
 * Which era a server belongs to, concluded from its answer to a `server/discover` probe
 * (2026-07-28, basic/versioning, "Backward compatibility"). Pure functions: the caller acts.
 */
#ifndef SOUK_MCP_ERA_H
#define SOUK_MCP_ERA_H

#include "mcp/revision.h"
#include "mcp/rpc.h"

typedef enum souk_mcp_verdict_kind {
    SOUK_MCP_VERDICT_MODERN,       /* speak `revision` */
    SOUK_MCP_VERDICT_MODERN_RETRY, /* modern; ask once more, in `revision`, maybe the same */
    SOUK_MCP_VERDICT_LEGACY,       /* send `initialize`, asking for `revision` */
    SOUK_MCP_VERDICT_AUTH,         /* no conclusion: 401 or 403; authorise, then probe again */
    SOUK_MCP_VERDICT_TRANSIENT,    /* no conclusion: no connection, timeout, server in trouble */
    SOUK_MCP_VERDICT_INCOMPATIBLE  /* modern, and no revision in common */
} souk_mcp_verdict_kind;

typedef struct souk_mcp_verdict {
    souk_mcp_verdict_kind kind;
    souk_mcp_revision revision; /* MODERN, MODERN_RETRY, LEGACY */
    const char *reason;         /* a clause for people, static */
} souk_mcp_verdict;

/*
 * status: of the HTTP response, 0 when there was none (no connection, timeout). message: the
 * JSON-RPC message in the body, or NULL. asked: the modern revision of the probe.
 */
souk_mcp_verdict souk_mcp_era_over_http(int status, const souk_rpc_message *message,
                                        souk_mcp_revision asked);

typedef enum souk_mcp_probe_end {
    SOUK_MCP_PROBE_ANSWERED,
    SOUK_MCP_PROBE_TIMED_OUT, /* silence: a legacy server may ignore what it does not know */
    SOUK_MCP_PROBE_DIED       /* the process ended: start it again, then `initialize` */
} souk_mcp_probe_end;

/*
 * The same over stdio, where every answer but a modern one means legacy. message: of ANSWERED, else
 * NULL.
 */
souk_mcp_verdict souk_mcp_era_over_stdio(souk_mcp_probe_end end, const souk_rpc_message *message,
                                         souk_mcp_revision asked);

/*
 * Whether a JSON-RPC error proves a modern server (-32020, -32021, -32022). Such a server is never
 * sent `initialize` because of the error.
 */
bool souk_mcp_is_modern_error(const souk_rpc_message *message);

#endif
