#include "pool/mcp_handler.h"

#include <stdio.h>
#include <string.h>

#include "base/version.h"
#include "mcp/envelope.h"
#include "mcp/header.h"
#include "mcp/redact.h"
#include "mcp/result.h"
#include "mcp/session.h"
#include "pool/mcp_endpoint.h"
#include "pool/pool.h"
#include "json/read.h"
#include "json/write.h"

/* What a pool session is for this handler. */
typedef struct mcp_state {
    souk_arena arena;
    souk_mcp_endpoint endpoint;
    souk_mcp *mcp;
    souk_mcp_state seen; /* the last state that was reported */
    souk_mcp_token token;
    bool has_token;
    uint64_t ask; /* for the credential; 0: none is open */
    souk_slice group;
} mcp_state;

enum { MEMORY_REVISION = 0 }; /* index into souk_session.memory */

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
    souk_arena_init(&arena, key->alloc);
    int failed =
        souk_mcp_endpoint_read(&endpoint, &arena, target, souk_pool_env(handler->pool), err);
    if (failed == SOUK_OK) {
        souk_mcp_endpoint_key(&endpoint, target, handler->seed, key);
    }
    souk_arena_free(&arena);
    return failed;
}

/* Says which server an error is about, and for refused credentials what a person can do. */
static void explain(const souk_session *session, souk_err *err)
{
    const mcp_state *state = session->state;
    if (err->kind == SOUK_E_AUTH && state->endpoint.url != NULL) {
        char message[SOUK_MESSAGE_MAX];
        memcpy(message, err->message, sizeof message);
        souk_err full = *err;
        if (session->target->auth != 0) {
            souk_fail(&full, SOUK_E_AUTH, "%s; the credential came from the server's auth function",
                      message);
        } else if (state->has_token) {
            souk_fail(&full, SOUK_E_AUTH, "%s; the token in %s was refused", message,
                      state->token.source);
        } else {
            souk_fail(&full, SOUK_E_AUTH, "%s; no token was found (looked for the variables %s)",
                      message, state->token.looked_for);
        }
        memcpy(err->message, full.message, sizeof err->message);
    }
    souk_err_prefix(err, "server '%s'", state->endpoint.name);
}

/* --- reporting what the session went through
 * ------------------------------------------------------------- */

static void label(souk_session *session)
{
    const mcp_state *state = session->state;
    souk_slice id = souk_mcp_session_id(state->mcp);
    char shortened[SOUK_MCP_SHORT_MAX];
    if (id.len > 0) {
        snprintf(session->label, sizeof session->label, "%s", souk_mcp_shorten(id, shortened));
    } else if (souk_mcp_child(state->mcp) != 0) {
        snprintf(session->label, sizeof session->label, "child");
    } else {
        snprintf(session->label, sizeof session->label, "stateless");
    }
    session->detail = souk_mcp_revision_name(souk_mcp_get_revision(state->mcp));
}

static void report_state(souk_session *session)
{
    mcp_state *state = session->state;
    souk_mcp_state now = souk_mcp_get_state(state->mcp);
    souk_err why;
    if (now == state->seen) {
        return;
    }
    state->seen = now;
    if (souk_mcp_contradicted(state->mcp)) {
        session->memory[MEMORY_REVISION] = SOUK_MCP_UNKNOWN;
    }
    switch (now) {
    case SOUK_MCP_READY:
        session->memory[MEMORY_REVISION] = (uint64_t)souk_mcp_get_revision(state->mcp);
        label(session);
        souk_session_opened(session);
        break;
    case SOUK_MCP_FAILED:
    case SOUK_MCP_LOST:
        why = *souk_mcp_why(state->mcp);
        explain(session, &why);
        if (now == SOUK_MCP_FAILED) {
            souk_session_failed(session, &why);
        } else {
            souk_session_lost(session, &why);
        }
        break;
    case SOUK_MCP_CLOSED:
        souk_session_closed(session);
        break;
    default:
        break;
    }
}

