#include "cap/capability.h"

#include <string.h>

#include "cap/type.h"
#include "json/read.h"

typedef enum property {
    ID, /* only in maps: a list has it in second place */
    NAME,
    VERSION,
    DESCRIPTION,
    PROVIDER,
    PERMISSIONS,
    EFFECTS,
    DOMAINS,
    CATEGORIES,
    LANGUAGE,
    ANNOTATIONS,
    METADATA,
    INPUT_SCHEMA,
    INPUT_SCHEMA_JSON,
    OUTPUT_SCHEMA,
    OUTPUT_SCHEMA_JSON,
    IMPLEMENTATION,
    SERVER,
    EXTRA,
    PROPERTY_COUNT
} property;

static const char *const property_names[PROPERTY_COUNT] = {
    [ID] = "id",
    [NAME] = "name",
    [VERSION] = "version",
    [DESCRIPTION] = "description",
    [PROVIDER] = "provider",
    [PERMISSIONS] = "permissions",
    [EFFECTS] = "effects",
    [DOMAINS] = "domains",
    [CATEGORIES] = "categories",
    [LANGUAGE] = "language",
    [ANNOTATIONS] = "annotations",
    [METADATA] = "metadata",
    [INPUT_SCHEMA] = "input_schema",
    [INPUT_SCHEMA_JSON] = "input_schema_json",
    [OUTPUT_SCHEMA] = "output_schema",
    [OUTPUT_SCHEMA_JSON] = "output_schema_json",
    [IMPLEMENTATION] = "implementation",
    [SERVER] = "server",
    [EXTRA] = "extra",
};

/* The properties of one capability as forms. */
typedef struct builder {
    souk_reading *reading;
    const souk_form *form; /* the capability, for errors that have no better place */
    const souk_form *known[PROPERTY_COUNT]; /* NULL: not there, or nil */
    souk_members extra;
    souk_manifest parts;
} builder;

static bool is_property(souk_slice name, const char *known)
{
    if (name.len != strlen(known)) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i] == '-' ? '_' : name.ptr[i];
        if (c != known[i]) {
            return false;
        }
    }
    return true;
}

static property find_property(souk_slice name)
{
    for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
        if (is_property(name, property_names[i])) {
            return (property)i;
        }
    }
    return PROPERTY_COUNT;
}

bool souk_is_known_property(souk_slice name)
{
    return find_property(name) != PROPERTY_COUNT;
}

/* --- gathering -------------------------------------------------------------------------------- */

static int add_property(builder *b, property which, souk_slice key, const souk_form *value)
{
    value = souk_form_bare(value);
    if (which == PROPERTY_COUNT) {
        b->extra.keys[b->extra.count] = key;
        b->extra.values[b->extra.count++] = value;
        return SOUK_OK;
    }
    if (value->type == SOUK_FORM_NIL) {
        return SOUK_OK;
    }
    if (b->known[which] != NULL) {
        souk_diags_add_at(b->reading->diags, SOUK_WARNING, value->line, value->column,
                          "%.*s was given before; this one counts", SOUK_ARG(key));
    }
    b->known[which] = value;
    if (which == EXTRA && value->type == SOUK_FORM_MAP) {
        return souk_members_add_map(b->reading, &b->extra, value);
    }
    return SOUK_OK;
}

/*
 * How many members of `extra` the pairs may bring: each one by itself, and what maps have inside.
 */
static size_t count_extra(const souk_form *form)
{
    size_t count = 0;
    souk_form_walk pairs = souk_form_each(form);
    while (souk_form_next(&pairs)) {
        const souk_form *bare = souk_form_bare(pairs.form);
        count += bare->type == SOUK_FORM_MAP ? 1 + bare->size / 2 : 1;
    }
    return count;
}

static int gather_pair(builder *b, const souk_form *key, const souk_form *value)
{
    const souk_forms *forms = &b->reading->forms;
    bool key_is_next = souk_form_is_call(forms, key, "capability");
    if (key_is_next || (value != NULL && souk_form_is_call(forms, value, "capability"))) {
        return souk_reading_refuse(b->reading, b->form,
                                   "expected ')' before the next capability at line %u",
                                   key_is_next ? key->line : value->line);
    }
    if (key->type != SOUK_FORM_KEYWORD) {
        return souk_reading_refuse(b->reading, key, "expected a property such as :name, got %s",
                                   souk_form_type_name(key));
    }
    souk_slice name = souk_form_name(forms, key);
    if (value == NULL) {
        return souk_reading_refuse(b->reading, key, "expected a value behind :%.*s",
                                   SOUK_ARG(souk_excerpt(name)));
    }
    property which = find_property(name);
    return add_property(b, which == ID ? PROPERTY_COUNT : which, name, value);
}

