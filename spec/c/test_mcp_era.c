#include "mcp/era.h"

#include "mcp/server.h"
#include "mcp_help.h"

#define RESULT(body) "{'jsonrpc':'2.0','id':1,'result':" body "}"
#define ERROR(code) "{'jsonrpc':'2.0','id':1,'error':{'code':" code ",'message':'m'}}"
#define SUPPORTED(code, list)                                                                      \
    "{'jsonrpc':'2.0','id':1,'error':{'code':" code ",'message':'m','data':{'supported':" list     \
    ",'requested':'x'}}}"
#define DISCOVERED                                                                                 \
    RESULT("{'resultType':'complete','supportedVersions':['2026-07-28'],"                          \
           "'capabilities':{}}")

/* How verdicts are written in the tables: the kind's word, and the revision if there is one. */
static void check_verdict(souk_mcp_verdict verdict, const char *want, const char *where)
{
    static const char *const words[] = {"modern", "retry", "legacy", "auth", "transient", "none"};
    char got[64];
    const char *revision = souk_mcp_revision_name(verdict.revision);
    snprintf(got, sizeof got, "%s%s%s", words[verdict.kind], *revision == '\0' ? "" : " ",
             revision);
    CHECK_TEXT(got, want);
    CHECK(verdict.reason != NULL && verdict.reason[0] != '\0');
    if (strcmp(got, want) != 0) {
        printf("#   for: %s\n", where);
    }
}

