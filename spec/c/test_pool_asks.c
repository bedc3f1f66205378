/* The handler that asks the program, and asks in general. */
#include "pool_help.h"

static int ask_call(pool_rig *rig, const char *server)
{
    static const souk_pair config[] = {{SOUK_LIT_INIT("asking_url"), SOUK_LIT_INIT("x:/y")},
                                       {SOUK_LIT_INIT("asking_tool_name"), SOUK_LIT_INIT("t")}};
    souk_err err;
    souk_target target = {.prefix = SOUK_LIT_INIT("asking"),
                          .name = souk_slice_of(server),
                          .identity = SOUK_LIT_INIT("ann"),
                          .config = {config, 2}};
    souk_request request = {.kind = SOUK_REQUEST_CAPABILITY,
                            .capability = SOUK_LIT_INIT("asking.s.t"),
                            .metadata = {config, 2}};
    souk_call_options options = {.timeout = 0, .may_resend = false};
    int call = rig_submit(rig, &target, &request, &options, &err);
    rig_run(rig);
    return call;
}

static void answer(pool_rig *rig, uint64_t ask, const char *json)
{
    souk_pool_answer(rig->pool, ask, souk_slice_of(json), NULL, rig->fake.now);
    rig_run(rig);
}

static void answer_error(pool_rig *rig, uint64_t ask, int kind, const char *message)
{
    souk_err err;
    souk_fail(&err, kind, "%s", message);
    souk_pool_answer(rig->pool, ask, souk_slice_make(NULL, 0), &err, rig->fake.now);
    rig_run(rig);
}

static void the_program_opens_executes_and_closes(void)
{
    pool_rig *rig = rig_start();
    int call = ask_call(rig, "s");
    CHECK_INT(rig->ask_kind, SOUK_ASK_OPEN);
    CHECK_TEXT(rig->ask_payload,
               "{\"server\":\"s\",\"identity\":\"ann\",\"config\":{\"asking_url\":\"x:/y\","
               "\"asking_tool_name\":\"t\"}}");
    answer(rig, rig->ask, "{\"handle\":7}");
    CHECK_INT(rig->ask_kind, SOUK_ASK_CALL);
    CHECK_INT(rig->ask_call, rig->calls[call].id);
    CHECK_TEXT(rig->ask_payload, "{\"session\":{\"handle\":7},\"capability\":\"asking.s.t\","
                                 "\"metadata\":{\"asking_url\":\"x:/y\","
                                 "\"asking_tool_name\":\"t\"},\"input\":{}}");
    answer(rig, rig->ask, "[\"result\"]");
    CHECK_OK(rig, call);
    CHECK_TEXT(rig->calls[call].value, "[\"result\"]");
    CHECK(strstr(rig->said, "\"session\":\"{\\\"handle\\\":7}\"") != NULL); /* the label */
    rig_wait_for(rig, 300000);
    CHECK_INT(rig->ask_kind, SOUK_ASK_CLOSE);
    CHECK_TEXT(rig->ask_payload, "{\"session\":{\"handle\":7}}");
    CHECK_INT(rig->asks, 3);
    CHECK_INT(rig_stats(rig).sessions, 0);
    answer(rig, rig->ask, "null");
    rig_end(rig);
}

static void a_label_is_cut_between_characters(void)
{
    pool_rig *rig = rig_start();
    ask_call(rig, "s");
    answer(rig, rig->ask,
           "\"\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC"
           "\xE2\x82\xAC\"");
    CHECK(strstr(rig->said, "session_opened") != NULL);
    CHECK_INT(rig_stats(rig).notes_dropped, 0);
    rig_end(rig);
}

