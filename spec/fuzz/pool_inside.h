/*
 * What fuzz_pool looks at inside the pool: every call that a session gets, every session that
 * begins to open, and what the pool's own books say.
 */
#ifndef SOUK_FUZZ_POOL_INSIDE_H
#define SOUK_FUZZ_POOL_INSIDE_H

#include "pool/internal.h"
#include "pool_watch.h"

static fuzz *inside; /* handlers know the pool, and not who fuzzes it */

static inline size_t number_of(const souk_ticket *ticket)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", SOUK_ARG(souk_buf_slice(&ticket->body)));
    return number_in(text);
}

/* A pause that the server asked for, or an open breaker: nothing goes but one that tries. */
static inline void check_gate(const souk_entry *entry, bool is_trial, souk_ms now)
{
    const souk_health *health = entry->health;
    must(health->pause_until <= now);
    must(health->open_until == 0 || (health->open_until <= now && is_trial));
}

/* Two calls a second, and two at once: no window has more. */
static inline void check_rate(fuzz *f, size_t identity, souk_ms now)
{
    if (f->epoch != f->pool->epoch) { /* an endpoint was dropped, perhaps this one */
        f->epoch = f->pool->epoch;
        memset(f->paced_count, 0, sizeof f->paced_count);
    }
    souk_ms *times = f->paced[identity];
    size_t count = f->paced_count[identity]++ % MOST_CALLS;
    f->paced_count[identity] = count + 1;
    times[count] = now;
    for (size_t i = 0; i < count; i++) {
        must((souk_ms)(count - i + 1) <= 2 + (now - times[i]) / 500);
    }
}

/* A call on a hold runs on that session alone, and no other call runs there. */
static inline void check_hold(fuzz *f, const souk_slot *slot, const souk_ticket *ticket,
                              const call *mine)
{
    must((ticket->on_hold != 0) == (mine->on_hold != 0));
    must(ticket->on_hold != 0 || !slot->entry->short_lived);
    must(slot->entry->traits.mode != SOUK_MODE_PINNED || slot->entry->target.affinity.len > 0 ||
         mine->standing);
    if (ticket->on_hold == 0) {
        must(mine->named == (slot->entry->target.affinity.len > 0));
        return;
    }
    call *hold = &f->calls[mine->on_hold - 1];
    must(!hold->released && hold->id == ticket->on_hold);
    must(hold->base == 0 || hold->base == slot->session.id_base);
    hold->base = slot->session.id_base;
    must(!slot->entry->short_lived || slot->holds->id == ticket->on_hold);
}

static inline void check_call(fuzz *f, const souk_slot *slot, const souk_ticket *ticket,
                              souk_ms now)
{
    const souk_entry *entry = slot->entry;
    size_t number = number_of(ticket);
    must(number > 0 && number <= f->call_count);
    call *mine = &f->calls[number - 1];
    mine->runs++;
    must(mine->ends == 0 && !mine->is_hold);
    /* The renewal of a session is one more, once. */
    must(mine->runs <= (mine->standing ? 1 : 2 + MAX_RESENDS));
    must(ticket->entry == entry && ticket->slot == slot && ticket->not_before <= now);
    must(entry->target.name.ptr[0] == 'a' + (char)mine->server);
    must(entry->target.identity.ptr[0] == 'a' + (char)mine->identity);
    must(slot->state == SOUK_SLOT_OPEN && !slot->probing && !slot->lost);
    must(entry->traits.mode != SOUK_MODE_EXCLUSIVE || souk_slot_busy(slot) <= 1);
    check_gate(entry, entry->health->trial == ticket || mine->standing, now);
    check_hold(f, slot, ticket, mine);
    if (entry->traits.rate.count > 0 && !mine->standing) {
        check_rate(f, mine->identity, now);
    }
}

static inline const souk_handler *real_one(const souk_handler *self)
{
    return self == &inside->mcp.base ? &inside->real_mcp : &inside->real_asking;
}

static inline int inside_call(const souk_handler *self, souk_session *session, souk_call *call,
                              souk_ms now, souk_err *err)
{
    /* The first members of slot and ticket. */
    check_call(inside, (souk_slot *)(void *)session, (souk_ticket *)(void *)call, now);
    return real_one(self)->call(self, session, call, now, err);
}

static inline size_t opening_of(const souk_entry *entry)
{
    size_t count = 0;
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        count += slot->state == SOUK_SLOT_OPENING;
    }
    return count;
}

