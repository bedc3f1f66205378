/* A souk_mcp between a test and a fake port. */
#ifndef SOUK_SESSION_HELP_H
#define SOUK_SESSION_HELP_H

#include "fake_events.h"
#include "mcp/session.h"
#include "tap.h"

#define RIG_DISCOVERED                                                                             \
    "{'resultType':'complete','supportedVersions':['2026-07-28'],'capabilities':{},'ttlMs':0,"     \
    "'cacheScope':'private'}"
#define RIG_INITIALIZED                                                                            \
    "{'protocolVersion':'%s','capabilities':{'tools':{}},'serverInfo':{'name':'s','version':'1'}}"

typedef struct session_rig {
    fake_port fake;
    const souk_alloc *alloc;
    souk_mcp_config config;
    souk_mcp *mcp; /* NULL until rig_open */
    souk_mcp_end end;
    bool has_end; /* `end` was fetched, and is to be freed */
} session_rig;

static inline void rig_sink(void *user, const souk_io_event *event)
{
    session_rig *rig = user;
    souk_mcp_event(rig->mcp, event, rig->fake.now);
}

static inline void rig_init(session_rig *rig, const souk_alloc *alloc)
{
    memset(rig, 0, sizeof *rig);
    fake_init(&rig->fake);
    rig->fake.sink = rig_sink;
    rig->fake.sink_user = rig;
    rig->alloc = alloc;
    rig->config.name = "s";
    rig->config.client_name = SOUK_LIT("souk");
    rig->config.client_version = SOUK_LIT("1");
    rig->config.open_timeout = 30000;
    rig->config.probe_timeout = 3000;
    rig->config.connect_timeout = 10000;
    rig->config.grace = 2000;
    rig->config.max_response = 64 * 1024;
    rig->config.max_header = 16 * 1024;
    rig->config.max_queue = 64 * 1024;
    rig->config.max_depth = 32;
}

static inline void rig_http(session_rig *rig)
{
    rig_init(rig, souk_alloc_libc());
    rig->config.url = "https://example.test/mcp";
}

static inline void rig_stdio(session_rig *rig)
{
    static const char *const argv[] = {"some-server", "--stdio", NULL};
    static const char *const env[] = {"A=1", NULL};
    rig_init(rig, souk_alloc_libc());
    rig->config.argv = argv;
    rig->config.env = env;
}

static inline void rig_drop_end(session_rig *rig)
{
    if (rig->has_end) {
        souk_json_doc_free(&rig->end.doc);
        rig->has_end = false;
    }
}

static inline void rig_free(session_rig *rig)
{
    rig_drop_end(rig);
    souk_mcp_free(rig->mcp);
    fake_free(&rig->fake);
}

/* Makes the session and starts opening it. False when there is no memory for it. */
static inline bool rig_open(session_rig *rig)
{
    rig->mcp = souk_mcp_new(rig->alloc, &rig->fake.port, &rig->config, (souk_id)7 << 32);
    if (rig->mcp != NULL) {
        souk_mcp_open(rig->mcp, rig->fake.now);
    }
    return rig->mcp != NULL;
}

/* Lets time pass, and what is due happen. */
static inline void rig_wait(session_rig *rig, souk_ms span)
{
    souk_ms until = rig->fake.now + span;
    for (int i = 0; i < 1000; i++) {
        souk_ms at = souk_mcp_deadline(rig->mcp);
        if (at > until) {
            break;
        }
        rig->fake.now = at > rig->fake.now ? at : rig->fake.now;
        souk_mcp_tick(rig->mcp, rig->fake.now);
    }
    rig->fake.now = until;
}

/* Answers initialize, and what must follow it, as a server of that revision; id: of the session, ""
 * for none. */
static inline void rig_initialize(session_rig *rig, const char *version, const char *id)
{
    char headers[256];
    char body[512];
    fake_exchange *x = fake_open(&rig->fake, "initialize");
    if (x == NULL) {
        tap_fail(__FILE__, __LINE__, "initialize should have been sent");
        return;
    }
    snprintf(headers, sizeof headers, "Content-Type: application/json%s%s",
             id[0] == '\0' ? "" : "\nMcp-Session-Id: ", id);
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"%s\","
             "\"capabilities\":{},"
             "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}",
             fake_rpc_id(x->body), version);
    fake_respond(&rig->fake, x, 200, headers, body);
    x = fake_open(&rig->fake, "notifications/initialized");
    if (x != NULL) {
        fake_respond(&rig->fake, x, 202, "", "");
    }
}

/* Opens a legacy session over HTTP: probe refused, initialize answered. */
static inline void rig_open_legacy(session_rig *rig, const char *version, const char *id)
{
    rig_http(rig);
    CHECK(rig_open(rig));
    fake_respond(&rig->fake, fake_last(&rig->fake), 404, "Content-Type: text/plain", "Not found");
    rig_initialize(rig, version, id);
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
}

