#include "cap_help.h"

/* Translates one type form; the schema, or the first diagnostic, must be as given. */
static void translate(const char *form, const char *schema, const char *diagnostic)
{
    souk_diags diags;
    souk_reading reading;
    souk_lexer lexer;
    souk_err err;
    souk_slice got = {NULL, 0};
    souk_diags_init(&diags, souk_alloc_libc(), SOUK_LIT("t"), 10);
    souk_reading_init(&reading, souk_alloc_libc(), &diags);
    souk_forms_init(&reading.forms, souk_alloc_libc(), souk_slice_of(form), 10000, 500);
    souk_lexer_init(&lexer, souk_slice_of(form));
    CHECK_INT(souk_forms_read(&reading.forms, &lexer, &err), SOUK_OK);
    int kind = souk_type_to_schema(&reading, &reading.forms.items[0], &got);
    CHECK_INT(kind, schema != NULL ? SOUK_OK : SOUK_E_FILE);
    if (schema != NULL) {
        souk_json_doc doc;
        CHECK_SLICE(got, schema);
        souk_json_doc_init(&doc, souk_alloc_libc());
        CHECK_INT(souk_json_read(&doc, got, NULL, NULL), SOUK_OK);
        souk_json_doc_free(&doc);
    }
    if (diagnostic != NULL) {
        CHECK_SAYS(&diags, 0, diagnostic);
    } else {
        CHECK_INT(diags.count, 0);
        help_cap_print(&diags);
    }
    souk_reading_free(&reading);
    souk_diags_free(&diags);
}

static void is(const char *form, const char *schema)
{
    translate(form, schema, NULL);
}

static void simple_types_have_their_json_names(void)
{
    is(":int", "{\"type\":\"integer\"}");
    is(":float", "{\"type\":\"number\"}");
    is(":string", "{\"type\":\"string\"}");
    is(":bool", "{\"type\":\"boolean\"}");
    is(":nil", "{\"type\":\"null\"}");
    is("nil", "{\"type\":\"null\"}");
    is(":keyword", "{\"type\":\"string\"}");
    is(":symbol", "{\"type\":\"string\"}");
    is(":any", "{}");
    is(":never", "false");
    is(":map", "{\"type\":\"object\"}");
    is("int", "{\"type\":\"integer\"}");
    is("String", "{\"type\":\"string\"}");
    is("^{:doc \"x\"} :int", "{\"type\":\"integer\"}");
}

static void optional_types_accept_null(void)
{
    is(":int?", "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}");
    is("[:optional :int]", "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}");
    is("[:vector :int?]", "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"integer\"},"
                          "{\"type\":\"null\"}]}}");
    is("[:tuple [:vector :int]?]",
       "{\"type\":\"array\",\"prefixItems\":[{\"anyOf\":[{\"type\":\"array\",\"items\":"
       "{\"type\":\"integer\"}},{\"type\":\"null\"}]}],\"minItems\":1,\"maxItems\":1}");
    is(":never?", "{\"anyOf\":[{\"not\":{}},{\"type\":\"null\"}]}");
}

static void collections_have_items(void)
{
    is("[:vector :string]", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}");
    is(":vector", "{\"type\":\"array\"}");
    is("[:tuple :int :string]", "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\"},"
                                "{\"type\":\"string\"}],\"minItems\":2,\"maxItems\":2}");
    is("[:tuple]", "{\"type\":\"array\",\"minItems\":0,\"maxItems\":0}");
    is("[:array :float]", "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}");
    is("[:array :int [2 ?]]",
       "{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"array\","
       "\"items\":{\"type\":\"integer\"}}}");
    is("[:map-of :string :int]",
       "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}");
    is("[:dict :keyword :any]", "{\"type\":\"object\",\"additionalProperties\":{}}");
    is("[:map-of [:enum :a :b] :int]",
       "{\"type\":\"object\",\"propertyNames\":{\"enum\":[\"a\",\"b\"]},"
       "\"additionalProperties\":{\"type\":\"integer\"}}");
}

static void map_entries_are_required_unless_they_say_otherwise(void)
{
    is("[:map [:owner :string] [:state [:enum \"OPEN\" \"CLOSED\"] ?]]",
       "{\"type\":\"object\",\"properties\":{\"owner\":{\"type\":\"string\"},"
       "\"state\":{\"enum\":[\"OPEN\",\"CLOSED\"]}},\"required\":[\"owner\"]}");
    is("[:map [:a :int?] [:b [:union :int :nil]] [:c [:optional :int]]]",
       "{\"type\":\"object\",\"properties\":{"
       "\"a\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]},"
       "\"b\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]},"
       "\"c\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}]}}}");
    is("[:map [:a {:optional true} :int] [:b {:optional false} :int]]",
       "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},"
       "\"b\":{\"type\":\"integer\"}},\"required\":[\"b\"]}");
    is("[:map {:a :int :b :any} [:* :string]]",
       "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{}},"
       "\"required\":[\"a\",\"b\"],\"additionalProperties\":{\"type\":\"string\"}}");
    is("[:record [:a :int]]", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},"
                              "\"required\":[\"a\"]}");
    is("[:map]", "{\"type\":\"object\"}");
}

