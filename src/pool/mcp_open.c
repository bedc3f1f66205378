#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/version.h"
#include "mcp/header.h"
#include "pool/mcp_state.h"
#include "pool/pool.h"
#include "json/read.h"
#include "json/write.h"

static const souk_mcp_handler *handler_of(const souk_handler *self)
{
    return self->user;
}

enum {
    /* What a server may ask. */
    ASKED_ABILITIES = SOUK_MCP_CAN_ELICIT_FORM | SOUK_MCP_CAN_ELICIT_URL | SOUK_MCP_CAN_SAMPLE |
                      SOUK_MCP_CAN_LIST_ROOTS,
    LISTEN_WAIT = 2000 /* ms that opening waits for the stream on which it may ask */
};

/* What nobody could answer is not declared. */
static unsigned declared(const souk_target *target)
{
    return target->input != 0 ? target->abilities : target->abilities & ~(unsigned)ASKED_ABILITIES;
}

static void fill_config(const souk_mcp_handler *handler, const souk_session *session,
                        souk_mcp_config *config)
{
    const souk_mcp_slot *state = session->state;
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
    config->group = souk_slice_of(state->group);
    config->client_name = SOUK_LIT("souk");
    config->client_version = SOUK_LIT(SOUK_VERSION);
    config->pinned = endpoint->pinned;
    config->remembered = (souk_mcp_revision)session->memory[SOUK_MCP_MEMORY_REVISION];
    config->open_timeout = endpoint->url != NULL ? options->open_timeout : options->spawn_timeout;
    config->probe_timeout = options->probe_timeout;
    config->connect_timeout = options->connect_timeout;
    config->grace = options->child_grace;
    config->max_response = (size_t)options->max_response;
    config->max_header = (size_t)options->max_header;
    config->max_queue = (size_t)options->max_queue;
    config->max_depth = (unsigned)options->max_depth;
    config->stream_retry = options->stream_retry;
    config->max_redirects = (unsigned)options->max_redirects;
    config->max_resumes = (unsigned)options->max_resumes;
    config->seed = handler->seed;
    config->abilities = declared(session->target);
    config->listen_first = !session->target->no_stream && config->url != NULL &&
                           (config->abilities & ASKED_ABILITIES) != 0;
    config->listen_wait = LISTEN_WAIT;
    config->ask_credential_on_401 = session->target->auth != 0 || state->has_token;
}

enum {
    SCHEMA_PAGES = 100,   /* of a tools/list that is read for the schema of one tool */
    ROUND_DELAY = 500,    /* ms before a round without questions */
    POLL_LEAST = 100,     /* ms between looks at a task, at least */
    POLL_MOST = 60 * 1000 /* ms, at most */
};

#define IDS_OF_FIRST UINT64_C(0x80000000)

static bool make_session(const souk_mcp_handler *handler, souk_session *session)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_config config;
    fill_config(handler, session, &config);
    const souk_mcp_ops_config ops = {.abilities = config.abilities,
                                     .max_rounds = (unsigned)handler->options.max_rounds,
                                     .max_pages = SCHEMA_PAGES,
                                     .round_delay = ROUND_DELAY,
                                     .poll_interval = handler->options.poll_interval,
                                     .poll_least = POLL_LEAST,
                                     .poll_most = POLL_MOST,
                                     .max_poll_failures =
                                         (unsigned)handler->options.max_poll_failures};
    const souk_alloc *alloc = handler->alloc != NULL ? handler->alloc : session->alloc;
    /* Ids are used once: a second attempt has the upper half of them. */
    souk_id ids = session->id_base + (state->refreshed ? IDS_OF_FIRST : 0);
    state->mcp = souk_mcp_new(alloc, souk_pool_port(handler->pool), &config, ids);
    state->ops = state->mcp == NULL ? NULL : souk_mcp_ops_new(alloc, state->mcp, &ops);
    if (state->ops == NULL) {
        souk_mcp_free(state->mcp);
        state->mcp = NULL;
        return false;
    }
    if (session->memory[SOUK_MCP_MEMORY_LOG_LEVEL] == 0) {
        session->memory[SOUK_MCP_MEMORY_LOG_LEVEL] = state->endpoint.log_level;
    }
    return true;
}

