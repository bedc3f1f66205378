/* HTTP+SSE of 2024-11-05: when it is tried, how it opens, works and ends. */
#include "session_help.h"

#define SSE "Content-Type: text/event-stream"
#define ENDPOINT "event: endpoint\ndata: /messages?s=1\n\n"

static fake_exchange *stream_of(session_rig *rig)
{
    for (size_t i = 0; i < rig->fake.exchange_count; i++) {
        if (strcmp(rig->fake.exchanges[i]->method, "GET") == 0) {
            return rig->fake.exchanges[i];
        }
    }
    return NULL;
}

/* A message of the server in its stream, made from `format`, with `'` for `"`. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
say(session_rig *rig, const char *format, ...)
{
    char text[2048] = "event: message\ndata: ";
    size_t start = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + start, sizeof text - start - 3, format, args);
    va_end(args);
    for (char *c = text + start; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    fake_text(&rig->fake, stream_of(rig), strcat(text, "\n\n"));
}

static void accept_last(session_rig *rig)
{
    fake_respond(&rig->fake, rig_last(rig), 202, "Content-Type: text/plain", "Accepted");
}

/* Up to the GET, which the server has not answered yet. */
static void open_until_get_with(session_rig *rig, unsigned abilities, int status)
{
    rig_http(rig);
    rig->config.abilities = abilities;
    rig->config.url = "https://example.test/api/sse";
    CHECK(rig_open(rig));
    CHECK(fake_is(rig_last(rig)->body, "server/discover"));
    fake_respond(&rig->fake, rig_last(rig), status, "Content-Type: text/plain", "no");
    CHECK(fake_is(rig_last(rig)->body, "initialize"));
    fake_respond(&rig->fake, rig_last(rig), status, "Content-Type: text/plain", "no");
}

static void open_until_get(session_rig *rig, int status)
{
    open_until_get_with(rig, 0, status);
}

/* The stream and its endpoint are there; initialize is answered, and so on. */
static void go_on_from_get(session_rig *rig)
{
    fake_exchange *stream = rig_last(rig);
    CHECK_TEXT(stream->method, "GET");
    fake_head(&rig->fake, stream, 200, SSE);
    fake_text(&rig->fake, stream, ENDPOINT);
    fake_exchange *x = rig_last(rig);
    CHECK(fake_is(x->body, "initialize"));
    CHECK(strstr(x->body, "\"protocolVersion\":\"2024-11-05\"") != NULL);
    CHECK_TEXT(x->url, "https://example.test/messages?s=1");
    accept_last(rig);
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_OPENING);
    say(rig, "{'jsonrpc':'2.0','id':%lld,'result':" RIG_INITIALIZED "}", fake_rpc_id(x->body),
        "2024-11-05");
    CHECK(fake_is(rig_last(rig)->body, "notifications/initialized"));
    accept_last(rig);
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
}

static void open_two(session_rig *rig)
{
    open_until_get(rig, 405);
    go_on_from_get(rig);
}

static void it_is_the_last_thing_that_is_tried(void)
{
    static const int statuses[] = {400, 404, 405};
    for (size_t i = 0; i < 3; i++) {
        session_rig rig;
        open_until_get(&rig, statuses[i]);
        CHECK_INT(rig.fake.exchange_count, 3);
        fake_exchange *x = rig_last(&rig);
        CHECK_TEXT(x->url, "https://example.test/api/sse");
        CHECK(fake_has_header(x, "Accept", "text/event-stream"));
        CHECK(fake_has_header(x, "MCP-Protocol-Version", NULL));
        CHECK(fake_has_header(x, "Mcp-Session-Id", NULL));
        CHECK(x->timeout == SOUK_NEVER);
        go_on_from_get(&rig);
        rig_check_ready(&rig, "2024-11-05", 5);
        CHECK(strstr(souk_mcp_about(rig.mcp).ptr, "\"transport\":\"sse\"") != NULL);
        CHECK(!souk_mcp_contradicted(rig.mcp));
        rig_free(&rig);
    }
}

