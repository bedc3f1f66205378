/*
 * The engine: moves bytes for the protocol side (base/wire.h), HTTP over libcurl and child
 * processes over pipes.
 *
 * It has no thread. The caller submits through the souk_port, lets the engine work with
 * souk_engine_wait, and fetches what happened with souk_engine_next; nothing is ever called back:
 *
 *     souk_port port = souk_engine_port(engine);
 *     port.exchange(port.user, &exchange, &err);
 *     while (souk_engine_wait(engine, SOUK_NEVER, &err) == SOUK_OK) {
 *         while (souk_engine_next(engine, &event)) { ... }
 *     }
 *
 * An event loop watches souk_engine_fd for reading, sets a timer to souk_engine_next_timer, calls
 * souk_engine_wait(engine, 0, ...) when either fires, and asks for the delay anew after each call
 * of the engine.
 *
 * One engine, one thread at a time; different engines may run in different threads. An engine
 * belongs to the process that made it: in a forked child every function fails with SOUK_E_CLOSED or
 * does nothing, and souk_engine_free leaves the parent's children and connections alone. The
 * children of an engine live no longer than the thread that spawned them (Linux: PR_SET_PDEATHSIG).
 *
 * The engine never changes signal dispositions, never waits for children that are not its own, and
 * needs no SIGCHLD.
 */
#ifndef SOUK_ENGINE_H
#define SOUK_ENGINE_H

#include "base/reach.h"
#include "base/wire.h"

typedef struct souk_engine souk_engine;

/* What is 0 takes its default. */
typedef struct souk_engine_options {
    size_t max_exchanges;   /* in flight or not yet fetched; default 1,024 */
    size_t max_children;    /* default 256 */
    size_t max_groups;      /* connection groups; the longest unused one makes room; default 512 */
    size_t max_connections; /* of one group; more exchanges wait for a free one; default 256 */
    size_t max_queued; /* bytes of an exchange or pipe that wait to be fetched; default 1 MiB */
    souk_ms handle_idle_ms; /* libcurl's handles of an unused group are freed after so long; default
                               15,000 */
    souk_ms group_idle_ms;  /* a group unused for so long is dropped with its connections; default
                               120,000 */
    const souk_reach *reach; /* where it may connect to, and whether it may start processes; must
                                outlive the engine; NULL: everything is allowed */
} souk_engine_options;

typedef struct souk_engine_counts {
    size_t exchanges; /* in flight or not yet fetched */
    size_t children;  /* running or not yet fetched */
    size_t groups;
    size_t idle_handles;        /* kept for the next exchanges of their groups */
    size_t connections;         /* open sockets, kept-alive ones included */
    uint64_t exchanges_started; /* since the engine was made */
    uint64_t connections_opened;
    uint64_t children_spawned;
} souk_engine_counts;

/*
 * Makes an engine. `options` may be NULL; `alloc` must outlive the engine. libcurl is initialised
 * once in the life of the process and never cleaned up. SOUK_E_LIMIT when memory or descriptors are
 * exhausted. The caller frees it.
 */
int souk_engine_new(const souk_alloc *alloc, const souk_engine_options *options, souk_engine **out,
                    souk_err *err);

/*
 * Stops everything and frees the engine: transfers are cut off, the process groups of the children
 * killed, the children reaped (at most a second is waited for one that the system does not let go).
 * No event follows. To close children politely, use close_child and wait for their EXIT first. NULL
 * is allowed.
 */
void souk_engine_free(souk_engine *engine);

/* SOUK_E_CLOSED when this is not the process that made the engine; any thread may ask. */
int souk_engine_check(const souk_engine *engine, souk_err *err);

/* The way in. Valid as long as the engine. */
souk_port souk_engine_port(souk_engine *engine);

/*
 * Works until there is an event to fetch or `timeout` ms are over: 0 does what can be done at once,
 * SOUK_NEVER has no end. Returns early after a signal or souk_engine_wake. What is not fetched is
 * kept, and bounded: sources whose bytes nobody fetches are paused. SOUK_E_CLOSED in a foreign
 * process, SOUK_E_LIMIT when the system refuses to wait.
 */
int souk_engine_wait(souk_engine *engine, souk_ms timeout, souk_err *err);

/*
 * Fetches the next event; false when there is none. What it points to is valid until the next call.
 */
bool souk_engine_next(souk_engine *engine, souk_io_event *event);

/*
 * A descriptor that is readable when souk_engine_wait(0) would find bytes; -1 where there is none
 * (not Linux).
 */
int souk_engine_fd(const souk_engine *engine);

/*
 * After how many ms souk_engine_wait(0) is due even if the descriptor is quiet: 0 now, SOUK_NEVER
 * not at all.
 */
souk_ms souk_engine_next_timer(const souk_engine *engine);

/*
 * Makes the current or next souk_engine_wait return. Any thread and any signal handler may call it.
 */
void souk_engine_wake(souk_engine *engine);

souk_engine_counts souk_engine_stats(const souk_engine *engine);

#endif
