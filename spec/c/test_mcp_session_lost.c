/* Over HTTP: how a session is lost, what cancels a request, how a session ends. */
#include "session_help.h"

typedef struct loss {
    int status;
    const char *body; /* with ' for " */
    bool worked;      /* another request of the session was answered before */
    bool lost;
} loss;

static void check_loss(const loss *row, const char *id)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", id);
    if (row->worked) {
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        fake_result(&rig.fake, rig_last(&rig), "{}");
        CHECK_RESULT(&rig, "{}");
    }
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_json(&rig.fake, rig_last(&rig), row->status, "%s", row->body);
    CHECK(rig_next(&rig));
    CHECK(rig.end.err.kind != SOUK_OK);
    CHECK_INT(rig.end.lost, row->lost);
    CHECK_INT(souk_mcp_get_state(rig.mcp), row->lost ? SOUK_MCP_LOST : SOUK_MCP_READY);
    if (row->lost) {
        CHECK_INT(rig.end.err.delivery, SOUK_DELIVERY_REJECTED);
        CHECK_INT(souk_mcp_why(rig.mcp)->status, row->status);
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 0);
    }
    rig_free(&rig);
}

static void a_session_is_lost_by_what_servers_say_in_the_field(void)
{
    static const loss rows[] = {
        {404, "", false, true},
        {404, "Not found", false, true},
        {404, "{'jsonrpc':'2.0','id':null,'error':{'code':-32001,'message':'Session not found'}}",
         false, true},
        {400,
         "{'jsonrpc':'2.0','id':null,'error':{'code':-32000,'message':'Bad Request: No valid "
         "session ID "
         "provided'}}",
         false, true},
        {400, "{'jsonrpc':'2.0','error':{'code':-32000,'message':'Bad Request'}}", true, true},
        {200, "{'jsonrpc':'2.0','id':3,'error':{'code':-32002,'message':'Server not initialized'}}",
         false, true},
        {400, "{'jsonrpc':'2.0','id':3,'error':{'code':-32602,'message':'Unknown tool'}}", false,
         false},
        {404, "{'jsonrpc':'2.0','id':3,'error':{'code':-32601,'message':'Method not found'}}", true,
         false},
        {404,
         "{'jsonrpc':'2.0','id':null,'error':{'code':-32001,'message':'Session not "
         "found','data':{'id':1}}}",
         false, true},
        {500, "", true, false},
        {403, "", true, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_loss(&rows[i], "abc");
    }
}

static void a_404_without_a_session_id_is_no_loss(void)
{
    static const loss row = {404, "Not found", true, false};
    check_loss(&row, "");
}

static void a_401_is_a_loss_when_the_credential_can_be_read_again(void)
{
    for (int again = 0; again < 2; again++) {
        session_rig rig;
        rig_http(&rig);
        rig.config.ask_credential_on_401 = again;
        rig.config.remembered = SOUK_MCP_2026_07_28;
        CHECK(rig_open(&rig));
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        fake_respond(&rig.fake, rig_last(&rig), 401, "WWW-Authenticate: Bearer", "");
        CHECK_FAILED(&rig, SOUK_E_AUTH, SOUK_DELIVERY_REJECTED);
        CHECK_INT(rig.end.lost, again);
        CHECK_INT(souk_mcp_get_state(rig.mcp), again ? SOUK_MCP_LOST : SOUK_MCP_READY);
        CHECK(!souk_mcp_contradicted(rig.mcp));
        rig_free(&rig);
    }
}

static void only_the_first_loss_is_kept_and_others_in_flight_end_by_themselves(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "a", "{}") != 0);
    CHECK(rig_send(&rig, "b", "{}") != 0);
    CHECK(rig_send(&rig, "c", "{}") != 0);
    fake_respond(&rig.fake, fake_open(&rig.fake, "a"), 404, "", "");
    CHECK_FAILED(&rig, SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_LOST);
    fake_result(&rig.fake, fake_open(&rig.fake, "b"), "{}");
    CHECK_RESULT(&rig, "{}");
    fake_respond(&rig.fake, fake_open(&rig.fake, "c"), 404, "", "");
    CHECK(rig_next(&rig) && rig.end.lost);
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    CHECK_INT(fake_count_verb(&rig.fake, "DELETE"), 0);
    rig_free(&rig);
}

