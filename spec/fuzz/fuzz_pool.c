/*
 * The pool with all its handlers, between programs and servers that do anything: the input is a
 * script of calls, answers, losses, failures, passing time, cancelled calls, answered asks, memory
 * that runs out.
 *
 * Whatever happens: each accepted call ends exactly once and with its own answer, is executed once
 * unless it may be sent again, the limits hold, the counters add up, no secret is in anything that
 * comes out, and nothing is left behind. What a session gets is looked at in pool_inside.h: calls
 * on a hold run on that session, and nobody else's; nothing goes while a breaker is open, during a
 * pause or beyond a rate; whoever waits will be woken.
 */
#include "pool_inside.h"
#include "pool_servers.h"
#include "pool_targets.h"

/* Puts the call of the script that was made last; it is forgotten when it cannot be put at all. */
static void put_call(fuzz *f, call *mine, souk_target *target)
{
    souk_err err;
    souk_buf body;
    const souk_request request = {.kind = mine->standing ? SOUK_REQUEST_LISTEN
                                                         : SOUK_REQUEST_CAPABILITY,
                                  .capability = SOUK_LIT_INIT("cap"),
                                  .metadata = target->config,
                                  .progress = mine->progress};
    call *hold = mine->on_hold == 0 ? NULL : &f->calls[mine->on_hold - 1];
    const souk_order order = {.target = target,
                              .request = &request,
                              .body = &body,
                              .options = {.timeout = script_choose(&f->script, 3) == 0 ? 3000 : 0,
                                          .may_resend = mine->may_resend,
                                          .standing = mine->standing,
                                          .on_hold = hold == NULL ? 0 : hold->id}};
    target->affinity = mine->named ? SOUK_LIT("tab") : SOUK_LIT("");
    target->memo = mine->named ? NULL : target->memo;
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
        must(hold == NULL ||
             (hold->accepted && hold->is_hold && !hold->released && hold->server == mine->server));
        mine->accepted = true;
        *(mine->standing ? &f->standing_accepted : &f->accepted) += 1;
    } else {
        must(err.kind == failed && err.delivery == SOUK_DELIVERY_NOT_SENT && mine->sent == 0);
        must(!f->closed || failed == SOUK_E_CLOSED);
        mine->id = 0;
    }
    check_pool(f);
    check_inside(f, false);
}

static call *next_call(fuzz *f)
{
    if (f->call_count == MOST_CALLS) {
        return NULL;
    }
    call *mine = &f->calls[f->call_count++];
    memset(mine, 0, sizeof *mine);
    return mine;
}

static void make_call(fuzz *f, bool named)
{
    souk_target target;
    call *mine = next_call(f);
    if (mine == NULL) {
        return;
    }
    mine->named = named;
    mine->server = choose_server(&f->script);
    mine->identity = script_choose(&f->script, IDENTITIES);
    fill_target(f, mine->server, mine->identity, &target);
    mine->standing = script_choose(&f->script, 8) == 7;
    mine->may_resend = !mine->standing && script_choose(&f->script, 2) == 0;
    mine->progress = script_choose(&f->script, 2) == 0;
    put_call(f, mine, &target);
}

/* One of the holds of the script; any call when there is none. */
static size_t pick_hold(fuzz *f)
{
    size_t holds[MOST_CALLS];
    size_t count = 0;
    for (size_t i = 0; i < f->call_count; i++) {
        if (f->calls[i].is_hold) {
            holds[count++] = i;
        }
    }
    return count == 0 ? script_choose(&f->script, f->call_count)
                      : holds[script_choose(&f->script, count)];
}

static void call_on_hold(fuzz *f)
{
    souk_target target;
    size_t hold = f->call_count == 0 ? 0 : pick_hold(f);
    if (f->call_count == 0 || f->calls[hold].id == 0) {
        return;
    }
    call *mine = next_call(f);
    if (mine == NULL) {
        return;
    }
    size_t chance = script_choose(&f->script, 8);
    mine->on_hold = hold + 1;
    mine->server = chance == 0 ? choose_server(&f->script) : f->calls[hold].server;
    mine->identity = f->calls[hold].identity;
    mine->may_resend = chance > 4;
    fill_target(f, mine->server, mine->identity, &target);
    put_call(f, mine, &target);
}

static void take_hold(fuzz *f)
{
    souk_target target;
    souk_err err;
    call *mine = next_call(f);
    if (mine == NULL) {
        return;
    }
    mine->is_hold = true;
    mine->named = script_choose(&f->script, 3) == 0;
    mine->server = choose_server(&f->script);
    mine->identity = script_choose(&f->script, IDENTITIES);
    fill_target(f, mine->server, mine->identity, &target);
    target.affinity = mine->named ? SOUK_LIT("tab") : SOUK_LIT("");
    if (souk_pool_hold(f->pool, &target, 3000, f->fake.now, &mine->id, &err) == SOUK_OK) {
        mine->accepted = true;
        f->accepted++;
    } else {
        must(err.delivery == SOUK_DELIVERY_NOT_SENT && err.message[0] != '\0');
        mine->id = 0;
    }
    check_pool(f);
    check_inside(f, false);
}

