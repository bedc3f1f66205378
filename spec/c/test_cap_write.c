#include "cap_help.h"
#include "failing_alloc.h"

#include "cap/schema_form.h"

/* What the manifest is written as; the caller frees the buffer. */
static const char *written(const souk_manifest *manifest, souk_buf *buf)
{
    souk_err err;
    souk_buf_init(buf, souk_alloc_libc(), 1 << 20);
    CHECK_INT(souk_manifest_write(manifest, buf, &err), SOUK_OK);
    return buf->data;
}

/* The manifest as JSON, without what depends on where it was read. */
static const char *meaning(souk_manifest *manifest, souk_buf *buf)
{
    souk_err err;
    manifest->line = 0;
    manifest->file = SOUK_LIT("");
    souk_buf_init(buf, souk_alloc_libc(), 1 << 20);
    CHECK_INT(souk_manifest_to_json(manifest, buf, &err), SOUK_OK);
    return buf->data;
}

/*
 * Written, read and written again: the text and the manifest stay the same. Gives the manifest up.
 */
static void survives(souk_manifest *manifest)
{
    souk_buf first, again, meant, read;
    CHECK(manifest != NULL);
    if (manifest == NULL) {
        return;
    }
    written(manifest, &first);
    souk_manifest *back = help_cap_one_slice(souk_buf_slice(&first));
    if (back == NULL) {
        printf("#   %s\n", first.data);
    } else {
        CHECK_TEXT(written(back, &again), first.data);
        CHECK_TEXT(meaning(back, &read), meaning(manifest, &meant));
        souk_buf_free(&again);
        souk_buf_free(&meant);
        souk_buf_free(&read);
    }
    souk_buf_free(&first);
    souk_manifest_unref(back);
    souk_manifest_unref(manifest);
}

static void survives_from_json(const char *json)
{
    souk_err err;
    souk_manifest *manifest = help_cap_json(json, &err);
    if (manifest == NULL) {
        printf("#   %s\n", err.message);
    }
    survives(manifest);
}

static void a_manifest_is_written_readably(void)
{
    souk_buf buf;
    souk_manifest *m = help_cap_one(
        "(capability \"a\" :description \"d\" :provider \"MCP\" :permissions [:p \"q r\"]"
        " :metadata {:mcp {:url \"u\" \"x y\" [1 {:z nil}]} :e {}} :runtime :fast"
        " :input-schema [:map [:k :int ?]] :implementation (fn [x]\n  x))");
    CHECK_TEXT(written(m, &buf), "(capability \"a\"\n"
                                 "  :name \"a\"\n"
                                 "  :version \"1.0.0\"\n"
                                 "  :description \"d\"\n"
                                 "  :provider \"MCP\"\n"
                                 "  :permissions [:p \"q r\"]\n"
                                 "  :metadata {\n"
                                 "    :mcp {\n"
                                 "      :url \"u\"\n"
                                 "      \"x y\" [1 {\n"
                                 "        :z nil\n"
                                 "      }]\n"
                                 "    }\n"
                                 "    :e {}\n"
                                 "  }\n"
                                 "  :runtime \"fast\"\n"
                                 "  :input-schema [:map [:k :int ?]]\n"
                                 "  :implementation\n"
                                 "    (fn [x]\n  x))\n");
    souk_buf_free(&buf);
    survives(m);
}

