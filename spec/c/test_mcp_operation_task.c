/* Calls that became tasks, and tasks that are followed by their ids. */
#include "operation_help.h"

#define TASK(more) "{'resultType':'task','taskId':'t1'," more "}"
#define WORKING TASK("'status':'working','pollIntervalMs':500,'ttlMs':null")
#define WORKING_NEWS "{\"taskId\":\"t1\",\"status\":\"working\"}"

/* A call has become a task, which was told. */
static souk_mcp_op *begin(ops_rig *rig)
{
    souk_mcp_op *op = ops_call(rig);
    RESULT(rig, "tools/call", WORKING);
    NEWS(rig, TASK, "", WORKING_NEWS);
    CHECK(rig->news.tag == &rig->tags[0]);
    return op;
}

static void open_and_begin(ops_rig *rig)
{
    ops_open(rig, "2026-07-28", OPS_ALL);
    begin(rig);
}

static void a_task_is_looked_at_until_it_is_completed(void)
{
    ops_rig rig;
    open_and_begin(&rig);
    ops_wait(&rig, 499);
    CHECK_INT(fake_count(&rig.session.fake, "tasks/get"), 0);
    ops_wait(&rig, 1);
    CHECK_PARAMS(&rig, "{\"taskId\":\"t1\"}");
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Name", "t1"));
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Method", "tasks/get"));
    RESULT(&rig, "tasks/get",
           "{'taskId':'t1','status':'working','statusMessage':'half','pollIntervalMs':1}");
    NEWS(&rig, TASK, "", "{\"taskId\":\"t1\",\"status\":\"working\",\"statusMessage\":\"half\"}");
    ops_wait(&rig, 49);
    CHECK(fake_open(&rig.session.fake, "tasks/get") == NULL); /* not more often than poll_least */
    ops_wait(&rig, 1);
    RESULT(&rig, "tasks/get", "{'taskId':'t1','status':'working','statusMessage':'half'}");
    CHECK(!ops_next(&rig)); /* nothing is new */
    ops_wait(&rig, 50);
    RESULT(&rig, "tasks/get",
           "{'taskId':'t1','status':'completed','result':{'content':[],'isError':true}}");
    NEWS(&rig, TASK, "", "{\"taskId\":\"t1\",\"status\":\"completed\"}");
    DONE(&rig, "{\"content\":[],\"isError\":true}");
    CHECK(!rig.news.asked);
    CHECK(souk_mcp_ops_deadline(rig.ops) == SOUK_NEVER);
    ops_close(&rig);
}

static void a_long_interval_is_cut(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    RESULT(&rig, "tools/call", TASK("'status':'working','pollIntervalMs':1e300"));
    NEWS(&rig, TASK, "", WORKING_NEWS);
    ops_wait(&rig, 60000);
    CHECK_INT(fake_count(&rig.session.fake, "tasks/get"), 1);
    CHECK_INT(fake_last(&rig.session.fake)->timeout, 30000);
    RESULT(&rig, "tasks/get", "{'taskId':'t1','status':'cancelled'}");
    NEWS(&rig, TASK, "", "{\"taskId\":\"t1\",\"status\":\"cancelled\"}");
    FAILED(&rig, CANCELLED, DELIVERED, "task \"t1\"");
    ops_close(&rig);
}

static void the_end_of_a_failed_task_is_its_error(void)
{
    static const struct {
        const char *task;
        int code;
        const char *message;
    } cases[] = {
        {"'error':{'code':-32602,'message':'bad','data':[1]}", -32602, "bad"},
        {"'error':{'message':'odd'}", 0, "odd"},
        {"'statusMessage':'sorry'", 0, "sorry"},
        {"'error':null", 0, "the task failed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ops_rig rig;
        char result[300];
        open_and_begin(&rig);
        ops_wait(&rig, 500);
        snprintf(result, sizeof result, "{'taskId':'t1','status':'failed',%s}", cases[i].task);
        RESULT(&rig, "tasks/get", result);
        CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_TASK);
        FAILED(&rig, RPC, DELIVERED, cases[i].message);
        CHECK_INT(rig.news.err.code, cases[i].code);
        CHECK((rig.news.value != NULL) == (i == 0));
        ops_close(&rig);
    }
}

