/* Sessions that several processes share: asked for, adopted, published, lost, left. */
#include "mcp/ability.h"
#include "pool_mcp_help.h"

enum { SHARE = 9 };

#define ABOUT "{\\\"protocolVersion\\\":\\\"2025-06-18\\\",\\\"era\\\":\\\"legacy\\\"}"
#define KNOWN                                                                                      \
    "{\"session\":\"theirs\",\"protocol\":\"2025-06-18\",\"about\":\"" ABOUT                       \
    "\",\"generation\":7,\"seat\":3}"
#define OPEN "{\"open\":true,\"generation\":8,\"seat\":5}"
#define FIRST_ID(seat) (((long long)(seat) << 32) + 1)

static pool_rig *start_sharing(void)
{
    pool_rig *rig = rig_start();
    rig->mcp.share = SHARE;
    return rig;
}

static void answer(pool_rig *rig, const char *json)
{
    souk_pool_answer(rig->pool, rig->ask, souk_slice_of(json), NULL, rig->fake.now);
    rig_run(rig);
}

/* The last question is of this kind, and `count` were put so far. */
static void check_asked(const pool_rig *rig, const char *file, int line, size_t count,
                        souk_ask_kind kind)
{
    tap_check_int(file, line, (int64_t)rig->asks, (int64_t)count);
    tap_check_int(file, line, rig->ask_kind, kind);
}

#define CHECK_ASKED(rig, count, kind) check_asked((rig), __FILE__, __LINE__, (count), (kind))

/* The endpoint's name in the last question. */
static const char *endpoint_of(const pool_rig *rig, char *out, size_t size)
{
    const char *name = fake_member(rig->ask_payload, "endpoint", out, size);
    return name == NULL ? "" : name;
}

/* A payload that must be what the last question has beside the endpoint. */
static void check_payload(const pool_rig *rig, const char *rest)
{
    char name[64];
    char wanted[1024];
    snprintf(wanted, sizeof wanted, "{\"endpoint\":\"%s\"%s}", endpoint_of(rig, name, sizeof name),
             rest);
    CHECK_TEXT(rig->ask_payload, wanted);
}

static void a_session_that_another_process_has_opened_is_adopted(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    char name[64];
    server_http(&server);
    server.target.identity = SOUK_LIT("ann");
    int call = call_tool(rig, &server, "t");
    CHECK_ASKED(rig, 1, SOUK_ASK_ADOPT);
    CHECK_INT(strlen(endpoint_of(rig, name, sizeof name)), 32);
    check_payload(rig, ",\"server\":\"hub\",\"identity\":\"ann\"");
    CHECK_INT(rig->fake.exchange_count, 0);
    answer(rig, KNOWN);
    CHECK_INT(rig->fake.exchange_count, 1);
    CHECK(fake_has_header(fake_last(&rig->fake), "Mcp-Session-Id", "theirs"));
    CHECK_INT(fake_rpc_id(fake_last(&rig->fake)->body), FIRST_ID(3));
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    CHECK_SLICE(souk_pool_about(rig->pool, &server.target, rig->fake.now),
                "{\"protocolVersion\":\"2025-06-18\",\"era\":\"legacy\"}");
    call_tool(rig, &server, "t");
    CHECK_INT(rig->asks, 1); /* the session is there: nothing is asked for it */
    rig_end(rig);
}

static void who_opens_it_opens_it_for_all(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    answer(rig, OPEN);
    CHECK_INT(fake_rpc_id(fake_last(&rig->fake)->body), FIRST_ID(5));
    open_legacy(rig, "mine");
    CHECK_ASKED(rig, 2, SOUK_ASK_PUBLISH);
    check_payload(rig,
                  ",\"generation\":8,\"protocol\":\"2025-06-18\",\"session\":\"mine\",\"about\":"
                  "\"{\\\"protocolVersion\\\":\\\"2025-06-18\\\",\\\"era\\\":\\\"legacy\\\","
                  "\\\"transport\\\":\\\"http\\\",\\\"serverInfo\\\":{\\\"name\\\":\\\"hub\\\","
                  "\\\"version\\\":\\\"1\\\"},\\\"capabilities\\\":{}}\"");
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    rig_end(rig);
}

