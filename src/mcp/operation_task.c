#include "mcp/operation_internal.h"

#include <string.h>

#include "base/kept_err.h"
#include "mcp/task.h"
#include "json/write.h"

enum { SHOWN_ID_MAX = 200 /* bytes of a task's id in messages */ };

struct souk_mcp_followed {
    souk_buf id;
    souk_buf status; /* what was told last */
    souk_buf message;
    souk_ms interval;
    unsigned failures;      /* looks in a row that came to nothing */
    souk_buf keys;          /* all that it asked for: each as its length, a colon and its bytes */
    souk_kept_err not_told; /* why the server did not take the answers; kind SOUK_OK: it did */
    bool refused;
};

void souk_mcp_task_free(souk_mcp_op *op)
{
    souk_mcp_followed *task = op->task;
    if (task == NULL) {
        return;
    }
    souk_buf_free(&task->id);
    souk_buf_free(&task->status);
    souk_buf_free(&task->message);
    souk_buf_free(&task->keys);
    souk_kept_err_free(&task->not_told, op->ops->alloc);
    souk_free(op->ops->alloc, task);
    op->task = NULL;
}

static int make_task(souk_mcp_op *op, souk_slice id, souk_err *err)
{
    const souk_alloc *alloc = op->ops->alloc;
    souk_mcp_followed *task = souk_new(alloc, sizeof *task);
    if (task == NULL) {
        return souk_fail_memory(err);
    }
    souk_buf_init(&task->id, alloc, SIZE_MAX / 4);
    souk_buf_init(&task->status, alloc, SIZE_MAX / 4);
    souk_buf_init(&task->message, alloc, SIZE_MAX / 4);
    souk_buf_init(&task->keys, alloc, SOUK_MCP_TASK_KEYS_MAX);
    task->interval = op->ops->config.poll_interval;
    op->task = task;
    souk_buf_add(&task->id, id);
    return souk_buf_check(&task->id, "the id of a task", err);
}

bool souk_mcp_task_asked_before(const souk_mcp_op *op, souk_slice key)
{
    souk_slice rest = souk_buf_slice(&op->task->keys);
    while (rest.len > 0) {
        size_t len = 0;
        size_t colon = souk_slice_find(rest, ':');
        for (size_t i = 0; i < colon; i++) {
            len = len * 10 + (size_t)(rest.ptr[i] - '0');
        }
        rest = souk_slice_from(rest, colon + 1);
        if (souk_slice_eq(souk_slice_make(rest.ptr, len), key)) {
            return true;
        }
        rest = souk_slice_from(rest, len);
    }
    return false;
}

int souk_mcp_task_remember(souk_mcp_op *op, souk_slice key, souk_err *err)
{
    souk_buf_addf(&op->task->keys, "%zu:", key.len);
    souk_buf_add(&op->task->keys, key);
    return souk_buf_check(&op->task->keys, "the list of what a task asked for", err);
}

void souk_mcp_task_explain(const souk_mcp_op *op, souk_err *err)
{
    if (op->task != NULL) {
        souk_slice id = souk_buf_slice(&op->task->id);
        id.len = id.len < SHOWN_ID_MAX ? id.len : SHOWN_ID_MAX;
        souk_err_prefix(err, "task \"%.*s\"", SOUK_ARG(id));
    }
}

/* What ends the following, but not the task: whoever knows its id can go on. */
static void stop_following(souk_mcp_op *op, souk_err *err, bool lost)
{
    souk_mcp_task_explain(op, err);
    if (err->kind == SOUK_E_RPC || err->kind == SOUK_E_PROTOCOL) {
        err->delivery = SOUK_DELIVERY_DELIVERED;
    } else if (op->order.kind != SOUK_MCP_OP_TASK || err->delivery == SOUK_DELIVERY_NONE) {
        err->delivery = SOUK_DELIVERY_AMBIGUOUS;
    }
    souk_mcp_op_fail(op, err, lost);
}

/* --- what is sent --- */

static int write_id(const souk_mcp_op *op, souk_jw *w, souk_buf *out)
{
    souk_jw_init(w, out);
    souk_jw_object(w);
    souk_jw_key_string(w, "taskId", souk_buf_slice(&op->task->id));
    return SOUK_OK;
}

static int send_look(souk_mcp_op *op, souk_err *err)
{
    souk_jw w;
    souk_buf params;
    souk_buf_init(&params, op->ops->alloc, SIZE_MAX / 4);
    write_id(op, &w, &params);
    souk_jw_end_object(&w);
    int failed = souk_jw_check(&w, err);
    if (failed == SOUK_OK) {
        op->step = SOUK_MCP_STEP_LOOK;
        failed =
            souk_mcp_op_send_quick(op, &op->main, SOUK_LIT("tasks/get"), souk_buf_slice(&params),
                                   souk_buf_slice(&op->task->id), err);
    }
    souk_buf_free(&params);
    return failed;
}