static inline void rig_open_modern(session_rig *rig)
{
    rig_http(rig);
    CHECK(rig_open(rig));
    fake_result(&rig->fake, fake_last(&rig->fake), RIG_DISCOVERED);
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
}

/* Opens a legacy session over stdio. */
static inline void rig_open_child(session_rig *rig)
{
    char line[1024];
    rig_stdio(rig);
    CHECK(rig_open(rig));
    fake_child *child = fake_last_child(&rig->fake);
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'no'}}");
    CHECK(fake_is(fake_line(child, line, sizeof line), "initialize"));
    fake_say(&rig->fake, child, "{'jsonrpc':'2.0','id':%lld,'result':" RIG_INITIALIZED "}",
             fake_rpc_id(line), "2025-06-18");
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
}

/* Sends a request whose tag is the rig itself; its JSON-RPC id, or 0 when it could not be sent. */
static inline uint64_t rig_send(session_rig *rig, const char *method, const char *params)
{
    souk_err err;
    uint64_t id = 0;
    souk_mcp_request request = {.method = souk_slice_of(method),
                                .params = souk_slice_of(params),
                                .name = SOUK_LIT("tool"),
                                .timeout = 60000,
                                .tag = rig};
    return souk_mcp_send(rig->mcp, &request, &id, &err) == SOUK_OK ? id : 0;
}

/* Fetches the next end into rig->end. */
static inline bool rig_next(session_rig *rig)
{
    rig_drop_end(rig);
    rig->has_end = souk_mcp_next(rig->mcp, &rig->end);
    return rig->has_end;
}

/* The one end that there is must be a failure of this kind with this delivery. */
static inline void rig_check_failed(session_rig *rig, const char *file, int line, int kind,
                                    souk_delivery delivery)
{
    if (!rig_next(rig)) {
        tap_fail(file, line, "no request has ended");
        return;
    }
    tap_check_text(file, line, souk_slice_of(souk_kind_name(rig->end.err.kind)),
                   souk_slice_of(souk_kind_name(kind)));
    tap_check_text(file, line, souk_slice_of(souk_delivery_name(rig->end.err.delivery)),
                   souk_slice_of(souk_delivery_name(delivery)));
    if (rig->end.tag != rig) {
        tap_fail(file, line, "the tag is another one");
    }
    souk_mcp_end other;
    if (souk_mcp_next(rig->mcp, &other)) {
        tap_fail(file, line, "more than one request has ended");
        souk_json_doc_free(&other.doc);
    }
}

#define CHECK_FAILED(rig, kind, delivery)                                                          \
    rig_check_failed((rig), __FILE__, __LINE__, (kind), (delivery))

/* The next end must be a success with this text as its result. */
static inline void rig_check_result(session_rig *rig, const char *file, int line,
                                    const char *result)
{
    if (!rig_next(rig)) {
        tap_fail(file, line, "no request has ended");
        return;
    }
    tap_check_text(file, line, souk_slice_of(rig->end.err.message), souk_slice_of(""));
    tap_check_int(file, line, rig->end.err.kind, SOUK_OK);
    if (rig->end.value != NULL) {
        tap_check_text(file, line, souk_json_raw(&rig->end.doc, rig->end.value),
                       souk_slice_of(result));
    }
}

#define CHECK_RESULT(rig, result) rig_check_result((rig), __FILE__, __LINE__, (result))

static inline fake_exchange *rig_last(session_rig *rig)
{
    return fake_last(&rig->fake);
}

/* The session is open, speaks `version`, and nothing more was sent than `exchanges`. */
static inline void rig_check_ready(session_rig *rig, const char *version, size_t exchanges)
{
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_READY);
    CHECK_TEXT(souk_mcp_revision_name(souk_mcp_get_revision(rig->mcp)), version);
    CHECK_INT(rig->fake.exchange_count, exchanges);
    CHECK(souk_mcp_deadline(rig->mcp) >= rig->fake.now);
}

static inline void rig_check_failed_open(session_rig *rig, int kind, const char *part)
{
    CHECK_INT(souk_mcp_get_state(rig->mcp), SOUK_MCP_FAILED);
    CHECK_TEXT(souk_kind_name(souk_mcp_why(rig->mcp)->kind), souk_kind_name(kind));
    CHECK_INT(souk_mcp_why(rig->mcp)->delivery, SOUK_DELIVERY_NOT_SENT);
    if (strstr(souk_mcp_why(rig->mcp)->message, part) == NULL) {
        CHECK_TEXT(souk_mcp_why(rig->mcp)->message, part);
    }
    uint64_t id;
    souk_err err;
    souk_mcp_request request = {.method = SOUK_LIT_INIT("ping"), .timeout = 1};
    CHECK_INT(souk_mcp_send(rig->mcp, &request, &id, &err), SOUK_E_CLOSED);
}

#endif
