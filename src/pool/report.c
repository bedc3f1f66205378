/* What handlers report, and what the pool has for the outside: questions, notes, outcomes. */
#include "pool/internal.h"
#include "json/write.h"

#include <string.h>

static souk_slot *slot_of(souk_session *session)
{
    return (souk_slot *)(void *)session; /* its first member */
}

void souk_session_opened(souk_session *session)
{
    slot_of(session)->opened = true;
    souk_slot_mark_dirty(slot_of(session));
}

void souk_session_failed(souk_session *session, const souk_err *why)
{
    slot_of(session)->failed = true;
    souk_kept_err_set(&slot_of(session)->why, session->alloc, why);
    souk_slot_mark_dirty(slot_of(session));
}

void souk_session_lost(souk_session *session, const souk_err *why)
{
    slot_of(session)->lost = true;
    souk_kept_err_set(&slot_of(session)->why, session->alloc, why);
    souk_slot_mark_dirty(slot_of(session));
}

void souk_session_closed(souk_session *session)
{
    slot_of(session)->closed = true;
    souk_slot_mark_dirty(slot_of(session));
}

static void report(souk_ticket *ticket, souk_answer *answer)
{
    souk_pool *pool = ticket->call.session->pool;
    if (answer != NULL) {
        souk_answer_move(&ticket->answer, answer);
    }
    ticket->reported = true;
    ticket->next_reported = NULL;
    if (pool->reported_first == NULL) {
        pool->reported_first = ticket;
    } else {
        pool->reported_last->next_reported = ticket;
    }
    pool->reported_last = ticket;
}

void souk_call_done(souk_call *call, souk_answer *answer)
{
    souk_ticket *ticket = (souk_ticket *)(void *)call;
    if (!ticket->reported) {
        souk_err_clear(&ticket->err);
        ticket->lost = false;
        report(ticket, answer);
    }
}

void souk_call_failed(souk_call *call, const souk_err *err, bool lost, souk_answer *answer)
{
    souk_ticket *ticket = (souk_ticket *)(void *)call;
    if (!ticket->reported) {
        ticket->err = *err;
        ticket->lost = lost;
        report(ticket, answer);
    }
}

void souk_call_extend(souk_call *call, souk_ms now)
{
    souk_ticket *ticket = (souk_ticket *)(void *)call;
    souk_pool *pool = call->session->pool;
    call->deadline = souk_ms_min(souk_ms_after(now, ticket->timeout), call->cap);
    if (ticket->due.place != 0) {
        souk_deadline_move(&pool->ticket_due, &ticket->due, call->deadline);
    }
}

/* Questions to the program. */

int souk_session_ask(souk_session *session, const souk_question *question, uint64_t *id,
                     souk_err *err)
{
    souk_pool *pool = session->pool;
    if (pool->ask_count >= (size_t)pool->options.max_asks) {
        return souk_fail(err, SOUK_E_LIMIT,
                         "more than %lld questions to the program are open (option max_asks)",
                         (long long)pool->options.max_asks);
    }
    souk_ask *ask = souk_new(pool->alloc, sizeof *ask);
    char *copy = ask == NULL ? NULL : souk_dup(pool->alloc, question->payload);
    if (copy == NULL) {
        souk_free(pool->alloc, ask);
        return souk_fail_memory(err);
    }
    ask->id = ++pool->serial;
    ask->kind = question->kind;
    ask->number = question->number;
    ask->call = question->call;
    ask->slot = slot_of(session);
    ask->payload = copy;
    ask->payload_len = question->payload.len;
    if (pool->asks == NULL) {
        pool->asks = ask;
    } else {
        pool->asks_last->next = ask;
    }
    pool->asks_last = ask;
    pool->ask_count++;
    *id = ask->id;
    return SOUK_OK;
}

static void ask_free(souk_pool *pool, souk_ask *ask)
{
    if (ask != NULL) {
        souk_free(pool->alloc, ask->payload);
        souk_free(pool->alloc, ask);
    }
}