static int send_answers(souk_mcp_op *op, souk_err *err)
{
    souk_jw w;
    souk_buf params;
    souk_buf_init(&params, op->ops->alloc, SIZE_MAX / 4);
    write_id(op, &w, &params);
    souk_buf_add_byte(&params, ',');
    int failed = souk_mcp_op_questions_write(op, &params, err);
    souk_jw_end_object(&w);
    if (failed == SOUK_OK) {
        failed = souk_jw_check(&w, err);
    }
    if (failed == SOUK_OK) {
        op->step = SOUK_MCP_STEP_TELL;
        failed =
            souk_mcp_op_send_quick(op, &op->main, SOUK_LIT("tasks/update"), souk_buf_slice(&params),
                                   souk_buf_slice(&op->task->id), err);
    }
    souk_buf_free(&params);
    return failed;
}

void souk_mcp_task_stop(souk_mcp_op *op)
{
    souk_jw w;
    souk_buf params;
    if (op->task == NULL) {
        return;
    }
    souk_buf_init(&params, op->ops->alloc, SIZE_MAX / 4);
    write_id(op, &w, &params);
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        (void)souk_mcp_op_send_quick(op, NULL, SOUK_LIT("tasks/cancel"), souk_buf_slice(&params),
                                     souk_buf_slice(&op->task->id), NULL);
    }
    souk_buf_free(&params);
}

/* --- when --- */

static souk_ms clamp(const souk_mcp_op *op, souk_ms interval)
{
    souk_ms least = op->ops->config.poll_least > 0 ? op->ops->config.poll_least : 1;
    souk_ms most = op->ops->config.poll_most;
    interval = most > 0 ? souk_ms_min(interval, most) : interval;
    return interval < least ? least : interval;
}

static void look_later(souk_mcp_op *op, souk_ms now)
{
    souk_ms wait = clamp(op, op->task->interval);
    for (unsigned i = 0; i < op->task->failures && wait < op->ops->config.poll_most; i++) {
        wait *= 2;
    }
    souk_deadline_move(&op->ops->deadlines, &op->due, souk_ms_after(now, clamp(op, wait)));
}

/* Whether another try may help; then it has been arranged. */
static bool try_later(souk_mcp_op *op, const souk_err *err, souk_ms now)
{
    bool transient = err->kind == SOUK_E_TRANSPORT || err->kind == SOUK_E_TIMEOUT;
    if (!transient || souk_mcp_get_state(op->ops->mcp) != SOUK_MCP_READY ||
        op->task->failures >= op->ops->config.max_poll_failures) {
        return false;
    }
    op->task->failures++;
    look_later(op, now);
    return true;
}

static bool has_answers(const souk_mcp_op *op)
{
    return op->questions.first != NULL && souk_mcp_op_questions_open(op) == 0;
}

/* The request that is next: the answers if all are there, else a look. */
static void go_on(souk_mcp_op *op, souk_ms now)
{
    souk_err why;
    int failed = has_answers(op) ? send_answers(op, &why) : send_look(op, &why);
    souk_deadline_move(&op->ops->deadlines, &op->due, SOUK_NEVER);
    if (failed != SOUK_OK && !try_later(op, &why, now)) {
        stop_following(op, &why, souk_mcp_get_state(op->ops->mcp) != SOUK_MCP_READY);
    }
}

void souk_mcp_task_due(souk_mcp_op *op, souk_ms now)
{
    go_on(op, now);
}

void souk_mcp_task_answered(souk_mcp_op *op, souk_ms now)
{
    if (op->main.id == 0 && has_answers(op)) {
        go_on(op, now);
    }
}

/* --- what the server says --- */

/* Tells what is new about it; true when something was. */
static void tell_status(souk_mcp_op *op, const souk_mcp_task *task)
{
    souk_mcp_followed *known = op->task;
    if (known->status.len > 0 && souk_slice_eq(task->status_text, souk_buf_slice(&known->status)) &&
        souk_slice_eq(task->message, souk_buf_slice(&known->message))) {
        return;
    }
    souk_buf_clear(&known->status);
    souk_buf_clear(&known->message);
    souk_buf_add(&known->status, task->status_text);
    souk_buf_add(&known->message, task->message);
    souk_jw w;
    souk_buf text;
    souk_buf_init(&text, op->ops->alloc, SIZE_MAX / 4);
    write_id(op, &w, &text);
    souk_jw_key_string(&w, "status", task->status_text);
    if (task->message.len > 0) {
        souk_jw_key_string(&w, "statusMessage", task->message);
    }
    souk_jw_end_object(&w);
    souk_mcp_tell_text(op->ops, op, SOUK_MCP_NEWS_TASK, souk_slice_make(NULL, 0), &text);
}

static void take_interval(souk_mcp_op *op, const souk_mcp_task *task)
{
    if (task->poll_interval >= 0) {
        op->task->interval = task->poll_interval;
    }
}

