/* The MCP handler in the pool: sessions over HTTP and stdio, from the first call to the last. */
#include "pool_mcp_help.h"

static void one_session_serves_all_tools_of_a_server(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int first = call_tool(rig, &server, "get_me");
    open_legacy(rig, "0123456789abcdef");
    const fake_exchange *x = fake_open(&rig->fake, "tools/call");
    CHECK(strstr(x->body, "\"params\":{\"name\":\"get_me\",\"arguments\":{}}") != NULL);
    CHECK_INT(x->timeout, 600000);
    answer_tool(rig, "{}");
    int second = call_tool(rig, &server, "get_me");
    answer_tool(rig, "hello");
    int third = call_tool(rig, &server, "list_all");
    CHECK(strstr(fake_open(&rig->fake, "tools/call")->body, "\"name\":\"list_all\"") != NULL);
    answer_tool(rig, "[1,2]");
    CHECK_OK(rig, first);
    CHECK_OK(rig, second);
    CHECK_OK(rig, third);
    CHECK_TEXT(rig->calls[first].value, "{}");
    CHECK_TEXT(rig->calls[second].value, "\"hello\"");
    CHECK_TEXT(rig->calls[third].value, "[1,2]");
    CHECK_INT(fake_count(&rig->fake, "initialize"), 1);
    CHECK_INT(fake_count(&rig->fake, "tools/call"), 3);
    CHECK_INT(rig_stats(rig).sessions_reused, 2);
    CHECK(strstr(rig->said, "\"session\":\"0123\xE2\x80\xA6"
                            "cdef\",\"detail\":\"2025-06-18\"") != NULL);
    CHECK(strstr(rig->said, "0123456789abcdef") == NULL);
    rig_end(rig);
}

static void metadata_can_name_the_tool(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    server_set(&server, "mcp_tool_name", "real.name");
    call_tool(rig, &server, "alias");
    open_modern(rig);
    const fake_exchange *x = fake_open(&rig->fake, "tools/call");
    CHECK(strstr(x->body, "\"name\":\"real.name\"") != NULL);
    CHECK(fake_has_header(x, "Mcp-Name", "real.name"));
    rig_end(rig);
}

static void results_are_unwrapped_unless_they_are_wanted_raw(void)
{
    static const struct {
        const char *result;
        const char *value;
        const char *raw;
    } rows[] = {
        {"{'content':[],'structuredContent':{'a':1}}", "{\"a\":1}",
         "{\"content\":[],\"structuredContent\":{\"a\":1}}"},
        {"{'content':[{'type':'text','text':'plain'}]}", "\"plain\"",
         "{\"content\":[{\"type\":\"text\",\"text\":\"plain\"}]}"},
        {"{'content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]}",
         "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]",
         "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}"},
        {"{'content':[]}", "[]", "{\"content\":[]}"},
    };
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int raw = 0; raw < 2; raw++) {
            int call = call_tool_with(rig, &server, "t", false, raw);
            open_modern(rig);
            fake_result(&rig->fake, fake_open(&rig->fake, "tools/call"), rows[i].result);
            rig_run(rig);
            CHECK_OK(rig, call);
            CHECK_TEXT(rig->calls[call].value, raw ? rows[i].raw : rows[i].value);
        }
    }
    rig_end(rig);
}

static void a_failure_that_the_tool_reports_is_an_error_with_its_result(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    open_modern(rig);
    fake_result(&rig->fake, fake_open(&rig->fake, "tools/call"),
                "{'isError':true,'content':[{'type':'text','text':'no such file'}]}");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_TOOL, SOUK_DELIVERY_DELIVERED);
    CHECK_TEXT(rig->calls[call].err.message, "server 'hub': no such file");
    CHECK(strstr(rig->calls[call].value, "\"isError\":true") != NULL);
    call = call_tool_with(rig, &server, "t", false, true);
    fake_result(&rig->fake, fake_open(&rig->fake, "tools/call"), "{'isError':true,'content':[]}");
    rig_run(rig);
    CHECK_OK(rig, call);
    call = call_tool(rig, &server, "t");
    fake_error(&rig->fake, fake_open(&rig->fake, "tools/call"), 200, -32602, "Unknown tool");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_RPC, SOUK_DELIVERY_DELIVERED);
    CHECK_INT(rig->calls[call].err.code, -32602);
    call = call_tool(rig, &server, "t");
    fake_result(&rig->fake, fake_open(&rig->fake, "tools/call"), "{'nothing':1}");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_PROTOCOL, SOUK_DELIVERY_DELIVERED);
    rig_end(rig);
}

