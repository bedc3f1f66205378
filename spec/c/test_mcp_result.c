#include "mcp/result.h"

#include "failing_alloc.h"
#include "mcp_help.h"

static void the_type_of_a_result_is_read(void)
{
    enum { BAD = -1, DONE = SOUK_MCP_RESULT_COMPLETE, ASKS = SOUK_MCP_RESULT_INPUT_REQUIRED };
    static const struct {
        const char *method;
        const char *body;
        int modern;
        int legacy;
    } rows[] = {
        {"tools/call", "{}", DONE, DONE},
        {"tools/call", "{'resultType':'complete'}", DONE, DONE},
        {"tools/list", "{'resultType':'complete'}", DONE, DONE},
        {"tools/call", "{'resultType':'input_required','requestState':'s'}", ASKS, DONE},
        {"tools/call", "{'resultType':'input_required','inputRequests':{}}", ASKS, DONE},
        {"prompts/get", "{'resultType':'input_required','requestState':''}", ASKS, DONE},
        {"resources/read", "{'resultType':'input_required','requestState':'s'}", ASKS, DONE},
        {"tools/list", "{'resultType':'input_required','requestState':'s'}", BAD, DONE},
        {"tools/call", "{'resultType':'input_required'}", BAD, DONE},
        {"tools/call", "{'resultType':'input_required','requestState':5}", BAD, DONE},
        {"tools/call", "{'resultType':'input_required','inputRequests':[]}", BAD, DONE},
        {"tools/call", "{'resultType':'task','taskId':'t'}", SOUK_MCP_RESULT_TASK, DONE},
        {"tools/call", "{'resultType':'other'}", BAD, DONE},
        {"tools/call", "{'resultType':'Complete'}", BAD, DONE},
        {"tools/call", "{'resultType':null}", BAD, DONE},
        {"tools/call", "{'resultType':5}", BAD, DONE},
        {"tools/call", "[]", BAD, BAD},
        {"tools/call", "null", BAD, BAD},
        {"tools/call", "", BAD, BAD},
    };
    static const souk_mcp_revision revisions[] = {SOUK_MCP_2026_07_28, SOUK_MCP_2025_11_25};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t r = 0; r < 2; r++) {
            mcp_doc doc;
            souk_err err;
            souk_mcp_result_type type;
            mcp_read(&doc, rows[i].body);
            int rc = souk_mcp_read_result_type(doc.root, revisions[r],
                                               souk_slice_of(rows[i].method), &type, &err);
            CHECK_INT(rc == SOUK_OK ? (int)type : BAD, r == 0 ? rows[i].modern : rows[i].legacy);
            CHECK(rc == SOUK_OK || (rc == SOUK_E_PROTOCOL && err.kind == rc &&
                                    err.delivery == SOUK_DELIVERY_DELIVERED));
            mcp_free(&doc);
        }
    }
}

#define TEXT(text) "{'type':'text','text':'" text "'}"
#define IMAGE "{'type':'image','data':'AAAA','mimeType':'image/png'}"

/* The value as a word for its kind and its JSON text or text. */
static void show_value(const souk_mcp_tool_result *result, const mcp_doc *doc, char *out,
                       size_t size)
{
    static const char *const words[] = {"structured", "decoded", "text", "content"};
    souk_slice text = result->text;
    if (result->kind == SOUK_MCP_VALUE_DECODED) {
        text = souk_json_raw(&result->decoded, result->value);
    } else if (result->kind != SOUK_MCP_VALUE_TEXT) {
        text = souk_json_raw(&doc->json, result->value);
    }
    snprintf(out, size, "%s%s %.*s", result->is_error ? "error " : "", words[result->kind],
             SOUK_ARG(text));
    for (char *p = out; *p != '\0'; p++) {
        *p = *p == '"' ? '\'' : *p;
    }
}

