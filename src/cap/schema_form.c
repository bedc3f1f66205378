#include "cap/schema_form.h"

#include "cap/chars.h"
#include "cap/type.h"
#include "cap/write.h"
#include "json/read.h"

enum {
    DEEPEST = 40,       /* nesting of schemas */
    MOST_MEMBERS = 256, /* members of one object; each is looked for in "required" */
    MOST_BYTES = 1024 * 1024
};

typedef struct printer {
    const souk_json_doc *doc;
    souk_buf *out;
} printer;

/*
 * All print_ functions return false when there is no form for what they see. They need not be exact
 * about it: the form is read back in the end, and only counts when that gives the same schema.
 */
static bool print_schema(printer *p, const souk_jval *schema, unsigned depth);

static bool print_text(printer *p, const char *text)
{
    return souk_buf_add_text(p->out, text) == SOUK_OK;
}

static bool print_literal(printer *p, const souk_jval *value)
{
    souk_json_type type = souk_json_type_of(value);
    if (type == SOUK_JSON_OBJECT || type == SOUK_JSON_ARRAY) {
        return false;
    }
    print_text(p, " ");
    if (type == SOUK_JSON_STRING) {
        souk_write_string(p->out, souk_json_string(value));
    } else if (type == SOUK_JSON_NULL) {
        print_text(p, "nil");
    } else {
        souk_buf_add(p->out, souk_json_raw(p->doc, value));
    }
    return true;
}

/* A member's name and the form for it; NULL names end a table. */
typedef struct word {
    const char *json;
    const char *form;
} word;

static const char *find_word(const word *words, souk_slice json)
{
    for (; words->json != NULL; words++) {
        if (souk_slice_is(json, words->json)) {
            return words->form;
        }
    }
    return NULL;
}

static const char *simple_type(const souk_jval *schema)
{
    static const word types[] = {
        {"string", ":string"}, {"integer", ":int"}, {"number", ":float"},
        {"boolean", ":bool"},  {"null", ":nil"},    {NULL, NULL},
    };
    return find_word(types, souk_json_string(souk_json_get(schema, "type")));
}

/* {"type":"integer","minimum":1}: [:and :int [:>= 1]] */
static bool print_simple(printer *p, const souk_jval *schema, const char *type)
{
    static const word predicates[] = {
        {"minimum", ">="},
        {"maximum", "<="},
        {"exclusiveMinimum", ">"},
        {"exclusiveMaximum", "<"},
        {"minLength", "min-length"},
        {"maxLength", "max-length"},
        {"pattern", "matches-regex"},
        {NULL, NULL},
    };
    if (schema->size == 1) {
        return print_text(p, type);
    }
    print_text(p, "[:and ");
    print_text(p, type);
    souk_json_members it = souk_json_each_member(schema);
    souk_json_next_member(&it); /* the type */
    while (souk_json_next_member(&it)) {
        const char *predicate = find_word(predicates, it.key);
        if (predicate == NULL) {
            return false;
        }
        print_text(p, " [:");
        print_text(p, predicate);
        if (!print_literal(p, it.value)) {
            return false;
        }
        print_text(p, "]");
    }
    return print_text(p, "]");
}

static bool is_required(const souk_jval *schema, souk_slice name)
{
    souk_json_elements it = souk_json_each_element(souk_json_get(schema, "required"));
    while (souk_json_next_element(&it)) {
        if (souk_slice_eq(souk_json_string(it.value), name)) {
            return true;
        }
    }
    return false;
}

static bool print_entries(printer *p, const souk_jval *schema, const souk_jval *properties,
                          unsigned depth)
{
    souk_json_members it = souk_json_each_member(properties);
    while (souk_json_next_member(&it)) {
        if (!souk_is_name(it.key)) {
            return false;
        }
        print_text(p, " [:");
        souk_buf_add(p->out, it.key);
        print_text(p, " ");
        if (!print_schema(p, it.value, depth + 1)) {
            return false;
        }
        print_text(p, is_required(schema, it.key) ? "]" : " ?]");
    }
    return true;
}

static bool print_object(printer *p, const souk_jval *schema, unsigned depth)
{
    const souk_jval *properties = souk_json_get(schema, "properties");
    const souk_jval *others = souk_json_get(schema, "additionalProperties");
    if (schema->size == 1) {
        return print_text(p, ":map");
    }
    if (properties == NULL) {
        return others != NULL && print_text(p, "[:map-of :string ") &&
               print_schema(p, others, depth + 1) && print_text(p, "]");
    }
    if (properties->size > MOST_MEMBERS) {
        return false;
    }
    print_text(p, "[:map");
    if (!print_entries(p, schema, properties, depth)) {
        return false;
    }
    if (others != NULL) {
        print_text(p, " [:* ");
        if (!print_schema(p, others, depth + 1)) {
            return false;
        }
        print_text(p, "]");
    }
    return print_text(p, "]");
}

