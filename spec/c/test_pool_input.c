/* Questions of MCP servers: how they reach the program, and what becomes of the answers. */
#include "pool_mcp_help.h"

enum { EVERYTHING = 31 /* all of souk_mcp_ability */, FUNCTION = 7 };

#define ELICIT                                                                                     \
    "\"method\":\"elicitation/create\",\"params\":{\"message\":\"who?\","                          \
    "\"requestedSchema\":{\"type\":\"object\",\"properties\":{}}}"
#define INPUT_REQUIRED                                                                             \
    "{'resultType':'input_required','requestState':'s','inputRequests':{'k':{"                     \
    "'method':'roots/list'}}}"

static void server_that_asks(mcp_server *server)
{
    server_http(server);
    server->target.input = FUNCTION;
    server->target.abilities = EVERYTHING;
    server->target.no_stream = true;
}

/* A call on an open legacy session, in whose stream the server asks. */
static int begin_legacy(pool_rig *rig, mcp_server *server)
{
    server_that_asks(server);
    int call = call_tool(rig, server, "t");
    open_legacy(rig, "abc");
    stream_event(rig, "{\"jsonrpc\":\"2.0\",\"id\":\"q\"," ELICIT "}");
    CHECK_INT(rig->asks, 1);
    return call;
}

static int begin_modern(pool_rig *rig, mcp_server *server)
{
    server_that_asks(server);
    int call = call_tool(rig, server, "t");
    open_modern(rig);
    answer_request(rig, "tools/call", INPUT_REQUIRED);
    CHECK_INT(rig->asks, 1);
    return call;
}

static void answer(pool_rig *rig, const char *json)
{
    souk_pool_answer(rig->pool, rig->ask, souk_slice_of(json), NULL, rig->fake.now);
    rig_run(rig);
}

static void finish_stream(pool_rig *rig)
{
    char json[200];
    fake_exchange *x = fake_open(&rig->fake, "tools/call");
    snprintf(json, sizeof json,
             "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"content\":[{\"type\":\"text\","
             "\"text\":\"x\"}]}}",
             fake_rpc_id(x->body));
    stream_event(rig, json);
}

static void a_question_in_a_call_is_put_and_answered(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_legacy(rig, &server);
    CHECK_INT(rig->ask_kind, SOUK_ASK_INPUT);
    CHECK_INT(rig->ask_call, rig->calls[call].id);
    CHECK_TEXT(rig->ask_payload, "{\"server\":\"hub\",\"identity\":\"\","
                                 "\"capability\":\"mcp.hub.t\"," ELICIT "}");
    answer(rig, "{\"action\":\"accept\",\"content\":{}}");
    CHECK_TEXT(fake_last(&rig->fake)->body,
               "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{\"action\":\"accept\","
               "\"content\":{}}}");
    finish_stream(rig);
    CHECK_OK(rig, call);
    CHECK(rig->calls[call].asked);
    CHECK_INT(rig->withdrawals, 0);
    rig_end(rig);
}

static void a_round_of_a_modern_server_is_put_and_answered(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_modern(rig, &server);
    CHECK_INT(rig->ask_call, rig->calls[call].id);
    CHECK_TEXT(rig->ask_payload, "{\"server\":\"hub\",\"identity\":\"\","
                                 "\"capability\":\"mcp.hub.t\",\"method\":\"roots/list\","
                                 "\"params\":{}}");
    answer(rig, "{\"roots\":[]}");
    CHECK(strstr(fake_last(&rig->fake)->body, "\"inputResponses\":{\"k\":{\"roots\":[]}}") != NULL);
    answer_tool(rig, "x");
    CHECK_OK(rig, call);
    CHECK(rig->calls[call].asked);
    call = call_tool(rig, &server, "t");
    answer_tool(rig, "x");
    CHECK_OK(rig, call);
    CHECK(!rig->calls[call].asked);
    rig_end(rig);
}

static void an_error_is_an_answer_too(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    souk_err err;
    begin_legacy(rig, &server);
    souk_fail(&err, SOUK_E_POLICY, "not for you");
    err.has_code = true;
    err.code = -1;
    souk_pool_answer(rig->pool, rig->ask, SOUK_LIT(""), &err, rig->fake.now);
    rig_run(rig);
    CHECK(strstr(fake_last(&rig->fake)->body, "\"code\":-1") != NULL);
    finish_stream(rig);
    rig_end(rig);

    rig = rig_start();
    int call = begin_modern(rig, &server);
    souk_pool_answer(rig->pool, rig->ask, SOUK_LIT(""), &err, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_POLICY, SOUK_DELIVERY_DELIVERED);
    CHECK_TEXT(rig->calls[call].err.message, "server 'hub': not for you");
    rig_end(rig);
}

