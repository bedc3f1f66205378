/*
 * The hint is the only part of bind that needs no Lua; the core library has none of bind, so its
 * source is included.
 */
#include "bind/hint.c"

#include "json_help.h"
#include "tap.h"

static const char schema_text[] =
    "{\"type\":\"object\","
    "\"properties\":{"
    "\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"array\"}},"
    "\"options\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\"}},"
    "\"maybe\":{\"type\":[\"null\",\"array\"]},"
    "\"either\":{\"type\":[\"array\",\"object\"]},"
    "\"pair\":{\"type\":\"array\",\"prefixItems\":[{\"type\":\"object\"},{\"type\":\"array\"}],"
    "\"items\":{\"type\":\"string\"}},"
    "\"named\":{\"$ref\":\"#/$defs/list\"},"
    "\"twice\":{\"$ref\":\"#/properties/named\"},"
    "\"circle\":{\"$ref\":\"#/$defs/circle\"},"
    "\"elsewhere\":{\"$ref\":\"other.json#/list\"},"
    "\"lost\":{\"$ref\":\"#/$defs/missing\"},"
    "\"anything\":true},"
    "\"$defs\":{\"list\":{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}},"
    "\"circle\":{\"$ref\":\"#/$defs/circle\"}}}";

/* The hint for the member of that name. */
static souk_hint member(souk_hint hint, const char *key)
{
    return souk_hint_member(hint, souk_slice_of(key));
}

static void types_say_which_empty_tables_are_arrays(void)
{
    souk_json_doc doc;
    souk_hint root = souk_hint_of(help_read(&doc, souk_slice_of(schema_text)));
    CHECK(!souk_hint_is_array(root));
    CHECK(souk_hint_is_array(member(root, "tags")));
    CHECK(!souk_hint_is_array(member(root, "options")));
    CHECK(souk_hint_is_array(member(root, "maybe")));
    CHECK(!souk_hint_is_array(member(root, "either")));
    CHECK(!souk_hint_is_array(member(root, "anything")));
    CHECK(!souk_hint_is_array(member(root, "not there")));
    souk_json_doc_free(&doc);
}

static void the_hint_follows_members_and_elements(void)
{
    souk_json_doc doc;
    souk_hint root = souk_hint_of(help_read(&doc, souk_slice_of(schema_text)));
    CHECK(souk_hint_is_array(souk_hint_element(member(root, "tags"), 7)));
    CHECK(souk_hint_is_array(member(member(root, "options"), "any name")));
    CHECK(!souk_hint_is_array(souk_hint_element(member(root, "pair"), 0)));
    CHECK(souk_hint_is_array(souk_hint_element(member(root, "pair"), 1)));
    CHECK(!souk_hint_is_array(souk_hint_element(member(root, "pair"), 2)));
    souk_json_doc_free(&doc);
}

static void references_are_followed_within_the_schema(void)
{
    souk_json_doc doc;
    souk_hint root = souk_hint_of(help_read(&doc, souk_slice_of(schema_text)));
    CHECK(souk_hint_is_array(member(root, "named")));
    CHECK(souk_hint_is_array(member(root, "twice")));
    CHECK(souk_hint_is_array(member(souk_hint_element(member(root, "named"), 0), "tags")));
    CHECK(!souk_hint_is_array(member(root, "circle")));
    CHECK(!souk_hint_is_array(member(root, "elsewhere")));
    CHECK(!souk_hint_is_array(member(root, "lost")));
    souk_json_doc_free(&doc);
}

static void without_a_schema_nothing_is_known(void)
{
    souk_hint nothing = souk_hint_of(NULL);
    CHECK(!souk_hint_is_array(nothing));
    CHECK(!souk_hint_is_array(member(nothing, "a")));
    CHECK(!souk_hint_is_array(souk_hint_element(nothing, 0)));
}

int main(void)
{
    CASE(types_say_which_empty_tables_are_arrays);
    CASE(the_hint_follows_members_and_elements);
    CASE(references_are_followed_within_the_schema);
    CASE(without_a_schema_nothing_is_known);
    return tap_done();
}
