/*
 * The pool with all its handlers, between programs and servers that do anything: the input is a
 * script of calls, answers, losses, failures, passing time, cancelled calls, answered asks, memory
 * that runs out.
 *
 * Whatever happens: each accepted call ends exactly once and with its own answer, is executed once
 * unless it may be sent again, the limits hold, the counters add up, one session at most is opening
 * per endpoint, no secret is in anything that comes out, and nothing is left behind.
 */
#include "pool_watch.h"

static void fill_target(fuzz *f, size_t server, size_t identity, souk_target *target)
{
    static const souk_pair configs[SERVERS][2] = {
        {{SOUK_LIT_INIT("mcp_url"), SOUK_LIT_INIT("http://a/")},
         {SOUK_LIT_INIT("mcp_tool_name"), SOUK_LIT_INIT("t")}},
        {{SOUK_LIT_INIT("mcp_url"), SOUK_LIT_INIT("http://b/")},
         {SOUK_LIT_INIT("mcp_tool_name"), SOUK_LIT_INIT("t")}},
        {{SOUK_LIT_INIT("mcp_command"), SOUK_LIT_INIT("c")},
         {SOUK_LIT_INIT("mcp_tool_name"), SOUK_LIT_INIT("t")}},
        {{SOUK_LIT_INIT("asking_x"), SOUK_LIT_INIT("d")},
         {SOUK_LIT_INIT("asking_y"), SOUK_LIT_INIT("t")}},
        {{SOUK_LIT_INIT("mcp_url"), SOUK_LIT_INIT("http://e/")},
         {SOUK_LIT_INIT("mcp_tool_name"), SOUK_LIT_INIT("t")}},
    };
    static const char *const identities[IDENTITIES] = {"ann", "bob"};
    static const char *const names[SERVERS] = {"a", "b", "c", "d", "e"};
    memset(target, 0, sizeof *target);
    target->prefix = server == 3 ? SOUK_LIT("asking") : SOUK_LIT("mcp");
    target->name = souk_slice_of(names[server]);
    target->config = (souk_pairs){configs[server], 2};
    target->auth = server == 4 ? 9 : 0;
    target->input = server < 3 ? INPUT_FUNCTION : 0;
    target->abilities = server < 3 ? 31 : 0;
    target->identity = souk_slice_of(identities[identity]);
    target->memo = identity == 0 && script_choose(&f->script, 2) == 0 ? &f->memos[server] : NULL;
}

static void make_call(fuzz *f)
{
    souk_target target;
    souk_err err;
    souk_buf body;
    if (f->call_count == MOST_CALLS) {
        return;
    }
    call *mine = &f->calls[f->call_count++];
    memset(mine, 0, sizeof *mine);
    mine->server = script_choose(&f->script, SERVERS);
    mine->identity = script_choose(&f->script, IDENTITIES);
    fill_target(f, mine->server, mine->identity, &target);
    mine->standing = script_choose(&f->script, 8) == 7;
    mine->may_resend = !mine->standing && script_choose(&f->script, 2) == 0;
    mine->progress = script_choose(&f->script, 2) == 0;
    const souk_request request = {.kind = mine->standing ? SOUK_REQUEST_LISTEN
                                                         : SOUK_REQUEST_CAPABILITY,
                                  .capability = SOUK_LIT_INIT("cap"),
                                  .metadata = target.config,
                                  .progress = mine->progress};
    const souk_order order = {.target = &target,
                              .request = &request,
                              .body = &body,
                              .options = {.timeout = script_choose(&f->script, 3) == 0 ? 3000 : 0,
                                          .may_resend = mine->may_resend,
                                          .standing = mine->standing}};
    souk_buf_init(&body, &f->memory.alloc, 100);
    souk_buf_addf(&body, "{\"n\":%zu}", f->call_count);
    if (body.failed != SOUK_OK) {
        souk_buf_free(&body);
        f->call_count--;
        return;
    }
    int failed = souk_pool_call(f->pool, &order, f->fake.now, &mine->id, &err);
    must(body.data == NULL);
    if (failed == SOUK_OK) {
        mine->accepted = true;
        *(mine->standing ? &f->standing_accepted : &f->accepted) += 1;
    } else {
        must(err.kind == failed && err.delivery == SOUK_DELIVERY_NOT_SENT && mine->sent == 0);
        must(!f->closed || failed == SOUK_E_CLOSED);
        mine->id = 0;
    }
    check_pool(f);
}