static void a_modern_server_that_turns_out_to_be_legacy_is_forgotten(void)
{
    static const struct {
        int status;
        const char *body;
        bool contradicts;
    } rows[] = {
        {404, "Not found", true},
        {405, "", true},
        {400, "Bad Request", true},
        {400,
         "{'jsonrpc':'2.0','id':null,'error':{'code':-32000,'message':'Bad Request: Server not "
         "initialized'}}",
         true},
        {400,
         "{'jsonrpc':'2.0','id':'server-error','error':{'code':-32600,'message':'Bad Request: "
         "Missing session "
         "ID'}}",
         true},
        {400,
         "{'jsonrpc':'2.0','id':null,'error':{'code':-32000,'message':'Bad Request: Unsupported "
         "protocol version'}}",
         true},
        {400,
         "{'jsonrpc':'2.0','id':'server-error','error':{'code':-32600,'message':'Unsupported "
         "protocol version'}}",
         true},
        {400,
         "{'jsonrpc':'2.0','id':1,'error':{'code':-32022,'message':'no','data':{'supported':"
         "['2025-11-25','2025-06-18']}}}",
         true},
        {400,
         "{'jsonrpc':'2.0','id':1,'error':{'code':-32022,'message':'no','data':{'supported':"
         "['2026-07-28','2025-11-25']}}}",
         false},
        {400, "{'jsonrpc':'2.0','id':null,'error':{'code':-32602,'message':'bad'}}", false},
        {400, "{'jsonrpc':'2.0','id':1,'error':{'code':-32000,'message':'a tool of mine'}}", false},
        {404, "{'jsonrpc':'2.0','id':1,'error':{'code':-32601,'message':'Method not found'}}",
         false},
        {400, "{'jsonrpc':'2.0','id':1,'error':{'code':-32020,'message':'Header mismatch'}}",
         false},
        {400, "{'jsonrpc':'2.0','id':1,'error':{'code':-32602,'message':'bad params'}}", false},
        {500, "", false},
        {403, "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_rig rig;
        rig_http(&rig);
        rig.config.remembered = SOUK_MCP_2026_07_28;
        CHECK(rig_open(&rig));
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 1);
        fake_json(&rig.fake, rig_last(&rig), rows[i].status, "%s", rows[i].body);
        CHECK(rig_next(&rig));
        CHECK_INT(rig.end.lost, rows[i].contradicts);
        CHECK_INT(souk_mcp_contradicted(rig.mcp), rows[i].contradicts);
        CHECK_INT(souk_mcp_get_state(rig.mcp),
                  rows[i].contradicts ? SOUK_MCP_LOST : SOUK_MCP_READY);
        if (rows[i].contradicts) {
            CHECK_INT(rig.end.err.delivery, SOUK_DELIVERY_REJECTED);
        }
        rig_free(&rig);

        rig_http(&rig);
        rig.config.pinned = SOUK_MCP_2026_07_28;
        CHECK(rig_open(&rig));
        CHECK_INT(rig_send(&rig, "tools/call", "{}"), 1);
        fake_json(&rig.fake, rig_last(&rig), rows[i].status, "%s", rows[i].body);
        CHECK(rig_next(&rig) && !rig.end.lost);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_READY);
        rig_free(&rig);
    }
}

static void a_legacy_server_that_has_become_a_modern_one_is_forgotten(void)
{
    static const struct {
        int status;
        int code;
        bool contradicts;
    } rows[] = {{400, -32022, true},  {400, -32020, true},  {400, -32021, true},
                {400, -32602, false}, {200, -32022, false}, {200, -32020, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        session_rig rig;
        rig_open_legacy(&rig, "2025-11-25", "abc");
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
        fake_error(&rig.fake, rig_last(&rig), rows[i].status, rows[i].code, "another era");
        CHECK(rig_next(&rig));
        CHECK_INT(rig.end.lost, rows[i].contradicts);
        CHECK_INT(souk_mcp_contradicted(rig.mcp), rows[i].contradicts);
        if (rows[i].contradicts) {
            CHECK_INT(rig.end.err.delivery, SOUK_DELIVERY_REJECTED);
        }
        rig_free(&rig);
    }
}

static void cancelling_tells_a_legacy_server_and_only_hangs_up_on_a_modern_one(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    uint64_t id = rig_send(&rig, "tools/call", "{}");
    fake_exchange *x = rig_last(&rig);
    souk_mcp_cancel(rig.mcp, id, "too slow");
    CHECK(x->cancelled);
    CHECK(fake_is(rig_last(&rig)->body, "notifications/cancelled"));
    CHECK(strstr(rig_last(&rig)->body, "\"params\":{\"requestId\":3,\"reason\":\"too slow\"}") !=
          NULL);
    CHECK(fake_has_header(rig_last(&rig), "Mcp-Session-Id", "abc"));
    fake_result(&rig.fake, x, "{}");
    CHECK(!rig_next(&rig));
    souk_mcp_cancel(rig.mcp, id, "again");
    souk_mcp_cancel(rig.mcp, 4711, "never sent");
    CHECK_INT(fake_count(&rig.fake, "notifications/cancelled"), 1);
    rig_free(&rig);

    rig_open_modern(&rig);
    id = rig_send(&rig, "tools/call", "{}");
    x = rig_last(&rig);
    souk_mcp_cancel(rig.mcp, id, "too slow");
    CHECK(x->cancelled);
    CHECK(rig_last(&rig) == x);
    CHECK(!rig_next(&rig));
    rig_free(&rig);
}

static void a_legacy_session_ends_with_a_delete_whatever_comes_back(void)
{
    static const int statuses[] = {200, 204, 404, 405, 500, 0};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        session_rig rig;
        rig_open_legacy(&rig, "2025-06-18", "abc");
        souk_mcp_close(rig.mcp);
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSING);
        fake_exchange *x = rig_last(&rig);
        CHECK_TEXT(x->method, "DELETE");
        CHECK_TEXT(x->body, "");
        CHECK(fake_has_header(x, "Content-Type", NULL));
        if (statuses[i] == 0) {
            fake_fail(&rig.fake, x, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "gone");
        } else {
            fake_respond(&rig.fake, x, statuses[i], "", "");
        }
        CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
        rig_free(&rig);
    }
}

