/* What people may see of an id. */
#ifndef SOUK_MCP_REDACT_H
#define SOUK_MCP_REDACT_H

#include "base/slice.h"

enum { SOUK_MCP_SHORT_MAX = 16 }; /* bytes of a shortened id, with its NUL */

/*
 * Writes the id for people to read: "3f2a…9c1d". Ids of up to 8 bytes stay whole; bytes that are
 * not visible ASCII become '?'. Returns `out`, NUL-terminated.
 */
const char *souk_mcp_shorten(souk_slice id, char out[SOUK_MCP_SHORT_MAX]);

#endif
