#include "cap/write.h"

#include <string.h>

#include "cap/capability.h"
#include "cap/chars.h"
#include "cap/schema_form.h"
#include "cap/value.h"
#include "json/read.h"

enum { PROPERTY_INDENT = 2, FORM_INDENT = 4 };

typedef struct writer {
    const souk_manifest *manifest;
    souk_buf *out;
    const souk_json_doc *doc; /* the values that are being written are of this one */
    souk_err *err;
} writer;

/* --- strings and names ------------------------------------------------------------------------ */

void souk_write_string(souk_buf *out, souk_slice text)
{
    size_t from = 0;
    souk_buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        const char *escape = c == '"'    ? "\\\""
                             : c == '\\' ? "\\\\"
                             : c == '\n' ? "\\n"
                             : c == '\t' ? "\\t"
                             : c == '\r' ? "\\r"
                                         : NULL;
        if (escape != NULL) {
            souk_buf_add(out, souk_slice_make(text.ptr + from, i - from));
            souk_buf_add_text(out, escape);
            from = i + 1;
        }
    }
    souk_buf_add(out, souk_slice_from(text, from));
    souk_buf_add_byte(out, '"');
}

/* As a keyword where that is possible, else as a string. */
static void write_key(souk_buf *out, souk_slice key)
{
    if (souk_is_name(key)) {
        souk_buf_add_byte(out, ':');
        souk_buf_add(out, key);
    } else {
        souk_write_string(out, key);
    }
}

static void new_line(souk_buf *out, unsigned indent)
{
    souk_buf_add_byte(out, '\n');
    for (unsigned i = 0; i < indent; i++) {
        souk_buf_add_byte(out, ' ');
    }
}

/* --- values ----------------------------------------------------------------------------------- */

static bool may_be_secret(souk_slice key)
{
    static const char *const words[] = {"token", "secret", "password"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        souk_slice word = souk_slice_of(words[i]);
        if (key.len < word.len) {
            continue;
        }
        size_t start = key.len - word.len;
        char before = start == 0 ? '_' : key.ptr[start - 1];
        if (souk_slice_eq_nocase(souk_slice_from(key, start), word) &&
            (before == '_' || before == '-' || before == ':')) {
            return true;
        }
    }
    return false;
}

static void write_left_out(souk_buf *out, souk_slice key)
{
    souk_buf_add_text(out, "#| ");
    souk_buf_add(out, souk_is_name(key) ? key : SOUK_LIT("a value"));
    souk_buf_add_text(out, " is left out: it may be a secret |#");
}

static void write_value(writer *w, const souk_jval *value, unsigned indent);

/* Each member on a line of its own. */
static void write_members(writer *w, const souk_jval *object, unsigned indent)
{
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        new_line(w->out, indent);
        if (may_be_secret(it.key)) {
            write_left_out(w->out, it.key);
        } else {
            write_key(w->out, it.key);
            souk_buf_add_byte(w->out, ' ');
            write_value(w, it.value, indent);
        }
    }
}

static void write_map(writer *w, const souk_jval *object, unsigned indent)
{
    souk_buf_add_byte(w->out, '{');
    write_members(w, object, indent + 2);
    if (object->size > 0) {
        new_line(w->out, indent);
    }
    souk_buf_add_byte(w->out, '}');
}

static void write_vector(writer *w, const souk_jval *array, unsigned indent)
{
    souk_json_elements it = souk_json_each_element(array);
    bool is_first = true;
    souk_buf_add_byte(w->out, '[');
    while (souk_json_next_element(&it)) {
        if (!is_first) {
            souk_buf_add_byte(w->out, ' ');
        }
        write_value(w, it.value, indent);
        is_first = false;
    }
    souk_buf_add_byte(w->out, ']');
}

/* The depth of values was limited when the manifest was made. */
static void write_value(writer *w, const souk_jval *value, unsigned indent)
{
    switch (souk_json_type_of(value)) {
    case SOUK_JSON_NULL:
        souk_buf_add_text(w->out, "nil");
        break;
    case SOUK_JSON_STRING:
        souk_write_string(w->out, souk_json_string(value));
        break;
    case SOUK_JSON_OBJECT:
        write_map(w, value, indent);
        break;
    case SOUK_JSON_ARRAY:
        write_vector(w, value, indent);
        break;
    default:
        souk_buf_add(w->out, souk_json_raw(w->doc, value));
        break;
    }
}

/* --- properties ------------------------------------------------------------------------------- */

static void begin_property(writer *w, const char *name)
{
    new_line(w->out, PROPERTY_INDENT);
    souk_buf_add_byte(w->out, ':');
    souk_buf_add_text(w->out, name);
    souk_buf_add_byte(w->out, ' ');
}

static void write_text(writer *w, const char *name, souk_slice text)
{
    begin_property(w, name);
    souk_write_string(w->out, text);
}

