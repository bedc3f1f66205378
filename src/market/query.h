/* Finding capabilities by what their manifests say. */
#ifndef SOUK_QUERY_H
#define SOUK_QUERY_H

#include "market/registry.h"

/* What is empty does not matter. */
typedef struct souk_query {
    souk_slice match;      /* glob over ids */
    souk_slice provider;   /* provider kind: "mcp", "lua", ... */
    souk_slice server;     /* found on this server */
    souk_slice permission; /* has this permission */
    souk_slice effect;     /* has this effect; a leading ':' does not matter */
    souk_slice domain;
    souk_slice category;
    size_t limit; /* at most so many; 0: all */
} souk_query;

bool souk_query_matches(const souk_query *query, const souk_manifest *manifest);

/*
 * The next manifest that matches, in order of registration: start with *cursor = 0; NULL at the
 * end. The caller counts for `limit`.
 */
souk_manifest *souk_query_next(const souk_query *query, const souk_registry *registry,
                               size_t *cursor);

#endif
