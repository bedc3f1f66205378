#include "pool/traits.h"

#include <stdio.h>
#include <string.h>

enum { MOST_SESSIONS = 1024, MOST_RATE = 1000000 };

static const char *const mode_names[] = {"shared", "exclusive", "pinned"};

const char *souk_mode_name(souk_mode mode)
{
    return mode_names[mode];
}

/* The digits at the front of *text, which they leave; false when there are none, or too many. */
static bool take_number(souk_slice *text, int64_t most, int64_t *number)
{
    size_t used = 0;
    *number = 0;
    while (used < text->len && text->ptr[used] >= '0' && text->ptr[used] <= '9') {
        *number = *number * 10 + (text->ptr[used++] - '0');
        if (*number > most) {
            return false;
        }
    }
    *text = souk_slice_from(*text, used);
    return used > 0;
}

/* The span that a unit stands for, in ms; 0: it is none. */
static souk_ms span_of(souk_slice unit)
{
    static const struct {
        const char *name;
        souk_ms span;
    } units[] = {{"s", 1000},    {"sec", 1000},     {"second", 1000}, {"m", 60000},
                 {"min", 60000}, {"minute", 60000}, {"h", 3600000},   {"hour", 3600000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (souk_slice_is(unit, units[i].name)) {
            return units[i].span;
        }
    }
    return 0;
}

bool souk_rate_read(souk_slice text, souk_rate *rate)
{
    text = souk_slice_trim(text);
    if (!take_number(&text, MOST_RATE, &rate->count) || rate->count == 0) {
        return false;
    }
    text = souk_slice_trim(text);
    if (text.len == 0) {
        rate->span = 1000;
        return true;
    }
    rate->span = text.ptr[0] == '/' ? span_of(souk_slice_trim(souk_slice_from(text, 1))) : 0;
    return rate->span > 0;
}

/* The value of <prefix>_<name>; empty when it is not there. */
static souk_slice value_of(const souk_target *target, const char *name)
{
    char key[80];
    size_t len = strlen(name);
    if (target->prefix.len + len + 2 > sizeof key) {
        return souk_slice_make(NULL, 0);
    }
    memcpy(key, target->prefix.ptr, target->prefix.len);
    key[target->prefix.len] = '_';
    memcpy(key + target->prefix.len + 1, name, len + 1);
    return souk_slice_trim(souk_pairs_get(target->config, key));
}

static int fail(const souk_target *target, const char *name, const char *expected, souk_err *err)
{
    return souk_fail(err, SOUK_E_CONFIG, "%.*s_%s of server '%.*s': expected %s",
                     SOUK_ARG(target->prefix), name, SOUK_ARG(target->name), expected);
}

static int read_mode(souk_traits *traits, const souk_target *target, souk_err *err)
{
    souk_slice text = value_of(target, "session_mode");
    for (size_t i = 0; i < sizeof mode_names / sizeof mode_names[0]; i++) {
        if (souk_slice_is(text, mode_names[i])) {
            traits->mode = (souk_mode)i;
            return SOUK_OK;
        }
    }
    return text.len == 0
               ? SOUK_OK
               : fail(target, "session_mode", "\"shared\", \"exclusive\" or \"pinned\"", err);
}

static int read_max_sessions(souk_traits *traits, const souk_target *target, souk_err *err)
{
    souk_slice text = value_of(target, "max_sessions");
    int64_t number = 0;
    if (text.len == 0) {
        return SOUK_OK;
    }
    if (!take_number(&text, MOST_SESSIONS, &number) || text.len > 0 || number == 0) {
        return fail(target, "max_sessions", "a number from 1 to 1024", err);
    }
    traits->max_sessions = (size_t)number;
    return SOUK_OK;
}

static int read_rate(souk_traits *traits, const souk_target *target, souk_err *err)
{
    souk_slice text = value_of(target, "rate_limit");
    if (text.len > 0 && !souk_rate_read(text, &traits->rate)) {
        return fail(target, "rate_limit",
                    "calls per second, minute or hour, as \"10/s\", \"600/min\" or \"1000/h\"",
                    err);
    }
    return SOUK_OK;
}

int souk_traits_read(souk_traits *traits, const souk_target *target, souk_err *err)
{
    memset(traits, 0, sizeof *traits);
    int failed = read_mode(traits, target, err);
    failed = failed == SOUK_OK ? read_max_sessions(traits, target, err) : failed;
    failed = failed == SOUK_OK ? read_rate(traits, target, err) : failed;
    if (failed == SOUK_OK && target->affinity.len > 0) {
        traits->max_sessions = 1; /* who names a session means that one */
    }
    return failed;
}
