#include "json/read.h"

#include <stdlib.h>

#include "failing_alloc.h"
#include "json_help.h"
#include "tap.h"

static void values_of_every_type_are_read(void)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(
        &doc,
        SOUK_LIT(
            " {\"a\" : [ null,true,false,-12 , 1.5,\"x\",{}, []], \"b\":123456789012345678901 } "));
    const souk_jval *a = souk_json_get(root, "a");
    CHECK_INT(souk_json_type_of(root), SOUK_JSON_OBJECT);
    CHECK_INT(root->size, 2);
    CHECK_INT(root->as.span, 13);
    CHECK_INT(souk_json_type_of(a), SOUK_JSON_ARRAY);
    CHECK_INT(a->size, 8);
    static const souk_json_type types[] = {
        SOUK_JSON_NULL,   SOUK_JSON_BOOL,   SOUK_JSON_BOOL,   SOUK_JSON_INT,
        SOUK_JSON_DOUBLE, SOUK_JSON_STRING, SOUK_JSON_OBJECT, SOUK_JSON_ARRAY,
    };
    for (size_t i = 0; i < a->size; i++) {
        CHECK_INT(souk_json_type_of(souk_json_at(a, i)), types[i]);
    }
    CHECK(souk_json_is_true(souk_json_at(a, 1)));
    CHECK(!souk_json_is_true(souk_json_at(a, 2)));
    CHECK_INT(souk_json_at(a, 3)->as.integer, -12);
    CHECK(souk_json_at(a, 4)->as.number == 1.5);
    CHECK_SLICE(souk_json_digits(souk_json_get(root, "b")), "123456789012345678901");
    souk_json_doc_free(&doc);
}

static void every_value_knows_its_bytes(void)
{
    souk_json_doc doc;
    const souk_jval *root =
        help_read(&doc, SOUK_LIT(" { \"k\\n\" : [ 1, -2e3 ] , \"s\":\"\\u0041\"} "));
    CHECK_SLICE(souk_json_raw(&doc, root), "{ \"k\\n\" : [ 1, -2e3 ] , \"s\":\"\\u0041\"}");
    CHECK_SLICE(souk_json_raw(&doc, root + 1), "\"k\\n\"");
    CHECK_SLICE(souk_json_raw(&doc, root + 2), "[ 1, -2e3 ]");
    CHECK_SLICE(souk_json_raw(&doc, root + 4), "-2e3");
    CHECK_SLICE(souk_json_raw(&doc, souk_json_get(root, "s")), "\"\\u0041\"");
    souk_json_doc_free(&doc);
}

static void strings_without_escapes_point_into_the_text(void)
{
    souk_slice text = SOUK_LIT("[\"plain and long enough\",\"esc\\tape\"]");
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, text);
    CHECK(souk_json_at(root, 0)->as.text == text.ptr + 2);
    CHECK_SLICE(souk_json_string(souk_json_at(root, 1)), "esc\tape");
    souk_json_doc_free(&doc);
}

static void lone_scalars_are_documents(void)
{
    CHECK_REWRITES("null", "null");
    CHECK_REWRITES(" true ", "true");
    CHECK_REWRITES("-7", "-7");
    CHECK_REWRITES("\"\"", "\"\"");
}

