/* Sessions that several processes use: adopted instead of opened, with ids of their own. */
#include "failing_alloc.h"
#include "session_help.h"

#define SSE "Content-Type: text/event-stream"
#define SEAT_3 ((uint64_t)3 << 32)
#define ABOUT "{\"protocolVersion\":\"2025-11-25\",\"era\":\"legacy\",\"transport\":\"http\"}"

static int listener; /* its address is the tag */

static const souk_mcp_known known_legacy = {SOUK_MCP_2025_11_25, SOUK_LIT_INIT("abc"),
                                            SOUK_LIT_INIT(ABOUT)};

static void make(session_rig *rig)
{
    rig->mcp = souk_mcp_new(rig->alloc, &rig->fake.port, &rig->config, (souk_id)7 << 32);
    CHECK(rig->mcp != NULL);
}

/* A session over HTTP that another process has opened. */
static void adopt(session_rig *rig)
{
    souk_err err;
    rig_http(rig);
    rig->config.stream_retry = 1000;
    rig->config.max_resumes = 3;
    make(rig);
    souk_mcp_take_seat(rig->mcp, 3);
    CHECK_INT(souk_mcp_adopt(rig->mcp, &known_legacy, &err), SOUK_OK);
}

static void an_adopted_session_is_ready_and_nothing_is_sent_for_that(void)
{
    session_rig rig;
    adopt(&rig);
    rig_check_ready(&rig, "2025-11-25", 0);
    CHECK_SLICE(souk_mcp_session_id(rig.mcp), "abc");
    CHECK_SLICE(souk_mcp_about(rig.mcp), ABOUT);
    CHECK(souk_mcp_can_be_shared(rig.mcp));
    rig_send(&rig, "tools/list", "");
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "abc"));
    CHECK(fake_has_header(rig_last(&rig), "MCP-Protocol-Version", "2025-11-25"));
    fake_result(&rig.fake, rig_last(&rig), "{'tools':[]}");
    CHECK_RESULT(&rig, "{\"tools\":[]}");
    rig_free(&rig);
}

static void ids_and_progress_tokens_begin_with_the_seat(void)
{
    session_rig rig;
    char token[32];
    uint64_t id = 0;
    souk_err err;
    adopt(&rig);
    CHECK_INT(rig_send(&rig, "tools/list", ""), SEAT_3 + 1);
    CHECK_INT(fake_rpc_id(rig_last(&rig)->body), SEAT_3 + 1);
    const souk_mcp_request request = {.method = SOUK_LIT_INIT("tools/call"),
                                      .params = SOUK_LIT_INIT("{\"name\":\"tool\"}"),
                                      .progress = true,
                                      .timeout = 1000,
                                      .tag = &rig};
    CHECK_INT(souk_mcp_send(rig.mcp, &request, &id, &err), SOUK_OK);
    CHECK_INT(id, SEAT_3 + 2);
    snprintf(token, sizeof token, "\"progressToken\":%llu", (unsigned long long)SEAT_3 + 2);
    CHECK(strstr(rig_last(&rig)->body, token) != NULL);
    fake_result(&rig.fake, rig_last(&rig), "{'content':[]}");
    CHECK_RESULT(&rig, "{\"content\":[]}");
    rig_free(&rig);

    /* Whoever opens for the others has a seat, too; the largest one stays below 2^53. */
    rig_http(&rig);
    make(&rig);
    souk_mcp_take_seat(rig.mcp, SOUK_MCP_SEAT_MAX);
    souk_mcp_open(rig.mcp, rig.fake.now);
    CHECK_INT(fake_rpc_id(rig_last(&rig)->body), ((uint64_t)SOUK_MCP_SEAT_MAX << 32) + 1);
    CHECK((((uint64_t)SOUK_MCP_SEAT_MAX + 1) << 32) <= (uint64_t)1 << 53);
    rig_free(&rig);
}

