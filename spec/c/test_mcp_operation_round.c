/* Operations that are asked something on the way: rounds, -32042, and the questions of legacy
 * servers. */
#include "operation_help.h"

#define ASK(state, requests)                                                                       \
    "{'resultType':'input_required'," state "'inputRequests':{" requests "}}"
#define ROOTS "{'method':'roots/list'}"
#define URL "{'code':-32042,'message':'go there','data':{'elicitations':[%s]}}"

static void a_round_sends_the_same_request_with_the_answers(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    long long first = fake_rpc_id(fake_last(&rig.session.fake)->body);
    char result[1024];
    snprintf(result, sizeof result,
             ASK("'requestState':'a\\u0041\\/b',", "'k\\n1':" OPS_ELICIT ",'k2':" ROOTS), "who?");
    RESULT(&rig, "tools/call", result);
    uint64_t form = QUESTION(&rig, "elicitation/create");
    CHECK(rig.news.tag == &rig.tags[0]);
    CHECK(souk_json_is_string(souk_json_get(rig.news.value, "message"), "who?"));
    uint64_t roots = QUESTION(&rig, "roots/list");
    CHECK(rig.news.value == NULL && form != roots);
    ops_answer(&rig, roots, "{\"roots\":[]}");
    CHECK(fake_open(&rig.session.fake, "tools/call") == NULL);
    ops_answer(&rig, roots, "{\"roots\":[1]}"); /* the first one counts */
    ops_answer(&rig, form, " {\"action\":\"decline\"} ");
    CHECK_PARAMS(&rig, "{\"name\":\"tool\",\"arguments\":{\"a\":1},\"inputResponses\":{"
                       "\"k\\n1\":{\"action\":\"decline\"},\"k2\":{\"roots\":[]}},"
                       "\"requestState\":\"a\\u0041\\/b\"}");
    CHECK(fake_rpc_id(fake_last(&rig.session.fake)->body) > first);
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Name", "tool"));
    ops_answer(&rig, form, "{}");
    RESULT(&rig, "tools/call", "{'content':[]}");
    DONE(&rig, "{\"content\":[]}");
    CHECK(rig.news.asked);
    /* Nothing of it is in another operation's request. */
    ops_call(&rig);
    CHECK_PARAMS(&rig, "{\"name\":\"tool\",\"arguments\":{\"a\":1}}");
    RESULT(&rig, "tools/call", "{}");
    DONE(&rig, "{}");
    CHECK(!rig.news.asked);
    ops_close(&rig);
}

static void a_round_replaces_what_the_last_one_brought(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    const souk_mcp_order order = {
        .kind = SOUK_MCP_OP_METHOD,
        .name = SOUK_LIT_INIT("prompts/get"),
        .params = SOUK_LIT_INIT("{ \"requestState\" : \"mine\", \"name\":\"p\", "
                                "\"arguments\":{\"requestState\": 1.50} }")};
    CHECK(ops_start(&rig, order) != NULL);
    RESULT(&rig, "prompts/get", ASK("'requestState':'s1',", "'a':" ROOTS));
    ops_answer(&rig, QUESTION(&rig, "roots/list"), "{\"roots\":[]}");
    CHECK_PARAMS(&rig, "{\"name\":\"p\",\"arguments\":{\"requestState\": 1.50},"
                       "\"inputResponses\":{\"a\":{\"roots\":[]}},\"requestState\":\"s1\"}");
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Name", "p"));
    RESULT(&rig, "prompts/get", ASK("", "'a':" ROOTS));
    ops_answer(&rig, QUESTION(&rig, "roots/list"), "{}");
    CHECK_PARAMS(&rig, "{\"name\":\"p\",\"arguments\":{\"requestState\": 1.50},"
                       "\"inputResponses\":{\"a\":{}}}");
    RESULT(&rig, "prompts/get", "{'messages':[]}");
    DONE(&rig, "{\"messages\":[]}");
    ops_close(&rig);
}

static void a_round_without_questions_waits_longer_each_time(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    ops_call(&rig);
    for (souk_ms delay = 100; delay <= 800; delay *= 2) {
        RESULT(&rig, "tools/call", "{'resultType':'input_required','requestState':'s'}");
        CHECK(!ops_next(&rig));
        ops_wait(&rig, delay - 1);
        CHECK(fake_open(&rig.session.fake, "tools/call") == NULL);
        ops_wait(&rig, 1);
        CHECK_PARAMS(&rig, "{\"name\":\"tool\",\"arguments\":{\"a\":1},\"requestState\":\"s\"}");
    }
    RESULT(&rig, "tools/call", "{'resultType':'input_required','requestState':'s'}");
    FAILED(&rig, LIMIT, DELIVERED, "more than 4 times");
    CHECK(rig.news.asked);
    ops_close(&rig);
}

