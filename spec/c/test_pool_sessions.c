/* Sessions: who shares one, and how long it lives. */
#include "pool_help.h"

static void two_hundred_callers_open_one_session(void)
{
    pool_rig *rig = rig_start();
    for (int i = 0; i < 200; i++) {
        CHECK_INT(rig_call_plain(rig, "a"), i);
        rig_run(rig);
    }
    CHECK_INT(rig->session_count, 1);
    CHECK_INT(rig_stats(rig).waiting, 200);
    rig_opened(rig, 0);
    CHECK_INT(rig->sessions[0].started, 200);
    CHECK_INT(rig_stats(rig).in_flight, 200);
    for (int i = 0; i < 200; i++) {
        rig_done(rig, i);
    }
    rig_run(rig);
    for (int i = 0; i < 200; i++) {
        char want[32];
        snprintf(want, sizeof want, "%llu", (unsigned long long)rig->calls[i].id);
        CHECK_OK(rig, i);
        CHECK_TEXT(rig->calls[i].value, want);
    }
    souk_pool_stats stats = rig_stats(rig);
    CHECK_INT(stats.sessions_opened, 1);
    CHECK_INT(stats.calls, 200);
    CHECK_INT(stats.calls_ok, 200);
    CHECK_INT(stats.sessions_reused, 0);
    CHECK_INT(stats.in_flight + stats.waiting, 0);
    rig_end(rig);
}

static void a_later_call_finds_the_open_session(void)
{
    pool_rig *rig = rig_start();
    int first = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig_done(rig, first);
    rig_run(rig);
    int second = rig_call_plain(rig, "a");
    CHECK(rig->calls[second].running != NULL); /* at once */
    rig_done(rig, second);
    rig_run(rig);
    CHECK_OK(rig, first);
    CHECK_OK(rig, second);
    CHECK_INT(rig->session_count, 1);
    CHECK_INT(rig_stats(rig).sessions_reused, 1);
    CHECK(strstr(rig->said, "session_reused") != NULL);
    rig_end(rig);
}

static void two_identities_and_two_servers_share_nothing(void)
{
    static const char *const who[][2] = {
        {"a", ""}, {"a", "ann"}, {"a", "bob"}, {"b", "ann"}, {"a", "ann "}};
    pool_rig *rig = rig_start();
    souk_err err;
    for (int i = 0; i < 5; i++) {
        CHECK_INT(rig_call_as(rig, who[i][0], who[i][1], false, &err), i);
        CHECK_INT(rig->session_count, i + 1);
        rig_opened(rig, (size_t)i);
    }
    for (int i = 0; i < 5; i++) {
        int again = rig_call_as(rig, who[i][0], who[i][1], false, &err);
        CHECK_INT(rig->calls[again].session, i);
    }
    CHECK_INT(rig->session_count, 5);
    CHECK_INT(rig_stats(rig).keys, 5);
    rig_end(rig);
}

static void identity_and_endpoint_cannot_imitate_each_other(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    CHECK(rig_call_as(rig, "c", "a 1 b", false, &err) >= 0);
    CHECK(rig_call_as(rig, "b c", "a", false, &err) >= 0);
    CHECK(rig_call_as(rig, "1 b c", "a", false, &err) >= 0);
    CHECK_INT(rig->session_count, 3);
    rig_end(rig);
}

static int call_with_memo(pool_rig *rig, const char *server, souk_target_memo *memo)
{
    souk_err err;
    souk_target target = {
        .prefix = SOUK_LIT_INIT("plain"), .name = souk_slice_of(server), .memo = memo};
    souk_request request = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("do")};
    souk_call_options options = {.timeout = 0, .may_resend = false};
    return rig_submit(rig, &target, &request, &options, &err);
}

static void a_memo_saves_describing_the_endpoint_for_a_while(void)
{
    souk_target_memo memo = {NULL, 0, 0};
    pool_rig *rig = rig_start();
    for (int i = 0; i < 10; i++) {
        CHECK(call_with_memo(rig, "a", &memo) >= 0);
    }
    CHECK_INT(rig->described, 1);
    CHECK_INT(rig->session_count, 1);
    CHECK(call_with_memo(rig, "a", NULL) >= 0);
    CHECK_INT(rig->described, 2);
    rig->fake.now += 1000;
    CHECK(call_with_memo(rig, "a", &memo) >= 0);
    CHECK_INT(rig->described, 3);
    CHECK_INT(rig_stats(rig).keys, 1);
    rig_end(rig);
}

