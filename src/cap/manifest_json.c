#include "cap/manifest.h"

#include "cap/form.h"
#include "cap/nearest.h"
#include "cap/value.h"
#include "json/write.h"

/* What a member of the JSON object holds, and so how it is checked and written. */
typedef enum member_kind {
    TEXT,
    ORIGIN, /* a text that is left out when it is empty */
    LIST,
    OBJECT,
    VALUE,
    SCHEMA,
    CODE,
    LINE,     /* the number of it */
    METADATA, /* flat when written; nested or flat when read */
    NESTED,   /* the nested metadata; read only when there is no METADATA */
    DERIVED   /* written, ignored when read */
} member_kind;

static const struct member {
    const char *name;
    member_kind kind;
    size_t offset;
} members[] = {
    {"id", TEXT, offsetof(souk_manifest, id)},
    {"name", TEXT, offsetof(souk_manifest, name)},
    {"version", TEXT, offsetof(souk_manifest, version)},
    {"description", TEXT, offsetof(souk_manifest, description)},
    {"provider", VALUE, offsetof(souk_manifest, provider)},
    {"provider_kind", DERIVED, offsetof(souk_manifest, provider_kind)},
    {"permissions", LIST, offsetof(souk_manifest, permissions)},
    {"effects", LIST, offsetof(souk_manifest, effects)},
    {"domains", LIST, offsetof(souk_manifest, domains)},
    {"categories", LIST, offsetof(souk_manifest, categories)},
    {"language", VALUE, offsetof(souk_manifest, language)},
    {"annotations", OBJECT, offsetof(souk_manifest, annotations)},
    {"metadata", METADATA, offsetof(souk_manifest, metadata)},
    {"metadata_nested", NESTED, offsetof(souk_manifest, metadata)},
    {"input_schema", SCHEMA, offsetof(souk_manifest, input_schema)},
    {"output_schema", SCHEMA, offsetof(souk_manifest, output_schema)},
    {"extra", OBJECT, offsetof(souk_manifest, extra)},
    {"implementation", CODE, offsetof(souk_manifest, implementation)},
    {"server", ORIGIN, offsetof(souk_manifest, server)},
    {"file", ORIGIN, offsetof(souk_manifest, file)},
    {"line", LINE, offsetof(souk_manifest, line)},
};

enum { MEMBER_COUNT = sizeof members / sizeof members[0] };

/* --- writing ---------------------------------------------------------------------------------- */

static void write_flat(const souk_flat *flat, souk_jw *w)
{
    souk_jw_object(w);
    for (size_t i = 0; i < flat->count; i++) {
        souk_jw_key(w, flat->keys[i]);
        souk_jw_string(w, flat->values[i]);
    }
    souk_jw_end_object(w);
}

static void write_member(const souk_manifest *manifest, const struct member *member, souk_jw *w)
{
    const char *place = (const char *)manifest + member->offset;
    if (member->kind == LINE) {
        souk_jw_key_int(w, member->name, manifest->line);
        return;
    }
    const souk_slice *text = (const souk_slice *)(const void *)place;
    if (text->len == 0 && member->kind != TEXT) {
        return;
    }
    souk_jw_key(w, souk_slice_of(member->name));
    switch (member->kind) {
    case TEXT:
    case ORIGIN:
    case CODE:
    case DERIVED:
        souk_jw_string(w, *text);
        break;
    case METADATA:
        write_flat(&manifest->flat, w);
        break;
    default:
        souk_jw_raw(w, *text);
        break;
    }
}

int souk_manifest_to_json(const souk_manifest *manifest, souk_buf *out, souk_err *err)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (members[i].kind != LINE || manifest->line > 0) {
            write_member(manifest, &members[i], &w);
        }
    }
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

/* --- reading ---------------------------------------------------------------------------------- */

typedef struct import {
    const souk_json_doc *doc;
    souk_arena scratch;
    souk_manifest parts;
    bool has_metadata; /* the member "metadata" was there: "metadata_nested" does not count */
    souk_err *err;
} import;

static int fail_type(import *in, const struct member *member, const char *expected,
                     const souk_jval *value)
{
    return souk_fail(in->err, SOUK_E_CONFIG, "%s: expected %s, got %s", member->name, expected,
                     souk_json_type_name(souk_json_type_of(value)));
}

static int read_list(import *in, const struct member *member, const souk_jval *value,
                     souk_slice *out)
{
    souk_buf text;
    souk_jw w;
    souk_buf_init(&text, in->scratch.alloc, SOUK_VALUE_BYTES);
    souk_jw_init(&w, &text);
    bool is_one = souk_json_type_of(value) == SOUK_JSON_STRING;
    int kind = SOUK_OK;
    if (!is_one && souk_json_type_of(value) != SOUK_JSON_ARRAY) {
        return fail_type(in, member, "an array of strings", value);
    }
    souk_jw_array(&w);
    if (is_one) {
        souk_jw_string(&w, souk_label(souk_json_string(value)));
    }
    souk_json_elements it = souk_json_each_element(value);
    while (kind == SOUK_OK && souk_json_next_element(&it)) {
        if (souk_json_type_of(it.value) != SOUK_JSON_STRING) {
            kind = fail_type(in, member, "an array of strings", it.value);
        }
        souk_jw_string(&w, souk_label(souk_json_string(it.value)));
    }
    souk_jw_end_array(&w);
    if (kind == SOUK_OK) {
        kind = souk_jw_check(&w, in->err);
    }
    if (kind == SOUK_OK && !souk_arena_copy(&in->scratch, souk_buf_slice(&text), out)) {
        kind = souk_fail_memory(in->err);
    }
    souk_buf_free(&text);
    return kind;
}

