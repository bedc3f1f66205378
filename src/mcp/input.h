/*
 * Params of a request that is sent again with answers (2026-07-28, basic/patterns/mrtr,
 * "Retrying").
 */
#ifndef SOUK_MCP_INPUT_H
#define SOUK_MCP_INPUT_H

#include "base/buf.h"

/*
 * Appends `params` (JSON text of an object; empty: {}) with the members in `input` behind its own:
 * JSON text without braces, empty for none. inputResponses and requestState in params are left out,
 * since only those of the last round count. Everything else stays byte for byte, but the space
 * between members.
 *
 * SOUK_E_SCHEMA when params are no JSON object, SOUK_E_LIMIT for the buffer's maximum or memory.
 */
int souk_mcp_write_input_params(souk_buf *out, souk_slice params, souk_slice input, souk_err *err);

#endif
