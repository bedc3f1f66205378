/* Numbers and URIs, as the schema room compares and resolves them. */
#include "schema/number.h"
#include "schema/uri.h"
#include "tap.h"
#include "json/read.h"

/* Reads "[a, b]" and compares the two. */
static int compare(const char *json)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    CHECK_INT(souk_json_read(&doc, souk_slice_of(json), NULL, NULL), SOUK_OK);
    souk_number a = souk_number_of(souk_json_at(doc.root, 0));
    souk_number b = souk_number_of(souk_json_at(doc.root, 1));
    int order = souk_number_compare(&a, &b);
    CHECK_INT(souk_number_compare(&b, &a), -order);
    if (order == 0) {
        CHECK(souk_number_hash(&a, 7) == souk_number_hash(&b, 7));
    }
    souk_json_doc_free(&doc);
    return order;
}

static bool is_multiple(const char *json)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    CHECK_INT(souk_json_read(&doc, souk_slice_of(json), NULL, NULL), SOUK_OK);
    souk_number value = souk_number_of(souk_json_at(doc.root, 0));
    souk_number divisor = souk_number_of(souk_json_at(doc.root, 1));
    bool result = souk_number_is_multiple(&value, &divisor);
    souk_json_doc_free(&doc);
    return result;
}

static void integers_compare_exactly_past_2_to_the_53(void)
{
    CHECK_INT(compare("[9007199254740993, 9007199254740992]"), 1);
    CHECK_INT(compare("[9007199254740993, 9007199254740992.0]"), 1);
    CHECK_INT(compare("[9223372036854775807, 9223372036854775808]"), -1);
    CHECK_INT(compare("[9223372036854775807, 9.3e18]"), -1);
    CHECK_INT(compare("[-9223372036854775808, -9223372036854775809]"), 1);
    CHECK_INT(compare("[18446744073709551616, 18446744073709551617]"), -1);
    CHECK_INT(compare("[-18446744073709551616, -18446744073709551617]"), 1);
    CHECK_INT(compare("[123456789012345678901234567890, 123456789012345678901234567891]"), -1);
    CHECK_INT(compare("[99999999999999999999, 100000000000000000000]"), -1);
}

static void large_integers_equal_doubles_that_were_written_alike(void)
{
    CHECK_INT(compare("[10000000000000000000, 1e19]"), 0);
    CHECK_INT(compare("[100000000000000000000000, 1e23]"), 0);
    CHECK_INT(compare("[100000000000000000000001, 1e23]"), 1);
    CHECK_INT(compare("[-100000000000000000000001, -1e23]"), -1);
    CHECK_INT(compare("[99999999999999999999999, 1e23]"), -1);
}

static void small_numbers_compare_by_value(void)
{
    CHECK_INT(compare("[1, 1.0]"), 0);
    CHECK_INT(compare("[0, -0.0]"), 0);
    CHECK_INT(compare("[-1, -0.5]"), -1);
    CHECK_INT(compare("[0, -0.5]"), 1);
    CHECK_INT(compare("[0, 0.5]"), -1);
    CHECK_INT(compare("[1, 1.5]"), -1);
    CHECK_INT(compare("[2, 1.5]"), 1);
    CHECK_INT(compare("[1.25, 1.5]"), -1);
    CHECK_INT(compare("[5, 1e300]"), -1);
    CHECK_INT(compare("[5, -1e300]"), 1);
}

static void multiples_are_what_people_expect_of_decimals(void)
{
    CHECK(is_multiple("[10, 2]"));
    CHECK(!is_multiple("[7, 2]"));
    CHECK(is_multiple("[-9223372036854775808, 2]"));
    CHECK(is_multiple("[0, 0.01]"));
    CHECK(is_multiple("[0.0, 3]"));
    CHECK(is_multiple("[19.99, 0.01]"));
    CHECK(is_multiple("[-19.99, 0.01]"));
    CHECK(!is_multiple("[19.999, 0.01]"));
    CHECK(is_multiple("[0.3, 0.1]"));
    CHECK(is_multiple("[0.0075, 0.0001]"));
    CHECK(!is_multiple("[0.00751, 0.0001]"));
    CHECK(is_multiple("[4.5, 1.5]"));
    CHECK(!is_multiple("[35, 1.5]"));
    CHECK(is_multiple("[4, 0.5]"));
    CHECK(is_multiple("[12391239123, 1e-8]"));
    CHECK(!is_multiple("[1e308, 0.123456789]"));
    CHECK(is_multiple("[1e308, 0.5]"));
    CHECK(is_multiple("[2000, 1e3]"));
    CHECK(!is_multiple("[2100, 1e3]"));
    CHECK(!is_multiple("[1e-320, 1e308]"));
    CHECK(is_multiple("[1e308, 1e-320]"));
    CHECK(!is_multiple("[1e21, 1000000007000000]"));
}

