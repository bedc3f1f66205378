#include "mcp/envelope.h"

#include "failing_alloc.h"
#include "mcp_help.h"

#define V "'io.modelcontextprotocol/protocolVersion':'2026-07-28'"
#define I "'io.modelcontextprotocol/clientInfo':{'name':'souk','version':'1'}"
#define C "'io.modelcontextprotocol/clientCapabilities':{}"
#define L "'io.modelcontextprotocol/logLevel':'debug'"
#define META V "," I "," C

static const souk_mcp_client souk = {SOUK_LIT_INIT("souk"), SOUK_LIT_INIT("1"), {NULL, 0}, 0};

/* Compares what is in `out` with a text where ' stands for ". */
static void check_written(const souk_buf *out, const char *want)
{
    char text[2048];
    size_t len = strlen(want);
    CHECK(len < sizeof text);
    for (size_t i = 0; i <= len; i++) {
        text[i] = want[i] == '\'' ? '"' : want[i];
    }
    CHECK_SLICE(souk_buf_slice(out), text);
}

/* Writes a request with these params (' for "), and compares. Returns what the writer returned. */
static int check_request(souk_mcp_envelope envelope, const char *params, const char *want)
{
    char text[1024];
    souk_buf out;
    souk_err err;
    size_t len = strlen(params);
    CHECK(len < sizeof text);
    for (size_t i = 0; i < len; i++) {
        text[i] = params[i] == '\'' ? '"' : params[i];
    }
    envelope.id = 5;
    envelope.method = SOUK_LIT("tools/call");
    envelope.params = souk_slice_make(text, len);
    envelope.client = &souk;
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    int rc = souk_mcp_write_request(&out, &envelope, &err);
    if (rc == SOUK_OK) {
        check_written(&out, want);
    } else {
        CHECK_INT(err.kind, rc);
        CHECK_TEXT(err.message, want);
    }
    souk_buf_free(&out);
    return rc;
}

static void a_legacy_request_carries_params_as_they_are(void)
{
    static const souk_mcp_envelope legacy = {.revision = SOUK_MCP_2025_11_25,
                                             .log_level = SOUK_LIT_INIT("debug")};
    static const char *const params[] = {"{}", "{ 'a' : [1, 2.50] }", "{'_meta':{'x':1},'b':2}",
                                         "{'_meta':5}"};
    CHECK_INT(check_request(legacy, "", "{'jsonrpc':'2.0','id':5,'method':'tools/call'}"), SOUK_OK);
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        char want[256];
        snprintf(want, sizeof want, "{'jsonrpc':'2.0','id':5,'method':'tools/call','params':%s}",
                 params[i]);
        CHECK_INT(check_request(legacy, params[i], want), SOUK_OK);
    }
}

static void a_legacy_request_has_meta_for_progress_and_trace_context(void)
{
    static const souk_mcp_envelope legacy = {.revision = SOUK_MCP_2025_06_18,
                                             .progress_token = 77,
                                             .traceparent = SOUK_LIT_INIT("00-1-2-01"),
                                             .tracestate = SOUK_LIT_INIT("a=b"),
                                             .baggage = SOUK_LIT_INIT("c=d")};
    static const char meta[] = "'progressToken':77,'traceparent':'00-1-2-01','tracestate':'a=b',"
                               "'baggage':'c=d'";
    char want[256];
    snprintf(want, sizeof want,
             "{'jsonrpc':'2.0','id':5,'method':'tools/call','params':{'_meta':{%s}}}", meta);
    CHECK_INT(check_request(legacy, "", want), SOUK_OK);
    CHECK_INT(check_request(legacy, " { } ", want), SOUK_OK);
    snprintf(want, sizeof want,
             "{'jsonrpc':'2.0','id':5,'method':'tools/call','params':{'_meta':{%s},'a': 1}}", meta);
    CHECK_INT(check_request(legacy, "{ 'a': 1 }", want), SOUK_OK);
}

