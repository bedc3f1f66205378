/*
 * An allocator with a limit: so many bytes in all that was allocated through it and is not freed
 * yet. What is beyond fails, as if memory were exhausted.
 */
#ifndef SOUK_BUDGET_H
#define SOUK_BUDGET_H

#include "base/alloc.h"

typedef struct souk_budget {
    souk_alloc alloc; /* what is given to those who live on the budget */
    const souk_alloc *under;
    size_t max;
    size_t used;    /* a few bytes for each block included */
    size_t refused; /* allocations that did not fit */
} souk_budget;

/* It must neither move nor end before the last block was freed. */
void souk_budget_init(souk_budget *budget, const souk_alloc *under, size_t max);

#endif
