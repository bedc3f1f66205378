/* Calls: resending after a loss, deadlines, cancelling, limits. Each ends exactly once. */
#include "pool_help.h"

/* A call on an open session of "a". */
static int running_call(pool_rig *rig, bool may_resend)
{
    souk_err err;
    int call = rig_call_as(rig, "a", "", may_resend, &err);
    rig_run(rig);
    if (rig->calls[call].running == NULL) {
        rig_opened(rig, rig->session_count - 1);
    }
    CHECK(rig->calls[call].running != NULL);
    return call;
}

static void a_lost_session_is_renewed_once_and_the_call_sent_again(void)
{
    pool_rig *rig = rig_start();
    int call = running_call(rig, false);
    rig_failed(rig, call, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    CHECK_INT(rig->calls[call].ends, 0);
    CHECK_INT(rig->session_count, 2);
    CHECK(rig->sessions[0].session == NULL);
    rig_opened(rig, 1);
    CHECK_INT(rig->calls[call].session, 1);
    rig_done(rig, call);
    rig_run(rig);
    CHECK_OK(rig, call);
    CHECK_INT(rig->calls[call].starts, 2);
    souk_pool_stats stats = rig_stats(rig);
    CHECK_INT(stats.sessions_lost, 1);
    CHECK_INT(stats.calls_resent, 1);
    CHECK(strstr(rig->said, "session_lost") != NULL);
    CHECK(strstr(rig->said, "session_renewed") != NULL);
    rig_end(rig);
}

static void a_call_that_loses_a_second_session_fails(void)
{
    pool_rig *rig = rig_start();
    int call = running_call(rig, true);
    rig_failed(rig, call, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    rig_opened(rig, 1);
    rig_failed(rig, call, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED);
    CHECK_INT(rig->session_count, 2);
    rig_end(rig);
}

static void sixty_four_calls_in_flight_share_one_renewal(void)
{
    pool_rig *rig = rig_start();
    for (int i = 0; i < 64; i++) {
        running_call(rig, false);
    }
    for (int i = 63; i >= 0; i--) {
        rig_failed(rig, i, SOUK_DELIVERY_REJECTED, true);
        if (i % 5 == 0) {
            rig_run(rig);
        }
        if (i == 20) {
            rig_opened(rig, 1); /* some learn of the loss when the new session is open already */
        }
    }
    rig_run(rig);
    CHECK_INT(rig->session_count, 2);
    CHECK_INT(rig_stats(rig).sessions_lost, 1);
    CHECK_INT(rig_stats(rig).calls_resent, 64);
    for (int i = 0; i < 64; i++) {
        CHECK_INT(rig->calls[i].starts, 2);
        CHECK_INT(rig->calls[i].session, 1);
        rig_done(rig, i);
    }
    rig_run(rig);
    for (int i = 0; i < 64; i++) {
        CHECK_OK(rig, i);
    }
    rig_end(rig);
}

static void calls_that_go_again_keep_their_place_in_the_line(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_in_flight = 2;
    rig->options.max_sessions_per_key = 1;
    rig_make(rig);
    int first = running_call(rig, false);
    int second = running_call(rig, false);
    int third = rig_call_plain(rig, "a");
    rig_failed(rig, second, SOUK_DELIVERY_REJECTED, true);
    rig_failed(rig, first, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    rig_opened(rig, 1);
    CHECK(rig->calls[first].running != NULL && rig->calls[second].running != NULL);
    CHECK(rig->calls[third].running == NULL);
    rig_end(rig);
}

static void a_call_that_goes_again_finds_its_place_between_others(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_in_flight = 1;
    rig->options.max_sessions_per_key = 3;
    rig_make(rig);
    int calls[3];
    for (int i = 0; i < 3; i++) {
        calls[i] = running_call(rig, false);
    }
    CHECK_INT(rig->session_count, 3);
    int young = rig_call_plain(rig, "a");
    for (int i = 2; i >= 0; i -= 2) {
        rig_failed(rig, calls[i], SOUK_DELIVERY_REJECTED, true);
    }
    rig_failed(rig, calls[1], SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    for (size_t i = 3; i < 6; i++) {
        if (i < rig->session_count) {
            rig_opened(rig, i);
        }
    }
    for (int i = 0; i < 3; i++) {
        CHECK(rig->calls[calls[i]].running != NULL);
    }
    CHECK(rig->calls[young].running == NULL);
    rig_end(rig);
}

static void a_late_loss_of_an_old_session_touches_nothing(void)
{
    pool_rig *rig = rig_start();
    int a = running_call(rig, false);
    int b = running_call(rig, false);
    int c = running_call(rig, false);
    rig_failed(rig, a, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    rig_opened(rig, 1);
    CHECK_INT(rig->calls[a].session, 1);
    souk_err why;
    souk_fail(&why, SOUK_E_TRANSPORT, "gone, again");
    souk_session_lost(rig->sessions[0].session, &why);
    rig_failed(rig, b, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    CHECK_INT(rig->session_count, 2);
    CHECK_INT(rig->calls[b].session, 1);
    CHECK_INT(rig_stats(rig).sessions_lost, 1);
    rig_done(rig, c); /* the old session may still answer */
    rig_run(rig);
    CHECK_OK(rig, c);
    CHECK(rig->sessions[0].session == NULL);
    CHECK(rig->sessions[1].session != NULL);
    rig_end(rig);
}

static void a_doubtful_call_is_only_sent_again_when_that_does_no_harm(void)
{
    static const souk_delivery deliveries[] = {SOUK_DELIVERY_NOT_SENT, SOUK_DELIVERY_REJECTED,
                                               SOUK_DELIVERY_AMBIGUOUS, SOUK_DELIVERY_DELIVERED};
    for (size_t i = 0; i < 4; i++) {
        for (int may = 0; may < 2; may++) {
            pool_rig *rig = rig_start();
            int call = running_call(rig, may);
            rig_failed(rig, call, deliveries[i], true);
            rig_run(rig);
            bool again = i < 2 || may;
            CHECK_INT(rig_stats(rig).calls_resent, again);
            CHECK_INT(rig->calls[call].ends, !again);
            if (!again) {
                CHECK_END(rig, call, SOUK_E_TRANSPORT, deliveries[i]);
            }
            rig_end(rig);
        }
    }
}

/* What was certainly not sent is tried on the same session, at growing intervals. */
static void what_never_left_is_sent_again_without_a_loss(void)
{
    pool_rig *rig = rig_start();
    int call = running_call(rig, false);
    for (int i = 0; i < 2; i++) {
        rig_failed(rig, call, SOUK_DELIVERY_NOT_SENT, false);
        rig_run(rig);
        CHECK(rig->calls[call].running == NULL);
        rig_wait_for(rig, 49 + 50 * i); /* jitter: half of the time at least */
        CHECK(rig->calls[call].running == NULL);
        rig_wait_for(rig, 51 + 50 * i);
        CHECK(rig->calls[call].running != NULL);
    }
    rig_failed(rig, call, SOUK_DELIVERY_NOT_SENT, false);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig_stats(rig).calls_resent, 2);
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void what_may_have_run_is_sent_again_only_if_that_does_no_harm(void)
{
    for (int may = 0; may < 2; may++) {
        pool_rig *rig = rig_start();
        int call = running_call(rig, may);
        rig_failed(rig, call, SOUK_DELIVERY_AMBIGUOUS, false);
        rig_wait_for(rig, 100);
        CHECK((rig->calls[call].running != NULL) == may);
        if (may) {
            rig_failed(rig, call, SOUK_DELIVERY_REJECTED, false);
            rig_run(rig);
        }
        CHECK_END(rig, call, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
        rig_end(rig);
    }
}

static void doubt_about_the_first_attempt_remains_whatever_comes_of_the_second(void)
{
    for (int way = 0; way < 4; way++) {
        pool_rig *rig = rig_start();
        int call = running_call(rig, true);
        rig_failed(rig, call, SOUK_DELIVERY_AMBIGUOUS, true);
        rig_wait_for(rig,
                     100); /* the session has done nothing yet: the next is not opened at once */
        if (way == 0) {
            rig_open_failed(rig, 1);
        } else if (way == 1) {
            souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
            rig_run(rig);
        } else if (way == 2) {
            rig_wait_for(rig, 60000);
        } else {
            rig_opened(rig, 1);
            rig_failed(rig, call, SOUK_DELIVERY_REJECTED, false);
            rig_run(rig);
        }
        CHECK_INT(rig->calls[call].ends, 1);
        CHECK_INT(rig->calls[call].err.delivery, SOUK_DELIVERY_AMBIGUOUS);
        rig_end(rig);
    }
}

static void a_session_that_cannot_send_is_left_for_another(void)
{
    pool_rig *rig = rig_start();
    running_call(rig, false);
    rig->refuse_call = SOUK_E_TRANSPORT;
    int call = rig_call_plain(rig, "a");
    rig->refuse_call = SOUK_OK;
    rig_wait_for(rig, 100);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_opened(rig, 1);
    CHECK_INT(rig->calls[call].session, 1);
    CHECK_INT(rig_stats(rig).sessions_lost, 1);
    rig->refuse_call = SOUK_E_SCHEMA;
    int bad = rig_call_plain(rig, "a");
    rig_run(rig);
    CHECK_END(rig, bad, SOUK_E_SCHEMA, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig->session_count, 2);
    rig_end(rig);
}

static void a_call_that_waits_too_long_was_not_sent(void)
{
    pool_rig *rig = rig_start();
    int call = rig_call_plain(rig, "a");
    rig_wait_for(rig, 59999);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_wait_for(rig, 1);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT);
    CHECK_TEXT(rig->calls[call].err.message,
               "no session could be had within 60.0 s: a session was being opened");
    CHECK(rig->calls[call].err.retryable);
    rig_end(rig);
}

static void a_short_time_out_is_told_in_milliseconds(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    souk_target target = {.prefix = SOUK_LIT_INIT("plain"), .name = SOUK_LIT_INIT("a")};
    souk_request request = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("do")};
    souk_call_options options = {.timeout = 50, .may_resend = false};
    int call = rig_submit(rig, &target, &request, &options, &err);
    rig_wait_for(rig, 50);
    CHECK_TEXT(rig->calls[call].err.message,
               "no session could be had within 50 ms: a session was being opened");
    rig_end(rig);
}

static void a_call_that_runs_too_long_leaves_doubt_and_the_handler_is_told(void)
{
    pool_rig *rig = rig_start();
    running_call(rig, false);
    souk_err err;
    souk_target target = {.prefix = SOUK_LIT_INIT("plain"), .name = SOUK_LIT_INIT("a")};
    souk_request request = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("do")};
    souk_call_options options = {.timeout = 1500, .may_resend = false};
    int call = rig_submit(rig, &target, &request, &options, &err);
    rig_wait_for(rig, 1500);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(rig->calls[call].err.message, "no answer within 1.5 s");
    CHECK_INT(rig->sessions[0].cancelled, 1);
    CHECK_TEXT(rig->sessions[0].reason, "no answer within 1.5 s");
    CHECK_INT(rig_stats(rig).in_flight, 1);
    rig_end(rig);
}

static void progress_moves_the_deadline_up_to_the_cap(void)
{
    pool_rig *rig = rig_start();
    int call = running_call(rig, false);
    for (int i = 0; i < 11; i++) {
        rig_wait_for(rig, 54000);
        CHECK_INT(rig->calls[call].ends, 0);
        souk_call_extend(rig->calls[call].running, rig->fake.now);
    }
    rig_wait_for(rig, 600000 - 11 * 54000 - 1);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_wait_for(rig, 1);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    rig_end(rig);
}

static void a_cancelled_call_ends_once_wherever_it_is(void)
{
    pool_rig *rig = rig_start();
    int waiting = rig_call_plain(rig, "a");
    souk_pool_cancel(rig->pool, rig->calls[waiting].id, rig->fake.now);
    souk_pool_cancel(rig->pool, rig->calls[waiting].id, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, waiting, SOUK_E_CANCELLED, SOUK_DELIVERY_NOT_SENT);
    rig_opened(rig, 0);
    CHECK_INT(rig->sessions[0].started, 0);

    int running = running_call(rig, false);
    souk_pool_cancel(rig->pool, rig->calls[running].id, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, running, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(rig->sessions[0].cancelled, 1);

    int done = running_call(rig, false);
    rig_done(rig, done);
    souk_pool_cancel(rig->pool, rig->calls[done].id, rig->fake.now); /* it lost the race */
    rig_run(rig);
    CHECK_OK(rig, done);
    CHECK(!souk_pool_knows(rig->pool, rig->calls[done].id));
    souk_pool_cancel(rig->pool, rig->calls[done].id, rig->fake.now);
    souk_pool_cancel(rig->pool, 0, rig->fake.now);
    souk_pool_cancel(rig->pool, 999999, rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->calls[done].ends, 1);
    rig_end(rig);
}

static void an_end_that_is_reported_twice_counts_once(void)
{
    pool_rig *rig = rig_start();
    int call = running_call(rig, false);
    souk_call *running = rig->calls[call].running;
    souk_err why;
    rig_done(rig, call);
    souk_fail(&why, SOUK_E_TRANSPORT, "too late");
    why.delivery = SOUK_DELIVERY_AMBIGUOUS;
    souk_call_failed(running, &why, true, NULL);
    rig_run(rig);
    CHECK_OK(rig, call);
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void waiting_calls_are_bounded_per_endpoint(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    rig->options.max_waiting = 3;
    rig_make(rig);
    for (int i = 0; i < 3; i++) {
        CHECK(rig_call_plain(rig, "a") >= 0);
    }
    CHECK_INT(rig_call_as(rig, "a", "", false, &err), -1);
    CHECK_INT(err.kind, SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "more than 3 calls wait for a session of 'a' (option max_waiting)");
    CHECK(rig_call_plain(rig, "b") >= 0);
    rig_opened(rig, 0);
    CHECK(rig_call_plain(rig, "a") >= 0);
    rig_end(rig);
}

static void calls_are_bounded_until_their_ends_are_fetched(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    rig->options.max_calls = 2;
    rig_make(rig);
    int first = running_call(rig, false);
    running_call(rig, false);
    CHECK_INT(rig_call_as(rig, "a", "", false, &err), -1);
    CHECK_TEXT(err.message, "more than 2 calls are under way (option max_calls)");
    rig_done(rig, first);
    souk_pool_run(rig->pool, rig->fake.now);
    CHECK(souk_pool_has_outcome(rig->pool));
    CHECK_INT(rig_call_as(rig, "a", "", false, &err), -1);
    rig_run(rig);
    CHECK(!souk_pool_has_outcome(rig->pool));
    CHECK(rig_call_plain(rig, "a") >= 0);
    rig_end(rig);
}

static void there_is_an_end_to_handlers(void)
{
    static souk_handler many[20];
    static char prefixes[20][16];
    pool_rig *rig = rig_start();
    souk_err err;
    int failed = SOUK_OK;
    for (int i = 0; i < 20 && failed == SOUK_OK; i++) {
        snprintf(prefixes[i], sizeof prefixes[i], "h%d", i);
        many[i] = rig->plain;
        many[i].prefix = prefixes[i];
        failed = souk_pool_add_handler(rig->pool, &many[i], &err);
    }
    CHECK_INT(failed, SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "more than 16 session handlers");
    rig_end(rig);
}

static void an_unknown_handler_is_named_beside_those_that_exist(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    souk_target target = {.prefix = SOUK_LIT_INIT("openapi"), .name = SOUK_LIT_INIT("a")};
    souk_request request = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("do")};
    souk_call_options options = {.timeout = 0, .may_resend = false};
    CHECK_INT(rig_submit(rig, &target, &request, &options, &err), -1);
    CHECK_INT(err.kind, SOUK_E_CONFIG);
    CHECK_TEXT(err.message,
               "no session handler for 'openapi' is registered (there are: plain, mcp, asking)");
    CHECK_INT(souk_pool_add_handler(rig->pool, &rig->plain, &err), SOUK_E_CONFIG);
    CHECK_TEXT(err.message, "a session handler for 'plain' is registered already");
    CHECK_INT(rig_call_as(rig, "", "", false, &err), -1);
    CHECK_TEXT(err.message, "the server has no name");
    CHECK_INT(rig_stats(rig).keys, 0);
    rig_end(rig);
}

int main(void)
{
    CASE(a_lost_session_is_renewed_once_and_the_call_sent_again);
    CASE(a_call_that_loses_a_second_session_fails);
    CASE(sixty_four_calls_in_flight_share_one_renewal);
    CASE(calls_that_go_again_keep_their_place_in_the_line);
    CASE(a_call_that_goes_again_finds_its_place_between_others);
    CASE(a_late_loss_of_an_old_session_touches_nothing);
    CASE(a_doubtful_call_is_only_sent_again_when_that_does_no_harm);
    CASE(what_never_left_is_sent_again_without_a_loss);
    CASE(what_may_have_run_is_sent_again_only_if_that_does_no_harm);
    CASE(doubt_about_the_first_attempt_remains_whatever_comes_of_the_second);
    CASE(a_session_that_cannot_send_is_left_for_another);
    CASE(a_call_that_waits_too_long_was_not_sent);
    CASE(a_short_time_out_is_told_in_milliseconds);
    CASE(a_call_that_runs_too_long_leaves_doubt_and_the_handler_is_told);
    CASE(progress_moves_the_deadline_up_to_the_cap);
    CASE(a_cancelled_call_ends_once_wherever_it_is);
    CASE(an_end_that_is_reported_twice_counts_once);
    CASE(waiting_calls_are_bounded_per_endpoint);
    CASE(calls_are_bounded_until_their_ends_are_fetched);
    CASE(there_is_an_end_to_handlers);
    CASE(an_unknown_handler_is_named_beside_those_that_exist);
    return tap_done();
}
