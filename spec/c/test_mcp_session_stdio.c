/* A session over stdio: opening with and without the probe, lines, ends of the child. */
#include "base/utf8.h"
#include "session_help.h"

static fake_child *child_of(session_rig *rig)
{
    return fake_last_child(&rig->fake);
}

/* The last line that the child was sent is of this method. */
static void check_last(session_rig *rig, const char *method)
{
    char line[2048];
    char found[64];
    fake_line(child_of(rig), line, sizeof line);
    CHECK_TEXT(fake_member(line, "method", found, sizeof found), method);
}

static void answer_last(session_rig *rig, const char *result)
{
    char line[2048];
    long long id = fake_rpc_id(fake_line(child_of(rig), line, sizeof line));
    fake_say(&rig->fake, child_of(rig), "{'jsonrpc':'2.0','id':%lld,'result':%s}", id, result);
}

#define INITIALIZED                                                                                \
    "{'protocolVersion':'2025-06-18','capabilities':{},'serverInfo':{'name':'s','version':'1'}}"

static void the_child_is_started_as_configured_and_probed(void)
{
    session_rig rig;
    rig_stdio(&rig);
    rig.config.cwd = "/tmp";
    CHECK(rig_open(&rig));
    CHECK_INT(rig.fake.child_count, 1);
    CHECK_TEXT(child_of(&rig)->command, "some-server --stdio");
    CHECK_TEXT(child_of(&rig)->env, "A=1\n");
    CHECK_TEXT(child_of(&rig)->cwd, "/tmp");
    CHECK_INT(souk_mcp_child(rig.mcp), child_of(&rig)->id);
    check_last(&rig, "server/discover");
    answer_last(&rig, RIG_DISCOVERED);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    CHECK_INT(souk_mcp_get_revision(rig.mcp), SOUK_MCP_2026_07_28);
    CHECK(souk_mcp_deadline(rig.mcp) == SOUK_NEVER);
    rig_free(&rig);
}

static void any_error_to_the_probe_means_legacy(void)
{
    static const char *const answers[] = {
        "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'Method not found'}}",
        "{'jsonrpc':'2.0','id':1,'error':{'code':-32602,'message':'Invalid request parameters'}}",
        "{'jsonrpc':'2.0','id':1,'error':{'code':-32000,'message':'?'}}",
        "{'jsonrpc':'2.0','id':null,'error':{'code':-32700,'message':'Parse error'}}",
        "{'jsonrpc':'2.0','id':1,'result':{}}",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        session_rig rig;
        rig_stdio(&rig);
        CHECK(rig_open(&rig));
        fake_say(&rig.fake, child_of(&rig), "%s", answers[i]);
        check_last(&rig, "initialize");
        CHECK_INT(rig.fake.child_count, 1);
        answer_last(&rig, INITIALIZED);
        check_last(&rig, "notifications/initialized");
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        CHECK_INT(souk_mcp_get_revision(rig.mcp), SOUK_MCP_2025_06_18);
        rig_free(&rig);
    }
}

static void silence_after_the_probe_means_legacy_and_a_late_answer_is_dropped(void)
{
    session_rig rig;
    rig_stdio(&rig);
    CHECK(rig_open(&rig));
    CHECK_INT(souk_mcp_deadline(rig.mcp), rig.fake.now + 3000);
    rig_wait(&rig, 2999);
    check_last(&rig, "server/discover");
    rig_wait(&rig, 1);
    check_last(&rig, "initialize");
    CHECK_INT(rig.fake.child_count, 1);
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    fake_say(&rig.fake, child_of(&rig),
             "{'jsonrpc':'2.0','error':{'code':-32600,'message':'late, too'}}");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
    answer_last(&rig, INITIALIZED);
    CHECK_INT(souk_mcp_get_revision(rig.mcp), SOUK_MCP_2025_06_18);
    rig_free(&rig);
}

