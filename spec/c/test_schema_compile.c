/* Compiling: dialects, references and identifiers, and what is refused with which words. */
#include "schema/schema.h"
#include "tap.h"
#include "json/read.h"

static int compile(const char *json, const souk_schema_options *options, souk_err *err)
{
    souk_schema *schema;
    souk_slice text = souk_slice_of(json);
    int result = souk_schema_compile_with(souk_alloc_libc(), text, options, &schema, err);
    CHECK((schema != NULL) == (result == SOUK_OK));
    souk_schema_free(schema);
    return result;
}

/* 1 when the value matches the schema, 0 when not, negative when something else is wrong. */
static int matches(const char *json, const char *value)
{
    souk_schema *schema;
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_err err;
    int result = souk_schema_compile(souk_alloc_libc(), souk_slice_of(json), &schema, &err);
    if (result == SOUK_OK) {
        CHECK_INT(souk_json_read(&doc, souk_slice_of(value), NULL, &err), SOUK_OK);
        result = souk_schema_validate(schema, doc.root, &err);
        result = result == SOUK_OK ? 1 : result == SOUK_E_SCHEMA ? 0 : result;
    } else {
        printf("# %s\n", err.message);
    }
    souk_json_doc_free(&doc);
    souk_schema_free(schema);
    return result;
}

static void a_schema_that_is_none_is_refused_with_its_place(void)
{
    static const char *const rows[][2] = {
        {"5", "expected a schema: an object, true or false"},
        {"{\"properties\":{\"a\":5}}",
         "/properties/a: expected a schema: an object, true or false"},
        {"{\"properties\":[]}", "/properties: expected an object of schemas"},
        {"{\"allOf\":{}}", "/allOf: expected an array of schemas"},
        {"{\"allOf\":[]}", "/allOf: expected at least one schema"},
        {"{\"type\":\"strin\"}", "/type: \"strin\" is no type"},
        {"{\"type\":[\"string\",5]}", "/type/1: expected the name of a type"},
        {"{\"enum\":1}", "/enum: expected an array of values"},
        {"{\"minimum\":\"1\"}", "/minimum: expected a number"},
        {"{\"exclusiveMinimum\":true}", "/exclusiveMinimum: expected a number"},
        {"{\"multipleOf\":0}", "/multipleOf: expected a number greater than 0, of at most 64 bits"},
        {"{\"maxLength\":-1}", "/maxLength: expected an integer, 0 or more"},
        {"{\"maxLength\":1.5}", "/maxLength: expected an integer, 0 or more"},
        {"{\"maxItems\":-18446744073709551616}", "/maxItems: expected an integer, 0 or more"},
        {"{\"pattern\":5}", "/pattern: expected a regular expression"},
        {"{\"required\":true}", "/required: expected an array of property names"},
        {"{\"required\":[1]}", "/required: expected an array of property names"},
        {"{\"dependentRequired\":{\"a\":1}}",
         "/dependentRequired/a: expected an array of property names"},
        {"{\"dependentRequired\":1}", "/dependentRequired: expected an object of property names"},
        {"{\"uniqueItems\":1}", "/uniqueItems: expected true or false"},
        {"{\"contains\":true,\"minContains\":-1}", "/minContains: expected an integer, 0 or more"},
        {"{\"items\":[true]}", "/items: expected a schema; since 2020-12 a list of them is called "
                               "prefixItems"},
        {"{\"$ref\":5}", "/$ref: expected a URI reference"},
        {"{\"$schema\":5}", "/$schema: expected the URI of a dialect"},
        {"{\"a\":1,\"a\":2}", "the key occurs twice in its object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        souk_err err;
        CHECK_INT(compile(rows[i][0], NULL, &err), SOUK_E_SCHEMA);
        CHECK_INT(err.kind, SOUK_E_SCHEMA);
        CHECK_TEXT(err.message, rows[i][1]);
    }
}

static void text_that_is_not_json_is_refused_with_its_position(void)
{
    souk_err err;
    CHECK_INT(compile("{\"type\":\n }", NULL, &err), SOUK_E_SCHEMA);
    CHECK_INT(err.kind, SOUK_E_SCHEMA);
    CHECK_INT(err.line, 2);
    CHECK_INT(compile("{\"type\":\n }", NULL, NULL), SOUK_E_SCHEMA);
}

static void dialects_are_told_by_their_uri(void)
{
    static const char *const known[] = {"https://json-schema.org/draft/2020-12/schema",
                                        "https://json-schema.org/draft/2019-09/schema#",
                                        "http://json-schema.org/draft-07/schema#",
                                        "http://json-schema.org/draft-07/schema",
                                        "https://json-schema.org/draft-06/schema#",
                                        "http://json-schema.org/draft-04/schema#",
                                        "http://json-schema.org/schema#"};
    static const char *const unknown[] = {"http://json-schema.org/draft-03/schema#",
                                          "https://json-schema.org/draft/next/schema",
                                          "https://example.com/schema",
                                          "ftp://json-schema.org/draft-07/schema#",
                                          "http://json-schema.org/draft-07/schema#/x",
                                          ""};
    char json[200];
    souk_err err;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        (void)snprintf(json, sizeof json, "{\"$schema\":\"%s\"}", known[i]);
        CHECK_INT(compile(json, NULL, &err), SOUK_OK);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        (void)snprintf(json, sizeof json, "{\"$schema\":\"%s\"}", unknown[i]);
        CHECK_INT(compile(json, NULL, &err), SOUK_E_SCHEMA);
        (void)snprintf(json, sizeof json, "/$schema: \"%s\" is no dialect that is supported",
                       unknown[i]);
        CHECK_TEXT(err.message, json);
    }
}

