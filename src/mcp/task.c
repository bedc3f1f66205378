#include "mcp/task.h"

#include <string.h>

#include "mcp/rpc.h"

enum { LONGEST_INTERVAL = 24 * 60 * 60 * 1000 /* ms */ };

static const struct {
    const char *name;
    souk_mcp_task_status status;
} statuses[] = {
    {"working", SOUK_MCP_TASK_WORKING},     {"input_required", SOUK_MCP_TASK_INPUT_REQUIRED},
    {"completed", SOUK_MCP_TASK_COMPLETED}, {"failed", SOUK_MCP_TASK_FAILED},
    {"cancelled", SOUK_MCP_TASK_CANCELLED},
};

static int broken(souk_err *err, const char *what)
{
    return souk_fail(err, SOUK_E_PROTOCOL, "the server describes a task %s", what);
}

static int read_status(souk_mcp_task *task, souk_err *err)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (souk_slice_is(task->status_text, statuses[i].name)) {
            task->status = statuses[i].status;
            return SOUK_OK;
        }
    }
    return broken(err, task->status_text.ptr == NULL ? "without a status"
                                                     : "with a status that souk does not know");
}

/* -1 when it is absent or no duration. */
static souk_ms read_interval(const souk_jval *value)
{
    double number;
    if (!souk_json_number(value, &number) || !(number >= 0)) {
        return -1;
    }
    return number > LONGEST_INTERVAL ? LONGEST_INTERVAL : (souk_ms)number;
}

/* NULL when it is absent, null, or (then *wrong is set) no object. */
static const souk_jval *get_object(const souk_jval *task, const char *key, bool *wrong)
{
    const souk_jval *value = souk_json_get(task, key);
    souk_json_type type = souk_json_type_of(value);
    *wrong = *wrong || (type != SOUK_JSON_OBJECT && type != SOUK_JSON_NULL);
    return type == SOUK_JSON_OBJECT ? value : NULL;
}

int souk_mcp_task_read(const souk_jval *result, souk_mcp_task *task, souk_err *err)
{
    memset(task, 0, sizeof *task);
    bool wrong = false;
    const souk_jval *nested = get_object(result, "task", &wrong);
    const souk_jval *from = nested != NULL ? nested : result;
    const souk_jval *interval = souk_json_get(from, "pollIntervalMs");
    task->id = souk_json_string(souk_json_get(from, "taskId"));
    task->status_text = souk_json_string(souk_json_get(from, "status"));
    task->message = souk_json_string(souk_json_get(from, "statusMessage"));
    task->poll_interval =
        read_interval(interval != NULL ? interval : souk_json_get(from, "pollInterval"));
    if (read_status(task, err) != SOUK_OK) {
        return SOUK_E_PROTOCOL;
    }
    /* The members of other states are not looked at. */
    wrong = false;
    switch (task->status) {
    case SOUK_MCP_TASK_COMPLETED:
        task->result = get_object(from, "result", &wrong);
        break;
    case SOUK_MCP_TASK_FAILED:
        task->error = get_object(from, "error", &wrong);
        break;
    case SOUK_MCP_TASK_INPUT_REQUIRED:
        task->input_requests = get_object(from, "inputRequests", &wrong);
        break;
    default:
        break;
    }
    return wrong ? broken(err, "whose result, error or inputRequests is no object") : SOUK_OK;
}

const souk_jval *souk_mcp_task_error(const souk_mcp_task *task, souk_err *err)
{
    souk_rpc_message message;
    memset(&message, 0, sizeof message);
    message.kind = SOUK_RPC_ERROR;
    message.message = souk_json_string(souk_json_get(task->error, "message"));
    if (souk_json_integer(souk_json_get(task->error, "code"), &message.code)) {
        souk_rpc_fail(&message, err);
    } else {
        souk_slice text = message.message.len > 0 ? message.message : task->message;
        souk_fail(err, SOUK_E_RPC, "the task failed%s%.*s", text.len > 0 ? ": " : "",
                  SOUK_ARG(text));
    }
    err->delivery = SOUK_DELIVERY_DELIVERED;
    return souk_json_get(task->error, "data");
}
