/* The pool itself: birth and death, routing of events, the passing of time. */
#include "pool/internal.h"

#include <stdio.h>
#include <string.h>

void souk_pool_options_default(souk_pool_options *options)
{
#define SOUK_POOL_DEFAULT(name, standard, least, most, unit, meaning) options->name = standard;
    SOUK_POOL_OPTIONS(SOUK_POOL_DEFAULT)
#undef SOUK_POOL_DEFAULT
}

souk_pool *souk_pool_new(const souk_alloc *alloc, const souk_pool_options *options,
                         const souk_port *port, const souk_env *env, uint64_t seed)
{
    souk_pool *pool = souk_new(alloc, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->alloc = alloc;
    pool->options = *options;
    pool->port = *port;
    pool->env = *env;
    pool->seed = seed;
    souk_map_init(&pool->entries, alloc, seed);
    souk_map_init(&pool->tallies, alloc, seed);
    souk_idmap_init(&pool->tickets, alloc);
    souk_deadlines_init(&pool->ticket_due, alloc);
    souk_deadlines_init(&pool->slot_due, alloc);
    souk_deadlines_init(&pool->entry_due, alloc);
    souk_idmap_init(&pool->holds, alloc);
    return pool;
}

static void free_tickets(souk_pool *pool)
{
    for (size_t i = 0; i < pool->tickets.size; i++) {
        if (pool->tickets.slots[i].id != 0) {
            souk_ticket_free(pool, pool->tickets.slots[i].value);
        }
    }
    if (pool->handed_out != NULL) {
        souk_ticket_free(pool, pool->handed_out);
    }
}

void souk_pool_free(souk_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    for (size_t i = 0; i < pool->slot_cap; i++) {
        if (pool->slots[i] != NULL) {
            souk_slot_free(pool, pool->slots[i]);
        }
    }
    free_tickets(pool);
    size_t cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&pool->entries, &cursor)) != NULL;) {
        souk_entry *entry = it->value;
        entry->home = NULL; /* it may have been freed already */
    }
    cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&pool->entries, &cursor)) != NULL;) {
        souk_entry_free(pool, it->value);
    }
    souk_map_free(&pool->entries);
    souk_tallies_free(pool);
    souk_idmap_free(&pool->tickets);
    souk_deadlines_free(&pool->ticket_due);
    souk_deadlines_free(&pool->slot_due);
    souk_deadlines_free(&pool->entry_due);
    souk_holds_free(pool);
    souk_asks_free(pool);
    souk_notes_free(pool);
    souk_free(pool->alloc, pool->slots);
    souk_free(pool->alloc, pool);
}

int souk_pool_add_handler(souk_pool *pool, const souk_handler *handler, souk_err *err)
{
    size_t room = sizeof pool->handlers / sizeof pool->handlers[0];
    if (souk_pool_handler(pool, souk_slice_of(handler->prefix)) != NULL) {
        return souk_fail(err, SOUK_E_CONFIG, "a session handler for '%s' is registered already",
                         handler->prefix);
    }
    if (pool->handler_count == room) {
        return souk_fail(err, SOUK_E_LIMIT, "more than %zu session handlers", room);
    }
    pool->handlers[pool->handler_count++] = handler;
    return SOUK_OK;
}

const souk_handler *souk_pool_handler(const souk_pool *pool, souk_slice prefix)
{
    for (size_t i = 0; i < pool->handler_count; i++) {
        if (souk_slice_is(prefix, pool->handlers[i]->prefix)) {
            return pool->handlers[i];
        }
    }
    return NULL;
}

const souk_port *souk_pool_port(const souk_pool *pool)
{
    return &pool->port;
}

const souk_env *souk_pool_env(const souk_pool *pool)
{
    return &pool->env;
}

void souk_pool_io(souk_pool *pool, const souk_io_event *event, souk_ms now)
{
    size_t place = (size_t)(event->id >> 48);
    souk_slot *slot = place > 0 && place <= pool->slot_cap ? pool->slots[place - 1] : NULL;
    /* The place may have been taken by a newer session: its base tells. */
    if (slot == NULL || slot->session.id_base >> 32 != event->id >> 32) {
        return;
    }
    slot->heard++;
    slot->entry->handler->io(slot->entry->handler, &slot->session, event, now);
    souk_slot_schedule(pool, slot);
}

