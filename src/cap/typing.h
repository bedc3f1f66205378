/* What the two files that translate types share; not for others. */
#ifndef SOUK_TYPING_H
#define SOUK_TYPING_H

#include "cap/type.h"

typedef enum souk_type_kind {
    SOUK_TYPE_UNKNOWN,
    SOUK_TYPE_ANY,
    SOUK_TYPE_NEVER,
    SOUK_TYPE_NIL,
    SOUK_TYPE_BOOL,
    SOUK_TYPE_INT,
    SOUK_TYPE_FLOAT,
    SOUK_TYPE_STRING,
    SOUK_TYPE_VECTOR,
    SOUK_TYPE_TUPLE,
    SOUK_TYPE_ARRAY,
    SOUK_TYPE_MAP, /* [:map ...], or a brace map */
    SOUK_TYPE_MAP_OF,
    SOUK_TYPE_UNION,
    SOUK_TYPE_OPTIONAL,
    SOUK_TYPE_ENUM,
    SOUK_TYPE_VAL,
    SOUK_TYPE_AND,
    SOUK_TYPE_FN,
    SOUK_TYPE_RESOURCE,
    SOUK_TYPE_SCHEMA /* a brace map that is a JSON Schema */
} souk_type_kind;

/* A type form, understood as far as its head. */
typedef struct souk_type {
    souk_type_kind kind;
    bool optional; /* it ends with `?` */
    const souk_form *form;
    souk_form_walk args; /* what stands behind the head of a vector */
} souk_type;

souk_type souk_type_of(const souk_reading *reading, const souk_form *form);

/* Warns of what is no type, and so means any value. Returns SOUK_OK: the reading goes on. */
int souk_type_unknown(souk_reading *reading, const souk_form *form, const char *expected);

/* Writes the type as a value. `depth`: how deep it is nested in other types. */
int souk_type_write(souk_reading *reading, const souk_form *form, souk_jw *w, unsigned depth);

/* Writes the keywords of the type as members of the object that was begun, its `?` not regarded. */
int souk_type_write_keywords(souk_reading *reading, const souk_type *type, souk_jw *w,
                             unsigned depth);

/* The same for maps, and for [:and T pred+]. */
int souk_type_write_map(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth);
int souk_type_write_and(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth);

#endif
