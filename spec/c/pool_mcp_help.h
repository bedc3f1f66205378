/* The pool with the MCP handler: calls of tools, and a fake server behind the fake port. */
#ifndef SOUK_POOL_MCP_HELP_H
#define SOUK_POOL_MCP_HELP_H

#include "pool_help.h"

typedef struct mcp_server {
    souk_pair config[8];
    souk_target target;
} mcp_server;

static inline void server_set(mcp_server *server, const char *key, const char *value)
{
    souk_pair *pair = &server->config[server->target.config.count++];
    pair->key = souk_slice_of(key);
    pair->value = souk_slice_of(value);
    server->target.config.items = server->config;
}

static inline void server_init(mcp_server *server, const char *name, const char *key,
                               const char *value)
{
    memset(server, 0, sizeof *server);
    server->target.prefix = SOUK_LIT("mcp");
    server->target.name = souk_slice_of(name);
    server_set(server, key, value);
}

static inline void server_http(mcp_server *server)
{
    server_init(server, "hub", "mcp_server_url", "https://hub.test/mcp");
}

static inline void server_stdio(mcp_server *server)
{
    server_init(server, "hub", "mcp_command", "hub-server");
}

/* Calls the capability "mcp.hub.<tool>"; its number, or -1. */
static inline int call_tool_with(pool_rig *rig, const mcp_server *server, const char *tool,
                                 bool may_resend, bool raw)
{
    souk_err err;
    char id[64];
    souk_request request = {
        .kind = SOUK_REQUEST_CAPABILITY, .metadata = server->target.config, .raw = raw};
    souk_call_options options = {.timeout = 0, .may_resend = may_resend};
    snprintf(id, sizeof id, "mcp.hub.%s", tool);
    request.capability = souk_slice_of(id);
    int call = rig_submit(rig, &server->target, &request, &options, &err);
    if (call < 0) {
        rig_say(rig, SOUK_LIT("refused"), souk_slice_of(err.message));
    }
    rig_run(rig);
    return call;
}

/* Asks the server for anything else; the call's number, or -1. */
static inline int ask_server(pool_rig *rig, const mcp_server *server, souk_request_kind kind,
                             const char *name)
{
    souk_err err;
    souk_request request = {
        .kind = kind, .capability = server->target.name, .name = souk_slice_of(name)};
    souk_call_options options = {.standing = kind == SOUK_REQUEST_LISTEN};
    int call = rig_submit(rig, &server->target, &request, &options, &err);
    if (call < 0) {
        rig_say(rig, SOUK_LIT("refused"), souk_slice_of(err.message));
    }
    rig_run(rig);
    return call;
}

/* Answers the newest open request of that method. */
static inline void answer_request(pool_rig *rig, const char *method, const char *result)
{
    fake_exchange *x = fake_open(&rig->fake, method);
    if (x == NULL) {
        tap_fail(__FILE__, __LINE__, method);
        return;
    }
    fake_result(&rig->fake, x, result);
    rig_run(rig);
}

/* An event in the answer to the newest open tools/call, which begins with the first one. */
static inline void stream_event(pool_rig *rig, const char *json)
{
    fake_exchange *x = fake_open(&rig->fake, "tools/call");
    if (x == NULL) {
        tap_fail(__FILE__, __LINE__, "a tools/call should have been sent");
        return;
    }
    if (!x->has_head) {
        fake_head(&rig->fake, x, 200, "Content-Type: text/event-stream");
    }
    char *text = fake_join(fake_dup("data: ", 6), json, strlen(json), "\n\n");
    fake_text(&rig->fake, x, text);
    free(text);
    rig_run(rig);
}

static inline int call_tool(pool_rig *rig, const mcp_server *server, const char *tool)
{
    return call_tool_with(rig, server, tool, false, false);
}

/* Answers probe, initialize and initialized as a legacy server that calls the session `id`. */
static inline void open_legacy(pool_rig *rig, const char *id)
{
    fake_exchange *x = fake_open(&rig->fake, "server/discover");
    if (x != NULL) {
        fake_respond(&rig->fake, x, 404, "", "");
        rig_run(rig);
    }
    x = fake_open(&rig->fake, "initialize");
    if (x != NULL) {
        char headers[200];
        char body[300];
        snprintf(headers, sizeof headers, "Content-Type: application/json\nMcp-Session-Id: %s", id);
        snprintf(body, sizeof body,
                 "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"2025-06-18\","
                 "\"capabilities\":{},"
                 "\"serverInfo\":{\"name\":\"hub\",\"version\":\"1\"}}}",
                 fake_rpc_id(x->body));
        fake_respond(&rig->fake, x, 200, headers, body);
        rig_run(rig);
    }
    x = fake_open(&rig->fake, "notifications/initialized");
    if (x != NULL) {
        fake_respond(&rig->fake, x, 202, "", "");
        rig_run(rig);
    }
}

static inline void open_modern(pool_rig *rig)
{
    fake_exchange *x = fake_open(&rig->fake, "server/discover");
    if (x != NULL) {
        fake_result(&rig->fake, x, "{'supportedVersions':['2026-07-28'],'capabilities':{}}");
        rig_run(rig);
    }
}

/* Answers the newest open tools/call with a lone text. */
static inline void answer_tool(pool_rig *rig, const char *text)
{
    char result[300];
    fake_exchange *x = fake_open(&rig->fake, "tools/call");
    if (x == NULL) {
        tap_fail(__FILE__, __LINE__, "a tools/call should have been sent");
        return;
    }
    snprintf(result, sizeof result, "{'content':[{'type':'text','text':'%s'}]}", text);
    fake_result(&rig->fake, x, result);
    rig_run(rig);
}

/* Refuses the newest open tools/call with this status. */
static inline void refuse_tool(pool_rig *rig, int status)
{
    fake_exchange *x = fake_open(&rig->fake, "tools/call");
    if (x == NULL) {
        tap_fail(__FILE__, __LINE__, "a tools/call should have been sent");
        return;
    }
    fake_respond(&rig->fake, x, status, "", "");
    rig_run(rig);
}

/* The text is in nothing that the pool said, and in no request but in a header. */
static inline void check_secret(const pool_rig *rig, const char *secret)
{
    CHECK(strstr(rig->said, secret) == NULL);
    for (size_t i = 0; i < rig->fake.exchange_count; i++) {
        CHECK(strstr(rig->fake.exchanges[i]->body, secret) == NULL);
        CHECK(strstr(rig->fake.exchanges[i]->url, secret) == NULL);
        CHECK(strstr(rig->fake.exchanges[i]->group, secret) == NULL);
    }
}

#endif
