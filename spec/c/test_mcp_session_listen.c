/* Listening to what a legacy server says by itself: the GET stream, and where none is needed. */
#include "session_help.h"

#define SSE "Content-Type: text/event-stream"

static int listener; /* its address is the tag */

/* A legacy session; the listener's tag is another than that of requests. */
static void open_legacy(session_rig *rig)
{
    rig_http(rig);
    rig->config.stream_retry = 1000;
    rig->config.max_resumes = 3;
    CHECK(rig_open(rig));
    fake_respond(&rig->fake, rig_last(rig), 404, "Content-Type: text/plain", "Not found");
    rig_initialize(rig, "2025-11-25", "abc");
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
}

static uint64_t listen_to(session_rig *rig)
{
    uint64_t id = 0;
    souk_err err;
    CHECK_INT(souk_mcp_listen(rig->mcp, &listener, &id, &err), SOUK_OK);
    CHECK(id != 0);
    return id;
}

/* How many notices wait; all must be the listener's and of that method. */
static int count_notices(session_rig *rig, const char *method)
{
    souk_mcp_notice notice;
    int count = 0;
    while (souk_mcp_next_notice(rig->mcp, &notice)) {
        CHECK_SLICE(notice.method, method);
        CHECK(notice.tag == &listener);
        souk_json_doc_free(&notice.doc);
        count++;
    }
    return count;
}

static int count_standing(session_rig *rig)
{
    return count_notices(rig, SOUK_MCP_LISTENING);
}

/* The one end that there is must be the listener's, of that kind. */
static void check_ended(session_rig *rig, const char *file, int line, int kind)
{
    souk_mcp_end end;
    if (!souk_mcp_next(rig->mcp, &end)) {
        tap_fail(file, line, "the listener has not ended");
        return;
    }
    tap_check_text(file, line, souk_slice_of(souk_kind_name(end.err.kind)),
                   souk_slice_of(souk_kind_name(kind)));
    if (end.tag != &listener || end.err.delivery == SOUK_DELIVERY_NONE ||
        end.err.message[0] == '\0') {
        tap_fail(file, line, "the end is not as it should be");
    }
    souk_json_doc_free(&end.doc);
    if (souk_mcp_next(rig->mcp, &end)) {
        tap_fail(file, line, "something else has ended, too");
        souk_json_doc_free(&end.doc);
    }
    tap_check_int(file, line, souk_mcp_deadline(rig->mcp) == SOUK_NEVER, 1);
}

#define CHECK_ENDED(rig, kind) check_ended((rig), __FILE__, __LINE__, (kind))

static fake_exchange *wait_for_get(session_rig *rig, const char *file, int line, souk_ms wait,
                                   const char *event_id)
{
    size_t before = rig->fake.exchange_count;
    rig_wait(rig, wait - 1);
    tap_check_int(file, line, (int64_t)rig->fake.exchange_count, (int64_t)before);
    rig_wait(rig, 1);
    tap_check_int(file, line, (int64_t)rig->fake.exchange_count, (int64_t)before + 1);
    tap_check_text(file, line, souk_slice_of(rig_last(rig)->method), souk_slice_of("GET"));
    if (!fake_has_header(rig_last(rig), "Last-Event-ID", event_id)) {
        tap_fail(file, line, "the event id is another one");
    }
    return rig_last(rig);
}

#define WAIT_FOR_GET(rig, wait, id) wait_for_get((rig), __FILE__, __LINE__, (wait), (id))

static const char changed[] =
    "id: 7\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";

static void the_stream_stands_when_its_head_came_and_brings_notices(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    fake_exchange *x = rig_last(&rig);
    CHECK_TEXT(x->method, "GET");
    CHECK_TEXT(x->url, "https://example.test/mcp");
    CHECK(x->timeout == SOUK_NEVER);
    CHECK(fake_has_header(x, "Accept", "text/event-stream"));
    CHECK(fake_has_header(x, "Mcp-Session-Id", "abc"));
    CHECK(fake_has_header(x, "MCP-Protocol-Version", "2025-11-25"));
    CHECK(fake_has_header(x, "Last-Event-ID", NULL));
    CHECK_INT(count_standing(&rig), 0);
    fake_head(&rig.fake, x, 200, SSE);
    CHECK_INT(count_standing(&rig), 1);
    for (size_t i = 0; i < strlen(changed); i++) {
        fake_bytes(&rig.fake, x, changed + i, 1);
    }
    CHECK_INT(count_notices(&rig, "notifications/tools/list_changed"), 1);
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\n\n");
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
    rig_wait(&rig, 100000000);
    CHECK(!x->cancelled && !rig_next(&rig));
    rig_free(&rig);
}

