#include "cap/form.h"

#include <string.h>

#include "base/utf8.h"
#include "cap/chars.h"

enum { FIRST_CAPACITY = 64 };

void souk_forms_init(souk_forms *forms, const souk_alloc *alloc, souk_slice text, size_t max,
                     unsigned depth)
{
    memset(forms, 0, sizeof *forms);
    forms->alloc = alloc;
    forms->text = text;
    forms->max = max < UINT32_MAX ? max : UINT32_MAX;
    forms->depth = depth < SOUK_FORM_DEPTH_MAX ? depth : SOUK_FORM_DEPTH_MAX;
}

void souk_forms_free(souk_forms *forms)
{
    if (forms->alloc == NULL) {
        return;
    }
    souk_free(forms->alloc, forms->items);
    souk_free(forms->alloc, forms->parents);
    memset(forms, 0, sizeof *forms);
}

/* --- parsing ---------------------------------------------------------------------------------- */

typedef struct parser {
    souk_forms *forms;
    souk_lexer *lexer;
    unsigned depth;       /* open forms: forms->parents[0..depth-1] */
    uint32_t last_closed; /* the form that the last closing bracket ended; 0 when that was no plain
                             one */
    souk_token token;
    souk_err *err;
} parser;

static int fail_here(const parser *p, int kind)
{
    return souk_err_at(p->err, kind, p->token.begin, p->token.line, p->token.column);
}

static int make_room(parser *p)
{
    souk_forms *forms = p->forms;
    if (forms->count < forms->cap) {
        return SOUK_OK;
    }
    size_t cap = forms->cap == 0 ? FIRST_CAPACITY : forms->cap * 2;
    souk_form *items = souk_resize_array(forms->alloc, forms->items, cap, sizeof *items);
    if (items == NULL) {
        return souk_fail_memory(p->err);
    }
    forms->items = items;
    forms->cap = cap;
    return SOUK_OK;
}

/* Appends a form for the token; counts it in its parent. */
static int append(parser *p)
{
    souk_forms *forms = p->forms;
    if (forms->count >= forms->max) {
        return fail_here(p,
                         souk_fail(p->err, SOUK_E_LIMIT, "more than %zu forms in one", forms->max));
    }
    int kind = make_room(p);
    if (kind != SOUK_OK) {
        return kind;
    }
    souk_form form = {
        .type = (uint8_t)p->token.form,
        .escaped = p->token.escaped,
        .span = 1,
        .begin = (uint32_t)p->token.begin,
        .end = (uint32_t)p->token.end,
        .line = p->token.line,
        .column = p->token.column,
    };
    if (p->depth > 0) {
        forms->items[forms->parents[p->depth - 1]].size++;
    }
    forms->items[forms->count++] = form;
    return SOUK_OK;
}

static int open_form(parser *p)
{
    if (p->depth >= p->forms->depth) {
        return fail_here(p,
                         souk_fail(p->err, SOUK_E_LIMIT, "nested deeper than %u", p->forms->depth));
    }
    int kind = append(p);
    if (kind == SOUK_OK) {
        p->forms->parents[p->depth++] = (uint32_t)(p->forms->count - 1);
    }
    return kind;
}

static uint32_t end_innermost(parser *p)
{
    uint32_t index = p->forms->parents[--p->depth];
    souk_form *form = &p->forms->items[index];
    form->span = (uint32_t)(p->forms->count - index);
    form->end = (uint32_t)p->token.end;
    return index;
}

/* How many forms a prefix stands before; 0 for what has a closing bracket. */
static uint32_t prefix_arity(const souk_form *form)
{
    switch ((souk_form_type)form->type) {
    case SOUK_FORM_QUASI:
    case SOUK_FORM_UNQUOTE:
    case SOUK_FORM_SPLICE:
    case SOUK_FORM_DEREF:
        return 1;
    case SOUK_FORM_META:
        return 2;
    default:
        return 0;
    }
}