static void what_is_no_task_ends_the_following(void)
{
    static const char *const tasks[] = {
        "{}",
        "{'taskId':'t1','status':'new'}",
        "{'taskId':'t2','status':'working'}",
        "{'taskId':'t1','status':'completed','result':7}",
        "{'taskId':'t1','status':'input_required','inputRequests':[]}",
    };
    for (size_t i = 0; i < sizeof tasks / sizeof tasks[0]; i++) {
        ops_rig rig;
        open_and_begin(&rig);
        ops_wait(&rig, 500);
        RESULT(&rig, "tasks/get", tasks[i]);
        FAILED(&rig, PROTOCOL, DELIVERED, "task \"t1\"");
        ops_close(&rig);
    }
    ops_rig rig;
    open_and_begin(&rig);
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", "{'status':'completed'}");
    CHECK(ops_next(&rig));
    FAILED(&rig, PROTOCOL, DELIVERED, "without a result");
    ops_call(&rig);
    RESULT(&rig, "tools/call", "{'resultType':'task','status':'working'}");
    FAILED(&rig, PROTOCOL, DELIVERED, "without a taskId");
    ops_close(&rig);
}

static void a_task_inside_of_the_result_is_read_too(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    RESULT(&rig, "tools/call",
           "{'resultType':'task','task':{'taskId':'t1','status':'working','pollInterval':70}}");
    NEWS(&rig, TASK, "", WORKING_NEWS);
    ops_wait(&rig, 70);
    RESULT(&rig, "tasks/get", "{'task':{'status':'completed','result':{}}}");
    CHECK(ops_next(&rig));
    DONE(&rig, "{}");
    ops_close(&rig);
}

static void a_look_may_fail_now_and_then(void)
{
    ops_rig rig;
    open_and_begin(&rig);
    ops_wait(&rig, 500);
    fake_fail(&rig.session.fake, fake_open(&rig.session.fake, "tasks/get"), SOUK_E_TRANSPORT,
              SOUK_DELIVERY_AMBIGUOUS, "broken");
    CHECK(!ops_next(&rig));
    ops_wait(&rig, 999);
    CHECK(fake_open(&rig.session.fake, "tasks/get") == NULL);
    ops_wait(&rig, 1);
    fake_respond(&rig.session.fake, fake_open(&rig.session.fake, "tasks/get"), 503, "", "");
    CHECK(!ops_next(&rig));
    ops_wait(&rig, 2000);
    RESULT(&rig, "tasks/get", WORKING); /* a good one makes up for them */
    CHECK(!ops_next(&rig));
    for (int i = 0; i < 3; i++) {
        ops_wait(&rig, 60000);
        fake_fail(&rig.session.fake, fake_open(&rig.session.fake, "tasks/get"), SOUK_E_TIMEOUT,
                  SOUK_DELIVERY_NOT_SENT, "slow");
        if (i < 2) {
            CHECK(!ops_next(&rig));
        }
    }
    FAILED(&rig, TIMEOUT, AMBIGUOUS, "task \"t1\": slow");
    CHECK(!rig.news.lost);
    ops_close(&rig);
}

static void an_unknown_task_ends_at_once(void)
{
    ops_rig rig;
    open_and_begin(&rig);
    ops_wait(&rig, 500);
    ERROR(&rig, "tasks/get", 400, "{'code':-32602,'message':'unknown'}");
    FAILED(&rig, RPC, DELIVERED, "task \"t1\"");
    CHECK_INT(rig.news.err.code, -32602);
    ops_close(&rig);
}

static void a_task_is_picked_up_by_its_id(void)
{
    ops_rig rig;
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_TASK, .name = SOUK_LIT_INIT("t1")};
    ops_open(&rig, "2026-07-28", OPS_ALL);
    CHECK(ops_start(&rig, order) != NULL);
    CHECK_PARAMS(&rig, "{\"taskId\":\"t1\"}");
    RESULT(&rig, "tasks/get", WORKING);
    NEWS(&rig, TASK, "", WORKING_NEWS);
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", TASK("'status':'completed','result':{'x':1}"));
    CHECK(ops_next(&rig));
    DONE(&rig, "{\"x\":1}");
    ops_close(&rig);
    ops_open(&rig, "2025-11-25", OPS_ALL);
    CHECK(ops_start(&rig, order) == NULL);
    ops_close(&rig);
}