static void no_answer_comes_in_the_stream_and_garbage_is_passed_over(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    fake_exchange *x = rig_last(&rig);
    CHECK_INT(rig_send(&rig, "tools/call", "{}"), 4);
    fake_head(&rig.fake, x, 200, SSE);
    fake_text(&rig.fake, x,
              "data: {\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}\n\n"
              "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n"
              "data: {\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"\"}}\n\n"
              "data: nonsense\n\nevent: other\ndata: {}\n\n");
    CHECK(!rig_next(&rig));
    CHECK_INT(count_standing(&rig), 1);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    fake_text(&rig.fake, x, changed);
    CHECK_INT(count_notices(&rig, "notifications/tools/list_changed"), 1);
    rig_free(&rig);
}

static void a_server_without_the_stream_is_listened_to_all_the_same(void)
{
    static const int statuses[] = {405, 404, 400, 406, 501, 302, 200, 202};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        session_rig rig;
        open_legacy(&rig);
        uint64_t id = listen_to(&rig);
        fake_head(&rig.fake, rig_last(&rig), statuses[i], "Content-Type: text/html");
        fake_text(&rig.fake, rig_last(&rig), "<html>");
        CHECK_INT(count_standing(&rig), 1);
        rig_wait(&rig, 100000); /* a response without end is not waited for */
        CHECK(rig_last(&rig)->cancelled);
        CHECK_INT(rig.fake.exchange_count, 4);
        CHECK(!rig_next(&rig));
        /* A notification in the stream of a request is its. */
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        souk_mcp_cancel(rig.mcp, id, "");
        CHECK(fake_is(rig_last(&rig)->body, "tools/call"));
        rig_free(&rig);
    }
}

static void refused_credentials_end_it(void)
{
    static const int statuses[] = {401, 403};
    for (size_t i = 0; i < 2; i++) {
        session_rig rig;
        open_legacy(&rig);
        rig.config.ask_credential_on_401 = true;
        listen_to(&rig);
        fake_respond(&rig.fake, rig_last(&rig), statuses[i], "", "");
        CHECK_ENDED(&rig, SOUK_E_AUTH);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        CHECK_INT(count_standing(&rig), 0);
        rig_free(&rig);
    }
}

static void a_stream_that_ends_is_taken_up_behind_its_last_event(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    fake_respond(&rig.fake, rig_last(&rig), 200, SSE, "retry: 300\n\n");
    CHECK_INT(count_standing(&rig), 1);
    fake_exchange *x = WAIT_FOR_GET(&rig, 300, NULL);
    fake_head(&rig.fake, x, 200, SSE);
    CHECK_INT(count_standing(&rig), 1); /* something may have been missed */
    fake_text(&rig.fake, x, changed);
    CHECK_INT(count_notices(&rig, "notifications/tools/list_changed"), 1);
    fake_fail(&rig.fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "reset");
    x = WAIT_FOR_GET(&rig, 300, "7");
    fake_head(&rig.fake, x, 200, SSE);
    CHECK_INT(count_standing(&rig), 1);
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void a_quiet_stream_that_lived_for_a_while_may_end_for_ever(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    for (int i = 0; i < 50; i++) {
        fake_head(&rig.fake, rig_last(&rig), 200, SSE);
        rig_wait(&rig, 60000);
        fake_end(&rig.fake, rig_last(&rig));
        WAIT_FOR_GET(&rig, 1000, NULL);
    }
    CHECK_INT(count_standing(&rig), 1); /* it is said once, until it is fetched */
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void a_stream_that_cannot_be_kept_up_ends_it(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    fake_respond(&rig.fake, rig_last(&rig), 200, SSE, "");
    for (int i = 0; i < 3; i++) {
        CHECK(!rig_next(&rig));
        fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, NULL), 200, SSE, "");
    }
    CHECK_INT(count_standing(&rig), 1);
    CHECK_ENDED(&rig, SOUK_E_TRANSPORT);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    listen_to(&rig);
    rig_free(&rig);

    /* It never stood at all. */
    open_legacy(&rig);
    listen_to(&rig);
    fake_fail(&rig.fake, rig_last(&rig), SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "refused");
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, NULL), 503, "", "");
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 2000, NULL), 409, "", "");
    fake_fail(&rig.fake, WAIT_FOR_GET(&rig, 4000, NULL), SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT,
              "no connection");
    CHECK_ENDED(&rig, SOUK_E_TRANSPORT);
    rig_free(&rig);

    open_legacy(&rig);
    listen_to(&rig);
    fake_fail(&rig.fake, rig_last(&rig), SOUK_E_LIMIT, SOUK_DELIVERY_AMBIGUOUS, "too large a head");
    CHECK_ENDED(&rig, SOUK_E_LIMIT);
    rig_free(&rig);
}

