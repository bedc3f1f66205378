/* Validation: what the messages say, what numbers and strings count as, and that all work is
 * bounded. */
#include <stdlib.h>

#include "failing_alloc.h"
#include "schema/schema.h"
#include "tap.h"
#include "json/read.h"

static souk_schema *compile(const char *json, const souk_schema_options *options)
{
    souk_schema *schema;
    souk_err err;
    if (souk_schema_compile_with(souk_alloc_libc(), souk_slice_of(json), options, &schema, &err) !=
        SOUK_OK) {
        printf("# %s: %s\n", json, err.message);
        CHECK(false);
    }
    return schema;
}

static int validate(const souk_schema *schema, const char *json, souk_err *err)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_json_limits limits = {SOUK_JSON_MAX_DEPTH, 0, SOUK_JSON_LAST_WINS};
    CHECK_INT(souk_json_read(&doc, souk_slice_of(json), &limits, err), SOUK_OK);
    souk_err_clear(err);
    int result = souk_schema_validate(schema, doc.root, err);
    souk_json_doc_free(&doc);
    return result;
}

typedef struct row {
    const char *schema;
    const char *value;
    const char *message; /* "" when the value matches */
} row;

static void check_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        souk_schema *schema = compile(rows[i].schema, NULL);
        souk_err err;
        int result = schema == NULL ? SOUK_E_LIMIT : validate(schema, rows[i].value, &err);
        CHECK_INT(result, rows[i].message[0] == '\0' ? SOUK_OK : SOUK_E_SCHEMA);
        CHECK_TEXT(err.message, rows[i].message);
        souk_schema_free(schema);
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void a_failure_names_place_expectation_and_keyword(void)
{
    static const row rows[] = {
        {"{\"properties\":{\"labels\":{\"items\":{\"type\":\"string\"}}}}",
         "{\"labels\":[\"a\",\"b\",3]}", "/labels/2: expected string, got integer"},
        {"{\"type\":\"object\"}", "[]", "expected object, got array"},
        {"{\"type\":[\"string\",\"null\"]}", "1.5", "expected null or string, got number"},
        {"{\"type\":\"integer\"}", "1.5", "expected integer, got number"},
        {"{\"type\":[\"number\",\"integer\"]}", "true", "expected number, got boolean"},
        {"{\"type\":[]}", "1", "expected no type at all, got integer"},
        {"{\"enum\":[\"red\",5,null]}", "6", "expected one of \"red\", 5, null (enum)"},
        {"{\"const\":{\"a\":[1, 2]}}", "6", "expected {\"a\":[1, 2]} (const)"},
        {"{\"multipleOf\":0.01}", "0.015", "expected a multiple of 0.01, got 0.015 (multipleOf)"},
        {"{\"maximum\":3}", "4", "expected at most 3, got 4 (maximum)"},
        {"{\"exclusiveMaximum\":3}", "3", "expected less than 3, got 3 (exclusiveMaximum)"},
        {"{\"minimum\":18446744073709551616}", "-18446744073709551616",
         "expected at least 18446744073709551616, got -18446744073709551616 (minimum)"},
        {"{\"exclusiveMinimum\":3}", "3.0", "expected more than 3, got 3.0 (exclusiveMinimum)"},
        {"{\"maxLength\":2}", "\"abc\"", "expected at most 2 characters, got 3 (maxLength)"},
        {"{\"minLength\":1}", "\"\"", "expected at least 1 character, got 0 (minLength)"},
        {"{\"pattern\":\"^a\"}", "\"secret\"", "expected a match of \"^a\" (pattern)"},
        {"{\"maxItems\":1}", "[1,2]", "expected at most 1 element, got 2 (maxItems)"},
        {"{\"minItems\":3}", "[1,2]", "expected at least 3 elements, got 2 (minItems)"},
        {"{\"uniqueItems\":true}", "[1,2,1.0]",
         "expected different elements, but elements 0 and 2 are equal (uniqueItems)"},
        {"{\"contains\":{\"type\":\"string\"}}", "[1]",
         "expected at least 1 matching element, got 0 (contains)"},
        {"{\"contains\":true,\"minContains\":2}", "[1]",
         "expected at least 2 matching elements, got 1 (minContains)"},
        {"{\"contains\":true,\"maxContains\":0,\"minContains\":0}", "[1]",
         "expected at most 0 matching elements, got 1 (maxContains)"},
        {"{\"prefixItems\":[true,false]}", "[1,2]", "/1: expected no element here (prefixItems)"},
        {"{\"prefixItems\":[true],\"items\":false}", "[1,2]",
         "/1: expected no element here (items)"},
        {"{\"contains\":{\"const\":1},\"unevaluatedItems\":false}", "[1,2]",
         "/1: expected no element here (unevaluatedItems)"},
        {"{\"maxProperties\":0}", "{\"a\":1}", "expected at most 0 members, got 1 (maxProperties)"},
        {"{\"minProperties\":1}", "{}", "expected at least 1 member, got 0 (minProperties)"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"a\":1}", "expected property \"b\" (required)"},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
         "expected property \"b\" beside \"a\" (dependentRequired)"},
        {"{\"additionalProperties\":false}", "{\"a\":{\"b\":1}}",
         "/a: expected no property of this name (additionalProperties)"},
        {"{\"unevaluatedProperties\":false}", "{\"a\":1}",
         "/a: expected no property of this name (unevaluatedProperties)"},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"x\":{},\"abc\":1}",
         "name \"abc\": expected at most 2 characters, got 3 (maxLength)"},
        {"{\"properties\":{\"a\":{\"propertyNames\":{\"maxLength\":2}}}}", "{\"a\":{\"abc\":1}}",
         "/a: name \"abc\": expected at most 2 characters, got 3 (maxLength)"},
        {"{\"not\":{\"type\":\"string\"}}", "\"x\"",
         "expected something that does not match (not)"},
        {"{\"oneOf\":[{\"type\":\"string\"},{\"minimum\":1},{\"maximum\":9}]}", "5",
         "expected a match of exactly one alternative, but alternatives 1 and 2 match (oneOf)"},
        {"false", "1", "expected nothing: the schema for it is false"},
        {"{\"properties\":{\"a\":false}}", "{\"a\":1}",
         "/a: expected nothing: the schema for it is false"}};
    CHECK_ROWS(rows);
}

