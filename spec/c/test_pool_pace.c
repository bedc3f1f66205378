/* Rate limits: how they are written, and what they do. */
#include "pool/pace.h"
#include "pool_server_help.h"

static void rates_are_read_in_a_few_forms(void)
{
    static const struct {
        const char *text;
        int64_t count; /* 0: refused */
        souk_ms span;
    } rows[] = {
        {"10", 10, 1000},
        {"10/s", 10, 1000},
        {"10/sec", 10, 1000},
        {"10/second", 10, 1000},
        {"600/m", 600, 60000},
        {"600/min", 600, 60000},
        {"600/minute", 600, 60000},
        {"1000/h", 1000, 3600000},
        {"1000/hour", 1000, 3600000},
        {" 10 / s ", 10, 1000},
        {"007/s", 7, 1000},
        {"1000000/s", 1000000, 1000},
        {"", 0, 0},
        {" ", 0, 0},
        {"0", 0, 0},
        {"0/s", 0, 0},
        {"-1/s", 0, 0},
        {"+1/s", 0, 0},
        {"1.5/s", 0, 0},
        {"1e3/s", 0, 0},
        {"1000001/s", 0, 0},
        {"99999999999999999999/s", 0, 0},
        {"10/", 0, 0},
        {"/s", 0, 0},
        {"10 s", 0, 0},
        {"10s", 0, 0},
        {"10//s", 0, 0},
        {"10/S", 0, 0},
        {"10/ms", 0, 0},
        {"10/day", 0, 0},
        {"10/s/s", 0, 0},
        {"ten", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        souk_rate rate = {0, 0};
        bool good = souk_rate_read(souk_slice_of(rows[i].text), &rate);
        CHECK_INT(good, rows[i].count > 0);
        if (good && rows[i].count > 0) {
            CHECK_INT(rate.count, rows[i].count);
            CHECK_INT(rate.span, rows[i].span);
        }
    }
    souk_rate rate;
    CHECK(!souk_rate_read(souk_slice_make("10/s\0x", 6), &rate));
    CHECK(!souk_rate_read(souk_slice_make(NULL, 0), &rate));
}

static void what_is_wrong_with_a_server_is_said_by_its_key(void)
{
    static const struct {
        const char *key, *value, *message;
    } rows[] = {
        {"plain_session_mode", "both",
         "plain_session_mode of server 'a': expected \"shared\", \"exclusive\" or \"pinned\""},
        {"plain_session_mode", "Shared",
         "plain_session_mode of server 'a': expected \"shared\", \"exclusive\" or \"pinned\""},
        {"plain_max_sessions", "0",
         "plain_max_sessions of server 'a': expected a number from 1 to 1024"},
        {"plain_max_sessions", "1025",
         "plain_max_sessions of server 'a': expected a number from 1 to 1024"},
        {"plain_max_sessions", "3x",
         "plain_max_sessions of server 'a': expected a number from 1 to 1024"},
        {"plain_rate_limit", "fast",
         "plain_rate_limit of server 'a': expected calls per second, minute or hour, as \"10/s\", "
         "\"600/min\" or \"1000/h\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        server_plain(&server, "a");
        server_set(&server, rows[i].key, rows[i].value);
        CHECK_INT(call_server(rig, &server), -1);
        CHECK(strstr(rig->said, rows[i].message) != NULL);
        rig_end(rig);
    }
}

static void what_is_right_or_empty_is_taken(void)
{
    static const char *const rows[][2] = {
        {"plain_session_mode", ""},          {"plain_session_mode", " shared "},
        {"plain_session_mode", "exclusive"}, {"plain_max_sessions", "1024"},
        {"plain_max_sessions", ""},          {"plain_rate_limit", ""},
        {"plain_rate_limit", "10/s"},        {"other_session_mode", "both"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pool_rig *rig = rig_start();
        mcp_server server;
        server_plain(&server, "a");
        server_set(&server, rows[i][0], rows[i][1]);
        CHECK(call_server(rig, &server) >= 0);
        rig_end(rig);
    }
}

/* Starts as many as go now, at most `most`; how many. */
static int64_t take_all(souk_pace *pace, const souk_rate *rate, souk_ms now, int64_t most)
{
    int64_t taken = 0;
    while (taken < most && souk_pace_ready(pace, rate) <= now) {
        souk_pace_take(pace, rate, now);
        taken++;
    }
    return taken;
}

static void a_rate_is_never_exceeded_and_is_used_up(void)
{
    static const char *const texts[] = {"1/s",    "3/s",   "10/s",   "7/min", "60/min",
                                        "90/min", "600/m", "1000/h", "1/h",   "999/s"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        souk_rate rate;
        souk_pace pace = {0};
        const souk_ms from = 1000000;
        CHECK(souk_rate_read(souk_slice_of(texts[i]), &rate));
        int64_t second = rate.count * 1000 / rate.span;
        int64_t burst = second > 0 ? second : 1;
        souk_ms now = from;
        for (int64_t taken = 0; taken < 3000; now = souk_pace_ready(&pace, &rate)) {
            taken += take_all(&pace, &rate, now, INT64_MAX);
            int64_t allowed = burst + (now - from) * rate.count / rate.span;
            CHECK(taken <= allowed + 1); /* there are whole microseconds between two */
            CHECK(taken >= allowed - 2 - taken / 100); /* and moments are whole milliseconds */
        }
    }
}

static void no_rate_is_no_limit(void)
{
    souk_rate none = {0, 0};
    souk_pace pace = {0};
    CHECK_INT(take_all(&pace, &none, 5, 1000), 1000);
    CHECK_INT(souk_pace_ready(&pace, &none), 0);
}

static void time_that_was_not_used_is_no_credit_beyond_the_burst(void)
{
    souk_rate rate = {10, 1000};
    souk_pace pace = {0};
    CHECK_INT(take_all(&pace, &rate, 1000, 100), 10);
    CHECK_INT(take_all(&pace, &rate, 1000000, 100), 10);
    CHECK_INT(souk_pace_ready(&pace, &rate), 1000100);
}

static void server_with_rate(mcp_server *server, const char *rate)
{
    server_plain(server, "a");
    server_set(server, "plain_rate_limit", rate);
}

static void calls_wait_for_the_rate_limit_in_their_order(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    int calls[8];
    server_with_rate(&server, "4/s");
    for (int i = 0; i < 8; i++) {
        calls[i] = call_server(rig, &server);
    }
    open_last(rig);
    CHECK_INT(rig_stats(rig).in_flight, 4);
    CHECK(strstr(rig->said, "\"reason\":\"the rate limit was reached\"") == NULL);
    for (int i = 4; i < 8; i++) {
        CHECK(is_waiting(rig, calls[i]));
        rig_wait_for(rig, 249);
        CHECK(is_waiting(rig, calls[i]));
        rig_wait_for(rig, 1);
        CHECK(is_running(rig, calls[i]));
    }
    CHECK_INT(rig->session_count, 1);
    rig_end(rig);
}

static void a_call_whose_time_is_over_before_its_turn_says_what_it_waited_for(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_with_rate(&server, "1/min");
    start_call(rig, &server);
    int late = call_with(rig, &server, &(souk_call_options){.timeout = 30000});
    rig_wait_for(rig, 30000);
    CHECK_END(rig, late, SOUK_E_TIMEOUT, SOUK_DELIVERY_NOT_SENT);
    CHECK(strstr(rig->calls[late].err.message, "the rate limit was reached") != NULL);
    CHECK(strstr(rig->said, "\"reason\":\"the rate limit was reached\"") != NULL);
    int next = call_server(rig, &server);
    rig_wait_for(rig, 30000);
    CHECK(is_running(rig, next)); /* the late one took nothing */
    rig_end(rig);
}

static void the_limit_is_of_an_endpoint_and_identity(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_with_rate(&server, "1/min");
    mcp_server other = server;
    other.target.identity = SOUK_LIT("bob");
    int first = start_call(rig, &server);
    int second = start_call(rig, &server);
    int third = start_call(rig, &other);
    CHECK(is_running(rig, first) && is_waiting(rig, second) && is_running(rig, third));
    rig_end(rig);
}

static void a_call_that_is_sent_again_counts_again_and_a_standing_one_never(void)
{
    pool_rig *rig = rig_start();
    mcp_server server;
    server_with_rate(&server, "1/min");
    int first = call_with(rig, &server, &(souk_call_options){.timeout = 200000});
    open_last(rig);
    int stands = call_with(rig, &server, &(souk_call_options){.standing = true});
    CHECK(is_running(rig, stands));
    rig_failed(rig, first, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    open_last(rig);
    rig_wait_for(rig, 59999);
    CHECK(is_waiting(rig, first));
    rig_wait_for(rig, 1);
    CHECK(is_running(rig, first));
    rig_end(rig);
}

int main(void)
{
    CASE(rates_are_read_in_a_few_forms);
    CASE(what_is_wrong_with_a_server_is_said_by_its_key);
    CASE(what_is_right_or_empty_is_taken);
    CASE(a_rate_is_never_exceeded_and_is_used_up);
    CASE(no_rate_is_no_limit);
    CASE(time_that_was_not_used_is_no_credit_beyond_the_burst);
    CASE(calls_wait_for_the_rate_limit_in_their_order);
    CASE(a_call_whose_time_is_over_before_its_turn_says_what_it_waited_for);
    CASE(the_limit_is_of_an_endpoint_and_identity);
    CASE(a_call_that_is_sent_again_counts_again_and_a_standing_one_never);
    return tap_done();
}
