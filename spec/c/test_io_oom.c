/* The engine without memory: each allocation of a scenario fails once, then all from there on. */
#include <fcntl.h>

#include "failing_alloc.h"
#include "io_test.h"

/* A final event or an error from the port; whatever else, it ends, and gives back every block. */
static void run_scenario(const souk_alloc *alloc, const char *url)
{
    souk_engine *engine = NULL;
    souk_err err;
    if (souk_engine_new(alloc, NULL, &engine, &err) != SOUK_OK) {
        CHECK_INT(err.kind, SOUK_E_LIMIT);
        return;
    }
    outcome all[6];
    size_t started = 0;
    souk_port port = souk_engine_port(engine);
    souk_header headers[] = {{SOUK_LIT("X-A"), SOUK_LIT("1")}, {SOUK_LIT("X-B"), SOUK_LIT("2")}};
    for (souk_id id = 1; id <= 3; id++) {
        souk_exchange exchange = post_to(url, id);
        exchange.headers = headers;
        exchange.header_count = id % 2 + 1;
        exchange.group = id == 3 ? SOUK_LIT("other") : SOUK_LIT("one");
        outcome_init(&all[started], id);
        int rc = start(engine, exchange, "{\"id\":1}", &err);
        CHECK(rc == SOUK_OK || rc == SOUK_E_LIMIT);
        started += rc == SOUK_OK;
    }
    /* A name, so that libcurl brings descriptors that it did not ask us for. */
    souk_exchange by_name = post_to(
        "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid/",
        6);
    by_name.group = SOUK_LIT("named");
    outcome_init(&all[started], 6);
    int named_rc = start(engine, by_name, "{}", &err);
    CHECK(named_rc == SOUK_OK || named_rc == SOUK_E_LIMIT);
    started += named_rc == SOUK_OK;

    static const char *const argv[] = {"sh", "-c", "cat; echo done >&2", NULL};
    static const char *const env[] = {"SOUK_TEST=1", NULL};
    for (souk_id id = 4; id <= 5; id++) {
        souk_spawn spawn = {.id = id, .argv = argv, .env = env, .stderr_tail = 100};
        outcome_init(&all[started], id);
        int rc = port.spawn(port.user, &spawn, &err);
        CHECK(rc == SOUK_OK || rc == SOUK_E_LIMIT);
        if (rc == SOUK_OK) {
            started++;
            rc = port.write(port.user, id, SOUK_LIT("one line\n"), &err);
            CHECK(rc == SOUK_OK || rc == SOUK_E_LIMIT);
            port.close_child(port.user, id, 5000);
        }
    }
    finish_all(engine, all, started);
    for (size_t i = 0; i < started; i++) {
        CHECK(!all[i].failed || all[i].err.kind == SOUK_E_LIMIT ||
              all[i].err.kind == SOUK_E_TRANSPORT);
        outcome_free(&all[i]);
    }
    souk_engine_free(engine);
}

static void fail_each_allocation(bool for_ever)
{
    test_server *server = server_start(script_ok);
    failing_alloc f;
    long n = 1;
    for (; n < 10000; n++) {
        failing_alloc_init(&f, n);
        f.for_ever = for_ever;
        run_scenario(&f.alloc, server->url);
        CHECK_INT(f.live, 0);
        if (!f.fired) {
            break;
        }
    }
    CHECK(n > 20);
    printf("# %ld allocations\n", n - 1);
    server_stop(server);
}

static void an_allocation_that_fails_once_is_an_error_and_no_more(void)
{
    fail_each_allocation(false);
}

static void running_out_of_memory_for_good_is_an_error_and_no_more(void)
{
    fail_each_allocation(true);
}

/* With low numbers taken, the tables that are indexed by descriptor have to grow on the way. */
static void take_low_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    } while (fd >= 0 && fd < 40);
}

int main(void)
{
    take_low_descriptors();
    CASE(an_allocation_that_fails_once_is_an_error_and_no_more);
    CASE(running_out_of_memory_for_good_is_an_error_and_no_more);
    return tap_done();
}