static void an_error_says_what_was_expected_and_what_was_found(void)
{
    CHECK_REJECTS("", "expected a value, found the end of the text", 1, 1);
    CHECK_REJECTS("  \n ", "expected a value, found the end of the text", 2, 2);
    CHECK_REJECTS("[", "expected a value or ']', found the end of the text", 1, 2);
    CHECK_REJECTS("[1", "expected ',' or ']' after an element, found the end of the text", 1, 3);
    CHECK_REJECTS("[1 2]", "expected ',' or ']' after an element, found '2'", 1, 4);
    CHECK_REJECTS("[1,]", "expected a value, found ']'", 1, 4);
    CHECK_REJECTS("[,1]", "expected a value or ']', found ','", 1, 2);
    CHECK_REJECTS("[1}", "expected ',' or ']' after an element, found '}'", 1, 3);
    CHECK_REJECTS("{", "expected a key or '}', found the end of the text", 1, 2);
    CHECK_REJECTS("{a:1}", "expected a key or '}', found 'a'", 1, 2);
    CHECK_REJECTS("{\"a\" 1}", "expected ':' after a key, found '1'", 1, 6);
    CHECK_REJECTS("{\"a\":}", "expected a value, found '}'", 1, 6);
    CHECK_REJECTS("{\"a\":1,}", "expected a key, found '}'", 1, 8);
    CHECK_REJECTS("{\"a\":1;", "expected ',' or '}' after a member, found ';'", 1, 7);
    CHECK_REJECTS("{\"a\":1]", "expected ',' or '}' after a member, found ']'", 1, 7);
    CHECK_REJECTS("[]\n[]", "expected nothing after the value, found '['", 2, 1);
    CHECK_REJECTS("// no", "expected a value, found '//'", 1, 1);
    CHECK_REJECTS("[\n  tru\n]", "expected a value or ']', found 'tru'", 2, 3);
    CHECK_REJECTS("[NaN]", "expected a value or ']', found 'NaN'", 1, 2);
    CHECK_REJECTS("\xEF\xBB\xBF[]", "expected a value, found '\\xEF'", 1, 1);
}

static void an_error_quotes_few_bytes_and_only_printable_ones(void)
{
    CHECK_REJECTS("Bearer-abcdefghijkl", "expected a value, found 'Bearer-a'", 1, 1);
    CHECK_REJECTS("\x01\x02", "expected a value, found '\\x01'", 1, 1);
    CHECK_REJECTS("a\x7F", "expected a value, found 'a'", 1, 1);
    souk_err err;
    CHECK_INT(help_result(souk_slice_make("[\0]", 3), NULL, &err), SOUK_E_PROTOCOL);
    CHECK_TEXT(err.message, "expected a value or ']', found '\\x00'");
    CHECK_INT(err.offset, 1);
}

static void columns_count_bytes_and_lines_count_line_feeds(void)
{
    souk_err err;
    CHECK_INT(help_result(SOUK_LIT("{\r\n\"\xC3\xA9\":1,\n\n \"b\" x}"), NULL, &err),
              SOUK_E_PROTOCOL);
    CHECK_INT(err.line, 4);
    CHECK_INT(err.column, 6);
    CHECK_INT(err.offset, 17);
    CHECK(!err.retryable);
}

static void only_the_four_white_space_characters_of_json_are_skipped(void)
{
    CHECK_REWRITES(" \t\r\n[ \t\r\n1 \t\r\n] \t\r\n", "[1]");
    CHECK_REJECTS("\f[]", "expected a value, found '\\x0C'", 1, 1);
    CHECK_REJECTS("\v[]", "expected a value, found '\\x0B'", 1, 1);
    CHECK_REJECTS("\xC2\xA0[]", "expected a value, found '\\xC2'", 1, 1);
}

/* `depth` arrays within one another. */
static char *nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

static int nested_result(size_t depth, unsigned limit)
{
    souk_json_limits limits = {.depth = limit};
    char *text = nested(depth);
    int result = help_result(souk_slice_of(text), &limits, NULL);
    free(text);
    return result;
}

