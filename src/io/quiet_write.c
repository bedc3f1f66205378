#include "io/quiet_write.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

/*
 * Pipes know no MSG_NOSIGNAL, and the dispositions of signals belong to the program around us. So
 * SIGPIPE is blocked in this thread while writing; if the write made one, it is taken away before
 * the mask is restored.
 */
ssize_t souk_write_quietly(int fd, const char *bytes, size_t len)
{
    sigset_t pipe_only;
    sigset_t before;
    sigset_t pending;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    bool was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    ssize_t written = write(fd, bytes, len);
    int number = errno;
    if (written < 0 && number == EPIPE && !was_pending) {
        int taken;
        if (sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1) {
            (void)sigwait(&pipe_only, &taken);
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = number;
    return written;
}