static const struct {
    const char *body;
    const char *modern;
    const char *legacy; /* NULL: the same */
} values[] = {
    {"{'content':[],'structuredContent':{'a':1}}", "structured {'a':1}", NULL},
    {"{'content':[" TEXT("x") "],'structuredContent':[1]}", "structured [1]", NULL},
    {"{'structuredContent':false}", "structured false", NULL},
    {"{'content':[" TEXT("x") "],'structuredContent':null}", "structured null", "text x"},
    {"{'content':[" TEXT("hello") "]}", "text hello", NULL},
    {"{'content':[" TEXT("") "]}", "text ", NULL},
    {"{'content':[" TEXT("5") "]}", "text 5", NULL},
    {"{'content':[" TEXT("null") "]}", "text null", NULL},
    {"{'content':[" TEXT("\\u0022x\\u0022") "]}", "text 'x'", NULL},
    {"{'content':[" TEXT("{}") "]}", "decoded {}", NULL},
    {"{'content':[" TEXT(" [1, 2]\\n") "]}", "decoded [1, 2]", NULL},
    {"{'content':[" TEXT("{\\u0022a\\u0022:[]}") "]}", "decoded {'a':[]}", NULL},
    {"{'content':[" TEXT("{not json}") "]}", "text {not json}", NULL},
    {"{'content':[" TEXT("[1] and more") "]}", "text [1] and more", NULL},
    {"{'content':[" IMAGE "]}", "content [" IMAGE "]", NULL},
    {"{'content':[" TEXT("a") "," TEXT("b") "]}", "content [" TEXT("a") "," TEXT("b") "]", NULL},
    {"{'content':[]}", "content []", NULL},
    {"{'content':[{'type':'text'}]}", "content [{'type':'text'}]", NULL},
    {"{'content':[{'text':'x'}]}", "content [{'text':'x'}]", NULL},
    {"{'content':[5]}", "content [5]", NULL},
    {"{'content':[" TEXT("x") "],'isError':true}", "error text x", NULL},
    {"{'content':[" TEXT("x") "],'isError':false}", "text x", NULL},
    {"{'content':[" TEXT("x") "],'isError':'true'}", "text x", NULL},
};

static void the_value_of_a_tool_result_is_picked(void)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        for (int legacy = 0; legacy < 2; legacy++) {
            char got[256];
            mcp_doc doc;
            souk_mcp_tool_result result;
            const char *want =
                legacy && values[i].legacy != NULL ? values[i].legacy : values[i].modern;
            souk_mcp_tool_result_init(&result, souk_alloc_libc());
            mcp_read(&doc, values[i].body);
            int rc = souk_mcp_read_tool_result(
                doc.root, legacy ? SOUK_MCP_2025_06_18 : SOUK_MCP_2026_07_28, &result, NULL);
            CHECK_INT(rc, SOUK_OK);
            if (rc == SOUK_OK) {
                show_value(&result, &doc, got, sizeof got);
                CHECK_TEXT(got, want);
            }
            souk_mcp_tool_result_free(&result);
            mcp_free(&doc);
        }
    }
}

static void a_result_without_content_breaks_the_protocol(void)
{
    static const char *const bodies[] = {
        "{}", "{'content':null}", "{'content':'x'}", "{'content':{}}", "{'isError':true}", "5", ""};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        mcp_doc doc;
        souk_err err;
        souk_mcp_tool_result result;
        souk_mcp_tool_result_init(&result, souk_alloc_libc());
        mcp_read(&doc, bodies[i]);
        CHECK_INT(souk_mcp_read_tool_result(doc.root, SOUK_MCP_2025_11_25, &result, &err),
                  SOUK_E_PROTOCOL);
        CHECK_INT(err.delivery, SOUK_DELIVERY_DELIVERED);
        souk_mcp_tool_result_free(&result);
        mcp_free(&doc);
    }
}

