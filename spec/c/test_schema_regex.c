/* Regular expressions of `pattern`: what they match, what they refuse, and that no pattern
 * explodes. */
#include "schema/regex.h"

#include "base/utf8.h"
#include "failing_alloc.h"
#include "tap.h"

static const size_t plenty = 10 * 1000 * 1000;

/* 1 when the pattern matches, 0 when not, negative when it does not compile or hits a limit. */
static int matches(const char *pattern, souk_slice text)
{
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    size_t budget = 100000;
    size_t steps = plenty;
    souk_regex *regex;
    bool found = false;
    souk_err err;
    int result = souk_regex_compile(&arena, souk_slice_of(pattern), &budget, &regex, &err);
    if (result == SOUK_OK) {
        result = souk_regex_search(regex, text, souk_alloc_libc(), &steps, &found);
    } else {
        CHECK(regex == NULL && err.message[0] != '\0');
    }
    souk_arena_free(&arena);
    return result != SOUK_OK ? result : found;
}

typedef struct row {
    const char *pattern;
    const char *text;
    int expected;
} row;

static void check_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int got = matches(rows[i].pattern, souk_slice_of(rows[i].text));
        if (got != rows[i].expected) {
            printf("# /%s/ on \"%s\": expected %d, got %d\n", rows[i].pattern, rows[i].text,
                   rows[i].expected, got);
            CHECK(false);
        }
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void a_pattern_is_searched_for_anywhere_unless_it_is_anchored(void)
{
    static const row rows[] = {
        {"", "", 1},          {"", "abc", 1},       {"b", "abc", 1},        {"^b", "abc", 0},
        {"^a", "abc", 1},     {"c$", "abc", 1},     {"b$", "abc", 0},       {"^abc$", "abc", 1},
        {"^abc$", "abcd", 0}, {"^$", "", 1},        {"^$", "a", 0},         {"$^", "", 1},
        {"a^b", "ab", 0},     {"^a$", "a\n", 0},    {"^b$", "a\nb", 0},     {"(^a)", "ba", 0},
        {"^a|b", "cb", 1},    {"^a|b", "ca", 0},    {"(?:^|-)x", "a-x", 1}, {"(?:^|-)x", "ax", 0},
        {"a|b|", "zzz", 1},   {"^(|a)$", "a", 1},   {"^(a|)$", "", 1},      {"x*", "", 1},
        {"^(?:)$", "", 1},    {"^a(?:)b$", "ab", 1}};
    CHECK_ROWS(rows);
}

static void quantifiers_count(void)
{
    static const row rows[] = {{"^a*$", "aaaa", 1},         {"^a+$", "", 0},
                               {"^a?$", "aa", 0},           {"^a{2}$", "aa", 1},
                               {"^a{2}$", "a", 0},          {"^a{2}$", "aaa", 0},
                               {"^a{2,}$", "a", 0},         {"^a{2,}$", "aaaaa", 1},
                               {"^a{2,4}$", "aaaa", 1},     {"^a{2,4}$", "aaaaa", 0},
                               {"^a{0}$", "", 1},           {"^a{0}$", "a", 0},
                               {"^a{0,1}$", "a", 1},        {"^(ab){2}$", "abab", 1},
                               {"^(ab){2}$", "aba", 0},     {"^(a|bc){1,2}$", "bca", 1},
                               {"^(a{2}){2}$", "aaaa", 1},  {"^(a*)*$", "aaa", 1},
                               {"^(a*)+$", "b", 0},         {"^(a?){3}$", "aa", 1},
                               {"^(|a)+$", "aaa", 1},       {"^a*?b$", "aab", 1},
                               {"^a+?$", "aa", 1},          {"^a??$", "a", 1},
                               {"^a{1,2}?$", "aa", 1},      {"^(a{0}b)*$", "bb", 1},
                               {"^[a-z]{1,63}$", "abc", 1}, {"^(?:(){9}a)$", "a", 1}};
    CHECK_ROWS(rows);
}