static void a_modern_request_always_says_who_asks(void)
{
    static const struct {
        const char *params;
        const char *written;
    } rows[] = {
        {"", "{'_meta':{" META "}}"},
        {"{}", "{'_meta':{" META "}}"},
        {"\n{\n}\n", "{'_meta':{" META "}}"},
        {"{'name':'x','arguments':{}}", "{'_meta':{" META "},'name':'x','arguments':{}}"},
        {"{'n':1e2,'s':'_met','t':'\\n'}", "{'_meta':{" META "},'n':1e2,'s':'_met','t':'\\n'}"},
        /* what looks like a _meta, but is none of the params */
        {"{'a':{'_meta':{'x':1}}}", "{'_meta':{" META "},'a':{'_meta':{'x':1}}}"},
        {"{'a':'_meta'}", "{'_meta':{" META "},'a':'_meta'}"},
        {"{'a_meta':1}", "{'_meta':{" META "},'a_meta':1}"},
        /* a _meta of the caller's: its members stay, and what is around it stays in place */
        {"{'_meta':{}}", "{'_meta':{" META "}}"},
        {"{'a': 1, '_meta' : {'x': 2.0}, 'b' :[ ]}",
         "{'a': 1, '_meta' : {" META ",'x':2.0}, 'b' :[ ]}"},
        {"{'_meta':{'x':{'y':[1, 2]},'progressToken':'own'}}",
         "{'_meta':{" META ",'x':{'y':[1, 2]},'progressToken':'own'}}"},
        {"{'\\u005fmeta':{'x':1}}", "{'\\u005fmeta':{" META ",'x':1}}"},
        {"{'_m\\u0065ta':{'x':1}}", "{'_m\\u0065ta':{" META ",'x':1}}"},
        /* our keys win */
        {"{'_meta':{" V ",'x':1,'io.modelcontextprotocol/clientInfo':5}}",
         "{'_meta':{" META ",'x':1}}"},
        {"{'_meta':{'io.modelcontextprotocol/protocolVersio\\u006e':'evil'}}",
         "{'_meta':{" META "}}"},
        /* but a key of ours that this request does not write is the caller's */
        {"{'_meta':{" L "}}", "{'_meta':{" META "," L "}}"},
    };
    static const souk_mcp_envelope modern = {.revision = SOUK_MCP_2026_07_28};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[1024];
        snprintf(want, sizeof want, "{'jsonrpc':'2.0','id':5,'method':'tools/call','params':%s}",
                 rows[i].written);
        CHECK_INT(check_request(modern, rows[i].params, want), SOUK_OK);
    }
}

static void a_modern_request_can_ask_for_progress_and_logs(void)
{
    static const souk_mcp_envelope modern = {
        .revision = SOUK_MCP_2026_07_28, .progress_token = -1, .log_level = SOUK_LIT_INIT("debug")};
    CHECK_INT(check_request(modern, "{'_meta':{'progressToken':3," L ",'x':1}}",
                            "{'jsonrpc':'2.0','id':5,'method':'tools/call','params':{'_meta':{" META
                            ",'progressToken':-1," L ",'x':1}}}"),
              SOUK_OK);
}

static void wrong_params_are_refused(void)
{
    static const souk_mcp_envelope modern = {.revision = SOUK_MCP_2026_07_28};
    static const char *const no_objects[] = {"[]", "5", "{", "}", "'_meta'", "null"};
    for (size_t i = 0; i < sizeof no_objects / sizeof no_objects[0]; i++) {
        CHECK_INT(check_request(modern, no_objects[i], "params are no JSON object"), SOUK_E_SCHEMA);
    }
    CHECK_INT(check_request(modern, "{'_meta':5}", "params: _meta is no object"), SOUK_E_SCHEMA);

    souk_err err;
    souk_buf out;
    souk_mcp_envelope envelope = modern;
    envelope.method = SOUK_LIT("m");
    envelope.params = SOUK_LIT("{\"_meta\":{},\"_meta\":{}}");
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    CHECK_INT(souk_mcp_write_request(&out, &envelope, &err), SOUK_E_SCHEMA);
    CHECK_INT(err.kind, SOUK_E_SCHEMA);
    envelope.params = SOUK_LIT("{\"_meta\":x}");
    CHECK_INT(souk_mcp_write_request(&out, &envelope, &err), SOUK_E_SCHEMA);
    CHECK(strncmp(err.message, "params: ", 8) == 0);
    souk_buf_free(&out);
}

