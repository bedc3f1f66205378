/*
 * Pattern text -> tree. The grammar is that of ECMA-262 section 21.2.1, with the leniencies that
 * regex.h names.
 */
#include <string.h>

#include "schema/regex_cursor.h"
#include "schema/regex_program.h"

enum {
    MAX_DEPTH = 100,    /* nested groups */
    MAX_COUNT = 1000000 /* larger numbers in {n,m} are read as this one: far past SOUK_REGEX_MAX */
};

typedef struct parser {
    souk_regex_cursor at;
    unsigned depth;
    souk_arena *arena;
    souk_arena *scratch;
    souk_charset_builder
        set; /* of the class at hand; not local, because groups are parsed in groups */
} parser;

static void *fail(parser *p, const char *what)
{
    return souk_regex_fail(&p->at, what);
}

static void *fail_memory(parser *p)
{
    p->at.failed = souk_fail_memory(p->at.err);
    return NULL;
}

static char peek(const parser *p)
{
    return souk_regex_peek(&p->at, 0);
}

static bool accept(parser *p, const char *text)
{
    return souk_regex_accept(&p->at, text);
}

static bool at_end(const parser *p)
{
    return souk_regex_at_end(&p->at);
}

static bool has_failed(const parser *p)
{
    return p->at.failed != SOUK_OK;
}

/* --- parts of the tree --- */

static souk_regex_part *new_part(parser *p, souk_regex_kind kind, size_t size)
{
    souk_regex_part *part = souk_arena_array(p->scratch, 1, sizeof *part);
    if (part == NULL) {
        return fail_memory(p);
    }
    part->kind = kind;
    part->size = size;
    return part;
}

static souk_regex_part *new_character(parser *p, uint32_t character)
{
    souk_regex_part *part = new_part(p, SOUK_REGEX_CHAR, 1);
    if (part != NULL) {
        part->character = character;
    }
    return part;
}

static void clear_set(parser *p)
{
    p->set.count = 0;
    p->set.full = false;
}

/* A part that matches one character of p->set. */
static souk_regex_part *new_set(parser *p, bool negated)
{
    if (p->set.full || p->set.count >= SOUK_CHARSET_MAX) {
        return fail(p, "a character class has too many ranges");
    }
    souk_regex_part *part = new_part(p, SOUK_REGEX_SET, 1);
    if (part == NULL) {
        return NULL;
    }
    part->set = souk_charset_finish(p->arena, &p->set, negated);
    return part->set == NULL ? fail_memory(p) : part;
}

static souk_regex_part *new_named_set(parser *p, char name)
{
    clear_set(p);
    souk_charset_add_named(&p->set, name);
    return new_set(p, false);
}

/* Sizes stop growing when they are past every bound, so that they cannot overflow. */
static size_t size_sum(size_t a, size_t b)
{
    return a + b > SOUK_REGEX_MAX ? SOUK_REGEX_MAX + 1 : a + b;
}

static size_t size_times(size_t size, uint32_t count)
{
    return size != 0 && count > SOUK_REGEX_MAX / size ? SOUK_REGEX_MAX + 1 : size * count;
}

/* --- classes --- */

static bool is_set_escape(char c)
{
    return c != '\0' && strchr("dDwWsS", c) != NULL;
}

/* One end of a range: a character, or SOUK_REGEX_NOTHING when it was a set such as \d (now in
 * p->set), or on failure. */
static uint32_t take_class_atom(parser *p)
{
    if (!accept(p, "\\")) {
        return souk_regex_take_character(&p->at);
    }
    if (is_set_escape(peek(p))) {
        souk_charset_add_named(&p->set, peek(p));
        p->at.position++;
        return SOUK_REGEX_NOTHING;
    }
    if (accept(p, "b")) {
        return '\b';
    }
    return souk_regex_take_escaped(&p->at);
}

static void add_to_class(parser *p, uint32_t first, uint32_t last)
{
    if (first != SOUK_REGEX_NOTHING) {
        souk_charset_add(&p->set, first, last);
    }
}