static void an_answer_has_to_be_an_object(void)
{
    static const char *const wrong[] = {"[]", "null", "", "{"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        int call = begin_modern(rig, &server);
        answer(rig, wrong[i]);
        CHECK_INT(rig->calls[call].ends, 1);
        CHECK(rig->calls[call].err.kind != SOUK_OK);
        CHECK_INT(rig->calls[call].err.delivery, SOUK_DELIVERY_DELIVERED);
        if (i == 0) {
            CHECK_TEXT(rig->calls[call].err.message,
                       "server 'hub': the answer to a question is no object but a JSON array");
        }
        rig_end(rig);
    }
}

static void what_nobody_answers_is_not_declared(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_that_asks(&server);
    call_tool(rig, &server, "a");
    CHECK(strstr(fake_last(&rig->fake)->body, "elicitation") != NULL);
    server.target.input = 0;
    call_tool(rig, &server, "b");
    CHECK_INT(rig_stats(rig).keys, 2); /* a session that declares less is another one */
    CHECK(strstr(fake_last(&rig->fake)->body, "elicitation") == NULL);
    CHECK(strstr(fake_last(&rig->fake)->body, "roots") == NULL);
    server.target.input = FUNCTION;
    server.target.abilities = 8;
    call_tool(rig, &server, "c");
    CHECK_INT(rig_stats(rig).keys, 3);
    CHECK(strstr(fake_last(&rig->fake)->body, "elicitation") == NULL);
    CHECK(strstr(fake_last(&rig->fake)->body, "roots") != NULL);
    server.target.input = FUNCTION + 1;
    call_tool(rig, &server, "d");
    CHECK_INT(rig_stats(rig).keys, 4); /* another function answers */
    rig_end(rig);
}

static void asking_and_answering_move_the_deadline(void)
{
    for (int modern = 0; modern < 2; modern++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        server_that_asks(&server);
        int call = call_tool(rig, &server, "t");
        if (modern) {
            open_modern(rig);
        } else {
            open_legacy(rig, "abc");
        }
        rig_wait_for(rig, 50000);
        if (modern) {
            answer_request(rig, "tools/call", INPUT_REQUIRED);
        } else {
            stream_event(rig, "{\"jsonrpc\":\"2.0\",\"id\":\"q\"," ELICIT "}");
        }
        rig_wait_for(rig, 50000);
        CHECK_INT(rig->calls[call].ends, 0);
        answer(rig, "{\"roots\":[]}");
        rig_wait_for(rig, 59000);
        CHECK_INT(rig->calls[call].ends, 0);
        rig_wait_for(rig, 1000);
        CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
        rig_end(rig);
    }
}

static void a_call_that_is_given_up_takes_its_questions_along(void)
{
    for (int modern = 0; modern < 2; modern++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        int call = modern ? begin_modern(rig, &server) : begin_legacy(rig, &server);
        uint64_t ask = rig->ask;
        souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
        rig_run(rig);
        CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);
        CHECK_INT(rig->withdrawals, 1);
        char want[64];
        snprintf(want, sizeof want, "{\"ask\":%llu}", (unsigned long long)ask);
        CHECK_TEXT(rig->ask_payload, want);
        size_t sent = rig->fake.exchange_count;
        souk_pool_answer(rig->pool, ask, SOUK_LIT("{}"), NULL, rig->fake.now);
        rig_run(rig);
        CHECK_INT(rig->fake.exchange_count, sent);
        rig_end(rig);
    }
}

static void an_answer_after_the_calls_end_still_goes_to_the_server(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_legacy(rig, &server);
    finish_stream(rig);
    CHECK_OK(rig, call);
    answer(rig, "{\"action\":\"decline\"}");
    CHECK(strstr(fake_last(&rig->fake)->body, "\"id\":\"q\",\"result\"") != NULL);
    rig_end(rig);
}