/* [head T1 T2 ...] */
static bool print_list(printer *p, const char *head, const souk_jval *schemas, unsigned depth)
{
    souk_json_elements it = souk_json_each_element(schemas);
    print_text(p, "[");
    print_text(p, head);
    while (souk_json_next_element(&it)) {
        print_text(p, " ");
        if (!print_schema(p, it.value, depth + 1)) {
            return false;
        }
    }
    return print_text(p, "]");
}

static bool print_array(printer *p, const souk_jval *schema, unsigned depth)
{
    const souk_jval *items = souk_json_get(schema, "items");
    if (items == NULL) {
        return print_list(p, ":tuple", souk_json_get(schema, "prefixItems"), depth);
    }
    return print_text(p, "[:vector ") && print_schema(p, items, depth + 1) && print_text(p, "]");
}

static bool print_any_of(printer *p, const souk_jval *choices, unsigned depth)
{
    const souk_jval *second = souk_json_at(choices, 1);
    bool is_optional = souk_json_type_of(choices) == SOUK_JSON_ARRAY && choices->size == 2 &&
                       souk_json_type_of(second) == SOUK_JSON_OBJECT && second->size == 1 &&
                       souk_json_is_string(souk_json_get(second, "type"), "null");
    if (!is_optional) {
        return print_list(p, ":union", choices, depth);
    }
    return print_text(p, "[:optional ") && print_schema(p, souk_json_at(choices, 0), depth + 1) &&
           print_text(p, "]");
}

static bool print_literals(printer *p, const char *head, const souk_jval *values)
{
    souk_json_elements it = souk_json_each_element(values);
    print_text(p, head);
    while (souk_json_next_element(&it)) {
        if (!print_literal(p, it.value)) {
            return false;
        }
    }
    return print_text(p, "]");
}

static bool print_schema(printer *p, const souk_jval *schema, unsigned depth)
{
    if (souk_json_type_of(schema) == SOUK_JSON_BOOL) {
        return !souk_json_is_true(schema) && print_text(p, ":never");
    }
    if (depth >= DEEPEST || souk_json_type_of(schema) != SOUK_JSON_OBJECT) {
        return false;
    }
    if (schema->size == 0) {
        return print_text(p, ":any");
    }
    const char *simple = simple_type(schema);
    souk_json_members first = souk_json_each_member(schema);
    souk_json_next_member(&first);
    if (simple != NULL) {
        return print_simple(p, schema, simple);
    }
    if (souk_json_is_string(souk_json_get(schema, "type"), "object")) {
        return print_object(p, schema, depth);
    }
    if (souk_json_is_string(souk_json_get(schema, "type"), "array")) {
        return print_array(p, schema, depth);
    }
    if (souk_slice_is(first.key, "anyOf")) {
        return print_any_of(p, first.value, depth);
    }
    if (souk_slice_is(first.key, "enum")) {
        return print_literals(p, "[:enum", first.value);
    }
    return souk_slice_is(first.key, "const") && print_text(p, "[:val") &&
           print_literal(p, first.value) && print_text(p, "]");
}

/* Reads the form as a file's reader would, and compares. */
static int reads_back(const souk_alloc *alloc, souk_slice form, souk_slice schema, bool *same)
{
    souk_diags diags;
    souk_reading reading;
    souk_lexer lexer;
    souk_slice again;
    souk_diags_init(&diags, alloc, souk_slice_make(NULL, 0), 0);
    souk_reading_init(&reading, alloc, &diags);
    souk_forms_init(&reading.forms, alloc, form, form.len + 1, SOUK_VALUE_DEPTH);
    souk_lexer_init(&lexer, form);
    int kind = souk_forms_read(&reading.forms, &lexer, NULL);
    if (kind == SOUK_OK) {
        kind = souk_type_to_schema(&reading, &reading.forms.items[0], &again);
    }
    *same = kind == SOUK_OK && souk_slice_eq(again, schema);
    souk_reading_free(&reading);
    souk_diags_free(&diags);
    return kind == SOUK_E_LIMIT ? kind : SOUK_OK;
}

static int print_checked(const souk_alloc *alloc, souk_slice schema, souk_buf *form, bool *found,
                         souk_err *err)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, alloc);
    printer p = {&doc, form};
    int kind = souk_json_read(&doc, schema, NULL, err);
    if (kind == SOUK_OK && print_schema(&p, doc.root, 0)) {
        kind = form->failed != SOUK_OK ? SOUK_OK
                                       : reads_back(alloc, souk_buf_slice(form), schema, found);
    }
    souk_json_doc_free(&doc);
    if (form->failed != SOUK_OK && !form->full) {
        kind = SOUK_E_LIMIT;
    }
    return kind == SOUK_E_LIMIT ? souk_fail_memory(err) : SOUK_OK;
}

int souk_schema_to_form(const souk_alloc *alloc, souk_slice schema, souk_buf *out, bool *found,
                        souk_err *err)
{
    souk_buf form;
    souk_buf_init(&form, alloc, MOST_BYTES);
    *found = false;
    int kind = print_checked(alloc, schema, &form, found, err);
    if (kind == SOUK_OK && *found) {
        souk_buf_add(out, souk_buf_slice(&form));
    }
    souk_buf_free(&form);
    return kind;
}
