/* What a server says about itself. */
#include "failing_alloc.h"
#include "mcp/session_internal.h"
#include "mcp_help.h"
#include "session_help.h"

/* Lets a session learn from this result (' for "), and compares what it tells. */
static void check_about(session_rig *rig, const char *result, const char *want)
{
    mcp_doc doc;
    char text[1024];
    mcp_read(&doc, result);
    souk_mcp_learn(rig->mcp, doc.root);
    for (size_t i = 0; i <= strlen(want); i++) {
        text[i] = want[i] == '\'' ? '"' : want[i];
    }
    CHECK_SLICE(souk_mcp_about(rig->mcp), text);
    mcp_free(&doc);
}

static void each_era_says_it_in_its_own_place(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-11-25", "abc");
    check_about(&rig,
                "{ 'serverInfo' : {'name':'s','extra':[1.50]}, 'capabilities':{'tools':{}},"
                "'instructions':'a \\u00e4','x':1}",
                "{'protocolVersion':'2025-11-25','era':'legacy','transport':'http',"
                "'serverInfo':{'name':'s','extra':[1.5]},'capabilities':{'tools':{}},"
                "'instructions':'a \xC3\xA4'}");
    rig.mcp->two_endpoints = true;
    check_about(&rig, "{'serverInfo':[],'capabilities':null,'instructions':7}",
                "{'protocolVersion':'2025-11-25','era':'legacy','transport':'sse'}");
    rig_free(&rig);

    rig_open_child(&rig);
    check_about(&rig, "{}", "{'protocolVersion':'2025-06-18','era':'legacy','transport':'stdio'}");
    rig_free(&rig);

    rig_open_modern(&rig);
    check_about(&rig,
                "{'_meta':{'io.modelcontextprotocol/serverInfo':{'name':'m'}},"
                "'serverInfo':{'name':'b'},'capabilities':{}}",
                "{'protocolVersion':'2026-07-28','era':'modern','transport':'http',"
                "'serverInfo':{'name':'m'},'capabilities':{}}");
    check_about(&rig, "{'serverInfo':{'name':'b'},'instructions':''}",
                "{'protocolVersion':'2026-07-28','era':'modern','transport':'http',"
                "'serverInfo':{'name':'b'},'instructions':''}");
    rig_free(&rig);
}

static void opening_is_when_it_is_learnt(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK_SLICE(souk_mcp_about(rig.mcp),
                "{\"protocolVersion\":\"2025-06-18\",\"era\":\"legacy\",\"transport\":\"http\","
                "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"},\"capabilities\":{}}");
    rig_free(&rig);
    rig_open_child(&rig);
    CHECK_SLICE(
        souk_mcp_about(rig.mcp),
        "{\"protocolVersion\":\"2025-06-18\",\"era\":\"legacy\",\"transport\":\"stdio\","
        "\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"},\"capabilities\":{\"tools\":{}}}");
    rig_free(&rig);
    rig_open_modern(&rig);
    CHECK_SLICE(souk_mcp_about(rig.mcp),
                "{\"protocolVersion\":\"2026-07-28\",\"era\":\"modern\",\"transport\":\"http\","
                "\"capabilities\":{}}");
    rig_free(&rig);
}

static void what_was_not_asked_is_not_known(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.config.remembered = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
    CHECK_SLICE(souk_mcp_about(rig.mcp), "");
    rig_free(&rig);
}

static void a_text_that_is_too_large_is_not_kept(void)
{
    session_rig rig;
    mcp_doc doc;
    rig_open_modern(&rig);
    check_about(&rig, "{}", "{'protocolVersion':'2026-07-28','era':'modern','transport':'http'}");
    mcp_read(&doc, "{'instructions':'0123456789'}");
    rig.mcp->config.max_response = 80;
    souk_mcp_learn(rig.mcp, doc.root);
    CHECK_SLICE(souk_mcp_about(rig.mcp), "");
    mcp_free(&doc);
    rig_free(&rig);
}

static void without_memory_nothing_is_kept(void)
{
    for (long n = 1;; n++) {
        failing_alloc f;
        session_rig rig;
        mcp_doc doc;
        failing_alloc_init(&f, 0);
        rig_http(&rig);
        rig.alloc = &f.alloc;
        rig.config.pinned = SOUK_MCP_2026_07_28;
        CHECK(rig_open(&rig));
        mcp_read(&doc, "{'instructions':'0123456789'}");
        souk_mcp_learn(rig.mcp, doc.root);
        CHECK(souk_mcp_about(rig.mcp).len > 0);
        f.count = 0;
        f.fail_at = n;
        souk_mcp_learn(rig.mcp, doc.root);
        CHECK_INT(souk_mcp_about(rig.mcp).len == 0, f.fired);
        mcp_free(&doc);
        rig_free(&rig);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
}

int main(void)
{
    CASE(each_era_says_it_in_its_own_place);
    CASE(opening_is_when_it_is_learnt);
    CASE(what_was_not_asked_is_not_known);
    CASE(a_text_that_is_too_large_is_not_kept);
    CASE(without_memory_nothing_is_kept);
    return tap_done();
}
