/* Opening a session over HTTP: the probe, eras, initialize. */
#include "session_help.h"

static void the_probe_is_a_complete_modern_request(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
    const fake_exchange *x = rig_last(&rig);
    CHECK_TEXT(x->method, "POST");
    CHECK_TEXT(x->url, "https://example.test/mcp");
    CHECK(fake_is(x->body, "server/discover"));
    CHECK(fake_has_header(x, "Accept", "application/json, text/event-stream"));
    CHECK(fake_has_header(x, "Content-Type", "application/json"));
    CHECK(fake_has_header(x, "MCP-Protocol-Version", "2026-07-28"));
    CHECK(fake_has_header(x, "Mcp-Method", "server/discover"));
    CHECK(fake_has_header(x, "Mcp-Session-Id", NULL));
    CHECK(fake_has_header(x, "Authorization", NULL));
    CHECK(strstr(x->body, "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"") != NULL);
    rig_free(&rig);
}

static void a_server_that_discovers_itself_is_modern(void)
{
    session_rig rig;
    rig_open_modern(&rig);
    rig_check_ready(&rig, "2026-07-28", 1);
    CHECK_INT(souk_mcp_session_id(rig.mcp).len, 0);
    CHECK(!souk_mcp_contradicted(rig.mcp));
    rig_free(&rig);
}

static void a_legacy_server_is_recognised_by_whatever_it_says_to_the_probe(void)
{
    static const struct {
        int status;
        const char *type;
        const char *body;
    } answers[] = {
        {404, "Content-Type: text/plain", "Not found"},
        {404, "Content-Type: application/json",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"Method not "
         "found\"}}"},
        {400, "Content-Type: text/plain", "Bad Request"},
        {400, "", ""},
        {400, "Content-Type: application/json", "{\"error\":\"bad\"}"},
        {400, "Content-Type: application/json",
         "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"Bad Request: "
         "Server not "
         "initialized\"}}"},
        {405, "", ""},
        {406, "", ""},
        {422, "Content-Type: text/html", "<html>"},
        {302, "Location: /elsewhere", ""},
        {200, "Content-Type: application/json",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"Method not "
         "found\"}}"},
        {200, "Content-Type: application/json",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32602,\"message\":\"Invalid request "
         "parameters\"}}"},
        {200, "Content-Type: application/json", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"},
        {200, "Content-Type: application/json", "hello"},
        {200, "Content-Type: text/html", "<html>hello</html>"},
        {200, "Content-Type: text/event-stream", ""},
        {202, "", ""},
        {500, "Content-Type: application/json",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"Internal\"}}"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        session_rig rig;
        rig_http(&rig);
        CHECK(rig_open(&rig));
        fake_respond(&rig.fake, rig_last(&rig), answers[i].status, answers[i].type,
                     answers[i].body);
        CHECK(fake_is(rig_last(&rig)->body, "initialize"));
        CHECK(strstr(rig_last(&rig)->body, "\"protocolVersion\":\"2025-11-25\"") != NULL);
        rig_initialize(&rig, "2025-11-25", "abc");
        rig_check_ready(&rig, "2025-11-25", 3);
        rig_free(&rig);
    }
}

static void initialize_carries_no_headers_of_a_session_or_version(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 400, "", "");
    const fake_exchange *x = rig_last(&rig);
    CHECK(fake_has_header(x, "MCP-Protocol-Version", NULL));
    CHECK(fake_has_header(x, "Mcp-Session-Id", NULL));
    CHECK(fake_has_header(x, "Mcp-Method", NULL));
    rig_free(&rig);
}

static void the_negotiated_revision_decides_about_the_version_header(void)
{
    static const struct {
        const char *version;
        const char *header;
    } rows[] = {
        {"2024-11-05", NULL},
        {"2025-03-26", NULL},
        {"2025-06-18", "2025-06-18"},
        {"2025-11-25", "2025-11-25"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_rig rig;
        rig_open_legacy(&rig, rows[i].version, "id-1");
        CHECK(fake_is(rig_last(&rig)->body, "notifications/initialized"));
        CHECK(fake_has_header(rig_last(&rig), "MCP-Protocol-Version", rows[i].header));
        CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "id-1"));
        CHECK(rig_send(&rig, "tools/list", "") != 0);
        CHECK(fake_has_header(rig_last(&rig), "MCP-Protocol-Version", rows[i].header));
        CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "id-1"));
        CHECK(fake_has_header(rig_last(&rig), "Mcp-Method", NULL));
        fake_result(&rig.fake, rig_last(&rig), "{}");
        CHECK_RESULT(&rig, "{}");
        souk_mcp_close(rig.mcp);
        CHECK_TEXT(rig_last(&rig)->method, "DELETE");
        CHECK(fake_has_header(rig_last(&rig), "MCP-Protocol-Version", rows[i].header));
        CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "id-1"));
        rig_free(&rig);
    }
}

