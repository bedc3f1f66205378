/* Endpoints: finding the entry of a target, and giving its waiting calls a session. */
#include "pool/internal.h"

#include <string.h>

/* Bytes of an endpoint's description. */
enum { MAX_KEY = 64 * 1024 };

static bool copy_target(souk_entry *entry, const souk_target *target)
{
    souk_target *mine = &entry->target;
    *mine = *target;
    mine->memo = NULL;
    return souk_arena_copy(&entry->arena, target->prefix, &mine->prefix) &&
           souk_arena_copy(&entry->arena, target->name, &mine->name) &&
           souk_arena_copy(&entry->arena, target->identity, &mine->identity) &&
           souk_pairs_copy(&entry->arena, target->config, &mine->config);
}

void souk_entry_free(souk_pool *pool, souk_entry *entry)
{
    souk_arena_free(&entry->arena);
    souk_free(pool->alloc, entry->about);
    souk_free(pool->alloc, entry);
}

static bool is_idle(const souk_entry *entry)
{
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        if (souk_slot_busy(slot) > 0 || slot->state == SOUK_SLOT_OPENING) {
            return false;
        }
    }
    return entry->waiting.count == 0;
}

/*
 * Makes room for a new key by dropping the idle entry that was not needed for longest; only one
 * without sessions, unless it may close some.
 */
static bool evict_one(souk_pool *pool, bool may_close, souk_ms now)
{
    souk_entry *oldest = NULL;
    size_t cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&pool->entries, &cursor)) != NULL;) {
        souk_entry *entry = it->value;
        if (is_idle(entry) && (may_close || entry->slots == NULL) &&
            (oldest == NULL || entry->last_used < oldest->last_used)) {
            oldest = entry;
        }
    }
    if (oldest == NULL) {
        return false;
    }
    souk_map_remove(&pool->entries, oldest->key);
    pool->epoch++;
    if (oldest->slots == NULL) {
        souk_entry_free(pool, oldest);
        return true;
    }
    oldest->evicted = true; /* the last of its sessions takes it along */
    for (souk_slot *slot = oldest->slots; slot != NULL; slot = slot->next) {
        souk_slot_retire(pool, slot, "max_keys", now);
    }
    return true;
}

static bool make_room(souk_pool *pool, bool may_close, souk_ms now, souk_err *err)
{
    if (souk_map_count(&pool->entries) >= (size_t)pool->options.max_keys &&
        !evict_one(pool, may_close, now)) {
        souk_fail(err, SOUK_E_LIMIT, "%lld endpoints are in use (option max_keys)",
                  (long long)pool->options.max_keys);
        return false;
    }
    return true;
}

static souk_entry *entry_new(souk_pool *pool, const souk_handler *handler,
                             const souk_target *target, souk_slice key, souk_err *err)
{
    souk_entry *entry = souk_new(pool->alloc, sizeof *entry);
    if (entry != NULL) {
        souk_arena_init(&entry->arena, pool->alloc);
        entry->handler = handler;
        if (souk_arena_copy(&entry->arena, key, &entry->key) && copy_target(entry, target) &&
            souk_map_set(&pool->entries, entry->key, entry, NULL)) {
            return entry;
        }
        souk_entry_free(pool, entry);
    }
    souk_fail_memory(err);
    return NULL;
}

static const souk_handler *find_handler(const souk_pool *pool, souk_slice prefix, souk_err *err)
{
    const souk_handler *handler = souk_pool_handler(pool, prefix);
    if (handler != NULL) {
        return handler;
    }
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < pool->handler_count; i++) {
        size_t len = strlen(pool->handlers[i]->prefix);
        if (used + len + 3 > sizeof known) {
            break;
        }
        memcpy(known + used, i > 0 ? ", " : "", i > 0 ? 2 : 0);
        used += i > 0 ? 2 : 0;
        memcpy(known + used, pool->handlers[i]->prefix, len + 1);
        used += len;
    }
    souk_fail(err, SOUK_E_CONFIG, "no session handler for '%.*s' is registered (there are: %s)",
              SOUK_ARG(prefix), known[0] == '\0' ? "none" : known);
    return NULL;
}

static int write_key(const souk_handler *handler, const souk_target *target, souk_buf *key,
                     souk_err *err)
{
    /* Lengths before the parts: no identity can imitate another identity and endpoint. */
    souk_buf_addf(key, "%s %zu ", handler->prefix, target->identity.len);
    souk_buf_add(key, target->identity);
    souk_buf_add_byte(key, ' ');
    int failed = handler->key(handler, target, key, err);
    return failed == SOUK_OK ? souk_buf_check(key, "the description of an endpoint", err) : failed;
}

static souk_entry *find_by_key(souk_pool *pool, const souk_handler *handler,
                               const souk_target *target, bool may_close, souk_ms now,
                               souk_err *err)
{
    souk_buf key;
    souk_buf_init(&key, pool->alloc, MAX_KEY);
    souk_entry *entry = NULL;
    if (write_key(handler, target, &key, err) == SOUK_OK) {
        entry = souk_map_get(&pool->entries, souk_buf_slice(&key));
        if (entry == NULL && make_room(pool, may_close, now, err)) {
            entry = entry_new(pool, handler, target, souk_buf_slice(&key), err);
        }
    }
    souk_buf_free(&key);
    return entry;
}

