/*
 * Probing: a session that was not used for long may be gone without anybody having noticed, and so
 * may one on which a call ran out of time. It is asked before another call is given to it: a call
 * that dies with it may have been executed, and one that it never answers costs all of its time.
 */
#include "pool/internal.h"

bool souk_slot_is_stale(const souk_pool *pool, const souk_slot *slot, souk_ms now)
{
    souk_ms seen = slot->last_used > slot->checked_at ? slot->last_used : slot->checked_at;
    bool is_idle =
        souk_slot_busy(slot) == 0 && now >= souk_ms_after(seen, pool->options.probe_idle);
    return pool->options.probe_idle > 0 && slot->entry->handler->probe != NULL &&
           (is_idle || slot->suspect);
}

bool souk_slot_probe(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    const souk_handler *handler = slot->entry->handler;
    souk_err why;
    int rc = handler->probe(handler, &slot->session, slot->suspect, now, &why);
    slot->checked_at = now;
    slot->suspect = false;
    if (rc == SOUK_NOTHING_TO_PROBE) {
        return true;
    }
    pool->stats.sessions_probed++;
    souk_slot_note(pool, slot, "session_probed", NULL, now);
    slot->probing = true;
    slot->probe_by = souk_ms_after(now, pool->options.probe_limit);
    if (rc != SOUK_OK) {
        souk_session_lost(&slot->session, &why);
    }
    souk_slot_schedule(pool, slot);
    return false;
}

void souk_session_probed(souk_session *session)
{
    souk_slot *slot = (souk_slot *)(void *)session; /* its first member */
    slot->probed = true;
    souk_slot_mark_dirty(slot);
}

void souk_slot_probe_ended(souk_slot *slot, souk_ms now)
{
    slot->probed = false;
    slot->probing = false;
    slot->probe_by = SOUK_NEVER;
    slot->checked_at = now;
}

void souk_slot_probe_silent(souk_pool *pool, souk_slot *slot)
{
    souk_err why;
    slot->probe_by = SOUK_NEVER;
    souk_fail(&why, SOUK_E_TIMEOUT, "it did not answer a probe within %lld ms (option probe_limit)",
              (long long)pool->options.probe_limit);
    souk_session_lost(&slot->session, &why);
}
