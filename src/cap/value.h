/*
 * Values in the form that manifests keep: compact JSON text without duplicate keys, numbers as they
 * were written. They come from forms of a capability file, or from JSON documents.
 */
#ifndef SOUK_VALUE_H
#define SOUK_VALUE_H

#include "cap/diag.h"
#include "cap/form.h"
#include "json/write.h"

enum {
    SOUK_VALUE_DEPTH = 100,              /* nesting of a kept value */
    SOUK_VALUE_BYTES = 64 * 1024 * 1024, /* bytes of its JSON text */
    SOUK_VALUE_TYPE_DEPTH = 48 /* nesting of a type; its schema nests about twice as deep */
};

/* What all passes over one source share. */
typedef struct souk_reading {
    const souk_alloc *alloc;
    souk_forms forms;
    souk_diags *diags;
    souk_arena scratch; /* results of the passes; freed after each capability */
    souk_buf json;      /* working space: the text that is being made; empty between values */
} souk_reading;

void souk_reading_init(souk_reading *reading, const souk_alloc *alloc, souk_diags *diags);
void souk_reading_free(souk_reading *reading);

/*
 * Says that a form is not what it should be: an error at its place. Returns SOUK_E_FILE, which all
 * passes return when they have reported why the capability does not load; SOUK_E_LIMIT always means
 * memory.
 */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
int souk_reading_refuse(souk_reading *reading, const souk_form *form, const char *format, ...);

/* Ends the text in reading->json: copies it to the scratch arena. `form` is what it was made of. */
int souk_reading_take_json(souk_reading *reading, const souk_form *form, souk_slice *out);

/*
 * The form as JSON text in the scratch arena. Keywords and symbols become strings by their name; a
 * map an object; lists and other code strings with their source, and a warning. Of duplicate keys
 * the last counts.
 */
int souk_form_json(souk_reading *reading, const souk_form *form, souk_slice *out);

/* The same, as a value of a writer; `depth` is how deep that already is. */
int souk_form_write_json(souk_reading *reading, const souk_form *form, souk_jw *w, unsigned depth);

/* Members of an object: keys and the forms of their values, for souk_members_write. */
typedef struct souk_members {
    souk_slice *keys;
    const souk_form **values;
    bool *superseded; /* by a later one with the same key */
    uint32_t count;
} souk_members;

/* Room for `count` members in the scratch arena; false when out of memory. */
bool souk_members_reserve(souk_reading *reading, souk_members *members, size_t count);

/* Appends what a map has (there must be room): reports odd counts and keys that are no keys. */
int souk_members_add_map(souk_reading *reading, souk_members *members, const souk_form *map);

/* Finds duplicates, warns of them. */
int souk_members_finish(souk_reading *reading, souk_members *members);

/*
 * The name that a label stands for: labels in strings may have the ':' of a keyword, which is
 * dropped.
 */
souk_slice souk_label(souk_slice text);

/* The text of a key: name of a keyword, text of a string, digits of an integer. */
int souk_form_key(souk_reading *reading, const souk_form *form, souk_slice *out);

/*
 * A value of a document as compact JSON text in `arena`, duplicates left out. `what` begins error
 * messages. SOUK_E_CONFIG when it is nested deeper than SOUK_VALUE_DEPTH, SOUK_E_LIMIT for size and
 * memory.
 */
int souk_value_compact(souk_arena *arena, const souk_json_doc *doc, const souk_jval *value,
                       const char *what, souk_slice *out, souk_err *err);

#endif
