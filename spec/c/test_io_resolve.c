/*
 * A name look-up that takes long must hold up nobody else. The program brings its own getaddrinfo,
 * which libcurl finds before that of the C library.
 */
#include <netdb.h>

#include "courier_help.h"

enum { SLOW_MS = 4000 };

static atomic_int slow_lookups;

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out);

/*
 * The engine asks for nothing but "slow.invalid" (and never gets an answer) and "127.0.0.1", which
 * is no look-up.
 */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)service;
    (void)hints;
    *out = NULL;
    if (name != NULL && strcmp(name, "slow.invalid") == 0) {
        atomic_fetch_add(&slow_lookups, 1);
        usleep(SLOW_MS * 1000);
    }
    return EAI_NONAME;
}

static void a_slow_lookup_delays_neither_others_nor_its_own_time_out(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    outcome all[2];
    outcome_init(&all[0], 1);
    outcome_init(&all[1], 2);
    souk_exchange slow = post_to("http://slow.invalid/", 1);
    slow.connect_timeout_ms = 1000; /* in which the other exchange ends */
    souk_ms before = souk_clock_now();
    CHECK_INT(start(engine, slow, "x", NULL), SOUK_OK);
    drive_for(engine, 20, all, 2);
    CHECK_INT(start(engine, post_to(server->url, 2), "x", NULL), SOUK_OK);
    finish_all(engine, &all[1], 1);
    CHECK(!all[1].failed);
    CHECK_INT(all[0].finals, 0);
    finish_all(engine, &all[0], 1);
    souk_ms took = souk_clock_now() - before;
    CHECK(took >= 999 && took < SLOW_MS);
    CHECK_INT(all[0].err.kind, SOUK_E_TIMEOUT);
    CHECK_INT(all[0].err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK_HAS(all[0].err.message, "no connection to slow.invalid:80 within 1000 ms");
    CHECK_INT(atomic_load(&slow_lookups), 1);
    outcome_free(&all[0]);
    outcome_free(&all[1]);
    souk_engine_free(engine);
    server_stop(server);
}

static void cancelling_and_freeing_do_not_wait_for_a_lookup(void)
{
    souk_engine *engine = engine_start(NULL);
    souk_port port = souk_engine_port(engine);
    outcome o;
    outcome_init(&o, 1);
    CHECK_INT(start(engine, post_to("http://slow.invalid/", 1), "x", NULL), SOUK_OK);
    CHECK_INT(start(engine, post_to("http://slow.invalid/", 2), "x", NULL), SOUK_OK);
    drive_for(engine, 20, &o, 1);
    souk_ms before = souk_clock_now();
    port.cancel(port.user, 1);
    finish_all(engine, &o, 1);
    CHECK_INT(o.err.kind, SOUK_E_CANCELLED);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    souk_engine_free(engine);
    CHECK(souk_clock_now() - before < SLOW_MS / 2);
    outcome_free(&o);
}

static void a_thread_of_its_own_is_not_held_up_either(void)
{
    test_server *server = server_start(script_ok);
    souk_courier *courier = courier_start(NULL);
    outcome all[2];
    outcome_init(&all[0], 1);
    outcome_init(&all[1], 2);
    souk_exchange slow = post_to("http://slow.invalid/", 1);
    slow.timeout_ms = 100;
    souk_ms before = souk_clock_now();
    courier_post(courier, slow, "x");
    courier_finish(courier, &all[0], 1);
    CHECK_INT(all[0].err.kind, SOUK_E_TIMEOUT);
    courier_post(courier, post_to(server->url, 2), "x");
    courier_finish(courier, &all[1], 1);
    CHECK(!all[1].failed);
    souk_courier_free(courier);
    CHECK(souk_clock_now() - before < SLOW_MS / 2);
    outcome_free(&all[0]);
    outcome_free(&all[1]);
    server_stop(server);
}

int main(void)
{
    CASE(a_slow_lookup_delays_neither_others_nor_its_own_time_out);
    CASE(cancelling_and_freeing_do_not_wait_for_a_lookup);
    CASE(a_thread_of_its_own_is_not_held_up_either);
    /* The look-ups that were left behind end before their memory is counted. */
    usleep(SLOW_MS * 1000);
    return tap_done();
}
