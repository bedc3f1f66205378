/* Sessions that are held: calls on them, their loss, giving them back, names. */
#include "pool_server_help.h"

/* A hold of a session that is open; its number in rig->calls. */
static int take_hold(pool_rig *rig, const mcp_server *server)
{
    int hold = hold_server(rig, server);
    open_last(rig);
    CHECK_OK(rig, hold);
    return hold;
}

static uint64_t id_of(const pool_rig *rig, int call)
{
    return rig->calls[call].id;
}

static void a_held_session_is_nobody_elses(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int common = start_call(rig, &server);
    int mine = take_hold(rig, &server);
    int other = take_hold(rig, &server);
    CHECK_INT(rig->session_count, 3);
    CHECK_TEXT(rig->calls[mine].value,
               "{\"session\":\"plain 2\",\"protocol\":\"\",\"generation\":1}");
    int first = call_on_hold(rig, &server, id_of(rig, mine));
    int second = call_on_hold(rig, &server, id_of(rig, other));
    CHECK(is_running(rig, common) && is_running(rig, first) && is_running(rig, second));
    CHECK_INT(rig->calls[common].session, 0);
    CHECK_INT(rig->calls[first].session, 1);
    CHECK_INT(rig->calls[second].session, 2);
    CHECK(strstr(rig->said, "session_held") != NULL);
    finish_call(rig, first);
    CHECK_OK(rig, first);
    rig_end(rig);
}

static void a_lost_session_is_never_renewed_and_other_holds_go_on(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int mine = take_hold(rig, &server);
    int other = take_hold(rig, &server);
    int call = call_on_hold(rig, &server, id_of(rig, mine));
    rig_failed(rig, call, SOUK_DELIVERY_REJECTED,
               true); /* could go again elsewhere, but must not */
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_REJECTED);
    CHECK_INT(rig->calls[call].starts, 1);
    CHECK_INT(call_on_hold(rig, &server, id_of(rig, mine)), -1);
    CHECK(strstr(rig->said, "the session is gone: session not found") != NULL);
    CHECK_INT(rig->session_count, 2);
    int others = call_on_hold(rig, &server, id_of(rig, other));
    CHECK(is_running(rig, others));
    release(rig, mine);
    CHECK_INT(call_on_hold(rig, &server, id_of(rig, mine)), -1);
    CHECK(strstr(rig->said, "the session was given back") != NULL);
    rig_end(rig);
}

