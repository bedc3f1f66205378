/* Requests over HTTP: answers in all their shapes, failures, losing the session, cancelling,
 * closing. */
#include "session_help.h"

static void a_json_answer_is_taken_when_it_is_complete(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "tools/call", "{\"name\":\"t\"}") != 0);
    fake_exchange *x = rig_last(&rig);
    CHECK(strstr(x->body, "\"params\":{\"name\":\"t\"}") != NULL);
    CHECK_INT(x->timeout, 60000);
    fake_head(&rig.fake, x, 200, "content-type: Application/JSON; charset=utf-8");
    char body[200];
    int len =
        snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"a\":[1,2]}}",
                 fake_rpc_id(x->body));
    for (int i = 0; i < len; i++) {
        fake_bytes(&rig.fake, x, body + i, 1);
        CHECK(!rig_next(&rig));
    }
    fake_end(&rig.fake, x);
    CHECK_RESULT(&rig, "{\"a\":[1,2]}");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig_free(&rig);
}

static void an_event_stream_gives_the_answer_however_it_is_cut(void)
{
    static const char stream[] =
        ": comment\r\n\r\nid: prime\r\ndata:\r\n\r\nevent: other\r\ndata: ignored\r\n\r\n"
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\r\n\r\n"
        "event: message\r\nid: 2\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":3,\r\n"
        "data: \"result\":{\"text\":\"\xC3\xA4\"}}\r\n\r\n";
    for (size_t piece = 1; piece < sizeof stream; piece++) {
        session_rig rig;
        rig_open_legacy(&rig, "2025-11-25", "abc");
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 3);
        fake_exchange *x = rig_last(&rig);
        fake_head(&rig.fake, x, 200, "Content-Type: text/event-stream");
        for (size_t at = 0; at < sizeof stream - 1; at += piece) {
            size_t left = sizeof stream - 1 - at;
            fake_bytes(&rig.fake, x, stream + at, left < piece ? left : piece);
        }
        CHECK_RESULT(&rig, "{\"text\":\"\xC3\xA4\"}");
        fake_end(&rig.fake, x);
        CHECK(!rig_next(&rig));
        rig_free(&rig);
    }
}

static void a_stream_left_open_after_the_answer_is_closed_soon(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, "Content-Type: text/event-stream");
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n");
    CHECK_RESULT(&rig, "{}");
    CHECK(!x->cancelled);
    rig_wait(&rig, 999);
    CHECK(!x->cancelled);
    rig_wait(&rig, 1);
    CHECK(x->cancelled);
    CHECK(souk_mcp_deadline(rig.mcp) == SOUK_NEVER);
    rig_free(&rig);
}

static void a_stream_that_ends_without_the_answer_leaves_doubt(void)
{
    session_rig rig;
    rig_open_modern(&rig);
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_respond(&rig.fake, rig_last(&rig), 200, "Content-Type: text/event-stream",
                 "id: 1\ndata:\n\n");
    CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(!rig.end.lost);
    rig_free(&rig);
}

static void broken_events_and_bodies_fail_the_request_and_nothing_else(void)
{
    static const struct {
        const char *type;
        const char *body;
        int kind;
    } answers[] = {
        {"Content-Type: text/event-stream", "data: {\"jsonrpc\":\n\n", SOUK_E_PROTOCOL},
        {"Content-Type: text/event-stream", "data: \xFF\n\n", SOUK_E_PROTOCOL},
        {"Content-Type: application/json", "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}} x",
         SOUK_E_PROTOCOL},
        {"Content-Type: application/json", "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\"",
         SOUK_E_PROTOCOL},
        {"Content-Type: application/json", "{\"jsonrpc\":\"1.0\",\"id\":3,\"result\":{}}",
         SOUK_E_PROTOCOL},
        {"Content-Type: application/json",
         "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{},\"error\":{}}", SOUK_E_PROTOCOL},
        {"Content-Type: application/json", "", SOUK_E_PROTOCOL},
        {"Content-Type: text/html", "<html>", SOUK_E_PROTOCOL},
        {"", "", SOUK_E_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        session_rig rig;
        rig_open_legacy(&rig, "2025-06-18", "abc");
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 3);
        fake_respond(&rig.fake, rig_last(&rig), 200, answers[i].type, answers[i].body);
        CHECK_FAILED(&rig, answers[i].kind, SOUK_DELIVERY_DELIVERED);
        CHECK_INT(rig.end.err.status, 200);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        fake_result(&rig.fake, rig_last(&rig), "{}");
        CHECK_RESULT(&rig, "{}");
        rig_free(&rig);
    }
}

