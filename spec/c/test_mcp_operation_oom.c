/* The n-th allocation of a session and its operations fails, for all n: each operation that was
 * started ends once, and nothing is left behind. */
#include "failing_alloc.h"
#include "operation_help.h"

#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"}}}"
#define ROOTS "'inputRequests':{'a':{'method':'roots/list'},'b\\n':{'method':'roots/list'}}"

/* What the server says to the n-th request of a method; the last one stands for all after it. */
typedef struct saying {
    const char *method;
    int status;
    const char *body; /* "result": or "error": and its value */
} saying;

static const saying modern[] = {
    {"tools/call", 400, "'error':{'code':-32020,'message':'m','data':{'d':'\\u0041'}}"},
    {"tools/call", 400,
     "'error':{'code':-32022,'message':'m','data':{'supported':['2026-07-28']}}"},
    {"tools/call", 200, "'result':{'resultType':'input_required','requestState':'s'," ROOTS "}"},
    {"tools/call", 200, "'result':{'resultType':'input_required','requestState':'t'}"},
    {"tools/call", 200, "'result':{'resultType':'task','taskId':'t','status':'working'}"},
    {"tools/list", 200, "'result':{'tools':[],'nextCursor':'c'}"},
    {"tools/list", 200, "'result':{'tools':[{'name':'tool','inputSchema':" SCHEMA "}]}"},
    {"tasks/get", 200, "'result':{'taskId':'t','status':'input_required'," ROOTS "}"},
    {"tasks/get", 200, "'result':{'taskId':'t','status':'completed','result':{'x':'\\u0041'}}"},
    {"tasks/update", 200, "'result':{}"},
    {"tasks/cancel", 200, "'result':{}"},
    {"resources/read", 200, "'result':{}"},
    {"server/discover", 200, "'result':{}"},
};

static const saying legacy[] = {
    {"tools/call", 200,
     "'error':{'code':-32042,'message':'m','data':{'elicitations':[{'elicitationId':'e',"
     "'url':'https://a.test/','message':'m'}]}}"},
    {"tools/call", 200, "'result':{}"},
    {"resources/subscribe", 200, "'error':{'code':-32601,'message':'m'}"},
    {"resources/subscribe", 200, "'result':{}"},
    {"ping", 200, "'result':{}"},
    {"logging/setLevel", 200, "'result':{}"},
};

typedef struct run {
    ops_rig rig;
    const saying *sayings;
    size_t saying_count;
    size_t said[16];
    int started;
    int ended;
} run;

static void answer_exchange(run *r, fake_exchange *x)
{
    const saying *say = NULL;
    for (size_t i = 0; i < r->saying_count; i++) {
        if (fake_is(x->body, r->sayings[i].method)) {
            say = &r->sayings[i];
            if (r->said[i] == 0) {
                r->said[i]++;
                break;
            }
        }
    }
    if (strcmp(x->method, "GET") == 0) {
        if (!x->has_head) {
            fake_head(&r->rig.session.fake, x, 200, "Content-Type: text/event-stream");
            fake_text(
                &r->rig.session.fake, x,
                "data: {\"jsonrpc\":\"2.0\",\"id\":\"q\",\"method\":\"roots/list\"}\n\n"
                "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{}}\n\n");
        }
    } else if (say != NULL) {
        fake_json(&r->rig.session.fake, x, say->status, "{'jsonrpc':'2.0','id':%lld,%s}",
                  fake_rpc_id(x->body), say->body);
    } else {
        fake_respond(&r->rig.session.fake, x, 202, "", "");
    }
}

static void take_news(run *r)
{
    while (ops_next(&r->rig)) {
        if (r->rig.news.kind == SOUK_MCP_NEWS_END) {
            r->ended++;
            CHECK(r->rig.news.err.kind != SOUK_OK || r->rig.news.value != NULL);
        } else if (r->rig.news.kind == SOUK_MCP_NEWS_QUESTION) {
            ops_answer(&r->rig, r->rig.news.question, "{\"action\":\"accept\"}");
        }
    }
    ops_drop_news(&r->rig);
}

