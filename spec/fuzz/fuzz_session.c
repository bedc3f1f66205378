/*
 * One MCP session against a server that does anything: the input is a script that sends and cancels
 * requests, feeds responses and lines (sound ones, almost sound ones, and raw bytes), lets time
 * pass and memory run out.
 *
 * Whatever happens: each request that was sent ends exactly once unless it was cancelled, no answer
 * goes to another request, a session that failed says why, time never stands still, and nothing is
 * left behind. What it hears beside answers: session_heard.h.
 */
#include "failing_alloc.h"
#include "fake_events.h"
#include "mcp/header.h"
#include "mcp/session.h"
#include "session_heard.h"
#include "session_texts.h"

#define ELSEWHERE "http://abroad/"
#define ABROAD ELSEWHERE "m"

enum { MOST_STEPS = 400, MOST_REQUESTS = 64 };

typedef struct request {
    uint64_t id; /* JSON-RPC */
    souk_id exchange;
    bool cancelled;
    bool listens;
    int ends;
} request;

typedef struct fuzz {
    script script;
    failing_alloc memory;
    fake_port fake;
    souk_mcp *mcp;
    request requests[MOST_REQUESTS];
    size_t request_count;
    souk_id inbound;  /* the stream of HTTP+SSE, in which every request may be answered */
    size_t looked_at; /* exchanges that check_exchanges has seen */
    heard heard;
} fuzz;

static void sink(void *user, const souk_io_event *event)
{
    fuzz *f = user;
    souk_mcp_event(f->mcp, event, f->fake.now);
}

/*
 * Nothing goes to another origin than the one that is configured, whatever the server says, but to
 * one that a redirect led to, and that gets no credentials.
 */
static void check_exchanges(fuzz *f)
{
    souk_mcp_state state = souk_mcp_get_state(f->mcp);
    for (; f->looked_at < f->fake.exchange_count; f->looked_at++) {
        const fake_exchange *x = f->fake.exchanges[f->looked_at];
        bool abroad = strncmp(x->url, ELSEWHERE, strlen(ELSEWHERE)) == 0;
        must(abroad || strncmp(x->url, "http://x/", strlen("http://x/")) == 0);
        must(!abroad ||
             (fake_has_header(x, "Authorization", NULL) && fake_has_header(x, "X-A", NULL)));
        if (strcmp(x->method, "GET") == 0 &&
            (state == SOUK_MCP_OPENING || state == SOUK_MCP_FAILED)) {
            f->inbound = x->id;
        }
    }
}

static void check_session(const fuzz *f)
{
    souk_mcp_state state = souk_mcp_get_state(f->mcp);
    souk_slice id = souk_mcp_session_id(f->mcp);
    must(id.len == 0 || souk_mcp_session_id_valid(id));
    if (state == SOUK_MCP_FAILED || state == SOUK_MCP_LOST) {
        must(souk_mcp_why(f->mcp)->kind != SOUK_OK && souk_mcp_why(f->mcp)->message[0] != '\0');
    }
    if (state == SOUK_MCP_READY) {
        must(souk_mcp_get_revision(f->mcp) != SOUK_MCP_UNKNOWN);
    }
    size_t open = 0;
    for (size_t i = 0; i < f->fake.exchange_count; i++) {
        open += !f->fake.exchanges[i]->ended && !f->fake.exchanges[i]->cancelled;
    }
    must(open <=
         MOST_REQUESTS * 2 + 64 + 64 + 8); /* requests, words about cancelled ones, answers to the
                                              server (pings, then questions), opening */
}

static bool is_gone(const void *tag)
{
    const request *mine = tag;
    return mine->cancelled || mine->ends > 0;
}

static void fetch_heard(fuzz *f)
{
    if (script_choose(&f->script, 2) == 0) {
        heard_notices(f->mcp, is_gone);
    }
    /* Questions that were withdrawn and are not fetched are no longer open: fetch before. */
    heard_questions(&f->heard, f->mcp, is_gone);
    if (script_choose(&f->script, 2) == 0) {
        heard_reply(&f->heard, &f->script, f->mcp);
    }
}

