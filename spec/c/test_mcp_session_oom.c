/* The n-th allocation of a session fails, for all n: it ends cleanly, and nothing is left behind.
 */
#include "failing_alloc.h"
#include "session_help.h"

/* Every request ends once, or could not be sent at all. Returns how many have ended. */
static int count_ends(session_rig *rig)
{
    int count = 0;
    while (rig_next(rig)) {
        CHECK(rig->end.tag == rig);
        count++;
    }
    return count;
}

/* Answers whatever is open, as a server would, until nothing is asked any more. */
static void serve_http(session_rig *rig, bool modern, bool stream)
{
    for (size_t i = 0; i < rig->fake.exchange_count; i++) {
        fake_exchange *x = rig->fake.exchanges[i];
        if (x->ended || x->cancelled) {
            continue;
        }
        if (fake_is(x->body, "server/discover")) {
            if (modern) {
                fake_result(&rig->fake, x, RIG_DISCOVERED);
            } else {
                fake_error(&rig->fake, x, 400, -32601, "unknown");
            }
        } else if (fake_is(x->body, "initialize")) {
            rig_initialize(rig, "2025-06-18", "abc");
        } else if (fake_is(x->body, "tools/call") && stream) {
            fake_head(&rig->fake, x, 200, "Content-Type: text/event-stream");
            char text[300];
            snprintf(text, sizeof text,
                     "id: 1\ndata:\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}\n\n"
                     "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\ndata: "
                     "\"result\":{\"a\":\"\\u0041\"}}\n\n",
                     fake_rpc_id(x->body));
            fake_text(&rig->fake, x, text);
            if (!x->cancelled) {
                fake_end(&rig->fake, x);
            }
        } else if (fake_is(x->body, "tools/list")) {
            fake_json(
                &rig->fake, x, 400,
                "{'jsonrpc':'2.0','id':%lld,'error':{'code':-32602,'message':'m','data':[1]}}",
                fake_rpc_id(x->body));
        } else if (fake_is(x->body, "tools/call")) {
            fake_result(&rig->fake, x, "{'a':'\\u0041'}");
        } else {
            fake_respond(&rig->fake, x, 202, "", "");
        }
    }
}

static void run_http(const souk_alloc *alloc, bool modern, bool stream)
{
    session_rig rig;
    souk_err err;
    int sent = 0;
    rig_http(&rig);
    rig.alloc = alloc;
    rig.mcp = souk_mcp_new(alloc, &rig.fake.port, &rig.config, 1);
    if (rig.mcp == NULL) {
        rig_free(&rig);
        return;
    }
    (void)souk_mcp_authorize(rig.mcp, SOUK_LIT("Bearer s3cret-x"), &err);
    souk_mcp_open(rig.mcp, rig.fake.now);
    serve_http(&rig, modern, stream);
    CHECK(souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY ||
          souk_mcp_get_state(rig.mcp) == SOUK_MCP_FAILED);
    if (souk_mcp_get_state(rig.mcp) == SOUK_MCP_FAILED) {
        CHECK(souk_mcp_why(rig.mcp)->kind != SOUK_OK);
    }
    if (!modern && souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY) {
        CHECK_SLICE(souk_mcp_session_id(rig.mcp), "abc"); /* it is never lost in silence */
    }
    uint64_t cancelled = rig_send(&rig, "tools/call", "{\"_meta\":{\"a\":1}}");
    souk_mcp_cancel(rig.mcp, cancelled, "reason");
    sent += rig_send(&rig, "tools/call", "{\"_meta\":{\"a\":1}}") != 0;
    sent += rig_send(&rig, "tools/list", "") != 0;
    serve_http(&rig, modern, stream);
    CHECK_INT(count_ends(&rig), sent);
    souk_mcp_close(rig.mcp);
    serve_http(&rig, modern, stream);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

static void run_all_http(bool modern, bool stream)
{
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long n = 1;; n++) {
            failing_alloc f;
            failing_alloc_init(&f, n);
            f.for_ever = for_ever;
            run_http(&f.alloc, modern, stream);
            CHECK_INT(f.live, 0);
            if (!f.fired) {
                break;
            }
        }
    }
}

