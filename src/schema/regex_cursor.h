/* A place in the text of a pattern, and the characters that stand or are escaped there. */
#ifndef SOUK_REGEX_CURSOR_H
#define SOUK_REGEX_CURSOR_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

#define SOUK_REGEX_NOTHING UINT32_MAX /* no character */

typedef struct souk_regex_cursor {
    souk_slice pattern; /* valid UTF-8 */
    size_t position;
    int failed; /* SOUK_OK until something is wrong */
    souk_err *err;
} souk_regex_cursor;

/* Notes the first thing that is wrong, with its position. Always NULL. */
void *souk_regex_fail(souk_regex_cursor *p, const char *what);

bool souk_regex_at_end(const souk_regex_cursor *p);

/* The byte so many bytes ahead; '\0' past the end. */
char souk_regex_peek(const souk_regex_cursor *p, size_t ahead);

/* Goes past `text` if that is what stands here. */
bool souk_regex_accept(souk_regex_cursor *p, const char *text);

/* The character here, which is passed; SOUK_REGEX_NOTHING at the end. */
uint32_t souk_regex_take_character(souk_regex_cursor *p);

/*
 * The character that the escape here, behind its backslash, stands for. SOUK_REGEX_NOTHING, and
 * failed, when it stands for none or is not supported. Escapes for sets and assertions are not
 * known here.
 */
uint32_t souk_regex_take_escaped(souk_regex_cursor *p);

bool souk_regex_is_digit(char c);

#endif
