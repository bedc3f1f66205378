/* Calls over MCP: the operation of each, its end, its progress, and the task it may have become. */
#include <stdio.h>
#include <string.h>

#include "mcp/result.h"
#include "pool/mcp_state.h"
#include "json/read.h"
#include "json/write.h"

enum {
    MOST_TASK_ID = 128,         /* bytes of a task id in a message */
    MOST_PAYLOAD = 1024 * 1024, /* bytes of what is told of progress */
    LEVEL_TIMEOUT = 30 * 1000   /* ms */
};

/* mcp_tool_name, or what stands behind the last dot of the capability's id. */
static souk_slice tool_name(const souk_request *request)
{
    souk_slice name = souk_pairs_get(request->metadata, "mcp_tool_name");
    if (name.len > 0) {
        return name;
    }
    name = request->capability;
    for (size_t at = name.len; at > 0; at--) {
        if (name.ptr[at - 1] == '.') {
            return souk_slice_from(name, at);
        }
    }
    return name;
}

/* A notification has no answer: it is done when it was handed over. */
static int notify(souk_session *session, souk_call *call, souk_err *err)
{
    const souk_mcp_slot *state = session->state;
    int failed = souk_mcp_notify(state->mcp, call->request.name, call->request.body, err);
    if (failed == SOUK_OK) {
        souk_answer answer;
        souk_answer_init(&answer, session->alloc);
        if (souk_json_read(&answer.doc, SOUK_LIT("{}"), NULL, NULL) == SOUK_OK) {
            answer.value = answer.doc.root;
        }
        souk_call_done(call, &answer);
        souk_answer_free(&answer);
    }
    return failed;
}

static souk_mcp_op_kind op_kind(souk_request_kind kind)
{
    switch (kind) {
    case SOUK_REQUEST_CAPABILITY:
        return SOUK_MCP_OP_TOOL;
    case SOUK_REQUEST_TASK:
        return SOUK_MCP_OP_TASK;
    case SOUK_REQUEST_LISTEN:
        return SOUK_MCP_OP_LISTEN;
    case SOUK_REQUEST_PING:
        return SOUK_MCP_OP_PING;
    case SOUK_REQUEST_LOG_LEVEL:
        return SOUK_MCP_OP_LOG_LEVEL;
    default:
        return SOUK_MCP_OP_METHOD;
    }
}

int souk_mcp_call_start(souk_session *session, souk_call *call, souk_ms now, souk_err *err)
{
    souk_mcp_slot *state = session->state;
    const souk_request *request = &call->request;
    if (request->kind == SOUK_REQUEST_NOTIFY) {
        return notify(session, call, err);
    }
    bool is_tool = request->kind == SOUK_REQUEST_CAPABILITY;
    if (request->kind == SOUK_REQUEST_LOG_LEVEL && souk_mcp_log_level_from(request->name) == 0) {
        return souk_fail(err, SOUK_E_CONFIG, "'%.*s' is no log level", SOUK_ARG(request->name));
    }
    const souk_mcp_order order = {
        .kind = op_kind(request->kind),
        .name = is_tool ? tool_name(request) : request->name,
        .params = request->body,
        .input_schema = request->input_schema,
        .progress = request->progress,
        .trace = {request->traceparent, request->tracestate, request->baggage},
        .timeout = call->cap == SOUK_NEVER ? SOUK_NEVER : call->cap - now,
        .tag = call};
    souk_mcp_op *op = NULL;
    int failed = souk_mcp_op_start(state->ops, &order, now, &op, err);
    call->state = op;
    return failed;
}

/* Tasks. */

static souk_mcp_task_name **task_of(souk_mcp_slot *state, const souk_call *call)
{
    souk_mcp_task_name **at = &state->tasks;
    while (*at != NULL && (*at)->call != call) {
        at = &(*at)->next;
    }
    return at;
}

static bool names_task(const souk_err *err, const souk_mcp_task_name *task)
{
    char name[MOST_TASK_ID + 8];
    snprintf(name, sizeof name, "task \"%s", task->id);
    return strstr(err->message, name) != NULL;
}

