/*
 * Holds: a caller's claim on a session that nobody else gets. Its target has an affinity, and so an
 * entry of its own; the hold is what keeps the session from growing idle or old, and what knows
 * that it was lost.
 */
#include "pool/internal.h"
#include "json/read.h"
#include "json/write.h"

#include <string.h>

static void detach(souk_hold *hold)
{
    if (hold->slot == NULL) {
        return;
    }
    for (souk_hold **at = &hold->slot->holds; *at != NULL; at = &(*at)->next) {
        if (*at == hold) {
            *at = hold->next;
            break;
        }
    }
    hold->slot = NULL;
}

static void hold_free(souk_pool *pool, souk_hold *hold)
{
    detach(hold);
    souk_kept_err_free(&hold->why, pool->alloc);
    souk_free(pool->alloc, hold);
}

/* What the caller is told of the session. */
static int describe(souk_pool *pool, const souk_slot *slot, souk_answer *answer, souk_err *err)
{
    souk_buf text;
    souk_jw w;
    souk_buf_init(&text, pool->alloc, 4096);
    souk_jw_init(&w, &text);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "session", souk_slice_of(slot->session.label));
    souk_jw_key_string(&w, "protocol", souk_slice_of(slot->session.detail));
    souk_jw_key_int(&w, "generation", (int64_t)slot->generation);
    souk_jw_end_object(&w);
    int failed = souk_jw_check(&w, err);
    if (failed == SOUK_OK) {
        failed = souk_json_read_take(&answer->doc, &text, NULL, err);
        answer->value = failed == SOUK_OK ? answer->doc.root : NULL;
    }
    souk_buf_free(&text);
    return failed;
}

void souk_hold_give(souk_pool *pool, souk_ticket *ticket, souk_slot *slot, souk_ms now)
{
    souk_hold *hold = souk_new(pool->alloc, sizeof *hold);
    souk_err_clear(&ticket->err);
    bool known = hold != NULL && souk_idmap_add(&pool->holds, ticket->call.id, hold);
    if (!known || describe(pool, slot, &ticket->answer, &ticket->err) != SOUK_OK) {
        if (known) {
            souk_idmap_remove(&pool->holds, ticket->call.id);
        }
        souk_free(pool->alloc, hold);
        souk_fail_memory(&ticket->err);
        ticket->err.delivery = SOUK_DELIVERY_NOT_SENT;
        souk_slot_mark_dirty(slot); /* it may not be needed any more */
    } else {
        hold->id = ticket->call.id;
        hold->slot = slot;
        hold->next = slot->holds;
        slot->holds = hold;
        slot->last_used = now;
        souk_slot_note(pool, slot, "session_held", NULL, now);
    }
    souk_ticket_list_remove(&ticket->entry->waiting, ticket);
    souk_ticket_finish(pool, ticket, now);
}

souk_slot *souk_hold_slot(const souk_pool *pool, uint64_t id, souk_err *why)
{
    souk_hold *hold = souk_idmap_get(&pool->holds, id);
    if (hold == NULL) {
        souk_fail(why, SOUK_E_CLOSED, "the session was given back");
        return NULL;
    }
    if (hold->slot == NULL) {
        souk_fail(why, SOUK_E_CLOSED, "the session is gone: %s",
                  souk_kept_err_get(&hold->why)->message);
    }
    return hold->slot;
}

void souk_holds_forget(souk_pool *pool, souk_slot *slot)
{
    souk_err why = *souk_kept_err_get(&slot->why);
    if (why.kind == SOUK_OK || slot->close_reason != NULL) {
        souk_fail(&why, SOUK_E_CLOSED, "it was closed (%s)",
                  slot->close_reason == NULL ? "ended" : slot->close_reason);
    }
    while (slot->holds != NULL) {
        souk_hold *hold = slot->holds;
        souk_kept_err_set(&hold->why, pool->alloc, &why);
        detach(hold);
    }
}

void souk_holds_free(souk_pool *pool)
{
    for (size_t i = 0; i < pool->holds.size; i++) {
        if (pool->holds.slots[i].id != 0) {
            hold_free(pool, pool->holds.slots[i].value);
        }
    }
    souk_idmap_free(&pool->holds);
}

/* The affinity of a hold: the caller's own, or one that no caller can name. */
static int write_affinity(souk_pool *pool, const souk_target *target, souk_buf *text, souk_err *err)
{
    souk_buf_init(text, pool->alloc, 64 * 1024);
    int failed = souk_affinity_check(target->affinity, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    if (target->affinity.len == 0) {
        souk_buf_add_byte(text, SOUK_SHORT_LIVED);
        souk_buf_addf(text, "%llu", (unsigned long long)pool->serial + 1);
    } else {
        souk_buf_add(text, target->affinity);
    }
    return souk_buf_check(text, "the affinity of a session", err);
}

int souk_pool_hold(souk_pool *pool, const souk_target *target, souk_ms timeout, souk_ms now,
                   uint64_t *id, souk_err *err)
{
    souk_target mine = *target;
    souk_buf affinity;
    souk_buf body;
    int failed = write_affinity(pool, target, &affinity, err);
    souk_buf_init(&body, pool->alloc, 0);
    if (failed == SOUK_OK) {
        const souk_request request = {.kind = SOUK_REQUEST_HOLD, .capability = target->name};
        const souk_order order = {&mine, &request, &body, {.timeout = timeout, .cap = timeout}};
        mine.affinity = souk_buf_slice(&affinity);
        mine.memo = NULL;
        failed = souk_pool_call(pool, &order, now, id, err);
    } else {
        err->delivery = SOUK_DELIVERY_NOT_SENT;
    }
    souk_buf_free(&affinity);
    return failed;
}

bool souk_affinity_is_short_lived(souk_slice affinity)
{
    return affinity.len > 0 && affinity.ptr[0] == SOUK_SHORT_LIVED;
}

int souk_affinity_check(souk_slice affinity, souk_err *err)
{
    return souk_affinity_is_short_lived(affinity)
               ? souk_fail(err, SOUK_E_CONFIG, "an affinity must not begin with a NUL byte")
               : SOUK_OK;
}

/* Its session was one caller's alone, and is nobody's any more. */
static bool is_left_over(const souk_entry *entry)
{
    bool is_needed = entry->waiting.count > 0;
    for (const souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        is_needed = is_needed || slot->holds != NULL || slot->running.count > 0 ||
                    slot->state == SOUK_SLOT_OPENING;
    }
    return entry->short_lived && !entry->evicted && !is_needed;
}

void souk_hold_tidy(souk_pool *pool, souk_entry *entry, souk_ms now)
{
    if (is_left_over(entry)) {
        souk_entry_leave(pool, entry, "given back", now);
    }
}

void souk_pool_release(souk_pool *pool, uint64_t hold, souk_ms now)
{
    souk_hold *mine = souk_idmap_remove(&pool->holds, hold);
    if (mine == NULL) {
        souk_pool_cancel(pool, hold, now); /* it still waits for its session */
        return;
    }
    souk_slot *slot = mine->slot;
    hold_free(pool, mine);
    if (slot == NULL) {
        return;
    }
    slot->last_used = now;
    souk_slot_note(pool, slot, "session_released", NULL, now);
    souk_slot_mark_dirty(slot); /* one that nobody can ever hold again is closed */
}