static void answers_past_the_limits_are_cut_off(void)
{
    static const char *const types[] = {"Content-Type: application/json",
                                        "Content-Type: text/event-stream"};
    char block[8192];
    char bomb[400];
    memset(block, 'x', sizeof block);
    memset(bomb, 0, sizeof bomb);
    memset(bomb, '[', 200);
    memset(bomb + 200, ']', 199);
    for (size_t i = 0; i < 2; i++) {
        session_rig rig;
        rig_open_legacy(&rig, "2025-06-18", "abc");
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        fake_exchange *x = rig_last(&rig);
        fake_head(&rig.fake, x, 200, types[i]);
        fake_text(&rig.fake, x, "data: ");
        for (int n = 0; n < 8 && !x->cancelled; n++) {
            fake_bytes(&rig.fake, x, block, sizeof block);
        }
        CHECK(x->cancelled);
        CHECK_FAILED(&rig, SOUK_E_LIMIT, SOUK_DELIVERY_DELIVERED);
        fake_bytes(&rig.fake, x, block, sizeof block);
        fake_fail(&rig.fake, x, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS, "cancelled");
        CHECK(!rig_next(&rig));

        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        char nested[600];
        snprintf(nested, sizeof nested, "%s{\"jsonrpc\":\"2.0\",\"id\":4,\"result\":%s}\n\n",
                 i == 0 ? "" : "data: ", bomb);
        fake_respond(&rig.fake, rig_last(&rig), 200, types[i], nested);
        CHECK_FAILED(&rig, SOUK_E_LIMIT, SOUK_DELIVERY_DELIVERED);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        rig_free(&rig);
    }
}

static void a_limit_of_the_engine_counts_as_an_answer(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_head(&rig.fake, rig_last(&rig), 200, "Content-Type: application/json");
    fake_fail(&rig.fake, rig_last(&rig), SOUK_E_LIMIT, SOUK_DELIVERY_AMBIGUOUS, "too large");
    CHECK_FAILED(&rig, SOUK_E_LIMIT, SOUK_DELIVERY_DELIVERED);
    rig_free(&rig);
}

static void errors_of_the_server_come_with_code_text_and_data(void)
{
    static const int statuses[] = {200, 400, 404, 500};
    for (size_t i = 0; i < 4; i++) {
        session_rig rig;
        rig_open_legacy(&rig, "2025-06-18", "abc");
        uint64_t id = rig_send(&rig, "tools/call", "{}");
        fake_json(
            &rig.fake, rig_last(&rig), statuses[i],
            "{'jsonrpc':'2.0','id':%d,'error':{'code':-32601,'message':'no such','data':{'x':1}}}",
            (int)id);
        CHECK_FAILED(&rig, SOUK_E_RPC, SOUK_DELIVERY_REJECTED);
        CHECK(rig.end.err.has_code);
        CHECK_INT(rig.end.err.code, -32601);
        CHECK_INT(rig.end.err.status, statuses[i]);
        CHECK_TEXT(rig.end.err.message, "no such");
        CHECK(!rig.end.lost);
        CHECK(rig.end.value != NULL);
        CHECK_SLICE(souk_json_raw(&rig.end.doc, rig.end.value), "{\"x\":1}");
        rig_free(&rig);
    }
}

static void an_error_without_id_answers_the_request_of_its_exchange(void)
{
    static const char *const ids[] = {"", "'id':null,"};
    for (size_t i = 0; i < 2; i++) {
        session_rig rig;
        rig_open_legacy(&rig, "2025-06-18", "abc");
        CHECK(rig_send(&rig, "a", "{}") != 0);
        CHECK(rig_send(&rig, "b", "{}") != 0);
        fake_json(&rig.fake, fake_open(&rig.fake, "a"), 200,
                  "{'jsonrpc':'2.0',%s'error':{'code':-32700,'message':'what?'}}", ids[i]);
        CHECK_FAILED(&rig, SOUK_E_RPC, SOUK_DELIVERY_REJECTED);
        fake_result(&rig.fake, fake_open(&rig.fake, "b"), "{}");
        CHECK_RESULT(&rig, "{}");
        rig_free(&rig);
    }
}

