/*
 * The n-th allocation fails, for all n, while calls are made, answered, renewed and closed: every
 * call that was taken ends exactly once, and nothing is left behind.
 */
#include "pool_oom_help.h"

static void run_plain(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (!begin(rig, alloc)) {
        finish(rig);
        return;
    }
    for (int i = 0; i < 3; i++) {
        rig_call_plain(rig, "a");
        rig_call_plain(rig, "b");
    }
    rig_run(rig);
    for (size_t i = 0; i < rig->session_count; i++) {
        if (rig->sessions[i].session != NULL) {
            rig_opened(rig, i);
        }
    }
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < rig->call_count; i++) {
            if (rig->calls[i].running == NULL) {
                continue;
            }
            if (i % 3 == 0 && round == 0) {
                rig_failed(rig, (int)i, SOUK_DELIVERY_REJECTED, true);
            } else if (i % 3 == 1) {
                rig_done(rig, (int)i);
            }
        }
        rig_run(rig);
        for (size_t i = 0; i < rig->session_count; i++) {
            if (rig->sessions[i].session != NULL) {
                rig_opened(rig, i);
            }
        }
    }
    finish(rig);
}

/* What a handler may say of a session while a call goes on and another one stands. */
static void say_things(pool_rig *rig, souk_session *session)
{
    souk_question question = {SOUK_ASK_INPUT, 5, 0, SOUK_LIT_INIT("{\"method\":\"roots/list\"}")};
    souk_err err;
    uint64_t ask = 0;
    (void)souk_session_describe(session, SOUK_LIT("{\"a\":1}"));
    (void)souk_session_describe(session, SOUK_LIT("{\"a\":2}"));
    souk_session_notice(session, SOUK_LIT("notifications/x"), SOUK_LIT("{}"));
    for (size_t i = 0; i < rig->call_count; i++) {
        if (rig->calls[i].running != NULL) {
            souk_call_progress(rig->calls[i].running, SOUK_LIT("{}"), rig->fake.now);
        }
    }
    for (int i = 0; i < 2; i++) {
        int failed = souk_session_ask(session, &question, &ask, &err);
        rig_run(rig);
        if (failed == SOUK_OK && i == 0) {
            CHECK(souk_session_withdraw(session, ask));
        }
    }
}

static void run_standing(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        souk_err err;
        souk_target target = {.prefix = SOUK_LIT_INIT("plain"), .name = SOUK_LIT_INIT("a")};
        souk_request listen = {.kind = SOUK_REQUEST_LISTEN, .traceparent = SOUK_LIT_INIT("00")};
        souk_request request = {.kind = SOUK_REQUEST_METHOD, .progress = true};
        souk_call_options options = {.standing = true};
        for (int i = 0; i < 2; i++) {
            (void)rig_submit(rig, &target, &listen, &options, &err);
            (void)rig_submit(rig, &target, &request, &(souk_call_options){.cap = 5}, &err);
            rig_run(rig);
            plain_session *last = &rig->sessions[rig->session_count];
            if (rig->session_count > 0 && (--last)->session != NULL) {
                souk_session_opened(last->session);
                rig_run(rig);
                say_things(rig, last->session);
            }
            (void)souk_pool_about(rig->pool, &target, rig->fake.now);
            souk_pool_close_sessions(rig->pool, SOUK_LIT(""), rig->fake.now);
        }
    }
    finish(rig);
}

/* Answers everything that is open, once. */
static void serve(pool_rig *rig, int status)
{
    for (size_t i = 0; i < rig->fake.exchange_count; i++) {
        fake_exchange *x = rig->fake.exchanges[i];
        if (x->ended || x->cancelled) {
            continue;
        }
        if (fake_is(x->body, "server/discover")) {
            fake_respond(&rig->fake, x, 400, "", "");
        } else if (fake_is(x->body, "initialize")) {
            open_legacy(rig, "one");
        } else if (fake_is(x->body, "tools/call") && status != 200) {
            fake_error(&rig->fake, x, status, -32001, "Session not found");
        } else if (fake_is(x->body, "tools/call")) {
            fake_result(&rig->fake, x, "{'content':[{'type':'text','text':'[1]'}]}");
        } else {
            fake_respond(&rig->fake, x, 202, "", "");
        }
        rig_run(rig);
    }
}

