/* Opening over HTTP: what is remembered or pinned, time, what a stranger may not do. */
#include "session_help.h"

static void a_remembered_revision_saves_the_probe(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.config.remembered = SOUK_MCP_2025_06_18;
    CHECK(rig_open(&rig));
    CHECK(fake_is(rig_last(&rig)->body, "initialize"));
    CHECK(strstr(rig_last(&rig)->body, "2025-06-18") != NULL);
    rig_initialize(&rig, "2025-06-18", "x");
    rig_check_ready(&rig, "2025-06-18", 2);
    rig_free(&rig);

    rig_http(&rig);
    rig.config.remembered = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    rig_check_ready(&rig, "2026-07-28", 0);
    rig_free(&rig);
}

static void a_remembered_legacy_server_that_became_modern_is_probed(void)
{
    static const struct {
        int status;
        int code;
    } refusals[] = {{404, -32601}, {200, -32601}, {400, -32022},
                    {400, -32020}, {400, -32602}, {404, 0}};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        session_rig rig;
        rig_http(&rig);
        rig.config.remembered = SOUK_MCP_2025_11_25;
        CHECK(rig_open(&rig));
        if (refusals[i].code == 0) {
            fake_respond(&rig.fake, rig_last(&rig), refusals[i].status, "", "");
        } else {
            fake_error(&rig.fake, rig_last(&rig), refusals[i].status, refusals[i].code,
                       "no initialize here");
        }
        CHECK(fake_is(rig_last(&rig)->body, "server/discover"));
        CHECK(souk_mcp_contradicted(rig.mcp));
        fake_result(&rig.fake, rig_last(&rig), RIG_DISCOVERED);
        rig_check_ready(&rig, "2026-07-28", 2);
        rig_free(&rig);
    }
}

static void probing_and_initializing_do_not_go_on_for_ever(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.config.remembered = SOUK_MCP_2025_11_25;
    CHECK(rig_open(&rig));
    for (int i = 0; i < 20 && souk_mcp_get_state(rig.mcp) == SOUK_MCP_OPENING; i++) {
        fake_error(&rig.fake, rig_last(&rig), 200, -32601, "nothing is known here");
    }
    rig_check_failed_open(&rig, SOUK_E_RPC, "nothing is known here");
    CHECK(rig.fake.exchange_count <= 4);
    rig_free(&rig);
}

static void a_server_that_cannot_make_up_its_mind_is_given_up(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    for (int i = 0; i < 20 && souk_mcp_get_state(rig.mcp) == SOUK_MCP_OPENING; i++) {
        if (fake_is(rig_last(&rig)->body, "initialize")) {
            fake_error(&rig.fake, rig_last(&rig), 400, -32022, "I am modern");
        } else {
            fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
        }
    }
    rig_check_failed_open(&rig, SOUK_E_RPC, "I am modern");
    CHECK_INT(rig.fake.exchange_count, 4);
    rig_free(&rig);
}

static void a_pinned_revision_is_neither_probed_for_nor_given_up(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.config.pinned = SOUK_MCP_2025_03_26;
    rig.config.remembered = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    CHECK(fake_is(rig_last(&rig)->body, "initialize"));
    CHECK(strstr(rig_last(&rig)->body, "2025-03-26") != NULL);
    rig_initialize(&rig, "2025-06-18", "x");
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "protocol_version asks for 2025-03-26");
    rig_free(&rig);

    rig_http(&rig);
    rig.config.pinned = SOUK_MCP_2025_06_18;
    CHECK(rig_open(&rig));
    fake_error(&rig.fake, rig_last(&rig), 400, -32022, "modern only");
    rig_check_failed_open(&rig, SOUK_E_RPC, "modern only");
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);

    rig_http(&rig);
    rig.config.pinned = SOUK_MCP_2026_07_28;
    CHECK(rig_open(&rig));
    rig_check_ready(&rig, "2026-07-28", 0);
    rig_free(&rig);
}

static void opening_has_its_own_time(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    rig_wait(&rig, 29999);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_OPENING);
    rig_wait(&rig, 1);
    rig_check_failed_open(&rig, SOUK_E_TIMEOUT, "30.0 s (option open_timeout)");
    fake_result(&rig.fake, rig_last(&rig), RIG_DISCOVERED);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_FAILED);
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);
}

