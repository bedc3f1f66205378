/* Where a server is, and where its token is: reading flat metadata. */
#include "failing_alloc.h"
#include "fake_port.h"
#include "pool/mcp_endpoint.h"
#include "tap.h"

enum { MOST_PAIRS = 12 };

typedef struct endpoint_rig {
    fake_port fake;
    souk_arena arena;
    souk_pair pairs[MOST_PAIRS];
    souk_target target;
    souk_mcp_endpoint endpoint;
    souk_err err;
} endpoint_rig;

static void set(endpoint_rig *rig, const char *key, const char *value)
{
    souk_pair *pair = &rig->pairs[rig->target.config.count++];
    pair->key = souk_slice_of(key);
    pair->value = souk_slice_of(value);
}

static void begin(endpoint_rig *rig, const char *name)
{
    memset(rig, 0, sizeof *rig);
    fake_init(&rig->fake);
    souk_arena_init(&rig->arena, souk_alloc_libc());
    rig->target.name = souk_slice_of(name);
    rig->target.config.items = rig->pairs;
}

static void begin_with(endpoint_rig *rig, const char *key, const char *value)
{
    begin(rig, "s");
    set(rig, key, value);
}

static void finish(endpoint_rig *rig)
{
    souk_arena_free(&rig->arena);
    fake_free(&rig->fake);
}

static int read_it(endpoint_rig *rig)
{
    return souk_mcp_endpoint_read(&rig->endpoint, &rig->arena, &rig->target, &rig->fake.env,
                                  &rig->err);
}

static void every_key_of_a_url_is_known_and_the_first_counts(void)
{
    static const char *const keys[] = {"mcp_server_url", "mcp_url", "mcp_server_endpoint"};
    for (size_t i = 0; i < 3; i++) {
        endpoint_rig rig;
        begin(&rig, "s");
        for (size_t k = i; k < 3; k++) {
            set(&rig, keys[k], k == i ? " https://first.test/mcp " : "https://later.test/mcp");
        }
        CHECK_INT(read_it(&rig), SOUK_OK);
        CHECK_TEXT(rig.endpoint.url, "https://first.test/mcp");
        CHECK_TEXT(rig.endpoint.name, "s");
        CHECK(rig.endpoint.argv == NULL);
        finish(&rig);
    }
}

static void a_variable_can_redirect_a_server(void)
{
    endpoint_rig rig;
    begin_with(&rig, "mcp_server_url", "https://real.test/mcp");
    set(&rig, "mcp_server_url_override_env", "S_URL");
    CHECK_INT(read_it(&rig), SOUK_OK);
    CHECK_TEXT(rig.endpoint.url, "https://real.test/mcp");
    fake_setenv(&rig.fake, "S_URL", "");
    CHECK_INT(read_it(&rig), SOUK_OK);
    CHECK_TEXT(rig.endpoint.url, "https://real.test/mcp");
    fake_setenv(&rig.fake, "S_URL", "http://127.0.0.1:9/mcp");
    CHECK_INT(read_it(&rig), SOUK_OK);
    CHECK_TEXT(rig.endpoint.url, "http://127.0.0.1:9/mcp");
    fake_setenv(&rig.fake, "S_URL", "npx -y  some-server\thttps://x.test");
    CHECK_INT(read_it(&rig), SOUK_OK);
    CHECK(rig.endpoint.url == NULL);
    CHECK_TEXT(rig.endpoint.argv[0], "npx");
    CHECK_TEXT(rig.endpoint.argv[2], "some-server");
    CHECK_TEXT(rig.endpoint.argv[3], "https://x.test");
    CHECK(rig.endpoint.argv[4] == NULL);
    finish(&rig);
}

