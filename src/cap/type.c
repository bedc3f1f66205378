#include "cap/type.h"

#include "base/ascii.h"
#include "cap/typing.h"

/* --- what a form means ------------------------------------------------------------------------ */

/* A name may begin with a capital; the rest is as it is. */
static bool is_name(souk_slice text, const char *name)
{
    return text.len > 0 && souk_ascii_lower(text.ptr[0]) == name[0] &&
           souk_slice_is(souk_slice_from(text, 1), name + 1);
}

static souk_type_kind kind_of_name(souk_slice name)
{
    static const struct {
        const char *name;
        souk_type_kind kind;
    } kinds[] = {
        {"string", SOUK_TYPE_STRING},  {"int", SOUK_TYPE_INT},
        {"float", SOUK_TYPE_FLOAT},    {"bool", SOUK_TYPE_BOOL},
        {"any", SOUK_TYPE_ANY},        {"map", SOUK_TYPE_MAP},
        {"vector", SOUK_TYPE_VECTOR},  {"optional", SOUK_TYPE_OPTIONAL},
        {"enum", SOUK_TYPE_ENUM},      {"union", SOUK_TYPE_UNION},
        {"nil", SOUK_TYPE_NIL},        {"and", SOUK_TYPE_AND},
        {"map-of", SOUK_TYPE_MAP_OF},  {"dict", SOUK_TYPE_MAP_OF},
        {"tuple", SOUK_TYPE_TUPLE},    {"record", SOUK_TYPE_MAP},
        {"val", SOUK_TYPE_VAL},        {"array", SOUK_TYPE_ARRAY},
        {"keyword", SOUK_TYPE_STRING}, {"symbol", SOUK_TYPE_STRING},
        {"never", SOUK_TYPE_NEVER},    {"fn", SOUK_TYPE_FN},
        {"=>", SOUK_TYPE_FN},          {"resource", SOUK_TYPE_RESOURCE},
        {"integer", SOUK_TYPE_INT},    {"number", SOUK_TYPE_FLOAT},
        {"boolean", SOUK_TYPE_BOOL},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (is_name(name, kinds[i].name)) {
            return kinds[i].kind;
        }
    }
    return SOUK_TYPE_UNKNOWN;
}

static bool is_json_schema(const souk_reading *reading, const souk_form *map)
{
    souk_form_walk walk = souk_form_each(map);
    while (souk_form_next(&walk)) {
        const souk_form *key = walk.form;
        if (souk_form_next(&walk) && walk.form->type == SOUK_FORM_STRING &&
            souk_form_key_is(&reading->forms, key, "type")) {
            return true;
        }
    }
    return false;
}

souk_type souk_type_of(const souk_reading *reading, const souk_form *form)
{
    form = souk_form_bare(form);
    souk_type type = {.form = form, .optional = form->optional};
    souk_slice name = souk_form_name(&reading->forms, form);
    if (form->type == SOUK_FORM_NIL) {
        type.kind = SOUK_TYPE_NIL;
    } else if (name.len > 0) {
        type.optional = name.len > 1 && name.ptr[name.len - 1] == '?';
        name.len -= type.optional ? 1 : 0;
        type.kind = kind_of_name(name);
    } else if (form->type == SOUK_FORM_VECTOR) {
        type.args = souk_form_each(form);
        if (souk_form_next(&type.args)) {
            type.kind = kind_of_name(souk_form_name(&reading->forms, type.args.form));
        }
    } else if (form->type == SOUK_FORM_MAP) {
        type.kind = is_json_schema(reading, form) ? SOUK_TYPE_SCHEMA : SOUK_TYPE_MAP;
    }
    return type;
}

int souk_type_unknown(souk_reading *reading, const souk_form *form, const char *expected)
{
    souk_slice source = souk_excerpt(souk_form_source(&reading->forms, form));
    source.len = souk_slice_find(source, '\n');
    souk_diags_add_at(reading->diags, SOUK_WARNING, form->line, form->column,
                      "expected %s, got %.*s: any value is accepted here", expected,
                      SOUK_ARG(source));
    return SOUK_OK;
}

/* --- the kinds -------------------------------------------------------------------------------- */

static int write_map_of(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    souk_form_walk args = type->args;
    if (args.left != 2) {
        return souk_type_unknown(reading, type->form, "two types in [:map-of K V]");
    }
    souk_form_next(&args);
    souk_type_kind keys = souk_type_of(reading, args.form).kind;
    int kind = SOUK_OK;
    souk_jw_key_string(w, "type", SOUK_LIT("object"));
    if (keys == SOUK_TYPE_ENUM || keys == SOUK_TYPE_VAL || keys == SOUK_TYPE_AND) {
        souk_jw_key(w, SOUK_LIT("propertyNames"));
        kind = souk_type_write(reading, args.form, w, depth + 1);
    }
    souk_form_next(&args);
    souk_jw_key(w, SOUK_LIT("additionalProperties"));
    return kind == SOUK_OK ? souk_type_write(reading, args.form, w, depth + 1) : kind;
}

