/* Discovery: asks a server for its tools, page after page, and registers each as a capability. */
#include <string.h>

#include "mcp/envelope.h"
#include "mcp/param_header.h"
#include "mcp/tools.h"
#include "runtime/internal.h"
#include "json/read.h"
#include "json/write.h"

enum { MAX_DIAGNOSTICS_TEXT = 1024 * 1024, MAX_MANIFEST_TEXT = 64 * 1024 * 1024 };

static void discovery_free(souk_runtime *rt, souk_discovery *discovery)
{
    for (souk_discovery **at = &rt->discoveries; *at != NULL; at = &(*at)->next) {
        if (*at == discovery) {
            *at = discovery->next;
            break;
        }
    }
    souk_map_free(&discovery->seen);
    souk_map_free(&discovery->cursors);
    souk_buf_free(&discovery->diagnostics);
    souk_free(rt->alloc, discovery);
}

void souk_rt_discoveries_free(souk_runtime *rt)
{
    while (rt->discoveries != NULL) {
        discovery_free(rt, rt->discoveries);
    }
}

void souk_rt_discoveries_forget(souk_runtime *rt, const souk_server *server)
{
    /* Who waits for its tools need not wait until the server answers. */
    for (size_t i = 0; i < rt->pages.size; i++) {
        const souk_discovery *discovery = rt->pages.slots[i].value;
        if (discovery != NULL && discovery->server == server) {
            souk_pool_cancel(rt->pool, rt->pages.slots[i].id, souk_runtime_now(rt));
        }
    }
    for (souk_discovery *it = rt->discoveries; it != NULL; it = it->next) {
        if (it->server == server) {
            it->server = NULL;
        }
    }
}

/* Asks for one page; the outcome of that call comes back to souk_rt_page. */
static int ask_page(souk_runtime *rt, souk_discovery *discovery, const souk_slice *cursor,
                    uint64_t *call, souk_err *err)
{
    souk_target target;
    souk_request request;
    souk_call_options options;
    souk_buf params;
    souk_buf_init(&params, rt->alloc, MAX_DIAGNOSTICS_TEXT);
    int failed = souk_mcp_write_page_params(&params, cursor, err);
    if (failed != SOUK_OK) {
        souk_buf_free(&params);
        return failed;
    }
    souk_rt_server_target(discovery->server, souk_slice_make(NULL, 0), &target);
    memset(&request, 0, sizeof request);
    request.kind = SOUK_REQUEST_METHOD;
    request.capability = discovery->server->name;
    request.name = SOUK_LIT("tools/list");
    memset(&options, 0, sizeof options);
    options.timeout = discovery->timeout > 0 ? discovery->timeout : discovery->server->timeout;
    options.may_resend = true; /* asking for a list twice does no harm */
    souk_order order = {&target, &request, &params, options};
    failed = souk_pool_call(rt->pool, &order, souk_runtime_now(rt), call, err);
    if (failed == SOUK_OK && !souk_idmap_add(&rt->pages, *call, discovery)) {
        souk_pool_cancel(rt->pool, *call, souk_runtime_now(rt));
        failed = souk_fail_memory(err);
    }
    return failed;
}

int souk_rt_discover(souk_runtime *rt, souk_server *server, souk_ms timeout, bool internal,
                     uint64_t *call, souk_err *err)
{
    souk_discovery *discovery = souk_new(rt->alloc, sizeof *discovery);
    if (discovery == NULL) {
        return souk_fail_memory(err);
    }
    discovery->server = server;
    discovery->timeout = timeout;
    discovery->internal = internal;
    souk_map_init(&discovery->seen, rt->alloc, rt->seed);
    souk_map_init(&discovery->cursors, rt->alloc, rt->seed);
    souk_buf_init(&discovery->diagnostics, rt->alloc, MAX_DIAGNOSTICS_TEXT);
    discovery->next = rt->discoveries;
    rt->discoveries = discovery;
    int failed = ask_page(rt, discovery, NULL, call, err);
    if (failed != SOUK_OK) {
        discovery_free(rt, discovery);
        return failed;
    }
    discovery->id = *call;
    discovery->was_stale = server->watch.stale;
    server->watch.stale = false; /* what changes from now on is told again */
    return SOUK_OK;
}

