/* Streams of requests that end or break before the answer: which are taken up again, when, and how
 * that ends. */
#include "session_help.h"

#define SSE "Content-Type: text/event-stream"

/* A legacy session that takes streams up again; its next request has the id 3. */
static void open_resuming(session_rig *rig)
{
    rig_http(rig);
    rig->config.stream_retry = 1000;
    rig->config.max_resumes = 3;
    CHECK(rig_open(rig));
    fake_respond(&rig->fake, rig_last(rig), 404, "Content-Type: text/plain", "Not found");
    rig_initialize(rig, "2025-11-25", "abc");
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
}

/* A request whose stream said this and then ended. */
static uint64_t send_and_end(session_rig *rig, const char *stream)
{
    uint64_t id = rig_send(rig, "tools/call", "{}");
    CHECK(id != 0);
    fake_respond(&rig->fake, rig_last(rig), 200, SSE, stream);
    return id;
}

static void answer(session_rig *rig, fake_exchange *x, uint64_t id, const char *text)
{
    char event[300];
    snprintf(event, sizeof event,
             "data: {\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"text\":\"%s\"}}\n\n", (int)id,
             text);
    if (!x->has_head) {
        fake_head(&rig->fake, x, 200, SSE);
    }
    fake_text(&rig->fake, x, event);
}

/* Lets `wait` pass: not a moment before, but then, there is a GET behind that event. */
static fake_exchange *wait_for_get(session_rig *rig, const char *file, int line, souk_ms wait,
                                   const char *event_id)
{
    size_t before = rig->fake.exchange_count;
    rig_wait(rig, wait - 1);
    tap_check_int(file, line, (int64_t)rig->fake.exchange_count, (int64_t)before);
    rig_wait(rig, 1);
    tap_check_int(file, line, (int64_t)rig->fake.exchange_count, (int64_t)before + 1);
    fake_exchange *x = rig_last(rig);
    tap_check_text(file, line, souk_slice_of(x->method), souk_slice_of("GET"));
    tap_check_text(file, line, souk_slice_of(x->body), souk_slice_of(""));
    if (!fake_has_header(x, "Last-Event-ID", event_id)) {
        tap_fail(file, line, "the event id is another one");
    }
    return x;
}

#define WAIT_FOR_GET(rig, wait, id) wait_for_get((rig), __FILE__, __LINE__, (wait), (id))

static void a_primed_stream_that_ends_goes_on_after_the_time_that_was_asked_for(void)
{
    session_rig rig;
    open_resuming(&rig);
    uint64_t id = send_and_end(&rig, "id: p1\nretry: 2500\ndata:\n\n");
    CHECK(!rig_next(&rig));
    fake_exchange *x = WAIT_FOR_GET(&rig, 2500, "p1");
    CHECK(fake_has_header(x, "Accept", "text/event-stream"));
    CHECK(fake_has_header(x, "Mcp-Session-Id", "abc"));
    CHECK(fake_has_header(x, "MCP-Protocol-Version", "2025-11-25"));
    CHECK(fake_has_header(x, "Content-Type", NULL));
    CHECK_TEXT(x->url, "https://example.test/mcp");
    CHECK_INT(x->timeout, 60000 - 2500);
    answer(&rig, x, id, "late");
    CHECK_RESULT(&rig, "{\"text\":\"late\"}");
    fake_end(&rig.fake, x);
    CHECK(!rig_next(&rig));
    CHECK(souk_mcp_deadline(rig.mcp) == SOUK_NEVER);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig_free(&rig);
}

static void a_stream_may_come_and_go_many_times_as_long_as_something_comes(void)
{
    session_rig rig;
    open_resuming(&rig);
    uint64_t id = send_and_end(&rig, "id: 0\ndata:\n\n");
    for (int i = 1; i <= 20; i++) {
        char text[200];
        char last[20];
        snprintf(last, sizeof last, "%d", i - 1);
        snprintf(text, sizeof text,
                 "id: %d\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\n", i);
        fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, last), 200, SSE, text);
    }
    answer(&rig, WAIT_FOR_GET(&rig, 1000, "20"), id, "at last");
    CHECK_RESULT(&rig, "{\"text\":\"at last\"}");
    rig_free(&rig);
}