/* The server executed nothing of what came in this exchange. */
static void was_rejected(fuzz *f, const char *body)
{
    size_t number = number_in(body);
    if (number > 0) {
        f->calls[number - 1].may_have_run = false;
    }
}

/* The server asks for something before it executes the call, which then comes once more. */
static void comes_again(fuzz *f, size_t number)
{
    f->calls[number - 1].sent = 0;
    f->calls[number - 1].may_have_run = false;
}

/* What a server may write before its answer: a notice, progress, a question. */
static const char *something_said(fuzz *f, long long id, char *text, size_t size)
{
    switch (script_choose(&f->script, 3)) {
    case 0:
        return "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";
    case 1:
        snprintf(text, size,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
                 "{\"progressToken\":%lld,\"progress\":1}}",
                 id);
        return text;
    default:
        snprintf(text, size, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"roots/list\"}",
                 (int)script_choose(&f->script, 4));
        return text;
    }
}

static void say_in_stream(fuzz *f, fake_exchange *x)
{
    char text[200];
    char event[256];
    long long id = fake_rpc_id(x->body);
    if (!x->has_head) {
        fake_head(&f->fake, x, 200, "Content-Type: text/event-stream");
    }
    for (size_t i = script_choose(&f->script, 4); i > 0 && !x->cancelled; i--) {
        snprintf(event, sizeof event, "data: %s\n\n", something_said(f, id, text, sizeof text));
        fake_text(&f->fake, x, event);
    }
    if (number_in(x->body) > 0 && !x->cancelled && script_choose(&f->script, 4) == 0) {
        snprintf(event, sizeof event,
                 "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"structuredContent\":"
                 "{\"n\":%zu}}}\n\n",
                 id, number_in(x->body));
        fake_text(&f->fake, x, event);
    }
}

/* Not the result yet, but a question or a task; false when it is to be the result. */
static bool answer_later(fuzz *f, fake_exchange *x)
{
    char text[200];
    size_t number = number_in(x->body);
    switch (script_choose(&f->script, 6)) {
    case 0:
        comes_again(f, number);
        fake_result(&f->fake, x,
                    "{'resultType':'input_required','requestState':'s','inputRequests':"
                    "{'k':{'method':'roots/list'}}}");
        return true;
    case 1:
        snprintf(text, sizeof text, "{'resultType':'task','taskId':'t%zu','status':'working'}",
                 number);
        fake_result(&f->fake, x, text);
        return true;
    default:
        return false;
    }
}

