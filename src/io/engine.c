#include "io/engine.h"

#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/internal.h"

enum {
    DEFAULT_EXCHANGES = 1024,
    DEFAULT_CHILDREN = 256,
    DEFAULT_GROUPS = 512,
    DEFAULT_CONNECTIONS = 256,
    DEFAULT_QUEUED = 1024 * 1024,
    DEFAULT_HANDLE_IDLE_MS = 15000,
    DEFAULT_GROUP_IDLE_MS = 120000,
    KEPT_CAPACITY = 64 * 1024 /* a buffer that grew larger is not kept for the next event */
};

static size_t or_default(size_t value, size_t fallback)
{
    return value == 0 ? fallback : value;
}

static void set_options(souk_engine *engine, const souk_engine_options *given)
{
    souk_engine_options *options = &engine->options;
    if (given != NULL) {
        *options = *given;
    }
    options->max_exchanges = or_default(options->max_exchanges, DEFAULT_EXCHANGES);
    options->max_children = or_default(options->max_children, DEFAULT_CHILDREN);
    options->max_groups = or_default(options->max_groups, DEFAULT_GROUPS);
    options->max_connections = or_default(options->max_connections, DEFAULT_CONNECTIONS);
    options->max_queued = or_default(options->max_queued, DEFAULT_QUEUED);
    if (options->handle_idle_ms <= 0) {
        options->handle_idle_ms = DEFAULT_HANDLE_IDLE_MS;
    }
    if (options->group_idle_ms <= 0) {
        options->group_idle_ms = DEFAULT_GROUP_IDLE_MS;
    }
}

int souk_engine_new(const souk_alloc *alloc, const souk_engine_options *options, souk_engine **out,
                    souk_err *err)
{
    *out = NULL;
    int rc = souk_exchange_prepare(err);
    if (rc != SOUK_OK) {
        return rc;
    }
    souk_engine *engine = souk_new(alloc, sizeof *engine);
    if (engine == NULL) {
        return souk_fail_memory(err);
    }
    engine->alloc = alloc;
    souk_fork_guard_init(&engine->guard);
    engine->now = souk_clock_now();
    set_options(engine, options);
    souk_deadlines_init(&engine->alarms, alloc);
    souk_idmap_init(&engine->sources, alloc);
    souk_map_init(&engine->groups, alloc, souk_random_seed());
    souk_buf_init(&engine->fetched, alloc, SIZE_MAX);
    souk_buf_init(&engine->chunk, alloc, SIZE_MAX);
    rc = souk_loop_new(alloc, &engine->loop, err);
    if (rc != SOUK_OK) {
        souk_fork_guard_free(&engine->guard);
        souk_free(alloc, engine);
        return rc;
    }
    *out = engine;
    return SOUK_OK;
}

void souk_engine_free(souk_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    if (souk_engine_check(engine, NULL) == SOUK_OK) {
        souk_exchange_free_all(engine);
        souk_child_free_all(engine);
    } else {
        souk_exchange_abandon_all(engine);
        souk_child_abandon_all(engine);
        souk_loop_abandon(engine->loop);
    }
    souk_loop_free(engine->loop);
    souk_deadlines_free(&engine->alarms);
    souk_idmap_free(&engine->sources);
    souk_map_free(&engine->groups);
    souk_buf_free(&engine->fetched);
    souk_buf_free(&engine->chunk);
    souk_fork_guard_free(&engine->guard);
    souk_free(engine->alloc, engine);
}

int souk_engine_check(const souk_engine *engine, souk_err *err)
{
    if (!souk_fork_guard_tripped(&engine->guard)) {
        return SOUK_OK;
    }
    return souk_fail(err, SOUK_E_CLOSED,
                     "souk: this engine was made in process %ld and cannot be used in process %ld; "
                     "make a new one after fork",
                     (long)engine->guard.owner, (long)getpid());
}

/* --- the port --- */

/* Refuses an id that cannot be told apart from another one. */
static int check_id(const souk_engine *engine, souk_id id, souk_err *err)
{
    if (id == 0 || souk_idmap_get(&engine->sources, id) != NULL) {
        return souk_fail(err, SOUK_E_CONFIG, "the id %llu is 0 or in use", (unsigned long long)id);
    }
    return SOUK_OK;
}

