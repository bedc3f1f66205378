/*
 * A pool between a test and a fake port, with a trivial session handler that does only what the
 * test says ("plain": its endpoint is the server's name) and, when a test adds it, the MCP handler.
 */
#ifndef SOUK_POOL_HELP_H
#define SOUK_POOL_HELP_H

#include "fake_events.h"
#include "pool/ask_handler.h"
#include "pool/mcp_handler.h"
#include "pool/pool.h"
#include "tap.h"
#include "json/read.h"
#include "json/write.h"

enum { RIG_SESSIONS = 256, RIG_CALLS = 4096 };

/* A session of the plain handler. */
typedef struct plain_session {
    souk_session *session; /* NULL once it was freed */
    size_t started;        /* calls that it was given */
    size_t cancelled;
    bool closing;
    souk_ms deadline;
    int ticks;
    int events;
    int probes, suspected;
    char reason[SOUK_MESSAGE_MAX]; /* of the last cancel */
} plain_session;

/* What is known of a call of the test. */
typedef struct rig_call {
    uint64_t id;
    int ends; /* how often it has ended */
    souk_err err;
    char value[256]; /* the answer as JSON text, cut */
    bool asked;
    souk_call *running; /* while the plain handler has it */
    size_t session;     /* of the plain handler, that had it last */
    int starts;
} rig_call;

typedef struct pool_rig {
    fake_port fake;
    const souk_alloc *alloc;
    souk_pool_options options;
    souk_pool *pool;
    souk_handler plain;
    souk_mcp_handler mcp;
    souk_handler *asking;

    plain_session sessions[RIG_SESSIONS]; /* in the order of opening */
    size_t session_count;
    bool silent_close; /* the handler does not report that a session has closed */
    int described;     /* how often the handler was asked for a key */
    int refuse_open;   /* what `open` of the plain handler fails with */
    int refuse_call;
    int probe_answer; /* what `probe` returns, of rigs that have it (rig_probes) */

    rig_call calls[RIG_CALLS];
    size_t call_count;
    char *said;   /* all text that came out: notes, asks, errors */
    uint64_t ask; /* the last one */
    souk_ask_kind ask_kind;
    uint64_t ask_call;
    char ask_payload[1024];
    size_t asks;
    size_t notes;
    size_t progress, notices;
    size_t withdrawals;
    size_t standing; /* calls of the test that stand */
} pool_rig;

static inline rig_call *rig_find(pool_rig *rig, uint64_t id)
{
    for (size_t i = 0; i < rig->call_count; i++) {
        if (rig->calls[i].id == id) {
            return &rig->calls[i];
        }
    }
    return NULL;
}

/* --- the plain handler --- */

static inline pool_rig *plain_rig(const souk_handler *self)
{
    return self->user;
}

static inline int plain_key(const souk_handler *self, const souk_target *target, souk_buf *key,
                            souk_err *err)
{
    plain_rig(self)->described++;
    if (target->name.len == 0) {
        return souk_fail(err, SOUK_E_CONFIG, "the server has no name");
    }
    souk_buf_add(key, target->name);
    return souk_buf_check(key, "the name", err);
}

static inline plain_session *plain_of(const souk_session *session)
{
    return session->state;
}

static inline int plain_open(const souk_handler *self, souk_session *session, souk_ms now,
                             souk_err *err)
{
    pool_rig *rig = plain_rig(self);
    (void)now;
    if (rig->refuse_open != SOUK_OK) {
        return souk_fail(err, rig->refuse_open, "the handler refuses to open");
    }
    fake_require(rig->session_count < RIG_SESSIONS, "too many sessions for the test");
    plain_session *mine = &rig->sessions[rig->session_count++];
    memset(mine, 0, sizeof *mine);
    mine->session = session;
    mine->deadline = SOUK_NEVER;
    session->state = mine;
    snprintf(session->label, sizeof session->label, "plain %d", (int)rig->session_count);
    return SOUK_OK;
}