static void methods_of_the_protocol_can_be_called(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    mcp_server server;
    server_http(&server);
    souk_request request = {.kind = SOUK_REQUEST_METHOD,
                            .capability = SOUK_LIT_INIT("hub"),
                            .name = SOUK_LIT_INIT("resources/read")};
    souk_call_options options = {.timeout = 0, .may_resend = false};
    souk_buf body;
    uint64_t id;
    souk_buf_init(&body, souk_alloc_libc(), 1000);
    souk_buf_add_text(&body, "{\"uri\":\"file:///x\"}");
    CHECK_INT(souk_pool_call(rig->pool, &(souk_order){&server.target, &request, &body, options},
                             rig->fake.now, &id, &err),
              SOUK_OK);
    rig->calls[rig->call_count++].id = id;
    rig_run(rig);
    open_modern(rig);
    fake_exchange *x = fake_open(&rig->fake, "resources/read");
    CHECK(strstr(x->body, "\"uri\":\"file:///x\"") != NULL);
    CHECK(fake_has_header(x, "Mcp-Name", "file:///x"));
    fake_result(&rig->fake, x, "{'contents':[]}");
    rig_run(rig);
    CHECK_TEXT(rig->calls[0].value, "{\"contents\":[]}");
    rig_end(rig);
}

static void a_lost_session_is_renewed_once_for_all(void)
{
    enum { CALLS = 64 };
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int calls[CALLS];
    for (int i = 0; i < CALLS; i++) {
        calls[i] = call_tool(rig, &server, "t");
    }
    open_legacy(rig, "one");
    CHECK_INT(fake_count(&rig->fake, "tools/call"), CALLS);
    for (int i = 0; i < CALLS; i++) {
        refuse_tool(rig, 404);
    }
    CHECK_INT(fake_count(&rig->fake, "initialize"), 2);
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 1); /* the era is remembered */
    CHECK(fake_has_header(fake_open(&rig->fake, "initialize"), "Mcp-Session-Id", NULL));
    open_legacy(rig, "two");
    for (int i = 0; i < CALLS; i++) {
        CHECK(fake_has_header(fake_open(&rig->fake, "tools/call"), "Mcp-Session-Id", "two"));
        answer_tool(rig, "fine");
    }
    for (int i = 0; i < CALLS; i++) {
        CHECK_OK(rig, calls[i]);
    }
    CHECK_INT(fake_count(&rig->fake, "tools/call"), 2 * CALLS);
    CHECK_INT(rig_stats(rig).sessions_lost, 1);
    CHECK_INT(fake_count_verb(&rig->fake, "DELETE"), 0);
    rig_end(rig);
}

static void a_session_that_is_lost_again_and_again_fails_the_call(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    open_legacy(rig, "one");
    refuse_tool(rig, 404);
    open_legacy(rig, "two");
    refuse_tool(rig, 404);
    CHECK_END(rig, call, SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED);
    CHECK_INT(rig->calls[call].err.status, 404);
    CHECK_INT(fake_count(&rig->fake, "initialize"), 2);
    rig_end(rig);
}

static void a_broken_connection_is_not_repeated_unless_that_does_no_harm(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool_with(rig, &server, "t", false, false);
    open_legacy(rig, "one");
    fake_fail(&rig->fake, fake_open(&rig->fake, "tools/call"), SOUK_E_TRANSPORT,
              SOUK_DELIVERY_AMBIGUOUS, "reset");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(rig->calls[call].err.message, "server 'hub': reset");
    CHECK_INT(rig_stats(rig).sessions, 1);

    call = call_tool_with(rig, &server, "t", true, false);
    fake_fail(&rig->fake, fake_open(&rig->fake, "tools/call"), SOUK_E_TRANSPORT,
              SOUK_DELIVERY_AMBIGUOUS, "reset");
    rig_wait_for(rig, 100);
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    CHECK_INT(fake_count(&rig->fake, "tools/call"), 3);
    CHECK_INT(fake_count(&rig->fake, "initialize"), 1); /* on the same session */
    rig_end(rig);
}

