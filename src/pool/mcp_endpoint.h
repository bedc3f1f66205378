/*
 * Where an MCP server is, read from flat metadata: the keys mcp_* that capability files and server
 * options use.
 */
#ifndef SOUK_MCP_ENDPOINT_H
#define SOUK_MCP_ENDPOINT_H

#include "base/env.h"
#include "base/reach.h"
#include "base/wire.h"
#include "mcp/revision.h"
#include "pool/handler.h"

/* All texts are NUL-terminated and live in the arena. */
typedef struct souk_mcp_endpoint {
    const char *name;        /* the server's name; "mcp" when the target has none */
    const char *url;         /* NULL for stdio */
    const char *const *argv; /* NULL for HTTP */
    const char *const *env;
    const char *cwd;
    const char *ca_file;
    const souk_header *headers;
    size_t header_count;
    souk_mcp_revision pinned;
    unsigned log_level; /* souk_mcp_log_level_from; 0: none is wanted */
} souk_mcp_endpoint;

/*
 * Reads, in this order of preference: the variable that mcp_server_url_override_env names,
 * mcp_server_url, mcp_url, mcp_server_endpoint; or mcp_command with mcp_args (a JSON array's text),
 * mcp_env (a JSON object's text) or mcp_env_NAME, and mcp_cwd. A "URL" without "://" is a command
 * line, split at blanks. Also mcp_headers (a JSON object's text), mcp_ca_file, mcp_pinned_version,
 * mcp_log_level, and the name in mcp_auth_env_var is checked. SOUK_E_CONFIG says which key is
 * missing or wrong; SOUK_E_LIMIT when out of memory.
 */
int souk_mcp_endpoint_read(souk_mcp_endpoint *endpoint, souk_arena *arena,
                           const souk_target *target, const souk_env *env, souk_err *err);

/* SOUK_E_POLICY when the rules do not allow its host, or commands. reach may be NULL. */
int souk_mcp_endpoint_check(const souk_mcp_endpoint *endpoint, const souk_reach *reach,
                            souk_err *err);

/*
 * Appends what tells this endpoint from others. Credentials are no part of it, only where they come
 * from: two servers with one URL share nothing when their tokens are in different variables. The
 * user's headers and a child's environment go in as a hash with the secret seed. What is declared
 * to the server, and who answers its questions, is part of it.
 */
void souk_mcp_endpoint_key(const souk_mcp_endpoint *endpoint, const souk_target *target,
                           const souk_env *env, uint64_t seed, souk_buf *key);

/*
 * Appends the same without any seed, so that other processes write the same, and with the bytes of
 * the user's headers, which may be secret: it is for digests only.
 */
void souk_mcp_endpoint_spell(const souk_mcp_endpoint *endpoint, const souk_target *target,
                             const souk_env *env, souk_buf *text);

/* "debug" is 1, ..., "emergency" 8 (server/utilities/logging of each revision); 0 for others. */
unsigned souk_mcp_log_level_from(souk_slice name);
const char *souk_mcp_log_level_name(unsigned level); /* "" for 0 */

enum { SOUK_MCP_VARIABLE_MAX = 128 }; /* bytes of a variable's name, with its NUL */

/* A token that was found, and where was looked. */
typedef struct souk_mcp_token {
    souk_slice value; /* ptr NULL: none; valid until the next look-up in the environment */
    char source[SOUK_MCP_VARIABLE_MAX]; /* the variable it came from; "" */
    char looked_for[400];               /* "MCP_AUTH_TOKEN, GITHUB_MCP_TOKEN": for messages */
} souk_mcp_token;

/*
 * Looks into the environment: the variable named by mcp_auth_env_var, then <SERVER>_MCP_TOKEN, then
 * MCP_AUTH_TOKEN. An empty variable counts as absent.
 */
void souk_mcp_token_find(souk_mcp_token *token, const souk_target *target, const souk_env *env);

#endif
