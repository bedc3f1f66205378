/*
 * Opening: find out the era (2026-07-28, basic/versioning), then initialize a legacy server.
 *
 *     start -> pinned or remembered modern ------------------------------------------> ready
 *           -> server/discover -> modern --------------------------------------------> ready
 *                              -> legacy -> initialize -> notifications/initialized -> ready
 *           -> pinned or remembered legacy -^
 */
#include "mcp/session_internal.h"

#include <string.h>

void souk_mcp_fail_open(souk_mcp *mcp, const souk_err *why)
{
    if (mcp->state == SOUK_MCP_OPENING) {
        mcp->state = SOUK_MCP_FAILED;
        mcp->why = *why;
        mcp->why.delivery = SOUK_DELIVERY_NOT_SENT;
    }
}

static void fail_open(souk_mcp *mcp, int kind, const char *message)
{
    souk_err why;
    souk_fail(&why, kind, "%s", message);
    souk_mcp_fail_open(mcp, &why);
}

static void become_ready(souk_mcp *mcp)
{
    mcp->state = SOUK_MCP_READY;
    mcp->open_by = SOUK_NEVER;
    mcp->probe_by = SOUK_NEVER;
}

/* Ends the step under way, whether it was answered or not. */
static void drop_opening(souk_mcp *mcp)
{
    souk_mcp_pending *pending = mcp->opening;
    mcp->opening = NULL;
    mcp->probe_by = SOUK_NEVER;
    if (pending != NULL) {
        souk_idmap_remove(&mcp->pending, pending->id);
        souk_mcp_pending_free(mcp, pending);
    }
}

/* Sends a step of the opening; `revision` is what its headers say, 0 for initialize. */
static void send_step(souk_mcp *mcp, souk_mcp_pending *pending, souk_mcp_revision revision,
                      souk_buf *body)
{
    souk_err why;
    souk_err_clear(&why);
    int failed;
    mcp->opening = pending;
    if (souk_mcp_is_http(mcp)) {
        souk_mcp_http_request http;
        memset(&http, 0, sizeof http);
        http.revision = revision;
        http.rpc_method = souk_slice_of(pending->method);
        failed = souk_mcp_http_post(mcp, pending->purpose, pending, &http, body, &why);
    } else {
        failed = mcp->child_alive ? SOUK_OK : souk_mcp_stdio_spawn(mcp, &why);
        failed = failed == SOUK_OK ? souk_mcp_stdio_write(mcp, body, &why) : failed;
    }
    if (failed != SOUK_OK) {
        drop_opening(mcp);
        souk_mcp_fail_open(mcp, &why);
    }
}

static void send_probe(souk_mcp *mcp, souk_mcp_revision revision, souk_ms now)
{
    souk_buf body;
    souk_buf_init(&body, mcp->alloc, 64 * 1024);
    souk_mcp_pending *pending =
        souk_mcp_pending_new(mcp, SOUK_MCP_FOR_PROBE, SOUK_LIT("server/discover"), NULL);
    mcp->asked = revision;
    if (pending == NULL || souk_mcp_write_discover(&body, (int64_t)pending->id, revision,
                                                   &mcp->client, NULL) != SOUK_OK) {
        mcp->opening = pending;
        drop_opening(mcp);
        fail_open(mcp, SOUK_E_LIMIT, "out of memory");
    } else {
        send_step(mcp, pending, revision, &body);
        if (!souk_mcp_is_http(mcp)) {
            mcp->probe_by = souk_ms_after(now, mcp->config.probe_timeout);
        }
    }
    souk_buf_free(&body);
}