/* What one process publishes another one adopts as it is. */
static void what_is_published_can_be_adopted(void)
{
    pool_rig *one = start_sharing();
    pool_rig *other = start_sharing();
    mcp_server server;
    server_http(&server);
    call_tool(one, &server, "t");
    answer(one, OPEN);
    open_legacy(one, "mine");
    call_tool(other, &server, "t");
    char names[2][64];
    CHECK_TEXT(endpoint_of(one, names[0], sizeof names[0]),
               endpoint_of(other, names[1], sizeof names[1]));
    char known[1100];
    snprintf(known, sizeof known, "%.*s,\"seat\":6}", (int)strlen(one->ask_payload) - 1,
             one->ask_payload);
    answer(other, known);
    CHECK(fake_has_header(fake_last(&other->fake), "Mcp-Session-Id", "mine"));
    souk_slice about = souk_pool_about(one->pool, &server.target, one->fake.now);
    CHECK(about.len > 0 &&
          souk_slice_eq(about, souk_pool_about(other->pool, &server.target, other->fake.now)));
    rig_end(one);
    rig_end(other);
}

static void what_was_learnt_of_a_modern_server_is_passed_on(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    answer(rig, OPEN);
    open_modern(rig);
    CHECK_ASKED(rig, 2, SOUK_ASK_PUBLISH);
    CHECK(strstr(rig->ask_payload, ",\"protocol\":\"2026-07-28\",\"session\":null,") != NULL);
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->asks, 2); /* there is nothing to end */
    CHECK(souk_pool_is_empty(rig->pool));
    rig_end(rig);

    rig = start_sharing();
    call = call_tool(rig, &server, "t");
    answer(rig, "{\"session\":null,\"protocol\":\"2026-07-28\",\"about\":\"{}\",\"generation\":1,"
                "\"seat\":2}");
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 0);
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    rig_end(rig);
}

/* HTTP+SSE: the stream is the session, and belongs to one connection. */
static void a_session_that_cannot_be_shared_is_not(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    call_tool(rig, &server, "t");
    answer(rig, OPEN);
    fake_respond(&rig->fake, fake_open(&rig->fake, "server/discover"), 404, "", "");
    rig_run(rig);
    fake_respond(&rig->fake, fake_open(&rig->fake, "initialize"), 405, "", "");
    rig_run(rig);
    fake_exchange *stream = fake_last(&rig->fake);
    CHECK_TEXT(stream->method, "GET");
    fake_head(&rig->fake, stream, 200, "Content-Type: text/event-stream");
    fake_text(&rig->fake, stream, "event: endpoint\ndata: /messages?s=1\n\n");
    rig_run(rig);
    fake_exchange *x = fake_open(&rig->fake, "initialize");
    char event[300];
    snprintf(event, sizeof event,
             "data: {\"jsonrpc\":\"2.0\",\"id\":%lld,\"result\":{\"protocolVersion\":"
             "\"2024-11-05\",\"capabilities\":{}}}\n\n",
             fake_rpc_id(x->body));
    fake_respond(&rig->fake, x, 202, "", "");
    fake_text(&rig->fake, stream, event);
    rig_run(rig);
    fake_respond(&rig->fake, fake_open(&rig->fake, "notifications/initialized"), 202, "", "");
    rig_run(rig);
    CHECK_ASKED(rig, 2, SOUK_ASK_PUBLISH);
    check_payload(rig, ",\"generation\":8,\"protocol\":\"2024-11-05\",\"alone\":true");
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->asks, 2);
    rig_end(rig);
}

/* The hint spares the probe. */
static void what_is_known_of_the_era_helps_who_opens(void)
{
    static const char *const answers[] = {
        "{\"open\":true,\"generation\":8,\"seat\":5,\"protocol\":\"2025-06-18\"}",
        "{\"alone\":true,\"protocol\":\"2025-06-18\"}"};
    for (size_t i = 0; i < 2; i++) {
        pool_rig *rig = start_sharing();
        mcp_server server;
        server_http(&server);
        int call = call_tool(rig, &server, "t");
        answer(rig, answers[i]);
        CHECK_INT(fake_count(&rig->fake, "server/discover"), 0);
        CHECK_INT(fake_rpc_id(fake_last(&rig->fake)->body), i == 0 ? FIRST_ID(5) : 1);
        open_legacy(rig, "mine");
        answer_tool(rig, "fine");
        CHECK_OK(rig, call);
        CHECK_INT(rig->asks, i == 0 ? 2 : 1);
        rig_end(rig);
    }
}

