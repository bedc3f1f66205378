/*
 * What fuzz_pool looks at: every request that goes out, everything that comes out, and what the
 * pool says about itself.
 */
#ifndef SOUK_FUZZ_POOL_WATCH_H
#define SOUK_FUZZ_POOL_WATCH_H

#include "failing_alloc.h"
#include "fake_events.h"
#include "pool/ask_handler.h"
#include "pool/mcp_handler.h"
#include "pool/pool.h"
#include "script.h"
#include "json/read.h"

enum { MOST_STEPS = 300, MOST_CALLS = 120, MOST_ASKS = 64, SERVERS = 8, IDENTITIES = 2 };
enum {
    MAX_SESSIONS = 3,
    MAX_PER_KEY = 2,
    MAX_KEYS = 4,
    MAX_WAITING = 6,
    MAX_CALLS = 20,
    MAX_NOTES = 8,
    MAX_ASKS = 6,
    MAX_OPENING = 2,
    MAX_INPUT = 120,
    MAX_RESENDS = 2,
    INPUT_FUNCTION = 11,
    SHARE_FUNCTION = 12
};

/* A call of the script; its number is in its body and must come back in its answer. */
typedef struct call {
    uint64_t id; /* 0 while souk_pool_call has not returned */
    size_t server;
    size_t identity;
    bool is_hold;   /* not a call, but a hold of a session */
    bool released;  /* that was given back, or given up */
    souk_id base;   /* of the session that is held, once that is known */
    size_t on_hold; /* the number of the hold that the call is for, or 0 */
    bool named;     /* on the session with the name */
    int runs;       /* how often a session got it */
    bool may_resend;
    bool standing;
    bool progress; /* is wanted */
    bool accepted;
    int ends;
    int sent;          /* how often a server got it */
    bool may_have_run; /* a server may have executed what it got so far */
    souk_id last;      /* the exchange or child that got it last */
} call;

typedef struct fuzz {
    script script;
    failing_alloc memory;
    fake_port fake;
    souk_port port; /* the fake's, with a look at what is sent */
    souk_pool *pool;
    souk_mcp_handler mcp;
    souk_handler *asking;
    souk_handler real_mcp, real_asking; /* before the inside was watched */
    uint64_t epoch;
    souk_ms paced[IDENTITIES][MOST_CALLS]; /* when calls of the server with a rate limit went */
    size_t paced_count[IDENTITIES];
    souk_target_memo memos[SERVERS];
    call calls[MOST_CALLS];
    size_t call_count;
    struct {
        uint64_t id;
        souk_ask_kind kind;
        size_t call; /* its number, 0: none */
    } asks[MOST_ASKS];
    size_t ask_count;
    uint64_t inputs[MAX_ASKS]; /* questions of servers that were seen, and have no answer yet */
    size_t input_count;
    uint64_t adopts[MAX_ASKS]; /* likewise: whether another process has a session */
    size_t adopt_count;
    char tokens[3][16];
    char groups[SERVERS][IDENTITIES][40];
    size_t accepted, ended;
    size_t standing_accepted, standing_ended;
    bool closed;
} fuzz;

/* What goes out. */

/* The number of the call in a request, from 1; 0 when there is none. */
static inline size_t number_in(const char *text)
{
    const char *at = strstr(text, "{\"n\":");
    return at == NULL ? 0 : (size_t)atoi(at + strlen("{\"n\":"));
}

static inline void note_sent(fuzz *f, const char *text, souk_id to)
{
    size_t number = number_in(text);
    if (number == 0) {
        return;
    }
    must(number <= f->call_count);
    call *mine = &f->calls[number - 1];
    mine->sent++;
    must(mine->ends == 0);
    must(mine->sent <= 2 * (2 + MAX_RESENDS)); /* a handler asks for new credentials by itself */
    must(mine->sent == 1 || mine->may_resend || !mine->may_have_run);
    mine->last = to;
    mine->may_have_run = true; /* until the server says that it was not executed */
}

