/*
 * Operations against a server that does anything: the input is a script that starts and cancels
 * operations, answers questions, lets the server say sound and unsound things, lets time pass and
 * memory run out.
 *
 * Whatever happens: each operation that was started ends exactly once unless it was cancelled; no
 * requestState is in the message of another operation; a question is answered or withdrawn before
 * its operation is gone, and never withdrawn twice; an operation that waits, waits for something;
 * time never stands still; nothing is left behind.
 */
#include "failing_alloc.h"
#include "fake_events.h"
#include "mcp/operation.h"
#include "script.h"

enum { MOST_STEPS = 300, MOST_OPS = 24, MOST_QUESTIONS = 512, MOST_EXCHANGES = 600 };

typedef enum fate { UNUSED, RUNNING, ENDED, CANCELLED } fate;

typedef struct started {
    souk_mcp_op *op;
    souk_mcp_op_kind kind;
    fate fate;
    char params[64]; /* an operation only borrows them */
} started;

typedef struct question {
    uint64_t id;
    const started *by; /* NULL: of none */
    bool open;         /* neither answered nor withdrawn */
    bool withdrawn;
} question;

typedef struct fuzz {
    script script;
    failing_alloc memory;
    fake_port fake;
    souk_mcp *mcp;
    souk_mcp_ops *ops;
    started ops_started[MOST_OPS];
    size_t op_count;
    question questions[MOST_QUESTIONS];
    size_t question_count;
    size_t checked; /* exchanges whose bodies were looked at */
    bool modern;
} fuzz;

static void sink(void *user, const souk_io_event *event)
{
    fuzz *f = user;
    souk_mcp_event(f->mcp, event, f->fake.now);
}

/* Whose message it is: the number behind "op":, or -1. */
static int owner_of(const char *body)
{
    const char *at = strstr(body, "\"op\":");
    return at == NULL ? -1 : atoi(at + 5);
}

/* A requestState is S<number>S, the number being its owner's. */
static void check_state(const char *body)
{
    const char *state = strstr(body, "\"requestState\":\"S");
    if (state != NULL) {
        must(atoi(state + strlen("\"requestState\":\"S")) == owner_of(body));
    }
}

static void check_sent(fuzz *f)
{
    for (; f->checked < f->fake.exchange_count; f->checked++) {
        check_state(f->fake.exchanges[f->checked]->body);
    }
    must(souk_mcp_ops_deadline(f->ops) >= 0);
}

static question *find_question(fuzz *f, uint64_t id)
{
    for (size_t i = 0; i < f->question_count; i++) {
        if (f->questions[i].id == id) {
            return &f->questions[i];
        }
    }
    return NULL;
}

static void take_question(fuzz *f, const souk_mcp_news *news)
{
    must(find_question(f, news->question) == NULL && news->method.len > 0);
    if (f->question_count == MOST_QUESTIONS) {
        f->question_count = 0; /* the oldest are forgotten, and nothing is checked about them */
    }
    f->questions[f->question_count++] = (question){news->question, news->tag, true, false};
}

static void take_end(fuzz *f, const souk_mcp_news *news)
{
    started *mine = news->tag;
    must(mine->fate == RUNNING);
    must(news->err.kind != SOUK_OK || news->value != NULL);
    must(news->err.kind == SOUK_OK || news->err.delivery != SOUK_DELIVERY_NONE);
    mine->fate = ENDED;
    for (size_t i = 0; f->modern && i < f->question_count; i++) {
        must(f->questions[i].by != mine || !f->questions[i].open);
    }
}

static void fetch(fuzz *f)
{
    souk_mcp_news news;
    while (souk_mcp_ops_next(f->ops, f->fake.now, &news)) {
        const started *mine = news.tag;
        must(mine == NULL || mine->fate == RUNNING);
        if (news.kind == SOUK_MCP_NEWS_END) {
            take_end(f, &news);
        } else if (news.kind == SOUK_MCP_NEWS_QUESTION) {
            take_question(f, &news);
        } else if (news.kind == SOUK_MCP_NEWS_WITHDRAWN) {
            question *taken_back = find_question(f, news.question);
            must(taken_back == NULL || !taken_back->withdrawn);
            if (taken_back != NULL) {
                taken_back->withdrawn = true;
                taken_back->open = false;
            }
        } else if (news.kind == SOUK_MCP_NEWS_TASK) {
            must(souk_json_get(news.value, "taskId") != NULL);
        } else if (news.kind == SOUK_MCP_NEWS_PROGRESS) {
            must(mine != NULL && news.value != NULL);
        }
        souk_json_doc_free(&news.doc);
    }
    check_sent(f);
}