static void whatever_the_program_says_a_session_is_opened(void)
{
    static const char *const answers[] = {
        "null",
        "17",
        "{}",
        "{\"open\":true}",
        "[",
        "",
        "{\"open\":true,\"generation\":8,\"seat\":2097152}",
        "{\"open\":true,\"generation\":0,\"seat\":1}",
        "{\"open\":1,\"generation\":8,\"seat\":1}",
        "{\"session\":17,\"protocol\":\"2025-06-18\",\"about\":\"{}\",\"generation\":7,\"seat\":3}",
        "{\"session\":\"x\",\"protocol\":\"2025-06-18\",\"about\":\"[]\",\"generation\":7,"
        "\"seat\":3}",
        "{\"session\":\"x\",\"protocol\":\"2025-06-18\",\"about\":{},\"generation\":7,\"seat\":3}",
        "{\"session\":\"x\",\"protocol\":\"2025-06-18\",\"about\":\"{}\",\"generation\":7}",
        "{\"session\":\"x\",\"protocol\":\"2025-06-18\",\"about\":\"{}\",\"seat\":3}",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        pool_rig *rig = start_sharing();
        mcp_server server;
        server_http(&server);
        int call = call_tool(rig, &server, "t");
        answer(rig, answers[i]);
        CHECK_INT(rig->fake.exchange_count, 1);
        CHECK_INT(fake_rpc_id(fake_last(&rig->fake)->body), 1);
        open_legacy(rig, "mine");
        answer_tool(rig, "fine");
        CHECK_OK(rig, call);
        souk_pool_close(rig->pool, rig->fake.now);
        rig_run(rig);
        CHECK_INT(rig->asks, 1);
        CHECK_INT(fake_count_verb(&rig->fake, "DELETE"), 1);
        rig_end(rig);
    }
}

/* Nobody is to be given it again. */
static void a_session_that_is_no_session_is_reported_as_lost(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    call_tool(rig, &server, "t");
    answer(rig, "{\"session\":\"a\\r\\nb: c\",\"protocol\":\"2025-06-18\",\"about\":\"{}\","
                "\"generation\":7,\"seat\":3}");
    CHECK_ASKED(rig, 2, SOUK_ASK_LOST);
    check_payload(rig, ",\"generation\":7");
    CHECK_INT(fake_rpc_id(fake_last(&rig->fake)->body), 1);
    open_legacy(rig, "mine");
    CHECK_INT(rig->asks, 2);
    rig_end(rig);
}

static void a_program_that_fails_or_is_silent_is_not_waited_for_for_ever(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    souk_err err;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    souk_fail(&err, SOUK_E_TOOL, "no store");
    souk_pool_answer(rig->pool, rig->ask, souk_slice_make(NULL, 0), &err, rig->fake.now);
    rig_run(rig);
    open_legacy(rig, "mine");
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    rig_end(rig);

    rig = start_sharing();
    souk_request request = {.kind = SOUK_REQUEST_CAPABILITY, .metadata = server.target.config};
    request.capability = SOUK_LIT("mcp.hub.t");
    const souk_call_options patient = {.timeout = 100000};
    call = rig_submit(rig, &server.target, &request, &patient, &err);
    rig_wait_for(rig, 60999);
    CHECK_INT(rig->fake.exchange_count, 0);
    rig_wait_for(rig, 1);
    CHECK_INT(rig->fake.exchange_count, 1);
    CHECK_ASKED(rig, 2, SOUK_ASK_WITHDRAWN);
    CHECK(!souk_pool_answer(rig->pool, rig->ask - 1, SOUK_LIT(KNOWN), NULL, rig->fake.now));
    open_legacy(rig, "mine");
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    rig_end(rig);
}

