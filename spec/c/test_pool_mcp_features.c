/* What MCP has beside calls: progress, tasks, listening, log levels, notifications, pings. */
#include "pool_mcp_help.h"

enum { TASKS = 16 /* SOUK_MCP_CAN_FOLLOW_TASKS */ };

#define WORKING "{'resultType':'task','taskId':'t1','status':'working','pollIntervalMs':500}"

static int begin_task(pool_rig *rig, mcp_server *server)
{
    souk_err err;
    souk_request request = {.kind = SOUK_REQUEST_CAPABILITY,
                            .capability = SOUK_LIT_INIT("mcp.hub.t"),
                            .progress = true};
    souk_call_options options = {.timeout = 1200};
    server_http(server);
    server->target.abilities = TASKS;
    int call = rig_submit(rig, &server->target, &request, &options, &err);
    open_modern(rig);
    answer_request(rig, "tools/call", WORKING);
    return call;
}

static void progress_is_passed_on_without_what_belongs_to_the_wire(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    char event[256];
    souk_err err;
    souk_request request = {.kind = SOUK_REQUEST_CAPABILITY,
                            .capability = SOUK_LIT_INIT("mcp.hub.t"),
                            .progress = true};
    souk_call_options options = {.timeout = 1000};
    server_http(&server);
    int call = rig_submit(rig, &server.target, &request, &options, &err);
    open_legacy(rig, "abc");
    long long id = fake_rpc_id(fake_open(&rig->fake, "tools/call")->body);
    for (int i = 0; i < 3; i++) {
        rig_wait_for(rig, 900);
        snprintf(event, sizeof event,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                 "{\"progressToken\":%lld,\"progress\":%d.5,\"total\":\"many\",\"message\":\"m\"}}",
                 id, i);
        stream_event(rig, event);
    }
    CHECK_INT(rig->progress, 3);
    CHECK(strstr(rig->said, "progress {\"progress\":2.5,\"message\":\"m\"}\n") != NULL);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_wait_for(rig, 1000);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    rig_end(rig);
}

static void a_task_is_progress_until_it_is_done(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_task(rig, &server);
    CHECK(strstr(rig->said, "progress {\"task\":\"t1\",\"status\":\"working\"}\n") != NULL);
    rig_wait_for(rig, 600);
    answer_request(
        rig, "tasks/get",
        "{'taskId':'t1','status':'working','statusMessage':'half','pollIntervalMs':500}");
    CHECK(strstr(rig->said, "\"status\":\"working\",\"message\":\"half\"}\n") != NULL);
    rig_wait_for(rig, 700);
    CHECK_INT(rig->calls[call].ends, 0); /* what is new moves the deadline */
    answer_request(rig, "tasks/get",
                   "{'taskId':'t1','status':'completed','result':{'content':[{'type':'text',"
                   "'text':'x'}]}}");
    CHECK_OK(rig, call);
    CHECK_TEXT(rig->calls[call].value, "\"x\""); /* as of any other call */
    rig_end(rig);
}

static void a_task_is_stopped_by_its_caller_only(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_task(rig, &server);
    souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
    rig_run(rig);
    CHECK_INT(fake_count(&rig->fake, "tasks/cancel"), 1);
    CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(rig->calls[call].err.message, "task \"t1\": cancelled by the caller");
    rig_end(rig);

    rig = rig_start();
    call = begin_task(rig, &server);
    rig_wait_for(rig, 1200);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(rig->calls[call].err.message, "task \"t1\": no answer within 1.2 s");
    CHECK_INT(fake_count(&rig->fake, "tasks/cancel"), 0);
    /* So it can be picked up again. */
    call = ask_server(rig, &server, SOUK_REQUEST_TASK, "t1");
    answer_request(rig, "tasks/get",
                   "{'taskId':'t1','status':'completed','result':{'structuredContent':[7]}}");
    CHECK_OK(rig, call);
    CHECK_TEXT(rig->calls[call].value, "[7]");
    souk_pool_close(rig->pool, rig->fake.now);
    CHECK_INT(fake_count(&rig->fake, "tasks/cancel"), 0);
    rig_end(rig);
}

static void a_failed_task_names_itself_once(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_task(rig, &server);
    rig_wait_for(rig, 500);
    answer_request(rig, "tasks/get",
                   "{'taskId':'t1','status':'failed','error':{'code':-32603,'message':'sorry'}}");
    CHECK_END(rig, call, SOUK_E_RPC, SOUK_DELIVERY_DELIVERED);
    CHECK_TEXT(rig->calls[call].err.message, "server 'hub': task \"t1\": sorry");
    call = begin_task(rig, &server);
    rig_wait_for(rig, 500);
    answer_request(rig, "tasks/get", "{'taskId':'t1','status':'cancelled'}");
    CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_DELIVERED);
    CHECK_TEXT(rig->calls[call].err.message,
               "server 'hub': task \"t1\": the server cancelled the task");
    rig_end(rig);
}

