/*
 * A kept-alive connection that is dead already when the request is written to it. That moment
 * cannot be met on purpose, so the program brings its own send, which libcurl finds before that of
 * the C library.
 */
#include "io_test.h"

static atomic_int broken_sends; /* how many of the next requests find a broken pipe */

__attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes, size_t len,
                                                    int flags);

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    bool is_request = len > 5 && (memcmp(bytes, "POST ", 5) == 0 || memcmp(bytes, "GET ", 4) == 0);
    if (is_request && atomic_load(&broken_sends) > 0) {
        atomic_fetch_sub(&broken_sends, 1);
        errno = EPIPE;
        return -1;
    }
    return sendto(fd, bytes, len, flags, NULL, 0);
}

static void a_request_of_which_no_byte_left_was_not_sent(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    outcome o;
    run(engine, post_to(server->url, 1), "x", &o);
    CHECK(!o.failed);
    outcome_free(&o);
    atomic_store(&broken_sends, 1);
    run(engine, post_to(server->url, 2), "x", &o);
    CHECK_INT(atomic_load(&broken_sends), 0);
    CHECK(o.failed);
    CHECK_INT(o.err.kind, SOUK_E_TRANSPORT);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    CHECK(o.err.retryable);
    CHECK_HAS(o.err.message, "/mcp: the connection was closed before the request was sent");
    outcome_free(&o);
    run(engine, post_to(server->url, 3), "x", &o);
    CHECK(!o.failed);
    outcome_free(&o);
    CHECK_INT(atomic_load(&server->requests), 2);
    souk_engine_free(engine);
    server_stop(server);
}

static void gets_a_new_connection(const char *method, bool repeatable)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    souk_exchange ask = post_to(server->url, 1);
    ask.method = method;
    ask.repeatable = repeatable;
    outcome o;
    run(engine, ask, repeatable ? "x" : NULL, &o);
    CHECK(!o.failed);
    outcome_free(&o);
    atomic_store(&broken_sends, 1);
    ask.id = 2;
    run(engine, ask, repeatable ? "x" : NULL, &o);
    CHECK(!o.failed);
    outcome_free(&o);
    CHECK_INT(atomic_load(&server->requests), 2);
    CHECK_INT(atomic_load(&server->connections), 2);
    souk_engine_free(engine);
    server_stop(server);
}

static void an_idempotent_request_gets_its_new_connection(void)
{
    gets_a_new_connection("GET", false);
}

static void a_post_that_does_no_harm_gets_its_new_connection_too(void)
{
    gets_a_new_connection("POST", true);
}

/* Handles are used again; what was allowed to the last exchange is not allowed to the next. */
static void a_post_behind_one_that_may_be_repeated_may_not(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    souk_exchange ask = post_to(server->url, 1);
    outcome o;
    ask.repeatable = true;
    run(engine, ask, "x", &o);
    CHECK(!o.failed);
    outcome_free(&o);
    atomic_store(&broken_sends, 1);
    run(engine, post_to(server->url, 2), "x", &o);
    CHECK(o.failed);
    outcome_free(&o);
    CHECK_INT(atomic_load(&server->requests), 1);
    souk_engine_free(engine);
    server_stop(server);
}

static void a_fresh_connection_that_breaks_at_once_was_not_sent_either(void)
{
    test_server *server = server_start(script_ok);
    souk_engine *engine = engine_start(NULL);
    atomic_store(&broken_sends, 1);
    outcome o;
    run(engine, post_to(server->url, 1), "x", &o);
    CHECK(o.failed);
    CHECK_INT(o.err.delivery, SOUK_DELIVERY_NOT_SENT);
    outcome_free(&o);
    CHECK_INT(atomic_load(&server->requests), 0);
    souk_engine_free(engine);
    server_stop(server);
}

int main(void)
{
    CASE(a_request_of_which_no_byte_left_was_not_sent);
    CASE(an_idempotent_request_gets_its_new_connection);
    CASE(a_post_that_does_no_harm_gets_its_new_connection_too);
    CASE(a_post_behind_one_that_may_be_repeated_may_not);
    CASE(a_fresh_connection_that_breaks_at_once_was_not_sent_either);
    return tap_done();
}