void souk_mcp_task_begin(souk_mcp_op *op, const souk_mcp_end *end, souk_ms now)
{
    souk_err why;
    souk_mcp_task task;
    int failed = souk_mcp_task_read(end->value, &task, &why);
    if (failed == SOUK_OK && task.id.len == 0) {
        failed = souk_fail(&why, SOUK_E_PROTOCOL, "the server made a task without a taskId");
    }
    if (failed == SOUK_OK) {
        failed = make_task(op, task.id, &why);
    }
    if (failed != SOUK_OK) {
        souk_mcp_op_refuse(op, &why);
        return;
    }
    take_interval(op, &task);
    tell_status(op, &task);
    if (task.status == SOUK_MCP_TASK_WORKING) {
        look_later(op, now);
    } else {
        go_on(op, now);
    }
}

int souk_mcp_task_follow(souk_mcp_op *op, souk_err *err)
{
    if (!souk_mcp_op_is_modern(op)) {
        return souk_fail(err, SOUK_E_CONFIG, "the server speaks %s, which has no such tasks",
                         souk_mcp_revision_name(souk_mcp_get_revision(op->ops->mcp)));
    }
    int failed = make_task(op, op->order.name, err);
    return failed == SOUK_OK ? send_look(op, err) : failed;
}

/* Withdraws what the task does not wait for any more. */
static void forget_questions(souk_mcp_op *op, const souk_jval *wanted)
{
    for (souk_mcp_op_question *q = op->questions.first, *next; q != NULL; q = next) {
        next = q->next;
        if (souk_json_get_slice(wanted, souk_buf_slice(&q->key)) == NULL) {
            souk_mcp_op_question_withdraw(q);
        }
    }
}

static void ask(souk_mcp_op *op, const souk_mcp_end *end, const souk_mcp_task *task, souk_ms now)
{
    souk_err why;
    forget_questions(op, task->input_requests);
    op->asked = true;
    if (souk_mcp_op_questions_ask(op, SOUK_MCP_ASKED_BY_TASK, &end->doc, task->input_requests,
                                  &why) != SOUK_OK) {
        souk_mcp_task_explain(op, &why);
        souk_mcp_op_refuse(op, &why);
    } else if (has_answers(op)) {
        go_on(op, now);
    } else if (op->task->refused && op->questions.first == NULL) {
        why = *souk_kept_err_get(&op->task->not_told); /* nothing will ever change */
        stop_following(op, &why, false);
    } else {
        look_later(op, now);
    }
}

static void take_status(souk_mcp_op *op, souk_mcp_end *end, const souk_mcp_task *task, souk_ms now)
{
    souk_err why;
    switch (task->status) {
    case SOUK_MCP_TASK_COMPLETED:
        if (task->result == NULL) {
            souk_fail(&why, SOUK_E_PROTOCOL, "the server completed the task without a result");
            stop_following(op, &why, false);
        } else {
            souk_mcp_op_done(op, &end->doc, task->result);
        }
        break;
    case SOUK_MCP_TASK_FAILED:
        end->value = souk_mcp_task_error(task, &end->err);
        souk_mcp_op_keep(op, end);
        souk_mcp_op_give_up(op, false);
        break;
    case SOUK_MCP_TASK_CANCELLED:
        souk_fail(&why, SOUK_E_CANCELLED, "the server cancelled the task");
        souk_mcp_task_explain(op, &why);
        souk_mcp_op_refuse(op, &why);
        break;
    case SOUK_MCP_TASK_INPUT_REQUIRED:
        ask(op, end, task, now);
        break;
    default:
        op->task->refused = false;
        forget_questions(op, NULL);
        look_later(op, now);
        break;
    }
}

static void take_look(souk_mcp_op *op, souk_mcp_end *end, souk_ms now)
{
    souk_err why;
    souk_mcp_task task;
    int failed = souk_mcp_task_read(end->value, &task, &why);
    if (failed == SOUK_OK && task.id.ptr != NULL &&
        !souk_slice_eq(task.id, souk_buf_slice(&op->task->id))) {
        failed = souk_fail(&why, SOUK_E_PROTOCOL, "the server describes another task");
    }
    if (failed != SOUK_OK) {
        stop_following(op, &why, false);
        return;
    }
    take_interval(op, &task);
    tell_status(op, &task);
    take_status(op, end, &task, now);
}

/* The server has the answers, or does not want them. */
static void take_told(souk_mcp_op *op, const souk_mcp_end *end, souk_ms now)
{
    op->task->refused = end->err.kind != SOUK_OK;
    if (op->task->refused) {
        souk_kept_err_set(&op->task->not_told, op->ops->alloc, &end->err);
    }
    souk_mcp_op_questions_end(op); /* all are answered: this only frees them */
    go_on(op, now);
}

void souk_mcp_task_take(souk_mcp_op *op, souk_mcp_end *end, souk_ms now)
{
    bool told = op->step == SOUK_MCP_STEP_TELL;
    int kind = end->err.kind;
    if (kind != SOUK_OK && (end->lost || !told || kind != SOUK_E_RPC)) {
        if (end->lost || !try_later(op, &end->err, now)) {
            stop_following(op, &end->err, end->lost);
        }
        return;
    }
    op->task->failures = 0;
    if (told) {
        take_told(op, end, now);
    } else {
        take_look(op, end, now);
    }
}
