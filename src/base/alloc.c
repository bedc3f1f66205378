#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *libc_resize(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, size);
}

const souk_alloc *souk_alloc_libc(void)
{
    static const souk_alloc libc = {libc_resize, NULL};
    return &libc;
}

void *souk_new(const souk_alloc *alloc, size_t size)
{
    size_t wanted = size == 0 ? 1 : size;
    void *ptr = alloc->resize(alloc->user, NULL, wanted);
    if (ptr != NULL) {
        memset(ptr, 0, wanted);
    }
    return ptr;
}

void *souk_new_array(const souk_alloc *alloc, size_t count, size_t size)
{
    size_t total;
    return souk_size_mul(count, size, &total) ? souk_new(alloc, total) : NULL;
}

void *souk_resize_array(const souk_alloc *alloc, void *ptr, size_t count, size_t size)
{
    size_t total;
    if (!souk_size_mul(count, size, &total)) {
        return NULL;
    }
    return alloc->resize(alloc->user, ptr, total == 0 ? 1 : total);
}

void souk_free(const souk_alloc *alloc, void *ptr)
{
    if (ptr != NULL) {
        (void)alloc->resize(alloc->user, ptr, 0);
    }
}

char *souk_dup(const souk_alloc *alloc, souk_slice bytes)
{
    size_t size;
    if (!souk_size_add(bytes.len, 1, &size)) {
        return NULL;
    }
    char *copy = alloc->resize(alloc->user, NULL, size);
    if (copy == NULL) {
        return NULL;
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    copy[bytes.len] = '\0';
    return copy;
}

bool souk_size_add(size_t a, size_t b, size_t *sum)
{
    *sum = a + b;
    return *sum >= a;
}

bool souk_size_mul(size_t a, size_t b, size_t *product)
{
    *product = a * b;
    return b == 0 || a <= SIZE_MAX / b;
}
