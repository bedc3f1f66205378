/* Operations that take one request, and where notices and progress go. */
#include "operation_help.h"

static void a_tool_is_called_with_its_name_and_arguments(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    ops_call(&rig);
    CHECK_PARAMS(&rig, "{\"name\":\"tool\",\"arguments\":{\"a\":1}}");
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Name", "tool"));
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tools/call", "{'content':[]}");
    DONE(&rig, "{\"content\":[]}");
    CHECK(!rig.news.asked && !rig.news.lost);
    ops_close(&rig);
}

static void the_name_of_a_method_is_found_in_its_params(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    souk_mcp_order order = {.kind = SOUK_MCP_OP_METHOD,
                            .name = SOUK_LIT_INIT("resources/read"),
                            .params = SOUK_LIT_INIT("{\"uri\":\"file:///a\"}")};
    CHECK(ops_start(&rig, order) != NULL);
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Name", "file:///a"));
    RESULT(&rig, "resources/read", "{'contents':[]}");
    DONE(&rig, "{\"contents\":[]}");
    order.params = SOUK_LIT("{\"uri\":}");
    souk_mcp_op *op;
    souk_err err;
    order.tag = &rig;
    order.timeout = 1;
    CHECK_INT(souk_mcp_op_start(rig.ops, &order, 0, &op, &err), SOUK_E_SCHEMA);
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK(op == NULL);
    ops_close(&rig);
}

static void the_data_of_an_error_comes_with_the_end(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-11-25", 0);
    ops_call(&rig);
    ERROR(&rig, "tools/call", 200, "{'code':7,'message':'no','data':{'b':2}}");
    FAILED(&rig, RPC, DELIVERED, "no");
    CHECK_INT(rig.news.err.code, 7);
    CHECK_SLICE(souk_json_raw(&rig.news.doc, rig.news.value), "{\"b\":2}");
    ops_close(&rig);
}

static void a_ping_is_what_the_era_has_for_it(void)
{
    ops_rig rig;
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_PING};
    ops_open(&rig, "2026-07-28", 0);
    CHECK(ops_start(&rig, order) != NULL);
    RESULT(&rig, "server/discover", RIG_DISCOVERED);
    CHECK(ops_next(&rig) && rig.news.err.kind == SOUK_OK);
    ops_close(&rig);
    ops_open(&rig, "2025-06-18", 0);
    CHECK(ops_start(&rig, order) != NULL);
    RESULT(&rig, "ping", "{}");
    DONE(&rig, "{}");
    ops_close(&rig);
}

static void a_log_level_is_set_or_kept(void)
{
    ops_rig rig;
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_LOG_LEVEL, .name = SOUK_LIT_INIT("warning")};
    ops_open(&rig, "2025-06-18", 0);
    CHECK(ops_start(&rig, order) != NULL);
    CHECK(strstr(fake_last(&rig.session.fake)->body, "\"params\":{\"level\":\"warning\"}") != NULL);
    RESULT(&rig, "logging/setLevel", "{}");
    DONE(&rig, "{}");
    ops_close(&rig);
    ops_open(&rig, "2026-07-28", 0);
    size_t sent = rig.session.fake.exchange_count;
    CHECK(ops_start(&rig, order) != NULL);
    DONE(&rig, "{}");
    CHECK_INT(rig.session.fake.exchange_count, sent);
    ops_call(&rig);
    CHECK(strstr(fake_last(&rig.session.fake)->body, "logLevel\":\"warning\"") != NULL);
    RESULT(&rig, "tools/call", "{}");
    DONE(&rig, "{}");
    ops_close(&rig);
}

static void stream(ops_rig *rig, const char *event)
{
    char text[1024];
    fake_exchange *x = fake_open(&rig->session.fake, "tools/call");
    if (!x->has_head) {
        fake_head(&rig->session.fake, x, 200, "Content-Type: text/event-stream");
    }
    snprintf(text, sizeof text, "data: %s\n\n", event);
    fake_text(&rig->session.fake, x, text);
}

