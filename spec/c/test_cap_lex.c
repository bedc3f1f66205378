#include "cap_help.h"

#include "cap/chars.h"
#include "cap/lex.h"

/* Short names for the kinds of tokens, as a text with one letter each. */
static char letter(const souk_token *token)
{
    static const char atoms[] = {
        [SOUK_FORM_NIL] = 'n',       [SOUK_FORM_TRUE] = 't',    [SOUK_FORM_FALSE] = 'f',
        [SOUK_FORM_INTEGER] = 'i',   [SOUK_FORM_FLOAT] = 'd',   [SOUK_FORM_SPECIAL] = 'x',
        [SOUK_FORM_STRING] = 's',    [SOUK_FORM_KEYWORD] = 'k', [SOUK_FORM_SYMBOL] = 'y',
        [SOUK_FORM_TIMESTAMP] = 'T', [SOUK_FORM_UUID] = 'U',    [SOUK_FORM_RESOURCE] = 'R',
        [SOUK_FORM_LIST] = '(',      [SOUK_FORM_VECTOR] = '[',  [SOUK_FORM_MAP] = '{',
        [SOUK_FORM_FN] = '#',        [SOUK_FORM_QUASI] = '`',   [SOUK_FORM_UNQUOTE] = '~',
        [SOUK_FORM_SPLICE] = 'S',    [SOUK_FORM_DEREF] = '@',   [SOUK_FORM_META] = '^',
    };
    return token->kind == SOUK_TOKEN_CLOSE ? '.' : atoms[token->form];
}

/* The letters of all tokens, or the place and the message of an error. */
static void lexes(const char *text, const char *expected)
{
    char got[SOUK_MESSAGE_MAX + 32] = "";
    size_t len = 0;
    souk_lexer lexer;
    souk_token token;
    souk_err err;
    souk_lexer_init(&lexer, souk_slice_of(text));
    while (len < sizeof got - 1) {
        if (souk_lex(&lexer, &token, &err) != SOUK_OK) {
            snprintf(got, sizeof got, "%u:%u %s", err.line, err.column, err.message);
            break;
        }
        if (token.kind == SOUK_TOKEN_END) {
            break;
        }
        got[len++] = letter(&token);
    }
    if (!souk_slice_starts(souk_slice_of(got), souk_slice_of(expected)) ||
        (expected[0] == '\0' && got[0] != '\0')) {
        tap_fail(__FILE__, __LINE__, text);
        printf("#   got:  %s\n#   want: %s\n", got, expected);
    }
}

static void each_literal_of_the_grammar_is_one_token(void)
{
    lexes("nil true false", "ntf");
    lexes("nil? truex", "yy");
    lexes("0 -1 +23 007", "iiii");
    lexes("1.5 -0.25 +1.0e10 2.5E-3", "dddd");
    lexes("##Inf ##-Inf ##NaN", "xxx");
    lexes("\"\" \"a b\" \"two\nlines\"", "sss");
    lexes(":a :network.http :string? :min-length :=> :>= :a/b :*", "kkkkkkkk");
    lexes("a foo-bar + - <= map? a.b x/y $ % _ &", "yyyyyyyyyyyy");
    lexes("2025-10-24T09:02:22Z 2025-10-24T09:02:22.125Z", "TT");
    lexes("123e4567-e89b-12d3-a456-426614174000 abcdef01-e89b-12d3-a456-426614174000", "UU");
    lexes("abcdef01-e89b-12d3-a456-426614174000x", "y");
    lexes("resource://files/a?b=c#d)", "R.");
    lexes("#(a) `a ~a ~@a @a @:a ^{:a 1} b", "#y.`y~ySy@y@k^{ki.y");
}

static void a_colon_ends_a_name_unless_a_version_follows(void)
{
    lexes(":network:request", "kk");
    lexes(":tools:v1.2/fetch", "k");
    lexes(":tools:v1.2", "kk");
    lexes("tools:v2/a:b", "yk");
}

static void commas_are_white_space(void)
{
    lexes("{:a 1, :b 2,}", "{kiki.");
}

static void comments_are_skipped(void)
{
    lexes("1 ; two 3\n4", "ii");
    lexes(";;; only this", "");
    lexes("1 #| 2 |# 3", "ii");
    lexes("#| a #| b |# c |# d", "y");
    lexes("#|#|||#|#x", "y");
}