bool souk_rt_is_discovering(const souk_runtime *rt, const souk_server *server)
{
    const souk_discovery *it = rt->discoveries;
    while (it != NULL && it->server != server) {
        it = it->next;
    }
    return it != NULL;
}

int souk_runtime_discover(souk_runtime *rt, souk_slice name, souk_ms timeout, uint64_t *call,
                          souk_err *err)
{
    souk_server *server = souk_rt_server(rt, name);
    if (server == NULL) {
        return souk_fail(err, SOUK_E_CONFIG, "there is no server named '%.*s'", SOUK_ARG(name));
    }
    int failed = souk_rt_discover(rt, server, timeout, false, call, err);
    souk_rt_kick(rt);
    return failed;
}

/* A finding about one tool; the list is bounded, and a full one only loses findings. */
static void add_diagnostic(souk_discovery *discovery, const char *severity, souk_slice tool,
                           const char *message)
{
    souk_buf *out = &discovery->diagnostics;
    size_t before = out->len;
    souk_jw w;
    if (out->failed != SOUK_OK) {
        return;
    }
    if (before > 0) {
        souk_buf_add_byte(out, ',');
    }
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "severity", souk_slice_of(severity));
    souk_jw_key_string(&w, "tool", tool);
    souk_jw_key_string(&w, "message", souk_slice_of(message));
    souk_jw_end_object(&w);
    if (w.invalid) {
        out->len = before;
    }
}

/* What of the server's configuration its capabilities may show: where it is, but no header,
 * variable, argument or secret. Calls go by the server's name, and do not need them. */
static bool is_public(souk_slice key)
{
    static const char *const hidden[] = {"mcp_headers", "mcp_env", "mcp_args", "mcp_ca_file"};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (souk_slice_starts(key, souk_slice_of(hidden[i]))) {
            return false;
        }
    }
    return souk_slice_starts(key, SOUK_LIT("mcp_"));
}

/* A query may be a credential, too. */
static souk_slice without_query(souk_slice value)
{
    size_t scheme = souk_slice_find(value, ':');
    bool is_url = souk_slice_starts(souk_slice_from(value, scheme), SOUK_LIT("://"));
    return is_url ? souk_slice_make(value.ptr, souk_slice_find(value, '?')) : value;
}

static void write_metadata(souk_jw *w, const souk_server *server, const souk_mcp_tool *tool)
{
    souk_jw_key(w, SOUK_LIT("metadata"));
    souk_jw_object(w);
    souk_jw_key(w, SOUK_LIT("mcp"));
    souk_jw_object(w);
    souk_jw_key_string(w, "server_name", server->name);
    souk_jw_key_string(w, "tool_name", tool->name);
    souk_jw_key_string(w, "requires_session", SOUK_LIT("auto"));
    for (size_t i = 0; i < server->config.count; i++) {
        souk_pair pair = server->config.items[i];
        if (is_public(pair.key)) {
            souk_jw_key(w, souk_slice_from(pair.key, strlen("mcp_")));
            souk_jw_string(w, without_query(pair.value));
        }
    }
    souk_jw_end_object(w);
    souk_jw_key(w, SOUK_LIT("discovery"));
    souk_jw_object(w);
    souk_jw_key_string(w, "method", SOUK_LIT("tools/list"));
    souk_jw_key_string(w, "capability_type", SOUK_LIT("mcp_tool"));
    souk_jw_end_object(w);
    souk_jw_end_object(w);
}