static void a_slow_modern_server_is_recognised_by_its_refusal_of_initialize(void)
{
    session_rig rig;
    rig_stdio(&rig);
    CHECK(rig_open(&rig));
    rig_wait(&rig, 3000);
    check_last(&rig, "initialize");
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    fake_say(&rig.fake, child_of(&rig),
             "{'jsonrpc':'2.0','id':2,'error':{'code':-32601,'message':'unknown'}}");
    check_last(&rig, "server/discover");
    answer_last(&rig, RIG_DISCOVERED);
    CHECK_INT(souk_mcp_get_revision(rig.mcp), SOUK_MCP_2026_07_28);
    rig_free(&rig);
}

static void a_child_that_dies_of_the_probe_is_started_again_without_it(void)
{
    for (int when = 0; when < 2; when++) {
        session_rig rig;
        rig_stdio(&rig);
        CHECK(rig_open(&rig));
        if (when == 1) {
            rig_wait(&rig,
                     3000); /* it reads the probe late, and dies after initialize was written */
            check_last(&rig, "initialize");
        }
        fake_child *first = child_of(&rig);
        fake_exit(&rig.fake, first, 1, "KeyError: server/discover");
        CHECK_INT(rig.fake.child_count, 2);
        CHECK_INT(souk_mcp_child(rig.mcp), child_of(&rig)->id);
        CHECK_INT(fake_lines(child_of(&rig), "server/discover"), 0);
        check_last(&rig, "initialize");
        fake_say(&rig.fake, first, "{'jsonrpc':'2.0','id':2,'result':" INITIALIZED "}");
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
        answer_last(&rig, INITIALIZED);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        rig_free(&rig);
    }
}

static void a_child_that_dies_again_fails_the_opening_with_its_last_words(void)
{
    session_rig rig;
    rig_stdio(&rig);
    CHECK(rig_open(&rig));
    fake_exit(&rig.fake, child_of(&rig), 1, "");
    fake_exit(&rig.fake, child_of(&rig), 127, "  sh: some-server: not found\n");
    CHECK_INT(rig.fake.child_count, 2);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
    CHECK_TEXT(
        souk_mcp_why(rig.mcp)->message,
        "the server process ended: exit code 127; its last words: sh: some-server: not found");
    CHECK_INT(souk_mcp_why(rig.mcp)->kind, SOUK_E_TRANSPORT);
    CHECK_INT(souk_mcp_why(rig.mcp)->delivery, SOUK_DELIVERY_NOT_SENT);
    rig_free(&rig);
}

static void a_child_without_a_probe_is_not_started_again(void)
{
    session_rig rig;
    rig_stdio(&rig);
    rig.config.remembered = SOUK_MCP_2025_06_18;
    CHECK(rig_open(&rig));
    check_last(&rig, "initialize");
    fake_exit(&rig.fake, child_of(&rig), 1, "");
    CHECK_INT(rig.fake.child_count, 1);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
    CHECK_TEXT(souk_mcp_why(rig.mcp)->message, "the server process ended: exit code 1");
    rig_free(&rig);
}

static void a_child_is_new_each_time_and_asked_though_it_is_remembered_as_modern(void)
{
    session_rig rig;
    rig_stdio(&rig);
    rig.config.remembered = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    check_last(&rig, "server/discover");
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    CHECK(!souk_mcp_contradicted(rig.mcp));
    rig_free(&rig);

    rig_stdio(&rig);
    rig.config.remembered = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    fake_say(&rig.fake, child_of(&rig),
             "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'no'}}");
    check_last(&rig, "initialize");
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':2,'result':" RIG_INITIALIZED "}",
             "2025-06-18");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    CHECK_INT(souk_mcp_get_revision(rig.mcp), SOUK_MCP_2025_06_18);
    CHECK(souk_mcp_contradicted(rig.mcp));
    rig_free(&rig);
}

static void a_child_that_is_pinned_to_modern_has_time_and_must_be_modern(void)
{
    session_rig rig;
    rig_stdio(&rig);
    rig.config.pinned = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    check_last(&rig, "server/discover");
    rig_wait(&rig, 20000); /* far longer than probe_timeout */
    check_last(&rig, "server/discover");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
    fake_say(&rig.fake, child_of(&rig),
             "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'no'}}");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL,
                          "protocol_version asks for 2026-07-28, but the server does not know "
                          "server/discover");
    check_last(&rig, "server/discover");
    rig_free(&rig);

    rig_stdio(&rig);
    rig.config.pinned = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    fake_exit(&rig.fake, child_of(&rig), 3, "");
    rig_check_failed_open(&rig, SOUK_E_TRANSPORT, "the server process ended: exit code 3");
    CHECK_INT(rig.fake.child_count, 1);
    rig_free(&rig);
}