static int write_vector(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    souk_form_walk args = type->args;
    if (args.left > 1) {
        return souk_type_unknown(reading, type->form, "one type in [:vector T]");
    }
    souk_jw_key_string(w, "type", SOUK_LIT("array"));
    if (!souk_form_next(&args)) {
        return SOUK_OK;
    }
    souk_jw_key(w, SOUK_LIT("items"));
    return souk_type_write(reading, args.form, w, depth + 1);
}

static void write_sizes(souk_jw *w, int64_t count)
{
    souk_jw_key_int(w, "minItems", count);
    souk_jw_key_int(w, "maxItems", count);
}

static int write_types(souk_reading *reading, souk_form_walk types, souk_jw *w, unsigned depth)
{
    int kind = SOUK_OK;
    souk_jw_array(w);
    while (kind == SOUK_OK && souk_form_next(&types)) {
        kind = souk_type_write(reading, types.form, w, depth + 1);
    }
    souk_jw_end_array(w);
    return kind;
}

static int write_tuple(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    souk_jw_key_string(w, "type", SOUK_LIT("array"));
    int kind = SOUK_OK;
    if (type->args.left > 0) {
        souk_jw_key(w, SOUK_LIT("prefixItems"));
        kind = write_types(reading, type->args, w, depth);
    }
    write_sizes(w, (int64_t)type->args.left);
    return kind;
}

/*
 * [:array T [2 ?]]: two arrays of any number of T. Writes the keywords of the outermost dimension
 * that is left.
 */
static int write_dimensions(souk_reading *reading, const souk_form *item, souk_form_walk sizes,
                            souk_jw *w, unsigned depth)
{
    souk_jw_key_string(w, "type", SOUK_LIT("array"));
    if (depth >= SOUK_VALUE_TYPE_DEPTH) {
        return souk_reading_refuse(reading, item, "this type is nested deeper than %d",
                                   SOUK_VALUE_TYPE_DEPTH);
    }
    if (souk_form_next(&sizes) && sizes.form->type == SOUK_FORM_INTEGER) {
        souk_slice digits = souk_form_source(&reading->forms, sizes.form);
        if (digits.len > 9 || digits.ptr[0] < '0' || (digits.ptr[0] == '0' && digits.len > 1)) {
            souk_type_unknown(reading, sizes.form, "a size or ?");
        } else {
            souk_jw_key_raw(w, "minItems", digits);
            souk_jw_key_raw(w, "maxItems", digits);
        }
    } else if (sizes.form != NULL && !souk_form_named(&reading->forms, sizes.form, "?")) {
        souk_type_unknown(reading, sizes.form, "a size or ?");
    }
    souk_jw_key(w, SOUK_LIT("items"));
    if (sizes.left == 0) {
        return souk_type_write(reading, item, w, depth + 1);
    }
    souk_jw_object(w);
    int kind = write_dimensions(reading, item, sizes, w, depth + 1);
    souk_jw_end_object(w);
    return kind;
}

static int write_array(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    souk_form_walk args = type->args;
    souk_form_walk sizes = {NULL, 0, NULL};
    if (args.left < 1 || args.left > 2) {
        return souk_type_unknown(reading, type->form, "a type and sizes in [:array T [n ...]]");
    }
    souk_form_next(&args);
    const souk_form *item = args.form;
    if (souk_form_next(&args)) {
        if (args.form->type != SOUK_FORM_VECTOR) {
            return souk_type_unknown(reading, args.form, "a vector of sizes");
        }
        sizes = souk_form_each(args.form);
    }
    return write_dimensions(reading, item, sizes, w, depth);
}

static int write_union(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    if (type->args.left == 0) {
        return souk_type_unknown(reading, type->form, "types in [:union T ...]");
    }
    souk_jw_key(w, SOUK_LIT("anyOf"));
    return write_types(reading, type->args, w, depth);
}

/*
 * Writes [`inner` or null]; inner is written by its form, or by its keywords when only its `?` was
 * looked at.
 */
static int write_nullable(souk_reading *reading, const souk_form *form, const souk_type *type,
                          souk_jw *w, unsigned depth)
{
    int kind;
    souk_jw_key(w, SOUK_LIT("anyOf"));
    souk_jw_array(w);
    if (type == NULL) {
        kind = souk_type_write(reading, form, w, depth + 1);
    } else {
        souk_jw_object(w);
        kind = souk_type_write_keywords(reading, type, w, depth + 1);
        souk_jw_end_object(w);
    }
    souk_jw_object(w);
    souk_jw_key_string(w, "type", SOUK_LIT("null"));
    souk_jw_end_object(w);
    souk_jw_end_array(w);
    return kind;
}

static int write_optional(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    souk_form_walk args = type->args;
    if (args.left != 1) {
        return souk_type_unknown(reading, type->form, "one type in [:optional T]");
    }
    souk_form_next(&args);
    return write_nullable(reading, args.form, NULL, w, depth);
}

