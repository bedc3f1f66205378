/*
 * An allocator for tests: counts live blocks, and fails the n-th allocation.
 *
 *     failing_alloc f;
 *     for (long n = 1;; n++) {
 *         failing_alloc_init(&f, n);        // the n-th allocation fails, and all after it when
 * `for_ever`
 *         ... run the scenario with &f.alloc; it must end cleanly, with an error ...
 *         CHECK_INT(f.live, 0);
 *         if (!f.fired) break;              // the scenario needed fewer allocations: all were
 * tried
 *     }
 */
#ifndef SOUK_FAILING_ALLOC_H
#define SOUK_FAILING_ALLOC_H

#include <stdlib.h>

#include "base/alloc.h"

typedef struct failing_alloc {
    souk_alloc alloc;
    long fail_at; /* counts from 1; 0 never fails */
    long count;   /* allocations and growths so far */
    long live;    /* blocks not yet freed */
    bool fired;
    bool for_ever;
} failing_alloc;

static inline void *failing_resize(void *user, void *ptr, size_t size)
{
    failing_alloc *f = user;
    if (size == 0) {
        f->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    f->count++;
    if (f->fail_at > 0 && (f->count == f->fail_at || (f->for_ever && f->count > f->fail_at))) {
        f->fired = true;
        return NULL;
    }
    void *fresh = realloc(ptr, size);
    f->live += ptr == NULL && fresh != NULL;
    return fresh;
}

static inline void failing_alloc_init(failing_alloc *f, long fail_at)
{
    f->alloc.resize = failing_resize;
    f->alloc.user = f;
    f->fail_at = fail_at;
    f->count = 0;
    f->live = 0;
    f->fired = false;
    f->for_ever = false;
}

#endif