static void last_words_are_made_readable(void)
{
    char words[1000];
    session_rig rig;
    rig_stdio(&rig);
    rig.config.remembered = SOUK_MCP_2025_06_18;
    CHECK(rig_open(&rig));
    memset(words, 0, sizeof words);
    for (int i = 0; i < 200; i++) {
        memcpy(words + 3 * i, "\xE2\x82\xAC", 3);
    }
    memcpy(words + 600, "\x1B[31mred\xFF\r\nline\xC2\x9B", 17);
    fake_exit(&rig.fake, child_of(&rig), 1, words);
    const char *message = souk_mcp_why(rig.mcp)->message;
    CHECK(souk_utf8_valid(souk_slice_of(message), NULL));
    CHECK(strstr(message, "words: \xE2\x82\xAC") != NULL);
    CHECK(strstr(message, "?[31mred??\nline?") != NULL);
    CHECK(strchr(message, '\x1B') == NULL);
    rig_free(&rig);
}

static void requests_and_answers_are_matched_by_id_in_any_order(void)
{
    session_rig rig;
    rig_open_child(&rig);
    uint64_t ids[3];
    for (int i = 0; i < 3; i++) {
        ids[i] = rig_send(&rig, "tools/call", "{\"a\":\n1}");
        CHECK(ids[i] != 0);
    }
    for (int i = 2; i >= 0; i--) {
        char want[32];
        fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':%d,'result':{'n':%d}}",
                 (int)ids[i], i);
        snprintf(want, sizeof want, "{\"n\":%d}", i);
        CHECK_RESULT(&rig, want);
    }
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':%d,'result':{}}", (int)ids[0]);
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void an_answer_may_come_byte_by_byte_or_with_others(void)
{
    static const char text[] =
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"n\":1}}\r\n\n  \n"
        "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"code\":-32602,\"message\":\"bad\"}}\n{\"half";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        session_rig rig;
        rig_open_child(&rig);
        CHECK_INT(rig_send(&rig, "a", "{}"), 3);
        CHECK_INT(rig_send(&rig, "b", "{}"), 4);
        for (size_t at = 0; at < sizeof text - 1; at += piece) {
            size_t left = sizeof text - 1 - at;
            fake_stdout(&rig.fake, child_of(&rig), text + at, left < piece ? left : piece);
        }
        CHECK_RESULT(&rig, "{\"n\":1}");
        CHECK(rig_next(&rig));
        CHECK_INT(rig.end.err.code, -32602);
        CHECK_INT(rig.end.err.status, 0);
        CHECK(!rig_next(&rig));
        rig_free(&rig);
    }
}

static void lines_that_are_no_messages_are_skipped(void)
{
    session_rig rig;
    rig_open_child(&rig);
    CHECK_INT(rig_send(&rig, "a", "{}"), 3);
    fake_say(&rig.fake, child_of(&rig), "Downloading some-server ...");
    fake_say(&rig.fake, child_of(&rig), "{'level':'info','id':3}");
    fake_say(&rig.fake, child_of(&rig), "[1,2,3]");
    fake_say(&rig.fake, child_of(&rig),
             "{'jsonrpc':'2.0','error':{'code':1,'message':'about nothing'}}");
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':'3','result':{}}");
    fake_stdout(&rig.fake, child_of(&rig), "\xFF\xFE\0\n", 4);
    CHECK(!rig_next(&rig));
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':3,'result':{}}");
    CHECK_RESULT(&rig, "{}");
    rig_free(&rig);
}

