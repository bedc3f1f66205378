/* Pattern text -> tree. The grammar is that of ECMA-262 section 21.2.1, with the leniencies that
 * regex.h names. */
#include <string.h>

#include "base/utf8.h"
#include "schema/regex_program.h"

enum {
    MAX_DEPTH = 100,     /* nested groups */
    MAX_COUNT = 1000000, /* larger numbers in {n,m} are read as this one: far past SOUK_REGEX_MAX */
    FIRST_SURROGATE = 0xD800,
    FIRST_LOW_SURROGATE = 0xDC00,
    LAST_SURROGATE = 0xDFFF
};

#define NOTHING UINT32_MAX /* no character */

typedef struct parser {
    souk_slice pattern;
    size_t at;
    unsigned depth;
    int failed; /* SOUK_OK until something is wrong */
    souk_arena *arena;
    souk_arena *scratch;
    souk_err *err;
    souk_charset_builder
        set; /* of the class at hand; here, because the parser's functions call themselves */
} parser;

static void *fail(parser *p, const char *what)
{
    if (p->failed == SOUK_OK) {
        p->failed = souk_fail(p->err, SOUK_E_SCHEMA, "%s (at byte %zu)", what, p->at);
    }
    return NULL;
}

static void *fail_memory(parser *p)
{
    p->failed = souk_fail_memory(p->err);
    return NULL;
}

/* --- characters --- */

static char peek_at(const parser *p, size_t ahead)
{
    return ahead < p->pattern.len - p->at ? p->pattern.ptr[p->at + ahead] : '\0';
}

static char peek(const parser *p)
{
    return peek_at(p, 0);
}

static bool at_end(const parser *p)
{
    return p->at == p->pattern.len;
}

static bool accept(parser *p, const char *text)
{
    if (!souk_slice_starts(souk_slice_from(p->pattern, p->at), souk_slice_of(text))) {
        return false;
    }
    p->at += strlen(text);
    return true;
}

static uint32_t take_character(parser *p)
{
    uint32_t character = NOTHING;
    p->at += souk_utf8_decode(souk_slice_from(p->pattern, p->at), &character);
    return character;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
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

/* --- escapes --- */

static uint32_t hex_value(const parser *p, size_t ahead, size_t digits)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = peek_at(p, ahead + i);
        if (is_digit(c)) {
            value = value * 16 + (uint32_t)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            value = value * 16 + (uint32_t)((c | 0x20) - 'a') + 10;
        } else {
            return NOTHING;
        }
    }
    return value;
}

/* \u{...}, behind the "u{". */
static uint32_t take_braced_hex(parser *p)
{
    size_t digits = 0;
    while (peek_at(p, digits) != '}' && digits < 8) {
        digits++;
    }
    uint32_t value = hex_value(p, 0, digits);
    if (digits == 0 || peek_at(p, digits) != '}' || value > SOUK_CODE_POINT_MAX) {
        fail(p, "\\u{ needs a code point and }");
        return NOTHING;
    }
    p->at += digits + 1;
    return value;
}

/* \uXXXX, behind the "u"; two of them may be a surrogate pair. */
static uint32_t take_unicode(parser *p)
{
    if (accept(p, "{")) {
        return take_braced_hex(p);
    }
    uint32_t value = hex_value(p, 0, 4);
    if (value == NOTHING) {
        fail(p, "\\u needs four hexadecimal digits");
        return NOTHING;
    }
    p->at += 4;
    if (value >= FIRST_SURROGATE && value < FIRST_LOW_SURROGATE && peek(p) == '\\' &&
        peek_at(p, 1) == 'u') {
        uint32_t low = hex_value(p, 2, 4);
        if (low >= FIRST_LOW_SURROGATE && low <= LAST_SURROGATE) {
            p->at += 6;
            return 0x10000 + ((value - FIRST_SURROGATE) << 10) + (low - FIRST_LOW_SURROGATE);
        }
    }
    return value;
}