static void what_was_remembered_is_forgotten_when_it_is_wrong(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    open_modern(rig);
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    souk_pool_close_sessions(rig->pool, SOUK_LIT("hub"), rig->fake.now);
    rig_run(rig);
    call = call_tool(rig, &server, "t");
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 1);
    refuse_tool(rig, 404); /* a legacy server took its place */
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 2);
    open_legacy(rig, "one");
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    CHECK_INT(rig->calls[call].ends, 1);
    rig_end(rig);
}

static void closing_sends_a_delete_and_waits_for_it(void)
{
    for (int answers = 0; answers < 2; answers++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        server_http(&server);
        int call = call_tool(rig, &server, "t");
        open_legacy(rig, "one");
        const fake_exchange *x = fake_open(&rig->fake, "tools/call");
        souk_pool_close(rig->pool, rig->fake.now);
        rig_run(rig);
        CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
        CHECK(x->cancelled);
        CHECK_INT(fake_count(&rig->fake, "notifications/cancelled"), 1);
        CHECK_TEXT(fake_last(&rig->fake)->method, "DELETE");
        CHECK(fake_has_header(fake_last(&rig->fake), "Mcp-Session-Id", "one"));
        CHECK(!souk_pool_is_empty(rig->pool));
        if (answers) {
            fake_respond(&rig->fake, fake_last(&rig->fake), 405, "", "");
            rig_run(rig);
        } else {
            rig_wait_for(rig, 5000);
        }
        CHECK(souk_pool_is_empty(rig->pool));
        rig_end(rig);
    }
}

static void a_session_that_is_opening_is_closed_in_order_too(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_stdio(&server);
    int call = call_tool(rig, &server, "t");
    fake_child *child = fake_last_child(&rig->fake);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK(child->closed);
    CHECK_INT(child->grace, 2000);
    CHECK(!souk_pool_is_empty(rig->pool));
    fake_exit(&rig->fake, child, 0, "");
    rig_run(rig);
    CHECK(souk_pool_is_empty(rig->pool));
    CHECK_INT(rig->fake.child_count, 1);
    rig_end(rig);
}

static void a_deadline_tells_the_server_why(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    open_legacy(rig, "one");
    fake_exchange *x = fake_open(&rig->fake, "tools/call");
    rig_wait_for(rig, 60000);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(x->cancelled);
    CHECK(strstr(fake_last(&rig->fake)->body, "\"reason\":\"no answer within 60.0 s\"") != NULL);
    fake_result(&rig->fake, x, "{}");
    rig_run(rig);
    CHECK_INT(rig->calls[call].ends, 1);
    rig_end(rig);
}

static void a_redirect_by_the_environment_takes_effect_without_a_restart(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    souk_target_memo memo = {NULL, 0, 0};
    server_http(&server);
    server_set(&server, "mcp_server_url_override_env", "HUB_URL");
    server.target.memo = &memo;
    call_tool(rig, &server, "t");
    CHECK_TEXT(fake_last(&rig->fake)->url, "https://hub.test/mcp");
    fake_setenv(&rig->fake, "HUB_URL", "http://127.0.0.1:1/mcp");
    rig->fake.now += 1000;
    call_tool(rig, &server, "t");
    CHECK_TEXT(fake_last(&rig->fake)->url, "http://127.0.0.1:1/mcp");
    CHECK_INT(rig_stats(rig).keys, 2);
    rig_end(rig);
}

static void words_that_nobody_waits_for_are_counted_while_they_are_on_their_way(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    open_legacy(rig, "one");
    CHECK_INT(souk_pool_on_the_way(rig->pool), 0);
    souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
    rig_run(rig);
    CHECK_INT(souk_pool_on_the_way(rig->pool), 1);
    fake_respond(&rig->fake, fake_open(&rig->fake, "notifications/cancelled"), 202, "", "");
    rig_run(rig);
    CHECK_INT(souk_pool_on_the_way(rig->pool), 0);
    rig_end(rig);
}

static void opening_that_takes_too_long_fails_the_callers(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    rig_wait_for(rig, 30000);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT);
    CHECK(strstr(rig->calls[call].err.message,
                 "server 'hub': the session was not open after 30.0 s") != NULL);
    CHECK_INT(rig_stats(rig).sessions, 0);
    rig_end(rig);
}

