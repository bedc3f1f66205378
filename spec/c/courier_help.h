/* For the tests of couriers: running exchanges and children of one to their end. */
#ifndef SOUK_COURIER_HELP_H
#define SOUK_COURIER_HELP_H

#include <poll.h>

#include "io/courier.h"
#include "io_child_test.h"

static inline souk_courier *courier_start(const souk_engine_options *options)
{
    souk_courier *courier = NULL;
    souk_err err;
    if (souk_courier_new(souk_alloc_libc(), options, &courier, &err) != SOUK_OK) {
        printf("Bail out! %s\n", err.message);
        exit(1);
    }
    return courier;
}

/* Hands an exchange with a body to the courier. */
static inline void courier_post(souk_courier *courier, souk_exchange exchange, const char *body)
{
    souk_buf bytes;
    souk_err err;
    souk_port port = souk_courier_port(courier);
    souk_buf_init(&bytes, souk_alloc_libc(), SIZE_MAX);
    souk_buf_add_text(&bytes, body);
    exchange.body = &bytes;
    CHECK_INT(port.exchange(port.user, &exchange, &err), SOUK_OK);
    CHECK(bytes.data == NULL); /* moved */
    souk_buf_free(&bytes);
}

static inline int courier_spawn(souk_courier *courier, souk_id id, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    souk_spawn spawn = {.id = id, .argv = argv, .stderr_tail = 64};
    souk_port port = souk_courier_port(courier);
    return port.spawn(port.user, &spawn, NULL);
}

static inline int courier_write(souk_courier *courier, souk_id id, const char *text, souk_err *err)
{
    souk_port port = souk_courier_port(courier);
    return port.write(port.user, id, souk_slice_of(text), err);
}

static inline void courier_fetch(souk_courier *courier, outcome *all, size_t count)
{
    souk_io_event event;
    while (souk_courier_next(courier, &event)) {
        note_in(all, count, &event);
    }
}

static inline bool all_final(const outcome *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (all[i].finals == 0) {
            return false;
        }
    }
    return true;
}

/* Waits until all are final. */
static inline void courier_finish(souk_courier *courier, outcome *all, size_t count)
{
    souk_ms until = souk_clock_now() + LONGEST_TEST_MS;
    while (!all_final(all, count) && souk_clock_now() < until) {
        CHECK_INT(souk_courier_wait(courier, until - souk_clock_now(), NULL), SOUK_OK);
        courier_fetch(courier, all, count);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_INT(all[i].finals, 1);
        CHECK(!all[i].out_of_order);
    }
}

/* Waits until the child has said the text. */
static inline void courier_hear(souk_courier *courier, outcome *o, const char *text)
{
    souk_ms until = souk_clock_now() + LONGEST_TEST_MS;
    while ((o->body.len == 0 || !contains(o->body.data, text)) && souk_clock_now() < until) {
        CHECK_INT(souk_courier_wait(courier, 1000, NULL), SOUK_OK);
        courier_fetch(courier, o, 1);
    }
    CHECK(o->body.len > 0 && contains(o->body.data, text));
}

/* Whether the descriptor becomes readable within so many ms. */
static inline bool rings(int fd, int ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, ms) == 1;
}

#endif