static void start_op(fuzz *f)
{
    static const struct {
        souk_mcp_op_kind kind;
        const char *name;
        const char *params;
    } orders[] = {
        {SOUK_MCP_OP_TOOL, "tool", "{\"op\":%d,\"a\":1}"},
        {SOUK_MCP_OP_TOOL, "tool", "{\"op\":%d,\"a\":\"x\"}"},
        {SOUK_MCP_OP_METHOD, "prompts/get", "{\"op\":%d,\"name\":\"p\"}"},
        {SOUK_MCP_OP_METHOD, "resources/read", "{\"op\":%d,\"requestState\":1}"},
        {SOUK_MCP_OP_METHOD, "x", "{"},
        {SOUK_MCP_OP_TASK, "T", ""},
        {SOUK_MCP_OP_LISTEN, "", "{\"resourceSubscriptions\":[\"a\",\"b\"]}"},
        {SOUK_MCP_OP_PING, "", ""},
        {SOUK_MCP_OP_LOG_LEVEL, "debug", ""},
    };
    static const char *const schemas[] = {
        "", "{\"properties\":{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"}}}",
        "{\"x-mcp-header\":1}"};
    souk_err err;
    if (f->op_count == MOST_OPS) {
        return;
    }
    started *mine = &f->ops_started[f->op_count];
    size_t which = script_choose(&f->script, 9);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(mine->params, sizeof mine->params, orders[which].params, (int)f->op_count);
#pragma GCC diagnostic pop
    const souk_mcp_order order = {.kind = orders[which].kind,
                                  .name = souk_slice_of(orders[which].name),
                                  .params = souk_slice_of(mine->params),
                                  .input_schema =
                                      souk_slice_of(schemas[script_choose(&f->script, 3)]),
                                  .progress = script_choose(&f->script, 2) == 0,
                                  .timeout = 60000,
                                  .tag = mine};
    mine->kind = order.kind;
    if (souk_mcp_op_start(f->ops, &order, f->fake.now, &mine->op, &err) == SOUK_OK) {
        mine->fate = RUNNING;
        f->op_count++;
    } else {
        must(err.kind != SOUK_OK && err.delivery != SOUK_DELIVERY_NONE && mine->op == NULL);
    }
}

static void cancel_op(fuzz *f)
{
    if (f->op_count > 0) {
        started *mine = &f->ops_started[script_choose(&f->script, f->op_count)];
        if (mine->fate == RUNNING) {
            souk_mcp_op_cancel(f->ops, mine->op, "reason", script_choose(&f->script, 2) == 0,
                               f->fake.now);
            mine->fate = CANCELLED;
        }
    }
}

static void answer(fuzz *f)
{
    static const char *const answers[] = {"{\"action\":\"accept\"}", "{\"action\":\"decline\"}",
                                          "{}", "7", ""};
    souk_err err;
    if (f->question_count == 0) {
        return;
    }
    question *q = &f->questions[script_choose(&f->script, f->question_count)];
    bool fails = script_choose(&f->script, 8) == 0;
    souk_fail(&err, SOUK_E_POLICY, "no");
    q->open = false;
    souk_mcp_ops_answer(f->ops, q->id, souk_slice_of(answers[script_choose(&f->script, 5)]),
                        fails ? &err : NULL, f->fake.now);
}

#define ROOTS "{\"method\":\"roots/list\"}"

