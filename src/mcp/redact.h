/* What people may see: ids cut short, and which headers hold secrets. */
#ifndef SOUK_MCP_REDACT_H
#define SOUK_MCP_REDACT_H

#include "base/slice.h"

enum { SOUK_MCP_SHORT_MAX = 16 }; /* bytes of a shortened id, with its NUL */

/*
 * Writes the id for people to read: "3f2a…9c1d". Ids of up to 8 bytes stay whole; bytes that are
 * not visible ASCII become '?'. Returns `out`, NUL-terminated.
 */
const char *souk_mcp_shorten(souk_slice id, char out[SOUK_MCP_SHORT_MAX]);

/* Whether a header of this name is likely to hold a secret, so that its value is never shown. */
bool souk_mcp_header_is_secret(souk_slice name);

#endif
