/*
 * What this client can do for a server that asks: the client's capabilities (client/elicitation,
 * client/sampling, client/roots of each revision; the tasks extension of 2026-07-28).
 */
#ifndef SOUK_MCP_ABILITY_H
#define SOUK_MCP_ABILITY_H

#include "base/buf.h"
#include "mcp/revision.h"
#include "json/doc.h"

/* Flags; a session declares the set that it was given, and refuses everything else. */
typedef enum souk_mcp_ability {
    SOUK_MCP_CAN_ELICIT_FORM = 1,  /* elicitation/create, mode "form" */
    SOUK_MCP_CAN_ELICIT_URL = 2,   /* elicitation/create, mode "url" (from 2025-11-25 on) */
    SOUK_MCP_CAN_SAMPLE = 4,       /* sampling/createMessage */
    SOUK_MCP_CAN_LIST_ROOTS = 8,   /* roots/list */
    SOUK_MCP_CAN_FOLLOW_TASKS = 16 /* extension io.modelcontextprotocol/tasks, modern only */
} souk_mcp_ability;

/* Appends the client capabilities as a JSON object, as an era writes them. Fails as the buffer
 * does. */
int souk_mcp_write_capabilities(souk_buf *out, unsigned abilities, souk_mcp_era era, souk_err *err);

/*
 * Whether a request of the server is one that was declared. SOUK_OK; or a negative kind with *err
 * filled, err->code being what a legacy server is answered: SOUK_RPC_METHOD_NOT_FOUND for a method,
 * SOUK_RPC_INVALID_PARAMS for an elicitation mode or for params that are no such request.
 */
int souk_mcp_ability_check(unsigned abilities, souk_slice method, const souk_jval *params,
                           souk_err *err);

#endif
