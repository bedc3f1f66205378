/* What the three halves of the regular expressions share: the parser's tree, and the program made
 * of it. */
#ifndef SOUK_REGEX_PROGRAM_H
#define SOUK_REGEX_PROGRAM_H

#include <stdint.h>

#include "schema/regex.h"

/* --- sets of characters --- */

enum { SOUK_CHARSET_MAX = 256, SOUK_CODE_POINT_MAX = 0x10FFFF };

typedef struct souk_char_range {
    uint32_t first;
    uint32_t last;
} souk_char_range;

/* A set in the making: sorted ranges that neither touch nor overlap. */
typedef struct souk_charset_builder {
    size_t count;
    bool full; /* more ranges were needed than there is room for */
    souk_char_range ranges[SOUK_CHARSET_MAX];
} souk_charset_builder;

typedef struct souk_charset {
    uint64_t ascii[2]; /* one bit for each of the first 128 characters */
    size_t count;
    const souk_char_range *ranges; /* sorted */
} souk_charset;

void souk_charset_add(souk_charset_builder *set, uint32_t first, uint32_t last);

/* The characters of \d, \w, \s (`name` is the letter), or of '.'; capital letters mean the
 * opposite. */
void souk_charset_add_named(souk_charset_builder *set, char name);

/* The finished set, turned into its opposite when `negated`; NULL when out of memory. */
const souk_charset *souk_charset_finish(souk_arena *arena, const souk_charset_builder *set,
                                        bool negated);

bool souk_charset_has(const souk_charset *set, uint32_t character);

/* --- the tree --- */

typedef enum souk_regex_kind {
    SOUK_REGEX_CHAR,
    SOUK_REGEX_SET,
    SOUK_REGEX_BEGIN,    /* ^ */
    SOUK_REGEX_END,      /* $ */
    SOUK_REGEX_WORD,     /* \b */
    SOUK_REGEX_NOT_WORD, /* \B */
    SOUK_REGEX_SEQUENCE, /* of its children */
    SOUK_REGEX_CHOICE,   /* one of its children */
    SOUK_REGEX_REPEAT    /* of its only child */
} souk_regex_kind;

#define SOUK_REGEX_NO_MAX UINT32_MAX

typedef struct souk_regex_part {
    souk_regex_kind kind;
    uint32_t character;
    uint32_t min; /* of a REPEAT */
    uint32_t max; /* of a REPEAT; SOUK_REGEX_NO_MAX when there is none */
    size_t size; /* instructions that the part takes; past SOUK_REGEX_MAX it is only known to be too
                    large */
    const souk_charset *set;
    struct souk_regex_part *child; /* the first one */
    struct souk_regex_part *next;  /* the next child of the same parent */
} souk_regex_part;

/* Parses the pattern. The tree lives in `scratch`, its sets in `arena`. Errors as
 * souk_regex_compile. */
int souk_regex_parse(souk_arena *arena, souk_arena *scratch, souk_slice pattern,
                     souk_regex_part **out, souk_err *err);

/* --- the program --- */

typedef enum souk_regex_op {
    SOUK_REGEX_OP_CHAR,  /* consumes `character` */
    SOUK_REGEX_OP_SET,   /* consumes a character of `set` */
    SOUK_REGEX_OP_BEGIN, /* goes on at the beginning of the text only, and so on */
    SOUK_REGEX_OP_END,
    SOUK_REGEX_OP_WORD,
    SOUK_REGEX_OP_NOT_WORD,
    SOUK_REGEX_OP_JUMP,  /* goes on at `other` */
    SOUK_REGEX_OP_SPLIT, /* goes on at the next instruction and at `other` */
    SOUK_REGEX_OP_MATCH
} souk_regex_op;

/* All instructions but JUMP and MATCH go on at the one behind them. */
typedef struct souk_regex_instruction {
    uint8_t op;
    uint16_t other;
    union {
        uint32_t character;
        const souk_charset *set;
    } as;
} souk_regex_instruction;

struct souk_regex {
    size_t count;
    bool anchored; /* it can match at the beginning of the text only */
    souk_regex_instruction program[];
};

#endif