static void fetch_ends(fuzz *f)
{
    souk_mcp_end end;
    while (souk_mcp_next(f->mcp, &end)) {
        request *mine = end.tag;
        int64_t number;
        mine->ends++;
        must(mine->ends == 1 && !mine->cancelled);
        must(end.err.kind == SOUK_OK || end.err.delivery != SOUK_DELIVERY_NONE);
        must(end.err.kind != SOUK_OK || !mine->listens);
        if (end.err.kind == SOUK_OK) {
            must(end.value != NULL);
            if (souk_json_integer(souk_json_get(end.value, "for"), &number)) {
                must(number == (int64_t)mine->id);
            }
            bool has_via = souk_json_integer(souk_json_get(end.value, "via"), &number);
            if (mine->exchange != 0 && has_via && number != 0) {
                must(number == (int64_t)mine->exchange);
            }
        }
        souk_json_doc_free(&end.doc);
    }
}

static void send_request(fuzz *f)
{
    static const char *const methods[] = {"tools/call", "tools/list", "resources/read", "x",
                                          "subscriptions/listen"};
    static const char *const params[] = {
        "", "{}", "{\"a\":1}", "{\"_meta\":{\"progressToken\":1}}", "[", "{\"_meta\":1}"};
    souk_err err;
    if (f->request_count == MOST_REQUESTS) {
        return;
    }
    request *mine = &f->requests[f->request_count];
    size_t exchanges = f->fake.exchange_count;
    const souk_mcp_request ask = {.method = souk_slice_of(methods[script_choose(&f->script, 5)]),
                                  .params = souk_slice_of(params[script_choose(&f->script, 6)]),
                                  .name = SOUK_LIT("\xC3\xA4 name"),
                                  .progress = script_choose(&f->script, 2) == 0,
                                  .timeout = script_choose(&f->script, 2) == 0 ? 1000 : 60000,
                                  .tag = mine};
    if (souk_mcp_send(f->mcp, &ask, &mine->id, &err) == SOUK_OK) {
        mine->exchange = f->fake.exchange_count > exchanges ? fake_last(&f->fake)->id : 0;
        f->request_count++;
    } else {
        must(err.kind != SOUK_OK);
    }
}

static void listen_once(fuzz *f)
{
    souk_err err;
    if (f->request_count == MOST_REQUESTS) {
        return;
    }
    request *mine = &f->requests[f->request_count];
    if (souk_mcp_listen(f->mcp, mine, &mine->id, &err) == SOUK_OK) {
        mine->listens = true;
        f->request_count++;
    } else {
        must(err.kind != SOUK_OK);
    }
}

static void cancel_request(fuzz *f)
{
    if (f->request_count > 0) {
        request *mine = &f->requests[script_choose(&f->script, f->request_count)];
        souk_mcp_cancel(f->mcp, mine->id, "reason");
        mine->cancelled = true;
    }
}

/* An exchange that may still get events; those that were cancelled may get late ones. */
static fake_exchange *pick_exchange(fuzz *f)
{
    fake_exchange *open[256];
    size_t count = 0;
    for (size_t i = f->fake.exchange_count; i > 0 && count < 256; i--) {
        if (!f->fake.exchanges[i - 1]->ended) {
            open[count++] = f->fake.exchanges[i - 1];
        }
    }
    return count == 0 ? NULL : open[script_choose(&f->script, count)];
}

static void give_head(fuzz *f, fake_exchange *x)
{
    static const int statuses[] = {200, 200, 200, 200, 200, 202, 204, 302,
                                   400, 401, 403, 404, 405, 429, 500, 503};
    static const char *const headers[] = {"Content-Type: application/json",
                                          "Content-Type: text/event-stream",
                                          "Content-Type: application/json\nMcp-Session-Id: abc",
                                          "Content-Type: text/event-stream\nMcp-Session-Id: def",
                                          "",
                                          "Content-Type: text/html",
                                          "Content-Type: application/json\nMcp-Session-Id: a b",
                                          "Retry-After: 7\nWWW-Authenticate: Bearer"};
    if (!x->has_head) {
        int status = statuses[script_choose(&f->script, 16)];
        const char *lines = headers[script_choose(&f->script, 8)];
        /* Some come from another origin, where a redirect led to. */
        bool abroad = x->id % 4 == 0;
        fake_head_from(&f->fake, x, status, lines, abroad ? ABROAD : "", abroad);
    }
}

