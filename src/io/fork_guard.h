/*
 * Tells whether this is still the process in which something was made. getpid is a system call, and
 * every entry point of the engine asks; so on Linux a page of memory that the kernel wipes in
 * forked children answers instead.
 */
#ifndef SOUK_FORK_GUARD_H
#define SOUK_FORK_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct souk_fork_guard {
    pid_t owner;
    volatile unsigned char
        *mark; /* 1, and 0 in a forked child; NULL where the kernel cannot wipe */
    size_t size;
} souk_fork_guard;

void souk_fork_guard_init(souk_fork_guard *guard);
void souk_fork_guard_free(souk_fork_guard *guard);

/* True in every process but the one that called souk_fork_guard_init. */
bool souk_fork_guard_tripped(const souk_fork_guard *guard);

#endif