/* Properties of a list, from behind the id. */
static int gather_list(builder *b, souk_form_walk pairs)
{
    int kind = SOUK_OK;
    if (!souk_members_reserve(b->reading, &b->extra, count_extra(b->form))) {
        return SOUK_E_LIMIT;
    }
    while (kind == SOUK_OK && souk_form_next(&pairs)) {
        const souk_form *key = pairs.form;
        kind = gather_pair(b, key, souk_form_next(&pairs) ? pairs.form : NULL);
    }
    return kind;
}

/* Properties of a map; `inner` is a value in it that was gathered before. */
static int gather_map(builder *b, const souk_form *map, const souk_form *inner)
{
    souk_form_walk pairs = souk_form_each(map);
    int kind = SOUK_OK;
    if (map->size % 2 != 0) {
        return souk_reading_refuse(b->reading, map, "this map has a key without a value");
    }
    while (kind == SOUK_OK && souk_form_next(&pairs)) {
        souk_slice name;
        kind = souk_form_key(b->reading, pairs.form, &name);
        souk_form_next(&pairs);
        if (kind == SOUK_OK && pairs.form != inner) {
            kind = add_property(b, find_property(name), name, pairs.form);
        }
    }
    return kind;
}

/* --- the parts -------------------------------------------------------------------------------- */

/* True when the property is there and of that type; reports one that is there and is not. */
static bool expect(builder *b, property which, souk_form_type type, const char *expected, int *kind)
{
    const souk_form *form = b->known[which];
    if (*kind != SOUK_OK || form == NULL) {
        return false;
    }
    if (form->type != (uint8_t)type) {
        *kind = souk_reading_refuse(b->reading, form, "%s: expected %s, got %s",
                                    property_names[which], expected, souk_form_type_name(form));
        return false;
    }
    return true;
}

static int read_string(builder *b, const souk_form *form, souk_slice *out)
{
    souk_err err;
    int kind = souk_form_text(&b->reading->forms, form, &b->reading->scratch, out, &err);
    return kind == SOUK_E_FILE ? souk_reading_refuse(b->reading, form, "%s", err.message) : kind;
}

static void read_text(builder *b, property which, souk_slice *out, int *kind)
{
    if (expect(b, which, SOUK_FORM_STRING, "a string", kind)) {
        *kind = read_string(b, b->known[which], out);
    }
}

static void read_map(builder *b, property which, souk_slice *out, int *kind)
{
    if (expect(b, which, SOUK_FORM_MAP, "a map", kind)) {
        *kind = souk_form_json(b->reading, b->known[which], out);
    }
}

static bool is_label(const souk_form *form)
{
    return form->type == SOUK_FORM_STRING || form->type == SOUK_FORM_KEYWORD ||
           form->type == SOUK_FORM_SYMBOL;
}

static int write_label(builder *b, property which, const souk_form *form, souk_jw *w)
{
    souk_slice text = souk_form_name(&b->reading->forms, form);
    int kind = SOUK_OK;
    if (!is_label(form)) {
        return souk_reading_refuse(b->reading, form, "%s: expected keywords or strings, got %s",
                                   property_names[which], souk_form_type_name(form));
    }
    if (form->type == SOUK_FORM_STRING) {
        kind = read_string(b, form, &text);
    }
    souk_jw_string(w, souk_label(text));
    return kind;
}

/* A vector of labels, or one label. */
static void read_labels(builder *b, property which, souk_slice *out, int *kind)
{
    const souk_form *form = b->known[which];
    souk_jw w;
    if (*kind != SOUK_OK || form == NULL) {
        return;
    }
    souk_jw_init(&w, &b->reading->json);
    souk_jw_array(&w);
    if (form->type == SOUK_FORM_VECTOR) {
        souk_form_walk labels = souk_form_each(form);
        while (*kind == SOUK_OK && souk_form_next(&labels)) {
            *kind = write_label(b, which, labels.form, &w);
        }
    } else {
        *kind = write_label(b, which, form, &w);
    }
    souk_jw_end_array(&w);
    if (*kind == SOUK_OK) {
        *kind = souk_reading_take_json(b->reading, form, out);
    }
    souk_buf_clear(&b->reading->json);
}

