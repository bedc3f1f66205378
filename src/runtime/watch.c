/*
 * Listening: what servers say by themselves.
 *
 * Each server has at most one standing call of its own (SOUK_REQUEST_LISTEN), which names what is
 * to be heard: the lists of which the server declares that they change, and the resources that the
 * program subscribed to. When it ends it is put again, later and later while it fails. A server of
 * which nothing is known yet is pinged first, so that it says what it declares.
 */
#include <string.h>

#include "base/utf8.h"
#include "runtime/internal.h"
#include "json/write.h"

enum {
    MAX_SUBSCRIPTIONS = 10000, /* of one server */
    MAX_URI = 8192,            /* bytes */
    MAX_FILTER = 128 * 1024 * 1024,
    STEADY = 10000 /* ms: what stood so long counts as no failure when it ends */
};

void souk_rt_watch_init(souk_runtime *rt, souk_server *server, souk_listen mode)
{
    souk_watch *watch = &server->watch;
    watch->mode = mode;
    watch->due = SOUK_NEVER;
    watch->refresh_due = SOUK_NEVER;
    souk_map_init(&watch->uris, rt->alloc, rt->seed);
}

void souk_rt_watch_free(souk_server *server)
{
    souk_map_free(&server->watch.uris);
}

void souk_rt_watch_end(souk_runtime *rt, souk_server *server)
{
    server->watch.call = 0;
    souk_rt_errands_forget(rt, server);
}

void souk_rt_watch_by(souk_runtime *rt, souk_ms *due, souk_ms at)
{
    if (!rt->closing) {
        *due = souk_ms_min(*due, at);
        rt->watch_due = souk_ms_min(rt->watch_due, at);
    }
}

/* --- what is to be heard --- */

/* A server that does not say what it tells is asked for all. */
unsigned souk_rt_watch_tells(const souk_watch *watch, const souk_about *about)
{
    if (about->declared) {
        return about->tells;
    }
    return watch->tells_known ? watch->tells : (unsigned)(SOUK_TELLS_LISTS | SOUK_TELLS_UPDATES);
}

static bool is_wanted(const souk_watch *watch, const souk_about *about)
{
    return watch->mode == SOUK_LISTEN_ALWAYS || souk_map_count(&watch->uris) > 0 ||
           (watch->mode == SOUK_LISTEN_AUTO && watch->discovered && about->known);
}

/* Of the flags those that this server is listened to for; says why when a subscription is in vain.
 */
static unsigned choose(souk_runtime *rt, const souk_server *server, const souk_about *about)
{
    const souk_watch *watch = &server->watch;
    unsigned tells = souk_rt_watch_tells(watch, about);
    bool subscribed = souk_map_count(&watch->uris) > 0;
    bool needs_stream = about->modern || !about->stdio;
    if (watch->mode == SOUK_LISTEN_NEVER) {
        tells &= (unsigned)(needs_stream ? 0 : SOUK_TELLS_UPDATES);
    }
    if (!subscribed) {
        return tells & (unsigned)SOUK_TELLS_LISTS;
    }
    if ((tells & SOUK_TELLS_UPDATES) == 0) {
        bool is_off = watch->mode == SOUK_LISTEN_NEVER && needs_stream;
        souk_rt_note_failure(rt, "listening_failed", server, SOUK_LIT(""),
                             is_off ? "listening to this server is switched off (option listen)"
                                    : "the server lets nobody subscribe to its resources");
    }
    return tells;
}

static void write_filter(souk_buf *out, const souk_watch *watch, unsigned tells)
{
    static const struct {
        souk_tells tells;
        const char *name;
    } rows[] = {{SOUK_TELLS_TOOLS, "toolsListChanged"},
                {SOUK_TELLS_PROMPTS, "promptsListChanged"},
                {SOUK_TELLS_RESOURCES, "resourcesListChanged"}};
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if ((tells & (unsigned)rows[i].tells) != 0) {
            souk_jw_key_bool(&w, rows[i].name, true);
        }
    }
    if ((tells & SOUK_TELLS_UPDATES) != 0 && souk_map_count(&watch->uris) > 0) {
        size_t cursor = 0;
        souk_jw_key(&w, SOUK_LIT("resourceSubscriptions"));
        souk_jw_array(&w);
        for (const souk_map_entry *it; (it = souk_map_next(&watch->uris, &cursor)) != NULL;) {
            souk_jw_string(&w, it->key);
        }
        souk_jw_end_array(&w);
    }
    souk_jw_end_object(&w);
}

