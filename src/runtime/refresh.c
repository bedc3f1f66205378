/*
 * Refreshing: a server whose tools were asked for once, and which says that they have changed, is
 * asked again. One discovery at a time, and not more often than once a second, however often the
 * server says so.
 */
#include "runtime/internal.h"
#include "json/write.h"

enum { LEAST_GAP = 1000, MAX_NOTE = 4 * 1024 * 1024 }; /* ms; bytes */

void souk_rt_refresh_known(souk_runtime *rt, souk_server *server)
{
    souk_watch *watch = &server->watch;
    watch->discovered = true;
    watch->refresh_failures = 0;
    if (watch->call == 0 && watch->due == SOUK_NEVER) {
        souk_rt_watch_by(rt, &watch->due, 0); /* now that it is known, it may be listened to */
    }
}

void souk_rt_refresh_want(souk_runtime *rt, souk_server *server)
{
    souk_watch *watch = &server->watch;
    if (!watch->discovered) {
        return;
    }
    bool was_asked = watch->refreshed != 0;
    watch->stale = true;
    souk_rt_watch_by(rt, &watch->refresh_due, was_asked ? watch->refreshed + LEAST_GAP : 0);
}

static void note(souk_runtime *rt, const souk_server *server, const souk_jval *found)
{
    souk_buf fields;
    souk_jw w;
    int64_t tools = 0;
    (void)souk_json_integer(souk_json_get(found, "tools"), &tools);
    souk_buf_init(&fields, rt->alloc, MAX_NOTE);
    souk_jw_init(&w, &fields);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", server->name);
    souk_jw_key_int(&w, "tools", tools);
    souk_jw_key(&w, SOUK_LIT("diagnostics"));
    souk_jw_value(&w, souk_json_get(found, "diagnostics"));
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        souk_pool_note(rt->pool, "tools_refreshed", souk_buf_slice(&fields));
    }
    souk_buf_free(&fields);
}

/* It is tried again: until then the marketplace shows what was there before. */
static void failed(souk_runtime *rt, souk_server *server, const souk_err *err)
{
    souk_watch *watch = &server->watch;
    souk_ms delay = souk_rt_is_lasting(err->kind)
                        ? souk_rt_back_off_long(rt, server)
                        : souk_rt_back_off(rt, server, watch->refresh_failures++);
    watch->stale = true;
    watch->refresh_due = SOUK_NEVER;
    souk_rt_watch_by(rt, &watch->refresh_due, souk_runtime_now(rt) + delay);
    souk_rt_note_failure(rt, "tools_refreshed", server, SOUK_LIT(""), err->message);
}

void souk_rt_refresh_run(souk_runtime *rt, souk_server *server, souk_ms now)
{
    souk_err err;
    uint64_t call;
    /* While one is under way nothing is begun; its end looks whether there is need for another. */
    if (!server->watch.stale || souk_rt_is_discovering(rt, server)) {
        return;
    }
    server->watch.refreshed = now;
    if (souk_rt_discover(rt, server, 0, true, &call, &err) != SOUK_OK) {
        failed(rt, server, &err);
    }
}

void souk_rt_refresh_ended(souk_runtime *rt, souk_server *server, const souk_outcome *outcome)
{
    if (rt->closing) {
        return;
    }
    if (outcome->err.kind == SOUK_OK) {
        note(rt, server, outcome->answer->value);
    } else {
        failed(rt, server, &outcome->err);
    }
}