static void multiples_of_large_integers_are_exact(void)
{
    CHECK(is_multiple("[36893488147419103232, 2]"));
    CHECK(!is_multiple("[36893488147419103233, 2]"));
    CHECK(is_multiple("[36893488147419103000, 1000]"));
    CHECK(!is_multiple("[36893488147419103100, 1000]"));
    CHECK(is_multiple("[36893488147419103232, 0.5]"));
    CHECK(is_multiple("[-85070591730234615847396907784232501249, 9223372036854775807]"));
    CHECK(!is_multiple("[85070591730234615847396907784232501248, 9223372036854775807]"));
}

static void a_number_without_a_fraction_is_an_integer(void)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_slice text =
        SOUK_LIT("[1, 1.0, -0.0, 1e300, -1e300, 9223372036854775808, 1.5, 1e-9, -0.1]");
    CHECK_INT(souk_json_read(&doc, text, NULL, NULL), SOUK_OK);
    for (size_t i = 0; i < 9; i++) {
        souk_number number = souk_number_of(souk_json_at(doc.root, i));
        CHECK(souk_number_is_integer(&number) == (i < 6));
    }
    souk_json_doc_free(&doc);
}

static void references_resolve_as_rfc_3986_says(void)
{
    static const char *const rows[][3] = {{"http://a/b/c/d?q", "g", "http://a/b/c/g"},
                                          {"http://a/b/c/d?q", "./g", "http://a/b/c/g"},
                                          {"http://a/b/c/d?q", "g/", "http://a/b/c/g/"},
                                          {"http://a/b/c/d?q", "/g", "http://a/g"},
                                          {"http://a/b/c/d?q", "//g", "http://g"},
                                          {"http://a/b/c/d?q", "?y", "http://a/b/c/d?y"},
                                          {"http://a/b/c/d?q", "g?y", "http://a/b/c/g?y"},
                                          {"http://a/b/c/d?q", "", "http://a/b/c/d?q"},
                                          {"http://a/b/c/d?q", ".", "http://a/b/c/"},
                                          {"http://a/b/c/d?q", "..", "http://a/b/"},
                                          {"http://a/b/c/d?q", "../g", "http://a/b/g"},
                                          {"http://a/b/c/d?q", "../../../g", "http://a/g"},
                                          {"http://a/b/c/d?q", "g/./h/../i", "http://a/b/c/g/i"},
                                          {"http://a/b/c/d?q", "urn:x:y", "urn:x:y"},
                                          {"http://a", "g", "http://a/g"},
                                          {"urn:uuid:1", "", "urn:uuid:1"},
                                          {"urn:uuid:1", "?a=b", "urn:uuid:1?a=b"},
                                          {"", "item.json", "item.json"},
                                          {"", "http://a/b/../c", "http://a/c"},
                                          {"list.json", "item.json", "item.json"},
                                          {"x/list.json", "item.json", "x/item.json"},
                                          {"x/list.json", "/item.json", "/item.json"},
                                          {"http://a/b", "../../../../..", "http://a/"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        souk_arena arena;
        souk_arena_init(&arena, souk_alloc_libc());
        souk_slice out = SOUK_LIT("");
        CHECK(souk_uri_resolve(&arena, souk_slice_of(rows[i][0]), souk_slice_of(rows[i][1]), &out));
        CHECK_SLICE(out, rows[i][2]);
        souk_arena_free(&arena);
    }
}

static void fragments_are_split_off_and_percent_signs_decoded(void)
{
    souk_slice uri;
    souk_slice fragment;
    souk_uri_split(SOUK_LIT("http://a/b#c%25d"), &uri, &fragment);
    CHECK_SLICE(uri, "http://a/b");
    CHECK_SLICE(fragment, "c%25d");
    souk_uri_split(SOUK_LIT("http://a/b"), &uri, &fragment);
    CHECK_SLICE(uri, "http://a/b");
    CHECK_SLICE(fragment, "");
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    CHECK(souk_uri_decode(&arena, SOUK_LIT("/a%25b%2fc%zz%4"), &fragment));
    CHECK_SLICE(fragment, "/a%b/c%zz%4");
    souk_arena_free(&arena);
}

int main(void)
{
    CASE(integers_compare_exactly_past_2_to_the_53);
    CASE(large_integers_equal_doubles_that_were_written_alike);
    CASE(small_numbers_compare_by_value);
    CASE(multiples_are_what_people_expect_of_decimals);
    CASE(multiples_of_large_integers_are_exact);
    CASE(a_number_without_a_fraction_is_an_integer);
    CASE(references_resolve_as_rfc_3986_says);
    CASE(fragments_are_split_off_and_percent_signs_decoded);
    return tap_done();
}
