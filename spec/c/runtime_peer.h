/*
 * A runtime whose servers are a handler of the test: no I/O, a clock that the test moves, and a
 * record of everything that was asked of the "server".
 */
#ifndef SOUK_RUNTIME_PEER_H
#define SOUK_RUNTIME_PEER_H

#include <string.h>

#include "failing_alloc.h"
#include "runtime/runtime.h"
#include "tap.h"
#include "json/read.h"

enum { PEER_TEXT = 512, PEER_HELD = 8 };

typedef struct peer {
    souk_handler base;
    souk_runtime *rt;
    souk_ms now;

    /* what the server is like */
    const char *about; /* NULL: it says nothing of itself */
    const char *tools; /* the result of tools/list */
    const char *pong;  /* the result of a ping */
    int open_fails;    /* 0, or the kind of error */
    int listen_fails;
    int list_fails;
    int look_fails;
    bool hold_lists; /* tools/list is answered by peer_answer_lists only */

    /* what was asked of it */
    souk_session *session;
    souk_call *listen;
    souk_call *held[PEER_HELD];
    size_t held_count;
    int opens, looks, listens, lists, cancels;
    char filter[PEER_TEXT];  /* of the last LISTEN */
    char methods[PEER_TEXT]; /* every other request: "name body;" */
    souk_request_kind kind;  /* of the last request */
    bool progress;
    souk_ms cap; /* of its deadline, from the moment when it was put */
    char trace[PEER_TEXT];
    unsigned abilities;
    uint64_t input;

    /* what the program saw */
    int dones;
    souk_err last; /* how the last call ended */
    int notices;
    char notes[PEER_TEXT * 4]; /* "name fields;" */
} peer;

static inline peer *peer_of(const souk_handler *self)
{
    return self->user;
}

static inline void peer_append(char *text, size_t room, souk_slice name, souk_slice body)
{
    size_t used = strlen(text);
    snprintf(text + used, room - used, "%.*s %.*s;", SOUK_ARG(name), SOUK_ARG(body));
}

static inline void peer_done(souk_call *call, const char *json)
{
    souk_answer answer;
    souk_err err;
    souk_answer_init(&answer, call->session->alloc);
    if (souk_json_read(&answer.doc, souk_slice_of(json), NULL, &err) == SOUK_OK) {
        answer.value = answer.doc.root;
        souk_call_done(call, &answer);
    } else {
        souk_call_failed(call, &err, false, NULL);
    }
    souk_answer_free(&answer);
}

static inline void peer_fail(souk_call *call, int kind)
{
    souk_err err;
    (void)souk_fail(&err, kind, "the peer fails");
    souk_call_failed(call, &err, false, NULL);
}

static inline void peer_answer_lists(peer *p)
{
    size_t count = p->held_count;
    p->held_count = 0;
    for (size_t i = 0; i < count; i++) {
        peer_done(p->held[i], p->tools);
    }
}

static inline int peer_key(const souk_handler *self, const souk_target *target, souk_buf *key,
                           souk_err *err)
{
    peer_of(self)->abilities = target->abilities;
    peer_of(self)->input = target->input;
    souk_buf_add_text(key, "peer");
    return souk_buf_check(key, "the key", err);
}

static inline int peer_open(const souk_handler *self, souk_session *session, souk_ms now,
                            souk_err *err)
{
    peer *p = peer_of(self);
    (void)now;
    p->opens++;
    p->session = session;
    if (p->open_fails != 0) {
        return souk_fail(err, p->open_fails, "the peer is shut");
    }
    if (p->about != NULL && !souk_session_describe(session, souk_slice_of(p->about))) {
        return souk_fail_memory(err);
    }
    souk_session_opened(session);
    return SOUK_OK;
}

static inline void peer_list(peer *p, souk_call *call)
{
    p->lists++;
    if (p->list_fails != 0) {
        peer_fail(call, p->list_fails);
    } else if (p->hold_lists && p->held_count < PEER_HELD) {
        p->held[p->held_count++] = call;
    } else {
        peer_done(call, p->tools);
    }
}

static inline void peer_ask(souk_call *call, int fails, const char *result)
{
    if (fails != 0) {
        peer_fail(call, fails);
    } else {
        peer_done(call, result);
    }
}

static inline int peer_call(const souk_handler *self, souk_session *session, souk_call *call,
                            souk_ms now, souk_err *err)
{
    peer *p = peer_of(self);
    const souk_request *request = &call->request;
    (void)session;
    if (request->kind == SOUK_REQUEST_LISTEN) {
        p->listens++;
        snprintf(p->filter, sizeof p->filter, "%.*s", SOUK_ARG(request->body));
        if (p->listen_fails != 0) {
            return souk_fail(err, p->listen_fails, "the peer does not listen");
        }
        p->listen = call;
        return SOUK_OK;
    }
    if (request->kind == SOUK_REQUEST_PING && souk_slice_is(request->capability, "peer")) {
        p->looks++;
        peer_ask(call, p->look_fails, p->pong);
        return SOUK_OK;
    }
    if (souk_slice_is(request->name, "tools/list")) {
        peer_list(p, call);
        return SOUK_OK;
    }
    p->kind = request->kind;
    p->progress = request->progress;
    p->cap = call->cap - now;
    snprintf(p->trace, sizeof p->trace, "%.*s|%.*s|%.*s", SOUK_ARG(request->traceparent),
             SOUK_ARG(request->tracestate), SOUK_ARG(request->baggage));
    peer_append(p->methods, sizeof p->methods, request->name, request->body);
    peer_done(call, "{}");
    return SOUK_OK;
}

