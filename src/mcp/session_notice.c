/* Notifications of the server: which request each belongs to, and the queue in which they wait. */
#include "mcp/session_internal.h"

/* What may wait when the session's user did not say. */
enum { NOTICES_DEFAULT = 256 };

struct souk_mcp_noted {
    souk_mcp_notice notice;
    souk_mcp_noted *next;
};

static bool has_room(const souk_mcp *mcp)
{
    size_t max = mcp->config.max_notices == 0 ? NOTICES_DEFAULT : mcp->config.max_notices;
    return mcp->noted_count < max;
}

/* Saying it twice before it was fetched would say nothing more. */
static bool is_said_already(const souk_mcp *mcp, const void *tag, souk_slice method)
{
    const souk_mcp_noted *it = mcp->noted_first;
    while (it != NULL && !(it->notice.tag == tag && souk_slice_eq(it->notice.method, method))) {
        it = it->next;
    }
    return it != NULL;
}

void souk_mcp_note(souk_mcp *mcp, void *tag, souk_slice method, souk_json_doc *doc,
                   const souk_jval *params)
{
    /* The session's own notices are few, and somebody waits for them. */
    bool is_own = doc == NULL;
    if (is_own ? is_said_already(mcp, tag, method) : !has_room(mcp)) {
        return;
    }
    souk_mcp_noted *noted = souk_new(mcp->alloc, sizeof *noted);
    if (noted == NULL) {
        return;
    }
    noted->notice.tag = tag;
    noted->notice.method = method;
    noted->notice.params = params;
    souk_json_doc_init(&noted->notice.doc, mcp->alloc);
    if (doc != NULL) {
        souk_json_doc_move(&noted->notice.doc, doc);
    }
    if (mcp->noted_first == NULL) {
        mcp->noted_first = noted;
    } else {
        mcp->noted_last->next = noted;
    }
    mcp->noted_last = noted;
    mcp->noted_count++;
}

bool souk_mcp_next_notice(souk_mcp *mcp, souk_mcp_notice *notice)
{
    souk_mcp_noted *noted = mcp->noted_first;
    if (noted == NULL) {
        return false;
    }
    mcp->noted_first = noted->next;
    mcp->noted_count--;
    *notice = noted->notice; /* its document goes to the taker */
    souk_free(mcp->alloc, noted);
    return true;
}

void souk_mcp_notices_free(souk_mcp *mcp)
{
    souk_mcp_notice notice;
    while (souk_mcp_next_notice(mcp, &notice)) {
        souk_json_doc_free(&notice.doc);
    }
}

void souk_mcp_notices_forget(souk_mcp *mcp, const void *tag)
{
    for (souk_mcp_noted *it = mcp->noted_first; it != NULL; it = it->next) {
        if (it->notice.tag == tag) {
            it->notice.tag = NULL;
        }
    }
}

/* The request of ours that has this id, or NULL. Our ids are integers: "1" is nobody's. */
static souk_mcp_pending *request_named(const souk_mcp *mcp, const souk_jval *id)
{
    int64_t number;
    bool is_ours = souk_json_integer(id, &number) && number > 0;
    souk_mcp_pending *pending = is_ours ? souk_idmap_get(&mcp->pending, (uint64_t)number) : NULL;
    return pending != NULL && pending->purpose == SOUK_MCP_FOR_REQUEST ? pending : NULL;
}

/*
 * A notification belongs to the request in whose stream it came; where one stream carries all, to
 * the subscription that it names (2026-07-28, "Subscriptions"). What is left is what a standing
 * relation is there for.
 */
static void *find_tag(const souk_mcp *mcp, const souk_rpc_message *message,
                      const souk_mcp_exchange *exchange)
{
    const souk_mcp_pending *pending = exchange == NULL ? NULL : exchange->pending;
    if (pending == NULL) {
        const souk_jval *meta = souk_json_get(message->params, "_meta");
        pending = request_named(mcp, souk_json_get(meta, "io.modelcontextprotocol/subscriptionId"));
    }
    if (pending == NULL) {
        pending = mcp->listener;
    }
    return pending == NULL ? NULL : pending->tag;
}

/*
 * A server may end a subscription by naming it here, by its last answer, or by the end of the
 * stream: 2026-07-28 has pages for each (basic/utilities/cancellation, basic/subscriptions).
 */
static void end_subscription(souk_mcp *mcp, const souk_jval *id)
{
    souk_mcp_pending *pending = request_named(mcp, id);
    if (pending != NULL && souk_slice_is(souk_slice_of(pending->method), "subscriptions/listen")) {
        souk_err why;
        souk_fail(&why, SOUK_E_TRANSPORT, "the server ended the subscription");
        why.delivery = SOUK_DELIVERY_AMBIGUOUS;
        souk_mcp_end_request(mcp, pending, &why, false, NULL, NULL);
    }
}

static void take_cancelled(souk_mcp *mcp, const souk_jval *params)
{
    const souk_jval *id = souk_json_get(params, "requestId");
    if (souk_mcp_is_modern(mcp->revision)) {
        end_subscription(mcp, id);
    } else {
        souk_mcp_withdraw(mcp, id);
    }
}

/* Progress is found by its token alone, in whatever stream it came (basic/utilities/progress). */
static void take_progress(souk_mcp *mcp, souk_json_doc *doc, const souk_rpc_message *message)
{
    souk_mcp_pending *pending = request_named(mcp, souk_json_get(message->params, "progressToken"));
    if (pending == NULL || !souk_mcp_is_old_progress(mcp, pending, message->params)) {
        souk_mcp_note(mcp, pending == NULL ? NULL : pending->tag, message->method, doc,
                      message->params);
    }
}

void souk_mcp_take_notification(souk_mcp *mcp, souk_json_doc *doc, const souk_rpc_message *message,
                                const souk_mcp_exchange *exchange)
{
    if (souk_slice_is(message->method, "notifications/cancelled")) {
        take_cancelled(mcp, message->params);
    } else if (souk_slice_is(message->method, "notifications/progress")) {
        take_progress(mcp, doc, message);
    } else {
        souk_mcp_note(mcp, find_tag(mcp, message, exchange), message->method, doc, message->params);
    }
}
