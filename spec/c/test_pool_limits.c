/* How many sessions and endpoints there may be, and who has to go. */
#include "pool_help.h"

static void a_full_session_gets_a_second_one_beside_it(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_in_flight = 2;
    rig->options.max_sessions_per_key = 2;
    rig_make(rig);
    for (int i = 0; i < 7; i++) {
        CHECK_INT(rig_call_plain(rig, "a"), i);
        rig_run(rig);
        for (size_t s = 0; s < rig->session_count; s++) {
            rig_opened(rig, s);
        }
    }
    CHECK_INT(rig->session_count, 2);
    CHECK_INT(rig_stats(rig).in_flight, 4);
    CHECK_INT(rig_stats(rig).waiting, 3);
    for (int i = 0; i < 7; i++) {
        CHECK(rig->calls[i].running != NULL); /* first come, first served */
        rig_done(rig, i);
        rig_run(rig);
    }
    for (int i = 0; i < 7; i++) {
        CHECK_OK(rig, i);
    }
    rig_end(rig);
}

static void calls_go_to_the_session_with_the_fewest_in_flight(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_in_flight = 3;
    rig_make(rig);
    for (int i = 0; i < 4; i++) {
        rig_call_plain(rig, "a");
    }
    rig_opened(rig, 0);
    rig_opened(rig, 1);
    CHECK_INT(rig->sessions[1].started, 1);
    rig_call_plain(rig, "a");
    CHECK_INT(rig->sessions[1].started, 2);
    rig_end(rig);
}

static void all_sessions_in_use_are_a_limit_and_an_idle_one_makes_room(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_sessions = 2;
    rig_make(rig);
    int a = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig->fake.now += 10;
    int b = rig_call_plain(rig, "b");
    rig_opened(rig, 1);
    int c = rig_call_plain(rig, "c");
    rig_run(rig);
    CHECK_END(rig, c, SOUK_E_LIMIT, SOUK_DELIVERY_NOT_SENT);
    CHECK_TEXT(rig->calls[c].err.message, "2 sessions are open (option max_sessions)");
    rig->fake.now += 10;
    rig_done(rig, b);
    rig_run(rig);
    rig->fake.now += 10;
    rig_done(rig, a);
    rig_run(rig);
    rig->silent_close = true;
    int d = rig_call_plain(
        rig, "d"); /* b was idle for longest: it is closed in order, and does not count meanwhile */
    CHECK(rig->sessions[1].closing && rig->sessions[1].session != NULL);
    CHECK(!rig->sessions[0].closing);
    CHECK_INT(rig->session_count, 3);
    rig_opened(rig, 2);
    CHECK(rig->calls[d].running != NULL);
    souk_session_closed(rig->sessions[1].session);
    rig_run(rig);
    CHECK(rig->sessions[1].session == NULL);
    CHECK(strstr(rig->said, "\"reason\":\"max_sessions\"") != NULL);
    rig_end(rig);
}

static void closing_sessions_are_bounded_too(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_sessions = 3;
    rig->silent_close = true;
    rig_make(rig);
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        int call = rig_call_plain(rig, name);
        CHECK_INT(rig->session_count, i + 1);
        rig_opened(rig, (size_t)i);
        rig_done(rig, call);
        rig_run(rig);
        CHECK_OK(rig, call);
        CHECK(rig_stats(rig).sessions <= 6);
        rig->fake.now++;
    }
    rig_wait_for(rig, 5000);
    CHECK_INT(rig_stats(rig).sessions, 3);
    rig_end(rig);
}

static void endpoints_are_bounded_and_the_one_idle_for_longest_goes(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_keys = 3;
    rig_make(rig);
    static const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        int call = rig_call_plain(rig, names[i]);
        rig_opened(rig, (size_t)i);
        if (i != 0) { /* the call to a stays in flight */
            rig_done(rig, call);
        }
        rig_run(rig);
        rig->fake.now += 10;
    }
    int again = rig_call_plain(rig, "b"); /* now c is idle for longest */
    rig_done(rig, again);
    rig_run(rig);
    CHECK_INT(rig_stats(rig).keys, 3);
    rig->silent_close = true;
    int d = rig_call_plain(rig, "d");
    rig_run(rig);
    CHECK_INT(rig_stats(rig).keys, 3);
    CHECK(rig->sessions[2].closing && rig->sessions[2].session != NULL);
    CHECK(!rig->sessions[0].closing && !rig->sessions[1].closing);
    rig_opened(rig, 3);
    rig_done(rig, d);
    rig_run(rig);
    CHECK_OK(rig, d);
    souk_session_closed(rig->sessions[2].session);
    rig_run(rig);
    CHECK(rig->sessions[2].session == NULL);
    int c = rig_call_plain(rig, "c"); /* c comes back with a session of its own; b goes */
    CHECK_INT(rig->session_count, 5);
    CHECK(rig->sessions[1].closing);
    CHECK(c >= 0);
    rig_end(rig);
}

static void an_endpoint_without_a_session_makes_room_at_once(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_keys = 1;
    rig->refuse_open = SOUK_E_CONFIG;
    rig_make(rig);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        int call = rig_call_plain(rig, name);
        rig_run(rig);
        CHECK_END(rig, call, SOUK_E_CONFIG, SOUK_DELIVERY_NOT_SENT);
        CHECK_INT(rig_stats(rig).keys, 1);
    }
    rig_end(rig);
}

static void endpoints_in_use_are_a_limit(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    rig->options.max_keys = 2;
    rig_make(rig);
    CHECK(rig_call_plain(rig, "a") >= 0);
    CHECK(rig_call_plain(rig, "b") >= 0);
    CHECK_INT(rig_call_as(rig, "c", "", false, &err), -1);
    CHECK_INT(err.kind, SOUK_E_LIMIT);
    CHECK_TEXT(err.message, "2 endpoints are in use (option max_keys)");
    rig_end(rig);
}

int main(void)
{
    CASE(a_full_session_gets_a_second_one_beside_it);
    CASE(calls_go_to_the_session_with_the_fewest_in_flight);
    CASE(all_sessions_in_use_are_a_limit_and_an_idle_one_makes_room);
    CASE(closing_sessions_are_bounded_too);
    CASE(endpoints_are_bounded_and_the_one_idle_for_longest_goes);
    CASE(an_endpoint_without_a_session_makes_room_at_once);
    CASE(endpoints_in_use_are_a_limit);
    return tap_done();
}
