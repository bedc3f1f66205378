/* Subscriptions. Modern: one standing request, whose notices are passed on. Legacy: a stream, and a
 * resources/subscribe for each resource, each time that the stream stands anew. */
#include "mcp/operation_internal.h"

#include "json/read.h"
#include "json/write.h"

struct souk_mcp_listening {
    souk_json_doc doc;          /* the order's params */
    const souk_jval *uris;      /* resourceSubscriptions, or NULL */
    souk_json_elements next;    /* those that are not subscribed to yet */
    const souk_jval *under_way; /* the one of the request under way */
    bool untold;                /* the stream stands; that is told when all are subscribed to */
};

void souk_mcp_listen_free(souk_mcp_op *op)
{
    if (op->listening != NULL) {
        souk_json_doc_free(&op->listening->doc);
        souk_free(op->ops->alloc, op->listening);
        op->listening = NULL;
    }
}

static int wrong(souk_err *err, const char *what)
{
    return souk_fail(err, SOUK_E_SCHEMA, "what is to be listened to: %s", what);
}

static int read_wishes(souk_mcp_listening *listening, souk_slice params, souk_err *err)
{
    const souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = params.len};
    if (params.len == 0) {
        return SOUK_OK;
    }
    int failed = souk_json_read(&listening->doc, params, &limits, err);
    if (failed != SOUK_OK) {
        return failed == SOUK_E_PROTOCOL ? wrong(err, "no valid JSON") : failed;
    }
    if (listening->doc.root->type != SOUK_JSON_OBJECT) {
        return wrong(err, "no JSON object");
    }
    listening->uris = souk_json_get(listening->doc.root, "resourceSubscriptions");
    souk_json_type type = souk_json_type_of(listening->uris);
    if (type != SOUK_JSON_ARRAY && type != SOUK_JSON_NULL) {
        return wrong(err, "resourceSubscriptions is no list");
    }
    souk_json_elements it = souk_json_each_element(listening->uris);
    while (souk_json_next_element(&it)) {
        if (it.value->type != SOUK_JSON_STRING) {
            return wrong(err, "a resource's URI is no string");
        }
    }
    return SOUK_OK;
}

int souk_mcp_listen_start(souk_mcp_op *op, souk_ms now, souk_err *err)
{
    (void)now;
    op->listening = souk_new(op->ops->alloc, sizeof *op->listening);
    if (op->listening == NULL) {
        return souk_fail_memory(err);
    }
    souk_json_doc_init(&op->listening->doc, op->ops->alloc);
    int failed = read_wishes(op->listening, op->order.params, err);
    if (failed == SOUK_OK) {
        op->step = SOUK_MCP_STEP_STAND;
        failed = souk_mcp_listen(op->ops->mcp, &op->main, &op->main.id, err);
    }
    return failed;
}

static void tell_failed(souk_mcp_op *op, const souk_err *err)
{
    souk_jw w;
    souk_buf text;
    souk_buf_init(&text, op->ops->alloc, SIZE_MAX / 4);
    souk_jw_init(&w, &text);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "uri", souk_json_string(op->listening->under_way));
    souk_jw_key_string(&w, "message", souk_slice_of(err->message));
    souk_jw_end_object(&w);
    souk_mcp_tell_text(op->ops, op, SOUK_MCP_NEWS_NOTICE, SOUK_LIT(SOUK_MCP_LISTENING_FAILED),
                       &text);
}

static int send_subscribe(souk_mcp_op *op, souk_err *err)
{
    souk_jw w;
    souk_buf params;
    souk_buf_init(&params, op->ops->alloc, SIZE_MAX / 4);
    souk_jw_init(&w, &params);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "uri", souk_json_string(op->listening->under_way));
    souk_jw_end_object(&w);
    int failed = souk_jw_check(&w, err);
    if (failed == SOUK_OK) {
        failed = souk_mcp_op_send_quick(op, &op->side, SOUK_LIT("resources/subscribe"),
                                        souk_buf_slice(&params), souk_slice_make(NULL, 0), err);
    }
    souk_buf_free(&params);
    return failed;
}

/* One after the other, so that a long list is no flood. Whoever is told that it stands may count on
 * them, as on the acknowledgement of a modern server. */
static void subscribe_next(souk_mcp_op *op, souk_ms now)
{
    souk_mcp_listening *listening = op->listening;
    souk_ms at = SOUK_NEVER;
    souk_err why;
    while (at == SOUK_NEVER && souk_mcp_get_state(op->ops->mcp) == SOUK_MCP_READY &&
           souk_json_next_element(&listening->next)) {
        listening->under_way = listening->next.value;
        if (send_subscribe(op, &why) == SOUK_OK) {
            at = souk_ms_after(now, SOUK_MCP_QUICK_TIMEOUT);
        } else {
            tell_failed(op, &why);
        }
    }
    if (at == SOUK_NEVER && listening->untold) {
        listening->untold = false;
        souk_mcp_tell(op->ops, op, SOUK_MCP_NEWS_NOTICE, SOUK_LIT(SOUK_MCP_LISTENING), NULL, NULL);
    }
    souk_deadline_move(&op->ops->deadlines, &op->due, at);
}

void souk_mcp_listen_notice(souk_mcp_op *op, souk_mcp_notice *notice, souk_ms now)
{
    souk_slice method = notice->method;
    const souk_jval *value = notice->params;
    if (souk_slice_is(method, "notifications/subscriptions/acknowledged")) {
        const souk_jval *granted = souk_json_get(value, "notifications");
        method = SOUK_LIT(SOUK_MCP_LISTENING);
        value = granted != NULL ? granted : value;
    }
    if (op->listening == NULL || !souk_slice_is(method, SOUK_MCP_LISTENING)) {
        souk_mcp_tell(op->ops, op, SOUK_MCP_NEWS_NOTICE, method, &notice->doc, value);
        return;
    }
    op->listening->next = souk_json_each_element(op->listening->uris);
    op->listening->untold = true;
    if (op->side.id == 0) {
        subscribe_next(op, now);
    }
}

void souk_mcp_listen_take(souk_mcp_op *op, const souk_mcp_end *end, souk_ms now)
{
    if (end->lost) {
        return; /* the stream ends, too, and says so */
    }
    if (end->err.kind != SOUK_OK) {
        tell_failed(op, &end->err);
    }
    subscribe_next(op, now);
}

void souk_mcp_listen_due(souk_mcp_op *op, souk_ms now)
{
    souk_err why;
    if (op->side.id != 0) {
        souk_mcp_cancel(op->ops->mcp, op->side.id, "no answer came in time");
        op->side.id = 0;
        souk_fail(&why, SOUK_E_TIMEOUT, "the server did not answer in %d seconds",
                  SOUK_MCP_QUICK_TIMEOUT / 1000);
        tell_failed(op, &why);
    }
    subscribe_next(op, now);
}