/* A look at a task: it goes on, wants input, or is done. */
static void answer_look(fuzz *f, fake_exchange *x)
{
    static const char *const wholes[] = {
        "{'taskId':'t','status':'working'}", "{'taskId':'t','status':'cancelled'}",
        "{'taskId':'t','status':'input_required','inputRequests':{'k':{'method':'roots/list'}}}",
        "{'taskId':'t','status':'failed'}"};
    char text[200];
    const char *at = strstr(x->body, "\"taskId\":\"t");
    size_t which = script_choose(&f->script, 8);
    if (which < 4 || at == NULL) {
        fake_result(&f->fake, x, wholes[which % 4]);
        return;
    }
    snprintf(text, sizeof text,
             "{'taskId':'t','status':'completed','result':{'structuredContent':{'n':%d}}}",
             atoi(at + strlen("\"taskId\":\"t")));
    fake_result(&f->fake, x, text);
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

/* The right answer to whatever it is. */
static void answer_well(fuzz *f, fake_exchange *x)
{
    char text[200];
    if (fake_is(x->body, "server/discover")) {
        if (x->url[7] == 'a') {
            fake_result(&f->fake, x, "{'supportedVersions':['2026-07-28']}");
        } else {
            fake_respond(&f->fake, x, 404, "", "");
        }
    } else if (fake_is(x->body, "initialize")) {
        snprintf(
            text, sizeof text,
            "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"2025-06-18\"}}",
            fake_rpc_id(x->body));
        fake_respond(&f->fake, x, 200, "Content-Type: application/json\nMcp-Session-Id: abc", text);
    } else if (strcmp(x->method, "GET") == 0 || fake_is(x->body, "subscriptions/listen")) {
        if (script_choose(&f->script, 3) == 0) {
            was_rejected(f, x->body);
            fake_respond(&f->fake, x, 405, "", "");
        } else {
            say_in_stream(f, x);
        }
    } else if (fake_is(x->body, "tasks/get")) {
        answer_look(f, x);
    } else if (number_in(x->body) > 0 && answer_later(f, x)) {
        return;
    } else if (number_in(x->body) > 0) {
        snprintf(text, sizeof text, "{'content':[{'type':'text','text':'{\\'n\\':%zu}'}]}",
                 number_in(x->body));
        for (char *c = text; *c != '\0'; c++) {
            *c = *c == '\'' ? '"' : *c;
        }
        fake_result(&f->fake, x, text);
    } else {
        fake_respond(&f->fake, x, 202, "", "");
    }
}

static void answer_badly(fuzz *f, fake_exchange *x)
{
    switch (script_choose(&f->script, 10)) {
    case 0:
        was_rejected(f, x->body);
        fake_respond(&f->fake, x, 404, "", "");
        break;
    case 1:
        was_rejected(f, x->body);
        fake_respond(&f->fake, x, 401, "", "");
        break;
    case 2:
        was_rejected(f, x->body);
        fake_error(&f->fake, x, 400, -32000, "Server not initialized");
        break;
    case 3:
        fake_respond(&f->fake, x, 503, "Retry-After: 1", "s3cret-no");
        break;
    case 4:
        fake_error(&f->fake, x, 200, -32603, "went wrong");
        break;
    case 5:
        was_rejected(f, x->body);
        fake_error(&f->fake, x, 404, -32601, "unknown");
        break;
    case 6:
        fake_respond(&f->fake, x, 200, "Content-Type: text/event-stream", "data: {\"jsonrpc\"\n\n");
        break;
    case 7:
        fake_head(&f->fake, x, 200, "Content-Type: text/event-stream");
        fake_text(&f->fake, x, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
        fake_end(&f->fake, x);
        break;
    case 8:
        was_rejected(f, x->body);
        fake_fail(&f->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "refused");
        break;
    default:
        fake_fail(&f->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "reset");
        break;
    }
}

static void serve_exchange(fuzz *f, bool well)
{
    fake_exchange *x = pick_exchange(f);
    if (x == NULL) {
        return;
    }
    if (x->cancelled) {
        fake_fail(&f->fake, x, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS, "cancelled");
    } else if (x->has_head && script_choose(&f->script, 2) == 0) {
        say_in_stream(f, x);
    } else if (x->has_head) {
        fake_end(&f->fake, x);
    } else if (well) {
        answer_well(f, x);
    } else {
        answer_badly(f, x);
    }
}

static void serve_child(fuzz *f)
{
    if (f->fake.child_count == 0) {
        return;
    }
    fake_child *child =
        f->fake.children[f->fake.child_count - 1 -
                         script_choose(&f->script, f->fake.child_count) % 3 % f->fake.child_count];
    char line[1024];
    if (child->exited) {
        return;
    }
    fake_line(child, line, sizeof line);
    long long id = fake_rpc_id(line);
    char text[200];
    switch (script_choose(&f->script, 9)) {
    case 8:
        fake_say(&f->fake, child, "%s", something_said(f, id, text, sizeof text));
        break;
    case 0:
        fake_exit(&f->fake, child, 1, "\xFFwords");
        break;
    case 1:
        fake_say(&f->fake, child, "not a message");
        break;
    case 2:
        fake_say(&f->fake, child,
                 "{'jsonrpc':'2.0','id':%lld,'error':{'code':-32603,'message':'no'}}", id);
        break;
    case 3:
        child->deaf = true;
        break;
    default:
        if (fake_is(line, "initialize")) {
            fake_say(&f->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'protocolVersion':'2025-03-26'}}", id);
        } else if (fake_is(line, "server/discover")) {
            fake_say(&f->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'supportedVersions':['2026-07-28']}}",
                     id);
        } else if (number_in(line) > 0) {
            fake_say(&f->fake, child,
                     "{'jsonrpc':'2.0','id':%lld,'result':{'structuredContent':{'n':%zu}}}", id,
                     number_in(line));
        }
        break;
    }
}

