/* The runtime as a C program uses it: no Lua, a real engine, and a server that is a few lines of
 * shell. */
#include <unistd.h>

#include "failing_alloc.h"
#include "runtime/runtime.h"
#include "tap.h"

/* Speaks 2025-11-25 over stdio: one page of two tools, of which `bad` breaks its own output schema.
 */
static const char server_script[] =
    "while IFS= read -r l; do id=${l#*\\\"id\\\":}; id=${id%%,*}; case $l in "
    "*'\"server/discover\"'*) r='\"error\":{\"code\":-32601,\"message\":\"no\"}';; "
    "*'\"initialize\"'*) "
    "r='\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":"
    "{}},\"serverInfo\":{\"name\":\"sh\",\"version\":\"1\"}}';; "
    "*'\"tools/list\"'*) r='\"result\":{\"tools\":[{\"name\":\"good\",\"inputSchema\":{\"type\":"
    "\"object\",\"required\":[\"a\"]}},{\"name\":\"bad\",\"inputSchema\":{\"type\":\"object\"},"
    "\"outputSchema\":{\"type\":\"object\",\"required\":[\"n\"]}}]}';; "
    "*'\"tools/call\"'*) r='\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"done\"}],"
    "\"structuredContent\":{\"x\":1}}';; "
    "*) continue;; esac; printf '{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\\n' \"$id\" \"$r\"; done";

static souk_runtime *open_runtime(const souk_alloc *alloc, souk_err *err)
{
    souk_runtime_options options;
    souk_runtime *rt = NULL;
    souk_runtime_options_default(&options);
    souk_err_clear(err);
    (void)souk_runtime_new(alloc, &options, &rt, err);
    return rt;
}

static int add_shell_server(souk_runtime *rt, souk_err *err)
{
    char args[2048] = "[\"-c\",\"";
    size_t used = strlen(args);
    for (const char *p = server_script; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            args[used++] = '\\';
        }
        args[used++] = *p;
    }
    memcpy(args + used, "\"]", 3);
    souk_pair pairs[] = {{SOUK_LIT("mcp_command"), SOUK_LIT("sh")},
                         {SOUK_LIT("mcp_args"), souk_slice_of(args)}};
    souk_server_options server;
    memset(&server, 0, sizeof server);
    server.name = SOUK_LIT("shell");
    server.config.items = pairs;
    server.config.count = 2;
    return souk_runtime_add_server(rt, &server, err);
}

/* Drives the runtime until the call ended; its outcome is valid until the next fetch. */
static int finish(souk_runtime *rt, uint64_t call, souk_outcome *outcome, souk_err *err)
{
    for (int rounds = 0; rounds < 1000; rounds++) {
        int failed = souk_runtime_step(rt, 10000, err);
        if (failed != SOUK_OK) {
            return failed;
        }
        while (souk_runtime_next(rt, outcome)) {
            if (outcome->kind == SOUK_OUTCOME_DONE && outcome->id == call) {
                *err = outcome->err;
                return outcome->err.kind;
            }
        }
    }
    return souk_fail(err, SOUK_E_TIMEOUT, "the call never ended");
}

static int discover(souk_runtime *rt, souk_outcome *outcome, souk_err *err)
{
    uint64_t call;
    int failed = souk_runtime_discover(rt, SOUK_LIT("shell"), 10000, &call, err);
    return failed == SOUK_OK ? finish(rt, call, outcome, err) : failed;
}

static int invoke(souk_runtime *rt, const char *id, const char *input, souk_outcome *outcome,
                  souk_err *err)
{
    souk_invoke_options options;
    souk_buf body;
    uint64_t call;
    memset(&options, 0, sizeof options);
    souk_buf_init(&body, souk_runtime_alloc(rt), 1024);
    souk_buf_add_text(&body, input);
    int failed = souk_buf_check(&body, "the input", err);
    if (failed == SOUK_OK) {
        failed = souk_runtime_call(rt, souk_slice_of(id), &body, &options, &call, err);
    }
    souk_buf_free(&body);
    return failed == SOUK_OK ? finish(rt, call, outcome, err) : failed;
}

static void a_server_is_discovered_and_called(void)
{
    souk_err err;
    souk_outcome outcome;
    souk_runtime *rt = open_runtime(souk_alloc_libc(), &err);
    CHECK_INT(add_shell_server(rt, &err), SOUK_OK);
    CHECK_INT(discover(rt, &outcome, &err), SOUK_OK);
    int64_t tools = 0;
    CHECK(souk_json_integer(souk_json_get(outcome.answer->value, "tools"), &tools));
    CHECK_INT(tools, 2);
    CHECK_INT(souk_registry_count(souk_runtime_registry(rt)), 2);
    CHECK_INT(invoke(rt, "mcp.shell.good", "{\"a\":1}", &outcome, &err), SOUK_OK);
    CHECK(souk_json_get(outcome.answer->value, "x") != NULL);
    souk_runtime_close(rt, 5000);
    CHECK(souk_pool_is_empty(souk_runtime_pool(rt)));
    souk_runtime_free(rt);
}

