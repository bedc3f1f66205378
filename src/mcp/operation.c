#include "mcp/operation_internal.h"

#include <string.h>

#include "json/read.h"

souk_mcp_ops *souk_mcp_ops_new(const souk_alloc *alloc, souk_mcp *mcp,
                               const souk_mcp_ops_config *config)
{
    souk_mcp_ops *ops = souk_new(alloc, sizeof *ops);
    if (ops == NULL) {
        return NULL;
    }
    ops->alloc = alloc;
    ops->mcp = mcp;
    ops->config = *config;
    souk_deadlines_init(&ops->deadlines, alloc);
    souk_idmap_init(&ops->questions, alloc);
    return ops;
}

/* --- what is told --- */

void souk_mcp_item_init(souk_mcp_item *item, const souk_alloc *alloc, souk_mcp_news_kind kind,
                        souk_mcp_op *op)
{
    memset(item, 0, sizeof *item);
    item->kind = kind;
    item->op = op;
    souk_json_doc_init(&item->doc, alloc);
}

void souk_mcp_item_put(souk_mcp_ops *ops, souk_mcp_item *item)
{
    item->next = NULL;
    item->prev = ops->last_item;
    if (ops->last_item == NULL) {
        ops->first_item = item;
    } else {
        ops->last_item->next = item;
    }
    ops->last_item = item;
    item->queued = true;
}

void souk_mcp_item_take_out(souk_mcp_ops *ops, souk_mcp_item *item)
{
    if (!item->queued) {
        return;
    }
    if (item->prev == NULL) {
        ops->first_item = item->next;
    } else {
        item->prev->next = item->next;
    }
    if (item->next == NULL) {
        ops->last_item = item->prev;
    } else {
        item->next->prev = item->prev;
    }
    item->queued = false;
}

void souk_mcp_tell(souk_mcp_ops *ops, souk_mcp_op *op, souk_mcp_news_kind kind, souk_slice method,
                   souk_json_doc *doc, const souk_jval *value)
{
    souk_mcp_item *item = souk_new(ops->alloc, sizeof *item);
    if (item == NULL) {
        return;
    }
    souk_mcp_item_init(item, ops->alloc, kind, op);
    item->method = method;
    if (doc != NULL) {
        souk_json_doc_move(&item->doc, doc);
        item->value = value;
    }
    souk_mcp_item_put(ops, item);
}

void souk_mcp_tell_text(souk_mcp_ops *ops, souk_mcp_op *op, souk_mcp_news_kind kind,
                        souk_slice method, souk_buf *text)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, ops->alloc);
    if (text->failed == SOUK_OK && souk_json_read_take(&doc, text, NULL, NULL) == SOUK_OK) {
        souk_mcp_tell(ops, op, kind, method, &doc, doc.root);
    }
    souk_json_doc_free(&doc);
    souk_buf_free(text);
}

/* --- birth and death of an operation --- */

static souk_mcp_op *op_new(souk_mcp_ops *ops, const souk_mcp_order *order)
{
    souk_mcp_op *op = souk_new(ops->alloc, sizeof *op);
    if (op == NULL) {
        return NULL;
    }
    op->ops = ops;
    op->order = *order;
    op->main.op = op;
    op->side.op = op;
    souk_mcp_headers_init(&op->headers, ops->alloc);
    souk_buf_init(&op->state, ops->alloc, SIZE_MAX / 4);
    souk_buf_init(&op->input, ops->alloc, SIZE_MAX / 4);
    souk_buf_init(&op->cursor, ops->alloc, SIZE_MAX / 4);
    souk_mcp_item_init(&op->end, ops->alloc, SOUK_MCP_NEWS_END, op);
    /* Its place is kept from now on, so that no later moment needs memory. */
    if (!souk_deadline_add(&ops->deadlines, &op->due, SOUK_NEVER, op)) {
        souk_free(ops->alloc, op);
        return NULL;
    }
    op->next = ops->first;
    if (op->next != NULL) {
        op->next->prev = op;
    }
    ops->first = op;
    return op;
}

static void op_free(souk_mcp_op *op)
{
    souk_mcp_ops *ops = op->ops;
    souk_mcp_item_take_out(ops, &op->end);
    souk_deadline_remove(&ops->deadlines, &op->due);
    souk_mcp_task_free(op);
    souk_mcp_listen_free(op);
    souk_mcp_headers_free(&op->headers);
    souk_buf_free(&op->state);
    souk_buf_free(&op->input);
    souk_buf_free(&op->cursor);
    souk_json_doc_free(&op->end.doc);
    if (op->prev == NULL) {
        ops->first = op->next;
    } else {
        op->prev->next = op->next;
    }
    if (op->next != NULL) {
        op->next->prev = op->prev;
    }
    souk_free(ops->alloc, op);
}

