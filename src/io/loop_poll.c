#include "io/loop_table.h"

#if !SOUK_LOOP_EPOLL

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "io/os_error.h"

struct souk_loop {
    const souk_alloc *alloc;
    souk_loop_table table;
    struct pollfd *polled; /* as long as the table, so that waiting needs no memory */
    size_t polled_size;
    int wake[2]; /* a pipe: read end, write end */
    bool woken;
};

static void on_wake(void *owner, int fd, unsigned events)
{
    (void)events;
    souk_loop *loop = owner;
    char bytes[64];
    while (read(fd, bytes, sizeof bytes) > 0) {
        loop->woken = true;
    }
}

static bool make_wake(souk_loop *loop)
{
    loop->wake[0] = -1;
    loop->wake[1] = -1;
    if (pipe(loop->wake) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        int flags = fcntl(loop->wake[i], F_GETFL);
        if (flags < 0 || fcntl(loop->wake[i], F_SETFL, flags | O_NONBLOCK) < 0 ||
            fcntl(loop->wake[i], F_SETFD, FD_CLOEXEC) < 0) {
            return false;
        }
    }
    return true;
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
    int rc;
    if (!make_wake(loop)) {
        rc = souk_fail(err, SOUK_E_LIMIT, "cannot watch descriptors: %s", souk_os_error(errno));
    } else {
        rc = souk_loop_watch(loop, loop->wake[0], SOUK_LOOP_READ, on_wake, loop, err);
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
    for (int i = 0; i < 2; i++) {
        if (loop->wake[i] >= 0) {
            (void)close(loop->wake[i]);
        }
    }
    souk_loop_table_free(&loop->table);
    souk_free(loop->alloc, loop->polled);
    souk_free(loop->alloc, loop);
}

static souk_loop_entry *make_entry(souk_loop *loop, int fd)
{
    souk_loop_entry *entry = souk_loop_table_make(&loop->table, fd);
    if (entry == NULL || loop->polled_size >= loop->table.size) {
        return entry;
    }
    struct pollfd *polled =
        souk_resize_array(loop->alloc, loop->polled, loop->table.size, sizeof *polled);
    if (polled == NULL) {
        return NULL;
    }
    loop->polled = polled;
    loop->polled_size = loop->table.size;
    return entry;
}

int souk_loop_adopt(souk_loop *loop, int fd, souk_err *err)
{
    souk_loop_entry *entry = make_entry(loop, fd);
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
    souk_loop_entry *entry = make_entry(loop, fd);
    if (entry == NULL) {
        return souk_fail_memory(err);
    }
    entry->ready = ready;
    entry->owner = owner;
    entry->wanted = (unsigned char)events;
    return SOUK_OK;
}

void souk_loop_rest(souk_loop *loop, int fd)
{
    souk_loop_entry *entry = souk_loop_table_find(&loop->table, fd);
    if (entry != NULL && entry->adopted) {
        entry->wanted = 0;
    } else {
        souk_loop_forget(loop, fd);
    }
}

void souk_loop_forget(souk_loop *loop, int fd)
{
    souk_loop_entry *entry = souk_loop_table_find(&loop->table, fd);
    if (entry != NULL) {
        memset(entry, 0, sizeof *entry);
    }
}

static size_t collect(souk_loop *loop)
{
    size_t count = 0;
    for (size_t fd = 0; fd < loop->table.size; fd++) {
        unsigned wanted = loop->table.entries[fd].wanted;
        if (wanted == 0) {
            continue;
        }
        struct pollfd *polled = &loop->polled[count++];
        polled->fd = (int)fd;
        polled->events = (short)(((wanted & SOUK_LOOP_READ) ? POLLIN : 0) |
                                 ((wanted & SOUK_LOOP_WRITE) ? POLLOUT : 0));
        polled->revents = 0;
    }
    return count;
}

static void deliver(souk_loop *loop, const struct pollfd *polled)
{
    souk_loop_entry *entry = souk_loop_table_find(&loop->table, polled->fd);
    if (entry == NULL || polled->revents == 0) {
        return;
    }
    unsigned got = 0;
    if (polled->revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) {
        got |= SOUK_LOOP_READ;
    }
    if (polled->revents & (POLLOUT | POLLHUP | POLLERR | POLLNVAL)) {
        got |= SOUK_LOOP_WRITE;
    }
    if ((got & entry->wanted) != 0) {
        entry->ready(entry->owner, polled->fd, got & entry->wanted);
    }
}

int souk_loop_run(souk_loop *loop, souk_ms timeout, bool *interrupted, souk_err *err)
{
    int span = timeout == SOUK_NEVER ? -1 : timeout > INT_MAX ? INT_MAX : (int)timeout;
    size_t count = collect(loop);
    if (poll(loop->polled, (nfds_t)count, span) < 0) {
        *interrupted = errno == EINTR;
        return *interrupted ? SOUK_OK
                            : souk_fail(err, SOUK_E_LIMIT, "cannot wait for descriptors: %s",
                                        souk_os_error(errno));
    }
    /* The callees may make the array grow, so each element is copied before it is looked at. */
    for (size_t i = 0; i < count; i++) {
        struct pollfd polled = loop->polled[i];
        deliver(loop, &polled);
    }
    *interrupted = loop->woken;
    loop->woken = false;
    return SOUK_OK;
}

int souk_loop_fd(const souk_loop *loop)
{
    (void)loop;
    return -1;
}

void souk_loop_wake(souk_loop *loop)
{
    ssize_t written = write(loop->wake[1], "", 1);
    (void)written; /* full means that it is awake already */
}

void souk_loop_abandon(souk_loop *loop)
{
    souk_loop_table_close(&loop->table);
    loop->wake[0] = -1; /* it was in the table */
}

#endif