static void classes_hold_ranges_sets_and_escapes(void)
{
    static const row rows[] = {{"^[abc]$", "b", 1},
                               {"^[abc]$", "d", 0},
                               {"^[^abc]$", "d", 1},
                               {"^[^abc]$", "a", 0},
                               {"^[a-f0-9]+$", "09af", 1},
                               {"^[a-f0-9]+$", "g", 0},
                               {"^[-a]+$", "a-", 1},
                               {"^[a-]+$", "-a", 1},
                               {"^[\\w-.]+$", "a-.", 1},
                               {"^[a-\\d]+$", "a-7", 1},
                               {"^[a-\\d]$", "b", 0},
                               {"^[\\s\\S]$", "\n", 1},
                               {"^[]$", "a", 0},
                               {"[]", "", 0},
                               {"^[^]$", "a", 1},
                               {"^[\\]\\\\]+$", "]\\", 1},
                               {"^[\\b]$", "\b", 1},
                               {"^[.*+]+$", "*.+", 1},
                               {"^[$^]+$", "^$", 1},
                               {"^[a^]$", "^", 1},
                               {"^[\\x41-\\u0043]+$", "ABC", 1},
                               {"^[a-ca-d]$", "d", 1},
                               {"^[\\D]$", "x", 1},
                               {"^[^\\D]$", "x", 0},
                               {"^[^\\W_]$", "_", 0},
                               {"^[^\\W_]$", "a", 1},
                               {"^[a-]-]$", "a-]", 1}};
    CHECK_ROWS(rows);
}

static void escapes_mean_what_ecma_262_says(void)
{
    static const row rows[] = {{"^\\d+$", "0123456789", 1},
                               {"^\\d$", "a", 0},
                               {"^\\d$", "\xD9\xA3", 0},
                               {"^\\D$", "a", 1},
                               {"^\\w+$", "aZ_09", 1},
                               {"^\\w$", "-", 0},
                               {"^\\w$", "\xC3\xA9", 0},
                               {"^\\W$", "\xC3\xA9", 1},
                               {"^\\s+$", " \t\n\v\f\r", 1},
                               {"^\\s$", "\xC2\xA0", 1},
                               {"^\\s$", "\xEF\xBB\xBF", 1},
                               {"^\\s$", "\xE2\x80\x83", 1},
                               {"^\\s$", "\xE2\x80\xA9", 1},
                               {"^\\S$", "\xE2\x80\xA9", 0},
                               {"^\\s$", "\xE2\x80\x8B", 0},
                               {"^\\t\\n\\v\\f\\r$", "\t\n\v\f\r", 1},
                               {"^\\cA$", "\x01", 1},
                               {"^\\cj$", "\n", 1},
                               {"^\\x41$", "A", 1},
                               {"^\\u0041$", "A", 1},
                               {"^\\u{41}$", "A", 1},
                               {"^\\u{1F600}$", "\xF0\x9F\x98\x80", 1},
                               {"^\\uD83D\\uDE00$", "\xF0\x9F\x98\x80", 1},
                               {"^\\.$", ".", 1},
                               {"^\\.$", "a", 0},
                               {"^\\/\\-\\@\\_$", "/-@_", 1},
                               {"^a{$", "a{", 1},
                               {"^a{,3}$", "a{,3}", 1},
                               {"^{a}$", "{a}", 1},
                               {"^a]$", "a]", 1},
                               {"\\bfoo\\b", "a foo b", 1},
                               {"\\bfoo\\b", "afoo", 0},
                               {"\\Bo", "foo", 1},
                               {"^\\Bx", "x", 0},
                               {"\\b", "", 0},
                               {"\\B", "", 1}};
    CHECK_ROWS(rows);
}

