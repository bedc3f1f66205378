/* What goes out after the opening: requests, notifications, answers to the server. */
#include "mcp/session_internal.h"

#include <string.h>

static int write_request(souk_mcp *mcp, const souk_mcp_request *request, uint64_t id, souk_buf *out,
                         souk_err *err)
{
    souk_mcp_envelope envelope;
    memset(&envelope, 0, sizeof envelope);
    envelope.id = (int64_t)id;
    envelope.method = request->method;
    envelope.params = request->params;
    envelope.revision = mcp->revision;
    envelope.client = &mcp->client;
    envelope.progress_token = request->progress ? (int64_t)id : 0;
    envelope.traceparent = request->trace.traceparent;
    envelope.tracestate = request->trace.tracestate;
    envelope.baggage = request->trace.baggage;
    if (!souk_slice_is(request->method, "server/discover")) { /* it does no work to report on */
        envelope.log_level = souk_slice_of(mcp->log_level);
    }
    return souk_mcp_write_request(out, &envelope, err);
}

static int send_over_http(souk_mcp *mcp, const souk_mcp_request *request, souk_mcp_pending *pending,
                          souk_buf *body, souk_err *err)
{
    souk_mcp_post post;
    memset(&post, 0, sizeof post);
    post.purpose = SOUK_MCP_FOR_REQUEST;
    post.pending = pending;
    post.timeout = request->timeout;
    post.http.rpc_method = request->method;
    post.http.name = request->name;
    post.http.more = request->headers;
    post.http.more_count = request->header_count;
    return souk_mcp_http_send(mcp, &post, body, NULL, err);
}

/* A child that reads no more is of no use, though its end is not known yet. */
static int send_over_stdio(souk_mcp *mcp, souk_buf *body, souk_err *err)
{
    souk_err why;
    int failed = souk_mcp_stdio_write(mcp, body, &why);
    if (failed == SOUK_E_TRANSPORT || failed == SOUK_E_CLOSED) {
        if (why.delivery == SOUK_DELIVERY_NONE) {
            why.delivery = SOUK_DELIVERY_NOT_SENT;
        }
        souk_mcp_become_lost(mcp, &why);
    }
    if (failed != SOUK_OK && err != NULL) {
        *err = why;
    }
    return failed;
}

static int fail_not_open(souk_err *err)
{
    return souk_fail(err, SOUK_E_CLOSED, "the session is not open");
}

int souk_mcp_send(souk_mcp *mcp, const souk_mcp_request *request, uint64_t *id, souk_err *err)
{
    if (mcp->state != SOUK_MCP_READY) {
        return fail_not_open(err);
    }
    souk_mcp_pending *pending =
        souk_mcp_pending_new(mcp, SOUK_MCP_FOR_REQUEST, request->method, request->tag);
    if (pending == NULL) {
        return souk_fail_memory(err);
    }
    souk_buf body;
    souk_buf_init(&body, mcp->alloc, SIZE_MAX / 4);
    int failed = write_request(mcp, request, pending->id, &body, err);
    if (failed == SOUK_OK) {
        failed = souk_mcp_is_http(mcp) ? send_over_http(mcp, request, pending, &body, err)
                                       : send_over_stdio(mcp, &body, err);
    }
    souk_buf_free(&body);
    *id = pending->id;
    if (failed != SOUK_OK) {
        souk_idmap_remove(&mcp->pending, pending->id);
        souk_mcp_pending_free(mcp, pending);
    }
    return failed;
}

/* A POST whose answer nobody waits for. */
static int post_message(souk_mcp *mcp, souk_buf *message, souk_err *err)
{
    souk_mcp_post post;
    memset(&post, 0, sizeof post);
    post.purpose = SOUK_MCP_FOR_REPLY;
    post.timeout = mcp->config.open_timeout;
    return souk_mcp_http_send(mcp, &post, message, NULL, err);
}

void souk_mcp_send_quietly(souk_mcp *mcp, souk_buf *message)
{
    if (souk_mcp_is_http(mcp)) {
        (void)post_message(mcp, message, NULL);
    } else {
        (void)souk_mcp_stdio_write(mcp, message, NULL);
    }
}

static bool is_object_text(souk_slice json)
{
    json = souk_slice_trim(json);
    return json.len >= 2 && json.ptr[0] == '{' && json.ptr[json.len - 1] == '}';
}

static int check_notification(const souk_mcp *mcp, souk_slice params, souk_err *err)
{
    if (mcp->state != SOUK_MCP_READY) {
        return fail_not_open(err);
    }
    if (souk_mcp_is_http(mcp) && souk_mcp_is_modern(mcp->revision)) {
        return souk_fail(err, SOUK_E_CONFIG, "%s over HTTP knows no notifications of a client",
                         souk_mcp_revision_name(mcp->revision));
    }
    if (params.len > 0 && !is_object_text(params)) {
        return souk_fail(err, SOUK_E_SCHEMA, "params are no JSON object");
    }
    if (mcp->replies >= SOUK_MCP_REPLIES_MAX) {
        return souk_fail(err, SOUK_E_LIMIT, "%d messages to the server are on their way already",
                         SOUK_MCP_REPLIES_MAX);
    }
    return SOUK_OK;
}

int souk_mcp_notify(souk_mcp *mcp, souk_slice method, souk_slice params, souk_err *err)
{
    int failed = check_notification(mcp, params, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_buf message;
    souk_buf_init(&message, mcp->alloc, SIZE_MAX / 4);
    failed = souk_rpc_write_notification(&message, method, params, err);
    if (failed == SOUK_OK) {
        failed = souk_mcp_is_http(mcp) ? post_message(mcp, &message, err)
                                       : send_over_stdio(mcp, &message, err);
    }
    souk_buf_free(&message);
    return failed;
}

int souk_mcp_set_log_level(souk_mcp *mcp, souk_slice level, souk_err *err)
{
    char *copy = NULL;
    if (level.len > 0) {
        copy = souk_dup(mcp->alloc, level);
        if (copy == NULL) {
            return souk_fail_memory(err);
        }
    }
    souk_free(mcp->alloc, mcp->log_level);
    mcp->log_level = copy;
    return SOUK_OK;
}