/* A form has ended: so have the prefixes that waited for it. */
static void end_prefixes(parser *p)
{
    while (p->depth > 0) {
        const souk_form *prefix = &p->forms->items[p->forms->parents[p->depth - 1]];
        uint32_t arity = prefix_arity(prefix);
        if (arity == 0 || prefix->size < arity) {
            break;
        }
        end_innermost(p);
        p->last_closed = 0;
    }
}

static char closing_bracket(const souk_form *form)
{
    return form->type == SOUK_FORM_VECTOR ? ']' : form->type == SOUK_FORM_MAP ? '}' : ')';
}

static const souk_form *innermost(const parser *p)
{
    return &p->forms->items[p->forms->parents[p->depth - 1]];
}

/* The text has ended: the place to look at is the bracket that was opened last. */
static int fail_unclosed(const parser *p)
{
    const souk_form *form = innermost(p);
    int kind = prefix_arity(form) > 0
                   ? souk_fail(p->err, SOUK_E_FILE, "expected a form behind this prefix")
                   : souk_fail(p->err, SOUK_E_FILE, "this '%c' is never closed: expected '%c'",
                               p->forms->text.ptr[form->begin], closing_bracket(form));
    return souk_err_at(p->err, kind, form->begin, form->line, form->column);
}

static int fail_wrong_bracket(const parser *p, char bracket)
{
    const souk_form *form = innermost(p);
    if (prefix_arity(form) > 0) {
        return fail_here(
            p, souk_fail(p->err, SOUK_E_FILE, "unexpected '%c': expected a form", bracket));
    }
    return fail_here(p,
                     souk_fail(p->err, SOUK_E_FILE,
                               "unexpected '%c': expected '%c' for the '%c' at line %u, column %u",
                               bracket, closing_bracket(form), p->forms->text.ptr[form->begin],
                               form->line, form->column));
}

static int close_form(parser *p)
{
    char bracket = p->forms->text.ptr[p->token.begin];
    if (p->depth == 0) {
        return fail_here(p, souk_fail(p->err, SOUK_E_FILE, "this '%c' closes nothing", bracket));
    }
    if (prefix_arity(innermost(p)) > 0 || closing_bracket(innermost(p)) != bracket) {
        return fail_wrong_bracket(p, bracket);
    }
    p->last_closed = end_innermost(p);
    end_prefixes(p);
    return SOUK_OK;
}

/* `[...]?` and `{...}?`: the mark belongs to the type before it, as it does in `:string?`. */
static bool is_option_mark(const parser *p)
{
    const souk_forms *forms = p->forms;
    if (p->token.form != SOUK_FORM_SYMBOL || p->token.end - p->token.begin != 1 ||
        forms->text.ptr[p->token.begin] != '?' || p->last_closed == 0) {
        return false;
    }
    const souk_form *last = &forms->items[p->last_closed];
    return last->end == p->token.begin &&
           (last->type == SOUK_FORM_VECTOR || last->type == SOUK_FORM_MAP);
}

static int atom(parser *p)
{
    if (is_option_mark(p)) {
        souk_form *last = &p->forms->items[p->last_closed];
        last->optional = true;
        last->end = (uint32_t)p->token.end;
        return SOUK_OK;
    }
    int kind = append(p);
    end_prefixes(p);
    return kind;
}

/* The grammar allows only some forms behind @ and ^. */
static int check_prefix(const parser *p)
{
    if (p->depth == 0) {
        return SOUK_OK;
    }
    const souk_form *prefix = &p->forms->items[p->forms->parents[p->depth - 1]];
    bool is_name = p->token.kind == SOUK_TOKEN_ATOM &&
                   (p->token.form == SOUK_FORM_SYMBOL || p->token.form == SOUK_FORM_KEYWORD);
    bool is_map = p->token.kind == SOUK_TOKEN_OPEN && p->token.form == SOUK_FORM_MAP;
    if (prefix->type == SOUK_FORM_DEREF && !is_name) {
        return fail_here(p,
                         souk_fail(p->err, SOUK_E_FILE, "expected a symbol or keyword behind '@'"));
    }
    if (prefix->type == SOUK_FORM_META && prefix->size == 0 && !is_map) {
        return fail_here(p, souk_fail(p->err, SOUK_E_FILE, "expected a map behind '^'"));
    }
    return SOUK_OK;
}