/* Lets the server answer, the program answer and time pass, until nothing happens any more. */
static void serve(run *r)
{
    for (int i = 0; i < 60; i++) {
        for (size_t k = 0; k < r->rig.session.fake.exchange_count; k++) {
            fake_exchange *x = r->rig.session.fake.exchanges[k];
            if (!x->ended && !x->cancelled) {
                answer_exchange(r, x);
            }
        }
        take_news(r);
        ops_wait(&r->rig, 1000);
    }
}

static void start(run *r, souk_mcp_op_kind kind, const char *name, const char *params)
{
    const souk_mcp_order order = {.kind = kind,
                                  .name = souk_slice_of(name),
                                  .params = souk_slice_of(params),
                                  .input_schema = SOUK_LIT_INIT(SCHEMA),
                                  .progress = true};
    souk_mcp_op *op = ops_start(&r->rig, order);
    if (op != NULL && kind == SOUK_MCP_OP_LISTEN) {
        serve(r);
        if (r->ended == 0) {
            souk_mcp_op_cancel(r->rig.ops, op, "enough", true, r->rig.session.fake.now);
        }
        r->ended = 0;
    } else {
        r->started += op != NULL;
    }
}

/* How often the server heard what is the last step of the longest operation. */
static size_t run_one(const souk_alloc *alloc, bool is_modern)
{
    run r;
    size_t heard;
    memset(&r, 0, sizeof r);
    r.sayings = is_modern ? modern : legacy;
    r.saying_count =
        is_modern ? sizeof modern / sizeof modern[0] : sizeof legacy / sizeof legacy[0];
    rig_http(&r.rig.session);
    ops_config(&r.rig, OPS_ALL);
    r.rig.session.alloc = alloc;
    r.rig.session.config.pinned = is_modern ? SOUK_MCP_2026_07_28 : SOUK_MCP_2025_11_25;
    bool open = rig_open(&r.rig.session);
    if (open && !is_modern && fake_open(&r.rig.session.fake, "initialize") != NULL) {
        rig_initialize(&r.rig.session, "2025-11-25", "abc");
    }
    open = open && souk_mcp_get_state(r.rig.session.mcp) == SOUK_MCP_READY;
    r.rig.ops = open ? souk_mcp_ops_new(alloc, r.rig.session.mcp, &r.rig.config) : NULL;
    if (r.rig.ops != NULL) {
        if (!is_modern) {
            start(&r, SOUK_MCP_OP_LISTEN, "", "{\"resourceSubscriptions\":[\"a\",\"b\"]}");
        }
        start(&r, SOUK_MCP_OP_TOOL, "tool", "{\"a\":1}");
        start(&r, SOUK_MCP_OP_METHOD, is_modern ? "resources/read" : "ping",
              "{\"uri\":\"\\u0041\"}");
        start(&r, SOUK_MCP_OP_LOG_LEVEL, "debug", "");
        start(&r, SOUK_MCP_OP_PING, "", "");
        serve(&r);
        CHECK_INT(r.ended, r.started);
    }
    heard = fake_count(&r.rig.session.fake, is_modern ? "tasks/update" : "resources/subscribe");
    souk_mcp_ops_free(r.rig.ops);
    rig_free(&r.rig.session);
    return heard;
}

static long run_all(bool is_modern)
{
    long most = 0;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long n = 1;; n++) {
            failing_alloc f;
            failing_alloc_init(&f, n);
            f.for_ever = for_ever;
            size_t heard = run_one(&f.alloc, is_modern);
            CHECK_INT(f.live, 0);
            if (!f.fired) {
                CHECK_INT(heard, is_modern ? 1 : 2);
                most = n;
                break;
            }
        }
    }
    return most;
}

static void modern_operations_survive_every_failing_allocation(void)
{
    CHECK(run_all(true) > 100);
}

static void legacy_operations_survive_every_failing_allocation(void)
{
    CHECK(run_all(false) > 60);
}

int main(void)
{
    CASE(modern_operations_survive_every_failing_allocation);
    CASE(legacy_operations_survive_every_failing_allocation);
    return tap_done();
}
