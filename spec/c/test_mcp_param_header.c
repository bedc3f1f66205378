#include "mcp/param_header.h"

#include "failing_alloc.h"
#include "mcp_help.h"

#define OBJECT(properties) "{'type':'object','properties':{" properties "}}"
#define STRING(name) "{'type':'string','x-mcp-header':'" name "'}"

/* Schemas that an HTTP client takes. */
static const char *const good[] = {
    "",
    "{}",
    "true",
    OBJECT(""),
    OBJECT("'a':{'type':'string'}"),
    OBJECT("'a':" STRING("Region")),
    OBJECT("'a':" STRING("A") ",'b':" STRING("B")),
    OBJECT("'a':{'type':'integer','x-mcp-header':'N'},'b':{'type':'boolean','x-mcp-header':'B'}"),
    OBJECT("'o':" OBJECT("'p':" OBJECT("'a':" STRING("Deep")))),
    OBJECT("'a':" STRING("!#$%&*+-.^_`|~")),
    /* what only looks like an annotation */
    OBJECT("'x-mcp-header':{'type':'string'}"),
    OBJECT("'x-mcp-header':" STRING("Real")),
    OBJECT("'a':{'type':'object','default':{'x-mcp-header':5}}"),
    OBJECT("'a':{'enum':[{'x-mcp-header':''}],'const':{'x-mcp-header':''}}"),
    "{'items':{'properties':{'x-mcp-header':{}}}}",
    "{'$defs':{'x-mcp-header':{'type':'string'}}}",
};

/* Schemas whose tool is left out. */
static const struct {
    const char *schema;
    const char *why; /* NULL: it cannot be part of a header name */
} bad[] = {
    {OBJECT("'a':" STRING("")), NULL},
    {OBJECT("'a':" STRING("My Header")), NULL},
    {OBJECT("'a':" STRING("A:B")), NULL},
    {OBJECT("'a':" STRING("A\\r\\nB")), NULL},
    {OBJECT("'a':" STRING("\xC3\xBC")), NULL},
    {OBJECT("'a':{'type':'string','x-mcp-header':5}"), NULL},
    {OBJECT("'a':{'type':'string','x-mcp-header':null}"), NULL},
    {OBJECT("'a':" STRING("Same") ",'b':" STRING("same")), "\"same\" is there twice"},
    {OBJECT("'a':" STRING("S") ",'o':" OBJECT("'b':" STRING("S"))), "\"S\" is there twice"},
    {OBJECT("'a':{'type':'number','x-mcp-header':'N'}"),
     "\"N\" is on a property that is no string, integer or boolean"},
    {OBJECT("'a':{'type':'object','x-mcp-header':'N'}"),
     "\"N\" is on a property that is no string, integer or boolean"},
    {OBJECT("'a':{'type':'array','x-mcp-header':'N'}"),
     "\"N\" is on a property that is no string, integer or boolean"},
    {OBJECT("'a':{'type':'null','x-mcp-header':'N'}"),
     "\"N\" is on a property that is no string, integer or boolean"},
    {OBJECT("'a':{'type':['string','null'],'x-mcp-header':'N'}"),
     "\"N\" is on a property that is no string, integer or boolean"},
    {OBJECT("'a':{'x-mcp-header':'N'}"),
     "\"N\" is on a property that is no string, integer or boolean"},
    {STRING("Root"), "\"Root\" is not on a property that is reached through properties alone"},
    {OBJECT("'a':{'type':'array','items':" STRING("I") "}"),
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'items':" OBJECT("'a':" STRING("I")) "}",
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'oneOf':[" OBJECT("'a':" STRING("I")) "]}",
     "\"I\" is not on a property that is reached through properties alone"},
    {OBJECT("'a':{'anyOf':[" STRING("I") "]}"),
     "\"I\" is not on a property that is reached through properties alone"},
    {OBJECT("'a':{'allOf':[{'not':" STRING("I") "}]}"),
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'if':" OBJECT("'a':" STRING("I")) "}",
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'then':" OBJECT("'a':" STRING("I")) "}",
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'properties':{'a':{'$ref':'#/$defs/d'}},'$defs':{'d':" STRING("I") "}}",
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'patternProperties':{'^a':" STRING("I") "}}",
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'additionalProperties':" STRING("I") "}",
     "\"I\" is not on a property that is reached through properties alone"},
    {"{'dependentSchemas':{'a':" OBJECT("'b':" STRING("I")) "}}",
     "\"I\" is not on a property that is reached through properties alone"},
};

