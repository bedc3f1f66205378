#include "cap_help.h"
#include "failing_alloc.h"

/* The manifest's JSON text; the caller frees the buffer. */
static souk_slice to_json(const souk_manifest *manifest, souk_buf *buf)
{
    souk_err err;
    souk_buf_init(buf, souk_alloc_libc(), 1 << 20);
    CHECK_INT(souk_manifest_to_json(manifest, buf, &err), SOUK_OK);
    return souk_buf_slice(buf);
}

static void becomes(const char *json, const char *expected)
{
    souk_err err;
    souk_buf buf;
    souk_manifest *manifest = help_cap_json(json, &err);
    CHECK(manifest != NULL);
    if (manifest == NULL) {
        printf("#   %s\n", err.message);
        return;
    }
    CHECK_SLICE(to_json(manifest, &buf), expected);
    souk_buf_free(&buf);
    souk_manifest_unref(manifest);
}

static void refuses(const char *json, const char *message)
{
    souk_err err = {0};
    CHECK(help_cap_json(json, &err) == NULL);
    CHECK_INT(err.kind, SOUK_E_CONFIG);
    CHECK_TEXT(err.message, message);
}

static void an_id_is_enough(void)
{
    becomes("{\"id\":\"a\"}",
            "{\"id\":\"a\",\"name\":\"a\",\"version\":\"1.0.0\",\"description\":\"\","
            "\"permissions\":[],\"effects\":[],\"domains\":[],\"categories\":[],"
            "\"annotations\":{},\"metadata\":{},\"metadata_nested\":{},\"extra\":{}}");
}

static void all_members_are_kept(void)
{
    becomes(
        "{\"id\":\"a\",\"name\":\"b\",\"version\":\"2\",\"description\":\"d\","
        "\"provider\":{\"type\":\"Lua\"},\"permissions\":[\":p\",\"q\"],\"effects\":\":e\","
        "\"domains\":[\"x\"],\"categories\":[\"y\"],\"language\":\"lua\","
        "\"annotations\":{\"readOnlyHint\":true},\"metadata\":{ \"m\" : { \"n\" : 1.0 } },"
        "\"input_schema\":{\"type\" : \"object\"},\"output_schema\":true,"
        "\"extra\":{\"z\":[1, 2]},\"implementation\":\" (fn [x] x) \",\"server\":\"s\","
        "\"file\":\"f\",\"line\":3}",
        "{\"id\":\"a\",\"name\":\"b\",\"version\":\"2\",\"description\":\"d\","
        "\"provider\":{\"type\":\"Lua\"},\"provider_kind\":\"lua\",\"permissions\":[\"p\",\"q\"],"
        "\"effects\":[\"e\"],\"domains\":[\"x\"],\"categories\":[\"y\"],\"language\":\"lua\","
        "\"annotations\":{\"readOnlyHint\":true},\"metadata\":{\"m_n\":\"1.0\"},"
        "\"metadata_nested\":{\"m\":{\"n\":1.0}},\"input_schema\":{\"type\":\"object\"},"
        "\"output_schema\":true,\"extra\":{\"z\":[1,2]},\"implementation\":\"(fn [x] x)\","
        "\"server\":\"s\",\"file\":\"f\",\"line\":3}");
}

static void the_json_of_a_manifest_makes_a_manifest_that_means_the_same(void)
{
    souk_err err;
    souk_buf first;
    souk_buf second;
    souk_manifest *one = help_cap_json("{\"id\":\"a\",\"provider\":{\"type\":\"mcp\","
                                       "\"server_endpoint\":\"u\"},\"metadata\":{\"x\":\"y\"}}",
                                       &err);
    souk_slice text = to_json(one, &first);
    souk_manifest *two = help_cap_json(text.ptr, &err);
    CHECK(two != NULL);
    CHECK_SLICE(souk_manifest_fact(two, "mcp_server_url"), "u");
    CHECK_SLICE(souk_manifest_fact(two, "x"), "y");
    CHECK_INT(two->flat.count, one->flat.count);
    souk_manifest *three = help_cap_json(to_json(two, &second).ptr, &err);
    souk_buf_free(&first);
    CHECK_SLICE(to_json(three, &first), second.data);
    souk_buf_free(&first);
    souk_buf_free(&second);
    souk_manifest_unref(one);
    souk_manifest_unref(two);
    souk_manifest_unref(three);
}

