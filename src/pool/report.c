/* What handlers report of sessions and calls, and the order in which the outside is told. */
#include "pool/internal.h"

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

static void set_deadline(souk_pool *pool, souk_ticket *ticket, souk_ms at)
{
    at = souk_ms_min(at, ticket->call.cap);
    if (!ticket->standing && ticket->due.place != 0) {
        ticket->call.deadline = at;
        souk_deadline_move(&pool->ticket_due, &ticket->due, at);
    }
}

/* Never nearer: somebody may be thinking about a question meanwhile. */
static void hold(souk_pool *pool, souk_ticket *ticket, souk_ms until)
{
    if (until > ticket->call.deadline) {
        set_deadline(pool, ticket, until);
    }
}

static souk_ticket *ticket_of(souk_call *call)
{
    return (souk_ticket *)(void *)call; /* its first member */
}

void souk_call_extend(souk_call *call, souk_ms now)
{
    souk_ticket *ticket = ticket_of(call);
    hold(call->session->pool, ticket, souk_ms_after(now, ticket->timeout));
}

void souk_call_hold(souk_call *call, souk_ms until)
{
    hold(call->session->pool, ticket_of(call), until);
}

void souk_session_hold(souk_session *session, souk_ms until)
{
    for (souk_ticket *it = slot_of(session)->running.first; it != NULL; it = it->next) {
        hold(session->pool, it, until);
    }
}

void souk_call_release(souk_call *call, souk_ms now)
{
    souk_ticket *ticket = ticket_of(call);
    set_deadline(call->session->pool, ticket, souk_ms_after(now, ticket->timeout));
}

void souk_session_release(souk_session *session, souk_ms now)
{
    for (souk_ticket *it = slot_of(session)->running.first; it != NULL; it = it->next) {
        souk_call_release(&it->call, now);
    }
}

void souk_call_progress(souk_call *call, souk_slice payload, souk_ms now)
{
    const souk_ticket *ticket = (const souk_ticket *)(const void *)call;
    if (ticket->reported) {
        return; /* its end is known, and nothing follows an end */
    }
    souk_call_extend(call, now);
    const souk_note note = {.kind = SOUK_OUTCOME_PROGRESS, .call = call->id, .payload = payload};
    souk_notes_add(call->session->pool, &note);
}

bool souk_session_describe(souk_session *session, souk_slice about)
{
    souk_entry *entry = slot_of(session)->entry;
    if (entry->about != NULL &&
        souk_slice_eq(souk_slice_make(entry->about, entry->about_len), about)) {
        return true;
    }
    char *copy = souk_dup(session->alloc, about);
    if (copy == NULL) {
        return false;
    }
    souk_free(session->alloc, entry->about);
    entry->about = copy;
    entry->about_len = about.len;
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
    /* Notes first: observers learn that a session opened before they see what it answered, and a
     * call's progress comes before its end. */
    if (souk_notes_next(pool, out) || souk_asks_next(pool, out)) {
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
    return pool->notes != NULL || pool->finished.first != NULL || souk_asks_any(pool);
}
