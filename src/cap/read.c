#include "cap/read.h"

#include <string.h>

#include "cap/capability.h"
#include "cap/chars.h"

enum {
    DEFAULT_TEXT = 16 * 1024 * 1024,
    DEFAULT_DEPTH = 128,
    DEFAULT_FORMS = 4 * 1024 * 1024,
    DEFAULT_CAPABILITIES = 100 * 1000,
    DEFAULT_DIAGNOSTICS = 1000,
    FIRST_CAPACITY = 8,
    /*
     * Behind an error, text is read a second time from the next line on. So often may the whole
     * text be read again; then reading goes on behind the error, so that no file costs more than
     * its length times this.
     */
    REREADS = 8
};

typedef struct reader {
    souk_cap_file *file;
    souk_cap_limits limits;
    souk_reading reading;
    souk_lexer lexer;
    size_t reread_left; /* bytes */
    size_t last_error;  /* offset + 1 of the syntax error that was reported last; 0: none yet */
    bool recovering;    /* what comes may be the rest of a broken form */
    bool full;          /* as many capabilities as are allowed */
} reader;

static size_t limit_or(size_t limit, size_t otherwise)
{
    return limit == 0 ? otherwise : limit;
}

static souk_cap_limits with_defaults(const souk_cap_limits *given)
{
    souk_cap_limits limits = {0};
    if (given != NULL) {
        limits = *given;
    }
    limits.text = limit_or(limits.text, DEFAULT_TEXT);
    limits.text = limits.text < UINT32_MAX ? limits.text : UINT32_MAX - 1;
    limits.depth = limits.depth == 0 ? DEFAULT_DEPTH : limits.depth;
    limits.forms = limit_or(limits.forms, DEFAULT_FORMS);
    limits.capabilities = limit_or(limits.capabilities, DEFAULT_CAPABILITIES);
    limits.diagnostics = limit_or(limits.diagnostics, DEFAULT_DIAGNOSTICS);
    return limits;
}

/* --- shapes of files -------------------------------------------------------------------------- */

static int keep(reader *r, souk_manifest *manifest)
{
    souk_cap_file *file = r->file;
    if (file->count == file->cap) {
        size_t cap = file->cap == 0 ? FIRST_CAPACITY : file->cap * 2;
        souk_manifest **items =
            souk_resize_array(file->alloc, file->manifests, cap, sizeof(souk_manifest *));
        if (items == NULL) {
            souk_manifest_unref(manifest);
            return SOUK_E_LIMIT;
        }
        file->manifests = items;
        file->cap = cap;
    }
    file->manifests[file->count++] = manifest;
    return SOUK_OK;
}

/*
 * Loads one capability, a list or the map of a module. SOUK_E_FILE: it is broken, and was reported.
 */
static int load(reader *r, const souk_form *form)
{
    souk_reading *reading = &r->reading;
    if (r->file->count >= r->limits.capabilities) {
        r->full = true;
        souk_diags_add_at(reading->diags, SOUK_ERROR, form->line, form->column,
                          "more than %zu capabilities: the rest is not read",
                          r->limits.capabilities);
        return SOUK_OK;
    }
    souk_manifest *manifest = NULL;
    souk_diags_enter(reading->diags, souk_slice_make(NULL, 0), form->line, form->column);
    int kind = form->type == SOUK_FORM_MAP ? souk_capability_from_entry(reading, form, &manifest)
                                           : souk_capability_from_list(reading, form, &manifest);
    souk_diags_enter(reading->diags, souk_slice_make(NULL, 0), 0, 0);
    souk_arena_free(&reading->scratch);
    return kind == SOUK_OK ? keep(r, manifest) : kind;
}

/*
 * A capability was refused. If it lacks a bracket (and another form has one too many), it has
 * swallowed its neighbours: they begin in its own column, and load.
 */
static int load_swallowed(reader *r, const souk_form *refused)
{
    const souk_form *end = souk_form_after(refused);
    int kind = SOUK_OK;
    for (const souk_form *form = refused + 1; kind == SOUK_OK && !r->full && form < end; form++) {
        if (form->column == refused->column &&
            souk_form_is_call(&r->reading.forms, form, "capability")) {
            kind = load(r, form);
            kind = kind == SOUK_E_FILE ? SOUK_OK : kind;
            form += form->span - 1;
        }
    }
    return kind;
}

static int load_modules(reader *r, const souk_form *entries)
{
    const souk_forms *forms = &r->reading.forms;
    int kind = SOUK_OK;
    souk_form_walk walk = souk_form_each(entries);
    while (kind == SOUK_OK && !r->full && souk_form_next(&walk)) {
        const souk_form *entry = souk_form_bare(walk.form);
        if (entry->type == SOUK_FORM_MAP || souk_form_is_call(forms, entry, "capability")) {
            kind = load(r, entry);
        } else {
            kind =
                souk_reading_refuse(&r->reading, entry, "expected a map with a :capability, got %s",
                                    souk_form_type_name(entry));
        }
        kind = kind == SOUK_E_FILE ? SOUK_OK : kind;
    }
    return kind;
}