static void an_answer_to_another_request_ends_neither_well(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    uint64_t a = rig_send(&rig, "a", "{}");
    uint64_t b = rig_send(&rig, "b", "{}");
    CHECK(a != 0 && b != 0 && a != b);
    fake_json(&rig.fake, fake_open(&rig.fake, "a"), 200, "{'jsonrpc':'2.0','id':%d,'result':{}}",
              (int)b);
    CHECK_FAILED(&rig, SOUK_E_PROTOCOL, SOUK_DELIVERY_DELIVERED);
    CHECK(strstr(rig.end.err.message, "answers another request") != NULL);
    /* In a stream it is only passed over: the right answer may follow. */
    uint64_t c = rig_send(&rig, "c", "{}");
    fake_exchange *x = fake_open(&rig.fake, "c");
    char text[300];
    snprintf(text, sizeof text,
             "data: {\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"for\":\"b\"}}\n\n"
             "data: {\"jsonrpc\":\"2.0\",\"id\":\"%d\",\"result\":{\"for\":\"text\"}}\n\n"
             "data: {\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"for\":\"c\"}}\n\n"
             "data: {\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"for\":\"c again\"}}\n\n",
             (int)b, (int)c, (int)c, (int)c);
    fake_respond(&rig.fake, x, 200, "Content-Type: text/event-stream", text);
    CHECK_RESULT(&rig, "{\"for\":\"c\"}");
    CHECK(!rig_next(&rig));
    fake_result(&rig.fake, fake_open(&rig.fake, "b"), "{\"for\":\"b\"}");
    CHECK_RESULT(&rig, "{\"for\":\"b\"}");
    rig_free(&rig);
}

static void a_batch_is_read_in_the_revision_that_has_them(void)
{
    static const char batch[] = "[{'jsonrpc':'2.0','method':'notifications/message'},"
                                "{'jsonrpc':'2.0','id':'q1','method':'ping'},"
                                "{'jsonrpc':'2.0','id':3,'result':{'n':1}}, 17]";
    session_rig rig;
    rig_open_legacy(&rig, "2025-03-26", "abc");
    CHECK_INT(rig_send(&rig, "a", "{}"), 3);
    fake_json(&rig.fake, rig_last(&rig), 200, "%s", batch);
    CHECK_RESULT(&rig, "{\"n\":1}");
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":\"q1\",\"result\":{}}");
    rig_free(&rig);

    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK_INT(rig_send(&rig, "a", "{}"), 3);
    fake_json(&rig.fake, rig_last(&rig), 200, "%s", batch);
    CHECK_FAILED(&rig, SOUK_E_PROTOCOL, SOUK_DELIVERY_DELIVERED);
    rig_free(&rig);
}

static void a_batch_that_answers_the_opening_twice_is_harmless(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_json(
        &rig.fake, rig_last(&rig), 200,
        "[{'jsonrpc':'2.0','id':1,'result':{'supportedVersions':['2026-07-28']}},"
        "{'jsonrpc':'2.0','id':1,'result':{}},{'jsonrpc':'2.0','error':{'code':1,'message':''}}]");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig_free(&rig);
}

static void requests_of_a_legacy_server_are_answered(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK_INT(rig_send(&rig, "tools/call", "{}"), 3);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, "Content-Type: text/event-stream");
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n");
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}");
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "abc"));
    fake_respond(&rig.fake, rig_last(&rig), 202, "", "");
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"roots/list\"}\n\n");
    CHECK(strstr(rig_last(&rig)->body, "\"id\":7,\"error\":{\"code\":-32601") != NULL);
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n");
    CHECK_RESULT(&rig, "{}");
    rig_free(&rig);
}

static void a_server_that_asks_without_end_does_not_get_an_answer_to_everything(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK_INT(rig_send(&rig, "tools/call", "{}"), 3);
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, "Content-Type: text/event-stream");
    for (int i = 0; i < 1000; i++) {
        fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
    }
    CHECK(rig.fake.exchange_count <= 4 + 64);
    for (size_t i = 4; i < rig.fake.exchange_count; i++) {
        fake_respond(&rig.fake, rig.fake.exchanges[i], 202, "", "");
    }
    size_t before = rig.fake.exchange_count;
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
    CHECK_INT(rig.fake.exchange_count, before + 1);
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n\n");
    CHECK_RESULT(&rig, "{}");
    rig_free(&rig);
}