static void a_command_comes_with_arguments_environment_and_directory(void)
{
    endpoint_rig rig;
    begin_with(&rig, "mcp_command", "/opt/my server");
    set(&rig, "mcp_args", "[\"-a\", \"b c\", \"\"]");
    set(&rig, "mcp_env_HOME", "/tmp");
    set(&rig, "mcp_env", "{\"A\":\"1=2\", \"B\":\"\"}");
    set(&rig, "mcp_cwd", "/srv");
    CHECK_INT(read_it(&rig), SOUK_OK);
    CHECK(rig.endpoint.url == NULL);
    CHECK_TEXT(rig.endpoint.argv[0], "/opt/my server");
    CHECK_TEXT(rig.endpoint.argv[1], "-a");
    CHECK_TEXT(rig.endpoint.argv[2], "b c");
    CHECK_TEXT(rig.endpoint.argv[3], "");
    CHECK(rig.endpoint.argv[4] == NULL);
    CHECK_TEXT(rig.endpoint.env[0], "HOME=/tmp");
    CHECK_TEXT(rig.endpoint.env[1], "A=1=2");
    CHECK_TEXT(rig.endpoint.env[2], "B=");
    CHECK(rig.endpoint.env[3] == NULL);
    CHECK_TEXT(rig.endpoint.cwd, "/srv");
    finish(&rig);
}

static void headers_roots_and_revision_are_read(void)
{
    endpoint_rig rig;
    begin_with(&rig, "mcp_url", "HTTPS://x.test");
    set(&rig, "mcp_headers", "{\"X-A\":\"1\",\"X-B\":\"\"}");
    set(&rig, "mcp_ca_file", "/etc/ca.pem");
    set(&rig, "mcp_pinned_version", "2025-06-18");
    rig.target.name = souk_slice_make(NULL, 0);
    CHECK_INT(read_it(&rig), SOUK_OK);
    CHECK_TEXT(rig.endpoint.name, "mcp");
    CHECK_INT(rig.endpoint.header_count, 2);
    CHECK_SLICE(rig.endpoint.headers[0].name, "X-A");
    CHECK_SLICE(rig.endpoint.headers[0].value, "1");
    CHECK_SLICE(rig.endpoint.headers[1].value, "");
    CHECK_TEXT(rig.endpoint.ca_file, "/etc/ca.pem");
    CHECK_INT(rig.endpoint.pinned, SOUK_MCP_2025_06_18);
    finish(&rig);
}

