/*
 * Writes what a client sends: requests with their metadata, and the two notifications of a client.
 *
 * Legacy requests carry the caller's params, and `_meta` only for a progress token and a trace
 * context. Modern ones always have params, whose `_meta` says which revision and which client is
 * speaking (2026-07-28, basic, "_meta").
 *
 * All functions append to `out`, without a newline, and return SOUK_OK or a negative kind with *err
 * filled: SOUK_E_LIMIT (the buffer's maximum, or memory), SOUK_E_SCHEMA (a text that is not UTF-8,
 * or params that are no JSON object). After a failure the content of `out` is of no use.
 */
#ifndef SOUK_MCP_ENVELOPE_H
#define SOUK_MCP_ENVELOPE_H

#include <stdint.h>

#include "base/buf.h"
#include "mcp/ability.h"
#include "mcp/revision.h"

/* Who is asking. */
typedef struct souk_mcp_client {
    souk_slice name; /* empty: a modern request goes without clientInfo */
    souk_slice version;
    souk_slice title;   /* empty: none */
    unsigned abilities; /* souk_mcp_ability: what it declares */
} souk_mcp_client;

typedef struct souk_mcp_envelope {
    int64_t id;
    souk_slice method;
    souk_slice params; /* JSON text of an object; empty: none */
    souk_mcp_revision revision;
    const souk_mcp_client *client; /* only looked at for modern revisions */
    int64_t progress_token;        /* 0: none */
    souk_slice log_level;          /* modern only; empty: no log messages for this request */
    souk_slice traceparent;        /* W3C trace context; each may be empty: none */
    souk_slice tracestate;
    souk_slice baggage;
} souk_mcp_envelope;

/*
 * Writes one request. params are copied byte for byte and must be valid JSON: they are only read
 * when a `_meta` might be in them. Then members of that `_meta` are kept as they are, except those
 * that this function writes itself, and everything around it stays in place.
 */
int souk_mcp_write_request(souk_buf *out, const souk_mcp_envelope *envelope, souk_err *err);

/*
 * `initialize`, asking for a legacy revision; SOUK_E_CONFIG for any other: the handshake does not
 * exist in the modern era.
 */
int souk_mcp_write_initialize(souk_buf *out, int64_t id, souk_mcp_revision revision,
                              const souk_mcp_client *client, souk_err *err);

/* `server/discover`, asking in a modern revision; SOUK_E_CONFIG for any other. */
int souk_mcp_write_discover(souk_buf *out, int64_t id, souk_mcp_revision revision,
                            const souk_mcp_client *client, souk_err *err);

/* notifications/initialized */
int souk_mcp_write_initialized(souk_buf *out, souk_err *err);

/* notifications/cancelled for our request `id`; reason may be empty: none. */
int souk_mcp_write_cancelled(souk_buf *out, int64_t id, souk_slice reason, souk_err *err);

/* The params of a tools/call. arguments: JSON text of an object; empty: {}. */
int souk_mcp_write_tool_params(souk_buf *out, souk_slice name, souk_slice arguments, souk_err *err);

/* The params of a list request: cursor NULL for the first page; an empty cursor is a cursor. */
int souk_mcp_write_page_params(souk_buf *out, const souk_slice *cursor, souk_err *err);

#endif
