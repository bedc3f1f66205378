/*
 * The real clocks and the system's randomness; everything else in souk is given them as arguments.
 */
#ifndef SOUK_IO_CLOCK_H
#define SOUK_IO_CLOCK_H

#include <stdint.h>

#include "base/clock.h"

/* Milliseconds of a clock that never goes back. */
souk_ms souk_clock_now(void);

/* Seconds since 1970-01-01T00:00:00Z by the wall clock, which may be set back and forth. */
int64_t souk_clock_wall(void);

/*
 * Eight bytes that an outsider cannot guess, for the seeds of hash maps and jitter. Not for
 * secrets.
 */
uint64_t souk_random_seed(void);

#endif
