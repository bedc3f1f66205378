/* Servers that say again, on a stream that is taken up, what they said in others; and how the times
 * of taking up are spread. */
#include "session_help.h"

#define SSE "Content-Type: text/event-stream"
#define FORM                                                                                       \
    "id: e%d\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"elicitation/create\","             \
    "\"params\":{\"message\":\"m\",\"requestedSchema\":{}}}\n\n"

/* A legacy session that takes streams up again; its next request has the id 3. */
static void open_resuming(session_rig *rig, uint64_t seed)
{
    rig_http(rig);
    rig->config.stream_retry = 1000;
    rig->config.max_resumes = 3;
    rig->config.abilities = SOUK_MCP_CAN_ELICIT_FORM;
    rig->config.seed = seed;
    CHECK(rig_open(rig));
    fake_respond(&rig->fake, rig_last(rig), 404, "Content-Type: text/plain", "Not found");
    rig_initialize(rig, "2025-11-25", "abc");
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
}

static fake_exchange *begin_stream(session_rig *rig)
{
    CHECK(rig_send(rig, "tools/call", "{}") != 0);
    fake_exchange *x = rig_last(rig);
    fake_head(&rig->fake, x, 200, SSE);
    fake_text(&rig->fake, x, "id: p\ndata:\n\n");
    return x;
}

/* The stream breaks and is taken up. */
static fake_exchange *take_up(session_rig *rig, fake_exchange *x)
{
    fake_fail(&rig->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "connection reset");
    rig_wait(rig, 2000);
    x = rig_last(rig);
    CHECK_TEXT(x->method, "GET");
    fake_head(&rig->fake, x, 200, SSE);
    return x;
}

static void report(session_rig *rig, fake_exchange *x, const char *progress)
{
    char event[300];
    snprintf(event, sizeof event,
             "id: p%s\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","
             "\"params\":{\"progressToken\":3,\"progress\":%s}}\n\n",
             progress, progress);
    fake_text(&rig->fake, x, event);
}

/* What was heard of progress since the last time: "1 2 ". */
static void check_heard(session_rig *rig, int line, const char *want)
{
    char heard[200] = "";
    souk_mcp_notice notice;
    while (souk_mcp_next_notice(rig->mcp, &notice)) {
        double progress = -1;
        size_t len = strlen(heard);
        (void)souk_json_number(souk_json_get(notice.params, "progress"), &progress);
        snprintf(heard + len, sizeof heard - len, "%g ", progress);
        souk_json_doc_free(&notice.doc);
    }
    tap_check_text(__FILE__, line, souk_slice_of(heard), souk_slice_of(want));
}

#define CHECK_HEARD(rig, want) check_heard((rig), __LINE__, (want))

static void progress_that_is_said_again_is_heard_once(void)
{
    session_rig rig;
    open_resuming(&rig, 0);
    fake_exchange *x = begin_stream(&rig);
    report(&rig, x, "0.5");
    report(&rig, x, "1");
    CHECK_HEARD(&rig, "0.5 1 ");
    x = take_up(&rig, x);
    report(&rig, x, "0.5");
    report(&rig, x, "1");
    report(&rig, x, "2");
    report(&rig, x, "1");
    report(&rig, x, "3");
    CHECK_HEARD(&rig, "2 3 ");
    rig_free(&rig);
}

static void progress_that_does_not_grow_is_heard_while_nothing_was_taken_up(void)
{
    session_rig rig;
    open_resuming(&rig, 0);
    fake_exchange *x = begin_stream(&rig);
    report(&rig, x, "2");
    report(&rig, x, "2");
    report(&rig, x, "1");
    CHECK_HEARD(&rig, "2 2 1 ");
    report(&rig, x, "\"much\"");
    CHECK_HEARD(&rig, "-1 ");
    rig_free(&rig);
}

static void ask(session_rig *rig, fake_exchange *x, int event, const char *id)
{
    char text[300];
    snprintf(text, sizeof text, FORM, event, id);
    fake_text(&rig->fake, x, text);
}

