/*
 * Threads of couriers and the end of the process.
 *
 * A process may exit without having freed its couriers: os.exit, an editor that quits. Then exit
 * handlers of other libraries tear down what a thread of ours is using (OpenSSL, in the middle of a
 * handshake). So all threads of this process are in a list, and a handler of our own, registered
 * after libcurl and what is below it were initialised and therefore called before theirs, ends
 * them. Children of the engines die with their threads, and the keeper takes care of the rest.
 */
#include "io/courier_internal.h"

#include <signal.h>
#include <stdlib.h>

#include "io/os_error.h"

/* Of this process; a forked one begins anew, and keeps the parent's only for leak checkers. */
static pthread_mutex_t souk_io_once_lock = PTHREAD_MUTEX_INITIALIZER;
static souk_courier *souk_io_once_first;
static souk_courier *souk_io_once_abandoned;
static pthread_once_t souk_io_once_hooks = PTHREAD_ONCE_INIT;

static void end_thread(souk_courier *courier)
{
    (void)pthread_mutex_lock(&courier->lock);
    courier->stop = true;
    courier->asleep_until = SOUK_AWAKE;
    (void)pthread_cond_signal(&courier->room);
    souk_engine_wake(courier->engine);
    (void)pthread_mutex_unlock(&courier->lock);
    (void)pthread_join(courier->thread, NULL);
}

/* Under the list's lock. */
static void forget(souk_courier *courier)
{
    if (courier->prev != NULL) {
        courier->prev->next = courier->next;
    } else {
        souk_io_once_first = courier->next;
    }
    if (courier->next != NULL) {
        courier->next->prev = courier->prev;
    }
    courier->prev = NULL;
    courier->next = NULL;
}

void souk_courier_stop(souk_courier *courier)
{
    (void)pthread_mutex_lock(&souk_io_once_lock);
    bool was_running = courier->running;
    if (was_running) {
        courier->running = false;
        forget(courier);
    }
    (void)pthread_mutex_unlock(&souk_io_once_lock);
    if (was_running) {
        end_thread(courier);
    }
}

void souk_courier_ring_all(void)
{
    (void)pthread_mutex_lock(&souk_io_once_lock);
    for (souk_courier *it = souk_io_once_first; it != NULL; it = it->next) {
        souk_courier_ring(it);
    }
    (void)pthread_mutex_unlock(&souk_io_once_lock);
}

static void at_exit(void)
{
    for (;;) {
        (void)pthread_mutex_lock(&souk_io_once_lock);
        souk_courier *courier = souk_io_once_first;
        (void)pthread_mutex_unlock(&souk_io_once_lock);
        if (courier == NULL) {
            return;
        }
        souk_courier_stop(courier);
    }
}

static void before_fork(void)
{
    (void)pthread_mutex_lock(&souk_io_once_lock);
}

static void after_fork_in_parent(void)
{
    (void)pthread_mutex_unlock(&souk_io_once_lock);
}

/* The threads are the parent's. */
static void after_fork_in_child(void)
{
    souk_io_once_abandoned = souk_io_once_first;
    souk_io_once_first = NULL;
    (void)pthread_mutex_unlock(&souk_io_once_lock);
}

static void register_hooks(void)
{
    (void)atexit(at_exit);
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static int start_quietly(souk_courier *courier)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&courier->thread, NULL, souk_courier_run, courier);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

int souk_courier_start(souk_courier *courier, souk_err *err)
{
    (void)pthread_once(&souk_io_once_hooks, register_hooks);
    int number = start_quietly(courier);
    if (number != 0) {
        return souk_fail(err, SOUK_E_LIMIT, "cannot start a thread: %s", souk_os_error(number));
    }
    (void)pthread_mutex_lock(&souk_io_once_lock);
    courier->running = true;
    courier->next = souk_io_once_first;
    if (courier->next != NULL) {
        courier->next->prev = courier;
    }
    souk_io_once_first = courier;
    (void)pthread_mutex_unlock(&souk_io_once_lock);
    return SOUK_OK;
}
