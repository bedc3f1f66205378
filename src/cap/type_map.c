#include "cap/typing.h"

#include "cap/chars.h"

/*
 * The entries of a map type, gathered before they are written: the last of several with one key
 * counts.
 */
typedef struct fields {
    souk_members members;
    bool *optional;
    const souk_form *others; /* the type of [:* T], or NULL */
} fields;

static bool type_is_optional(const souk_reading *reading, const souk_form *form)
{
    souk_type type = souk_type_of(reading, form);
    if (type.optional || type.kind == SOUK_TYPE_OPTIONAL) {
        return true;
    }
    while (type.kind == SOUK_TYPE_UNION && souk_form_next(&type.args)) {
        if (souk_type_of(reading, type.args.form).kind == SOUK_TYPE_NIL) {
            return true;
        }
    }
    return false;
}

static bool has_optional_comment(souk_slice text, size_t at)
{
    char c = souk_char_at(text, at);
    while (c == ' ' || c == '\t' || c == ',') {
        c = souk_char_at(text, ++at);
    }
    if (c != ';') {
        return false;
    }
    while (c == ' ' || c == '\t' || c == ';') {
        c = souk_char_at(text, ++at);
    }
    return souk_slice_starts_nocase(souk_slice_from(text, at), SOUK_LIT("optional"));
}

/* {:optional true} */
static bool says_optional(const souk_reading *reading, const souk_form *options)
{
    if (options->size != 2) {
        return false;
    }
    const souk_form *key = souk_form_first(options);
    return souk_form_key_is(&reading->forms, key, "optional") &&
           souk_form_after(key)->type == SOUK_FORM_TRUE;
}

static int add_brace_entries(souk_reading *reading, fields *f, const souk_form *map)
{
    uint32_t first = f->members.count;
    int kind = souk_members_add_map(reading, &f->members, map);
    for (uint32_t i = first; kind == SOUK_OK && i < f->members.count; i++) {
        const souk_form *type = f->members.values[i];
        f->optional[i] =
            type_is_optional(reading, type) || has_optional_comment(reading->forms.text, type->end);
    }
    return kind;
}

/* [:k T], [:k T ?], [:k {:optional true} T], [:* T] */
static int add_vector_entry(souk_reading *reading, fields *f, const souk_form *entry)
{
    static const char expected[] = "an entry such as [:key :string] or [:key :string ?]";
    if (entry->size < 2 || entry->size > 3) {
        return souk_type_unknown(reading, entry, expected);
    }
    const souk_form *key = souk_form_first(entry);
    const souk_form *second = souk_form_after(key);
    const souk_form *third = entry->size == 3 ? souk_form_after(second) : NULL;
    bool has_options = third != NULL && second->type == SOUK_FORM_MAP;
    bool has_mark = third != NULL && !has_options && souk_form_named(&reading->forms, third, "?");
    if (third != NULL && !has_options && !has_mark) {
        return souk_type_unknown(reading, entry, expected);
    }
    const souk_form *type = has_options ? third : second;
    if (souk_form_named(&reading->forms, key, "*")) {
        f->others = type;
        return SOUK_OK;
    }
    uint32_t at = f->members.count;
    int kind = souk_form_key(reading, key, &f->members.keys[at]);
    if (kind != SOUK_OK) {
        return kind;
    }
    f->members.values[at] = type;
    f->optional[at] = has_mark || (has_options && says_optional(reading, second)) ||
                      type_is_optional(reading, type);
    f->members.count++;
    return SOUK_OK;
}

static size_t count_entries(souk_form_walk entries)
{
    size_t count = 0;
    while (souk_form_next(&entries)) {
        count += entries.form->type == SOUK_FORM_MAP ? entries.form->size / 2 : 1;
    }
    return count;
}

static int collect_fields(souk_reading *reading, const souk_type *type, fields *f)
{
    bool is_brace_map = type->form->type == SOUK_FORM_MAP;
    size_t room = is_brace_map ? type->form->size / 2 : count_entries(type->args);
    f->others = NULL;
    f->optional = souk_arena_array(&reading->scratch, room, sizeof *f->optional);
    if (f->optional == NULL || !souk_members_reserve(reading, &f->members, room)) {
        return SOUK_E_LIMIT;
    }
    int kind = is_brace_map ? add_brace_entries(reading, f, type->form) : SOUK_OK;
    souk_form_walk entries = type->args;
    while (kind == SOUK_OK && souk_form_next(&entries)) {
        if (entries.form->type == SOUK_FORM_MAP) {
            kind = add_brace_entries(reading, f, entries.form);
        } else if (entries.form->type == SOUK_FORM_VECTOR) {
            kind = add_vector_entry(reading, f, entries.form);
        } else {
            kind = souk_type_unknown(reading, entries.form, "an entry such as [:key :string]");
        }
    }
    return kind == SOUK_OK ? souk_members_finish(reading, &f->members) : kind;
}

static int write_fields(souk_reading *reading, const fields *f, souk_jw *w, unsigned depth)
{
    int kind = SOUK_OK;
    bool any_required = false;
    souk_jw_key(w, SOUK_LIT("properties"));
    souk_jw_object(w);
    for (uint32_t i = 0; kind == SOUK_OK && i < f->members.count; i++) {
        if (!f->members.superseded[i]) {
            any_required = any_required || !f->optional[i];
            souk_jw_key(w, f->members.keys[i]);
            kind = souk_type_write(reading, f->members.values[i], w, depth + 1);
        }
    }
    souk_jw_end_object(w);
    if (!any_required) {
        return kind;
    }
    souk_jw_key(w, SOUK_LIT("required"));
    souk_jw_array(w);
    for (uint32_t i = 0; i < f->members.count; i++) {
        if (!f->members.superseded[i] && !f->optional[i]) {
            souk_jw_string(w, f->members.keys[i]);
        }
    }
    souk_jw_end_array(w);
    return kind;
}

int souk_type_write_map(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    fields f;
    int kind = collect_fields(reading, type, &f);
    souk_jw_key_string(w, "type", SOUK_LIT("object"));
    if (kind == SOUK_OK && f.members.count > 0) {
        kind = write_fields(reading, &f, w, depth);
    }
    if (kind == SOUK_OK && f.others != NULL) {
        souk_jw_key(w, SOUK_LIT("additionalProperties"));
        kind = souk_type_write(reading, f.others, w, depth + 1);
    }
    return kind;
}
