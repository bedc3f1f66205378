#include "pool/mcp_handler.h"

#include <string.h>

#include "pool/mcp_state.h"
#include "pool/pool.h"

void souk_mcp_options_default(souk_mcp_options *options)
{
#define SOUK_MCP_OPTION_DEFAULT(name, standard, least, most, unit, meaning)                        \
    options->name = standard;
    SOUK_MCP_OPTIONS(SOUK_MCP_OPTION_DEFAULT)
#undef SOUK_MCP_OPTION_DEFAULT
}

static const souk_mcp_handler *handler_of(const souk_handler *self)
{
    return self->user;
}

static int mcp_key(const souk_handler *self, const souk_target *target, souk_buf *key,
                   souk_err *err)
{
    souk_arena arena;
    souk_mcp_endpoint endpoint;
    const souk_mcp_handler *handler = handler_of(self);
    const souk_env *env = souk_pool_env(handler->pool);
    souk_arena_init(&arena, key->alloc);
    int failed = souk_mcp_endpoint_read(&endpoint, &arena, target, env, err);
    failed = failed == SOUK_OK ? souk_mcp_endpoint_check(&endpoint, handler->reach, err) : failed;
    if (failed == SOUK_OK) {
        souk_mcp_endpoint_key(&endpoint, target, env, handler->seed, key);
    }
    souk_arena_free(&arena);
    return failed;
}

static int mcp_call(const souk_handler *self, souk_session *session, souk_call *call, souk_ms now,
                    souk_err *err)
{
    souk_mcp_level_keep(session, now); /* another session of the server may have changed it */
    int failed = souk_mcp_call_start(session, call, now, err);
    if (failed != SOUK_OK) {
        souk_mcp_slot_explain(session, err);
    }
    souk_mcp_slot_report(self, session, now);
    return failed;
}

static void mcp_cancel(const souk_handler *self, souk_session *session, souk_call *call,
                       souk_err *why, souk_ms now)
{
    souk_mcp_call_cancel(session, call, why, now);
    souk_mcp_slot_report(self, session, now);
}

static void mcp_close(const souk_handler *self, souk_session *session, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    if (state->mcp == NULL) {
        souk_session_closed(session);
        return;
    }
    if (state->level_op != NULL) {
        souk_mcp_op_cancel(state->ops, state->level_op, "the session is closed", false, now);
        state->level_op = NULL;
    }
    souk_mcp_probe_drop(session, now);
    souk_mcp_question_drop_all(session);
    if (!souk_mcp_share_leave(self, session)) {
        souk_mcp_close(state->mcp);
    }
    souk_mcp_slot_report(self, session, now);
}

static void mcp_io(const souk_handler *self, souk_session *session, const souk_io_event *event,
                   souk_ms now)
{
    souk_mcp_slot *state = session->state;
    if (state->mcp != NULL) {
        souk_mcp_event(state->mcp, event, now);
        souk_mcp_slot_report(self, session, now);
    }
}

static void mcp_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                       souk_slice json, const souk_err *err, souk_ms now)
{
    if (souk_mcp_question_answered(session, ask, json, err, now)) {
        souk_mcp_slot_report(self, session, now);
    } else if (!souk_mcp_share_answered(self, session, ask, json, err, now)) {
        souk_mcp_slot_answer(self, session, ask, json, err, now);
    }
}

static souk_ms mcp_deadline(const souk_handler *self, const souk_session *session)
{
    (void)self;
    const souk_mcp_slot *state = session->state;
    if (state->mcp == NULL) {
        return state->ask_by;
    }
    souk_ms at = souk_ms_min(souk_mcp_deadline(state->mcp), souk_mcp_ops_deadline(state->ops));
    at = souk_ms_min(at, souk_mcp_share_deadline(state));
    return souk_ms_min(at, souk_mcp_question_deadline(state));
}

static void mcp_tick(const souk_handler *self, souk_session *session, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    if (now >= souk_mcp_share_deadline(state)) {
        souk_mcp_share_silent(self, session, now);
    } else if (state->mcp != NULL) {
        souk_mcp_tick(state->mcp, now);
        souk_mcp_ops_tick(state->ops, now);
        souk_mcp_question_tick(session, now);
        souk_mcp_slot_report(self, session, now);
    } else if (now >= state->ask_by) {
        souk_mcp_slot_ask_silent(session);
    }
}

static void mcp_free(const souk_handler *self, souk_session *session)
{
    (void)self;
    souk_mcp_slot *state = session->state;
    if (state != NULL) {
        souk_mcp_share_free(session);
        while (state->questions != NULL) {
            souk_mcp_question *next = state->questions->next;
            souk_free(session->alloc, state->questions);
            state->questions = next;
        }
        while (state->tasks != NULL) {
            souk_mcp_task_name *next = state->tasks->next;
            souk_free(session->alloc, state->tasks);
            state->tasks = next;
        }
        souk_mcp_ops_free(state->ops);
        souk_mcp_free(state->mcp);
        souk_arena_free(&state->arena);
        souk_free(session->alloc, state);
        session->state = NULL;
    }
}

void souk_mcp_handler_init(souk_mcp_handler *handler, const souk_mcp_options *options,
                           const struct souk_pool *pool, uint64_t seed)
{
    memset(handler, 0, sizeof *handler);
    handler->options = *options;
    handler->pool = pool;
    handler->seed = seed;
    handler->base.prefix = "mcp";
    handler->base.user = handler;
    handler->base.key = mcp_key;
    handler->base.open = souk_mcp_slot_open;
    handler->base.call = mcp_call;
    handler->base.cancel = mcp_cancel;
    handler->base.close = mcp_close;
    handler->base.io = mcp_io;
    handler->base.answer = mcp_answer;
    handler->base.deadline = mcp_deadline;
    handler->base.tick = mcp_tick;
    handler->base.probe = souk_mcp_probe;
    handler->base.free = mcp_free;
}