static void every_mistake_names_the_key_and_the_server(void)
{
    static const struct {
        const char *key;
        const char *value;
        const char *message;
    } rows[] = {
        {"nothing", "x",
         "server 's' has no address: expected mcp_server_url or mcp_command in its metadata"},
        {"mcp_server_url", "ftp://x.test", "the URL of server 's' is neither http nor https"},
        {"mcp_server_url", "://x", "the URL of server 's' is neither http nor https"},
        {"mcp_args", "{}", "mcp_args of server 's': expected a JSON array"},
        {"mcp_args", "[", "mcp_args of server 's': expected a JSON array"},
        {"mcp_args", "[\"a\", 2]", "args of server 's': argument 2 is no plain string"},
        {"mcp_args", "[\"\\u0000\"]", "args of server 's': argument 1 is no plain string"},
        {"mcp_env", "[]", "mcp_env of server 's': expected a JSON object"},
        {"mcp_env", "{\"A\":1}", "env of server 's': 'A' is no string"},
        {"mcp_env", "{\"A=B\":\"1\"}",
         "env of server 's': 'A=B' is no name or value of a variable"},
        {"mcp_env", "{\"\":\"1\"}", "env of server 's': '' is no name or value of a variable"},
        {"mcp_env", "{\"A\":\"\\u0000\"}",
         "env of server 's': 'A' is no name or value of a variable"},
        {"mcp_headers", "\"x\"", "mcp_headers of server 's': expected a JSON object"},
        {"mcp_headers", "{\"X\":null}", "headers of server 's': 'X' is no string"},
        {"mcp_pinned_version", "2030-01-01",
         "protocol_version of server 's': '2030-01-01' is none that souk speaks"},
        {"mcp_auth_env_var", "A=B", "mcp_auth_env_var of server 's' is no name of a variable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        endpoint_rig rig;
        begin_with(&rig, rows[i].key, rows[i].value);
        if (i > 2) {
            set(&rig, "mcp_command", "server");
        }
        CHECK_INT(read_it(&rig), SOUK_E_CONFIG);
        CHECK_TEXT(rig.err.message, rows[i].message);
        finish(&rig);
    }
}

static void a_variable_with_a_name_that_is_too_long_is_refused(void)
{
    endpoint_rig rig;
    char name[SOUK_MCP_VARIABLE_MAX + 1];
    memset(name, 'N', sizeof name - 1);
    for (size_t len = SOUK_MCP_VARIABLE_MAX - 1; len < sizeof name; len++) {
        name[len] = '\0';
        begin_with(&rig, "mcp_url", "http://x");
        set(&rig, "mcp_auth_env_var", name);
        CHECK_INT(read_it(&rig), len < SOUK_MCP_VARIABLE_MAX ? SOUK_OK : SOUK_E_CONFIG);
        finish(&rig);
        name[len] = 'N';
    }
}

static void a_nul_byte_is_refused_wherever_a_text_goes_out(void)
{
    static const char *const keys[] = {"mcp_server_url",   "mcp_command",
                                       "mcp_cwd",          "mcp_ca_file",
                                       "mcp_auth_env_var", "mcp_server_url_override_env"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        endpoint_rig rig;
        begin(&rig, "s");
        if (i >= 2) {
            set(&rig, "mcp_command", "server");
        }
        set(&rig, keys[i], "");
        rig.pairs[rig.target.config.count - 1].value = SOUK_LIT("http://x\0y");
        CHECK_INT(read_it(&rig), SOUK_E_CONFIG);
        finish(&rig);
    }
}

static void texts_past_the_limits_are_refused_as_such(void)
{
    char deep[400];
    endpoint_rig rig;
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    begin_with(&rig, "mcp_command", "server");
    set(&rig, "mcp_args", deep);
    CHECK_INT(read_it(&rig), SOUK_E_LIMIT);
    CHECK(strstr(rig.err.message, "mcp_args of server 's': ") == rig.err.message);
    finish(&rig);
}

static void a_redirect_is_never_missed_for_lack_of_memory(void)
{
    for (long n = 1;; n++) {
        endpoint_rig rig;
        failing_alloc f;
        begin_with(&rig, "mcp_server_url", "https://real.test");
        set(&rig, "mcp_server_url_override_env", "S_URL");
        set(&rig, "mcp_headers", "{\"X\":\"1\"}");
        set(&rig, "mcp_env", "{\"X\":\"1\"}");
        fake_setenv(&rig.fake, "S_URL", n % 2 == 0 ? "http://127.0.0.1" : "run it");
        failing_alloc_init(&f, n);
        souk_arena_init(&rig.arena, &f.alloc);
        int failed = read_it(&rig);
        CHECK(failed == SOUK_OK || (f.fired && failed == SOUK_E_LIMIT));
        CHECK(failed != SOUK_OK || rig.endpoint.url == NULL ||
              strstr(rig.endpoint.url, "real") == NULL);
        finish(&rig);
        CHECK_INT(f.live, 0);
        if (!f.fired && n > 1) {
            break;
        }
    }
}

static void key_of(endpoint_rig *rig, souk_buf *key)
{
    souk_buf_init(key, souk_alloc_libc(), 64 * 1024);
    CHECK_INT(read_it(rig), SOUK_OK);
    souk_mcp_endpoint_key(&rig->endpoint, &rig->target, &rig->fake.env, 99, key);
    CHECK_INT(key->failed, SOUK_OK);
}

typedef struct key_row {
    const char *key1, *value1, *key2, *value2;
} key_row;

static void fill(endpoint_rig *rig, const key_row *row)
{
    begin_with(rig, row->key1, row->value1);
    if (row->key2 != NULL) {
        set(rig, row->key2, row->value2);
    }
}

static void endpoints_that_differ_have_different_keys(void)
{
    static const key_row rows[] = {
        {"mcp_url", "http://x/a", NULL, NULL},
        {"mcp_url", "http://x/b", NULL, NULL},
        {"mcp_url", "https://x/a", NULL, NULL},
        {"mcp_url", "http://x/a", "mcp_headers", "{\"A\":\"1\"}"},
        {"mcp_url", "http://x/a", "mcp_headers", "{\"A\":\"2\"}"},
        {"mcp_url", "http://x/a", "mcp_pinned_version", "2025-06-18"},
        {"mcp_url", "http://x/a", "mcp_pinned_version", "2025-03-26"},
        {"mcp_url", "http://x/a", "mcp_ca_file", "/ca"},
        {"mcp_command", "a", NULL, NULL},
        {"mcp_command", "a", "mcp_args", "[\"b\"]"},
        {"mcp_command", "a b", NULL, NULL},
        {"mcp_url", "a b c", NULL, NULL},
        {"mcp_command", "a", "mcp_cwd", "b"},
        {"mcp_command", "a", "mcp_cwd", "1 b"},
        {"mcp_command", "a", "mcp_env", "{\"A\":\"1\"}"},
        {"mcp_command", "a", "mcp_env", "{\"A\":\"2\"}"},
        {"mcp_command", "a", "mcp_ca_file", "b"},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    souk_buf keys[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        endpoint_rig rig;
        fill(&rig, &rows[i]);
        key_of(&rig, &keys[i]);
        finish(&rig);
        for (size_t k = 0; k < i; k++) {
            CHECK(!souk_slice_eq(souk_buf_slice(&keys[i]), souk_buf_slice(&keys[k])));
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        souk_buf_free(&keys[i]);
    }
}

static void what_does_not_matter_does_not_change_the_key(void)
{
    static const key_row rows[] = {
        {"mcp_url", "http://x/a", NULL, NULL},
        {"mcp_server_url", "http://x/a#part", NULL, NULL},
        {"mcp_url", "http://x/a", "mcp_tool_name", "t"},
        {"mcp_url", "http://x/a", "mcp_env_A", "1"},
    };
    souk_buf first;
    endpoint_rig rig;
    fill(&rig, &rows[0]);
    key_of(&rig, &first);
    finish(&rig);
    for (size_t i = 1; i < sizeof rows / sizeof rows[0]; i++) {
        souk_buf key;
        fill(&rig, &rows[i]);
        key_of(&rig, &key);
        CHECK_SLICE(souk_buf_slice(&key), first.data);
        souk_buf_free(&key);
        finish(&rig);
    }
    souk_buf_free(&first);
}

static void no_secret_is_in_a_key(void)
{
    endpoint_rig rig;
    souk_buf key;
    begin_with(&rig, "mcp_url", "http://x/a");
    set(&rig, "mcp_auth_env_var", "MY_VAR");
    set(&rig, "mcp_headers", "{\"X-Api-Key\":\"s3cret-s3cret\"}");
    fake_setenv(&rig.fake, "MY_VAR", "s3cret-token");
    key_of(&rig, &key);
    CHECK(strstr(key.data, "s3cret") == NULL);
    CHECK(strstr(key.data, "MY_VAR") != NULL);
    souk_buf_free(&key);
    finish(&rig);
    begin_with(&rig, "mcp_command", "x");
    set(&rig, "mcp_env_SECRET", "s3cret-s3cret");
    key_of(&rig, &key);
    CHECK(strstr(key.data, "s3cret") == NULL && strstr(key.data, "SECRET") == NULL);
    souk_buf_free(&key);
    finish(&rig);
}

static void servers_with_tokens_of_their_own_do_not_share_a_session(void)
{
    static const char *const names[] = {"one", "two"};
    souk_buf keys[2];
    for (int own = 0; own < 2; own++) {
        for (size_t i = 0; i < 2; i++) {
            endpoint_rig rig;
            begin(&rig, names[i]);
            set(&rig, "mcp_url", "http://x/a");
            fake_setenv(&rig.fake, "MCP_AUTH_TOKEN", "s3cret-common");
            if (own) {
                fake_setenv(&rig.fake, "ONE_MCP_TOKEN", "s3cret-1");
            }
            key_of(&rig, &keys[i]);
            finish(&rig);
        }
        CHECK_INT(souk_slice_eq(souk_buf_slice(&keys[0]), souk_buf_slice(&keys[1])), !own);
        souk_buf_free(&keys[0]);
        souk_buf_free(&keys[1]);
    }
}

static void a_token_is_looked_for_in_three_places(void)
{
    endpoint_rig rig;
    souk_mcp_token token;
    begin_with(&rig, "mcp_auth_env_var", "MY_TOKEN");
    rig.target.name = SOUK_LIT("my-server 2");
    souk_mcp_token_find(&token, &rig.target, &rig.fake.env);
    CHECK(token.value.ptr == NULL);
    CHECK_TEXT(token.source, "");
    CHECK_TEXT(token.looked_for, "MY_TOKEN, MY_SERVER_2_MCP_TOKEN, MCP_AUTH_TOKEN");
    fake_setenv(&rig.fake, "MCP_AUTH_TOKEN", "s3cret-3");
    souk_mcp_token_find(&token, &rig.target, &rig.fake.env);
    CHECK_SLICE(token.value, "s3cret-3");
    CHECK_TEXT(token.source, "MCP_AUTH_TOKEN");
    fake_setenv(&rig.fake, "MY_SERVER_2_MCP_TOKEN", "s3cret-2");
    souk_mcp_token_find(&token, &rig.target, &rig.fake.env);
    CHECK_SLICE(token.value, "s3cret-2");
    fake_setenv(&rig.fake, "MY_TOKEN", "");
    souk_mcp_token_find(&token, &rig.target, &rig.fake.env);
    CHECK_SLICE(token.value, "s3cret-2");
    fake_setenv(&rig.fake, "MY_TOKEN", "s3cret-1");
    souk_mcp_token_find(&token, &rig.target, &rig.fake.env);
    CHECK_SLICE(token.value, "s3cret-1");
    CHECK_TEXT(token.source, "MY_TOKEN");
    finish(&rig);
}

static void a_place_is_only_looked_into_once_and_a_long_name_is_skipped(void)
{
    endpoint_rig rig;
    souk_mcp_token token;
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    begin_with(&rig, "mcp_auth_env_var", "MCP_AUTH_TOKEN");
    rig.target.name = souk_slice_make(NULL, 0);
    souk_mcp_token_find(&token, &rig.target, &rig.fake.env);
    CHECK_TEXT(token.looked_for, "MCP_AUTH_TOKEN");
    rig.target.name = souk_slice_of(name);
    souk_mcp_token_find(&token, &rig.target, &rig.fake.env);
    CHECK_TEXT(token.looked_for, "MCP_AUTH_TOKEN");
    finish(&rig);
}

int main(void)
{
    CASE(every_key_of_a_url_is_known_and_the_first_counts);
    CASE(a_variable_can_redirect_a_server);
    CASE(a_command_comes_with_arguments_environment_and_directory);
    CASE(headers_roots_and_revision_are_read);
    CASE(every_mistake_names_the_key_and_the_server);
    CASE(a_variable_with_a_name_that_is_too_long_is_refused);
    CASE(a_nul_byte_is_refused_wherever_a_text_goes_out);
    CASE(texts_past_the_limits_are_refused_as_such);
    CASE(a_redirect_is_never_missed_for_lack_of_memory);
    CASE(endpoints_that_differ_have_different_keys);
    CASE(what_does_not_matter_does_not_change_the_key);
    CASE(no_secret_is_in_a_key);
    CASE(servers_with_tokens_of_their_own_do_not_share_a_session);
    CASE(a_token_is_looked_for_in_three_places);
    CASE(a_place_is_only_looked_into_once_and_a_long_name_is_skipped);
    return tap_done();
}