static void what_the_client_is_called_is_optional(void)
{
    static const souk_mcp_client nameless = {
        {NULL, 0}, {NULL, 0}, {NULL, 0}, SOUK_MCP_CAN_LIST_ROOTS};
    static const souk_mcp_client titled = {SOUK_LIT_INIT("a"), SOUK_LIT_INIT("2"),
                                           SOUK_LIT_INIT("An \"app\""), 0};
    const souk_mcp_client *const clients[] = {NULL, &nameless, &titled};
    static const char *const metas[] = {
        V "," C, V ",'io.modelcontextprotocol/clientCapabilities':{'roots':{}}",
        V ",'io.modelcontextprotocol/clientInfo':"
          "{'name':'a','version':'2','title':'An \\'app\\''}," C};
    for (size_t i = 0; i < 3; i++) {
        souk_buf out;
        char want[512];
        souk_buf_init(&out, souk_alloc_libc(), 4096);
        CHECK_INT(souk_mcp_write_discover(&out, 1, SOUK_MCP_2026_07_28, clients[i], NULL), SOUK_OK);
        snprintf(want, sizeof want,
                 "{'jsonrpc':'2.0','id':1,'method':'server/discover','params':{'_meta':{%s}}}",
                 metas[i]);
        check_written(&out, want);
        souk_buf_free(&out);
    }
}

static void each_era_writes_capabilities_in_its_own_way(void)
{
    static const souk_mcp_client able = {SOUK_LIT_INIT("souk"),
                                         SOUK_LIT_INIT("1"),
                                         {NULL, 0},
                                         SOUK_MCP_CAN_LIST_ROOTS | SOUK_MCP_CAN_ELICIT_FORM |
                                             SOUK_MCP_CAN_FOLLOW_TASKS};
    souk_buf out;
    souk_err err;
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    CHECK_INT(souk_mcp_write_initialize(&out, 1, SOUK_MCP_2025_11_25, &able, &err), SOUK_OK);
    check_written(&out, "{'jsonrpc':'2.0','id':1,'method':'initialize','params':"
                        "{'protocolVersion':'2025-11-25','capabilities':"
                        "{'roots':{'listChanged':true},'elicitation':{'form':{}}},"
                        "'clientInfo':{'name':'souk','version':'1'}}}");
    souk_buf_clear(&out);
    CHECK_INT(souk_mcp_write_discover(&out, 1, SOUK_MCP_2026_07_28, &able, &err), SOUK_OK);
    check_written(&out, "{'jsonrpc':'2.0','id':1,'method':'server/discover','params':{'_meta':{" V
                        "," I ",'io.modelcontextprotocol/clientCapabilities':"
                        "{'roots':{},'elicitation':{'form':{}},"
                        "'extensions':{'io.modelcontextprotocol/tasks':{}}}}}}");
    souk_buf_free(&out);
}

static void the_handshake_is_written(void)
{
    souk_buf out;
    souk_err err;
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    CHECK_INT(souk_mcp_write_initialize(&out, 1, SOUK_MCP_2025_11_25, &souk, &err), SOUK_OK);
    check_written(&out, "{'jsonrpc':'2.0','id':1,'method':'initialize','params':"
                        "{'protocolVersion':'2025-11-25','capabilities':{},"
                        "'clientInfo':{'name':'souk','version':'1'}}}");
    souk_buf_clear(&out);
    CHECK_INT(souk_mcp_write_initialized(&out, &err), SOUK_OK);
    check_written(&out, "{'jsonrpc':'2.0','method':'notifications/initialized'}");
    souk_buf_free(&out);
}

static void the_handshake_belongs_to_one_era_and_the_probe_to_the_other(void)
{
    souk_buf out;
    souk_err err;
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    CHECK_INT(souk_mcp_write_initialize(&out, 1, SOUK_MCP_2026_07_28, &souk, &err), SOUK_E_CONFIG);
    CHECK_INT(souk_mcp_write_initialize(&out, 1, SOUK_MCP_UNKNOWN, &souk, &err), SOUK_E_CONFIG);
    CHECK_INT(souk_mcp_write_discover(&out, 1, SOUK_MCP_2025_11_25, &souk, &err), SOUK_E_CONFIG);
    CHECK_INT(out.len, 0);
    souk_buf_free(&out);
}