static void who_cannot_open_it_lets_another_one_try(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    answer(rig, OPEN);
    fake_fail(&rig->fake, fake_last(&rig->fake), SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT, "no");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK_ASKED(rig, 2, SOUK_ASK_GIVE_UP);
    check_payload(rig, ",\"generation\":8");
    rig_wait_for(rig, 60000);
    call_tool(rig, &server, "t");
    CHECK_ASKED(rig, 3, SOUK_ASK_ADOPT);
    rig_end(rig);

    /* Closed while it opens: nothing was published. */
    rig = start_sharing();
    call_tool(rig, &server, "t");
    answer(rig, OPEN);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_ASKED(rig, 2, SOUK_ASK_GIVE_UP);
    CHECK(souk_pool_is_empty(rig->pool));
    rig_end(rig);
}

static void closing_while_the_program_is_asked_takes_the_question_back(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    uint64_t ask = rig->ask;
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK(souk_pool_is_empty(rig->pool));
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK_ASKED(rig, 2, SOUK_ASK_WITHDRAWN);
    CHECK(!souk_pool_answer(rig->pool, ask, SOUK_LIT(OPEN), NULL, rig->fake.now));
    CHECK_INT(rig->fake.exchange_count, 0);
    rig_end(rig);
}

static void a_lost_session_is_reported_with_its_generation_before_another_is_asked_for(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    int call = call_tool(rig, &server, "t");
    answer(rig, KNOWN);
    refuse_tool(rig, 404);
    CHECK_ASKED(rig, 3, SOUK_ASK_ADOPT);
    const char *lost = strstr(rig->said, "\"generation\":7}");
    CHECK(lost != NULL && strstr(lost, "\"server\":\"hub\"") != NULL);
    answer(rig, "{\"session\":\"newer\",\"protocol\":\"2025-06-18\",\"about\":\"" ABOUT
                "\",\"generation\":8,\"seat\":4}");
    CHECK(fake_has_header(fake_last(&rig->fake), "Mcp-Session-Id", "newer"));
    CHECK_INT(fake_rpc_id(fake_last(&rig->fake)->body), FIRST_ID(4));
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    CHECK_INT(fake_count(&rig->fake, "initialize"), 0);
    CHECK_INT(fake_count_verb(&rig->fake, "DELETE"), 0);
    rig_end(rig);
}

/* Else the next opening would adopt it again. */
static void a_session_that_does_not_answer_any_more_is_reported_too(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    call_tool(rig, &server, "t");
    answer(rig, KNOWN);
    answer_tool(rig, "fine");
    rig_wait_for(rig, 61000); /* so that it is probed */
    call_tool(rig, &server, "t");
    CHECK(fake_open(&rig->fake, "ping") != NULL);
    rig_wait_for(rig, 30000);
    CHECK(strstr(rig->said, "\"generation\":7}") != NULL);
    CHECK_ASKED(rig, 3, SOUK_ASK_ADOPT);
    rig_end(rig);
}

static void only_the_last_one_ends_the_session_at_the_server(void)
{
    static const char *const answers[] = {"false", "true", "null", "{}"};
    for (size_t i = 0; i < 4; i++) {
        pool_rig *rig = start_sharing();
        mcp_server server;
        server_http(&server);
        int call = call_tool(rig, &server, "t");
        answer(rig, KNOWN);
        answer_tool(rig, "fine");
        CHECK_OK(rig, call);
        rig_wait_for(rig, 300000); /* idle_timeout */
        CHECK_ASKED(rig, 2, SOUK_ASK_LEAVE);
        check_payload(rig, ",\"generation\":7");
        CHECK_INT(fake_count_verb(&rig->fake, "DELETE"), 0);
        answer(rig, answers[i]);
        CHECK_INT(fake_count_verb(&rig->fake, "DELETE"), i == 1 ? 1 : 0);
        if (i == 1) {
            CHECK(fake_has_header(fake_last(&rig->fake), "Mcp-Session-Id", "theirs"));
            fake_respond(&rig->fake, fake_last(&rig->fake), 200, "", "");
            rig_run(rig);
        }
        CHECK_INT(rig_stats(rig).sessions, 0);
        rig_end(rig);
    }
}

