#include "cap/typing.h"

/* The JSON Schema keywords that predicates need. */
typedef enum keyword {
    MINIMUM,
    MAXIMUM,
    EXCLUSIVE_MINIMUM,
    EXCLUSIVE_MAXIMUM,
    CONST,
    NOT,
    MIN_LENGTH,
    MAX_LENGTH,
    PATTERN,
    MIN_ITEMS,
    MAX_ITEMS,
    MIN_PROPERTIES,
    MAX_PROPERTIES,
    REQUIRED,
    KEYWORD_COUNT
} keyword;

static const char *const keyword_names[] = {
    [MINIMUM] = "minimum",
    [MAXIMUM] = "maximum",
    [EXCLUSIVE_MINIMUM] = "exclusiveMinimum",
    [EXCLUSIVE_MAXIMUM] = "exclusiveMaximum",
    [CONST] = "const",
    [NOT] = "not",
    [MIN_LENGTH] = "minLength",
    [MAX_LENGTH] = "maxLength",
    [PATTERN] = "pattern",
    [MIN_ITEMS] = "minItems",
    [MAX_ITEMS] = "maxItems",
    [MIN_PROPERTIES] = "minProperties",
    [MAX_PROPERTIES] = "maxProperties",
    [REQUIRED] = "required",
};

/* What a predicate takes. */
typedef enum argument {
    NOTHING,
    NUMBER,
    NUMBERS, /* two: a lower and an upper bound */
    SIZE,
    LITERAL,
    REGEX,
    KEY,
    KEYS
} argument;

typedef struct predicate {
    const char *name;
    argument takes;
    bool counts; /* elements or members, by what the type is; the keywords are those for arrays */
    keyword keywords[2];
    unsigned keyword_count;
} predicate;

static const predicate predicates[] = {
    {">", NUMBER, false, {EXCLUSIVE_MINIMUM}, 1},
    {">=", NUMBER, false, {MINIMUM}, 1},
    {"<", NUMBER, false, {EXCLUSIVE_MAXIMUM}, 1},
    {"<=", NUMBER, false, {MAXIMUM}, 1},
    {"=", LITERAL, false, {CONST}, 1},
    {"!=", LITERAL, false, {NOT}, 1},
    {"min-length", SIZE, false, {MIN_LENGTH}, 1},
    {"max-length", SIZE, false, {MAX_LENGTH}, 1},
    {"length", SIZE, false, {MIN_LENGTH, MAX_LENGTH}, 2},
    {"matches-regex", REGEX, false, {PATTERN}, 1},
    {"in-range", NUMBERS, false, {MINIMUM, MAXIMUM}, 2},
    {"min-count", SIZE, true, {MIN_ITEMS}, 1},
    {"max-count", SIZE, true, {MAX_ITEMS}, 1},
    {"count", SIZE, true, {MIN_ITEMS, MAX_ITEMS}, 2},
    {"non-empty", NOTHING, true, {MIN_ITEMS}, 1},
    {"has-key", KEY, false, {REQUIRED}, 1},
    {"required-keys", KEYS, false, {REQUIRED}, 1},
};

/* One keyword with the form of its value (NULL: the number 1). */
typedef struct facet {
    keyword keyword;
    argument takes;
    const souk_form *value;
} facet;

typedef struct facets {
    facet *items;
    size_t count;
} facets;

static const predicate *find_predicate(const souk_reading *reading, const souk_form *form)
{
    if (form->type != SOUK_FORM_VECTOR || form->size == 0) {
        return NULL;
    }
    souk_slice name = souk_form_name(&reading->forms, souk_form_first(form));
    for (size_t i = 0; i < sizeof predicates / sizeof predicates[0]; i++) {
        if (souk_slice_is(name, predicates[i].name)) {
            return &predicates[i];
        }
    }
    return NULL;
}

static bool is_number(const souk_form *form)
{
    return form->type == SOUK_FORM_INTEGER || form->type == SOUK_FORM_FLOAT;
}

static bool argument_fits(const souk_reading *reading, argument takes, const souk_form *form)
{
    switch (takes) {
    case NUMBER:
    case NUMBERS:
        return is_number(form);
    case SIZE:
        return form->type == SOUK_FORM_INTEGER &&
               souk_form_source(&reading->forms, form).ptr[0] != '-';
    case REGEX:
        return form->type == SOUK_FORM_STRING;
    case KEY:
        return form->type == SOUK_FORM_KEYWORD || form->type == SOUK_FORM_STRING;
    case KEYS:
        return form->type == SOUK_FORM_VECTOR;
    case LITERAL:
        return true;
    case NOTHING:
        return false;
    }
    return false;
}

/* The number of arguments and their types. */
static bool arguments_fit(const souk_reading *reading, const predicate *p, souk_form_walk args)
{
    size_t wanted = p->takes == NOTHING ? 0 : p->takes == NUMBERS ? 2 : 1;
    bool fit = args.left == wanted;
    while (fit && souk_form_next(&args)) {
        fit = argument_fits(reading, p->takes, args.form);
    }
    return fit;
}

/* Counting is length for strings, members for maps, elements for all else. */
static keyword keyword_for(keyword items, souk_type_kind base)
{
    bool least = items == MIN_ITEMS;
    switch (base) {
    case SOUK_TYPE_STRING:
        return least ? MIN_LENGTH : MAX_LENGTH;
    case SOUK_TYPE_MAP:
    case SOUK_TYPE_MAP_OF:
        return least ? MIN_PROPERTIES : MAX_PROPERTIES;
    default:
        return items;
    }
}

