#include "cap_help.h"

#include "cap/detect.h"
#include "cap/keys.h"
#include "cap/nearest.h"

/* Flattens a JSON object; "key=value;" for each entry, or the error. Returns the warnings. */
static size_t flatten(const char *json, char *out, size_t size)
{
    souk_json_doc doc;
    souk_arena arena;
    souk_diags diags;
    souk_flattening f;
    souk_flat flat;
    souk_err err;
    size_t len = 0;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_arena_init(&arena, souk_alloc_libc());
    souk_diags_init(&diags, souk_alloc_libc(), SOUK_LIT(""), 10);
    CHECK_INT(souk_json_read(&doc, souk_slice_of(json), NULL, &err), SOUK_OK);
    souk_flatten_begin(&f, &arena);
    out[0] = '\0';
    if (souk_flatten_add(&f, &doc, doc.root, &err) != SOUK_OK ||
        souk_flatten_end(&f, &diags, &flat, &err) != SOUK_OK) {
        snprintf(out, size, "%s", err.message);
    } else {
        for (size_t i = 0; i < flat.count && len < size; i++) {
            len += (size_t)snprintf(out + len, size - len, "%.*s=%.*s;", SOUK_ARG(flat.keys[i]),
                                    SOUK_ARG(flat.values[i]));
            souk_slice value;
            CHECK(souk_flat_find(&flat, flat.keys[i], &value));
            CHECK(souk_slice_eq(value, flat.values[i]));
        }
        CHECK(!souk_flat_find(&flat, SOUK_LIT("no such key"), NULL));
        CHECK(souk_flat_get(&flat, "no such key").ptr == NULL);
    }
    size_t warnings = diags.tallies[SOUK_WARNING];
    souk_diags_free(&diags);
    souk_arena_free(&arena);
    souk_json_doc_free(&doc);
    return warnings;
}

static void is(const char *json, const char *expected, size_t warnings)
{
    char got[4096];
    CHECK_INT(flatten(json, got, sizeof got), warnings);
    CHECK_TEXT(got, expected);
}

static void keys_are_joined_with_an_underscore(void)
{
    is("{\"mcp\":{\"server_url\":\"x\",\"a\":{\"b\":{\"c\":\"y\"}}},\"z\":\"1\"}",
       "mcp_server_url=x;mcp_a_b_c=y;z=1;", 0);
}

static void a_colon_is_dropped_and_a_minus_becomes_an_underscore(void)
{
    is("{\":mcp\":{\":requires-session\":\"auto\"}}", "mcp_requires_session=auto;", 0);
    is("{\"a:b\":{\"Some-Case\":\"x\"}}", "a:b_Some_Case=x;", 0);
}

static void values_become_text(void)
{
    is("{\"a\":1,\"b\":1.50,\"c\":true,\"d\":false,\"e\":\"\",\"f\":123456789012345678901}",
       "a=1;b=1.50;c=true;d=false;e=;f=123456789012345678901;", 0);
    is("{\"v\":[1,\"x\",{\"y\":[]}]}", "v=[1,\"x\",{\"y\":[]}];", 0);
    is("{\"a\":null,\"b\":{},\"c\":{\"d\":null}}", "", 0);
    is("[1]", "", 0);
}

static void of_two_paths_with_one_key_the_later_counts(void)
{
    is("{\"mcp\":{\"server_url\":\"1\"},\"x\":\"y\",\"mcp_server_url\":\"2\"}",
       "x=y;mcp_server_url=2;", 1);
    is("{\"a-b\":\"1\",\"a_b\":\"2\",\"a\":{\"b\":\"3\"}}", "a_b=3;", 2);
}