/* The call is over. Whoever called should know that the server has a task of it. */
static void forget_call(souk_session *session, const souk_call *call, souk_err *err)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_task_name **at = task_of(state, call);
    souk_mcp_task_name *task = *at;
    if (task != NULL) {
        if (err->kind != SOUK_OK && !names_task(err, task)) {
            souk_err_prefix(err, "task \"%s\"", task->id);
        }
        *at = task->next;
        souk_free(session->alloc, task);
    }
    souk_mcp_question_forget_call(state, call);
}

/* Without memory the task goes without its name in messages. */
static void remember_task(const souk_session *session, const souk_call *call, souk_slice id)
{
    souk_mcp_slot *state = session->state;
    souk_mcp_task_name **at = task_of(state, call);
    size_t len = id.len < MOST_TASK_ID ? id.len : MOST_TASK_ID;
    if (*at != NULL || len == 0) {
        return;
    }
    souk_mcp_task_name *task = souk_new(session->alloc, sizeof *task + len + 1);
    if (task != NULL) {
        task->call = call;
        memcpy(task->id, id.ptr, len);
        *at = task;
    }
}

void souk_mcp_call_cancel(souk_session *session, souk_call *call, souk_err *why, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    /* Only who called may stop a task: one that outlives its caller's patience can be picked up. */
    bool stop_task = why->kind == SOUK_E_CANCELLED;
    souk_mcp_op_cancel(state->ops, call->state, why->message, stop_task, now);
    call->state = NULL;
    forget_call(session, call, why);
}

/* Ends. */

/* Chooses what of a tools/call result the caller gets. */
static int pick_value(const souk_call *call, souk_mcp_revision revision, const souk_jval *value,
                      souk_answer *answer, souk_err *err)
{
    answer->value = value;
    if (call->request.kind != SOUK_REQUEST_CAPABILITY && call->request.kind != SOUK_REQUEST_TASK) {
        return SOUK_OK;
    }
    souk_mcp_tool_result result;
    souk_mcp_tool_result_init(&result, answer->doc.arena.alloc);
    int failed = souk_mcp_read_tool_result(value, revision, &result, err);
    if (failed == SOUK_OK && result.is_error && !call->request.raw) {
        failed = souk_mcp_fail_tool(value, err);
    } else if (failed == SOUK_OK && !call->request.raw) {
        answer->structured =
            result.kind == SOUK_MCP_VALUE_STRUCTURED || result.kind == SOUK_MCP_VALUE_DECODED;
        switch (result.kind) {
        case SOUK_MCP_VALUE_STRUCTURED:
        case SOUK_MCP_VALUE_CONTENT:
            answer->value = result.value;
            break;
        case SOUK_MCP_VALUE_DECODED:
            answer->value = result.value;
            souk_json_doc_move(&answer->inner, &result.decoded);
            break;
        case SOUK_MCP_VALUE_TEXT:
            answer->value = souk_json_get(souk_json_at(souk_json_get(value, "content"), 0), "text");
            break;
        }
    }
    souk_mcp_tool_result_free(&result);
    return failed;
}

/* A level that a server took holds for the sessions to come, too. */
static void remember_level(souk_session *session, const souk_call *call)
{
    souk_mcp_slot *state = session->state;
    if (call->request.kind == SOUK_REQUEST_LOG_LEVEL) {
        state->level = souk_mcp_log_level_from(call->request.name);
        session->memory[SOUK_MCP_MEMORY_LOG_LEVEL] = state->level;
    }
}

void souk_mcp_call_end(souk_session *session, souk_mcp_news *news)
{
    const souk_mcp_slot *state = session->state;
    souk_call *call = news->tag;
    souk_answer answer;
    souk_err err = news->err;
    souk_answer_init(&answer, session->alloc);
    int failed = err.kind;
    if (failed == SOUK_OK) {
        remember_level(session, call);
        failed = pick_value(call, souk_mcp_get_revision(state->mcp), news->value, &answer, &err);
        err.delivery = SOUK_DELIVERY_DELIVERED;
    } else {
        answer.value = news->value;
    }
    answer.asked = news->asked;
    souk_json_doc_move(&answer.doc, &news->doc);
    call->state = NULL;
    err.kind = failed;
    forget_call(session, call, &err);
    if (failed == SOUK_OK) {
        souk_call_done(call, &answer);
    } else {
        souk_mcp_slot_explain(session, &err);
        souk_call_failed(call, &err, news->lost, &answer);
    }
    souk_answer_free(&answer);
}