static void only_who_is_alone_ends_the_session(void)
{
    for (int left = 0; left < 2; left++) {
        session_rig rig;
        adopt(&rig);
        if (left) {
            souk_mcp_leave_to_others(rig.mcp);
        }
        souk_mcp_close(rig.mcp);
        CHECK_INT(fake_count_verb(&rig.fake, "DELETE"), left ? 0 : 1);
        CHECK_INT(souk_mcp_get_state(rig.mcp), left ? SOUK_MCP_CLOSED : SOUK_MCP_CLOSING);
        rig_free(&rig);
    }
}

static void an_adopted_session_may_be_gone_by_then(void)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {
        {404, ""},
        {400, ""},
        {400, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"no\"}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_rig rig;
        adopt(&rig);
        rig_send(&rig, "tools/list", "");
        fake_respond(&rig.fake, rig_last(&rig), rows[i].status,
                     rows[i].body[0] == '\0' ? "" : "Content-Type: application/json", rows[i].body);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
        CHECK(rig_next(&rig) && rig.end.lost);
        CHECK_INT(rig.end.err.delivery, SOUK_DELIVERY_REJECTED);
        rig_free(&rig);
    }
}

static void what_was_learnt_of_a_modern_server_is_enough(void)
{
    static const souk_mcp_known modern = {SOUK_MCP_2026_07_28, {NULL, 0}, SOUK_LIT_INIT("{}")};
    session_rig rig;
    souk_err err;
    rig_http(&rig);
    make(&rig);
    CHECK_INT(souk_mcp_adopt(rig.mcp, &modern, &err), SOUK_OK);
    rig_check_ready(&rig, "2026-07-28", 0);
    CHECK(rig_send(&rig, "tools/list", "") != 0);
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

static void what_does_not_fit_is_not_adopted(void)
{
    static const souk_mcp_known rows[] = {
        {SOUK_MCP_UNKNOWN, SOUK_LIT_INIT("abc"), SOUK_LIT_INIT("{}")},
        {SOUK_MCP_2025_06_18, SOUK_LIT_INIT("abc"), SOUK_LIT_INIT("{}")}, /* another is pinned */
        {SOUK_MCP_2025_11_25, SOUK_LIT_INIT("a\r\nb: c"), SOUK_LIT_INIT("{}")},
        {SOUK_MCP_2025_11_25, SOUK_LIT_INIT("a b"), SOUK_LIT_INIT("{}")},
    };
    static const souk_mcp_known modern = {SOUK_MCP_2026_07_28, SOUK_LIT_INIT("abc"),
                                          SOUK_LIT_INIT("{}")};
    session_rig rig;
    souk_err err;
    rig_http(&rig);
    rig.config.pinned = SOUK_MCP_2025_11_25;
    make(&rig);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_INT(souk_mcp_adopt(rig.mcp, &rows[i], &err), SOUK_E_PROTOCOL);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_NEW);
    }
    CHECK_INT(souk_mcp_adopt(rig.mcp, &known_legacy, &err), SOUK_OK); /* it is as good as new */
    CHECK_INT(souk_mcp_adopt(rig.mcp, &known_legacy, &err), SOUK_E_CONFIG);
    rig_free(&rig);

    rig_http(&rig);
    make(&rig);
    CHECK_INT(souk_mcp_adopt(rig.mcp, &modern, &err), SOUK_E_PROTOCOL);
    rig_free(&rig);

    rig_stdio(&rig);
    make(&rig);
    CHECK_INT(souk_mcp_adopt(rig.mcp, &known_legacy, &err), SOUK_E_CONFIG);
    CHECK(!souk_mcp_can_be_shared(rig.mcp));
    rig_free(&rig);
}

static void without_memory_the_session_is_as_new_as_before(void)
{
    for (long n = 1;; n++) {
        session_rig rig;
        failing_alloc f;
        souk_err err;
        failing_alloc_init(&f, 0);
        rig_init(&rig, &f.alloc);
        rig.config.url = "https://example.test/mcp";
        make(&rig);
        f.fail_at = f.count + n;
        int failed = souk_mcp_adopt(rig.mcp, &known_legacy, &err);
        CHECK_INT(failed, f.fired ? SOUK_E_LIMIT : SOUK_OK);
        CHECK_INT(souk_mcp_get_state(rig.mcp), f.fired ? SOUK_MCP_NEW : SOUK_MCP_READY);
        f.fail_at = 0;
        if (failed != SOUK_OK) {
            CHECK_INT(souk_mcp_adopt(rig.mcp, &known_legacy, &err), SOUK_OK);
            CHECK_SLICE(souk_mcp_session_id(rig.mcp), "abc");
        }
        rig_free(&rig);
        if (!f.fired) {
            break;
        }
    }
}