/* Whoever does not answer keeps nothing open: the session stays, in doubt. */
static void a_session_is_left_when_the_program_does_not_say_who_is_last(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    call_tool(rig, &server, "t");
    answer(rig, KNOWN);
    answer_tool(rig, "fine");
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_ASKED(rig, 2, SOUK_ASK_LEAVE);
    CHECK(!souk_pool_is_empty(rig->pool));
    rig_wait_for(rig, 5000); /* close_timeout */
    CHECK(souk_pool_is_empty(rig->pool));
    CHECK_INT(fake_count_verb(&rig->fake, "DELETE"), 0);
    rig_end(rig);
}

static void sessions_that_belong_to_somebody_are_not_shared(void)
{
    for (int i = 0; i < 5; i++) {
        pool_rig *rig = start_sharing();
        mcp_server server;
        server_http(&server);
        switch (i) {
        case 0:
            server.target.affinity = SOUK_LIT("tab");
            break;
        case 1:
            server_set(&server, "mcp_session_mode", "exclusive");
            break;
        case 2:
            server_set(&server, "mcp_pinned_version", "2026-07-28");
            break;
        case 3:
            server_stdio(&server);
            break;
        default:
            rig->mcp.share = 0;
            break;
        }
        CHECK(call_tool(rig, &server, "t") >= 0);
        CHECK_INT(rig->asks, 0);
        CHECK_INT(rig->fake.exchange_count + rig->fake.child_count, 1);
        rig_end(rig);
    }
    pool_rig *rig = start_sharing();
    mcp_server server;
    souk_err err;
    uint64_t hold;
    server_http(&server);
    CHECK_INT(souk_pool_hold(rig->pool, &server.target, 0, rig->fake.now, &hold, &err), SOUK_OK);
    souk_pool_run(rig->pool, rig->fake.now);
    CHECK_INT(rig->asks, 0);
    CHECK_INT(fake_count(&rig->fake, "server/discover"), 1);
    rig_end(rig);
}

static void the_second_session_with_an_endpoint_has_another_name(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    char names[2][64];
    rig->options.max_in_flight = 1;
    CHECK(rig_make(rig));
    rig->mcp.share = SHARE;
    server_http(&server);
    call_tool(rig, &server, "t");
    snprintf(names[0], sizeof names[0], "%s", endpoint_of(rig, names[1], sizeof names[1]));
    answer(rig, KNOWN);
    call_tool(rig, &server, "t");
    CHECK_ASKED(rig, 2, SOUK_ASK_ADOPT);
    CHECK_INT(strncmp(endpoint_of(rig, names[1], sizeof names[1]), names[0], 32), 0);
    CHECK_TEXT(names[1] + 32, ".1");
    answer(rig, "{\"session\":\"second\",\"protocol\":\"2025-06-18\",\"about\":\"" ABOUT
                "\",\"generation\":2,\"seat\":1}");
    CHECK(fake_has_header(fake_last(&rig->fake), "Mcp-Session-Id", "second"));
    rig_end(rig);
}

/* Its last question's name of the endpoint, when this server is asked for something. */
static void name_of(pool_rig *rig, mcp_server *server, char *out, size_t size)
{
    size_t before = rig->asks;
    call_tool(rig, server, "t");
    CHECK_INT(rig->asks, before + 1);
    endpoint_of(rig, out, size);
}