/* Gives a hold back, perhaps one that was given back already. */
static void give_back(fuzz *f)
{
    if (f->call_count > 0) {
        call *hold = &f->calls[pick_hold(f)];
        souk_pool_release(f->pool, hold->id, f->fake.now);
        hold->released = true;
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

/* Sensible things and others about the sessions of other processes. */
static souk_slice something_shared(fuzz *f)
{
    static const souk_slice answers[] = {
        SOUK_LIT_INIT("{\"open\":true,\"generation\":3,\"seat\":2}"),
        SOUK_LIT_INIT("{\"open\":true,\"generation\":4,\"seat\":9,\"protocol\":\"2025-06-18\"}"),
        SOUK_LIT_INIT("{\"session\":\"abc\",\"protocol\":\"2025-06-18\",\"about\":\"{}\","
                      "\"generation\":5,\"seat\":7}"),
        SOUK_LIT_INIT("{\"session\":null,\"protocol\":\"2026-07-28\",\"about\":\"{}\","
                      "\"generation\":6,\"seat\":8}"),
        SOUK_LIT_INIT("{\"session\":\"a b\",\"protocol\":\"2025-06-18\",\"about\":\"{}\","
                      "\"generation\":5,\"seat\":7}"),
        SOUK_LIT_INIT("{\"alone\":true,\"protocol\":\"2024-11-05\"}"),
        SOUK_LIT_INIT("null"),
        SOUK_LIT_INIT("{\"open\":")};
    return answers[script_choose(&f->script, sizeof answers / sizeof answers[0])];
}

static void answer_adopt(fuzz *f)
{
    souk_err err;
    while (fetch_one(f)) { /* as for answer_input */
    }
    if (f->adopt_count == 0) {
        return;
    }
    uint64_t id = f->adopts[script_choose(&f->script, f->adopt_count)];
    bool fails = script_choose(&f->script, 8) == 0;
    souk_slice text = something_shared(f);
    must(drop_from(f->adopts, &f->adopt_count, id));
    souk_fail(&err, SOUK_E_TOOL, "no store");
    must(souk_pool_answer(f->pool, id, text, fails ? &err : NULL, f->fake.now));
}

static void answer_ask(fuzz *f)
{
    souk_err err;
    char text[64];
    if (f->adopt_count > 0 && script_choose(&f->script, 4) != 0) {
        answer_adopt(f);
        return;
    }
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
    } else if (kind == SOUK_ASK_LEAVE) {
        snprintf(text, sizeof text, "%s", id % 2 == 0 ? "true" : "false");
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

static void step_of_hold(fuzz *f, size_t which)
{
    switch (which % 8) {
    case 0:
    case 1:
        take_hold(f);
        break;
    case 2:
        make_call(f, true);
        break;
    case 3:
        give_back(f);
        break;
    default:
        call_on_hold(f);
        break;
    }
}

static void step(fuzz *f)
{
    size_t which = script_byte(&f->script);
    switch (which < 216 ? which % 27 : 27) {
    case 27:
        step_of_hold(f, which - 216);
        break;
    case 0:
    case 1:
    case 2:
    case 3:
        make_call(f, false);
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
    check_inside(f, false);
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
    must(f->standing_ended == f->standing_accepted && f->input_count == 0 && f->adopt_count == 0);
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
    options.max_opening = MAX_OPENING;
    options.max_input = MAX_INPUT;
    options.max_resends = MAX_RESENDS;
    options.breaker_failures = 2;
    options.breaker_pause = 3000;
    options.probe_idle = 2000;
    options.probe_limit = 1000;
    options.max_pause = 5000;
    f->pool = souk_pool_new(&f->memory.alloc, &options, &f->port, &f->fake.env, 1);
    f->asking = souk_ask_handler_new(&f->memory.alloc, SOUK_LIT("asking"), 5);
    if (f->pool == NULL || f->asking == NULL) {
        return false;
    }
    souk_mcp_options_default(&mcp_options);
    souk_mcp_handler_init(&f->mcp, &mcp_options, f->pool, 2);
    f->mcp.share = f->script.left % 2 == 0 ? SHARE_FUNCTION : 0;
    must(souk_pool_add_handler(f->pool, &f->mcp.base, NULL) == SOUK_OK);
    must(souk_pool_add_handler(f->pool, f->asking, NULL) == SOUK_OK);
    souk_pool_want_notes(f->pool, true);
    watch_inside(f);
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