static void add_facets(const predicate *p, souk_form_walk args, souk_type_kind base, facets *f)
{
    for (unsigned i = 0; i < p->keyword_count; i++) {
        if (i == 0 || p->takes == NUMBERS) {
            souk_form_next(&args);
        }
        f->items[f->count++] = (facet){
            .keyword = p->counts ? keyword_for(p->keywords[i], base) : p->keywords[i],
            .takes = p->takes,
            .value = args.form,
        };
    }
}

static int collect_facets(souk_reading *reading, souk_form_walk forms, souk_type_kind base,
                          facets *f)
{
    f->count = 0;
    f->items = souk_arena_array(&reading->scratch, 2 * forms.left, sizeof *f->items);
    if (f->items == NULL) {
        return SOUK_E_LIMIT;
    }
    while (souk_form_next(&forms)) {
        const predicate *p = find_predicate(reading, forms.form);
        souk_form_walk args = souk_form_each(forms.form);
        if (p == NULL || !souk_form_next(&args) || !arguments_fit(reading, p, args)) {
            souk_type_unknown(reading, forms.form,
                              "a predicate such as [:>= 0] or [:max-length 80]");
            continue;
        }
        args.form = NULL;
        add_facets(p, args, base, f);
    }
    return SOUK_OK;
}

static int write_key(souk_reading *reading, const souk_form *form, souk_jw *w)
{
    souk_slice key;
    int kind = souk_form_key(reading, form, &key);
    if (kind == SOUK_OK) {
        souk_jw_string(w, key);
    }
    return kind;
}

static int write_keys(souk_reading *reading, const facet *f, souk_jw *w)
{
    int kind = SOUK_OK;
    souk_jw_array(w);
    if (f->takes == KEY) {
        kind = write_key(reading, f->value, w);
    } else {
        souk_form_walk keys = souk_form_each(f->value);
        while (kind == SOUK_OK && souk_form_next(&keys)) {
            kind = write_key(reading, keys.form, w);
        }
    }
    souk_jw_end_array(w);
    return kind;
}

static int write_facet(souk_reading *reading, const facet *f, souk_jw *w, unsigned depth)
{
    souk_jw_key(w, souk_slice_of(keyword_names[f->keyword]));
    if (f->value == NULL) {
        souk_jw_int(w, 1);
        return SOUK_OK;
    }
    if (f->keyword == REQUIRED) {
        return write_keys(reading, f, w);
    }
    if (f->keyword == NOT) {
        souk_jw_object(w);
        souk_jw_key(w, SOUK_LIT("const"));
        int kind = souk_form_write_json(reading, f->value, w, 2 * depth + 3);
        souk_jw_end_object(w);
        return kind;
    }
    return souk_form_write_json(reading, f->value, w, 2 * depth + 2);
}

/* Types whose keywords no predicate repeats stand beside the predicates, others in an allOf. */
static bool stands_beside(const souk_type *base)
{
    switch (base->kind) {
    case SOUK_TYPE_ANY:
    case SOUK_TYPE_BOOL:
    case SOUK_TYPE_INT:
    case SOUK_TYPE_FLOAT:
    case SOUK_TYPE_STRING:
    case SOUK_TYPE_VECTOR:
        return !base->optional;
    default:
        return false;
    }
}

/* A keyword that comes a second time goes into an allOf, where it says "also". */
static int write_repeated(souk_reading *reading, const facets *f, const bool *repeated, souk_jw *w,
                          unsigned depth)
{
    int kind = SOUK_OK;
    for (size_t i = 0; kind == SOUK_OK && i < f->count; i++) {
        if (repeated[i]) {
            souk_jw_object(w);
            kind = write_facet(reading, &f->items[i], w, depth + 1);
            souk_jw_end_object(w);
        }
    }
    return kind;
}

int souk_type_write_and(souk_reading *reading, const souk_type *type, souk_jw *w, unsigned depth)
{
    souk_form_walk args = type->args;
    if (!souk_form_next(&args)) {
        return souk_type_unknown(reading, type->form, "a type and predicates in [:and T pred ...]");
    }
    souk_type base = souk_type_of(reading, args.form);
    facets f;
    int kind = collect_facets(reading, args, base.kind, &f);
    bool *repeated = souk_arena_array(&reading->scratch, f.count, sizeof *repeated);
    if (kind != SOUK_OK || repeated == NULL) {
        return SOUK_E_LIMIT;
    }
    bool beside = stands_beside(&base);
    bool needs_all_of = !beside;
    bool written[KEYWORD_COUNT] = {false};
    if (beside) {
        kind = souk_type_write_keywords(reading, &base, w, depth);
    }
    for (size_t i = 0; kind == SOUK_OK && i < f.count; i++) {
        repeated[i] = written[f.items[i].keyword];
        needs_all_of = needs_all_of || repeated[i];
        if (!repeated[i]) {
            written[f.items[i].keyword] = true;
            kind = write_facet(reading, &f.items[i], w, depth);
        }
    }
    if (kind != SOUK_OK || !needs_all_of) {
        return kind;
    }
    souk_jw_key(w, SOUK_LIT("allOf"));
    souk_jw_array(w);
    kind = beside ? SOUK_OK : souk_type_write(reading, args.form, w, depth + 1);
    if (kind == SOUK_OK) {
        kind = write_repeated(reading, &f, repeated, w, depth);
    }
    souk_jw_end_array(w);
    return kind;
}
