/* What a request carries beside its params, and notifications of the client. */
#include "failing_alloc.h"
#include "session_help.h"

#define NAMES                                                                                      \
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                  \
    "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"souk\",\"version\":\"1\"},"
#define CAPABILITIES "\"io.modelcontextprotocol/clientCapabilities\":"
#define LEVEL "\"io.modelcontextprotocol/logLevel\":\"debug\""

static const souk_mcp_request full = {
    .method = SOUK_LIT_INIT("tools/call"),
    .params = SOUK_LIT_INIT("{\"name\":\"tool\"}"),
    .name = SOUK_LIT_INIT("tool"),
    .progress = true,
    .trace = {SOUK_LIT_INIT("00-a-b-01"), SOUK_LIT_INIT("k=v"), SOUK_LIT_INIT("x=y")},
    .timeout = 1000,
};

static uint64_t send(session_rig *rig, const souk_mcp_request *request)
{
    souk_err err;
    uint64_t id = 0;
    return souk_mcp_send(rig->mcp, request, &id, &err) == SOUK_OK ? id : 0;
}

static void a_legacy_request_carries_its_token_and_its_trace(void)
{
    char line[1024];
    souk_err err;
    session_rig rig;
    rig_open_child(&rig);
    CHECK_INT(souk_mcp_set_log_level(rig.mcp, SOUK_LIT("debug"), &err), SOUK_OK); /* modern only */
    CHECK_INT(send(&rig, &full), 3);
    CHECK_TEXT(fake_line(fake_last_child(&rig.fake), line, sizeof line),
               "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"_meta\":{"
               "\"progressToken\":3,\"traceparent\":\"00-a-b-01\",\"tracestate\":\"k=v\","
               "\"baggage\":\"x=y\"},\"name\":\"tool\"}}");
    souk_mcp_request plain = full;
    memset(&plain.trace, 0, sizeof plain.trace);
    plain.progress = false;
    CHECK_INT(send(&rig, &plain), 4);
    CHECK_TEXT(fake_line(fake_last_child(&rig.fake), line, sizeof line),
               "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"tools/call\",\"params\":"
               "{\"name\":\"tool\"}}");
    rig_free(&rig);
}

static void a_modern_request_says_what_the_client_can_do(void)
{
    static const souk_header headers[] = {{SOUK_LIT_INIT("Mcp-Param-City"), SOUK_LIT_INIT("Oslo")}};
    souk_mcp_request request = full;
    session_rig rig;
    rig_http(&rig);
    rig.config.abilities = SOUK_MCP_CAN_ELICIT_FORM | SOUK_MCP_CAN_FOLLOW_TASKS;
    CHECK(rig_open(&rig));
    CHECK(strstr(rig_last(&rig)->body,
                 CAPABILITIES "{\"elicitation\":{\"form\":{}},\"extensions\":"
                              "{\"io.modelcontextprotocol/tasks\":{}}}") != NULL);
    fake_result(&rig.fake, rig_last(&rig), RIG_DISCOVERED);
    request.headers = headers;
    request.header_count = 1;
    CHECK_INT(send(&rig, &request), 2);
    CHECK_TEXT(
        rig_last(&rig)->body,
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"_meta\":{" NAMES
            CAPABILITIES "{\"elicitation\":{\"form\":{}},\"extensions\":"
        "{\"io.modelcontextprotocol/tasks\":{}}},\"progressToken\":2,"
        "\"traceparent\":\"00-a-b-01\",\"tracestate\":\"k=v\",\"baggage\":\"x=y\"},"
        "\"name\":\"tool\"}}");
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Param-City", "Oslo"));
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Name", "tool"));
    CHECK(send(&rig, &full) != 0);
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Param-City", NULL));
    rig_free(&rig);
}

static void a_header_that_cannot_be_sent_sends_nothing(void)
{
    static const souk_header headers[] = {
        {SOUK_LIT_INIT("Mcp-Param-A"), SOUK_LIT_INIT("1\r\nX: y")}};
    souk_mcp_request request = full;
    uint64_t id;
    souk_err err;
    session_rig rig;
    rig_open_modern(&rig);
    request.headers = headers;
    request.header_count = 1;
    CHECK_INT(souk_mcp_send(rig.mcp, &request, &id, &err), SOUK_E_CONFIG);
    CHECK_INT(rig.fake.exchange_count, 1);
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void the_log_level_goes_with_every_modern_request_but_discover(void)
{
    souk_mcp_request request = {.method = SOUK_LIT_INIT("tools/list"), .timeout = 1000};
    souk_err err;
    session_rig rig;
    rig_open_modern(&rig);
    char level[] = "debug";
    CHECK_INT(souk_mcp_set_log_level(rig.mcp, souk_slice_of(level), &err), SOUK_OK);
    level[0] = 'x';
    CHECK(send(&rig, &request) != 0);
    CHECK(strstr(rig_last(&rig)->body, "{" NAMES CAPABILITIES "{}," LEVEL "}") != NULL);
    request.method = SOUK_LIT("server/discover");
    CHECK(send(&rig, &request) != 0);
    CHECK(strstr(rig_last(&rig)->body, "logLevel") == NULL);
    request.method = SOUK_LIT("tools/list");
    CHECK_INT(souk_mcp_set_log_level(rig.mcp, SOUK_LIT(""), &err), SOUK_OK);
    CHECK(send(&rig, &request) != 0);
    CHECK(strstr(rig_last(&rig)->body, "logLevel") == NULL);
    rig_free(&rig);
}

static void notifications_are_sent_where_there_are_any(void)
{
    char line[1024];
    souk_err err;
    session_rig rig;
    souk_slice method = SOUK_LIT("notifications/roots/list_changed");
    rig_open_child(&rig);
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT(""), &err), SOUK_OK);
    CHECK_TEXT(fake_line(fake_last_child(&rig.fake), line, sizeof line),
               "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}");
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT("[]"), &err), SOUK_E_SCHEMA);
    fake_last_child(&rig.fake)->deaf = true;
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT("{}"), &err), SOUK_E_TRANSPORT);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT("{}"), &err), SOUK_E_CLOSED);
    rig_free(&rig);

    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT("{\"a\":1}"), &err), SOUK_OK);
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"method\":"
                                     "\"notifications/roots/list_changed\",\"params\":{\"a\":1}}");
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "abc"));
    for (int i = 1; i < 64; i++) {
        CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT(""), &err), SOUK_OK);
    }
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT(""), &err), SOUK_E_LIMIT);
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT(""), &err), SOUK_OK);
    rig.fake.refuse_exchange = SOUK_E_TRANSPORT;
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT(""), &err), SOUK_E_TRANSPORT);
    rig_free(&rig);

    rig_open_modern(&rig);
    CHECK_INT(souk_mcp_notify(rig.mcp, method, SOUK_LIT(""), &err), SOUK_E_CONFIG);
    CHECK_TEXT(err.message, "2026-07-28 over HTTP knows no notifications of a client");
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);
}