/* Takes the ask out of the list, which goes on at *at. */
static souk_ask *ask_unlink(souk_pool *pool, souk_ask **at, souk_ask *before)
{
    souk_ask *ask = *at;
    *at = ask->next;
    if (pool->asks_last == ask) {
        pool->asks_last = before;
    }
    pool->ask_count--;
    return ask;
}

static bool wants_answer(souk_ask_kind kind)
{
    return kind != SOUK_ASK_CLOSE && kind != SOUK_ASK_CANCEL;
}

void souk_asks_forget(souk_pool *pool, souk_slot *slot)
{
    souk_ask *before = NULL;
    souk_ask **at = &pool->asks;
    while (*at != NULL) {
        souk_ask *ask = *at;
        if (ask->slot != slot) {
            before = ask;
            at = &ask->next;
        } else if (!ask->fetched && !wants_answer(ask->kind)) {
            ask->slot =
                NULL; /* "close" is still to be delivered, though the session is gone here */
            before = ask;
            at = &ask->next;
        } else {
            ask_free(pool, ask_unlink(pool, at, before));
        }
    }
}

bool souk_session_withdraw(souk_session *session, uint64_t id)
{
    souk_pool *pool = session->pool;
    souk_ask *before = NULL;
    for (souk_ask **at = &pool->asks; *at != NULL; before = *at, at = &(*at)->next) {
        if ((*at)->id == id) {
            souk_ask *ask = ask_unlink(pool, at, before);
            bool seen = ask->fetched;
            ask_free(pool, ask);
            return seen;
        }
    }
    return true;
}

void souk_asks_free(souk_pool *pool)
{
    while (pool->asks != NULL) {
        ask_free(pool, ask_unlink(pool, &pool->asks, NULL));
    }
    souk_free(pool->alloc, pool->payload_handed_out);
    pool->payload_handed_out = NULL;
}

void souk_pool_answer(souk_pool *pool, uint64_t id, souk_slice json, const souk_err *err,
                      souk_ms now)
{
    souk_ask *before = NULL;
    for (souk_ask **at = &pool->asks; *at != NULL; before = *at, at = &(*at)->next) {
        if ((*at)->id != id) {
            continue;
        }
        souk_ask *ask = ask_unlink(pool, at, before);
        souk_slot *slot = ask->slot;
        if (slot != NULL) {
            const souk_handler *handler = slot->entry->handler;
            handler->answer(handler, &slot->session, id, json, err, now);
            souk_slot_schedule(pool, slot);
        }
        ask_free(pool, ask);
        return;
    }
}

static bool next_ask(souk_pool *pool, souk_outcome *out)
{
    souk_ask *before = NULL;
    for (souk_ask **at = &pool->asks; *at != NULL; before = *at, at = &(*at)->next) {
        souk_ask *ask = *at;
        if (ask->fetched) {
            continue;
        }
        ask->fetched = true;
        out->kind = SOUK_OUTCOME_ASK;
        out->id = ask->id;
        out->ask = ask->kind;
        out->number = ask->number;
        out->call = ask->call;
        out->payload = souk_slice_make(ask->payload, ask->payload_len);
        /* It outlives the ask, which may be answered or forgotten while the program reads it. */
        pool->payload_handed_out = ask->payload;
        ask->payload = NULL;
        if (!wants_answer(ask->kind)) {
            ask_free(pool, ask_unlink(pool, at, before));
        }
        return true;
    }
    return false;
}

/* Notes for observers. */

static void add_note(souk_pool *pool, const char *name, souk_slice fields)
{
    souk_note *note = NULL;
    if (pool->note_count < (size_t)pool->options.max_notes) {
        note = souk_new(pool->alloc, sizeof *note + fields.len + 1);
    }
    if (note == NULL) {
        pool->stats.notes_dropped++;
        return;
    }
    note->name = name;
    note->len = fields.len;
    memcpy(note->fields, fields.ptr, fields.len);
    if (pool->notes == NULL) {
        pool->notes = note;
    } else {
        pool->notes_last->next = note;
    }
    pool->notes_last = note;
    pool->note_count++;
}