/* Code is kept as text, but it has to be one form: it is written into files again. */
static int read_code(import *in, const struct member *member, const souk_jval *value,
                     souk_slice *out)
{
    souk_forms forms;
    souk_lexer lexer;
    souk_slice text = souk_json_string(value);
    if (text.ptr == NULL) {
        return fail_type(in, member, "a string with one form", value);
    }
    souk_forms_init(&forms, in->scratch.alloc, text, text.len + 1, SOUK_VALUE_DEPTH);
    souk_lexer_init(&lexer, text);
    int kind = souk_forms_read(&forms, &lexer, in->err);
    if (kind == SOUK_OK && forms.count > 0 && forms.items[0].type != SOUK_FORM_NIL) {
        *out = souk_form_source(&forms, &forms.items[0]);
    }
    if (kind == SOUK_OK && forms.count > 0) {
        kind = souk_forms_read(&forms, &lexer, in->err);
    }
    bool has_more = forms.count > 0;
    souk_forms_free(&forms);
    if (kind == SOUK_E_FILE || (kind == SOUK_E_LIMIT && in->err->line > 0)) {
        souk_err_prefix(in->err, "%s", member->name);
        in->err->kind = SOUK_E_CONFIG;
        return SOUK_E_CONFIG;
    }
    if (kind == SOUK_OK && has_more) {
        return souk_fail(in->err, SOUK_E_CONFIG, "%s: expected one form, got more", member->name);
    }
    return kind;
}

static int read_json(import *in, const struct member *member, const souk_jval *value,
                     souk_slice *out)
{
    return souk_value_compact(&in->scratch, in->doc, value, member->name, out, in->err);
}

static int read_member(import *in, const struct member *member, const souk_jval *value)
{
    souk_slice *out = (souk_slice *)(void *)((char *)&in->parts + member->offset);
    souk_json_type type = souk_json_type_of(value);
    int64_t line;
    switch (member->kind) {
    case TEXT:
    case ORIGIN:
        *out = souk_json_string(value);
        return type == SOUK_JSON_STRING ? SOUK_OK : fail_type(in, member, "a string", value);
    case LIST:
        return read_list(in, member, value, out);
    case CODE:
        return read_code(in, member, value, out);
    case LINE:
        if (!souk_json_integer(value, &line) || line < 0 || line > UINT32_MAX) {
            return fail_type(in, member, "the number of a line", value);
        }
        in->parts.line = (unsigned)line;
        return SOUK_OK;
    case SCHEMA:
        if (type != SOUK_JSON_OBJECT && type != SOUK_JSON_BOOL) {
            return fail_type(in, member, "a schema (object or boolean)", value);
        }
        return read_json(in, member, value, out);
    case METADATA:
    case NESTED:
    case OBJECT:
        if (type != SOUK_JSON_OBJECT) {
            return fail_type(in, member, "an object", value);
        }
        if (member->kind == NESTED && in->has_metadata) {
            return SOUK_OK;
        }
        in->has_metadata = in->has_metadata || member->kind == METADATA;
        return read_json(in, member, value, out);
    case VALUE:
        return read_json(in, member, value, out);
    case DERIVED:
        return SOUK_OK;
    }
    return SOUK_OK;
}

static int fail_unknown(import *in, souk_slice name)
{
    const char *names[MEMBER_COUNT];
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        names[i] = members[i].name;
    }
    const char *nearest = souk_nearest(name, names, MEMBER_COUNT);
    souk_slice shown = souk_excerpt(name);
    if (nearest == NULL) {
        return souk_fail(in->err, SOUK_E_CONFIG, "unknown member \"%.*s\"", SOUK_ARG(shown));
    }
    return souk_fail(in->err, SOUK_E_CONFIG, "unknown member \"%.*s\": did you mean \"%s\"?",
                     SOUK_ARG(shown), nearest);
}

static int read_members(import *in, const souk_jval *object)
{
    int kind = SOUK_OK;
    souk_json_members it = souk_json_each_member(object);
    while (kind == SOUK_OK && souk_json_next_member(&it)) {
        size_t i = 0;
        while (i < MEMBER_COUNT && !souk_slice_is(it.key, members[i].name)) {
            i++;
        }
        if (i == MEMBER_COUNT) {
            kind = fail_unknown(in, it.key);
        } else if (souk_json_type_of(it.value) != SOUK_JSON_NULL) {
            kind = read_member(in, &members[i], it.value);
        }
    }
    return kind;
}

int souk_manifest_from_json(const souk_alloc *alloc, const souk_json_doc *doc,
                            const souk_jval *object, souk_diags *diags, souk_manifest **out,
                            souk_err *err)
{
    souk_err unheeded;
    err = err != NULL ? err : &unheeded;
import in = {.doc = doc, .err = err };
    *out = NULL;
    if (souk_json_type_of(object) != SOUK_JSON_OBJECT) {
        return souk_fail(err, SOUK_E_CONFIG,
                         "expected an object that describes a capability, got %s",
                         souk_json_type_name(souk_json_type_of(object)));
    }
    souk_arena_init(&in.scratch, alloc);
    int kind = read_members(&in, object);
    if (kind == SOUK_OK) {
        kind = souk_manifest_new(alloc, &in.parts, diags, out, err);
    }
    souk_arena_free(&in.scratch);
    return kind;
}
