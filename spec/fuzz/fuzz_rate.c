/*
 * Rate limits and what else a configuration says about sessions: what is read is within its bounds,
 * means the same when it is written plainly, and no rate that was read is ever exceeded.
 *
 * Input: a text, which is the value of each key in turn.
 */
#include "pool/pace.h"
#include "script.h"

enum { MOST_RATE = 1000000, MOST_SESSIONS = 1024, MOST_CALLS = 200 };

/* Whether the unit is one of "s", "min", "h". */
static const char *unit_of(const souk_rate *rate)
{
    must(rate->span == 1000 || rate->span == 60000 || rate->span == 3600000);
    return rate->span == 1000 ? "s" : rate->span == 60000 ? "min" : "h";
}

static void check_same(const souk_rate *rate)
{
    char text[64];
    souk_rate again;
    snprintf(text, sizeof text, "%lld/%s", (long long)rate->count, unit_of(rate));
    must(souk_rate_read(souk_slice_of(text), &again));
    must(again.count == rate->count && again.span == rate->span);
}

/* Calls that come all at once: how many may have gone when each of them goes. */
static void check_pace(const souk_rate *rate, souk_ms from)
{
    souk_pace pace = {0};
    souk_ms now = from;
    int64_t second = rate->count * 1000 / rate->span;
    int64_t burst = second > 0 ? second : 1;
    for (int64_t taken = 1; taken <= MOST_CALLS; taken++) {
        souk_ms ready = souk_pace_ready(&pace, rate);
        must(taken > burst || ready <= now);
        now = ready > now ? ready : now;
        souk_pace_take(&pace, rate, now);
        /* Between two are whole microseconds, at least one. */
        int64_t span = rate->span * 1000 / rate->count;
        must((taken - burst) * span <= (now - from) * 1000);
    }
}

static void check_traits(const char *key, souk_slice value)
{
    const souk_pair pair = {souk_slice_of(key), value};
    const souk_target target = {
        .prefix = SOUK_LIT_INIT("mcp"), .name = SOUK_LIT_INIT("s"), .config = {&pair, 1}};
    souk_traits traits;
    souk_err err;
    int failed = souk_traits_read(&traits, &target, &err);
    if (failed != SOUK_OK) {
        must(failed == SOUK_E_CONFIG && err.kind == failed);
        must(strstr(err.message, key) != NULL && strstr(err.message, "expected") != NULL);
        return;
    }
    must(traits.max_sessions <= MOST_SESSIONS);
    must(souk_mode_name(traits.mode)[0] != '\0');
    must(traits.rate.count == 0 || traits.rate.span > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    souk_slice text = souk_slice_make((const char *)data, size);
    souk_rate rate = {0, 0};
    if (souk_rate_read(text, &rate)) {
        must(rate.count > 0 && rate.count <= MOST_RATE);
        check_same(&rate);
        check_pace(&rate, 0);
        check_pace(&rate, 1764000000000 + (souk_ms)size);
    }
    check_traits("mcp_rate_limit", text);
    check_traits("mcp_max_sessions", text);
    check_traits("mcp_session_mode", text);
    return 0;
}
