/*
 * Whether a server can be reached, as far as its calls tell: waiting longer and longer after
 * failures, the breaker, and the pauses that servers ask for.
 *
 * Failures are counted in a row, and those of calls that were under way together are one: a server
 * that restarts breaks all of them at once.
 */
#include "pool/internal.h"

#include <stdio.h>
#include <string.h>

souk_ms souk_retry_delay(const souk_pool *pool, unsigned failures)
{
    souk_ms delay = pool->options.retry_delay;
    souk_ms most = pool->options.max_retry_delay;
    for (unsigned i = 1; i < failures && delay < most; i++) {
        delay *= 2;
    }
    delay = souk_ms_min(delay, most);
    /* Between half and all of it: many callers of one server do not come back at one moment. */
    souk_slice bytes = souk_slice_make((const char *)&pool->attempts, sizeof pool->attempts);
    return delay - (souk_ms)(souk_hash(bytes, pool->seed) % (uint64_t)(delay / 2 + 1));
}

static bool has_breaker(const souk_pool *pool)
{
    return pool->options.breaker_failures > 0;
}

/* What an error says, without the server that it is about. */
static const char *without_server(const char *message, souk_slice name)
{
    char prefix[128];
    snprintf(prefix, sizeof prefix, "server '%.*s': ", SOUK_ARG(name));
    size_t len = strlen(prefix);
    return strncmp(message, prefix, len) == 0 ? message + len : message;
}

static void refuse(const souk_entry *entry, souk_ms now, souk_err *why)
{
    const souk_health *health = entry->health;
    souk_ms left = health->open_until - now;
    souk_err last = *souk_kept_err_get(&health->why);
    souk_fail(why, SOUK_E_TRANSPORT,
              "the breaker is open for %lld.%d s more after %u failures in a row, the last one: %s",
              SOUK_SECONDS_ARG(left), health->failures,
              without_server(last.message, entry->target.name));
    why->retryable = true;
    why->retry_after = left;
}

souk_gate_state souk_health_gate(const souk_entry *entry, souk_ms now, souk_ms *until,
                                 souk_err *why)
{
    const souk_health *health = entry->health;
    *until = SOUK_NEVER;
    if (health->pause_until > now) {
        *until = health->pause_until;
        return SOUK_GATE_WAIT;
    }
    if (health->open_until == 0) {
        return SOUK_GATE_OPEN;
    }
    if (now < health->open_until) {
        refuse(entry, now, why);
        return SOUK_GATE_REFUSED;
    }
    return health->trial != NULL ? SOUK_GATE_WAIT : SOUK_GATE_TRIAL;
}

/* "Too many requests", or "not now": RFC 6585 section 4, RFC 9110 sections 15.6.4 and 10.2.3. */
static void pause_if_asked(souk_pool *pool, souk_entry *entry, const souk_err *why, souk_ms now)
{
    if (why->retry_after <= 0 || (why->status != 429 && why->status != 503)) {
        return;
    }
    souk_ms until = souk_ms_after(now, souk_ms_min(why->retry_after, pool->options.max_pause));
    if (until > entry->health->pause_until) {
        entry->health->pause_until = until;
        souk_entry_note(pool, entry, "endpoint_paused", why->message);
    }
}

/* What says that the server is not there; refusals of requests do not. */
static bool is_failure(const souk_err *why, bool opening)
{
    bool refused =
        why->delivery == SOUK_DELIVERY_REJECTED || (why->status >= 300 && why->status <= 499);
    return (why->kind == SOUK_E_TRANSPORT && !refused) || (opening && why->kind == SOUK_E_TIMEOUT);
}

static void open_breaker(souk_pool *pool, souk_entry *entry, const souk_err *why, souk_ms now)
{
    entry->health->open_until = souk_ms_after(now, pool->options.breaker_pause);
    souk_kept_err_set(&entry->health->why, pool->alloc, why);
    pool->stats.breaker_opened++;
    souk_entry_note(pool, entry, "breaker_opened", why->message);
}

void souk_health_failed(souk_pool *pool, souk_entry *entry, uint64_t attempt, bool opening,
                        const souk_err *why, souk_ms now)
{
    souk_health *health = entry->health;
    pause_if_asked(pool, entry, why, now);
    if (!is_failure(why, opening) || attempt <= health->counted_at) {
        return;
    }
    health->counted_at = pool->attempts;
    health->failures++;
    if (opening) {
        souk_health_hold_off(pool, entry, now);
    }
    bool is_too_many = health->failures >= (uint64_t)pool->options.breaker_failures;
    if (has_breaker(pool) && (is_too_many || health->open_until != 0)) {
        open_breaker(pool, entry, why, now);
    }
}

void souk_health_hold_off(souk_pool *pool, souk_entry *entry, souk_ms now)
{
    souk_health *health = entry->health;
    unsigned failures = health->failures > 0 ? health->failures : 1;
    health->open_after = souk_ms_after(now, souk_retry_delay(pool, failures));
}

static void close_breaker(souk_pool *pool, souk_entry *entry)
{
    if (entry->health->open_until != 0) {
        entry->health->open_until = 0;
        souk_kept_err_free(&entry->health->why, pool->alloc);
        souk_entry_note(pool, entry, "breaker_closed", NULL);
    }
}

void souk_health_worked(souk_pool *pool, souk_entry *entry)
{
    souk_health *health = entry->health;
    if (health->failures > 0) {
        health->failures = 0;
        health->open_after = 0;
        close_breaker(pool, entry);
    }
}

void souk_health_end_trial(souk_pool *pool, const souk_ticket *ticket, souk_ms now)
{
    souk_health *health = ticket->entry->health;
    if (health->trial != ticket) {
        return;
    }
    health->trial = NULL;
    for (souk_entry *it = ticket->entry->tally->entries; it != NULL; it = it->tally_next) {
        if (it->health == health && it->waiting.first != NULL) {
            souk_entry_wake_at(pool, it, now);
        }
    }
}

void souk_health_opened(souk_pool *pool, souk_entry *entry, souk_ms now)
{
    souk_health *health = entry->health;
    /* Servers that open and then break each call would never be noticed if this were a success. */
    if (health->open_until != 0 && now >= health->open_until) {
        close_breaker(pool, entry);
        health->failures = (unsigned)pool->options.breaker_failures - 1;
    }
}

const char *souk_health_breaker(const souk_entry *entry, souk_ms now)
{
    if (entry->health->open_until == 0) {
        return "closed";
    }
    return now < entry->health->open_until ? "open" : "half-open";
}