static void what_was_not_declared_is_not_asked(void)
{
    static const char *const requests[] = {
        ASK("", "'b':" ROOTS
                ",'a':{'method':'sampling/createMessage','params':{'messages':[],'maxTokens':1}}"),
        ASK("", "'b':" ROOTS ",'a':{'method':'tools/call','params':{}}"),
        ASK("", "'b':" ROOTS ",'a':{'params':{}}"),
        ASK("", "'b':" ROOTS ",'a':7"),
    };
    ops_rig rig;
    ops_open(&rig, "2026-07-28", SOUK_MCP_CAN_LIST_ROOTS);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        ops_call(&rig);
        RESULT(&rig, "tools/call", requests[i]);
        FAILED(&rig, PROTOCOL, DELIVERED, "the server asks for input");
        CHECK(!rig.news.err.has_code);
    }
    ops_close(&rig);
}

static void an_answer_that_is_an_error_ends_the_operation(void)
{
    ops_rig rig;
    souk_err err;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    RESULT(&rig, "tools/call", ASK("", "'a':" ROOTS ",'b':" ROOTS ",'c':" ROOTS));
    uint64_t a = QUESTION(&rig, "roots/list");
    uint64_t b = QUESTION(&rig, "roots/list");
    ops_drop_news(&rig);
    souk_fail(&err, SOUK_E_POLICY, "not today");
    souk_mcp_ops_answer(rig.ops, b, SOUK_LIT(""), &err, rig.session.fake.now);
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN && rig.news.question == a);
    CHECK(rig.news.tag == &rig.tags[0]);
    FAILED(&rig, POLICY, DELIVERED, "not today"); /* the third was never told */
    ops_answer(&rig, a, "{}");
    ops_call(&rig);
    RESULT(&rig, "tools/call", ASK("", "'a':" ROOTS));
    ops_answer(&rig, QUESTION(&rig, "roots/list"), "[1]");
    FAILED(&rig, SCHEMA, DELIVERED, "no JSON object");
    ops_close(&rig);
}

static void cancelling_withdraws_what_was_asked(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    souk_mcp_op *op = ops_call(&rig);
    RESULT(&rig, "tools/call", ASK("", "'a':" ROOTS ",'b':" ROOTS));
    uint64_t a = QUESTION(&rig, "roots/list");
    souk_mcp_op_cancel(rig.ops, op, "enough", true, rig.session.fake.now);
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN && rig.news.question == a);
    CHECK(rig.news.tag == NULL);
    ops_close(&rig);
}

static void questions_are_bounded_and_of_duplicate_keys_the_last_counts(void)
{
    ops_rig rig;
    char result[4000];
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    int len = snprintf(result, sizeof result, "{'resultType':'input_required','inputRequests':{");
    for (int i = 0; i <= 64; i++) {
        len += snprintf(result + len, sizeof result - (size_t)len, "%s'%d':" ROOTS,
                        i == 0 ? "" : ",", i);
    }
    snprintf(result + len, sizeof result - (size_t)len, "}}");
    RESULT(&rig, "tools/call", result);
    FAILED(&rig, LIMIT, DELIVERED, "more than 64 questions");
    ops_call(&rig);
    RESULT(&rig, "tools/call", ASK("", "'a':7,'a':" ROOTS));
    ops_answer(&rig, QUESTION(&rig, "roots/list"), "{}");
    CHECK_PARAMS(&rig, "{\"name\":\"tool\",\"arguments\":{\"a\":1},\"inputResponses\":{\"a\":{}}}");
    RESULT(&rig, "tools/call", "{}");
    DONE(&rig, "{}");
    ops_close(&rig);
}

static void a_round_that_cannot_be_sent_is_not_repeated_blindly(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    RESULT(&rig, "tools/call", ASK("", "'a':" ROOTS));
    uint64_t a = QUESTION(&rig, "roots/list");
    rig.session.fake.refuse_exchange = SOUK_E_LIMIT;
    ops_answer(&rig, a, "{}");
    FAILED(&rig, LIMIT, AMBIGUOUS, "refuses");
    CHECK(!rig.news.lost);
    ops_close(&rig);
}

