/*
 * The insides of the MCP handler; only mcp_*.c of this folder include it.
 *
 * mcp_handler.c   the interface: keys, calls, and passing on what happens
 * mcp_open.c      opening: endpoint, credential, configuration of the session
 * mcp_report.c    what the pool is told: states, ends, errors that a person can act on
 */
#ifndef SOUK_MCP_STATE_H
#define SOUK_MCP_STATE_H

#include "mcp/session.h"
#include "pool/mcp_endpoint.h"
#include "pool/mcp_handler.h"

/* What a pool session is for this handler. */
typedef struct souk_mcp_slot {
    souk_arena arena;
    souk_mcp_endpoint endpoint;
    souk_mcp *mcp;       /* NULL until there is a credential */
    souk_mcp_state seen; /* the last state that was reported */
    bool has_token;
    const char *token_source; /* the variable it came from; "" */
    const char *looked_for;   /* the variables that were looked at; for messages */
    uint64_t ask;             /* for the credential; 0: none is open */
    souk_ms ask_by;           /* until then it has to be answered */
    char group[33];           /* connections are shared only within it */
} souk_mcp_slot;

enum { SOUK_MCP_MEMORY_REVISION = 0 }; /* index into souk_session.memory */

/* mcp_open.c */
int souk_mcp_slot_open(const souk_handler *self, souk_session *session, souk_ms now, souk_err *err);
void souk_mcp_slot_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                          souk_slice json, const souk_err *err, souk_ms now);
/* The program did not answer the ask for a credential in time. */
void souk_mcp_slot_ask_silent(souk_session *session);

/* mcp_report.c */
/* Passes on everything that is new in the session, which must have a souk_mcp. */
void souk_mcp_slot_report(souk_session *session);
/* Says which server an error is about, and for refused credentials what a person can do. */
void souk_mcp_slot_explain(const souk_session *session, souk_err *err);

#endif
