/*
 * The lexer of capability files: text -> tokens, each with its place and its byte range.
 *
 * White space is space, tab, CR, LF and comma; comments are `;` to the end of the line and `#| ...
 * |#`, which nest. The text is strict UTF-8; outside strings and comments it is ASCII.
 */
#ifndef SOUK_LEX_H
#define SOUK_LEX_H

#include "base/err.h"
#include "base/slice.h"

typedef enum souk_form_type {
    SOUK_FORM_NIL,
    SOUK_FORM_TRUE,
    SOUK_FORM_FALSE,
    SOUK_FORM_INTEGER,   /* -12 */
    SOUK_FORM_FLOAT,     /* 1.5e-3 */
    SOUK_FORM_SPECIAL,   /* ##Inf ##-Inf ##NaN */
    SOUK_FORM_STRING,    /* "..." */
    SOUK_FORM_KEYWORD,   /* :network.http */
    SOUK_FORM_SYMBOL,    /* capability */
    SOUK_FORM_TIMESTAMP, /* 2025-10-24T09:02:22Z */
    SOUK_FORM_UUID,      /* 123e4567-e89b-12d3-a456-426614174000 */
    SOUK_FORM_RESOURCE,  /* resource://... */
    SOUK_FORM_LIST,      /* (...) */
    SOUK_FORM_VECTOR,    /* [...] */
    SOUK_FORM_MAP,       /* {...} */
    SOUK_FORM_FN,        /* #(...) */
    SOUK_FORM_QUASI,     /* `form */
    SOUK_FORM_UNQUOTE,   /* ~form */
    SOUK_FORM_SPLICE,    /* ~@form */
    SOUK_FORM_DEREF,     /* @symbol */
    SOUK_FORM_META       /* ^{...} form: two children */
} souk_form_type;

typedef enum souk_token_kind {
    SOUK_TOKEN_END,
    SOUK_TOKEN_ATOM,
    SOUK_TOKEN_OPEN,  /* opens a form of type LIST, VECTOR, MAP or FN */
    SOUK_TOKEN_CLOSE, /* closes one; of type LIST for both `(` and `#(` */
    SOUK_TOKEN_PREFIX /* stands before one form (META: two) */
} souk_token_kind;

typedef struct souk_token {
    souk_token_kind kind;
    souk_form_type form;
    bool escaped; /* a string with at least one backslash */
    size_t begin; /* byte offsets in the text */
    size_t end;
    unsigned line;
    unsigned column;
} souk_token;

typedef struct souk_lexer {
    souk_slice text;
    size_t at;          /* the next byte */
    size_t valid_until; /* the text is valid UTF-8 from the last seek to here */
    size_t line_start;
    unsigned line;
} souk_lexer;

/*
 * At the start of `text` (behind a byte order mark), which must stay unchanged while the lexer is
 * used.
 */
void souk_lexer_init(souk_lexer *lexer, souk_slice text);

/*
 * Goes on at `offset`, the first byte of line number `line`; never before the place of an earlier
 * seek.
 */
void souk_lexer_seek(souk_lexer *lexer, size_t offset, unsigned line);

/*
 * The next token, of kind SOUK_TOKEN_END behind the last one. SOUK_E_FILE with offset, line, column
 * and what was expected when there is no token here; the lexer then has to seek before it can go
 * on.
 */
int souk_lex(souk_lexer *lexer, souk_token *token, souk_err *err);

/* Puts a place into *err (may be NULL) and returns its `kind`. */
int souk_err_at(souk_err *err, int kind, size_t offset, unsigned line, unsigned column);

#endif
