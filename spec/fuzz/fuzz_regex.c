/*
 * Regular expressions of the schema room. An input is one byte, a pattern, a zero byte and a text.
 *
 * Odd first byte: the pattern is any text. It must compile or be refused, within bounds, and what
 * compiles must answer as its own variants do. Even first byte: the bytes choose a pattern from the
 * part of the syntax that ECMA-262 and POSIX share, and regexec is the second opinion.
 */
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "schema/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LONGEST_PATTERN = 2000,
    LONGEST_TEXT = 300,
    MAX_STEPS = 2000000,
    LONGEST_SHARED =
        24, /* regcomp takes exponential time for some patterns that are longer or deeper */
    MAX_NESTED = 2
};

static void demand(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* 1 when it matches, 0 when not, -1 when it does not compile or takes too many steps. */
static int matches(souk_slice pattern, souk_slice text)
{
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    size_t budget = 20000;
    size_t steps = MAX_STEPS;
    souk_regex *regex;
    souk_err err;
    bool found = false;
    int result = souk_regex_compile(&arena, pattern, &budget, &regex, &err);
    if (result == SOUK_OK) {
        result = souk_regex_search(regex, text, souk_alloc_libc(), &steps, &found);
        demand(result == SOUK_OK || (result == SOUK_E_LIMIT && steps == 0));
    } else {
        demand(result == SOUK_E_SCHEMA && regex == NULL && err.message[0] != '\0');
    }
    souk_arena_free(&arena);
    return result == SOUK_OK ? found : -1;
}

/* The pattern between `before` and `after`. */
static int matches_between(const char *before, souk_slice pattern, const char *after,
                           souk_slice text)
{
    char wrapped[LONGEST_PATTERN + 32];
    int len = snprintf(wrapped, sizeof wrapped, "%s", before);
    memcpy(wrapped + len, pattern.ptr, pattern.len);
    size_t used = (size_t)len + pattern.len;
    memcpy(wrapped + used, after, strlen(after));
    return matches(souk_slice_make(wrapped, used + strlen(after)), text);
}

static void demand_same(int a, int b)
{
    demand(a < 0 || b < 0 || a == b);
}

static void try_any_pattern(souk_slice pattern, souk_slice text)
{
    int plain = matches(pattern, text);
    if (!souk_utf8_valid(pattern, NULL)) {
        demand(plain == -1);
        return;
    }
    if (plain < 0) {
        return;
    }
    demand_same(plain, matches_between("(?:", pattern, ")", text));
    demand_same(plain, matches_between("(", pattern, "){1}", text));
    demand_same(plain, matches_between("(?:", pattern, ")+?", text));
    demand_same(plain, matches_between("[]|(?:", pattern, ")", text));
    demand_same(plain, matches_between("(?:", pattern, ")(?:x|y{0,2}|)", text));
    demand_same(1, matches_between("(?:", pattern, ")?", text));
    if (souk_utf8_valid(text, NULL)) {
        demand_same(plain, matches_between("^[\\s\\S]*(?:", pattern, ")[^]*$", text));
    }
    if (matches_between("^(?:", pattern, ")$", text) == 1) {
        demand(plain == 1);
    }
}

/* --- patterns that POSIX knows as well --- */

typedef struct generator {
    const uint8_t *data;
    size_t left;
    char pattern[LONGEST_PATTERN];
    size_t len;
} generator;

static unsigned choose(generator *g, unsigned count)
{
    if (g->left == 0) {
        return 0;
    }
    g->left--;
    return *g->data++ % count;
}

static void put(generator *g, const char *text)
{
    if (g->len + strlen(text) < sizeof g->pattern) {
        memcpy(g->pattern + g->len, text, strlen(text) + 1);
        g->len += strlen(text);
    }
}

static void put_choice(generator *g, unsigned depth);

static void put_term(generator *g, unsigned depth)
{
    static const char *const atoms[] = {"a", "b", "c", "d", ".", "[ab]", "[^a]", "[b-d]", "[^b-c]"};
    static const char *const counts[] = {"",  "",    "",      "*",    "+",
                                         "?", "{2}", "{0,2}", "{1,}", "{1,3}"};
    unsigned kind = choose(g, 12);
    if (depth == 0 && (kind == 9 || kind == 10)) { /* glibc is wrong about (^a){2} */
        put(g, kind == 9 ? "^" : "$");
        return;
    }
    if (kind == 11 && depth < MAX_NESTED) {
        put(g, "(");
        put_choice(g, depth + 1);
        put(g, ")");
    } else {
        put(g, atoms[kind % 9]);
    }
    put(g, counts[choose(g, sizeof counts / sizeof *counts)]);
}

static void put_choice(generator *g, unsigned depth)
{
    do {
        do {
            put_term(g, depth);
        } while (g->left > 0 && g->len < LONGEST_SHARED && choose(g, 3) != 0);
        if (g->left == 0 || g->len >= LONGEST_SHARED || choose(g, 3) != 0) {
            return;
        }
        put(g, "|");
    } while (true);
}

static void try_second_opinion(souk_slice choices, souk_slice bytes)
{
    generator g = {(const uint8_t *)choices.ptr, choices.len, {0}, 0};
    put_choice(&g, 0);
    char text[33];
    size_t len = bytes.len < 32 ? bytes.len : 32;
    for (size_t i = 0; i < len; i++) {
        text[i] = (char)('a' + (unsigned char)bytes.ptr[i] % 5);
    }
    text[len] = '\0';
    regex_t posix;
    if (regcomp(&posix, g.pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        return;
    }
    int expected = regexec(&posix, text, 0, NULL, 0) == 0;
    regfree(&posix);
    int got = matches(souk_slice_make(g.pattern, g.len), souk_slice_make(text, len));
    if (got >= 0 && got != expected) {
        (void)fprintf(stderr, "/%s/ on \"%s\": %d, POSIX says %d\n", g.pattern, text, got,
                      expected);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    souk_slice input = souk_slice_make((const char *)data + 1, size - 1);
    size_t split = souk_slice_find(input, '\0');
    souk_slice pattern =
        souk_slice_make(input.ptr, split < LONGEST_PATTERN ? split : LONGEST_PATTERN);
    souk_slice text = souk_slice_from(input, split + 1);
    text.len = text.len < LONGEST_TEXT ? text.len : LONGEST_TEXT;
    if (data[0] % 2 == 1) {
        try_any_pattern(pattern, text);
    } else {
        try_second_opinion(pattern, text);
    }
    return 0;
}