static void stop_requests(souk_mcp_op *op, const char *reason)
{
    souk_mcp_sent *const under_way[] = {&op->main, &op->side};
    for (size_t i = 0; i < 2; i++) {
        if (under_way[i]->id != 0) {
            souk_mcp_cancel(op->ops->mcp, under_way[i]->id, reason);
            under_way[i]->id = 0;
        }
    }
}

/* Everything that is left of it but its end. */
static void finish(souk_mcp_op *op)
{
    op->ended = true;
    souk_deadline_move(&op->ops->deadlines, &op->due, SOUK_NEVER);
    stop_requests(op, "the operation has ended");
    souk_mcp_op_questions_end(op);
    souk_mcp_item_put(op->ops, &op->end);
}

void souk_mcp_op_done(souk_mcp_op *op, souk_json_doc *doc, const souk_jval *value)
{
    souk_err_clear(&op->err);
    op->lost = false;
    souk_json_doc_move(&op->end.doc, doc);
    op->end.value = value;
    finish(op);
}

void souk_mcp_op_keep(souk_mcp_op *op, souk_mcp_end *end)
{
    op->err = end->err;
    souk_json_doc_move(&op->end.doc, &end->doc);
    op->end.value = end->value;
    end->value = NULL;
}

void souk_mcp_op_give_up(souk_mcp_op *op, bool lost)
{
    op->lost = lost;
    finish(op);
}

void souk_mcp_op_fail(souk_mcp_op *op, const souk_err *err, bool lost)
{
    op->err = *err;
    souk_json_doc_free(&op->end.doc);
    op->end.value = NULL;
    souk_mcp_op_give_up(op, lost);
}

void souk_mcp_op_refuse(souk_mcp_op *op, souk_err *err)
{
    err->delivery = SOUK_DELIVERY_DELIVERED;
    souk_mcp_op_fail(op, err, false);
}

/* --- starting and giving up --- */

/* Modern servers keep no level: it goes with each request. */
static int keep_log_level(souk_mcp_op *op, souk_err *err)
{
    souk_json_doc doc;
    souk_json_doc_init(&doc, op->ops->alloc);
    int failed = souk_json_read(&doc, SOUK_LIT("{}"), NULL, err);
    if (failed == SOUK_OK) {
        failed = souk_mcp_set_log_level(op->ops->mcp, op->order.name, err);
    }
    if (failed == SOUK_OK) {
        souk_mcp_op_done(op, &doc, doc.root);
    }
    souk_json_doc_free(&doc);
    return failed;
}

static int start(souk_mcp_op *op, souk_ms now, souk_err *err)
{
    bool modern = souk_mcp_op_is_modern(op);
    switch (op->order.kind) {
    case SOUK_MCP_OP_TASK:
        return souk_mcp_task_follow(op, err);
    case SOUK_MCP_OP_LOG_LEVEL:
        return modern ? keep_log_level(op, err) : souk_mcp_op_send(op, err);
    case SOUK_MCP_OP_LISTEN:
        return modern ? souk_mcp_op_send(op, err) : souk_mcp_listen_start(op, now, err);
    case SOUK_MCP_OP_TOOL: {
        int failed = souk_mcp_op_make_headers(op, op->order.input_schema, err);
        return failed == SOUK_OK ? souk_mcp_op_send(op, err) : failed;
    }
    default:
        return souk_mcp_op_send(op, err);
    }
}

int souk_mcp_op_start(souk_mcp_ops *ops, const souk_mcp_order *order, souk_ms now, souk_mcp_op **op,
                      souk_err *err)
{
    souk_err why;
    souk_err_clear(&why);
    *op = op_new(ops, order);
    int failed = *op == NULL ? souk_fail_memory(&why) : start(*op, now, &why);
    if (failed == SOUK_OK) {
        return SOUK_OK;
    }
    if (*op != NULL) {
        op_free(*op);
        *op = NULL;
    }
    if (why.delivery == SOUK_DELIVERY_NONE) {
        why.delivery = SOUK_DELIVERY_NOT_SENT;
    }
    if (err != NULL) {
        *err = why;
    }
    return failed;
}

