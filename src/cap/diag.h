/*
 * Diagnostics: what a reader has to say about a text, in the order of the findings. They are for
 * people and editors: each has a place, and says what was expected.
 *
 * The list is bounded. When memory runs out `failed` becomes true and stays so: a reader adds
 * freely and looks once, at the end.
 */
#ifndef SOUK_DIAG_H
#define SOUK_DIAG_H

#include "base/arena.h"
#include "base/err.h"

typedef enum souk_severity {
    SOUK_NOTE,    /* something was skipped on purpose */
    SOUK_WARNING, /* it loads, but not quite as it is written */
    SOUK_ERROR    /* it does not load */
} souk_severity;

typedef struct souk_diag {
    souk_severity severity;
    souk_slice file;
    unsigned line;         /* from 1; 0 when there is no position */
    unsigned column;       /* in bytes, from 1 */
    souk_slice capability; /* the id it is about; empty when it is not known */
    souk_slice message;
} souk_diag; /* texts live as long as the list */

typedef struct souk_diags {
    const souk_diag *items;
    size_t count;
    size_t dropped;    /* findings that came when the list was full */
    size_t tallies[3]; /* findings by severity, dropped ones included */
    bool failed;       /* out of memory: the list is not complete */

    souk_diag *own_items;
    size_t cap;
    size_t max;
    souk_arena arena;
    souk_diag here; /* file, place and capability of what is being read now */
} souk_diags;

/* max: findings that are kept. `file` is copied. */
void souk_diags_init(souk_diags *diags, const souk_alloc *alloc, souk_slice file, size_t max);

/* Another file is being read from now on; its name is copied. */
void souk_diags_set_file(souk_diags *diags, souk_slice file);

/* A zeroed souk_diags is allowed. */
void souk_diags_free(souk_diags *diags);

/*
 * What is being read from now on. `capability` is borrowed until the next call. The place is used
 * by souk_diags_add, which serves code that knows no positions.
 */
void souk_diags_enter(souk_diags *diags, souk_slice capability, unsigned line, unsigned column);
void souk_diags_move_to(souk_diags *diags, unsigned line, unsigned column);

/* Adds a finding at the current place, formatted as souk_fail does. diags may be NULL. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void souk_diags_add(souk_diags *diags, souk_severity severity, const char *format, ...);

/* Adds a finding at a given place. diags may be NULL. */
#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
void souk_diags_add_at(souk_diags *diags, souk_severity severity, unsigned line, unsigned column,
                       const char *format, ...);

/* "note", "warning", "error". Static. */
const char *souk_severity_name(souk_severity severity);

/* The first bytes of a text, few enough for a message, cut between UTF-8 characters. */
souk_slice souk_excerpt(souk_slice text);

#endif