static void listening_stands_and_notices_come(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    char event[256];
    server_http(&server);
    int call = ask_server(rig, &server, SOUK_REQUEST_LISTEN, "");
    open_modern(rig);
    fake_exchange *x = fake_open(&rig->fake, "subscriptions/listen");
    if (x == NULL) {
        tap_fail(__FILE__, __LINE__, "nothing was sent");
        rig_end(rig);
        return;
    }
    snprintf(event, sizeof event,
             "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\","
             "\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%lld},"
             "\"notifications\":{\"toolsListChanged\":true}}}\n\n",
             fake_rpc_id(x->body));
    fake_head(&rig->fake, x, 200, "Content-Type: text/event-stream");
    fake_text(&rig->fake, x, event);
    fake_text(&rig->fake, x,
              "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n");
    rig_run(rig);
    CHECK_INT(rig->notices, 2);
    CHECK(strstr(rig->said, "souk/listening {\"toolsListChanged\":true}\n") != NULL);
    CHECK(strstr(rig->said, "notifications/tools/list_changed ") != NULL);
    rig_wait_for(rig, 2000000);
    CHECK_INT(rig->calls[call].ends, 0);
    souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
    rig_run(rig);
    CHECK(x->cancelled);
    CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);
    rig_end(rig);
}

/* Opens a legacy session whose server logs, or does not say so. */
static void open_logging(pool_rig *rig, const char *capabilities)
{
    char result[256];
    fake_exchange *x = fake_open(&rig->fake, "server/discover");
    if (x != NULL) {
        fake_respond(&rig->fake, x, 404, "", "");
        rig_run(rig);
    }
    snprintf(result, sizeof result,
             "{'protocolVersion':'2025-06-18','capabilities':%s,'serverInfo':{'name':'hub',"
             "'version':'1'}}",
             capabilities);
    answer_request(rig, "initialize", result);
    fake_respond(&rig->fake, fake_open(&rig->fake, "notifications/initialized"), 202, "", "");
    rig_run(rig);
}

static void a_log_level_is_told_to_each_session(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    server_set(&server, "mcp_log_level", "warning");
    int call = call_tool(rig, &server, "t");
    open_logging(rig, "{'logging':{}}");
    fake_exchange *x = fake_open(&rig->fake, "logging/setLevel");
    CHECK(x != NULL && strstr(x->body, "\"level\":\"warning\"") != NULL);
    answer_request(rig, "logging/setLevel", "{}");
    answer_tool(rig, "x");
    CHECK_OK(rig, call);
    /* Another one holds for sessions to come, too. */
    call = ask_server(rig, &server, SOUK_REQUEST_LOG_LEVEL, "debug");
    answer_request(rig, "logging/setLevel", "{}");
    CHECK_OK(rig, call);
    CHECK_INT(fake_count(&rig->fake, "logging/setLevel"), 2);
    souk_pool_close_sessions(rig->pool, SOUK_LIT(""), rig->fake.now);
    rig_run(rig);
    call_tool(rig, &server, "t");
    open_logging(rig, "{'logging':{}}");
    x = fake_open(&rig->fake, "logging/setLevel");
    CHECK(x != NULL && strstr(x->body, "\"level\":\"debug\"") != NULL);
    CHECK_INT(fake_count(&rig->fake, "logging/setLevel"), 3);
    rig_end(rig);
}

static void a_server_that_does_not_log_is_not_asked_to(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    server_set(&server, "mcp_log_level", "error");
    call_tool(rig, &server, "t");
    open_logging(rig, "{}");
    answer_tool(rig, "x");
    CHECK_INT(fake_count(&rig->fake, "logging/setLevel"), 0);
    int call = ask_server(rig, &server, SOUK_REQUEST_LOG_LEVEL, "loud");
    CHECK_END(rig, call, SOUK_E_CONFIG, SOUK_DELIVERY_NOT_SENT);
    CHECK_TEXT(rig->calls[call].err.message, "server 'hub': 'loud' is no log level");
    call = ask_server(rig, &server, SOUK_REQUEST_LOG_LEVEL, "info"); /* unless somebody insists */
    fake_error(&rig->fake, fake_open(&rig->fake, "logging/setLevel"), 200, -32601, "no");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_RPC, SOUK_DELIVERY_REJECTED);
    rig_end(rig);

    rig = rig_start();
    server_http(&server);
    server_set(&server, "mcp_log_level", "loud");
    CHECK_INT(call_tool(rig, &server, "t"), -1);
    CHECK(strstr(rig->said, "log_level of server 'hub': 'loud' is none, expected debug") != NULL);
    rig_end(rig);
}

static void a_modern_server_hears_the_level_with_each_request(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    server_set(&server, "mcp_log_level", "notice");
    call_tool(rig, &server, "t");
    open_modern(rig);
    CHECK(strstr(fake_last(&rig->fake)->body, "\"io.modelcontextprotocol/logLevel\":\"notice\""));
    answer_tool(rig, "x");
    size_t sent = rig->fake.exchange_count;
    int call = ask_server(rig, &server, SOUK_REQUEST_LOG_LEVEL, "alert");
    CHECK_OK(rig, call);
    CHECK_TEXT(rig->calls[call].value, "{}");
    CHECK_INT(rig->fake.exchange_count, sent);
    call_tool(rig, &server, "t");
    CHECK(strstr(fake_last(&rig->fake)->body, "\"io.modelcontextprotocol/logLevel\":\"alert\""));
    rig_end(rig);
}

