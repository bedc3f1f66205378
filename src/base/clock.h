/*
 * Time in the core is an argument. A souk_ms is a number of milliseconds on some monotonic clock
 * whose origin only differences matter for; `io` reads the real one, tests move a fake one.
 */
#ifndef SOUK_CLOCK_H
#define SOUK_CLOCK_H

#include <stdint.h>

typedef int64_t souk_ms;

/* Later than any moment: "no deadline". */
#define SOUK_NEVER INT64_MAX

static inline souk_ms souk_ms_min(souk_ms a, souk_ms b)
{
    return a < b ? a : b;
}

/* printf("%lld.%d s", SOUK_SECONDS_ARG(ms)): seconds with one digit behind the point, cut. */
#define SOUK_SECONDS_ARG(ms) (long long)((ms) / 1000), (int)((ms) % 1000 / 100)

/* now + span, without overflow; a negative span or SOUK_NEVER means never. */
static inline souk_ms souk_ms_after(souk_ms now, souk_ms span)
{
    return span < 0 || span > SOUK_NEVER - now ? SOUK_NEVER : now + span;
}

#endif