/* --- putting it, and its end --- */

static void try_later(souk_runtime *rt, souk_server *server, souk_ms delay)
{
    souk_watch *watch = &server->watch;
    watch->due = SOUK_NEVER;
    souk_rt_watch_by(rt, &watch->due, souk_runtime_now(rt) + delay);
}

static void failed(souk_runtime *rt, souk_server *server, const souk_err *err)
{
    souk_ms delay = souk_rt_is_lasting(err->kind)
                        ? souk_rt_back_off_long(rt, server)
                        : souk_rt_back_off(rt, server, server->watch.failures++);
    souk_rt_note_failure(rt, "listening_failed", server, SOUK_LIT(""), err->message);
    try_later(rt, server, delay);
}

/* Puts LISTEN, or LOOK when tells is 0. */
static void put(souk_runtime *rt, souk_server *server, souk_errand_kind kind, unsigned tells)
{
    souk_watch *watch = &server->watch;
    souk_request request;
    souk_buf body;
    souk_err err;
    memset(&request, 0, sizeof request);
    souk_buf_init(&body, rt->alloc, MAX_FILTER);
    request.kind = kind == SOUK_ERRAND_LOOK ? SOUK_REQUEST_PING : SOUK_REQUEST_LISTEN;
    request.capability = server->name;
    request.raw = true;
    if (kind == SOUK_ERRAND_LISTEN) {
        write_filter(&body, watch, tells);
    }
    int not_put = souk_buf_check(&body, "the list of subscriptions", &err);
    if (not_put == SOUK_OK) {
        not_put = souk_rt_errand(rt, server, &request, &body, &watch->call, &err);
    }
    souk_buf_free(&body);
    watch->looking = kind == SOUK_ERRAND_LOOK;
    if (not_put != SOUK_OK) {
        watch->call = 0;
        failed(rt, server, &err);
    }
}

/* Takes back a LISTEN that does not name the resources that are wanted now. */
static void take_back(souk_runtime *rt, souk_server *server, const souk_about *about)
{
    souk_watch *watch = &server->watch;
    souk_rt_errand_drop(rt, watch->call);
    watch->call = 0;
    watch->seamless = watch->stands && about->known && !about->modern && about->stdio;
    watch->stands = false;
}

static void act(souk_runtime *rt, souk_server *server)
{
    souk_watch *watch = &server->watch;
    souk_about about;
    if (watch->call != 0 && (watch->looking || !watch->uris_new)) {
        return;
    }
    souk_rt_read_about(rt, server, &about);
    if (watch->call != 0) {
        take_back(rt, server, &about);
    }
    if (!is_wanted(watch, &about)) {
        watch->uris_new = false;
        return;
    }
    if (watch->must_look || (!watch->looked && !about.declared)) {
        put(rt, server, SOUK_ERRAND_LOOK, 0);
        return;
    }
    /* One look is enough for a server that says nothing; one that was forgotten is asked again. */
    watch->looked = watch->looked && about.known;
    watch->uris_new = false;
    unsigned tells = choose(rt, server, &about);
    /* Even a legacy server that declares nothing may have something to say or to ask. */
    bool may_speak = watch->mode == SOUK_LISTEN_ALWAYS && !about.modern;
    bool has_uris = (tells & SOUK_TELLS_UPDATES) != 0 && souk_map_count(&watch->uris) > 0;
    if ((tells & SOUK_TELLS_LISTS) != 0 || has_uris || may_speak) {
        put(rt, server, SOUK_ERRAND_LISTEN, tells);
    }
}

void souk_rt_watch_listen_ended(souk_runtime *rt, souk_server *server, const souk_err *err)
{
    souk_watch *watch = &server->watch;
    bool was_steady = watch->stands && souk_runtime_now(rt) - watch->stood_since >= STEADY;
    watch->call = 0;
    watch->stands = false;
    watch->seamless = false;
    if (was_steady) {
        watch->failures = 0;
    }
    if (err->kind == SOUK_E_CLOSED && watch->failures == 0) {
        watch->failures = 1; /* the session was replaced: its successor is listened to at once */
        try_later(rt, server, 0);
    } else if (err->kind == SOUK_OK || err->kind == SOUK_E_CLOSED) {
        try_later(rt, server, souk_rt_back_off(rt, server, watch->failures++));
    } else {
        /* That a session is gone may show in nothing but a refused stream: a request finds out. */
        watch->must_look = err->kind == SOUK_E_TRANSPORT;
        failed(rt, server, err);
    }
}