static int start(const souk_handler *self, souk_session *session, souk_slice token, souk_ms now,
                 souk_err *err)
{
    const souk_mcp_handler *handler = handler_of(self);
    souk_mcp_slot *state = session->state;
    souk_buf value;
    state->has_token = token.len > 0;
    if (!make_session(handler, session)) {
        return souk_fail_memory(err);
    }
    souk_buf_init(&value, session->alloc, 64 * 1024);
    int failed = SOUK_OK;
    if (token.len > 0) {
        failed = souk_mcp_write_authorization(&value, token, err);
        if (failed == SOUK_OK) {
            failed = souk_mcp_authorize(state->mcp, souk_buf_slice(&value), err);
        } else {
            souk_mcp_slot_explain(session, err);
        }
    }
    souk_buf_free(&value);
    if (failed == SOUK_OK) {
        souk_mcp_share_begin(self, session, now);
    }
    return failed;
}

static int ask_for_token(const souk_handler *self, souk_session *session, souk_ms now,
                         souk_err *err)
{
    souk_mcp_slot *state = session->state;
    souk_buf payload;
    souk_jw w;
    souk_buf_init(&payload, session->alloc, 64 * 1024);
    souk_jw_init(&w, &payload);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", session->target->name);
    souk_jw_key_string(&w, "identity", session->target->identity);
    souk_jw_key_string(&w, "url", souk_slice_of(state->endpoint.url));
    if (session->memory[SOUK_MCP_MEMORY_REFUSED] != 0) {
        souk_jw_key_bool(&w, "refused", true);
        session->memory[SOUK_MCP_MEMORY_REFUSED] = 0;
    }
    souk_jw_end_object(&w);
    int failed = souk_jw_check(&w, err);
    if (failed == SOUK_OK) {
        souk_question question = {SOUK_ASK_CREDENTIAL, session->target->auth, 0,
                                  souk_buf_slice(&payload)};
        failed = souk_session_ask(session, &question, &state->ask, err);
    }
    souk_buf_free(&payload);
    state->ask_by = souk_ms_after(now, handler_of(self)->options.open_timeout);
    return failed;
}

/*
 * Connections that carry credentials belong to one identity and one source of credentials. The name
 * of their group is a hash, because identities may have any bytes.
 */
static int name_group(const souk_mcp_handler *handler, const souk_session *session,
                      souk_mcp_slot *state, souk_err *err)
{
    souk_buf parts;
    souk_buf_init(&parts, session->alloc, 1024 * 1024);
    souk_buf_addf(&parts, "%zu ", session->target->identity.len);
    souk_buf_add(&parts, session->target->identity);
    souk_buf_addf(&parts, " %llu %s ", (unsigned long long)session->target->auth,
                  state->token_source);
    souk_buf_add(&parts, souk_pairs_get(session->target->config, "mcp_headers"));
    int failed = souk_buf_check(&parts, "the identity and headers of a server", err);
    if (failed == SOUK_OK) {
        souk_slice bytes = souk_buf_slice(&parts);
        snprintf(state->group, sizeof state->group, "%016llx%016llx",
                 (unsigned long long)souk_hash(bytes, handler->seed),
                 (unsigned long long)souk_hash(bytes, ~handler->seed));
    }
    souk_buf_free(&parts);
    return failed;
}