static void run_http(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        mcp_server server;
        server_http(&server);
        server_set(&server, "mcp_headers", "{\"X-A\":\"1\"}");
        fake_setenv(&rig->fake, "MCP_AUTH_TOKEN", "s3cret");
        call_tool(rig, &server, "a");
        call_tool(rig, &server, "b");
        for (int i = 0; i < 4; i++) {
            serve(rig, i == 3 ? 404 : 200);
        }
        int late = call_tool(rig, &server, "c");
        if (late >= 0) {
            souk_pool_cancel(rig->pool, rig->calls[late].id, rig->fake.now);
        }
        call_tool(rig, &server, "d");
        serve(rig, 404);
        for (int i = 0; i < 4; i++) {
            serve(rig, 200);
        }
        souk_pool_close(rig->pool, rig->fake.now);
        serve(rig, 200);
    }
    finish(rig);
}

static void run_stdio(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        mcp_server server;
        server_stdio(&server);
        server_set(&server, "mcp_args", "[\"-x\"]");
        call_tool(rig, &server, "a");
        fake_child *child = fake_last_child(&rig->fake);
        if (child != NULL && !child->closed) {
            fake_say(&rig->fake, child,
                     "{'jsonrpc':'2.0','id':1,'result':{'supportedVersions':['2026-07-28']}}");
            rig_run(rig);
            call_tool(rig, &server, "b");
            fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':2,'result':{'content':[]}}");
            rig_run(rig);
        }
        if (child != NULL) {
            fake_exit(&rig->fake, child, 1, "");
            rig_run(rig);
        }
        call_tool(rig, &server, "c");
        for (size_t i = 0; i < rig->fake.child_count; i++) {
            if (!rig->fake.children[i]->exited) {
                fake_exit(&rig->fake, rig->fake.children[i], 0, "");
            }
        }
        rig_run(rig);
    }
    finish(rig);
}

static void run_asks(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        souk_err err;
        souk_target target = {.prefix = SOUK_LIT_INIT("asking"), .name = SOUK_LIT_INIT("s")};
        souk_request request = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("m")};
        souk_call_options options = {.timeout = 0, .may_resend = false};
        mcp_server server;
        for (int i = 0; i < 3; i++) {
            (void)rig_submit(rig, &target, &request, &options, &err);
            rig_run(rig);
            souk_pool_answer(rig->pool, rig->ask, SOUK_LIT("{\"a\":1}"), NULL, rig->fake.now);
            rig_run(rig);
        }
        int call = rig_submit(rig, &target, &request, &options, &err);
        rig_run(rig);
        if (call >= 0) {
            souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
            rig_run(rig);
        }
        server_http(&server);
        server.target.auth = 3;
        call_tool(rig, &server, "t");
        souk_pool_answer(rig->pool, rig->ask, SOUK_LIT("\"token\""), NULL, rig->fake.now);
        rig_run(rig);
    }
    finish(rig);
}

/* Sends text to the newest open request of that method, as events of its answer. */
static void stream(pool_rig *rig, const char *method, const char *text)
{
    fake_exchange *x = fake_open(&rig->fake, method);
    if (x != NULL) {
        if (!x->has_head) {
            fake_head(&rig->fake, x, 200, "Content-Type: text/event-stream");
        }
        if (!x->cancelled) {
            fake_text(&rig->fake, x, text);
        }
        rig_run(rig);
    }
}

static void result(pool_rig *rig, const char *method, const char *text)
{
    fake_exchange *x = fake_open(&rig->fake, method);
    if (x != NULL && !x->has_head) {
        fake_result(&rig->fake, x, text);
        rig_run(rig);
    }
}

static void answer_last(pool_rig *rig, const char *json)
{
    souk_pool_answer(rig->pool, rig->ask, souk_slice_of(json), NULL, rig->fake.now);
    rig_run(rig);
}

static void start_features(mcp_server *server)
{
    server_http(server);
    server_set(server, "mcp_log_level", "info");
    server->target.input = 3;
    server->target.no_stream = true;
    server->target.abilities = 31;
}