static void pointers_are_escaped_and_bounded(void)
{
    static const row rows[] = {
        {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"a/b~c\":1}",
         "/a~1b~0c: expected null, got integer"},
        {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"a\\u001b[31m\\n\":1}",
         "/a\\u001b[31m\\u000a: expected null, got integer"},
        {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"\":1}",
         "/: expected null, got integer"},
        {"{\"additionalProperties\":{\"type\":\"null\"}}",
         "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
         ":1}",
         "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...: "
         "expected null, got integer"},
        {"{\"enum\":["
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",2]}",
         "1",
         "expected one of \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..., 2 "
         "(enum)"},
        {"{\"enum\":[11111111111,22222222222,33333333333,44444444444,55555555555,66666666666,"
         "77777777777,88888888888,99999999999,10101010101]}",
         "1",
         "expected one of 11111111111, 22222222222, 33333333333, 44444444444, 55555555555, "
         "66666666666, 77777777777, 88888888888, 99999999999, ... (enum)"}};
    CHECK_ROWS(rows);
}

static void a_deep_place_has_a_short_pointer(void)
{
    char deep[401];
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    deep[400] = '\0';
    souk_schema *schema = compile("{\"items\":{\"$ref\":\"#\"},\"minItems\":1}", NULL);
    souk_err err;
    CHECK_INT(validate(schema, deep, &err), SOUK_E_SCHEMA);
    CHECK(strstr(err.message, "/0/0/0/0/0/...: expected at least 1 element") != NULL);
    souk_schema_free(schema);
}

