/* The caller's side of a courier, its birth and its death. */
#include "io/courier_internal.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "io/os_error.h"
#include "io/process.h"

/* --- birth and death --- */

static bool init_locks(souk_courier *courier)
{
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&courier->lock, NULL) != 0) {
        return false;
    }
    bool made = pthread_condattr_init(&attributes) == 0;
#ifdef __linux__
    made = made && pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0;
#endif
    return made && pthread_cond_init(&courier->room, &attributes) == 0;
}

static void init_buffers(souk_courier *courier, const souk_alloc *alloc)
{
    souk_buf *buffers[] = {&courier->requests, &courier->events, &courier->inbox, &courier->taken,
                           &courier->batch};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        souk_buf_init(buffers[i], alloc, SIZE_MAX / 4);
    }
    courier->caller_arrays.alloc = alloc;
    courier->thread_arrays.alloc = alloc;
}

int souk_courier_new(const souk_alloc *alloc, const souk_engine_options *options,
                     souk_courier **out, souk_err *err)
{
    *out = NULL;
    souk_courier *courier = souk_new(alloc, sizeof *courier);
    if (courier == NULL) {
        return souk_fail_memory(err);
    }
    courier->alloc = alloc;
    courier->wake_at = SOUK_NEVER;
    courier->told_at = SOUK_NEVER;
    courier->asleep_until = SOUK_AWAKE;
    init_buffers(courier, alloc);
    int rc = init_locks(courier) ? SOUK_OK : souk_fail_memory(err);
    if (rc != SOUK_OK) {
        souk_free(alloc, courier);
        return rc;
    }
    rc = souk_bell_init(&courier->bell, err);
    rc = rc == SOUK_OK ? souk_engine_new(alloc, options, &courier->engine, err) : rc;
    if (rc == SOUK_OK) {
        courier->port = souk_engine_port(courier->engine);
        rc = souk_courier_start(courier, err);
    }
    if (rc != SOUK_OK) {
        souk_courier_free(courier);
        return rc;
    }
    *out = courier;
    return SOUK_OK;
}

static int check(const souk_courier *courier, souk_err *err)
{
    return souk_engine_check(courier->engine, err);
}

void souk_courier_free(souk_courier *courier)
{
    if (courier == NULL) {
        return;
    }
    if (courier->engine != NULL && check(courier, NULL) != SOUK_OK) {
        /* What the thread was about when this process was forked off nobody knows: its engine and
           buffers are left as they are, and so are locks that it may hold. */
        souk_bell_free(&courier->bell);
        return;
    }
    souk_courier_stop(courier);
    souk_engine_free(courier->engine);
    (void)pthread_cond_destroy(&courier->room);
    (void)pthread_mutex_destroy(&courier->lock);
    souk_bell_ring(&courier->bell); /* whoever has a copy shall hear of it */
    souk_bell_free(&courier->bell);
    souk_buf_free(&courier->requests);
    souk_buf_free(&courier->events);
    souk_buf_free(&courier->inbox);
    souk_buf_free(&courier->taken);
    souk_buf_free(&courier->batch);
    souk_mail_arrays_free(&courier->caller_arrays);
    souk_mail_arrays_free(&courier->thread_arrays);
    souk_free(courier->alloc, courier);
}

/* --- the port --- */

/* Under the lock: there is something new for the thread. True when it has to be woken for that. */
static bool must_wake(souk_courier *courier)
{
    if (courier->crowded) {
        (void)pthread_cond_signal(&courier->room);
        return false;
    }
    bool asleep = courier->asleep_until != SOUK_AWAKE;
    courier->asleep_until = SOUK_AWAKE; /* once is enough */
    return asleep;
}

/* Gives the lock back, and then wakes the thread if it has to be. */
static void unlock_and_wake(souk_courier *courier, bool wake)
{
    (void)pthread_mutex_unlock(&courier->lock);
    if (wake) {
        souk_engine_wake(courier->engine);
    }
}