static void characters_are_code_points(void)
{
    static const row rows[] = {{"^.$", "\xC3\xA9", 1},
                               {"^.$", "\xF0\x9F\x98\x80", 1},
                               {"^..$", "\xF0\x9F\x98\x80", 0},
                               {"^.$", "\n", 0},
                               {"^.$", "\xE2\x80\xA8", 0},
                               {"^[\xC3\xA0-\xC3\xBF]+$", "\xC3\xA9\xC3\xA8", 1},
                               {"^\xC3\xA9+$", "\xC3\xA9\xC3\xA9", 1},
                               {"^[^a]$", "\xF0\x9F\x98\x80", 1},
                               {"^\xF0\x9F\x98\x80{2}$", "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 1}};
    CHECK_ROWS(rows);
    CHECK_INT(matches("^a\\0b$", SOUK_LIT("a\0b")), 1);
    CHECK_INT(matches("^.$", SOUK_LIT("\0")), 1);
}

static void patterns_of_real_schemas_work(void)
{
    static const row rows[] = {
        {"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "my-pod.v1", 1},
        {"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "-my", 0},
        {"^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})$",
         "2026-07-28T12:00:00.5+02:00", 1},
        {"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
         "deadbeef-1234-ffff-ffff-4321feebdaed", 1},
        {"^(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.(?!$)|$)){4}$", "1.2.3.4", SOUK_E_SCHEMA},
        {"^(?:(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)(?:\\.|$)){4}$", "192.168.0.255", 1},
        {"^(?<year>\\d{4})$", "2026", 1},
        {"^https?:\\/\\/[^\\s\\/$.?#].[^\\s]*$", "https://example.com/x", 1},
        {"^[\\s\\S]{0,2000}$", "any\ntext", 1}};
    CHECK_ROWS(rows);
}

static void what_is_wrong_or_not_supported_is_refused(void)
{
    static const char *const patterns[] = {"(",
                                           ")",
                                           "a)",
                                           "(a",
                                           "[a",
                                           "[z-a]",
                                           "[",
                                           "*",
                                           "+a",
                                           "a**",
                                           "a{2}{3}",
                                           "^*",
                                           "\\b+",
                                           "a{3,2}",
                                           "\\",
                                           "(?=a)",
                                           "(?!a)",
                                           "(?<=a)",
                                           "(?<!a)",
                                           "(?i)a",
                                           "(?i:a)",
                                           "(a)\\1",
                                           "\\k<a>",
                                           "\\p{L}",
                                           "\\P{L}",
                                           "[\\p{L}]",
                                           "\\u12",
                                           "\\u{110000}",
                                           "\\u{}",
                                           "\\u{12",
                                           "\\x1",
                                           "\\A",
                                           "\\z",
                                           "\\c1",
                                           "(?<a",
                                           "|*",
                                           "[\\1]",
                                           "\\00",
                                           "a{99999}",
                                           "(a{200}){200}",
                                           "((((a{50}){50}){50}){50}){50}",
                                           "\xFF",
                                           "a{99999999999999999999}"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        int got = matches(patterns[i], SOUK_LIT("a"));
        if (got != SOUK_E_SCHEMA) {
            printf("# /%s/ was not refused: %d\n", patterns[i], got);
            CHECK(false);
        }
    }
}

static void a_refusal_says_what_and_where(void)
{
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    size_t budget = 100;
    souk_regex *regex;
    souk_err err;
    CHECK_INT(souk_regex_compile(&arena, SOUK_LIT("ab(?=c)"), &budget, &regex, &err),
              SOUK_E_SCHEMA);
    CHECK_TEXT(err.message, "lookaround is not supported (at byte 4)");
    CHECK_INT(budget, 100);
    souk_arena_free(&arena);
}

static void nested_groups_are_bounded(void)
{
    char pattern[2001];
    memset(pattern, '(', 1000);
    memset(pattern + 1000, ')', 1000);
    pattern[2000] = '\0';
    CHECK_INT(matches(pattern, SOUK_LIT("")), SOUK_E_SCHEMA);
}

static void a_class_has_a_bounded_number_of_ranges(void)
{
    char pattern[2000] = "[";
    size_t len = 1;
    for (unsigned c = 0x100; c < 0x100 + 2 * 300; c += 2) {
        char character[4];
        size_t size = souk_utf8_encode(c, character);
        memcpy(pattern + len, character, size);
        len += size;
    }
    memcpy(pattern + len, "]", 2);
    CHECK_INT(matches(pattern, SOUK_LIT("a")), SOUK_E_SCHEMA);
    memcpy(pattern + 1 + 2 * 200, "]", 2);
    CHECK_INT(matches(pattern, SOUK_LIT("\xC4\x80")), 1);
    CHECK_INT(matches(pattern, SOUK_LIT("\xC4\x81")), 0);
}

static void text_that_is_not_utf_8_does_no_harm(void)
{
    CHECK_INT(matches("^a..b$", SOUK_LIT("a\xC3\xFF"
                                         "b")),
              1);
}

static void patterns_share_one_budget(void)
{
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    size_t budget = 10;
    souk_regex *regex;
    CHECK_INT(souk_regex_compile(&arena, SOUK_LIT("abcde"), &budget, &regex, NULL), SOUK_OK);
    CHECK_INT(budget, 4);
    CHECK_INT(souk_regex_compile(&arena, SOUK_LIT("abcde"), &budget, &regex, NULL), SOUK_E_SCHEMA);
    CHECK_INT(budget, 4);
    souk_arena_free(&arena);
}

static void what_explodes_elsewhere_takes_few_steps_here(void)
{
    static const char *const patterns[] = {"^(a+)+$",     "^(a|a)*$", "^(a|aa)+$",
                                           "^(.*a){12}$", "(a*)*b",   "^(a?){50}a{50}$"};
    char text[1002];
    memset(text, 'a', 1000);
    memcpy(text + 1000, "!", 2);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        souk_arena arena;
        souk_arena_init(&arena, souk_alloc_libc());
        size_t budget = 1000;
        size_t steps = 1000 * 1000;
        souk_regex *regex;
        bool found;
        CHECK_INT(souk_regex_compile(&arena, souk_slice_of(patterns[i]), &budget, &regex, NULL),
                  SOUK_OK);
        CHECK_INT(souk_regex_search(regex, souk_slice_of(text), souk_alloc_libc(), &steps, &found),
                  SOUK_OK);
        CHECK(!found && steps > 500 * 1000);
        souk_arena_free(&arena);
    }
}

static void steps_are_bounded(void)
{
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    size_t budget = 1000;
    size_t steps = 5;
    souk_regex *regex;
    bool found = true;
    CHECK_INT(souk_regex_compile(&arena, SOUK_LIT("b"), &budget, &regex, NULL), SOUK_OK);
    CHECK_INT(souk_regex_search(regex, SOUK_LIT("aaaaaaaaaaaa"), souk_alloc_libc(), &steps, &found),
              SOUK_E_LIMIT);
    CHECK_INT(steps, 0);
    souk_arena_free(&arena);
}

static void every_allocation_may_fail(void)
{
    failing_alloc f;
    for (long n = 1;; n++) {
        failing_alloc_init(&f, n);
        souk_arena arena;
        souk_arena_init(&arena, &f.alloc);
        size_t budget = 10000;
        size_t steps = plenty;
        souk_regex *regex;
        bool found = false;
        souk_err err;
        souk_slice pattern = SOUK_LIT("^(?:[a-z]{300}|x|[^\\d]\\w+?){1,2}$");
        int result = souk_regex_compile(&arena, pattern, &budget, &regex, &err);
        if (result == SOUK_OK) {
            result = souk_regex_search(regex, SOUK_LIT("xx"), &f.alloc, &steps, &found);
        }
        CHECK(f.fired ? result == SOUK_E_LIMIT : found);
        souk_arena_free(&arena);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
}

int main(void)
{
    CASE(a_pattern_is_searched_for_anywhere_unless_it_is_anchored);
    CASE(quantifiers_count);
    CASE(classes_hold_ranges_sets_and_escapes);
    CASE(escapes_mean_what_ecma_262_says);
    CASE(characters_are_code_points);
    CASE(patterns_of_real_schemas_work);
    CASE(what_is_wrong_or_not_supported_is_refused);
    CASE(a_refusal_says_what_and_where);
    CASE(nested_groups_are_bounded);
    CASE(a_class_has_a_bounded_number_of_ranges);
    CASE(text_that_is_not_utf_8_does_no_harm);
    CASE(patterns_share_one_budget);
    CASE(what_explodes_elsewhere_takes_few_steps_here);
    CASE(steps_are_bounded);
    CASE(every_allocation_may_fail);
    return tap_done();
}