static void answer_input(fuzz *f)
{
    souk_err err;
    /* A withdrawal that waits to be fetched would come after the answer: that race is legal. */
    while (fetch_one(f)) {
    }
    if (f->input_count == 0) {
        return;
    }
    uint64_t id = f->inputs[script_choose(&f->script, f->input_count)];
    size_t way = script_choose(&f->script, 4);
    drop_input(f, id);
    souk_fail(&err, SOUK_E_TOOL, "refused");
    souk_pool_answer(f->pool, id, way == 0 ? SOUK_LIT("7") : SOUK_LIT("{\"roots\":[]}"),
                     way == 1 ? &err : NULL, f->fake.now);
}

static void answer_ask(fuzz *f)
{
    souk_err err;
    char text[64];
    if (f->ask_count == 0 || script_choose(&f->script, 16) == 0) {
        souk_pool_answer(f->pool, ((uint64_t)1 << 40) * script_choose(&f->script, 2),
                         SOUK_LIT("17"), NULL, f->fake.now);
        return;
    }
    size_t at = script_choose(&f->script, f->ask_count);
    uint64_t id = f->asks[at].id;
    size_t number = f->asks[at].call;
    souk_ask_kind kind = f->asks[at].kind;
    f->asks[at] = f->asks[--f->ask_count];
    switch (script_choose(&f->script, 6)) {
    case 0:
        souk_fail(&err, SOUK_E_CLOSED, "gone");
        if (number > 0) {
            f->calls[number - 1].may_have_run = false;
        }
        souk_pool_answer(f->pool, id, souk_slice_make(NULL, 0), &err, f->fake.now);
        return;
    case 1:
        souk_fail(&err, SOUK_E_TOOL, "failed");
        souk_pool_answer(f->pool, id, souk_slice_make(NULL, 0), &err, f->fake.now);
        return;
    default:
        break;
    }
    if (kind == SOUK_ASK_CALL) {
        snprintf(text, sizeof text, "{\"n\":%zu}", number);
    } else {
        snprintf(text, sizeof text, "%s",
                 kind == SOUK_ASK_OPEN ? "{\"handle\":1}" : "\"s3cret-9\"");
    }
    souk_pool_answer(f->pool, id, souk_slice_of(text), NULL, f->fake.now);
}

static void let_time_pass(fuzz *f)
{
    static const souk_ms spans[] = {1, 100, 1000, 3000, 5000, 30000, 60000};
    f->fake.now += spans[script_choose(&f->script, 7)];
    run(f);
}

static void step(fuzz *f)
{
    switch (script_choose(&f->script, 27)) {
    case 0:
    case 1:
    case 2:
    case 3:
        make_call(f);
        break;
    case 4:
        if (f->call_count > 0) {
            souk_pool_cancel(f->pool, f->calls[script_choose(&f->script, f->call_count)].id,
                             f->fake.now);
        }
        break;
    case 5:
        let_time_pass(f);
        break;
    case 6:
        f->memory.fail_at = f->memory.count + 1 + (long)script_choose(&f->script, 16);
        break;
    case 7:
        f->fake.refuse_exchange = script_choose(&f->script, 4) == 0 ? SOUK_E_TRANSPORT : SOUK_OK;
        f->fake.refuse_spawn = f->fake.refuse_exchange;
        f->fake.refuse_write = script_choose(&f->script, 4) == 0 ? SOUK_E_LIMIT : SOUK_OK;
        break;
    case 8:
        f->fake.values[0] = f->tokens[script_choose(&f->script, 3)];
        break;
    case 9:
        souk_pool_close_sessions(
            f->pool, script_choose(&f->script, 2) == 0 ? SOUK_LIT("") : SOUK_LIT("a"), f->fake.now);
        break;
    case 10:
        if (script_choose(&f->script, 16) == 0) {
            souk_pool_close(f->pool, f->fake.now);
            f->closed = true;
        }
        break;
    case 11:
        while (fetch_one(f)) {
        }
        break;
    case 12:
        fetch_one(f);
        break;
    case 13:
    case 14:
        answer_ask(f);
        break;
    case 15:
    case 16:
        serve_child(f);
        break;
    case 17:
        serve_exchange(f, false);
        break;
    case 18:
        run(f);
        break;
    case 24:
        answer_input(f);
        break;
    case 25:
    case 26: {
        fake_exchange *x = pick_exchange(f);
        if (x != NULL && !x->cancelled) {
            say_in_stream(f, x);
        }
        break;
    }
    default:
        serve_exchange(f, true);
        break;
    }
    if (script_choose(&f->script, 4) != 0) {
        run(f);
    }
    check_pool(f);
}

