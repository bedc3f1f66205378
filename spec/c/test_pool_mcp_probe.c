/* The MCP handler: what it probes sessions with, and what Retry-After does to its calls. */
#include "pool_mcp_help.h"

enum { IDLE = 60000 };

/* A pool whose session, of a legacy server over HTTP, was not used for long. */
static pool_rig *rig_with_idle_legacy(mcp_server *server)
{
    pool_rig *rig = rig_start();
    server_http(server);
    call_tool(rig, server, "a");
    open_legacy(rig, "one");
    answer_tool(rig, "1");
    rig_wait_for(rig, IDLE);
    return rig;
}

static void legacy_servers_are_pinged(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_idle_legacy(&server);
    int call = call_tool(rig, &server, "b");
    CHECK(fake_open(&rig->fake, "tools/call") == NULL);
    CHECK(fake_has_header(fake_open(&rig->fake, "ping"), "Mcp-Session-Id", "one"));
    answer_request(rig, "ping", "{}");
    answer_tool(rig, "2");
    CHECK_OK(rig, call);
    CHECK_INT(fake_count(&rig->fake, "initialize"), 1);
    CHECK_INT(fake_count(&rig->fake, "ping"), 1);
    rig_end(rig);
}

static void a_server_that_does_not_know_the_probe_is_there(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_idle_legacy(&server);
    int call = call_tool(rig, &server, "b");
    fake_exchange *x = fake_open(&rig->fake, "ping");
    fake_error(&rig->fake, x, 200, -32601, "Method not found");
    rig_run(rig);
    answer_tool(rig, "2");
    CHECK_OK(rig, call);
    CHECK_INT(fake_count(&rig->fake, "initialize"), 1);
    rig_end(rig);
}

static void a_probe_that_finds_no_session_leads_to_a_new_one(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_idle_legacy(&server);
    int call = call_tool(rig, &server, "b");
    fake_respond(&rig->fake, fake_open(&rig->fake, "ping"), 404, "", "");
    rig_run(rig);
    open_legacy(rig, "two");
    CHECK(fake_has_header(fake_open(&rig->fake, "tools/call"), "Mcp-Session-Id", "two"));
    answer_tool(rig, "2");
    CHECK_OK(rig, call);
    CHECK_INT(fake_count(&rig->fake, "tools/call"), 2); /* each call was sent once */
    CHECK_INT(rig_stats(rig).calls_resent, 0);
    rig_end(rig);
}

static void a_probe_without_an_answer_leads_to_a_new_session(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_idle_legacy(&server);
    int call = call_tool(rig, &server, "b");
    const fake_exchange *x = fake_open(&rig->fake, "ping");
    rig_wait_for(rig, 5000);
    CHECK(x->cancelled);
    open_legacy(rig, "two");
    answer_tool(rig, "2");
    CHECK_OK(rig, call);
    rig_end(rig);
}

static void a_probe_that_is_refused_for_another_reason_says_that_somebody_is_there(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_idle_legacy(&server);
    int call = call_tool(rig, &server, "b");
    fake_respond(&rig->fake, fake_open(&rig->fake, "ping"), 400, "", "");
    rig_run(rig);
    if (fake_open(&rig->fake, "tools/call") == NULL) {
        open_legacy(rig, "two"); /* some servers say so of sessions that they do not know */
    }
    answer_tool(rig, "2");
    CHECK_OK(rig, call);
    rig_end(rig);
}