/* The vector behind :capabilities of a module's map, or NULL. */
static const souk_form *find_entries(const reader *r, const souk_form *module)
{
    souk_form_walk walk = souk_form_each(module);
    while (module->type == SOUK_FORM_MAP && souk_form_next(&walk)) {
        const souk_form *key = walk.form;
        if (souk_form_next(&walk) && walk.form->type == SOUK_FORM_VECTOR &&
            souk_form_key_is(&r->reading.forms, key, "capabilities")) {
            return walk.form;
        }
    }
    return NULL;
}

static void skip(reader *r, const souk_form *form, const char *what)
{
    if (!r->recovering) {
        souk_diags_add_at(r->reading.diags, SOUK_NOTE, form->line, form->column, "%s: skipped",
                          what);
    }
}

static int handle(reader *r, const souk_form *form);

static int handle_children(reader *r, const souk_form *list)
{
    int kind = SOUK_OK;
    souk_form_walk walk = souk_form_each(list);
    souk_form_next(&walk); /* the head */
    while (kind == SOUK_OK && !r->full && souk_form_next(&walk)) {
        kind = handle(r, walk.form);
    }
    return kind;
}

static int handle_definition(reader *r, const souk_form *list)
{
    if (list->size != 3) {
        skip(r, list, "a definition without capabilities");
        return SOUK_OK;
    }
    const souk_form *name = souk_form_after(souk_form_first(list));
    const souk_form *value = souk_form_bare(souk_form_after(name));
    const souk_form *entries = find_entries(r, value);
    if (entries != NULL) {
        return load_modules(r, entries);
    }
    if (souk_form_is_call(&r->reading.forms, value, "capability")) {
        return handle(r, value);
    }
    skip(r, list, "a definition without capabilities");
    return SOUK_OK;
}

/* One form of the top level, or of a (do ...). */
static int handle(reader *r, const souk_form *form)
{
    const souk_forms *forms = &r->reading.forms;
    form = souk_form_bare(form);
    if (souk_form_is_call(forms, form, "capability")) {
        int kind = load(r, form);
        return kind == SOUK_E_FILE ? load_swallowed(r, form) : kind;
    }
    if (souk_form_is_call(forms, form, "do")) {
        return handle_children(r, form);
    }
    if (souk_form_is_call(forms, form, "def")) {
        return handle_definition(r, form);
    }
    skip(r, form,
         souk_form_is_call(forms, form, "server") ? "the description of a server"
                                                  : "no capability");
    return SOUK_OK;
}

/* --- errors, and going on behind them --------------------------------------------------------- */

/* True when the top-level form, which need not be complete, is of a shape that is read here. */
static bool has_known_head(const souk_forms *forms)
{
    static const char *const heads[] = {"capability", "do", "def", "server"};
    if (forms->count < 2 || forms->items[0].type != SOUK_FORM_LIST ||
        forms->items[1].type != SOUK_FORM_SYMBOL) {
        return false;
    }
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (souk_form_named(forms, &forms->items[1], heads[i])) {
            return true;
        }
    }
    return false;
}

/*
 * The id of a capability that was not read to its end, as it stands in the source; empty when there
 * is none.
 */
static souk_slice broken_id(const souk_forms *forms)
{
    if (forms->count < 3 || !has_known_head(forms) ||
        !souk_form_named(forms, &forms->items[1], "capability") ||
        forms->items[2].type != SOUK_FORM_STRING) {
        return souk_slice_make(NULL, 0);
    }
    souk_slice source = souk_form_source(forms, &forms->items[2]);
    return souk_slice_make(source.ptr + 1, source.len - 2);
}

static bool is_closing(char c)
{
    return c == ')' || c == ']' || c == '}';
}

/*
 * Reports a syntax error unless it only repeats what was reported: a place that was read a second
 * time, a bracket that a broken form has left over, or a piece of such a form.
 */
static void report(reader *r, const souk_err *err)
{
    const souk_forms *forms = &r->reading.forms;
    bool is_left_over = forms->count == 0 && r->last_error > 0 &&
                        is_closing(souk_char_at(forms->text, err->offset));
    bool is_piece = r->recovering && !has_known_head(forms);
    if (err->offset + 1 != r->last_error && !is_left_over && !is_piece) {
        souk_diags_enter(r->reading.diags, souk_excerpt(broken_id(forms)), err->line, err->column);
        souk_diags_add(r->reading.diags, SOUK_ERROR, "%s", err->message);
        souk_diags_enter(r->reading.diags, souk_slice_make(NULL, 0), 0, 0);
        r->last_error = err->offset + 1;
    }
}