#define DRAFT_07 "\"$schema\":\"http://json-schema.org/draft-07/schema#\","
#define DRAFT_04 "\"$schema\":\"http://json-schema.org/draft-04/schema#\","

static void each_dialect_has_its_own_keywords(void)
{
    CHECK_INT(
        matches("{" DRAFT_07 "\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}", "[1]"),
        0);
    CHECK_INT(matches("{" DRAFT_07 "\"items\":[{}],\"additionalItems\":false}", "[1,2]"), 0);
    CHECK_INT(matches("{" DRAFT_07 "\"prefixItems\":[false]}", "[1]"), 1);
    CHECK_INT(matches("{" DRAFT_07 "\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}"), 1);
    CHECK_INT(matches("{" DRAFT_07 "\"dependencies\":{\"a\":[\"b\"]}}", "{\"a\":1}"), 0);
    CHECK_INT(matches("{\"dependencies\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}"), 0);
    CHECK_INT(matches("{\"additionalItems\":false,\"prefixItems\":[]}", "[1]"), 1);
    CHECK_INT(matches("{\"$recursiveRef\":\"#/nowhere\"}", "1"), 1);
    CHECK_INT(matches("{" DRAFT_04 "\"maximum\":3,\"exclusiveMaximum\":true}", "3"), 0);
    CHECK_INT(matches("{" DRAFT_04 "\"maximum\":3,\"exclusiveMaximum\":false}", "3"), 1);
    CHECK_INT(matches("{" DRAFT_04 "\"minimum\":3,\"exclusiveMinimum\":true}", "3"), 0);
    CHECK_INT(matches("{" DRAFT_04 "\"const\":3}", "4"), 1);
    souk_err err;
    CHECK_INT(compile("{" DRAFT_04 "\"maximum\":3,\"exclusiveMaximum\":3}", NULL, &err),
              SOUK_E_SCHEMA);
    souk_schema_options options = {.dialect = SOUK_SCHEMA_DRAFT_07};
    CHECK_INT(compile("{\"items\":[true]}", &options, &err), SOUK_OK);
}

