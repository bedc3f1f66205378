/*
 * Our reader against jansson: both accept or both refuse, and what they accept has the same value.
 * The differences that are meant:
 *
 * - jansson refuses integers past 64 bits; here they keep their digits.
 * - jansson keeps one member of duplicate keys, the last; here all are on the tape and the last one
 *   counts.
 * - jansson cannot hold NUL in a key; here every character can be in one.
 * - jansson takes a NUL byte behind the value for the end of the text; here it is refused.
 * - Depth: both are given more than the input can need, or the case is left out.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text of so many bytes cannot be nested too deeply for either. */
enum { MOST_BYTES = SOUK_JSON_MAX_DEPTH };

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void compare(const souk_jval *ours, const json_t *theirs);

static void compare_arrays(const souk_jval *ours, const json_t *theirs)
{
    demand(json_array_size(theirs) == ours->size);
    size_t index = 0;
    souk_json_elements it = souk_json_each_element(ours);
    while (souk_json_next_element(&it)) {
        compare(it.value, json_array_get(theirs, index++));
    }
}

static void compare_objects(const souk_jval *ours, const json_t *theirs)
{
    size_t different = 0;
    souk_json_members it = souk_json_each_member(ours);
    while (souk_json_next_member(&it)) {
        if (souk_json_get_slice(ours, it.key) != it.value) {
            continue; /* a later member has the same key */
        }
        char *key = souk_dup(souk_alloc_libc(), it.key);
        demand(key != NULL);
        const json_t *value = json_object_get(theirs, key);
        souk_free(souk_alloc_libc(), key);
        demand(value != NULL);
        compare(it.value, value);
        different++;
    }
    demand(json_object_size(theirs) == different);
}

static void compare(const souk_jval *ours, const json_t *theirs)
{
    switch (souk_json_type_of(ours)) {
    case SOUK_JSON_NULL:
        demand(json_is_null(theirs));
        break;
    case SOUK_JSON_BOOL:
        demand(json_is_boolean(theirs) && json_is_true(theirs) == ours->as.boolean);
        break;
    case SOUK_JSON_INT:
        demand(json_is_integer(theirs) && json_integer_value(theirs) == ours->as.integer);
        break;
    case SOUK_JSON_BIGINT:
        demand(false); /* jansson would have refused */
        break;
    case SOUK_JSON_DOUBLE: {
        double number = json_real_value(theirs);
        demand(json_is_real(theirs) && memcmp(&number, &ours->as.number, sizeof number) == 0);
        break;
    }
    case SOUK_JSON_STRING: {
        souk_slice text = souk_slice_make(json_string_value(theirs), json_string_length(theirs));
        demand(json_is_string(theirs) && souk_slice_eq(text, souk_json_string(ours)));
        break;
    }
    case SOUK_JSON_ARRAY:
        demand(json_is_array(theirs));
        compare_arrays(ours, theirs);
        break;
    case SOUK_JSON_OBJECT:
        demand(json_is_object(theirs));
        compare_objects(ours, theirs);
        break;
    }
}

/* True when the document has something that jansson is known to refuse. */
static bool is_known_difference(const souk_json_doc *doc)
{
    const souk_jval *end = souk_json_after(doc->root);
    for (const souk_jval *value = doc->root; value < end; value++) {
        if (value->type == SOUK_JSON_BIGINT) {
            return true;
        }
        souk_json_members it = souk_json_each_member(value);
        while (souk_json_next_member(&it)) {
            if (souk_slice_find(it.key, '\0') < it.key.len) {
                return true;
            }
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MOST_BYTES) {
        return 0;
    }
    const char *bytes = size == 0 ? "" : (const char *)data;
    souk_json_doc doc;
    souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH};
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_err err;
    int result = souk_json_read(&doc, souk_slice_make(bytes, size), &limits, &err);
    json_t *theirs = json_loadb(bytes, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (result == SOUK_OK && theirs != NULL) {
        compare(doc.root, theirs);
    } else if (result == SOUK_OK) {
        demand(is_known_difference(&doc));
    } else if (theirs != NULL) {
        demand(err.offset < size && bytes[err.offset] == '\0');
    }
    json_decref(theirs);
    souk_json_doc_free(&doc);
    return 0;
}
