/* What the pool counts and measures: for all calls, and for each server. */
#include "pool_help.h"

static souk_server_info server(pool_rig *rig, const char *name)
{
    souk_server_info info;
    size_t cursor = 0;
    while (souk_pool_each_server(rig->pool, &cursor, rig->fake.now, &info)) {
        if (souk_slice_is(info.name, name)) {
            return info;
        }
    }
    memset(&info, 0, sizeof info);
    return info;
}

static size_t server_count(pool_rig *rig)
{
    souk_server_info info;
    size_t cursor = 0, count = 0;
    while (souk_pool_each_server(rig->pool, &cursor, rig->fake.now, &info)) {
        count++;
    }
    return count;
}

static void each_span_is_measured_from_its_beginning_to_its_end(void)
{
    pool_rig *rig = rig_start();
    const souk_pool_latency *latency = souk_pool_get_latency(rig->pool);
    int a = rig_call_plain(rig, "a");
    rig->fake.now += 40;
    rig_opened(rig, 0);
    CHECK_INT(latency->open.count, 1);
    CHECK_INT(latency->open.sum, 40);
    CHECK_INT(latency->wait.sum, 40);
    int b = rig_call_plain(rig, "a");
    CHECK_INT(latency->wait.count, 2); /* b did not wait */
    CHECK_INT(latency->wait.sum, 40);
    rig->fake.now += 100;
    rig_done(rig, a);
    rig_run(rig);
    CHECK_INT(latency->call.sum, 140);
    rig_failed(rig, b, SOUK_DELIVERY_DELIVERED, false);
    rig_run(rig);
    CHECK_INT(latency->call.count, 2);
    CHECK_INT(latency->call.sum, 240);
    CHECK_INT(server(rig, "a").calls, 2);
    CHECK_INT(server(rig, "a").failed, 1);
    CHECK_INT(server(rig, "a").latency->sum, 240);
    rig_end(rig);
}

static void a_call_that_goes_again_waits_twice_and_lasts_once(void)
{
    pool_rig *rig = rig_start();
    const souk_pool_latency *latency = souk_pool_get_latency(rig->pool);
    int a = rig_call_plain(rig, "a");
    rig->fake.now += 10;
    rig_opened(rig, 0);
    rig->fake.now += 5;
    rig_failed(rig, a, SOUK_DELIVERY_REJECTED, true);
    rig_run(rig);
    rig->fake.now += 20;
    rig_opened(rig, 1);
    rig_done(rig, a);
    rig_run(rig);
    CHECK_INT(latency->wait.count, 2);
    CHECK_INT(latency->wait.sum, 30);
    CHECK_INT(latency->call.count, 1);
    CHECK_INT(latency->call.sum, 35);
    rig_end(rig);
}

static void calls_that_never_got_a_session_have_lasted_too(void)
{
    pool_rig *rig = rig_start();
    const souk_pool_latency *latency = souk_pool_get_latency(rig->pool);
    rig_call_plain(rig, "a");
    rig->fake.now += 7;
    rig_open_failed(rig, 0);
    rig_run(rig);
    CHECK_INT(latency->open.count, 0);
    CHECK_INT(latency->wait.count, 0);
    CHECK_INT(latency->call.count, 1);
    CHECK_INT(latency->call.sum, 7);
    CHECK_INT(server(rig, "a").failed, 1);
    rig_end(rig);
}

static void identities_of_one_server_are_counted_together(void)
{
    pool_rig *rig = rig_start();
    souk_err err;
    rig_call_as(rig, "a", "ann", false, &err);
    rig_call_as(rig, "a", "bob", false, &err);
    rig_call_as(rig, "b", "ann", false, &err);
    CHECK_INT(server_count(rig), 2);
    CHECK_INT(server(rig, "a").calls, 2);
    CHECK_INT(server(rig, "a").sessions, 2);
    CHECK_INT(server(rig, "a").waiting, 2);
    CHECK_INT(server(rig, "b").waiting, 1);
    rig_opened(rig, 0);
    rig_opened(rig, 1);
    CHECK_INT(server(rig, "a").waiting, 0);
    CHECK_INT(server(rig, "a").in_flight, 2);
    CHECK(strcmp(server(rig, "a").breaker, "closed") == 0);
    rig_end(rig);
}

static void the_worst_breaker_of_a_server_is_told(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    rig->options.breaker_failures = 1;
    rig->options.breaker_pause = 1000;
    rig_make(rig);
    rig_call_as(rig, "a", "ann", false, &err);
    rig_call_as(rig, "a", "bob", false, &err);
    rig_opened(rig, 0);
    rig_open_failed(rig, 1);
    CHECK(strcmp(server(rig, "a").breaker, "open") == 0);
    rig->fake.now += 1000;
    CHECK(strcmp(server(rig, "a").breaker, "half-open") == 0);
    rig_end(rig);
}

/* A counter never goes back because an endpoint was dropped. */
static void numbers_outlive_the_endpoint(void)
{
    pool_rig *rig = rig_new();
    souk_err err;
    rig->options.max_keys = 2;
    rig_make(rig);
    for (int i = 0; i < 10; i++) {
        char identity[16];
        snprintf(identity, sizeof identity, "i%d", i);
        int call = rig_call_as(rig, "a", identity, false, &err);
        rig->fake.now += 10;
        rig_opened(rig, (size_t)i);
        rig_done(rig, call);
        rig_run(rig);
    }
    CHECK_INT(rig_stats(rig).keys, 2);
    CHECK_INT(server(rig, "a").calls, 10);
    CHECK_INT(server(rig, "a").latency->count, 10);
    CHECK_INT(server_count(rig), 1);
    rig_end(rig);
}

static void servers_without_endpoints_are_forgotten_when_there_are_too_many(void)
{
    pool_rig *rig = rig_new();
    rig->options.max_keys = 2;
    rig_make(rig);
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        int call = rig_call_plain(rig, name);
        rig_opened(rig, (size_t)i);
        rig_done(rig, call);
        rig_run(rig);
        rig->fake.now += 10;
    }
    CHECK(server_count(rig) <= 4); /* two, and those whose sessions are still closing */
    CHECK_INT(server(rig, "s9").calls, 1);
    rig_end(rig);
}

int main(void)
{
    CASE(each_span_is_measured_from_its_beginning_to_its_end);
    CASE(a_call_that_goes_again_waits_twice_and_lasts_once);
    CASE(calls_that_never_got_a_session_have_lasted_too);
    CASE(identities_of_one_server_are_counted_together);
    CASE(the_worst_breaker_of_a_server_is_told);
    CASE(numbers_outlive_the_endpoint);
    CASE(servers_without_endpoints_are_forgotten_when_there_are_too_many);
    return tap_done();
}
