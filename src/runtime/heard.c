/* What is heard while listening: that it stands, that tools have changed, that something was
 * refused.
 */
#include "mcp/operation.h"
#include "runtime/internal.h"
#include "json/read.h"
#include "json/write.h"

enum { MAX_NOTE = 64 * 1024 };

void souk_rt_note_failure(souk_runtime *rt, const char *name, const souk_server *server,
                          souk_slice uri, const char *reason)
{
    souk_buf fields;
    souk_jw w;
    souk_buf_init(&fields, rt->alloc, MAX_NOTE);
    souk_jw_init(&w, &fields);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", server->name);
    if (uri.len > 0) {
        souk_jw_key_string(&w, "uri", uri);
    }
    souk_jw_key_string(&w, "reason", souk_slice_of(reason));
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        souk_pool_note(rt->pool, name, souk_buf_slice(&fields));
    }
    souk_buf_free(&fields);
}

/* A resource that a legacy server does not let anybody subscribe to. */
static void tell_refusal(souk_runtime *rt, const souk_server *server, souk_slice params)
{
    souk_json_doc doc;
    souk_err why;
    souk_json_doc_init(&doc, rt->alloc);
    if (souk_json_read(&doc, params, NULL, NULL) == SOUK_OK) {
        souk_slice message = souk_json_string(souk_json_get(doc.root, "message"));
        (void)souk_fail(&why, SOUK_E_RPC, "%.*s", SOUK_ARG(message));
        souk_rt_note_failure(rt, "listening_failed", server,
                             souk_json_string(souk_json_get(doc.root, "uri")), why.message);
    }
    souk_json_doc_free(&doc);
}

/*
 * 2026-07-28 (basic/utilities/subscriptions): the acknowledgement names what the server granted. A
 * subscription that is not among it will never be heard of. A set, because lists may be long.
 */
static void tell_missing(souk_runtime *rt, const souk_server *server, const souk_jval *granted)
{
    souk_map set;
    size_t cursor = 0;
    bool complete = true;
    souk_json_elements it = souk_json_each_element(granted);
    souk_map_init(&set, rt->alloc, rt->seed);
    while (souk_json_next_element(&it)) {
        souk_slice uri = souk_json_string(it.value);
        complete = complete && (uri.ptr == NULL || souk_map_set(&set, uri, &set, NULL));
    }
    for (const souk_map_entry *wish;
         complete && (wish = souk_map_next(&server->watch.uris, &cursor)) != NULL;) {
        if (souk_map_get(&set, wish->key) == NULL) {
            souk_rt_note_failure(rt, "listening_failed", server, wish->key,
                                 "the server did not take the subscription");
        }
    }
    souk_map_free(&set);
}

static void look_at_grant(souk_runtime *rt, const souk_server *server, souk_slice params)
{
    souk_json_doc doc;
    souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = params.len + 1};
    souk_json_doc_init(&doc, rt->alloc);
    if (params.len > 0 && souk_json_read(&doc, params, &limits, NULL) == SOUK_OK) {
        tell_missing(rt, server, souk_json_get(doc.root, "resourceSubscriptions"));
    }
    souk_json_doc_free(&doc);
}

static void stands(souk_runtime *rt, souk_server *server, souk_slice params)
{
    souk_watch *watch = &server->watch;
    souk_about about;
    if (watch->call == 0 || watch->looking) {
        return;
    }
    bool missed = watch->heard && !watch->seamless;
    watch->stands = true;
    watch->stood_since = souk_runtime_now(rt);
    watch->heard = true;
    watch->seamless = false;
    souk_rt_read_about(rt, server, &about);
    unsigned tells = souk_rt_watch_tells(watch, &about);
    if (missed && (tells & SOUK_TELLS_TOOLS) != 0) {
        souk_rt_refresh_want(rt, server);
    }
    if (about.modern && (tells & SOUK_TELLS_UPDATES) != 0 && !watch->uris_new) {
        look_at_grant(rt, server, params);
    }
}

bool souk_rt_watch_notice(souk_runtime *rt, const souk_outcome *outcome)
{
    souk_server *server = souk_rt_server(rt, outcome->server);
    if (server == NULL || rt->closing) {
        return true;
    }
    if (souk_slice_is(outcome->name, SOUK_MCP_LISTENING_FAILED)) {
        tell_refusal(rt, server, outcome->payload);
        return false;
    }
    if (souk_slice_is(outcome->name, SOUK_MCP_LISTENING) &&
        souk_slice_eq(outcome->identity, server->identity)) {
        stands(rt, server, outcome->payload);
    } else if (souk_slice_is(outcome->name, "notifications/tools/list_changed") ||
               souk_slice_is(outcome->name, SOUK_MCP_TOOLS_STALE)) {
        souk_rt_refresh_want(rt, server);
    }
    return true;
}

void souk_runtime_tools_changed(souk_runtime *rt, souk_slice name)
{
    souk_server *server = souk_rt_server(rt, name);
    if (server != NULL) {
        souk_rt_refresh_want(rt, server);
        souk_rt_kick(rt);
    }
}