/* What was to be told of an operation that its user gave up. Withdrawals are still needed. */
static void purge_items(souk_mcp_ops *ops, const souk_mcp_op *op)
{
    for (souk_mcp_item *item = ops->first_item, *next; item != NULL; item = next) {
        next = item->next;
        if (item->op != op) {
            continue;
        }
        item->op = NULL;
        if (item->kind == SOUK_MCP_NEWS_PROGRESS || item->kind == SOUK_MCP_NEWS_TASK ||
            item->kind == SOUK_MCP_NEWS_NOTICE) {
            souk_mcp_item_take_out(ops, item);
            souk_json_doc_free(&item->doc);
            souk_free(ops->alloc, item);
        }
    }
}

void souk_mcp_op_cancel(souk_mcp_ops *ops, souk_mcp_op *op, const char *reason, bool stop_task,
                        souk_ms now)
{
    (void)now;
    bool running = !op->ended;
    stop_requests(op, reason);
    if (stop_task && running) {
        souk_mcp_task_stop(op);
    }
    souk_mcp_op_questions_end(op);
    souk_mcp_op_questions_leave(op, true);
    purge_items(ops, op);
    op_free(op);
}

/* --- fetching --- */

static void pop(souk_mcp_ops *ops, souk_mcp_item *item, souk_mcp_news *news)
{
    souk_mcp_op *op = item->op;
    memset(news, 0, sizeof *news);
    souk_mcp_item_take_out(ops, item);
    news->kind = item->kind;
    news->tag = op == NULL ? NULL : op->order.tag;
    news->method = item->method;
    news->question = item->question == NULL ? 0 : item->question->id;
    news->doc = item->doc;
    news->value = item->value;
    souk_json_doc_init(&item->doc, ops->alloc); /* it has moved to the taker */
    item->value = NULL;
    if (op != NULL && item == &op->end) {
        news->err = op->err;
        news->lost = op->lost;
        news->asked = op->asked;
        souk_mcp_op_questions_leave(op, false);
        op_free(op);
    } else if (item->question == NULL) {
        souk_free(ops->alloc, item);
    } else if (item->kind == SOUK_MCP_NEWS_WITHDRAWN) {
        souk_mcp_op_question_free(item->question);
    }
}

/* A session that is gone answers nobody; whoever has a request under way learns it from that. */
static void end_stranded(souk_mcp_ops *ops)
{
    souk_mcp_state state = souk_mcp_get_state(ops->mcp);
    if (state == SOUK_MCP_READY) {
        return;
    }
    for (souk_mcp_op *op = ops->first; op != NULL; op = op->next) {
        if (op->ended || op->main.id != 0) {
            continue;
        }
        souk_err why;
        if (state == SOUK_MCP_LOST) {
            why = *souk_mcp_why(ops->mcp);
        } else {
            souk_fail(&why, SOUK_E_CLOSED, "the session was closed");
        }
        why.delivery = SOUK_DELIVERY_AMBIGUOUS;
        souk_mcp_task_explain(op, &why);
        souk_mcp_op_fail(op, &why, true);
    }
}

bool souk_mcp_ops_next(souk_mcp_ops *ops, souk_ms now, souk_mcp_news *news)
{
    while (ops->first_item == NULL && souk_mcp_ops_pump(ops, now)) {
    }
    if (ops->first_item == NULL) {
        end_stranded(ops);
    }
    if (ops->first_item == NULL) {
        return false;
    }
    pop(ops, ops->first_item, news);
    return true;
}

void souk_mcp_ops_free(souk_mcp_ops *ops)
{
    if (ops == NULL) {
        return;
    }
    while (ops->first_item != NULL) {
        souk_mcp_news news;
        pop(ops, ops->first_item, &news);
        souk_json_doc_free(&news.doc);
    }
    while (ops->first != NULL) {
        souk_mcp_op_questions_leave(ops->first, false);
        op_free(ops->first);
    }
    while (ops->loose.first != NULL) {
        souk_mcp_op_question_free(ops->loose.first);
    }
    souk_deadlines_free(&ops->deadlines);
    souk_idmap_free(&ops->questions);
    souk_free(ops->alloc, ops);
}

/* --- time --- */

souk_ms souk_mcp_ops_deadline(const souk_mcp_ops *ops)
{
    return souk_deadlines_next(&ops->deadlines);
}

void souk_mcp_ops_tick(souk_mcp_ops *ops, souk_ms now)
{
    souk_mcp_op *op;
    while ((op = souk_deadlines_due(&ops->deadlines, now)) != NULL) {
        souk_deadline_move(&ops->deadlines, &op->due, SOUK_NEVER);
        if (op->listening != NULL) {
            souk_mcp_listen_due(op, now);
        } else if (op->task != NULL) {
            souk_mcp_task_due(op, now);
        } else {
            souk_mcp_op_resend(op); /* a round without questions */
        }
    }
}
