/*
 * What is told between the ends of calls: progress, notices of servers, notes; what servers say
 * about themselves; and questions that are taken back.
 */
#include "pool_help.h"

/* A call that wants progress, or none. */
static int call_with(pool_rig *rig, bool progress, souk_ms timeout, souk_ms cap)
{
    souk_err err;
    souk_target target = {.prefix = SOUK_LIT_INIT("plain"), .name = SOUK_LIT_INIT("a")};
    souk_request request = {
        .kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("do"), .progress = progress};
    souk_call_options options = {.timeout = timeout, .cap = cap};
    return rig_submit(rig, &target, &request, &options, &err);
}

static void progress_is_told_before_the_end_and_not_after(void)
{
    pool_rig *rig = rig_start();
    souk_outcome out;
    int call = call_with(rig, true, 0, 0);
    rig_opened(rig, 0);
    souk_pool_want_notes(rig->pool, false);
    souk_call *running = rig->calls[call].running;
    souk_call_progress(running, SOUK_LIT("{\"progress\":1}"), rig->fake.now);
    souk_call_progress(running, SOUK_LIT("{\"progress\":2}"), rig->fake.now);
    rig_done(rig, call);
    souk_call_progress(running, SOUK_LIT("{\"progress\":3}"), rig->fake.now); /* too late */
    souk_pool_run(rig->pool, rig->fake.now);
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK_INT(out.kind, SOUK_OUTCOME_PROGRESS);
    CHECK_INT(out.id, rig->calls[call].id);
    CHECK_SLICE(out.payload, "{\"progress\":1}");
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK_SLICE(out.payload, "{\"progress\":2}");
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK_INT(out.kind, SOUK_OUTCOME_DONE);
    CHECK(!souk_pool_next(rig->pool, &out));
    rig_end(rig);
}

static void progress_that_nobody_wants_only_moves_the_deadline(void)
{
    pool_rig *rig = rig_start();
    int call = call_with(rig, false, 1000, 2500);
    rig_opened(rig, 0);
    for (int i = 0; i < 2; i++) {
        rig_wait_for(rig, 900);
        CHECK_INT(rig->calls[call].ends, 0);
        souk_call_extend(rig->calls[call].running, rig->fake.now);
    }
    CHECK_INT(rig->progress, 0);
    rig_wait_for(rig, 600);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_wait_for(rig, 100); /* 2500 ms: the cap that was given with the call */
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    rig_end(rig);
}

static void a_cap_below_the_timeout_does_not_shorten_it(void)
{
    pool_rig *rig = rig_start();
    int call = call_with(rig, false, 1000, 10);
    rig_opened(rig, 0);
    rig_wait_for(rig, 999);
    CHECK_INT(rig->calls[call].ends, 0);
    rig_wait_for(rig, 1);
    CHECK_END(rig, call, SOUK_E_TIMEOUT, SOUK_DELIVERY_AMBIGUOUS);
    rig_end(rig);
}

static void a_notice_comes_whether_somebody_observes_or_not(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    souk_outcome out;
    souk_pool_want_notes(rig->pool, false);
    rig_call_as(rig, "hub", "ann", false, &err);
    rig_opened(rig, 0);
    souk_session_notice(rig->sessions[0].session, SOUK_LIT("notifications/message"),
                        SOUK_LIT("{\"level\":\"info\"}"));
    souk_session_notice(rig->sessions[0].session, SOUK_LIT("notifications/x"),
                        souk_slice_make(NULL, 0));
    CHECK(souk_pool_has_outcome(rig->pool));
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK_INT(out.kind, SOUK_OUTCOME_NOTICE);
    CHECK_SLICE(out.name, "notifications/message");
    CHECK_SLICE(out.payload, "{\"level\":\"info\"}");
    CHECK_SLICE(out.server, "hub");
    CHECK_SLICE(out.identity, "ann");
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK_SLICE(out.name, "notifications/x");
    CHECK_INT(out.payload.len, 0);
    CHECK(!souk_pool_next(rig->pool, &out));
    rig_end(rig);
}

static void a_note_of_the_owner_is_one_among_the_pools(void)
{
    pool_rig *rig = rig_start();
    souk_outcome out;
    souk_pool_note(rig->pool, "tools_refreshed", SOUK_LIT("{\"tools\":3}"));
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK_INT(out.kind, SOUK_OUTCOME_NOTE);
    CHECK_SLICE(out.name, "tools_refreshed");
    CHECK_SLICE(out.payload, "{\"tools\":3}");
    souk_pool_want_notes(rig->pool, false);
    souk_pool_note(rig->pool, "tools_refreshed", SOUK_LIT("{}"));
    CHECK(!souk_pool_has_outcome(rig->pool));
    rig_end(rig);
}

