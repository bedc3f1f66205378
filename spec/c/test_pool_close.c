/* The end of a pool, and what it tells observers. */
#include "pool_help.h"

static void closing_ends_all_calls_and_sessions(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    int running = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    int waiting = rig_call_plain(rig, "b");
    int done = rig_call_plain(rig, "a");
    rig_done(rig, done);
    souk_pool_close(rig->pool, rig->fake.now);
    CHECK(souk_pool_is_empty(rig->pool));
    rig_run(rig);
    CHECK_END(rig, running, SOUK_E_CLOSED, SOUK_DELIVERY_AMBIGUOUS);
    CHECK_END(rig, waiting, SOUK_E_CLOSED, SOUK_DELIVERY_NOT_SENT);
    CHECK_OK(rig, done);
    CHECK_INT(rig->sessions[0].cancelled, 1);
    CHECK(rig->sessions[0].closing && rig->sessions[1].closing);
    CHECK_INT(rig_call_as(rig, "a", "", false, &err), -1);
    CHECK_INT(err.kind, SOUK_E_CLOSED);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->calls[running].ends, 1);
    CHECK(souk_pool_deadline(rig->pool) == SOUK_NEVER);
    rig_end(rig);
}

static void closing_does_not_wait_longer_than_its_time(void)
{
    pool_rig *rig = rig_start();
    rig->silent_close = true;
    rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig_call_plain(rig, "b");
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK(!souk_pool_is_empty(rig->pool));
    rig_wait_for(rig, 4999);
    CHECK_INT(rig_stats(rig).sessions, 2);
    rig_wait_for(rig, 1);
    CHECK(souk_pool_is_empty(rig->pool));
    CHECK(strstr(rig->said, "\"reason\":\"close_timeout\"") != NULL);
    rig_end(rig);
}

static void a_call_that_loses_its_session_is_not_sent_again_while_closing(void)
{
    pool_rig *rig = rig_start();
    int call = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig_failed(rig, call, SOUK_DELIVERY_REJECTED, true);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->calls[call].ends, 1);
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void sessions_of_one_server_can_be_closed(void)
{
    pool_rig *rig = rig_start();
    int a = rig_call_plain(rig, "a");
    int b = rig_call_plain(rig, "b");
    rig_opened(rig, 0);
    rig_opened(rig, 1);
    rig_done(rig, b);
    rig_run(rig);
    souk_pool_close_sessions(rig->pool, SOUK_LIT("a"), rig->fake.now);
    rig_run(rig);
    CHECK(!rig->sessions[0].closing); /* in use: it closes when its call has ended */
    CHECK(!rig->sessions[1].closing);
    rig_done(rig, a);
    rig_run(rig);
    CHECK(rig->sessions[0].session == NULL);
    CHECK_OK(rig, a);
    souk_pool_close_sessions(rig->pool, SOUK_LIT(""), rig->fake.now);
    rig_run(rig);
    CHECK(rig->sessions[1].session == NULL);
    CHECK(rig_call_plain(rig, "b") >= 0);
    CHECK_INT(rig->session_count, 3);
    rig_end(rig);
}

static void freeing_drops_whatever_is_under_way(void)
{
    pool_rig *rig = rig_start();
    int call = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig_done(rig, call); /* reported, and never looked at */
    rig_call_plain(rig, "a");
    rig_call_plain(rig, "b");
    rig_end(rig);
    souk_pool_free(NULL);
}

static void notes_tell_the_life_of_a_session(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    int call = rig_call_as(rig, "a", "ann", false, &err);
    rig_run(rig);
    CHECK_TEXT(rig->said,
               "session_opening "
               "{\"server\":\"a\",\"handler\":\"plain\",\"identity\":\"ann\",\"session\":\"\","
               "\"detail\":\"\",\"generation\":1,\"age_ms\":0}\n"
               "session_waiting {\"server\":\"a\",\"handler\":\"plain\",\"identity\":\"ann\","
               "\"reason\":\"a session was being opened\"}\n");
    rig->fake.now += 30;
    souk_session_note(rig->sessions[0].session, "custom", SOUK_LIT("{\"x\":1}"));
    rig_opened(rig, 0);
    rig_done(rig, call);
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK(strstr(rig->said, "custom {\"server\":\"a\"") != NULL);
    CHECK(strstr(rig->said, ",\"data\":{\"x\":1}}\n") != NULL);
    const char *opened = strstr(rig->said, "session_opened");
    const char *closed = strstr(rig->said, "session_closed");
    CHECK(opened != NULL && closed != NULL && opened < closed);
    CHECK(strstr(rig->said,
                 "\"session\":\"plain 1\",\"detail\":\"\",\"generation\":1,\"age_ms\":30") != NULL);
    rig_end(rig);
}

static void notes_are_bounded_and_those_dropped_are_counted(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_notes = 2;
    rig_make(rig);
    rig_call_plain(rig, "a");
    souk_session_opened(rig->sessions[0].session);
    souk_pool_run(rig->pool, rig->fake.now);
    for (int i = 0; i < 5; i++) {
        rig_call_plain(rig, "a");
    }
    CHECK_INT(rig_stats(rig).notes_dropped, 6);
    rig_run(rig);
    CHECK_INT(rig->notes, 2);
    rig_call_plain(rig, "a");
    rig_run(rig);
    CHECK_INT(rig->notes, 3);
    souk_pool_want_notes(rig->pool, false);
    rig_call_plain(rig, "a");
    rig_run(rig);
    CHECK_INT(rig->notes, 3);
    CHECK_INT(rig_stats(rig).notes_dropped, 6);
    rig_end(rig);
}

static void a_note_that_cannot_be_written_is_dropped_and_counted(void)
{
    pool_rig *rig = rig_start();
    rig_call_plain(rig, "a\xFF");
    rig_run(rig);
    CHECK_INT(rig->notes, 0);
    CHECK_INT(rig_stats(rig).notes_dropped, 2);
    rig_end(rig);
}

int main(void)
{
    CASE(closing_ends_all_calls_and_sessions);
    CASE(closing_does_not_wait_longer_than_its_time);
    CASE(a_call_that_loses_its_session_is_not_sent_again_while_closing);
    CASE(sessions_of_one_server_can_be_closed);
    CASE(freeing_drops_whatever_is_under_way);
    CASE(notes_tell_the_life_of_a_session);
    CASE(notes_are_bounded_and_those_dropped_are_counted);
    CASE(a_note_that_cannot_be_written_is_dropped_and_counted);
    return tap_done();
}
