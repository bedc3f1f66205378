/* Writing to a pipe that may be closed at its other end. */
#ifndef SOUK_QUIET_WRITE_H
#define SOUK_QUIET_WRITE_H

#include <stddef.h>
#include <sys/types.h>

/* As write, but a closed pipe is an error (EPIPE) and never a signal. */
ssize_t souk_write_quietly(int fd, const char *bytes, size_t len);

#endif