static int write_literals(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    souk_form_walk args = type->args;
    int kind = SOUK_OK;
    if (type->kind == SOUK_TYPE_VAL) {
        if (args.left != 1) {
            return souk_type_unknown(reading, type->form, "one value in [:val v]");
        }
        souk_form_next(&args);
        souk_jw_key(w, SOUK_LIT("const"));
        return souk_form_write_json(reading, args.form, w, 2 * depth + 2);
    }
    if (args.left == 0) {
        return souk_type_unknown(reading, type->form, "values in [:enum v ...]");
    }
    souk_jw_key(w, SOUK_LIT("enum"));
    souk_jw_array(w);
    while (kind == SOUK_OK && souk_form_next(&args)) {
        kind = souk_form_write_json(reading, args.form, w, 2 * depth + 2);
    }
    souk_jw_end_array(w);
    return kind;
}

static int write_json_schema(souk_reading *reading, const souk_type *type, souk_jw *w,
                             unsigned depth)
{
    souk_members members;
    if (!souk_members_reserve(reading, &members, type->form->size / 2)) {
        return SOUK_E_LIMIT;
    }
    int kind = souk_members_add_map(reading, &members, type->form);
    if (kind == SOUK_OK) {
        kind = souk_members_finish(reading, &members);
    }
    for (uint32_t i = 0; kind == SOUK_OK && i < members.count; i++) {
        if (!members.superseded[i]) {
            souk_jw_key(w, members.keys[i]);
            kind = souk_form_write_json(reading, members.values[i], w, 2 * depth + 1);
        }
    }
    return kind;
}

static void note(souk_reading *reading, const souk_form *form, const char *what)
{
    souk_diags_add_at(reading->diags, SOUK_NOTE, form->line, form->column,
                      "%s cannot be checked: any value is accepted here", what);
}

int souk_type_write_keywords(souk_reading *reading, const souk_type *type, souk_jw *w,
                             unsigned depth)
{
    static const char *const simple[] = {
        [SOUK_TYPE_NIL] = "null",     [SOUK_TYPE_BOOL] = "boolean",  [SOUK_TYPE_INT] = "integer",
        [SOUK_TYPE_FLOAT] = "number", [SOUK_TYPE_STRING] = "string",
    };
    switch (type->kind) {
    case SOUK_TYPE_UNKNOWN:
        return souk_type_unknown(reading, type->form, "a type");
    case SOUK_TYPE_ANY:
        return SOUK_OK;
    case SOUK_TYPE_NEVER:
        souk_jw_key_raw(w, "not", SOUK_LIT("{}"));
        return SOUK_OK;
    case SOUK_TYPE_NIL:
    case SOUK_TYPE_BOOL:
    case SOUK_TYPE_INT:
    case SOUK_TYPE_FLOAT:
    case SOUK_TYPE_STRING:
        souk_jw_key_string(w, "type", souk_slice_of(simple[type->kind]));
        return SOUK_OK;
    case SOUK_TYPE_VECTOR:
        return write_vector(reading, type, w, depth);
    case SOUK_TYPE_TUPLE:
        return write_tuple(reading, type, w, depth);
    case SOUK_TYPE_ARRAY:
        return write_array(reading, type, w, depth);
    case SOUK_TYPE_MAP:
        return souk_type_write_map(reading, type, w, depth);
    case SOUK_TYPE_MAP_OF:
        return write_map_of(reading, type, w, depth);
    case SOUK_TYPE_UNION:
        return write_union(reading, type, w, depth);
    case SOUK_TYPE_OPTIONAL:
        return write_optional(reading, type, w, depth);
    case SOUK_TYPE_ENUM:
    case SOUK_TYPE_VAL:
        return write_literals(reading, type, w, depth);
    case SOUK_TYPE_AND:
        return souk_type_write_and(reading, type, w, depth);
    case SOUK_TYPE_SCHEMA:
        return write_json_schema(reading, type, w, depth);
    case SOUK_TYPE_FN:
        note(reading, type->form, "a function");
        return SOUK_OK;
    case SOUK_TYPE_RESOURCE:
        note(reading, type->form, "a resource");
        return SOUK_OK;
    }
    return SOUK_OK;
}

int souk_type_write(souk_reading *reading, const souk_form *form, souk_jw *w, unsigned depth)
{
    if (depth >= SOUK_VALUE_TYPE_DEPTH) {
        return souk_reading_refuse(reading, form, "this type is nested deeper than %d",
                                   SOUK_VALUE_TYPE_DEPTH);
    }
    souk_type type = souk_type_of(reading, form);
    if (type.kind == SOUK_TYPE_NEVER && !type.optional) {
        souk_jw_bool(w, false);
        return SOUK_OK;
    }
    souk_jw_object(w);
    int kind = type.optional ? write_nullable(reading, form, &type, w, depth)
                             : souk_type_write_keywords(reading, &type, w, depth);
    souk_jw_end_object(w);
    return kind;
}

int souk_type_to_schema(souk_reading *reading, const souk_form *form, souk_slice *out)
{
    souk_jw w;
    souk_jw_init(&w, &reading->json);
    int kind = souk_type_write(reading, form, &w, 0);
    if (kind != SOUK_OK) {
        souk_buf_clear(&reading->json);
        return kind;
    }
    return souk_reading_take_json(reading, form, out);
}