static void send_initialize(souk_mcp *mcp, souk_mcp_revision revision)
{
    souk_buf body;
    souk_buf_init(&body, mcp->alloc, 64 * 1024);
    souk_mcp_pending *pending =
        souk_mcp_pending_new(mcp, SOUK_MCP_FOR_INITIALIZE, SOUK_LIT("initialize"), NULL);
    mcp->asked = revision;
    mcp->revision = SOUK_MCP_UNKNOWN;
    if (pending == NULL || souk_mcp_write_initialize(&body, (int64_t)pending->id, revision,
                                                     &mcp->client, NULL) != SOUK_OK) {
        mcp->opening = pending;
        drop_opening(mcp);
        fail_open(mcp, SOUK_E_LIMIT, "out of memory");
    } else {
        send_step(mcp, pending, SOUK_MCP_UNKNOWN, &body);
    }
    souk_buf_free(&body);
}

void souk_mcp_start_opening(souk_mcp *mcp, souk_ms now)
{
    souk_mcp_revision known = mcp->config.pinned != 0 ? mcp->config.pinned : mcp->config.remembered;
    if (known == SOUK_MCP_UNKNOWN) {
        send_probe(mcp, SOUK_MCP_NEWEST_MODERN, now);
    } else if (souk_mcp_is_legacy(known)) {
        send_initialize(mcp, known);
    } else {
        souk_err why;
        mcp->revision = known;
        if (!souk_mcp_is_http(mcp) && souk_mcp_stdio_spawn(mcp, &why) != SOUK_OK) {
            souk_mcp_fail_open(mcp, &why);
        } else {
            become_ready(mcp);
        }
    }
}

static void act_on(souk_mcp *mcp, const souk_mcp_verdict *verdict, int status,
                   const souk_rpc_message *message, const souk_err *err, souk_ms now)
{
    souk_err why;
    switch (verdict->kind) {
    case SOUK_MCP_VERDICT_MODERN:
        mcp->revision = verdict->revision;
        become_ready(mcp);
        return;
    case SOUK_MCP_VERDICT_MODERN_RETRY:
        if (!mcp->retried_modern) {
            mcp->retried_modern = true;
            send_probe(mcp, verdict->revision, now);
            return;
        }
        fail_open(mcp, SOUK_E_PROTOCOL, "server and client could not agree on a protocol revision");
        return;
    case SOUK_MCP_VERDICT_LEGACY:
        send_initialize(mcp, verdict->revision);
        return;
    case SOUK_MCP_VERDICT_AUTH:
    case SOUK_MCP_VERDICT_TRANSIENT:
    case SOUK_MCP_VERDICT_INCOMPATIBLE:
        break;
    }
    if (err != NULL) {
        souk_mcp_fail_open(mcp, err);
    } else if (status >= 300) {
        souk_mcp_head head;
        memset(&head, 0, sizeof head);
        head.status = status;
        head.retry_after_ms = -1;
        souk_mcp_refused(&head, message, &why);
        souk_mcp_fail_open(mcp, &why);
    } else {
        fail_open(mcp, SOUK_E_PROTOCOL, verdict->reason);
    }
}

static void send_initialized(souk_mcp *mcp)
{
    souk_buf body;
    souk_err why;
    souk_err_clear(&why);
    souk_buf_init(&body, mcp->alloc, 4096);
    int failed = souk_mcp_write_initialized(&body, &why);
    if (failed == SOUK_OK && souk_mcp_is_http(mcp)) {
        souk_mcp_http_request http;
        memset(&http, 0, sizeof http);
        http.revision = mcp->revision;
        failed = souk_mcp_http_post(mcp, SOUK_MCP_FOR_INITIALIZED, NULL, &http, &body, &why);
    } else if (failed == SOUK_OK) {
        failed = souk_mcp_stdio_write(mcp, &body, &why);
        if (failed == SOUK_OK) {
            become_ready(mcp); /* over stdio order is kept: nothing has to be waited for */
        }
    }
    souk_buf_free(&body);
    if (failed != SOUK_OK) {
        souk_mcp_fail_open(mcp, &why);
    }
}

void souk_mcp_initialized_accepted(souk_mcp *mcp)
{
    if (mcp->state == SOUK_MCP_OPENING) {
        become_ready(mcp);
    }
}

