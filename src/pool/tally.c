/*
 * What is counted for each server by name: calls, failures, how long they took.
 *
 * Endpoints come and go, and those of many identities have one server, so the numbers do not hang
 * on an entry: they would go backwards when one is dropped. Identities themselves are no key: there
 * may be any number of them, and they say who asks. A server without endpoints is remembered while
 * there is room (option max_keys).
 */
#include "pool/internal.h"

#include <string.h>

/* Forgets the oldest server that has no endpoint any more, when there are too many. */
static void make_room(souk_pool *pool)
{
    if (souk_map_count(&pool->tallies) < (size_t)pool->options.max_keys) {
        return;
    }
    size_t cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&pool->tallies, &cursor)) != NULL;) {
        souk_tally *tally = it->value;
        if (tally->entries == NULL) {
            souk_map_remove(&pool->tallies, it->key);
            souk_free(pool->alloc, tally);
            return;
        }
    }
}

static souk_tally *tally_new(souk_pool *pool, souk_slice name)
{
    make_room(pool);
    souk_tally *tally = souk_new(pool->alloc, sizeof *tally);
    if (tally != NULL && !souk_map_set(&pool->tallies, name, tally, NULL)) {
        souk_free(pool->alloc, tally);
        return NULL;
    }
    return tally;
}

bool souk_tally_join(souk_pool *pool, souk_entry *entry)
{
    souk_tally *tally = souk_map_get(&pool->tallies, entry->target.name);
    if (tally == NULL) {
        tally = tally_new(pool, entry->target.name);
    }
    if (tally == NULL) {
        return false;
    }
    entry->tally = tally;
    entry->tally_next = tally->entries;
    if (tally->entries != NULL) {
        tally->entries->tally_prev = entry;
    }
    tally->entries = entry;
    return true;
}

void souk_tally_leave(souk_entry *entry)
{
    if (entry->tally == NULL) {
        return;
    }
    if (entry->tally_prev == NULL) {
        entry->tally->entries = entry->tally_next;
    } else {
        entry->tally_prev->tally_next = entry->tally_next;
    }
    if (entry->tally_next != NULL) {
        entry->tally_next->tally_prev = entry->tally_prev;
    }
    entry->tally = NULL;
}

void souk_tallies_free(souk_pool *pool)
{
    size_t cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&pool->tallies, &cursor)) != NULL;) {
        souk_free(pool->alloc, it->value);
    }
    souk_map_free(&pool->tallies);
}

void souk_tally_call_taken(souk_ticket *ticket, souk_ms now)
{
    ticket->taken = now;
    ticket->waits_since = now;
    ticket->entry->tally->calls += ticket->standing ? 0 : 1;
}

void souk_tally_call_served(souk_pool *pool, const souk_ticket *ticket, souk_ms now)
{
    if (!ticket->standing) {
        souk_histogram_add(&pool->latency.wait, now - ticket->waits_since);
    }
}

void souk_tally_call_ended(souk_pool *pool, const souk_ticket *ticket, souk_ms now)
{
    if (!ticket->standing) {
        souk_tally *tally = ticket->entry->tally;
        souk_histogram_add(&pool->latency.call, now - ticket->taken);
        souk_histogram_add(&tally->latency, now - ticket->taken);
        tally->failed += ticket->err.kind == SOUK_OK ? 0 : 1;
    }
}

void souk_tally_opened(souk_pool *pool, const souk_slot *slot, souk_ms now)
{
    souk_histogram_add(&pool->latency.open, now - slot->born);
}

const souk_pool_latency *souk_pool_get_latency(const souk_pool *pool)
{
    return &pool->latency;
}

static const char *worse(const char *a, const char *b)
{
    /* In their alphabetical order: closed, half-open, open. */
    return strcmp(a, b) < 0 ? b : a;
}

static void add_entry(const souk_entry *entry, souk_ms now, souk_server_info *info)
{
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        info->sessions++;
        info->in_flight += souk_slot_busy(slot);
    }
    for (const souk_ticket *t = entry->waiting.first; t != NULL; t = t->next) {
        info->waiting += t->standing ? 0 : 1;
    }
    info->breaker = worse(info->breaker, souk_health_breaker(entry, now));
}

bool souk_pool_each_server(const souk_pool *pool, size_t *cursor, souk_ms now,
                           souk_server_info *info)
{
    const souk_map_entry *it = souk_map_next(&pool->tallies, cursor);
    if (it == NULL) {
        return false;
    }
    const souk_tally *tally = it->value;
    memset(info, 0, sizeof *info);
    info->name = it->key;
    info->calls = tally->calls;
    info->failed = tally->failed;
    info->latency = &tally->latency;
    info->breaker = "closed";
    for (const souk_entry *entry = tally->entries; entry != NULL; entry = entry->tally_next) {
        add_entry(entry, now, info);
    }
    return true;
}
