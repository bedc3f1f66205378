/*
 * JSON documents: what the reader makes, and how to look at it.
 *
 * A document is a tape: values in document order in one array, children right behind their parent,
 * an object's members as pairs (key, value). Walking needs no recursion, skipping a subtree is one
 * addition. Every value knows which bytes of the text it was read from, so that a part can be
 * passed on byte for byte.
 */
#ifndef SOUK_JSON_DOC_H
#define SOUK_JSON_DOC_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

typedef enum souk_json_type {
    SOUK_JSON_NULL,
    SOUK_JSON_BOOL,
    SOUK_JSON_INT,    /* an integer literal that fits int64 */
    SOUK_JSON_BIGINT, /* an integer literal that does not: kept as text, never rounded */
    SOUK_JSON_DOUBLE, /* written with a fraction or an exponent */
    SOUK_JSON_STRING,
    SOUK_JSON_ARRAY,
    SOUK_JSON_OBJECT
} souk_json_type;

typedef struct souk_jval {
    uint8_t type;  /* souk_json_type */
    uint32_t size; /* bytes of a string or BIGINT, elements of an array, members of an object */
    union {
        bool boolean;
        int64_t integer;
        double number;    /* of a DOUBLE only; souk_json_number knows them all */
        const char *text; /* a string, unescaped, or the literal of a BIGINT; not NUL-terminated */
        size_t span;      /* containers: values in this subtree, itself and keys included */
    } as;
    uint32_t begin; /* offset of its first byte in the text */
    uint32_t end;   /* offset behind its last byte */
} souk_jval;

/*
 * A container within more than so many others is never read, so that whoever recurses knows how
 * deep it goes.
 */
enum { SOUK_JSON_MAX_DEPTH = 1000 };

typedef struct souk_json_doc {
    souk_arena arena;      /* strings that had escapes */
    souk_buf owned;        /* the text, when the document took it */
    souk_slice text;       /* the text that was read; strings without escapes point into it */
    souk_jval *tape;       /* one block */
    const souk_jval *root; /* the first value of the tape; NULL in an empty document */
} souk_json_doc;

/* An empty document; souk_json_doc_free is allowed on it. */
void souk_json_doc_init(souk_json_doc *doc, const souk_alloc *alloc);
void souk_json_doc_free(souk_json_doc *doc);

/*
 * Moves `from` to `to` (which is freed first); values keep their addresses. `from` is empty and
 * usable.
 */
void souk_json_doc_move(souk_json_doc *to, souk_json_doc *from);

/* Type of the value; NULL is allowed and answers SOUK_JSON_NULL. */
souk_json_type souk_json_type_of(const souk_jval *value);
const char *
souk_json_type_name(souk_json_type type); /* "null", "boolean", "integer", "number", ... */

/* The first child: an element, or the first member's KEY. NULL when there is none. */
const souk_jval *souk_json_first(const souk_jval *container);

/*
 * What follows the whole subtree of `value` on the tape. Only meaningful inside a container: count
 * with size.
 */
const souk_jval *souk_json_after(const souk_jval *value);

/*
 * The member's value, or NULL when `object` is NULL, is no object, or has no such member. With
 * duplicate keys the last one counts.
 */
const souk_jval *souk_json_get(const souk_jval *object, const char *key);
const souk_jval *souk_json_get_slice(const souk_jval *object, souk_slice key);

/* Element number `index` (from 0), or NULL. Linear. */
const souk_jval *souk_json_at(const souk_jval *array, size_t index);

/* RFC 6901. NULL when nothing is there or the pointer is malformed. "" is the value itself. */
const souk_jval *souk_json_pointer(const souk_jval *value, souk_slice pointer);

/* The string's bytes; an empty slice with ptr NULL when the value is NULL or no string. */
souk_slice souk_json_string(const souk_jval *value);

/* The literal of a BIGINT; an empty slice with ptr NULL for everything else. */
souk_slice souk_json_digits(const souk_jval *value);

bool souk_json_is_string(const souk_jval *value, const char *text);
bool souk_json_is_true(const souk_jval *value);

/* The number when it is an integer (1.0 and 1e2 count); false otherwise. */
bool souk_json_integer(const souk_jval *value, int64_t *out);

/*
 * The number of any numeric type, a BIGINT's to the nearest double (or infinity); false otherwise.
 */
bool souk_json_number(const souk_jval *value, double *out);

/* The bytes of the text that the value was read from. Valid as long as the text. */
souk_slice souk_json_raw(const souk_json_doc *doc, const souk_jval *value);

/*
 * Equality as JSON Schema (2020-12, section 4.2.2) and JSON-RPC mean it: numbers by value (1 equals
 * 1.0), objects without order; of duplicate keys the last counts. NULL equals only NULL. The
 * members of two objects are compared in pairs: where a hostile side may send objects of many
 * thousands, use souk_json_equal_large.
 */
bool souk_json_equal(const souk_jval *a, const souk_jval *b);

/*
 * The same in n log n, because it sorts large objects. False when out of memory: *equal says
 * nothing then.
 */
bool souk_json_equal_large(const souk_alloc *alloc, const souk_jval *a, const souk_jval *b,
                           bool *equal);

/*
 * Walks an object: for (it = souk_json_each_member(o); souk_json_next_member(&it);) use it.key,
 * it.value.
 */
typedef struct souk_json_members {
    const souk_jval *next;
    size_t left;
    souk_slice key;
    const souk_jval *value;
} souk_json_members;

souk_json_members
souk_json_each_member(const souk_jval *object); /* NULL or no object: nothing to walk */
bool souk_json_next_member(souk_json_members *it);

/* Walks an array in the same way: it.value. */
typedef struct souk_json_elements {
    const souk_jval *next;
    size_t left;
    const souk_jval *value;
} souk_json_elements;

souk_json_elements souk_json_each_element(const souk_jval *array);
bool souk_json_next_element(souk_json_elements *it);

#endif