static void only_who_declared_tasks_gets_them(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL & ~(unsigned)SOUK_MCP_CAN_FOLLOW_TASKS);
    ops_call(&rig);
    RESULT(&rig, "tools/call", WORKING);
    FAILED(&rig, PROTOCOL, DELIVERED, "");
    ops_close(&rig);
    ops_open(&rig, "2026-07-28", OPS_ALL);
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_PING};
    CHECK(ops_start(&rig, order) != NULL);
    RESULT(&rig, "server/discover", WORKING);
    FAILED(&rig, PROTOCOL, DELIVERED, "");
    ops_close(&rig);
}

#define ASKING(requests) TASK("'status':'input_required','inputRequests':{" requests "}")
#define ROOTS "{'method':'roots/list'}"

static void a_task_asks_each_thing_once(void)
{
    ops_rig rig;
    open_and_begin(&rig);
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", ASKING("'a':" ROOTS));
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_TASK);
    uint64_t a = QUESTION(&rig, "roots/list");
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", ASKING("'a':" ROOTS ",'b:':" ROOTS));
    uint64_t b = QUESTION(&rig, "roots/list");
    CHECK(!ops_next(&rig));
    ops_answer(&rig, a, "{\"roots\":[1]}");
    ops_wait(&rig, 500);
    ops_answer(&rig, b, "{\"roots\":[2]}"); /* while a look is under way */
    CHECK(fake_open(&rig.session.fake, "tasks/update") == NULL);
    RESULT(&rig, "tasks/get", ASKING("'a':" ROOTS ",'b:':" ROOTS));
    CHECK(!ops_next(&rig));
    CHECK_PARAMS(
        &rig,
        "{\"taskId\":\"t1\",\"inputResponses\":{\"a\":{\"roots\":[1]},\"b:\":{\"roots\":[2]}}}");
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Name", "t1"));
    RESULT(&rig, "tasks/update", "{}");
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tasks/get", ASKING("'a':" ROOTS ",'b:':" ROOTS)); /* it has not noticed yet */
    CHECK(!ops_next(&rig));
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", ASKING("'c':" ROOTS));
    uint64_t c = QUESTION(&rig, "roots/list");
    ops_answer(&rig, c, "{}");
    CHECK_PARAMS(&rig, "{\"taskId\":\"t1\",\"inputResponses\":{\"c\":{}}}");
    RESULT(&rig, "tasks/update", "{}");
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tasks/get", TASK("'status':'completed','result':{}"));
    CHECK(ops_next(&rig));
    DONE(&rig, "{}");
    CHECK(rig.news.asked);
    ops_close(&rig);
}

static void what_a_task_does_not_wait_for_is_withdrawn(void)
{
    ops_rig rig;
    open_and_begin(&rig);
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", ASKING("'a':" ROOTS ",'b':" ROOTS));
    CHECK(ops_next(&rig));
    uint64_t a = QUESTION(&rig, "roots/list");
    uint64_t b = QUESTION(&rig, "roots/list");
    ops_answer(&rig, b, "{}");
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", ASKING("'b':" ROOTS));
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN && rig.news.question == a);
    CHECK_PARAMS(&rig, "{\"taskId\":\"t1\",\"inputResponses\":{\"b\":{}}}");
    RESULT(&rig, "tasks/update", "{}");
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tasks/get", ASKING("'c':" ROOTS));
    uint64_t c = QUESTION(&rig, "roots/list");
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", TASK("'status':'working'"));
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_TASK);
    CHECK(ops_next(&rig) && rig.news.kind == SOUK_MCP_NEWS_WITHDRAWN && rig.news.question == c);
    ops_answer(&rig, c, "{}");
    CHECK(fake_open(&rig.session.fake, "tasks/update") == NULL);
    ops_close(&rig);
}