static void what_was_read_from_json_survives(void)
{
    survives_from_json("{\"id\":\"a\"}");
    survives_from_json(
        "{\"id\":\"\\\"quoted\\\\ \xC3\xA4\",\"description\":\"a\\n\\t\\r\\u0001\\u0000\"}");
    survives_from_json("{\"id\":\"a\",\"metadata\":{\"n\":[1e5,1E-3,-0,1.50,12345678901234567890],"
                       "\"\":{\":k\":1,\"a b\":true,\"1\":null}}}");
    survives_from_json(
        "{\"id\":\"a\",\"provider\":{\"type\":\"mcp\",\"server_endpoint\":\"u\"},"
        "\"language\":[1,{\"x\":\"y\"}],\"server\":\"s\",\"domains\":[\"d e\",\"f\"],"
        "\"annotations\":{\"title\":\"T\"},\"permissions\":[\"::p\",\":\"]}");
    survives_from_json("{\"id\":\"a\",\"extra\":{\"plain\":1,\"other\":null}}");
    survives_from_json("{\"id\":\"a\",\"extra\":{\"not plain\":1,\"b\":2}}");
    survives_from_json("{\"id\":\"a\",\"extra\":{\"name\":\"no name\",\"input-schema\":1}}");
    survives_from_json("{\"id\":\"a\",\"extra\":{\"extra\":{\"extra\":1}}}");
    survives_from_json("{\"id\":\"a\",\"implementation\":\"\\\"text\\\"\"}");
}

static void schemas_survive(void)
{
    survives_from_json("{\"id\":\"a\",\"input_schema\":{},\"output_schema\":false}");
    survives_from_json("{\"id\":\"a\",\"input_schema\":true}");
    survives_from_json("{\"id\":\"a\",\"input_schema\":{\"type\":\"object\",\"description\":\"x\","
                       "\"properties\":{\"a b\":{\"type\":\"string\",\"pattern\":\"^\\\\d$\"}}}}");
    survives_from_json(
        "{\"id\":\"a\",\"input_schema\":{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{}}}}");
    survives_from_json("{\"id\":\"a\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"n\":"
                       "{\"type\":\"integer\"}},\"required\":[\"n\"]}}");
    survives(help_cap_one("(capability \"a\" :input-schema {\"a\" :float, \"b\" :float})"));
    survives(help_cap_one("(capability \"a\" :input-schema {:a :int ;; optional\n :b :int})"));
    survives(help_cap_one("(capability \"a\" :input-schema [:enum \"\\u0041\" \"b\\nc\"])"));
    survives(help_cap_one("(capability \"a\" :input-schema [:vector :int]? :output-schema :int?)"));
}

static void has_form(const char *schema, const char *form)
{
    souk_buf out;
    souk_err err;
    bool found;
    souk_buf_init(&out, souk_alloc_libc(), 1 << 16);
    CHECK_INT(souk_schema_to_form(souk_alloc_libc(), souk_slice_of(schema), &out, &found, &err),
              SOUK_OK);
    CHECK_INT(found, form != NULL);
    CHECK_SLICE(souk_buf_slice(&out), form == NULL ? "" : form);
    souk_buf_free(&out);
}