/* Time passes until every call has ended; then the pool is closed, and must become empty by itself.
 */
static void end_all(fuzz *f)
{
    f->memory.fail_at = 0;
    for (int i = 0; i < 200 && f->ended < f->accepted; i++) {
        f->fake.now += 10000;
        run(f);
        while (fetch_one(f)) {
        }
    }
    must(f->ended == f->accepted);
    souk_pool_close(f->pool, f->fake.now);
    f->fake.now += 10000;
    run(f);
    must(souk_pool_is_empty(f->pool));
    while (fetch_one(f)) {
    }
    must(f->standing_ended == f->standing_accepted && f->input_count == 0);
    must(souk_pool_deadline(f->pool) == SOUK_NEVER);
}

static bool begin(fuzz *f)
{
    souk_pool_options options;
    souk_mcp_options mcp_options;
    souk_pool_options_default(&options);
    options.max_sessions = MAX_SESSIONS;
    options.max_sessions_per_key = MAX_PER_KEY;
    options.max_keys = MAX_KEYS;
    options.max_waiting = MAX_WAITING;
    options.max_calls = MAX_CALLS;
    options.max_in_flight = 3;
    options.max_notes = MAX_NOTES;
    options.max_asks = MAX_ASKS;
    options.idle_timeout = 5000;
    options.max_life = 40000;
    f->pool = souk_pool_new(&f->memory.alloc, &options, &f->port, &f->fake.env, 1);
    f->asking = souk_ask_handler_new(&f->memory.alloc, SOUK_LIT("asking"), 5);
    if (f->pool == NULL || f->asking == NULL) {
        return false;
    }
    souk_mcp_options_default(&mcp_options);
    souk_mcp_handler_init(&f->mcp, &mcp_options, f->pool, 2);
    must(souk_pool_add_handler(f->pool, &f->mcp.base, NULL) == SOUK_OK);
    must(souk_pool_add_handler(f->pool, f->asking, NULL) == SOUK_OK);
    souk_pool_want_notes(f->pool, true);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz f; /* too large for the stack of a sanitized build */
    memset(&f, 0, sizeof f);
    f.script = (script){data, size};
    failing_alloc_init(&f.memory, 0);
    fake_init(&f.fake);
    f.fake.sink = sink;
    f.fake.sink_user = &f;
    f.port =
        (souk_port){&f, watch_exchange, watch_cancel, watch_spawn, watch_write, watch_close_child};
    for (size_t i = 0; i < 3; i++) {
        snprintf(f.tokens[i], sizeof f.tokens[i], "s3cret-%zu", i);
    }
    fake_setenv(&f.fake, "MCP_AUTH_TOKEN", f.tokens[0]);
    must(begin(&f));
    for (int i = 0; i < MOST_STEPS && f.script.left > 0; i++) {
        step(&f);
    }
    if (size % 4 != 0) {
        end_all(&f);
    }
    souk_pool_free(f.pool);
    souk_ask_handler_free(f.asking);
    must(f.memory.live == 0);
    fake_free(&f.fake);
    return 0;
}
