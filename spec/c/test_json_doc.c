#include "json/doc.h"

#include "failing_alloc.h"
#include "json_help.h"
#include "tap.h"

static void look_ups_allow_null_and_other_types(void)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, SOUK_LIT("[1,\"text\"]"));
    int64_t integer;
    double number;
    CHECK_INT(souk_json_type_of(NULL), SOUK_JSON_NULL);
    CHECK(souk_json_get(NULL, "a") == NULL);
    CHECK(souk_json_get(root, "a") == NULL);
    CHECK(souk_json_at(NULL, 0) == NULL);
    CHECK(souk_json_at(root, 2) == NULL);
    CHECK(souk_json_first(NULL) == NULL);
    CHECK(souk_json_first(root + 1) == NULL);
    CHECK(souk_json_string(NULL).ptr == NULL);
    CHECK(souk_json_string(root + 1).ptr == NULL);
    CHECK(souk_json_digits(root + 1).ptr == NULL);
    CHECK(!souk_json_is_true(NULL));
    CHECK(!souk_json_is_string(NULL, ""));
    CHECK(souk_json_is_string(root + 2, "text"));
    CHECK(!souk_json_is_string(root + 2, "tex"));
    CHECK(!souk_json_integer(NULL, &integer));
    CHECK(!souk_json_integer(root + 2, &integer));
    CHECK(!souk_json_number(root + 2, &number));
    CHECK(souk_json_pointer(NULL, SOUK_LIT("")) == NULL);
    CHECK(souk_json_equal(NULL, NULL));
    CHECK(!souk_json_equal(NULL, root));
    souk_json_members members = souk_json_each_member(root);
    souk_json_elements elements = souk_json_each_element(root + 1);
    CHECK(!souk_json_next_member(&members));
    CHECK(!souk_json_next_element(&elements));
    souk_json_doc_free(&doc);
}

static void an_empty_document_can_be_freed_and_moved(void)
{
    souk_json_doc doc;
    souk_json_doc other;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_json_doc_init(&other, souk_alloc_libc());
    souk_json_doc_move(&other, &doc);
    souk_json_doc_free(&doc);
    souk_json_doc_free(&doc);
    souk_json_doc_free(&other);
    CHECK(doc.root == NULL);
}

static void walks_skip_whole_subtrees(void)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, SOUK_LIT("{\"a\":[1,[2,{\"x\":3}]],\"b\":{},\"c\":4}"));
    static const char *const keys[] = {"a", "b", "c"};
    size_t count = 0;
    souk_json_members it = souk_json_each_member(root);
    while (souk_json_next_member(&it)) {
        CHECK_SLICE(it.key, keys[count]);
        CHECK(it.value == souk_json_get(root, keys[count]));
        count++;
    }
    CHECK_INT(count, 3);
    CHECK(souk_json_first(root) == root + 1);
    CHECK(souk_json_first(souk_json_get(root, "b")) == NULL);
    CHECK(souk_json_after(root) == root + root->as.span);
    count = 0;
    souk_json_elements elements = souk_json_each_element(souk_json_get(root, "a"));
    while (souk_json_next_element(&elements)) {
        CHECK(elements.value == souk_json_at(souk_json_get(root, "a"), count));
        count++;
    }
    CHECK_INT(count, 2);
    souk_json_doc_free(&doc);
}

static void the_last_of_duplicate_keys_counts(void)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(&doc, SOUK_LIT("{\"a\":1,\"\":2,\"a\":3,\"\":4}"));
    CHECK_INT(souk_json_get(root, "a")->as.integer, 3);
    CHECK_INT(souk_json_get(root, "")->as.integer, 4);
    CHECK_INT(souk_json_pointer(root, SOUK_LIT("/a"))->as.integer, 3);
    CHECK_INT(souk_json_pointer(root, SOUK_LIT("/"))->as.integer, 4);
    souk_json_doc_free(&doc);
}

static void numbers_are_integers_when_their_value_is_one(void)
{
    souk_json_doc doc;
    const souk_jval *root =
        help_read(&doc, SOUK_LIT("[5,1.0,1e2,-0.0,1.5,9223372036854775808,"
                                 "-9223372036854775808.0,9223372036854775808.0,1e300]"));
    static const int64_t want[] = {5, 1, 100, 0, -1, -1, INT64_MIN, -1, -1};
    static const bool is_integer[] = {true, true, true, true, false, false, true, false, false};
    for (size_t i = 0; i < root->size; i++) {
        int64_t got = 0;
        CHECK(souk_json_integer(souk_json_at(root, i), &got) == is_integer[i]);
        CHECK(!is_integer[i] || got == want[i]);
    }
    double number;
    CHECK(souk_json_number(souk_json_at(root, 0), &number) && number == 5);
    CHECK(souk_json_number(souk_json_at(root, 4), &number) && number == 1.5);
    CHECK(souk_json_number(souk_json_at(root, 5), &number) && number == 0x1p63);
    souk_json_doc_free(&doc);
}