/* How many questions have come; their ids go to `ids`. Withdrawals are not counted. */
static size_t count_asked(session_rig *rig, uint64_t *ids)
{
    size_t count = 0;
    souk_mcp_asked asked;
    while (souk_mcp_next_asked(rig->mcp, &asked)) {
        if (!asked.withdrawn) {
            ids[count++] = asked.id;
        }
        souk_json_doc_free(&asked.doc);
    }
    return count;
}

static void a_question_that_is_said_again_is_put_once(void)
{
    session_rig rig;
    uint64_t ids[8];
    open_resuming(&rig, 7);
    fake_exchange *x = begin_stream(&rig);
    ask(&rig, x, 1, "1");
    ask(&rig, x, 2, "\"1\"");
    ask(&rig, x, 3, "2");
    ask(&rig, x, 4, "3");
    CHECK_INT(count_asked(&rig, ids), 4);
    souk_mcp_reply(rig.mcp, ids[0], SOUK_LIT("{\"action\":\"accept\"}"), NULL);
    souk_mcp_reply(rig.mcp, ids[1], SOUK_LIT("{\"action\":\"decline\"}"), NULL);
    fake_text(&rig.fake, x,
              "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
              "\"params\":{\"requestId\":2}}\n\n");
    x = take_up(&rig, x);
    size_t sent = rig.fake.exchange_count;
    CHECK_INT(count_asked(&rig, ids), 0);
    for (int i = 1; i <= 4; i++) {
        static const char *const names[] = {"1", "\"1\"", "2", "3"};
        ask(&rig, x, i, names[i - 1]);
    }
    /* Neither put again nor refused: an error would be taken for the answer. */
    CHECK_INT(count_asked(&rig, ids), 0);
    CHECK_INT(rig.fake.exchange_count, sent);
    ask(&rig, x, 5, "4");
    CHECK_INT(count_asked(&rig, ids), 1);
    rig_free(&rig);
}

static void a_server_that_uses_an_id_again_is_answered_while_nothing_was_taken_up(void)
{
    session_rig rig;
    uint64_t ids[2];
    open_resuming(&rig, 0);
    fake_exchange *x = begin_stream(&rig);
    for (int i = 0; i < 3; i++) {
        ask(&rig, x, i, "1");
        CHECK_INT(count_asked(&rig, ids), 1);
        souk_mcp_reply(rig.mcp, ids[0], SOUK_LIT("{\"action\":\"accept\"}"), NULL);
    }
    rig_free(&rig);
}

/* ms until the stream is taken up after it broke (or just ended). */
static souk_ms pause_of(uint64_t seed, bool broke)
{
    session_rig rig;
    open_resuming(&rig, seed);
    fake_exchange *x = begin_stream(&rig);
    if (broke) {
        fake_fail(&rig.fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "connection reset");
    } else {
        fake_end(&rig.fake, x);
    }
    souk_ms pause = souk_mcp_deadline(rig.mcp) - rig.fake.now;
    rig_free(&rig);
    return pause;
}

static void clients_of_a_server_that_went_away_come_back_one_after_the_other(void)
{
    int different = 0;
    CHECK_INT(pause_of(0, true), 1000);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        souk_ms pause = pause_of(seed, true);
        CHECK(pause >= 1000 && pause <= 1500);
        different += pause != pause_of(seed + 1, true);
        /* The server said when, and meant it. */
        CHECK_INT(pause_of(seed, false), 1000);
    }
    CHECK(different >= 45);
}

int main(void)
{
    CASE(progress_that_is_said_again_is_heard_once);
    CASE(progress_that_does_not_grow_is_heard_while_nothing_was_taken_up);
    CASE(a_question_that_is_said_again_is_put_once);
    CASE(a_server_that_uses_an_id_again_is_answered_while_nothing_was_taken_up);
    CASE(clients_of_a_server_that_went_away_come_back_one_after_the_other);
    return tap_done();
}
