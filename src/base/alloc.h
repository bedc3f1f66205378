/*
 * The allocator that every object of the core is given at birth and passes on to what it makes.
 * No room of the core calls malloc; a test can therefore count, limit or fail each allocation.
 */
#ifndef SOUK_ALLOC_H
#define SOUK_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/*
 * `resize(user, ptr, size)` behaves like realloc: ptr NULL allocates, size 0 frees and returns
 * NULL. On failure it returns NULL and leaves ptr valid.
 */
typedef struct souk_alloc {
    void *(*resize)(void *user, void *ptr, size_t size);
    void *user;
} souk_alloc;

/* The C library's allocator. Never NULL, lives for ever. */
const souk_alloc *souk_alloc_libc(void);

/* `size` zeroed bytes, or NULL when out of memory. size 0 is treated as 1. */
void *souk_new(const souk_alloc *alloc, size_t size);

/* `count` x `size` zeroed bytes; NULL when out of memory or when the product overflows. */
void *souk_new_array(const souk_alloc *alloc, size_t count, size_t size);

/* An array of `count` x `size` bytes, old content kept, new bytes not zeroed; NULL leaves ptr
 * valid. */
void *souk_resize_array(const souk_alloc *alloc, void *ptr, size_t count, size_t size);

/* Frees ptr; NULL is allowed. */
void souk_free(const souk_alloc *alloc, void *ptr);

/* A NUL-terminated copy of the bytes; NULL when out of memory. The caller frees it. */
char *souk_dup(const souk_alloc *alloc, souk_slice bytes);

/* False when a + b or a * b does not fit in size_t. */
bool souk_size_add(size_t a, size_t b, size_t *sum);
bool souk_size_mul(size_t a, size_t b, size_t *product);

#endif