/* Strings that can be names are written as keywords. */
static void write_labels(writer *w, const souk_jval *labels)
{
    souk_json_elements it = souk_json_each_element(labels);
    bool is_first = true;
    souk_buf_add_byte(w->out, '[');
    while (souk_json_next_element(&it)) {
        if (!is_first) {
            souk_buf_add_byte(w->out, ' ');
        }
        write_key(w->out, souk_json_string(it.value));
        is_first = false;
    }
    souk_buf_add_byte(w->out, ']');
}

static void write_extra(writer *w, const souk_jval *object)
{
    bool are_plain = true;
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        are_plain = are_plain && souk_is_name(it.key) && !souk_is_known_property(it.key);
    }
    if (are_plain) {
        write_members(w, object, PROPERTY_INDENT);
    } else {
        begin_property(w, "extra");
        write_map(w, object, PROPERTY_INDENT);
    }
}

typedef enum shape { VALUE, LABELS, MEMBERS_OF_EXTRA } shape;

/* A property that the manifest keeps as JSON; left out when it is as if it were not there. */
static int write_json(writer *w, const char *name, souk_slice json, shape as)
{
    if (json.len == 0 || souk_slice_is(json, "{}") || souk_slice_is(json, "[]")) {
        return SOUK_OK;
    }
    souk_json_doc doc;
    souk_json_limits limits = {.text = SOUK_VALUE_BYTES};
    souk_json_doc_init(&doc, w->manifest->alloc);
    int kind = souk_json_read(&doc, json, &limits, w->err);
    w->doc = &doc;
    if (kind == SOUK_OK && as == MEMBERS_OF_EXTRA) {
        write_extra(w, doc.root);
    } else if (kind == SOUK_OK) {
        begin_property(w, name);
        if (as == LABELS) {
            write_labels(w, doc.root);
        } else {
            write_value(w, doc.root, PROPERTY_INDENT);
        }
    }
    w->doc = NULL;
    souk_json_doc_free(&doc);
    return kind;
}

/*
 * False for what only our reader takes: commas, and escapes that are none in the grammar of the
 * first files.
 */
static bool is_plain_source(souk_slice form)
{
    for (size_t i = 0; i < form.len; i++) {
        if (form.ptr[i] == ',') {
            return false;
        }
        if (form.ptr[i] == '\\') {
            i++;
            if (i == form.len || memchr("ntr\"\\", form.ptr[i], 5) == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool describes_object(souk_slice schema)
{
    return souk_slice_starts(schema, SOUK_LIT("{\"type\":\"object\""));
}

static int write_schema(writer *w, const char *name, const char *json_name, souk_slice schema,
                        souk_slice form)
{
    bool found = false;
    if (schema.len == 0) {
        return SOUK_OK;
    }
    begin_property(w, name);
    if (form.len > 0 && is_plain_source(form)) {
        souk_buf_add(w->out, form);
        return SOUK_OK;
    }
    int kind = souk_schema_to_form(w->manifest->alloc, schema, w->out, &found, w->err);
    if (kind == SOUK_OK && !found) {
        souk_buf_add_text(w->out, describes_object(schema) ? ":map" : ":any");
        write_text(w, json_name, schema);
    }
    return kind;
}

static int write_properties(writer *w)
{
    const souk_manifest *m = w->manifest;
    const struct {
        const char *name;
        souk_slice json;
        shape as;
    } values[] = {
        {"provider", m->provider, VALUE},       {"permissions", m->permissions, LABELS},
        {"effects", m->effects, LABELS},        {"domains", m->domains, LABELS},
        {"categories", m->categories, LABELS},  {"language", m->language, VALUE},
        {"annotations", m->annotations, VALUE}, {"metadata", m->metadata, VALUE},
        {"extra", m->extra, MEMBERS_OF_EXTRA},
    };
    int kind = SOUK_OK;
    for (size_t i = 0; kind == SOUK_OK && i < sizeof values / sizeof values[0]; i++) {
        kind = write_json(w, values[i].name, values[i].json, values[i].as);
    }
    if (kind == SOUK_OK) {
        kind = write_schema(w, "input-schema", "input-schema-json", m->input_schema, m->input_form);
    }
    if (kind == SOUK_OK) {
        kind = write_schema(w, "output-schema", "output-schema-json", m->output_schema,
                            m->output_form);
    }
    return kind;
}

int souk_manifest_write(const souk_manifest *manifest, souk_buf *out, souk_err *err)
{
    writer w = {.manifest = manifest, .out = out, .err = err};
    souk_buf_add_text(out, "(capability ");
    souk_write_string(out, manifest->id);
    write_text(&w, "name", manifest->name);
    write_text(&w, "version", manifest->version);
    if (manifest->description.len > 0) {
        write_text(&w, "description", manifest->description);
    }
    if (manifest->server.len > 0) {
        write_text(&w, "server", manifest->server);
    }
    int kind = write_properties(&w);
    if (kind != SOUK_OK) {
        return kind;
    }
    if (manifest->implementation.len > 0) {
        new_line(out, PROPERTY_INDENT);
        souk_buf_add_text(out, ":implementation");
        new_line(out, FORM_INDENT);
        souk_buf_add(out, manifest->implementation);
    }
    souk_buf_add_text(out, ")\n");
    return souk_buf_check(out, "the capability file", err);
}