static void the_era_over_http_follows_from_status_and_message(void)
{
    static const struct {
        int status;
        const char *body;
        const char *verdict;
    } rows[] = {
        /* an answer */
        {200, DISCOVERED, "modern 2026-07-28"},
        {200, RESULT("{'supportedVersions':['2025-11-25','2026-07-28','2099-01-01']}"),
         "modern 2026-07-28"},
        {200, RESULT("{'supportedVersions':['2025-06-18','2025-03-26']}"), "legacy 2025-06-18"},
        {200, RESULT("{'supportedVersions':['2099-01-01']}"), "none"},
        {200, RESULT("{'supportedVersions':[]}"), "legacy 2025-11-25"},
        {200, RESULT("{'supportedVersions':'2026-07-28'}"), "legacy 2025-11-25"},
        {200, RESULT("{}"), "legacy 2025-11-25"},
        {200, RESULT("null"), "legacy 2025-11-25"},
        {200, "{'jsonrpc':'2.0','method':'m'}", "legacy 2025-11-25"},
        {200, "", "legacy 2025-11-25"},
        {202, "", "legacy 2025-11-25"},
        /* errors that only modern servers know */
        {400, SUPPORTED("-32022", "['2026-07-28']"), "retry 2026-07-28"},
        {400, SUPPORTED("-32022", "['2025-11-25']"), "legacy 2025-11-25"},
        {400, SUPPORTED("-32022", "['2099-01-01']"), "none"},
        {400, ERROR("-32022"), "none"},
        {200, SUPPORTED("-32022", "['2026-07-28']"), "retry 2026-07-28"},
        {500, SUPPORTED("-32022", "['2026-07-28']"), "retry 2026-07-28"},
        {400, ERROR("-32021"), "modern 2026-07-28"},
        {400, ERROR("-32020"), "modern 2026-07-28"},
        /* other refusals */
        {400, ERROR("-32602"), "legacy 2025-11-25"},
        {400, ERROR("-32000"), "legacy 2025-11-25"},
        {400, "", "legacy 2025-11-25"},
        {404, ERROR("-32601"), "legacy 2025-11-25"},
        {404, "", "legacy 2025-11-25"},
        {405, "", "legacy 2025-11-25"},
        {406, "", "legacy 2025-11-25"},
        {415, "", "legacy 2025-11-25"},
        {200, ERROR("-32601"), "legacy 2025-11-25"},
        {200, ERROR("-32602"), "legacy 2025-11-25"},
        {302, "", "legacy 2025-11-25"},
        {400, DISCOVERED, "legacy 2025-11-25"},
        {500, ERROR("-32601"), "legacy 2025-11-25"},
        /* no conclusion */
        {401, "", "auth"},
        {401, DISCOVERED, "auth"},
        {403, ERROR("-32601"), "auth"},
        {0, "", "transient"},
        {408, "", "transient"},
        {425, "", "transient"},
        {429, ERROR("-1"), "transient"},
        {500, "", "transient"},
        {502, ERROR("-32601"), "transient"},
        {503, "", "transient"},
        {504, "", "transient"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        const souk_rpc_message *message = mcp_read_message(&doc, rows[i].body);
        check_verdict(souk_mcp_era_over_http(rows[i].status, message, SOUK_MCP_2026_07_28),
                      rows[i].verdict, rows[i].body);
        mcp_free(&doc);
    }
}

static void the_era_over_stdio_is_legacy_unless_proven_modern(void)
{
    static const struct {
        souk_mcp_probe_end end;
        const char *body;
        const char *verdict;
    } rows[] = {
        {SOUK_MCP_PROBE_ANSWERED, DISCOVERED, "modern 2026-07-28"},
        {SOUK_MCP_PROBE_ANSWERED, SUPPORTED("-32022", "['2026-07-28']"), "retry 2026-07-28"},
        {SOUK_MCP_PROBE_ANSWERED, ERROR("-32021"), "modern 2026-07-28"},
        {SOUK_MCP_PROBE_ANSWERED, ERROR("-32601"), "legacy 2025-11-25"},
        {SOUK_MCP_PROBE_ANSWERED, ERROR("-32000"), "legacy 2025-11-25"},
        {SOUK_MCP_PROBE_ANSWERED, ERROR("-32603"), "legacy 2025-11-25"},
        {SOUK_MCP_PROBE_ANSWERED, RESULT("{}"), "legacy 2025-11-25"},
        {SOUK_MCP_PROBE_ANSWERED, "", "legacy 2025-11-25"},
        {SOUK_MCP_PROBE_TIMED_OUT, "", "legacy 2025-11-25"},
        {SOUK_MCP_PROBE_DIED, "", "legacy 2025-11-25"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        const souk_rpc_message *message = mcp_read_message(&doc, rows[i].body);
        check_verdict(souk_mcp_era_over_stdio(rows[i].end, message, SOUK_MCP_2026_07_28),
                      rows[i].verdict, rows[i].body);
        mcp_free(&doc);
    }
}

static void three_errors_prove_a_modern_server(void)
{
    static const struct {
        const char *body;
        bool modern;
    } rows[] = {
        {ERROR("-32020"), true},  {ERROR("-32021"), true},
        {ERROR("-32022"), true},  {ERROR("-32019"), false},
        {ERROR("-32023"), false}, {ERROR("-32601"), false},
        {RESULT("{}"), false},    {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        CHECK_INT(souk_mcp_is_modern_error(mcp_read_message(&doc, rows[i].body)), rows[i].modern);
        mcp_free(&doc);
    }
}

static void initialize_settles_on_a_legacy_revision(void)
{
    static const char *const names[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[256];
        mcp_doc doc;
        souk_err err;
        souk_mcp_server server;
        souk_mcp_revision retry = SOUK_MCP_2024_11_05;
        snprintf(text, sizeof text,
                 RESULT("{'protocolVersion':'%s','capabilities':{'tools':{}},"
                        "'serverInfo':{'name':'n','version':'v','title':'t'},"
                        "'instructions':'be kind'}"),
                 names[i]);
        CHECK_INT(souk_mcp_read_initialize(mcp_read_message(&doc, text), SOUK_MCP_2025_11_25,
                                           &server, &retry, &err),
                  SOUK_OK);
        CHECK_TEXT(souk_mcp_revision_name(server.revision), names[i]);
        CHECK_SLICE(server.name, "n");
        CHECK_SLICE(server.version, "v");
        CHECK_SLICE(server.title, "t");
        CHECK_SLICE(server.instructions, "be kind");
        CHECK(souk_json_get(server.capabilities, "tools") != NULL);
        CHECK(server.is_private);
        CHECK_INT(retry, SOUK_MCP_UNKNOWN);
        mcp_free(&doc);
    }
}

static void initialize_needs_little_of_a_server(void)
{
    mcp_doc doc;
    souk_mcp_server server;
    const souk_rpc_message *message = mcp_read_message(
        &doc, RESULT("{'protocolVersion':'2025-06-18','serverInfo':5,'capabilities':[]}"));
    CHECK_INT(souk_mcp_read_initialize(message, SOUK_MCP_2025_11_25, &server, NULL, NULL), SOUK_OK);
    CHECK_INT(server.name.len, 0);
    CHECK(server.capabilities == NULL);
    mcp_free(&doc);
}

static void initialize_fails_with_a_reason_and_perhaps_another_offer(void)
{
    static const struct {
        const char *body;
        int kind;
        const char *retry;
        const char *message;
    } rows[] = {
        {RESULT("[]"), SOUK_E_PROTOCOL, "", "the server's answer to initialize is no object"},
        {RESULT("{}"), SOUK_E_PROTOCOL, "",
         "the server's answer to initialize has no protocolVersion"},
        {RESULT("{'protocolVersion':20250618}"), SOUK_E_PROTOCOL, "",
         "the server's answer to initialize has no protocolVersion"},
        {RESULT("{'protocolVersion':'1999-01-01'}"), SOUK_E_PROTOCOL, "",
         "the server answered initialize with protocol version \"1999-01-01\"; souk takes "
         "2024-11-05 to 2025-11-25 there"},
        {RESULT("{'protocolVersion':'2026-07-28'}"), SOUK_E_PROTOCOL, "",
         "the server answered initialize with protocol version \"2026-07-28\"; souk takes "
         "2024-11-05 to 2025-11-25 there"},
        {"{'jsonrpc':'2.0','method':'m'}", SOUK_E_PROTOCOL, "",
         "the server's answer to initialize is no response"},
        {ERROR("-32603"), SOUK_E_RPC, "", "m"},
        {SUPPORTED("-32602", "['2024-11-05','2025-03-26']"), SOUK_E_RPC, "2025-03-26", "m"},
        {SUPPORTED("-32602", "['2026-07-28','2024-11-05']"), SOUK_E_RPC, "2024-11-05", "m"},
        {SUPPORTED("-32022", "['2026-07-28']"), SOUK_E_RPC, "2026-07-28", "m"},
        {SUPPORTED("-32602", "['2025-11-25']"), SOUK_E_RPC, "", "m"},
        {SUPPORTED("-32602", "['x',5,null]"), SOUK_E_RPC, "", "m"},
        {SUPPORTED("-32602", "'2025-03-26'"), SOUK_E_RPC, "", "m"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        souk_err err;
        souk_mcp_server server;
        souk_mcp_revision retry = SOUK_MCP_2024_11_05;
        const souk_rpc_message *message = mcp_read_message(&doc, rows[i].body);
        CHECK_INT(souk_mcp_read_initialize(message, SOUK_MCP_2025_11_25, &server, &retry, &err),
                  rows[i].kind);
        CHECK_INT(err.kind, rows[i].kind);
        CHECK_TEXT(err.message, rows[i].message);
        CHECK_TEXT(souk_mcp_revision_name(retry), rows[i].retry);
        CHECK_INT(server.revision, SOUK_MCP_UNKNOWN);
        CHECK_INT(souk_mcp_read_initialize(message, SOUK_MCP_2025_11_25, &server, NULL, NULL),
                  rows[i].kind);
        mcp_free(&doc);
    }
}

static void discover_tells_what_to_speak_and_how_long_to_keep_it(void)
{
    mcp_doc doc;
    souk_mcp_server server;
    mcp_read(&doc, "{'supportedVersions':['2026-07-28'],'ttlMs':5000,'cacheScope':'public',"
                   "'instructions':'hi','capabilities':{'tools':{}},'_meta':"
                   "{'io.modelcontextprotocol/serverInfo':{'name':'n','version':'v'}},"
                   "'serverInfo':{'name':'older'}}");
    CHECK_INT(souk_mcp_read_discover(doc.root, &server, NULL), SOUK_OK);
    CHECK_INT(server.revision, SOUK_MCP_2026_07_28);
    CHECK_SLICE(server.name, "n");
    CHECK_SLICE(server.version, "v");
    CHECK_SLICE(server.instructions, "hi");
    CHECK_INT(server.ttl_ms, 5000);
    CHECK(!server.is_private);
    CHECK(server.capabilities != NULL);
    mcp_free(&doc);

    mcp_read(&doc, "{'supportedVersions':['2026-07-28'],'serverInfo':{'name':'in the body'}}");
    CHECK_INT(souk_mcp_read_discover(doc.root, &server, NULL), SOUK_OK);
    CHECK_SLICE(server.name, "in the body");
    CHECK_INT(server.ttl_ms, 0);
    CHECK(server.is_private);
    mcp_free(&doc);
    CHECK_INT(souk_mcp_read_discover(NULL, &server, NULL), SOUK_E_PROTOCOL);
}

static void a_time_to_live_that_makes_no_sense_is_none(void)
{
    static const struct {
        const char *body;
        int64_t ms;
    } rows[] = {{"{}", 0},
                {"{'ttlMs':0}", 0},
                {"{'ttlMs':-1}", 0},
                {"{'ttlMs':'5'}", 0},
                {"{'ttlMs':1.5}", 0},
                {"{'ttlMs':null}", 0},
                {"{'ttlMs':60000}", 60000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        mcp_doc doc;
        mcp_read(&doc, rows[i].body);
        CHECK_INT(souk_mcp_ttl_ms(doc.root), rows[i].ms);
        mcp_free(&doc);
    }
}

int main(void)
{
    CASE(the_era_over_http_follows_from_status_and_message);
    CASE(the_era_over_stdio_is_legacy_unless_proven_modern);
    CASE(three_errors_prove_a_modern_server);
    CASE(initialize_settles_on_a_legacy_revision);
    CASE(initialize_needs_little_of_a_server);
    CASE(initialize_fails_with_a_reason_and_perhaps_another_offer);
    CASE(discover_tells_what_to_speak_and_how_long_to_keep_it);
    CASE(a_time_to_live_that_makes_no_sense_is_none);
    return tap_done();
}