static void a_legacy_session_over_http_survives_every_failing_allocation(void)
{
    run_all_http(false, false);
    run_all_http(false, true);
}

static void a_modern_session_over_http_survives_every_failing_allocation(void)
{
    run_all_http(true, false);
    run_all_http(true, true);
}

/* The stream of the exchange says this, if it may still. */
static void stream_says(session_rig *rig, fake_exchange *x, const char *text)
{
    if (!x->ended && !x->cancelled && !x->has_head) {
        fake_head(&rig->fake, x, 200, "Content-Type: text/event-stream");
    }
    if (!x->ended && !x->cancelled) {
        fake_text(&rig->fake, x, text);
    }
}

static void drop_notices(session_rig *rig)
{
    souk_mcp_notice notice;
    while (souk_mcp_next_notice(rig->mcp, &notice)) {
        souk_json_doc_free(&notice.doc);
    }
}

/* Every stream that is open says something, and ends: requests are answered at the third time. */
static void serve_streams(session_rig *rig, int round)
{
    for (size_t i = 0; i < rig->fake.exchange_count; i++) {
        fake_exchange *x = rig->fake.exchanges[i];
        bool is_stream = fake_is(x->body, "tools/call") || strcmp(x->method, "GET") == 0;
        if (!is_stream || x->ended || x->cancelled) {
            continue;
        }
        stream_says(rig, x, "id: 1\nretry: 20\ndata:\n\n");
        stream_says(rig, x, "data: {\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n\n");
        if (round == 2) {
            for (int id = 2; id < 5; id++) { /* only one of them is the stream's */
                char text[100];
                snprintf(text, sizeof text,
                         "data: {\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{}}\n\n", id);
                stream_says(rig, x, text);
            }
        }
        if (!x->cancelled && !x->ended && round % 2 == 0) {
            fake_end(&rig->fake, x);
        } else if (!x->cancelled && !x->ended) {
            fake_fail(&rig->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "reset");
        }
    }
}

/* Streams that come and go: a listener's, and that of a request. */
static void run_streams(const souk_alloc *alloc)
{
    session_rig rig;
    souk_err err;
    uint64_t listener = 0;
    int started = 0;
    rig_http(&rig);
    rig.config.max_resumes = 2;
    rig.config.remembered = SOUK_MCP_2025_11_25;
    rig.alloc = alloc;
    if (!rig_open(&rig)) {
        rig_free(&rig);
        return;
    }
    if (fake_open(&rig.fake, "initialize") != NULL) {
        rig_initialize(&rig, "2025-11-25", "abc");
    }
    started += souk_mcp_listen(rig.mcp, &rig, &listener, &err) == SOUK_OK;
    started += rig_send(&rig, "tools/call", "{}") != 0;
    uint64_t cancelled = rig_send(&rig, "tools/call", "{}");
    for (int round = 0; round < 4; round++) {
        serve_streams(&rig, round);
        if (round == 1) {
            souk_mcp_cancel(rig.mcp, cancelled, "reason");
        }
        rig_wait(&rig, 20);
    }
    drop_notices(&rig);
    souk_mcp_close(rig.mcp);
    rig_wait(&rig, 100000);
    CHECK_INT(count_ends(&rig), started);
    rig_free(&rig);
}

/* HTTP+SSE: one stream for everything. */
static int two_endpoints_worked;

