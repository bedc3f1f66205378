/*
 * Metadata is nested in a file and flat in the marketplace: {:mcp {:server-url "x"}} is
 * mcp_server_url = "x".
 *
 * The rules: keys are joined with '_', a leading ':' is dropped, '-' becomes '_'; strings stay as
 * they are, numbers and booleans become text, vectors their JSON text, nil is left out; the order
 * is that of the document. When two paths give the same flat key the later one counts, and a
 * warning says so.
 */
#ifndef SOUK_FLATTEN_H
#define SOUK_FLATTEN_H

#include "cap/diag.h"
#include "json/doc.h"

enum {
    SOUK_FLAT_KEY_MAX = 512, /* bytes of a flat key */
    SOUK_FLAT_ENTRIES_MAX = 16384,
    SOUK_FLAT_DEPTH_MAX = 128 /* nesting of objects */
};

/* A flat map: entries in document order, keys all different. */
typedef struct souk_flat {
    const souk_slice *keys;
    const souk_slice *values;
    const uint32_t *order; /* the entries' numbers, sorted by key */
    size_t count;
} souk_flat;

/* True, and *value (may be NULL), when the key is there. */
bool souk_flat_find(const souk_flat *flat, souk_slice key, souk_slice *value);

/* The value, or an empty slice with ptr NULL. */
souk_slice souk_flat_get(const souk_flat *flat, const char *key);

/* The way to a value: flat keys grow by one step for each object on it. */
typedef struct souk_flat_path {
    char bytes[SOUK_FLAT_KEY_MAX];
    size_t len;
} souk_flat_path;

/* One more step, the key of a member. False, and nothing changed, when that is too long. */
bool souk_flat_path_add(souk_flat_path *path, souk_slice step);

/* A flat map that is being made, in an arena. */
typedef struct souk_flattening {
    souk_arena *arena;
    souk_slice *keys;
    souk_slice *values;
    uint32_t count;
    uint32_t cap;
} souk_flattening;

void souk_flatten_begin(souk_flattening *flattening, souk_arena *arena);

/*
 * Adds what an object of a document has (any other value has nothing). Keys are copied into the
 * arena, values are not: they live as long as the document. SOUK_E_CONFIG for a key that is too
 * long, for too many entries and for objects that are nested too deep; SOUK_E_LIMIT for memory.
 */
int souk_flatten_add(souk_flattening *flattening, const souk_json_doc *doc, const souk_jval *value,
                     souk_err *err);

/* Adds one entry unless its key is there. Key and value are borrowed. */
int souk_flatten_add_default(souk_flattening *flattening, souk_slice key, souk_slice value,
                             souk_err *err);

/*
 * Ends it: resolves duplicates with a warning to diags (may be NULL). *flat lives as long as all
 * that was added.
 */
int souk_flatten_end(souk_flattening *flattening, souk_diags *diags, souk_flat *flat,
                     souk_err *err);

#endif
