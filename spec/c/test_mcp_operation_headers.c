/* Mcp-Param-*: made from a schema, and made anew when the server's is another one. */
#include "operation_help.h"

#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"x-mcp-header\":\"A\"}}}"
#define TOOL(schema) "{'name':'tool','inputSchema':" schema "}"
#define NEW_SCHEMA "{'type':'object','properties':{'a':{'type':'%s','x-mcp-header':'%s'}}}"
#define MISMATCH "{'code':-32020,'message':'headers','data':{'d':1}}"

static souk_mcp_order order_of(const char *schema)
{
    const souk_mcp_order order = {.kind = SOUK_MCP_OP_TOOL,
                                  .name = SOUK_LIT_INIT("tool"),
                                  .params = SOUK_LIT_INIT("{\"a\":1}"),
                                  .input_schema = souk_slice_of(schema)};
    return order;
}

static void arguments_go_into_the_headers_of_their_schema(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    CHECK(ops_start(&rig, order_of(SCHEMA)) != NULL);
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Param-A", "1"));
    RESULT(&rig, "tools/call",
           "{'resultType':'input_required','inputRequests':{'q':{'method':'roots/list'}}}");
    ops_answer(&rig, QUESTION(&rig, "roots/list"), "{}");
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Param-A", "1")); /* each time */
    RESULT(&rig, "tools/call", "{}");
    DONE(&rig, "{}");
    ops_close(&rig);
}

static void only_modern_http_has_them(void)
{
    ops_rig rig;
    ops_open(&rig, "2025-11-25", 0);
    CHECK(ops_start(&rig, order_of(SCHEMA)) != NULL);
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Param-A", NULL));
    RESULT(&rig, "tools/call", "{}");
    DONE(&rig, "{}");
    /* A code without a meaning there. */
    ops_call(&rig);
    ERROR(&rig, "tools/call", 200, MISMATCH);
    FAILED(&rig, RPC, REJECTED, "headers");
    ops_close(&rig);
    ops_open_child(&rig, 0);
    souk_mcp_order order = order_of("{\"x-mcp-header\":");
    CHECK(ops_start(&rig, order) != NULL); /* the schema is not even read */
    souk_mcp_ops_free(rig.ops);
    rig_free(&rig.session);
}

static void what_does_not_fit_is_not_sent(void)
{
    static const struct {
        const char *schema;
        const char *params;
        int kind;
    } cases[] = {
        {SCHEMA, "{\"a\":\"x\"}", SOUK_E_SCHEMA},
        {SCHEMA, "{\"a\":", SOUK_E_SCHEMA},
        {"{\"x-mcp-header\":\"A\"}", "{}", SOUK_E_PROTOCOL},
        {"{\"x-mcp-header\":", "{}", SOUK_E_PROTOCOL},
    };
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        souk_mcp_op *op;
        souk_err err;
        souk_mcp_order order = order_of(cases[i].schema);
        order.params = souk_slice_of(cases[i].params);
        order.tag = &rig;
        order.timeout = 1;
        CHECK_INT(souk_mcp_op_start(rig.ops, &order, 0, &op, &err), cases[i].kind);
        CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
    }
    CHECK_INT(fake_count(&rig.session.fake, "tools/call"), 0);
    ops_close(&rig);
}

static void mismatch(ops_rig *rig)
{
    ERROR(rig, "tools/call", 400, MISMATCH);
    NEWS(rig, NOTICE, "souk/tools_stale", NULL);
    CHECK(rig->news.tag == NULL);
    CHECK(fake_open(&rig->session.fake, "tools/list") != NULL);
}

static void list(ops_rig *rig, const char *type, const char *header)
{
    char result[512];
    snprintf(result, sizeof result,
             "{'tools':[{'name':'other'}," TOOL(NEW_SCHEMA) "],'nextCursor':'z'}", type, header);
    RESULT(rig, "tools/list", result);
}