static void nested_metadata_counts_when_there_is_no_flat_one(void)
{
    souk_err err;
    souk_manifest *m = help_cap_json("{\"id\":\"a\",\"metadata_nested\":{\"a\":{\"b\":1}}}", &err);
    CHECK_SLICE(souk_manifest_fact(m, "a_b"), "1");
    souk_manifest_unref(m);
    m = help_cap_json("{\"id\":\"a\",\"metadata_nested\":{\"a\":{\"b\":1}},\"metadata\":{\"c\":2}}",
                      &err);
    CHECK_INT(m->flat.count, 1);
    CHECK_SLICE(souk_manifest_fact(m, "c"), "2");
    souk_manifest_unref(m);
}

static void an_mcp_providers_facts_join_the_metadata(void)
{
    souk_err err;
    souk_manifest *m =
        help_cap_json("{\"id\":\"a\",\"provider\":{\"type\":\"mcp\",\"server-endpoint\":\"u\","
                      "\"tool_name\":\"t\","
                      "\"timeout_seconds\":30,\"protocol_version\":\"v\",\"other\":\"o\"},"
                      "\"metadata\":{\"mcp\":{\"tool_name\":\"mine\"}}}",
                      &err);
    CHECK_INT(m->flat.count, 4);
    CHECK_SLICE(souk_manifest_fact(m, "mcp_server_url"), "u");
    CHECK_SLICE(souk_manifest_fact(m, "mcp_tool_name"), "mine");
    CHECK_SLICE(souk_manifest_fact(m, "mcp_timeout_seconds"), "30");
    CHECK_SLICE(souk_manifest_fact(m, "mcp_protocol_version"), "v");
    souk_manifest_unref(m);
    m = help_cap_json("{\"id\":\"a\",\"provider\":{\"type\":\"http\",\"server_endpoint\":\"u\"}}",
                      &err);
    CHECK_INT(m->flat.count, 0);
    souk_manifest_unref(m);
}

static void what_is_wrong_is_named(void)
{
    refuses("[]", "expected an object that describes a capability, got array");
    refuses("{}", "the id is empty");
    refuses("{\"id\":\"\"}", "the id is empty");
    refuses("{\"id\":\"a\\nb\"}", "the id has a control character (0x0A)");
    refuses("{\"id\":\"a\\u007f\"}", "the id has a control character (0x7F)");
    refuses("{\"id\":\"a\\u0000\"}", "the id has a control character (0x00)");
    refuses("{\"id\":1}", "id: expected a string, got integer");
    refuses("{\"id\":\"a\",\"input_shema\":{}}",
            "unknown member \"input_shema\": did you mean \"input_schema\"?");
    refuses("{\"id\":\"a\",\"qqqqqqqqqqq\":{}}", "unknown member \"qqqqqqqqqqq\"");
    refuses("{\"id\":\"a\",\"input_schema\":\"x\"}",
            "input_schema: expected a schema (object or boolean), got string");
    refuses("{\"id\":\"a\",\"permissions\":[1]}",
            "permissions: expected an array of strings, got integer");
    refuses("{\"id\":\"a\",\"effects\":{}}", "effects: expected an array of strings, got object");
    refuses("{\"id\":\"a\",\"metadata\":[]}", "metadata: expected an object, got array");
    refuses("{\"id\":\"a\",\"provider\":[]}", "provider: expected a label or an object, got array");
    refuses("{\"id\":\"a\",\"implementation\":\"(a\"}",
            "implementation: this '(' is never closed: expected ')'");
    refuses("{\"id\":\"a\",\"implementation\":1}",
            "implementation: expected a string with one form, got integer");
    refuses("{\"id\":\"a\",\"implementation\":\"a b\"}",
            "implementation: expected one form, got more");
    refuses("{\"id\":\"a\",\"line\":-1}", "line: expected the number of a line, got integer");
}

static void an_id_has_a_longest_length(void)
{
    char json[600];
    souk_err err;
    int len = snprintf(json, sizeof json, "{\"id\":\"%0512d\"}", 1);
    souk_manifest *m = help_cap_json(json, &err);
    CHECK(m != NULL && m->id.len == 512);
    souk_manifest_unref(m);
    CHECK_INT(len, 512 + 9);
    snprintf(json, sizeof json, "{\"id\":\"%0513d\"}", 1);
    refuses(json, "the id is longer than 512 bytes");
}

