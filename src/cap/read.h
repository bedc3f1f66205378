/*
 * Reads capability files: text -> manifests and diagnostics.
 *
 * A file has any number of top-level forms: (capability "id" ...), (do (capability ...) ...), a
 * module (def name {:capabilities [...]}). Other forms are skipped with a note. Nothing is
 * evaluated.
 *
 * A capability that is broken is reported, and its neighbours load: after a syntax error reading
 * goes on at the next line that starts with '(', or inside a (do ...) with `(capability` in the
 * column of the others.
 */
#ifndef SOUK_CAP_READ_H
#define SOUK_CAP_READ_H

#include "cap/manifest.h"

typedef struct souk_cap_limits {
    size_t text;         /* bytes; 0 means the default, 16 MiB; never more than UINT32_MAX - 1 */
    unsigned depth;      /* nesting of forms; 0 means the default, 128; never more than 1,000 */
    size_t forms;        /* in one top-level form; 0 means the default, 4 million */
    size_t capabilities; /* 0 means the default, 100,000; the rest is not read, which is an error
                            diagnostic */
    size_t diagnostics;  /* that are kept; 0 means the default, 1,000 */
} souk_cap_limits;

typedef struct souk_cap_file {
    souk_manifest **manifests; /* in the order of the text; each is held by the file */
    size_t count;
    souk_diags diags;

    const souk_alloc *alloc;
    size_t cap;
} souk_cap_file;

/*
 * file_name is for diagnostics and manifests, nothing is opened. limits may be NULL. The text is
 * only needed during the call.
 *
 * SOUK_OK also when capabilities are broken: see file->diags. SOUK_E_LIMIT when the text is too
 * long or memory is exhausted; *file is then empty. souk_cap_file_free is needed after success and
 * allowed after failure.
 */
int souk_cap_read(const souk_alloc *alloc, souk_slice file_name, souk_slice text,
                  const souk_cap_limits *limits, souk_cap_file *file, souk_err *err);

/* Gives up the file's hold on its manifests. A zeroed souk_cap_file is allowed. */
void souk_cap_file_free(souk_cap_file *file);

#endif