/* A server that refuses initialize may be modern after all, or want another revision. Each is tried
 * once. */
static bool try_otherwise(souk_mcp *mcp, const souk_rpc_message *message, souk_mcp_revision retry,
                          souk_ms now)
{
    if (mcp->config.pinned != 0) {
        return false;
    }
    bool modern = souk_mcp_is_modern(retry) ||
                  (message != NULL && souk_mcp_is_modern_error(message)) ||
                  (message != NULL && message->kind == SOUK_RPC_ERROR &&
                   message->code == SOUK_RPC_METHOD_NOT_FOUND && !souk_mcp_is_http(mcp));
    if (modern && !mcp->probed_twice) {
        mcp->probed_twice = true;
        mcp->contradicted = true;
        send_probe(mcp, SOUK_MCP_NEWEST_MODERN, now);
        return true;
    }
    if (souk_mcp_is_legacy(retry) && !mcp->initialized_twice) {
        mcp->initialized_twice = true;
        send_initialize(mcp, retry);
        return true;
    }
    return false;
}

static void initialize_answered(souk_mcp *mcp, int status, const souk_rpc_message *message,
                                const souk_err *err, souk_ms now)
{
    souk_err why;
    souk_err_clear(&why);
    souk_mcp_server server;
    souk_mcp_revision retry = SOUK_MCP_UNKNOWN;
    bool ok = false;
    if (err != NULL) {
        why = *err;
    } else if (message != NULL) {
        ok = souk_mcp_read_initialize(message, mcp->asked, &server, &retry, &why) == SOUK_OK;
        if (!ok && status >= 300) {
            souk_mcp_head head;
            memset(&head, 0, sizeof head);
            head.status = status;
            souk_mcp_refused(&head, message, &why);
        }
    } else {
        souk_mcp_head head;
        memset(&head, 0, sizeof head);
        head.status = status;
        souk_mcp_refused(&head, NULL, &why);
        souk_err_prefix(&why, "initialize was refused");
    }
    if (ok && mcp->config.pinned != 0 && server.revision != mcp->config.pinned) {
        ok = false;
        souk_fail(&why, SOUK_E_PROTOCOL, "the server speaks %s, and protocol_version asks for %s",
                  souk_mcp_revision_name(server.revision),
                  souk_mcp_revision_name(mcp->config.pinned));
    }
    if (ok) {
        mcp->revision = server.revision;
        send_initialized(mcp);
    } else if (err != NULL || !try_otherwise(mcp, message, retry, now)) {
        souk_mcp_fail_open(mcp, &why);
    }
}

void souk_mcp_opening_answered(souk_mcp *mcp, souk_mcp_pending *pending, int status,
                               const souk_rpc_message *message, const souk_err *err, souk_ms now)
{
    if (pending != mcp->opening) {
        return; /* a late answer to a step that was given up */
    }
    souk_mcp_purpose purpose = pending->purpose;
    drop_opening(mcp);
    if (mcp->state != SOUK_MCP_OPENING) {
        return;
    }
    if (purpose == SOUK_MCP_FOR_INITIALIZE) {
        initialize_answered(mcp, status, message, err, now);
        return;
    }
    souk_mcp_verdict verdict;
    if (souk_mcp_is_http(mcp)) {
        verdict = souk_mcp_era_over_http(status, message, mcp->asked);
    } else {
        verdict = souk_mcp_era_over_stdio(SOUK_MCP_PROBE_ANSWERED, message, mcp->asked);
    }
    act_on(mcp, &verdict, status, message, err, now);
}

void souk_mcp_probe_silent(souk_mcp *mcp, souk_mcp_probe_end end, souk_ms now)
{
    souk_mcp_verdict verdict = souk_mcp_era_over_stdio(end, NULL, mcp->asked);
    drop_opening(mcp);
    act_on(mcp, &verdict, 0, NULL, NULL, now);
}
