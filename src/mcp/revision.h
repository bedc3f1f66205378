/*
 * The revisions of the Model Context Protocol that souk speaks, and what each of them does
 * differently.
 *
 * A revision belongs to an era. Legacy revisions (up to 2025-11-25) begin with `initialize` and
 * have sessions; modern ones (from 2026-07-28 on) carry everything in each request.
 */
#ifndef SOUK_MCP_REVISION_H
#define SOUK_MCP_REVISION_H

#include "base/slice.h"

/* In order of time, so that `revision >= SOUK_MCP_2025_06_18` is a question one may ask. */
typedef enum souk_mcp_revision {
    SOUK_MCP_UNKNOWN = 0,
    SOUK_MCP_2024_11_05,
    SOUK_MCP_2025_03_26,
    SOUK_MCP_2025_06_18,
    SOUK_MCP_2025_11_25,
    SOUK_MCP_2026_07_28,

    SOUK_MCP_NEWEST_LEGACY = SOUK_MCP_2025_11_25,
    SOUK_MCP_NEWEST_MODERN = SOUK_MCP_2026_07_28
} souk_mcp_revision;

typedef enum souk_mcp_era {
    SOUK_MCP_ERA_UNKNOWN = 0,
    SOUK_MCP_ERA_LEGACY,
    SOUK_MCP_ERA_MODERN
} souk_mcp_era;

/* "2025-11-25"; "" for SOUK_MCP_UNKNOWN. Static. */
const char *souk_mcp_revision_name(souk_mcp_revision revision);

/* SOUK_MCP_UNKNOWN when souk does not speak it. */
souk_mcp_revision souk_mcp_revision_from(souk_slice name);

souk_mcp_era souk_mcp_revision_era(souk_mcp_revision revision);
bool souk_mcp_is_modern(souk_mcp_revision revision);
bool souk_mcp_is_legacy(souk_mcp_revision revision);

/* "legacy", "modern", "unknown". Static. */
const char *souk_mcp_era_name(souk_mcp_era era);

/* All questions below answer false for SOUK_MCP_UNKNOWN. */

/*
 * Streamable HTTP with Mcp-Session-Id, GET streams and DELETE (legacy). The text of 2024-11-05 has
 * none of it, but servers that speak Streamable HTTP may settle on that revision all the same, and
 * then want their session id back.
 */
bool souk_mcp_has_session(souk_mcp_revision revision);

/* MCP-Protocol-Version on every HTTP request after the handshake (from 2025-06-18 on). */
bool souk_mcp_sends_version_header(souk_mcp_revision revision);

/* Mcp-Method, Mcp-Name and Mcp-Param-* (from 2026-07-28 on). */
bool souk_mcp_sends_method_headers(souk_mcp_revision revision);

/* Messages may come as JSON-RPC arrays (up to 2025-03-26). */
bool souk_mcp_may_batch(souk_mcp_revision revision);

/* The server may send requests, which want an answer (legacy). */
bool souk_mcp_has_server_requests(souk_mcp_revision revision);

/*
 * A stream that breaks or ends before the answer goes on with GET and Last-Event-ID, after the time
 * that the server asked for with `retry:` (legacy). 2025-11-25 (basic/transports) demands the
 * waiting and lets the server end a stream at any time; servers do both under the older revisions,
 * too.
 */
bool souk_mcp_resumes_streams(souk_mcp_revision revision);

/*
 * Closing the stream of an HTTP request cancels it (modern); otherwise notifications/cancelled
 * does.
 */
bool souk_mcp_cancels_by_closing(souk_mcp_revision revision);

/* Results carry resultType, and may ask for input (modern). */
bool souk_mcp_has_result_type(souk_mcp_revision revision);

#endif
