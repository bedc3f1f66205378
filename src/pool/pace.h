/*
 * A rate limit: when may the next call go? A token bucket, kept as the moment at which it will be
 * full again (the "theoretical arrival time" of the generic cell rate algorithm).
 */
#ifndef SOUK_PACE_H
#define SOUK_PACE_H

#include "pool/traits.h"

typedef struct souk_pace {
    int64_t full_at; /* us */
} souk_pace;

/*
 * The moment from which one more call may go; `now` or earlier: at once. What a second allows may
 * go in one burst, at least one call. Without a limit it is 0.
 */
souk_ms souk_pace_ready(const souk_pace *pace, const souk_rate *rate);

/* One call goes. */
void souk_pace_take(souk_pace *pace, const souk_rate *rate, souk_ms now);

#endif