static void a_memo_of_an_endpoint_that_left_is_not_believed(void)
{
    souk_target_memo memo = {NULL, 0, 0};
    pool_rig *rig = rig_new();
    rig->options.max_keys = 1;
    rig_make(rig);
    int call = call_with_memo(rig, "a", &memo);
    rig_opened(rig, 0);
    rig_done(rig, call);
    rig_run(rig);
    rig->silent_close = true;
    call = rig_call_plain(rig, "b"); /* a has to go */
    CHECK(rig->sessions[0].closing);
    rig_opened(rig, 1);
    rig_done(rig, call);
    rig_run(rig);
    call = call_with_memo(rig, "a", &memo);
    CHECK_INT(rig->session_count, 3);
    CHECK_INT(rig->described, 3);
    rig_opened(rig, 2);
    CHECK_INT(rig->calls[call].session, 2);
    rig_end(rig);
}

static void an_idle_session_is_closed_after_its_time(void)
{
    pool_rig *rig = rig_start();
    int call = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig_wait_for(rig, 50000); /* in use for long: that is not idle */
    rig_done(rig, call);
    rig_run(rig);
    rig_wait_for(rig, 299999);
    CHECK(!rig->sessions[0].closing);
    call = rig_call_plain(rig, "a");
    rig_done(rig, call);
    rig_wait_for(rig, 299999);
    CHECK(!rig->sessions[0].closing);
    rig_wait_for(rig, 1);
    CHECK(rig->sessions[0].session == NULL && rig->sessions[0].closing);
    CHECK_INT(rig_stats(rig).sessions_closed, 1);
    CHECK(strstr(rig->said, "\"reason\":\"idle_timeout\"") != NULL);
    CHECK(souk_pool_deadline(rig->pool) == SOUK_NEVER);
    rig_call_plain(rig, "a");
    CHECK_INT(rig->session_count, 2);
    rig_end(rig);
}

static void lives_differ_and_end_when_the_last_call_has_ended(void)
{
    enum { SESSIONS = 20 };
    pool_rig *rig = rig_new();
    rig->options.idle_timeout = 86400000;
    rig_make(rig);
    souk_ms start = rig->fake.now;
    for (int i = 0; i < SESSIONS; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        int call = rig_call_plain(rig, name);
        rig_opened(rig, (size_t)i);
        rig_done(rig, call);
        rig_run(rig);
    }
    rig_wait_for(rig, 3600000 * 9 / 10 - 1);
    CHECK_INT(rig_stats(rig).sessions, SESSIONS);
    souk_ms ends[SESSIONS];
    size_t ended = 0;
    souk_ms last = 0;
    size_t moments = 0;
    while (ended < SESSIONS && rig->fake.now < start + 3700000) {
        souk_ms at = souk_pool_deadline(rig->pool);
        rig_wait_for(rig, at - rig->fake.now);
        while (ended < SESSIONS - rig_stats(rig).sessions) {
            ends[ended++] = rig->fake.now - start;
        }
        moments += rig->fake.now != last;
        last = rig->fake.now;
    }
    CHECK_INT(ended, SESSIONS);
    CHECK(moments > SESSIONS / 2);
    for (size_t i = 0; i < ended; i++) {
        CHECK(ends[i] >= 3240000 && ends[i] <= 3600000);
    }
    CHECK(strstr(rig->said, "\"reason\":\"max_life\"") != NULL);
    rig_end(rig);

    rig = rig_new();
    rig->options.max_life = 10000;
    rig_make(rig);
    int old = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig_wait_for(rig, 10000);
    CHECK(!rig->sessions[0].closing); /* it retires, with a call in flight */
    int fresh = rig_call_plain(rig, "a");
    CHECK_INT(rig->session_count, 2);
    rig_opened(rig, 1);
    CHECK_INT(rig->calls[fresh].session, 1);
    rig_done(rig, old);
    rig_run(rig);
    CHECK_OK(rig, old);
    CHECK(rig->sessions[0].closing && rig->sessions[0].session == NULL);
    rig_end(rig);
}

static void a_session_that_does_not_open_fails_all_who_wait(void)
{
    pool_rig *rig = rig_start();
    for (int i = 0; i < 10; i++) {
        rig_call_plain(rig, "a");
    }
    rig_open_failed(rig, 0);
    for (int i = 0; i < 10; i++) {
        CHECK_END(rig, i, SOUK_E_TRANSPORT, SOUK_DELIVERY_NOT_SENT);
        CHECK_TEXT(rig->calls[i].err.message, "no connection");
    }
    CHECK(rig->sessions[0].session == NULL);
    CHECK_INT(rig_stats(rig).sessions_failed, 1);
    rig_call_plain(rig, "a"); /* the next one tries again, though not at once */
    CHECK_INT(rig->session_count, 1);
    rig_wait_for(rig, 100);
    CHECK_INT(rig->session_count, 2);
    rig_end(rig);

    rig = rig_start();
    rig->refuse_open = SOUK_E_CONFIG;
    int call = rig_call_plain(rig, "a");
    rig_run(rig);
    CHECK_END(rig, call, SOUK_E_CONFIG, SOUK_DELIVERY_NOT_SENT);
    CHECK(strstr(rig->said, "session_failed") != NULL);
    rig_end(rig);
}