static void an_event_that_the_server_does_not_know_any_more_is_forgotten(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    fake_respond(&rig.fake, rig_last(&rig), 200, SSE, changed);
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, "7"), 400, "", "");
    souk_mcp_notice notice;
    CHECK(souk_mcp_next_notice(rig.mcp, &notice));
    CHECK_INT(count_notices(&rig, "notifications/tools/list_changed"), 1);
    fake_exchange *x = WAIT_FOR_GET(&rig, 1000, NULL);
    fake_head(&rig.fake, x, 200, SSE);
    fake_text(&rig.fake, x, "id: 1\ndata:\n\n");
    fake_end(&rig.fake, x);
    fake_respond(&rig.fake, WAIT_FOR_GET(&rig, 1000, "1"), 405, "", "");
    CHECK_INT(count_standing(&rig), 1); /* the last one without a stream */
    rig_wait(&rig, 100000);
    CHECK(!rig_next(&rig));
    CHECK_INT(fake_count_verb(&rig.fake, "GET"), 4);
    rig_free(&rig);
}

static void a_404_to_the_get_does_not_lose_the_session(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    fake_respond(&rig.fake, rig_last(&rig), 200, SSE, changed);
    for (int i = 0; i < 3; i++) {
        fake_json(&rig.fake, WAIT_FOR_GET(&rig, i == 2 ? 2000 : 1000, i == 0 ? "7" : NULL), 404,
                  "{'jsonrpc':'2.0','id':null,'error':{'code':-32001,'message':'Session not "
                  "found'}}");
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    }
    CHECK_ENDED(&rig, SOUK_E_TRANSPORT);
    rig_free(&rig);
}

static void cancelling_is_silent_in_every_state(void)
{
    for (int state = 0; state < 4; state++) {
        session_rig rig;
        open_legacy(&rig);
        uint64_t id = listen_to(&rig);
        fake_exchange *x = rig_last(&rig);
        if (state == 1) {
            fake_head(&rig.fake, x, 200, SSE);
        } else if (state == 2) {
            fake_respond(&rig.fake, x, 200, SSE, "");
        } else if (state == 3) {
            fake_respond(&rig.fake, x, 405, "", "");
        }
        size_t before = rig.fake.exchange_count;
        souk_mcp_cancel(rig.mcp, id, "enough");
        rig_wait(&rig, 0);
        CHECK(x->cancelled || x->ended);
        rig_wait(&rig, 100000);
        CHECK_INT(rig.fake.exchange_count, before);
        CHECK(!rig_next(&rig));
        listen_to(&rig); /* there is room for another */
        rig_free(&rig);
    }
}

static void drop_notices(session_rig *rig)
{
    souk_mcp_notice notice;
    while (souk_mcp_next_notice(rig->mcp, &notice)) {
        souk_json_doc_free(&notice.doc);
    }
}

/* A server may have one stream at a time, and what it says between two of them is missed. */
static void who_comes_at_once_goes_on_with_the_stream_of_the_one_before(void)
{
    for (int state = 0; state < 3; state++) {
        session_rig rig;
        open_legacy(&rig);
        uint64_t id = listen_to(&rig);
        fake_exchange *x = rig_last(&rig);
        if (state == 1) {
            fake_head(&rig.fake, x, 200, SSE);
        } else if (state == 2) {
            fake_respond(&rig.fake, x, 200, SSE, changed);
        }
        size_t before = rig.fake.exchange_count;
        drop_notices(&rig);
        souk_mcp_cancel(rig.mcp, id, "another one");
        CHECK(listen_to(&rig) != id);
        CHECK_INT(rig.fake.exchange_count, before);
        CHECK_INT(count_standing(&rig), state == 1);
        rig_wait(&rig, 0);
        CHECK(!x->cancelled);
        if (state == 2) {
            x = WAIT_FOR_GET(&rig, 1000, "7");
        }
        if (state != 1) {
            fake_head(&rig.fake, x, 200, SSE);
            CHECK_INT(count_standing(&rig), 1);
        }
        fake_text(&rig.fake, x, changed);
        CHECK_INT(count_notices(&rig, "notifications/tools/list_changed"), 1);
        rig_wait(&rig, 100000);
        CHECK(!x->cancelled && !rig_next(&rig));
        rig_free(&rig);
    }
}