static void late_events_of_an_old_session_do_not_reach_a_new_one(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    call_tool(rig, &server, "t");
    fake_exchange *old = fake_open(&rig->fake, "server/discover");
    fake_fail(&rig->fake, old, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "refused");
    rig_run(rig);
    int call = call_tool(rig, &server, "t");
    rig_wait_for(rig, 100); /* not at once after a failure */
    const fake_exchange *fresh = fake_open(&rig->fake, "server/discover");
    CHECK((fresh->id >> 48) == (old->id >> 48)); /* the same place */
    CHECK(fresh->id != old->id);
    fake_result(&rig->fake, old, "{'supportedVersions':['2026-07-28'],'capabilities':{}}");
    rig_run(rig);
    CHECK_INT(fake_count(&rig->fake, "tools/call"), 0);
    CHECK_INT(rig->calls[call].ends, 0);
    souk_io_event stray = {.kind = SOUK_IO_END, .id = UINT64_MAX};
    rig_pool_sink(rig, &stray);
    stray.id = 3;
    rig_pool_sink(rig, &stray);
    rig_run(rig);
    rig_end(rig);
}

/* The last child answers server/discover, which each new one is asked. */
static void discover_child(pool_rig *rig)
{
    fake_say(&rig->fake, fake_last_child(&rig->fake),
             "{'jsonrpc':'2.0','id':1,'result':{'supportedVersions':"
             "['2026-07-28'],'capabilities':{}}}");
    rig_run(rig);
}

static void a_dead_child_is_replaced(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_stdio(&server);
    int doubtful = call_tool(rig, &server, "t");
    int harmless = call_tool_with(rig, &server, "t", true, false);
    discover_child(rig);
    CHECK_INT(fake_lines(fake_last_child(&rig->fake), "tools/call"), 2);
    CHECK(strstr(rig->said, "\"session\":\"child\"") != NULL);
    fake_exit(&rig->fake, fake_last_child(&rig->fake), 1, "out of cheese");
    rig_run(rig);
    CHECK_END(rig, doubtful, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(
        rig->calls[doubtful].err.message,
        "server 'hub': the server process ended: exit code 1; its last words: out of cheese");
    rig_wait_for(rig, 100); /* a child that has done nothing is not followed by the next at once */
    CHECK_INT(rig->fake.child_count, 2);
    discover_child(rig);
    CHECK_INT(fake_lines(fake_last_child(&rig->fake), "tools/call"), 1);
    fake_say(&rig->fake, fake_last_child(&rig->fake),
             "{'jsonrpc':'2.0','id':2,'result':{'content':[{'type':'text','text':'x'}]}}");
    rig_run(rig);
    CHECK_OK(rig, harmless);
    fake_last_child(&rig->fake)->deaf = true; /* it dies between two calls, and nobody knows yet */
    int third = call_tool(rig, &server, "t");
    CHECK_INT(rig->fake.child_count, 3);
    discover_child(rig);
    CHECK_INT(fake_lines(fake_last_child(&rig->fake), "tools/call"), 1);
    CHECK_INT(rig->calls[third].ends, 0);
    fake_last_child(&rig->fake)->deaf = true;
    fake_last_child(&rig->fake)->half_deaf = true; /* it dies while it reads */
    int fourth = call_tool(rig, &server, "t");
    CHECK_END(rig, fourth, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(rig->fake.child_count, 3);
    rig_end(rig);
}

int main(void)
{
    CASE(one_session_serves_all_tools_of_a_server);
    CASE(metadata_can_name_the_tool);
    CASE(results_are_unwrapped_unless_they_are_wanted_raw);
    CASE(a_failure_that_the_tool_reports_is_an_error_with_its_result);
    CASE(methods_of_the_protocol_can_be_called);
    CASE(a_lost_session_is_renewed_once_for_all);
    CASE(a_session_that_is_lost_again_and_again_fails_the_call);
    CASE(a_broken_connection_is_not_repeated_unless_that_does_no_harm);
    CASE(what_was_remembered_is_forgotten_when_it_is_wrong);
    CASE(closing_sends_a_delete_and_waits_for_it);
    CASE(a_session_that_is_opening_is_closed_in_order_too);
    CASE(a_deadline_tells_the_server_why);
    CASE(a_redirect_by_the_environment_takes_effect_without_a_restart);
    CASE(words_that_nobody_waits_for_are_counted_while_they_are_on_their_way);
    CASE(opening_that_takes_too_long_fails_the_callers);
    CASE(late_events_of_an_old_session_do_not_reach_a_new_one);
    CASE(a_dead_child_is_replaced);
    return tap_done();
}
