/*
 * Watching descriptors. One implementation per system: epoll on Linux, poll(2) everywhere else (and
 * on Linux with -DSOUK_LOOP_POLL, for its tests). One thread at a time, except for souk_loop_wake.
 */
#ifndef SOUK_LOOP_H
#define SOUK_LOOP_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"

#if defined(__linux__) && !defined(SOUK_LOOP_POLL)
#define SOUK_LOOP_EPOLL 1
#else
#define SOUK_LOOP_EPOLL 0
#endif

typedef struct souk_loop souk_loop;

enum { SOUK_LOOP_READ = 1, SOUK_LOOP_WRITE = 2 };

/*
 * Called by souk_loop_run; it may watch, rest and forget any descriptor. An error or hang-up counts
 * as `events`.
 */
typedef void souk_loop_ready(void *owner, int fd, unsigned events);

/* SOUK_E_LIMIT when memory or descriptors are exhausted. */
int souk_loop_new(const souk_alloc *alloc, souk_loop **out, souk_err *err);

/* Closes the loop's own descriptors, not those that are watched. NULL is allowed. */
void souk_loop_free(souk_loop *loop);

/*
 * Promises that souk_loop_forget will be called before fd is closed, so that souk_loop_rest may
 * leave it with the system; from now on watching it needs no memory. SOUK_E_LIMIT when out of
 * memory.
 */
int souk_loop_adopt(souk_loop *loop, int fd, souk_err *err);

/* Whether it is an adopted one that nobody watches now. */
bool souk_loop_is_at_rest(const souk_loop *loop, int fd);

/*
 * Calls ready(owner, fd, ...) while fd has one of `events` (not 0). SOUK_E_LIMIT when the system
 * refuses.
 */
int souk_loop_watch(souk_loop *loop, int fd, unsigned events, souk_loop_ready *ready, void *owner,
                    souk_err *err);

/*
 * Stops watching fd for now. An adopted one stays registered with the system until it stirs, since
 * a kept-alive connection is mostly watched again at once: two system calls less for each request.
 */
void souk_loop_rest(souk_loop *loop, int fd);

/* Stops watching fd, which is about to be closed. */
void souk_loop_forget(souk_loop *loop, int fd);

/*
 * Waits up to `timeout` ms (0 polls, SOUK_NEVER waits for ever) and calls what is ready, each
 * descriptor once. *interrupted becomes true when a signal or souk_loop_wake ended the waiting.
 */
int souk_loop_run(souk_loop *loop, souk_ms timeout, bool *interrupted, souk_err *err);

/*
 * A descriptor that is readable when souk_loop_run(0) would find something; -1 where there is none
 * (poll).
 */
int souk_loop_fd(const souk_loop *loop);

/* Makes the current or next souk_loop_run return. Any thread and any signal handler may call it. */
void souk_loop_wake(souk_loop *loop);

/*
 * In a forked child: closes this process's copies of all that is watched. Only souk_loop_free may
 * follow.
 */
void souk_loop_abandon(souk_loop *loop);

#endif