static void it_is_not_tried_where_it_cannot_be(void)
{
    static const int statuses[] = {401, 403, 410, 500, 302};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        session_rig rig;
        rig_http(&rig);
        CHECK(rig_open(&rig));
        fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
        fake_respond(&rig.fake, rig_last(&rig), statuses[i], "", "");
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
        CHECK_INT(rig.fake.exchange_count, 2);
        rig_free(&rig);
    }
    session_rig rig; /* a modern server says so */
    rig_http(&rig);
    rig.config.pinned = SOUK_MCP_2024_11_05;
    CHECK(rig_open(&rig));
    fake_error(&rig.fake, rig_last(&rig), 400, -32022, "modern");
    rig_check_failed_open(&rig, SOUK_E_RPC, "modern");
    rig_free(&rig);

    rig_http(&rig); /* another revision is wanted */
    rig.config.pinned = SOUK_MCP_2025_03_26;
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "initialize was refused");
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);
}

static void a_pinned_or_remembered_revision_saves_the_probe(void)
{
    for (int pinned = 0; pinned < 2; pinned++) {
        session_rig rig;
        rig_http(&rig);
        rig.config.url = "https://example.test/api/sse";
        rig.config.pinned = pinned ? SOUK_MCP_2024_11_05 : SOUK_MCP_UNKNOWN;
        rig.config.remembered = SOUK_MCP_2024_11_05;
        CHECK(rig_open(&rig));
        CHECK(fake_is(rig_last(&rig)->body, "initialize"));
        fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
        go_on_from_get(&rig);
        rig_check_ready(&rig, "2024-11-05", 4);
        rig_free(&rig);
    }
}

static void a_server_that_was_remembered_wrongly_is_probed_after_all(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.config.remembered = SOUK_MCP_2024_11_05;
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 405, "", "");
    CHECK_TEXT(rig_last(&rig)->method, "GET");
    fake_respond(&rig.fake, rig_last(&rig), 405, "", "");
    CHECK(fake_is(rig_last(&rig)->body, "server/discover"));
    fake_result(&rig.fake, rig_last(&rig), RIG_DISCOVERED);
    rig_check_ready(&rig, "2026-07-28", 3);
    CHECK(souk_mcp_contradicted(rig.mcp));
    rig_free(&rig);

    rig_http(&rig); /* nothing works */
    rig.config.remembered = SOUK_MCP_2024_11_05;
    CHECK(rig_open(&rig));
    for (int i = 0; i < 20 && souk_mcp_get_state(rig.mcp) == SOUK_MCP_OPENING; i++) {
        fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    }
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "initialize was refused");
    CHECK_INT(rig.fake.exchange_count, 4);
    rig_free(&rig);
}

