/* The thread's side of a courier: does what is asked, and hands over what happens. */
#include "io/courier_internal.h"

#include <string.h>
#include <time.h>

#include "io/clock.h"

enum {
    MAIL_MAX = 512 * 1024, /* bytes of events that wait, few enough for a cache of the processor;
                              more stay in the engine, which pauses their sources */
    LOOK_MS = 20           /* how long to wait for room, or for memory, before it looks again */
};

static void pause_a_while(void)
{
    struct timespec pause = {0, LOOK_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* --- what is asked --- */

/* An event that the engine did not make: what it refused. */
static void tell(souk_courier *courier, souk_io_kind kind, souk_id id, const souk_err *why)
{
    souk_io_event event = {.kind = kind, .id = id, .err = *why};
    /* Memory for one more event is waited for: a caller that is told nothing would wait for ever.
     */
    while (!souk_mail_event(&courier->batch, &event)) {
        pause_a_while();
    }
}

static void do_exchange(souk_courier *courier, souk_mail_cursor *mail)
{
    souk_exchange exchange;
    souk_slice bytes;
    souk_err why;
    souk_buf body;
    souk_buf_init(&body, courier->alloc, SIZE_MAX / 4);
    bool fits = souk_mail_read_exchange(mail, &courier->thread_arrays, &exchange, &bytes);
    exchange.body = bytes.ptr == NULL ? NULL : &body;
    fits = fits && (bytes.ptr == NULL || souk_buf_add(&body, bytes) == SOUK_OK);
    int rc =
        fits ? courier->port.exchange(courier->port.user, &exchange, &why) : souk_fail_memory(&why);
    if (rc != SOUK_OK) {
        why.delivery = SOUK_DELIVERY_NOT_SENT;
        tell(courier, SOUK_IO_FAILED, exchange.id, &why);
    }
    souk_buf_free(&body);
}

static void do_spawn(souk_courier *courier, souk_mail_cursor *mail)
{
    souk_spawn spawn;
    souk_err why;
    int rc = souk_mail_read_spawn(mail, &courier->thread_arrays, &spawn)
                 ? courier->port.spawn(courier->port.user, &spawn, &why)
                 : souk_fail_memory(&why);
    if (rc != SOUK_OK) {
        why.delivery = SOUK_DELIVERY_NOT_SENT;
        tell(courier, SOUK_IO_UNSTARTED, spawn.id, &why);
    }
}

static void do_write(souk_courier *courier, souk_mail_cursor *mail)
{
    souk_id child;
    souk_slice bytes;
    souk_err why;
    souk_mail_read_write(mail, &child, &bytes);
    int rc = courier->port.write(courier->port.user, child, bytes, &why);
    if (rc != SOUK_OK && rc != SOUK_E_CLOSED) { /* closed: its EXIT tells all */
        tell(courier, SOUK_IO_UNWRITTEN, child, &why);
    }
}

static void do_cancel(souk_courier *courier, souk_mail_cursor *mail)
{
    souk_id exchange;
    souk_mail_read_cancel(mail, &exchange);
    courier->port.cancel(courier->port.user, exchange);
}

static void do_close_child(souk_courier *courier, souk_mail_cursor *mail)
{
    souk_id child;
    souk_ms grace;
    souk_mail_read_close_child(mail, &child, &grace);
    courier->port.close_child(courier->port.user, child, grace);
}

static void do_requests(souk_courier *courier)
{
    souk_mail_cursor mail = {courier->taken.data, 0};
    while (mail.at < courier->taken.len) {
        switch (souk_mail_kind(&mail)) {
        case SOUK_LETTER_EXCHANGE:
            do_exchange(courier, &mail);
            break;
        case SOUK_LETTER_CANCEL:
            do_cancel(courier, &mail);
            break;
        case SOUK_LETTER_SPAWN:
            do_spawn(courier, &mail);
            break;
        case SOUK_LETTER_WRITE:
            do_write(courier, &mail);
            break;
        case SOUK_LETTER_CLOSE_CHILD:
            do_close_child(courier, &mail);
            break;
        case SOUK_LETTER_EVENT:
            return; /* nobody asks that */
        }
    }
    souk_buf_clear(&courier->taken);
    if (courier->taken.cap > SOUK_MAIL_KEPT) {
        souk_buf_free(&courier->taken);
    }
}

/* --- what happens --- */

/* Moves events of the engine to the batch, as long as there is room for more. */
static void collect(souk_courier *courier, size_t waiting)
{
    while (waiting + courier->batch.len < MAIL_MAX) {
        if (!courier->held_back && !souk_engine_next(courier->engine, &courier->held)) {
            return;
        }
        /* What it points to stays until the next event is fetched. */
        courier->held_back = !souk_mail_event(&courier->batch, &courier->held);
        if (courier->held_back) {
            return;
        }
    }
}

/* Under the lock: the batch becomes the caller's; false when there is no memory for that. */
static bool hand_over(souk_courier *courier, bool *news)
{
    if (courier->batch.len == 0) {
        return true;
    }
    if (courier->events.len == 0) {
        souk_buf empty = courier->events;
        courier->events = courier->batch;
        courier->batch = empty;
    } else if (souk_buf_add(&courier->events, souk_buf_slice(&courier->batch)) == SOUK_OK) {
        souk_buf_clear(&courier->batch);
        if (courier->batch.cap > SOUK_MAIL_KEPT) {
            souk_buf_free(&courier->batch);
        }
    } else {
        courier->events.failed = SOUK_OK;
        return false; /* in the next round, when the caller has taken some */
    }
    *news = true;
    return true;
}

/* Under the lock: a moment that the caller asked for. */
static bool is_due(souk_courier *courier)
{
    if (courier->wake_at == SOUK_NEVER || souk_clock_now() < courier->wake_at) {
        return false;
    }
    courier->wake_at = SOUK_NEVER;
    return true;
}

/* Under the lock: waits until the caller has taken events, or asks for something. */
static void wait_for_room(souk_courier *courier)
{
    struct timespec until;
#ifdef __linux__
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
#else
    (void)clock_gettime(CLOCK_REALTIME, &until);
#endif
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    courier->crowded = true;
    (void)pthread_cond_timedwait(&courier->room, &courier->lock, &until);
    courier->crowded = false;
}

/* Under the lock, which it may give back in between: hands over, and rings if there is news. False
 * when there is no room for more. */
static bool tell_caller(souk_courier *courier)
{
    bool news = false;
    souk_ringing how = {false, -1};
    bool handed_over = hand_over(courier, &news);
    if (is_due(courier) || news) {
        souk_courier_decide(courier, &how);
    }
    if (how.bell || how.guest >= 0) {
        (void)pthread_mutex_unlock(&courier->lock);
        souk_courier_do_ring(courier, &how);
        (void)pthread_mutex_lock(&courier->lock);
    }
    return handed_over && !courier->held_back &&
           courier->events.len + courier->batch.len < MAIL_MAX;
}

/* Under the lock: hands over, takes over, and says how long the engine may wait. */
static souk_ms meet(souk_courier *courier)
{
    bool has_room = tell_caller(courier);
    if (!has_room && !courier->stop && courier->requests.len == 0) {
        wait_for_room(courier);
    }
    souk_buf done = courier->taken;
    courier->taken = courier->requests;
    courier->requests = done;
    if (!has_room || courier->taken.len > 0) {
        return 0;
    }
    courier->asleep_until = courier->wake_at;
    return courier->wake_at == SOUK_NEVER ? SOUK_NEVER : courier->wake_at - souk_clock_now();
}

void *souk_courier_run(void *user)
{
    souk_courier *courier = user;
    for (;;) {
        (void)pthread_mutex_lock(&courier->lock);
        souk_ms span = meet(courier);
        bool stop = courier->stop;
        (void)pthread_mutex_unlock(&courier->lock);
        if (stop) {
            return NULL;
        }
        do_requests(courier);
        if (souk_engine_wait(courier->engine, span < 0 ? 0 : span, NULL) != SOUK_OK) {
            pause_a_while(); /* descriptors ran out: not in a hurry */
        }
        (void)pthread_mutex_lock(&courier->lock);
        courier->asleep_until = SOUK_AWAKE;
        size_t waiting = courier->events.len;
        (void)pthread_mutex_unlock(&courier->lock);
        collect(courier, waiting);
    }
}