static void output_past_the_limits_ends_the_session(void)
{
    static char line[100 * 1024];
    for (int deep = 0; deep < 2; deep++) {
        session_rig rig;
        rig_open_child(&rig);
        CHECK(rig_send(&rig, "a", "{}") != 0);
        memset(line, '[', sizeof line);
        line[200] = deep ? '\n' : '[';
        fake_stdout(&rig.fake, child_of(&rig), line, deep ? 201 : sizeof line);
        CHECK_FAILED(&rig, SOUK_E_LIMIT, SOUK_DELIVERY_AMBIGUOUS);
        CHECK(rig.end.lost);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
        CHECK(child_of(&rig)->closed);
        CHECK_INT(child_of(&rig)->grace, 0);
        fake_stdout(&rig.fake, child_of(&rig), line, 5000);
        fake_exit(&rig.fake, child_of(&rig), -1, "");
        CHECK_INT(souk_mcp_why(rig.mcp)->kind, SOUK_E_LIMIT);
        rig_free(&rig);
    }
}

static void a_child_that_dies_takes_all_requests_with_it(void)
{
    session_rig rig;
    rig_open_child(&rig);
    for (int i = 0; i < 40; i++) {
        CHECK(rig_send(&rig, "a", "{}") != 0);
    }
    fake_stdout(&rig.fake, child_of(&rig), "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}", 36);
    fake_exit(&rig.fake, child_of(&rig), 139, "Segmentation fault");
    CHECK_RESULT(&rig, "{}"); /* its last line had no end, but is complete */
    for (int i = 1; i < 40; i++) {
        CHECK(rig_next(&rig));
        CHECK_INT(rig.end.err.kind, SOUK_E_TRANSPORT);
        CHECK_INT(rig.end.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
        CHECK(rig.end.lost);
        CHECK(strstr(rig.end.err.message, "Segmentation fault") != NULL);
    }
    CHECK(!rig_next(&rig));
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
    rig_free(&rig);
}

static void a_child_that_reads_no_more_loses_the_session_before_it_ends(void)
{
    session_rig rig;
    rig_open_child(&rig);
    CHECK_INT(rig_send(&rig, "a", "{}"), 3);
    child_of(&rig)->deaf = true;
    CHECK_INT(rig_send(&rig, "b", "{}"), 0);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
    CHECK(!rig_next(&rig));
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':3,'result':{}}");
    CHECK_RESULT(&rig, "{}"); /* what it had read it may still answer */
    rig_free(&rig);
}

static void a_child_that_is_dead_already_is_judged_by_its_exit(void)
{
    session_rig rig;
    rig_stdio(&rig);
    rig.fake.refuse_write = SOUK_E_TRANSPORT;
    CHECK(rig_open(&rig));
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
    fake_exit(&rig.fake, child_of(&rig), 1, "no such module");
    fake_exit(&rig.fake, child_of(&rig), 1, "no such module");
    CHECK_INT(rig.fake.child_count, 2);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
    CHECK(strstr(souk_mcp_why(rig.mcp)->message, "no such module") != NULL);
    rig_free(&rig);
}

static void a_full_queue_fails_the_request_alone(void)
{
    session_rig rig;
    rig_open_child(&rig);
    rig.fake.refuse_write = SOUK_E_LIMIT;
    CHECK_INT(rig_send(&rig, "a", "{}"), 0);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig.fake.refuse_write = SOUK_OK;
    CHECK(rig_send(&rig, "a", "{}") != 0);
    rig_free(&rig);
}

static void requests_of_the_server_are_answered(void)
{
    char line[1024];
    session_rig rig;
    rig_open_child(&rig);
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':9,'method':'ping'}");
    CHECK_TEXT(fake_line(child_of(&rig), line, sizeof line),
               "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}");
    fake_say(&rig.fake, child_of(&rig),
             "{'jsonrpc':'2.0','id':10,'method':'sampling/createMessage','params':{}}");
    CHECK(strstr(fake_line(child_of(&rig), line, sizeof line),
                 "\"id\":10,\"error\":{\"code\":-32601") != NULL);
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','method':'ping'}");
    CHECK(strstr(fake_line(child_of(&rig), line, sizeof line), "\"id\":10") != NULL);
    rig_free(&rig);
}

static void cancelling_tells_the_child(void)
{
    session_rig rig;
    rig_open_child(&rig);
    uint64_t id = rig_send(&rig, "a", "{}");
    souk_mcp_cancel(rig.mcp, id, "no more");
    check_last(&rig, "notifications/cancelled");
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':%d,'result':{}}", (int)id);
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void cancelling_tells_a_modern_child_too(void)
{
    session_rig rig;
    rig_stdio(&rig);
    CHECK(rig_open(&rig));
    fake_say(&rig.fake, child_of(&rig), "{'jsonrpc':'2.0','id':1,'result':" RIG_DISCOVERED "}");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    souk_mcp_cancel(rig.mcp, rig_send(&rig, "a", "{}"), "no more");
    check_last(&rig, "notifications/cancelled");
    rig_free(&rig);
}

static void closing_walks_down_the_ladder_and_waits_for_the_end(void)
{
    session_rig rig;
    rig_open_child(&rig);
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSING);
    CHECK(child_of(&rig)->closed);
    CHECK_INT(child_of(&rig)->grace, 2000);
    fake_say(&rig.fake, child_of(&rig), "goodbye");
    fake_exit(&rig.fake, child_of(&rig), 0, "");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

static void freeing_leaves_the_child_to_the_ladder(void)
{
    session_rig rig;
    rig_open_child(&rig);
    souk_mcp_free(rig.mcp);
    rig.mcp = NULL;
    CHECK(child_of(&rig)->closed);
    CHECK_INT(child_of(&rig)->grace, 2000);
    rig_free(&rig);
}

static void a_command_that_cannot_be_started_fails_the_opening(void)
{
    static const souk_mcp_revision known[] = {SOUK_MCP_UNKNOWN, SOUK_MCP_2025_06_18,
                                              SOUK_MCP_2026_07_28};
    for (size_t i = 0; i < 3; i++) {
        session_rig rig;
        rig_stdio(&rig);
        rig.config.remembered = known[i];
        rig.fake.refuse_spawn = SOUK_E_TRANSPORT;
        CHECK(rig_open(&rig));
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
        CHECK_TEXT(souk_mcp_why(rig.mcp)->message, "the port refuses children");
        rig_free(&rig);
    }
}

static void a_child_that_never_answers_fails_when_the_time_is_over(void)
{
    session_rig rig;
    rig_stdio(&rig);
    CHECK(rig_open(&rig));
    rig_wait(&rig, 30000);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
    CHECK_INT(souk_mcp_why(rig.mcp)->kind, SOUK_E_TIMEOUT);
    rig_free(&rig);
}

int main(void)
{
    CASE(the_child_is_started_as_configured_and_probed);
    CASE(any_error_to_the_probe_means_legacy);
    CASE(silence_after_the_probe_means_legacy_and_a_late_answer_is_dropped);
    CASE(a_slow_modern_server_is_recognised_by_its_refusal_of_initialize);
    CASE(a_child_that_dies_of_the_probe_is_started_again_without_it);
    CASE(a_child_that_dies_again_fails_the_opening_with_its_last_words);
    CASE(a_child_without_a_probe_is_not_started_again);
    CASE(a_child_is_new_each_time_and_asked_though_it_is_remembered_as_modern);
    CASE(a_child_that_is_pinned_to_modern_has_time_and_must_be_modern);
    CASE(last_words_are_made_readable);
    CASE(requests_and_answers_are_matched_by_id_in_any_order);
    CASE(an_answer_may_come_byte_by_byte_or_with_others);
    CASE(lines_that_are_no_messages_are_skipped);
    CASE(output_past_the_limits_ends_the_session);
    CASE(a_child_that_dies_takes_all_requests_with_it);
    CASE(a_child_that_reads_no_more_loses_the_session_before_it_ends);
    CASE(a_child_that_is_dead_already_is_judged_by_its_exit);
    CASE(a_full_queue_fails_the_request_alone);
    CASE(requests_of_the_server_are_answered);
    CASE(cancelling_tells_the_child);
    CASE(cancelling_tells_a_modern_child_too);
    CASE(closing_walks_down_the_ladder_and_waits_for_the_end);
    CASE(freeing_leaves_the_child_to_the_ladder);
    CASE(a_command_that_cannot_be_started_fails_the_opening);
    CASE(a_child_that_never_answers_fails_when_the_time_is_over);
    return tap_done();
}