/*
 * The document of RFC 6901 section 5 in our own words: keys with every character that needs care.
 */
static void pointers_find_what_they_name(void)
{
    souk_json_doc doc;
    const souk_jval *root = help_read(
        &doc,
        SOUK_LIT("{\"list\":[\"x\",[10,20]],\"\":0,\"a/b\":1,\"m~n\":2,\" \":3,\"c%d\":4,\"~1\":5,"
                 "\"deep\":{\"\":{\"\":6}},\"\\u0000\":7}"));
    static const struct {
        const char *pointer;
        int64_t want;
    } cases[] = {
        {"/list/1/0", 10}, {"/list/1/1", 20}, {"/", 0},    {"/a~1b", 1},   {"/m~0n", 2},
        {"/ ", 3},         {"/c%d", 4},       {"/~01", 5}, {"/deep//", 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const souk_jval *found = souk_json_pointer(root, souk_slice_of(cases[i].pointer));
        CHECK(found != NULL && found->type == SOUK_JSON_INT && found->as.integer == cases[i].want);
    }
    CHECK(souk_json_pointer(root, SOUK_LIT("")) == root);
    CHECK_INT(souk_json_pointer(root, souk_slice_make("/\0", 2))->as.integer, 7);
    static const char *const nothing[] = {
        "list",
        "/list/2",
        "/list/-",
        "/list/01",
        "/list/1/0/0",
        "/list/",
        "/list/+1",
        "/list/1 ",
        "/missing",
        "/m~n",
        "/m~2n",
        "/m~",
        "/a/b",
        "/deep///",
        "/list/-1",
        "/list/1x",
        "/list/18446744073709551617",
        "/list/99999999999999999999999999",
    };
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        CHECK(souk_json_pointer(root, souk_slice_of(nothing[i])) == NULL);
    }
    souk_json_doc_free(&doc);
}

/* Both functions, in both directions, say whether the two texts are equal. */
static void check_equality(const char *a, const char *b, bool want)
{
    souk_json_doc left;
    souk_json_doc right;
    const souk_jval *x = help_read(&left, souk_slice_of(a));
    const souk_jval *y = help_read(&right, souk_slice_of(b));
    bool equal = !want;
    bool right_answer = souk_json_equal(x, y) == want && souk_json_equal(y, x) == want &&
                        souk_json_equal(x, x) && souk_json_equal(y, y) &&
                        souk_json_equal_large(souk_alloc_libc(), x, y, &equal) && equal == want &&
                        souk_json_equal_large(souk_alloc_libc(), y, x, &equal) && equal == want;
    if (!right_answer) {
        tap_fail(__FILE__, __LINE__, "equality answers wrongly");
        printf("#   %s\n#   %s\n", a, b);
    }
    souk_json_doc_free(&left);
    souk_json_doc_free(&right);
}

static void numbers_are_equal_by_value(void)
{
    check_equality("1", "1.0", true);
    check_equality("100", "1e2", true);
    check_equality("0", "-0.0", true);
    check_equality("0.5", "5e-1", true);
    check_equality("1", "1.5", false);
    check_equality("9007199254740993", "9007199254740992.0", false);
    check_equality("9223372036854775807", "9223372036854775808.0", false);
    check_equality("9223372036854775808", "9223372036854775808.0", true);
    check_equality("9223372036854775808", "9223372036854775809", false);
    check_equality("100000000000000000000", "1e20", true);
    check_equality("100000000000000000001", "1e20", false);
    check_equality("100000000000000000001", "5", false);
    check_equality("1", "true", false);
    check_equality("1", "\"1\"", false);
}

static void objects_are_equal_without_order_and_arrays_with_it(void)
{
    check_equality("{\"a\":1,\"b\":[2]}", "{\"b\":[2.0],\"a\":1}", true);
    check_equality("{\"a\":1}", "{\"a\":1,\"b\":1}", false);
    check_equality("{\"a\":1}", "{\"b\":1}", false);
    check_equality("{\"a\":1}", "{\"a\":2}", false);
    check_equality("{}", "{}", true);
    check_equality("{}", "[]", false);
    check_equality("[1,2]", "[2,1]", false);
    check_equality("[1,2]", "[1,2,3]", false);
    check_equality("[null,true,\"x\"]", "[null,true,\"\\u0078\"]", true);
    check_equality("[null]", "[false]", false);
    check_equality("\"a\"", "\"ab\"", false);
}

