/*
 * What a target's configuration says about its sessions, whatever the protocol: keys that begin
 * with the handler's prefix, as mcp_session_mode.
 */
#ifndef SOUK_TRAITS_H
#define SOUK_TRAITS_H

#include "pool/handler.h"

typedef enum souk_mode {
    SOUK_MODE_SHARED,    /* many calls in flight on one session */
    SOUK_MODE_EXCLUSIVE, /* one call at a time per session, up to max_sessions of them */
    SOUK_MODE_PINNED     /* calls only through a session that the caller holds */
} souk_mode;

/* So many calls in so long; count 0: no limit. */
typedef struct souk_rate {
    int64_t count;
    souk_ms span;
} souk_rate;

typedef struct souk_traits {
    souk_mode mode;
    size_t max_sessions; /* 0: option max_sessions_per_key */
    souk_rate rate;
} souk_traits;

/*
 * Reads <prefix>_session_mode ("shared", "exclusive", "pinned"), <prefix>_max_sessions (1 to 1024)
 * and <prefix>_rate_limit (souk_rate_read). SOUK_E_CONFIG names the key that is wrong.
 */
int souk_traits_read(souk_traits *traits, const souk_target *target, souk_err *err);

/* "10/s", "600/min", "1000/h", or "10", which is per second. False when it is none of these. */
bool souk_rate_read(souk_slice text, souk_rate *rate);

const char *souk_mode_name(souk_mode mode);

#endif