static void cancellation_names_the_request(void)
{
    souk_buf out;
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    CHECK_INT(souk_mcp_write_cancelled(&out, 8, SOUK_LIT("too \"slow\""), NULL), SOUK_OK);
    check_written(&out, "{'jsonrpc':'2.0','method':'notifications/cancelled','params':"
                        "{'requestId':8,'reason':'too \\'slow\\''}}");
    souk_buf_clear(&out);
    CHECK_INT(souk_mcp_write_cancelled(&out, 8, SOUK_LIT(""), NULL), SOUK_OK);
    check_written(&out, "{'jsonrpc':'2.0','method':'notifications/cancelled','params':"
                        "{'requestId':8}}");
    souk_buf_free(&out);
}

static void params_of_calls_and_lists_are_written(void)
{
    souk_buf out;
    souk_slice cursor = SOUK_LIT("");
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    CHECK_INT(souk_mcp_write_tool_params(&out, SOUK_LIT("a\"b"), SOUK_LIT("{ }"), NULL), SOUK_OK);
    CHECK_INT(souk_mcp_write_tool_params(&out, SOUK_LIT("x"), SOUK_LIT(""), NULL), SOUK_OK);
    CHECK_INT(souk_mcp_write_page_params(&out, NULL, NULL), SOUK_OK);
    CHECK_INT(souk_mcp_write_page_params(&out, &cursor, NULL), SOUK_OK);
    check_written(&out, "{'name':'a\\'b','arguments':{ }}{'name':'x','arguments':{}}"
                        "{}{'cursor':''}");
    souk_buf_free(&out);
}

static void texts_that_are_not_utf8_are_refused(void)
{
    souk_buf out;
    souk_err err;
    souk_mcp_envelope envelope = {.id = 1,
                                  .method = SOUK_LIT_INIT("m"),
                                  .params = SOUK_LIT_INIT("{\"_meta\":{}}"),
                                  .revision = SOUK_MCP_2026_07_28,
                                  .tracestate = SOUK_LIT_INIT("\xC3")};
    souk_buf_init(&out, souk_alloc_libc(), 4096);
    CHECK_INT(souk_mcp_write_request(&out, &envelope, &err), SOUK_E_SCHEMA);
    CHECK_INT(souk_mcp_write_tool_params(&out, SOUK_LIT("\xFF"), SOUK_LIT("{}"), &err),
              SOUK_E_SCHEMA);
    souk_buf_free(&out);
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    static const souk_mcp_envelope envelope = {
        .id = 1,
        .method = SOUK_LIT_INIT("m"),
        .params = SOUK_LIT_INIT("{\"a\":1,\"_meta\":{\"x\":\"\\u0041 text that is long enough to "
                                "let the buffer grow a few times, one time after the other\"}}"),
        .revision = SOUK_MCP_2026_07_28,
        .client = &souk};
    bool done = false;
    for (long n = 1; !done; n++) {
        failing_alloc f;
        souk_buf out;
        souk_err err;
        failing_alloc_init(&f, n);
        souk_buf_init(&out, &f.alloc, 4096);
        int rc = souk_mcp_write_request(&out, &envelope, &err);
        /* A failure to give memory back is none. */
        CHECK(rc == SOUK_OK || (rc == SOUK_E_LIMIT && f.fired));
        souk_buf_free(&out);
        CHECK_INT(f.live, 0);
        done = !f.fired;
    }
}

int main(void)
{
    CASE(a_legacy_request_carries_params_as_they_are);
    CASE(a_legacy_request_has_meta_for_progress_and_trace_context);
    CASE(a_modern_request_always_says_who_asks);
    CASE(a_modern_request_can_ask_for_progress_and_logs);
    CASE(wrong_params_are_refused);
    CASE(what_the_client_is_called_is_optional);
    CASE(each_era_writes_capabilities_in_its_own_way);
    CASE(the_handshake_is_written);
    CASE(the_handshake_belongs_to_one_era_and_the_probe_to_the_other);
    CASE(cancellation_names_the_request);
    CASE(params_of_calls_and_lists_are_written);
    CASE(texts_that_are_not_utf8_are_refused);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
