/*
 * What the files of this room share: the engine itself, the queue of sources that have events, and
 * alarms.
 *
 * Events are not stored one by one. A source (an exchange, a child) keeps what happened to it (a
 * head, bytes, an end) until it is fetched, and stands in the engine's queue while it has
 * something: so a slow consumer finds bytes gathered, not piled up, and no event needs memory of
 * its own.
 */
#ifndef SOUK_IO_INTERNAL_H
#define SOUK_IO_INTERNAL_H

#include "base/deadline.h"
#include "base/idmap.h"
#include "base/map.h"
#include "io/engine.h"
#include "io/fork_guard.h"
#include "io/loop.h"
#include "io/process.h"

/*
 * Something that becomes due. It stays in the engine's heap from add to remove; SOUK_NEVER means it
 * is not set.
 */
typedef struct souk_alarm {
    souk_deadline deadline;
    void (*ring)(void *owner);
    void *owner;
} souk_alarm;

typedef struct souk_source {
    souk_id id;
    struct souk_source *next; /* in the queue */
    bool queued;
    bool is_child;
} souk_source;

struct souk_group;
struct souk_child;

struct souk_engine {
    const souk_alloc *alloc;
    souk_engine_options options;
    souk_fork_guard guard;
    souk_ms now; /* when the engine was last entered, or last woke up */
    souk_loop *loop;
    souk_deadlines alarms;
    souk_idmap sources; /* by id: exchanges and children whose last event was not fetched */
    souk_source *first; /* sources that have something to fetch */
    souk_source *last;
    souk_buf fetched; /* the bytes of the last event */

    souk_map groups;               /* by their names */
    struct souk_group *group_head; /* most recently used first */
    struct souk_group *group_tail;
    size_t paused;    /* transfers that may go on, since their bytes were fetched */
    bool launched;    /* libcurl was given transfers that it has not begun */
    int socket_errno; /* why the last socket could not be made */
    struct souk_child *children;
    souk_process keeper; /* keeper.c; pid 0 or -1 when there is none */
    souk_buf chunk; /* what is read from a pipe goes through here, so that idle children keep no
                       buffer */
    souk_engine_counts counts;
};

/* Puts the source in the queue, if it is not there yet. */
void souk_engine_offer(souk_engine *engine, souk_source *source);

/*
 * Moves the bytes of `from` to engine->fetched, where they stay until the next event is fetched,
 * and leaves `from` empty with the memory of what was fetched before.
 */
souk_slice souk_engine_hand_over(souk_engine *engine, souk_buf *from);

/* SOUK_E_LIMIT when out of memory. */
int souk_alarm_add(souk_engine *engine, souk_alarm *alarm, void (*ring)(void *owner), void *owner,
                   souk_err *err);
void souk_alarm_set(souk_engine *engine, souk_alarm *alarm, souk_ms at);
void souk_alarm_remove(souk_engine *engine, souk_alarm *alarm);

/*
 * curl_*.c: the HTTP half of the engine. Preparing initialises libcurl, once in the life of the
 * process.
 */
int souk_exchange_prepare(souk_err *err);
int souk_exchange_start(souk_engine *engine, const souk_exchange *exchange, souk_err *err);
void souk_exchange_cancel(souk_engine *engine, souk_source *source);

/*
 * Fills *event with the source's next event; false when there is none. *more says whether another
 * one is ready.
 */
bool souk_exchange_take(souk_engine *engine, souk_source *source, souk_io_event *event, bool *more);
void souk_exchange_resume(souk_engine *engine);
void souk_exchange_free_all(souk_engine *engine);

/* Frees souk's memory only: libcurl's connections belong to the parent process. */
void souk_exchange_abandon_all(souk_engine *engine);

/* child.c: the half with the processes. */
int souk_child_spawn(souk_engine *engine, const souk_spawn *spawn, souk_err *err);
int souk_child_write(souk_engine *engine, souk_source *source, souk_slice bytes, souk_err *err);
void souk_child_close(souk_engine *engine, souk_source *source, souk_ms grace);
bool souk_child_take(souk_engine *engine, souk_source *source, souk_io_event *event, bool *more);
void souk_child_free_all(souk_engine *engine);
void souk_child_abandon_all(souk_engine *engine);

#endif
