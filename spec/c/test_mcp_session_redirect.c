/* Sessions whose server redirects: what is bound to the other place from then on, and what is not.
 */
#include "session_help.h"

#define HERE "https://example.test/mcp"
#define MOVED "https://example.test/mcp/"
#define ABROAD "https://other.test/mcp"
#define JSON "Content-Type: application/json"
#define SSE "Content-Type: text/event-stream"

static const souk_header extra[] = {{SOUK_LIT_INIT("X-Key"), SOUK_LIT_INIT("s3cret")}};

/* A session with credentials, whose probe was refused: initialize is on its way. */
static void open_until_initialize(session_rig *rig)
{
    rig_http(rig);
    rig->config.headers = extra;
    rig->config.header_count = 1;
    rig->config.max_redirects = 5;
    rig->mcp = souk_mcp_new(rig->alloc, &rig->fake.port, &rig->config, (souk_id)7 << 32);
    CHECK_INT(souk_mcp_authorize(rig->mcp, SOUK_LIT("Bearer s3cret"), NULL), SOUK_OK);
    souk_mcp_open(rig->mcp, rig->fake.now);
    fake_respond(&rig->fake, rig_last(rig), 404, "Content-Type: text/plain", "Not found");
    CHECK(fake_is(rig_last(rig)->body, "initialize"));
}

static void answer_initialize(session_rig *rig, const char *headers, const char *moved_to,
                              bool abroad)
{
    char body[512];
    fake_exchange *x = rig_last(rig);
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"2025-06-18\","
             "\"capabilities\":{},\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}",
             fake_rpc_id(x->body));
    fake_head_from(&rig->fake, x, 200, headers, moved_to, abroad);
    fake_text(&rig->fake, x, body);
    fake_end(&rig->fake, x);
    CHECK(fake_is(rig_last(rig)->body, "notifications/initialized"));
}

/* Where the last exchange goes to, and whether with credentials and the session. */
static void check_last(session_rig *rig, const char *url, bool credentials, const char *session)
{
    const fake_exchange *x = rig_last(rig);
    CHECK_TEXT(x->url, url);
    CHECK(fake_has_header(x, "Authorization", credentials ? "Bearer s3cret" : NULL));
    CHECK(fake_has_header(x, "X-Key", credentials ? "s3cret" : NULL));
    CHECK(fake_has_header(x, "Mcp-Session-Id", session));
    CHECK_INT(x->max_redirects, 5);
    /* bound to their origin, when a redirect leads elsewhere */
    size_t bound = (credentials ? 2U : 0U) + (session == NULL ? 0U : 1U);
    size_t lines = 0;
    for (const char *c = x->headers; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    CHECK_INT(x->open_headers, lines - bound);
}

static void within_the_origin_nothing_changes(void)
{
    session_rig rig;
    open_until_initialize(&rig);
    check_last(&rig, HERE, true, NULL);
    answer_initialize(&rig, JSON "\nMcp-Session-Id: s1", MOVED, false);
    check_last(&rig, HERE, true, "s1");
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    check_last(&rig, HERE, true, "s1");
    CHECK(!souk_mcp_went_abroad(rig.mcp));
    rig_free(&rig);
}

/* Through the redirect the first server would get to know it, and the other would not. */
static void a_session_of_another_origin_is_held_there(void)
{
    session_rig rig;
    open_until_initialize(&rig);
    answer_initialize(&rig, JSON "\nMcp-Session-Id: s2", ABROAD, true);
    check_last(&rig, ABROAD, false, "s2");
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    CHECK(souk_mcp_went_abroad(rig.mcp));
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    check_last(&rig, ABROAD, false, "s2");
    fake_result(&rig.fake, rig_last(&rig), "{}");
    CHECK_RESULT(&rig, "{}");
    uint64_t id;
    CHECK_INT(souk_mcp_listen(rig.mcp, &rig, &id, NULL), SOUK_OK);
    CHECK_TEXT(rig_last(&rig)->method, "GET");
    check_last(&rig, ABROAD, false, "s2");
    souk_mcp_cancel(rig.mcp, id, "enough");
    souk_mcp_close(rig.mcp);
    CHECK_TEXT(rig_last(&rig)->method, "DELETE");
    check_last(&rig, ABROAD, false, "s2");
    rig_free(&rig);
}

static void without_a_session_each_request_begins_here(void)
{
    session_rig rig;
    open_until_initialize(&rig);
    answer_initialize(&rig, JSON, ABROAD, true);
    check_last(&rig, HERE, true, NULL);
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    check_last(&rig, HERE, true, NULL);
    rig_free(&rig);
}

/* It is no answer of a legacy server to the probe: nothing else is tried. */
static void a_probe_that_is_led_nowhere_ends_the_opening(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_fail(&rig.fake, rig_last(&rig), SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED,
              "it redirects again");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "it redirects again");
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);
}

/* HTTP+SSE, whose stream was redirected. */
static void open_until_stream(session_rig *rig)
{
    open_until_initialize(rig);
    fake_respond(&rig->fake, rig_last(rig), 404, "Content-Type: text/plain", "Not found");
    CHECK_TEXT(rig_last(rig)->method, "GET");
    check_last(rig, HERE, true, NULL);
}

static void an_endpoint_is_relative_to_where_the_stream_came_from(void)
{
    session_rig rig;
    open_until_stream(&rig);
    fake_exchange *stream = rig_last(&rig);
    fake_head_from(&rig.fake, stream, 200, SSE, "https://example.test/a/sse", false);
    fake_text(&rig.fake, stream, "event: endpoint\ndata: messages?s=1\n\n");
    CHECK(fake_is(rig_last(&rig)->body, "initialize"));
    check_last(&rig, "https://example.test/a/messages?s=1", true, NULL);
    rig_free(&rig);
}

static void an_endpoint_of_another_origin_gets_no_credentials(void)
{
    session_rig rig;
    open_until_stream(&rig);
    fake_exchange *stream = rig_last(&rig);
    fake_head_from(&rig.fake, stream, 200, SSE, "https://other.test/a/sse", true);
    fake_text(&rig.fake, stream, "event: endpoint\ndata: /messages\n\n");
    CHECK(fake_is(rig_last(&rig)->body, "initialize"));
    check_last(&rig, "https://other.test/messages", false, NULL);
    rig_free(&rig);
}

static void an_endpoint_back_at_the_first_origin_is_refused(void)
{
    session_rig rig;
    open_until_stream(&rig);
    fake_exchange *stream = rig_last(&rig);
    fake_head_from(&rig.fake, stream, 200, SSE, "https://other.test/a/sse", true);
    fake_text(&rig.fake, stream, "event: endpoint\ndata: https://example.test/messages\n\n");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "which is another origin");
    rig_free(&rig);
}

int main(void)
{
    CASE(within_the_origin_nothing_changes);
    CASE(a_session_of_another_origin_is_held_there);
    CASE(without_a_session_each_request_begins_here);
    CASE(a_probe_that_is_led_nowhere_ends_the_opening);
    CASE(an_endpoint_is_relative_to_where_the_stream_came_from);
    CASE(an_endpoint_of_another_origin_gets_no_credentials);
    CASE(an_endpoint_back_at_the_first_origin_is_refused);
    return tap_done();
}