/* Chooses what of a tools/call result the caller gets. */
static int pick_value(const souk_call *call, souk_mcp_revision revision, souk_mcp_end *end,
                      souk_answer *answer, souk_err *err)
{
    answer->value = end->value;
    if (call->request.kind != SOUK_REQUEST_CAPABILITY) {
        return SOUK_OK;
    }
    souk_mcp_tool_result result;
    souk_mcp_tool_result_init(&result, answer->doc.arena.alloc);
    int failed = souk_mcp_read_tool_result(end->value, revision, &result, err);
    if (failed == SOUK_OK && result.is_error && !call->request.raw) {
        failed = souk_mcp_fail_tool(end->value, err);
    } else if (failed == SOUK_OK && !call->request.raw) {
        answer->structured = result.kind == SOUK_MCP_VALUE_STRUCTURED || result.kind == SOUK_MCP_VALUE_DECODED;
        switch (result.kind) {
        case SOUK_MCP_VALUE_STRUCTURED:
        case SOUK_MCP_VALUE_CONTENT:
            answer->value = result.value;
            break;
        case SOUK_MCP_VALUE_DECODED:
            answer->value = result.value;
            souk_json_doc_move(&answer->inner, &result.decoded);
            break;
        case SOUK_MCP_VALUE_TEXT:
            answer->value =
                souk_json_get(souk_json_at(souk_json_get(end->value, "content"), 0), "text");
            break;
        }
    }
    souk_mcp_tool_result_free(&result);
    return failed;
}

static void report_end(souk_session *session, souk_mcp_end *end)
{
    const mcp_state *state = session->state;
    souk_call *call = end->tag;
    souk_answer answer;
    souk_err err = end->err;
    souk_answer_init(&answer, session->alloc);
    int failed = err.kind;
    if (failed == SOUK_OK) {
        failed = pick_value(call, souk_mcp_get_revision(state->mcp), end, &answer, &err);
        err.delivery = SOUK_DELIVERY_DELIVERED;
    } else {
        answer.value = end->value;
    }
    souk_json_doc_move(&answer.doc, &end->doc);
    call->state = NULL;
    if (failed == SOUK_OK) {
        souk_call_done(call, &answer);
    } else {
        explain(session, &err);
        souk_call_failed(call, &err, end->lost, &answer);
    }
    souk_answer_free(&answer);
}

/* Passes on everything that is new in the session. */
static void report(souk_session *session)
{
    mcp_state *state = session->state;
    souk_mcp_end end;
    while (souk_mcp_next(state->mcp, &end)) {
        report_end(session, &end);
        souk_json_doc_free(&end.doc);
    }
    report_state(session);
}

/* --- opening
 * --------------------------------------------------------------------------------------------- */

static void fill_config(const souk_mcp_handler *handler, const souk_session *session,
                        souk_mcp_config *config)
{
    const mcp_state *state = session->state;
    const souk_mcp_options *options = &handler->options;
    const souk_mcp_endpoint *endpoint = &state->endpoint;
    memset(config, 0, sizeof *config);
    config->name = endpoint->name;
    config->url = endpoint->url;
    config->argv = endpoint->argv;
    config->env = endpoint->env;
    config->cwd = endpoint->cwd;
    config->headers = endpoint->headers;
    config->header_count = endpoint->header_count;
    config->ca_file = endpoint->ca_file;
    config->group = state->group;
    config->client_name = SOUK_LIT("souk");
    config->client_version = SOUK_LIT(SOUK_VERSION);
    config->pinned = endpoint->pinned;
    config->remembered = (souk_mcp_revision)session->memory[MEMORY_REVISION];
    config->open_timeout = endpoint->url != NULL ? options->open_timeout : options->spawn_timeout;
    config->probe_timeout = options->probe_timeout;
    config->exchange_cap = souk_pool_limits(handler->pool)->call_cap;
    config->connect_timeout = options->connect_timeout;
    config->grace = options->child_grace;
    config->max_response = (size_t)options->max_response;
    config->max_header = (size_t)options->max_header;
    config->max_queue = (size_t)options->max_queue;
    config->max_depth = (unsigned)options->max_depth;
    config->ask_credential_on_401 = session->target->auth != 0 || state->has_token;
}