static void a_session_that_is_lost_takes_the_questions_with_it(void)
{
    ops_rig rig;
    ops_open_child(&rig, OPS_ALL);
    ops_call(&rig);
    char line[2048];
    fake_child *child = fake_last_child(&rig.session.fake);
    fake_say(&rig.session.fake, child,
             "{'jsonrpc':'2.0','id':%lld,'result':" ASK("", "'a':" ROOTS) "}",
             fake_rpc_id(fake_line(child, line, sizeof line)));
    uint64_t a = QUESTION(&rig, "roots/list");
    fake_exit(&rig.session.fake, child, 1, "");
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN && rig.news.question == a);
    FAILED(&rig, TRANSPORT, AMBIGUOUS, "");
    CHECK(rig.news.lost && rig.news.asked);
    ops_close(&rig);
}

static void urls_are_visited_before_the_call_is_repeated(void)
{
    ops_rig rig;
    char error[512];
    ops_open(&rig, "2025-11-25", OPS_ALL);
    ops_call(&rig);
    snprintf(error, sizeof error, URL,
             "{'mode':'url','elicitationId':'e1','url':'https://a.test/1','message':'m'},"
             "{'elicitationId':'e2','url':'https://a.test/2','message':'m'}");
    ERROR(&rig, "tools/call", 200, error);
    NEWS(&rig, QUESTION, "elicitation/create",
         "{\"mode\":\"url\",\"elicitationId\":\"e1\",\"url\":\"https://a.test/"
         "1\",\"message\":\"m\"}");
    uint64_t first = rig.news.question;
    NEWS(&rig, QUESTION, "elicitation/create",
         "{\"mode\":\"url\",\"elicitationId\":\"e2\",\"url\":\"https://a.test/"
         "2\",\"message\":\"m\"}");
    uint64_t second = rig.news.question;
    ops_answer(&rig, second, "{\"action\":\"accept\"}");
    CHECK(fake_open(&rig.session.fake, "tools/call") == NULL);
    ops_answer(&rig, first, "{\"action\":\"accept\"}");
    CHECK(strstr(fake_last(&rig.session.fake)->body,
                 "\"params\":{\"name\":\"tool\",\"arguments\":{\"a\":1}}") != NULL);
    RESULT(&rig, "tools/call", "{'content':[]}");
    DONE(&rig, "{\"content\":[]}");
    CHECK(rig.news.asked);
    ops_close(&rig);
}

static void a_url_that_is_not_visited_leaves_the_servers_error(void)
{
    ops_rig rig;
    char error[512];
    ops_open(&rig, "2025-11-25", OPS_ALL);
    snprintf(error, sizeof error, URL,
             "{'elicitationId':'e','url':'https://a.test/','message':'m'},"
             "{'elicitationId':'f','url':'https://a.test/','message':'m'}");
    ops_call(&rig);
    ERROR(&rig, "tools/call", 200, error);
    uint64_t first = QUESTION(&rig, "elicitation/create");
    uint64_t second = QUESTION(&rig, "elicitation/create");
    ops_answer(&rig, first, "{\"action\":\"decline\"}");
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN &&
          rig.news.question == second);
    FAILED(&rig, RPC, DELIVERED, "go there");
    CHECK_INT(rig.news.err.code, -32042);
    CHECK(souk_json_get(rig.news.value, "elicitations") != NULL);
    /* Never asked: nothing to visit, another mode. */
    static const char *const lists[] = {"", "{'mode':'form','message':'m','requestedSchema':{}}",
                                        "7"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(error, sizeof error, URL, lists[i]);
        ops_call(&rig);
        ERROR(&rig, "tools/call", 200, error);
        FAILED(&rig, RPC, DELIVERED, "go there");
    }
    ops_close(&rig);
}

static void urls_are_for_who_declared_them_in_their_revision(void)
{
    static const struct {
        const char *version;
        unsigned abilities;
    } cases[] = {
        {"2025-11-25", SOUK_MCP_CAN_ELICIT_FORM}, {"2025-06-18", OPS_ALL}, {"2026-07-28", OPS_ALL}};
    for (size_t i = 0; i < 3; i++) {
        ops_rig rig;
        char error[512];
        ops_open(&rig, cases[i].version, cases[i].abilities);
        snprintf(error, sizeof error, URL,
                 "{'elicitationId':'e','url':'https://a.test/','message':'m'}");
        ops_call(&rig);
        ERROR(&rig, "tools/call", 200, error);
        FAILED(&rig, RPC, DELIVERED, "go there");
        ops_close(&rig);
    }
}

