/*
 * Opening: find out the era (2026-07-28, basic/versioning), then initialize a legacy server.
 *
 *     start -> pinned or remembered modern ------------------------------------------> ready
 *           -> server/discover -> modern --------------------------------------------> ready
 *                              -> legacy -> initialize -> notifications/initialized -> ready
 *           -> pinned or remembered legacy -^          -> refused -> GET -> endpoint -^
 *
 * The last is HTTP+SSE of 2024-11-05, where initialize is sent once more, to the endpoint. A child
 * is new each time: it is asked, unless a revision is pinned or it is remembered as legacy.
 */
#include "mcp/session_internal.h"

#include <string.h>

enum {
    STEP_MAX = 64 * 1024, /* bytes of a message that opens a session */
    PROBES_MAX = 2,       /* in one opening */
    LATER = 1000 /* ms: the opening ends by its own clock, and says so, before a step does */
};

void souk_mcp_fail_open(souk_mcp *mcp, const souk_err *why)
{
    if (mcp->state == SOUK_MCP_OPENING) {
        mcp->state = SOUK_MCP_FAILED;
        souk_mcp_withdraw_all(mcp);
        souk_err mine = *why;
        mine.delivery = SOUK_DELIVERY_NOT_SENT;
        souk_kept_err_set(&mcp->why, mcp->alloc, &mine);
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
    mcp->listen_by = SOUK_NEVER;
    souk_kept_err_free(&mcp->why, mcp->alloc); /* why initialize was refused at first */
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

/* A step that could not be sent. pending may be NULL. */
static void fail_step(souk_mcp *mcp, souk_mcp_pending *pending, const souk_err *why)
{
    mcp->opening = pending;
    drop_opening(mcp);
    souk_mcp_fail_open(mcp, why);
}

/* Sends a step of the opening; `revision` is what its headers say, 0 for initialize. */
static void send_step(souk_mcp *mcp, souk_mcp_pending *pending, souk_mcp_revision revision,
                      souk_buf *body)
{
    souk_err why;
    int failed;
    mcp->opening = pending;
    if (souk_mcp_is_http(mcp)) {
        souk_mcp_post post;
        memset(&post, 0, sizeof post);
        if (!mcp->two_endpoints) {
            souk_mcp_come_home(mcp); /* whatever an earlier step met */
        }
        post.purpose = pending->purpose;
        post.pending = pending;
        post.timeout = souk_ms_after(mcp->config.open_timeout, LATER);
        post.http.revision = revision;
        post.http.rpc_method = souk_slice_of(pending->method);
        failed = souk_mcp_http_send(mcp, &post, body, NULL, &why);
    } else {
        failed = mcp->child_alive ? SOUK_OK : souk_mcp_stdio_spawn(mcp, &why);
        failed = failed == SOUK_OK ? souk_mcp_stdio_write(mcp, body, &why) : failed;
    }
    if (failed != SOUK_OK) {
        fail_step(mcp, pending, &why);
    }
}

static void send_probe(souk_mcp *mcp, souk_mcp_revision revision, souk_ms now)
{
    souk_err why;
    souk_buf body;
    souk_buf_init(&body, mcp->alloc, STEP_MAX);
    souk_mcp_pending *pending =
        souk_mcp_pending_new(mcp, SOUK_MCP_FOR_PROBE, SOUK_LIT("server/discover"), NULL);
    mcp->asked = revision;
    mcp->probes++;
    if (pending == NULL) {
        souk_fail_memory(&why);
        fail_step(mcp, NULL, &why);
    } else if (souk_mcp_write_discover(&body, (int64_t)pending->id, revision, &mcp->client, &why) !=
               SOUK_OK) {
        fail_step(mcp, pending, &why);
    } else {
        send_step(mcp, pending, revision, &body);
        if (!souk_mcp_is_http(mcp)) {
            /* Silence and death only say "legacy" where that is of use to know. */
            bool may_be_legacy = mcp->config.pinned == SOUK_MCP_UNKNOWN;
            mcp->child_probed = may_be_legacy;
            mcp->probe_by =
                may_be_legacy ? souk_ms_after(now, mcp->config.probe_timeout) : SOUK_NEVER;
        }
    }
    souk_buf_free(&body);
}

static void send_initialize(souk_mcp *mcp, souk_mcp_revision revision)
{
    souk_err why;
    souk_buf body;
    souk_buf_init(&body, mcp->alloc, STEP_MAX);
    souk_mcp_pending *pending =
        souk_mcp_pending_new(mcp, SOUK_MCP_FOR_INITIALIZE, SOUK_LIT("initialize"), NULL);
    mcp->asked = revision;
    mcp->revision = SOUK_MCP_UNKNOWN;
    if (pending == NULL) {
        souk_fail_memory(&why);
        fail_step(mcp, NULL, &why);
    } else if (souk_mcp_write_initialize(&body, (int64_t)pending->id, revision, &mcp->client,
                                         &why) != SOUK_OK) {
        fail_step(mcp, pending, &why);
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
    } else if (!souk_mcp_is_http(mcp)) {
        send_probe(mcp, known, now);
    } else {
        mcp->revision = known;
        if (known != mcp->config.remembered) {
            souk_mcp_learn(mcp, NULL); /* what a session before this one had learnt is kept */
        }
        become_ready(mcp);
    }
}

/* What the status of a refused step says. */
static void fail_refused(souk_mcp *mcp, int status, const souk_rpc_message *message)
{
    const souk_mcp_head head = {.status = status, .retry_after_ms = mcp->opening_retry_after};
    souk_err why;
    souk_mcp_refused(&head, message, &why);
    souk_mcp_fail_open(mcp, &why);
}

/* The server answered server/discover, or like one that knows it. */
static void become_modern(souk_mcp *mcp, souk_mcp_revision revision,
                          const souk_rpc_message *message)
{
    mcp->revision = revision;
    souk_mcp_learn(mcp,
                   message != NULL && message->kind == SOUK_RPC_RESULT ? message->result : NULL);
    become_ready(mcp);
}

/* A verdict that leads away from the revision that is asked for. */
static void fail_pinned(souk_mcp *mcp, const souk_mcp_verdict *verdict)
{
    souk_err why;
    souk_fail(&why, SOUK_E_PROTOCOL, "protocol_version asks for %s, but %s",
              souk_mcp_revision_name(mcp->config.pinned), verdict->reason);
    souk_mcp_fail_open(mcp, &why);
}

static void act_on(souk_mcp *mcp, const souk_mcp_verdict *verdict, int status,
                   const souk_rpc_message *message, souk_ms now)
{
    bool names_one = verdict->revision != SOUK_MCP_UNKNOWN;
    if (names_one && mcp->config.pinned != SOUK_MCP_UNKNOWN &&
        verdict->revision != mcp->config.pinned) {
        fail_pinned(mcp, verdict);
        return;
    }
    switch (verdict->kind) {
    case SOUK_MCP_VERDICT_MODERN:
        become_modern(mcp, verdict->revision, message);
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
        mcp->contradicted = mcp->contradicted || souk_mcp_is_modern(mcp->config.remembered);
        send_initialize(mcp, verdict->revision);
        return;
    case SOUK_MCP_VERDICT_AUTH:
    case SOUK_MCP_VERDICT_TRANSIENT:
        fail_refused(mcp, status, message);
        return;
    case SOUK_MCP_VERDICT_INCOMPATIBLE:
        break;
    }
    fail_open(mcp, SOUK_E_PROTOCOL, verdict->reason);
}

static void send_initialized(souk_mcp *mcp)
{
    souk_buf body;
    souk_err why;
    souk_buf_init(&body, mcp->alloc, STEP_MAX);
    int failed = souk_mcp_write_initialized(&body, &why);
    if (failed == SOUK_OK && souk_mcp_is_http(mcp)) {
        souk_mcp_post post;
        memset(&post, 0, sizeof post);
        post.purpose = SOUK_MCP_FOR_INITIALIZED;
        post.timeout = souk_ms_after(mcp->config.open_timeout, LATER);
        post.http.revision = mcp->revision;
        failed = souk_mcp_http_send(mcp, &post, &body, NULL, &why);
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

void souk_mcp_initialized_accepted(souk_mcp *mcp, souk_ms now)
{
    if (mcp->state == SOUK_MCP_OPENING && !souk_mcp_listen_first(mcp, now)) {
        become_ready(mcp);
    }
}

/* Nothing can have been lost with a session that nobody has used: another one is as good. */
void souk_mcp_initialized_refused(souk_mcp *mcp, bool lost, const souk_err *why)
{
    if (lost && mcp->state == SOUK_MCP_OPENING && !mcp->initialized_anew) {
        mcp->initialized_anew = true;
        send_initialize(mcp, mcp->revision);
    } else {
        souk_mcp_fail_open(mcp, why);
    }
}

void souk_mcp_check_first_stream(souk_mcp *mcp, souk_ms now)
{
    bool waits = mcp->state == SOUK_MCP_OPENING && mcp->listen_by != SOUK_NEVER;
    if (waits && (now >= mcp->listen_by || souk_mcp_listen_is_settled(mcp))) {
        become_ready(mcp);
    }
}

/* Whether a refused initialize comes from a server that may be modern. */
static bool may_be_modern(const souk_mcp *mcp, int status, const souk_rpc_message *message,
                          souk_mcp_revision retry)
{
    bool is_error = message != NULL && message->kind == SOUK_RPC_ERROR;
    if (souk_mcp_is_modern(retry) || souk_mcp_is_modern_error(message)) {
        return true;
    }
    /* Over stdio the answer to the probe may have been too slow to be waited for. */
    if (is_error && message->code == SOUK_RPC_METHOD_NOT_FOUND) {
        return mcp->probes == 0 || !souk_mcp_is_http(mcp);
    }
    /* What was remembered may be wrong by now. */
    bool refuses = status == 400 || status == 404 || status == 405;
    return mcp->probes == 0 && (refuses || (is_error && status < 300));
}

/* A server that refuses initialize may be modern after all, or want another revision. Each is tried
 * once. */
static bool try_otherwise(souk_mcp *mcp, int status, const souk_rpc_message *message,
                          souk_mcp_revision retry, souk_ms now)
{
    if (mcp->config.pinned != SOUK_MCP_UNKNOWN) {
        return false;
    }
    if (!mcp->two_endpoints && mcp->probes < PROBES_MAX &&
        may_be_modern(mcp, status, message, retry)) {
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

/* The answer to initialize: SOUK_OK with *revision; or why not, with *retry as in
 * souk_mcp_read_initialize. */
static int read_answer(const souk_mcp *mcp, int status, const souk_rpc_message *message,
                       souk_mcp_revision *revision, souk_mcp_revision *retry, souk_err *why)
{
    const souk_mcp_head head = {.status = status, .retry_after_ms = mcp->opening_retry_after};
    souk_mcp_server server;
    if (message == NULL) {
        int failed = souk_mcp_refused(&head, NULL, why);
        souk_err_prefix(why, "initialize was refused");
        return failed;
    }
    int failed = souk_mcp_read_initialize(message, mcp->asked, &server, retry, why);
    if (failed != SOUK_OK) {
        return status >= 300 ? souk_mcp_refused(&head, message, why) : failed;
    }
    if (mcp->config.pinned != SOUK_MCP_UNKNOWN && server.revision != mcp->config.pinned) {
        return souk_fail(
            why, SOUK_E_PROTOCOL, "the server speaks %s, and protocol_version asks for %s",
            souk_mcp_revision_name(server.revision), souk_mcp_revision_name(mcp->config.pinned));
    }
    *revision = server.revision;
    return SOUK_OK;
}

static void initialize_answered(souk_mcp *mcp, int status, const souk_rpc_message *message,
                                souk_ms now)
{
    souk_err why;
    souk_mcp_revision revision = SOUK_MCP_UNKNOWN;
    souk_mcp_revision retry = SOUK_MCP_UNKNOWN;
    if (read_answer(mcp, status, message, &revision, &retry, &why) == SOUK_OK) {
        mcp->revision = revision;
        souk_mcp_learn(mcp, message->result);
        send_initialized(mcp);
        return;
    }
    /* Where the old transport is remembered it is tried first. */
    bool was_old = mcp->config.remembered == SOUK_MCP_2024_11_05;
    bool tries = (was_old && souk_mcp_try_two_endpoints(mcp, status, message)) ||
                 try_otherwise(mcp, status, message, retry, now) ||
                 souk_mcp_try_two_endpoints(mcp, status, message);
    if (!tries) {
        souk_mcp_fail_open(mcp, &why);
    } else if (mcp->inbound != NULL && mcp->state == SOUK_MCP_OPENING) {
        souk_kept_err_set(&mcp->why, mcp->alloc, &why); /* said if that leads to nothing */
    }
}

void souk_mcp_initialize_at_endpoint(souk_mcp *mcp)
{
    mcp->two_endpoints = true;
    send_initialize(mcp, SOUK_MCP_2024_11_05);
}

void souk_mcp_no_two_endpoints(souk_mcp *mcp, const souk_err *why, souk_ms now)
{
    if (mcp->state != SOUK_MCP_OPENING) {
        return;
    }
    bool was_wrong = why == NULL && mcp->config.pinned == SOUK_MCP_UNKNOWN && mcp->probes == 0;
    if (was_wrong) { /* only what is remembered leads here without a probe */
        mcp->contradicted = true;
        send_probe(mcp, SOUK_MCP_NEWEST_MODERN, now);
    } else {
        souk_mcp_fail_open(mcp, why != NULL ? why : souk_kept_err_get(&mcp->why));
    }
}

void souk_mcp_opening_answered(souk_mcp *mcp, souk_mcp_pending *pending, int status,
                               const souk_rpc_message *message, const souk_err *err, souk_ms now)
{
    if (pending != mcp->opening) {
        return; /* a late answer to a step that was given up */
    }
    bool was_probe = pending->purpose == SOUK_MCP_FOR_PROBE;
    drop_opening(mcp);
    if (mcp->state != SOUK_MCP_OPENING) {
        return;
    }
    /* Garbage where an answer to the probe was expected is what some legacy servers send; a broken
     * connection, a limit or a redirect that leads nowhere says nothing about the era. */
    bool is_garbage =
        err != NULL && err->kind == SOUK_E_PROTOCOL && err->delivery != SOUK_DELIVERY_REJECTED;
    if (err != NULL && !(was_probe && is_garbage)) {
        souk_mcp_fail_open(mcp, err);
        return;
    }
    if (!was_probe) {
        initialize_answered(mcp, status, message, now);
        return;
    }
    souk_mcp_verdict verdict;
    if (souk_mcp_is_http(mcp)) {
        verdict = souk_mcp_era_over_http(status, message, mcp->asked);
    } else {
        verdict = souk_mcp_era_over_stdio(SOUK_MCP_PROBE_ANSWERED, message, mcp->asked);
    }
    act_on(mcp, &verdict, status, message, now);
}

void souk_mcp_probe_silent(souk_mcp *mcp, souk_mcp_probe_end end, souk_ms now)
{
    souk_mcp_verdict verdict = souk_mcp_era_over_stdio(end, NULL, mcp->asked);
    drop_opening(mcp);
    act_on(mcp, &verdict, 0, NULL, now);
}