static void a_level_holds_for_the_servers_other_sessions_at_once(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.max_in_flight = 1;
    rig_make(rig);
    server_http(&server);
    call_tool(rig, &server, "t");
    call_tool(rig, &server, "t");
    open_modern(rig);
    CHECK_INT(rig_stats(rig).sessions, 2);
    answer_tool(rig, "x");
    int call = ask_server(rig, &server, SOUK_REQUEST_LOG_LEVEL, "alert"); /* on one of the two */
    CHECK_OK(rig, call);
    answer_tool(rig, "x");
    call_tool(rig, &server, "t");
    CHECK(strstr(fake_last(&rig->fake)->body, "\"io.modelcontextprotocol/logLevel\":\"alert\""));
    call_tool(rig, &server, "t");
    CHECK(strstr(fake_last(&rig->fake)->body, "\"io.modelcontextprotocol/logLevel\":\"alert\""));
    CHECK_INT(rig_stats(rig).in_flight, 2);
    rig_end(rig);
}

static void a_notification_is_done_when_it_is_sent(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = ask_server(rig, &server, SOUK_REQUEST_NOTIFY, "notifications/roots/list_changed");
    open_legacy(rig, "abc");
    CHECK_OK(rig, call);
    CHECK_TEXT(rig->calls[call].value, "{}");
    CHECK_INT(fake_count(&rig->fake, "notifications/roots/list_changed"), 1);
    CHECK_INT(souk_pool_on_the_way(rig->pool), 1);
    rig_end(rig);

    rig = rig_start();
    call = ask_server(rig, &server, SOUK_REQUEST_NOTIFY, "notifications/roots/list_changed");
    open_modern(rig);
    CHECK_END(rig, call, SOUK_E_CONFIG, SOUK_DELIVERY_NOT_SENT);
    rig_end(rig);
}

static void a_ping_is_asked_in_the_way_of_the_era(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    int call = ask_server(rig, &server, SOUK_REQUEST_PING, "");
    open_legacy(rig, "abc");
    answer_request(rig, "ping", "{}");
    CHECK_OK(rig, call);
    rig_end(rig);
}

static void what_a_server_says_about_itself_is_kept(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_http(&server);
    CHECK_INT(souk_pool_about(rig->pool, &server.target, rig->fake.now).len, 0);
    call_tool(rig, &server, "t");
    open_legacy(rig, "abc");
    souk_pool_close_sessions(rig->pool, SOUK_LIT(""), rig->fake.now);
    rig_run(rig);
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    souk_slice about = souk_pool_about(rig->pool, &server.target, rig->fake.now);
    CHECK_INT(souk_json_read(&doc, about, NULL, NULL), SOUK_OK);
    CHECK(souk_json_is_string(souk_json_get(doc.root, "protocolVersion"), "2025-06-18"));
    CHECK(souk_json_is_string(souk_json_get(doc.root, "era"), "legacy"));
    souk_json_doc_free(&doc);
    rig_end(rig);
}

static void traces_and_schemas_go_with_the_call(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    souk_err err;
    souk_request request = {
        .kind = SOUK_REQUEST_CAPABILITY,
        .capability = SOUK_LIT_INIT("mcp.hub.t"),
        .input_schema = SOUK_LIT_INIT("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
                                      "\"string\",\"x-mcp-header\":\"A\"}}}"),
        .traceparent = SOUK_LIT_INIT("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};
    souk_call_options options = {.timeout = 0};
    souk_buf body;
    uint64_t id;
    server_http(&server);
    souk_buf_init(&body, rig->alloc, 100);
    souk_buf_add_text(&body, "{\"a\":\"blue\"}");
    const souk_order order = {&server.target, &request, &body, options};
    CHECK_INT(souk_pool_call(rig->pool, &order, rig->fake.now, &id, &err), SOUK_OK);
    open_modern(rig);
    CHECK(strstr(fake_last(&rig->fake)->body, "\"traceparent\":\"00-0af7651916cd43dd") != NULL);
    CHECK(fake_has_header(fake_last(&rig->fake), "Mcp-Param-A", "blue"));
    rig_end(rig);
}

int main(void)
{
    CASE(progress_is_passed_on_without_what_belongs_to_the_wire);
    CASE(a_task_is_progress_until_it_is_done);
    CASE(a_task_is_stopped_by_its_caller_only);
    CASE(a_failed_task_names_itself_once);
    CASE(listening_stands_and_notices_come);
    CASE(a_log_level_is_told_to_each_session);
    CASE(a_server_that_does_not_log_is_not_asked_to);
    CASE(a_modern_server_hears_the_level_with_each_request);
    CASE(a_level_holds_for_the_servers_other_sessions_at_once);
    CASE(a_notification_is_done_when_it_is_sent);
    CASE(a_ping_is_asked_in_the_way_of_the_era);
    CASE(what_a_server_says_about_itself_is_kept);
    CASE(traces_and_schemas_go_with_the_call);
    return tap_done();
}