static void duplicates_take_part_in_equality_as_in_look_ups(void)
{
    check_equality("{\"a\":1,\"a\":2}", "{\"a\":2}", true);
    check_equality("{\"a\":1,\"a\":2}", "{\"a\":1}", false);
    check_equality("{\"a\":1,\"a\":2}", "{\"a\":2,\"b\":1}", false);
    check_equality("{\"a\":1,\"a\":2}", "{\"a\":3,\"a\":2}", true);
}

/*
 * {"k0":0,"k1":1,...}, in one order or the other, with `odd` as the value of one key in the middle.
 */
static char *large_object(souk_buf *out, unsigned count, bool backwards, const char *odd)
{
    souk_buf_init(out, souk_alloc_libc(), SIZE_MAX);
    for (unsigned i = 0; i < count; i++) {
        unsigned key = backwards ? count - 1 - i : i;
        souk_buf_addf(out, "%s\"k%u\":", i == 0 ? "{" : ",", key);
        souk_buf_addf(out, key == count / 2 ? "%s" : "{\"v\":[1]}", odd);
    }
    souk_buf_addf(out, ",\"k0\":%u}", count);
    return out->data;
}

static void large_objects_are_equal_without_order(void)
{
    static const unsigned counts[] = {15, 16, 17, 100, 500};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        souk_buf a;
        souk_buf b;
        souk_buf c;
        large_object(&a, counts[i], false, "[1]");
        large_object(&b, counts[i], true, "[1.0]");
        large_object(&c, counts[i], true, "[2]");
        check_equality(a.data, b.data, true);
        check_equality(a.data, c.data, false);
        souk_buf_free(&a);
        souk_buf_free(&b);
        souk_buf_free(&c);
    }
}

static void a_hostile_order_of_members_costs_little(void)
{
    enum { COUNT = 100000 };
    souk_buf a;
    souk_buf b;
    souk_json_doc left;
    souk_json_doc right;
    bool equal = false;
    const souk_jval *x = help_read(&left, souk_slice_of(large_object(&a, COUNT, false, "1")));
    const souk_jval *y = help_read(&right, souk_slice_of(large_object(&b, COUNT, true, "1")));
    CHECK(souk_json_equal_large(souk_alloc_libc(), x, y, &equal) && equal);
    souk_json_doc_free(&left);
    souk_json_doc_free(&right);
    souk_buf_free(&a);
    souk_buf_free(&b);
}

static void comparing_without_memory_fails_and_leaks_nothing(void)
{
    souk_buf a;
    souk_json_doc doc;
    const souk_jval *x = help_read(&doc, souk_slice_of(large_object(&a, 40, false, "1")));
    for (long n = 1; n <= 2; n++) {
        failing_alloc f;
        bool equal;
        failing_alloc_init(&f, n);
        CHECK(!souk_json_equal_large(&f.alloc, x, x, &equal));
        CHECK(f.fired);
        CHECK_INT(f.live, 0);
    }
    souk_json_doc_free(&doc);
    souk_buf_free(&a);
}

static void types_have_the_names_of_json_schema(void)
{
    static const char *const names[] = {"null",   "boolean", "integer", "integer",
                                        "number", "string",  "array",   "object"};
    for (int type = SOUK_JSON_NULL; type <= SOUK_JSON_OBJECT; type++) {
        CHECK_TEXT(souk_json_type_name((souk_json_type)type), names[type]);
    }
}

int main(void)
{
    CASE(look_ups_allow_null_and_other_types);
    CASE(an_empty_document_can_be_freed_and_moved);
    CASE(walks_skip_whole_subtrees);
    CASE(the_last_of_duplicate_keys_counts);
    CASE(numbers_are_integers_when_their_value_is_one);
    CASE(pointers_find_what_they_name);
    CASE(numbers_are_equal_by_value);
    CASE(objects_are_equal_without_order_and_arrays_with_it);
    CASE(duplicates_take_part_in_equality_as_in_look_ups);
    CASE(large_objects_are_equal_without_order);
    CASE(a_hostile_order_of_members_costs_little);
    CASE(comparing_without_memory_fails_and_leaks_nothing);
    CASE(types_have_the_names_of_json_schema);
    return tap_done();
}