static void a_schema_becomes_a_type_when_one_says_exactly_that(void)
{
    has_form("{}", ":any");
    has_form("false", ":never");
    has_form("{\"type\":\"string\"}", ":string");
    has_form("{\"type\":\"object\"}", ":map");
    has_form("{\"type\":\"integer\",\"minimum\":1,\"maximum\":9}", "[:and :int [:>= 1] [:<= 9]]");
    has_form("{\"type\":\"string\",\"minLength\":1,\"pattern\":\"a\\\"b\"}",
             "[:and :string [:min-length 1] [:matches-regex \"a\\\"b\"]]");
    has_form("{\"type\":\"array\",\"items\":{\"type\":\"number\"}}", "[:vector :float]");
    has_form("{\"type\":\"array\",\"prefixItems\":[{},{\"type\":\"null\"}],\"minItems\":2,"
             "\"maxItems\":2}",
             "[:tuple :any :nil]");
    has_form("{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"}}",
             "[:map-of :string :bool]");
    has_form("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{}},"
             "\"required\":[\"a\"]}",
             "[:map [:a :string] [:b :any ?]]");
    has_form("{\"type\":\"object\",\"properties\":{\"a\":{}},\"additionalProperties\":false}",
             "[:map [:a :any ?] [:* :never]]");
    has_form("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "[:optional :string]");
    has_form("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "[:union :string :int]");
    has_form("{\"enum\":[\"a\",1,null,true]}", "[:enum \"a\" 1 nil true]");
    has_form("{\"const\":1.5}", "[:val 1.5]");
}

static void a_schema_that_says_more_has_no_type(void)
{
    has_form("true", NULL);
    has_form("{\"type\":\"string\",\"description\":\"x\"}", NULL);
    has_form("{\"minimum\":1,\"type\":\"integer\"}", NULL);
    has_form("{\"type\":\"array\"}", NULL);
    has_form("{\"type\":[\"string\",\"null\"]}", NULL);
    has_form("{\"type\":\"string\",\"enum\":[\"a\"]}", NULL);
    has_form("{\"type\":\"object\",\"properties\":{}}", NULL);
    has_form("{\"type\":\"object\",\"properties\":{\"a b\":{}}}", NULL);
    has_form("{\"type\":\"object\",\"properties\":{\"*\":{}}}", NULL);
    has_form("{\"type\":\"object\",\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"b\",\"a\"]}",
             NULL);
    has_form("{\"type\":\"object\",\"properties\":{\"a\":{\"anyOf\":[{},{\"type\":\"null\"}]}},"
             "\"required\":[\"a\"]}",
             NULL);
    has_form("{\"type\":\"integer\",\"minimum\":[1]}", NULL);
    has_form("{\"type\":\"object\",\"properties\":{\"a\":{\"x\":1}}}", NULL);
    has_form("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":{\"x\":1}}", NULL);
    has_form("{\"anyOf\":[{\"x\":1},{}]}", NULL);
    has_form("[]", NULL);
    has_form("{\"enum\":[[1]]}", NULL);
    has_form("{\"const\":{}}", NULL);
}

static void a_schema_with_many_members_has_no_type(void)
{
    char *schema = calloc(1, 300 * 16);
    size_t len = (size_t)sprintf(schema, "{\"type\":\"object\",\"properties\":{");
    for (int i = 0; i < 257; i++) {
        len += (size_t)sprintf(schema + len, "%s\"k%d\":{}", i > 0 ? "," : "", i);
    }
    strcpy(schema + len, "}}");
    has_form(schema, NULL);
    free(schema);
}

static void secrets_are_left_out(void)
{
    souk_buf buf;
    souk_err err;
    souk_manifest *m = help_cap_json(
        "{\"id\":\"a\",\"provider\":{\"type\":\"mcp\",\"auth_token\":\"s3cret1\"},"
        "\"metadata\":{\"mcp\":{\"auth-token\":\"s3cret2\",\"auth_env_var\":\"SHOWN\"},"
        "\"password\":\"s3cret3\",\"client_Secret\":[\"s3cret4\"],\"tokens\":\"shown\"},"
        "\"extra\":{\"api_token\":\"s3cret5\"}}",
        &err);
    const char *text = written(m, &buf);
    CHECK(strstr(text, "s3cret") == NULL);
    CHECK(strstr(text, "SHOWN") != NULL);
    CHECK(strstr(text, ":tokens \"shown\"") != NULL);
    CHECK(strstr(text, "#| api_token is left out: it may be a secret |#") != NULL);
    souk_manifest *back = help_cap_one(text);
    CHECK(back != NULL);
    souk_manifest_unref(back);
    souk_manifest_unref(m);
    souk_buf_free(&buf);

    m = help_cap_json("{\"id\":\"a\",\"metadata\":{\"x |# (evil) token\":1,\"\\n)_token\":2}}",
                      &err);
    back = help_cap_one(written(m, &buf));
    CHECK(back != NULL);
    CHECK(strstr(buf.data, "#| a value is left out") != NULL);
    souk_manifest_unref(back);
    souk_manifest_unref(m);
    souk_buf_free(&buf);
}

static void the_example_files_load_and_survive(void)
{
    static const struct {
        const char *path;
        size_t count;
    } files[] = {
        {"spec/data/get_me.rtfs", 1},
        {"examples/capabilities/mcp/github/get_me.rtfs", 1},
        {"examples/capabilities/mcp/github/list_issues.rtfs", 1},
        {"examples/capabilities/openapi/weather.rtfs", 1},
        {"examples/capabilities/modules/forge.rtfs", 2},
        {"examples/capabilities/modules/demo_server.rtfs", 2},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        souk_cap_file file;
        char *text = help_cap_slurp(files[i].path);
        help_cap_read(&file, text);
        CHECK_INT(file.count, files[i].count);
        CHECK_INT(file.diags.count, 0);
        for (size_t j = 0; j < file.count; j++) {
            survives(souk_manifest_ref(file.manifests[j]));
        }
        souk_cap_file_free(&file);
        free(text);
    }
}

static void get_me_has_eleven_entries_in_the_order_of_its_file(void)
{
    static const char *const entries[][2] = {
        {"mcp_server_url", "https://api.githubcopilot.com/mcp/"},
        {"mcp_server_name", "github"},
        {"mcp_tool_name", "get_me"},
        {"mcp_protocol_version", "2024-11-05"},
        {"mcp_requires_session", "auto"},
        {"mcp_auth_env_var", "MCP_AUTH_TOKEN"},
        {"mcp_server_url_override_env", "MCP_SERVER_URL"},
        {"discovery_method", "mcp_introspection"},
        {"discovery_source_url", "https://api.githubcopilot.com/mcp/"},
        {"discovery_created_at", "2025-10-24T09:02:22+00:00"},
        {"discovery_capability_type", "mcp_tool"},
    };
    char *text = help_cap_slurp("spec/data/get_me.rtfs");
    souk_manifest *m = help_cap_one(text);
    souk_slice handler;
    CHECK_INT(m->flat.count, 11);
    for (size_t i = 0; i < 11 && i < m->flat.count; i++) {
        CHECK_SLICE(m->flat.keys[i], entries[i][0]);
        CHECK_SLICE(m->flat.values[i], entries[i][1]);
        CHECK_SLICE(souk_manifest_fact(m, entries[i][0]), entries[i][1]);
    }
    CHECK(souk_manifest_needs_session(m, &handler));
    CHECK_SLICE(handler, "mcp");
    CHECK(souk_slice_starts(m->implementation, SOUK_LIT("(fn [input]\n      (let [override")));
    souk_manifest_unref(m);
    free(text);

    text = help_cap_slurp("examples/capabilities/mcp/github/list_issues.rtfs");
    m = help_cap_one(text);
    CHECK_INT(m->flat.count, 11);
    for (size_t i = 0; i < 11 && i < m->flat.count; i++) {
        CHECK_SLICE(m->flat.keys[i], entries[i][0]);
    }
    souk_manifest_unref(m);
    free(text);
}

static void running_out_of_memory_is_an_error(void)
{
    souk_manifest *m = help_cap_one(
        "(capability \"a\" :provider {:type \"mcp\"} :permissions [:p]\n"
        " :metadata {:a {:b 1} :c [1 2]} :z 1 :input-schema {:k :int, :l :string}\n"
        " :output-schema-json \"{\\\"description\\\":\\\"d\\\"}\" :implementation (f))");
    failing_alloc f;
    const souk_alloc *own = m->alloc;
    for (long n = 1;; n++) {
        souk_buf out;
        souk_err err;
        failing_alloc_init(&f, n);
        souk_buf_init(&out, &f.alloc, 1 << 16);
        m->alloc = &f.alloc;
        int kind = souk_manifest_write(m, &out, &err);
        m->alloc = own;
        CHECK(kind == SOUK_OK || (f.fired && kind == SOUK_E_LIMIT));
        souk_buf_free(&out);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
    souk_manifest_unref(m);
}

int main(void)
{
    CASE(a_manifest_is_written_readably);
    CASE(what_was_read_from_json_survives);
    CASE(schemas_survive);
    CASE(a_schema_becomes_a_type_when_one_says_exactly_that);
    CASE(a_schema_that_says_more_has_no_type);
    CASE(a_schema_with_many_members_has_no_type);
    CASE(secrets_are_left_out);
    CASE(the_example_files_load_and_survive);
    CASE(get_me_has_eleven_entries_in_the_order_of_its_file);
    CASE(running_out_of_memory_is_an_error);
    return tap_done();
}