static bool settle_one(souk_pool *pool, souk_ms now)
{
    souk_ticket *ticket = pool->reported_first;
    if (ticket != NULL) {
        pool->reported_first = ticket->next_reported;
        souk_ticket_settle(pool, ticket, now);
        return true;
    }
    souk_slot *slot = pool->dirty;
    if (slot != NULL) {
        pool->dirty = slot->next_dirty;
        slot->dirty = false;
        souk_slot_settle(pool, slot, now);
        return true;
    }
    return false;
}

static void time_out(souk_pool *pool, souk_ticket *ticket, souk_ms now)
{
    souk_err why;
    char span[32];
    if (ticket->timeout < 100) {
        snprintf(span, sizeof span, "%d ms", (int)ticket->timeout);
    } else {
        snprintf(span, sizeof span, "%lld.%d s", SOUK_SECONDS_ARG(ticket->timeout));
    }
    if (ticket->place == SOUK_TICKET_WAITING) {
        souk_fail(&why, SOUK_E_TIMEOUT, "no session could be had within %s: %s", span,
                  souk_entry_waits_for(pool, ticket, now));
    } else {
        souk_fail(&why, SOUK_E_TIMEOUT, "no answer within %s", span);
    }
    souk_ticket_abort(pool, ticket, &why, now);
}

static bool time_one(souk_pool *pool, souk_ms now)
{
    souk_ticket *ticket = souk_deadlines_due(&pool->ticket_due, now);
    if (ticket != NULL) {
        time_out(pool, ticket, now);
        return true;
    }
    souk_slot *slot = souk_deadlines_due(&pool->slot_due, now);
    if (slot != NULL) {
        souk_slot_time(pool, slot, now);
        if (souk_deadlines_due(&pool->slot_due, now) != slot || slot->dirty) {
            return true;
        }
    }
    souk_entry *entry = souk_deadlines_due(&pool->entry_due, now);
    if (entry != NULL) {
        souk_entry_wake_at(pool, entry, SOUK_NEVER);
        souk_entry_serve(pool, entry, now);
        return true;
    }
    return false;
}

void souk_pool_run(souk_pool *pool, souk_ms now)
{
    while (settle_one(pool, now) || time_one(pool, now)) {
    }
}

souk_ms souk_pool_deadline(const souk_pool *pool)
{
    if (pool->reported_first != NULL || pool->dirty != NULL) {
        return 0;
    }
    souk_ms at =
        souk_ms_min(souk_deadlines_next(&pool->ticket_due), souk_deadlines_next(&pool->slot_due));
    return souk_ms_min(at, souk_deadlines_next(&pool->entry_due));
}

static bool belongs_to(const souk_slot *slot, souk_slice server)
{
    return slot != NULL && (server.len == 0 || souk_slice_eq(slot->entry->target.name, server));
}

void souk_pool_close_sessions(souk_pool *pool, souk_slice server, souk_ms now)
{
    for (size_t i = 0; i < pool->slot_cap; i++) {
        if (belongs_to(pool->slots[i], server)) {
            souk_slot_retire(pool, pool->slots[i], "asked for", now);
        }
    }
}

void souk_pool_close(souk_pool *pool, souk_ms now)
{
    pool->closing = true;
    souk_err why;
    souk_fail(&why, SOUK_E_CLOSED, "the pool was closed");
    for (size_t i = 0; i < pool->tickets.size; i++) {
        souk_ticket *ticket = pool->tickets.slots[i].value;
        if (ticket != NULL) {
            souk_ticket_abort(pool, ticket, &why, now);
        }
    }
    souk_pool_run(pool, now);
    for (size_t i = 0; i < pool->slot_cap; i++) {
        if (pool->slots[i] != NULL) {
            souk_slot_close(pool, pool->slots[i], "close", now);
        }
    }
    souk_pool_run(pool, now);
}

bool souk_pool_is_empty(const souk_pool *pool)
{
    return pool->stats.sessions == 0;
}

size_t souk_pool_on_the_way(const souk_pool *pool)
{
    size_t count = 0;
    for (size_t i = 0; i < pool->slot_cap; i++) {
        count += pool->slots[i] == NULL ? 0 : pool->slots[i]->session.on_the_way;
    }
    return count;
}

void souk_pool_get_stats(const souk_pool *pool, souk_pool_stats *stats)
{
    *stats = pool->stats;
    stats->keys = souk_map_count(&pool->entries);
    size_t cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&pool->entries, &cursor)) != NULL;) {
        const souk_entry *entry = it->value;
        for (const souk_ticket *t = entry->waiting.first; t != NULL; t = t->next) {
            *(t->standing ? &stats->standing : &stats->waiting) += 1;
        }
        for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
            stats->in_flight += souk_slot_busy(slot);
            stats->standing += slot->standing;
        }
    }
}