static void write_manifest(souk_buf *out, souk_slice id, const souk_server *server,
                           const souk_mcp_tool *tool)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "id", id);
    souk_jw_key_string(&w, "name", tool->title.len > 0 ? tool->title : tool->name);
    souk_jw_key_string(&w, "description", tool->description);
    souk_jw_key_string(&w, "provider", SOUK_LIT("MCP"));
    souk_jw_key_string(&w, "server", server->name);
    souk_jw_key_raw(&w, "permissions", SOUK_LIT("[\"network.http\"]"));
    souk_jw_key_raw(&w, "effects", SOUK_LIT("[\"network_request\",\"mcp_call\"]"));
    if (tool->input_schema != NULL) {
        souk_jw_key(&w, SOUK_LIT("input_schema"));
        souk_jw_value(&w, tool->input_schema);
    }
    if (tool->output_schema != NULL) {
        souk_jw_key(&w, SOUK_LIT("output_schema"));
        souk_jw_value(&w, tool->output_schema);
    }
    if (tool->annotations_text.len > 0) {
        souk_jw_key_raw(&w, "annotations", tool->annotations_text);
    }
    write_metadata(&w, server, tool);
    souk_jw_end_object(&w);
}

static int register_tool(souk_runtime *rt, souk_discovery *discovery, const souk_mcp_tool *tool,
                         souk_err *err)
{
    const souk_server *server = discovery->server;
    souk_buf id, text;
    souk_json_doc doc;
    souk_manifest *manifest = NULL;
    souk_buf_init(&id, rt->alloc, 4096);
    souk_buf_init(&text, rt->alloc, MAX_MANIFEST_TEXT);
    souk_json_doc_init(&doc, rt->alloc);
    souk_buf_add(&id, server->prefix);
    souk_buf_add_byte(&id, '.');
    souk_buf_add(&id, server->name);
    souk_buf_add_byte(&id, '.');
    souk_buf_add(&id, tool->name);
    write_manifest(&text, souk_buf_slice(&id), server, tool);
    int failed = souk_buf_check(&text, "the description of a tool", err);
    if (failed == SOUK_OK) {
        failed = souk_json_read_take(&doc, &text, NULL, err);
    }
    if (failed == SOUK_OK) {
        failed = souk_manifest_from_json(rt->alloc, &doc, doc.root, NULL, &manifest, err);
    }
    if (failed == SOUK_OK) {
        failed = souk_registry_add(rt->registry, manifest, NULL, err);
    }
    if (failed == SOUK_OK &&
        !souk_map_set(&discovery->seen, souk_buf_slice(&id), discovery, NULL)) {
        failed = souk_fail_memory(err);
    }
    souk_manifest_unref(manifest);
    souk_json_doc_free(&doc);
    souk_buf_free(&text);
    souk_buf_free(&id);
    return failed;
}

/*
 * 2026-07-28 over HTTP (basic/transports): a tool whose schema asks for headers in a wrong way must
 * be left out. Everywhere else the annotation means nothing.
 */
static bool wants_param_headers(souk_runtime *rt, souk_server *server)
{
    souk_about about;
    souk_rt_read_about(rt, server, &about);
    return about.modern && !about.stdio;
}

static int take_tools(souk_runtime *rt, souk_discovery *discovery, souk_mcp_tool_page *page,
                      souk_err *err)
{
    bool check_headers = wants_param_headers(rt, discovery->server);
    souk_mcp_tool tool;
    souk_err why;
    int got;
    while ((got = souk_mcp_tool_page_next(page, &tool, &why)) != 0) {
        if (discovery->tools >= (size_t)rt->options.max_tools) {
            return souk_fail(err, SOUK_E_LIMIT,
                             "the server offers more than %lld tools (option max_tools)",
                             (long long)rt->options.max_tools);
        }
        if (got < 0) {
            add_diagnostic(discovery, "warning", SOUK_LIT(""), why.message);
        } else if (check_headers &&
                   souk_mcp_param_headers_check(tool.input_schema, &why) != SOUK_OK) {
            souk_err_prefix(&why, "the tool is left out");
            add_diagnostic(discovery, "warning", tool.name, why.message);
        } else if (register_tool(rt, discovery, &tool, &why) != SOUK_OK) {
            add_diagnostic(discovery, "error", tool.name, why.message);
        } else {
            discovery->tools++;
        }
    }
    return SOUK_OK;
}

/* Capabilities of the server that it no longer offers leave the marketplace. */
static void remove_gone(souk_runtime *rt, const souk_discovery *discovery, souk_slice server)
{
    size_t cursor = 0;
    const souk_manifest *manifest;
    while ((manifest = souk_registry_next(rt->registry, &cursor)) != NULL) {
        if (souk_slice_eq(manifest->server, server) &&
            souk_map_get(&discovery->seen, manifest->id) == NULL) {
            souk_registry_remove(rt->registry, manifest->id);
        }
    }
}