static int step(parser *p)
{
    int kind = check_prefix(p);
    if (kind != SOUK_OK) {
        return kind;
    }
    switch (p->token.kind) {
    case SOUK_TOKEN_END:
        return p->depth > 0 ? fail_unclosed(p) : SOUK_OK;
    case SOUK_TOKEN_ATOM:
        return atom(p);
    case SOUK_TOKEN_OPEN:
    case SOUK_TOKEN_PREFIX:
        return open_form(p);
    case SOUK_TOKEN_CLOSE:
        return close_form(p);
    }
    return SOUK_OK;
}

int souk_forms_read(souk_forms *forms, souk_lexer *lexer, souk_err *err)
{
    parser p = {.forms = forms, .lexer = lexer, .err = err};
    forms->count = 0;
    if (forms->parents == NULL) {
        forms->parents = souk_new_array(forms->alloc, forms->depth, sizeof *forms->parents);
        if (forms->parents == NULL) {
            return souk_fail_memory(err);
        }
    }
    do {
        int kind = souk_lex(lexer, &p.token, err);
        if (kind == SOUK_OK) {
            kind = step(&p);
        }
        if (kind != SOUK_OK) {
            return kind;
        }
    } while (p.depth > 0);
    return SOUK_OK;
}

/* --- looking at forms ------------------------------------------------------------------------- */

const char *souk_form_type_name(const souk_form *form)
{
    static const char *const names[] = {
        [SOUK_FORM_NIL] = "nil",
        [SOUK_FORM_TRUE] = "a boolean",
        [SOUK_FORM_FALSE] = "a boolean",
        [SOUK_FORM_INTEGER] = "an integer",
        [SOUK_FORM_FLOAT] = "a float",
        [SOUK_FORM_SPECIAL] = "a float that is no number",
        [SOUK_FORM_STRING] = "a string",
        [SOUK_FORM_KEYWORD] = "a keyword",
        [SOUK_FORM_SYMBOL] = "a symbol",
        [SOUK_FORM_TIMESTAMP] = "a timestamp",
        [SOUK_FORM_UUID] = "a UUID",
        [SOUK_FORM_RESOURCE] = "a resource",
        [SOUK_FORM_LIST] = "a list",
        [SOUK_FORM_VECTOR] = "a vector",
        [SOUK_FORM_MAP] = "a map",
        [SOUK_FORM_FN] = "a function",
        [SOUK_FORM_QUASI] = "a quoted form",
        [SOUK_FORM_UNQUOTE] = "an unquoted form",
        [SOUK_FORM_SPLICE] = "an unquoted form",
        [SOUK_FORM_DEREF] = "a reference",
        [SOUK_FORM_META] = "a form with metadata",
    };
    return names[form->type];
}

bool souk_form_is(const souk_form *form, souk_form_type type)
{
    return form != NULL && form->type == (uint8_t)type;
}

const souk_form *souk_form_first(const souk_form *form)
{
    return form + 1;
}

const souk_form *souk_form_after(const souk_form *form)
{
    return form + form->span;
}

const souk_form *souk_form_bare(const souk_form *form)
{
    while (form->type == SOUK_FORM_META) {
        form = souk_form_after(souk_form_first(form));
    }
    return form;
}

souk_slice souk_form_source(const souk_forms *forms, const souk_form *form)
{
    return souk_slice_make(forms->text.ptr + form->begin, form->end - form->begin);
}

souk_slice souk_form_name(const souk_forms *forms, const souk_form *form)
{
    souk_slice source = souk_form_source(forms, form);
    if (form->type == SOUK_FORM_KEYWORD) {
        return souk_slice_from(source, 1);
    }
    return form->type == SOUK_FORM_SYMBOL ? source : souk_slice_make(NULL, 0);
}