static void what_ends_while_nobody_listens_is_not_gone_on_with(void)
{
    session_rig rig;
    open_legacy(&rig);
    uint64_t id = listen_to(&rig);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, SSE);
    CHECK_INT(count_standing(&rig), 1);
    souk_mcp_cancel(rig.mcp, id, "");
    fake_end(&rig.fake, x);
    size_t before = rig.fake.exchange_count;
    listen_to(&rig);
    CHECK_INT(rig.fake.exchange_count, before + 1);
    fake_head(&rig.fake, rig_last(&rig), 200, SSE);
    CHECK_INT(count_standing(&rig), 1);
    rig_free(&rig);
}

static void a_session_listens_once_and_only_when_it_is_open_and_legacy(void)
{
    session_rig rig;
    souk_err err;
    uint64_t id;
    open_legacy(&rig);
    listen_to(&rig);
    CHECK_INT(souk_mcp_listen(rig.mcp, NULL, &id, &err), SOUK_E_LIMIT);
    rig_free(&rig);

    rig_open_modern(&rig);
    CHECK_INT(souk_mcp_listen(rig.mcp, NULL, &id, &err), SOUK_E_CONFIG);
    rig_free(&rig);

    rig_http(&rig);
    CHECK(rig_open(&rig));
    CHECK_INT(souk_mcp_listen(rig.mcp, NULL, &id, &err), SOUK_E_CLOSED);
    rig_free(&rig);

    open_legacy(&rig);
    rig.fake.refuse_exchange = SOUK_E_LIMIT;
    CHECK_INT(souk_mcp_listen(rig.mcp, NULL, &id, &err), SOUK_E_LIMIT);
    rig.fake.refuse_exchange = SOUK_OK;
    CHECK(!rig_next(&rig));
    listen_to(&rig);
    rig_free(&rig);
}

static void closing_ends_the_stream_before_it_says_goodbye(void)
{
    for (int rests = 0; rests < 2; rests++) {
        session_rig rig;
        open_legacy(&rig);
        listen_to(&rig);
        fake_exchange *x = rig_last(&rig);
        fake_head(&rig.fake, x, 200, SSE);
        if (rests == 1) {
            fake_end(&rig.fake, x);
        }
        souk_mcp_close(rig.mcp);
        CHECK(x->cancelled || rests == 1);
        CHECK_TEXT(rig_last(&rig)->method, "DELETE");
        CHECK_ENDED(&rig, SOUK_E_CLOSED);
        fake_respond(&rig.fake, rig_last(&rig), 200, "", "");
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
        rig_free(&rig);
    }
}

static void a_lost_session_ends_it(void)
{
    session_rig rig;
    open_legacy(&rig);
    listen_to(&rig);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, SSE);
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
    CHECK(x->cancelled);
    int ends = 0;
    while (rig_next(&rig)) {
        CHECK(rig.end.lost);
        ends++;
    }
    CHECK_INT(ends, 2);
    rig_free(&rig);
}

static void over_stdio_no_stream_is_needed(void)
{
    session_rig rig;
    rig_open_child(&rig);
    fake_child *child = fake_last_child(&rig.fake);
    size_t written = child->input_len;
    uint64_t id = listen_to(&rig);
    CHECK_INT(count_standing(&rig), 1);
    CHECK_INT(child->input_len, written);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','method':'notifications/tools/list_changed'}");
    CHECK_INT(count_notices(&rig, "notifications/tools/list_changed"), 1);
    fake_say(&rig.fake, child, "{'jsonrpc':'2.0','id':%d,'result':{}}", (int)id);
    CHECK(!rig_next(&rig));
    souk_mcp_cancel(rig.mcp, id, "");
    CHECK_INT(child->input_len, written);
    listen_to(&rig);
    fake_exit(&rig.fake, child, 1, "");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
    CHECK_ENDED(&rig, SOUK_E_TRANSPORT);
    rig_free(&rig);
}

static void a_stream_that_cannot_be_read_ends_it(void)
{
    static const char *const streams[] = {"data: \xFF\n\n", NULL};
    for (int i = 0; i < 2; i++) {
        session_rig rig;
        open_legacy(&rig);
        listen_to(&rig);
        fake_exchange *x = rig_last(&rig);
        fake_head(&rig.fake, x, 200, SSE);
        if (streams[i] != NULL) {
            fake_text(&rig.fake, x, streams[i]);
        }
        for (int n = 0; streams[i] == NULL && n < 70 && !x->cancelled; n++) {
            static char block[1024];
            memset(block, 'x', sizeof block);
            fake_bytes(&rig.fake, x, block, sizeof block);
        }
        CHECK(x->cancelled);
        CHECK_ENDED(&rig, streams[i] == NULL ? SOUK_E_LIMIT : SOUK_E_PROTOCOL);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        rig_free(&rig);
    }
}