/* A question of a child belongs to no call. */
static void a_question_without_a_call_has_its_own_limit(void)
{
    pool_rig *rig = rig_new();
    rig->options.probe_idle = 0; /* the server of this test says nothing */
    CHECK(rig_make(rig));
    mcp_server server;
    server_stdio(&server);
    server.target.input = FUNCTION;
    server.target.abilities = EVERYTHING;
    server.target.identity = SOUK_LIT("ann");
    int call = call_tool(rig, &server, "t");
    fake_child *child = fake_last_child(&rig->fake);
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'no'}}");
    rig_run(rig);
    fake_say(&rig->fake, child,
             "{'jsonrpc':'2.0','id':2,'result':{'protocolVersion':'2025-06-18','capabilities':{},"
             "'serverInfo':{'name':'s','version':'1'}}}");
    rig_run(rig);
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':3,'result':{'content':[]}}");
    rig_run(rig);
    CHECK_OK(rig, call);
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':77,'method':'roots/list'}");
    rig_run(rig);
    CHECK_INT(rig->ask_call, 0);
    CHECK_TEXT(rig->ask_payload, "{\"server\":\"hub\",\"identity\":\"ann\","
                                 "\"method\":\"roots/list\",\"params\":{}}");
    souk_ms limit = rig->mcp.options.input_timeout;
    for (souk_ms waited = 0; waited < limit; waited += 50000) {
        CHECK_INT(rig->withdrawals, 0);
        rig_wait_for(rig, 50000);
        call_tool(rig, &server, "t"); /* or the session would be idle */
        rig_run(rig);
    }
    CHECK_INT(rig->withdrawals, 1);
    CHECK(strstr(child->input, "\"id\":77,\"error\"") != NULL);
    rig_end(rig);
}

static void a_round_that_nobody_answers_fails_the_call(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    rig->mcp.options.input_timeout = 30000;
    int call = begin_modern(rig, &server);
    rig_wait_for(rig, 29999);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_wait_for(rig, 1);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_DELIVERED);
    CHECK_TEXT(rig->calls[call].err.message,
               "server 'hub': a question of the server was not answered in time "
               "(option input_timeout)");
    CHECK_INT(rig->withdrawals, 1);
    rig_end(rig);
}

static void too_many_questions_are_refused(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.max_asks = 1;
    rig_make(rig);
    begin_legacy(rig, &server);
    stream_event(rig, "{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"roots/list\"}");
    CHECK_INT(rig->asks, 1);
    const char *body = fake_last(&rig->fake)->body;
    CHECK(strstr(body, "\"id\":\"r\",\"error\"") != NULL && strstr(body, "max_asks") != NULL);
    rig_end(rig);
}

static void a_closing_session_takes_its_questions_back(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_legacy(rig, &server);
    finish_stream(rig);
    CHECK_OK(rig, call);
    souk_pool_close_sessions(rig->pool, SOUK_LIT(""), rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->withdrawals, 1);
    rig_end(rig);
}

static void a_closing_pool_takes_the_questions_back(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_modern(rig, &server);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(rig->withdrawals, 1);
    rig_end(rig);
}

/* Servers put questions that belong to no call on the GET stream, and drop them without one. */
static void a_server_that_may_ask_is_listened_to_before_the_first_call(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_that_asks(&server);
    server.target.no_stream = false;
    (void)call_tool(rig, &server, "t");
    open_legacy(rig, "abc");
    fake_exchange *get = fake_last(&rig->fake);
    CHECK_TEXT(get->method, "GET");
    CHECK(fake_open(&rig->fake, "tools/call") == NULL);
    fake_head(&rig->fake, get, 200, "Content-Type: text/event-stream");
    rig_run(rig);
    CHECK(fake_open(&rig->fake, "tools/call") != NULL);
    rig_end(rig);
}

/* Somebody is thinking: the call may last as long as the question may, within its cap. */
static void a_call_waits_for_the_answer_to_a_question(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int call = begin_legacy(rig, &server);
    rig_wait_for(rig, 590000);
    answer(rig, "{\"action\":\"cancel\"}");
    finish_stream(rig);
    CHECK_OK(rig, call);
    rig_end(rig);

    rig = rig_start(); /* once it was answered, the call's own time holds again */
    call = begin_legacy(rig, &server);
    rig_wait_for(rig, 100000);
    answer(rig, "{\"action\":\"cancel\"}");
    rig_wait_for(rig, rig->options.call_timeout + 1);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    rig_end(rig);
}

int main(void)
{
    CASE(a_question_in_a_call_is_put_and_answered);
    CASE(a_server_that_may_ask_is_listened_to_before_the_first_call);
    CASE(a_call_waits_for_the_answer_to_a_question);
    CASE(a_round_of_a_modern_server_is_put_and_answered);
    CASE(an_error_is_an_answer_too);
    CASE(an_answer_has_to_be_an_object);
    CASE(what_nobody_answers_is_not_declared);
    CASE(asking_and_answering_move_the_deadline);
    CASE(a_call_that_is_given_up_takes_its_questions_along);
    CASE(an_answer_after_the_calls_end_still_goes_to_the_server);
    CASE(a_question_without_a_call_has_its_own_limit);
    CASE(a_round_that_nobody_answers_fails_the_call);
    CASE(too_many_questions_are_refused);
    CASE(a_closing_session_takes_its_questions_back);
    CASE(a_closing_pool_takes_the_questions_back);
    return tap_done();
}