static void a_server_without_session_ids_works_and_gets_no_delete(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "");
    CHECK_INT(souk_mcp_session_id(rig.mcp).len, 0);
    CHECK(rig_send(&rig, "tools/list", "") != 0);
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", NULL));
    fake_result(&rig.fake, rig_last(&rig), "{}");
    CHECK_RESULT(&rig, "{}");
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    CHECK_INT(fake_count_verb(&rig.fake, "DELETE"), 0);
    rig_free(&rig);
}

static void nothing_is_ready_before_initialized_was_accepted(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, "Content-Type: application/json\nMcp-Session-Id: abc");
    fake_json(&rig.fake, x, 200, "{'jsonrpc':'2.0','id':%lld,'result':" RIG_INITIALIZED "}",
              fake_rpc_id(x->body), "2025-06-18");
    CHECK(fake_is(rig_last(&rig)->body, "notifications/initialized"));
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
    CHECK_INT(souk_mcp_get_revision(rig.mcp), SOUK_MCP_UNKNOWN);
    fake_head(&rig.fake, rig_last(&rig), 202, "");
    rig_check_ready(&rig, "2025-06-18", 3);
    CHECK_SLICE(souk_mcp_session_id(rig.mcp), "abc");
    rig_free(&rig);
}

static void a_stream_that_stays_open_after_initialized_does_not_hold_the_session_up(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    fake_json(&rig.fake, rig_last(&rig), 200,
              "{'jsonrpc':'2.0','id':2,'result':" RIG_INITIALIZED "}", "2025-06-18");
    fake_exchange *x = rig_last(&rig);
    fake_head(&rig.fake, x, 200, "Content-Type: text/event-stream");
    rig_check_ready(&rig, "2025-06-18", 3);
    rig_wait(&rig, 5000);
    CHECK(x->cancelled);
    rig_check_ready(&rig, "2025-06-18", 3);
    rig_free(&rig);
}

static void a_refused_initialized_fails_the_opening(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    fake_json(&rig.fake, rig_last(&rig), 200,
              "{'jsonrpc':'2.0','id':2,'result':" RIG_INITIALIZED "}", "2025-06-18");
    fake_respond(&rig.fake, rig_last(&rig), 400, "", "");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "400");
    rig_free(&rig);
}

/* Answers initialize with a session of that id. */
static void give_session(session_rig *rig, const char *head)
{
    fake_exchange *x = rig_last(rig);
    CHECK(fake_is(x->body, "initialize"));
    fake_head(&rig->fake, x, 200, head);
    fake_json(&rig->fake, x, 200, "{'jsonrpc':'2.0','id':%lld,'result':" RIG_INITIALIZED "}",
              fake_rpc_id(x->body), "2025-06-18");
    CHECK(fake_is(rig_last(rig)->body, "notifications/initialized"));
}

static void a_session_that_is_lost_before_initialized_is_opened_anew_once(void)
{
    session_rig rig;
    for (int losses = 1; losses <= 2; losses++) {
        rig_http(&rig);
        CHECK(rig_open(&rig));
        fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
        give_session(&rig, "Content-Type: application/json\nMcp-Session-Id: one");
        fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
        give_session(&rig, "Content-Type: application/json\nMcp-Session-Id: two");
        CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "two"));
        if (losses == 1) {
            fake_head(&rig.fake, rig_last(&rig), 202, "");
            rig_check_ready(&rig, "2025-06-18", 5);
        } else {
            fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
            rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "404");
        }
        rig_free(&rig);
    }
}