static void brace_maps_are_read_leniently(void)
{
    is("{:owner :string \"repo\" :string}",
       "{\"type\":\"object\",\"properties\":{\"owner\":{\"type\":\"string\"},"
       "\"repo\":{\"type\":\"string\"}},\"required\":[\"owner\",\"repo\"]}");
    is("{:a :int ;; optional\n :b :int, ; Optional: how many\n :c [:vector :int] ;; optional\n"
       " :d :int ;; not optional\n}",
       "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},"
       "\"b\":{\"type\":\"integer\"},\"c\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
       "\"d\":{\"type\":\"integer\"}},\"required\":[\"d\"]}");
    is("{}", "{\"type\":\"object\"}");
    is("{:a [:vector :int]? :b {:c :int}}",
       "{\"type\":\"object\",\"properties\":{\"a\":{\"anyOf\":[{\"type\":\"array\","
       "\"items\":{\"type\":\"integer\"}},{\"type\":\"null\"}]},\"b\":{\"type\":\"object\","
       "\"properties\":{\"c\":{\"type\":\"integer\"}},\"required\":[\"c\"]}},\"required\":[\"b\"]"
       "}");
}

static void a_brace_map_can_be_a_json_schema(void)
{
    is("{:type \"object\" :properties {:n {:type \"integer\" :minimum 1}} :required [\"n\"]}",
       "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1}},"
       "\"required\":[\"n\"]}");
    is("{:type :string}", "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"}},"
                          "\"required\":[\"type\"]}");
}

static void literals_and_unions_are_listed(void)
{
    is("[:union :int :string]", "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}");
    is("[:enum \"a\" :b 3 1.50 true nil]", "{\"enum\":[\"a\",\"b\",3,1.50,true,null]}");
    is("[:val 7]", "{\"const\":7}");
    is("[:val [1 {:a 2}]]", "{\"const\":[1,{\"a\":2}]}");
}

static void predicates_stand_beside_their_type(void)
{
    is("[:and :int [:>= 0] [:< 10]]",
       "{\"type\":\"integer\",\"minimum\":0,\"exclusiveMaximum\":10}");
    is("[:and :float [:> +0.5] [:<= 007]]",
       "{\"type\":\"number\",\"exclusiveMinimum\":0.5,\"maximum\":7}");
    is("[:and :int [:= 5]]", "{\"type\":\"integer\",\"const\":5}");
    is("[:and :int [:!= 5]]", "{\"type\":\"integer\",\"not\":{\"const\":5}}");
    is("[:and :int [:in-range 1 100]]", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":100}");
    is("[:and :string [:min-length 1] [:max-length 9]]",
       "{\"type\":\"string\",\"minLength\":1,\"maxLength\":9}");
    is("[:and :string [:length 2]]", "{\"type\":\"string\",\"minLength\":2,\"maxLength\":2}");
    is("[:and :string [:matches-regex \"^a\\\\d+$\"]]",
       "{\"type\":\"string\",\"pattern\":\"^a\\\\d+$\"}");
    is("[:and [:vector :int] [:min-count 1] [:max-count 3]]",
       "{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"minItems\":1,\"maxItems\":3}");
    is("[:and :string [:non-empty]]", "{\"type\":\"string\",\"minLength\":1}");
    is("[:and :any [:count 2]]", "{\"minItems\":2,\"maxItems\":2}");
    is("[:and :int]", "{\"type\":\"integer\"}");
}

static void what_cannot_stand_beside_goes_into_all_of(void)
{
    is("[:and :map [:has-key :a] [:required-keys [:b \"c\"]] [:non-empty]]",
       "{\"required\":[\"a\"],\"minProperties\":1,\"allOf\":[{\"type\":\"object\"},"
       "{\"required\":[\"b\",\"c\"]}]}");
    is("[:and [:and :int [:> 1]] [:> 2]]",
       "{\"exclusiveMinimum\":2,\"allOf\":[{\"type\":\"integer\",\"exclusiveMinimum\":1}]}");
    is("[:and :int? [:> 2] [:> 3]]", "{\"exclusiveMinimum\":2,\"allOf\":[{\"anyOf\":[{\"type\":"
                                     "\"integer\"},{\"type\":\"null\"}]},"
                                     "{\"exclusiveMinimum\":3}]}");
}