static void the_order_is_that_of_the_document(void)
{
    char json[8192] = "{";
    char want[8192] = "";
    for (int i = 0; i < 100; i++) {
        char entry[64];
        int number = (i * 37) % 100;
        snprintf(entry, sizeof entry, "%s\"k%d\":\"%d\"", i > 0 ? "," : "", number, i);
        strcat(json, entry);
        snprintf(entry, sizeof entry, "k%d=%d;", number, i);
        strcat(want, entry);
    }
    strcat(json, "}");
    is(json, want, 0);
}

static void a_key_that_is_too_long_is_an_error(void)
{
    char json[700];
    char got[4096];
    memset(json, 'a', sizeof json);
    memcpy(json, "{\"", 2);
    strcpy(json + 2 + 512, "\":1}");
    flatten(json, got, sizeof got);
    CHECK(souk_slice_starts(souk_slice_of(got), SOUK_LIT("aaa")));
    memset(json, 'a', sizeof json);
    memcpy(json, "{\"", 2);
    strcpy(json + 2 + 513, "\":1}");
    is(json, "metadata has a key longer than 512 bytes", 0);
    memset(json, 'a', sizeof json);
    memcpy(json, "{\"", 2);
    strcpy(json + 2 + 512, "\":{\"\":1}}");
    is(json, "metadata has a key longer than 512 bytes", 0);
}

static void too_many_entries_are_an_error(void)
{
    char *json = calloc(1, 16385 * 12 + 10);
    char got[128];
    size_t len = 0;
    json[len++] = '{';
    for (int i = 0; i < 16385; i++) {
        len += (size_t)sprintf(json + len, "%s\"%d\":1", i > 0 ? "," : "", i);
    }
    json[len] = '}';
    flatten(json, got, sizeof got);
    CHECK_TEXT(got, "metadata has more than 16384 entries");
    free(json);
}

/* One row of the truth table: metadata, provider, and the handler's prefix (NULL: no session). */
static void detects(const char *metadata, const char *provider, const char *prefix)
{
    char json[512];
    souk_err err;
    souk_slice got = {NULL, 0};
    snprintf(json, sizeof json, "{\"id\":\"a\",\"metadata\":%s,\"provider\":%s}", metadata,
             provider);
    souk_manifest *manifest = help_cap_json(json, &err);
    CHECK(manifest != NULL);
    if (manifest == NULL) {
        return;
    }
    bool needs = souk_manifest_needs_session(manifest, &got);
    if (needs != (prefix != NULL) || (needs && !souk_slice_is(got, prefix))) {
        tap_fail(__FILE__, __LINE__, json);
        printf("#   got %d, %.*s\n", needs, SOUK_ARG(got));
    }
    souk_manifest_unref(manifest);
}

static void sessions_are_needed_as_the_truth_table_says(void)
{
    detects("{\"mcp_requires_session\":\"auto\"}", "null", "mcp");
    detects("{\"mcp_requires_session\":\"true\"}", "null", "mcp");
    detects("{\"mcp_requires_session\":true}", "null", "mcp");
    detects("{\"mcp\":{\"requires-session\":true}}", "null", "mcp");
    detects("{\"mcp_requires_session\":\"false\"}", "null", NULL);
    detects("{\"mcp_requires_session\":false}", "null", NULL);
    detects("{\"mcp_requires_session\":\"required\"}", "null", NULL);
    detects("{\"mcp_requires_session\":\"TRUE\"}", "null", NULL);
    detects("{\"mcp_requires_session\":\"Auto\"}", "null", NULL);
    detects("{\"mcp_requires_session\":\"1\"}", "null", NULL);
    detects("{\"mcp_requires_session\":1}", "null", NULL);
    detects("{\"mcp_requires_session\":\" true\"}", "null", NULL);
    detects("{\"mcp_requires_session\":null}", "null", NULL);
    detects("{}", "null", NULL);
    detects("{\"requires_session\":\"true\"}", "null", NULL);
    detects("{\"_requires_session\":\"true\"}", "null", NULL);
    detects("{\"mcp_requires_sessions\":\"true\"}", "null", NULL);
    detects("{\"echo_requires_session\":\"true\"}", "null", "echo");
    detects("{\"my_own_requires_session\":\"true\"}", "null", "my_own");
    detects("{\"mcp_server_url\":\"x\",\"graphql_requires_session\":\"auto\"}", "null", "graphql");
    detects("{\"b_requires_session\":\"auto\",\"a_requires_session\":\"auto\"}", "null", "b");
    detects("{\"b_requires_session\":\"no\",\"a_requires_session\":\"auto\"}", "null", "a");
}

