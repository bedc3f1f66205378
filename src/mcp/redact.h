/* What people may see of ids, and of texts in which secrets may stand. */
#ifndef SOUK_MCP_REDACT_H
#define SOUK_MCP_REDACT_H

#include "base/wire.h"

enum { SOUK_MCP_SHORT_MAX = 16 }; /* bytes of a shortened id, with its NUL */

/*
 * Writes the id for people to read: "3f2a…9c1d". Ids of up to 8 bytes stay whole; bytes that are
 * not visible ASCII become '?'. Returns `out`, NUL-terminated.
 */
const char *souk_mcp_shorten(souk_slice id, char out[SOUK_MCP_SHORT_MAX]);

/* What souk itself gave to a server, which may say it again: in errors, as last words, in its log.
 */
typedef struct souk_mcp_secrets {
    souk_slice authorization;   /* "Bearer ..."; the part behind the scheme is the secret */
    const souk_header *headers; /* those of the user */
    size_t header_count;
    const char *const *env; /* "NAME=value", NULL-terminated; or NULL */
} souk_mcp_secrets;

/*
 * Copies a text and writes "[the credential]", "[header X-Api-Key]" or "[variable NAME]" where such
 * a secret stands. What is left of one at an end of the text, which may have been cut there, counts
 * too. A secret of less than 8 bytes cannot be told from other words, and stays. Writes at most
 * `room` bytes, no NUL; returns how many the whole has.
 */
size_t souk_mcp_redact(const souk_mcp_secrets *secrets, souk_slice text, char *out, size_t room);

/* The same for the message of an error. */
void souk_mcp_redact_error(const souk_mcp_secrets *secrets, souk_err *err);

#endif