static void names_of_endpoints_are_the_same_everywhere_and_differ_where_sessions_must(void)
{
    enum { KINDS = 8 };
    char names[KINDS + 1][64];
    pool_rig *rig = start_sharing();
    fake_setenv(&rig->fake, "OWN", "s3cret-own");
    for (int i = 0; i < KINDS; i++) {
        mcp_server server;
        server_http(&server);
        switch (i) {
        case 1:
            server.target.identity = SOUK_LIT("ann");
            break;
        case 2:
            server_set(&server, "mcp_headers", "{\"X-Key\":\"s3cret-1\"}");
            break;
        case 3:
            server_set(&server, "mcp_headers", "{\"X-Key\":\"s3cret-2\"}");
            break;
        case 4:
            server_set(&server, "mcp_auth_env_var", "OWN");
            break;
        case 5:
            server_set(&server, "mcp_log_level", "debug");
            break;
        case 6:
            server.target.input = 1;
            server.target.abilities = SOUK_MCP_CAN_LIST_ROOTS;
            break;
        case 7:
            server_set(&server, "mcp_pinned_version", "2025-06-18");
            break;
        default:
            break;
        }
        name_of(rig, &server, names[i], sizeof names[i]);
        CHECK_INT(strlen(names[i]), 32);
        for (int k = 0; k < i; k++) {
            CHECK(strcmp(names[i], names[k]) != 0);
        }
    }
    check_secret(rig, "s3cret");
    rig_end(rig);

    /* Another process has other seeds. */
    mcp_server server;
    rig = start_sharing();
    rig->mcp.seed = 4711;
    server_http(&server);
    server_set(&server, "mcp_headers", "{\"X-Key\":\"s3cret-1\"}");
    name_of(rig, &server, names[KINDS], sizeof names[KINDS]);
    CHECK_TEXT(names[KINDS], names[2]);
    rig_end(rig);
}

static void credentials_come_first_and_are_in_no_question(void)
{
    pool_rig *rig = start_sharing();
    mcp_server server;
    server_http(&server);
    server.target.auth = 5;
    int call = call_tool(rig, &server, "t");
    CHECK_ASKED(rig, 1, SOUK_ASK_CREDENTIAL);
    answer(rig, "\"s3cret-1\"");
    CHECK_ASKED(rig, 2, SOUK_ASK_ADOPT);
    answer(rig, KNOWN);
    CHECK(fake_has_header(fake_last(&rig->fake), "Authorization", "Bearer s3cret-1"));
    refuse_tool(rig, 401); /* the credential is asked for again, with the session */
    CHECK_ASKED(rig, 4, SOUK_ASK_CREDENTIAL);
    answer(rig, "\"s3cret-2\"");
    CHECK_ASKED(rig, 5, SOUK_ASK_ADOPT);
    answer(rig, OPEN);
    fake_respond(&rig->fake, fake_last(&rig->fake), 401, "", "");
    rig_run(rig);
    CHECK_ASKED(rig, 6, SOUK_ASK_CREDENTIAL); /* it is opened for all with the next one */
    answer(rig, "\"s3cret-3\"");
    CHECK_INT(rig->asks, 6);
    CHECK_INT(fake_rpc_id(fake_last(&rig->fake)->body), FIRST_ID(5));
    open_legacy(rig, "mine");
    CHECK_ASKED(rig, 7, SOUK_ASK_PUBLISH);
    answer_tool(rig, "fine");
    CHECK_OK(rig, call);
    check_secret(rig, "s3cret");
    rig_end(rig);
}

int main(void)
{
    CASE(a_session_that_another_process_has_opened_is_adopted);
    CASE(who_opens_it_opens_it_for_all);
    CASE(what_is_published_can_be_adopted);
    CASE(what_was_learnt_of_a_modern_server_is_passed_on);
    CASE(a_session_that_cannot_be_shared_is_not);
    CASE(what_is_known_of_the_era_helps_who_opens);
    CASE(whatever_the_program_says_a_session_is_opened);
    CASE(a_session_that_is_no_session_is_reported_as_lost);
    CASE(a_program_that_fails_or_is_silent_is_not_waited_for_for_ever);
    CASE(who_cannot_open_it_lets_another_one_try);
    CASE(closing_while_the_program_is_asked_takes_the_question_back);
    CASE(a_lost_session_is_reported_with_its_generation_before_another_is_asked_for);
    CASE(a_session_that_does_not_answer_any_more_is_reported_too);
    CASE(only_the_last_one_ends_the_session_at_the_server);
    CASE(a_session_is_left_when_the_program_does_not_say_who_is_last);
    CASE(sessions_that_belong_to_somebody_are_not_shared);
    CASE(the_second_session_with_an_endpoint_has_another_name);
    CASE(names_of_endpoints_are_the_same_everywhere_and_differ_where_sessions_must);
    CASE(credentials_come_first_and_are_in_no_question);
    return tap_done();
}