static void a_new_retry_time_replaces_the_old_one(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\nretry: 300\ndata:\n\n");
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 300, "1"), 200, SSE, "retry: 700\n\n: c\n\n");
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 700, "1"), 200, SSE, "id: 2\nretry: x\ndata:\n\n");
    WAIT_FOR_GET(&rig, 700, "2");
    rig_free(&rig);
}

static void a_retry_time_of_nothing_is_still_a_pause(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\nretry: 0\ndata:\n\n");
    CHECK_INT(souk_mcp_deadline(rig.mcp), rig.fake.now + 10);
    WAIT_FOR_GET(&rig, 10, "1");
    rig_free(&rig);
}

static void a_stream_that_breaks_in_the_middle_of_an_event_goes_on_before_it(void)
{
    session_rig rig;
    open_resuming(&rig);
    uint64_t id = rig_send(&rig, "tools/call", "{}");
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, SSE);
    fake_text(&rig.fake, x, "id: a\ndata:\n\nid: b\ndata: {\"jsonrpc\":\"2.0\",");
    fake_fail(&rig.fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "connection reset");
    x = WAIT_FOR_GET(&rig, 1000, "a");
    answer(&rig, x, id, "whole");
    CHECK_RESULT(&rig, "{\"text\":\"whole\"}");
    rig_free(&rig);
}

static void how_the_bytes_are_cut_changes_nothing(void)
{
    static const char first[] = "retry: 40\r\nid: \xC3\xA4\r\ndata:\r\n\r\nid: x\r\ndata: cut";
    static const char second[] = "\xEF\xBB\xBFid: y\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\r\n"
                                 "data: \"result\":{}}\r\n\r\n";
    for (size_t piece = 1; piece < sizeof second; piece++) {
        session_rig rig;
        open_resuming(&rig);
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 3);
        fake_exchange *x = rig_last(&rig);
        for (int part = 0; part < 2; part++) {
            const char *text = part == 0 ? first : second;
            fake_head(&rig.fake, x, 200, SSE);
            for (size_t at = 0; at < strlen(text); at += piece) {
                size_t left = strlen(text) - at;
                fake_bytes(&rig.fake, x, text + at, left < piece ? left : piece);
            }
            fake_end(&rig.fake, x);
            x = part == 0 ? WAIT_FOR_GET(&rig, 40, "\xC3\xA4") : NULL;
        }
        CHECK_RESULT(&rig, "{}");
        rig_free(&rig);
    }
}

static void each_stream_goes_on_from_its_own_event_and_answers_its_own_request(void)
{
    session_rig rig;
    open_resuming(&rig);
    uint64_t a = send_and_end(&rig, "id: a1\nretry: 100\ndata:\n\n");
    uint64_t b = send_and_end(&rig, "id: b1\nretry: 200\ndata:\n\n");
    fake_exchange *xa = WAIT_FOR_GET(&rig, 100, "a1");
    fake_exchange *xb = WAIT_FOR_GET(&rig, 100, "b1");
    fake_head(&rig.fake, xa, 200, SSE);
    fake_text(&rig.fake, xa, "id: a2\ndata:\n\n");
    answer(&rig, xa, b, "stolen");
    CHECK(!rig_next(&rig));
    fake_fail(&rig.fake, xa, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "reset");
    answer(&rig, xb, b, "b");
    CHECK_RESULT(&rig, "{\"text\":\"b\"}");
    answer(&rig, WAIT_FOR_GET(&rig, 100, "a2"), a, "a");
    CHECK_RESULT(&rig, "{\"text\":\"a\"}");
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void the_server_may_ask_in_a_resumed_stream(void)
{
    session_rig rig;
    open_resuming(&rig);
    uint64_t id = send_and_end(&rig, "id: 1\ndata:\n\n");
    fake_exchange *x = WAIT_FOR_GET(&rig, 1000, "1");
    fake_head(&rig.fake, x, 200, SSE);
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n");
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}");
    fake_text(&rig.fake, x,
              "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n");
    souk_mcp_notice notice;
    CHECK(souk_mcp_next_notice(rig.mcp, &notice));
    CHECK_SLICE(notice.method, "notifications/message");
    CHECK(notice.tag == &rig);
    souk_json_doc_free(&notice.doc);
    answer(&rig, x, id, "x");
    CHECK_RESULT(&rig, "{\"text\":\"x\"}");
    rig_free(&rig);
}