static void read_provider(builder *b, int *kind)
{
    const souk_form *form = b->known[PROVIDER];
    if (*kind != SOUK_OK || form == NULL) {
        return;
    }
    if (!is_label(form) && form->type != SOUK_FORM_MAP) {
        *kind = souk_reading_refuse(b->reading, form, "provider: expected a label or a map, got %s",
                                    souk_form_type_name(form));
        return;
    }
    *kind = souk_form_json(b->reading, form, &b->parts.provider);
}

/* A schema that is kept as JSON text: it was no type form, and was too rich for one. */
static int read_schema_text(builder *b, property which, souk_slice *out)
{
    const souk_form *form = b->known[which];
    souk_reading *reading = b->reading;
    souk_json_doc doc;
    souk_err err;
    souk_slice text;
    int kind = read_string(b, form, &text);
    if (kind != SOUK_OK) {
        return kind;
    }
    souk_json_limits limits = {.text = SOUK_VALUE_BYTES / 2};
    if (text.len > limits.text) {
        return souk_reading_refuse(reading, form, "%s: larger than %zu bytes",
                                   property_names[which], limits.text);
    }
    souk_json_doc_init(&doc, reading->alloc);
    kind = souk_json_read(&doc, text, &limits, &err);
    if (kind == SOUK_OK) {
        souk_json_type type = souk_json_type_of(doc.root);
        kind = type == SOUK_JSON_OBJECT || type == SOUK_JSON_BOOL
                   ? souk_value_compact(&reading->scratch, &doc, doc.root, "the schema", out, &err)
                   : souk_fail(&err, SOUK_E_CONFIG, "expected a schema (object or boolean), got %s",
                               souk_json_type_name(type));
    }
    souk_json_doc_free(&doc);
    if (kind == SOUK_OK || (kind == SOUK_E_LIMIT && err.line == 0)) {
        return kind; /* a limit without a place is memory */
    }
    return souk_reading_refuse(reading, form, "%s: %s", property_names[which], err.message);
}

static void read_schema(builder *b, property type, property text, souk_slice *schema,
                        souk_slice *form, int *kind)
{
    if (*kind != SOUK_OK) {
        return;
    }
    if (expect(b, text, SOUK_FORM_STRING, "a string of JSON", kind)) {
        *kind = read_schema_text(b, text, schema);
    } else if (*kind == SOUK_OK && b->known[type] != NULL) {
        *form = souk_form_source(&b->reading->forms, b->known[type]);
        *kind = souk_type_to_schema(b->reading, b->known[type], schema);
    }
}

static void read_extra(builder *b, int *kind)
{
    souk_reading *reading = b->reading;
    souk_jw w;
    if (*kind == SOUK_OK && b->known[EXTRA] != NULL) {
        expect(b, EXTRA, SOUK_FORM_MAP, "a map", kind);
    }
    if (*kind != SOUK_OK || b->extra.count == 0) {
        return;
    }
    *kind = souk_members_finish(reading, &b->extra);
    souk_jw_init(&w, &reading->json);
    souk_jw_object(&w);
    for (uint32_t i = 0; *kind == SOUK_OK && i < b->extra.count; i++) {
        if (!b->extra.superseded[i]) {
            souk_jw_key(&w, b->extra.keys[i]);
            *kind = souk_form_write_json(reading, b->extra.values[i], &w, 1);
        }
    }
    souk_jw_end_object(&w);
    if (*kind == SOUK_OK) {
        *kind = souk_reading_take_json(reading, b->form, &b->parts.extra);
    }
    souk_buf_clear(&reading->json);
}

