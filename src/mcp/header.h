/*
 * The HTTP headers of a request (basic/transports, "Streamable HTTP"; 2026-07-28 for Mcp-Method,
 * Mcp-Name and Mcp-Param-*), and the rules for values that come from outside.
 *
 * No header that is made here contains a CR, LF, NUL or other control character except a tab. An
 * error names the header, never its value.
 */
#ifndef SOUK_MCP_HEADER_H
#define SOUK_MCP_HEADER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/wire.h"
#include "mcp/revision.h"

enum {
    SOUK_MCP_HEADERS_MAX = 256, /* headers of one request */
    SOUK_MCP_HEADER_VALUE_MAX =
        65536,                     /* bytes of a value that is made from a name or an argument */
    SOUK_MCP_SESSION_ID_MAX = 8192 /* bytes; gateways pack the ids of several sessions into one */
};

/* The headers of one request, owned by the caller. */
typedef struct souk_mcp_headers {
    souk_header *list;
    size_t count;
    size_t cap;
    size_t open_count; /* the first so many may be seen by any origin: the media types, and what the
                          message says itself; the others are bound to the server's */
    souk_arena texts;  /* names and values that had to be made */
} souk_mcp_headers;

void souk_mcp_headers_init(souk_mcp_headers *headers, const souk_alloc *alloc);

/* Frees the list; it is empty and usable. A zeroed souk_mcp_headers is allowed. */
void souk_mcp_headers_free(souk_mcp_headers *headers);

typedef enum souk_mcp_verb {
    SOUK_MCP_POST,
    SOUK_MCP_GET,   /* opens or resumes a stream, legacy */
    SOUK_MCP_DELETE /* ends a session, legacy */
} souk_mcp_verb;

/* "POST", "GET", "DELETE". Static. */
const char *souk_mcp_verb_name(souk_mcp_verb verb);

typedef struct souk_mcp_http_request {
    souk_mcp_verb verb;
    souk_mcp_revision revision; /* SOUK_MCP_UNKNOWN in `initialize`: no version header */
    souk_slice session_id;      /* empty: none; not sent by revisions without sessions */
    souk_slice rpc_method;      /* of a request; empty for a notification or an answer */
    souk_slice name;            /* see souk_mcp_name_member; ptr NULL: none; empty is a name */
    souk_slice authorization;   /* the whole value; empty: none */
    souk_slice last_event_id;   /* GET: resume behind this event; empty: none */
    const souk_header *more;    /* of this request alone, such as Mcp-Param-*; sent as they are */
    size_t more_count;
    const souk_header *extra; /* the user's headers */
    size_t extra_count;
} souk_mcp_http_request;

/*
 * Adds the headers of `request` to the list, and sets open_count: session, event id, credentials
 * and the user's headers stand behind all others. The user's headers come last; those that the
 * protocol or the transport owns (souk_mcp_header_is_ours) are left out, and so is an Authorization
 * when request->authorization is given.
 *
 * SOUK_E_CONFIG for a user's header with a bad name or value, SOUK_E_AUTH for an authorization,
 * SOUK_E_PROTOCOL for a session id, event id or JSON-RPC method that cannot be a header value,
 * SOUK_E_LIMIT for too many headers or memory. The list borrows from the request: it is valid as
 * long as the request's slices, and until souk_mcp_headers_free.
 */
int souk_mcp_headers_build(souk_mcp_headers *headers, const souk_mcp_http_request *request,
                           souk_err *err);

/*
 * Adds one header, with a copy of name and value. kind: what to fail with when the name is no token
 * (RFC 9110 section 5.1) or the value has a control character other than a tab.
 */
int souk_mcp_headers_add(souk_mcp_headers *headers, souk_slice name, souk_slice value, int kind,
                         souk_err *err);

/* Whether souk or its HTTP engine sets this header itself, so that a user's one is left out. */
bool souk_mcp_header_is_ours(souk_slice name);

/* Whether the bytes are a token (RFC 9110 section 5.6.2), as a header name has to be. */
bool souk_mcp_is_token(souk_slice bytes);

/* Whether the bytes can be a header value: no control character except a tab. */
bool souk_mcp_is_header_value(souk_slice bytes);

/*
 * Which member of params goes into Mcp-Name: "name", "uri" or "taskId"; NULL when the method has
 * none (2026-07-28, basic/transports, "Standard headers"; the tasks extension). Static.
 */
const char *souk_mcp_name_member(souk_slice rpc_method);

/*
 * Appends the value of an Mcp-Name or Mcp-Param header: the text as it is, or as =?base64?...?=
 * when it could not travel in a header unchanged (2026-07-28, basic/transports, "Value encoding").
 * Fails only as the buffer does.
 */
int souk_mcp_write_header_value(souk_buf *out, souk_slice value, souk_err *err);

/*
 * 1 to SOUK_MCP_SESSION_ID_MAX bytes of visible ASCII, 0x21 to 0x7E (2025-03-26, "Session
 * management").
 */
bool souk_mcp_session_id_valid(souk_slice id);

/*
 * Appends the value of Authorization for a token: the token itself when it begins with a known
 * scheme and a space ("Basic abc"), else "Bearer " and the token. SOUK_E_AUTH when it is empty or
 * has bytes outside of 0x20 to 0x7E; the message does not contain the token.
 */
int souk_mcp_write_authorization(souk_buf *out, souk_slice token, souk_err *err);

#endif