static void beside_a_ref_nothing_counts_up_to_draft_07(void)
{
    CHECK_INT(matches("{" DRAFT_07 "\"$ref\":\"#/definitions/a\",\"maximum\":1,"
                      "\"definitions\":{\"a\":{\"type\":\"integer\"}}}",
                      "5"),
              1);
    CHECK_INT(
        matches("{\"$ref\":\"#/$defs/a\",\"maximum\":1,\"$defs\":{\"a\":{\"type\":\"integer\"}}}",
                "5"),
        0);
}

static void references_reach_everything_in_the_document(void)
{
    CHECK_INT(
        matches("{\"$ref\":\"#/x-own/list/1\",\"x-own\":{\"list\":[0,{\"type\":\"null\"}]}}", "1"),
        0);
    CHECK_INT(
        matches("{\"$ref\":\"#/definitions/a%20b~1c\",\"definitions\":{\"a b/c\":false}}", "1"), 0);
    CHECK_INT(
        matches("{\"$id\":\"http://a/x.json\",\"$ref\":\"y.json#z\",\"$defs\":{\"y\":"
                "{\"$id\":\"y.json\",\"$defs\":{\"q\":{\"$anchor\":\"z\",\"type\":\"null\"}}}}}",
                "1"),
        0);
    CHECK_INT(
        matches("{\"$ref\":\"item\",\"$defs\":{\"i\":{\"$id\":\"item\",\"type\":\"null\"}}}", "1"),
        0);
    CHECK_INT(matches("{" DRAFT_07 "\"$ref\":\"#z\",\"definitions\":{\"q\":{\"$id\":\"#z\","
                      "\"type\":\"null\"}}}",
                      "1"),
              0);
    CHECK_INT(matches("{" DRAFT_07
                      "\"$id\":\"http://a/b.json\",\"allOf\":[{\"$ref\":\"c.json#d\"}],"
                      "\"definitions\":{\"q\":{\"$id\":\"c.json#d\",\"type\":\"null\"}}}",
                      "1"),
              0);
    CHECK_INT(matches("{" DRAFT_04 "\"$ref\":\"#z\",\"definitions\":{\"q\":{\"id\":\"#z\","
                      "\"type\":\"null\"}}}",
                      "1"),
              0);
}

static void identifiers_that_generators_write_do_no_harm(void)
{
    CHECK_INT(matches("{" DRAFT_07 "\"$id\":\"http://a/root.json\",\"properties\":{\"a\":"
                      "{\"$id\":\"#/properties/a\",\"type\":\"null\"}},\"items\":"
                      "{\"$ref\":\"#/properties/a\"}}",
                      "[1]"),
              0);
}

static void an_embedded_resource_may_have_a_dialect_of_its_own(void)
{
    CHECK_INT(
        matches("{\"$ref\":\"http://a/old\",\"$defs\":{\"o\":{\"$id\":\"http://a/old\"," DRAFT_07
                "\"items\":[{\"type\":\"null\"}]}}}",
                "[1]"),
        0);
}

