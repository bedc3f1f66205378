#include "mcp/ability.h"

#include "failing_alloc.h"
#include "mcp_help.h"

enum {
    FORM = SOUK_MCP_CAN_ELICIT_FORM,
    URL = SOUK_MCP_CAN_ELICIT_URL,
    SAMPLE = SOUK_MCP_CAN_SAMPLE,
    ROOTS = SOUK_MCP_CAN_LIST_ROOTS,
    TASKS = SOUK_MCP_CAN_FOLLOW_TASKS,
    ALL = FORM | URL | SAMPLE | ROOTS | TASKS
};

static void check_capabilities(unsigned abilities, souk_mcp_era era, const char *want)
{
    char text[512];
    souk_buf out;
    souk_err err;
    size_t len = strlen(want);
    CHECK(len < sizeof text);
    for (size_t i = 0; i <= len; i++) {
        text[i] = want[i] == '\'' ? '"' : want[i];
    }
    souk_buf_init(&out, souk_alloc_libc(), 512);
    CHECK_INT(souk_mcp_write_capabilities(&out, abilities, era, &err), SOUK_OK);
    CHECK_SLICE(souk_buf_slice(&out), text);
    souk_buf_free(&out);
}

static void capabilities_are_objects_as_each_era_writes_them(void)
{
    static const struct {
        unsigned abilities;
        const char *legacy;
        const char *modern;
    } rows[] = {
        {0, "{}", "{}"},
        {FORM, "{'elicitation':{'form':{}}}", "{'elicitation':{'form':{}}}"},
        {URL, "{'elicitation':{'url':{}}}", "{'elicitation':{'url':{}}}"},
        {FORM | URL, "{'elicitation':{'form':{},'url':{}}}",
         "{'elicitation':{'form':{},'url':{}}}"},
        {SAMPLE, "{'sampling':{}}", "{'sampling':{}}"},
        {ROOTS, "{'roots':{'listChanged':true}}", "{'roots':{}}"},
        {TASKS, "{}", "{'extensions':{'io.modelcontextprotocol/tasks':{}}}"},
        {ALL, "{'roots':{'listChanged':true},'sampling':{},'elicitation':{'form':{},'url':{}}}",
         "{'roots':{},'sampling':{},'elicitation':{'form':{},'url':{}},"
         "'extensions':{'io.modelcontextprotocol/tasks':{}}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_capabilities(rows[i].abilities, SOUK_MCP_ERA_LEGACY, rows[i].legacy);
        check_capabilities(rows[i].abilities, SOUK_MCP_ERA_MODERN, rows[i].modern);
    }
}

static void capabilities_fail_as_their_buffer_does(void)
{
    souk_buf out;
    souk_err err;
    failing_alloc failing;
    souk_buf_init(&out, souk_alloc_libc(), 10);
    CHECK_INT(souk_mcp_write_capabilities(&out, ALL, SOUK_MCP_ERA_MODERN, &err), SOUK_E_LIMIT);
    CHECK_INT(err.kind, SOUK_E_LIMIT);
    souk_buf_free(&out);
    failing_alloc_init(&failing, 1);
    souk_buf_init(&out, &failing.alloc, 1000);
    CHECK_INT(souk_mcp_write_capabilities(&out, ALL, SOUK_MCP_ERA_LEGACY, &err), SOUK_E_LIMIT);
    souk_buf_free(&out);
    CHECK_INT(failing.live, 0);
}

#define FORM_PARAMS "'message':'m','requestedSchema':{}"

static void a_request_of_the_server_is_one_that_was_declared(void)
{
    static const struct {
        unsigned abilities;
        const char *method;
        const char *params; /* "": none */
        int code;           /* 0: allowed */
    } rows[] = {
        {FORM, "elicitation/create", "{" FORM_PARAMS "}", 0},
        {FORM, "elicitation/create", "{'mode':'form'," FORM_PARAMS "}", 0},
        {FORM, "elicitation/create", "{'mode':'url','message':'m','url':'u'}", -32602},
        {FORM, "elicitation/create", "{'mode':'voice'," FORM_PARAMS "}", -32602},
        {FORM, "elicitation/create", "{'mode':7," FORM_PARAMS "}", -32602},
        {FORM, "elicitation/create", "{'mode':null," FORM_PARAMS "}", -32602},
        {FORM, "elicitation/create", "{'message':'m'}", -32602},
        {FORM, "elicitation/create", "{'message':'m','requestedSchema':[]}", -32602},
        {FORM, "elicitation/create", "{'message':7,'requestedSchema':{}}", -32602},
        {FORM, "elicitation/create", "{'requestedSchema':{}}", -32602},
        {FORM, "elicitation/create", "[]", -32602},
        {FORM, "elicitation/create", "", -32602},
        {URL, "elicitation/create", "{'mode':'url','message':'m','url':'u'}", 0},
        {URL, "elicitation/create", "{'mode':'url','message':'m'}", -32602},
        {URL, "elicitation/create", "{'mode':'url','url':'u'}", -32602},
        {URL, "elicitation/create", "{" FORM_PARAMS "}", -32602},
        {FORM | URL, "elicitation/create", "{'mode':'url','message':'m','url':'u'}", 0},
        {FORM | URL, "elicitation/create", "{" FORM_PARAMS "}", 0},
        {ALL & ~(FORM | URL), "elicitation/create", "{" FORM_PARAMS "}", -32601},
        {SAMPLE, "sampling/createMessage", "{'messages':[],'maxTokens':1}", 0},
        {SAMPLE, "sampling/createMessage", "{'messages':{}}", -32602},
        {SAMPLE, "sampling/createMessage", "{}", -32602},
        {SAMPLE, "sampling/createMessage", "", -32602},
        {ALL & ~SAMPLE, "sampling/createMessage", "{'messages':[]}", -32601},
        {ROOTS, "roots/list", "", 0},
        {ROOTS, "roots/list", "{}", 0},
        {ROOTS, "roots/list", "[]", -32602},
        {ALL & ~ROOTS, "roots/list", "", -32601},
        {ALL, "Roots/List", "", -32601},
        {ALL, "tasks/get", "{}", -32601},
        {ALL, "", "{}", -32601},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        souk_err err;
        mcp_read(&doc, rows[i].params);
        int rc = souk_mcp_ability_check(rows[i].abilities, souk_slice_of(rows[i].method), doc.root,
                                        &err);
        CHECK_INT(rc, rows[i].code == 0 ? SOUK_OK : SOUK_E_PROTOCOL);
        if (rc != SOUK_OK) {
            CHECK_INT(err.kind, rc);
            CHECK(err.has_code && err.message[0] != '\0');
            CHECK_INT(err.code, rows[i].code);
        }
        CHECK_INT(souk_mcp_ability_check(rows[i].abilities, souk_slice_of(rows[i].method), doc.root,
                                         NULL),
                  rc);
        mcp_free(&doc);
    }
}

int main(void)
{
    CASE(capabilities_are_objects_as_each_era_writes_them);
    CASE(capabilities_fail_as_their_buffer_does);
    CASE(a_request_of_the_server_is_one_that_was_declared);
    return tap_done();
}
