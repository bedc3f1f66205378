#include "json/doc.h"

#include <string.h>

#include "json/num.h"

void souk_json_doc_init(souk_json_doc *doc, const souk_alloc *alloc)
{
    memset(doc, 0, sizeof *doc);
    souk_arena_init(&doc->arena, alloc);
    souk_buf_init(&doc->owned, alloc, SIZE_MAX);
}

void souk_json_doc_free(souk_json_doc *doc)
{
    const souk_alloc *alloc = doc->arena.alloc;
    if (doc->tape != NULL) {
        souk_free(alloc, doc->tape);
    }
    souk_arena_free(&doc->arena);
    souk_buf_free(&doc->owned);
    souk_json_doc_init(doc, alloc);
}

void souk_json_doc_move(souk_json_doc *to, souk_json_doc *from)
{
    souk_json_doc_free(to);
    *to = *from;
    souk_json_doc_init(from, to->arena.alloc);
}

souk_json_type souk_json_type_of(const souk_jval *value)
{
    return value == NULL ? SOUK_JSON_NULL : (souk_json_type)value->type;
}

const char *souk_json_type_name(souk_json_type type)
{
    switch (type) {
    case SOUK_JSON_NULL:
        return "null";
    case SOUK_JSON_BOOL:
        return "boolean";
    case SOUK_JSON_INT:
    case SOUK_JSON_BIGINT:
        return "integer";
    case SOUK_JSON_DOUBLE:
        return "number";
    case SOUK_JSON_STRING:
        return "string";
    case SOUK_JSON_ARRAY:
        return "array";
    case SOUK_JSON_OBJECT:
        return "object";
    }
    return "unknown";
}

static bool is_container(const souk_jval *value)
{
    return value->type == SOUK_JSON_ARRAY || value->type == SOUK_JSON_OBJECT;
}

const souk_jval *souk_json_first(const souk_jval *container)
{
    if (container == NULL || !is_container(container) || container->size == 0) {
        return NULL;
    }
    return container + 1;
}

const souk_jval *souk_json_after(const souk_jval *value)
{
    return is_container(value) ? value + value->as.span : value + 1;
}

souk_json_members souk_json_each_member(const souk_jval *object)
{
    souk_json_members it = {NULL, 0, {NULL, 0}, NULL};
    if (souk_json_type_of(object) == SOUK_JSON_OBJECT) {
        it.next = object + 1;
        it.left = object->size;
    }
    return it;
}

bool souk_json_next_member(souk_json_members *it)
{
    if (it->left == 0) {
        return false;
    }
    it->left--;
    it->key = souk_slice_make(it->next->as.text, it->next->size);
    it->value = it->next + 1;
    it->next = souk_json_after(it->value);
    return true;
}

souk_json_elements souk_json_each_element(const souk_jval *array)
{
    souk_json_elements it = {NULL, 0, NULL};
    if (souk_json_type_of(array) == SOUK_JSON_ARRAY) {
        it.next = array + 1;
        it.left = array->size;
    }
    return it;
}

bool souk_json_next_element(souk_json_elements *it)
{
    if (it->left == 0) {
        return false;
    }
    it->left--;
    it->value = it->next;
    it->next = souk_json_after(it->value);
    return true;
}

const souk_jval *souk_json_get(const souk_jval *object, const char *key)
{
    return souk_json_get_slice(object, souk_slice_of(key));
}

const souk_jval *souk_json_get_slice(const souk_jval *object, souk_slice key)
{
    const souk_jval *found = NULL;
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        if (souk_slice_eq(it.key, key)) {
            found = it.value;
        }
    }
    return found;
}

const souk_jval *souk_json_at(const souk_jval *array, size_t index)
{
    souk_json_elements it = souk_json_each_element(array);
    while (souk_json_next_element(&it)) {
        if (index-- == 0) {
            return it.value;
        }
    }
    return NULL;
}

souk_slice souk_json_string(const souk_jval *value)
{
    bool is_string = souk_json_type_of(value) == SOUK_JSON_STRING;
    return is_string ? souk_slice_make(value->as.text, value->size) : souk_slice_make(NULL, 0);
}

souk_slice souk_json_digits(const souk_jval *value)
{
    bool is_bigint = souk_json_type_of(value) == SOUK_JSON_BIGINT;
    return is_bigint ? souk_slice_make(value->as.text, value->size) : souk_slice_make(NULL, 0);
}

bool souk_json_is_string(const souk_jval *value, const char *text)
{
    return souk_json_type_of(value) == SOUK_JSON_STRING &&
           souk_slice_is(souk_json_string(value), text);
}

bool souk_json_is_true(const souk_jval *value)
{
    return souk_json_type_of(value) == SOUK_JSON_BOOL && value->as.boolean;
}

bool souk_json_integer(const souk_jval *value, int64_t *out)
{
    if (souk_json_type_of(value) == SOUK_JSON_INT) {
        *out = value->as.integer;
        return true;
    }
    if (souk_json_type_of(value) != SOUK_JSON_DOUBLE) {
        return false;
    }
    /* The bounds are exact doubles, and what lies between them can be converted. */
    double number = value->as.number;
    if (!(number >= -0x1p63 && number < 0x1p63) || (double)(int64_t)number != number) {
        return false;
    }
    *out = (int64_t)number;
    return true;
}

bool souk_json_number(const souk_jval *value, double *out)
{
    switch (souk_json_type_of(value)) {
    case SOUK_JSON_INT:
        *out = (double)value->as.integer;
        return true;
    case SOUK_JSON_BIGINT:
        *out = souk_num_nearest(souk_json_digits(value));
        return true;
    case SOUK_JSON_DOUBLE:
        *out = value->as.number;
        return true;
    default:
        return false;
    }
}

souk_slice souk_json_raw(const souk_json_doc *doc, const souk_jval *value)
{
    return souk_slice_make(doc->text.ptr + value->begin, value->end - value->begin);
}
