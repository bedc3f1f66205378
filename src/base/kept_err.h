/*
 * An error that is kept for later, where there usually is none: it takes memory only when it is
 * set, since a souk_err is large and sessions are many.
 */
#ifndef SOUK_KEPT_ERR_H
#define SOUK_KEPT_ERR_H

#include "base/alloc.h"
#include "base/err.h"

typedef struct souk_kept_err {
    souk_err *copy; /* NULL: none was set, or there was no memory for it */
} souk_kept_err;

/* Copies *err; a later one replaces it. Without memory souk_kept_err_get says "out of memory". */
void souk_kept_err_set(souk_kept_err *kept, const souk_alloc *alloc, const souk_err *err);

/* Never NULL; valid until the next set or free. */
const souk_err *souk_kept_err_get(const souk_kept_err *kept);

void souk_kept_err_free(souk_kept_err *kept, const souk_alloc *alloc);

#endif