static souk_source *find_source(const souk_engine *engine, souk_id id, bool is_child)
{
    souk_source *source = souk_idmap_get(&engine->sources, id);
    return source != NULL && source->is_child == is_child ? source : NULL;
}

/* What every function of the port does first. */
static int enter(souk_engine *engine, souk_err *err)
{
    int rc = souk_engine_check(engine, err);
    if (rc == SOUK_OK) {
        engine->now = souk_clock_now();
    }
    return rc;
}

static int port_exchange(void *user, const souk_exchange *exchange, souk_err *err)
{
    souk_engine *engine = user;
    int rc = enter(engine, err);
    if (rc == SOUK_OK) {
        rc = check_id(engine, exchange->id, err);
    }
    if (rc == SOUK_OK) {
        rc = souk_exchange_start(engine, exchange, err);
    }
    if (rc != SOUK_OK && err != NULL) {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return rc;
}

static void port_cancel(void *user, souk_id id)
{
    souk_engine *engine = user;
    souk_source *source = find_source(engine, id, false);
    if (source != NULL && enter(engine, NULL) == SOUK_OK) {
        souk_exchange_cancel(engine, source);
    }
}

static int port_spawn(void *user, const souk_spawn *spawn, souk_err *err)
{
    souk_engine *engine = user;
    int rc = enter(engine, err);
    if (rc == SOUK_OK) {
        rc = check_id(engine, spawn->id, err);
    }
    if (rc == SOUK_OK) {
        rc = souk_child_spawn(engine, spawn, err);
    }
    if (rc != SOUK_OK && err != NULL) {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return rc;
}

static int port_write(void *user, souk_id id, souk_slice bytes, souk_err *err)
{
    souk_engine *engine = user;
    int rc = enter(engine, err);
    if (rc == SOUK_OK) {
        souk_source *source = find_source(engine, id, true);
        rc = source == NULL
                 ? souk_fail(err, SOUK_E_CLOSED, "there is no such child process any more")
                 : souk_child_write(engine, source, bytes, err);
    }
    if (rc != SOUK_OK && err != NULL && err->delivery == SOUK_DELIVERY_NONE) {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return rc;
}

static void port_close_child(void *user, souk_id id, souk_ms grace)
{
    souk_engine *engine = user;
    souk_source *source = find_source(engine, id, true);
    if (source != NULL && enter(engine, NULL) == SOUK_OK) {
        souk_child_close(engine, source, grace);
    }
}

souk_port souk_engine_port(souk_engine *engine)
{
    return (souk_port){
        .user = engine,
        .exchange = port_exchange,
        .cancel = port_cancel,
        .spawn = port_spawn,
        .write = port_write,
        .close_child = port_close_child,
    };
}

/* --- waiting --- */

/*
 * Rings what is due, each alarm at most once: one that is set to "now" while ringing comes in the
 * next round.
 */
static void ring_alarms(souk_engine *engine)
{
    size_t most = engine->alarms.count;
    for (size_t i = 0; i < most; i++) {
        souk_alarm *alarm = souk_deadlines_due(&engine->alarms, engine->now);
        if (alarm == NULL) {
            return;
        }
        souk_deadline_move(&engine->alarms, &alarm->deadline, SOUK_NEVER);
        alarm->ring(alarm->owner);
    }
}

/* Hears what idle connections have to say before libcurl takes one of them. */
static int listen_first(souk_engine *engine, bool *interrupted, souk_err *err)
{
    *interrupted = false;
    if (!engine->launched) {
        return SOUK_OK;
    }
    engine->launched = false;
    return souk_loop_run(engine->loop, 0, interrupted, err);
}

int souk_engine_wait(souk_engine *engine, souk_ms timeout, souk_err *err)
{
    bool interrupted;
    int rc = enter(engine, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    souk_ms until = souk_ms_after(engine->now, timeout);
    if (engine->paused > 0) {
        souk_exchange_resume(engine);
    }
    rc = listen_first(engine, &interrupted, err);
    if (rc != SOUK_OK || interrupted) {
        return rc;
    }
    for (;;) {
        ring_alarms(engine);
        souk_ms next = souk_ms_min(until, souk_deadlines_next(&engine->alarms));
        souk_ms span = engine->first != NULL || next <= engine->now ? 0
                       : next == SOUK_NEVER                         ? SOUK_NEVER
                                                                    : next - engine->now;
        rc = souk_loop_run(engine->loop, span, &interrupted, err);
        engine->now = souk_clock_now();
        if (rc != SOUK_OK || interrupted || engine->first != NULL || engine->now >= until) {
            return rc;
        }
    }
}

souk_ms souk_engine_next_timer(const souk_engine *engine)
{
    if (souk_engine_check(engine, NULL) != SOUK_OK) {
        return SOUK_NEVER;
    }
    if (engine->first != NULL || engine->paused > 0) {
        return 0;
    }
    souk_ms next = souk_deadlines_next(&engine->alarms);
    souk_ms now = souk_clock_now();
    return next == SOUK_NEVER ? SOUK_NEVER : next <= now ? 0 : next - now;
}

int souk_engine_fd(const souk_engine *engine)
{
    return souk_engine_check(engine, NULL) == SOUK_OK ? souk_loop_fd(engine->loop) : -1;
}

void souk_engine_wake(souk_engine *engine)
{
    if (souk_engine_check(engine, NULL) == SOUK_OK) {
        souk_loop_wake(engine->loop);
    }
}

/* --- events --- */

void souk_engine_offer(souk_engine *engine, souk_source *source)
{
    if (source->queued) {
        return;
    }
    source->queued = true;
    source->next = NULL;
    if (engine->last == NULL) {
        engine->first = source;
    } else {
        engine->last->next = source;
    }
    engine->last = source;
}

souk_slice souk_engine_hand_over(souk_engine *engine, souk_buf *from)
{
    size_t max = from->max;
    souk_buf spare = engine->fetched;
    engine->fetched = *from;
    if (spare.cap > KEPT_CAPACITY) {
        souk_buf_free(&spare);
    }
    *from = spare;
    souk_buf_clear(from);
    from->max = max;
    return souk_buf_slice(&engine->fetched);
}

/* Takes the first source out of the queue. */
static souk_source *shift(souk_engine *engine)
{
    souk_source *source = engine->first;
    engine->first = source->next;
    if (engine->first == NULL) {
        engine->last = NULL;
    }
    source->queued = false;
    return source;
}

/* Puts it back to where it was, because it has more. */
static void unshift(souk_engine *engine, souk_source *source)
{
    source->queued = true;
    source->next = engine->first;
    engine->first = source;
    if (engine->last == NULL) {
        engine->last = source;
    }
}

bool souk_engine_next(souk_engine *engine, souk_io_event *event)
{
    memset(event, 0, sizeof *event);
    while (engine->first != NULL && souk_engine_check(engine, NULL) == SOUK_OK) {
        souk_source *source = shift(engine);
        bool more = false;
        bool found = source->is_child ? souk_child_take(engine, source, event, &more)
                                      : souk_exchange_take(engine, source, event, &more);
        if (more) { /* else the event may have been its last one, and the source is gone */
            unshift(engine, source);
        }
        if (found) {
            return true;
        }
    }
    return false;
}

/* --- the rest --- */

int souk_alarm_add(souk_engine *engine, souk_alarm *alarm, void (*ring)(void *owner), void *owner,
                   souk_err *err)
{
    alarm->ring = ring;
    alarm->owner = owner;
    if (!souk_deadline_add(&engine->alarms, &alarm->deadline, SOUK_NEVER, alarm)) {
        return souk_fail_memory(err);
    }
    return SOUK_OK;
}

void souk_alarm_set(souk_engine *engine, souk_alarm *alarm, souk_ms at)
{
    souk_deadline_move(&engine->alarms, &alarm->deadline, at);
}

void souk_alarm_remove(souk_engine *engine, souk_alarm *alarm)
{
    souk_deadline_remove(&engine->alarms, &alarm->deadline);
}

souk_engine_counts souk_engine_stats(const souk_engine *engine)
{
    return engine->counts;
}