static void the_probe_may_be_answered_by_a_stream(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_head(&rig.fake, rig_last(&rig), 200, "Content-Type: text/event-stream; charset=utf-8");
    fake_text(&rig.fake, rig_last(&rig),
              ": hello\n\nid: 1\ndata:\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\n"
              "data: \"result\":{\"supportedVersions\":[\"2026-07-28\"]}}\n\n");
    rig_check_ready(&rig, "2026-07-28", 1);
    rig_free(&rig);
}

static void another_modern_revision_is_asked_for_once(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_json(&rig.fake, rig_last(&rig), 400,
              "{'jsonrpc':'2.0','id':1,'error':{'code':-32022,'message':'v','data':{'supported':['"
              "2026-07-28']}}}");
    CHECK(fake_is(rig_last(&rig)->body, "server/discover"));
    CHECK_INT(rig.fake.exchange_count, 2);
    fake_json(&rig.fake, rig_last(&rig), 400,
              "{'jsonrpc':'2.0','id':2,'error':{'code':-32022,'message':'v','data':{'supported':['"
              "2026-07-28']}}}");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "could not agree");
    CHECK_INT(rig.fake.exchange_count, 2);
    rig_free(&rig);
}

static void a_modern_server_without_a_common_revision_is_never_initialized(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_json(&rig.fake, rig_last(&rig), 400,
              "{'jsonrpc':'2.0','id':1,'error':{'code':-32022,'message':'v','data':{'supported':['"
              "2031-01-01']}}}");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "no revision");
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);
}

static void a_server_that_discovers_legacy_revisions_is_initialized_with_the_best(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_result(&rig.fake, rig_last(&rig), "{'supportedVersions':['2025-03-26','2025-06-18']}");
    CHECK(fake_is(rig_last(&rig)->body, "initialize"));
    CHECK(strstr(rig_last(&rig)->body, "2025-06-18") != NULL);
    rig_free(&rig);
}

static void refused_credentials_are_told_without_guessing_the_era(void)
{
    static const int statuses[] = {401, 403};
    for (size_t i = 0; i < 2; i++) {
        session_rig rig;
        souk_err err;
        rig_http(&rig);
        rig.mcp = souk_mcp_new(rig.alloc, &rig.fake.port, &rig.config, 1);
        CHECK_INT(souk_mcp_authorize(rig.mcp, SOUK_LIT("Bearer s3cret"), &err), SOUK_OK);
        souk_mcp_open(rig.mcp, rig.fake.now);
        CHECK(fake_has_header(rig_last(&rig), "Authorization", "Bearer s3cret"));
        fake_error(&rig.fake, rig_last(&rig), statuses[i], -32000, "who are you");
        rig_check_failed_open(&rig, SOUK_E_AUTH, statuses[i] == 401 ? "401" : "403");
        CHECK_INT(souk_mcp_why(rig.mcp)->status, statuses[i]);
        CHECK(strstr(souk_mcp_why(rig.mcp)->message, "s3cret") == NULL);
        CHECK_INT(rig.fake.exchange_count, 1);
        rig_free(&rig);
    }
}

static void a_server_in_trouble_says_nothing_about_its_era(void)
{
    static const int statuses[] = {500, 502, 503, 504, 408, 429};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        session_rig rig;
        rig_http(&rig);
        CHECK(rig_open(&rig));
        fake_respond(&rig.fake, rig_last(&rig), statuses[i], "Retry-After: 5", "busy");
        rig_check_failed_open(&rig, SOUK_E_TRANSPORT, "HTTP status");
        CHECK(souk_mcp_why(rig.mcp)->retryable);
        CHECK_INT(rig.fake.exchange_count, 1);
        rig_free(&rig);
    }
}