static void a_byte_order_mark_is_skipped(void)
{
    lexes("\xEF\xBB\xBF(a)", "(y.");
    lexes("a \xEF\xBB\xBF", "1:3 unexpected byte 0xEF");
}

static void errors_have_a_place_and_say_what_was_expected(void)
{
    lexes("a\n  \"b", "2:3 this string is not closed: expected \"");
    lexes("a\n#| b", "2:1 this block comment is not closed: expected |#");
    lexes("\"ab\\x\"", "1:4 unknown escape: expected");
    lexes("\"ab\\u12g4\"", "1:4 expected four hexadecimal digits");
    lexes("\"line\n \\q\"", "2:2 unknown escape");
    lexes("12a", "1:3 expected a space or a bracket behind this number");
    lexes("1.", "1:2 expected a space");
    lexes("1.5e", "1:4 expected a space");
    lexes("##Infinity", "1:6 expected a space");
    lexes(": a", "1:1 expected a name behind ':'");
    lexes("#x", "1:1 expected #( or #|");
    lexes("  'a", "1:3 unexpected '''");
    lexes("a\\b", "1:2 unexpected '\\'");
    lexes("\x01", "1:1 unexpected byte 0x01");
}

static void invalid_utf8_is_found_where_it_is(void)
{
    lexes("\"\xC3\xA4\xF0\x9F\x8C\x8D\"", "s");
    lexes("a\n\"x\xC3(\"", "2:3 invalid UTF-8");
    lexes("; x\n; \xC0\x80\na", "2:3 invalid UTF-8");
    lexes("\"\n\n \xED\xA0\x80\"", "3:2 invalid UTF-8");
}

static void a_nul_is_a_byte_like_others(void)
{
    souk_lexer lexer;
    souk_token token;
    souk_err err;
    souk_lexer_init(&lexer, SOUK_LIT("\"a\0b\" ; c\0d\n:e"));
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_OK);
    CHECK_INT(token.end - token.begin, 5);
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_OK);
    CHECK_INT(token.form, SOUK_FORM_KEYWORD);
    souk_lexer_init(&lexer, SOUK_LIT("a\0b"));
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_OK);
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_E_FILE);
    CHECK_TEXT(err.message, "unexpected byte 0x00: expected a form");
}

static void what_can_be_a_name_is_known(void)
{
    CHECK(souk_is_name(SOUK_LIT("network.http")));
    CHECK(souk_is_name(SOUK_LIT("tools:v1/a")));
    CHECK(!souk_is_name(SOUK_LIT("")));
    CHECK(!souk_is_name(SOUK_LIT("1a")));
    CHECK(!souk_is_name(SOUK_LIT("a b")));
    CHECK(!souk_is_name(SOUK_LIT("a:b")));
    CHECK(!souk_is_name(SOUK_LIT("&")));
    CHECK(!souk_is_name(SOUK_LIT("\xC3\xA4")));
}

static void reading_goes_on_behind_a_seek(void)
{
    souk_lexer lexer;
    souk_token token;
    souk_err err;
    souk_lexer_init(&lexer, SOUK_LIT("\"\xFF\n:b \xFF\n:c"));
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_E_FILE);
    CHECK_INT(err.offset, 1);
    souk_lexer_seek(&lexer, 3, 2);
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_OK);
    CHECK_INT(token.line, 2);
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_E_FILE);
    CHECK_INT(err.offset, 6);
    souk_lexer_seek(&lexer, 8, 3);
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_OK);
    CHECK_INT(token.column, 1);
    CHECK_INT(souk_lex(&lexer, &token, &err), SOUK_OK);
    CHECK_INT(token.kind, SOUK_TOKEN_END);
}

int main(void)
{
    CASE(each_literal_of_the_grammar_is_one_token);
    CASE(a_colon_ends_a_name_unless_a_version_follows);
    CASE(commas_are_white_space);
    CASE(comments_are_skipped);
    CASE(a_byte_order_mark_is_skipped);
    CASE(errors_have_a_place_and_say_what_was_expected);
    CASE(invalid_utf8_is_found_where_it_is);
    CASE(a_nul_is_a_byte_like_others);
    CASE(what_can_be_a_name_is_known);
    CASE(reading_goes_on_behind_a_seek);
    return tap_done();
}