static void a_mismatch_makes_the_headers_anew(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", 0);
    CHECK(ops_start(&rig, order_of(SCHEMA)) != NULL);
    mismatch(&rig);
    CHECK_PARAMS(&rig, "{}");
    RESULT(&rig, "tools/list", "{'tools':[{'name':''}],'nextCursor':''}");
    CHECK(!ops_next(&rig));
    CHECK_PARAMS(&rig, "{\"cursor\":\"\"}");
    list(&rig, "integer", "B");
    CHECK(!ops_next(&rig));
    CHECK_PARAMS(&rig, "{\"name\":\"tool\",\"arguments\":{\"a\":1}}");
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Param-A", NULL));
    CHECK(fake_has_header(fake_last(&rig.session.fake), "Mcp-Param-B", "1"));
    ERROR(&rig, "tools/call", 400, MISMATCH); /* once is enough */
    FAILED(&rig, RPC, REJECTED, "headers");
    CHECK_SLICE(souk_json_raw(&rig.news.doc, rig.news.value), "{\"d\":1}");
    CHECK(ops_start(&rig, order_of("")) != NULL);
    mismatch(&rig);
    RESULT(&rig, "tools/list", "{'tools':[{'name':'tool','inputSchema':{}}]}");
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tools/call", "{'content':[]}");
    DONE(&rig, "{\"content\":[]}");
    ops_close(&rig);
}

static void a_tool_that_cannot_be_found_leaves_the_servers_error(void)
{
    static const char *const pages[] = {
        "{'tools':[]}",
        "{'tools':7}",
        "{'tools':[" TOOL("{'x-mcp-header':'A'}") "]}",
        "{'resultType':'task','taskId':'t','status':'working'}",
    };
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        ops_call(&rig);
        mismatch(&rig);
        RESULT(&rig, "tools/list", pages[i]);
        FAILED(&rig, RPC, REJECTED, "headers");
        CHECK_SLICE(souk_json_raw(&rig.news.doc, rig.news.value), "{\"d\":1}");
    }
    ops_call(&rig);
    mismatch(&rig);
    ERROR(&rig, "tools/list", 200, "{'code':1,'message':'no'}");
    FAILED(&rig, RPC, REJECTED, "headers");
    ops_close(&rig);
}

static void an_argument_that_the_new_schema_does_not_take_says_so(void)
{
    ops_rig rig;
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    mismatch(&rig);
    list(&rig, "string", "A");
    FAILED(&rig, SCHEMA, REJECTED, "\"a\" is no string");
    ops_close(&rig);
}

static void pages_are_not_read_for_ever(void)
{
    ops_rig rig;
    char page[100];
    ops_open(&rig, "2026-07-28", OPS_ALL);
    ops_call(&rig);
    mismatch(&rig);
    for (int i = 1; i <= 5; i++) {
        snprintf(page, sizeof page, "{'tools':[],'nextCursor':'%d'}", i);
        RESULT(&rig, "tools/list", page);
        if (i < 5) {
            CHECK(!ops_next(&rig));
        }
    }
    FAILED(&rig, RPC, REJECTED, "headers");
    ops_call(&rig);
    mismatch(&rig);
    RESULT(&rig, "tools/list", "{'tools':[],'nextCursor':'same'}");
    CHECK(!ops_next(&rig));
    RESULT(&rig, "tools/list", "{'tools':[],'nextCursor':'same'}");
    FAILED(&rig, RPC, REJECTED, "headers");
    ops_close(&rig);
}

int main(void)
{
    CASE(arguments_go_into_the_headers_of_their_schema);
    CASE(only_modern_http_has_them);
    CASE(what_does_not_fit_is_not_sent);
    CASE(a_mismatch_makes_the_headers_anew);
    CASE(a_tool_that_cannot_be_found_leaves_the_servers_error);
    CASE(an_argument_that_the_new_schema_does_not_take_says_so);
    CASE(pages_are_not_read_for_ever);
    return tap_done();
}