static void a_text_that_is_a_nesting_bomb_is_an_error(void)
{
    char body[512] = "{'content':[{'type':'text','text':'";
    for (int i = 0; i < 200; i++) {
        strcat(body, "[");
    }
    strcat(body, "'}]}");
    mcp_doc doc;
    souk_err err;
    souk_mcp_tool_result result;
    souk_mcp_tool_result_init(&result, souk_alloc_libc());
    mcp_read(&doc, body);
    CHECK_INT(souk_mcp_read_tool_result(doc.root, SOUK_MCP_2025_11_25, &result, &err),
              SOUK_E_LIMIT);
    CHECK(strncmp(err.message, "the text of the tool's result: ", 31) == 0);
    souk_mcp_tool_result_free(&result);
    mcp_free(&doc);
}

static void the_message_of_a_failed_tool_is_its_text(void)
{
    static const struct {
        const char *body;
        const char *message;
    } rows[] = {
        {"{'isError':true,'content':[" TEXT("no such file") "]}", "no such file"},
        {"{'isError':true,'content':[" TEXT("a\\n") "," IMAGE "," TEXT(" b ") "]}", "a\nb"},
        {"{'isError':true,'content':[" TEXT(" ") "," TEXT("a") "," TEXT("") "]}", "a"},
        {"{'isError':true,'content':[" IMAGE "]}", "the tool reported failure and did not say why"},
        {"{'isError':true}", "the tool reported failure and did not say why"},
        {"{'isError':true,'content':5}", "the tool reported failure and did not say why"},
        {"", "the tool reported failure and did not say why"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        souk_err err;
        mcp_read(&doc, rows[i].body);
        CHECK_INT(souk_mcp_fail_tool(doc.root, &err), SOUK_E_TOOL);
        CHECK_INT(err.kind, SOUK_E_TOOL);
        CHECK_INT(err.delivery, SOUK_DELIVERY_DELIVERED);
        CHECK_TEXT(err.message, rows[i].message);
        CHECK_INT(souk_mcp_fail_tool(doc.root, NULL), SOUK_E_TOOL);
        mcp_free(&doc);
    }
}

static void a_long_message_is_cut_between_characters(void)
{
    for (int shift = 0; shift < 3; shift++) {
        char body[2048] = "{'content':[{'type':'text','text':'";
        for (int i = 0; i < shift; i++) {
            strcat(body, "x");
        }
        for (int i = 0; i < 400; i++) {
            strcat(body, "\xE2\x82\xAC");
        }
        strcat(body, "'}]}");
        mcp_doc doc;
        souk_err err;
        mcp_read(&doc, body);
        souk_mcp_fail_tool(doc.root, &err);
        size_t len = strlen(err.message);
        CHECK(len >= SOUK_MESSAGE_MAX - 4 && len < SOUK_MESSAGE_MAX);
        CHECK_INT((len - (size_t)shift) % 3, 0);
        mcp_free(&doc);
    }
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    mcp_doc doc;
    bool done = false;
    mcp_read(&doc, "{'content':[" TEXT("[{\\u0022a\\u0022:\\u0022\\\\u0041\\u0022}]") "]}");
    for (long n = 1; !done; n++) {
        failing_alloc f;
        souk_err err;
        souk_mcp_tool_result result;
        failing_alloc_init(&f, n);
        souk_mcp_tool_result_init(&result, &f.alloc);
        int rc = souk_mcp_read_tool_result(doc.root, SOUK_MCP_2025_11_25, &result, &err);
        /* A failure to give memory back is none. */
        CHECK(rc == SOUK_OK ? result.kind == SOUK_MCP_VALUE_DECODED
                            : rc == SOUK_E_LIMIT && f.fired);
        souk_mcp_tool_result_free(&result);
        CHECK_INT(f.live, 0);
        done = !f.fired;
    }
    mcp_free(&doc);
}

int main(void)
{
    CASE(the_type_of_a_result_is_read);
    CASE(the_value_of_a_tool_result_is_picked);
    CASE(a_result_without_content_breaks_the_protocol);
    CASE(a_text_that_is_a_nesting_bomb_is_an_error);
    CASE(the_message_of_a_failed_tool_is_its_text);
    CASE(a_long_message_is_cut_between_characters);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