static int not_sent(souk_err *err, int rc)
{
    if (err != NULL) {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return rc;
}

/* Takes the lock, unless this is a foreign process. */
static int begin(souk_courier *courier, souk_err *err)
{
    int rc = check(courier, err);
    if (rc != SOUK_OK) {
        return not_sent(err, rc);
    }
    (void)pthread_mutex_lock(&courier->lock);
    return SOUK_OK;
}

/* What `begin` began: something was put for the thread, if there was memory for it. */
static int sent(souk_courier *courier, bool fits, souk_err *err)
{
    courier->withheld = courier->withheld || (fits && courier->corked);
    unlock_and_wake(courier, fits && !courier->corked && must_wake(courier));
    return fits ? SOUK_OK : not_sent(err, souk_fail_memory(err));
}

void souk_courier_cork(souk_courier *courier)
{
    courier->corked = true;
}

void souk_courier_uncork(souk_courier *courier)
{
    courier->corked = false;
    if (courier->withheld && begin(courier, NULL) == SOUK_OK) {
        courier->withheld = false;
        unlock_and_wake(courier, must_wake(courier));
    }
}

static int port_exchange(void *user, const souk_exchange *exchange, souk_err *err)
{
    souk_courier *courier = user;
    int rc = begin(courier, err);
    if (rc == SOUK_OK) {
        rc = sent(courier, souk_mail_exchange(&courier->requests, exchange), err);
    }
    if (rc == SOUK_OK && exchange->body != NULL) {
        /* Here and not in the thread: it may be of an allocator that only this one may use. */
        souk_buf_free(exchange->body);
    }
    return rc;
}

/* What ends something must not fail: it is tried until there is memory for a few bytes. */
static bool insist(bool (*put)(souk_buf *mail, souk_id id, souk_ms ms), souk_courier *courier,
                   souk_id id, souk_ms ms)
{
    for (int i = 0; i < 100; i++) {
        if (put(&courier->requests, id, ms)) {
            return true;
        }
    }
    return false;
}

static bool put_cancel(souk_buf *mail, souk_id id, souk_ms unused)
{
    (void)unused;
    return souk_mail_cancel(mail, id);
}

static void send_short(souk_courier *courier, bool (*put)(souk_buf *mail, souk_id id, souk_ms ms),
                       souk_id id, souk_ms ms)
{
    if (begin(courier, NULL) == SOUK_OK) {
        (void)sent(courier, insist(put, courier, id, ms), NULL);
    }
}

static void port_cancel(void *user, souk_id id)
{
    send_short(user, put_cancel, id, 0);
}

static void port_close_child(void *user, souk_id id, souk_ms grace)
{
    send_short(user, souk_mail_close_child, id, grace);
}

static int port_spawn(void *user, const souk_spawn *spawn, souk_err *err)
{
    souk_courier *courier = user;
    souk_spawn whole = *spawn;
    souk_arena arena;
    souk_arena_init(&arena, courier->alloc);
    whole.whole_env = true;
    bool fits = souk_process_whole_env(spawn, &arena, &whole.env);
    int rc = begin(courier, err);
    if (rc == SOUK_OK) {
        rc = sent(courier, fits && souk_mail_spawn(&courier->requests, &whole), err);
    }
    souk_arena_free(&arena);
    return rc;
}

static int port_write(void *user, souk_id id, souk_slice bytes, souk_err *err)
{
    souk_courier *courier = user;
    int rc = begin(courier, err);
    return rc != SOUK_OK ? rc : sent(courier, souk_mail_write(&courier->requests, id, bytes), err);
}

souk_port souk_courier_port(souk_courier *courier)
{
    return (souk_port){courier,    port_exchange, port_cancel,
                       port_spawn, port_write,    port_close_child};
}

/* --- the bell --- */

void souk_courier_decide(souk_courier *courier, souk_ringing *how)
{
    *how = (souk_ringing){false, -1};
    if (courier->rung) {
        return;
    }
    courier->rung = true;
    how->bell = courier->caller_waits || courier->bell.guest_fd < 0;
    if (!how->bell) {
        how->guest = courier->bell.guest_fd;
        atomic_store(&courier->calling, true);
    }
}

void souk_courier_do_ring(souk_courier *courier, const souk_ringing *how)
{
    bool answered = how->guest >= 0 && souk_bell_call(how->guest);
    if (how->guest >= 0) {
        atomic_store(&courier->calling, false);
    }
    if (how->bell || (how->guest >= 0 && !answered)) {
        souk_bell_ring(&courier->bell);
    }
}

void souk_courier_ring(souk_courier *courier)
{
    souk_ringing how;
    (void)pthread_mutex_lock(&courier->lock);
    souk_courier_decide(courier, &how);
    (void)pthread_mutex_unlock(&courier->lock);
    souk_courier_do_ring(courier, &how);
}

/* Under the lock: until nobody sends to the guest any more, whose descriptor is about to be closed.
 */
static void await_calls(souk_courier *courier)
{
    while (atomic_load(&courier->calling)) {
        (void)sched_yield();
    }
}

int souk_courier_fd(const souk_courier *courier)
{
    return check(courier, NULL) == SOUK_OK ? courier->bell.fd : -1;
}

void souk_courier_hush(const souk_courier *courier)
{
    if (check(courier, NULL) == SOUK_OK) {
        souk_bell_hush(&courier->bell);
    }
}

/* Whoever listens from now on has not heard what was rung before. Gives the lock back. */
static void ring_anew(souk_courier *courier)
{
    souk_ringing how = {false, -1};
    courier->rung = false;
    if (courier->events.len > 0) {
        souk_courier_decide(courier, &how);
    }
    (void)pthread_mutex_unlock(&courier->lock);
    souk_courier_do_ring(courier, &how);
}

int souk_courier_open_door(souk_courier *courier, const char *folder, const char **path,
                           souk_err *err)
{
    int rc = check(courier, err);
    if (rc == SOUK_OK) {
        (void)pthread_mutex_lock(&courier->lock);
        await_calls(courier);
        rc = souk_bell_open_door(&courier->bell, folder, err);
        (void)pthread_mutex_unlock(&courier->lock);
        *path = courier->bell.door;
    }
    return rc;
}

int souk_courier_let_in(souk_courier *courier, souk_err *err)
{
    int rc = check(courier, err);
    if (rc == SOUK_OK) {
        (void)pthread_mutex_lock(&courier->lock);
        rc = souk_bell_let_in(&courier->bell, err);
        ring_anew(courier);
    }
    return rc;
}

void souk_courier_close_door(souk_courier *courier)
{
    if (begin(courier, NULL) == SOUK_OK) {
        await_calls(courier);
        souk_bell_close_door(&courier->bell);
        ring_anew(courier);
    }
}

void souk_courier_wake_at(souk_courier *courier, souk_ms at)
{
    if (at >= courier->told_at || check(courier, NULL) != SOUK_OK) {
        return; /* it will ring early enough: most deadlines only move away */
    }
    if (at <= souk_clock_now()) {
        souk_courier_ring(courier);
        return;
    }
    (void)pthread_mutex_lock(&courier->lock);
    courier->told_at = at;
    courier->wake_at = at;
    unlock_and_wake(courier, at < courier->asleep_until && must_wake(courier));
}

/* --- fetching --- */

/* Takes the events that there are; the inbox has been read. */
static void take(souk_courier *courier, bool will_wait)
{
    souk_buf_clear(&courier->inbox);
    if (courier->inbox.cap > SOUK_MAIL_KEPT) {
        souk_buf_free(&courier->inbox);
    }
    (void)pthread_mutex_lock(&courier->lock);
    souk_buf empty = courier->inbox;
    courier->inbox = courier->events;
    courier->events = empty;
    if (courier->rung && courier->bell.guest_fd < 0) {
        souk_bell_hush(&courier->bell);
    }
    courier->rung = false;
    courier->told_at = courier->wake_at; /* it may have rung for it */
    courier->caller_waits = will_wait && courier->inbox.len == 0;
    if (courier->crowded) {
        (void)pthread_cond_signal(&courier->room);
    }
    (void)pthread_mutex_unlock(&courier->lock);
    courier->read = (souk_mail_cursor){courier->inbox.data, 0};
}

static int poll_bell(const souk_courier *courier, souk_ms timeout, souk_err *err)
{
    struct pollfd ready = {.fd = courier->bell.fd, .events = POLLIN};
    int span = timeout == SOUK_NEVER ? -1 : timeout > INT_MAX ? INT_MAX : (int)timeout;
    if (poll(&ready, 1, span) >= 0 || errno == EINTR) {
        return SOUK_OK;
    }
    return souk_fail(err, SOUK_E_LIMIT, "cannot wait for a descriptor: %s", souk_os_error(errno));
}

int souk_courier_wait(souk_courier *courier, souk_ms timeout, souk_err *err)
{
    int rc = check(courier, err);
    if (rc != SOUK_OK || courier->read.at < courier->inbox.len) {
        return rc;
    }
    if (timeout > 0) {
        souk_courier_uncork(courier);
    }
    take(courier, timeout > 0);
    if (timeout <= 0 || courier->inbox.len > 0) {
        return SOUK_OK;
    }
    rc = poll_bell(courier, timeout, err);
    souk_bell_hush(&courier->bell);
    take(courier, false);
    return rc;
}

bool souk_courier_next(souk_courier *courier, souk_io_event *event)
{
    if (courier->read.at >= courier->inbox.len || check(courier, NULL) != SOUK_OK) {
        return false;
    }
    souk_mail_cursor start = courier->read;
    (void)souk_mail_kind(&courier->read);
    if (!souk_mail_read_event(&courier->read, &courier->caller_arrays, event)) {
        courier->read = start; /* out of memory: later, perhaps */
        return false;
    }
    return true;
}