static void values_are_nested_only_so_deep(void)
{
    char json[1024];
    souk_err err;
    for (int depth = 100; depth <= 101; depth++) {
        size_t len = (size_t)snprintf(json, sizeof json, "{\"id\":\"a\",\"metadata\":{\"v\":");
        memset(json + len, '[', (size_t)depth - 1);
        len += (size_t)depth - 1;
        memset(json + len, ']', (size_t)depth - 1);
        len += (size_t)depth - 1;
        strcpy(json + len, "}}");
        souk_manifest *m = help_cap_json(json, &err);
        CHECK((m != NULL) == (depth == 100));
        souk_manifest_unref(m);
    }
    CHECK_TEXT(err.message, "metadata is nested deeper than 100");
}

static void duplicate_members_are_dropped(void)
{
    becomes("{\"id\":\"a\",\"id\":\"b\",\"extra\":{\"x\":1,\"x\":2,\"y\":{\"z\":3,\"z\":4}}}",
            "{\"id\":\"b\",\"name\":\"b\",\"version\":\"1.0.0\",\"description\":\"\","
            "\"permissions\":[],\"effects\":[],\"domains\":[],\"categories\":[],"
            "\"annotations\":{},\"metadata\":{},\"metadata_nested\":{},"
            "\"extra\":{\"x\":2,\"y\":{\"z\":4}}}");
}

static void count_frees(const souk_alloc *alloc, void *attachment)
{
    (void)alloc;
    ++*(int *)attachment;
}

static void a_manifest_lives_as_long_as_somebody_holds_it(void)
{
    souk_err err;
    int frees = 0;
    souk_manifest *m = help_cap_json("{\"id\":\"a\"}", &err);
    m->attachment = &frees;
    m->free_attachment = count_frees;
    CHECK(souk_manifest_ref(m) == m);
    souk_manifest_unref(m);
    CHECK_INT(frees, 0);
    CHECK_SLICE(m->id, "a");
    souk_manifest_unref(m);
    CHECK_INT(frees, 1);
    souk_manifest_unref(NULL);
}

static void running_out_of_memory_is_an_error(void)
{
    static const char json[] =
        "{\"id\":\"a\",\"provider\":{\"type\":\"mcp\",\"server_endpoint\":\"\\u0041\"},"
        "\"permissions\":[\"p\"],\"metadata\":{\"a\":{\"b\":1,\"b\":2},\"a_b\":3},"
        "\"input_schema\":{\"type\":\"object\"},\"implementation\":\"(a b)\"}";
    failing_alloc f;
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    CHECK_INT(souk_json_read(&doc, souk_slice_of(json), NULL, NULL), SOUK_OK);
    for (long n = 1;; n++) {
        souk_manifest *m = NULL;
        souk_err err;
        souk_buf out;
        failing_alloc_init(&f, n);
        int kind = souk_manifest_from_json(&f.alloc, &doc, doc.root, NULL, &m, &err);
        /* A failure to give memory back early is none. */
        CHECK(kind == SOUK_OK || (f.fired && kind == SOUK_E_LIMIT));
        CHECK((m != NULL) == (kind == SOUK_OK));
        if (m != NULL) {
            souk_buf_init(&out, &f.alloc, 1 << 16);
            kind = souk_manifest_to_json(m, &out, &err);
            CHECK(kind == SOUK_OK || (f.fired && kind == SOUK_E_LIMIT));
            souk_buf_free(&out);
        }
        souk_manifest_unref(m);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
    souk_json_doc_free(&doc);
}

int main(void)
{
    CASE(an_id_is_enough);
    CASE(all_members_are_kept);
    CASE(the_json_of_a_manifest_makes_a_manifest_that_means_the_same);
    CASE(nested_metadata_counts_when_there_is_no_flat_one);
    CASE(an_mcp_providers_facts_join_the_metadata);
    CASE(what_is_wrong_is_named);
    CASE(an_id_has_a_longest_length);
    CASE(values_are_nested_only_so_deep);
    CASE(duplicate_members_are_dropped);
    CASE(a_manifest_lives_as_long_as_somebody_holds_it);
    CASE(running_out_of_memory_is_an_error);
    return tap_done();
}