/* All parts but the id. */
static int read_parts(builder *b)
{
    souk_manifest *parts = &b->parts;
    int kind = SOUK_OK;
    read_text(b, NAME, &parts->name, &kind);
    read_text(b, VERSION, &parts->version, &kind);
    read_text(b, DESCRIPTION, &parts->description, &kind);
    read_text(b, SERVER, &parts->server, &kind);
    read_provider(b, &kind);
    read_labels(b, PERMISSIONS, &parts->permissions, &kind);
    read_labels(b, EFFECTS, &parts->effects, &kind);
    read_labels(b, DOMAINS, &parts->domains, &kind);
    read_labels(b, CATEGORIES, &parts->categories, &kind);
    if (kind == SOUK_OK && b->known[LANGUAGE] != NULL) {
        kind = souk_form_json(b->reading, b->known[LANGUAGE], &parts->language);
    }
    read_map(b, ANNOTATIONS, &parts->annotations, &kind);
    read_map(b, METADATA, &parts->metadata, &kind);
    read_schema(b, INPUT_SCHEMA, INPUT_SCHEMA_JSON, &parts->input_schema, &parts->input_form,
                &kind);
    read_schema(b, OUTPUT_SCHEMA, OUTPUT_SCHEMA_JSON, &parts->output_schema, &parts->output_form,
                &kind);
    if (kind == SOUK_OK && b->known[IMPLEMENTATION] != NULL) {
        parts->implementation = souk_form_source(&b->reading->forms, b->known[IMPLEMENTATION]);
    }
    read_extra(b, &kind);
    return kind;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Reads the id; everything that is said from here on is about it. */
static int read_id(builder *b, const souk_form *form)
{
    souk_reading *reading = b->reading;
    souk_err err;
    if (form == NULL) {
        return souk_reading_refuse(reading, b->form,
                                   "expected an id: a string such as \"text.upper\"");
    }
    if (form->type != SOUK_FORM_STRING && form->type != SOUK_FORM_KEYWORD) {
        return souk_reading_refuse(reading, form, "expected an id (a string), got %s",
                                   souk_form_type_name(form));
    }
    souk_slice id = souk_form_name(&reading->forms, form);
    int kind = form->type == SOUK_FORM_STRING ? read_string(b, form, &id) : SOUK_OK;
    if (kind == SOUK_OK && souk_check_id(id, &err) != SOUK_OK) {
        kind = souk_reading_refuse(reading, form, "%s", err.message);
    }
    if (kind == SOUK_OK) {
        b->parts.id = id;
        souk_diags_enter(reading->diags, id, form->line, form->column);
    }
    return kind;
}

static int finish(builder *b, souk_manifest **out)
{
    souk_reading *reading = b->reading;
    souk_err err;
    int kind = read_parts(b);
    if (kind != SOUK_OK) {
        return kind;
    }
    const souk_form *place = b->known[METADATA] != NULL ? b->known[METADATA] : b->form;
    souk_diags_move_to(reading->diags, place->line, place->column);
    b->parts.file = reading->diags->here.file;
    b->parts.line = b->form->line;
    b->parts.column = b->form->column;
    kind = souk_manifest_new(reading->alloc, &b->parts, reading->diags, out, &err);
    return kind == SOUK_E_CONFIG ? souk_reading_refuse(reading, place, "%s", err.message) : kind;
}

int souk_capability_from_list(souk_reading *reading, const souk_form *list, souk_manifest **out)
{
    builder b = {.reading = reading, .form = list};
    souk_form_walk children = souk_form_each(list);
    souk_form_next(&children); /* the symbol `capability` */
    bool has_id = souk_form_next(&children);
    int kind = read_id(&b, has_id ? souk_form_bare(children.form) : NULL);
    if (kind == SOUK_OK) {
        kind = gather_list(&b, children);
    }
    return kind == SOUK_OK ? finish(&b, out) : kind;
}

static const souk_form *find_inner_map(const souk_reading *reading, const souk_form *map)
{
    souk_form_walk pairs = souk_form_each(map);
    while (souk_form_next(&pairs)) {
        const souk_form *key = pairs.form;
        if (souk_form_next(&pairs) && pairs.form->type == SOUK_FORM_MAP &&
            souk_form_key_is(&reading->forms, key, "capability")) {
            return pairs.form;
        }
    }
    return NULL;
}

int souk_capability_from_entry(souk_reading *reading, const souk_form *map, souk_manifest **out)
{
    builder b = {.reading = reading, .form = map};
    const souk_form *inner = find_inner_map(reading, map);
    size_t room = count_extra(map) + (inner != NULL ? count_extra(inner) : 0);
    if (!souk_members_reserve(reading, &b.extra, room)) {
        return SOUK_E_LIMIT;
    }
    int kind = inner != NULL ? gather_map(&b, inner, NULL) : SOUK_OK;
    if (kind == SOUK_OK) {
        kind = gather_map(&b, map, inner);
    }
    if (kind == SOUK_OK) {
        kind = read_id(&b, b.known[ID]);
    }
    return kind == SOUK_OK ? finish(&b, out) : kind;
}