/* The line that starts at `at` begins with `(capability` in that column. */
static bool starts_capability(souk_slice text, size_t at, unsigned column)
{
    size_t indent = 0;
    while (souk_char_at(text, at + indent) == ' ' || souk_char_at(text, at + indent) == '\t') {
        indent++;
    }
    size_t len = souk_match_shape(text, at + indent, "(capability");
    return len > 0 && indent + 1 == column &&
           !souk_char_is(souk_char_at(text, at + indent + len), SOUK_CHAR_REST);
}

/*
 * Looks for a line behind `from` (on line number `line`) where reading can go on, and seeks it: one
 * that starts with '(', or with `(capability` in the given column. False when there is none.
 */
static bool seek_restart(reader *r, size_t from, unsigned line, unsigned column)
{
    souk_slice text = r->reading.forms.text;
    for (size_t at = from; at < text.len;) {
        at += souk_slice_find(souk_slice_from(text, at), '\n') + 1;
        line++;
        if (souk_char_at(text, at) == '(' || starts_capability(text, at, column)) {
            souk_lexer_seek(&r->lexer, at, line);
            return true;
        }
    }
    return false;
}

/*
 * The column in which the neighbours of what was broken begin: its own, or that of the forms in a
 * (do ...).
 */
static unsigned neighbour_column(const souk_forms *forms)
{
    if (forms->count == 0) {
        return 1;
    }
    bool is_do =
        forms->count > 2 && has_known_head(forms) && souk_form_named(forms, &forms->items[1], "do");
    return is_do ? forms->items[2].column : forms->items[0].column;
}

/* Behind a syntax error. False when there is nothing left to read. */
static bool go_on(reader *r, const souk_err *err)
{
    const souk_forms *forms = &r->reading.forms;
    size_t reached = r->lexer.at;
    size_t from = forms->count > 0 ? forms->items[0].begin : err->offset;
    unsigned line = forms->count > 0 ? forms->items[0].line : err->line;
    size_t again = reached > from ? reached - from : 0;
    r->recovering = true;
    if (again > r->reread_left) {
        return seek_restart(r, reached, r->lexer.line, neighbour_column(forms));
    }
    r->reread_left -= again;
    return seek_restart(r, from, line, neighbour_column(forms));
}

/* --- the whole -------------------------------------------------------------------------------- */

static int read_all(reader *r)
{
    souk_reading *reading = &r->reading;
    souk_err err;
    while (!r->full) {
        int kind = souk_forms_read(&reading->forms, &r->lexer, &err);
        bool is_memory = kind == SOUK_E_LIMIT && err.line == 0;
        if (is_memory) {
            return kind;
        }
        if (kind != SOUK_OK) {
            report(r, &err);
            if (!go_on(r, &err)) {
                break;
            }
            continue;
        }
        if (reading->forms.count == 0) {
            break;
        }
        kind = handle(r, &reading->forms.items[0]);
        if (kind != SOUK_OK) {
            return kind;
        }
        r->recovering = r->recovering && !has_known_head(&reading->forms);
    }
    return reading->diags->failed ? SOUK_E_LIMIT : SOUK_OK;
}

int souk_cap_read(const souk_alloc *alloc, souk_slice file_name, souk_slice text,
                  const souk_cap_limits *limits, souk_cap_file *file, souk_err *err)
{
    reader r = {.file = file, .limits = with_defaults(limits)};
    memset(file, 0, sizeof *file);
    file->alloc = alloc;
    if (text.len > r.limits.text) {
        return souk_fail(err, SOUK_E_LIMIT, "%.*s is larger than %zu bytes",
                         SOUK_ARG(souk_excerpt(file_name)), r.limits.text);
    }
    souk_diags_init(&file->diags, alloc, file_name, r.limits.diagnostics);
    souk_reading_init(&r.reading, alloc, &file->diags);
    souk_forms_init(&r.reading.forms, alloc, text, r.limits.forms, r.limits.depth);
    souk_lexer_init(&r.lexer, text);
    r.reread_left = text.len <= SIZE_MAX / REREADS ? text.len * REREADS : SIZE_MAX;

    int kind = read_all(&r);
    souk_reading_free(&r.reading);
    if (kind != SOUK_OK) {
        souk_cap_file_free(file);
        return souk_fail_memory(err);
    }
    return SOUK_OK;
}

void souk_cap_file_free(souk_cap_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        souk_manifest_unref(file->manifests[i]);
    }
    if (file->alloc != NULL) {
        souk_free(file->alloc, file->manifests);
    }
    souk_diags_free(&file->diags);
    memset(file, 0, sizeof *file);
}
