/* Endpoints: finding the entry of a target, making room for new ones. */
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
           souk_arena_copy(&entry->arena, target->affinity, &mine->affinity) &&
           souk_pairs_copy(&entry->arena, target->config, &mine->config);
}

void souk_entry_free(souk_pool *pool, souk_entry *entry)
{
    souk_pool_forget_turn(pool, entry);
    souk_deadline_remove(&pool->entry_due, &entry->due);
    souk_kept_err_free(&entry->own_health.why, pool->alloc);
    if (entry->home != NULL) {
        entry->home->dependents--;
    }
    souk_tally_leave(entry);
    souk_arena_free(&entry->arena);
    souk_free(pool->alloc, entry->about);
    souk_free(pool->alloc, entry);
}

static bool is_idle(const souk_entry *entry)
{
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        if (souk_slot_busy(slot) > 0 || slot->state == SOUK_SLOT_OPENING || slot->holds != NULL ||
            slot->probing) {
            return false;
        }
    }
    return entry->waiting.count == 0 && entry->dependents == 0;
}

void souk_entry_leave(souk_pool *pool, souk_entry *entry, const char *reason, souk_ms now)
{
    souk_map_remove(&pool->entries, entry->key);
    entry->key = souk_slice_make(NULL, 0);
    pool->epoch++;
    if (entry->slots == NULL) {
        souk_entry_free(pool, entry);
        return;
    }
    entry->evicted = true; /* the last of its sessions takes it along */
    souk_pool_forget_turn(pool, entry);
    for (souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        souk_slot_retire(pool, slot, reason, now);
    }
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
    for (souk_slot *slot = oldest->slots; slot != NULL; slot = slot->next) {
        souk_slot_note_evicted(pool, slot, "max_keys", now);
    }
    souk_entry_leave(pool, oldest, "max_keys", now);
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

/* What an entry is made of. */
typedef struct souk_entry_plan {
    const souk_handler *handler;
    const souk_target *target;
    souk_entry *home; /* NULL: it has none */
    souk_traits traits;
} souk_entry_plan;

/* How an entry may be made. */
typedef struct souk_making {
    bool may_close; /* an idle one may be dropped for it, with its sessions */
    souk_ms now;
} souk_making;

static void settle_home(souk_entry *entry, souk_entry *home)
{
    entry->home = home;
    entry->health = home == NULL ? &entry->own_health : home->health;
    entry->pace = home == NULL ? &entry->own_pace : home->pace;
    if (home != NULL) {
        home->dependents++;
    }
}

static souk_entry *entry_new(souk_pool *pool, const souk_entry_plan *plan, souk_slice key,
                             souk_err *err)
{
    souk_entry *entry = souk_new(pool->alloc, sizeof *entry);
    if (entry != NULL) {
        souk_arena_init(&entry->arena, pool->alloc);
        entry->handler = plan->handler;
        entry->traits = plan->traits;
        entry->short_lived = souk_affinity_is_short_lived(plan->target->affinity);
        settle_home(entry, plan->home);
        if (copy_target(entry, plan->target) &&
            souk_deadline_add(&pool->entry_due, &entry->due, SOUK_NEVER, entry) &&
            souk_tally_join(pool, entry) && souk_map_set(&pool->entries, key, entry, NULL)) {
            entry->key = souk_map_key(&pool->entries, key);
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

static void add_part(souk_buf *key, souk_slice part)
{
    /* Lengths before the parts: no identity can imitate another identity and endpoint. */
    souk_buf_addf(key, "%zu ", part.len);
    souk_buf_add(key, part);
    souk_buf_add_byte(key, ' ');
}

/* Who asks, for which session, how sessions are used, and the endpoint as its handler sees it. */
static int write_key(const souk_handler *handler, const souk_target *target, souk_traits *traits,
                     souk_buf *key, souk_err *err)
{
    int failed = souk_traits_read(traits, target, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    souk_buf_addf(key, "%s ", handler->prefix);
    add_part(key, target->identity);
    add_part(key, target->affinity);
    souk_buf_addf(key, "%d %zu %lld %lld ", (int)traits->mode, traits->max_sessions,
                  (long long)traits->rate.count, (long long)traits->rate.span);
    failed = handler->key(handler, target, key, err);
    return failed == SOUK_OK ? souk_buf_check(key, "the description of an endpoint", err) : failed;
}

/*
 * The entry of the plan's target; with `makes`, one is made if need be. NULL with an error, or when
 * there is none.
 */
static souk_entry *find_or_make(souk_pool *pool, souk_entry_plan *plan, const souk_making *makes,
                                souk_err *err)
{
    souk_buf key;
    souk_buf_init(&key, pool->alloc, MAX_KEY);
    souk_entry *entry = NULL;
    if (write_key(plan->handler, plan->target, &plan->traits, &key, err) == SOUK_OK) {
        entry = souk_map_get(&pool->entries, souk_buf_slice(&key));
        if (entry == NULL && makes != NULL && make_room(pool, makes->may_close, makes->now, err)) {
            entry = entry_new(pool, plan, souk_buf_slice(&key), err);
        }
    }
    souk_buf_free(&key);
    return entry;
}

/*
 * What is learnt about a server does not depend on which of its sessions a call is for: entries of
 * an affinity share the health and the rate of the endpoint's common entry.
 */
static souk_entry *find_by_key(souk_pool *pool, const souk_handler *handler,
                               const souk_target *target, bool may_close, souk_ms now,
                               souk_err *err)
{
    souk_entry_plan plan = {.handler = handler, .target = target};
    souk_making making = {.may_close = may_close, .now = now};
    souk_target common = *target;
    if (target->affinity.len == 0) {
        return find_or_make(pool, &plan, &making, err);
    }
    common.affinity = souk_slice_make(NULL, 0);
    plan.target = &common;
    souk_entry *home = find_or_make(pool, &plan, &making, err);
    if (home == NULL) {
        return NULL;
    }
    home->last_used = now;
    home->dependents++; /* it stays, whoever has to make room for the other */
    plan.target = target;
    plan.home = home;
    souk_entry *entry = find_or_make(pool, &plan, &making, err);
    home->dependents--;
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
    souk_err err;
    souk_entry_plan plan = {.handler = souk_pool_handler(pool, target->prefix), .target = target};
    return plan.handler == NULL ? NULL : find_or_make(pool, &plan, NULL, &err);
}

souk_slice souk_pool_about(souk_pool *pool, const souk_target *target, souk_ms now)
{
    const souk_entry *entry = souk_entry_known(pool, target, now);
    return entry == NULL ? souk_slice_make(NULL, 0)
                         : souk_slice_make(entry->about, entry->about_len);
}

size_t souk_entry_live(const souk_entry *entry)
{
    size_t count = 0;
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        count += slot->state == SOUK_SLOT_OPENING || slot->state == SOUK_SLOT_OPEN;
    }
    return count;
}

size_t souk_entry_coming(const souk_entry *entry)
{
    size_t count = 0;
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        count +=
            slot->state == SOUK_SLOT_OPENING || (slot->state == SOUK_SLOT_OPEN && slot->probing);
    }
    return count;
}