static void what_nobody_fetches_is_dropped_in_the_end_and_counted(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_notes = 3;
    rig_make(rig);
    int call = call_with(rig, true, 0, 0);
    rig_opened(rig, 0);
    for (int i = 0; i < 2; i++) {
        souk_session_notice(rig->sessions[0].session, SOUK_LIT("n"), SOUK_LIT("{}"));
        souk_call_progress(rig->calls[call].running, SOUK_LIT("{}"), rig->fake.now);
    }
    CHECK_INT(rig_stats(rig).notes_dropped, 1);
    rig_run(rig);
    CHECK_INT(rig->notices, 2);
    CHECK_INT(rig->progress, 1);
    souk_call_progress(rig->calls[call].running, SOUK_LIT("{}"), rig->fake.now);
    CHECK_INT(rig_stats(rig).notes_dropped, 1); /* there is room again */
    rig_end(rig);
}

static void large_notices_are_bounded_in_sum_but_not_alone(void)
{
    enum { SIZE = 40 * 1024 * 1024 };
    pool_rig *rig = rig_start();
    souk_outcome out;
    char *large = fake_alloc(SIZE);
    memset(large, ' ', SIZE);
    rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    souk_slice text = souk_slice_make(large, SIZE);
    for (int i = 0; i < 3; i++) {
        souk_session_notice(rig->sessions[0].session, SOUK_LIT("n"), text);
    }
    CHECK_INT(rig_stats(rig).notes_dropped, 2);
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK_INT(out.payload.len, SIZE);
    CHECK(!souk_pool_next(rig->pool, &out));
    free(large);
    rig_end(rig);
}

static souk_slice about(pool_rig *rig, const char *server, const char *identity)
{
    souk_target target = {.prefix = SOUK_LIT_INIT("plain"),
                          .name = souk_slice_of(server),
                          .identity = souk_slice_of(identity)};
    return souk_pool_about(rig->pool, &target, rig->fake.now);
}

static void what_a_server_says_about_itself_outlives_its_session(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    CHECK_INT(about(rig, "a", "").len, 0);
    CHECK_INT(rig_stats(rig).keys, 0); /* asking makes no endpoint */
    int call = rig_call_as(rig, "a", "ann", false, &err);
    CHECK_INT(about(rig, "a", "ann").len, 0);
    CHECK(souk_session_describe(rig->sessions[0].session, SOUK_LIT("{\"v\":1}")));
    rig_opened(rig, 0);
    CHECK_SLICE(about(rig, "a", "ann"), "{\"v\":1}");
    CHECK_INT(about(rig, "a", "").len, 0); /* of that identity only */
    const char *kept = about(rig, "a", "ann").ptr;
    CHECK(souk_session_describe(rig->sessions[0].session, SOUK_LIT("{\"v\":1}")));
    CHECK(about(rig, "a", "ann").ptr == kept); /* nothing new, nothing copied */
    CHECK(souk_session_describe(rig->sessions[0].session, SOUK_LIT("{\"v\":22}")));
    rig_done(rig, call);
    rig_run(rig);
    souk_pool_close_sessions(rig->pool, SOUK_LIT("a"), rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig_stats(rig).sessions, 0);
    CHECK_SLICE(about(rig, "a", "ann"), "{\"v\":22}");
    souk_target strange = {.prefix = SOUK_LIT_INIT("strange"), .name = SOUK_LIT_INIT("a")};
    CHECK_INT(souk_pool_about(rig->pool, &strange, rig->fake.now).len, 0);
    rig_end(rig);
}

/* Questions of servers, here put by the test in place of a handler. */

static uint64_t ask_input(pool_rig *rig)
{
    souk_err err;
    uint64_t id = 0;
    souk_question question = {SOUK_ASK_INPUT, 5, 0, SOUK_LIT_INIT("{\"method\":\"roots/list\"}")};
    CHECK_INT(souk_session_ask(rig->sessions[0].session, &question, &id, &err), SOUK_OK);
    return id;
}

static void check_withdrawn(pool_rig *rig, uint64_t ask)
{
    char want[64];
    snprintf(want, sizeof want, "{\"ask\":%llu}", (unsigned long long)ask);
    rig_run(rig);
    CHECK_INT(rig->withdrawals, 1);
    CHECK_INT(rig->ask_kind, SOUK_ASK_WITHDRAWN);
    CHECK_TEXT(rig->ask_payload, want);
    CHECK(rig->ask != ask);
    souk_pool_answer(rig->pool, ask, SOUK_LIT("{}"), NULL, rig->fake.now); /* ignored */
    rig_run(rig);
    CHECK_INT(rig->withdrawals, 1);
}