static void modern_servers_have_nothing_to_lose_over_http(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    call_tool(rig, &server, "a");
    open_modern(rig);
    answer_tool(rig, "1");
    rig_wait_for(rig, IDLE);
    int call = call_tool(rig, &server, "b");
    CHECK(fake_open(&rig->fake, "server/discover") == NULL);
    answer_tool(rig, "2");
    CHECK_OK(rig, call);
    CHECK_INT(rig_stats(rig).sessions_probed, 0);
    /* But after a call that nobody answered they are asked, by the one thing that does nothing. */
    int silent = call_tool(rig, &server, "c");
    rig_wait_for(rig, 60000);
    CHECK_END(rig, silent, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    call = call_tool(rig, &server, "d");
    CHECK(fake_open(&rig->fake, "server/discover") != NULL);
    open_modern(rig);
    answer_tool(rig, "3");
    CHECK_OK(rig, call);
    CHECK_INT(rig_stats(rig).sessions_probed, 1);
    rig_end(rig);
}

static void last_line(pool_rig *rig, char *line, size_t size)
{
    fake_line(fake_last_child(&rig->fake), line, size);
}

/* A child with an open session that was not used for long. */
static pool_rig *rig_with_idle_child(mcp_server *server, bool modern)
{
    char line[1024];
    pool_rig *rig = rig_start();
    server_stdio(server);
    call_tool(rig, server, "a");
    for (int i = 0; i < 3; i++) {
        last_line(rig, line, sizeof line);
        long long id = fake_rpc_id(line);
        fake_child *child = fake_last_child(&rig->fake);
        if (fake_is(line, "server/discover") && modern) {
            fake_say(&rig->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'supportedVersions':['2026-07-28'],"
                     "'capabilities':{}}}",
                     id);
        } else if (fake_is(line, "server/discover")) {
            fake_say(&rig->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'error':{'code':-32601,'message':'no'}}", id);
        } else if (fake_is(line, "initialize")) {
            fake_say(&rig->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'protocolVersion':'2025-06-18',"
                     "'capabilities':{},'serverInfo':{'name':'x','version':'1'}}}",
                     id);
        } else if (fake_is(line, "tools/call")) {
            fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':%lld,'result':{'content':[]}}", id);
        }
        rig_run(rig);
    }
    CHECK_OK(rig, 0);
    rig_wait_for(rig, IDLE);
    return rig;
}

static void children_are_asked_whatever_their_era(void)
{
    for (int modern = 0; modern < 2; modern++) {
        char line[1024];
        mcp_server server;
        pool_rig *rig = rig_with_idle_child(&server, modern != 0);
        call_tool(rig, &server, "b");
        last_line(rig, line, sizeof line);
        CHECK(fake_is(line, modern ? "server/discover" : "ping"));
        fake_say(&rig->fake, fake_last_child(&rig->fake),
                 "{'jsonrpc':'2.0','id':%lld,'error':{'code':-32601,'message':'no'}}",
                 fake_rpc_id(line));
        rig_run(rig);
        last_line(rig, line, sizeof line);
        CHECK(fake_is(line, "tools/call"));
        CHECK_INT(rig->fake.child_count, 1);
        rig_end(rig);
    }
}

static void a_child_that_hangs_is_replaced_before_the_next_call(void)
{
    char line[1024];
    mcp_server server;
    pool_rig *rig = rig_with_idle_child(&server, true);
    int call = call_tool(rig, &server, "b");
    rig_wait_for(rig, 5000);
    CHECK_INT(rig->fake.child_count, 2);
    CHECK(rig->fake.children[0]->closed);
    last_line(rig, line, sizeof line);
    CHECK(fake_is(line, "server/discover"));
    CHECK_INT(rig->calls[call].ends, 0);
    rig_end(rig);
}

/* --- Retry-After --- */

static pool_rig *rig_with_refused_call(mcp_server *server, int *call, int status,
                                       const char *headers)
{
    pool_rig *rig = rig_start();
    server_http(server);
    *call = call_tool(rig, server, "a");
    open_modern(rig);
    fake_respond(&rig->fake, fake_open(&rig->fake, "tools/call"), status, headers, "");
    rig_run(rig);
    return rig;
}

static void a_call_that_was_refused_for_now_goes_again(void)
{
    static const struct {
        int status;
        const char *headers;
        souk_ms wait;
    } rows[] = {
        {503, "Retry-After: 2", 2000},
        {429, "Retry-After: 7", 7000},
        {503, "Retry-After: Sun, 22 Nov 2026 12:00:03 GMT\nDate: Sun, 22 Nov 2026 12:00:00 GMT",
         3000},
        {429, "Date: Sun, 22 Nov 1998 12:00:00 GMT\nRetry-After: Sun, 22 Nov 1998 12:00:04 GMT",
         4000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_server server;
        int call;
        pool_rig *rig = rig_with_refused_call(&server, &call, rows[i].status, rows[i].headers);
        int other = call_tool(rig, &server, "b");
        rig_wait_for(rig, rows[i].wait - 1);
        CHECK_INT(fake_count(&rig->fake, "tools/call"), 1);
        rig_wait_for(rig, 1);
        CHECK_INT(fake_count(&rig->fake, "tools/call"), 3);
        answer_tool(rig, "1");
        answer_tool(rig, "2");
        CHECK_OK(rig, call);
        CHECK_OK(rig, other);
        rig_end(rig);
    }
}

static void without_a_time_nobody_knows_what_became_of_the_call(void)
{
    mcp_server server;
    int call;
    pool_rig *rig = rig_with_refused_call(&server, &call, 503, "");
    CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(rig->calls[call].err.retryable);
    CHECK_INT(rig->calls[call].err.retry_after, 0);
    call_tool(rig, &server, "b");
    CHECK_INT(fake_count(&rig->fake, "tools/call"), 2); /* no pause */
    rig_end(rig);
}

static void an_opening_that_was_refused_for_now_is_tried_again(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "a");
    for (int i = 0; i < 3 && rig->calls[call].ends == 0; i++) {
        fake_exchange *x = fake_open(&rig->fake, "server/discover");
        CHECK(x != NULL);
        if (x != NULL) {
            fake_respond(&rig->fake, x, 503, "Retry-After: 4", "");
        }
        rig_run(rig);
        rig_wait_for(rig, 3999);
        CHECK(fake_open(&rig->fake, "server/discover") == NULL);
        rig_wait_for(rig, 1);
    }
    open_modern(rig);
    answer_tool(rig, "1");
    CHECK_OK(rig, call);
    rig_end(rig);
}

int main(void)
{
    CASE(legacy_servers_are_pinged);
    CASE(a_server_that_does_not_know_the_probe_is_there);
    CASE(a_probe_that_finds_no_session_leads_to_a_new_one);
    CASE(a_probe_without_an_answer_leads_to_a_new_session);
    CASE(a_probe_that_is_refused_for_another_reason_says_that_somebody_is_there);
    CASE(modern_servers_have_nothing_to_lose_over_http);
    CASE(children_are_asked_whatever_their_era);
    CASE(a_child_that_hangs_is_replaced_before_the_next_call);
    CASE(a_call_that_was_refused_for_now_goes_again);
    CASE(without_a_time_nobody_knows_what_became_of_the_call);
    CASE(an_opening_that_was_refused_for_now_is_tried_again);
    return tap_done();
}
