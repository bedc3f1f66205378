/* The two sides of a courier; only courier*.c include it. */
#ifndef SOUK_COURIER_INTERNAL_H
#define SOUK_COURIER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "io/courier.h"
#include "io/mail.h"

struct souk_courier {
    const souk_alloc *alloc;
    souk_engine *engine; /* the thread's, while it runs; its guard against forks is ours, too */
    pthread_t thread;
    bool running; /* there is a thread to be joined; guarded by the list's lock (courier_exit.c) */
    struct souk_courier *prev, *next; /* in the list of this process */

    /* Both sides, under the lock. */
    pthread_mutex_t lock;
    pthread_cond_t room;  /* the thread waits here while `events` is full */
    souk_buf requests;    /* to the thread */
    souk_buf events;      /* from the thread */
    souk_ms wake_at;      /* when the bell is to be rung */
    souk_ms asleep_until; /* the thread waits in the engine; SOUK_AWAKE: it does not */
    bool crowded;         /* the thread waits for room */
    bool rung;            /* since the caller last looked */
    atomic_bool calling;  /* somebody sends to the guest at this moment, without the lock */
    bool caller_waits; /* in souk_courier_wait: the descriptor is rung, whatever guest there is */
    bool stop;
    souk_bell bell;

    /* The caller's. */
    souk_port port; /* the engine's, whose functions the thread calls */
    souk_buf inbox; /* events that were taken */
    souk_mail_cursor read;
    souk_mail_arrays caller_arrays;
    souk_ms told_at; /* a moment at which the thread will ring, unless it has done so already */
    bool corked;     /* requests gather, */
    bool withheld;   /* and there are some that the thread was not woken for */

    /* The thread's. */
    souk_buf taken; /* requests that were taken */
    souk_buf batch; /* events that are not handed over yet */
    bool held_back; /* `held` did not fit into memory, and is put first when there is some */
    souk_io_event held;
    souk_mail_arrays thread_arrays;
};

/* asleep_until of a thread that will look at the requests by itself. */
#define SOUK_AWAKE INT64_MIN

/* A buffer that grew larger is not kept when it is empty. */
enum { SOUK_MAIL_KEPT = 256 * 1024 };

/*
 * Waking the other side comes in two steps: what is decided under the lock is done when it was
 * given back. Otherwise who is woken would run into the lock at once.
 */
typedef struct souk_ringing {
    bool bell;
    int guest; /* -1: nobody is to be called */
} souk_ringing;

/* Under the lock: how the caller has to be told that there is something; nothing if it was. */
void souk_courier_decide(souk_courier *courier, souk_ringing *how);
/* Without the lock. */
void souk_courier_do_ring(souk_courier *courier, const souk_ringing *how);
/* Both, for whoever has not got the lock. */
void souk_courier_ring(souk_courier *courier);

/* courier_thread.c: the body of the thread; `user` is the courier. */
void *souk_courier_run(void *user);

/* courier_exit.c: ends the thread, whoever comes first. */
void souk_courier_stop(souk_courier *courier);
/* Starts it, with all signals blocked, and remembers it for the end of the process. */
int souk_courier_start(souk_courier *courier, souk_err *err);

#endif