static void a_question_that_was_seen_is_taken_back_in_the_open(void)
{
    pool_rig *rig = rig_start();
    rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    uint64_t ask = ask_input(rig);
    rig_run(rig);
    CHECK_INT(rig->ask, ask);
    CHECK_INT(rig->ask_kind, SOUK_ASK_INPUT);
    CHECK(souk_session_withdraw(rig->sessions[0].session, ask));
    check_withdrawn(rig, ask);
    rig_end(rig);
}

static void a_question_that_was_not_seen_never_was(void)
{
    pool_rig *rig = rig_start();
    rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    CHECK(!souk_session_withdraw(rig->sessions[0].session, ask_input(rig)));
    rig_run(rig);
    CHECK_INT(rig->asks, 0);
    rig_end(rig);
}

static void the_end_of_a_session_takes_its_questions_back(void)
{
    pool_rig *rig = rig_start();
    int call = rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    uint64_t ask = ask_input(rig);
    rig_run(rig);
    (void)ask_input(rig); /* the program does not get to see this one */
    rig_failed(rig, call, SOUK_DELIVERY_AMBIGUOUS, true);
    check_withdrawn(rig, ask);
    CHECK_INT(rig->asks, 2);
    CHECK_INT(rig_stats(rig).sessions, 0);
    rig_end(rig);
}

static void taking_back_needs_no_room(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    uint64_t id;
    rig->options.max_asks = 1;
    rig_make(rig);
    rig_call_plain(rig, "a");
    rig_opened(rig, 0);
    uint64_t ask = ask_input(rig);
    rig_run(rig);
    souk_question question = {SOUK_ASK_INPUT, 5, 0, SOUK_LIT_INIT("{}")};
    CHECK_INT(souk_session_ask(rig->sessions[0].session, &question, &id, &err), SOUK_E_LIMIT);
    CHECK(souk_session_withdraw(rig->sessions[0].session, ask));
    check_withdrawn(rig, ask);
    CHECK_INT(souk_session_ask(rig->sessions[0].session, &question, &id, &err), SOUK_OK);
    rig_end(rig);
}

static void traces_are_copied_and_other_kinds_are_refused_by_programs(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    char trace[] = "00-abc";
    souk_target target = {.prefix = SOUK_LIT_INIT("plain"), .name = SOUK_LIT_INIT("a")};
    souk_request request = {.kind = SOUK_REQUEST_METHOD,
                            .name = SOUK_LIT_INIT("do"),
                            .traceparent = souk_slice_of(trace),
                            .tracestate = souk_slice_of(trace),
                            .baggage = souk_slice_of(trace)};
    souk_call_options options = {.timeout = 0};
    int call = rig_submit(rig, &target, &request, &options, &err);
    memset(trace, 'x', sizeof trace);
    rig_opened(rig, 0);
    CHECK_SLICE(rig->calls[call].running->request.traceparent, "00-abc");
    CHECK_SLICE(rig->calls[call].running->request.tracestate, "00-abc");
    CHECK_SLICE(rig->calls[call].running->request.baggage, "00-abc");

    static const souk_request_kind kinds[] = {SOUK_REQUEST_NOTIFY, SOUK_REQUEST_TASK,
                                              SOUK_REQUEST_LISTEN, SOUK_REQUEST_PING,
                                              SOUK_REQUEST_LOG_LEVEL};
    target.prefix = SOUK_LIT("asking");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        request.kind = kinds[i];
        call = rig_submit(rig, &target, &request, &options, &err);
        rig_run(rig);
        if (i == 0) {
            souk_pool_answer(rig->pool, rig->ask, SOUK_LIT("1"), NULL, rig->fake.now);
            rig_run(rig);
        }
        CHECK_END(rig, call, SOUK_E_CONFIG, SOUK_DELIVERY_NOT_SENT);
    }
    CHECK_TEXT(rig->calls[call].err.message,
               "the session handler for 'asking' knows no log levels");
    rig_end(rig);
}

int main(void)
{
    CASE(progress_is_told_before_the_end_and_not_after);
    CASE(progress_that_nobody_wants_only_moves_the_deadline);
    CASE(a_cap_below_the_timeout_does_not_shorten_it);
    CASE(a_notice_comes_whether_somebody_observes_or_not);
    CASE(a_note_of_the_owner_is_one_among_the_pools);
    CASE(what_nobody_fetches_is_dropped_in_the_end_and_counted);
    CASE(large_notices_are_bounded_in_sum_but_not_alone);
    CASE(what_a_server_says_about_itself_outlives_its_session);
    CASE(a_question_that_was_seen_is_taken_back_in_the_open);
    CASE(a_question_that_was_not_seen_never_was);
    CASE(the_end_of_a_session_takes_its_questions_back);
    CASE(taking_back_needs_no_room);
    CASE(traces_are_copied_and_other_kinds_are_refused_by_programs);
    return tap_done();
}