static void without_the_stream_the_first_refusal_is_what_is_said(void)
{
    static const struct {
        int status;
        const char *type;
        const char *body;
        int kind;
        const char *part;
    } answers[] = {
        {405, "", "", SOUK_E_PROTOCOL,
         "initialize was refused: the server answered with HTTP "
         "status 404"},
        {404, "", "", SOUK_E_PROTOCOL, "initialize was refused"},
        {200, "Content-Type: text/html", "<html>", SOUK_E_PROTOCOL, "initialize was refused"},
        {200, SSE, "", SOUK_E_PROTOCOL, "initialize was refused"},
        {200, SSE, "data: x\n\nevent: other\ndata: /m\n\n", SOUK_E_PROTOCOL, "was refused"},
        {401, "", "", SOUK_E_AUTH, "401"},
        {403, "", "", SOUK_E_AUTH, "403"},
        {503, "", "", SOUK_E_TRANSPORT, "503"},
        {200, SSE, "event: endpoint\ndata:\n\n", SOUK_E_PROTOCOL, "has no URI"},
        {200, SSE, "event: endpoint\ndata: https://evil.test/m\n\n", SOUK_E_PROTOCOL,
         "the server at https://example.test:443 wants messages to be sent to "
         "https://evil.test:443, which is another origin"},
        {200, SSE, "data: \xFF\n\n", SOUK_E_PROTOCOL, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        session_rig rig;
        open_until_get(&rig, 404);
        fake_exchange *x = rig_last(&rig);
        fake_head(&rig.fake, x, answers[i].status, answers[i].type);
        if (!x->cancelled) {
            fake_text(&rig.fake, x, answers[i].body);
        }
        if (!x->cancelled) {
            fake_end(&rig.fake, x);
        }
        rig_check_failed_open(&rig, answers[i].kind, answers[i].part);
        CHECK_INT(rig.fake.exchange_count, 3); /* nothing was sent anywhere else */
        CHECK(souk_mcp_deadline(rig.mcp) == SOUK_NEVER);
        rig_free(&rig);
    }
}

static void an_opening_that_fails_or_takes_too_long_leaves_no_stream_behind(void)
{
    for (int step = 0; step < 4; step++) {
        session_rig rig;
        open_until_get(&rig, 404);
        fake_exchange *stream = rig_last(&rig);
        if (step > 0) {
            fake_head(&rig.fake, stream, 200, SSE);
        }
        if (step > 1) {
            fake_text(&rig.fake, stream, ENDPOINT);
        }
        if (step == 3) {
            accept_last(&rig);
            say(&rig, "{'jsonrpc':'2.0','id':3,'error':{'code':-32603,'message':'broken'}}");
            rig_check_failed_open(&rig, SOUK_E_RPC, "broken");
        } else {
            rig_wait(&rig, 30000);
            rig_check_failed_open(&rig, SOUK_E_TIMEOUT, "open_timeout");
        }
        CHECK(stream->cancelled);
        rig_free(&rig);
    }
}

static void a_stream_that_fails_while_opening_fails_the_opening(void)
{
    for (int step = 0; step < 3; step++) {
        session_rig rig;
        open_until_get(&rig, 404);
        fake_exchange *stream = rig_last(&rig);
        if (step > 0) {
            fake_head(&rig.fake, stream, 200, SSE);
        }
        if (step > 1) {
            fake_text(&rig.fake, stream, ENDPOINT);
        }
        fake_fail(&rig.fake, stream, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "reset");
        rig_check_failed_open(&rig, SOUK_E_TRANSPORT, "reset");
        if (step == 2) {
            accept_last(&rig);
        }
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
        rig_free(&rig);
    }
}

static void answers_come_in_the_stream_in_any_order(void)
{
    session_rig rig;
    open_two(&rig);
    uint64_t a = rig_send(&rig, "a", "{}");
    fake_exchange *x = rig_last(&rig);
    CHECK_TEXT(x->method, "POST");
    CHECK_TEXT(x->url, "https://example.test/messages?s=1");
    CHECK(fake_has_header(x, "MCP-Protocol-Version", NULL));
    CHECK(fake_has_header(x, "Mcp-Session-Id", NULL));
    accept_last(&rig);
    uint64_t b = rig_send(&rig, "b", "{}");
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{'for':'b'}}", (int)b); /* before its POST */
    CHECK_RESULT(&rig, "{\"for\":\"b\"}");
    accept_last(&rig);
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{'for':'a'}}", (int)a);
    CHECK_RESULT(&rig, "{\"for\":\"a\"}");
    CHECK(!rig_next(&rig));
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{'for':'a again'}}", (int)a);
    CHECK(!rig_next(&rig));
    CHECK(rig_send(&rig, "c", "{}") != 0);
    accept_last(&rig);
    say(&rig, "{'jsonrpc':'2.0','id':%d,'error':{'code':-32601,'message':'bad'}}", (int)b + 1);
    CHECK_FAILED(&rig, SOUK_E_RPC, SOUK_DELIVERY_REJECTED);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    rig_free(&rig);
}

static void the_body_of_a_reply_is_not_looked_at(void)
{
    session_rig rig;
    open_two(&rig);
    uint64_t a = rig_send(&rig, "a", "{}");
    fake_json(&rig.fake, rig_last(&rig), 200, "{'jsonrpc':'2.0','id':%d,'result':{}}", (int)a);
    CHECK(!rig_next(&rig));
    uint64_t b = rig_send(&rig, "b", "{}");
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, SSE);
    fake_text(&rig.fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{}}\n\ndata: \xFF\n\n");
    static char block[8192];
    for (int i = 0; i < 16; i++) {
        fake_bytes(&rig.fake, x, block, sizeof block); /* far more than max_response */
    }
    CHECK(!rig_next(&rig));
    rig_wait(&rig, 1000);
    CHECK(x->cancelled);
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{'for':'b'}}", (int)b);
    CHECK_RESULT(&rig, "{\"for\":\"b\"}");
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{'for':'a'}}", (int)a);
    CHECK_RESULT(&rig, "{\"for\":\"a\"}");
    rig_free(&rig);
}

static void a_refused_message_fails_its_request_alone(void)
{
    session_rig rig;
    open_two(&rig);
    uint64_t other = rig_send(&rig, "other", "{}");
    accept_last(&rig);
    CHECK(rig_send(&rig, "a", "{}") != 0);
    fake_respond(&rig.fake, rig_last(&rig), 400, "", "no");
    CHECK_FAILED(&rig, SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED);
    CHECK(rig_send(&rig, "b", "{}") != 0);
    fake_respond(&rig.fake, rig_last(&rig), 503, "", "no");
    CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(rig_send(&rig, "c", "{}") != 0);
    fake_fail(&rig.fake, rig_last(&rig), SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "refused");
    CHECK_FAILED(&rig, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{}}", (int)other);
    CHECK_RESULT(&rig, "{}");
    rig_free(&rig);
}