static void note_about(souk_pool *pool, const souk_slot *slot, const char *name, const char *reason,
                       souk_slice fields, souk_ms now)
{
    souk_buf text;
    souk_jw w;
    souk_buf_init(&text, pool->alloc, 64 * 1024);
    souk_jw_init(&w, &text);
    souk_jw_object(&w);
    souk_jw_key_string(&w, "server", slot->entry->target.name);
    souk_jw_key_string(&w, "handler", souk_slice_of(slot->entry->handler->prefix));
    souk_jw_key_string(&w, "identity", slot->entry->target.identity);
    souk_jw_key_string(&w, "session", souk_slice_of(slot->session.label));
    souk_jw_key_string(&w, "detail", souk_slice_of(slot->session.detail));
    souk_jw_key_int(&w, "generation", (int64_t)slot->generation);
    souk_jw_key_int(&w, "age_ms", now - slot->born);
    if (reason != NULL) {
        souk_jw_key_string(&w, "reason", souk_slice_of(reason));
    }
    if (fields.len > 0) {
        souk_jw_key_raw(&w, "data", fields);
    }
    souk_jw_end_object(&w);
    if (souk_jw_check(&w, NULL) == SOUK_OK) {
        add_note(pool, name, souk_buf_slice(&text));
    } else {
        pool->stats.notes_dropped++;
    }
    souk_buf_free(&text);
}

void souk_slot_note(souk_pool *pool, const souk_slot *slot, const char *name, const char *reason,
                    souk_ms now)
{
    if (pool->want_notes) {
        note_about(pool, slot, name, reason, souk_slice_make(NULL, 0), now);
    }
}

void souk_session_note(souk_session *session, const char *name, souk_slice fields)
{
    souk_slot *slot = slot_of(session);
    if (session->pool->want_notes) {
        note_about(session->pool, slot, name, NULL, fields, slot->last_used);
    }
}

void souk_notes_free(souk_pool *pool)
{
    while (pool->notes != NULL) {
        souk_note *next = pool->notes->next;
        souk_free(pool->alloc, pool->notes);
        pool->notes = next;
    }
    souk_free(pool->alloc, pool->note_handed_out);
    pool->note_handed_out = NULL;
}

static bool next_note(souk_pool *pool, souk_outcome *out)
{
    souk_note *note = pool->notes;
    if (note == NULL) {
        return false;
    }
    pool->notes = note->next;
    pool->note_count--;
    pool->note_handed_out = note;
    out->kind = SOUK_OUTCOME_NOTE;
    out->name = souk_slice_of(note->name);
    out->payload = souk_slice_make(note->fields, note->len);
    return true;
}

/* Outcomes: all that is fetched. */

static void drop_handed_out(souk_pool *pool)
{
    if (pool->handed_out != NULL) {
        souk_ticket_free(pool, pool->handed_out);
        pool->handed_out = NULL;
    }
    souk_free(pool->alloc, pool->payload_handed_out);
    pool->payload_handed_out = NULL;
    souk_free(pool->alloc, pool->note_handed_out);
    pool->note_handed_out = NULL;
}

bool souk_pool_next(souk_pool *pool, souk_outcome *out)
{
    drop_handed_out(pool);
    memset(out, 0, sizeof *out);
    /* Notes first: observers learn that a session opened before they see what it answered. */
    if (next_note(pool, out) || next_ask(pool, out)) {
        return true;
    }
    souk_ticket *ticket = pool->finished.first;
    if (ticket == NULL) {
        return false;
    }
    souk_ticket_list_remove(&pool->finished, ticket);
    souk_idmap_remove(&pool->tickets, ticket->call.id);
    pool->handed_out = ticket;
    out->kind = SOUK_OUTCOME_DONE;
    out->id = ticket->call.id;
    out->err = ticket->err;
    out->answer = &ticket->answer;
    return true;
}

bool souk_pool_has_outcome(const souk_pool *pool)
{
    if (pool->notes != NULL || pool->finished.first != NULL) {
        return true;
    }
    for (const souk_ask *ask = pool->asks; ask != NULL; ask = ask->next) {
        if (!ask->fetched) {
            return true;
        }
    }
    return false;
}