static void usable_annotations_pass(void)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        mcp_doc doc;
        souk_err err;
        souk_err_clear(&err);
        mcp_read(&doc, good[i]);
        CHECK_INT(souk_mcp_param_headers_check(doc.root, &err), SOUK_OK);
        CHECK_TEXT(err.message, "");
        mcp_free(&doc);
    }
}

static void others_are_refused_with_a_reason(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char want[256];
        mcp_doc doc;
        souk_err err;
        mcp_read(&doc, bad[i].schema);
        CHECK_INT(souk_mcp_param_headers_check(doc.root, &err), SOUK_E_PROTOCOL);
        if (bad[i].why == NULL) {
            snprintf(want, sizeof want, "an x-mcp-header cannot be part of a header name");
        } else {
            snprintf(want, sizeof want, "x-mcp-header %s", bad[i].why);
        }
        CHECK_TEXT(err.message, want);
        CHECK_INT(souk_mcp_param_headers_check(doc.root, NULL), SOUK_E_PROTOCOL);
        mcp_free(&doc);
    }
}

/* A schema with `count` annotated properties, or nested `depth` deep, written into `out`. */
static void write_wide(char *out, int count)
{
    out += sprintf(out, "{'properties':{");
    for (int i = 0; i < count; i++) {
        out +=
            sprintf(out, "%s'p%d':{'type':'string','x-mcp-header':'H%d'}", i > 0 ? "," : "", i, i);
    }
    sprintf(out, "}}");
}

static void write_deep(char *out, int depth)
{
    for (int i = 0; i < depth; i++) {
        out += sprintf(out, "{'not':");
    }
    out += sprintf(out, "{}");
    for (int i = 0; i < depth; i++) {
        out += sprintf(out, "}");
    }
}

static void width_and_depth_are_bounded(void)
{
    static char text[MCP_HELP_TEXT];
    for (int over = 0; over < 2; over++) {
        mcp_doc doc;
        write_wide(text, SOUK_MCP_PARAM_HEADERS_MAX + over);
        mcp_read(&doc, text);
        CHECK_INT(souk_mcp_param_headers_check(doc.root, NULL), over ? SOUK_E_LIMIT : SOUK_OK);
        mcp_free(&doc);
        write_deep(text, SOUK_MCP_PARAM_DEPTH_MAX + over);
        mcp_read(&doc, text);
        CHECK_INT(souk_mcp_param_headers_check(doc.root, NULL), over ? SOUK_E_LIMIT : SOUK_OK);
        mcp_free(&doc);
    }
}

static const char tool[] = OBJECT("'region':" STRING(
    "Region") ",'count':{'type':'integer','x-mcp-header':'Count'},"
              "'dry':{'type':'boolean','x-mcp-header':'Dry-Run'},'plain':{'type':'string'},"
              "'who':" OBJECT("'name':" STRING("Who")));