static inline void peer_cancel(const souk_handler *self, souk_session *session, souk_call *call,
                               souk_err *why, souk_ms now)
{
    peer *p = peer_of(self);
    (void)session;
    (void)why;
    (void)now;
    p->cancels++;
    if (p->listen == call) {
        p->listen = NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < p->held_count; i++) {
        if (p->held[i] != call) {
            p->held[kept++] = p->held[i];
        }
    }
    p->held_count = kept;
}

static inline void peer_close(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    (void)now;
    souk_session_closed(session);
}

static inline void peer_io(const souk_handler *self, souk_session *session,
                           const souk_io_event *event, souk_ms now)
{
    (void)self;
    (void)session;
    (void)event;
    (void)now;
}

static inline void peer_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                               souk_slice json, const souk_err *err, souk_ms now)
{
    (void)self;
    (void)session;
    (void)ask;
    (void)json;
    (void)err;
    (void)now;
}

static inline souk_ms peer_deadline(const souk_handler *self, const souk_session *session)
{
    (void)self;
    (void)session;
    return SOUK_NEVER;
}

static inline void peer_tick(const souk_handler *self, souk_session *session, souk_ms now)
{
    (void)self;
    (void)session;
    (void)now;
}

static inline void peer_free(const souk_handler *self, souk_session *session)
{
    peer *p = peer_of(self);
    if (p->session == session) {
        p->session = NULL;
    }
}

static inline souk_ms peer_clock(void *user)
{
    const peer *p = user;
    return p->now;
}

#define PEER_ABOUT(era, transport, capabilities)                                                   \
    "{\"era\":\"" era "\",\"transport\":\"" transport "\",\"capabilities\":" capabilities "}"
#define PEER_LISTS "{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true}}"
#define PEER_RESOURCES "{\"resources\":{\"subscribe\":true}}"
#define PEER_TOOL(name) "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define PEER_LIST_CHANGED "notifications/tools/list_changed"

/* A runtime with the peer as the handler "own"; false when out of memory. */
static inline bool peer_begin(peer *p, const souk_alloc *alloc, souk_err *err)
{
    souk_runtime_options options;
    souk_handler base = {"own",       p,          peer_key, peer_open,   peer_call,
                         peer_cancel, peer_close, peer_io,  peer_answer, peer_deadline,
                         peer_tick,   NULL,       peer_free};
    memset(p, 0, sizeof *p);
    p->base = base;
    p->now = 1000000;
    p->about = PEER_ABOUT("legacy", "http", PEER_LISTS);
    p->tools = "{\"tools\":[" PEER_TOOL("one") "]}";
    p->pong = "{}";
    souk_runtime_options_default(&options);
    options.clock = peer_clock;
    options.clock_user = p;
    if (souk_runtime_new(alloc, &options, &p->rt, err) != SOUK_OK) {
        p->rt = NULL;
        return false;
    }
    souk_pool_want_notes(souk_runtime_pool(p->rt), true);
    return souk_pool_add_handler(souk_runtime_pool(p->rt), &p->base, err) == SOUK_OK;
}

static inline void peer_end(peer *p)
{
    if (p->rt != NULL) {
        souk_runtime_close(p->rt, 1000);
    }
    souk_runtime_free(p->rt);
    p->rt = NULL;
}

static inline int peer_add(peer *p, souk_listen listen, souk_err *err)
{
    souk_server_options server;
    memset(&server, 0, sizeof server);
    server.name = SOUK_LIT("peer");
    server.prefix = SOUK_LIT("own");
    server.listen = listen;
    server.input = 7;
    server.abilities = 3;
    return souk_runtime_add_server(p->rt, &server, err);
}

/* Fetches everything that is there, and notes it down. */
static inline void peer_fetch(peer *p)
{
    souk_outcome outcome;
    while (souk_runtime_next(p->rt, &outcome)) {
        if (outcome.kind == SOUK_OUTCOME_DONE) {
            p->dones++;
            p->last = outcome.err;
        } else if (outcome.kind == SOUK_OUTCOME_NOTICE) {
            p->notices++;
        } else if (outcome.kind == SOUK_OUTCOME_NOTE &&
                   !souk_slice_starts(outcome.name, SOUK_LIT("session_"))) {
            peer_append(p->notes, sizeof p->notes, outcome.name, outcome.payload);
        }
    }
}

/* Works until nothing is left to be done at this moment. */
static inline void peer_run(peer *p)
{
    souk_err err;
    for (int i = 0; i < 6; i++) {
        (void)souk_runtime_step(p->rt, 0, &err);
        peer_fetch(p);
    }
}

static inline void peer_wait(peer *p, souk_ms time)
{
    p->now += time;
    peer_run(p);
}

static inline int peer_discover(peer *p, souk_err *err)
{
    uint64_t call;
    return souk_runtime_discover(p->rt, SOUK_LIT("peer"), 0, &call, err);
}

static inline void peer_subscribe(peer *p, const char *uri, bool wanted)
{
    souk_err err;
    CHECK_INT(souk_runtime_subscribe(p->rt, SOUK_LIT("peer"), souk_slice_of(uri), wanted, &err),
              SOUK_OK);
}

static inline void peer_say(peer *p, const char *method)
{
    if (p->session != NULL) {
        souk_session_notice(p->session, souk_slice_of(method), souk_slice_make(NULL, 0));
    }
    peer_run(p);
}

/* The standing call ends with that kind; SOUK_OK: in order. */
static inline void peer_end_listen(peer *p, int kind)
{
    souk_call *call = p->listen;
    p->listen = NULL;
    if (call != NULL && kind == SOUK_OK) {
        peer_done(call, "{}");
    } else if (call != NULL) {
        peer_fail(call, kind);
    }
    peer_run(p);
}

static inline bool peer_has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

#endif