static void a_broken_connection_says_nothing_about_the_era(void)
{
    for (int after_head = 0; after_head < 2; after_head++) {
        session_rig rig;
        rig_http(&rig);
        CHECK(rig_open(&rig));
        if (after_head) {
            fake_head(&rig.fake, rig_last(&rig), 200, "Content-Type: application/json");
            fake_text(&rig.fake, rig_last(&rig), "{\"jsonrpc\":");
        }
        fake_fail(&rig.fake, rig_last(&rig), SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS,
                  "connection reset");
        rig_check_failed_open(&rig, SOUK_E_TRANSPORT, "connection reset");
        CHECK_INT(rig.fake.exchange_count, 1);
        rig_free(&rig);
    }
}

static void an_answer_past_the_limits_says_nothing_about_the_era(void)
{
    char deep[200];
    session_rig rig;
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 200, "Content-Type: application/json", deep);
    rig_check_failed_open(&rig, SOUK_E_LIMIT, "");
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);
}

static void a_refused_initialize_says_what_the_status_means(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 405, "", "");
    fake_respond(&rig.fake, rig_last(&rig), 405, "", "");
    CHECK_TEXT(rig_last(&rig)->method, "GET"); /* it may have two endpoints */
    fake_respond(&rig.fake, rig_last(&rig), 405, "", "");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "initialize was refused");
    CHECK_INT(rig.fake.exchange_count, 3);
    rig_free(&rig);

    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 405, "", "");
    fake_respond(&rig.fake, rig_last(&rig), 410, "", "");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "initialize was refused");
    CHECK_INT(rig.fake.exchange_count, 2);
    rig_free(&rig);
}

static void initialize_is_tried_again_with_a_revision_that_the_server_offers(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    for (int i = 0; i < 2; i++) {
        fake_json(&rig.fake, rig_last(&rig), i == 0 ? 200 : 400,
                  "{'jsonrpc':'2.0','id':%lld,'error':{'code':-32602,'message':'version','data':{'"
                  "supported':"
                  "['2024-10-07','2025-03-26'],'requested':'x'}}}",
                  fake_rpc_id(rig_last(&rig)->body));
        CHECK_INT(fake_count(&rig.fake, "initialize"), 2);
        CHECK(strstr(rig.fake.exchanges[2]->body, "\"protocolVersion\":\"2025-03-26\"") != NULL);
    }
    CHECK_TEXT(rig_last(&rig)->method, "GET");
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    rig_check_failed_open(&rig, SOUK_E_RPC, "version");
    rig_free(&rig);
}

static void a_server_that_answers_initialize_with_an_unknown_revision_is_refused(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    rig_initialize(&rig, "1999-01-01", "");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "1999-01-01");
    rig_free(&rig);
}

int main(void)
{
    CASE(the_probe_is_a_complete_modern_request);
    CASE(a_server_that_discovers_itself_is_modern);
    CASE(a_legacy_server_is_recognised_by_whatever_it_says_to_the_probe);
    CASE(initialize_carries_no_headers_of_a_session_or_version);
    CASE(the_negotiated_revision_decides_about_the_version_header);
    CASE(a_server_without_session_ids_works_and_gets_no_delete);
    CASE(nothing_is_ready_before_initialized_was_accepted);
    CASE(a_stream_that_stays_open_after_initialized_does_not_hold_the_session_up);
    CASE(a_refused_initialized_fails_the_opening);
    CASE(a_session_that_is_lost_before_initialized_is_opened_anew_once);
    CASE(the_probe_may_be_answered_by_a_stream);
    CASE(another_modern_revision_is_asked_for_once);
    CASE(a_modern_server_without_a_common_revision_is_never_initialized);
    CASE(a_server_that_discovers_legacy_revisions_is_initialized_with_the_best);
    CASE(refused_credentials_are_told_without_guessing_the_era);
    CASE(a_server_in_trouble_says_nothing_about_its_era);
    CASE(a_broken_connection_says_nothing_about_the_era);
    CASE(an_answer_past_the_limits_says_nothing_about_the_era);
    CASE(a_refused_initialize_says_what_the_status_means);
    CASE(initialize_is_tried_again_with_a_revision_that_the_server_offers);
    CASE(a_server_that_answers_initialize_with_an_unknown_revision_is_refused);
    return tap_done();
}