static void a_handler_is_ticked_when_it_wants_to_be(void)
{
    pool_rig *rig = rig_start();
    rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    rig->sessions[0].deadline = rig->fake.now + 500;
    souk_io_event event = {.kind = SOUK_IO_END, .id = rig->sessions[0].session->id_base + 1};
    rig_pool_sink(rig, &event); /* after an event the pool asks for the deadline again */
    rig_wait_for(rig, 499);
    CHECK_INT(rig->sessions[0].ticks, 0);
    rig_wait_for(rig, 1);
    CHECK_INT(rig->sessions[0].ticks, 1);
    rig_end(rig);
}

static void events_find_their_session_and_no_later_one_in_its_place(void)
{
    pool_rig *rig = rig_start();
    rig_call_plain(rig, "a");
    rig_call_plain(rig, "b");
    souk_io_event event = {.kind = SOUK_IO_END, .id = rig->sessions[0].session->id_base + 7};
    rig_pool_sink(rig, &event);
    CHECK_INT(rig->sessions[0].events, 1);
    CHECK_INT(rig->sessions[1].events, 0);
    rig_open_failed(rig, 0);
    rig_call_plain(rig, "a");
    rig_wait_for(rig, 100);
    CHECK((rig->sessions[2].session->id_base >> 48) == (event.id >> 48)); /* the same place */
    rig_pool_sink(rig, &event);
    CHECK_INT(rig->sessions[2].events, 0);
    event.id = rig->sessions[2].session->id_base + 1;
    rig_pool_sink(rig, &event);
    CHECK_INT(rig->sessions[2].events, 1);
    event.id = UINT64_MAX;
    rig_pool_sink(rig, &event);
    rig_end(rig);
}

static void sessions_can_be_listed(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    souk_session_info info;
    size_t cursor = 0;
    CHECK(!souk_pool_each_session(rig->pool, &cursor, rig->fake.now, &info));
    int a = rig_call_as(rig, "a", "ann", false, &err);
    rig_opened(rig, 0);
    rig_call_as(rig, "b", "", false, &err);
    rig->fake.now += 70;
    cursor = 0;
    CHECK(souk_pool_each_session(rig->pool, &cursor, rig->fake.now, &info));
    CHECK_SLICE(info.handler, "plain");
    CHECK_SLICE(info.server, "a");
    CHECK_SLICE(info.identity, "ann");
    CHECK_TEXT(info.state, "open");
    CHECK_TEXT(info.label, "plain 1");
    CHECK_INT(info.generation, 1);
    CHECK_INT(info.in_flight, 1);
    CHECK_INT(info.calls, 1);
    CHECK_INT(info.age, 70);
    CHECK_INT(info.idle, 0);
    CHECK(souk_pool_each_session(rig->pool, &cursor, rig->fake.now, &info));
    CHECK_TEXT(info.state, "opening");
    CHECK(!souk_pool_each_session(rig->pool, &cursor, rig->fake.now, &info));
    rig_done(rig, a);
    rig_run(rig);
    rig->fake.now += 5;
    cursor = 0;
    CHECK(souk_pool_each_session(rig->pool, &cursor, rig->fake.now, &info));
    CHECK_INT(info.in_flight, 0);
    CHECK_INT(info.idle, 5);
    rig_end(rig);
}

int main(void)
{
    CASE(two_hundred_callers_open_one_session);
    CASE(a_later_call_finds_the_open_session);
    CASE(two_identities_and_two_servers_share_nothing);
    CASE(identity_and_endpoint_cannot_imitate_each_other);
    CASE(a_memo_saves_describing_the_endpoint_for_a_while);
    CASE(a_memo_of_an_endpoint_that_left_is_not_believed);
    CASE(an_idle_session_is_closed_after_its_time);
    CASE(lives_differ_and_end_when_the_last_call_has_ended);
    CASE(a_session_that_does_not_open_fails_all_who_wait);
    CASE(a_handler_is_ticked_when_it_wants_to_be);
    CASE(events_find_their_session_and_no_later_one_in_its_place);
    CASE(sessions_can_be_listed);
    return tap_done();
}
