/* Params with answers, and tasks as servers describe them. */
#include "failing_alloc.h"
#include "json_help.h"
#include "mcp/input.h"
#include "mcp/task.h"
#include "tap.h"

static int write(const char *params, const char *input, char *out, size_t size)
{
    souk_buf buf;
    souk_err err;
    souk_buf_init(&buf, souk_alloc_libc(), 4096);
    int failed =
        souk_mcp_write_input_params(&buf, souk_slice_of(params), souk_slice_of(input), &err);
    snprintf(out, size, "%.*s", SOUK_ARG(souk_buf_slice(&buf)));
    CHECK_INT(failed == SOUK_OK ? SOUK_OK : err.kind, failed);
    souk_buf_free(&buf);
    return failed;
}

static void answers_come_behind_the_params(void)
{
    static const struct {
        const char *params, *input, *want;
    } cases[] = {
        {"", "", "{}"},
        {"", "\"requestState\":\"s\"", "{\"requestState\":\"s\"}"},
        {"{\"a\":1.0}", "", "{\"a\":1.0}"},
        {"{\"a\": [1, 2] }", "\"b\":1", "{\"a\":[1, 2],\"b\":1}"},
        {"{\"inputResponses\":{},\"request\\u0053tate\":1}", "\"b\":1", "{\"b\":1}"},
        {"{\"a\":{\"requestState\":1}}", "", "{\"a\":{\"requestState\":1}}"},
    };
    char got[300];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(write(cases[i].params, cases[i].input, got, sizeof got), SOUK_OK);
        CHECK_TEXT(got, cases[i].want);
    }
    CHECK_INT(write("[]", "", got, sizeof got), SOUK_E_SCHEMA);
    CHECK_INT(write("{", "", got, sizeof got), SOUK_E_SCHEMA);
}

static void memory_may_run_out(void)
{
    for (long n = 1;; n++) {
        failing_alloc f;
        souk_buf buf;
        souk_err err;
        failing_alloc_init(&f, n);
        souk_buf_init(&buf, &f.alloc, 4096);
        int failed =
            souk_mcp_write_input_params(&buf, SOUK_LIT("{\"a\\n\":1}"), SOUK_LIT("\"b\":1"), &err);
        CHECK(failed == SOUK_E_LIMIT || (failed == SOUK_OK && buf.failed == SOUK_OK));
        CHECK(f.fired || failed == SOUK_OK);
        souk_buf_free(&buf);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
}

static int read_task(const char *text, souk_json_doc *doc, souk_mcp_task *task)
{
    souk_json_doc_init(doc, souk_alloc_libc());
    CHECK_INT(souk_json_read(doc, souk_slice_of(text), NULL, NULL), SOUK_OK);
    return souk_mcp_task_read(doc->root, task, NULL);
}

static void a_task_is_read_with_what_its_status_brings(void)
{
    souk_json_doc doc;
    souk_mcp_task task;
    CHECK_INT(read_task("{\"taskId\":\"a\",\"status\":\"completed\",\"pollIntervalMs\":12.5,"
                        "\"result\":{},\"error\":7,\"statusMessage\":\"m\"}",
                        &doc, &task),
              SOUK_OK);
    CHECK_SLICE(task.id, "a");
    CHECK_SLICE(task.message, "m");
    CHECK_INT(task.poll_interval, 12);
    CHECK(task.result != NULL && task.error == NULL && task.input_requests == NULL);
    souk_json_doc_free(&doc);
    CHECK_INT(read_task("{\"status\":\"working\",\"pollIntervalMs\":-1}", &doc, &task), SOUK_OK);
    CHECK(task.id.ptr == NULL && task.message.ptr == NULL);
    CHECK_INT(task.poll_interval, -1);
    souk_json_doc_free(&doc);
    CHECK_INT(read_task("{\"status\":\"working\",\"pollIntervalMs\":1e40}", &doc, &task), SOUK_OK);
    CHECK_INT(task.poll_interval, 24 * 60 * 60 * 1000);
    souk_json_doc_free(&doc);
}

static void what_is_no_task_is_refused(void)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"status\":1}",
        "{\"status\":\"Working\"}",
        "{\"status\":\"completed\",\"result\":[]}",
        "{\"status\":\"failed\",\"error\":\"no\"}",
        "{\"status\":\"input_required\",\"inputRequests\":1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        souk_json_doc doc;
        souk_mcp_task task;
        CHECK_INT(read_task(texts[i], &doc, &task), SOUK_E_PROTOCOL);
        souk_json_doc_free(&doc);
    }
}

int main(void)
{
    CASE(answers_come_behind_the_params);
    CASE(memory_may_run_out);
    CASE(a_task_is_read_with_what_its_status_brings);
    CASE(what_is_no_task_is_refused);
    return tap_done();
}