int souk_mcp_slot_open(const souk_handler *self, souk_session *session, souk_ms now, souk_err *err)
{
    const souk_env *env = souk_pool_env(handler_of(self)->pool);
    souk_mcp_slot *state = souk_new(session->alloc, sizeof *state);
    if (state == NULL) {
        return souk_fail_memory(err);
    }
    session->state = state;
    state->ask_by = SOUK_NEVER;
    souk_arena_init(&state->arena, session->alloc);
    int failed = souk_mcp_endpoint_read(&state->endpoint, &state->arena, session->target, env, err);
    failed = failed == SOUK_OK
                 ? souk_mcp_endpoint_check(&state->endpoint, handler_of(self)->reach, err)
                 : failed;
    if (failed != SOUK_OK) {
        return failed;
    }
    bool has_function = session->target->auth != 0;
    souk_mcp_token token;
    memset(&token, 0, sizeof token);
    if (state->endpoint.url != NULL && !has_function) {
        souk_mcp_token_find(&token, session->target, env);
    }
    souk_slice source, looked_for;
    if (!souk_arena_copy(&state->arena, souk_slice_of(token.source), &source) ||
        !souk_arena_copy(&state->arena, souk_slice_of(token.looked_for), &looked_for)) {
        return souk_fail_memory(err);
    }
    state->token_source = source.ptr;
    state->looked_for = looked_for.ptr;
    failed = name_group(handler_of(self), session, state, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    if (state->endpoint.url != NULL && has_function) {
        return ask_for_token(self, session, now, err);
    }
    return start(self, session, token.value, now, err);
}

/* Whether the variable that the token came from has another value by now; that is then in *token.
 */
static bool has_new_token(const souk_handler *self, const souk_session *session,
                          souk_mcp_token *token)
{
    const souk_mcp_slot *state = session->state;
    souk_buf value;
    souk_mcp_token_find(token, session->target, souk_pool_env(handler_of(self)->pool));
    if (strcmp(token->source, state->token_source) != 0) {
        return false; /* from another variable it would be another endpoint */
    }
    souk_buf_init(&value, session->alloc, 64 * 1024);
    bool is_new =
        souk_mcp_write_authorization(&value, token->value, NULL) == SOUK_OK &&
        !souk_slice_eq(souk_buf_slice(&value), souk_mcp_get_secrets(state->mcp).authorization);
    souk_buf_free(&value);
    return is_new;
}

bool souk_mcp_slot_refresh(const souk_handler *self, souk_session *session, const souk_err *why,
                           souk_ms now)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_token token;
    bool has_function = session->target->auth != 0;
    if (why->kind != SOUK_E_AUTH || why->status != 401 || !state->has_token || state->refreshed ||
        souk_mcp_went_abroad(state->mcp) ||
        (!has_function && !has_new_token(self, session, &token))) {
        return false;
    }
    souk_mcp_question_drop_all(session);
    souk_mcp_ops_free(state->ops);
    souk_mcp_free(state->mcp);
    state->ops = NULL;
    state->mcp = NULL;
    state->seen = SOUK_MCP_NEW;
    state->refreshed = true;
    souk_err failure;
    int failed = has_function ? ask_for_token(self, session, now, &failure)
                              : start(self, session, token.value, now, &failure);
    if (failed != SOUK_OK) {
        souk_session_failed(session, &failure);
    }
    return true;
}

/* What the program's function gave: a string, or null for no credential. */
static int read_token(souk_json_doc *doc, souk_slice json, souk_err *err)
{
    /* The reader's own message may show a piece of the text, which is a secret. */
    int failed = souk_json_read(doc, json, NULL, NULL);
    if (failed != SOUK_OK) {
        return souk_fail(err, failed, "the auth function's answer cannot be read");
    }
    souk_json_type type = souk_json_type_of(doc->root);
    if (type != SOUK_JSON_STRING && type != SOUK_JSON_NULL) {
        return souk_fail(err, SOUK_E_AUTH, "the auth function gave no string but a JSON %s",
                         souk_json_type_name(type));
    }
    return SOUK_OK;
}

void souk_mcp_slot_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                          souk_slice json, const souk_err *err, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    souk_err why;
    souk_json_doc doc;
    if (ask != state->ask) {
        return;
    }
    state->ask = 0;
    state->ask_by = SOUK_NEVER;
    souk_json_doc_init(&doc, session->alloc);
    int failed = err == NULL ? read_token(&doc, json, &why) : err->kind;
    if (failed != SOUK_OK) {
        why = err == NULL ? why : *err;
        souk_err_prefix(&why, "server '%s'", state->endpoint.name);
    } else {
        failed = start(self, session, souk_json_string(doc.root), now, &why);
    }
    souk_json_doc_free(&doc);
    if (failed != SOUK_OK) {
        souk_session_failed(session, &why);
    }
}

void souk_mcp_slot_ask_silent(souk_session *session)
{
    souk_mcp_slot *state = session->state;
    souk_err why;
    (void)souk_session_withdraw(session, state->ask);
    state->ask = 0;
    state->ask_by = SOUK_NEVER;
    souk_fail(&why, SOUK_E_TIMEOUT,
              "server '%s': the auth function did not answer in time (option open_timeout)",
              state->endpoint.name);
    souk_session_failed(session, &why);
}
