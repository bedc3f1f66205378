#include "io/clock.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

souk_ms souk_clock_now(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0; /* POSIX requires the clock; there is nothing better to say */
    }
    return (souk_ms)now.tv_sec * 1000 + (souk_ms)(now.tv_nsec / 1000000);
}

int64_t souk_clock_wall(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? (int64_t)now.tv_sec : 0;
}

uint64_t souk_random_seed(void)
{
    uint64_t seed;
    if (getentropy(&seed, sizeof seed) == 0) {
        return seed;
    }
    /* A sandbox without randomness: at least different for each process and moment. */
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec << 32 ^ (uint64_t)now.tv_nsec << 12 ^ (uint64_t)getpid()) *
           0x9E3779B97F4A7C15U;
}