/* One character, one set, or a range. */
static void take_class_range(parser *p)
{
    uint32_t first = take_class_atom(p);
    bool range = p->at.position + 1 < p->at.pattern.len && peek(p) == '-' &&
                 souk_regex_peek(&p->at, 1) != ']';
    if (!range || has_failed(p)) {
        add_to_class(p, first, first);
        return;
    }
    p->at.position++;
    uint32_t last = take_class_atom(p);
    if (first == SOUK_REGEX_NOTHING || last == SOUK_REGEX_NOTHING) { /* "\d-x" is no range */
        add_to_class(p, first, first);
        add_to_class(p, '-', '-');
        add_to_class(p, last, last);
    } else if (last < first) {
        fail(p, "a range in a class is out of order");
    } else {
        add_to_class(p, first, last);
    }
}

/* Behind the '['. */
static souk_regex_part *parse_class(parser *p)
{
    clear_set(p);
    bool negated = accept(p, "^");
    while (!accept(p, "]")) {
        if (at_end(p)) {
            return fail(p, "']' is missing");
        }
        take_class_range(p);
        if (has_failed(p)) {
            return NULL;
        }
    }
    return new_set(p, negated);
}

/* --- terms --- */

static souk_regex_part *parse_choice(parser *p);

/* Behind the '('. */
static souk_regex_part *parse_group(parser *p)
{
    if (accept(p, "?")) {
        if (accept(p, "<") && peek(p) != '=' && peek(p) != '!') {
            while (!at_end(p) && peek(p) != '>') {
                p->at.position++; /* a name, which nothing can refer to */
            }
            if (!accept(p, ">")) {
                return fail(p, "'>' is missing");
            }
        } else if (!accept(p, ":")) {
            return fail(p, peek(p) == '=' || peek(p) == '!'
                               ? "lookaround is not supported"
                               : "this kind of group is not supported");
        }
    }
    if (p->depth == MAX_DEPTH) {
        return fail(p, "groups are nested too deep");
    }
    p->depth++;
    souk_regex_part *inside = parse_choice(p);
    p->depth--;
    if (inside != NULL && !accept(p, ")")) {
        return fail(p, "')' is missing");
    }
    return inside;
}

static souk_regex_part *parse_escape(parser *p)
{
    char name = peek(p);
    if (is_set_escape(name)) {
        p->at.position++;
        return new_named_set(p, name);
    }
    uint32_t character = souk_regex_take_escaped(&p->at);
    return has_failed(p) ? NULL : new_character(p, character);
}

/* ^ $ \b \B, or NULL when there is none here (or on failure). */
static souk_regex_part *parse_assertion(parser *p)
{
    if (accept(p, "^")) {
        return new_part(p, SOUK_REGEX_BEGIN, 1);
    }
    if (accept(p, "$")) {
        return new_part(p, SOUK_REGEX_END, 1);
    }
    if (accept(p, "\\b")) {
        return new_part(p, SOUK_REGEX_WORD, 1);
    }
    return accept(p, "\\B") ? new_part(p, SOUK_REGEX_NOT_WORD, 1) : NULL;
}

static uint32_t take_number(parser *p)
{
    uint32_t value = 0;
    while (souk_regex_is_digit(peek(p))) {
        value = value * 10 + (uint32_t)(peek(p) - '0');
        value = value > MAX_COUNT ? MAX_COUNT : value;
        p->at.position++;
    }
    return value;
}

/* {n}, {n,} or {n,m}; false, and nothing taken, when the brace is none of these. */
static bool take_braces(parser *p, uint32_t *min, uint32_t *max)
{
    size_t start = p->at.position;
    if (accept(p, "{") && souk_regex_is_digit(peek(p))) {
        *min = take_number(p);
        *max = *min;
        if (accept(p, ",")) {
            *max = souk_regex_is_digit(peek(p)) ? take_number(p) : SOUK_REGEX_NO_MAX;
        }
        if (accept(p, "}")) {
            return true;
        }
    }
    p->at.position = start;
    return false;
}