/* Progress. */

/* Whether it is what the protocol says; the rest is left out. */
static bool has_type(const souk_jval *value, bool number)
{
    souk_json_type type = souk_json_type_of(value);
    return number ? type == SOUK_JSON_INT || type == SOUK_JSON_BIGINT || type == SOUK_JSON_DOUBLE
                  : type == SOUK_JSON_STRING;
}

static void copy_member(souk_jw *w, const souk_jval *from, const char *name, const char *as,
                        bool number)
{
    const souk_jval *value = souk_json_get(from, name);
    if (value != NULL && has_type(value, number)) {
        souk_jw_key(w, souk_slice_of(as));
        souk_jw_value(w, value);
    }
}

void souk_mcp_call_goes_on(const souk_session *session, souk_call *call, const souk_mcp_news *news,
                           souk_ms now)
{
    souk_buf payload;
    souk_jw w;
    souk_buf_init(&payload, session->alloc, MOST_PAYLOAD);
    souk_jw_init(&w, &payload);
    souk_jw_object(&w);
    if (news->kind == SOUK_MCP_NEWS_TASK) {
        remember_task(session, call, souk_json_string(souk_json_get(news->value, "taskId")));
        copy_member(&w, news->value, "taskId", "task", false);
        copy_member(&w, news->value, "status", "status", false);
        copy_member(&w, news->value, "statusMessage", "message", false);
    } else {
        copy_member(&w, news->value, "progress", "progress", true);
        copy_member(&w, news->value, "total", "total", true);
        copy_member(&w, news->value, "message", "message", false);
    }
    souk_jw_end_object(&w);
    /* Who has not asked for progress wants to know of a task all the same: its id is a handle. */
    bool is_wanted = call->request.progress || news->kind == SOUK_MCP_NEWS_TASK;
    if (is_wanted && souk_jw_check(&w, NULL) == SOUK_OK) {
        souk_call_progress(call, souk_buf_slice(&payload), now);
    } else {
        souk_call_extend(call, now);
    }
    souk_buf_free(&payload);
}

/* The log level. */

/* A legacy server is only asked to log when it says that it does. */
static bool takes_level(const souk_mcp_slot *state, const souk_alloc *alloc)
{
    if (souk_mcp_revision_era(souk_mcp_get_revision(state->mcp)) == SOUK_MCP_ERA_MODERN) {
        return true;
    }
    souk_json_doc doc;
    souk_json_doc_init(&doc, alloc);
    bool takes = souk_json_read(&doc, souk_mcp_about(state->mcp), NULL, NULL) == SOUK_OK &&
                 souk_json_get(souk_json_get(doc.root, "capabilities"), "logging") != NULL;
    souk_json_doc_free(&doc);
    return takes;
}

void souk_mcp_level_keep(souk_session *session, souk_ms now)
{
    souk_mcp_slot *state = session->state;
    uint64_t wanted = session->memory[SOUK_MCP_MEMORY_LOG_LEVEL];
    if (wanted == state->level || state->level_op != NULL ||
        souk_mcp_get_state(state->mcp) != SOUK_MCP_READY) {
        return;
    }
    state->level = wanted; /* tried once: calls do not depend on it */
    if (takes_level(state, session->alloc)) {
        const souk_mcp_order order = {.kind = SOUK_MCP_OP_LOG_LEVEL,
                                      .name =
                                          souk_slice_of(souk_mcp_log_level_name((unsigned)wanted)),
                                      .timeout = LEVEL_TIMEOUT,
                                      .tag = &state->level_op};
        souk_mcp_op *op = NULL;
        if (souk_mcp_op_start(state->ops, &order, now, &op, NULL) == SOUK_OK) {
            state->level_op = op;
        }
    }
}

void souk_mcp_level_end(souk_mcp_slot *state, const souk_mcp_news *news)
{
    if (news->kind == SOUK_MCP_NEWS_END) {
        state->level_op = NULL;
    }
}