static int start(const souk_handler *self, souk_session *session, souk_slice token, souk_ms now,
                 souk_err *err)
{
    const souk_mcp_handler *handler = handler_of(self);
    mcp_state *state = session->state;
    souk_mcp_config config;
    souk_buf value;
    state->has_token = token.len > 0;
    fill_config(handler, session, &config);
    state->mcp =
        souk_mcp_new(session->alloc, souk_pool_port(handler->pool), &config, session->id_base);
    if (state->mcp == NULL) {
        return souk_fail_memory(err);
    }
    souk_buf_init(&value, session->alloc, 64 * 1024);
    int failed = SOUK_OK;
    if (token.len > 0) {
        failed = souk_mcp_write_authorization(&value, token, err);
        if (failed == SOUK_OK) {
            failed = souk_mcp_authorize(state->mcp, souk_buf_slice(&value), err);
        } else {
            explain(session, err);
        }
    }
    souk_buf_free(&value);
    if (failed == SOUK_OK) {
        souk_mcp_open(state->mcp, now);
        report(session);
    }
    return failed;
}

static int ask_for_token(souk_session *session, souk_err *err)
{
    mcp_state *state = session->state;
    souk_buf payload;
    souk_jw w;
    souk_buf_init(&payload, session->alloc, 64 * 1024);
    souk_jw_init(&w, &payload);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", session->target->name);
    souk_jw_key_string(&w, "identity", session->target->identity);
    souk_jw_key_string(&w, "url", souk_slice_of(state->endpoint.url));
    souk_jw_end_object(&w);
    int failed = souk_jw_check(&w, err);
    if (failed == SOUK_OK) {
        failed = souk_session_ask(session, SOUK_ASK_CREDENTIAL, session->target->auth, 0,
                                  souk_buf_slice(&payload), &state->ask, err);
    }
    souk_buf_free(&payload);
    return failed;
}

static int mcp_open(const souk_handler *self, souk_session *session, souk_ms now, souk_err *err)
{
    const souk_env *env = souk_pool_env(handler_of(self)->pool);
    mcp_state *state = souk_new(session->alloc, sizeof *state);
    if (state == NULL) {
        return souk_fail_memory(err);
    }
    session->state = state;
    souk_arena_init(&state->arena, session->alloc);
    int failed = souk_mcp_endpoint_read(&state->endpoint, &state->arena, session->target, env, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    /* Connections that carry credentials belong to one identity and one source of credentials. */
    souk_buf group;
    souk_buf_init(&group, session->alloc, 64 * 1024);
    souk_buf_add(&group, session->target->identity);
    souk_buf_addf(&group, "/%llu/", (unsigned long long)session->target->auth);
    souk_buf_add(&group, souk_pairs_get(session->target->config, "mcp_auth_env_var"));
    bool copied = group.failed == SOUK_OK &&
                  souk_arena_copy(&state->arena, souk_buf_slice(&group), &state->group);
    souk_buf_free(&group);
    if (!copied) {
        return souk_fail_memory(err);
    }
    if (state->endpoint.url != NULL && session->target->auth != 0) {
        return ask_for_token(session, err);
    }
    souk_slice token = souk_slice_make(NULL, 0);
    if (state->endpoint.url != NULL) {
        souk_mcp_token_find(&state->token, session->target, env);
        token = state->token.value;
    }
    failed = start(self, session, token, now, err);
    state->token.value = souk_slice_make(NULL, 0);
    return failed;
}

static void mcp_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                       souk_slice json, const souk_err *err, souk_ms now)
{
    mcp_state *state = session->state;
    souk_err why;
    souk_json_doc doc;
    if (ask != state->ask) {
        return;
    }
    state->ask = 0;
    souk_json_doc_init(&doc, session->alloc);
    int failed = SOUK_OK;
    if (err != NULL) {
        why = *err;
        failed = why.kind;
    } else {
        failed = souk_json_read(&doc, json, NULL, &why);
    }
    if (failed == SOUK_OK) {
        failed = start(self, session, souk_json_string(doc.root), now, &why);
    }
    souk_json_doc_free(&doc);
    if (failed != SOUK_OK) {
        souk_session_failed(session, &why);
    }
}

