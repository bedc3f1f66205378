/*
 * An engine on a thread of its own, for programs whose own thread must not wait: event loops.
 *
 * The thread only moves bytes. What is asked through the port goes to it in a locked buffer, what
 * has happened comes back in another one, and the bell (bell.h) rings when there is something to
 * fetch or a moment has come that was asked for:
 *
 *     souk_port port = souk_courier_port(courier);
 *     port.exchange(port.user, &exchange, &err);
 *     souk_courier_wake_at(courier, deadline);
 *     ... souk_courier_fd(courier) becomes readable ...
 *     souk_courier_wait(courier, 0, &err);
 *     while (souk_courier_next(courier, &event)) { ... }
 *
 * All functions belong to one thread, the caller's. Two things differ from an
 * engine that is driven by its caller: what it refuses comes as an event (FAILED, UNSTARTED,
 * UNWRITTEN) and not as the result of the port's function; and the environment of a child is that
 * of the moment when it was asked for.
 *
 * All signals are blocked in the thread. In a forked child the thread does not exist: there every
 * function fails with SOUK_E_CLOSED or does nothing. A process that exits without having freed its
 * couriers ends their threads before libraries are torn down (courier_exit.c).
 */
#ifndef SOUK_COURIER_H
#define SOUK_COURIER_H

#include "io/bell.h"
#include "io/engine.h"

typedef struct souk_courier souk_courier;

/*
 * As souk_engine_new, and starts the thread. `alloc` and options->reach are used by both threads:
 * the first must be safe for that (the C library's is), the second must not change.
 */
int souk_courier_new(const souk_alloc *alloc, const souk_engine_options *options,
                     souk_courier **out, souk_err *err);

/* Ends the thread, then as souk_engine_free. NULL is allowed. */
void souk_courier_free(souk_courier *courier);

souk_port souk_courier_port(souk_courier *courier);

/*
 * Takes what has come, and hushes the bell. If that is nothing, waits up to `timeout` ms (0: not at
 * all; SOUK_NEVER has no end) for more, or until the moment of souk_courier_wake_at. Returns early
 * after a signal. SOUK_E_CLOSED in a foreign process.
 */
int souk_courier_wait(souk_courier *courier, souk_ms timeout, souk_err *err);

/* Rings the bells of all couriers of this process. Any thread may call it. */
void souk_courier_ring_all(void);

/* As souk_engine_next. */
bool souk_courier_next(souk_courier *courier, souk_io_event *event);

/*
 * The bell is rung at that moment of souk_clock_now at the latest. It may ring earlier, at a moment
 * of an earlier call; whoever finds nothing to do then says again when there will be something. A
 * moment that has passed rings it now; SOUK_NEVER changes nothing.
 */
void souk_courier_wake_at(souk_courier *courier, souk_ms at);

/*
 * From now on the thread is not woken for what is asked of it, until uncork wakes it for all of
 * that, or souk_courier_wait waits: waking it costs more than many requests do. It may take them
 * earlier.
 */
void souk_courier_cork(souk_courier *courier);
void souk_courier_uncork(souk_courier *courier);

/* To be watched for reading: the bell. -1 in a foreign process. */
int souk_courier_fd(const souk_courier *courier);

/* Makes it unreadable until something new happens: for a loop that will fetch a little later. */
void souk_courier_hush(const souk_courier *courier);

/*
 * The same for a loop that cannot watch a descriptor (bell.h). *path is where it has to connect to,
 * and lives until it was let in. Then it is told at once what has happened meanwhile.
 */
int souk_courier_open_door(souk_courier *courier, const char *folder, const char **path,
                           souk_err *err);
int souk_courier_let_in(souk_courier *courier, souk_err *err);

/* The loop has gone: the descriptor of the bell is rung again. */
void souk_courier_close_door(souk_courier *courier);

#endif