static void of_several_alternatives_the_one_that_got_furthest_is_reported(void)
{
    static const row rows[] = {
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "5",
         "expected null or string, got integer"},
        {"{\"anyOf\":[{\"type\":\"integer\"},{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]"
         "}]}",
         "true", "expected null or integer or string, got boolean"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"properties\":{\"a\":{\"type\":\"string\"}}}]}",
         "{\"a\":1}", "/a: expected string, got integer, in the closest of 2 alternatives"},
        {"{\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}}},{\"type\":\"null\"}]}",
         "{\"a\":1}", "/a: expected string, got integer, in the closest of 2 alternatives"},
        {"{\"oneOf\":[{\"properties\":{\"kind\":{\"const\":\"a\"}}},"
         "{\"properties\":{\"kind\":{\"const\":\"b\"}},\"required\":[\"size\"]}]}",
         "{\"kind\":\"b\"}",
         "expected property \"size\" (required), in the closest of 2 alternatives"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"properties\":{\"a\":{\"enum\":[1]}}}]}", "{\"a\":2}",
         "/a: expected one of 1 (enum), in the closest of 2 alternatives"},
        {"{\"allOf\":[{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":1}]},{\"maximum\":0}]}", "1",
         "expected at most 0, got 1 (maximum)"}};
    CHECK_ROWS(rows);
}

static void numbers_are_compared_exactly(void)
{
    static const row rows[] = {
        {"{\"type\":\"integer\"}", "1.0", ""},
        {"{\"type\":\"integer\"}", "1e300", ""},
        {"{\"type\":\"integer\"}", "123456789012345678901234567890", ""},
        {"{\"const\":9007199254740993}", "9007199254740993", ""},
        {"{\"const\":9007199254740993}", "9007199254740992", "expected 9007199254740993 (const)"},
        {"{\"maximum\":9223372036854775807}", "9223372036854775808",
         "expected at most 9223372036854775807, got 9223372036854775808 (maximum)"},
        {"{\"const\":1}", "1.0", ""},
        {"{\"enum\":[0]}", "-0.0", ""},
        {"{\"const\":false}", "0", "expected false (const)"},
        {"{\"multipleOf\":0.01}", "19.99", ""},
        {"{\"multipleOf\":1e-8}", "12391239123", ""}};
    CHECK_ROWS(rows);
}

static void lengths_are_counted_in_characters(void)
{
    static const row rows[] = {{"{\"maxLength\":2}", "\"\\ud83d\\ude00\\u00e9\"", ""},
                               {"{\"minLength\":3}", "\"\\ud83d\\ude00\\u00e9\"",
                                "expected at least 3 characters, got 2 (minLength)"}};
    CHECK_ROWS(rows);
}

static void annotations_assert_nothing(void)
{
    static const row rows[] = {
        {"{\"format\":\"email\",\"contentEncoding\":\"base64\",\"contentMediaType\":\"text/json\","
         "\"contentSchema\":false,\"title\":5,\"x-unknown\":[{}],\"default\":1,\"examples\":[]}",
         "\"no mail, no base64\"", ""}};
    CHECK_ROWS(rows);
}

static void what_cannot_be_checked_never_refuses_a_value(void)
{
    static const row rows[] = {
        {"{\"pattern\":\"(?=x)\"}", "\"a\"", ""},
        {"{\"not\":{\"pattern\":\"(?=x)\"}}", "\"a\"", ""},
        {"{\"not\":{\"pattern\":\"(?=x)\"}}", "5", "expected something that does not match (not)"},
        {"{\"not\":{\"pattern\":\"(?=x)\",\"maxLength\":0}}", "\"a\"", ""},
        {"{\"oneOf\":[{\"pattern\":\"(?=x)\"},{\"type\":\"string\"}]}", "\"a\"", ""},
        {"{\"oneOf\":[{\"pattern\":\"(?=x)\"},{\"type\":\"string\"},{\"maxLength\":1}]}", "\"a\"",
         "expected a match of exactly one alternative, but alternatives 1 and 2 match (oneOf)"},
        {"{\"if\":{\"pattern\":\"(?=x)\"},\"then\":{\"maxLength\":0},\"else\":{\"minLength\":1}}",
         "\"a\"", ""},
        {"{\"if\":{\"pattern\":\"(?=x)\"},\"then\":{\"maxLength\":0},\"else\":{\"minLength\":2}}",
         "\"a\"", "expected at most 0 characters, got 1 (maxLength)"},
        {"{\"contains\":{\"pattern\":\"(?=x)\"},\"maxContains\":1}", "[\"a\",\"b\"]", ""},
        {"{\"contains\":{\"pattern\":\"(?=x)\"},\"minContains\":3}", "[\"a\",\"b\"]",
         "expected at least 3 matching elements, got 2 (minContains)"},
        {"{\"patternProperties\":{\"(?=x)\":false},\"additionalProperties\":false}", "{\"a\":1}",
         ""},
        {"{\"properties\":{\"a\":false},\"patternProperties\":{\"(?=x)\":true}}", "{\"a\":1}",
         "/a: expected nothing: the schema for it is false"},
        {"{\"patternProperties\":{\"(?=x)\":true},\"unevaluatedProperties\":false}", "{\"a\":1}",
         ""},
        {"{\"not\":{\"anyOf\":[{\"pattern\":\"(?=x)\"},{\"type\":\"string\"}]}}", "\"a\"",
         "expected something that does not match (not)"}};
    CHECK_ROWS(rows);
}

