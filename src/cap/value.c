#include "cap/value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cap/keys.h"

void souk_reading_init(souk_reading *reading, const souk_alloc *alloc, souk_diags *diags)
{
    memset(reading, 0, sizeof *reading);
    reading->alloc = alloc;
    reading->diags = diags;
    souk_arena_init(&reading->scratch, alloc);
    souk_buf_init(&reading->json, alloc, SOUK_VALUE_BYTES);
}

void souk_reading_free(souk_reading *reading)
{
    souk_forms_free(&reading->forms);
    souk_arena_free(&reading->scratch);
    souk_buf_free(&reading->json);
}

int souk_reading_refuse(souk_reading *reading, const souk_form *form, const char *format, ...)
{
    char text[SOUK_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    souk_diags_add_at(reading->diags, SOUK_ERROR, form->line, form->column, "%s",
                      wanted < 0 ? "" : text);
    return SOUK_E_FILE;
}

int souk_reading_take_json(souk_reading *reading, const souk_form *form, souk_slice *out)
{
    souk_buf *json = &reading->json;
    int kind = SOUK_OK;
    if (json->failed != SOUK_OK) {
        kind = json->full
                   ? souk_reading_refuse(reading, form, "its value is larger than %d bytes as JSON",
                                         SOUK_VALUE_BYTES)
                   : SOUK_E_LIMIT;
    } else if (!souk_arena_copy(&reading->scratch, souk_buf_slice(json), out)) {
        kind = SOUK_E_LIMIT;
    }
    souk_buf_clear(json);
    return kind;
}

souk_slice souk_label(souk_slice text)
{
    while (text.len > 1 && text.ptr[0] == ':') {
        text = souk_slice_from(text, 1);
    }
    return text;
}

/* A form's text; half a surrogate pair is the only thing that can be wrong with it. */
static int form_text(souk_reading *reading, const souk_form *form, souk_slice *out)
{
    souk_err err;
    int kind = souk_form_text(&reading->forms, form, &reading->scratch, out, &err);
    return kind == SOUK_E_FILE ? souk_reading_refuse(reading, form, "%s", err.message) : kind;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/*
 * JSON has no plus sign and no leading zeros, capability files no exponent without a fraction: what
 * is kept can be written as both.
 */
static void write_number(souk_jw *w, souk_slice digits)
{
    bool negative = digits.ptr[0] == '-';
    if (negative || digits.ptr[0] == '+') {
        digits = souk_slice_from(digits, 1);
    }
    while (digits.len > 1 && digits.ptr[0] == '0' && digits.ptr[1] >= '0' && digits.ptr[1] <= '9') {
        digits = souk_slice_from(digits, 1);
    }
    size_t exponent_at = souk_slice_find(digits, 'e');
    exponent_at = exponent_at == digits.len ? souk_slice_find(digits, 'E') : exponent_at;
    souk_slice mantissa = souk_slice_make(digits.ptr, exponent_at);
    souk_slice exponent = souk_slice_from(digits, exponent_at);

    souk_jw_raw(w, negative ? SOUK_LIT("-") : mantissa);
    if (negative) {
        souk_buf_add(w->out, mantissa);
    }
    if (exponent.len > 0 && souk_slice_find(mantissa, '.') == mantissa.len) {
        souk_buf_add_text(w->out, ".0");
    }
    souk_buf_add(w->out, exponent);
}

/* --- forms ------------------------------------------------------------------------------------ */

int souk_form_key(souk_reading *reading, const souk_form *form, souk_slice *out)
{
    switch ((souk_form_type)form->type) {
    case SOUK_FORM_KEYWORD:
        *out = souk_form_name(&reading->forms, form);
        return SOUK_OK;
    case SOUK_FORM_STRING:
    case SOUK_FORM_INTEGER:
        return form_text(reading, form, out);
    default:
        return souk_reading_refuse(reading, form,
                                   "expected a keyword, a string or an integer as key, got %s",
                                   souk_form_type_name(form));
    }
}

bool souk_members_reserve(souk_reading *reading, souk_members *members, size_t count)
{
    souk_arena *arena = &reading->scratch;
    members->count = 0;
    members->keys = souk_arena_array(arena, count, sizeof *members->keys);
    members->values = souk_arena_array(arena, count, sizeof *members->values);
    members->superseded = souk_arena_array(arena, count, sizeof *members->superseded);
    return members->keys != NULL && members->values != NULL && members->superseded != NULL;
}

int souk_members_add_map(souk_reading *reading, souk_members *members, const souk_form *map)
{
    if (map->size % 2 != 0) {
        return souk_reading_refuse(reading, map, "this map has a key without a value");
    }
    souk_form_walk walk = souk_form_each(map);
    while (souk_form_next(&walk)) {
        int kind = souk_form_key(reading, walk.form, &members->keys[members->count]);
        if (kind != SOUK_OK) {
            return kind;
        }
        souk_form_next(&walk);
        members->values[members->count++] = walk.form;
    }
    return SOUK_OK;
}

int souk_members_finish(souk_reading *reading, souk_members *members)
{
    size_t found = 0;
    if (members->count > 1) {
        found = souk_keys_superseded(&reading->scratch, members->keys, members->count,
                                     members->superseded);
    }
    if (found == SOUK_KEYS_NONE) {
        return SOUK_E_LIMIT;
    }
    for (uint32_t i = 0; found > 0 && i < members->count; i++) {
        if (members->superseded[i]) {
            souk_diags_add_at(reading->diags, SOUK_WARNING, members->values[i]->line,
                              members->values[i]->column,
                              "the key \"%.*s\" comes again later, which counts",
                              SOUK_ARG(souk_excerpt(members->keys[i])));
            found--;
        }
    }
    return SOUK_OK;
}

static int write_map(souk_reading *reading, const souk_form *map, souk_jw *w, unsigned depth)
{
    souk_members members;
    if (!souk_members_reserve(reading, &members, map->size / 2)) {
        return SOUK_E_LIMIT;
    }
    int kind = souk_members_add_map(reading, &members, map);
    if (kind == SOUK_OK) {
        kind = souk_members_finish(reading, &members);
    }
    souk_jw_object(w);
    for (uint32_t i = 0; kind == SOUK_OK && i < members.count; i++) {
        if (!members.superseded[i]) {
            souk_jw_key(w, members.keys[i]);
            kind = souk_form_write_json(reading, members.values[i], w, depth + 1);
        }
    }
    souk_jw_end_object(w);
    return kind;
}

static int write_vector(souk_reading *reading, const souk_form *vector, souk_jw *w, unsigned depth)
{
    int kind = SOUK_OK;
    souk_jw_array(w);
    souk_form_walk walk = souk_form_each(vector);
    while (kind == SOUK_OK && souk_form_next(&walk)) {
        kind = souk_form_write_json(reading, walk.form, w, depth + 1);
    }
    souk_jw_end_array(w);
    return kind;
}

static int write_text(souk_reading *reading, const souk_form *form, souk_jw *w)
{
    souk_slice text;
    int kind = form_text(reading, form, &text);
    if (kind == SOUK_OK) {
        souk_jw_string(w, text);
    }
    return kind;
}

int souk_form_write_json(souk_reading *reading, const souk_form *form, souk_jw *w, unsigned depth)
{
    form = souk_form_bare(form);
    if (depth >= SOUK_VALUE_DEPTH) {
        return souk_reading_refuse(reading, form, "this value is nested deeper than %d",
                                   SOUK_VALUE_DEPTH);
    }
    switch ((souk_form_type)form->type) {
    case SOUK_FORM_NIL:
        souk_jw_null(w);
        return SOUK_OK;
    case SOUK_FORM_TRUE:
    case SOUK_FORM_FALSE:
        souk_jw_bool(w, form->type == SOUK_FORM_TRUE);
        return SOUK_OK;
    case SOUK_FORM_INTEGER:
    case SOUK_FORM_FLOAT:
        write_number(w, souk_form_source(&reading->forms, form));
        return SOUK_OK;
    case SOUK_FORM_KEYWORD:
    case SOUK_FORM_SYMBOL:
        souk_jw_string(w, souk_form_name(&reading->forms, form));
        return SOUK_OK;
    case SOUK_FORM_MAP:
        return write_map(reading, form, w, depth);
    case SOUK_FORM_VECTOR:
        return write_vector(reading, form, w, depth);
    case SOUK_FORM_STRING:
    case SOUK_FORM_SPECIAL:
    case SOUK_FORM_TIMESTAMP:
    case SOUK_FORM_UUID:
    case SOUK_FORM_RESOURCE:
        return write_text(reading, form, w);
    default:
        souk_diags_add_at(reading->diags, SOUK_WARNING, form->line, form->column,
                          "%s is not evaluated here: its text is kept", souk_form_type_name(form));
        return write_text(reading, form, w);
    }
}

int souk_form_json(souk_reading *reading, const souk_form *form, souk_slice *out)
{
    souk_jw w;
    souk_jw_init(&w, &reading->json);
    int kind = souk_form_write_json(reading, form, &w, 0);
    if (kind != SOUK_OK) {
        souk_buf_clear(&reading->json);
        return kind;
    }
    return souk_reading_take_json(reading, form, out);
}

/* --- documents -------------------------------------------------------------------------------- */

typedef struct compactor {
    souk_arena *scratch;
    const souk_json_doc *doc;
    souk_jw w;
} compactor;

static int compact(compactor *c, const souk_jval *value, unsigned depth);

static int compact_object(compactor *c, const souk_jval *object, unsigned depth)
{
    souk_slice *keys = souk_arena_array(c->scratch, object->size, sizeof *keys);
    bool *superseded = souk_arena_array(c->scratch, object->size, sizeof *superseded);
    if (keys == NULL || superseded == NULL) {
        return SOUK_E_LIMIT;
    }
    uint32_t count = 0;
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        keys[count++] = it.key;
    }
    if (souk_keys_superseded(c->scratch, keys, count, superseded) == SOUK_KEYS_NONE) {
        return SOUK_E_LIMIT;
    }
    int kind = SOUK_OK;
    souk_jw_object(&c->w);
    it = souk_json_each_member(object);
    for (uint32_t i = 0; kind == SOUK_OK && souk_json_next_member(&it); i++) {
        if (!superseded[i]) {
            souk_jw_key(&c->w, it.key);
            kind = compact(c, it.value, depth + 1);
        }
    }
    souk_jw_end_object(&c->w);
    return kind;
}

/* SOUK_E_CONFIG: too deep; SOUK_E_LIMIT: memory. */
static int compact(compactor *c, const souk_jval *value, unsigned depth)
{
    int kind = SOUK_OK;
    if (depth >= SOUK_VALUE_DEPTH) {
        return SOUK_E_CONFIG;
    }
    switch (souk_json_type_of(value)) {
    case SOUK_JSON_OBJECT:
        return compact_object(c, value, depth);
    case SOUK_JSON_ARRAY:
        souk_jw_array(&c->w);
        souk_json_elements it = souk_json_each_element(value);
        while (kind == SOUK_OK && souk_json_next_element(&it)) {
            kind = compact(c, it.value, depth + 1);
        }
        souk_jw_end_array(&c->w);
        return kind;
    case SOUK_JSON_INT:
    case SOUK_JSON_BIGINT:
    case SOUK_JSON_DOUBLE:
        write_number(&c->w, souk_json_raw(c->doc, value));
        return SOUK_OK;
    default:
        souk_jw_value(&c->w, value);
        return SOUK_OK;
    }
}

int souk_value_compact(souk_arena *arena, const souk_json_doc *doc, const souk_jval *value,
                       const char *what, souk_slice *out, souk_err *err)
{
    souk_buf text;
    souk_arena scratch;
    souk_buf_init(&text, arena->alloc, SOUK_VALUE_BYTES);
    souk_arena_init(&scratch, arena->alloc);
    compactor c = {.scratch = &scratch, .doc = doc};
    souk_jw_init(&c.w, &text);

    int kind = compact(&c, value, 0);
    if (kind == SOUK_E_CONFIG) {
        souk_fail(err, kind, "%s is nested deeper than %d", what, SOUK_VALUE_DEPTH);
    } else if (kind != SOUK_OK) {
        souk_fail_memory(err);
    } else {
        kind = souk_jw_check(&c.w, err);
    }
    if (kind == SOUK_OK && !souk_arena_copy(arena, souk_buf_slice(&text), out)) {
        kind = souk_fail_memory(err);
    }
    souk_arena_free(&scratch);
    souk_buf_free(&text);
    return kind;
}
