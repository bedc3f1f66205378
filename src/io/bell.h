/*
 * Something for an event loop to watch: a descriptor that is readable from the moment the bell is
 * rung until it is hushed.
 *
 * A loop that can watch no descriptor of others (nginx) connects to a door instead: a Unix-domain
 * socket, to which each ringing then sends one byte. The door is a file in a folder of its own that
 * only this user can enter, and both are gone as soon as the loop has come in, so nothing is left
 * behind by a process that is killed later. Whoever else comes in is shown out: only a peer that is
 * this very process hears the bell.
 */
#ifndef SOUK_BELL_H
#define SOUK_BELL_H

#include "base/err.h"
#include "base/slice.h"

enum { SOUK_DOOR_MAX = 108 }; /* bytes of the path of a Unix-domain socket, with its NUL */

typedef struct souk_bell {
    int fd;       /* to be watched; readable while it rings */
    int ring_fd;  /* where it is rung; the same one where there is an eventfd */
    int door_fd;  /* listens; -1: there is none */
    int guest_fd; /* the connection of the loop; -1: none */
    char door[SOUK_DOOR_MAX];
} souk_bell;

/* SOUK_E_LIMIT when descriptors are exhausted; then souk_bell_free may follow, too. */
int souk_bell_init(souk_bell *bell, souk_err *err);
void souk_bell_free(souk_bell *bell);

/* Another descriptor for bell->fd, which the caller closes; -1 and SOUK_E_LIMIT when there is none.
 */
int souk_bell_copy(int fd, souk_err *err);

/* Any thread may ring it. */
void souk_bell_ring(const souk_bell *bell);
void souk_bell_hush(const souk_bell *bell);

/*
 * Makes a door below `folder` ("/tmp"); bell->door is its path. One that is there is replaced, and
 * a guest leaves. SOUK_E_FILE when it cannot be made.
 */
int souk_bell_open_door(souk_bell *bell, const char *folder, souk_err *err);

/*
 * The loop says that it has connected: lets it in, and removes the door. SOUK_E_TRANSPORT when it
 * was not this process that came.
 */
int souk_bell_let_in(souk_bell *bell, souk_err *err);

/* The guest has left, or never came. */
void souk_bell_close_door(souk_bell *bell);

/* Sends a byte to a guest, without waiting; false when it is gone. */
bool souk_bell_call(int guest_fd);

#endif