void souk_rt_watch_look_ended(souk_runtime *rt, souk_server *server, const souk_outcome *outcome)
{
    souk_watch *watch = &server->watch;
    watch->call = 0;
    if (outcome->err.kind != SOUK_OK && outcome->err.kind != SOUK_E_RPC) {
        failed(rt, server, &outcome->err);
        return;
    }
    watch->looked = true;
    watch->must_look = false;
    if (outcome->err.kind == SOUK_OK) { /* else there is no ping, but somebody who says so */
        watch->tells = souk_rt_tells(souk_json_get(outcome->answer->value, "capabilities"),
                                     &watch->tells_known);
    }
    try_later(rt, server, 0);
}

void souk_rt_watch_run(souk_runtime *rt, souk_ms now)
{
    size_t cursor = 0;
    if (rt->closing || rt->watch_due > now) {
        return;
    }
    rt->watch_due = SOUK_NEVER;
    for (const souk_map_entry *it; (it = souk_map_next(&rt->servers, &cursor)) != NULL;) {
        souk_server *server = it->value;
        souk_watch *watch = &server->watch;
        if (watch->due <= now) {
            watch->due = SOUK_NEVER;
            act(rt, server);
        }
        if (watch->refresh_due <= now) {
            watch->refresh_due = SOUK_NEVER;
            souk_rt_refresh_run(rt, server, now);
        }
        rt->watch_due = souk_ms_min(rt->watch_due, souk_ms_min(watch->due, watch->refresh_due));
    }
}

/* --- subscriptions --- */

static int check_uri(souk_slice uri, souk_err *err)
{
    if (uri.len == 0 || uri.len > MAX_URI || !souk_utf8_valid(uri, NULL)) {
        return souk_fail(err, SOUK_E_CONFIG,
                         "the URI of a resource has 1 to %d bytes of valid UTF-8", MAX_URI);
    }
    return SOUK_OK;
}

static int add_uri(souk_server *server, souk_slice uri, souk_err *err)
{
    souk_watch *watch = &server->watch;
    if (souk_map_count(&watch->uris) >= MAX_SUBSCRIPTIONS) {
        return souk_fail(err, SOUK_E_LIMIT, "server '%.*s': more than %d subscriptions",
                         SOUK_ARG(server->name), MAX_SUBSCRIPTIONS);
    }
    return souk_map_set(&watch->uris, uri, server, NULL) ? SOUK_OK : souk_fail_memory(err);
}

/* Legacy servers have to be told one by one; that it may fail changes nothing. */
static void unsubscribe(souk_runtime *rt, souk_server *server, souk_slice uri)
{
    souk_about about;
    souk_request request;
    souk_err err;
    souk_buf body;
    souk_jw w;
    uint64_t call;
    souk_rt_read_about(rt, server, &about);
    if (!server->watch.stands || about.modern || !about.known) {
        return;
    }
    memset(&request, 0, sizeof request);
    request.kind = SOUK_REQUEST_METHOD;
    request.capability = server->name;
    request.name = SOUK_LIT("resources/unsubscribe");
    request.raw = true;
    souk_buf_init(&body, rt->alloc, (size_t)MAX_URI * 8);
    souk_jw_init(&w, &body);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "uri", uri);
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        (void)souk_rt_errand(rt, server, &request, &body, &call, &err);
    }
    souk_buf_free(&body);
}

int souk_runtime_subscribe(souk_runtime *rt, souk_slice server, souk_slice uri, bool wanted,
                           souk_err *err)
{
    souk_server *found = souk_rt_server(rt, server);
    if (found == NULL) {
        return souk_fail(err, SOUK_E_CONFIG, "there is no server named '%.*s'", SOUK_ARG(server));
    }
    int failed = check_uri(uri, err);
    if (failed != SOUK_OK || (souk_map_get(&found->watch.uris, uri) != NULL) == wanted) {
        return failed;
    }
    if (wanted) {
        failed = add_uri(found, uri, err);
    } else {
        souk_map_remove(&found->watch.uris, uri);
        unsubscribe(rt, found, uri);
    }
    if (failed == SOUK_OK) {
        found->watch.uris_new = true;
        souk_rt_watch_by(rt, &found->watch.due, 0);
        souk_rt_kick(rt);
    }
    return failed;
}