static void calls_that_wait_for_a_held_session_end_with_it(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    server_set(&server, "plain_session_mode", "exclusive");
    int mine = take_hold(rig, &server);
    int first = call_on_hold(rig, &server, id_of(rig, mine));
    int second = call_on_hold(rig, &server, id_of(rig, mine));
    CHECK(is_running(rig, first) && is_waiting(rig, second));
    CHECK_INT(rig->session_count, 1);
    lose_session(rig, 0, SOUK_E_TRANSPORT);
    CHECK_END(rig, second, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    rig_failed(rig, first, SOUK_DELIVERY_AMBIGUOUS, false);
    rig_run(rig);
    CHECK_END(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void what_is_given_back_is_closed(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int mine = take_hold(rig, &server);
    int call = call_on_hold(rig, &server, id_of(rig, mine));
    CHECK_INT(rig_stats(rig).keys, 2);
    release(rig, mine);
    CHECK(!rig->sessions[0].closing); /* not while a call runs on it */
    finish_call(rig, call);
    CHECK_OK(rig, call);
    CHECK(rig->sessions[0].session == NULL);
    CHECK(strstr(rig->said, "session_released") != NULL);
    CHECK(strstr(rig->said, "\"reason\":\"given back\"") != NULL);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */
    release(rig, mine);                /* once more does no harm */
    rig_end(rig);
}

/* A server with a rate limit, a hold of it, and a call on that which waits for the limit. */
static int wait_on_hold(pool_rig *rig, mcp_server *server, int *hold)
{
    server_plain(server, "a");
    server_set(server, "plain_rate_limit", "1/min");
    *hold = take_hold(rig, server);
    finish_call(rig, call_on_hold(rig, server, id_of(rig, *hold)));
    int waits = call_on_hold(rig, server, id_of(rig, *hold));
    CHECK(is_waiting(rig, waits));
    return waits;
}

static void giving_back_ends_the_calls_that_wait_and_then_the_session(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int mine;
    int waits = wait_on_hold(rig, &server, &mine);
    release(rig, mine);
    CHECK_END(rig, waits, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK(rig->sessions[0].session == NULL);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */
    rig_end(rig);
}

static void a_call_that_would_go_again_ends_when_the_session_was_given_back(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int mine = take_hold(rig, &server);
    int call = call_on_hold(rig, &server, id_of(rig, mine));
    fail_as(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 429, 5000);
    CHECK(is_waiting(rig, call));
    release(rig, mine);
    rig_wait_for(rig, 5000);
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK(rig->sessions[0].session == NULL);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */

    mine = take_hold(rig, &server);
    call = call_on_hold(rig, &server, id_of(rig, mine));
    release(rig, mine);
    fail_as(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 429, 5000);
    souk_pool_cancel(rig->pool, id_of(rig, call), rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->calls[call].ends, 1);
    CHECK(rig->sessions[1].session == NULL);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */
    rig_end(rig);
}

static void nothing_is_left_of_holds_that_came_to_nothing(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int lost = take_hold(rig, &server); /* lost, then given back */
    lose_session(rig, 0, SOUK_E_TRANSPORT);
    release(rig, lost);
    rig_wait_for(rig, 100); /* it had done nothing: the next is not opened at once */
    int failed = hold_server(rig, &server);
    rig_open_failed(rig, 1);
    CHECK_END(rig, failed, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    release(rig, failed);
    rig_wait_for(rig, 100);
    rig->refuse_open = SOUK_E_CONFIG;
    int refused = hold_server(rig, &server);
    CHECK_END(rig, refused, SOUK_E_CONFIG, SOUK_DELIVERY_NOT_SENT);
    rig->refuse_open = SOUK_OK;
    int given_up = hold_server(rig, &server);
    release(rig, given_up);
    CHECK_END(rig, given_up, SOUK_E_CANCELLED, SOUK_DELIVERY_NOT_SENT);
    rig_open_failed(rig, 2);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */
    CHECK_INT(rig_stats(rig).sessions, 0);
    rig_end(rig);
}

static void a_hold_that_is_given_up_while_its_session_opens_closes_it(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int hold = hold_server(rig, &server);
    release(rig, hold);
    CHECK_END(rig, hold, SOUK_E_CANCELLED, SOUK_DELIVERY_NOT_SENT);
    rig_opened(rig, 0);
    CHECK(rig->sessions[0].session == NULL);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */
    hold = hold_server(rig, &server);
    rig_wait_for(rig, 60000);
    CHECK_END(rig, hold, SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT);
    rig_opened(rig, 1);
    CHECK(rig->sessions[1].session == NULL);
    rig_end(rig);
}

static void a_hold_that_is_given_up_while_it_waits_for_its_turn_leaves_nothing(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.max_opening = 1;
    rig_make(rig);
    server_plain(&server, "a");
    call_server(rig, &server);
    int hold = hold_server(rig, &server);
    CHECK_INT(rig->session_count, 1);
    release(rig, hold);
    CHECK_END(rig, hold, SOUK_E_CANCELLED, SOUK_DELIVERY_NOT_SENT);
    rig_opened(rig, 0);
    CHECK_INT(rig->session_count, 1);
    CHECK_INT(rig_stats(rig).keys, 1);
    rig_end(rig);
}

static void a_session_with_a_name_is_found_again(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    server.target.affinity = SOUK_LIT("tab 1");
    int first = take_hold(rig, &server);
    release(rig, first);
    CHECK(!rig->sessions[0].closing);
    int second = hold_server(rig, &server);
    CHECK_OK(rig, second); /* at once */
    CHECK_INT(rig->session_count, 1);
    int third = hold_server(rig, &server); /* two that hold it */
    CHECK_OK(rig, third);
    release(rig, second);
    int call = call_on_hold(rig, &server, id_of(rig, third));
    CHECK(is_running(rig, call));
    CHECK_INT(rig->calls[call].session, 0);
    int plain = call_server(rig, &server); /* a call that names it needs no hold */
    CHECK(is_running(rig, plain));
    CHECK_INT(rig->calls[plain].session, 0);
    server.target.affinity = SOUK_LIT("tab 2");
    call_server(rig, &server);
    CHECK_INT(rig->session_count, 2);
    rig_end(rig);
}

/* Whatever a caller names: it is no way to the session that somebody holds without a name. */
static void no_name_leads_to_a_session_that_has_none(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int mine = take_hold(rig, &server);
    for (size_t i = 0; i < 256; i++) {
        char name[32];
        mcp_server other = server;
        int len = snprintf(name, sizeof name, "x%llu", (unsigned long long)id_of(rig, mine));
        name[0] = (char)i;
        other.target.affinity = souk_slice_make(name, (size_t)len);
        int call = call_server(rig, &other);
        CHECK(call < 0 || !is_running(rig, call));
        int hold = hold_server(rig, &other);
        CHECK(hold < 0 || rig->calls[hold].ends == 0);
    }
    CHECK_INT(rig->sessions[0].started, 0);
    rig_end(rig);
}

static void a_named_session_that_is_lost_is_renewed_for_the_next_hold_only(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    server.target.affinity = SOUK_LIT("tab");
    int first = take_hold(rig, &server);
    lose_session(rig, 0, SOUK_E_PROTOCOL);
    int second = take_hold(rig, &server);
    CHECK(strstr(rig->calls[second].value, "\"generation\":2") != NULL);
    CHECK_INT(call_on_hold(rig, &server, id_of(rig, first)), -1);
    CHECK(is_running(rig, call_on_hold(rig, &server, id_of(rig, second))));
    release(rig, first); /* its session is not the new one */
    CHECK(is_running(rig, call_on_hold(rig, &server, id_of(rig, second))));
    rig_end(rig);
}

static void held_sessions_grow_neither_idle_nor_old(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int mine = take_hold(rig, &server);
    for (int i = 0; i < 10; i++) {
        rig_wait_for(rig, 86400000);
    }
    CHECK(!rig->sessions[0].closing && rig->sessions[0].session != NULL);
    CHECK(is_running(rig, call_on_hold(rig, &server, id_of(rig, mine))));
    server.target.affinity = SOUK_LIT("tab");
    int named = take_hold(rig, &server);
    rig_wait_for(rig, 86400000);
    release(rig, named);
    rig_wait_for(rig, 1); /* from now on it is as old as it is */
    CHECK(rig->sessions[1].session == NULL);
    rig_end(rig);
}

static void held_sessions_never_make_room(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    mcp_server other;
    rig->options.max_sessions = 2;
    rig->options.max_keys = 3; /* two held ones, and the common one */
    rig_make(rig);
    server_plain(&server, "a");
    server_plain(&other, "b");
    int first = take_hold(rig, &server);
    int second = take_hold(rig, &server);
    CHECK_INT(hold_server(rig, &other), -1); /* max_keys */
    CHECK_INT(call_server(rig, &other), -1);
    CHECK_INT(rig->session_count, 2);
    release(rig, first);
    CHECK(call_server(rig, &other) >= 0);
    CHECK_INT(rig->session_count, 3);
    CHECK(is_running(rig, call_on_hold(rig, &server, id_of(rig, second))));
    rig_end(rig);
}

static void no_more_sessions_are_held_than_there_may_be(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.max_sessions = 2;
    rig_make(rig);
    server_plain(&server, "a");
    take_hold(rig, &server);
    int second = take_hold(rig, &server);
    int third = hold_server(rig, &server);
    CHECK_END(rig, third, SOUK_E_LIMIT, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig_stats(rig).keys, 3);
    release(rig, second);
    take_hold(rig, &server);
    rig_end(rig);
}

static void a_hold_is_of_one_server(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    mcp_server other;
    server_plain(&server, "a");
    server_plain(&other, "b");
    int mine = take_hold(rig, &server);
    start_call(rig, &other);
    CHECK_INT(call_on_hold(rig, &other, id_of(rig, mine)), -1);
    CHECK(strstr(rig->said, "'cap' does not go where this session of server 'a' leads") != NULL);
    CHECK_INT(rig->sessions[0].started, 0);
    rig_end(rig);
}

static void unknown_holds_are_an_error(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int call = start_call(rig, &server);
    CHECK_INT(call_on_hold(rig, &server, 4711), -1);
    CHECK_INT(call_on_hold(rig, &server, id_of(rig, call)), -1); /* a call, but no hold */
    int hold = hold_server(rig, &server);
    CHECK_INT(call_on_hold(rig, &server, id_of(rig, hold)), -1); /* not yet */
    souk_pool_release(rig->pool, 4711, rig->fake.now);
    rig_end(rig);
}

static void closing_ends_all_holds(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int mine = take_hold(rig, &server);
    int call = call_on_hold(rig, &server, id_of(rig, mine));
    int opening = hold_server(rig, &server);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_END(rig, opening, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(call_on_hold(rig, &server, id_of(rig, mine)), -1);
    CHECK_INT(hold_server(rig, &server), -1);
    release(rig, mine);
    release(rig, opening);
    CHECK(souk_pool_is_empty(rig->pool));
    rig_end(rig);
}

static void sessions_that_are_closed_on_request_are_gone_for_their_holders(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int mine = take_hold(rig, &server);
    souk_pool_close_sessions(rig->pool, SOUK_LIT("a"), rig->fake.now);
    rig_run(rig);
    CHECK_INT(call_on_hold(rig, &server, id_of(rig, mine)), -1);
    CHECK(strstr(rig->said, "the session is gone: it was closed (asked for)") != NULL);
    CHECK_INT(rig_stats(rig).keys, 1); /* the common one stays */
    rig_end(rig);
}

/* Whether a server is there does not depend on which of its sessions is wanted. */
static void holds_share_the_breaker_and_the_waits_of_their_endpoint(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.breaker_failures = 2;
    rig_make(rig);
    server_plain(&server, "a");
    for (size_t i = 0; i < 2; i++) {
        int hold = hold_server(rig, &server);
        rig_wait_for(rig, 100);
        rig_open_failed(rig, i);
        CHECK_END(rig, hold, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    }
    int refused = hold_server(rig, &server);
    int plain = call_server(rig, &server);
    rig_run(rig);
    CHECK_END(rig, refused, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK_END(rig, plain, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK(rig->calls[refused].err.retry_after > 0);
    CHECK_INT(rig->session_count, 2);
    rig_wait_for(rig, 30000);
    int trial = hold_server(rig, &server);
    rig_opened(rig, 2);
    CHECK_OK(rig, trial);
    CHECK(call_server(rig, &server) >= 0); /* the breaker is closed for all of them */
    CHECK_INT(rig->session_count, 4);
    rig_end(rig);
}

/* They have the health of their server: they go when its trial has ended, and not later. */
static void who_waits_for_the_trial_of_another_session_goes_when_it_ends(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.breaker_failures = 1;
    rig_make(rig);
    server_plain(&server, "a");
    mcp_server named = server;
    named.target.affinity = SOUK_LIT("tab");
    int failing = call_server(rig, &server);
    rig_opened(rig, 0);
    fail_as(rig, failing, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, 0, 0);
    rig_wait_for(rig, 30000);
    int trial = call_server(rig, &server);
    int other = call_server(rig, &named);
    CHECK(is_running(rig, trial) && is_waiting(rig, other));
    rig_wait_for(rig, 1000);
    CHECK(is_waiting(rig, other));
    CHECK_INT(rig->session_count, 1);
    finish_call(rig, trial);
    rig_run(rig);
    CHECK_INT(rig->session_count, 2);
    open_last(rig);
    CHECK(is_running(rig, other));
    rig_end(rig);
}

int main(void)
{
    CASE(holds_share_the_breaker_and_the_waits_of_their_endpoint);
    CASE(who_waits_for_the_trial_of_another_session_goes_when_it_ends);
    CASE(a_held_session_is_nobody_elses);
    CASE(a_lost_session_is_never_renewed_and_other_holds_go_on);
    CASE(calls_that_wait_for_a_held_session_end_with_it);
    CASE(what_is_given_back_is_closed);
    CASE(giving_back_ends_the_calls_that_wait_and_then_the_session);
    CASE(a_call_that_would_go_again_ends_when_the_session_was_given_back);
    CASE(nothing_is_left_of_holds_that_came_to_nothing);
    CASE(a_hold_that_is_given_up_while_its_session_opens_closes_it);
    CASE(a_hold_that_is_given_up_while_it_waits_for_its_turn_leaves_nothing);
    CASE(a_session_with_a_name_is_found_again);
    CASE(no_name_leads_to_a_session_that_has_none);
    CASE(a_named_session_that_is_lost_is_renewed_for_the_next_hold_only);
    CASE(held_sessions_grow_neither_idle_nor_old);
    CASE(held_sessions_never_make_room);
    CASE(no_more_sessions_are_held_than_there_may_be);
    CASE(a_hold_is_of_one_server);
    CASE(unknown_holds_are_an_error);
    CASE(closing_ends_all_holds);
    CASE(sessions_that_are_closed_on_request_are_gone_for_their_holders);
    return tap_done();
}
