/* The breaker, waits that grow, and the pauses that servers ask for. */
#include "pool_server_help.h"

/* So many failures one after the other; a session is opened if there is none. */
static void fail_times(pool_rig *rig, const mcp_server *server, int times)
{
    for (int i = 0; i < times; i++) {
        int call = start_call(rig, server);
        CHECK(is_running(rig, call));
        fail_as(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, 0, 0);
        CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    }
}

static pool_rig *rig_with_open_breaker(mcp_server *server)
{
    pool_rig *rig = rig_start();
    server_plain(server, "a");
    fail_times(rig, server, 5);
    CHECK_INT(rig_stats(rig).breaker_opened, 1);
    return rig;
}

/* The breaker lets nothing through. */
static void check_refused(pool_rig *rig, const mcp_server *server)
{
    size_t sessions = rig->session_count;
    int call = call_server(rig, server);
    CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK(strstr(rig->calls[call].err.message, "the breaker is open for ") != NULL);
    CHECK(strstr(rig->calls[call].err.message, "server 'a'") != NULL);
    CHECK(rig->calls[call].err.retryable);
    CHECK(rig->calls[call].err.retry_after > 0 && rig->calls[call].err.retry_after <= 30000);
    CHECK_INT(rig->calls[call].starts, 0);
    CHECK_INT(rig->session_count, sessions);
}

static void five_failures_in_a_row_open_the_breaker(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    fail_times(rig, &server, 4);
    finish_call(rig, start_call(rig, &server)); /* the row is broken */
    fail_times(rig, &server, 4);
    CHECK_INT(rig_stats(rig).breaker_opened, 0);
    fail_times(rig, &server, 1);
    CHECK_INT(rig_stats(rig).breaker_opened, 1);
    CHECK(strstr(rig->said, "breaker_opened") != NULL);
    check_refused(rig, &server);
    CHECK_INT(rig_stats(rig).calls_refused, 1);
    CHECK_INT(rig->calls[rig->call_count - 1].err.retry_after, 30000);
    CHECK(strstr(rig->said, "after 5 failures in a row, the last one: it broke") != NULL);
    rig_wait_for(rig, 29999);
    check_refused(rig, &server);
    CHECK_INT(rig->calls[rig->call_count - 1].err.retry_after, 1);
    rig_end(rig);
}

static void calls_that_were_under_way_together_fail_as_one(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int calls[10];
    server_plain(&server, "a");
    for (int i = 0; i < 10; i++) {
        calls[i] = start_call(rig, &server);
    }
    for (int i = 0; i < 10; i++) {
        fail_as(rig, calls[i], SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, 0, 0);
    }
    fail_times(rig, &server, 3);
    CHECK_INT(rig_stats(rig).breaker_opened, 0);
    fail_times(rig, &server, 1);
    CHECK_INT(rig_stats(rig).breaker_opened, 1);
    rig_end(rig);
}

