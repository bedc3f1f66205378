#include "cap/flatten.h"

#include <string.h>

#include "cap/keys.h"

enum { FIRST_CAPACITY = 16 };

bool souk_flat_find(const souk_flat *flat, souk_slice key, souk_slice *value)
{
    size_t at = souk_keys_find(flat->keys, flat->order, flat->count, key);
    if (at == SOUK_KEYS_NONE) {
        return false;
    }
    if (value != NULL) {
        *value = flat->values[at];
    }
    return true;
}

souk_slice souk_flat_get(const souk_flat *flat, const char *key)
{
    souk_slice value = {NULL, 0};
    souk_flat_find(flat, souk_slice_of(key), &value);
    return value;
}

bool souk_flat_path_add(souk_flat_path *path, souk_slice step)
{
    if (step.len > 0 && step.ptr[0] == ':') {
        step = souk_slice_from(step, 1);
    }
    size_t joint = path->len > 0 ? 1 : 0;
    if (step.len > sizeof path->bytes - joint ||
        path->len > sizeof path->bytes - joint - step.len) {
        return false;
    }
    if (joint > 0) {
        path->bytes[path->len++] = '_';
    }
    for (size_t i = 0; i < step.len; i++) {
        path->bytes[path->len++] = step.ptr[i] == '-' ? '_' : step.ptr[i];
    }
    return true;
}

void souk_flatten_begin(souk_flattening *flattening, souk_arena *arena)
{
    memset(flattening, 0, sizeof *flattening);
    flattening->arena = arena;
}

/* The arena keeps the old arrays until it is freed; doubling bounds that waste. */
static bool grow(souk_flattening *f)
{
    uint32_t cap = f->cap == 0 ? FIRST_CAPACITY : f->cap * 2;
    souk_slice *keys = souk_arena_array(f->arena, cap, sizeof *keys);
    souk_slice *values = souk_arena_array(f->arena, cap, sizeof *values);
    if (keys == NULL || values == NULL) {
        return false;
    }
    if (f->count > 0) {
        memcpy(keys, f->keys, f->count * sizeof *keys);
        memcpy(values, f->values, f->count * sizeof *values);
    }
    f->keys = keys;
    f->values = values;
    f->cap = cap;
    return true;
}

static int add(souk_flattening *f, souk_slice key, souk_slice value, souk_err *err)
{
    if (f->count >= SOUK_FLAT_ENTRIES_MAX) {
        return souk_fail(err, SOUK_E_CONFIG, "metadata has more than %d entries",
                         SOUK_FLAT_ENTRIES_MAX);
    }
    if (f->count == f->cap && !grow(f)) {
        return souk_fail_memory(err);
    }
    f->keys[f->count] = key;
    f->values[f->count] = value;
    f->count++;
    return SOUK_OK;
}

static souk_slice value_text(const souk_json_doc *doc, const souk_jval *value)
{
    return souk_json_type_of(value) == SOUK_JSON_STRING ? souk_json_string(value)
                                                        : souk_json_raw(doc, value);
}

static int add_members(souk_flattening *f, const souk_json_doc *doc, const souk_jval *object,
                       souk_flat_path *path, unsigned depth, souk_err *err)
{
    if (depth >= SOUK_FLAT_DEPTH_MAX) {
        return souk_fail(err, SOUK_E_CONFIG, "metadata is nested deeper than %d",
                         SOUK_FLAT_DEPTH_MAX);
    }
    int kind = SOUK_OK;
    size_t prefix_len = path->len;
    souk_json_members it = souk_json_each_member(object);
    while (kind == SOUK_OK && souk_json_next_member(&it)) {
        path->len = prefix_len;
        if (!souk_flat_path_add(path, it.key)) {
            return souk_fail(err, SOUK_E_CONFIG, "metadata has a key longer than %d bytes",
                             SOUK_FLAT_KEY_MAX);
        }
        souk_json_type type = souk_json_type_of(it.value);
        if (type == SOUK_JSON_OBJECT) {
            kind = add_members(f, doc, it.value, path, depth + 1, err);
        } else if (type != SOUK_JSON_NULL) {
            souk_slice key;
            kind = souk_arena_copy(f->arena, souk_slice_make(path->bytes, path->len), &key)
                       ? add(f, key, value_text(doc, it.value), err)
                       : souk_fail_memory(err);
        }
    }
    path->len = prefix_len;
    return kind;
}

int souk_flatten_add(souk_flattening *flattening, const souk_json_doc *doc, const souk_jval *value,
                     souk_err *err)
{
    souk_flat_path path;
    path.len = 0;
    return add_members(flattening, doc, value, &path, 0, err);
}

int souk_flatten_add_default(souk_flattening *flattening, souk_slice key, souk_slice value,
                             souk_err *err)
{
    for (uint32_t i = 0; i < flattening->count; i++) {
        if (souk_slice_eq(flattening->keys[i], key)) {
            return SOUK_OK;
        }
    }
    return add(flattening, key, value, err);
}

static int drop_superseded(souk_flattening *f, souk_diags *diags, souk_err *err)
{
    bool *superseded = souk_arena_array(f->arena, f->count, sizeof *superseded);
    size_t found = SOUK_KEYS_NONE;
    if (superseded != NULL) {
        found = souk_keys_superseded(f->arena, f->keys, f->count, superseded);
    }
    if (found == SOUK_KEYS_NONE) {
        return souk_fail_memory(err);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; found > 0 && i < f->count; i++) {
        if (superseded[i]) {
            souk_diags_add(diags, SOUK_WARNING,
                           "two entries of the metadata are called %.*s; the later counts",
                           SOUK_ARG(souk_excerpt(f->keys[i])));
            continue;
        }
        f->keys[kept] = f->keys[i];
        f->values[kept] = f->values[i];
        kept++;
    }
    f->count = found > 0 ? kept : f->count;
    return SOUK_OK;
}

int souk_flatten_end(souk_flattening *flattening, souk_diags *diags, souk_flat *flat, souk_err *err)
{
    int kind = drop_superseded(flattening, diags, err);
    uint32_t *order = souk_arena_array(flattening->arena, flattening->count, sizeof *order);
    if (kind != SOUK_OK) {
        return kind;
    }
    if (order == NULL ||
        !souk_keys_sort(flattening->arena, flattening->keys, flattening->count, order)) {
        return souk_fail_memory(err);
    }
    flat->keys = flattening->keys;
    flat->values = flattening->values;
    flat->order = order;
    flat->count = flattening->count;
    return SOUK_OK;
}