static void nesting_has_a_limit(void)
{
    CHECK_INT(nested_result(128, 0), SOUK_OK);
    CHECK_INT(nested_result(129, 0), SOUK_E_LIMIT);
    CHECK_INT(nested_result(3, 3), SOUK_OK);
    CHECK_INT(nested_result(4, 3), SOUK_E_LIMIT);
    CHECK_INT(nested_result(SOUK_JSON_MAX_DEPTH, UINT32_MAX), SOUK_OK);
    CHECK_INT(nested_result(SOUK_JSON_MAX_DEPTH + 1, UINT32_MAX), SOUK_E_LIMIT);
    CHECK_INT(nested_result(100000, 0), SOUK_E_LIMIT);
    souk_json_limits limits = {.depth = 1};
    souk_err err;
    CHECK_INT(help_result(SOUK_LIT("[\n[]]"), &limits, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "nested deeper than 1");
    CHECK_INT(err.line, 2);
    CHECK_INT(help_result(SOUK_LIT("[1,2,3]"), &limits, NULL), SOUK_OK);
}

static void the_size_of_the_text_has_a_limit(void)
{
    souk_json_limits limits = {.text = 4};
    souk_err err;
    CHECK_INT(help_result(SOUK_LIT("[12]"), &limits, NULL), SOUK_OK);
    CHECK_INT(help_result(SOUK_LIT("[123]"), &limits, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "the text is larger than 4 bytes");
}

static void a_text_of_very_many_values_is_read(void)
{
    enum { COUNT = 200000 };
    char *text = malloc(2 * COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) {
        memcpy(text + 2 * i, i == 0 ? "[1" : ",1", 2);
    }
    text[2 * COUNT] = ']';
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, souk_slice_make(text, 2 * COUNT + 1));
    CHECK_INT(root->size, COUNT);
    CHECK_INT(root->as.span, COUNT + 1);
    CHECK_INT(souk_json_at(root, COUNT - 1)->as.integer, 1);
    souk_json_doc_free(&doc);
    free(text);
}

static void duplicate_keys_are_kept_or_refused_as_asked(void)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, SOUK_LIT("{\"a\":1,\"b\":2,\"a\":3}"));
    CHECK_INT(root->size, 3);
    CHECK_INT(souk_json_get(root, "a")->as.integer, 3);
    souk_json_doc_free(&doc);

    souk_json_limits strict = {.duplicates = SOUK_JSON_NO_DUPLICATES};
    souk_err err;
    CHECK_INT(help_result(SOUK_LIT("{\"a\":1,\"b\":2,\n\"a\":3,\"b\":4}"), &strict, &err),
              SOUK_E_PROTOCOL);
    CHECK_TEXT(err.message, "the key occurs twice in its object");
    CHECK_INT(err.line, 2);
    CHECK_INT(err.column, 1);
    CHECK_INT(help_result(SOUK_LIT("{\"a\":1,\"\\u0061\":3}"), &strict, NULL), SOUK_E_PROTOCOL);
    CHECK_INT(help_result(SOUK_LIT("{\"\":1,\"\":3}"), &strict, NULL), SOUK_E_PROTOCOL);
    CHECK_INT(help_result(SOUK_LIT("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}"), &strict, NULL),
              SOUK_OK);
}

/* {"k0":0,"k1":0,...}, and one key more. */
static int many_keys_result(unsigned count, const char *last, souk_err *err)
{
    souk_buf text;
    souk_buf_init(&text, souk_alloc_libc(), SIZE_MAX);
    for (unsigned i = 0; i < count; i++) {
        souk_buf_addf(&text, "%s\"k%u\":[{}]", i == 0 ? "{" : ",", i);
    }
    souk_buf_addf(&text, ",\n%s:0}", last);
    souk_json_limits strict = {.duplicates = SOUK_JSON_NO_DUPLICATES};
    int result = help_result(souk_buf_slice(&text), &strict, err);
    souk_buf_free(&text);
    return result;
}

static void duplicates_are_found_among_any_number_of_keys(void)
{
    static const unsigned counts[] = {1, 2, 15, 16, 17, 31, 32, 33, 1000, 100000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        char last[32];
        souk_err err;
        CHECK_INT(many_keys_result(counts[i], "\"k\"", NULL), SOUK_OK);
        snprintf(last, sizeof last, "\"k%u\"", counts[i] / 2);
        CHECK_INT(many_keys_result(counts[i], last, &err), SOUK_E_PROTOCOL);
        CHECK_INT(err.line, 2);
        CHECK_INT(err.column, 1);
    }
}