static void an_open_that_fails_fails_the_call(void)
{
    pool_rig *rig = rig_start();
    int call = ask_call(rig, "s");
    answer_error(rig, rig->ask, SOUK_E_AUTH, "no way");
    CHECK_END(rig, call, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
    CHECK_TEXT(rig->calls[call].err.message, "no way");
    CHECK_INT(rig->asks, 1); /* what never opened is not closed */
    rig_end(rig);
}

static void an_error_of_the_program_ends_the_call(void)
{
    pool_rig *rig = rig_start();
    int call = ask_call(rig, "s");
    answer(rig, rig->ask, "1");
    answer_error(rig, rig->ask, SOUK_E_TOOL, "it did not work");
    CHECK_END(rig, call, SOUK_E_TOOL, SOUK_DELIVERY_DELIVERED);
    int second = ask_call(rig, "s");
    answer(rig, rig->ask, "this is no JSON");
    CHECK_END(rig, second, SOUK_E_PROTOCOL, SOUK_DELIVERY_DELIVERED);
    CHECK_INT(rig_stats(rig).sessions_opened, 1);
    rig_end(rig);
}

static void a_session_that_the_program_calls_closed_is_renewed(void)
{
    pool_rig *rig = rig_start();
    int call = ask_call(rig, "s");
    answer(rig, rig->ask, "1");
    answer_error(rig, rig->ask, SOUK_E_CLOSED, "expired");
    CHECK_INT(rig->calls[call].ends, 0);
    CHECK_INT(rig->ask_kind, SOUK_ASK_OPEN);
    answer(rig, rig->ask, "2");
    CHECK(strstr(rig->ask_payload, "{\"session\":2,") != NULL);
    answer(rig, rig->ask, "true");
    CHECK_OK(rig, call);
    rig_end(rig);
}

static void a_cancelled_call_is_told_to_a_program_that_has_seen_it(void)
{
    pool_rig *rig = rig_start();
    int call = ask_call(rig, "s");
    answer(rig, rig->ask, "1");
    uint64_t asked = rig->ask;
    souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->ask_kind, SOUK_ASK_CANCEL);
    char want[64];
    snprintf(want, sizeof want, "{\"session\":1,\"call\":%llu}",
             (unsigned long long)rig->calls[call].id);
    CHECK_TEXT(rig->ask_payload, want);
    answer(rig, asked, "17"); /* too late */
    CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);

    size_t asks = rig->asks;
    souk_err err;
    souk_target target = {.prefix = SOUK_LIT_INIT("asking"),
                          .name = SOUK_LIT_INIT("s"),
                          .identity = SOUK_LIT_INIT("ann")};
    souk_request request = {
        .kind = SOUK_REQUEST_METHOD, .capability = SOUK_LIT_INIT("s"), .name = SOUK_LIT_INIT("m")};
    souk_call_options options = {.timeout = 0, .may_resend = false};
    int other = rig_submit(rig, &target, &request, &options, &err);
    rig_run(rig);
    answer(rig, rig->ask, "2");
    asks = rig->asks;
    int unseen = rig_submit(rig, &target, &request, &options, &err);
    souk_pool_cancel(rig->pool, rig->calls[unseen].id, rig->fake.now);
    rig_run(rig);
    CHECK_INT(rig->asks, asks); /* the program has heard of neither the call nor its cancelling */
    CHECK(strstr(rig->ask_payload, "\"capability\":\"s\",\"method\":\"m\",\"params\":{}") != NULL);
    CHECK_INT(rig->calls[other].ends, 0);
    rig_end(rig);
}

static void cancelled_calls_leave_no_asks_behind(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_asks = 3;
    rig_make(rig);
    int call = ask_call(rig, "s");
    answer(rig, rig->ask, "1");
    for (int i = 0; i < 50; i++) {
        souk_pool_cancel(rig->pool, rig->calls[call].id, rig->fake.now);
        rig_run(rig);
        CHECK_END(rig, call, SOUK_E_CANCELLED, SOUK_DELIVERY_AMBIGUOUS);
        call = ask_call(rig, "s");
        CHECK_INT(rig->ask_kind, SOUK_ASK_CALL);
    }
    answer(rig, rig->ask, "{}");
    CHECK_OK(rig, call);
    rig_end(rig);
}

static void open_asks_are_bounded(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_asks = 2;
    rig_make(rig);
    int first = ask_call(rig, "a");
    int second = ask_call(rig, "b");
    int third = ask_call(rig, "c");
    CHECK_END(rig, third, SOUK_E_LIMIT, SOUK_DELIVERY_NOT_SENT);
    CHECK(strstr(rig->calls[third].err.message, "option max_asks") != NULL);
    CHECK_INT(rig->calls[first].ends + rig->calls[second].ends, 0);
    rig_end(rig);
}

