#include "json/doc.h"

/*
 * The next byte of a reference token at *at, with ~0 and ~1 replaced (RFC 6901 section 4); -1 for a
 * '~' with anything else behind it.
 */
static int next_byte(souk_slice token, size_t *at)
{
    char c = token.ptr[(*at)++];
    if (c != '~') {
        return (unsigned char)c;
    }
    char escaped = *at < token.len ? token.ptr[(*at)++] : '\0';
    return escaped == '0' ? '~' : escaped == '1' ? '/' : -1;
}

static bool token_is(souk_slice token, souk_slice key)
{
    size_t at = 0;
    for (size_t i = 0; i < key.len; i++) {
        if (at == token.len || next_byte(token, &at) != (unsigned char)key.ptr[i]) {
            return false;
        }
    }
    return at == token.len;
}

static const souk_jval *find_member(const souk_jval *object, souk_slice token)
{
    const souk_jval *found = NULL;
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        if (token_is(token, it.key)) {
            found = it.value;
        }
    }
    return found;
}

/* An array index: digits without a leading zero. "-", the element behind the last, never exists. */
static const souk_jval *find_element(const souk_jval *array, souk_slice token)
{
    if (token.len == 0 || (token.len > 1 && token.ptr[0] == '0')) {
        return NULL;
    }
    size_t index = 0;
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '0' || token.ptr[i] > '9' || index > array->size) {
            return NULL;
        }
        index = index * 10 + (size_t)(token.ptr[i] - '0');
    }
    return souk_json_at(array, index);
}

const souk_jval *souk_json_pointer(const souk_jval *value, souk_slice pointer)
{
    while (value != NULL && pointer.len > 0) {
        if (pointer.ptr[0] != '/') {
            return NULL;
        }
        pointer = souk_slice_from(pointer, 1);
        souk_slice token = souk_slice_make(pointer.ptr, souk_slice_find(pointer, '/'));
        pointer = souk_slice_from(pointer, token.len);
        if (value->type == SOUK_JSON_OBJECT) {
            value = find_member(value, token);
        } else if (value->type == SOUK_JSON_ARRAY) {
            value = find_element(value, token);
        } else {
            value = NULL;
        }
    }
    return value;
}