/*
 * The exchange whose request the stream of x answers: the ids of its events say so. 0 for the
 * stream of HTTP+SSE, which is everybody's.
 */
static souk_id root_of(const fuzz *f, const fake_exchange *x)
{
    char id[64];
    if (x->id == f->inbound) {
        return 0;
    }
    const char *last = fake_header(x, "Last-Event-ID", id, sizeof id);
    return last == NULL ? x->id : (souk_id)atoll(last);
}

/* The JSON-RPC id that may be answered there. */
static long long id_for(fuzz *f, const fake_exchange *x)
{
    const fake_exchange *root = fake_exchange_of(&f->fake, root_of(f, x));
    if (root != NULL && fake_rpc_id(root->body) != 0) {
        return fake_rpc_id(root->body);
    }
    return f->request_count == 0
               ? 2
               : (long long)f->requests[script_choose(&f->script, f->request_count)].id;
}

/* Fields of a stream that come before the message. */
static void add_fields(fuzz *f, text *body, souk_id root)
{
    static const char *const events[] = {"event: endpoint\ndata: /m?a\n\n",
                                         "event: endpoint\ndata: /m?a\n\n",
                                         "event: endpoint\ndata: //evil/m\n\n",
                                         "event: endpoint\ndata: http://x:81/\n\n",
                                         "retry: 0\n\n",
                                         "retry: 2000\n\n",
                                         "id\ndata\n\n",
                                         ": c\r\n\r\n",
                                         "event: other\n"};
    size_t which = script_choose(&f->script, 24);
    if (which < sizeof events / sizeof events[0]) {
        add_text(body, events[which]);
    } else if (which < 18) {
        add_text(body, "id: ");
        add_number(body, (long long)root);
        add_text(body, which < 14 ? "\ndata\n\n" : "\n");
    }
    add_text(body, "data: ");
}

static void give_bytes(fuzz *f, fake_exchange *x)
{
    text body = {"", 0};
    long long id = id_for(f, x);
    souk_id root = root_of(f, x);
    bool stream = script_choose(&f->script, 2) == 1 || strcmp(x->method, "GET") == 0;
    if (stream) {
        add_fields(f, &body, root);
    }
    size_t start = body.len;
    add_messages(&f->script, &body, id, root);
    for (size_t i = start; stream && i < body.len; i++) { /* only add_fields writes event ids */
        char *c = &body.bytes[i];
        *c = *c == '\r' || *c == '\n' ? ' ' : *c;
    }
    if (stream) {
        add_text(&body, "\n\n");
    }
    size_t piece =
        script_choose(&f->script, 4) == 0 ? 1 + script_choose(&f->script, 64) : sizeof body.bytes;
    give_head(f, x);
    for (size_t at = 0; at < body.len; at += piece) {
        size_t left = body.len - at;
        fake_bytes(&f->fake, x, body.bytes + at, left < piece ? left : piece);
    }
}

/* Lets time pass until something is due, which then happens. */
static void wait_until_due(fuzz *f)
{
    souk_ms at = souk_mcp_deadline(f->mcp);
    if (at != SOUK_NEVER) {
        f->fake.now = at > f->fake.now ? at : f->fake.now;
        souk_mcp_tick(f->mcp, f->fake.now);
    }
}

/* A stream that is primed and ends, and is perhaps taken up again. */
static void interrupt_stream(fuzz *f, fake_exchange *x)
{
    text body = {"id: ", 4};
    add_number(&body, (long long)root_of(f, x));
    add_text(&body, "\ndata\n\n");
    if (!x->has_head) {
        fake_head(&f->fake, x, 200, "Content-Type: text/event-stream");
    }
    fake_bytes(&f->fake, x, body.bytes, body.len);
    fake_end(&f->fake, x);
    wait_until_due(f);
}