/* Members of a message; S is where the owner's number goes. */
static const char *const sayings[] = {
    "\"result\":{}",
    "\"result\":{\"content\":[]}",
    "\"result\":{\"resultType\":\"input_required\",\"requestState\":\"S%dS\"}",
    ("\"result\":{\"resultType\":\"input_required\",\"requestState\":\"S%dS\",\"inputRequests\":{"
     "\"a\":" ROOTS ",\"b\":" ROOTS "}}"),
    "\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":" ROOTS "}}",
    "\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":" ROOTS ",\"b\":7}}",
    "\"result\":{\"resultType\":\"task\",\"taskId\":\"T\",\"status\":\"working\"}",
    "\"result\":{\"resultType\":\"task\",\"taskId\":\"T\",\"status\":\"input_required\"}",
    "\"result\":{\"taskId\":\"T\",\"status\":\"working\",\"pollIntervalMs\":0}",
    ("\"result\":{\"taskId\":\"T\",\"status\":\"input_required\",\"inputRequests\":{\"a\":" ROOTS
     "}}"),
    ("\"result\":{\"taskId\":\"T\",\"status\":\"input_required\",\"inputRequests\":{\"a\":" ROOTS
     ",\"c\":" ROOTS "}}"),
    "\"result\":{\"taskId\":\"T\",\"status\":\"completed\",\"result\":{}}",
    "\"result\":{\"taskId\":\"T\",\"status\":\"failed\",\"error\":{\"code\":1,\"message\":\"m\"}}",
    "\"result\":{\"taskId\":\"U\",\"status\":\"cancelled\"}",
    "\"result\":{\"tools\":[{\"name\":\"tool\",\"inputSchema\":{}}]}",
    ("\"result\":{\"tools\":[{\"name\":\"tool\",\"inputSchema\":{\"properties\":{\"a\":{\"type\":"
     "\"integer\",\"x-mcp-header\":\"B\"}}}}]}"),
    "\"result\":{\"tools\":[],\"nextCursor\":\"c\"}",
    "\"result\":7",
    "\"error\":{\"code\":-32020,\"message\":\"m\"}",
    "\"error\":{\"code\":-32022,\"message\":\"m\",\"data\":{\"supported\":[\"2026-07-28\"]}}",
    ("\"error\":{\"code\":-32042,\"message\":\"m\",\"data\":{\"elicitations\":[{\"elicitationId\":"
     "\"e\",\"url\":\"https://a/\",\"message\":\"m\"},{\"elicitationId\":\"f\",\"url\":\"https://a/"
     "\",\"message\":\"m\"}]}}"),
    "\"error\":{\"code\":-32602,\"message\":\"m\"}",
};

/* What comes before the answer in a stream, or on its own; %d is the answer's id. */
static const char *const notices[] = {
    "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%d,\"progress\":1}",
    ("\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"_meta\":{"
     "\"io.modelcontextprotocol/subscriptionId\":%d},\"notifications\":{}}"),
    "\"method\":\"notifications/x\"",
    "\"id\":%d,\"method\":\"roots/list\"",
    "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%d}",
};