static void a_stream_without_an_id_leaves_doubt(void)
{
    static const char *const streams[] = {"", ": c\n\n", "retry: 5\n\n", "id: 1\ndata: x",
                                          "id: 1\ndata:\n\nid:\ndata:\n\n"};
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        session_rig rig;
        open_resuming(&rig);
        send_and_end(&rig, streams[i]);
        CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
        CHECK(!rig.end.lost);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        CHECK_INT(fake_count_verb(&rig.fake, "GET"), 0);
        rig_free(&rig);
    }
}

static void an_event_id_that_no_header_can_carry_leaves_doubt(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: a\x01z\ndata:\n\n");
    rig_wait(&rig, 5000);
    CHECK_FAILED(&rig, SOUK_E_PROTOCOL, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(fake_count_verb(&rig.fake, "GET"), 0);
    rig_free(&rig);
}

static void nothing_new_too_often_fails_the_request(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\ndata:\n\n");
    for (int i = 0; i < 2; i++) {
        fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, "1"), 200, SSE, ": comment\n\n");
        CHECK(!rig_next(&rig));
    }
    /* Something new begins the count again. */
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, "1"), 200, SSE, "id: 2\ndata:\n\n");
    for (int i = 0; i < 3; i++) {
        CHECK(!rig_next(&rig));
        fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, "2"), 200, SSE, "");
    }
    CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(strstr(rig.end.err.message, "without an event") != NULL);
    CHECK(!rig.end.lost);
    CHECK(souk_mcp_deadline(rig.mcp) == SOUK_NEVER);
    rig_free(&rig);
}

static void a_refused_get_fails_the_request_and_nothing_else(void)
{
    static const int statuses[] = {400, 401, 403, 404, 405, 501, 302, 200, 202};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        session_rig rig;
        open_resuming(&rig);
        rig.config.ask_credential_on_401 = true;
        send_and_end(&rig, "id: 1\ndata:\n\n");
        fake_exchange *x = WAIT_FOR_GET(&rig, 1000, "1");
        fake_json(&rig.fake, x, statuses[i],
                  "{'jsonrpc':'2.0','id':3,'error':{'code':-32001,'message':'Session not found'}}");
        CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
        CHECK_INT(rig.end.err.status, statuses[i]);
        CHECK(!rig.end.lost);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        rig_wait(&rig, 100000);
        CHECK_INT(fake_count_verb(&rig.fake, "GET"), 1);
        rig_free(&rig);
    }
}

static void a_server_in_trouble_is_asked_again_with_growing_pauses(void)
{
    session_rig rig;
    open_resuming(&rig);
    uint64_t id = send_and_end(&rig, "id: 1\nretry: 100\ndata:\n\n");
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 100, "1"), 503, "", "");
    fake_fail(&rig.fake, WAIT_FOR_GET(&rig, 250, "1"), SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT,
              "connection refused");
    answer(&rig, WAIT_FOR_GET(&rig, 500, "1"), id, "x");
    CHECK_RESULT(&rig, "{\"text\":\"x\"}");
    rig_free(&rig);

    /* Whether the last try was sent says nothing about the request itself. */
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\nretry: 100\ndata:\n\n");
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 100, "1"), 429, "", "");
    fake_fail(&rig.fake, WAIT_FOR_GET(&rig, 250, "1"), SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT,
              "no connection");
    fake_fail(&rig.fake, WAIT_FOR_GET(&rig, 500, "1"), SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT,
              "connection refused");
    CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(strstr(rig.end.err.message, "connection refused") != NULL);
    rig_free(&rig);
}

