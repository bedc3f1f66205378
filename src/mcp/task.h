/* Tasks of the extension io.modelcontextprotocol/tasks (SEP-2663), as a server describes them. */
#ifndef SOUK_MCP_TASK_H
#define SOUK_MCP_TASK_H

#include "base/clock.h"
#include "json/doc.h"

typedef enum souk_mcp_task_status {
    SOUK_MCP_TASK_WORKING,
    SOUK_MCP_TASK_INPUT_REQUIRED,
    SOUK_MCP_TASK_COMPLETED,
    SOUK_MCP_TASK_FAILED,
    SOUK_MCP_TASK_CANCELLED
} souk_mcp_task_status;

/* Everything points into the document; absent texts have ptr NULL. */
typedef struct souk_mcp_task {
    souk_slice id;
    souk_mcp_task_status status;
    souk_slice status_text;
    souk_slice message;
    souk_ms poll_interval;           /* ms that the server wants between looks; -1: none */
    const souk_jval *result;         /* of a COMPLETED one: an object */
    const souk_jval *error;          /* of a FAILED one: a JSON-RPC error object, or NULL */
    const souk_jval *input_requests; /* of INPUT_REQUIRED: an object, or NULL */
} souk_mcp_task;

/*
 * Reads a task out of the result of a request that became one, or of tasks/get. Strict about what
 * is acted upon, lenient about the rest: the task may be a member `task` of the result, as the
 * revision before had it, and the interval may be called pollInterval. SOUK_E_PROTOCOL for an
 * unknown or absent status, a COMPLETED task without a result object, and members of a wrong type.
 */
int souk_mcp_task_read(const souk_jval *result, souk_mcp_task *task, souk_err *err);

/*
 * Fills *err for a FAILED task: SOUK_E_RPC with code and text of its error, delivered. Returns the
 * data of the error, or NULL.
 */
const souk_jval *souk_mcp_task_error(const souk_mcp_task *task, souk_err *err);

#endif