static inline int plain_call(const souk_handler *self, souk_session *session, souk_call *call,
                             souk_ms now, souk_err *err)
{
    pool_rig *rig = plain_rig(self);
    plain_session *mine = plain_of(session);
    (void)now;
    fake_require(!mine->closing, "a call on a session that is being closed");
    fake_require(call->session == session, "a call with another session");
    if (rig->refuse_call != SOUK_OK) {
        return souk_fail(err, rig->refuse_call, "the handler refuses the call");
    }
    mine->started++;
    rig_call *known = rig_find(rig, call->id);
    if (known == NULL) { /* souk_pool_call has not returned yet */
        fake_require(rig->call_count < RIG_CALLS, "too many calls for the test");
        known = &rig->calls[rig->call_count++];
        known->id = call->id;
    }
    fake_require(known->running == NULL, "a call that is running was started again");
    known->running = call;
    known->session = (size_t)(mine - rig->sessions);
    known->starts++;
    return SOUK_OK;
}

static inline void plain_cancel(const souk_handler *self, souk_session *session, souk_call *call,
                                souk_err *why, souk_ms now)
{
    rig_call *known = rig_find(plain_rig(self), call->id);
    (void)now;
    fake_require(known != NULL && known->running == call, "cancelling a call that does not run");
    known->running = NULL;
    plain_of(session)->cancelled++;
    snprintf(plain_of(session)->reason, SOUK_MESSAGE_MAX, "%s", why->message);
}

static inline void plain_close(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)now;
    fake_require(!plain_of(session)->closing, "a session is closed twice");
    plain_of(session)->closing = true;
    if (!plain_rig(self)->silent_close) {
        souk_session_closed(session);
    }
}

static inline void plain_io(const souk_handler *self, souk_session *session,
                            const souk_io_event *event, souk_ms now)
{
    (void)self;
    (void)now;
    fake_require(event->id > session->id_base && event->id - session->id_base < UINT32_MAX,
                 "an event of another session");
    plain_of(session)->events++;
}

static inline void plain_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                                souk_slice json, const souk_err *err, souk_ms now)
{
    (void)self;
    (void)session;
    (void)ask;
    (void)json;
    (void)err;
    (void)now;
}

static inline souk_ms plain_deadline(const souk_handler *self, const souk_session *session)
{
    (void)self;
    return plain_of(session)->deadline;
}

static inline void plain_tick(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    fake_require(plain_of(session)->deadline <= now, "a tick before its time");
    plain_of(session)->ticks++;
    plain_of(session)->deadline = SOUK_NEVER;
}

static inline void plain_free(const souk_handler *self, souk_session *session)
{
    (void)self;
    if (session->state != NULL) {
        fake_require(plain_of(session)->session == session, "a session is freed twice");
        plain_of(session)->session = NULL;
    }
}

/* --- birth and death --- */

static inline void rig_pool_sink(void *user, const souk_io_event *event)
{
    pool_rig *rig = user;
    souk_pool_io(rig->pool, event, rig->fake.now);
}

static inline pool_rig *rig_new(void)
{
    pool_rig *rig = fake_alloc(sizeof *rig);
    fake_init(&rig->fake);
    rig->fake.sink = rig_pool_sink;
    rig->fake.sink_user = rig;
    rig->alloc = souk_alloc_libc();
    souk_pool_options_default(&rig->options);
    rig->plain = (souk_handler){"plain",      rig,         plain_key, plain_open,   plain_call,
                                plain_cancel, plain_close, plain_io,  plain_answer, plain_deadline,
                                plain_tick,   NULL,        plain_free};
    rig->said = fake_dup("", 0);
    return rig;
}

/* Makes the pool with the options as they are now. False when there is no memory for it. */
static inline bool rig_make(pool_rig *rig)
{
    souk_mcp_options options;
    souk_err err;
    rig->pool = souk_pool_new(rig->alloc, &rig->options, &rig->fake.port, &rig->fake.env, 42);
    if (rig->pool == NULL) {
        return false;
    }
    souk_mcp_options_default(&options);
    souk_mcp_handler_init(&rig->mcp, &options, rig->pool, 43);
    CHECK_INT(souk_pool_add_handler(rig->pool, &rig->plain, &err), SOUK_OK);
    CHECK_INT(souk_pool_add_handler(rig->pool, &rig->mcp.base, &err), SOUK_OK);
    rig->asking = souk_ask_handler_new(rig->alloc, SOUK_LIT("asking"), 77);
    if (rig->asking == NULL) {
        return false;
    }
    CHECK_INT(souk_pool_add_handler(rig->pool, rig->asking, &err), SOUK_OK);
    souk_pool_want_notes(rig->pool, true);
    return true;
}

