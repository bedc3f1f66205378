/* Listening to servers, with a server that is a handler of the test. */
#include "io/clock.h"
#include "runtime_peer.h"

/* A server that is discovered and listened to. */
static void begin_listening(peer *p, const char *about)
{
    souk_err err;
    CHECK(peer_begin(p, souk_alloc_libc(), &err));
    p->about = about;
    CHECK_INT(peer_add(p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    CHECK_INT(peer_discover(p, &err), SOUK_OK);
    peer_run(p);
}

static void nothing_is_opened_before_the_program_wants_something(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    CHECK_INT(peer_add(&p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    peer_wait(&p, 100000);
    CHECK_INT(p.opens, 0);
    CHECK_INT(peer_discover(&p, &err), SOUK_OK);
    peer_run(&p);
    CHECK_INT(p.opens, 1);
    CHECK_INT(p.looks, 0);
    CHECK_INT(p.listens, 1);
    CHECK_TEXT(p.filter, "{\"toolsListChanged\":true,\"promptsListChanged\":true}");
    CHECK_INT(p.dones, 1); /* the discovery, and nothing else */
    peer_end(&p);
}

static void a_server_that_declares_no_changes_is_left_alone(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", "{\"tools\":{}}"));
    peer_wait(&p, 100000);
    CHECK_INT(p.listens, 0);
    peer_end(&p);
}

static void a_server_that_says_nothing_of_itself_is_left_alone(void)
{
    peer p;
    begin_listening(&p, NULL);
    peer_wait(&p, 100000);
    CHECK_INT(p.listens, 0);
    CHECK_INT(p.looks, 0);
    CHECK_TEXT(p.notes, "");
    peer_end(&p);
}

static void a_server_that_names_no_capabilities_is_asked_for_them(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("modern", "http", "null"));
    CHECK_INT(p.looks, 1);
    CHECK_INT(p.listens, 1);
    CHECK_TEXT(p.filter, "{\"toolsListChanged\":true,\"promptsListChanged\":true,"
                         "\"resourcesListChanged\":true}");
    peer_end(&p);
}

static void what_the_answer_to_the_ping_declares_counts(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("modern", "http", "null");
    p.pong = "{\"capabilities\":" PEER_RESOURCES "}";
    CHECK_INT(peer_add(&p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    peer_subscribe(&p, "a:b", true);
    peer_run(&p);
    CHECK_INT(p.looks, 1);
    CHECK_TEXT(p.filter, "{\"resourceSubscriptions\":[\"a:b\"]}");
    peer_end(&p);
}

static void always_opens_a_session_by_itself(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("legacy", "http", "{}");
    CHECK_INT(peer_add(&p, SOUK_LISTEN_ALWAYS, &err), SOUK_OK);
    peer_run(&p);
    CHECK_INT(p.opens, 1);
    CHECK_INT(p.looks, 1);
    CHECK_INT(p.listens, 1); /* a legacy server may speak, whatever it declares */
    CHECK_TEXT(p.filter, "{}");
    CHECK_INT(p.dones, 0);
    peer_end(&p);
}

static void always_does_not_ask_a_modern_server_for_nothing(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("modern", "http", "{}");
    CHECK_INT(peer_add(&p, SOUK_LISTEN_ALWAYS, &err), SOUK_OK);
    peer_wait(&p, 100000);
    CHECK_INT(p.opens, 1);
    CHECK_INT(p.listens, 0);
    peer_end(&p);
}

static void subscriptions_of_one_step_are_put_together(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("legacy", "http", PEER_RESOURCES);
    CHECK_INT(peer_add(&p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    peer_subscribe(&p, "a:1", true);
    peer_subscribe(&p, "a:2", true);
    peer_subscribe(&p, "a:2", true);
    peer_run(&p);
    CHECK_INT(p.listens, 1);
    CHECK_TEXT(p.filter, "{\"resourceSubscriptions\":[\"a:1\",\"a:2\"]}");
    peer_say(&p, "souk/listening");
    peer_subscribe(&p, "a:3", true);
    peer_subscribe(&p, "a:1", false);
    peer_run(&p);
    CHECK_INT(p.listens, 2);
    CHECK_INT(p.cancels, 1);
    CHECK_TEXT(p.filter, "{\"resourceSubscriptions\":[\"a:2\",\"a:3\"]}");
    CHECK_TEXT(p.methods, "resources/unsubscribe {\"uri\":\"a:1\"};");
    peer_subscribe(&p, "a:2", false);
    peer_subscribe(&p, "a:3", false);
    peer_subscribe(&p, "a:9", false);
    peer_run(&p);
    CHECK(p.listen == NULL);
    CHECK_INT(p.listens, 2);
    CHECK_INT(p.dones, 0);
    peer_end(&p);
}

static void modern_servers_are_not_told_to_unsubscribe(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("modern", "stdio", PEER_RESOURCES);
    CHECK_INT(peer_add(&p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    peer_subscribe(&p, "a:1", true);
    peer_run(&p);
    peer_say(&p, "souk/listening");
    peer_subscribe(&p, "a:1", false);
    peer_run(&p);
    CHECK(p.listen == NULL);
    CHECK_TEXT(p.methods, "");
    peer_end(&p);
}

static void a_subscription_that_no_server_takes_is_told(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    peer_subscribe(&p, "a:1", true);
    peer_run(&p);
    CHECK_TEXT(p.filter, "{\"toolsListChanged\":true,\"promptsListChanged\":true}");
    CHECK_TEXT(p.notes, "listening_failed {\"server\":\"peer\",\"reason\":\"the server lets nobody "
                        "subscribe to its resources\"};");
    peer_end(&p);
}

static void never_listens_only_where_no_stream_is_needed(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("legacy", "http", PEER_RESOURCES);
    CHECK_INT(peer_add(&p, SOUK_LISTEN_NEVER, &err), SOUK_OK);
    CHECK_INT(peer_discover(&p, &err), SOUK_OK);
    peer_run(&p);
    CHECK_INT(p.listens, 0);
    peer_subscribe(&p, "a:1", true);
    peer_run(&p);
    CHECK_INT(p.listens, 0);
    CHECK(peer_has(p.notes, "switched off"));
    peer_end(&p);

    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("legacy", "stdio",
                         "{\"resources\":{\"subscribe\":true,\"listChanged\":true},\"tools\":{"
                         "\"listChanged\":true}}");
    CHECK_INT(peer_add(&p, SOUK_LISTEN_NEVER, &err), SOUK_OK);
    peer_subscribe(&p, "a:1", true);
    peer_run(&p);
    CHECK_TEXT(p.filter, "{\"resourceSubscriptions\":[\"a:1\"]}");
    peer_end(&p);
}

static void subscriptions_are_checked(void)
{
    peer p;
    souk_err err;
    char large[8200];
    memset(large, 'x', sizeof large);
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    CHECK_INT(peer_add(&p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    const souk_slice bad[] = {SOUK_LIT(""), SOUK_LIT("\xFF"), souk_slice_make(large, sizeof large)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_INT(souk_runtime_subscribe(p.rt, SOUK_LIT("peer"), bad[i], true, &err),
                  SOUK_E_CONFIG);
    }
    CHECK_INT(souk_runtime_subscribe(p.rt, SOUK_LIT("nobody"), SOUK_LIT("a:1"), true, &err),
              SOUK_E_CONFIG);
    int failed = SOUK_OK;
    for (int i = 0; i < 10001; i++) {
        char uri[32];
        snprintf(uri, sizeof uri, "a:%d", i);
        failed = souk_runtime_subscribe(p.rt, SOUK_LIT("peer"), souk_slice_of(uri), true, &err);
    }
    CHECK_INT(failed, SOUK_E_LIMIT);
    peer_end(&p);
}

/* How long it takes until the next LISTEN is put, in steps of 50 ms. */
static souk_ms time_to_next(peer *p)
{
    int before = p->listens;
    souk_ms time = 0;
    while (p->listens == before && time < 100000) {
        peer_wait(p, 50);
        time += 50;
    }
    return time;
}

static void failures_are_told_and_tried_again_later_and_later(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("modern", "http", PEER_LISTS));
    peer_end_listen(&p, SOUK_E_TRANSPORT);
    CHECK_TEXT(p.notes, "listening_failed {\"server\":\"peer\",\"reason\":\"the peer fails\"};");
    for (souk_ms longest = 500; longest < 200000; longest *= 2) {
        souk_ms most = longest < 60000 ? longest : 60000;
        souk_ms time = time_to_next(&p);
        CHECK(time >= most / 2 && time <= most + 50);
        peer_end_listen(&p, SOUK_E_TRANSPORT);
    }
    CHECK_INT(p.dones, 1);
    peer_end(&p);
}

static void what_another_try_will_not_mend_waits_long_at_once(void)
{
    static const int kinds[] = {SOUK_E_CONFIG, SOUK_E_AUTH, SOUK_E_LIMIT, SOUK_E_RPC};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        peer p;
        begin_listening(&p, PEER_ABOUT("modern", "http", PEER_LISTS));
        peer_end_listen(&p, kinds[i]);
        souk_ms time = time_to_next(&p);
        CHECK(time >= 30000 && time <= 60050);
        peer_end(&p);
    }
}

static void a_replaced_session_is_followed_at_once_but_not_in_circles(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    peer_say(&p, "souk/listening");
    peer_end_listen(&p, SOUK_E_CLOSED);
    CHECK_INT(p.listens, 2);
    peer_say(&p, "souk/listening");
    peer_end_listen(&p, SOUK_E_CLOSED);
    CHECK_INT(p.listens, 2);
    CHECK(time_to_next(&p) >= 250);
    peer_say(&p, "souk/listening");
    peer_wait(&p, 10000); /* from now on it counts as one that stood */
    peer_end_listen(&p, SOUK_E_CLOSED);
    CHECK_INT(p.listens, 4);
    CHECK(!peer_has(p.notes, "listening_failed"));
    peer_end(&p);
}

static void an_end_in_order_is_no_failure_but_waits(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("modern", "http", PEER_LISTS));
    peer_end_listen(&p, SOUK_OK);
    CHECK_INT(p.listens, 1);
    souk_ms time = time_to_next(&p);
    CHECK(time >= 250 && time <= 550);
    CHECK_TEXT(p.notes, "");
    peer_end(&p);
}

static void a_server_that_cannot_be_reached_is_tried_again(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.open_fails = SOUK_E_TRANSPORT;
    CHECK_INT(peer_add(&p, SOUK_LISTEN_ALWAYS, &err), SOUK_OK);
    peer_run(&p);
    CHECK(peer_has(p.notes, "listening_failed"));
    CHECK_INT(p.listens, 0);
    p.open_fails = 0;
    peer_wait(&p, 60000);
    CHECK_INT(p.listens, 1);
    peer_end(&p);
}

static void a_step_wakes_up_for_the_next_try(void)
{
    peer p;
    souk_err err;
    begin_listening(&p, PEER_ABOUT("modern", "http", PEER_LISTS));
    peer_end_listen(&p, SOUK_E_TRANSPORT);
    souk_ms before = souk_clock_now();
    CHECK_INT(souk_runtime_step(p.rt, 20000, &err), SOUK_OK);
    souk_ms waited = souk_clock_now() - before;
    CHECK(waited >= 200 && waited < 10000);
    peer_end(&p);
}

static void a_server_that_is_removed_is_not_listened_to(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    CHECK(p.listen != NULL);
    CHECK(souk_runtime_remove_server(p.rt, SOUK_LIT("peer")));
    peer_wait(&p, 100000);
    CHECK(p.listen == NULL);
    CHECK_INT(p.listens, 1);
    CHECK_INT(p.dones, 1);
    CHECK_TEXT(p.notes, "");
    peer_end(&p);
}

static void closing_waits_for_nothing_and_tells_nothing(void)
{
    peer p;
    souk_outcome outcome;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_LISTS));
    CHECK(p.listen != NULL);
    p.notes[0] = '\0';
    souk_runtime_close(p.rt, 0);
    CHECK(souk_pool_is_empty(souk_runtime_pool(p.rt)));
    while (souk_runtime_next(p.rt, &outcome)) {
        CHECK(outcome.kind == SOUK_OUTCOME_NOTE &&
              souk_slice_starts(outcome.name, SOUK_LIT("session_")));
    }
    peer_end(&p);
}

static void refused_subscriptions_become_notes(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", PEER_RESOURCES));
    souk_session_notice(p.session, SOUK_LIT("souk/listening_failed"),
                        SOUK_LIT("{\"uri\":\"a:1\",\"message\":\"no such thing\"}"));
    peer_run(&p);
    CHECK_INT(p.notices, 0);
    CHECK_TEXT(p.notes,
               "listening_failed {\"server\":\"peer\",\"uri\":\"a:1\",\"reason\":\"no such "
               "thing\"};");
    peer_end(&p);
}

static void subscriptions_that_were_not_granted_are_told(void)
{
    peer p;
    souk_err err;
    CHECK(peer_begin(&p, souk_alloc_libc(), &err));
    p.about = PEER_ABOUT("modern", "http", PEER_RESOURCES);
    CHECK_INT(peer_add(&p, SOUK_LISTEN_AUTO, &err), SOUK_OK);
    peer_subscribe(&p, "a:1", true);
    peer_subscribe(&p, "a:2", true);
    peer_run(&p);
    souk_session_notice(p.session, SOUK_LIT("souk/listening"),
                        SOUK_LIT("{\"resourceSubscriptions\":[\"a:2\",1]}"));
    peer_run(&p);
    CHECK_TEXT(p.notes, "listening_failed {\"server\":\"peer\",\"uri\":\"a:1\",\"reason\":\"the "
                        "server did not take the subscription\"};");
    peer_end(&p);
}

static void what_a_server_says_of_itself_can_be_read(void)
{
    peer p;
    begin_listening(&p, PEER_ABOUT("legacy", "http", "{}"));
    CHECK_SLICE(souk_runtime_about(p.rt, SOUK_LIT("peer"), souk_slice_make(NULL, 0)), p.about);
    CHECK_INT(souk_runtime_about(p.rt, SOUK_LIT("nobody"), souk_slice_make(NULL, 0)).len, 0);
    CHECK_INT(souk_runtime_about(p.rt, SOUK_LIT("peer"), SOUK_LIT("somebody else")).len, 0);
    CHECK_INT(p.input, 7);
    CHECK_INT(p.abilities, 3);
    peer_end(&p);
}

/* A life with everything that listening does. SOUK_OK, or the first error. */
static int whole_life(const souk_alloc *alloc, souk_err *err)
{
    peer p;
    int failed = SOUK_OK;
    souk_err_clear(err);
    if (peer_begin(&p, alloc, err)) {
        p.about = PEER_ABOUT("legacy", "http", "{\"resources\":{\"subscribe\":true}}");
        failed = peer_add(&p, SOUK_LISTEN_ALWAYS, err);
        if (failed == SOUK_OK) {
            failed = souk_runtime_subscribe(p.rt, SOUK_LIT("peer"), SOUK_LIT("a:1"), true, err);
        }
        if (failed == SOUK_OK) {
            peer_run(&p);
            peer_say(&p, "souk/listening");
            failed = souk_runtime_subscribe(p.rt, SOUK_LIT("peer"), SOUK_LIT("a:1"), false, err);
            peer_run(&p);
            peer_end_listen(&p, SOUK_E_TRANSPORT);
            peer_wait(&p, 60000);
        }
    } else {
        failed = err->kind;
    }
    peer_end(&p);
    return failed;
}

static void every_allocation_of_listening_may_fail(void)
{
    failing_alloc f;
    long n = 1;
    for (; n < 3000; n++) {
        souk_err err;
        failing_alloc_init(&f, n);
        int failed = whole_life(&f.alloc, &err);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            CHECK_INT(failed, SOUK_OK);
            break;
        }
    }
    printf("# %ld allocations, each failed once\n", n - 1);
    CHECK(n > 50 && n < 3000);
}

int main(void)
{
    CASE(nothing_is_opened_before_the_program_wants_something);
    CASE(a_server_that_declares_no_changes_is_left_alone);
    CASE(a_server_that_says_nothing_of_itself_is_left_alone);
    CASE(a_server_that_names_no_capabilities_is_asked_for_them);
    CASE(what_the_answer_to_the_ping_declares_counts);
    CASE(always_opens_a_session_by_itself);
    CASE(always_does_not_ask_a_modern_server_for_nothing);
    CASE(subscriptions_of_one_step_are_put_together);
    CASE(modern_servers_are_not_told_to_unsubscribe);
    CASE(a_subscription_that_no_server_takes_is_told);
    CASE(never_listens_only_where_no_stream_is_needed);
    CASE(subscriptions_are_checked);
    CASE(failures_are_told_and_tried_again_later_and_later);
    CASE(what_another_try_will_not_mend_waits_long_at_once);
    CASE(a_replaced_session_is_followed_at_once_but_not_in_circles);
    CASE(an_end_in_order_is_no_failure_but_waits);
    CASE(a_server_that_cannot_be_reached_is_tried_again);
    CASE(a_step_wakes_up_for_the_next_try);
    CASE(a_server_that_is_removed_is_not_listened_to);
    CASE(closing_waits_for_nothing_and_tells_nothing);
    CASE(refused_subscriptions_become_notes);
    CASE(subscriptions_that_were_not_granted_are_told);
    CASE(what_a_server_says_of_itself_can_be_read);
    CASE(every_allocation_of_listening_may_fail);
    return tap_done();
}
