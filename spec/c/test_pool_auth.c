/* Credentials: where they come from, where they go, and that they are nowhere else. */
#include "pool_mcp_help.h"

static void a_token_from_the_environment_is_sent_as_bearer_and_shown_nowhere(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    server_set(&server, "mcp_auth_env_var", "HUB_KEY");
    fake_setenv(&rig->fake, "HUB_KEY", "s3cret-token");
    int call = call_tool(rig, &server, "t");
    open_legacy(rig, "one");
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    call = call_tool(rig, &server, "t");
    refuse_tool(rig, 500);
    call = call_tool(rig, &server, "t");
    refuse_tool(rig, 403);
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_REJECTED);
    CHECK(strstr(rig->calls[call].err.message, "the token in HUB_KEY was refused") != NULL);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    for (size_t i = 0; i < rig->fake.exchange_count; i++) {
        CHECK(fake_has_header(rig->fake.exchanges[i], "Authorization", "Bearer s3cret-token"));
    }
    CHECK_TEXT(fake_last(&rig->fake)->method, "DELETE");
    check_secret(rig, "s3cret");
    rig_end(rig);
}

static void a_scheme_in_the_token_is_kept(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    fake_setenv(&rig->fake, "HUB_MCP_TOKEN", "Basic s3cret==");
    call_tool(rig, &server, "t");
    CHECK(fake_has_header(fake_last(&rig->fake), "Authorization", "Basic s3cret=="));
    rig_end(rig);
}

static void a_refusal_without_a_token_says_where_was_looked(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    server_set(&server, "mcp_auth_env_var", "HUB_KEY");
    int call = call_tool(rig, &server, "t");
    fake_respond(&rig->fake, fake_last(&rig->fake), 401, "WWW-Authenticate: Bearer", "");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
    CHECK(strstr(rig->calls[call].err.message, "server 'hub': ") == rig->calls[call].err.message);
    CHECK(strstr(rig->calls[call].err.message, "no token was found (looked for the variables "
                                               "HUB_KEY, HUB_MCP_TOKEN, MCP_AUTH_TOKEN)") != NULL);
    CHECK_INT(rig->calls[call].err.status, 401);
    rig_end(rig);
}

static void a_token_with_a_line_end_is_refused_without_being_shown(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret\r\nX-Evil: 1");
    int call = call_tool(rig, &server, "t");
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig->fake.exchange_count, 0);
    check_secret(rig, "s3cret");
    check_secret(rig, "Evil");
    rig_end(rig);
}

static void a_401_reads_the_variable_again_once(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret-old");
    int call = call_tool(rig, &server, "t");
    open_modern(rig);
    fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret-new");
    refuse_tool(rig, 401);
    CHECK(
        fake_has_header(fake_open(&rig->fake, "tools/call"), "Authorization", "Bearer s3cret-new"));
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 1);
    refuse_tool(rig, 401);
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_REJECTED);
    CHECK(strstr(rig->calls[call].err.message, "the token in MCP_AUTH_TOKEN was refused") != NULL);
    check_secret(rig, "s3cret");
    rig_end(rig);
}

static void two_identities_have_sessions_and_connections_of_their_own(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    char groups[3][64];
    static const char *const who[] = {"ann", "bob", "line\nend"};
    for (int i = 0; i < 3; i++) {
        server.target.identity = souk_slice_of(who[i]);
        call_tool(rig, &server, "t");
        CHECK_INT(fake_count(&rig->fake, "server/discover"), i + 1);
        snprintf(groups[i], sizeof groups[i], "%s", fake_last(&rig->fake)->group);
        for (const char *c = groups[i]; *c != '\0'; c++) {
            CHECK(*c > ' ' && *c < 0x7F);
        }
        for (int k = 0; k < i; k++) {
            CHECK(strcmp(groups[i], groups[k]) != 0);
        }
    }
    CHECK_INT(rig_stats(rig).sessions, 3);
    rig_end(rig);
}