static inline pool_rig *rig_start(void)
{
    pool_rig *rig = rig_new();
    CHECK(rig_make(rig));
    return rig;
}

static inline void rig_end(pool_rig *rig)
{
    souk_pool_free(rig->pool);
    souk_ask_handler_free(rig->asking);
    for (size_t i = 0; i < rig->session_count; i++) {
        CHECK(rig->sessions[i].session == NULL); /* each was freed */
    }
    fake_free(&rig->fake);
    free(rig->said);
    free(rig);
}

/* --- what comes out --- */

static inline void rig_say(pool_rig *rig, souk_slice name, souk_slice text)
{
    rig->said = fake_join(rig->said, name.ptr, name.len, " ");
    rig->said = fake_join(rig->said, text.ptr, text.len, "\n");
}

static inline void rig_take_end(pool_rig *rig, souk_outcome *out)
{
    rig_call *known = rig_find(rig, out->id);
    fake_require(known != NULL, "an outcome of an unknown call");
    known->ends++;
    known->err = out->err;
    known->asked = out->answer->asked;
    known->running = NULL;
    if (out->answer->value != NULL) {
        souk_buf text;
        souk_jw w;
        souk_buf_init(&text, souk_alloc_libc(), 1024 * 1024);
        souk_jw_init(&w, &text);
        souk_jw_value(&w, out->answer->value);
        snprintf(known->value, sizeof known->value, "%.*s", SOUK_ARG(souk_buf_slice(&text)));
        rig_say(rig, SOUK_LIT("value"), souk_buf_slice(&text));
        souk_buf_free(&text);
    }
    rig_say(rig, SOUK_LIT("end"), souk_slice_of(out->err.message));
}

static inline void rig_take_progress(pool_rig *rig, const souk_outcome *out)
{
    const rig_call *known = rig_find(rig, out->id);
    fake_require(known != NULL, "progress of an unknown call");
    CHECK_INT(known->ends, 0); /* nothing comes after the end */
    rig->progress++;
    rig_say(rig, SOUK_LIT("progress"), out->payload);
}

/* Lets the pool act, and takes everything that it has to say. */
static inline void rig_run(pool_rig *rig)
{
    souk_outcome out;
    souk_pool_run(rig->pool, rig->fake.now);
    while (souk_pool_next(rig->pool, &out)) {
        switch (out.kind) {
        case SOUK_OUTCOME_DONE:
            rig_take_end(rig, &out);
            break;
        case SOUK_OUTCOME_ASK:
            rig->ask = out.id;
            rig->ask_kind = out.ask;
            rig->ask_call = out.call;
            rig->asks++;
            rig->withdrawals += out.ask == SOUK_ASK_WITHDRAWN;
            snprintf(rig->ask_payload, sizeof rig->ask_payload, "%.*s", SOUK_ARG(out.payload));
            rig_say(rig, SOUK_LIT("ask"), out.payload);
            break;
        case SOUK_OUTCOME_NOTE:
            rig->notes++;
            rig_say(rig, out.name, out.payload);
            break;
        case SOUK_OUTCOME_PROGRESS:
            rig_take_progress(rig, &out);
            break;
        case SOUK_OUTCOME_NOTICE:
            rig->notices++;
            rig_say(rig, out.server, out.identity);
            rig_say(rig, out.name, out.payload);
            break;
        }
    }
}

/* Lets time pass, and what is due happen. */
static inline void rig_wait_for(pool_rig *rig, souk_ms span)
{
    souk_ms until = rig->fake.now + span;
    for (int i = 0; i < 10000; i++) {
        rig_run(rig);
        souk_ms at = souk_pool_deadline(rig->pool);
        if (at > until) {
            break;
        }
        CHECK(at > rig->fake.now); /* all that is due was done by rig_run */
        rig->fake.now = at > rig->fake.now ? at : rig->fake.now + 1;
    }
    rig->fake.now = until;
    rig_run(rig);
}

/* --- calls --- */