static void run_two_endpoints(const souk_alloc *alloc)
{
    session_rig rig;
    int sent = 0;
    rig_http(&rig);
    rig.config.pinned = SOUK_MCP_2024_11_05;
    rig.alloc = alloc;
    if (!rig_open(&rig)) {
        rig_free(&rig);
        return;
    }
    fake_exchange *x = fake_open(&rig.fake, "initialize");
    if (x != NULL) {
        fake_respond(&rig.fake, x, 404, "", "");
    }
    fake_exchange *stream = rig_last(&rig);
    if (stream != NULL && strcmp(stream->method, "GET") == 0) {
        stream_says(&rig, stream, "event: endpoint\ndata: /m\n\n");
        stream_says(&rig, stream,
                    "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"protocolVersion\":"
                    "\"2024-11-05\",\"capabilities\":{},\"serverInfo\":{}}}\n\n");
        for (size_t i = 2; i < rig.fake.exchange_count; i++) {
            fake_respond(&rig.fake, rig.fake.exchanges[i], 202, "", "");
        }
    }
    CHECK(souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY ||
          souk_mcp_get_state(rig.mcp) == SOUK_MCP_FAILED);
    CHECK(souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY || stream == NULL || stream->cancelled ||
          strcmp(stream->method, "GET") != 0);
    sent += rig_send(&rig, "tools/call", "{}") != 0;
    sent += rig_send(&rig, "tools/call", "{}") != 0;
    if (souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY) {
        two_endpoints_worked++;
        stream_says(&rig, stream, "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n");
        if (!stream->cancelled) {
            fake_end(&rig.fake, stream);
        }
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
    }
    CHECK_INT(count_ends(&rig), sent);
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

static void run_all(void (*run)(const souk_alloc *))
{
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long n = 1;; n++) {
            failing_alloc f;
            failing_alloc_init(&f, n);
            f.for_ever = for_ever;
            run(&f.alloc);
            CHECK_INT(f.live, 0);
            if (!f.fired) {
                CHECK(n > 20);
                break;
            }
        }
    }
}

static void streams_that_come_and_go_survive_every_failing_allocation(void)
{
    run_all(run_streams);
}

static void a_session_with_two_endpoints_survives_every_failing_allocation(void)
{
    run_all(run_two_endpoints);
    CHECK(two_endpoints_worked > 2);
}

/* Answers what was asked while opening, as a legacy server would. */
static void serve_child(session_rig *rig)
{
    char line[2048];
    fake_child *child = fake_last_child(&rig->fake);
    if (child == NULL || child->closed) {
        return;
    }
    if (fake_is(fake_line(child, line, sizeof line), "server/discover")) {
        fake_say(&rig->fake, child,
                 "{'jsonrpc':'2.0','id':%lld,'error':{'code':-32601,'message':'m'}}",
                 fake_rpc_id(line));
    }
    if (fake_is(fake_line(child, line, sizeof line), "initialize")) {
        fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':%lld,'result':" RIG_INITIALIZED "}",
                 fake_rpc_id(line), "2025-06-18");
    }
}

static void run_stdio(const souk_alloc *alloc)
{
    session_rig rig;
    int sent = 0;
    rig_stdio(&rig);
    rig.alloc = alloc;
    if (!rig_open(&rig)) {
        rig_free(&rig);
        return;
    }
    serve_child(&rig);
    CHECK(souk_mcp_get_state(rig.mcp) == SOUK_MCP_READY ||
          souk_mcp_get_state(rig.mcp) == SOUK_MCP_FAILED);
    fake_child *child = fake_last_child(&rig.fake);
    uint64_t first = rig_send(&rig, "tools/call", "{}");
    uint64_t second = rig_send(&rig, "tools/call", "{}");
    uint64_t third = rig_send(&rig, "tools/call", "{}");
    souk_mcp_cancel(rig.mcp, third, "reason");
    sent += first != 0;
    sent += second != 0;
    if (child != NULL && !child->closed) {
        fake_stdout(&rig.fake, child, "{\"json", 6);
        fake_say(&rig.fake, child, "rpc':'2.0','id':%d,'result':{}}", (int)first);
    }
    if (child != NULL) {
        fake_exit(&rig.fake, child, 1, "last words");
    }
    CHECK_INT(count_ends(&rig), sent);
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

static void a_session_over_stdio_survives_every_failing_allocation(void)
{
    run_all(run_stdio);
}

int main(void)
{
    CASE(a_legacy_session_over_http_survives_every_failing_allocation);
    CASE(a_modern_session_over_http_survives_every_failing_allocation);
    CASE(streams_that_come_and_go_survive_every_failing_allocation);
    CASE(a_session_with_two_endpoints_survives_every_failing_allocation);
    CASE(a_session_over_stdio_survives_every_failing_allocation);
    return tap_done();
}