/* Makes the outcome that ends the discovery. */
static void finish(souk_runtime *rt, souk_discovery *discovery, souk_outcome *outcome)
{
    souk_buf text;
    souk_buf_init(&text, rt->alloc, (size_t)MAX_DIAGNOSTICS_TEXT * 2);
    souk_buf_addf(&text, "{\"tools\":%zu,\"diagnostics\":[", discovery->tools);
    if (discovery->diagnostics.failed == SOUK_OK) {
        souk_buf_add(&text, souk_buf_slice(&discovery->diagnostics));
    }
    souk_buf_add_text(&text, "]}");
    int failed = souk_buf_check(&text, "the result", &outcome->err);
    if (failed == SOUK_OK) {
        (void)souk_json_read_take(&rt->made.doc, &text, NULL, &outcome->err);
    }
    rt->made.value = rt->made.doc.root;
    outcome->answer = &rt->made;
    souk_buf_free(&text);
}

enum { LAST_PAGE = 1 };

/* Reads a page and asks for the next; LAST_PAGE when there is none. */
static int take_page(souk_runtime *rt, souk_discovery *discovery, const souk_answer *answer,
                     souk_err *err)
{
    souk_mcp_tool_page page;
    uint64_t call;
    int failed = souk_mcp_tool_page_begin(&page, &answer->doc, answer->value, err);
    if (failed == SOUK_OK) {
        failed = take_tools(rt, discovery, &page, err);
    }
    if (failed != SOUK_OK || !page.has_next) {
        return failed != SOUK_OK ? failed : LAST_PAGE;
    }
    if (++discovery->pages >= (size_t)rt->options.max_pages) {
        return souk_fail(err, SOUK_E_LIMIT,
                         "the list of tools has more than %lld pages (option max_pages)",
                         (long long)rt->options.max_pages);
    }
    if (souk_map_get(&discovery->cursors, page.next_cursor) != NULL) {
        return souk_fail(err, SOUK_E_PROTOCOL,
                         "the server repeats a cursor: its list of tools has no end");
    }
    if (!souk_map_set(&discovery->cursors, page.next_cursor, discovery, NULL)) {
        return souk_fail_memory(err);
    }
    return ask_page(rt, discovery, &page.next_cursor, &call, err);
}

/* After a discovery that ended well (failed is LAST_PAGE) or not. */
static void let_go(souk_runtime *rt, souk_discovery *discovery, int failed,
                   const souk_outcome *outcome)
{
    souk_server *server = discovery->server;
    bool internal = discovery->internal;
    bool was_stale = discovery->was_stale;
    discovery_free(rt, discovery);
    if (server == NULL) {
        return;
    }
    bool again = server->watch.stale || (failed < 0 && !internal && was_stale);
    if (internal) {
        souk_rt_refresh_ended(rt, server, outcome);
        souk_answer_free(&rt->made);
    }
    if (again) {
        souk_rt_refresh_want(rt, server); /* the tools have changed once more meanwhile */
    }
}

bool souk_rt_page(souk_runtime *rt, souk_discovery *discovery, souk_outcome *outcome)
{
    souk_server *server = discovery->server;
    bool internal = discovery->internal;
    int failed = outcome->err.kind;
    outcome->id = discovery->id;
    if (server == NULL) {
        failed = souk_fail(&outcome->err, SOUK_E_CLOSED, "the server was removed meanwhile");
    } else if (failed == SOUK_OK) {
        failed = take_page(rt, discovery, outcome->answer, &outcome->err);
        if (failed == SOUK_OK) {
            return false;
        }
        if (failed < 0) {
            souk_err_prefix(&outcome->err, "server '%.*s'", SOUK_ARG(server->name));
        }
    }
    if (failed == LAST_PAGE && server != NULL) {
        remove_gone(rt, discovery, server->name);
        souk_rt_refresh_known(rt, server);
        finish(rt, discovery, outcome);
    }
    let_go(rt, discovery, failed, outcome);
    return !internal;
}
