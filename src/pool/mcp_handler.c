#include "pool/mcp_handler.h"

#include <stdint.h>
#include <string.h>

#include "mcp/envelope.h"
#include "mcp/header.h"
#include "pool/mcp_state.h"
#include "pool/pool.h"
#include "json/read.h"

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
    if (failed == SOUK_OK) {
        souk_mcp_endpoint_key(&endpoint, target, env, handler->seed, key);
    }
    souk_arena_free(&arena);
    return failed;
}

/* mcp_tool_name, or what stands behind the last dot of the capability's id. */
static souk_slice tool_name(const souk_request *request)
{
    souk_slice name = souk_pairs_get(request->metadata, "mcp_tool_name");
    if (name.len > 0) {
        return name;
    }
    name = request->capability;
    for (size_t at = name.len; at > 0; at--) {
        if (name.ptr[at - 1] == '.') {
            return souk_slice_from(name, at);
        }
    }
    return name;
}

/* Some methods have a member of their params repeated in the Mcp-Name header. */
static int send_method(souk_mcp *mcp, souk_call *call, souk_ms now, uint64_t *id, souk_err *err)
{
    const souk_request *request = &call->request;
    const char *member = souk_mcp_name_member(request->name);
    souk_mcp_request send = {
        .method = request->name, .params = request->body, .timeout = call->cap - now, .tag = call};
    souk_json_doc doc;
    souk_json_doc_init(&doc, call->session->alloc);
    int failed = SOUK_OK;
    if (member != NULL && request->body.len > 0) {
        failed = souk_json_read(&doc, request->body, NULL, err);
        send.name = souk_json_string(souk_json_get(doc.root, member));
    }
    if (failed == SOUK_OK) {
        failed = souk_mcp_send(mcp, &send, id, err);
    }
    souk_json_doc_free(&doc);
    return failed;
}

static int send_tool(souk_mcp *mcp, const souk_alloc *alloc, souk_call *call, souk_ms now,
                     uint64_t *id, souk_err *err)
{
    souk_buf params;
    souk_buf_init(&params, alloc, SIZE_MAX / 4);
    souk_slice name = tool_name(&call->request);
    int failed = souk_mcp_write_tool_params(&params, name, call->request.body, err);
    if (failed == SOUK_OK) {
        const souk_mcp_request send = {.method = SOUK_LIT_INIT("tools/call"),
                                       .params = souk_buf_slice(&params),
                                       .name = name,
                                       .timeout = call->cap - now,
                                       .tag = call};
        failed = souk_mcp_send(mcp, &send, id, err);
    }
    souk_buf_free(&params);
    return failed;
}

static int mcp_call(const souk_handler *self, souk_session *session, souk_call *call, souk_ms now,
                    souk_err *err)
{
    (void)self;
    souk_mcp_slot *state = session->state;
    uint64_t id = 0;
    int failed = call->request.kind == SOUK_REQUEST_METHOD
                     ? send_method(state->mcp, call, now, &id, err)
                     : send_tool(state->mcp, session->alloc, call, now, &id, err);
    if (failed == SOUK_OK) {
        call->state = (void *)(uintptr_t)id;
    } else {
        souk_mcp_slot_explain(session, err);
    }
    souk_mcp_slot_report(session);
    return failed;
}

static void mcp_cancel(const souk_handler *self, souk_session *session, souk_call *call,
                       souk_err *why, souk_ms now)
{
    (void)self;
    (void)now;
    souk_mcp_slot *state = session->state;
    souk_mcp_cancel(state->mcp, (uint64_t)(uintptr_t)call->state, why->message);
    call->state = NULL;
    souk_mcp_slot_report(session);
}

static void mcp_close(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    (void)now;
    souk_mcp_slot *state = session->state;
    if (state->mcp == NULL) {
        souk_session_closed(session);
        return;
    }
    souk_mcp_close(state->mcp);
    souk_mcp_slot_report(session);
}

static void mcp_io(const souk_handler *self, souk_session *session, const souk_io_event *event,
                   souk_ms now)
{
    (void)self;
    souk_mcp_slot *state = session->state;
    if (state->mcp != NULL) {
        souk_mcp_event(state->mcp, event, now);
        souk_mcp_slot_report(session);
    }
}

static souk_ms mcp_deadline(const souk_handler *self, const souk_session *session)
{
    (void)self;
    const souk_mcp_slot *state = session->state;
    return state->mcp == NULL ? state->ask_by : souk_mcp_deadline(state->mcp);
}

static void mcp_tick(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    souk_mcp_slot *state = session->state;
    if (state->mcp != NULL) {
        souk_mcp_tick(state->mcp, now);
        souk_mcp_slot_report(session);
    } else if (now >= state->ask_by) {
        souk_mcp_slot_ask_silent(session);
    }
}

static void mcp_free(const souk_handler *self, souk_session *session)
{
    (void)self;
    souk_mcp_slot *state = session->state;
    if (state != NULL) {
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
    handler->base.answer = souk_mcp_slot_answer;
    handler->base.deadline = mcp_deadline;
    handler->base.tick = mcp_tick;
    handler->base.free = mcp_free;
}