static void what_is_left_of_the_requests_time_is_all_the_time_there_is(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\nretry: 50000\ndata:\n\n");
    fake_exchange *x = WAIT_FOR_GET(&rig, 50000, "1");
    CHECK_INT(x->timeout, 10000);
    fake_respond(&rig.fake, x, 200, SSE, "id: 2\ndata:\n\n");
    rig_wait(&rig, 9999);
    CHECK(!rig_next(&rig));
    rig_wait(&rig, 1);
    CHECK_FAILED(&rig, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(fake_count_verb(&rig.fake, "GET"), 1);
    rig_free(&rig);

    open_resuming(&rig);
    send_and_end(&rig, "id: 1\ndata:\n\n");
    x = WAIT_FOR_GET(&rig, 1000, "1");
    fake_head(&rig.fake, x, 200, SSE);
    fake_fail(&rig.fake, x, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS, "no complete answer");
    CHECK_FAILED(&rig, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    rig_free(&rig);
}

static void failures_that_are_no_interruption_are_final(void)
{
    static const int kinds[] = {SOUK_E_TIMEOUT, SOUK_E_LIMIT, SOUK_E_CANCELLED};
    for (size_t i = 0; i < 3; i++) {
        session_rig rig;
        open_resuming(&rig);
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        fake_head(&rig.fake, rig_last(&rig), 200, SSE);
        fake_text(&rig.fake, rig_last(&rig), "id: 1\ndata:\n\n");
        fake_fail(&rig.fake, rig_last(&rig), kinds[i], SOUK_DELIVERY_AMBIGUOUS, "over");
        CHECK(rig_next(&rig));
        CHECK_INT(rig.end.err.kind, kinds[i]);
        CHECK(souk_mcp_deadline(rig.mcp) == SOUK_NEVER);
        rig_free(&rig);
    }
}

static void garbage_in_a_resumed_stream_fails_the_request(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\ndata:\n\n");
    fake_exchange *x = WAIT_FOR_GET(&rig, 1000, "1");
    fake_head(&rig.fake, x, 200, SSE);
    fake_text(&rig.fake, x, "data: {\"jsonrpc\"\n\n");
    CHECK_FAILED(&rig, SOUK_E_PROTOCOL, SOUK_DELIVERY_DELIVERED);
    CHECK(x->cancelled);
    rig_free(&rig);
}

static void a_request_can_be_cancelled_while_its_stream_rests_or_goes_on(void)
{
    for (int under_way = 0; under_way < 3; under_way++) {
        session_rig rig;
        open_resuming(&rig);
        uint64_t id = send_and_end(&rig, "id: 1\ndata:\n\n");
        fake_exchange *x = under_way == 0 ? NULL : WAIT_FOR_GET(&rig, 1000, "1");
        if (under_way == 2) {
            fake_head(&rig.fake, x, 200, SSE);
        }
        souk_mcp_cancel(rig.mcp, id, "enough");
        CHECK(fake_is(rig_last(&rig)->body, "notifications/cancelled"));
        CHECK(strstr(rig_last(&rig)->body, "\"requestId\":3") != NULL);
        CHECK(x == NULL || x->cancelled);
        fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
        rig_wait(&rig, 100000);
        CHECK_INT(fake_count_verb(&rig.fake, "GET"), under_way == 0 ? 0 : 1);
        CHECK(!rig_next(&rig));
        rig_free(&rig);
    }
}

static void a_session_can_be_freed_or_closed_while_streams_rest(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\ndata:\n\n");
    send_and_end(&rig, "id: 2\ndata:\n\n");
    rig_wait(&rig, 1000);
    CHECK_INT(fake_count_verb(&rig.fake, "GET"), 2);
    fake_respond(&rig.fake, rig_last(&rig), 200, SSE, "");
    CHECK(souk_mcp_deadline(rig.mcp) == rig.fake.now + 1000);
    rig_free(&rig);

    open_resuming(&rig);
    send_and_end(&rig, "id: 1\ndata:\n\n");
    souk_mcp_close(rig.mcp);
    CHECK_TEXT(rig_last(&rig)->method, "DELETE");
    rig_wait(&rig, 1000);
    CHECK_FAILED(&rig, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(fake_count_verb(&rig.fake, "GET"), 0);
    rig_free(&rig);
}

static void a_port_that_refuses_the_get_fails_the_request(void)
{
    session_rig rig;
    open_resuming(&rig);
    send_and_end(&rig, "id: 1\ndata:\n\n");
    rig.fake.refuse_exchange = SOUK_E_LIMIT;
    rig_wait(&rig, 1000);
    CHECK_FAILED(&rig, SOUK_E_LIMIT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(souk_mcp_deadline(rig.mcp) == SOUK_NEVER);
    rig_free(&rig);
}

static void a_resumed_stream_that_stays_open_after_the_answer_is_closed_soon(void)
{
    session_rig rig;
    open_resuming(&rig);
    uint64_t id = send_and_end(&rig, "id: 1\ndata:\n\n");
    fake_exchange *x = WAIT_FOR_GET(&rig, 1000, "1");
    answer(&rig, x, id, "x");
    CHECK_RESULT(&rig, "{\"text\":\"x\"}");
    rig_wait(&rig, 1000);
    CHECK(x->cancelled);
    rig_free(&rig);
}

static void a_modern_stream_is_never_taken_up(void)
{
    for (int breaks = 0; breaks < 2; breaks++) {
        session_rig rig;
        rig_http(&rig);
        rig.config.max_resumes = 3;
        CHECK(rig_open(&rig));
        fake_result(&rig.fake, rig_last(&rig), RIG_DISCOVERED);
        uint64_t id = 0;
        const souk_mcp_request request = {.method = SOUK_LIT_INIT("subscriptions/listen"),
                                          .params = SOUK_LIT_INIT("{}"),
                                          .timeout = SOUK_NEVER,
                                          .tag = &rig};
        CHECK_INT(souk_mcp_send(rig.mcp, &request, &id, NULL), SOUK_OK);
        fake_exchange *x = rig_last(&rig);
        CHECK(x->timeout == SOUK_NEVER); /* it may stand as long as it likes */
        fake_head(&rig.fake, x, 200, SSE);
        fake_text(&rig.fake, x, "id: 1\nretry: 5\ndata:\n\n");
        rig_wait(&rig, 10000000);
        CHECK(!x->cancelled && !rig_next(&rig));
        if (breaks == 1) {
            fake_fail(&rig.fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "reset");
        } else {
            fake_end(&rig.fake, x);
        }
        CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
        CHECK(!rig.end.lost);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        rig_wait(&rig, 100000);
        CHECK_INT(fake_count_verb(&rig.fake, "GET"), 0);
        rig_free(&rig);
    }
}

int main(void)
{
    CASE(a_primed_stream_that_ends_goes_on_after_the_time_that_was_asked_for);
    CASE(a_stream_may_come_and_go_many_times_as_long_as_something_comes);
    CASE(a_new_retry_time_replaces_the_old_one);
    CASE(a_retry_time_of_nothing_is_still_a_pause);
    CASE(a_stream_that_breaks_in_the_middle_of_an_event_goes_on_before_it);
    CASE(how_the_bytes_are_cut_changes_nothing);
    CASE(each_stream_goes_on_from_its_own_event_and_answers_its_own_request);
    CASE(the_server_may_ask_in_a_resumed_stream);
    CASE(a_stream_without_an_id_leaves_doubt);
    CASE(an_event_id_that_no_header_can_carry_leaves_doubt);
    CASE(nothing_new_too_often_fails_the_request);
    CASE(a_refused_get_fails_the_request_and_nothing_else);
    CASE(a_server_in_trouble_is_asked_again_with_growing_pauses);
    CASE(what_is_left_of_the_requests_time_is_all_the_time_there_is);
    CASE(failures_that_are_no_interruption_are_final);
    CASE(garbage_in_a_resumed_stream_fails_the_request);
    CASE(a_request_can_be_cancelled_while_its_stream_rests_or_goes_on);
    CASE(a_session_can_be_freed_or_closed_while_streams_rest);
    CASE(a_port_that_refuses_the_get_fails_the_request);
    CASE(a_resumed_stream_that_stays_open_after_the_answer_is_closed_soon);
    CASE(a_modern_stream_is_never_taken_up);
    return tap_done();
}
