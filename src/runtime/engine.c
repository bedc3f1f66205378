/*
 * The way to the engine. It is made when it is first needed, and either driven by the program or,
 * with own_thread, by a thread of its own.
 */
#include <string.h>

#include "io/clock.h"
#include "runtime/internal.h"

/* A socket that is silent for longer may be taken for a dead one (lua_socket_read_timeout: 60 s).
 */
enum { REASSURE_MS = 30000 };

bool souk_rt_has_engine(const souk_runtime *rt)
{
    return rt->engine != NULL || rt->courier != NULL;
}

int souk_rt_wake_engine(souk_runtime *rt, souk_err *err)
{
    if (souk_rt_has_engine(rt)) {
        return SOUK_OK;
    }
    souk_engine_options options;
    memset(&options, 0, sizeof options);
    options.max_exchanges = (size_t)rt->options.pool.max_calls + 1024;
    options.max_children = (size_t)rt->options.max_children;
    options.max_connections = (size_t)rt->options.max_connections;
    options.reach = rt->options.reach;
    return rt->options.own_thread ? souk_courier_new(rt->alloc, &options, &rt->courier, err)
                                  : souk_engine_new(rt->alloc, &options, &rt->engine, err);
}

void souk_rt_free_engine(souk_runtime *rt)
{
    souk_engine_free(rt->engine);
    souk_courier_free(rt->courier);
    rt->engine = NULL;
    rt->courier = NULL;
}

int souk_rt_wait(souk_runtime *rt, souk_ms timeout, souk_err *err)
{
    return rt->courier != NULL ? souk_courier_wait(rt->courier, timeout, err)
                               : souk_engine_wait(rt->engine, timeout, err);
}

bool souk_rt_next_event(souk_runtime *rt, souk_io_event *event)
{
    return rt->courier != NULL ? souk_courier_next(rt->courier, event)
                               : souk_engine_next(rt->engine, event);
}

/* --- the port --- */

static souk_port inner(const souk_runtime *rt)
{
    return rt->courier != NULL ? souk_courier_port(rt->courier) : souk_engine_port(rt->engine);
}

static int port_exchange(void *user, const souk_exchange *exchange, souk_err *err)
{
    souk_runtime *rt = user;
    int failed = souk_rt_wake_engine(rt, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_port port = inner(rt);
    return port.exchange(port.user, exchange, err);
}

static void port_cancel(void *user, souk_id id)
{
    souk_runtime *rt = user;
    if (souk_rt_has_engine(rt)) {
        souk_port port = inner(rt);
        port.cancel(port.user, id);
    }
}

static int port_spawn(void *user, const souk_spawn *spawn, souk_err *err)
{
    souk_runtime *rt = user;
    int failed = souk_rt_wake_engine(rt, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_port port = inner(rt);
    return port.spawn(port.user, spawn, err);
}

static int port_write(void *user, souk_id child, souk_slice bytes, souk_err *err)
{
    souk_runtime *rt = user;
    if (!souk_rt_has_engine(rt)) {
        return souk_fail(err, SOUK_E_CLOSED, "the child is gone");
    }
    souk_port port = inner(rt);
    return port.write(port.user, child, bytes, err);
}

static void port_close_child(void *user, souk_id child, souk_ms grace)
{
    souk_runtime *rt = user;
    if (souk_rt_has_engine(rt)) {
        souk_port port = inner(rt);
        port.close_child(port.user, child, grace);
    }
}

souk_port souk_rt_port(souk_runtime *rt)
{
    return (souk_port){rt, port_exchange, port_cancel, port_spawn, port_write, port_close_child};
}

/* --- event loops --- */

void souk_rt_kick(souk_runtime *rt)
{
    if (!rt->options.own_thread) {
        return;
    }
    souk_ms now = souk_runtime_now(rt);
    if (souk_pool_deadline(rt->pool) <= now) {
        souk_pool_run(rt->pool, now);
    }
    if (rt->courier == NULL && !souk_pool_has_outcome(rt->pool) &&
        souk_pool_deadline(rt->pool) == SOUK_NEVER) {
        return; /* no call is under way: a thread that is made now might be left behind by a fork */
    }
    souk_ms due = souk_rt_due(rt);
    if (rt->has_guest) {
        due = souk_ms_min(due, now + REASSURE_MS);
    }
    if (due != SOUK_NEVER && souk_rt_wake_engine(rt, NULL) == SOUK_OK) {
        /* The program may have a clock of its own; the thread goes by the system's. */
        souk_courier_wake_at(rt->courier, souk_clock_now() + (due > now ? due - now : 0));
    }
}

/* What event loops need is there. */
static int need_courier(souk_runtime *rt, souk_err *err)
{
    if (!rt->options.own_thread) {
        return souk_fail(err, SOUK_E_CONFIG,
                         "there is nothing to watch: the program drives the engine by its calls");
    }
    return souk_rt_wake_engine(rt, err);
}

int souk_runtime_fd(souk_runtime *rt, souk_err *err)
{
    int failed = need_courier(rt, err);
    if (failed != SOUK_OK) {
        return -1;
    }
    souk_rt_kick(rt);
    int fd = souk_courier_fd(rt->courier);
    if (fd < 0) {
        (void)souk_courier_wait(rt->courier, 0, err); /* says why not */
    }
    return fd;
}

int souk_runtime_watch(souk_runtime *rt, souk_err *err)
{
    int fd = souk_runtime_fd(rt, err);
    return fd < 0 ? -1 : souk_bell_copy(fd, err);
}

void souk_runtime_cork(const souk_runtime *rt)
{
    if (rt->courier != NULL) {
        souk_courier_cork(rt->courier);
    }
}

void souk_runtime_uncork(const souk_runtime *rt)
{
    if (rt->courier != NULL) {
        souk_courier_uncork(rt->courier);
    }
}

void souk_runtime_hush(const souk_runtime *rt)
{
    if (rt->courier != NULL) {
        souk_courier_hush(rt->courier);
    }
}

int souk_runtime_open_door(souk_runtime *rt, const char *folder, const char **path, souk_err *err)
{
    int failed = need_courier(rt, err);
    return failed != SOUK_OK ? failed : souk_courier_open_door(rt->courier, folder, path, err);
}

int souk_runtime_let_in(souk_runtime *rt, souk_err *err)
{
    int failed = need_courier(rt, err);
    if (failed == SOUK_OK) {
        failed = souk_courier_let_in(rt->courier, err);
        rt->has_guest = failed == SOUK_OK;
        souk_rt_kick(rt);
    }
    return failed;
}

void souk_runtime_close_door(souk_runtime *rt)
{
    if (rt->courier != NULL) {
        souk_courier_close_door(rt->courier);
        rt->has_guest = false;
    }
}