static void arguments_become_headers(void)
{
    static const struct {
        const char *arguments;
        const char *headers; /* "name=value;" each, or the error's message */
        int kind;
    } rows[] = {
        {"{'region':'us','count':3,'dry':true,'plain':'x','who':{'name':'me'}}",
         "Mcp-Param-Region=us;Mcp-Param-Count=3;Mcp-Param-Dry-Run=true;Mcp-Param-Who=me;", 0},
        {"{'dry':false,'region':''}", "Mcp-Param-Region=;Mcp-Param-Dry-Run=false;", 0},
        {"{'region':null,'count':null,'who':null}", "", 0},
        {"{}", "", 0},
        {"", "", 0},
        {"{'other':'x','who':{'other':1}}", "", 0},
        {"{'who':5}", "", 0},
        {"{'region':' a\\r\\nX: b'}", "Mcp-Param-Region==?base64?IGENClg6IGI=?=;", 0},
        {"{'region':'gr\\u00fcn'}", "Mcp-Param-Region==?base64?Z3LDvG4=?=;", 0},
        {"{'count':-7}", "Mcp-Param-Count=-7;", 0},
        {"{'count':1.0}", "Mcp-Param-Count=1;", 0},
        {"{'count':9007199254740991}", "Mcp-Param-Count=9007199254740991;", 0},
        {"{'count':-9007199254740991}", "Mcp-Param-Count=-9007199254740991;", 0},
        {"{'count':9007199254740992}",
         "argument \"count\" is no integer from -(2^53 - 1) to 2^53 - 1", SOUK_E_SCHEMA},
        {"{'count':99999999999999999999}",
         "argument \"count\" is no integer from -(2^53 - 1) to 2^53 - 1", SOUK_E_SCHEMA},
        {"{'count':1.5}", "argument \"count\" is no integer from -(2^53 - 1) to 2^53 - 1",
         SOUK_E_SCHEMA},
        {"{'count':'3'}", "argument \"count\" is no integer from -(2^53 - 1) to 2^53 - 1",
         SOUK_E_SCHEMA},
        {"{'region':5}", "argument \"region\" is no string", SOUK_E_SCHEMA},
        {"{'region':{}}", "argument \"region\" is no string", SOUK_E_SCHEMA},
        {"{'dry':'true'}", "argument \"dry\" is no boolean", SOUK_E_SCHEMA},
    };
    mcp_doc schema;
    mcp_read(&schema, tool);
    CHECK_INT(souk_mcp_param_headers_check(schema.root, NULL), SOUK_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char got[512] = "";
        mcp_doc arguments;
        souk_err err;
        souk_mcp_headers headers;
        souk_mcp_headers_init(&headers, souk_alloc_libc());
        mcp_read(&arguments, rows[i].arguments);
        CHECK_INT(souk_mcp_param_headers_add(&headers, schema.root, arguments.root, &err),
                  rows[i].kind);
        for (size_t h = 0; h < headers.count; h++) {
            size_t len = strlen(got);
            snprintf(got + len, sizeof got - len, "%.*s=%.*s;", SOUK_ARG(headers.list[h].name),
                     SOUK_ARG(headers.list[h].value));
        }
        CHECK_TEXT(rows[i].kind == SOUK_OK ? got : err.message, rows[i].headers);
        souk_mcp_headers_free(&headers);
        mcp_free(&arguments);
    }
    mcp_free(&schema);
}

static void a_tool_without_a_schema_needs_no_headers(void)
{
    souk_mcp_headers headers;
    souk_mcp_headers_init(&headers, souk_alloc_libc());
    CHECK_INT(souk_mcp_param_headers_check(NULL, NULL), SOUK_OK);
    CHECK_INT(souk_mcp_param_headers_add(&headers, NULL, NULL, NULL), SOUK_OK);
    CHECK_INT(headers.count, 0);
    souk_mcp_headers_free(&headers);
}

static void running_out_of_memory_is_an_error_and_leaks_nothing(void)
{
    mcp_doc schema;
    mcp_doc arguments;
    bool done = false;
    mcp_read(&schema, tool);
    mcp_read(&arguments, "{'region':' us','count':3,'who':{'name':'me'}}");
    for (long n = 1; !done; n++) {
        failing_alloc f;
        souk_err err;
        souk_mcp_headers headers;
        failing_alloc_init(&f, n);
        souk_mcp_headers_init(&headers, &f.alloc);
        int rc = souk_mcp_param_headers_add(&headers, schema.root, arguments.root, &err);
        CHECK_INT(rc, f.fired ? SOUK_E_LIMIT : SOUK_OK);
        souk_mcp_headers_free(&headers);
        CHECK_INT(f.live, 0);
        done = !f.fired;
    }
    mcp_free(&schema);
    mcp_free(&arguments);
}

int main(void)
{
    CASE(usable_annotations_pass);
    CASE(others_are_refused_with_a_reason);
    CASE(width_and_depth_are_bounded);
    CASE(arguments_become_headers);
    CASE(a_tool_without_a_schema_needs_no_headers);
    CASE(running_out_of_memory_is_an_error_and_leaks_nothing);
    return tap_done();
}
