#include "mcp/operation_internal.h"

#include <string.h>

#include "json/read.h"
#include "json/write.h"

static souk_mcp_op_questions *home_of(const souk_mcp_op_question *question)
{
    return question->op == NULL ? &question->ops->loose : &question->op->questions;
}

static void enlist(souk_mcp_op_question *question)
{
    souk_mcp_op_questions *home = home_of(question);
    question->next = NULL;
    question->prev = home->last;
    if (home->last == NULL) {
        home->first = question;
    } else {
        home->last->next = question;
    }
    home->last = question;
}

static void unlist(souk_mcp_op_question *question)
{
    souk_mcp_op_questions *home = home_of(question);
    if (question->prev == NULL) {
        home->first = question->next;
    } else {
        question->prev->next = question->next;
    }
    if (question->next == NULL) {
        home->last = question->prev;
    } else {
        question->next->prev = question->prev;
    }
}

souk_mcp_op_question *souk_mcp_op_question_new(souk_mcp_ops *ops, souk_mcp_op *op,
                                               souk_mcp_asker asker)
{
    souk_mcp_op_question *question = souk_new(ops->alloc, sizeof *question);
    if (question == NULL) {
        return NULL;
    }
    question->id = ++ops->question_serial;
    if (!souk_idmap_add(&ops->questions, question->id, question)) {
        souk_free(ops->alloc, question);
        return NULL;
    }
    question->ops = ops;
    question->op = op;
    question->asker = asker;
    souk_buf_init(&question->key, ops->alloc, SIZE_MAX / 4);
    souk_buf_init(&question->answer, ops->alloc, SIZE_MAX / 4);
    souk_mcp_item_init(&question->item, ops->alloc, SOUK_MCP_NEWS_QUESTION, op);
    question->item.question = question;
    enlist(question);
    return question;
}

/* Takes it from where it can be found; what is left is its item. */
static void forget(souk_mcp_op_question *question)
{
    if (question->item.kind != SOUK_MCP_NEWS_WITHDRAWN) {
        unlist(question);
        souk_idmap_remove(&question->ops->questions, question->id);
    }
}

void souk_mcp_op_question_free(souk_mcp_op_question *question)
{
    souk_mcp_ops *ops = question->ops;
    forget(question);
    souk_mcp_item_take_out(ops, &question->item);
    souk_json_doc_free(&question->item.doc);
    souk_buf_free(&question->key);
    souk_buf_free(&question->answer);
    souk_free(ops->alloc, question);
}

void souk_mcp_op_question_withdraw(souk_mcp_op_question *question)
{
    if (question->answered || question->item.queued) {
        souk_mcp_op_question_free(
            question); /* the program does not wait for it, or never heard it */
        return;
    }
    forget(question);
    question->item.kind = SOUK_MCP_NEWS_WITHDRAWN;
    /* Behind the operation's end its tag means nothing any more. */
    question->item.op = question->op != NULL && !question->op->end.queued ? question->op : NULL;
    question->item.method = souk_slice_make(NULL, 0);
    souk_mcp_item_put(question->ops, &question->item);
}

void souk_mcp_op_questions_end(souk_mcp_op *op)
{
    for (souk_mcp_op_question *q = op->questions.first, *next; q != NULL; q = next) {
        next = q->next;
        if (q->asker != SOUK_MCP_ASKED_BY_SERVER) {
            souk_mcp_op_question_withdraw(q);
        }
    }
}

static void refuse(souk_mcp_op_question *question)
{
    souk_err why;
    souk_fail(&why, SOUK_E_CANCELLED, "the client gave up the request that this belongs to");
    souk_mcp_reply(question->ops->mcp, question->asked, souk_slice_make(NULL, 0), &why);
    souk_mcp_op_question_withdraw(question);
}

void souk_mcp_op_questions_leave(souk_mcp_op *op, bool cancelled)
{
    while (op->questions.first != NULL) {
        souk_mcp_op_question *q = op->questions.first;
        if (q->asker != SOUK_MCP_ASKED_BY_SERVER) {
            souk_mcp_op_question_free(q);
        } else if (cancelled) {
            refuse(q);
        } else {
            unlist(q);
            q->op = NULL;
            q->item.op = NULL;
            enlist(q);
        }
    }
}

size_t souk_mcp_op_questions_open(const souk_mcp_op *op)
{
    size_t count = 0;
    for (const souk_mcp_op_question *q = op->questions.first; q != NULL; q = q->next) {
        count += q->asker != SOUK_MCP_ASKED_BY_SERVER && !q->answered;
    }
    return count;
}