static void an_mcp_provider_always_needs_a_session(void)
{
    detects("{}", "\"MCP\"", "mcp");
    detects("{}", "\"mcp\"", "mcp");
    detects("{}", "\"Mcp\"", "mcp");
    detects("{}", "{\"type\":\"mcp\"}", "mcp");
    detects("{}", "{\"type\":\"MCP\"}", "mcp");
    detects("{\"mcp_requires_session\":\"false\"}", "\"MCP\"", "mcp");
    detects("{\"echo_requires_session\":\"true\"}", "\"MCP\"", "mcp");
    detects("{}", "\"mcp2\"", NULL);
    detects("{}", "{\"kind\":\"mcp\"}", NULL);
    detects("{}", "\"openapi\"", NULL);
}

static void sorting_keys_keeps_equal_ones_in_order(void)
{
    enum { COUNT = 1000 };
    static souk_slice keys[COUNT];
    static char texts[COUNT][8];
    uint32_t order[COUNT];
    bool superseded[COUNT];
    souk_arena arena;
    souk_arena_init(&arena, souk_alloc_libc());
    for (int i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", (i * 7919) % 97);
        keys[i] = souk_slice_of(texts[i]);
    }
    CHECK(souk_keys_sort(&arena, keys, COUNT, order));
    for (int i = 1; i < COUNT; i++) {
        int compared = souk_slice_compare(keys[order[i - 1]], keys[order[i]]);
        CHECK(compared < 0 || (compared == 0 && order[i - 1] < order[i]));
    }
    CHECK_INT(souk_keys_superseded(&arena, keys, COUNT, superseded), COUNT - 97);
    for (int i = 0; i < COUNT; i++) {
        CHECK(superseded[i] == (i < COUNT - 97));
    }
    souk_arena_free(&arena);
}

static void the_nearest_word_is_what_was_meant(void)
{
    static const char *const words[] = {"id", "input_schema", "output_schema", "name"};
    CHECK_TEXT(souk_nearest(SOUK_LIT("input_shema"), words, 4), "input_schema");
    CHECK_TEXT(souk_nearest(SOUK_LIT("nmae"), words, 4), "name");
    CHECK(souk_nearest(SOUK_LIT("zzzzzz"), words, 4) == NULL);
    CHECK(souk_nearest(SOUK_LIT(""), words, 4) == NULL);
    CHECK(souk_nearest(SOUK_LIT("name"), words, 0) == NULL);
    static const char long_word[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    const char *const longs[] = {long_word};
    CHECK(souk_nearest(souk_slice_of(long_word), words, 4) == NULL);
    CHECK(souk_nearest(SOUK_LIT("012345678901234567890123456789"), longs, 1) == NULL);
}

int main(void)
{
    CASE(keys_are_joined_with_an_underscore);
    CASE(a_colon_is_dropped_and_a_minus_becomes_an_underscore);
    CASE(values_become_text);
    CASE(of_two_paths_with_one_key_the_later_counts);
    CASE(the_order_is_that_of_the_document);
    CASE(a_key_that_is_too_long_is_an_error);
    CASE(too_many_entries_are_an_error);
    CASE(sessions_are_needed_as_the_truth_table_says);
    CASE(an_mcp_provider_always_needs_a_session);
    CASE(sorting_keys_keeps_equal_ones_in_order);
    CASE(the_nearest_word_is_what_was_meant);
    return tap_done();
}