static void progress_goes_to_who_asked_for_it(void)
{
    ops_rig rig;
    char event[256];
    ops_open(&rig, "2026-07-28", 0);
    for (int wanted = 0; wanted < 2; wanted++) {
        const souk_mcp_order order = {
            .kind = SOUK_MCP_OP_TOOL, .name = SOUK_LIT_INIT("tool"), .progress = wanted == 1};
        CHECK(ops_start(&rig, order) != NULL);
        const char *body = fake_last(&rig.session.fake)->body;
        CHECK((strstr(body, "progressToken") != NULL) == (wanted == 1));
        snprintf(event, sizeof event,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                 "{\"progressToken\":%lld,\"progress\":1}}",
                 fake_rpc_id(body));
        stream(&rig, event);
        stream(&rig, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                     "{\"progressToken\":\"x\",\"progress\":1}}");
        stream(&rig, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
                     "{\"level\":\"info\",\"data\":1}}");
        snprintf(event, sizeof event, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{}}",
                 fake_rpc_id(body));
        stream(&rig, event);
        if (wanted == 1) {
            CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_PROGRESS);
            CHECK(rig.news.tag == &rig.tags[0]);
            CHECK(souk_json_get(rig.news.value, "progress") != NULL);
        }
        NEWS(&rig, NOTICE, "notifications/message", "{\"level\":\"info\",\"data\":1}");
        CHECK(rig.news.tag == NULL);
        DONE(&rig, "{}");
    }
    ops_close(&rig);
}

static void a_cancelled_operation_is_heard_of_no_more(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    souk_mcp_op *op = ops_call(&rig);
    fake_exchange *x = fake_last(&rig.session.fake);
    souk_mcp_op_cancel(rig.ops, op, "enough", true, rig.session.fake.now);
    CHECK(x->cancelled);
    CHECK(!ops_next(&rig));
    op = ops_call(&rig);
    RESULT(&rig, "tools/call", "{}");
    CHECK(souk_mcp_ops_deadline(rig.ops) == SOUK_NEVER);
    souk_mcp_op_cancel(rig.ops, op, "enough", true, rig.session.fake.now);
    ops_close(&rig);
}

static void a_revision_that_the_server_knows_is_tried_once_more(void)
{
    static const char known[] =
        "{'code':-32022,'message':'m','data':{'supported':['2026-07-28'],'requested':'x'}}";
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    ops_call(&rig);
    ERROR(&rig, "tools/call", 400, known);
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tools/call", "{}");
    DONE(&rig, "{}");
    ops_call(&rig);
    ERROR(&rig, "tools/call", 400, known);
    CHECK(!ops_next(&rig));
    ERROR(&rig, "tools/call", 400, known);
    FAILED(&rig, RPC, REJECTED, "m");
    ops_call(&rig);
    ERROR(&rig, "tools/call", 400,
          "{'code':-32022,'message':'m','data':{'supported':['2031-01-01']}}");
    FAILED(&rig, RPC, REJECTED, "m");
    ops_close(&rig);
}

static void an_operation_on_a_lost_session_says_so(void)
{
    ops_rig rig;
    ops_open_child(&rig, 0);
    ops_call(&rig);
    fake_exit(&rig.session.fake, fake_last_child(&rig.session.fake), 1, "");
    FAILED(&rig, TRANSPORT, AMBIGUOUS, "");
    CHECK(rig.news.lost);
    souk_mcp_op *op;
    souk_err err;
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_PING, .tag = &rig, .timeout = 1};
    CHECK_INT(souk_mcp_op_start(rig.ops, &order, 0, &op, &err), SOUK_E_CLOSED);
    ops_close(&rig);
}

static void freeing_says_nothing_to_the_server(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    ops_call(&rig);
    RESULT(&rig, "tools/call",
           "{'resultType':'input_required','inputRequests':{"
           "'a':{'method':'roots/list'},'b':{'method':'roots/list'}}}");
    QUESTION(&rig, "roots/list");
    souk_mcp_ops_free(rig.ops);
    ops_drop_news(&rig);
    CHECK(!fake_last(&rig.session.fake)->cancelled);
    souk_mcp_ops_free(NULL);
    rig_free(&rig.session);
}

int main(void)
{
    CASE(a_tool_is_called_with_its_name_and_arguments);
    CASE(the_name_of_a_method_is_found_in_its_params);
    CASE(the_data_of_an_error_comes_with_the_end);
    CASE(a_ping_is_what_the_era_has_for_it);
    CASE(a_log_level_is_set_or_kept);
    CASE(progress_goes_to_who_asked_for_it);
    CASE(a_cancelled_operation_is_heard_of_no_more);
    CASE(a_revision_that_the_server_knows_is_tried_once_more);
    CASE(an_operation_on_a_lost_session_says_so);
    CASE(freeing_says_nothing_to_the_server);
    return tap_done();
}
