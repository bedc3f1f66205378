/*
 * Calls through the pool alone: a handler that answers at once, and no I/O. For callgrind, which
 * counts what the pool itself costs (spec/tools/instructions.sh).
 *
 *     bench_pool CALLS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/pool.h"

static void die(const char *why)
{
    fprintf(stderr, "bench_pool: %s\n", why);
    exit(1);
}

static int instant_key(const souk_handler *self, const souk_target *target, souk_buf *key,
                       souk_err *err)
{
    (void)self;
    souk_buf_add(key, target->name);
    return souk_buf_check(key, "the name", err);
}

static int instant_open(const souk_handler *self, souk_session *session, souk_ms now, souk_err *err)
{
    (void)self;
    (void)now;
    (void)err;
    souk_session_opened(session);
    return SOUK_OK;
}

static int instant_call(const souk_handler *self, souk_session *session, souk_call *call,
                        souk_ms now, souk_err *err)
{
    souk_answer answer;
    (void)self;
    (void)now;
    (void)err;
    souk_answer_init(&answer, session->alloc);
    souk_call_done(call, &answer);
    souk_answer_free(&answer);
    return SOUK_OK;
}

static void instant_cancel(const souk_handler *self, souk_session *session, souk_call *call,
                           souk_err *why, souk_ms now)
{
    (void)self;
    (void)session;
    (void)call;
    (void)why;
    (void)now;
}

static void instant_close(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    (void)now;
    souk_session_closed(session);
}

static void instant_io(const souk_handler *self, souk_session *session, const souk_io_event *event,
                       souk_ms now)
{
    (void)self;
    (void)session;
    (void)event;
    (void)now;
}

static void instant_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                           souk_slice json, const souk_err *err, souk_ms now)
{
    (void)self;
    (void)session;
    (void)ask;
    (void)json;
    (void)err;
    (void)now;
}

static souk_ms instant_deadline(const souk_handler *self, const souk_session *session)
{
    (void)self;
    (void)session;
    return SOUK_NEVER;
}

static void instant_tick(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    (void)session;
    (void)now;
}

static void instant_free(const souk_handler *self, souk_session *session)
{
    (void)self;
    (void)session;
}

static const souk_handler instant = {
    .prefix = "instant",
    .key = instant_key,
    .open = instant_open,
    .call = instant_call,
    .cancel = instant_cancel,
    .close = instant_close,
    .io = instant_io,
    .answer = instant_answer,
    .deadline = instant_deadline,
    .tick = instant_tick,
    .free = instant_free,
};

static void call_once(souk_pool *pool, const souk_target *target, souk_ms now)
{
    souk_request request = {.kind = SOUK_REQUEST_METHOD,
                            .capability = SOUK_LIT_INIT("bench"),
                            .name = SOUK_LIT_INIT("do")};
    souk_outcome outcome;
    souk_buf body;
    souk_err err;
    uint64_t id;
    souk_buf_init(&body, souk_alloc_libc(), 1024);
    souk_buf_add_text(&body, "{\"text\":\"x\"}");
    souk_order order = {.target = target, .request = &request, .body = &body};
    if (souk_pool_call(pool, &order, now, &id, &err) != SOUK_OK) {
        die(err.message);
    }
    souk_pool_run(pool, now);
    if (!souk_pool_next(pool, &outcome) || outcome.kind != SOUK_OUTCOME_DONE || outcome.id != id) {
        die("the call did not end");
    }
    while (souk_pool_next(pool, &outcome)) {
    }
}

int main(int argc, char **argv)
{
    long calls = argc > 1 ? strtol(argv[1], NULL, 10) : 1000;
    souk_target_memo memo = {0};
    souk_target target = {.prefix = SOUK_LIT_INIT("instant"),
                          .name = SOUK_LIT_INIT("bench"),
                          .identity = SOUK_LIT_INIT("somebody"),
                          .memo = &memo};
    souk_port port = {0};
    souk_env env = {0};
    souk_pool_options options;
    souk_err err;
    souk_pool_options_default(&options);
    souk_pool *pool = souk_pool_new(souk_alloc_libc(), &options, &port, &env, 42);
    if (pool == NULL || souk_pool_add_handler(pool, &instant, &err) != SOUK_OK) {
        die("there is no pool");
    }
    for (long i = 0; i < calls; i++) {
        call_once(pool, &target, i / 16);
    }
    souk_pool_free(pool);
    printf("%ld calls\n", calls);
    return 0;
}