static void exchange_step(fuzz *f)
{
    fake_exchange *x = pick_exchange(f);
    if (x == NULL) {
        return;
    }
    static const int kinds[] = {SOUK_E_TRANSPORT, SOUK_E_LIMIT, SOUK_E_TIMEOUT};
    switch (script_choose(&f->script, 7)) {
    case 0:
        give_head(f, x);
        break;
    case 1:
    case 2:
        give_bytes(f, x);
        break;
    case 3:
        give_bytes(f, x);
        fake_end(&f->fake, x);
        break;
    case 4:
        give_head(f, x);
        fake_end(&f->fake, x);
        break;
    case 5:
        interrupt_stream(f, x);
        break;
    default:
        fake_fail(&f->fake, x, kinds[script_choose(&f->script, 3)],
                  script_choose(&f->script, 2) == 0 ? SOUK_DELIVERY_NOT_SENT
                                                    : SOUK_DELIVERY_AMBIGUOUS,
                  "broken");
        break;
    }
}

static void child_step(fuzz *f)
{
    text out = {"", 0};
    char line[2048];
    fake_child *child = fake_last_child(&f->fake);
    if (child == NULL || child->exited) {
        return;
    }
    switch (script_choose(&f->script, 8)) {
    case 0:
        fake_exit(&f->fake, child, 1, "last \xFF words");
        break;
    case 1:
        child->deaf = script_choose(&f->script, 4) == 0;
        break;
    case 2:
        add_raw(&f->script, &out);
        fake_stdout(&f->fake, child, out.bytes, out.len);
        break;
    default:
        add_messages(&f->script, &out, fake_rpc_id(fake_line(child, line, sizeof line)), 0);
        add_text(&out, script_choose(&f->script, 8) == 0 ? "" : "\n");
        fake_stdout(&f->fake, child, out.bytes, out.len);
        break;
    }
}

static void let_time_pass(fuzz *f)
{
    static const souk_ms spans[] = {0, 1, 500, 1000, 3000, 30000};
    f->fake.now += spans[script_choose(&f->script, 6)];
    souk_mcp_tick(f->mcp, f->fake.now);
    must(souk_mcp_deadline(f->mcp) > f->fake.now);
}

static void notify(fuzz *f)
{
    souk_err err;
    souk_slice level = script_choose(&f->script, 2) == 0 ? SOUK_LIT("debug") : SOUK_LIT("");
    if (souk_mcp_set_log_level(f->mcp, level, &err) != SOUK_OK) {
        must(err.out_of_memory);
    }
    if (souk_mcp_notify(f->mcp, SOUK_LIT("notifications/x"), level, &err) != SOUK_OK) {
        must(err.kind != SOUK_OK);
    }
}

static void step(fuzz *f)
{
    switch (script_choose(&f->script, 16)) {
    case 0:
    case 1:
        send_request(f);
        break;
    case 2:
        if (script_choose(&f->script, 4) == 0) {
            listen_once(f);
        } else {
            send_request(f);
        }
        break;
    case 3:
        if (script_choose(&f->script, 4) == 0) {
            notify(f);
        } else {
            cancel_request(f);
        }
        break;
    case 4:
        if (script_choose(&f->script, 2) == 0) {
            wait_until_due(f);
        } else {
            let_time_pass(f);
        }
        break;
    case 5:
        f->memory.fail_at = f->memory.count + 1 + (long)script_choose(&f->script, 8);
        break;
    case 6:
        f->fake.refuse_exchange = script_choose(&f->script, 4) == 0 ? SOUK_E_LIMIT : SOUK_OK;
        f->fake.refuse_write = f->fake.refuse_exchange;
        f->fake.refuse_spawn = f->fake.refuse_exchange;
        break;
    case 7:
        if (script_choose(&f->script, 2) == 0) {
            fetch_heard(f);
        } else {
            fetch_ends(f);
        }
        break;
    case 8:
        if (script_choose(&f->script, 8) == 0) {
            souk_mcp_close(f->mcp);
        }
        break;
    default:
        exchange_step(f);
        child_step(f);
        break;
    }
    check_session(f);
    check_exchanges(f);
}