/* How often the listener was told that the stream stands. */
static int count_standing(session_rig *rig)
{
    souk_mcp_notice notice;
    int count = 0;
    while (souk_mcp_next_notice(rig->mcp, &notice)) {
        CHECK_SLICE(notice.method, SOUK_MCP_LISTENING);
        souk_json_doc_free(&notice.doc);
        count++;
    }
    return count;
}

static void refuse_get(session_rig *rig)
{
    CHECK_TEXT(rig_last(rig)->method, "GET");
    fake_respond(&rig->fake, rig_last(rig), 409, "", "");
}

static void who_finds_the_stream_taken_goes_on_and_asks_again_now_and_then(void)
{
    session_rig rig;
    souk_err err;
    uint64_t id;
    adopt(&rig);
    CHECK_INT(souk_mcp_listen(rig.mcp, &listener, &id, &err), SOUK_OK);
    for (size_t round = 1; round <= 20; round++) {
        CHECK_INT(rig.fake.exchange_count, round);
        refuse_get(&rig);
        CHECK_INT(count_standing(&rig), round == 1 ? 1 : 0);
        CHECK(!rig_next(&rig));
        rig_wait(&rig, 29999);
        CHECK_INT(rig.fake.exchange_count, round);
        rig_wait(&rig, 1);
    }
    fake_head(&rig.fake, rig_last(&rig), 200, SSE); /* the other is gone */
    CHECK_INT(count_standing(&rig), 1);             /* so that what was missed is looked up */
    fake_text(&rig.fake, rig_last(&rig), "id: 17\ndata: \n\n");
    fake_end(&rig.fake, rig_last(&rig));
    rig_wait(&rig, 1000);
    CHECK(fake_has_header(rig_last(&rig), "Last-Event-ID", "17"));
    refuse_get(&rig); /* somebody was quicker, and what comes is for them */
    CHECK_INT(count_standing(&rig), 1);
    rig_wait(&rig, 30000);
    CHECK(fake_has_header(rig_last(&rig), "Last-Event-ID", NULL));
    souk_mcp_cancel(rig.mcp, id, "enough");
    rig_free(&rig);
}

static void a_session_that_is_asked_things_listens_without_waiting_for_it(void)
{
    session_rig rig;
    souk_err err;
    rig_http(&rig);
    rig.config.listen_first = true;
    rig.config.listen_wait = 2000;
    make(&rig);
    souk_mcp_take_seat(rig.mcp, 3);
    CHECK_INT(souk_mcp_adopt(rig.mcp, &known_legacy, &err), SOUK_OK);
    rig_check_ready(&rig, "2025-11-25", 1);
    refuse_get(&rig);
    CHECK(rig_send(&rig, "tools/list", "") != 0);
    fake_result(&rig.fake, rig_last(&rig), "{}");
    CHECK_RESULT(&rig, "{}");
    rig_wait(&rig, 30000);
    CHECK_TEXT(rig_last(&rig)->method, "GET");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig_free(&rig);
}

int main(void)
{
    CASE(an_adopted_session_is_ready_and_nothing_is_sent_for_that);
    CASE(ids_and_progress_tokens_begin_with_the_seat);
    CASE(only_who_is_alone_ends_the_session);
    CASE(an_adopted_session_may_be_gone_by_then);
    CASE(what_was_learnt_of_a_modern_server_is_enough);
    CASE(what_does_not_fit_is_not_adopted);
    CASE(without_memory_the_session_is_as_new_as_before);
    CASE(who_finds_the_stream_taken_goes_on_and_asks_again_now_and_then);
    CASE(a_session_that_is_asked_things_listens_without_waiting_for_it);
    return tap_done();
}