/* A legacy session that listens before anything else; its last exchange is the GET. */
static void open_listening(session_rig *rig)
{
    rig_http(rig);
    rig->config.stream_retry = 1000;
    rig->config.max_resumes = 3;
    rig->config.listen_first = true;
    rig->config.listen_wait = 2000;
    CHECK(rig_open(rig));
    fake_respond(&rig->fake, rig_last(rig), 404, "Content-Type: text/plain", "Not found");
    rig_initialize(rig, "2025-11-25", "abc");
    CHECK_TEXT(rig_last(rig)->method, "GET");
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_OPENING);
}

static void a_session_that_listens_first_is_ready_when_it_knows_about_the_stream(void)
{
    for (int i = 0; i < 4; i++) {
        session_rig rig;
        open_listening(&rig);
        if (i == 0) {
            fake_head(&rig.fake, rig_last(&rig), 200, SSE);
        } else if (i == 1) {
            fake_respond(&rig.fake, rig_last(&rig), 405, "", "");
        } else if (i == 2) {
            fake_respond(&rig.fake, rig_last(&rig), 503, "", "");
        } else {
            rig_wait(&rig, 1999);
            CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
            rig_wait(&rig, 1);
        }
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        CHECK_INT(count_standing(&rig), 0);
        rig_free(&rig);
    }
}

static void a_listener_uses_the_sessions_own_stream_and_leaves_it_behind(void)
{
    session_rig rig;
    open_listening(&rig);
    fake_exchange *get = rig_last(&rig);
    fake_head(&rig.fake, get, 200, SSE);
    for (int i = 0; i < 2; i++) {
        uint64_t id = listen_to(&rig);
        CHECK_INT(count_standing(&rig), 1);
        fake_bytes(&rig.fake, get, changed, sizeof changed - 1);
        CHECK_INT(count_notices(&rig, "notifications/tools/list_changed"), 1);
        souk_mcp_cancel(rig.mcp, id, "enough");
        rig_wait(&rig, 10);
        CHECK(!get->cancelled);
    }
    CHECK(rig_last(&rig) == get);
    rig_free(&rig);
}

static void nobody_has_to_ask_again_for_the_sessions_own_stream(void)
{
    session_rig rig;
    open_listening(&rig);
    for (int i = 0; i < 10; i++) {
        fake_respond(&rig.fake, rig_last(&rig), 503, "", "");
        size_t before = rig.fake.exchange_count;
        rig_wait(&rig, 120000);
        CHECK_INT(rig.fake.exchange_count, before + 1);
    }
    souk_mcp_end end;
    CHECK(!souk_mcp_next(rig.mcp, &end));
    souk_mcp_close(rig.mcp);
    CHECK_TEXT(rig_last(&rig)->method, "DELETE");
    rig_free(&rig);
}

int main(void)
{
    CASE(the_stream_stands_when_its_head_came_and_brings_notices);
    CASE(no_answer_comes_in_the_stream_and_garbage_is_passed_over);
    CASE(a_server_without_the_stream_is_listened_to_all_the_same);
    CASE(refused_credentials_end_it);
    CASE(a_stream_that_ends_is_taken_up_behind_its_last_event);
    CASE(a_quiet_stream_that_lived_for_a_while_may_end_for_ever);
    CASE(a_stream_that_cannot_be_kept_up_ends_it);
    CASE(an_event_that_the_server_does_not_know_any_more_is_forgotten);
    CASE(a_404_to_the_get_does_not_lose_the_session);
    CASE(cancelling_is_silent_in_every_state);
    CASE(who_comes_at_once_goes_on_with_the_stream_of_the_one_before);
    CASE(what_ends_while_nobody_listens_is_not_gone_on_with);
    CASE(a_session_listens_once_and_only_when_it_is_open_and_legacy);
    CASE(closing_ends_the_stream_before_it_says_goodbye);
    CASE(a_lost_session_ends_it);
    CASE(over_stdio_no_stream_is_needed);
    CASE(a_stream_that_cannot_be_read_ends_it);
    CASE(a_session_that_listens_first_is_ready_when_it_knows_about_the_stream);
    CASE(a_listener_uses_the_sessions_own_stream_and_leaves_it_behind);
    CASE(nobody_has_to_ask_again_for_the_sessions_own_stream);
    return tap_done();
}
