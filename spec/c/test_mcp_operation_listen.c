/* Subscriptions in both eras. */
#include "operation_help.h"

#define ALL "{\"toolsListChanged\":true,\"resourceSubscriptions\":[\"file:///a\",\"file:///b\"]}"

static souk_mcp_op *listen(ops_rig *rig, const char *params)
{
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_LISTEN, .params = souk_slice_of(params)};
    return ops_start(rig, order);
}

static void event(ops_rig *rig, fake_exchange *x, const char *method, const char *params)
{
    char text[512];
    if (!x->has_head) {
        fake_head(&rig->session.fake, x, 200, "Content-Type: text/event-stream");
    }
    snprintf(text, sizeof text, "data: {\"jsonrpc\":\"2.0\",\"method\":\"%s\",\"params\":%s}\n\n",
             method, params);
    fake_text(&rig->session.fake, x, text);
}

static void a_modern_subscription_is_one_standing_request(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    CHECK(listen(&rig, ALL) != NULL);
    fake_exchange *x = fake_open(&rig.session.fake, "subscriptions/listen");
    CHECK_PARAMS(&rig, "{\"notifications\":" ALL "}");
    CHECK(x->timeout == SOUK_NEVER);
    event(&rig, x, "notifications/subscriptions/acknowledged",
          "{\"_meta\":{},\"notifications\":{\"toolsListChanged\":true}}");
    NEWS(&rig, NOTICE, "souk/listening", "{\"toolsListChanged\":true}");
    CHECK(rig.news.tag == &rig.tags[0]);
    event(&rig, x, "notifications/resources/updated", "{\"uri\":\"file:///a\"}");
    NEWS(&rig, NOTICE, "notifications/resources/updated", "{\"uri\":\"file:///a\"}");
    CHECK(rig.news.tag == &rig.tags[0]);
    CHECK(souk_mcp_ops_deadline(rig.ops) == SOUK_NEVER);
    char text[200];
    snprintf(text, sizeof text, "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{}}\n\n",
             fake_rpc_id(x->body));
    fake_text(&rig.session.fake, x, text);
    DONE(&rig, "{}");
    ops_close(&rig);
}

static void a_modern_subscription_that_breaks_has_failed(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    CHECK(listen(&rig, "") != NULL);
    CHECK_PARAMS(&rig, "{\"notifications\":{}}");
    fake_exchange *x = fake_open(&rig.session.fake, "subscriptions/listen");
    event(&rig, x, "notifications/subscriptions/acknowledged", "{}");
    NEWS(&rig, NOTICE, "souk/listening", "{}");
    fake_end(&rig.session.fake, x);
    FAILED(&rig, TRANSPORT, AMBIGUOUS, "");
    CHECK(!rig.news.lost);
    souk_mcp_op *op = listen(&rig, "");
    x = fake_open(&rig.session.fake, "subscriptions/listen");
    souk_mcp_op_cancel(rig.ops, op, "enough", false, rig.session.fake.now);
    CHECK(x->cancelled);
    ops_close(&rig);
}

/* The stream of a legacy session is there. */
static void open_stream(ops_rig *rig)
{
    fake_exchange *x = fake_last(&rig->session.fake);
    CHECK_TEXT(x->method, "GET");
    fake_head(&rig->session.fake, x, 200, "Content-Type: text/event-stream");
}

static void stand(ops_rig *rig)
{
    open_stream(rig);
    CHECK(!ops_next(rig)); /* it is not told before all resources were subscribed to */
}

static void check_stands(ops_rig *rig)
{
    NEWS(rig, NOTICE, "souk/listening", NULL);
    CHECK(rig->news.tag == &rig->tags[0]);
}

static void a_legacy_subscription_asks_for_each_resource(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-06-18", 0);
    CHECK(listen(&rig, ALL) != NULL);
    CHECK_INT(fake_count(&rig.session.fake, "resources/subscribe"), 0);
    fake_exchange *x = fake_last(&rig.session.fake);
    stand(&rig);
    CHECK(strstr(fake_last(&rig.session.fake)->body, "{\"uri\":\"file:///a\"}") != NULL);
    RESULT(&rig, "resources/subscribe", "{}");
    CHECK(!ops_next(&rig));
    CHECK(strstr(fake_last(&rig.session.fake)->body, "{\"uri\":\"file:///b\"}") != NULL);
    ERROR(&rig, "resources/subscribe", 200, "{'code':-32601,'message':'no'}");
    NEWS(&rig, NOTICE, "souk/listening_failed", "{\"uri\":\"file:///b\",\"message\":\"no\"}");
    CHECK(rig.news.tag == &rig.tags[0]);
    check_stands(&rig);
    CHECK(souk_mcp_ops_deadline(rig.ops) == SOUK_NEVER);
    event(&rig, x, "notifications/tools/list_changed", "{}");
    NEWS(&rig, NOTICE, "notifications/tools/list_changed", "{}");
    CHECK(rig.news.tag == &rig.tags[0]);
    ops_close(&rig);
}

