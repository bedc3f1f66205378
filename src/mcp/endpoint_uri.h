/*
 * Where a server of 2024-11-05 wants messages to be sent ("HTTP with SSE"): the URI of its
 * `endpoint` event, resolved against the URL of its event stream (RFC 3986 section 5).
 */
#ifndef SOUK_MCP_ENDPOINT_URI_H
#define SOUK_MCP_ENDPOINT_URI_H

#include "base/buf.h"

enum { SOUK_MCP_ENDPOINT_MAX = 8192 /* bytes of an endpoint's URI */ };

/*
 * Appends the absolute URL to `out`: it has the scheme and the authority of `base`, byte for byte,
 * and no fragment. base: an absolute http or https URL. reference: what the server said; white
 * space around it does not count.
 *
 * SOUK_E_PROTOCOL when it is empty, too long, no URI, or of another origin than base (scheme, host
 * or port; the message names both origins); credentials must not go there. SOUK_E_LIMIT as the
 * buffer does.
 */
int souk_mcp_endpoint_resolve(souk_buf *out, souk_slice base, souk_slice reference, souk_err *err);

#endif