/* --- calls
 * -----------------------------------------------------------------------------------------------
 */

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

/* The member of the params that modern HTTP repeats in the Mcp-Name header. */
static int send_method(souk_mcp *mcp, souk_call *call, souk_ms now, uint64_t *id, souk_err *err)
{
    const souk_request *request = &call->request;
    const char *member = souk_mcp_name_member(request->name);
    souk_mcp_request send = {request->name, request->body, souk_slice_make(NULL, 0), call};
    souk_json_doc doc;
    souk_json_doc_init(&doc, call->session->alloc);
    int failed = SOUK_OK;
    if (member != NULL) {
        failed = souk_json_read(&doc, request->body, NULL, err);
        send.name = souk_json_string(souk_json_get(doc.root, member));
    }
    if (failed == SOUK_OK) {
        failed = souk_mcp_send(mcp, &send, now, id, err);
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
        souk_mcp_request send = {SOUK_LIT("tools/call"), souk_buf_slice(&params), name, call};
        failed = souk_mcp_send(mcp, &send, now, id, err);
    }
    souk_buf_free(&params);
    return failed;
}

static int mcp_call(const souk_handler *self, souk_session *session, souk_call *call, souk_ms now,
                    souk_err *err)
{
    (void)self;
    mcp_state *state = session->state;
    uint64_t id = 0;
    int failed = call->request.kind == SOUK_REQUEST_METHOD
                     ? send_method(state->mcp, call, now, &id, err)
                     : send_tool(state->mcp, session->alloc, call, now, &id, err);
    if (failed == SOUK_OK) {
        call->state = (void *)(uintptr_t)id;
        report(session);
    } else {
        explain(session, err);
    }
    return failed;
}

static void mcp_cancel(const souk_handler *self, souk_session *session, souk_call *call,
                       const char *reason, souk_ms now)
{
    (void)self;
    mcp_state *state = session->state;
    souk_mcp_cancel(state->mcp, (uint64_t)(uintptr_t)call->state, reason, now);
    call->state = NULL;
    report(session);
}

/* --- the rest
 * -------------------------------------------------------------------------------------------- */

static void mcp_close(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    mcp_state *state = session->state;
    if (state->mcp == NULL) {
        souk_session_closed(session);
        return;
    }
    souk_mcp_close(state->mcp, now);
    report(session);
}

static void mcp_io(const souk_handler *self, souk_session *session, const souk_io_event *event,
                   souk_ms now)
{
    (void)self;
    mcp_state *state = session->state;
    if (state->mcp != NULL) {
        souk_mcp_event(state->mcp, event, now);
        report(session);
    }
}

static souk_ms mcp_deadline(const souk_handler *self, const souk_session *session)
{
    (void)self;
    const mcp_state *state = session->state;
    return state == NULL || state->mcp == NULL ? SOUK_NEVER : souk_mcp_deadline(state->mcp);
}

static void mcp_tick(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    mcp_state *state = session->state;
    if (state->mcp != NULL) {
        souk_mcp_tick(state->mcp, now);
        report(session);
    }
}

static void mcp_free(const souk_handler *self, souk_session *session)
{
    (void)self;
    mcp_state *state = session->state;
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
    handler->base.open = mcp_open;
    handler->base.call = mcp_call;
    handler->base.cancel = mcp_cancel;
    handler->base.close = mcp_close;
    handler->base.io = mcp_io;
    handler->base.answer = mcp_answer;
    handler->base.deadline = mcp_deadline;
    handler->base.tick = mcp_tick;
    handler->base.free = mcp_free;
}