/* A whole message; id 0: none. */
static void make_message(char *out, size_t size, const char *format, long long id, int number)
{
    char members[1024];
    char start[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(members, sizeof members, format, number);
#pragma GCC diagnostic pop
    snprintf(start, sizeof start, "\"id\":%lld,", id);
    snprintf(out, size, "{\"jsonrpc\":\"2.0\",%s%s}", id == 0 ? "" : start, members);
}

static fake_exchange *pick_exchange(fuzz *f)
{
    fake_exchange *open[64];
    size_t count = 0;
    for (size_t i = f->fake.exchange_count; i > 0 && count < 64; i--) {
        if (!f->fake.exchanges[i - 1]->ended) {
            open[count++] = f->fake.exchanges[i - 1];
        }
    }
    return count == 0 ? NULL : open[script_choose(&f->script, count)];
}

static void respond(fuzz *f, fake_exchange *x)
{
    char message[2048];
    char event[2100];
    long long id = fake_rpc_id(x->body);
    int kind = (int)script_choose(&f->script, 8);
    if (kind == 0) {
        fake_fail(&f->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "broken");
        return;
    }
    if (kind == 1 && !x->has_head) {
        static const int statuses[] = {202, 401, 404, 503};
        fake_respond(&f->fake, x, statuses[script_choose(&f->script, 4)], "", "");
        return;
    }
    if (kind <= 3) {
        make_message(message, sizeof message, notices[script_choose(&f->script, 5)], 0, (int)id);
        snprintf(event, sizeof event, "data: %s\n\n", message);
        if (!x->has_head) {
            fake_head(&f->fake, x, 200, "Content-Type: text/event-stream");
        }
        fake_text(&f->fake, x, event);
        return;
    }
    make_message(message, sizeof message, sayings[script_choose(&f->script, 22)], id,
                 owner_of(x->body));
    if (x->has_head) {
        snprintf(event, sizeof event, "data: %s\n\n", message);
        fake_text(&f->fake, x, event);
        fake_end(&f->fake, x);
    } else {
        fake_respond(&f->fake, x, 200, "Content-Type: application/json", message);
    }
}

static void child_says(fuzz *f)
{
    char line[2048];
    char message[2048];
    fake_child *child = fake_last_child(&f->fake);
    if (child == NULL || child->exited) {
        return;
    }
    fake_line(child, line, sizeof line);
    check_state(line);
    int number = owner_of(line);
    long long id = fake_rpc_id(line);
    switch (script_choose(&f->script, 8)) {
    case 0:
        make_message(message, sizeof message, notices[script_choose(&f->script, 5)], 0, (int)id);
        break;
    case 1:
        if (script_choose(&f->script, 8) == 0) {
            fake_exit(&f->fake, child, 1, "");
        }
        return;
    default:
        make_message(message, sizeof message, sayings[script_choose(&f->script, 22)],
                     script_choose(&f->script, 4) == 0 ? (long long)script_choose(&f->script, 64)
                                                       : id,
                     number);
        /* The owner is not known for another id: such a state would prove nothing. */
        for (char *at = message; (at = strstr(at, "\"S")) != NULL;) {
            *++at = 'R';
        }
        break;
    }
    strcat(message, "\n");
    fake_stdout(&f->fake, child, message, strlen(message));
}

static void pass_time(fuzz *f, souk_ms span)
{
    f->fake.now += span;
    souk_mcp_tick(f->mcp, f->fake.now);
    souk_mcp_ops_tick(f->ops, f->fake.now);
    must(souk_mcp_ops_deadline(f->ops) > f->fake.now);
}

static void step(fuzz *f)
{
    static const souk_ms spans[] = {0, 1, 100, 1000, 5000, 60000};
    switch (script_choose(&f->script, 16)) {
    case 0:
    case 1:
        start_op(f);
        break;
    case 2:
        cancel_op(f);
        break;
    case 3:
    case 4:
        answer(f);
        break;
    case 5:
        pass_time(f, spans[script_choose(&f->script, 6)]);
        break;
    case 6:
        f->memory.fail_at = f->memory.count + 1 + (long)script_choose(&f->script, 12);
        break;
    case 7:
        f->fake.refuse_exchange = script_choose(&f->script, 4) == 0 ? SOUK_E_LIMIT : SOUK_OK;
        f->fake.refuse_write = f->fake.refuse_exchange;
        break;
    case 8:
        fetch(f);
        break;
    default: {
        fake_exchange *x = pick_exchange(f);
        if (x != NULL) {
            respond(f, x);
        } else {
            child_says(f);
        }
        break;
    }
    }
    check_sent(f);
}

/* What must have been told when an operation was given up, or the session is gone. */
static void check_withdrawn(const fuzz *f)
{
    for (size_t i = 0; f->modern && i < f->question_count; i++) {
        const question *q = &f->questions[i];
        must(!q->open || (q->by != NULL && q->by->fate == RUNNING));
    }
}

/* A legacy server without a stream of its own: what stands for one needs nothing. */
static bool may_stand(const fuzz *f, const started *mine)
{
    return !f->modern && mine->kind == SOUK_MCP_OP_LISTEN;
}

/* An operation that still runs waits for an exchange, an answer or a moment. */
static void check_waiting(const fuzz *f)
{
    bool something =
        souk_mcp_ops_deadline(f->ops) != SOUK_NEVER || souk_mcp_deadline(f->mcp) != SOUK_NEVER;
    for (size_t i = 0; i < f->fake.exchange_count; i++) {
        something = something || !f->fake.exchanges[i]->ended;
    }
    for (size_t i = 0; i < f->question_count; i++) {
        something = something || f->questions[i].open;
    }
    for (size_t i = 0; i < f->op_count; i++) {
        must(f->ops_started[i].fate != RUNNING || something || may_stand(f, &f->ops_started[i]));
    }
}

/* Nothing works any more, and every question is answered with an error: all must end. */
static void end_all(fuzz *f)
{
    souk_err err;
    souk_fail(&err, SOUK_E_POLICY, "no");
    f->memory.fail_at = 0;
    f->fake.refuse_exchange = SOUK_OK;
    f->fake.refuse_write = SOUK_OK;
    fetch(f);
    check_withdrawn(f);
    fake_child *child = fake_last_child(&f->fake);
    if (child != NULL && !child->exited) {
        fake_exit(&f->fake, child, 1, "");
    }
    for (int round = 0; round < 100 && f->fake.exchange_count < MOST_EXCHANGES; round++) {
        for (size_t i = 0; i < f->fake.exchange_count; i++) {
            if (!f->fake.exchanges[i]->ended) {
                fake_fail(&f->fake, f->fake.exchanges[i], SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT,
                          "the end");
            }
        }
        fetch(f);
        if (f->fake.child_count == 0 && f->question_count < MOST_QUESTIONS) {
            check_waiting(f);
        }
        for (size_t i = 0; i < f->question_count; i++) {
            f->questions[i].open = false;
            souk_mcp_ops_answer(f->ops, f->questions[i].id, SOUK_LIT(""), &err, f->fake.now);
        }
        fetch(f);
        pass_time(f, 3600 * 1000);
    }
    fetch(f);
    for (size_t i = 0; i < f->op_count; i++) {
        must(f->ops_started[i].fate != RUNNING || may_stand(f, &f->ops_started[i]));
    }
}

/* False when it did not get ready. */
static bool open_session(fuzz *f, souk_mcp_config *config)
{
    static const char *const argv[] = {"server", NULL};
    size_t which = script_choose(&f->script, 4);
    memset(config, 0, sizeof *config);
    config->name = "s";
    config->url = which == 3 ? NULL : "http://x/";
    config->argv = which == 3 ? argv : NULL;
    config->client_name = SOUK_LIT("fuzz");
    config->client_version = SOUK_LIT("1");
    config->abilities = 31;
    config->pinned = which == 2 ? SOUK_MCP_2025_11_25 : SOUK_MCP_2026_07_28;
    config->open_timeout = 20000;
    config->probe_timeout = 3000;
    config->grace = 2000;
    config->max_response = 4000;
    config->max_header = 1000;
    config->max_queue = 10000;
    config->max_depth = 16;
    config->stream_retry = 1000;
    config->seed = 1;
    config->max_resumes = 3;
    config->ask_credential_on_401 = script_choose(&f->script, 2) == 0;
    f->mcp = souk_mcp_new(&f->memory.alloc, &f->fake.port, config, 1000);
    f->modern = which != 2;
    souk_mcp_open(f->mcp, f->fake.now);
    fake_exchange *x = fake_open(&f->fake, "initialize");
    if (x != NULL) {
        fake_json(
            &f->fake, x, 200,
            "{'jsonrpc':'2.0','id':1,'result':{'protocolVersion':'2025-11-25','capabilities':{},"
            "'serverInfo':{'name':'s','version':'1'}}}");
        fake_respond(&f->fake, fake_open(&f->fake, "notifications/initialized"), 202, "", "");
    } else if (which == 3 && fake_last_child(&f->fake)->input_len > 0) {
        fake_say(&f->fake, fake_last_child(&f->fake),
                 "{'jsonrpc':'2.0','id':1,'result':{'supportedVersions':['2026-07-28'],'"
                 "capabilities':{}}}");
    }
    return souk_mcp_get_state(f->mcp) == SOUK_MCP_READY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f;
    souk_mcp_config config;
    static const souk_mcp_ops_config how = {.abilities = 31,
                                            .max_rounds = 3,
                                            .max_pages = 3,
                                            .round_delay = 100,
                                            .poll_interval = 1000,
                                            .poll_least = 10,
                                            .poll_most = 60000,
                                            .max_poll_failures = 2};
    memset(&f, 0, sizeof f);
    f.script = (script){data, size};
    failing_alloc_init(&f.memory, 0);
    fake_init(&f.fake);
    f.fake.sink = sink;
    f.fake.sink_user = &f;
    must(open_session(&f, &config));
    f.ops = souk_mcp_ops_new(&f.memory.alloc, f.mcp, &how);
    for (int i = 0; i < MOST_STEPS && f.script.left > 0 && f.fake.exchange_count < MOST_EXCHANGES;
         i++) {
        step(&f);
    }
    if (size % 4 != 0 && f.fake.exchange_count < MOST_EXCHANGES / 2) {
        end_all(&f);
    }
    souk_mcp_ops_free(f.ops);
    souk_mcp_free(f.mcp);
    must(f.memory.live == 0);
    fake_free(&f.fake);
    return 0;
}