static void connections_differ_by_the_source_of_credentials(void)
{
    pool_rig *rig = rig_start();
    mcp_server servers[3];
    for (int i = 0; i < 3; i++) {
        server_http(&servers[i]);
    }
    server_set(&servers[1], "mcp_headers", "{\"Authorization\":\"Bearer s3cret\"}");
    fake_setenv(&rig->fake, "OWN", "s3cret-too");
    server_set(&servers[2], "mcp_auth_env_var", "OWN");
    for (int i = 0; i < 3; i++) {
        call_tool(rig, &servers[i], "t");
        CHECK_INT(rig->fake.exchange_count, i + 1);
        for (int k = 0; k < i; k++) {
            CHECK(strcmp(rig->fake.exchanges[i]->group, rig->fake.exchanges[k]->group) != 0);
        }
    }
    CHECK(fake_has_header(rig->fake.exchanges[1], "Authorization", "Bearer s3cret"));
    check_secret(rig, "s3cret");
    rig_end(rig);
}

/* A server whose credential the program gives. */
static int call_asking(pool_rig *rig, mcp_server *server)
{
    server_http(server);
    server->target.auth = 5;
    server->target.identity = SOUK_LIT("ann");
    return call_tool(rig, server, "t");
}

static void answer_ask(pool_rig *rig, const char *json)
{
    souk_pool_answer(rig->pool, rig->ask, souk_slice_of(json), NULL, rig->fake.now);
    rig_run(rig);
}

static void a_function_of_the_program_can_give_the_credential(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret-wrong");
    int call = call_asking(rig, &server);
    CHECK_INT(rig->asks, 1);
    CHECK_INT(rig->ask_kind, SOUK_ASK_CREDENTIAL);
    CHECK_TEXT(rig->ask_payload,
               "{\"server\":\"hub\",\"identity\":\"ann\",\"url\":\"https://hub.test/mcp\"}");
    CHECK_INT(rig->fake.exchange_count, 0);
    answer_ask(rig, "\"s3cret-1\"");
    CHECK(fake_has_header(fake_last(&rig->fake), "Authorization", "Bearer s3cret-1"));
    open_modern(rig);
    refuse_tool(rig, 401); /* it is asked again */
    CHECK_INT(rig->asks, 2);
    answer_ask(rig, "\"s3cret-2\"");
    CHECK(fake_has_header(fake_last(&rig->fake), "Authorization", "Bearer s3cret-2"));
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    check_secret(rig, "s3cret");
    rig_end(rig);
}

/* Between the function's answer and the opening the token was replaced. */
static void a_credential_that_is_refused_while_opening_is_asked_for_once_more(void)
{
    for (int refusals = 1; refusals <= 2; refusals++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        int call = call_asking(rig, &server);
        answer_ask(rig, "\"s3cret-1\"");
        fake_respond(&rig->fake, fake_last(&rig->fake), 401, "", "");
        rig_run(rig);
        CHECK_INT(rig->asks, 2);
        CHECK_TEXT(rig->ask_payload, "{\"server\":\"hub\",\"identity\":\"ann\",\"url\":"
                                     "\"https://hub.test/mcp\",\"refused\":true}");
        answer_ask(rig, "\"s3cret-2\"");
        CHECK(fake_has_header(fake_last(&rig->fake), "Authorization", "Bearer s3cret-2"));
        if (refusals == 1) {
            open_modern(rig);
            answer_tool(rig, "fine");
            CHECK_OK(rig, call);
        } else {
            fake_respond(&rig->fake, fake_last(&rig->fake), 401, "", "");
            rig_run(rig);
            CHECK_INT(rig->asks, 2);
            CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
        }
        check_secret(rig, "s3cret");
        rig_end(rig);
    }
}

static void a_variable_that_is_refused_while_opening_is_read_once_more(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret-old");
    int call = call_tool(rig, &server, "t");
    fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret-new");
    fake_respond(&rig->fake, fake_last(&rig->fake), 401, "", "");
    rig_run(rig);
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 2);
    CHECK(fake_has_header(fake_last(&rig->fake), "Authorization", "Bearer s3cret-new"));
    fake_respond(&rig->fake, fake_last(&rig->fake), 401, "", ""); /* it has not changed again */
    rig_run(rig);
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 2);
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
    check_secret(rig, "s3cret");
    rig_end(rig);
}