static void a_modern_child_takes_notifications(void)
{
    char line[1024];
    souk_err err;
    session_rig rig;
    rig_stdio(&rig);
    CHECK(rig_open(&rig));
    fake_child *child = fake_last_child(&rig.fake);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    CHECK_INT(souk_mcp_notify(rig.mcp, SOUK_LIT("x/y"), SOUK_LIT("{}"), &err), SOUK_OK);
    CHECK_TEXT(fake_line(child, line, sizeof line),
               "{\"jsonrpc\":\"2.0\",\"method\":\"x/y\",\"params\":{}}");
    rig_free(&rig);
}

static void only_what_does_no_harm_may_go_out_twice(void)
{
    static const struct {
        const char *method;
        bool repeatable;
    } rows[] = {{"tools/call", false},   {"tools/list", true},  {"resources/read", true},
                {"tasks/update", false}, {"tasks/get", true},   {"souk/unheard_of", false},
                {"prompts/get", true},   {"tools/lists", false}};
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    CHECK(rig_last(&rig)->repeatable); /* server/discover */
    fake_respond(&rig.fake, rig_last(&rig), 404, "Content-Type: text/plain", "Not found");
    CHECK(fake_open(&rig.fake, "initialize")->repeatable);
    rig_initialize(&rig, "2025-11-25", "abc");
    CHECK(rig_last(&rig)->repeatable); /* notifications/initialized */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK(rig_send(&rig, rows[i].method, "{}") != 0);
        if (rig_last(&rig)->repeatable != rows[i].repeatable) {
            tap_fail(__FILE__, __LINE__, rows[i].method);
        }
    }
    CHECK_INT(souk_mcp_notify(rig.mcp, SOUK_LIT("notifications/x"), SOUK_LIT(""), NULL), SOUK_OK);
    CHECK(!rig_last(&rig)->repeatable);
    rig_free(&rig);
}

static void run_with(const souk_alloc *alloc)
{
    session_rig rig;
    souk_err err;
    int ends = 0;
    rig_http(&rig);
    rig.alloc = alloc;
    rig.config.pinned = SOUK_MCP_2026_07_28;
    if (rig_open(&rig) && souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY) {
        int failed = souk_mcp_set_log_level(rig.mcp, SOUK_LIT("debug"), &err);
        CHECK(failed == SOUK_OK || (failed == SOUK_E_LIMIT && err.out_of_memory));
        ends += send(&rig, &full) != 0;
        CHECK_INT(rig.fake.exchange_count, ends);
    }
    rig_free(&rig);
    rig_http(&rig);
    rig.alloc = alloc;
    rig.config.pinned = SOUK_MCP_2025_06_18;
    if (rig_open(&rig) && rig_last(&rig) != NULL) {
        rig_initialize(&rig, "2025-06-18", "abc");
        (void)souk_mcp_notify(rig.mcp, SOUK_LIT("x/y"), SOUK_LIT("{}"), &err);
    }
    rig_free(&rig);
}

static void sending_survives_every_failing_allocation(void)
{
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long n = 1;; n++) {
            failing_alloc f;
            failing_alloc_init(&f, n);
            f.for_ever = for_ever;
            run_with(&f.alloc);
            CHECK_INT(f.live, 0);
            if (!f.fired) {
                break;
            }
        }
    }
}

int main(void)
{
    CASE(a_legacy_request_carries_its_token_and_its_trace);
    CASE(a_modern_request_says_what_the_client_can_do);
    CASE(a_header_that_cannot_be_sent_sends_nothing);
    CASE(the_log_level_goes_with_every_modern_request_but_discover);
    CASE(notifications_are_sent_where_there_are_any);
    CASE(a_modern_child_takes_notifications);
    CASE(only_what_does_no_harm_may_go_out_twice);
    CASE(sending_survives_every_failing_allocation);
    return tap_done();
}
