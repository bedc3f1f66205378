#include "pool/ask_handler.h"

#include <string.h>

#include "base/idmap.h"
#include "base/utf8.h"
#include "json/read.h"
#include "json/write.h"

enum { MAX_PAYLOAD = 64 * 1024 * 1024 };

typedef struct ask_handler {
    souk_handler base;
    const souk_alloc *alloc;
    uint64_t number;
    char *prefix;
} ask_handler;

typedef struct ask_state {
    uint64_t opening; /* the ask for the session, while it is not answered */
    souk_buf session; /* JSON text: what the program called the session */
    souk_idmap calls; /* ask id -> souk_call */
} ask_state;

static uint64_t number_of(const souk_handler *self)
{
    return ((const ask_handler *)self->user)->number;
}

static void write_pairs(souk_jw *w, const char *name, souk_pairs pairs)
{
    souk_jw_key(w, souk_slice_of(name));
    souk_jw_object(w);
    for (size_t i = 0; i < pairs.count; i++) {
        souk_jw_key(w, pairs.items[i].key);
        souk_jw_string(w, pairs.items[i].value);
    }
    souk_jw_end_object(w);
}

/*
 * Endpoints of such a handler are told apart by server name and all of the configuration but what
 * is per tool. Lengths before the parts keep them apart.
 */
static int ask_key(const souk_handler *self, const souk_target *target, souk_buf *key,
                   souk_err *err)
{
    souk_slice prefix = souk_slice_of(self->prefix);
    souk_buf_addf(key, "%zu ", target->name.len);
    souk_buf_add(key, target->name);
    for (size_t i = 0; i < target->config.count; i++) {
        souk_pair pair = target->config.items[i];
        bool mine = souk_slice_starts(pair.key, prefix);
        if (mine && !souk_slice_ends(pair.key, SOUK_LIT("_tool_name"))) {
            souk_buf_addf(key, " %zu %zu ", pair.key.len, pair.value.len);
            souk_buf_add(key, pair.key);
            souk_buf_add(key, pair.value);
        }
    }
    return souk_buf_check(key, "the description of an endpoint", err);
}

static int ask_open(const souk_handler *self, souk_session *session, souk_ms now, souk_err *err)
{
    (void)now;
    ask_state *state = souk_new(session->alloc, sizeof *state);
    if (state == NULL) {
        return souk_fail_memory(err);
    }
    session->state = state;
    souk_buf_init(&state->session, session->alloc, MAX_PAYLOAD);
    souk_idmap_init(&state->calls, session->alloc);
    souk_buf payload;
    souk_jw w;
    souk_buf_init(&payload, session->alloc, MAX_PAYLOAD);
    souk_jw_init(&w, &payload);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", session->target->name);
    souk_jw_key_string(&w, "identity", session->target->identity);
    write_pairs(&w, "config", session->target->config);
    souk_jw_end_object(&w);
    int failed = souk_jw_check(&w, err);
    if (failed == SOUK_OK) {
        souk_question question = {SOUK_ASK_OPEN, number_of(self), 0, souk_buf_slice(&payload)};
        failed = souk_session_ask(session, &question, &state->opening, err);
    }
    souk_buf_free(&payload);
    return failed;
}

static void write_request(souk_jw *w, const souk_request *request)
{
    souk_slice body = request->body.len == 0 ? SOUK_LIT("{}") : request->body;
    souk_jw_key_string(w, "capability", request->capability);
    if (request->kind == SOUK_REQUEST_METHOD) {
        souk_jw_key_string(w, "method", request->name);
        souk_jw_key_raw(w, "params", body);
    } else {
        write_pairs(w, "metadata", request->metadata);
        souk_jw_key_raw(w, "input", body);
    }
}

/* A handler of the program has no function for anything else. */
static int check_kind(const souk_handler *self, souk_request_kind kind, souk_err *err)
{
    static const char *const names[] = {"calls",     "methods", "notifications", "tasks",
                                        "listening", "ping",    "log levels"};
    if (kind == SOUK_REQUEST_CAPABILITY || kind == SOUK_REQUEST_METHOD) {
        return SOUK_OK;
    }
    return souk_fail(err, SOUK_E_CONFIG, "the session handler for '%s' knows no %s", self->prefix,
                     names[kind]);
}

static int ask_call(const souk_handler *self, souk_session *session, souk_call *call, souk_ms now,
                    souk_err *err)
{
    (void)now;
    ask_state *state = session->state;
    int failed = check_kind(self, call->request.kind, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_buf payload;
    souk_jw w;
    souk_buf_init(&payload, session->alloc, MAX_PAYLOAD);
    souk_jw_init(&w, &payload);
    souk_jw_object(&w);
    souk_jw_key_raw(&w, "session", souk_buf_slice(&state->session));
    write_request(&w, &call->request);
    souk_jw_end_object(&w);
    uint64_t id = 0;
    failed = souk_jw_check(&w, err);
    if (failed == SOUK_OK) {
        souk_question question = {SOUK_ASK_CALL, number_of(self), call->id,
                                  souk_buf_slice(&payload)};
        failed = souk_session_ask(session, &question, &id, err);
    }
    souk_buf_free(&payload);
    if (failed == SOUK_OK && !souk_idmap_add(&state->calls, id, call)) {
        (void)souk_session_withdraw(session, id); /* nobody has seen it yet */
        failed = souk_fail_memory(err);
    }
    call->state = (void *)(uintptr_t)id;
    return failed;
}

/* Asks without an answer: cancel and close. Nothing can be done when there is no memory for them.
 */
static void tell(const souk_handler *self, souk_session *session, souk_ask_kind kind, uint64_t call)
{
    ask_state *state = session->state;
    souk_buf payload;
    souk_jw w;
    uint64_t id;
    souk_buf_init(&payload, session->alloc, MAX_PAYLOAD);
    souk_jw_init(&w, &payload);
    souk_jw_object(&w);
    souk_jw_key_raw(&w, "session", souk_buf_slice(&state->session));
    if (call != 0) {
        souk_jw_key_int(&w, "call", (int64_t)call);
    }
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        souk_question question = {kind, number_of(self), call, souk_buf_slice(&payload)};
        (void)souk_session_ask(session, &question, &id, NULL);
    }
    souk_buf_free(&payload);
}

