/* A session's way through the pool: opening, open, retiring or lost, closing, ended. */
#include "pool/internal.h"

#include <string.h>

static const char *const state_names[] = {"opening", "open",    "retiring",
                                          "lost",    "closing", "ended"};

/* Sessions that count against max_sessions. */
static size_t living(const souk_pool *pool)
{
    size_t count = 0;
    for (size_t i = 0; i < pool->slot_cap; i++) {
        count += pool->slots[i] != NULL && pool->slots[i]->state < SOUK_SLOT_CLOSING;
    }
    return count;
}

/*
 * A free place in pool->slots, or 0. There are twice as many as sessions may live, because others
 * are being closed meanwhile. Places are reused; serial numbers keep old ids from being taken for
 * new.
 */
static size_t free_place(souk_pool *pool)
{
    for (size_t i = 0; i < pool->slot_cap; i++) {
        if (pool->slots[i] == NULL) {
            return i + 1;
        }
    }
    size_t limit = (size_t)pool->options.max_sessions * 2;
    size_t cap = pool->slot_cap == 0 ? 8 : pool->slot_cap * 2;
    cap = cap > limit ? limit : cap;
    if (cap <= pool->slot_cap) {
        return 0;
    }
    souk_slot **slots = souk_resize_array(pool->alloc, pool->slots, cap, sizeof(souk_slot *));
    if (slots == NULL) {
        return 0;
    }
    size_t place = pool->slot_cap + 1;
    for (size_t i = pool->slot_cap; i < cap; i++) {
        slots[i] = NULL;
    }
    pool->slots = slots;
    pool->slot_cap = cap;
    return place;
}

size_t souk_slot_busy(const souk_slot *slot)
{
    return slot->running.count - slot->standing;
}

/* Whether closing can begin at once, no call being in the way; not even one whose end was reported
 * and is not settled yet. */
static bool can_make_room(const souk_slot *slot)
{
    if (slot->state != SOUK_SLOT_OPEN || souk_slot_busy(slot) > 0 || slot->holds != NULL ||
        slot->probing) {
        return false;
    }
    for (const souk_ticket *ticket = slot->running.first; ticket != NULL; ticket = ticket->next) {
        if (ticket->reported) {
            return false;
        }
    }
    return true;
}

void souk_slot_note_evicted(souk_pool *pool, const souk_slot *slot, const char *reason, souk_ms now)
{
    if (slot->state == SOUK_SLOT_OPEN) {
        pool->stats.sessions_evicted++;
        souk_slot_note(pool, slot, "session_evicted", reason, now);
    }
}

