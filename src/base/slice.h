/*
 * Borrowed bytes: a pointer and a length, never NUL-terminated by promise, never owned.
 * A slice is valid as long as what it points into; each function that returns one says how long.
 */
#ifndef SOUK_SLICE_H
#define SOUK_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct souk_slice {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
} souk_slice;

/* A slice of a string literal, usable in static initialisers through SOUK_LIT_INIT. */
#define SOUK_LIT_INIT(text)                                                                        \
    {                                                                                              \
        "" text, sizeof(text) - 1                                                                  \
    }
#define SOUK_LIT(text) ((souk_slice)SOUK_LIT_INIT(text))

/* printf("%.*s", SOUK_ARG(slice)): the arguments of a precision and a pointer. */
#define SOUK_ARG(slice) (int)(slice).len, (slice).ptr == NULL ? "" : (slice).ptr

/*
 * The next four are here and not in slice.c, because most texts that they are given are literals:
 * the compiler knows how long those are, and most comparisons end with that.
 */
static inline souk_slice souk_slice_make(const char *ptr, size_t len)
{
    souk_slice slice = {ptr, len};
    return slice;
}

/* The bytes of a C string; NULL gives an empty slice. */
static inline souk_slice souk_slice_of(const char *text)
{
    return souk_slice_make(text, text == NULL ? 0 : strlen(text));
}

static inline bool souk_slice_eq(souk_slice a, souk_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool souk_slice_is(souk_slice a, const char *text)
{
    return souk_slice_eq(a, souk_slice_of(text));
}

/* Compares ASCII letters without case; other bytes as they are. */
bool souk_slice_eq_nocase(souk_slice a, souk_slice b);

bool souk_slice_starts(souk_slice a, souk_slice prefix);
bool souk_slice_starts_nocase(souk_slice a, souk_slice prefix);
bool souk_slice_ends(souk_slice a, souk_slice suffix);

/* Index of the first `byte`, or a.len when there is none. */
size_t souk_slice_find(souk_slice a, char byte);

/* From `start` on; a start past the end gives an empty slice. */
souk_slice souk_slice_from(souk_slice a, size_t start);

/* Without leading and trailing spaces, tabs, CR and LF. */
souk_slice souk_slice_trim(souk_slice a);

/* Byte order, shorter first on a tie: <0, 0, >0. */
int souk_slice_compare(souk_slice a, souk_slice b);

#endif