static void ask_cancel(const souk_handler *self, souk_session *session, souk_call *call,
                       souk_err *why, souk_ms now)
{
    (void)why;
    (void)now;
    ask_state *state = session->state;
    uint64_t id = (uint64_t)(uintptr_t)call->state;
    souk_idmap_remove(&state->calls, id);
    call->state = NULL;
    if (souk_session_withdraw(session, id)) {
        tell(self, session, SOUK_ASK_CANCEL, call->id);
    }
}

static void ask_close(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)now;
    const ask_state *state = session->state;
    if (state->opening == 0) {
        tell(self, session, SOUK_ASK_CLOSE, 0);
    }
    souk_session_closed(session);
}

static void ask_io(const souk_handler *self, souk_session *session, const souk_io_event *event,
                   souk_ms now)
{
    (void)self;
    (void)session;
    (void)event;
    (void)now; /* it starts no I/O, so none can happen */
}

/* Shows people what the program calls the session, cut between characters. */
static void label(souk_session *session, souk_slice json)
{
    size_t len = 0;
    uint32_t code_point;
    for (size_t size; len < json.len; len += size) {
        size = souk_utf8_decode(souk_slice_from(json, len), &code_point);
        if (size == 0 || len + size >= sizeof session->label) {
            break;
        }
    }
    memcpy(session->label, json.ptr, len);
    session->label[len] = '\0';
}

static void opened(souk_session *session, souk_slice json, const souk_err *err)
{
    ask_state *state = session->state;
    souk_err why;
    state->opening = 0;
    if (err != NULL) {
        souk_session_failed(session, err);
        return;
    }
    if (json.len == 0) {
        json = SOUK_LIT("null");
    }
    souk_buf_add(&state->session, json);
    if (souk_buf_check(&state->session, "the session", &why) != SOUK_OK) {
        souk_session_failed(session, &why);
        return;
    }
    label(session, json);
    souk_session_opened(session);
}

static void call_answered(souk_session *session, souk_call *call, souk_slice json,
                          const souk_err *err)
{
    souk_err why;
    souk_answer answer;
    souk_buf text;
    call->state = NULL;
    if (err != NULL) {
        bool lost = err->kind == SOUK_E_CLOSED;
        why = *err;
        why.delivery = lost ? SOUK_DELIVERY_REJECTED : SOUK_DELIVERY_DELIVERED;
        if (lost) {
            souk_session_lost(session, &why);
        }
        souk_call_failed(call, &why, lost, NULL);
        return;
    }
    souk_answer_init(&answer, session->alloc);
    souk_buf_init(&text, session->alloc, MAX_PAYLOAD);
    souk_buf_add(&text, json);
    int failed = souk_buf_check(&text, "the result", &why);
    if (failed == SOUK_OK) {
        failed = souk_json_read_take(&answer.doc, &text, NULL, &why);
    }
    answer.value = answer.doc.root;
    answer.structured = true;
    if (failed == SOUK_OK) {
        souk_call_done(call, &answer);
    } else {
        why.delivery = SOUK_DELIVERY_DELIVERED;
        souk_call_failed(call, &why, false, NULL);
    }
    souk_buf_free(&text);
    souk_answer_free(&answer);
}

static void ask_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                       souk_slice json, const souk_err *err, souk_ms now)
{
    (void)self;
    (void)now;
    ask_state *state = session->state;
    if (ask == state->opening) {
        opened(session, json, err);
        return;
    }
    souk_call *call = souk_idmap_remove(&state->calls, ask);
    if (call != NULL) {
        call_answered(session, call, json, err);
    }
}

static souk_ms ask_deadline(const souk_handler *self, const souk_session *session)
{
    (void)self;
    (void)session;
    return SOUK_NEVER;
}

static void ask_tick(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    (void)session;
    (void)now;
}

static void ask_free(const souk_handler *self, souk_session *session)
{
    (void)self;
    ask_state *state = session->state;
    if (state != NULL) {
        souk_buf_free(&state->session);
        souk_idmap_free(&state->calls);
        souk_free(session->alloc, state);
        session->state = NULL;
    }
}

souk_handler *souk_ask_handler_new(const souk_alloc *alloc, souk_slice prefix, uint64_t number)
{
    ask_handler *handler = souk_new(alloc, sizeof *handler);
    char *name = handler == NULL ? NULL : souk_dup(alloc, prefix);
    if (name == NULL) {
        souk_free(alloc, handler);
        return NULL;
    }
    handler->alloc = alloc;
    handler->number = number;
    handler->prefix = name;
    handler->base.prefix = name;
    handler->base.user = handler;
    handler->base.key = ask_key;
    handler->base.open = ask_open;
    handler->base.call = ask_call;
    handler->base.cancel = ask_cancel;
    handler->base.close = ask_close;
    handler->base.io = ask_io;
    handler->base.answer = ask_answer;
    handler->base.deadline = ask_deadline;
    handler->base.tick = ask_tick;
    handler->base.free = ask_free;
    return &handler->base;
}

void souk_ask_handler_free(souk_handler *handler)
{
    if (handler != NULL) {
        ask_handler *mine = handler->user;
        souk_free(mine->alloc, mine->prefix);
        souk_free(mine->alloc, mine);
    }
}