/* When the total is reached, the session that was idle for longest makes room. */
static bool close_idle_one(souk_pool *pool, souk_ms now)
{
    souk_slot *oldest = NULL;
    for (size_t i = 0; i < pool->slot_cap; i++) {
        souk_slot *slot = pool->slots[i];
        if (slot != NULL && can_make_room(slot) &&
            (oldest == NULL || slot->last_used < oldest->last_used)) {
            oldest = slot;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    souk_slot_note_evicted(pool, oldest, "max_sessions", now);
    souk_slot_retire(pool, oldest, "max_sessions", now);
    return true;
}

/* When all places are taken, the session that has been closing for longest is given up. */
static bool drop_closing_one(souk_pool *pool)
{
    souk_slot *oldest = NULL;
    for (size_t i = 0; i < pool->slot_cap; i++) {
        souk_slot *slot = pool->slots[i];
        if (slot != NULL && slot->state == SOUK_SLOT_CLOSING &&
            (oldest == NULL || slot->close_by < oldest->close_by)) {
            oldest = slot;
        }
    }
    if (oldest != NULL) {
        souk_slot_free(pool, oldest);
    }
    return oldest != NULL;
}

/* Lives differ by up to a tenth, so that sessions opened together do not end together. */
static souk_ms jittered_life(const souk_pool *pool, uint64_t serial)
{
    souk_ms life = pool->options.max_life;
    souk_slice bytes = souk_slice_make((const char *)&serial, sizeof serial);
    return life - (souk_ms)(souk_hash(bytes, pool->seed) % (uint64_t)(life / 10 + 1));
}

static souk_slot *slot_new(souk_pool *pool, souk_entry *entry, bool may_close, souk_ms now,
                           souk_err *err)
{
    if (living(pool) >= (size_t)pool->options.max_sessions &&
        !(may_close && close_idle_one(pool, now))) {
        souk_fail(err, SOUK_E_LIMIT, "%lld sessions are open (option max_sessions)",
                  (long long)pool->options.max_sessions);
        return NULL;
    }
    size_t place = free_place(pool);
    if (place == 0 && drop_closing_one(pool)) {
        place = free_place(pool);
    }
    souk_slot *slot = place == 0 ? NULL : souk_new(pool->alloc, sizeof *slot);
    if (slot == NULL || !souk_deadline_add(&pool->slot_due, &slot->due, SOUK_NEVER, slot)) {
        souk_free(pool->alloc, slot);
        souk_fail_memory(err);
        return NULL;
    }
    slot->entry = entry;
    slot->number = place;
    slot->born = now;
    slot->last_used = now;
    slot->close_by = SOUK_NEVER;
    slot->probe_by = SOUK_NEVER;
    slot->dies_at = souk_ms_after(now, jittered_life(pool, ++pool->session_serial));
    slot->session.pool = pool;
    slot->session.alloc = pool->alloc;
    slot->session.target = &entry->target;
    slot->session.memory = entry->memory;
    slot->session.detail = "";
    /* The place is in the high bits (routing needs no table), a serial number in the middle. */
    slot->session.id_base = (uint64_t)place << 48 | (pool->session_serial & 0xFFFF) << 32;
    pool->slots[place - 1] = slot;
    slot->next = entry->slots;
    entry->slots = slot;
    pool->stats.sessions++;
    return slot;
}

int souk_slot_open(souk_pool *pool, souk_entry *entry, bool may_close, souk_ms now, souk_err *err)
{
    souk_slot *slot = slot_new(pool, entry, may_close, now, err);
    if (slot == NULL) {
        return err->kind;
    }
    slot->state = SOUK_SLOT_OPENING;
    slot->attempt = ++pool->attempts;
    pool->opening++;
    slot->generation = ++entry->generation;
    souk_slot_note(pool, slot, "session_opening", NULL, now);
    int failed = entry->handler->open(entry->handler, &slot->session, now, err);
    if (failed != SOUK_OK) {
        pool->stats.sessions_failed++;
        souk_slot_note(pool, slot, "session_failed", err->message, now);
        souk_health_failed(pool, entry, slot->attempt, true, err, now);
        souk_slot_free(pool, slot);
        return failed;
    }
    souk_slot_schedule(pool, slot);
    return SOUK_OK;
}

/* It is being opened no more: others may have their turn. */
static void leave_opening(souk_pool *pool, souk_slot *slot, souk_slot_state state)
{
    pool->opening -= slot->state == SOUK_SLOT_OPENING;
    slot->state = state;
}

/* An entry that was evicted goes with its last session. */
void souk_slot_free(souk_pool *pool, souk_slot *slot)
{
    souk_entry *entry = slot->entry;
    pool->opening -= slot->state == SOUK_SLOT_OPENING;
    souk_holds_forget(pool, slot);
    slot->entry->handler->free(slot->entry->handler, &slot->session);
    souk_asks_forget(pool, slot);
    souk_deadline_remove(&pool->slot_due, &slot->due);
    pool->slots[slot->number - 1] = NULL;
    for (souk_slot **at = &slot->entry->slots; *at != NULL; at = &(*at)->next) {
        if (*at == slot) {
            *at = slot->next;
            break;
        }
    }
    for (souk_slot **at = &pool->dirty; *at != NULL; at = &(*at)->next_dirty) {
        if (*at == slot) {
            *at = slot->next_dirty;
            break;
        }
    }
    pool->stats.sessions--;
    souk_kept_err_free(&slot->why, pool->alloc);
    souk_free(pool->alloc, slot);
    if (entry->evicted && entry->slots == NULL) {
        souk_entry_free(pool, entry);
    }
}

void souk_slot_mark_dirty(souk_slot *slot)
{
    if (!slot->dirty) {
        slot->dirty = true;
        slot->next_dirty = slot->session.pool->dirty;
        slot->session.pool->dirty = slot;
    }
}

/* When an open session is too old, or idle for too long. One that is held is neither. */
static souk_ms ends_by_itself(const souk_pool *pool, const souk_slot *slot)
{
    if (slot->holds != NULL) {
        return SOUK_NEVER;
    }
    bool is_idle = slot->running.count == 0 && !slot->probing;
    return is_idle ? souk_ms_min(slot->dies_at,
                                 souk_ms_after(slot->last_used, pool->options.idle_timeout))
                   : slot->dies_at;
}

/* The next moment at which the slot has to be looked at, whatever its state. */
static souk_ms slot_deadline(const souk_pool *pool, const souk_slot *slot)
{
    souk_ms at = slot->entry->handler->deadline(slot->entry->handler, &slot->session);
    if (slot->state == SOUK_SLOT_OPEN) {
        at = souk_ms_min(at, ends_by_itself(pool, slot));
    }
    return souk_ms_min(souk_ms_min(at, slot->probe_by), slot->close_by);
}

void souk_slot_schedule(souk_pool *pool, souk_slot *slot)
{
    /* Moments only become later by use; the heap is told when the old one comes. That keeps calls
     * cheap. */
    souk_ms at = slot_deadline(pool, slot);
    if (at < slot->due.at || slot->due.at == SOUK_NEVER) {
        souk_deadline_move(&pool->slot_due, &slot->due, at);
    }
}

static void start_close(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    leave_opening(pool, slot, SOUK_SLOT_CLOSING);
    slot->probe_by = SOUK_NEVER;
    slot->close_by = souk_ms_after(now, pool->options.close_timeout);
    slot->entry->handler->close(slot->entry->handler, &slot->session, now);
}

/* Who put a standing call can put it again, so it must not keep an old session alive. */
static void end_standing(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    souk_err why;
    souk_fail(&why, SOUK_E_CLOSED, "the session was replaced");
    for (souk_ticket *next, *ticket = slot->running.first; ticket != NULL; ticket = next) {
        next = ticket->next;
        if (ticket->standing) {
            souk_ticket_abort(pool, ticket, &why, now);
        }
    }
}

void souk_slot_retire(souk_pool *pool, souk_slot *slot, const char *reason, souk_ms now)
{
    if (slot->state == SOUK_SLOT_OPEN) {
        slot->close_reason = reason;
        slot->state = SOUK_SLOT_RETIRING;
        slot->entry->gone++;
        souk_holds_forget(pool, slot);
        end_standing(pool, slot, now);
        if (slot->running.count == 0) {
            start_close(pool, slot, now);
        }
        souk_slot_mark_dirty(slot);
    }
}

/* Closes a session that is not open yet, too. */
void souk_slot_close(souk_pool *pool, souk_slot *slot, const char *reason, souk_ms now)
{
    if (slot->state == SOUK_SLOT_OPENING) {
        slot->close_reason = reason;
        start_close(pool, slot, now);
        souk_slot_mark_dirty(slot);
    } else {
        souk_slot_retire(pool, slot, reason, now);
    }
}

static void became_open(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    bool replaces = slot->entry->gone > 0;
    leave_opening(pool, slot, SOUK_SLOT_OPEN);
    slot->last_used = now;
    slot->entry->gone -= replaces;
    souk_health_opened(pool, slot->entry, now);
    pool->stats.sessions_opened++;
    souk_tally_opened(pool, slot, now);
    souk_slot_note(pool, slot, replaces ? "session_renewed" : "session_opened", NULL, now);
}

static void became_lost(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    slot->entry->gone += slot->state == SOUK_SLOT_OPEN;
    slot->state = SOUK_SLOT_LOST;
    slot->probing = false;
    slot->probe_by = SOUK_NEVER;
    souk_holds_forget(pool, slot);
    pool->stats.sessions_lost++;
    const souk_err *why = souk_kept_err_get(&slot->why);
    if (!slot->answered && why->kind == SOUK_E_TRANSPORT &&
        why->delivery != SOUK_DELIVERY_REJECTED) {
        souk_health_hold_off(pool, slot->entry, now); /* a child that only starts to die */
    }
    souk_slot_note(pool, slot, "session_lost", souk_kept_err_get(&slot->why)->message, now);
}

static void opening_failed(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    const souk_err *why = souk_kept_err_get(&slot->why);
    const souk_health *health = slot->entry->health;
    leave_opening(pool, slot, SOUK_SLOT_ENDED);
    pool->stats.sessions_failed++;
    souk_slot_note(pool, slot, "session_failed", why->message, now);
    souk_health_failed(pool, slot->entry, slot->attempt, true, why, now);
    /* Where others are open, calls may wait for those; and where the server names a time, for it.
     */
    if (souk_entry_live(slot->entry) == 0 && health->pause_until <= now) {
        souk_entry_fail_waiting(pool, slot->entry, why, now);
    } else if (health->open_after <= now) {
        souk_health_hold_off(pool, slot->entry, now); /* they would try again without a rest */
    }
}

void souk_slot_settle(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    if (slot->opened && slot->state == SOUK_SLOT_OPENING) {
        became_open(pool, slot, now);
    }
    if ((slot->failed || slot->lost) && slot->state == SOUK_SLOT_OPENING) {
        opening_failed(pool, slot, now);
    }
    if (slot->lost && (slot->state == SOUK_SLOT_OPEN || slot->state == SOUK_SLOT_RETIRING)) {
        became_lost(pool, slot, now);
    }
    if (slot->probed && slot->state == SOUK_SLOT_OPEN) {
        souk_slot_probe_ended(slot, now);
    }
    slot->opened = false;
    slot->failed = false;
    slot->lost = false;
    slot->probed = false;
    if (slot->state == SOUK_SLOT_RETIRING && slot->running.count == 0) {
        start_close(pool, slot, now);
    }
    if (slot->closed && slot->state == SOUK_SLOT_CLOSING) {
        slot->state = SOUK_SLOT_ENDED;
        pool->stats.sessions_closed++;
        souk_slot_note(pool, slot, "session_closed", slot->close_reason, now);
    }
    if (slot->state == SOUK_SLOT_LOST && slot->running.count == 0) {
        slot->state = SOUK_SLOT_ENDED;
    }
    souk_entry *entry = slot->entry->evicted ? NULL : slot->entry;
    if (slot->state == SOUK_SLOT_ENDED) {
        souk_slot_free(pool, slot);
    } else {
        souk_slot_schedule(pool, slot);
    }
    if (entry != NULL) {
        souk_entry_serve(pool, entry, now);
    }
    souk_pool_give_turns(pool, now);
}

void souk_slot_time(souk_pool *pool, souk_slot *slot, souk_ms now)
{
    const souk_handler *handler = slot->entry->handler;
    if (handler->deadline(handler, &slot->session) <= now) {
        handler->tick(handler, &slot->session, now);
    }
    if (now >= slot->probe_by) {
        souk_slot_probe_silent(pool, slot);
    } else if (slot->state == SOUK_SLOT_OPEN && now >= ends_by_itself(pool, slot)) {
        bool is_old = now >= slot->dies_at;
        souk_slot_retire(pool, slot, is_old ? "max_life" : "idle_timeout", now);
    } else if (slot->state == SOUK_SLOT_CLOSING && now >= slot->close_by) {
        slot->closed = true;
        slot->close_reason = "close_timeout";
        souk_slot_mark_dirty(slot);
    }
    souk_deadline_move(&pool->slot_due, &slot->due, slot_deadline(pool, slot));
}

bool souk_pool_each_session(const souk_pool *pool, size_t *cursor, souk_ms now,
                            souk_session_info *info)
{
    while (*cursor < pool->slot_cap) {
        const souk_slot *slot = pool->slots[(*cursor)++];
        if (slot == NULL) {
            continue;
        }
        memset(info, 0, sizeof *info);
        info->handler = souk_slice_of(slot->entry->handler->prefix);
        info->server = slot->entry->target.name;
        info->identity = slot->entry->target.identity;
        info->state = state_names[slot->state];
        info->label = slot->session.label;
        info->detail = slot->session.detail;
        info->generation = slot->generation;
        info->in_flight = souk_slot_busy(slot);
        for (const souk_hold *hold = slot->holds; hold != NULL; hold = hold->next) {
            info->holds++;
        }
        info->calls = slot->calls;
        info->age = now - slot->born;
        info->idle = slot->running.count > 0 ? 0 : now - slot->last_used;
        return true;
    }
    return false;
}