/* A call of a target; its number in rig->calls, or -1 with *err filled. */
static inline int rig_submit(pool_rig *rig, const souk_target *target, const souk_request *request,
                             const souk_call_options *options, souk_err *err)
{
    souk_buf body;
    uint64_t id;
    souk_buf_init(&body, rig->alloc, 1024 * 1024);
    souk_buf_add_text(&body, "{}");
    int failed = souk_pool_call(rig->pool, &(souk_order){target, request, &body, *options},
                                rig->fake.now, &id, err);
    CHECK(body.data == NULL);
    if (failed != SOUK_OK) {
        CHECK_INT(err->kind, failed);
        CHECK_INT(err->delivery, SOUK_DELIVERY_NOT_SENT);
        return -1;
    }
    rig_call *known = rig_find(rig, id);
    if (known == NULL) {
        fake_require(rig->call_count < RIG_CALLS, "too many calls for the test");
        known = &rig->calls[rig->call_count++];
        known->id = id;
    }
    rig->standing += options->standing;
    return (int)(known - rig->calls);
}

/* A call of a plain server. */
static inline int rig_call_as(pool_rig *rig, const char *server, const char *identity,
                              bool may_resend, souk_err *err)
{
    souk_target target = {.prefix = SOUK_LIT_INIT("plain"),
                          .name = souk_slice_of(server),
                          .identity = souk_slice_of(identity)};
    souk_request request = {.kind = SOUK_REQUEST_METHOD,
                            .capability = SOUK_LIT_INIT("cap"),
                            .name = SOUK_LIT_INIT("do")};
    souk_call_options options = {.timeout = 0, .may_resend = may_resend};
    return rig_submit(rig, &target, &request, &options, err);
}

static inline int rig_call_plain(pool_rig *rig, const char *server)
{
    souk_err err;
    return rig_call_as(rig, server, "", false, &err);
}

/* What the plain handler does when the test says so; each acts at once. */

static inline void rig_opened(pool_rig *rig, size_t session)
{
    souk_session_opened(rig->sessions[session].session);
    rig_run(rig);
}

static inline void rig_open_failed(pool_rig *rig, size_t session)
{
    souk_err why;
    souk_fail(&why, SOUK_E_TRANSPORT, "no connection");
    souk_session_failed(rig->sessions[session].session, &why);
    rig_run(rig);
}

/* Ends the call well, with its own id as the answer. */
static inline void rig_done(pool_rig *rig, int call)
{
    souk_answer answer;
    souk_buf text;
    souk_call *running = rig->calls[call].running;
    rig->calls[call].running = NULL;
    souk_answer_init(&answer, rig->alloc);
    souk_buf_init(&text, rig->alloc, 100);
    souk_buf_addf(&text, "%llu", (unsigned long long)running->id);
    if (text.failed == SOUK_OK) {
        (void)souk_json_read_take(&answer.doc, &text, NULL, NULL);
    }
    answer.value = answer.doc.root;
    souk_call_done(running, &answer);
    souk_answer_free(&answer);
    souk_buf_free(&text);
}

static inline void rig_failed(pool_rig *rig, int call, souk_delivery delivery, bool lost)
{
    souk_err why;
    souk_call *running = rig->calls[call].running;
    rig->calls[call].running = NULL;
    souk_fail(&why, SOUK_E_TRANSPORT, lost ? "session not found" : "it broke");
    why.delivery = delivery;
    souk_call_failed(running, &why, lost, NULL);
}

static inline souk_pool_stats rig_stats(pool_rig *rig)
{
    souk_pool_stats stats;
    souk_pool_get_stats(rig->pool, &stats);
    return stats;
}

static inline void rig_check_end(const pool_rig *rig, const char *file, int line, int call,
                                 int kind, souk_delivery delivery)
{
    const rig_call *known = &rig->calls[call];
    tap_check_int(file, line, known->ends, 1);
    tap_check_text(file, line, souk_slice_of(souk_kind_name(known->err.kind)),
                   souk_slice_of(souk_kind_name(kind)));
    if (kind != SOUK_OK) {
        tap_check_text(file, line, souk_slice_of(souk_delivery_name(known->err.delivery)),
                       souk_slice_of(souk_delivery_name(delivery)));
    }
}

/* The call has ended exactly once, so. */
#define CHECK_OK(rig, call)                                                                        \
    rig_check_end((rig), __FILE__, __LINE__, (call), SOUK_OK, SOUK_DELIVERY_NONE)
#define CHECK_END(rig, call, kind, delivery)                                                       \
    rig_check_end((rig), __FILE__, __LINE__, (call), (kind), (delivery))

#endif