static void what_does_not_fit_a_schema_is_refused_on_both_sides(void)
{
    souk_err err;
    souk_outcome outcome;
    souk_runtime *rt = open_runtime(souk_alloc_libc(), &err);
    CHECK_INT(add_shell_server(rt, &err), SOUK_OK);
    CHECK_INT(discover(rt, &outcome, &err), SOUK_OK);
    CHECK_INT(invoke(rt, "mcp.shell.good", "{}", &outcome, &err), SOUK_E_SCHEMA);
    CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(invoke(rt, "mcp.shell.bad", "{}", &outcome, &err), SOUK_E_SCHEMA);
    CHECK_INT(err.delivery, SOUK_DELIVERY_DELIVERED);
    souk_runtime_close(rt, 5000);
    souk_runtime_free(rt);
}

static void removing_a_server_removes_what_was_found_on_it(void)
{
    souk_err err;
    souk_outcome outcome;
    souk_runtime *rt = open_runtime(souk_alloc_libc(), &err);
    CHECK_INT(add_shell_server(rt, &err), SOUK_OK);
    CHECK_INT(discover(rt, &outcome, &err), SOUK_OK);
    CHECK(souk_runtime_remove_server(rt, SOUK_LIT("shell")));
    CHECK(!souk_runtime_remove_server(rt, SOUK_LIT("shell")));
    CHECK_INT(souk_registry_count(souk_runtime_registry(rt)), 0);
    CHECK_INT(invoke(rt, "mcp.shell.good", "{\"a\":1}", &outcome, &err), SOUK_E_CONFIG);
    CHECK_INT(discover(rt, &outcome, &err), SOUK_E_CONFIG);
    souk_runtime_close(rt, 5000);
    souk_runtime_free(rt);
}

static void capabilities_of_the_program_itself_are_not_started(void)
{
    souk_err err;
    souk_outcome outcome;
    souk_diags diags;
    size_t loaded = 0;
    souk_runtime *rt = open_runtime(souk_alloc_libc(), &err);
    souk_diags_init(&diags, souk_alloc_libc(), SOUK_LIT(""), 10);
    CHECK_INT(souk_runtime_load_text(rt, "text",
                                     SOUK_LIT("(capability \"own.thing\" :provider \"lua\")"),
                                     &loaded, &diags, &err),
              SOUK_OK);
    CHECK_INT(loaded, 1);
    CHECK_INT(invoke(rt, "own.thing", "", &outcome, &err), SOUK_RUNTIME_LOCAL);
    CHECK_INT(invoke(rt, "no.thing", "", &outcome, &err), SOUK_E_CONFIG);
    CHECK_INT(souk_policy_deny(souk_runtime_policy(rt), SOUK_LIT("own.*"), &err), SOUK_OK);
    CHECK_INT(invoke(rt, "own.thing", "", &outcome, &err), SOUK_E_POLICY);
    souk_diags_free(&diags);
    souk_runtime_free(rt);
}

static void a_closed_runtime_ends_its_calls(void)
{
    souk_err err;
    souk_outcome outcome;
    uint64_t call;
    souk_runtime *rt = open_runtime(souk_alloc_libc(), &err);
    CHECK_INT(add_shell_server(rt, &err), SOUK_OK);
    CHECK_INT(souk_runtime_discover(rt, SOUK_LIT("shell"), 10000, &call, &err), SOUK_OK);
    souk_runtime_close(rt, 5000);
    CHECK(souk_runtime_next(rt, &outcome));
    CHECK_INT(outcome.id, call);
    CHECK_INT(outcome.err.kind, SOUK_E_CLOSED);
    CHECK(!souk_runtime_next(rt, &outcome));
    souk_runtime_free(rt);
}

/* One whole life: made, a server found, a tool called, closed. SOUK_OK, or the first error. */
static int whole_life(const souk_alloc *alloc, souk_err *err)
{
    souk_outcome outcome;
    souk_runtime *rt = open_runtime(alloc, err);
    if (rt == NULL) {
        return err->kind;
    }
    int failed = add_shell_server(rt, err);
    failed = failed == SOUK_OK ? discover(rt, &outcome, err) : failed;
    failed = failed == SOUK_OK ? invoke(rt, "mcp.shell.good", "{\"a\":1}", &outcome, err) : failed;
    souk_runtime_close(rt, 5000);
    souk_runtime_free(rt);
    return failed;
}

static void every_allocation_of_a_call_may_fail(void)
{
    failing_alloc f;
    long n = 1;
    for (; n < 3000; n++) {
        souk_err err;
        failing_alloc_init(&f, n);
        int failed = whole_life(&f.alloc, &err);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            CHECK_INT(failed, SOUK_OK);
            break;
        }
        if (failed != SOUK_OK && err.message[0] == '\0') {
            CHECK(!"a failure says nothing");
        }
    }
    printf("# %ld allocations, each failed once\n", n - 1);
    CHECK(n > 100 && n < 3000);
}

int main(void)
{
    CASE(a_server_is_discovered_and_called);
    CASE(what_does_not_fit_a_schema_is_refused_on_both_sides);
    CASE(removing_a_server_removes_what_was_found_on_it);
    CASE(capabilities_of_the_program_itself_are_not_started);
    CASE(a_closed_runtime_ends_its_calls);
    CASE(every_allocation_of_a_call_may_fail);
    return tap_done();
}