static void a_port_that_refuses_fails_the_opening(void)
{
    session_rig rig;
    rig_http(&rig);
    rig.fake.refuse_exchange = SOUK_E_CONFIG;
    CHECK(rig_open(&rig));
    rig_check_failed_open(&rig, SOUK_E_CONFIG, "the port refuses");
    rig_free(&rig);
}

static void a_session_id_cannot_inject_headers(void)
{
    static const char *const ids[] = {"a b", "a\tb", "a\x01", "a\xC3\xA4", "a\x7F"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        session_rig rig;
        rig_http(&rig);
        CHECK(rig_open(&rig));
        fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
        rig_initialize(&rig, "2025-06-18", ids[i]);
        rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "session id");
        CHECK_INT(rig.fake.exchange_count, 2);
        rig_free(&rig);
    }
    /* A value with a line end cannot come out of an engine; the session does not rely on that. */
    static const souk_header evil[] = {
        {SOUK_LIT_INIT("Content-Type"), SOUK_LIT_INIT("application/json")},
        {SOUK_LIT_INIT("Mcp-Session-Id"), SOUK_LIT_INIT("a\r\nX-Evil: 1")}};
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    souk_io_event event;
    memset(&event, 0, sizeof event);
    event.kind = SOUK_IO_HEAD;
    event.id = rig_last(&rig)->id;
    event.status = 200;
    event.headers = evil;
    event.header_count = 2;
    rig_sink(&rig, &event);
    rig_check_failed_open(&rig, SOUK_E_PROTOCOL, "session id");
    rig_free(&rig);
}

static void headers_of_the_user_come_along_and_cannot_replace_ours(void)
{
    static const souk_header headers[] = {
        {SOUK_LIT_INIT("X-Team"), SOUK_LIT_INIT("blue")},
        {SOUK_LIT_INIT("mcp-session-id"), SOUK_LIT_INIT("stolen")}};
    session_rig rig;
    rig_http(&rig);
    rig.config.headers = headers;
    rig.config.header_count = 2;
    CHECK(rig_open(&rig));
    CHECK(fake_has_header(rig_last(&rig), "X-Team", "blue"));
    CHECK(fake_has_header(rig_last(&rig), "mcp-session-id", NULL));
    rig_free(&rig);

    static const souk_header bad[] = {
        {SOUK_LIT_INIT("X-Team"), SOUK_LIT_INIT("blue\r\nX-Evil: 1")}};
    rig_http(&rig);
    rig.config.headers = bad;
    rig.config.header_count = 1;
    CHECK(rig_open(&rig));
    rig_check_failed_open(&rig, SOUK_E_CONFIG, "X-Team");
    CHECK_INT(rig.fake.exchange_count, 0);
    rig_free(&rig);
}

static void closing_while_opening_says_goodbye_when_there_is_a_session(void)
{
    session_rig rig;
    rig_http(&rig);
    CHECK(rig_open(&rig));
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    CHECK_INT(rig.fake.exchange_count, 1);
    rig_free(&rig);
    CHECK(true);

    rig_http(&rig);
    CHECK(rig_open(&rig));
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    fake_exchange *x = rig_last(&rig);
    char body[300];
    snprintf(body, sizeof body,
             "{\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":\"2025-06-18\","
             "\"capabilities\":{},\"serverInfo\":{}}}",
             fake_rpc_id(x->body));
    fake_respond(&rig.fake, x, 200, "Content-Type: application/json\nMcp-Session-Id: abc", body);
    CHECK(fake_is(rig_last(&rig)->body, "notifications/initialized"));
    souk_mcp_close(rig.mcp);
    CHECK_TEXT(rig_last(&rig)->method, "DELETE");
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "abc"));
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSING);
    fake_respond(&rig.fake, rig_last(&rig), 200, "", "");
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

int main(void)
{
    CASE(a_remembered_revision_saves_the_probe);
    CASE(a_remembered_legacy_server_that_became_modern_is_probed);
    CASE(probing_and_initializing_do_not_go_on_for_ever);
    CASE(a_server_that_cannot_make_up_its_mind_is_given_up);
    CASE(a_pinned_revision_is_neither_probed_for_nor_given_up);
    CASE(opening_has_its_own_time);
    CASE(a_port_that_refuses_fails_the_opening);
    CASE(a_session_id_cannot_inject_headers);
    CASE(headers_of_the_user_come_along_and_cannot_replace_ours);
    CASE(closing_while_opening_says_goodbye_when_there_is_a_session);
    return tap_done();
}