static void run_legacy_features(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        mcp_server server;
        start_features(&server);
        call_tool(rig, &server, "a");
        ask_server(rig, &server, SOUK_REQUEST_LISTEN, "");
        result(rig, "server/discover", "[]");
        open_legacy(rig, "one");
        result(rig, "logging/setLevel", "{}");
        stream(rig, "tools/call",
               "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n\n"
               "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"roots/list\"}\n\n"
               "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n");
        answer_last(rig, "{\"roots\":[]}");
        ask_server(rig, &server, SOUK_REQUEST_NOTIFY, "notifications/roots/list_changed");
        ask_server(rig, &server, SOUK_REQUEST_LOG_LEVEL, "debug");
        result(rig, "logging/setLevel", "{}");
        (void)souk_pool_about(rig->pool, &server.target, rig->fake.now);
    }
    finish(rig);
}

static void run_modern_features(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        mcp_server server;
        start_features(&server);
        call_tool(rig, &server, "a");
        ask_server(rig, &server, SOUK_REQUEST_LISTEN, "");
        open_modern(rig);
        result(rig, "tools/call",
               "{'resultType':'input_required','inputRequests':{'k':{'method':'roots/list'}}}");
        answer_last(rig, "{\"roots\":[]}");
        result(rig, "tools/call", "{'resultType':'task','taskId':'t1','status':'working'}");
        stream(rig, "subscriptions/listen",
               "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n");
        int call = call_tool(rig, &server, "b");
        result(rig, "tools/call",
               "{'resultType':'input_required','inputRequests':{'k':{'method':'roots/list'}}}");
        if (call >= 0) {
            souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
        }
        rig_wait_for(rig, 1000);
        result(rig, "tasks/get", "{'taskId':'t1','status':'completed','result':{'content':[]}}");
        ask_server(rig, &server, SOUK_REQUEST_PING, "");
        result(rig, "server/discover", "{'supportedVersions':['2026-07-28'],'capabilities':{}}");
        ask_server(rig, &server, SOUK_REQUEST_LOG_LEVEL, "debug");
    }
    finish(rig);
}

/* Adopted, lost, opened for all, left. */
static void run_shared(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        mcp_server server;
        rig->mcp.share = 9;
        server_http(&server);
        call_tool(rig, &server, "a");
        answer_last(rig, "{\"session\":\"theirs\",\"protocol\":\"2025-06-18\",\"about\":\"{}\","
                         "\"generation\":7,\"seat\":3}");
        fake_exchange *x = fake_open(&rig->fake, "tools/call");
        if (x != NULL) {
            fake_respond(&rig->fake, x, 404, "", "");
            rig_run(rig);
        }
        answer_last(rig, "{\"open\":true,\"generation\":8,\"seat\":5}");
        open_legacy(rig, "mine");
        result(rig, "tools/call", "{'content':[]}");
        rig_wait_for(rig, 300000);
        answer_last(rig, "true");
    }
    finish(rig);
}

static void the_pool_alone_survives_every_failing_allocation(void)
{
    fail_everywhere(run_plain);
}

static void standing_calls_and_what_is_said_meanwhile_survive_every_failing_allocation(void)
{
    fail_everywhere(run_standing);
}

static void sessions_over_http_survive_every_failing_allocation(void)
{
    fail_everywhere(run_http);
}

static void sessions_over_stdio_survive_every_failing_allocation(void)
{
    fail_everywhere(run_stdio);
}

static void asks_survive_every_failing_allocation(void)
{
    fail_everywhere(run_asks);
}

static void what_legacy_servers_say_survives_every_failing_allocation(void)
{
    fail_everywhere(run_legacy_features);
}

static void rounds_tasks_and_listening_survive_every_failing_allocation(void)
{
    fail_everywhere(run_modern_features);
}

static void shared_sessions_survive_every_failing_allocation(void)
{
    fail_everywhere(run_shared);
}

int main(void)
{
    CASE(the_pool_alone_survives_every_failing_allocation);
    CASE(standing_calls_and_what_is_said_meanwhile_survive_every_failing_allocation);
    CASE(sessions_over_http_survive_every_failing_allocation);
    CASE(sessions_over_stdio_survive_every_failing_allocation);
    CASE(asks_survive_every_failing_allocation);
    CASE(what_legacy_servers_say_survives_every_failing_allocation);
    CASE(rounds_tasks_and_listening_survive_every_failing_allocation);
    CASE(shared_sessions_survive_every_failing_allocation);
    return tap_done();
}
