/* Calls that stand until something ends them: they neither hold a session nor claim one. */
#include "pool_help.h"

static int put_standing(pool_rig *rig, const char *server)
{
    souk_err err;
    souk_target target = {.prefix = SOUK_LIT_INIT("plain"), .name = souk_slice_of(server)};
    souk_request request = {.kind = SOUK_REQUEST_LISTEN, .capability = target.name};
    souk_call_options options = {.standing = true};
    return rig_submit(rig, &target, &request, &options, &err);
}

static void stays_until_it_is_cancelled(void)
{
    pool_rig *rig = rig_start();
    int call = put_standing(rig, "a");
    rig_opened(rig, 0);
    CHECK(rig->calls[call].running != NULL);
    CHECK(rig->calls[call].running->deadline == SOUK_NEVER);
    CHECK(rig->calls[call].running->cap == SOUK_NEVER);
    souk_call_extend(rig->calls[call].running, rig->fake.now);
    CHECK(rig->calls[call].running->deadline == SOUK_NEVER);
    rig_wait_for(rig, 3000000); /* longer than any call, and than an idle session */
    CHECK_INT(rig->calls[call].ends, 0);
    CHECK_INT(rig_stats(rig).sessions, 1);
    souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(rig->sessions[0].cancelled, 1);
    rig_wait_for(rig, 300000);
    CHECK_INT(rig_stats(rig).sessions, 0); /* from then on it was idle */
    rig_end(rig);
}