static void a_modern_session_ends_without_a_word(void)
{
    session_rig rig;
    rig_open_modern(&rig);
    size_t count = rig.fake.exchange_count;
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    CHECK_INT(rig.fake.exchange_count, count);
    souk_mcp_close(rig.mcp);
    CHECK_INT(souk_mcp_get_state(rig.mcp), SOUK_MCP_CLOSED);
    rig_free(&rig);
}

static void freeing_cancels_everything_that_is_under_way(void)
{
    session_rig rig;
    rig_open_legacy(&rig, "2025-06-18", "abc");
    for (int i = 0; i < 5; i++) {
        CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    }
    fake_error(&rig.fake, rig_last(&rig), 200, -1, "an end that nobody fetches");
    souk_mcp_free(rig.mcp);
    rig.mcp = NULL;
    for (size_t i = 0; i < rig.fake.exchange_count; i++) {
        CHECK(rig.fake.exchanges[i]->ended || rig.fake.exchanges[i]->cancelled);
    }
    rig_free(&rig);
}

static void a_credential_is_in_every_header_and_nowhere_else(void)
{
    session_rig rig;
    souk_err err;
    rig_http(&rig);
    rig.mcp = souk_mcp_new(rig.alloc, &rig.fake.port, &rig.config, 1);
    CHECK_INT(souk_mcp_authorize(rig.mcp, SOUK_LIT("Bearer s3cret-s3cret"), &err), SOUK_OK);
    souk_mcp_open(rig.mcp, rig.fake.now);
    fake_respond(&rig.fake, rig_last(&rig), 404, "", "");
    rig_initialize(&rig, "2025-06-18", "abc");
    CHECK(rig_send(&rig, "tools/call", "{}") != 0);
    fake_result(&rig.fake, rig_last(&rig), "{}");
    CHECK_INT(souk_mcp_authorize(rig.mcp, SOUK_LIT("Bearer s3cret-other"), &err), SOUK_OK);
    souk_mcp_close(rig.mcp);
    for (size_t i = 0; i + 1 < rig.fake.exchange_count; i++) {
        CHECK(fake_has_header(rig.fake.exchanges[i], "Authorization", "Bearer s3cret-s3cret"));
        CHECK(strstr(rig.fake.exchanges[i]->body, "s3cret") == NULL);
        CHECK(strstr(rig.fake.exchanges[i]->group, "s3cret") == NULL);
    }
    CHECK(fake_has_header(rig_last(&rig), "Authorization", "Bearer s3cret-other"));
    rig_free(&rig);
}

int main(void)
{
    CASE(a_session_is_lost_by_what_servers_say_in_the_field);
    CASE(a_404_without_a_session_id_is_no_loss);
    CASE(a_401_is_a_loss_when_the_credential_can_be_read_again);
    CASE(only_the_first_loss_is_kept_and_others_in_flight_end_by_themselves);
    CASE(a_modern_server_that_turns_out_to_be_legacy_is_forgotten);
    CASE(a_legacy_server_that_has_become_a_modern_one_is_forgotten);
    CASE(cancelling_tells_a_legacy_server_and_only_hangs_up_on_a_modern_one);
    CASE(a_legacy_session_ends_with_a_delete_whatever_comes_back);
    CASE(a_modern_session_ends_without_a_word);
    CASE(freeing_cancels_everything_that_is_under_way);
    CASE(a_credential_is_in_every_header_and_nowhere_else);
    return tap_done();
}