bool souk_form_named(const souk_forms *forms, const souk_form *form, const char *name)
{
    return souk_slice_is(souk_form_name(forms, form), name);
}

bool souk_form_key_is(const souk_forms *forms, const souk_form *key, const char *word)
{
    souk_slice source = souk_form_source(forms, key);
    if (key->type == SOUK_FORM_STRING) {
        return souk_slice_is(souk_slice_make(source.ptr + 1, source.len - 2), word);
    }
    return souk_form_named(forms, key, word);
}

bool souk_form_is_call(const souk_forms *forms, const souk_form *form, const char *head)
{
    return form->type == SOUK_FORM_LIST && form->size > 0 &&
           souk_form_is(souk_form_first(form), SOUK_FORM_SYMBOL) &&
           souk_form_named(forms, souk_form_first(form), head);
}

souk_form_walk souk_form_each(const souk_form *form)
{
    souk_form_walk walk = {souk_form_first(form), form->size, NULL};
    return walk;
}

bool souk_form_next(souk_form_walk *walk)
{
    if (walk->left == 0) {
        return false;
    }
    walk->form = walk->next;
    walk->left--;
    walk->next = souk_form_after(walk->form);
    return true;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* The lexer has made sure of the digits. */
static uint32_t hex4(const char *digits)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = digits[i];
        uint32_t digit = c <= '9' ? (uint32_t)(c - '0') : (uint32_t)((c | 0x20) - 'a') + 10;
        value = value << 4 | digit;
    }
    return value;
}

/* Decodes \uXXXX, or a pair of them, at in[at]. Returns the bytes read; 0 for a lone surrogate. */
static size_t decode_unicode(souk_slice in, size_t at, uint32_t *code_point)
{
    uint32_t high = hex4(in.ptr + at + 2);
    *code_point = high;
    if (high < 0xD800 || high > 0xDFFF) {
        return 6;
    }
    if (high > 0xDBFF || souk_match_shape(in, at + 6, "\\uFFFF") == 0) {
        return 0;
    }
    uint32_t low = hex4(in.ptr + at + 8);
    if (low < 0xDC00 || low > 0xDFFF) {
        return 0;
    }
    *code_point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return 12;
}

/* Decodes `in` to `out`, which is large enough: no escape is shorter than what it stands for. */
static bool unescape(souk_slice in, char *out, size_t *len)
{
    size_t at = 0;
    *len = 0;
    while (at < in.len) {
        if (in.ptr[at] != '\\') {
            out[(*len)++] = in.ptr[at++];
        } else if (in.ptr[at + 1] != 'u') {
            out[(*len)++] = souk_escape_value(in.ptr[at + 1]);
            at += 2;
        } else {
            uint32_t code_point;
            size_t used = decode_unicode(in, at, &code_point);
            if (used == 0) {
                return false;
            }
            at += used;
            *len += souk_utf8_encode(code_point, out + *len);
        }
    }
    return true;
}

int souk_form_text(const souk_forms *forms, const souk_form *form, souk_arena *arena,
                   souk_slice *out, souk_err *err)
{
    *out = souk_form_source(forms, form);
    if (form->type != SOUK_FORM_STRING) {
        return SOUK_OK;
    }
    souk_slice inner = souk_slice_make(out->ptr + 1, out->len - 2);
    *out = inner;
    if (!form->escaped) {
        return SOUK_OK;
    }
    char *decoded = souk_arena_new(arena, inner.len);
    if (decoded == NULL) {
        return souk_fail_memory(err);
    }
    size_t len;
    if (!unescape(inner, decoded, &len)) {
        int kind = souk_fail(err, SOUK_E_FILE,
                             "this string has half of a surrogate pair (\\uD800 to \\uDFFF)");
        return souk_err_at(err, kind, form->begin, form->line, form->column);
    }
    *out = souk_slice_make(decoded, len);
    return SOUK_OK;
}