static void is_told_apart_in_the_numbers(void)
{
    pool_rig *rig = rig_start();
    size_t cursor = 0;
    souk_session_info info;
    int standing = put_standing(rig, "a");
    CHECK_INT(rig_stats(rig).standing, 1);
    CHECK_INT(rig_stats(rig).waiting, 0);
    rig_opened(rig, 0);
    rig_call_plain(rig, "a");
    souk_pool_stats stats = rig_stats(rig);
    CHECK_INT(stats.standing, 1);
    CHECK_INT(stats.in_flight, 1);
    CHECK_INT(stats.calls, 1);
    CHECK(souk_pool_each_session(rig->pool, &cursor, rig->fake.now, &info));
    CHECK_INT(info.in_flight, 1);
    CHECK_INT(info.calls, 1);
    rig_failed(rig, standing, SOUK_DELIVERY_AMBIGUOUS, false);
    rig_run(rig);
    CHECK_END(rig, standing, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    stats = rig_stats(rig);
    CHECK_INT(stats.standing, 0);
    CHECK_INT(stats.in_flight, 1);
    CHECK_INT(stats.calls_ok + stats.calls_failed, 0);
    rig_end(rig);
}

static void takes_no_room_on_a_session_and_opens_no_second_one(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_in_flight = 1;
    rig_make(rig);
    int first = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    int standing = put_standing(rig, "a"); /* the session is full */
    CHECK(rig->calls[standing].running != NULL);
    CHECK_INT(rig->session_count, 1);
    rig_done(rig, first);
    rig_run(rig);
    int second = rig_call_plain(rig, "a"); /* and not fuller now */
    CHECK(rig->calls[second].running != NULL);
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void does_not_wait_behind_calls(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_in_flight = 1;
    rig->options.max_sessions_per_key = 1;
    rig_make(rig);
    rig_call_plain(rig, "a");
    rig_call_plain(rig, "a");
    int standing = put_standing(rig, "a");
    int other = put_standing(rig, "a");
    rig_opened(rig, 0);
    CHECK(rig->calls[standing].running != NULL);
    CHECK(rig->calls[other].running != NULL);
    CHECK(rig->calls[1].running == NULL);
    CHECK_INT(rig_stats(rig).waiting, 1);
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void ends_when_its_session_is_replaced(void)
{
    pool_rig *rig = rig_start();
    int standing = put_standing(rig, "a");
    int other = put_standing(rig, "a");
    rig_opened(rig, 0);
    int call = rig_call_plain(rig, "a");
    souk_pool_close_sessions(rig->pool, SOUK_LIT("a"), rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, standing, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_END(rig, other, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(rig->calls[standing].err.message, "the session was replaced");
    CHECK_TEXT(rig->sessions[0].reason, "the session was replaced");
    CHECK_INT(rig->sessions[0].cancelled, 2);
    CHECK(!rig->sessions[0].closing); /* it waits for the call, which is another matter */
    int again = put_standing(rig, "a");
    CHECK_INT(rig->session_count, 2);
    rig_opened(rig, 1);
    CHECK_INT(rig->calls[again].session, 1);
    rig_done(rig, call);
    rig_run(rig);
    CHECK_OK(rig, call);
    CHECK(rig->sessions[0].closing);
    rig_end(rig);
}

static void a_session_that_only_listens_is_replaced_in_time(void)
{
    pool_rig *rig = rig_start();
    int standing = put_standing(rig, "a");
    rig_opened(rig, 0);
    rig_wait_for(rig, rig->options.max_life + 1);
    CHECK_END(rig, standing, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(rig_stats(rig).sessions, 0);
    CHECK_INT(rig_stats(rig).sessions_closed, 1);
    rig_end(rig);
}

static void is_never_sent_again_by_the_pool(void)
{
    pool_rig *rig = rig_start();
    int standing = put_standing(rig, "a");
    rig_opened(rig, 0);
    rig_failed(rig, standing, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    CHECK_END(rig, standing, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED);
    CHECK_INT(rig_stats(rig).sessions, 0); /* the session was lost */
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void fails_when_there_is_no_session_to_be_had(void)
{
    pool_rig *rig = rig_start();
    int standing = put_standing(rig, "a");
    rig_open_failed(rig, 0);
    CHECK_END(rig, standing, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
    rig_end(rig);
}

static void makes_room_for_calls_and_takes_none_from_others(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_sessions = 1;
    rig_make(rig);
    int a = put_standing(rig, "a");
    rig_opened(rig, 0);
    /* Another one would only take the place of the first. */
    int b = put_standing(rig, "b");
    rig_run(rig);
    CHECK_END(rig, b, SOUK_E_LIMIT, SOUK_DELIVERY_NOT_SENT);
    CHECK_INT(rig->calls[a].ends, 0);
    int c = rig_call_plain(rig, "c");
    rig_run(rig);
    CHECK_END(rig, a, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    rig_opened(rig, 1);
    rig_done(rig, c);
    rig_run(rig);
    CHECK_OK(rig, c);
    rig_end(rig);
}

static void one_whose_end_is_known_does_not_count_as_gone(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_sessions = 1;
    rig_make(rig);
    int a = put_standing(rig, "a");
    rig_opened(rig, 0);
    rig_failed(rig, a, SOUK_DELIVERY_AMBIGUOUS, false);
    int b = rig_call_plain(rig, "b"); /* before the pool had time to act on that */
    CHECK_INT(rig->session_count, 1);
    rig_run(rig);
    CHECK_END(rig, a, SOUK_E_TRANSPORT, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_END(rig, b, SOUK_E_LIMIT, SOUK_DELIVERY_NOT_SENT);
    b = rig_call_plain(rig, "b");
    CHECK_INT(rig->session_count, 2);
    rig_end(rig);
}

static void is_no_use_of_an_endpoint(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    souk_target c = {.prefix = SOUK_LIT_INIT("plain"), .name = SOUK_LIT_INIT("c")};
    souk_request request = {.kind = SOUK_REQUEST_LISTEN, .capability = c.name};
    souk_call_options options = {.standing = true};
    rig->options.max_keys = 2;
    rig_make(rig);
    int a = put_standing(rig, "a");
    int b = put_standing(rig, "b");
    rig_opened(rig, 0);
    rig_opened(rig, 1);
    CHECK_INT(rig_submit(rig, &c, &request, &options, &err), -1);
    CHECK_INT(err.kind, SOUK_E_LIMIT);
    int call = rig_call_plain(rig, "c");
    rig_run(rig);
    CHECK_END(rig, a, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_INT(rig->calls[b].ends, 0);
    rig_opened(rig, 2);
    rig_done(rig, call);
    rig_run(rig);
    CHECK_OK(rig, call);
    CHECK_INT(rig_stats(rig).keys, 2);
    rig_end(rig);
}

static void closing_the_pool_ends_it(void)
{
    pool_rig *rig = rig_start();
    int standing = put_standing(rig, "a");
    rig_opened(rig, 0);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_END(rig, standing, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_TEXT(rig->calls[standing].err.message, "the pool was closed");
    CHECK(souk_pool_is_empty(rig->pool));
    rig_end(rig);
}

int main(void)
{
    CASE(stays_until_it_is_cancelled);
    CASE(is_told_apart_in_the_numbers);
    CASE(takes_no_room_on_a_session_and_opens_no_second_one);
    CASE(does_not_wait_behind_calls);
    CASE(ends_when_its_session_is_replaced);
    CASE(a_session_that_only_listens_is_replaced_in_time);
    CASE(is_never_sent_again_by_the_pool);
    CASE(fails_when_there_is_no_session_to_be_had);
    CASE(makes_room_for_calls_and_takes_none_from_others);
    CASE(one_whose_end_is_known_does_not_count_as_gone);
    CASE(is_no_use_of_an_endpoint);
    CASE(closing_the_pool_ends_it);
    return tap_done();
}