static void unevaluated_keywords_see_what_their_own_subschemas_saw(void)
{
    static const row rows[] = {
        {"{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}", "{\"a\":1}",
         ""},
        {"{\"allOf\":[{\"properties\":{\"a\":true}},{\"unevaluatedProperties\":false}]}",
         "{\"a\":1}", "/a: expected no property of this name (unevaluatedProperties)"},
        {"{\"anyOf\":[{\"properties\":{\"a\":true},\"required\":[\"b\"]},true],"
         "\"unevaluatedProperties\":false}",
         "{\"a\":1}", "/a: expected no property of this name (unevaluatedProperties)"},
        {"{\"if\":{\"properties\":{\"a\":{\"const\":1}}},\"unevaluatedProperties\":false}",
         "{\"a\":1}", ""},
        {"{\"not\":{\"not\":{\"properties\":{\"a\":true}}},\"unevaluatedProperties\":false}",
         "{\"a\":1}", "/a: expected no property of this name (unevaluatedProperties)"},
        {"{\"dependentSchemas\":{\"a\":{\"properties\":{\"b\":true}}},\"properties\":{\"a\":true},"
         "\"unevaluatedProperties\":false}",
         "{\"a\":1,\"b\":2}", ""},
        {"{\"$ref\":\"#/$defs/x\",\"unevaluatedProperties\":{\"type\":\"null\"},"
         "\"$defs\":{\"x\":{\"patternProperties\":{\"^a\":true}}}}",
         "{\"ab\":1,\"c\":2}", "/c: expected null, got integer"},
        {"{\"anyOf\":[{\"prefixItems\":[{\"const\":1}]},{\"prefixItems\":[true,{\"const\":2}]}],"
         "\"unevaluatedItems\":false}",
         "[1,2]", ""}};
    CHECK_ROWS(rows);
}

/* "{<open>0<close>,<open>1<close>,...}" of `count` parts. */
static char *repeat(const char *begin, const char *open, const char *close, const char *end,
                    unsigned count)
{
    size_t size = strlen(begin) + strlen(end) + count * (strlen(open) + strlen(close) + 12) + 1;
    char *text = malloc(size);
    char *at = text + snprintf(text, size, "%s", begin);
    for (unsigned i = 0; i < count; i++) {
        at +=
            snprintf(at, size - (size_t)(at - text), "%s%s%u%s", i == 0 ? "" : ",", open, i, close);
    }
    (void)snprintf(at, size - (size_t)(at - text), "%s", end);
    return text;
}

static void objects_and_arrays_of_more_than_64_children_are_tracked(void)
{
    souk_schema *schema = compile("{\"allOf\":[{\"patternProperties\":{\"^a\":true}}],"
                                  "\"anyOf\":[{\"properties\":{\"b99\":true}},false],"
                                  "\"unevaluatedProperties\":false,\"prefixItems\":[true,true],"
                                  "\"contains\":{\"minimum\":2},\"unevaluatedItems\":false}",
                                  NULL);
    souk_err err;
    char *object = repeat("{\"b99\":0,", "\"a", "\":1", "}", 200);
    CHECK_INT(validate(schema, object, &err), SOUK_OK);
    free(object);
    object = repeat("{", "\"a", "\":1", ",\"c\":1}", 200);
    CHECK_INT(validate(schema, object, &err), SOUK_E_SCHEMA);
    CHECK_TEXT(err.message, "/c: expected no property of this name (unevaluatedProperties)");
    free(object);
    char *array = repeat("[", "", "", "]", 200);
    CHECK_INT(validate(schema, array, &err), SOUK_OK);
    free(array);
    array = repeat("[", "", "", ",1]", 200);
    CHECK_INT(validate(schema, array, &err), SOUK_E_SCHEMA);
    CHECK_TEXT(err.message, "/200: expected no element here (unevaluatedItems)");
    free(array);
    souk_schema_free(schema);
}