static void what_the_server_itself_says_is_no_failure(void)
{
    static const struct {
        int kind;
        souk_delivery delivery;
        int status;
    } rows[] = {
        {SOUK_E_RPC, SOUK_DELIVERY_DELIVERED, 0},
        {SOUK_E_RPC, SOUK_DELIVERY_DELIVERED, 500},
        {SOUK_E_TOOL, SOUK_DELIVERY_DELIVERED, 0},
        {SOUK_E_AUTH, SOUK_DELIVERY_REJECTED, 401},
        {SOUK_E_PROTOCOL, SOUK_DELIVERY_REJECTED, 404},
        {SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 429},
        {SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, 408},
        {SOUK_E_LIMIT, SOUK_DELIVERY_REJECTED, 413},
        {SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 503},
        {SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS, 0},
        {SOUK_E_PROTOCOL, SOUK_DELIVERY_AMBIGUOUS, 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        server_plain(&server, "a");
        for (int n = 0; n < 6; n++) {
            fail_as(rig, start_call(rig, &server), rows[i].kind, rows[i].delivery, rows[i].status,
                    0);
        }
        CHECK_INT(rig_stats(rig).breaker_opened, 0);
        rig_end(rig);
    }
}

static void cancelled_calls_and_calls_without_an_answer_are_no_failures(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    for (int i = 0; i < 6; i++) {
        int call = start_call(rig, &server);
        souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
        rig_run(rig);
        call = start_call(rig, &server);
        rig_wait_for(rig, 60000);
        CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    }
    CHECK_INT(rig_stats(rig).breaker_opened, 0);
    rig_end(rig);
}

static void one_call_tries_while_the_others_wait_and_its_success_closes(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_open_breaker(&server);
    rig_wait_for(rig, 30000);
    int first = call_server(rig, &server);
    int second = call_server(rig, &server);
    int third = call_server(rig, &server);
    CHECK(is_running(rig, first) && is_waiting(rig, second) && is_waiting(rig, third));
    CHECK(strstr(rig->said, "breaker_trial") != NULL);
    finish_call(rig, first);
    CHECK(strstr(rig->said, "breaker_closed") != NULL);
    CHECK(is_running(rig, second) && is_running(rig, third));
    finish_call(rig, second);
    finish_call(rig, third);
    fail_times(rig, &server, 4); /* it counts from the beginning */
    CHECK_INT(rig_stats(rig).breaker_opened, 1);
    rig_end(rig);
}

static void a_trial_that_fails_opens_again_and_the_others_fail_at_once(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_open_breaker(&server);
    rig_wait_for(rig, 30000);
    int first = call_server(rig, &server);
    int second = call_server(rig, &server);
    fail_as(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, 0, 0);
    CHECK_END(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_END(rig, second, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig->calls[second].err.retry_after, 30000);
    CHECK_INT(rig_stats(rig).breaker_opened, 2);
    check_refused(rig, &server);
    rig_end(rig);
}

static void a_trial_without_a_result_gives_its_turn_to_the_next(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_open_breaker(&server);
    rig_wait_for(rig, 30000);
    int first = call_server(rig, &server);
    rig_wait_for(rig, 1000);
    int second = call_server(rig, &server);
    int third = call_server(rig, &server);
    souk_pool_cancel(rig->pool, rig->calls[first].id, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, first, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(is_running(rig, second) && is_waiting(rig, third));
    rig_wait_for(rig, 100);
    int fourth = call_server(rig, &server);
    rig_wait_for(rig, 59900); /* the time of the second and the third is over */
    CHECK_END(rig, second, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK(is_running(rig, fourth));
    finish_call(rig, fourth);
    CHECK(strstr(rig->said, "breaker_closed") != NULL);
    rig_end(rig);
}

/* What is said of the only server. */
static const char *breaker_of(pool_rig *rig)
{
    souk_server_info info;
    size_t cursor = 0;
    CHECK(souk_pool_each_server(rig->pool, &cursor, rig->fake.now, &info));
    return info.breaker;
}

static void the_state_of_the_breaker_is_told(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_open_breaker(&server);
    CHECK_TEXT(breaker_of(rig), "open");
    rig_wait_for(rig, 30000);
    int first = call_server(rig, &server);
    CHECK_TEXT(breaker_of(rig), "half-open");
    finish_call(rig, first);
    CHECK_TEXT(breaker_of(rig), "closed");
    rig_end(rig);
}

/* It stands whether the server answers or not, and nobody would ever learn how the trial ended. */
static void a_standing_call_is_no_trial(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_open_breaker(&server);
    rig_wait_for(rig, 30000);
    int stands = call_with(rig, &server, &(souk_call_options){.standing = true});
    int first = call_server(rig, &server);
    int second = call_server(rig, &server);
    CHECK(is_running(rig, first) && is_waiting(rig, second));
    finish_call(rig, first);
    CHECK(is_running(rig, second) && is_running(rig, stands));
    rig_end(rig);
}

/* Waits until the pool opens a session by itself, and returns for how long. */
static souk_ms wait_for_opening(pool_rig *rig)
{
    size_t before = rig->session_count;
    souk_ms from = rig->fake.now;
    while (rig->session_count == before && rig->fake.now - from < 10000) {
        rig_wait_for(rig, 1);
    }
    return rig->fake.now - from;
}

static void fail_to_open(pool_rig *rig, const mcp_server *server)
{
    int call = call_server(rig, server);
    if (rig->sessions[rig->session_count - 1].session == NULL) {
        (void)wait_for_opening(rig);
    }
    rig_open_failed(rig, rig->session_count - 1);
    CHECK_INT(rig->calls[call].err.kind, SOUK_E_TRANSPORT);
}

static void sessions_that_cannot_be_opened_are_failures_and_one_that_opens_is_the_trial(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    for (int i = 0; i < 5; i++) {
        fail_to_open(rig, &server);
    }
    CHECK_INT(rig_stats(rig).breaker_opened, 1);
    check_refused(rig, &server);
    rig_wait_for(rig, 30000);
    int first = call_server(rig, &server);
    int second = call_server(rig, &server);
    CHECK_INT(rig->session_count, 6);
    CHECK_TEXT(breaker_of(rig), "half-open");
    open_last(rig);
    CHECK(is_running(rig, first) && is_running(rig, second));
    CHECK(strstr(rig->said, "breaker_closed") != NULL);
    /* Servers that open and then break every call are noticed: one more failure is enough. */
    fail_as(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, 0, 0);
    CHECK_INT(rig_stats(rig).breaker_opened, 2);
    rig_end(rig);
}

static void where_each_call_needs_a_session_the_trial_opens_only_one(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    server_set(&server, "plain_session_mode", "exclusive");
    for (int i = 0; i < 5; i++) {
        fail_to_open(rig, &server);
    }
    rig_wait_for(rig, 30000);
    for (int i = 0; i < 4; i++) {
        call_server(rig, &server);
    }
    CHECK_INT(rig->session_count, 6);
    open_last(rig);
    CHECK_INT(rig->session_count, 9);
    rig_end(rig);
}

static void the_waits_between_openings_grow_have_jitter_and_an_end(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    souk_ms most = 100;
    size_t shorter = 0;
    server_plain(&server, "a");
    rig->options.breaker_failures = 0;
    rig->options.max_retry_delay = 1000;
    rig_make(rig);
    int call = call_server(rig, &server);
    for (int i = 0; i < 8; i++) {
        rig_open_failed(rig, rig->session_count - 1);
        CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
        call = call_server(rig, &server);
        souk_ms waited = wait_for_opening(rig);
        CHECK(waited >= most / 2 && waited <= most);
        shorter += waited < most;
        most = most * 2 > 1000 ? 1000 : most * 2;
    }
    CHECK(shorter > 0);
    CHECK_INT(rig_stats(rig).breaker_opened, 0);
    rig_end(rig);
}

static void a_session_that_had_worked_is_replaced_at_once_and_one_that_never_did_is_not(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    finish_call(rig, start_call(rig, &server));
    lose_session(rig, 0, SOUK_E_TRANSPORT);
    call_server(rig, &server);
    CHECK_INT(rig->session_count, 2);
    open_last(rig);
    lose_session(rig, 1, SOUK_E_TRANSPORT);
    call_server(rig, &server);
    CHECK_INT(rig->session_count, 2);
    CHECK(wait_for_opening(rig) >= 50);
    CHECK_INT(rig->session_count, 3);
    rig_end(rig);
}

static void without_a_number_there_is_no_breaker(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.breaker_failures = 0;
    rig_make(rig);
    server_plain(&server, "a");
    fail_times(rig, &server, 50);
    CHECK_INT(rig_stats(rig).breaker_opened, 0);
    rig_end(rig);
}

static void each_identity_has_a_breaker_of_its_own(void)
{
    mcp_server server;
    pool_rig *rig = rig_with_open_breaker(&server);
    mcp_server other = server;
    other.target.identity = SOUK_LIT("bob");
    finish_call(rig, start_call(rig, &other));
    check_refused(rig, &server);
    mcp_server third;
    server_plain(&third, "b");
    finish_call(rig, start_call(rig, &third));
    rig_end(rig);
}

static void retry_after_makes_all_calls_wait_and_the_refused_one_goes_again(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int first = start_call(rig, &server);
    int hasty = call_with(rig, &server, &(souk_call_options){.timeout = 1500});
    fail_as(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 429, 2000);
    CHECK(strstr(rig->said, "endpoint_paused") != NULL);
    CHECK(is_waiting(rig, first) && is_running(rig, hasty)); /* what is under way goes on */
    int second = call_server(rig, &server);
    int cannot = call_with(rig, &server, &(souk_call_options){.timeout = 1500});
    CHECK_END(rig, cannot, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig->calls[cannot].err.retry_after, 2000);
    CHECK(strstr(rig->calls[cannot].err.message, "Retry-After") != NULL);
    rig_wait_for(rig, 1999);
    CHECK(is_waiting(rig, first) && is_waiting(rig, second));
    rig_wait_for(rig, 1);
    CHECK(is_running(rig, first) && is_running(rig, second));
    CHECK_INT(rig->calls[first].starts, 2);
    finish_call(rig, first);
    CHECK_OK(rig, first);
    CHECK_INT(rig_stats(rig).breaker_opened, 0);
    rig_end(rig);
}

static void retry_after_of_an_opening_makes_calls_wait_too(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    souk_err why;
    server_plain(&server, "a");
    int call = call_server(rig, &server);
    souk_fail(&why, SOUK_E_TRANSPORT, "not now");
    why.status = 503;
    why.delivery = SOUK_DELIVERY_REJECTED;
    why.retry_after = 3000;
    souk_session_failed(rig->sessions[0].session, &why);
    rig_run(rig);
    CHECK(is_waiting(rig, call));
    rig_wait_for(rig, 2999);
    CHECK_INT(rig->session_count, 1);
    rig_wait_for(rig, 1);
    CHECK_INT(rig->session_count, 2);
    open_last(rig);
    finish_call(rig, call);
    CHECK_OK(rig, call);
    rig_end(rig);
}

static void a_pause_has_a_longest_time(void)
{
    pool_rig *rig = rig_new();
    mcp_server server;
    rig->options.max_pause = 1000;
    rig_make(rig);
    server_plain(&server, "a");
    int first = start_call(rig, &server);
    fail_as(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 503, 600000);
    CHECK_END(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED);
    CHECK_INT(rig->calls[first].err.retry_after, 600000);
    int second = call_server(rig, &server);
    rig_wait_for(rig, 999);
    CHECK(is_waiting(rig, second));
    rig_wait_for(rig, 1);
    CHECK(is_running(rig, second));
    rig_end(rig);
}

static void without_the_status_that_means_it_retry_after_pauses_nothing(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int first = start_call(rig, &server);
    fail_as(rig, first, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS, 500, 5000);
    int second = call_server(rig, &server);
    CHECK(is_running(rig, second));
    rig_end(rig);
}

static void a_refused_call_is_sent_again_only_so_often(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_plain(&server, "a");
    int call = start_call(rig, &server);
    for (int i = 0; i < 3; i++) {
        CHECK(is_running(rig, call));
        fail_as(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 429, 1000);
        rig_wait_for(rig, 1000);
    }
    CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED);
    CHECK_INT(rig->calls[call].starts, 3);
    CHECK_INT(rig_stats(rig).calls_resent, 2);
    rig_end(rig);
}

int main(void)
{
    CASE(five_failures_in_a_row_open_the_breaker);
    CASE(calls_that_were_under_way_together_fail_as_one);
    CASE(what_the_server_itself_says_is_no_failure);
    CASE(cancelled_calls_and_calls_without_an_answer_are_no_failures);
    CASE(one_call_tries_while_the_others_wait_and_its_success_closes);
    CASE(a_trial_that_fails_opens_again_and_the_others_fail_at_once);
    CASE(a_trial_without_a_result_gives_its_turn_to_the_next);
    CASE(the_state_of_the_breaker_is_told);
    CASE(a_standing_call_is_no_trial);
    CASE(sessions_that_cannot_be_opened_are_failures_and_one_that_opens_is_the_trial);
    CASE(where_each_call_needs_a_session_the_trial_opens_only_one);
    CASE(the_waits_between_openings_grow_have_jitter_and_an_end);
    CASE(a_session_that_had_worked_is_replaced_at_once_and_one_that_never_did_is_not);
    CASE(without_a_number_there_is_no_breaker);
    CASE(each_identity_has_a_breaker_of_its_own);
    CASE(retry_after_makes_all_calls_wait_and_the_refused_one_goes_again);
    CASE(retry_after_of_an_opening_makes_calls_wait_too);
    CASE(a_pause_has_a_longest_time);
    CASE(without_the_status_that_means_it_retry_after_pauses_nothing);
    CASE(a_refused_call_is_sent_again_only_so_often);
    return tap_done();
}