static void the_end_of_the_stream_is_the_end_of_the_session(void)
{
    for (int broken = 0; broken < 3; broken++) {
        session_rig rig;
        open_two(&rig);
        CHECK(rig_send(&rig, "a", "{}") != 0);
        accept_last(&rig);
        CHECK(rig_send(&rig, "b", "{}") != 0); /* its POST is still under way */
        fake_exchange *stream = stream_of(&rig);
        fake_text(&rig.fake, stream, "id: 1\ndata:\n\n"); /* nothing is taken up again */
        if (broken == 0) {
            fake_end(&rig.fake, stream);
        } else if (broken == 1) {
            fake_fail(&rig.fake, stream, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "reset");
        } else {
            fake_text(&rig.fake, stream, "data: \xFF\n\n");
            CHECK(stream->cancelled);
        }
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
        int ends = 0;
        while (rig_next(&rig)) {
            CHECK(rig.end.lost);
            CHECK_INT(rig.end.err.delivery, SOUK_DELIVERY_AMBIGUOUS);
            CHECK_INT(rig.end.err.kind, broken == 2 ? SOUK_E_PROTOCOL : SOUK_E_TRANSPORT);
            ends++;
        }
        CHECK_INT(ends, 2);
        accept_last(&rig);
        CHECK(!rig_next(&rig));
        CHECK_INT(fake_count_verb(&rig.fake, "GET"), 1);
        rig_free(&rig);
    }
}

static void what_is_no_message_is_passed_over(void)
{
    session_rig rig;
    open_two(&rig);
    uint64_t a = rig_send(&rig, "a", "{}");
    accept_last(&rig);
    fake_text(&rig.fake, stream_of(&rig),
              "data: nonsense\n\nevent: endpoint\ndata: https://evil.test/\n\nevent: other\n"
              "data: {\"jsonrpc\":\"2.0\",\"id\":4,\"result\":{}}\n\n: ping\n\n");
    CHECK(!rig_next(&rig));
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{}}", (int)a);
    CHECK_RESULT(&rig, "{}");
    CHECK(rig_send(&rig, "b", "{}") != 0);
    CHECK_TEXT(rig_last(&rig)->url, "https://example.test/messages?s=1");
    rig_free(&rig);
}

static void the_server_asks_and_notifies_in_the_stream(void)
{
    session_rig rig;
    open_two(&rig);
    say(&rig, "{'jsonrpc':'2.0','id':'p','method':'ping'}");
    CHECK_TEXT(rig_last(&rig)->body, "{\"jsonrpc\":\"2.0\",\"id\":\"p\",\"result\":{}}");
    CHECK_TEXT(rig_last(&rig)->url, "https://example.test/messages?s=1");
    accept_last(&rig);
    uint64_t id = 0;
    int tag;
    size_t before = rig.fake.exchange_count;
    CHECK_INT(souk_mcp_listen(rig.mcp, &tag, &id, NULL), SOUK_OK);
    CHECK_INT(rig.fake.exchange_count, before); /* the stream is there already */
    say(&rig, "{'jsonrpc':'2.0','method':'notifications/tools/list_changed'}");
    souk_mcp_notice notice;
    CHECK(souk_mcp_next_notice(rig.mcp, &notice));
    CHECK_SLICE(notice.method, SOUK_MCP_LISTENING);
    CHECK(souk_mcp_next_notice(rig.mcp, &notice));
    CHECK_SLICE(notice.method, "notifications/tools/list_changed");
    CHECK(notice.tag == &tag);
    souk_json_doc_free(&notice.doc);
    rig_free(&rig);
}

