#include "pool/pace.h"

/* us between two calls. */
static int64_t interval(const souk_rate *rate)
{
    int64_t span = rate->span * 1000 / rate->count;
    return span > 0 ? span : 1;
}

/* us by which calls may be ahead of their time: what one second allows, but the call itself. */
static int64_t tolerance(const souk_rate *rate)
{
    int64_t one = interval(rate);
    int64_t burst = 1000000 / one;
    return burst > 1 ? (burst - 1) * one : 0;
}

souk_ms souk_pace_ready(const souk_pace *pace, const souk_rate *rate)
{
    if (rate->count == 0) {
        return 0;
    }
    int64_t at = pace->full_at - tolerance(rate);
    return at <= 0 ? 0 : (at + 999) / 1000;
}

void souk_pace_take(souk_pace *pace, const souk_rate *rate, souk_ms now)
{
    if (rate->count == 0) {
        return;
    }
    int64_t from = pace->full_at > now * 1000 ? pace->full_at : now * 1000;
    pace->full_at = from + interval(rate);
}