/* The character that an escape stands for; behind the backslash. */
static uint32_t take_escaped(parser *p)
{
    static const char letters[] = "tnvfr";
    static const char meanings[] = "\t\n\v\f\r";
    char c = peek(p);
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    if (letter != NULL) {
        p->at++;
        return (uint32_t)meanings[letter - letters];
    }
    if (c == '0' && !is_digit(peek_at(p, 1))) {
        p->at++;
        return 0;
    }
    if (c == 'c' && is_letter(peek_at(p, 1))) {
        p->at += 2;
        return (uint32_t)p->pattern.ptr[p->at - 1] & 31;
    }
    if (c == 'x' && hex_value(p, 1, 2) != NOTHING) {
        uint32_t value = hex_value(p, 1, 2);
        p->at += 3;
        return value;
    }
    if (accept(p, "u")) {
        return take_unicode(p);
    }
    if (is_digit(c) || c == 'k') {
        fail(p, "backreferences are not supported");
    } else if (c == 'p' || c == 'P') {
        fail(p, "Unicode properties (\\p) are not supported");
    } else if (is_letter(c)) {
        fail(p, "this escape is not supported");
    } else if (at_end(p)) {
        fail(p, "a backslash needs a character behind it");
    }
    return p->failed != SOUK_OK ? NOTHING : take_character(p);
}

static bool is_set_escape(char c)
{
    return c != '\0' && strchr("dDwWsS", c) != NULL;
}

/* --- classes --- */

/* One end of a range: a character, or NOTHING when it was a set such as \d (now in p->set), or on
 * failure. */
static uint32_t take_class_atom(parser *p)
{
    if (!accept(p, "\\")) {
        return take_character(p);
    }
    if (is_set_escape(peek(p))) {
        souk_charset_add_named(&p->set, peek(p));
        p->at++;
        return NOTHING;
    }
    if (accept(p, "b")) {
        return '\b';
    }
    return take_escaped(p);
}

static void add_to_class(parser *p, uint32_t first, uint32_t last)
{
    if (first != NOTHING) {
        souk_charset_add(&p->set, first, last);
    }
}

/* One character, one set, or a range. */
static void take_class_range(parser *p)
{
    uint32_t first = take_class_atom(p);
    bool range = p->at + 1 < p->pattern.len && peek(p) == '-' && peek_at(p, 1) != ']';
    if (!range || p->failed != SOUK_OK) {
        add_to_class(p, first, first);
        return;
    }
    p->at++;
    uint32_t last = take_class_atom(p);
    if (first == NOTHING || last == NOTHING) { /* "\d-x" is no range */
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
        if (p->failed != SOUK_OK) {
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
                p->at++; /* a name, which nothing can refer to */
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
    if (is_set_escape(peek(p))) {
        p->at++;
        return new_named_set(p, p->pattern.ptr[p->at - 1]);
    }
    uint32_t character = take_escaped(p);
    return p->failed != SOUK_OK ? NULL : new_character(p, character);
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
    while (is_digit(peek(p))) {
        value = value * 10 + (uint32_t)(peek(p) - '0');
        value = value > MAX_COUNT ? MAX_COUNT : value;
        p->at++;
    }
    return value;
}

/* {n}, {n,} or {n,m}; false, and nothing taken, when the brace is none of these. */
static bool take_braces(parser *p, uint32_t *min, uint32_t *max)
{
    size_t start = p->at;
    if (accept(p, "{") && is_digit(peek(p))) {
        *min = take_number(p);
        *max = *min;
        if (accept(p, ",")) {
            *max = is_digit(peek(p)) ? take_number(p) : SOUK_REGEX_NO_MAX;
        }
        if (accept(p, "}")) {
            return true;
        }
    }
    p->at = start;
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
    return new_character(p, take_character(p));
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
        if (part == NULL && p->failed == SOUK_OK) {
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
    p.pattern = pattern;
    p.arena = arena;
    p.scratch = scratch;
    p.err = err;
    souk_regex_part *root = parse_choice(&p);
    if (root != NULL && !at_end(&p)) {
        root = fail(&p, "')' has no '('");
    }
    *out = root;
    return p.failed;
}
