/*
 * Regular expressions for `pattern` and `patternProperties`: ECMA-262 syntax (edition 2020,
 * section 21.2.1), matched in linear time.
 *
 * Schemas come from servers, so a pattern must not be able to stop the program: there is no
 * backtracking. A pattern becomes a small program whose possible states are all followed at once,
 * one step per character. What cannot be matched that way (lookaround, backreferences) is refused,
 * and so are Unicode properties (\p), which would need tables.
 *
 * Characters are Unicode code points, as with the flag "u"; `^` and `$` are the ends of the text.
 * Escaped punctuation, and braces and brackets that mean nothing, stand for themselves, as they do
 * without the flag.
 */
#ifndef SOUK_REGEX_H
#define SOUK_REGEX_H

#include "base/arena.h"
#include "base/err.h"

typedef struct souk_regex souk_regex;

/* Instructions in one program; a repetition {n} of a part takes n times that part. */
enum { SOUK_REGEX_MAX = 16384 };

/*
 * Compiles `pattern` (valid UTF-8). *budget is how many instructions all patterns of the caller may
 * still take together; it is lowered by what this one takes. *out lives in the arena.
 * SOUK_E_SCHEMA: the pattern is wrong, not supported or too large; the message says which and where
 * (byte offset). SOUK_E_LIMIT: out of memory.
 */
int souk_regex_compile(souk_arena *arena, souk_slice pattern, size_t *budget, souk_regex **out,
                       souk_err *err);

/*
 * True in *found when the pattern matches somewhere in `text` (valid UTF-8). Lowers *steps by the
 * work done. SOUK_E_LIMIT when the steps are used up (*steps is then 0) or memory is out. Allocates
 * for large programs only.
 */
int souk_regex_search(const souk_regex *regex, souk_slice text, const souk_alloc *alloc,
                      size_t *steps, bool *found);

#endif