/* How long a memo is believed, in ms: a variable that redirects a server takes effect after that at
 * the latest. */
enum { MEMO_MS = 1000 };

static bool is_fresh(const souk_pool *pool, const souk_target_memo *memo, souk_ms now)
{
    return memo != NULL && memo->entry != NULL && memo->epoch == pool->epoch && now < memo->until;
}

souk_entry *souk_entry_find(souk_pool *pool, const souk_target *target, bool may_close, souk_ms now,
                            souk_err *err)
{
    souk_target_memo *memo = target->memo;
    souk_entry *entry = NULL;
    if (is_fresh(pool, memo, now)) {
        entry = memo->entry;
    } else {
        const souk_handler *handler = find_handler(pool, target->prefix, err);
        entry = handler == NULL ? NULL : find_by_key(pool, handler, target, may_close, now, err);
        if (memo != NULL) {
            memo->entry = entry;
            memo->epoch = pool->epoch;
            memo->until = souk_ms_after(now, MEMO_MS);
        }
    }
    if (entry != NULL) {
        entry->last_used = now;
    }
    return entry;
}

souk_entry *souk_entry_known(souk_pool *pool, const souk_target *target, souk_ms now)
{
    if (is_fresh(pool, target->memo, now)) {
        return target->memo->entry;
    }
    const souk_handler *handler = souk_pool_handler(pool, target->prefix);
    souk_entry *entry = NULL;
    souk_err err;
    souk_buf key;
    souk_buf_init(&key, pool->alloc, MAX_KEY);
    if (handler != NULL && write_key(handler, target, &key, &err) == SOUK_OK) {
        entry = souk_map_get(&pool->entries, souk_buf_slice(&key));
    }
    souk_buf_free(&key);
    return entry;
}

souk_slice souk_pool_about(souk_pool *pool, const souk_target *target, souk_ms now)
{
    const souk_entry *entry = souk_entry_known(pool, target, now);
    return entry == NULL ? souk_slice_make(NULL, 0)
                         : souk_slice_make(entry->about, entry->about_len);
}

/*
 * The open session with the fewest calls in flight that can take one more. A standing call is no
 * load, so any open session does.
 */
static souk_slot *pick_slot(const souk_pool *pool, const souk_entry *entry, bool standing)
{
    souk_slot *best = NULL;
    for (souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        size_t busy = souk_slot_busy(slot);
        if (slot->state == SOUK_SLOT_OPEN && !slot->lost &&
            (standing || busy < (size_t)pool->options.max_in_flight) &&
            (best == NULL || busy < souk_slot_busy(best))) {
            best = slot;
        }
    }
    return best;
}

static bool is_opening(const souk_entry *entry)
{
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        if (slot->state == SOUK_SLOT_OPENING) {
            return true;
        }
    }
    return false;
}

/* Sessions that live or will live; dying ones do not count against the limit per key. */
static size_t live_slots(const souk_entry *entry)
{
    size_t count = 0;
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        count += slot->state == SOUK_SLOT_OPENING || slot->state == SOUK_SLOT_OPEN;
    }
    return count;
}

void souk_entry_serve(souk_pool *pool, souk_entry *entry, souk_ms now)
{
    bool only_standing = true;
    for (souk_ticket *next, *ticket = entry->waiting.first; ticket != NULL; ticket = next) {
        next = ticket->next;
        bool hopeless = !ticket->standing && !only_standing; /* as for the one before */
        souk_slot *slot = hopeless ? NULL : pick_slot(pool, entry, ticket->standing);
        if (slot != NULL) {
            souk_ticket_run(pool, ticket, slot, now);
        } else {
            ticket->waited = true;
            only_standing = only_standing && ticket->standing;
        }
    }
    /* Standing calls wait only where no session is open, so they are no reason for a second one. */
    if (entry->waiting.first == NULL) {
        return;
    }
    /* Single flight: whoever comes while a session is opening waits for that one. */
    if (is_opening(entry) || live_slots(entry) >= (size_t)pool->options.max_sessions_per_key) {
        return;
    }
    souk_err why;
    souk_err_clear(&why);
    if (souk_slot_open(pool, entry, !only_standing, now, &why) != SOUK_OK &&
        live_slots(entry) == 0) {
        souk_entry_fail_waiting(pool, entry, &why);
    }
}

void souk_entry_fail_waiting(souk_pool *pool, souk_entry *entry, const souk_err *why)
{
    while (entry->waiting.first != NULL) {
        souk_ticket *ticket = entry->waiting.first;
        souk_ticket_list_remove(&entry->waiting, ticket);
        ticket->err = *why;
        ticket->err.delivery = SOUK_DELIVERY_NOT_SENT;
        souk_ticket_finish(pool, ticket);
    }
}
