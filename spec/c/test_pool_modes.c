/* Session modes: exclusive, pinned; how many sessions a server may have. */
#include "pool_server_help.h"

static void server_exclusive(mcp_server *server, const char *name, const char *max_sessions)
{
    server_plain(server, name);
    server_set(server, "plain_session_mode", "exclusive");
    server_set(server, "plain_max_sessions", max_sessions);
}

static void open_all(pool_rig *rig)
{
    for (size_t i = 0; i < rig->session_count; i++) {
        if (rig->sessions[i].session != NULL) {
            rig_opened(rig, i);
        }
    }
}

static void an_exclusive_session_has_one_call_at_a_time(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int calls[7];
    server_exclusive(&server, "a", "3");
    for (int i = 0; i < 7; i++) {
        calls[i] = call_server(rig, &server);
    }
    CHECK_INT(rig->session_count, 3); /* opened side by side, because all are needed */
    open_all(rig);
    CHECK_INT(rig->session_count, 3);
    CHECK_INT(rig_stats(rig).in_flight, 3);
    CHECK_INT(rig_stats(rig).waiting, 4);
    for (int i = 0; i < 7; i++) {
        CHECK(is_running(rig, calls[i])); /* first come, first served */
        finish_call(rig, calls[i]);
        CHECK_OK(rig, calls[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        CHECK(rig->sessions[i].started >= 2);
    }
    rig_end(rig);
}

static void only_as_many_are_opened_as_calls_need_one(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_exclusive(&server, "a", "8");
    int first = call_server(rig, &server);
    CHECK_INT(rig->session_count, 1);
    int second = call_server(rig, &server);
    CHECK_INT(rig->session_count, 2);
    open_all(rig);
    finish_call(rig, first);
    int third = call_server(rig, &server);
    CHECK_INT(rig->session_count, 2); /* one was free */
    CHECK(is_running(rig, second) && is_running(rig, third));
    rig_end(rig);
}

static void a_standing_call_leaves_its_session_to_others(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_exclusive(&server, "a", "1");
    int stands = call_with(rig, &server, &(souk_call_options){.standing = true});
    open_all(rig);
    int first = call_server(rig, &server);
    int second = call_server(rig, &server);
    CHECK(is_running(rig, stands) && is_running(rig, first) && is_waiting(rig, second));
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void one_of_many_openings_that_fails_leaves_the_others_their_calls(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_exclusive(&server, "a", "2");
    int first = call_server(rig, &server);
    int second = call_server(rig, &server);
    rig_open_failed(rig, 0);
    CHECK(is_waiting(rig, first) && is_waiting(rig, second));
    rig_opened(rig, 1);
    CHECK(is_running(rig, first) && is_waiting(rig, second));
    finish_call(rig, first);
    CHECK(is_running(rig, second));
    rig_end(rig);
}

/* Whatever the reason: a server that has one session and refuses more is not asked without a rest.
 */
static void another_session_that_cannot_be_had_is_not_asked_for_at_once(void)
{
    static const int kinds[] = {SOUK_E_TRANSPORT, SOUK_E_PROTOCOL, SOUK_E_AUTH, SOUK_E_LIMIT};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        souk_err why;
        server_exclusive(&server, "a", "2");
        int first = call_server(rig, &server);
        open_all(rig);
        int second = call_server(rig, &server);
        CHECK_INT(rig->session_count, 2);
        souk_fail(&why, kinds[i], "no more than one");
        souk_session_failed(rig->sessions[1].session, &why);
        rig_run(rig);
        CHECK_INT(rig->session_count, 2);
        CHECK(is_running(rig, first) && is_waiting(rig, second));
        rig_wait_for(rig, 200);
        CHECK_INT(rig->session_count, 3);
        finish_call(rig, first);
        CHECK(is_running(rig, second));
        rig_end(rig);
    }
}

static void an_exclusive_session_that_is_lost_takes_only_its_own_call_along(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_exclusive(&server, "a", "2");
    int first = call_server(rig, &server);
    int second = call_server(rig, &server);
    open_all(rig);
    size_t lost = rig->calls[first].session;
    lose_session(rig, lost, SOUK_E_TRANSPORT);
    rig_failed(rig, first, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    CHECK(is_running(rig, second));
    rig_wait_for(rig, 200);
    open_all(rig);
    CHECK(is_running(rig, first));
    CHECK(rig->calls[first].session != lost);
    CHECK(rig->calls[first].session != rig->calls[second].session);
    rig_end(rig);
}

static void sessions_that_were_idle_for_long_are_probed_side_by_side(void)
{
    pool_rig *rig = rig_new_with_probes();
    mcp_server server;
    rig_make(rig);
    server_exclusive(&server, "a", "3");
    int calls[3];
    for (int i = 0; i < 3; i++) {
        calls[i] = call_server(rig, &server);
    }
    open_all(rig);
    for (int i = 0; i < 3; i++) {
        finish_call(rig, calls[i]);
    }
    rig_wait_for(rig, 60000);
    for (int i = 0; i < 2; i++) {
        calls[i] = call_server(rig, &server);
    }
    CHECK_INT(rig_stats(rig).sessions_probed, 2);
    CHECK_INT(rig->session_count, 3);
    rig_end(rig);
}

static void calls_of_pinned_sessions_need_a_hold(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    souk_err err;
    server_plain(&server, "a");
    server_set(&server, "plain_session_mode", "pinned");
    CHECK_INT(call_server(rig, &server), -1);
    CHECK(strstr(rig->said, "sessions of server 'a' are pinned") != NULL);
    CHECK_INT(rig->session_count, 0);
    const souk_request method = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("tools/list")};
    const souk_call_options options = {.timeout = 0};
    CHECK(rig_submit(rig, &server.target, &method, &options, &err) >= 0); /* no state of anybody */
    rig_run(rig);
    open_last(rig);
    int hold = hold_server(rig, &server);
    CHECK_INT(rig->session_count, 2);
    open_last(rig);
    CHECK_OK(rig, hold);
    int first = call_on_hold(rig, &server, rig->calls[hold].id);
    int second = call_on_hold(rig, &server, rig->calls[hold].id);
    CHECK(is_running(rig, first) && is_running(rig, second));
    CHECK_INT(rig->calls[first].session, 1);
    mcp_server named = server;
    named.target.affinity = SOUK_LIT("tab");
    CHECK(is_waiting(rig, call_server(rig, &named)));
    rig_end(rig);
}

static void a_shared_server_may_have_its_own_number_of_sessions(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.max_in_flight = 1;
    rig_make(rig);
    server_plain(&server, "a");
    server_set(&server, "plain_max_sessions", "2");
    for (int i = 0; i < 4; i++) {
        call_server(rig, &server);
        open_all(rig);
    }
    CHECK_INT(rig->session_count, 2);
    rig_end(rig);
}

/* --- how many are opened at a time, in all --- */

static void only_so_many_sessions_are_being_opened_at_a_time(void)
{
    enum { ENDPOINTS = 40 };
    pool_rig *rig = rig_new();
    char names[ENDPOINTS][16];
    int calls[ENDPOINTS];
    rig->options.max_opening = 4;
    rig_make(rig);
    for (int i = 0; i < ENDPOINTS; i++) {
        snprintf(names[i], sizeof names[i], "s%d", i);
        calls[i] = rig_call_plain(rig, names[i]);
    }
    rig_run(rig);
    for (int i = 0; i < ENDPOINTS; i++) {
        /* First come, first served, whatever becomes of those that are opened. */
        CHECK_INT(rig->session_count, i + 4 > ENDPOINTS ? ENDPOINTS : i + 4);
        if (i % 3 == 0) {
            rig_open_failed(rig, (size_t)i);
            CHECK_INT(rig->calls[calls[i]].ends, 1);
        } else {
            rig_opened(rig, (size_t)i);
            CHECK(is_running(rig, calls[i]));
            CHECK_INT(rig->calls[calls[i]].session, i);
        }
    }
    rig_end(rig);
}

static void who_stops_waiting_for_its_turn_leaves_it_to_the_next(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_opening = 1;
    rig_make(rig);
    int a = rig_call_plain(rig, "a");
    int b = rig_call_plain(rig, "b");
    int c = rig_call_plain(rig, "c");
    CHECK_INT(rig->session_count, 1);
    souk_pool_cancel(rig->pool, rig->calls[b].id, rig->fake.now);
    rig_opened(rig, 0);
    CHECK_INT(rig->session_count, 2);
    rig_opened(rig, 1);
    CHECK(is_running(rig, a) && is_running(rig, c));
    CHECK_END(rig, b, SOUK_E_CANCELLED, SOUK_DELIVERY_NOT_SENT);
    int d = rig_call_plain(rig, "d");
    int e = rig_call_plain(rig, "e");
    rig_wait_for(rig, 60000);
    CHECK_END(rig, d, SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT);
    CHECK_END(rig, e, SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK(souk_pool_is_empty(rig->pool));
    rig_end(rig);
}

/* --- how many bytes wait, in all --- */

static void the_inputs_of_all_calls_have_a_limit(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    int calls[512];
    rig->options.max_input = 1024; /* the body of each call has two bytes */
    rig_make(rig);
    for (int i = 0; i < 512; i++) {
        calls[i] = rig_call_plain(rig, "a");
    }
    CHECK_INT(rig_call_as(rig, "b", "", false, &err), -1);
    CHECK_INT(err.kind, SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "the inputs of all calls under way have more than 1024 bytes "
                            "(option max_input)");
    souk_pool_cancel(rig->pool, rig->calls[calls[0]].id, rig->fake.now);
    rig_run(rig);
    rig_run(rig); /* an outcome is given up when the next one is asked for */
    CHECK(rig_call_as(rig, "b", "", false, &err) >= 0);
    CHECK_INT(rig_call_as(rig, "b", "", false, &err), -1);
    rig_end(rig);
}

int main(void)
{
    CASE(an_exclusive_session_has_one_call_at_a_time);
    CASE(only_as_many_are_opened_as_calls_need_one);
    CASE(a_standing_call_leaves_its_session_to_others);
    CASE(one_of_many_openings_that_fails_leaves_the_others_their_calls);
    CASE(another_session_that_cannot_be_had_is_not_asked_for_at_once);
    CASE(an_exclusive_session_that_is_lost_takes_only_its_own_call_along);
    CASE(sessions_that_were_idle_for_long_are_probed_side_by_side);
    CASE(calls_of_pinned_sessions_need_a_hold);
    CASE(a_shared_server_may_have_its_own_number_of_sessions);
    CASE(only_so_many_sessions_are_being_opened_at_a_time);
    CASE(who_stops_waiting_for_its_turn_leaves_it_to_the_next);
    CASE(the_inputs_of_all_calls_have_a_limit);
    return tap_done();
}