/* Connections are shared by the calls of one server and identity, and by no others. */
static inline void check_group(fuzz *f, const fake_exchange *x)
{
    size_t number = number_in(x->body);
    if (number == 0) {
        return;
    }
    const call *mine = &f->calls[number - 1];
    char *known = f->groups[mine->server][mine->identity];
    must(strlen(x->group) < sizeof f->groups[0][0] && x->group[0] != '\0');
    if (known[0] == '\0') {
        memcpy(known, x->group, strlen(x->group) + 1);
    }
    must(strcmp(known, x->group) == 0);
    for (size_t i = 0; i < IDENTITIES; i++) {
        must(i == mine->identity || strcmp(f->groups[mine->server][i], known) != 0);
    }
}

static inline int watch_exchange(void *user, const souk_exchange *ask, souk_err *err)
{
    fuzz *f = user;
    int failed = fake_start(&f->fake, ask, err);
    if (failed == SOUK_OK) {
        note_sent(f, fake_last(&f->fake)->body, ask->id);
        check_group(f, fake_last(&f->fake));
    }
    return failed;
}

static inline int watch_write(void *user, souk_id child, souk_slice bytes, souk_err *err)
{
    fuzz *f = user;
    int failed = fake_write(&f->fake, child, bytes, err);
    if (failed == SOUK_OK) {
        char line[1024];
        note_sent(f, fake_line(fake_child_of(&f->fake, child), line, sizeof line), child);
    }
    return failed;
}

static inline void watch_cancel(void *user, souk_id id)
{
    fuzz *f = user;
    fake_cancel(&f->fake, id);
}

static inline int watch_spawn(void *user, const souk_spawn *ask, souk_err *err)
{
    fuzz *f = user;
    return fake_spawn(&f->fake, ask, err);
}

static inline void watch_close_child(void *user, souk_id id, souk_ms grace)
{
    fuzz *f = user;
    fake_close_child(&f->fake, id, grace);
}

static inline void sink(void *user, const souk_io_event *event)
{
    fuzz *f = user;
    souk_pool_io(f->pool, event, f->fake.now);
}

/* What comes out. */

static inline void check_no_secret(souk_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        must(!souk_slice_starts(souk_slice_from(text, i), SOUK_LIT("s3cret")));
    }
}

static inline void check_json(souk_slice text)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, souk_alloc_libc());
    must(souk_json_read(&doc, text, NULL, NULL) == SOUK_OK);
    souk_json_doc_free(&doc);
}

static inline void take_end(fuzz *f, const souk_outcome *out)
{
    for (size_t i = 0; i < f->call_count; i++) {
        call *mine = &f->calls[i];
        if (mine->id != out->id) {
            continue;
        }
        int64_t number = 0;
        must(mine->accepted);
        mine->ends++;
        must(mine->ends == 1);
        *(mine->standing ? &f->standing_ended : &f->ended) += 1;
        if (out->err.kind == SOUK_OK && mine->is_hold) {
            must(souk_json_get(out->answer->value, "session") != NULL);
        } else if (out->err.kind == SOUK_OK && mine->standing) {
            must(out->answer != NULL);
        } else if (out->err.kind == SOUK_OK) {
            must(souk_json_integer(souk_json_get(out->answer->value, "n"), &number));
            must(number == (int64_t)i + 1);
        } else {
            must(out->err.kind < 0 && out->err.message[0] != '\0');
            must(out->err.delivery != SOUK_DELIVERY_NONE);
            bool sure = out->err.delivery == SOUK_DELIVERY_NOT_SENT ||
                        out->err.delivery == SOUK_DELIVERY_REJECTED;
            must(!sure || !mine->may_have_run);
        }
        check_no_secret(souk_slice_of(out->err.message));
        return;
    }
    must(false);
}

static inline bool drop_from(uint64_t *ids, size_t *count, uint64_t id)
{
    for (size_t i = 0; i < *count; i++) {
        if (ids[i] == id) {
            ids[i] = ids[--*count];
            return true;
        }
    }
    return false;
}

/* A question is answered once or taken back once, and never both. */
static inline void drop_input(fuzz *f, uint64_t id)
{
    must(drop_from(f->inputs, &f->input_count, id));
}