static void a_reference_that_leads_nowhere_is_refused(void)
{
    static const char *const rows[][2] = {
        {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/b\"}}}",
         "/properties/a/$ref: \"#/$defs/b\" leads to nothing in this document"},
        {"{\"$ref\":\"#b\"}", "/$ref: \"#b\" leads to nothing in this document"},
        {"{\"$ref\":\"#/a/00\",\"a\":[{}]}", "/$ref: \"#/a/00\" leads to nothing in this document"},
        {"{\"$ref\":\"#/a/1\",\"a\":[{}]}", "/$ref: \"#/a/1\" leads to nothing in this document"},
        {"{\"$ref\":\"#/a/x\",\"a\":[{}]}", "/$ref: \"#/a/x\" leads to nothing in this document"},
        {"{\"$ref\":\"#/a\",\"a\":5}", "/a: expected a schema: an object, true or false"},
        {"{\"$ref\":\"http://a/b\"}",
         "/$ref: \"http://a/b\" is not in this document, and nothing is fetched"},
        {"{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}",
         "/$ref: \"https://json-schema.org/draft/2020-12/schema\" is not in this document, and "
         "nothing is fetched"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        souk_err err;
        CHECK_INT(compile(rows[i][0], NULL, &err), SOUK_E_SCHEMA);
        CHECK_TEXT(err.message, rows[i][1]);
    }
}

static void a_circle_that_never_goes_into_the_value_is_refused(void)
{
    static const char *const rows[] = {
        "{\"$ref\":\"#\"}",
        "{\"allOf\":[{\"$ref\":\"#\"}]}",
        "{\"anyOf\":[{\"type\":\"null\"},{\"oneOf\":[{\"$ref\":\"#/anyOf/1\"}]}]}",
        "{\"not\":{\"$ref\":\"#\"}}",
        "{\"if\":true,\"then\":{\"$ref\":\"#\"}}",
        "{\"if\":true,\"else\":{\"$ref\":\"#\"}}",
        "{\"dependentSchemas\":{\"a\":true,\"b\":{\"$ref\":\"#\"}}}",
        "{\"dependencies\":{\"a\":[],\"b\":{\"$ref\":\"#\"}}}",
        "{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}",
        "{\"$dynamicRef\":\"#a\",\"$dynamicAnchor\":\"a\"}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        souk_err err;
        CHECK_INT(compile(rows[i], NULL, &err), SOUK_E_SCHEMA);
        CHECK(strstr(err.message, "applies itself to the same value without end") != NULL);
    }
}

static void recursion_into_the_value_is_no_circle(void)
{
    CHECK_INT(matches("{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"type\":\"object\"}",
                      "{\"next\":{\"next\":5}}"),
              0);
    CHECK_INT(matches("{\"anyOf\":[{\"type\":\"null\"},{\"items\":{\"$ref\":\"#\"}}]}", "[[null]]"),
              1);
}

/* The dynamic scope decides which resource's anchor a $dynamicRef means. */
static void a_dynamic_reference_finds_the_outermost_anchor(void)
{
    static const char json[] =
        "{\"$id\":\"http://a/strict\",\"$dynamicAnchor\":\"node\",\"$ref\":\"tree\","
        "\"unevaluatedProperties\":false,\"$defs\":{\"t\":{\"$id\":\"tree\","
        "\"$dynamicAnchor\":\"node\",\"type\":\"object\",\"properties\":{\"data\":true,"
        "\"children\":{\"items\":{\"$dynamicRef\":\"#node\"}}}}}}";
    CHECK_INT(matches(json, "{\"children\":[{\"data\":1,\"children\":[]}]}"), 1);
    CHECK_INT(matches(json, "{\"children\":[{\"daat\":1}]}"), 0);
}

static void warnings_say_what_is_not_checked(void)
{
    souk_schema *schema;
    souk_slice json = SOUK_LIT("{\"properties\":{\"a\":{\"pattern\":\"(?=x)\"}},"
                               "\"patternProperties\":{\"[z-a]\":true},"
                               "\"$defs\":{\"a\":{\"$id\":\"x\"},\"b\":{\"$id\":\"x\"}}}");
    CHECK_INT(souk_schema_compile(souk_alloc_libc(), json, &schema, NULL), SOUK_OK);
    const souk_slice *warnings;
    CHECK_INT(souk_schema_warnings(schema, &warnings), 3);
    CHECK_INT(souk_schema_warnings(schema, NULL), 3);
    CHECK_SLICE(warnings[0], "/$defs/b/$id: \"x\" is the name of an earlier schema as well");
    CHECK_SLICE(warnings[1],
                "/patternProperties/[z-a]: \"[z-a]\" is not checked: a range in a class "
                "is out of order (at byte 4)");
    CHECK_SLICE(warnings[2], "/properties/a/pattern: \"(?=x)\" is not checked: lookaround is not "
                             "supported (at byte 2)");
    souk_schema_free(schema);
    CHECK_INT(souk_schema_compile(souk_alloc_libc(), SOUK_LIT("true"), &schema, NULL), SOUK_OK);
    CHECK_INT(souk_schema_warnings(schema, &warnings), 0);
    souk_schema_free(schema);
    souk_schema_free(NULL);
}

static void compiling_is_bounded(void)
{
    souk_err err;
    souk_schema_options few = {.subschemas = 2};
    CHECK_INT(compile("{\"items\":{}}", &few, &err), SOUK_OK);
    CHECK_INT(compile("{\"items\":{\"items\":{}}}", &few, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "the schema has more than 2 subschemas");
    souk_schema_options flat = {.nesting = 2};
    CHECK_INT(compile("{\"items\":{\"items\":{}}}", &flat, &err), SOUK_E_LIMIT);
    souk_schema_options small = {.text = 10};
    CHECK_INT(compile("{\"items\":{}}", &small, &err), SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "the schema is larger than 10 bytes");
    souk_schema_options short_walk = {.compile_steps = 5};
    CHECK_INT(compile("{\"$ref\":\"#/a/b/c\",\"a\":{\"b\":{\"c\":{}}}}", &short_walk, &err),
              SOUK_E_LIMIT);
    int result = SOUK_E_LIMIT;
    souk_schema_options walk = {.compile_steps = 0};
    while (result == SOUK_E_LIMIT && walk.compile_steps < 200) {
        walk.compile_steps++;
        result = compile("{\"$id\":\"http://a/b\",\"$ref\":\"#/$defs/c\",\"$defs\":{\"c\":"
                         "{\"$id\":\"d\",\"type\":\"null\"}}}",
                         &walk, &err);
    }
    CHECK_INT(result, SOUK_OK);
    CHECK(walk.compile_steps > 20);
    souk_schema_options short_patterns = {.instructions = 5};
    CHECK_INT(compile("{\"pattern\":\"abcdefgh\"}", &short_patterns, &err), SOUK_OK);
}

static void warnings_are_bounded(void)
{
    static char json[20000];
    size_t len = (size_t)snprintf(json, sizeof json, "{\"allOf\":[true");
    for (int i = 0; i < 500; i++) {
        len += (size_t)snprintf(json + len, sizeof json - len, ",{\"pattern\":\"(\"}");
    }
    (void)snprintf(json + len, sizeof json - len, "]}");
    souk_schema *schema;
    CHECK_INT(souk_schema_compile(souk_alloc_libc(), souk_slice_of(json), &schema, NULL), SOUK_OK);
    CHECK_INT(souk_schema_warnings(schema, NULL), 100);
    souk_schema_free(schema);
}

int main(void)
{
    CASE(a_schema_that_is_none_is_refused_with_its_place);
    CASE(text_that_is_not_json_is_refused_with_its_position);
    CASE(dialects_are_told_by_their_uri);
    CASE(each_dialect_has_its_own_keywords);
    CASE(beside_a_ref_nothing_counts_up_to_draft_07);
    CASE(references_reach_everything_in_the_document);
    CASE(identifiers_that_generators_write_do_no_harm);
    CASE(an_embedded_resource_may_have_a_dialect_of_its_own);
    CASE(a_reference_that_leads_nowhere_is_refused);
    CASE(a_circle_that_never_goes_into_the_value_is_refused);
    CASE(recursion_into_the_value_is_no_circle);
    CASE(a_dynamic_reference_finds_the_outermost_anchor);
    CASE(warnings_say_what_is_not_checked);
    CASE(compiling_is_bounded);
    CASE(warnings_are_bounded);
    return tap_done();
}