static inline int inside_open(const souk_handler *self, souk_session *session, souk_ms now,
                              souk_err *err)
{
    const souk_slot *slot = (souk_slot *)(void *)session;
    const souk_entry *entry = slot->entry;
    must(!inside->pool->closing && !entry->evicted);
    must(inside->pool->opening <= MAX_OPENING);
    must(entry->health->open_after <= now && entry->waiting.count > 0);
    check_gate(entry, opening_of(entry) == 1, now);
    return real_one(self)->open(self, session, now, err);
}

static inline void watch_inside(fuzz *f)
{
    inside = f;
    f->real_mcp = f->mcp.base;
    f->real_asking = *f->asking;
    f->mcp.base.call = inside_call;
    f->mcp.base.open = inside_open;
    f->asking->call = inside_call;
    f->asking->open = inside_open;
}

/* --- what must hold between two steps --- */

static inline void check_books(const fuzz *f)
{
    const souk_pool *pool = f->pool;
    size_t bytes = pool->handed_out == NULL ? 0 : pool->handed_out->body.len;
    size_t opening = 0;
    for (size_t i = 0; i < pool->tickets.size; i++) {
        const souk_ticket *ticket = pool->tickets.slots[i].value;
        bytes += pool->tickets.slots[i].id == 0 ? 0 : ticket->body.len;
    }
    for (size_t i = 0; i < pool->slot_cap; i++) {
        opening += pool->slots[i] != NULL && pool->slots[i]->state == SOUK_SLOT_OPENING;
    }
    must(bytes == pool->input_bytes && bytes <= MAX_INPUT);
    must(opening == pool->opening && opening <= MAX_OPENING);
    for (size_t i = 0; i < pool->holds.size; i++) {
        const souk_hold *hold = pool->holds.slots[i].value;
        if (pool->holds.slots[i].id != 0 && hold->slot != NULL) {
            const souk_hold *it = hold->slot->holds;
            while (it != hold && it != NULL) {
                it = it->next;
            }
            must(it == hold && hold->slot->state == SOUK_SLOT_OPEN && !hold->slot->entry->evicted);
        }
    }
}

static inline void check_slots(const souk_entry *entry)
{
    size_t most = entry->traits.max_sessions > 0 ? entry->traits.max_sessions : MAX_PER_KEY;
    bool trial = entry->health->trial == NULL;
    must(souk_entry_live(entry) <= most);
    must(opening_of(entry) <= 1 || entry->traits.mode == SOUK_MODE_EXCLUSIVE);
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        must(slot->entry == entry);
        must(entry->traits.mode != SOUK_MODE_EXCLUSIVE || souk_slot_busy(slot) <= 1);
        must(slot->probe_by == SOUK_NEVER || slot->state == SOUK_SLOT_OPEN ||
             slot->state == SOUK_SLOT_RETIRING);
        for (const souk_ticket *it = slot->running.first; it != NULL; it = it->next) {
            trial = trial || it == entry->health->trial;
        }
    }
    must(trial); /* who waits for its end waits for something */
}

/* Something will wake the line: nobody waits for ever. */
static inline void check_line(const souk_entry *entry)
{
    bool is_woken =
        entry->due.at != SOUK_NEVER || entry->wants_turn || souk_entry_coming(entry) > 0;
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        is_woken = is_woken || slot->running.count > 0;
    }
    must(entry->waiting.count == 0 || is_woken);
    must(entry->waiting.count <= MAX_WAITING + MAX_CALLS);
}

/* settled: the pool has acted on everything that was reported. */
static inline void check_inside(const fuzz *f, bool settled)
{
    size_t cursor = 0;
    check_books(f);
    must(!settled || f->pool->turns == NULL || f->pool->opening >= MAX_OPENING);
    for (const souk_map_entry *it; (it = souk_map_next(&f->pool->entries, &cursor)) != NULL;) {
        const souk_entry *entry = it->value;
        check_slots(entry);
        if (settled) {
            check_line(entry);
            must(!entry->short_lived || entry->slots != NULL || entry->waiting.count > 0);
        }
    }
}

static inline void run(fuzz *f)
{
    souk_pool_run(f->pool, f->fake.now);
    must(souk_pool_deadline(f->pool) > f->fake.now);
    check_pool(f);
    check_inside(f, true);
}

#endif