/* Its text is copied: each question is told, and freed, on its own. */
static int ask(souk_mcp_op *op, souk_mcp_asker asker, souk_slice key, souk_slice request,
               souk_err *err)
{
    const souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = request.len};
    souk_mcp_op_question *q = souk_mcp_op_question_new(op->ops, op, asker);
    if (q == NULL) {
        return souk_fail_memory(err);
    }
    souk_buf text;
    souk_buf_init(&text, op->ops->alloc, request.len);
    souk_buf_add(&text, request);
    souk_buf_add(&q->key, key);
    int failed = souk_buf_check(&text, "a question", err);
    if (failed == SOUK_OK) {
        failed = souk_buf_check(&q->key, "the key of a question", err);
    }
    if (failed == SOUK_OK) {
        failed = souk_json_read_take(&q->item.doc, &text, &limits, err);
    }
    souk_buf_free(&text);
    if (failed != SOUK_OK) {
        souk_mcp_op_question_free(q);
        return failed;
    }
    q->item.method = souk_json_string(souk_json_get(q->item.doc.root, "method"));
    q->item.value = souk_json_get(q->item.doc.root, "params");
    souk_mcp_item_put(op->ops, &q->item);
    op->asked = true;
    return SOUK_OK;
}

/* What was not declared may not be asked for (2026-07-28, client capabilities). */
static int check_request(const souk_mcp_op *op, const souk_jval *request, souk_err *err)
{
    souk_slice method = souk_json_string(souk_json_get(request, "method"));
    if (method.len == 0) {
        return souk_fail(err, SOUK_E_PROTOCOL,
                         "the server asks for input, but one of its inputRequests has no method");
    }
    if (souk_mcp_ability_check(op->ops->config.abilities, method, souk_json_get(request, "params"),
                               err) == SOUK_OK) {
        return SOUK_OK;
    }
    souk_err_prefix(err, "the server asks for input that it may not ask for");
    if (!err->out_of_memory) {
        err->kind = SOUK_E_PROTOCOL;
        err->has_code = false; /* it was for the server */
        err->code = 0;
    }
    return err->kind;
}

static int too_many(souk_err *err)
{
    return souk_fail(err, SOUK_E_LIMIT, "the server asks more than %d questions at once",
                     SOUK_MCP_QUESTIONS_MAX);
}

int souk_mcp_op_questions_ask(souk_mcp_op *op, souk_mcp_asker asker, const souk_json_doc *doc,
                              const souk_jval *requests, souk_err *err)
{
    size_t open = souk_mcp_op_questions_open(op);
    size_t more = requests == NULL ? 0 : requests->size;
    int failed = SOUK_OK;
    if (more > SOUK_MCP_QUESTIONS_MAX) {
        return too_many(err);
    }
    souk_json_members it = souk_json_each_member(requests);
    while (failed == SOUK_OK && souk_json_next_member(&it)) {
        bool is_last = souk_json_get_slice(requests, it.key) == it.value;
        if (!is_last || (op->task != NULL && souk_mcp_task_asked_before(op, it.key))) {
            continue;
        }
        failed = open++ < SOUK_MCP_QUESTIONS_MAX ? check_request(op, it.value, err) : too_many(err);
        if (failed == SOUK_OK && op->task != NULL) {
            failed = souk_mcp_task_remember(op, it.key, err);
        }
        if (failed == SOUK_OK) {
            failed = ask(op, asker, it.key, souk_json_raw(doc, it.value), err);
        }
    }
    return failed;
}

int souk_mcp_op_questions_write(const souk_mcp_op *op, souk_buf *out, souk_err *err)
{
    souk_jw w;
    souk_jw_init(&w, out);
    souk_jw_key(&w, SOUK_LIT("inputResponses"));
    souk_jw_object(&w);
    for (const souk_mcp_op_question *q = op->questions.first; q != NULL; q = q->next) {
        if (q->asker != SOUK_MCP_ASKED_BY_SERVER && q->answered) {
            souk_jw_key(&w, souk_buf_slice(&q->key));
            souk_jw_raw(&w, souk_buf_slice(&q->answer));
        }
    }
    souk_jw_end_object(&w);
    return souk_jw_check(&w, err);
}

/* --- questions of a legacy server --- */

static souk_mcp_op_question *find_asked(const souk_mcp_ops *ops, uint64_t asked)
{
    for (size_t i = 0; i < ops->questions.size; i++) {
        souk_mcp_op_question *q = ops->questions.slots[i].value;
        if (ops->questions.slots[i].id != 0 && q->asker == SOUK_MCP_ASKED_BY_SERVER &&
            q->asked == asked) {
            return q;
        }
    }
    return NULL;
}

void souk_mcp_ops_take_asked(souk_mcp_ops *ops, souk_mcp_asked *asked)
{
    const souk_mcp_sent *sent = asked->tag;
    souk_mcp_op *op = sent == NULL || sent->op->ended ? NULL : sent->op;
    souk_mcp_op_question *q;
    if (asked->withdrawn) {
        q = find_asked(ops, asked->id);
        if (q != NULL) {
            souk_mcp_op_question_withdraw(q);
        }
        return;
    }
    q = souk_mcp_op_question_new(ops, op, SOUK_MCP_ASKED_BY_SERVER);
    if (q == NULL) {
        souk_err why;
        souk_fail_memory(&why);
        souk_mcp_reply(ops->mcp, asked->id, souk_slice_make(NULL, 0), &why);
        return;
    }
    q->asked = asked->id;
    q->item.method = asked->method;
    q->item.value = asked->params;
    souk_json_doc_move(&q->item.doc, &asked->doc);
    souk_mcp_item_put(ops, &q->item);
    if (op != NULL) {
        op->asked = true;
    }
}
