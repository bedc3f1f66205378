/*
 * Forms: what the parser makes of the tokens of one top-level form, unevaluated.
 *
 * They lie on a tape: forms in the order of the text, children right behind their parent. Each
 * knows its place and the bytes that it was read from, so that any part can be kept and written
 * back byte for byte.
 */
#ifndef SOUK_FORM_H
#define SOUK_FORM_H

#include <stdint.h>

#include "base/arena.h"
#include "cap/lex.h"

typedef struct souk_form {
    uint8_t type;   /* souk_form_type */
    bool escaped;   /* a string with at least one backslash */
    bool optional;  /* a vector or map with a `?` right behind its bracket (included in the byte
                       range) */
    uint32_t size;  /* children */
    uint32_t span;  /* forms in this subtree, itself included */
    uint32_t begin; /* offset of its first byte */
    uint32_t end;   /* offset behind its last byte */
    unsigned line;  /* of its first byte */
    unsigned column;
} souk_form;

enum { SOUK_FORM_DEPTH_MAX = 1000 };

typedef struct souk_forms {
    const souk_alloc *alloc;
    souk_slice text;  /* the whole source */
    souk_form *items; /* items[0] is the top-level form */
    size_t count;     /* 0: there is none */
    size_t cap;
    size_t max;        /* forms in one top-level form */
    unsigned depth;    /* nesting that is allowed */
    uint32_t *parents; /* while parsing: the open forms */
} souk_forms;

/*
 * For forms of `text`, which must stay unchanged as long as they are used and be shorter than 4
 * GiB. At most `max` forms in one top-level form, nested at most `depth` deep; depth is cut to
 * SOUK_FORM_DEPTH_MAX.
 */
void souk_forms_init(souk_forms *forms, const souk_alloc *alloc, souk_slice text, size_t max,
                     unsigned depth);
void souk_forms_free(souk_forms *forms);

/*
 * Reads the next top-level form, in place of the one before; forms->count is 0 when the text has
 * ended. SOUK_E_FILE (bad text) or SOUK_E_LIMIT (too deep, too many, memory: then without a line),
 * with the place and what was expected.
 */
int souk_forms_read(souk_forms *forms, souk_lexer *lexer, souk_err *err);

/* "a string", "a keyword", ...: for messages. Static. */
const char *souk_form_type_name(const souk_form *form);

bool souk_form_is(const souk_form *form, souk_form_type type); /* NULL is of no type */

/* The first child; meaningful when size is not 0. */
const souk_form *souk_form_first(const souk_form *form);

/* What follows the subtree; meaningful inside a parent: count with its size. */
const souk_form *souk_form_after(const souk_form *form);

/* The form itself, or what its ^{...} metadata stands before. */
const souk_form *souk_form_bare(const souk_form *form);

/* The bytes it was read from. Valid as long as the source. */
souk_slice souk_form_source(const souk_forms *forms, const souk_form *form);

/* Name of a keyword (without ':') or symbol; else an empty slice. Valid as long as the source. */
souk_slice souk_form_name(const souk_forms *forms, const souk_form *form);

/* True when the form is a keyword or symbol of that name. */
bool souk_form_named(const souk_forms *forms, const souk_form *form, const char *name);

/* True when the key of a map is the word: as a keyword, a symbol, or a string without escapes. */
bool souk_form_key_is(const souk_forms *forms, const souk_form *key, const char *word);

/* True when the form is a list that starts with the symbol `head`. */
bool souk_form_is_call(const souk_forms *forms, const souk_form *form, const char *head);

/*
 * The text of a string, escapes decoded; of other forms their source. Valid as long as the source
 * and the arena. SOUK_E_FILE with the place for a surrogate that is not one of a pair, SOUK_E_LIMIT
 * for memory.
 */
int souk_form_text(const souk_forms *forms, const souk_form *form, souk_arena *arena,
                   souk_slice *out, souk_err *err);

/* Walks the children: for (it = souk_form_each(f); souk_form_next(&it);) use it.form. */
typedef struct souk_form_walk {
    const souk_form *next;
    size_t left;
    const souk_form *form;
} souk_form_walk;

souk_form_walk souk_form_each(const souk_form *form);
bool souk_form_next(souk_form_walk *walk);

#endif