/* A question of a legacy server in the stream of the call. */
static void ask_in_stream(ops_rig *rig, const char *text)
{
    fake_exchange *x = fake_open(&rig->session.fake, "tools/call");
    if (!x->has_head) {
        fake_head(&rig->session.fake, x, 200, "Content-Type: text/event-stream");
    }
    fake_text(&rig->session.fake, x, text);
}

static void a_legacy_question_is_answered_to_the_server(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-06-18", OPS_ALL);
    souk_mcp_op *op = ops_call(&rig);
    ask_in_stream(&rig, "data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}\n\n");
    uint64_t a = QUESTION(&rig, "roots/list");
    CHECK(rig.news.tag == &rig.tags[0]);
    ops_answer(&rig, a, "{\"roots\":[]}");
    CHECK_TEXT(fake_last(&rig.session.fake)->body,
               "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"result\":{\"roots\":[]}}");
    fake_respond(&rig.session.fake, fake_last(&rig.session.fake), 202, "", "");
    ops_answer(&rig, a, "{\"roots\":[]}");
    ask_in_stream(&rig, "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"roots/list\"}\n\n");
    souk_err err;
    souk_fail(&err, SOUK_E_POLICY, "no");
    err.has_code = true;
    err.code = -1;
    souk_mcp_ops_answer(rig.ops, QUESTION(&rig, "roots/list"), SOUK_LIT(""), &err, 0);
    CHECK(strstr(fake_last(&rig.session.fake)->body, "\"code\":-1") != NULL);
    fake_respond(&rig.session.fake, fake_last(&rig.session.fake), 202, "", "");
    ask_in_stream(&rig, "data: {\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"roots/list\"}\n\n");
    ops_answer(&rig, QUESTION(&rig, "roots/list"), "");
    CHECK(strstr(fake_last(&rig.session.fake)->body, "no JSON object") != NULL);
    souk_mcp_op_cancel(rig.ops, op, "enough", false, rig.session.fake.now);
    ops_close(&rig);
}

static void a_legacy_question_outlives_its_operation(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-06-18", OPS_ALL);
    ops_call(&rig);
    ask_in_stream(&rig, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n\n"
                        "data: {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"roots/list\"}\n\n");
    uint64_t a = QUESTION(&rig, "roots/list");
    uint64_t b = QUESTION(&rig, "roots/list");
    char end[200];
    fake_exchange *x = fake_open(&rig.session.fake, "tools/call");
    snprintf(end, sizeof end, "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{}}\n\n",
             fake_rpc_id(x->body));
    ask_in_stream(&rig, end);
    DONE(&rig, "{}");
    CHECK(rig.news.asked);
    ops_answer(&rig, b, "{\"roots\":[]}");
    CHECK(strstr(fake_last(&rig.session.fake)->body, "\"id\":2,\"result\"") != NULL);
    /* The session's end takes the other one back. */
    souk_mcp_close(rig.session.mcp);
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN && rig.news.question == a);
    CHECK(rig.news.tag == NULL);
    ops_close(&rig);
}

static void cancelling_refuses_the_legacy_questions_of_the_operation(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-06-18", OPS_ALL);
    souk_mcp_op *op = ops_call(&rig);
    ask_in_stream(&rig, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"roots/list\"}\n\n");
    uint64_t a = QUESTION(&rig, "roots/list");
    souk_mcp_op_cancel(rig.ops, op, "enough", false, rig.session.fake.now);
    CHECK(strstr(fake_last(&rig.session.fake)->body, "\"id\":1,\"error\"") != NULL);
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN && rig.news.question == a);
    ops_close(&rig);
}

int main(void)
{
    CASE(a_round_sends_the_same_request_with_the_answers);
    CASE(a_round_replaces_what_the_last_one_brought);
    CASE(a_round_without_questions_waits_longer_each_time);
    CASE(what_was_not_declared_is_not_asked);
    CASE(an_answer_that_is_an_error_ends_the_operation);
    CASE(cancelling_withdraws_what_was_asked);
    CASE(questions_are_bounded_and_of_duplicate_keys_the_last_counts);
    CASE(a_round_that_cannot_be_sent_is_not_repeated_blindly);
    CASE(a_session_that_is_lost_takes_the_questions_with_it);
    CASE(urls_are_visited_before_the_call_is_repeated);
    CASE(a_url_that_is_not_visited_leaves_the_servers_error);
    CASE(urls_are_for_who_declared_them_in_their_revision);
    CASE(a_legacy_question_is_answered_to_the_server);
    CASE(a_legacy_question_outlives_its_operation);
    CASE(cancelling_refuses_the_legacy_questions_of_the_operation);
    return tap_done();
}