static void answers_after_the_session_is_gone_are_ignored(void)
{
    pool_rig *rig = rig_start();
    ask_call(rig, "s");
    uint64_t opening = rig->ask;
    souk_pool_close(rig->pool, rig->fake.now);
    rig_run(rig);
    CHECK(souk_pool_is_empty(rig->pool));
    CHECK_INT(rig->asks, 1);
    answer(rig, opening, "1");
    answer(rig, opening, "1");
    answer(rig, 0, "1");
    answer(rig, 4711, "1");
    CHECK_INT(rig->asks, 1);
    rig_end(rig);
}

static void asks_of_other_sessions_outlive_a_session(void)
{
    pool_rig *rig = rig_start();
    int a = ask_call(rig, "a");
    uint64_t ask_a = rig->ask;
    int b = ask_call(rig, "b");
    uint64_t ask_b = rig->ask;
    answer_error(rig, ask_a, SOUK_E_AUTH, "no way");
    CHECK_END(rig, a, SOUK_E_AUTH, SOUK_DELIVERY_NOT_SENT);
    answer(rig, ask_b, "1");
    answer(rig, rig->ask, "2");
    CHECK_OK(rig, b);
    rig_end(rig);
}

static void a_payload_outlives_its_ask(void)
{
    pool_rig *rig = rig_start();
    souk_outcome out;
    souk_err err;
    souk_pool_want_notes(rig->pool, false);
    souk_target target = {.prefix = SOUK_LIT_INIT("asking"), .name = SOUK_LIT_INIT("s")};
    souk_request request = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("m")};
    souk_call_options options = {.timeout = 0, .may_resend = false};
    CHECK(rig_submit(rig, &target, &request, &options, &err) >= 0);
    CHECK(souk_pool_has_outcome(rig->pool));
    CHECK(souk_pool_next(rig->pool, &out));
    CHECK(!souk_pool_has_outcome(rig->pool));
    CHECK_INT(out.kind, SOUK_OUTCOME_ASK);
    CHECK_INT(out.number, 77);
    souk_pool_answer(rig->pool, out.id, SOUK_LIT("1"), NULL, rig->fake.now);
    souk_pool_run(rig->pool, rig->fake.now);
    CHECK(souk_slice_starts(out.payload, SOUK_LIT("{\"server\":\"s\"")));
    rig_run(rig);
    rig_end(rig);
}

static void endpoints_of_the_program_differ_by_name_and_configuration(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    souk_pair one[] = {{SOUK_LIT_INIT("asking_url"), SOUK_LIT_INIT("1")}};
    souk_pair two[] = {{SOUK_LIT_INIT("asking_url"), SOUK_LIT_INIT("2")}};
    souk_pair tool[] = {{SOUK_LIT_INIT("asking_url"), SOUK_LIT_INIT("1")},
                        {SOUK_LIT_INIT("asking_tool_name"), SOUK_LIT_INIT("t")},
                        {SOUK_LIT_INIT("other_thing"), SOUK_LIT_INIT("x")}};
    const souk_pairs configs[] = {{one, 1}, {two, 1}, {tool, 3}, {NULL, 0}};
    souk_request request = {.kind = SOUK_REQUEST_METHOD, .name = SOUK_LIT_INIT("m")};
    souk_call_options options = {.timeout = 0, .may_resend = false};
    for (size_t i = 0; i < 4; i++) {
        souk_target target = {
            .prefix = SOUK_LIT_INIT("asking"), .name = SOUK_LIT_INIT("s"), .config = configs[i]};
        CHECK(rig_submit(rig, &target, &request, &options, &err) >= 0);
    }
    CHECK_INT(rig_stats(rig).keys,
              3); /* what is per tool, or not for this handler, makes no difference */
    rig_end(rig);
}

int main(void)
{
    CASE(the_program_opens_executes_and_closes);
    CASE(a_label_is_cut_between_characters);
    CASE(an_open_that_fails_fails_the_call);
    CASE(an_error_of_the_program_ends_the_call);
    CASE(a_session_that_the_program_calls_closed_is_renewed);
    CASE(a_cancelled_call_is_told_to_a_program_that_has_seen_it);
    CASE(cancelled_calls_leave_no_asks_behind);
    CASE(open_asks_are_bounded);
    CASE(answers_after_the_session_is_gone_are_ignored);
    CASE(asks_of_other_sessions_outlive_a_session);
    CASE(a_payload_outlives_its_ask);
    CASE(endpoints_of_the_program_differ_by_name_and_configuration);
    return tap_done();
}
