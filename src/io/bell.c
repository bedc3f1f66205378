#include "io/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include "io/os_error.h"
#include "io/process.h"

/* --- the bell itself --- */

#ifndef __linux__
static bool set_up(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0;
}
#endif

int souk_bell_init(souk_bell *bell, souk_err *err)
{
    *bell = (souk_bell){.fd = -1, .ring_fd = -1, .door_fd = -1, .guest_fd = -1};
#ifdef __linux__
    bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bell->ring_fd = bell->fd;
    bool made = bell->fd >= 0;
#else
    int ends[2];
    bool made = pipe(ends) == 0;
    if (made) {
        bell->fd = ends[0];
        bell->ring_fd = ends[1];
        made = set_up(ends[0]) && set_up(ends[1]);
    }
#endif
    return made ? SOUK_OK
                : souk_fail(err, SOUK_E_LIMIT, "cannot make a descriptor for the event loop: %s",
                            souk_os_error(errno));
}

void souk_bell_free(souk_bell *bell)
{
    souk_bell_close_door(bell);
    if (bell->ring_fd != bell->fd) {
        souk_close_fd(&bell->ring_fd);
    }
    souk_close_fd(&bell->fd);
    bell->ring_fd = -1;
}

int souk_bell_copy(int fd, souk_err *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        (void)souk_fail(err, SOUK_E_LIMIT, "cannot copy a descriptor: %s", souk_os_error(errno));
    }
    return copy;
}

void souk_bell_ring(const souk_bell *bell)
{
    uint64_t one = 1;
    ssize_t written = write(bell->ring_fd, &one, sizeof one);
    (void)written; /* full means that it rings already */
}

void souk_bell_hush(const souk_bell *bell)
{
    char bytes[64];
    ssize_t got;
    do {
        got = read(bell->fd, bytes, sizeof bytes);
    } while (got == (ssize_t)sizeof bytes); /* an eventfd is empty after 8 */
}

/* --- the door --- */

static void remove_door(souk_bell *bell)
{
    if (bell->door[0] == '\0') {
        return;
    }
    (void)unlink(bell->door);
    *strrchr(bell->door, '/') = '\0';
    (void)rmdir(bell->door);
    bell->door[0] = '\0';
}

void souk_bell_close_door(souk_bell *bell)
{
    souk_close_fd(&bell->door_fd);
    souk_close_fd(&bell->guest_fd);
    remove_door(bell);
}

static int fail(souk_bell *bell, const char *folder, souk_err *err)
{
    int number = errno;
    souk_bell_close_door(bell);
    return souk_fail(err, SOUK_E_FILE, "cannot make a socket for the event loop in '%s': %s",
                     folder, souk_os_error(number));
}

/* bell->door becomes a path in a new folder; false with errno. */
static bool make_folder(souk_bell *bell, const char *folder)
{
    static const char file[] = "/bell";
    int len = snprintf(bell->door, sizeof bell->door, "%s/souk-XXXXXX", folder);
    if (len < 0 || (size_t)len + sizeof file > sizeof bell->door) {
        bell->door[0] = '\0';
        errno = ENAMETOOLONG;
        return false;
    }
    if (mkdtemp(bell->door) == NULL) {
        bell->door[0] = '\0';
        return false;
    }
    memcpy(bell->door + len, file, sizeof file);
    return true;
}

int souk_bell_open_door(souk_bell *bell, const char *folder, souk_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    souk_bell_close_door(bell);
    if (!make_folder(bell, folder)) {
        return fail(bell, folder, err);
    }
    memcpy(address.sun_path, bell->door, strlen(bell->door) + 1);
    bell->door_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bell->door_fd < 0 || fcntl(bell->door_fd, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(bell->door_fd, F_SETFL, O_NONBLOCK) < 0 ||
        bind(bell->door_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(bell->door_fd, 4) != 0) {
        return fail(bell, folder, err);
    }
    return SOUK_OK;
}

/* Whether the other end of the connection is in this very process. */
static bool is_ourselves(int fd)
{
#ifdef SO_PEERCRED
    /* As unix(7) has it; the C library only shows it to programs that ask for all of its
     * extensions. */
    struct {
        pid_t pid;
        uid_t uid;
        gid_t gid;
    } peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getpid() &&
           peer.uid == geteuid();
#else
    (void)fd; /* nobody but this user can enter the folder */
    return true;
#endif
}

int souk_bell_let_in(souk_bell *bell, souk_err *err)
{
    for (;;) {
        int fd = accept(bell->door_fd, NULL, NULL);
        if (fd < 0 && errno == EINTR) {
            continue;
        }
        if (fd < 0) {
            souk_bell_close_door(bell);
            return souk_fail(err, SOUK_E_TRANSPORT,
                             "the event loop did not connect to the socket that wakes it");
        }
        if (is_ourselves(fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0) {
            souk_bell_close_door(bell);
            bell->guest_fd = fd;
            return SOUK_OK;
        }
        (void)close(fd); /* a stranger of the same user */
    }
}

bool souk_bell_call(int guest_fd)
{
#ifdef MSG_NOSIGNAL
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
#else
    int flags = MSG_DONTWAIT;
#endif
    ssize_t sent = send(guest_fd, "!", 1, flags);
    return sent == 1 || (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
}