/* False when no quantifier is here. Whether it is lazy makes no difference to whether there is a
 * match. */
static bool take_quantifier(parser *p, uint32_t *min, uint32_t *max)
{
    *max = SOUK_REGEX_NO_MAX;
    if (accept(p, "*")) {
        *min = 0;
    } else if (accept(p, "+")) {
        *min = 1;
    } else if (accept(p, "?")) {
        *min = 0;
        *max = 1;
    } else if (!take_braces(p, min, max)) {
        return false;
    }
    (void)accept(p, "?");
    return true;
}

static souk_regex_part *parse_atom(parser *p)
{
    uint32_t ignored_min;
    uint32_t ignored_max;
    if (take_quantifier(p, &ignored_min, &ignored_max)) {
        return fail(p, "there is nothing to repeat");
    }
    if (accept(p, "(")) {
        return parse_group(p);
    }
    if (accept(p, "[")) {
        return parse_class(p);
    }
    if (accept(p, ".")) {
        return new_named_set(p, '.');
    }
    if (accept(p, "\\")) {
        return parse_escape(p);
    }
    return new_character(p, souk_regex_take_character(&p->at));
}

/* An atom with its quantifier. */
static souk_regex_part *parse_repeated(parser *p)
{
    souk_regex_part *atom = parse_atom(p);
    uint32_t min;
    uint32_t max;
    if (atom == NULL || !take_quantifier(p, &min, &max)) {
        return atom;
    }
    if (min > max) {
        return fail(p, "the numbers of a repetition are out of order");
    }
    souk_regex_part *part = new_part(p, SOUK_REGEX_REPEAT, 0);
    if (part == NULL || atom->size == 0) {
        return part; /* nothing, repeated */
    }
    part->child = atom;
    part->min = min;
    part->max = max;
    if (max == SOUK_REGEX_NO_MAX) {
        part->size = size_sum(size_times(atom->size, min == 0 ? 1 : min), min == 0 ? 2 : 1);
    } else {
        part->size = size_sum(size_times(atom->size, min), size_times(atom->size + 1, max - min));
    }
    return part;
}

static souk_regex_part *parse_sequence(parser *p)
{
    souk_regex_part *sequence = new_part(p, SOUK_REGEX_SEQUENCE, 0);
    souk_regex_part **tail = sequence == NULL ? NULL : &sequence->child;
    while (sequence != NULL && !at_end(p) && peek(p) != '|' && peek(p) != ')') {
        souk_regex_part *part = parse_assertion(p);
        if (part == NULL && !has_failed(p)) {
            part = parse_repeated(p);
        }
        if (part == NULL) {
            return NULL;
        }
        if (part->size == 0) {
            continue; /* parts that take no instruction would only cost time when an outer part is
                         repeated */
        }
        *tail = part;
        tail = &part->next;
        sequence->size = size_sum(sequence->size, part->size);
    }
    return sequence;
}

static souk_regex_part *parse_choice(parser *p)
{
    souk_regex_part *first = parse_sequence(p);
    if (first == NULL || peek(p) != '|') {
        return first;
    }
    souk_regex_part *choice = new_part(p, SOUK_REGEX_CHOICE, first->size);
    if (choice == NULL) {
        return NULL;
    }
    choice->child = first;
    souk_regex_part *last = first;
    while (accept(p, "|")) {
        last->next = parse_sequence(p);
        last = last->next;
        if (last == NULL) {
            return NULL;
        }
        choice->size = size_sum(choice->size, last->size + 2);
    }
    return choice;
}

int souk_regex_parse(souk_arena *arena, souk_arena *scratch, souk_slice pattern,
                     souk_regex_part **out, souk_err *err)
{
    parser p;
    memset(&p, 0, sizeof p);
    p.at.pattern = pattern;
    p.arena = arena;
    p.scratch = scratch;
    p.at.err = err;
    souk_regex_part *root = parse_choice(&p);
    if (root != NULL && !at_end(&p)) {
        root = fail(&p, "')' has no '('");
    }
    *out = root;
    return p.at.failed;
}
