#include "mcp/tools.h"

#include "mcp_help.h"

static void a_page_gives_its_tools_in_order(void)
{
    mcp_doc doc;
    souk_err err;
    souk_mcp_tool tool;
    souk_mcp_tool_page page;
    mcp_read(&doc, "{'tools':[{'name':'get_me','title':'Me','description':'Who am I',"
                   "'inputSchema':{'type':'object', 'x':1.50},'outputSchema':{ },"
                   "'annotations':{'title':'other','readOnlyHint':true,'idempotentHint':false}},"
                   "{'name':'put','annotations':{'title':'Put','idempotentHint':true}}]}");
    CHECK_INT(souk_mcp_tool_page_begin(&page, &doc.json, doc.root, &err), SOUK_OK);
    CHECK_INT(souk_mcp_tool_page_next(&page, &tool, &err), 1);
    CHECK_SLICE(tool.name, "get_me");
    CHECK_SLICE(tool.title, "Me");
    CHECK_SLICE(tool.description, "Who am I");
    CHECK_SLICE(tool.input_schema_text, "{\"type\":\"object\", \"x\":1.50}");
    CHECK_INT(tool.input_schema->size, 2);
    CHECK_SLICE(tool.output_schema_text, "{ }");
    CHECK(tool.annotations_text.len > 0);
    CHECK(tool.is_read_only && !tool.is_idempotent);

    CHECK_INT(souk_mcp_tool_page_next(&page, &tool, &err), 1);
    CHECK_SLICE(tool.name, "put");
    CHECK_SLICE(tool.title, "Put");
    CHECK(tool.description.ptr == NULL && tool.input_schema_text.ptr == NULL);
    CHECK(tool.input_schema == NULL && tool.output_schema == NULL);
    CHECK(!tool.is_read_only && tool.is_idempotent);
    CHECK_INT(souk_mcp_tool_page_next(&page, &tool, &err), 0);
    CHECK_INT(souk_mcp_tool_page_next(&page, &tool, &err), 0);
    mcp_free(&doc);
}

static void an_entry_without_a_usable_name_does_not_lose_its_neighbours(void)
{
    char body[2048];
    char name[SOUK_MCP_TOOL_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    snprintf(body, sizeof body,
             "{'tools':[{'name':'a'},{},{'name':''},{'name':5},{'name':null},7,[],"
             "{'name':'x\\u0000y'},{'name':'x\\n'},{'name':'%s'},{'name':'%s'},{'name':'z'}]}",
             name, name + 1);
    mcp_doc doc;
    souk_err err;
    souk_mcp_tool tool;
    souk_mcp_tool_page page;
    char got[64] = "";
    int rc;
    mcp_read(&doc, body);
    CHECK_INT(souk_mcp_tool_page_begin(&page, &doc.json, doc.root, &err), SOUK_OK);
    while ((rc = souk_mcp_tool_page_next(&page, &tool, &err)) != 0) {
        strcat(got, rc < 0 ? "!" : tool.name.len == 1 ? "1" : "+");
        CHECK(rc > 0 || rc == SOUK_E_PROTOCOL);
    }
    CHECK_TEXT(got, "1!!!!!!!!!+1");
    CHECK_TEXT(err.message, "tool number 10 has no usable name");
    mcp_free(&doc);
}

static void the_cursor_of_the_next_page_may_be_empty_but_not_absent(void)
{
    static const struct {
        const char *body;
        int has_next; /* -1: the page is refused */
        const char *cursor;
    } rows[] = {
        {"{'tools':[]}", 0, ""},
        {"{'tools':[],'nextCursor':null}", 0, ""},
        {"{'tools':[],'nextCursor':''}", 1, ""},
        {"{'tools':[],'nextCursor':'p2'}", 1, "p2"},
        {"{'tools':[],'nextCursor':5}", -1, ""},
        {"{'tools':[],'nextCursor':{}}", -1, ""},
        {"{'tools':{}}", -1, ""},
        {"{}", -1, ""},
        {"[]", -1, ""},
        {"", -1, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        souk_mcp_tool_page page;
        mcp_read(&doc, rows[i].body);
        int rc = souk_mcp_tool_page_begin(&page, &doc.json, doc.root, NULL);
        CHECK_INT(rc == SOUK_OK ? page.has_next : -1, rows[i].has_next);
        if (rc == SOUK_OK) {
            CHECK_SLICE(page.next_cursor, rows[i].cursor);
        } else {
            CHECK_INT(rc, SOUK_E_PROTOCOL);
        }
        mcp_free(&doc);
    }
}

static void a_page_says_how_long_it_may_be_kept(void)
{
    mcp_doc doc;
    souk_mcp_tool_page page;
    mcp_read(&doc, "{'tools':[],'ttlMs':1000,'cacheScope':'public'}");
    CHECK_INT(souk_mcp_tool_page_begin(&page, &doc.json, doc.root, NULL), SOUK_OK);
    CHECK_INT(page.ttl_ms, 1000);
    CHECK(!page.is_private);
    mcp_free(&doc);
    mcp_read(&doc, "{'tools':[]}");
    CHECK_INT(souk_mcp_tool_page_begin(&page, &doc.json, doc.root, NULL), SOUK_OK);
    CHECK_INT(page.ttl_ms, 0);
    CHECK(page.is_private);
    mcp_free(&doc);
}

static void schemas_of_the_wrong_type_are_left_out(void)
{
    mcp_doc doc;
    souk_mcp_tool tool;
    souk_mcp_tool_page page;
    mcp_read(&doc, "{'tools':[{'name':'a','inputSchema':true,'outputSchema':false,"
                   "'annotations':[]},{'name':'b','inputSchema':null,'outputSchema':'x',"
                   "'title':5,'description':null}]}");
    CHECK_INT(souk_mcp_tool_page_begin(&page, &doc.json, doc.root, NULL), SOUK_OK);
    CHECK_INT(souk_mcp_tool_page_next(&page, &tool, NULL), 1);
    CHECK(tool.input_schema == NULL && tool.annotations_text.ptr == NULL);
    CHECK_SLICE(tool.output_schema_text, "false");
    CHECK_INT(souk_mcp_tool_page_next(&page, &tool, NULL), 1);
    CHECK(tool.output_schema == NULL && tool.title.ptr == NULL && tool.description.ptr == NULL);
    mcp_free(&doc);
}

int main(void)
{
    CASE(a_page_gives_its_tools_in_order);
    CASE(an_entry_without_a_usable_name_does_not_lose_its_neighbours);
    CASE(the_cursor_of_the_next_page_may_be_empty_but_not_absent);
    CASE(a_page_says_how_long_it_may_be_kept);
    CASE(schemas_of_the_wrong_type_are_left_out);
    return tap_done();
}