static void what_cannot_be_checked_is_noted(void)
{
    translate("[:fn [:int] :int]", "{}", "1:1: note: a function cannot be checked");
    translate("[:=> [:int] :int]", "{}", "1:1: note: a function cannot be checked");
    translate("[:resource \"file\"]", "{}", "1:1: note: a resource cannot be checked");
}

static void unknown_types_are_any_value_and_a_warning(void)
{
    translate("[:vector :strnig]", "{\"type\":\"array\",\"items\":{}}",
              "1:10: warning: expected a type, got :strnig: any value is accepted here");
    translate("{:a\n 42}", "{\"type\":\"object\",\"properties\":{\"a\":{}},\"required\":[\"a\"]}",
              "2:2: warning: expected a type, got 42");
    translate("[:union]", "{}", "1:1: warning: expected types in [:union T ...]");
    translate("[:enum]", "{}", "1:1: warning: expected values");
    translate("[:optional]", "{}", "1:1: warning: expected one type");
    translate("[:map-of :int]", "{}", "1:1: warning: expected two types");
    translate("[:vector :int :int]", "{}", "1:1: warning: expected one type");
    translate("[:array]", "{}", "1:1: warning: expected a type and sizes");
    translate("[:array :int [-1]]", "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}",
              "1:15: warning: expected a size or ?");
    translate("[:and :int [:> \"a\"]]", "{\"type\":\"integer\"}",
              "1:12: warning: expected a predicate");
    translate("[:and :int [:min-length -1] 7]", "{\"type\":\"integer\"}",
              "1:12: warning: expected a predicate");
    translate("[:map [:a] :b]", "{\"type\":\"object\"}", "1:7: warning: expected an entry");
    translate("[:array :int 2]", "{}", "1:14: warning: expected a vector of sizes");
    translate("[:array :int [x]]", "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}",
              "1:15: warning: expected a size or ?");
    translate("[:val 1 2]", "{}", "1:1: warning: expected one value in [:val v]");
    translate("[:and]", "{}", "1:1: warning: expected a type and predicates");
    translate("[:and :int [:unheard-of 1]]", "{\"type\":\"integer\"}",
              "1:12: warning: expected a predicate");
    translate("[:and :int [:non-empty 1]]", "{\"type\":\"integer\"}",
              "1:12: warning: expected a predicate");
    translate("[:map [:a :int :int]]", "{\"type\":\"object\"}",
              "1:7: warning: expected an entry such as");
    translate("[:map [:a {:optional true :x 1} :int]]",
              "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"}},"
              "\"required\":[\"a\"]}",
              NULL);
    translate("[]", "{}", "1:1: warning: expected a type");
    translate("?", "{}", "1:1: warning: expected a type");
}

static void duplicate_entries_are_a_warning_and_the_last_counts(void)
{
    translate("{:a :int :b :int :a :string}",
              "{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"integer\"},"
              "\"a\":{\"type\":\"string\"}},\"required\":[\"b\",\"a\"]}",
              "1:5: warning: the key \"a\" comes again later, which counts");
}

static void an_odd_map_is_an_error(void)
{
    translate("{:a :int :b}", NULL, "1:1: error: this map has a key without a value");
    translate("[:map [a :int]]", NULL, "1:8: error: expected a keyword, a string or an integer");
    translate("{a :int}", NULL, "1:2: error: expected a keyword, a string or an integer as key");
}

static void types_are_nested_only_so_deep(void)
{
    char text[64 * 12 + 64] = "";
    for (int depth = 0; depth < 48; depth++) {
        strcat(text, "[:optional ");
    }
    strcat(text, ":int");
    for (int depth = 0; depth < 48; depth++) {
        strcat(text, "]");
    }
    translate(text, NULL, "1:529: error: this type is nested deeper than 48");
    translate(
        "[:array :int [? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ? ?"
        " ? ? ? ? ? ? ? ? ? ? ? ? ? ?]]",
        NULL, "1:9: error: this type is nested deeper than 48");
}

int main(void)
{
    CASE(simple_types_have_their_json_names);
    CASE(optional_types_accept_null);
    CASE(collections_have_items);
    CASE(map_entries_are_required_unless_they_say_otherwise);
    CASE(brace_maps_are_read_leniently);
    CASE(a_brace_map_can_be_a_json_schema);
    CASE(literals_and_unions_are_listed);
    CASE(predicates_stand_beside_their_type);
    CASE(what_cannot_stand_beside_goes_into_all_of);
    CASE(what_cannot_be_checked_is_noted);
    CASE(unknown_types_are_any_value_and_a_warning);
    CASE(duplicate_entries_are_a_warning_and_the_last_counts);
    CASE(an_odd_map_is_an_error);
    CASE(types_are_nested_only_so_deep);
    return tap_done();
}