static void a_server_that_does_not_answer_holds_nothing_up(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-06-18", 0);
    souk_mcp_op *op = listen(&rig, ALL);
    stand(&rig);
    ops_wait(&rig, 30000);
    CHECK(ops_next(&rig));
    CHECK_SLICE(rig.news.method, "souk/listening_failed");
    CHECK(strstr(fake_last(&rig.session.fake)->body, "file:///b") != NULL);
    rig.session.fake.refuse_exchange = SOUK_E_LIMIT;
    ops_wait(&rig, 30000);
    CHECK(ops_next(&rig));
    CHECK_SLICE(rig.news.method, "souk/listening_failed");
    check_stands(&rig);
    CHECK(souk_mcp_ops_deadline(rig.ops) == SOUK_NEVER);
    souk_mcp_op_cancel(rig.ops, op, "enough", false, rig.session.fake.now);
    CHECK(!ops_next(&rig));
    ops_close(&rig);
}

static void a_stream_that_stands_anew_is_subscribed_anew(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-06-18", 0);
    souk_mcp_op *op = listen(&rig, "{\"resourceSubscriptions\":[\"file:///a\"]}");
    CHECK(op != NULL);
    fake_exchange *first = fake_last(&rig.session.fake);
    stand(&rig);
    RESULT(&rig, "resources/subscribe", "{}");
    check_stands(&rig);
    event(&rig, first, "notifications/x", "{}");
    NEWS(&rig, NOTICE, "notifications/x", "{}");
    fake_end(&rig.session.fake, first);
    CHECK(!ops_next(&rig));
    rig_wait(&rig.session, 60000);
    CHECK(fake_last(&rig.session.fake) != first);
    stand(&rig);
    CHECK_INT(fake_count(&rig.session.fake, "resources/subscribe"), 2);
    RESULT(&rig, "resources/subscribe", "{}");
    check_stands(&rig);
    souk_mcp_op_cancel(rig.ops, op, "enough", false, rig.session.fake.now);
    ops_close(&rig);
}

static void a_child_names_the_subscription(void)
{
    ops_rig rig;
    char line[2048];
    ops_open_child(&rig, 0);
    CHECK(listen(&rig, "{\"toolsListChanged\":true}") != NULL);
    fake_child *child = fake_last_child(&rig.session.fake);
    long long id = fake_rpc_id(fake_line(child, line, sizeof line));
    fake_say(
        &rig.session.fake, child,
        "{'jsonrpc':'2.0','method':'notifications/subscriptions/acknowledged','params':{'_meta':{"
        "'io.modelcontextprotocol/subscriptionId':%lld},'notifications':{}}}",
        id);
    NEWS(&rig, NOTICE, "souk/listening", "{}");
    CHECK(rig.news.tag == &rig.tags[0]);
    fake_say(&rig.session.fake, child, "{'jsonrpc':'2.0','id':%lld,'result':{}}", id);
    DONE(&rig, "{}");
    ops_close(&rig);
}

static void what_is_no_wish_is_not_sent(void)
{
    static const char *const wishes[] = {"[", "[]", "{\"resourceSubscriptions\":1}",
                                         "{\"resourceSubscriptions\":[1]}"};
    ops_rig rig;
    ops_open(&rig, "2025-06-18", 0);
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        const souk_mcp_order order = {.kind = SOUK_MCP_OP_LISTEN,
                                      .params = souk_slice_of(wishes[i]),
                                      .tag = &rig,
                                      .timeout = 1};
        souk_mcp_op *op;
        souk_err err;
        CHECK_INT(souk_mcp_op_start(rig.ops, &order, 0, &op, &err), SOUK_E_SCHEMA);
    }
    CHECK(listen(&rig, "") != NULL);
    open_stream(&rig);
    check_stands(&rig);
    CHECK_INT(fake_count(&rig.session.fake, "resources/subscribe"), 0);
    ops_close(&rig);
}

int main(void)
{
    CASE(a_modern_subscription_is_one_standing_request);
    CASE(a_modern_subscription_that_breaks_has_failed);
    CASE(a_legacy_subscription_asks_for_each_resource);
    CASE(a_server_that_does_not_answer_holds_nothing_up);
    CASE(a_stream_that_stands_anew_is_subscribed_anew);
    CASE(a_child_names_the_subscription);
    CASE(what_is_no_wish_is_not_sent);
    return tap_done();
}