static void a_function_may_give_no_credential(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = call_asking(rig, &server);
    answer_ask(rig, "null");
    CHECK(fake_has_header(fake_last(&rig->fake), "Authorization", NULL));
    fake_respond(&rig->fake, fake_last(&rig->fake), 401, "", "");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
    CHECK(strstr(rig->calls[call].err.message,
                 "the credential came from the server's auth function") != NULL);
    rig_end(rig);
}

static void what_a_function_may_not_give_fails_the_call(void)
{
    static const struct {
        const char *json;
        int kind;
    } rows[] = {
        {"17", SOUK_E_AUTH},
        {"{\"s3cret\":1}", SOUK_E_AUTH},
        {"\"s3cret\\r\\nX: y\"", SOUK_E_AUTH},
        {"s3cret", SOUK_E_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        int call = call_asking(rig, &server);
        answer_ask(rig, rows[i].json);
        CHECK_END(rig, call, rows[i].kind, SOUK_DELIVERY_NOT_SENT);
        CHECK(strstr(rig->calls[call].err.message, "server 'hub': ") ==
              rig->calls[call].err.message);
        CHECK_INT(rig->fake.exchange_count, 0);
        check_secret(rig, "s3cret");
        rig_end(rig);
    }
    pool_rig *rig = rig_start();
    mcp_server server;
    souk_err err;
    int call = call_asking(rig, &server);
    souk_fail(&err, SOUK_E_AUTH, "the vault is locked");
    souk_pool_answer(rig->pool, rig->ask, souk_slice_make(NULL, 0), &err, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
    CHECK_TEXT(rig->calls[call].err.message, "server 'hub': the vault is locked");
    rig_end(rig);
}

static void a_function_that_never_answers_is_not_waited_for_for_ever(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = call_asking(rig, &server);
    rig_wait_for(rig, 29999);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_wait_for(rig, 1);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig_stats(rig).sessions, 0);
    answer_ask(rig, "\"s3cret\"");
    CHECK_INT(rig->fake.exchange_count, 0);
    rig_end(rig);
}

static void closing_while_the_function_is_asked_is_quick(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = call_asking(rig, &server);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK(souk_pool_is_empty(rig->pool));
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    answer_ask(rig, "\"s3cret\"");
    CHECK_INT(rig->fake.exchange_count, 0);
    rig_end(rig);
}

static void a_child_gets_no_token_of_ours(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_stdio(&server);
    fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret");
    call_tool(rig, &server, "t");
    CHECK_TEXT(fake_last_child(&rig->fake)->env, "");
    CHECK(strstr(fake_last_child(&rig->fake)->input, "s3cret") == NULL);
    check_secret(rig, "s3cret");
    rig_end(rig);
}

int main(void)
{
    CASE(a_token_from_the_environment_is_sent_as_bearer_and_shown_nowhere);
    CASE(a_scheme_in_the_token_is_kept);
    CASE(a_refusal_without_a_token_says_where_was_looked);
    CASE(a_token_with_a_line_end_is_refused_without_being_shown);
    CASE(a_401_reads_the_variable_again_once);
    CASE(two_identities_have_sessions_and_connections_of_their_own);
    CASE(connections_differ_by_the_source_of_credentials);
    CASE(a_function_of_the_program_can_give_the_credential);
    CASE(a_credential_that_is_refused_while_opening_is_asked_for_once_more);
    CASE(a_variable_that_is_refused_while_opening_is_read_once_more);
    CASE(a_function_may_give_no_credential);
    CASE(what_a_function_may_not_give_fails_the_call);
    CASE(a_function_that_never_answers_is_not_waited_for_for_ever);
    CASE(closing_while_the_function_is_asked_is_quick);
    CASE(a_child_gets_no_token_of_ours);
    return tap_done();
}