static void large_arrays_are_checked_for_equal_elements_quickly(void)
{
    souk_schema_options options = {.steps = 2 * 1000 * 1000};
    souk_schema *schema = compile("{\"uniqueItems\":true}", &options);
    souk_err err;
    char *array = repeat("[", "{\"id\":", ",\"b\":[]}", "]", 20000);
    CHECK_INT(validate(schema, array, &err), SOUK_OK);
    free(array);
    array = repeat("[", "{\"id\":", ",\"b\":[]}", ",{\"b\":[],\"id\":7.0}]", 20000);
    CHECK_INT(validate(schema, array, &err), SOUK_E_SCHEMA);
    CHECK_TEXT(err.message,
               "expected different elements, but elements 7 and 20000 are equal (uniqueItems)");
    free(array);
    souk_schema_free(schema);
}

static void all_kinds_of_values_can_be_unique(void)
{
    static const row rows[] = {
        {"{\"uniqueItems\":true}",
         "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,true,false,null,\"1\",\"\",[],{},[1],{\"a\":1},"
         "{\"a\":2},{\"b\":1},[[1]],0.5,1e19,123456789012345678901234567890]",
         ""},
        {"{\"uniqueItems\":true}",
         "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,10000000000000000000,1e19]",
         "expected different elements, but elements 17 and 18 are equal (uniqueItems)"},
        {"{\"uniqueItems\":true}", "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,-0.0]",
         "expected different elements, but elements 0 and 17 are equal (uniqueItems)"}};
    CHECK_ROWS(rows);
}

