/* Which capabilities are called through a session pool, and by which handler. */
#ifndef SOUK_DETECT_H
#define SOUK_DETECT_H

#include "cap/flatten.h"

/*
 * True when calls need a session: the provider is MCP, or an entry `<prefix>_requires_session` is
 * exactly "true" or "auto". *prefix is then the name of the handler: "mcp" for the provider MCP,
 * else the prefix of the first such entry in document order. It lives as long as `flat` (or for
 * ever).
 *
 * provider_kind: as in a manifest, lower case; may be empty.
 */
bool souk_needs_session(const souk_flat *flat, souk_slice provider_kind, souk_slice *prefix);

#endif