static void a_modern_server_may_not_ask(void)
{
    session_rig rig;
    rig_open_modern(&rig);
    CHECK_INT(rig_send(&rig, "tools/call", "{}"), 2);
    fake_exchange *x = rig_last(&rig);
    CHECK(fake_has_header(x, "Mcp-Method", "tools/call"));
    CHECK(fake_has_header(x, "Mcp-Name", "tool"));
    fake_head(&rig.fake, x, 200, "Content-Type: text/event-stream");
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
    CHECK(rig_last(&rig) == x);
    rig_free(&rig);
}

static void a_modern_result_is_of_a_type_that_was_declared(void)
{
    static const char *const results[] = {"{'resultType':'task'}", "{'resultType':'surprise'}",
                                          "[]"};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        session_rig rig;
        rig_open_modern(&rig);
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 2);
        fake_result(&rig.fake, rig_last(&rig), results[i]);
        CHECK_FAILED(&rig, SOUK_E_PROTOCOL, SOUK_DELIVERY_DELIVERED);
        rig_free(&rig);
    }
}

static void a_result_that_wants_more_says_so(void)
{
    static const struct {
        const char *result;
        souk_mcp_result_type type;
    } rows[] = {
        {"{'resultType':'task','taskId':'t'}", SOUK_MCP_RESULT_TASK},
        {"{'resultType':'input_required','requestState':'x'}", SOUK_MCP_RESULT_INPUT_REQUIRED},
        {"{'resultType':'complete'}", SOUK_MCP_RESULT_COMPLETE},
        {"{}", SOUK_MCP_RESULT_COMPLETE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_rig rig;
        rig_http(&rig);
        rig.config.abilities = SOUK_MCP_CAN_FOLLOW_TASKS;
        CHECK(rig_open(&rig));
        fake_result(&rig.fake, fake_last(&rig.fake), RIG_DISCOVERED);
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 2);
        fake_result(&rig.fake, rig_last(&rig), rows[i].result);
        CHECK(rig_next(&rig));
        CHECK_INT(rig.end.err.kind, SOUK_OK);
        CHECK_INT(rig.end.type, rows[i].type);
        CHECK(souk_json_type_of(rig.end.value) == SOUK_JSON_OBJECT);
        rig_free(&rig);
    }
}

static void a_failed_exchange_says_how_far_it_got(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_fail(&rig.fake, rig_last(&rig), SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "refused");
    CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_fail(&rig.fake, rig_last(&rig), SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS, "silence");
    CHECK_FAILED(&rig, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig.fake.refuse_exchange = SOUK_E_LIMIT;
    CHECK_INT(rig_send(&rig, "tools/call", "{}"), 0);
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

int main(void)
{
    CASE(a_json_answer_is_taken_when_it_is_complete);
    CASE(an_event_stream_gives_the_answer_however_it_is_cut);
    CASE(a_stream_left_open_after_the_answer_is_closed_soon);
    CASE(a_stream_that_ends_without_the_answer_leaves_doubt);
    CASE(broken_events_and_bodies_fail_the_request_and_nothing_else);
    CASE(answers_past_the_limits_are_cut_off);
    CASE(a_limit_of_the_engine_counts_as_an_answer);
    CASE(errors_of_the_server_come_with_code_text_and_data);
    CASE(an_error_without_id_answers_the_request_of_its_exchange);
    CASE(an_answer_to_another_request_ends_neither_well);
    CASE(a_batch_is_read_in_the_revision_that_has_them);
    CASE(a_batch_that_answers_the_opening_twice_is_harmless);
    CASE(requests_of_a_legacy_server_are_answered);
    CASE(a_server_that_asks_without_end_does_not_get_an_answer_to_everything);
    CASE(a_modern_server_may_not_ask);
    CASE(a_modern_result_is_of_a_type_that_was_declared);
    CASE(a_result_that_wants_more_says_so);
    CASE(a_failed_exchange_says_how_far_it_got);
    return tap_done();
}