/* 2024-11-05 is the transport's name here: what was declared holds. */
static void the_server_may_ask_for_visits_to_urls(void)
{
    session_rig rig;
    souk_mcp_asked asked;
    open_until_get_with(&rig, SOUK_MCP_CAN_ELICIT_URL, 405);
    go_on_from_get(&rig);
    CHECK(souk_mcp_shows_urls(rig.mcp));
    say(&rig, "{'jsonrpc':'2.0','id':1,'method':'elicitation/create',"
              "'params':{'mode':'url','message':'m','url':'u','elicitationId':'e'}}");
    CHECK(souk_mcp_next_asked(rig.mcp, &asked));
    CHECK_SLICE(asked.method, "elicitation/create");
    CHECK_SLICE(souk_json_string(souk_json_get(asked.params, "url")), "u");
    souk_json_doc_free(&asked.doc);
    rig_free(&rig);

    open_two(&rig); /* nothing was declared */
    say(&rig, "{'jsonrpc':'2.0','id':1,'method':'elicitation/create',"
              "'params':{'mode':'url','message':'m','url':'u','elicitationId':'e'}}");
    CHECK(!souk_mcp_next_asked(rig.mcp, &asked));
    CHECK(strstr(rig_last(&rig)->body, "-32601") != NULL);
    rig_free(&rig);
}

static void cancelling_tells_the_server(void)
{
    session_rig rig;
    open_two(&rig);
    uint64_t a = rig_send(&rig, "a", "{}");
    accept_last(&rig);
    souk_mcp_cancel(rig.mcp, a, "enough");
    CHECK(fake_is(rig_last(&rig)->body, "notifications/cancelled"));
    accept_last(&rig);
    say(&rig, "{'jsonrpc':'2.0','id':%d,'result':{}}", (int)a);
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void closing_closes_the_stream(void)
{
    session_rig rig;
    open_two(&rig);
    fake_exchange *stream = stream_of(&rig);
    size_t before = rig.fake.exchange_count;
    souk_mcp_close(rig.mcp);
    CHECK(stream->cancelled);
    CHECK_INT(rig.fake.exchange_count, before); /* there is no session id to give back */
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);

    open_until_get(&rig, 404);
    stream = rig_last(&rig);
    souk_mcp_close(rig.mcp);
    CHECK(stream->cancelled);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

static void credentials_go_to_both_endpoints_and_nowhere_else(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.config.url = "https://example.test/api/sse";
    rig.mcp = souk_mcp_new(rig.alloc, &rig.fake.port, &rig.config, 1);
    CHECK_INT(souk_mcp_authorize(rig.mcp, SOUK_LIT("Bearer s3cret-x"), NULL), SOUK_OK);
    souk_mcp_open(rig.mcp, rig.fake.now);
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    CHECK(fake_has_header(rig_last(&rig), "Authorization", "Bearer s3cret-x"));
    go_on_from_get(&rig);
    CHECK(fake_has_header(rig_last(&rig), "Authorization", "Bearer s3cret-x"));
    rig_free(&rig);
}

static void a_server_of_a_later_revision_is_spoken_to_without_its_headers(void)
{
    session_rig rig;
    open_until_get(&rig, 404);
    fake_head(&rig.fake, rig_last(&rig), 200, SSE);
    fake_text(&rig.fake, rig_last(&rig), ENDPOINT);
    accept_last(&rig);
    say(&rig, "{'jsonrpc':'2.0','id':3,'result':" RIG_INITIALIZED "}", "2025-06-18");
    CHECK(fake_has_header(rig_last(&rig), "MCP-Protocol-Version", NULL));
    accept_last(&rig);
    rig_check_ready(&rig, "2025-06-18", 5);
    CHECK(rig_send(&rig, "a", "{}") != 0);
    CHECK(fake_has_header(rig_last(&rig), "MCP-Protocol-Version", NULL));
    rig_free(&rig);
}

int main(void)
{
    CASE(it_is_the_last_thing_that_is_tried);
    CASE(it_is_not_tried_where_it_cannot_be);
    CASE(a_pinned_or_remembered_revision_saves_the_probe);
    CASE(a_server_that_was_remembered_wrongly_is_probed_after_all);
    CASE(without_the_stream_the_first_refusal_is_what_is_said);
    CASE(an_opening_that_fails_or_takes_too_long_leaves_no_stream_behind);
    CASE(a_stream_that_fails_while_opening_fails_the_opening);
    CASE(answers_come_in_the_stream_in_any_order);
    CASE(the_body_of_a_reply_is_not_looked_at);
    CASE(a_refused_message_fails_its_request_alone);
    CASE(the_end_of_the_stream_is_the_end_of_the_session);
    CASE(what_is_no_message_is_passed_over);
    CASE(the_server_asks_and_notifies_in_the_stream);
    CASE(the_server_may_ask_for_visits_to_urls);
    CASE(cancelling_tells_the_server);
    CASE(closing_closes_the_stream);
    CASE(credentials_go_to_both_endpoints_and_nowhere_else);
    CASE(a_server_of_a_later_revision_is_spoken_to_without_its_headers);
    return tap_done();
}