/* Whatever is still under way fails or exits; then everything must have ended. */
static void end_all(fuzz *f)
{
    f->memory.fail_at = 0;
    for (int round = 0; round < 10; round++) { /* streams are taken up again */
        for (size_t i = 0; i < f->fake.exchange_count; i++) {
            fake_exchange *x = f->fake.exchanges[i];
            if (!x->ended) {
                fake_fail(&f->fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, "the end");
            }
        }
        f->fake.now += 100000;
        souk_mcp_tick(f->mcp, f->fake.now);
    }
    for (size_t i = 0; i < f->fake.child_count; i++) {
        if (!f->fake.children[i]->exited) {
            fake_exit(&f->fake, f->fake.children[i], 0, "");
        }
    }
    heard_notices(f->mcp, is_gone);
    heard_questions(&f->heard, f->mcp, is_gone);
    fetch_ends(f);
    for (size_t i = 0; i < f->request_count; i++) {
        /* A listener may stand where there is no stream that could end. */
        bool stands = f->requests[i].listens && f->requests[i].ends == 0;
        must(f->requests[i].ends == 1 || f->requests[i].cancelled || stands);
    }
}

static void configure(fuzz *f, souk_mcp_config *config)
{
    static const char *const argv[] = {"server", NULL};
    static const souk_mcp_revision revisions[] = {SOUK_MCP_UNKNOWN,    SOUK_MCP_UNKNOWN,
                                                  SOUK_MCP_2025_06_18, SOUK_MCP_2026_07_28,
                                                  SOUK_MCP_2024_11_05, SOUK_MCP_2025_11_25};
    static const souk_header header = {SOUK_LIT_INIT("X-A"), SOUK_LIT_INIT("1")};
    memset(config, 0, sizeof *config);
    config->name = "s";
    if (script_choose(&f->script, 3) == 0) {
        config->argv = argv;
    } else {
        config->url = "http://x/";
    }
    config->client_name = SOUK_LIT("fuzz");
    config->client_version = SOUK_LIT("1");
    config->abilities = (unsigned)script_choose(&f->script, 32);
    config->max_notices = HEARD_NOTICES;
    config->headers = &header;
    config->header_count = 1;
    config->remembered = revisions[script_choose(&f->script, 6)];
    config->pinned = script_choose(&f->script, 4) == 0 ? revisions[script_choose(&f->script, 6)]
                                                       : SOUK_MCP_UNKNOWN;
    config->ask_credential_on_401 = script_choose(&f->script, 2) == 0;
    config->open_timeout = 20000;
    config->probe_timeout = 3000;
    config->grace = 2000;
    config->stream_retry = 100;
    config->seed = 1;
    config->max_resumes = 3;
    config->max_response = 1500;
    config->max_header = 1000;
    config->max_queue = 1000;
    config->max_depth = 12;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz f;
    souk_mcp_config config;
    memset(&f, 0, sizeof f);
    f.script = (script){data, size};
    failing_alloc_init(&f.memory, 0);
    fake_init(&f.fake);
    f.fake.sink = sink;
    f.fake.sink_user = &f;
    configure(&f, &config);
    f.mcp = souk_mcp_new(&f.memory.alloc, &f.fake.port, &config, 1000);
    (void)souk_mcp_authorize(f.mcp, SOUK_LIT("Bearer s3cret"), NULL);
    souk_mcp_open(f.mcp, f.fake.now);
    for (int i = 0; i < MOST_STEPS && f.script.left > 0; i++) {
        step(&f);
    }
    if (size % 2 == 0) {
        end_all(&f);
    }
    souk_mcp_free(f.mcp);
    must(f.memory.live == 0);
    fake_free(&f.fake);
    return 0;
}