static void answers_that_do_not_arrive_are_sent_again(void)
{
    ops_rig rig;
    open_and_begin(&rig);
    ops_wait(&rig, 500);
    RESULT(&rig, "tasks/get", ASKING("'a':" ROOTS));
    CHECK(ops_next(&rig));
    ops_answer(&rig, QUESTION(&rig, "roots/list"), "{}");
    fake_fail(&rig.session.fake, fake_open(&rig.session.fake, "tasks/update"), SOUK_E_TRANSPORT,
              SOUK_DELIVERY_AMBIGUOUS, "broken");
    CHECK(!ops_next(&rig));
    ops_wait(&rig, 1000);
    CHECK_PARAMS(&rig, "{\"taskId\":\"t1\",\"inputResponses\":{\"a\":{}}}");
    /* The server does not take them, and goes on asking: nothing would ever change. */
    ERROR(&rig, "tasks/update", 400, "{'code':-32602,'message':'no such key'}");
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tasks/get", ASKING("'a':" ROOTS));
    FAILED(&rig, RPC, DELIVERED, "no such key");
    ops_close(&rig);
}

static void cancelling_stops_the_task_if_that_is_wanted(void)
{
    for (int stop = 0; stop < 2; stop++) {
        ops_rig rig;
        ops_open(&rig, "2026-07-28", OPS_ALL);
        souk_mcp_op *op = begin(&rig);
        souk_mcp_op_cancel(rig.ops, op, "enough", stop == 1, rig.session.fake.now);
        CHECK_INT(fake_count(&rig.session.fake, "tasks/cancel"), stop);
        if (stop == 1) {
            CHECK_PARAMS(&rig, "{\"taskId\":\"t1\"}");
            RESULT(&rig, "tasks/cancel", "{}");
        }
        CHECK(souk_mcp_ops_deadline(rig.ops) == SOUK_NEVER);
        ops_close(&rig);
    }
}

static void a_lost_session_names_the_task(void)
{
    ops_rig rig;
    char line[2048];
    ops_open_child(&rig, OPS_ALL);
    fake_child *child = fake_last_child(&rig.session.fake);
    for (int looking = 0; looking < 2; looking++) {
        ops_call(&rig);
        fake_say(&rig.session.fake, child, "{'jsonrpc':'2.0','id':%lld,'result':" WORKING "}",
                 fake_rpc_id(fake_line(child, line, sizeof line)));
        NEWS(&rig, TASK, "", WORKING_NEWS);
        if (looking == 0) {
            ops_wait(&rig, 500);
        }
    }
    fake_exit(&rig.session.fake, child, 1, "");
    for (int i = 0; i < 2; i++) {
        FAILED(&rig, TRANSPORT, AMBIGUOUS, "task \"t1\"");
        CHECK(rig.news.lost);
    }
    ops_close(&rig);
}

static void the_keys_of_a_task_are_bounded(void)
{
    ops_rig rig;
    open_and_begin(&rig);
    char result[3600];
    char key[3000];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    bool ended = false;
    for (int i = 0; i < 40 && !ended; i++) {
        ops_wait(&rig, 500);
        snprintf(result, sizeof result, ASKING("'%d%s':" ROOTS), i, key);
        RESULT(&rig, "tasks/get", result);
        while (ops_next(&rig)) {
            ended = rig.news.kind == SOUK_MCP_NEWS_END;
        }
    }
    CHECK(ended);
    ops_close(&rig);
}

int main(void)
{
    CASE(a_task_is_looked_at_until_it_is_completed);
    CASE(a_long_interval_is_cut);
    CASE(the_end_of_a_failed_task_is_its_error);
    CASE(what_is_no_task_ends_the_following);
    CASE(a_task_inside_of_the_result_is_read_too);
    CASE(a_look_may_fail_now_and_then);
    CASE(an_unknown_task_ends_at_once);
    CASE(a_task_is_picked_up_by_its_id);
    CASE(only_who_declared_tasks_gets_them);
    CASE(a_task_asks_each_thing_once);
    CASE(what_a_task_does_not_wait_for_is_withdrawn);
    CASE(answers_that_do_not_arrive_are_sent_again);
    CASE(cancelling_stops_the_task_if_that_is_wanted);
    CASE(a_lost_session_names_the_task);
    CASE(the_keys_of_a_task_are_bounded);
    return tap_done();
}
