/* What a server says about itself: the results of `initialize` and of `server/discover`. */
#ifndef SOUK_MCP_SERVER_H
#define SOUK_MCP_SERVER_H

#include <stdint.h>

#include "mcp/revision.h"
#include "mcp/rpc.h"

/* Everything points into the document of the result; absent texts are empty, absent nodes NULL. */
typedef struct souk_mcp_server {
    souk_mcp_revision revision; /* the one to speak from now on */
    souk_slice name;            /* for people: nothing is decided by it */
    souk_slice version;
    souk_slice title;
    souk_slice instructions;
    const souk_jval *capabilities;
    int64_t ttl_ms;  /* server/discover: how long it may be kept, 0 when it may not */
    bool is_private; /* server/discover: not to be kept for another identity */
} souk_mcp_server;

/*
 * Reads the answer to an `initialize` that asked for `wanted`. On SOUK_OK *server is filled, and
 * server->revision is legacy; it may differ from `wanted`.
 *
 * SOUK_E_PROTOCOL when the result is malformed or names a revision that souk does not speak; the
 * kind of souk_rpc_fail for an error. *retry (may be NULL) is then a revision other than `wanted`
 * that the error offers in data.supported and souk speaks: the best legacy one, else a modern one
 * (ask again, with server/discover); SOUK_MCP_UNKNOWN when there is none.
 */
int souk_mcp_read_initialize(const souk_rpc_message *message, souk_mcp_revision wanted,
                             souk_mcp_server *server, souk_mcp_revision *retry, souk_err *err);

/*
 * Reads the result of `server/discover` (2026-07-28, server/discover). server->revision is the best
 * one that both speak, of either era, SOUK_MCP_UNKNOWN when there is none. SOUK_E_PROTOCOL when it
 * is no such result.
 */
int souk_mcp_read_discover(const souk_jval *result, souk_mcp_server *server, souk_err *err);

/* The newest revision of that era in an array of names; SOUK_MCP_ERA_UNKNOWN: of any era. */
souk_mcp_revision souk_mcp_best_of(const souk_jval *names, souk_mcp_era era);

/*
 * ttlMs and cacheScope of a result (2026-07-28, "Caching"): absent or negative is 0, anything but
 * "public" is private.
 */
int64_t souk_mcp_ttl_ms(const souk_jval *result);
bool souk_mcp_is_private(const souk_jval *result);

#endif
