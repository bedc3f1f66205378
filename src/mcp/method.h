/* What is known of the protocol's methods by their names. */
#ifndef SOUK_MCP_METHOD_H
#define SOUK_MCP_METHOD_H

#include "base/slice.h"

/*
 * Whether a second execution does no harm: what only reads, or sets the same again. False for
 * tools, for what spends something, and for methods that souk does not know.
 */
bool souk_mcp_is_repeatable(souk_slice rpc_method);

#endif