/* Whether it is a question about sessions of other processes, which was taken note of. */
static inline bool take_share(fuzz *f, const souk_outcome *out)
{
    switch (out->ask) {
    case SOUK_ASK_ADOPT:
        must(f->adopt_count < MAX_ASKS);
        f->adopts[f->adopt_count++] = out->id;
        break;
    case SOUK_ASK_PUBLISH:
    case SOUK_ASK_GIVE_UP:
    case SOUK_ASK_LOST:
        break;
    default:
        return false; /* LEAVE is like any other that is to be answered */
    }
    must(out->number == SHARE_FUNCTION && f->mcp.share != 0);
    return true;
}

static inline void take_ask(fuzz *f, const souk_outcome *out)
{
    check_json(out->payload);
    check_no_secret(out->payload);
    char text[1024];
    snprintf(text, sizeof text, "%.*s", SOUK_ARG(out->payload));
    if (out->ask == SOUK_ASK_WITHDRAWN) {
        must(strncmp(text, "{\"ask\":", 7) == 0);
        uint64_t id = strtoull(text + 7, NULL, 10);
        if (!drop_from(f->adopts, &f->adopt_count, id)) {
            drop_input(f, id);
        }
        return;
    }
    if (take_share(f, out)) {
        return;
    }
    if (out->ask == SOUK_ASK_INPUT) {
        must(out->number == INPUT_FUNCTION && f->input_count < MAX_ASKS);
        f->inputs[f->input_count++] = out->id;
        return;
    }
    if (out->ask == SOUK_ASK_CALL) {
        note_sent(f, text, out->id);
    }
    if (out->ask != SOUK_ASK_CANCEL && out->ask != SOUK_ASK_CLOSE) {
        size_t at =
            f->ask_count < MOST_ASKS ? f->ask_count++ : script_choose(&f->script, MOST_ASKS);
        f->asks[at].id = out->id;
        f->asks[at].kind = out->ask;
        f->asks[at].call = out->ask == SOUK_ASK_CALL ? number_in(text) : 0;
    }
}

/* Progress is for calls that wanted it, news of its task for every call; both before its end. */
static inline void take_progress(const fuzz *f, const souk_outcome *out)
{
    for (size_t i = 0; i < f->call_count; i++) {
        if (f->calls[i].id == out->id) {
            bool is_task = souk_slice_starts(out->payload, SOUK_LIT("{\"task\":"));
            must((f->calls[i].progress || is_task) && f->calls[i].ends == 0);
            return;
        }
    }
    must(false);
}

static inline bool fetch_one(fuzz *f)
{
    souk_outcome out;
    bool has = souk_pool_has_outcome(f->pool);
    if (!souk_pool_next(f->pool, &out)) {
        must(!has);
        return false;
    }
    must(has);
    if (out.kind == SOUK_OUTCOME_DONE) {
        take_end(f, &out);
    } else if (out.kind == SOUK_OUTCOME_ASK) {
        take_ask(f, &out);
    } else {
        if (out.kind == SOUK_OUTCOME_PROGRESS) {
            take_progress(f, &out);
        }
        must(out.kind != SOUK_OUTCOME_NOTICE || (out.name.len > 0 && out.server.len == 1));
        if (out.kind != SOUK_OUTCOME_NOTICE || out.payload.len > 0) {
            check_json(out.payload);
        }
        check_no_secret(out.payload);
    }
    return true;
}

/* What must hold between two steps. */

static inline void check_sessions(const fuzz *f)
{
    souk_session_info info;
    size_t count = 0;
    size_t living = 0;
    size_t cursor = 0;
    while (souk_pool_each_session(f->pool, &cursor, f->fake.now, &info)) {
        must(count++ < 2 * MAX_SESSIONS);
        living += strcmp(info.state, "closing") != 0;
    }
    must(living <= MAX_SESSIONS);
}

static inline void check_pool(const fuzz *f)
{
    souk_pool_stats stats;
    souk_pool_get_stats(f->pool, &stats);
    must(stats.calls == f->accepted);
    must(stats.calls == stats.calls_ok + stats.calls_failed + stats.in_flight + stats.waiting);
    must(stats.calls_ok + stats.calls_failed >= f->ended);
    must(stats.keys <= MAX_KEYS);
    must(stats.calls - f->ended + stats.standing <= MAX_CALLS);
    must(stats.standing <= f->standing_accepted - f->standing_ended);
    check_sessions(f);
}

#endif