static void steps_of_a_validation_are_bounded(void)
{
    souk_schema_options options = {.steps = 1000};
    souk_err err;
    /* Each level applies the next one twice: 2^20 evaluations. */
    souk_schema *schema = compile("{\"$ref\":\"#/$defs/a\",\"$defs\":{"
                                  "\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/b\"},{\"$ref\":\"#/$defs/"
                                  "b\"},{\"$ref\":\"#/$defs/b\"}]},"
                                  "\"b\":{\"allOf\":[{\"$ref\":\"#/$defs/c\"},{\"$ref\":\"#/$defs/"
                                  "c\"},{\"$ref\":\"#/$defs/c\"}]},"
                                  "\"c\":{\"allOf\":[{\"$ref\":\"#/$defs/d\"},{\"$ref\":\"#/$defs/"
                                  "d\"},{\"$ref\":\"#/$defs/d\"}]},"
                                  "\"d\":{\"allOf\":[{\"$ref\":\"#/$defs/e\"},{\"$ref\":\"#/$defs/"
                                  "e\"},{\"$ref\":\"#/$defs/e\"}]},"
                                  "\"e\":{\"allOf\":[{\"$ref\":\"#/$defs/f\"},{\"$ref\":\"#/$defs/"
                                  "f\"},{\"$ref\":\"#/$defs/f\"}]},"
                                  "\"f\":{\"type\":\"integer\"}}}",
                                  &options);
    CHECK_INT(validate(schema, "1", &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "the value takes more than 1000 steps to validate");
    souk_schema_free(schema);
    schema = compile("{\"items\":{\"pattern\":\"(a|b)*\\\\d$\"}}", &options);
    CHECK_INT(validate(schema, "[\"ab1\"]", &err), SOUK_OK);
    char *array = repeat("[", "\"abababababababababab", "\"", "]", 100);
    CHECK_INT(validate(schema, array, &err), SOUK_E_LIMIT);
    free(array);
    souk_schema_free(schema);
}

static void depth_of_a_validation_is_bounded(void)
{
    souk_schema_options options = {.depth = 50};
    souk_err err;
    char deep[2001];
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    deep[2000] = '\0';
    souk_schema *schema = compile("{\"items\":{\"$ref\":\"#\"}}", &options);
    CHECK_INT(validate(schema, deep, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "more than 50 schemas are nested in each other");
    CHECK_INT(validate(schema, "[[[[[[[[1]]]]]]]]", &err), SOUK_OK);
    souk_schema_free(schema);
    options.depth = 4096;
    schema = compile("{\"items\":{\"$ref\":\"#\"},\"unevaluatedItems\":false}", &options);
    CHECK_INT(validate(schema, deep, &err), SOUK_OK);
    souk_schema_free(schema);
}

static void a_dynamic_circle_ends_at_the_bound_on_depth(void)
{
    souk_schema *schema =
        compile("{\"$id\":\"http://a/outer\",\"$dynamicAnchor\":\"x\",\"$ref\":\"inner\","
                "\"$defs\":{\"inner\":{\"$id\":\"inner\",\"$dynamicRef\":\"#x\","
                "\"$defs\":{\"x\":{\"$dynamicAnchor\":\"x\"}}}}}",
                NULL);
    souk_err err;
    CHECK_INT(validate(schema, "1", &err), SOUK_E_LIMIT);
    souk_schema_free(schema);
}

static void a_schema_may_be_used_after_its_text_is_gone(void)
{
    char text[] = "{\"const\":\"abc\",\"description\":\"x\"}";
    souk_schema *schema = compile(text, NULL);
    memset(text, 'z', sizeof text - 1);
    souk_err err;
    CHECK_INT(validate(schema, "\"abc\"", &err), SOUK_OK);
    CHECK_INT(validate(schema, "\"abd\"", NULL), SOUK_E_SCHEMA);
    souk_schema_free(schema);
}

static void no_value_matches_no_schema(void)
{
    souk_schema *schema = compile("true", NULL);
    souk_err err;
    CHECK_INT(souk_schema_validate(schema, NULL, &err), SOUK_E_SCHEMA);
    CHECK_TEXT(err.message, "expected a value, got none");
    souk_schema_free(schema);
}

static void validating_ordinary_values_allocates_nothing(void)
{
    failing_alloc f;
    failing_alloc_init(&f, 0);
    souk_schema *schema;
    souk_slice json = SOUK_LIT(
        "{\"type\":\"object\",\"required\":[\"a\"],\"properties\":{\"a\":{\"pattern\":\"^[a-z]+$\"}"
        ","
        "\"b\":{\"anyOf\":[{\"type\":\"null\"},{\"items\":{\"minimum\":0,\"multipleOf\":0.5}}]}},"
        "\"unevaluatedProperties\":false}");
    CHECK_INT(souk_schema_compile(&f.alloc, json, &schema, NULL), SOUK_OK);
    long count = f.count;
    souk_err err;
    CHECK_INT(validate(schema, "{\"a\":\"xyz\",\"b\":[1.5,2]}", &err), SOUK_OK);
    CHECK_INT(validate(schema, "{\"a\":\"xyz\",\"c\":[1.5,2]}", &err), SOUK_E_SCHEMA);
    CHECK_INT(f.count, count);
    souk_schema_free(schema);
    CHECK_INT(f.live, 0);
}

/* A schema with all kinds of rules, and a value that matches it. `padding` of its subschemas are of
 * no use. */
static char *schema_of_everything(unsigned padding)
{
    return repeat(
        "{\"$id\":\"http://a/b\",\"$defs\":{\"l\":{\"$anchor\":\"l\",\"oneOf\":[{\"contains\":true,"
        "\"minContains\":2},{\"maxItems\":1}],\"unevaluatedItems\":{\"type\":[\"array\",\"number\","
        "\"object\"]}},\"d\":{\"$dynamicAnchor\":\"d\",\"$id\":\"d\",\"$dynamicRef\":\"#e\","
        "\"$defs\":{\"e\":{\"$dynamicAnchor\":\"e\"}}}},"
        "\"properties\":{\"list\":{\"uniqueItems\":true,\"$ref\":\"#l\",\"items\":{\"enum\":[{},"
        "{\"a\":[]},1],\"multipleOf\":0.5}},\"b\":{\"const\":{},\"maxProperties\":3},"
        "\"s\":{\"maxLength\":5,\"minLength\":1}},"
        "\"patternProperties\":{\"^[xy]{300}|\\\\d\":false,\"(?=x)\":true,\"^b$\":true},"
        "\"propertyNames\":{\"maxLength\":99},\"required\":[\"b\",\"list\"],"
        "\"allOf\":[{\"$dynamicRef\":\"d#d\"},{\"$ref\":\"#/$defs/l/oneOf/0\"},"
        "{\"anyOf\":[{\"type\":\"null\"},{\"required\":[\"b\"]}]}],\"not\":{\"minProperties\":9},"
        "\"if\":{\"properties\":{\"b\":true}},\"then\":{\"dependentSchemas\":{\"b\":true},"
        "\"dependentRequired\":{\"b\":[\"list\"]}},\"unevaluatedProperties\":false,\"definitions\":"
        "{",
        "\"", "\":{\"maximum\":1}", "}}", padding);
}

static const char value_of_everything[] = "{\"list\":[{},{\"a\":[]},1],\"b\":{},\"s\":\"abc\"}";

static void every_allocation_may_fail(void)
{
    for (unsigned padding = 0; padding < 60; padding += 3) {
        char *json = schema_of_everything(padding);
        long refused = 0;
        failing_alloc f = {.fired = true};
        for (long n = 1; f.fired; n++) {
            failing_alloc_init(&f, n);
            souk_schema *schema;
            souk_err err;
            int result = souk_schema_compile(&f.alloc, souk_slice_of(json), &schema, &err);
            CHECK(schema != NULL || result == SOUK_E_LIMIT);
            if (schema != NULL) {
                result = validate(schema, value_of_everything, &err);
            }
            CHECK(result == SOUK_OK || (f.fired && result == SOUK_E_LIMIT));
            refused += result == SOUK_E_LIMIT;
            souk_schema_free(schema);
            CHECK_INT(f.live, 0);
            CHECK(f.fired || refused + 3 >= n); /* only making a block smaller may fail unnoticed */
        }
        free(json);
    }
}

/* Wherever the steps run out, the result is SOUK_E_LIMIT and never a verdict. */
static void every_step_may_be_the_last_one(void)
{
    char *json = schema_of_everything(0);
    souk_err err;
    int result = SOUK_E_LIMIT;
    size_t steps = 0;
    while (result == SOUK_E_LIMIT && steps < 5000) {
        souk_schema_options options = {.steps = ++steps};
        souk_schema *schema = compile(json, &options);
        result = validate(schema, value_of_everything, &err);
        souk_schema_free(schema);
    }
    CHECK_INT(result, SOUK_OK);
    CHECK(steps > 50);
    unsigned depth = 0;
    for (result = SOUK_E_LIMIT; result == SOUK_E_LIMIT && depth < 50;) {
        souk_schema_options options = {.depth = ++depth};
        souk_schema *schema = compile(json, &options);
        result = validate(schema, value_of_everything, &err);
        souk_schema_free(schema);
    }
    CHECK_INT(result, SOUK_OK);
    CHECK(depth > 2);
    free(json);
}

int main(void)
{
    CASE(a_failure_names_place_expectation_and_keyword);
    CASE(pointers_are_escaped_and_bounded);
    CASE(a_deep_place_has_a_short_pointer);
    CASE(of_several_alternatives_the_one_that_got_furthest_is_reported);
    CASE(numbers_are_compared_exactly);
    CASE(lengths_are_counted_in_characters);
    CASE(annotations_assert_nothing);
    CASE(what_cannot_be_checked_never_refuses_a_value);
    CASE(unevaluated_keywords_see_what_their_own_subschemas_saw);
    CASE(objects_and_arrays_of_more_than_64_children_are_tracked);
    CASE(large_arrays_are_checked_for_equal_elements_quickly);
    CASE(all_kinds_of_values_can_be_unique);
    CASE(steps_of_a_validation_are_bounded);
    CASE(depth_of_a_validation_is_bounded);
    CASE(a_dynamic_circle_ends_at_the_bound_on_depth);
    CASE(a_schema_may_be_used_after_its_text_is_gone);
    CASE(no_value_matches_no_schema);
    CASE(validating_ordinary_values_allocates_nothing);
    CASE(every_allocation_may_fail);
    CASE(every_step_may_be_the_last_one);
    return tap_done();
}
