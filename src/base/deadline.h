/*
 * A heap of moments: what is due next, in O(log n). Items embed a souk_deadline and find themselves
 * again through `item`. Adding can fail for lack of memory; moving and removing cannot.
 */
#ifndef SOUK_DEADLINE_H
#define SOUK_DEADLINE_H

#include "base/alloc.h"
#include "base/clock.h"

typedef struct souk_deadline {
    souk_ms at;
    size_t place; /* in the heap, from 1; 0: not in it */
    void *item;
} souk_deadline;

typedef struct souk_deadlines {
    const souk_alloc *alloc;
    souk_deadline **heap; /* heap[0] is the earliest */
    size_t count;
    size_t cap;
} souk_deadlines;

void souk_deadlines_init(souk_deadlines *all, const souk_alloc *alloc);
void souk_deadlines_free(souk_deadlines *all);

/* Adds it, due at `at`; false when out of memory. It must not be in a heap yet. */
bool souk_deadline_add(souk_deadlines *all, souk_deadline *deadline, souk_ms at, void *item);

/* Changes the moment of one that is in the heap. */
void souk_deadline_move(souk_deadlines *all, souk_deadline *deadline, souk_ms at);

/* Takes it out; nothing happens when it is not in the heap. */
void souk_deadline_remove(souk_deadlines *all, souk_deadline *deadline);

/* The earliest moment, SOUK_NEVER when there is none. */
souk_ms souk_deadlines_next(const souk_deadlines *all);

/* The item that is due at `now` or before, earliest first, or NULL. It stays in the heap. */
void *souk_deadlines_due(const souk_deadlines *all, souk_ms now);

#endif
