/*
 * Reading the head of an HTTP response, and what its status means (basic/transports, "Streamable
 * HTTP").
 */
#ifndef SOUK_MCP_REPLY_H
#define SOUK_MCP_REPLY_H

#include <stdint.h>

#include "base/wire.h"
#include "mcp/revision.h"
#include "mcp/rpc.h"

typedef enum souk_mcp_media {
    SOUK_MCP_MEDIA_NONE = 0, /* no Content-Type */
    SOUK_MCP_MEDIA_JSON,     /* application/json */
    SOUK_MCP_MEDIA_SSE,      /* text/event-stream */
    SOUK_MCP_MEDIA_OTHER
} souk_mcp_media;

/* The slices point into the headers that were read. */
typedef struct souk_mcp_head {
    int status;
    souk_mcp_media media;
    souk_slice content_type;     /* as the server wrote it */
    souk_slice session_id;       /* empty: none */
    souk_slice www_authenticate; /* a Bearer challenge, else the first; empty: none */
    souk_slice location;         /* empty: none */
    int64_t retry_after_ms;      /* from now; -1: none, or not understood */
} souk_mcp_head;

/*
 * Fills *head. now: seconds since 1970-01-01 UTC, for a Retry-After that is a date; 0: what the
 * server's own Date says, so that no clock is needed, and none has to be right. SOUK_E_PROTOCOL
 * when the session id has bytes that the protocol does not allow; everything else in *head is
 * filled then, too.
 */
int souk_mcp_head_read(souk_mcp_head *head, int status, const souk_header *headers, size_t count,
                       int64_t now, souk_err *err);

/* The media type alone: parameters and case do not matter. */
souk_mcp_media souk_mcp_media_of(souk_slice content_type);

/*
 * Retry-After (RFC 9110 section 10.2.3): seconds, or an HTTP date in any of its three forms.
 * Milliseconds from `now` (seconds since 1970-01-01 UTC), 0 for a date that has passed, at most a
 * day; -1 when it is neither, or a date while `now` is 0.
 */
int64_t souk_mcp_retry_after_ms(souk_slice value, int64_t now);

/*
 * Fills *err for a request that was not answered with a 2xx: kind, status, code, delivery,
 * retryable. message: the JSON-RPC error in the body, or NULL. Returns the kind:
 *   401, 403                  SOUK_E_AUTH       rejected
 *   a JSON-RPC error          SOUK_E_RPC        as souk_rpc_fail says; 408, 425, 429 as below
 *   408, 425, 429             SOUK_E_TRANSPORT  rejected, retryable
 *   5xx                       SOUK_E_TRANSPORT  ambiguous, retryable
 *   413, 431                  SOUK_E_LIMIT      rejected
 *   3xx and other 4xx         SOUK_E_PROTOCOL   rejected
 */
int souk_mcp_refused(const souk_mcp_head *head, const souk_rpc_message *message, souk_err *err);

/*
 * What is known when a POST has come back. message is NULL when the body was no JSON-RPC message.
 */
typedef struct souk_mcp_outcome {
    souk_mcp_revision revision;
    int status;
    const souk_rpc_message *message;
    bool sent_session;  /* the request carried our Mcp-Session-Id */
    bool worked_before; /* an earlier request of this session was answered */
} souk_mcp_outcome;

/*
 * Whether the server has forgotten the session, so that a new one has to be opened. Beside the 404
 * of the specification it recognises what servers do in the field, by status, code, whether the
 * error names a request, and whether the session had worked; the text is only one sign among them.
 * Not for GET and DELETE: a 404 there says nothing about the session.
 */
bool souk_mcp_lost(const souk_mcp_outcome *outcome);

#endif