static void the_document_can_take_the_text(void)
{
    souk_buf text;
    souk_buf_init(&text, souk_alloc_libc(), 1000);
    souk_buf_add_text(&text, "{\"key\":\"a string that is part of the text\"}");
    souk_json_doc doc;
    souk_json_doc moved;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_json_doc_init(&moved, souk_alloc_libc());
    CHECK_INT(souk_json_read_take(&doc, &text, NULL, NULL), SOUK_OK);
    CHECK_INT(text.len, 0);
    const souk_jval *value = souk_json_get(doc.root, "key");
    souk_json_doc_move(&moved, &doc);
    CHECK(doc.root == NULL && doc.tape == NULL && doc.owned.data == NULL);
    CHECK(souk_json_get(moved.root, "key") == value);
    CHECK_SLICE(souk_json_string(value), "a string that is part of the text");
    souk_json_doc_free(&moved);
    souk_json_doc_free(&moved);
    souk_json_doc_free(&doc);

    souk_buf_add_text(&text, "[oops]");
    CHECK_INT(souk_json_read_take(&doc, &text, NULL, NULL), SOUK_E_PROTOCOL);
    CHECK_INT(text.len, 0);
    souk_buf_free(&text);
}

static void a_document_can_be_read_into_again(void)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    CHECK_INT(souk_json_read(&doc, SOUK_LIT("[\"\\n\"]"), NULL, NULL), SOUK_OK);
    CHECK_INT(souk_json_read(&doc, SOUK_LIT("{}"), NULL, NULL), SOUK_OK);
    CHECK_INT(souk_json_type_of(doc.root), SOUK_JSON_OBJECT);
    CHECK_INT(souk_json_read(&doc, SOUK_LIT("{"), NULL, NULL), SOUK_E_PROTOCOL);
    CHECK(doc.root == NULL);
    souk_json_doc_free(&doc);
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    souk_slice text = SOUK_LIT("{\"a\":\"\\n\",\"b\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
                               "1,1,1,1,1,1,1,1,1,1,1,1,1],"
                               "\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,"
                               "\"k\":0,\"l\":0,\"m\":0,\"n\":0,"
                               "\"o\":0,\"p\":0,\"q\":0,\"r\":0}");
    souk_json_limits strict = {.duplicates = SOUK_JSON_NO_DUPLICATES};
    bool fired = true;
    for (long n = 1; fired; n++) {
        failing_alloc f;
        failing_alloc_init(&f, n);
        souk_json_doc doc;
        souk_err err;
        souk_json_doc_init(&doc, &f.alloc);
        int result = souk_json_read(&doc, text, &strict, &err);
        if (result != SOUK_OK) {
            CHECK_INT(result, SOUK_E_LIMIT);
            CHECK_TEXT(err.message, "out of memory");
            CHECK_INT(f.live, 0);
        }
        souk_json_doc_free(&doc);
        CHECK_INT(f.live, 0);
        fired = f.fired;
        CHECK(fired || n > 4);
    }
}

int main(void)
{
    CASE(values_of_every_type_are_read);
    CASE(every_value_knows_its_bytes);
    CASE(strings_without_escapes_point_into_the_text);
    CASE(lone_scalars_are_documents);
    CASE(an_error_says_what_was_expected_and_what_was_found);
    CASE(an_error_quotes_few_bytes_and_only_printable_ones);
    CASE(columns_count_bytes_and_lines_count_line_feeds);
    CASE(only_the_four_white_space_characters_of_json_are_skipped);
    CASE(nesting_has_a_limit);
    CASE(the_size_of_the_text_has_a_limit);
    CASE(a_text_of_very_many_values_is_read);
    CASE(duplicate_keys_are_kept_or_refused_as_asked);
    CASE(duplicates_are_found_among_any_number_of_keys);
    CASE(the_document_can_take_the_text);
    CASE(a_document_can_be_read_into_again);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
