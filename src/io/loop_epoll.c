#include "io/loop_table.h"

#if SOUK_LOOP_EPOLL

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/os_error.h"

enum { BATCH = 128 };

struct souk_loop {
    const souk_alloc *alloc;
    souk_loop_table table;
    int epoll;
    int wake; /* an eventfd */
    bool woken;
};

/* Tells the system what is wanted of fd, if it does not know that already. */
static int apply(souk_loop *loop, int fd, souk_loop_entry *entry)
{
    if (entry->wanted == entry->registered) {
        return 0;
    }
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = ((entry->wanted & SOUK_LOOP_READ) ? (uint32_t)EPOLLIN : 0) |
                   ((entry->wanted & SOUK_LOOP_WRITE) ? (uint32_t)EPOLLOUT : 0);
    event.data.fd = fd;
    int operation = entry->wanted == 0       ? EPOLL_CTL_DEL
                    : entry->registered == 0 ? EPOLL_CTL_ADD
                                             : EPOLL_CTL_MOD;
    int rc = epoll_ctl(loop->epoll, operation, fd, &event);
    if (rc != 0 && operation == EPOLL_CTL_MOD && errno == ENOENT) {
        rc = epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event);
    }
    if (rc == 0 || operation == EPOLL_CTL_DEL) {
        entry->registered = entry->wanted;
        return 0;
    }
    return errno;
}

static void on_wake(void *owner, int fd, unsigned events)
{
    (void)events;
    souk_loop *loop = owner;
    uint64_t count;
    loop->woken = read(fd, &count, sizeof count) == (ssize_t)sizeof count;
}

int souk_loop_new(const souk_alloc *alloc, souk_loop **out, souk_err *err)
{
    *out = NULL;
    souk_loop *loop = souk_new(alloc, sizeof *loop);
    if (loop == NULL) {
        return souk_fail_memory(err);
    }
    loop->alloc = alloc;
    souk_loop_table_init(&loop->table, alloc);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc;
    if (loop->epoll < 0 || loop->wake < 0) {
        rc = souk_fail(err, SOUK_E_LIMIT, "cannot watch descriptors: %s", souk_os_error(errno));
    } else {
        rc = souk_loop_watch(loop, loop->wake, SOUK_LOOP_READ, on_wake, loop, err);
    }
    if (rc != SOUK_OK) {
        souk_loop_free(loop);
        return rc;
    }
    *out = loop;
    return SOUK_OK;
}

void souk_loop_free(souk_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    if (loop->epoll >= 0) {
        (void)close(loop->epoll);
    }
    if (loop->wake >= 0) {
        (void)close(loop->wake);
    }
    souk_loop_table_free(&loop->table);
    souk_free(loop->alloc, loop);
}

int souk_loop_adopt(souk_loop *loop, int fd, souk_err *err)
{
    souk_loop_entry *entry = souk_loop_table_make(&loop->table, fd);
    if (entry == NULL) {
        return souk_fail_memory(err);
    }
    entry->adopted = true;
    return SOUK_OK;
}

bool souk_loop_is_at_rest(const souk_loop *loop, int fd)
{
    return souk_loop_table_is_at_rest(&loop->table, fd);
}

int souk_loop_watch(souk_loop *loop, int fd, unsigned events, souk_loop_ready *ready, void *owner,
                    souk_err *err)
{
    souk_loop_entry *entry = souk_loop_table_make(&loop->table, fd);
    if (entry == NULL) {
        return souk_fail_memory(err);
    }
    entry->ready = ready;
    entry->owner = owner;
    entry->wanted = (unsigned char)events;
    int number = apply(loop, fd, entry);
    if (number != 0) {
        return souk_fail(err, SOUK_E_LIMIT, "cannot watch a descriptor: %s", souk_os_error(number));
    }
    return SOUK_OK;
}

void souk_loop_rest(souk_loop *loop, int fd)
{
    souk_loop_entry *entry = souk_loop_table_find(&loop->table, fd);
    if (entry == NULL) {
        return;
    }
    if (entry->adopted) {
        entry->wanted = 0; /* souk_loop_run tells the system, should the descriptor stir */
    } else {
        souk_loop_forget(loop, fd);
    }
}

void souk_loop_forget(souk_loop *loop, int fd)
{
    souk_loop_entry *entry = souk_loop_table_find(&loop->table, fd);
    if (entry != NULL) {
        /* Closing is not enough: a forked process may hold another copy of the same socket. */
        entry->wanted = 0;
        (void)apply(loop, fd, entry);
        memset(entry, 0, sizeof *entry);
    }
}

static void deliver(souk_loop *loop, const struct epoll_event *event)
{
    int fd = event->data.fd;
    souk_loop_entry *entry = souk_loop_table_find(&loop->table, fd);
    if (entry == NULL) {
        return; /* forgotten by what was called before it in this batch */
    }
    unsigned got = 0;
    if (event->events & (uint32_t)(EPOLLIN | EPOLLHUP | EPOLLERR)) {
        got |= SOUK_LOOP_READ;
    }
    if (event->events & (uint32_t)(EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        got |= SOUK_LOOP_WRITE;
    }
    if ((got & entry->wanted) == 0) {
        (void)apply(loop, fd, entry); /* at rest, and it stirred: now the system has to know */
        return;
    }
    entry->ready(entry->owner, fd, got & entry->wanted);
}

int souk_loop_run(souk_loop *loop, souk_ms timeout, bool *interrupted, souk_err *err)
{
    struct epoll_event events[BATCH];
    int span = timeout == SOUK_NEVER ? -1 : timeout > INT_MAX ? INT_MAX : (int)timeout;
    int count = epoll_wait(loop->epoll, events, BATCH, span);
    if (count < 0) {
        *interrupted = errno == EINTR;
        return *interrupted ? SOUK_OK
                            : souk_fail(err, SOUK_E_LIMIT, "cannot wait for descriptors: %s",
                                        souk_os_error(errno));
    }
    for (int i = 0; i < count; i++) {
        deliver(loop, &events[i]);
    }
    *interrupted = loop->woken;
    loop->woken = false;
    return SOUK_OK;
}

int souk_loop_fd(const souk_loop *loop)
{
    return loop->epoll;
}

void souk_loop_wake(souk_loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake, &one, sizeof one);
    (void)written; /* full means that it is awake already */
}

void souk_loop_abandon(souk_loop *loop)
{
    souk_loop_table_close(&loop->table);
    (void)close(loop->epoll);
    loop->epoll = -1;
    loop->wake = -1; /* it was in the table */
}

#endif
