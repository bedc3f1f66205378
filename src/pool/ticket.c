/* A call's way through the pool: submitted, waiting, in flight, perhaps resent, finished. */
#include "pool/internal.h"

#include <string.h>

void souk_answer_init(souk_answer *answer, const souk_alloc *alloc)
{
    memset(answer, 0, sizeof *answer);
    souk_json_doc_init(&answer->doc, alloc);
    souk_json_doc_init(&answer->inner, alloc);
}

void souk_answer_free(souk_answer *answer)
{
    souk_json_doc_free(&answer->doc);
    souk_json_doc_free(&answer->inner);
    answer->value = NULL;
    answer->structured = false;
    answer->asked = false;
}

void souk_answer_move(souk_answer *to, souk_answer *from)
{
    souk_json_doc_move(&to->doc, &from->doc);
    souk_json_doc_move(&to->inner, &from->inner);
    to->value = from->value;
    to->structured = from->structured;
    to->asked = from->asked;
    from->value = NULL;
}

void souk_ticket_list_add(souk_ticket_list *list, souk_ticket *ticket)
{
    ticket->prev = list->last;
    ticket->next = NULL;
    if (list->last == NULL) {
        list->first = ticket;
    } else {
        list->last->next = ticket;
    }
    list->last = ticket;
    list->count++;
}

/* Where its age says: a call that goes again does not wait behind younger ones. */
void souk_ticket_list_add_in_order(souk_ticket_list *list, souk_ticket *ticket)
{
    souk_ticket *after = list->first;
    while (after != NULL && after->call.id < ticket->call.id) {
        after = after->next;
    }
    if (after == NULL) {
        souk_ticket_list_add(list, ticket);
        return;
    }
    ticket->prev = after->prev;
    ticket->next = after;
    if (after->prev == NULL) {
        list->first = ticket;
    } else {
        after->prev->next = ticket;
    }
    after->prev = ticket;
    list->count++;
}

void souk_ticket_list_remove(souk_ticket_list *list, souk_ticket *ticket)
{
    if (ticket->prev == NULL) {
        list->first = ticket->next;
    } else {
        ticket->prev->next = ticket->next;
    }
    if (ticket->next == NULL) {
        list->last = ticket->prev;
    } else {
        ticket->next->prev = ticket->prev;
    }
    ticket->prev = NULL;
    ticket->next = NULL;
    list->count--;
}

void souk_ticket_free(souk_pool *pool, souk_ticket *ticket)
{
    if (ticket == NULL) {
        return;
    }
    souk_deadline_remove(&pool->ticket_due, &ticket->due);
    souk_answer_free(&ticket->answer);
    pool->input_bytes -= ticket->body.len;
    souk_buf_free(&ticket->body);
    souk_arena_free(&ticket->arena);
    souk_free(pool->alloc, ticket);
}

static bool copy_request(souk_ticket *ticket, const souk_request *request)
{
    souk_request *mine = &ticket->call.request;
    *mine = *request;
    mine->body = souk_buf_slice(&ticket->body);
    return souk_arena_copy(&ticket->arena, request->capability, &mine->capability) &&
           souk_arena_copy(&ticket->arena, request->name, &mine->name) &&
           souk_arena_copy(&ticket->arena, request->traceparent, &mine->traceparent) &&
           souk_arena_copy(&ticket->arena, request->tracestate, &mine->tracestate) &&
           souk_arena_copy(&ticket->arena, request->baggage, &mine->baggage);
}

/* How long the call may last, and may last at most. */
static void set_times(const souk_pool *pool, souk_ticket *ticket, const souk_call_options *options,
                      souk_ms now)
{
    ticket->standing = options->standing;
    if (ticket->standing) {
        ticket->call.deadline = SOUK_NEVER;
        ticket->call.cap = SOUK_NEVER;
        return;
    }
    ticket->timeout = options->timeout > 0 ? options->timeout : pool->options.call_timeout;
    souk_ms cap = options->cap > 0 ? options->cap : pool->options.call_cap;
    cap = cap > ticket->timeout ? cap : ticket->timeout;
    ticket->call.cap = souk_ms_after(now, cap);
    ticket->call.deadline = souk_ms_after(now, ticket->timeout);
}

static souk_ticket *ticket_new(souk_pool *pool, const souk_order *order, souk_ms now)
{
    souk_ticket *ticket = souk_new(pool->alloc, sizeof *ticket);
    if (ticket == NULL) {
        return NULL;
    }
    souk_arena_init(&ticket->arena, pool->alloc);
    souk_buf_init(&ticket->body, pool->alloc, 0);
    souk_answer_init(&ticket->answer, pool->alloc);
    souk_buf_move(&ticket->body, order->body);
    pool->input_bytes += ticket->body.len;
    ticket->may_resend = order->options.may_resend;
    ticket->on_hold = order->options.on_hold;
    ticket->call.id = ++pool->serial;
    set_times(pool, ticket, &order->options, now);
    if (!copy_request(ticket, order->request) ||
        !souk_deadline_add(&pool->ticket_due, &ticket->due, ticket->call.deadline, ticket) ||
        !souk_idmap_add(&pool->tickets, ticket->call.id, ticket)) {
        souk_ticket_free(pool, ticket);
        return NULL;
    }
    return ticket;
}

/* The pool as a whole has room for one more call. */
static bool has_room(const souk_pool *pool, const souk_order *order, souk_err *err)
{
    if (pool->closing) {
        souk_fail(err, SOUK_E_CLOSED, "the pool is closed");
        return false;
    }
    if (pool->tickets.count >= (size_t)pool->options.max_calls) {
        souk_fail(err, SOUK_E_LIMIT, "more than %lld calls are under way (option max_calls)",
                  (long long)pool->options.max_calls);
        return false;
    }
    if (pool->input_bytes + order->body->len > (size_t)pool->options.max_input) {
        souk_fail(err, SOUK_E_LIMIT,
                  "the inputs of all calls under way have more than %lld bytes (option max_input)",
                  (long long)pool->options.max_input);
        return false;
    }
    return true;
}

/* The entry of the session that the caller holds, if the call's target is there at all. */
static souk_entry *entry_on_hold(souk_pool *pool, const souk_order *order, souk_ms now,
                                 souk_err *err)
{
    const souk_slot *slot = souk_hold_slot(pool, order->options.on_hold, err);
    if (slot == NULL) {
        return NULL;
    }
    souk_target target = *order->target;
    target.affinity = slot->entry->target.affinity;
    target.identity = slot->entry->target.identity;
    target.memo = NULL;
    if (souk_entry_known(pool, &target, now) != slot->entry) {
        souk_fail(err, SOUK_E_CONFIG,
                  "'%.*s' does not go where this session of server '%.*s' leads: its address, "
                  "headers, credential or options are others",
                  SOUK_ARG(order->request->capability), SOUK_ARG(slot->entry->target.name));
        return NULL;
    }
    return slot->entry;
}

/* The sessions of holds have names that nobody can say. */
static bool has_good_name(const souk_order *order, souk_err *err)
{
    return order->request->kind == SOUK_REQUEST_HOLD ||
           souk_affinity_check(order->target->affinity, err) == SOUK_OK;
}

static bool needs_hold(const souk_entry *entry, const souk_order *order)
{
    return entry->traits.mode == SOUK_MODE_PINNED && entry->target.affinity.len == 0 &&
           order->request->kind == SOUK_REQUEST_CAPABILITY;
}

/* The entry that takes the call, or NULL and a reason: the pool is closed, or something is full. */
static souk_entry *admit(souk_pool *pool, const souk_order *order, souk_ms now, souk_err *err)
{
    if (!has_room(pool, order, err) || !has_good_name(order, err)) {
        return NULL;
    }
    souk_entry *entry =
        order->options.on_hold != 0
            ? entry_on_hold(pool, order, now, err)
            : souk_entry_find(pool, order->target, !order->options.standing, now, err);
    if (entry != NULL && needs_hold(entry, order)) {
        souk_fail(err, SOUK_E_CONFIG,
                  "sessions of server '%.*s' are pinned: its capabilities are called through "
                  "market:session",
                  SOUK_ARG(entry->target.name));
        return NULL;
    }
    if (entry != NULL && entry->waiting.count >= (size_t)pool->options.max_waiting) {
        souk_fail(err, SOUK_E_LIMIT,
                  "more than %lld calls wait for a session of '%.*s' (option max_waiting)",
                  (long long)pool->options.max_waiting, SOUK_ARG(entry->target.name));
        return NULL;
    }
    return entry;
}

int souk_pool_call(souk_pool *pool, const souk_order *order, souk_ms now, uint64_t *id,
                   souk_err *err)
{
    souk_entry *entry = admit(pool, order, now, err);
    souk_ticket *ticket = NULL;
    if (entry != NULL) {
        ticket = ticket_new(pool, order, now);
        if (ticket == NULL) {
            souk_fail_memory(err);
            souk_hold_tidy(pool, entry, now); /* it may have been made for this one */
        }
    }
    if (ticket == NULL) {
        souk_buf_free(order->body);
        err->delivery = SOUK_DELIVERY_NOT_SENT;
        return err->kind;
    }
    ticket->entry = entry;
    ticket->place = SOUK_TICKET_WAITING;
    souk_ticket_list_add(&entry->waiting, ticket);
    souk_tally_call_taken(ticket, now);
    pool->stats.calls += ticket->standing ? 0 : 1;
    *id = ticket->call.id;
    souk_entry_serve(pool, entry, now);
    return SOUK_OK;
}

/* Takes the ticket out of the line or off the slot; the slot is looked at again. */
static void leave(souk_pool *pool, souk_ticket *ticket, souk_ms now)
{
    if (ticket->place == SOUK_TICKET_WAITING) {
        souk_ticket_list_remove(&ticket->entry->waiting, ticket);
    } else if (ticket->slot != NULL) {
        souk_health_end_trial(pool, ticket, now);
        souk_ticket_list_remove(&ticket->slot->running, ticket);
        ticket->slot->standing -= ticket->standing ? 1 : 0;
        ticket->slot->last_used = now;
        souk_slot_mark_dirty(ticket->slot);
    }
    ticket->slot = NULL;
    ticket->call.session = NULL;
    ticket->place = SOUK_TICKET_NOWHERE;
}

void souk_ticket_finish(souk_pool *pool, souk_ticket *ticket, souk_ms now)
{
    bool not_executed = ticket->err.delivery == SOUK_DELIVERY_NOT_SENT ||
                        ticket->err.delivery == SOUK_DELIVERY_REJECTED;
    if (ticket->err.kind != SOUK_OK && not_executed && ticket->may_have_run) {
        ticket->err.delivery = SOUK_DELIVERY_AMBIGUOUS; /* that holds for the last attempt only */
    }
    souk_deadline_remove(&pool->ticket_due, &ticket->due);
    ticket->place = SOUK_TICKET_FINISHED;
    souk_ticket_list_add(&pool->finished, ticket);
    souk_tally_call_ended(pool, ticket, now);
    if (!ticket->standing) {
        *(ticket->err.kind == SOUK_OK ? &pool->stats.calls_ok : &pool->stats.calls_failed) += 1;
    }
}

static void count_use(souk_pool *pool, const souk_ticket *ticket, souk_slot *slot, souk_ms now)
{
    if (!ticket->waited) {
        pool->stats.sessions_reused++;
        souk_slot_note(pool, slot, "session_reused", NULL, now);
    }
    slot->calls++;
}

void souk_ticket_run(souk_pool *pool, souk_ticket *ticket, souk_slot *slot, souk_ms now)
{
    souk_ticket_list_remove(&ticket->entry->waiting, ticket);
    souk_ticket_list_add(&slot->running, ticket);
    ticket->place = SOUK_TICKET_RUNNING;
    ticket->slot = slot;
    ticket->call.session = &slot->session;
    ticket->attempt = ++pool->attempts;
    ticket->heard = slot->heard;
    souk_tally_call_served(pool, ticket, now);
    slot->last_used = now;
    if (ticket->standing) {
        slot->standing++;
    } else {
        count_use(pool, ticket, slot, now);
    }
    souk_err why;
    souk_err_clear(&why);
    int failed = ticket->entry->handler->call(ticket->entry->handler, &slot->session, &ticket->call,
                                              now, &why);
    if (failed != SOUK_OK && !ticket->reported) {
        /* A session that cannot even send is as good as lost: the call, which has not left, gets
         * another one. */
        if (why.delivery == SOUK_DELIVERY_NONE) {
            why.delivery = SOUK_DELIVERY_NOT_SENT;
        }
        souk_call_failed(&ticket->call, &why, slot->lost || failed == SOUK_E_TRANSPORT, NULL);
    }
    souk_slot_schedule(pool, slot);
}

static bool was_not_executed(const souk_ticket *ticket)
{
    return ticket->err.delivery == SOUK_DELIVERY_NOT_SENT ||
           ticket->err.delivery == SOUK_DELIVERY_REJECTED;
}

/* A failure that may be over in a moment, and that a gateway or the network is to blame for. */
static bool is_passing(const souk_err *err)
{
    bool by_gateway = err->status == 502 || err->status == 503 || err->status == 504;
    return err->kind == SOUK_E_TRANSPORT && err->retryable &&
           err->delivery != SOUK_DELIVERY_REJECTED && (err->status < 300 || by_gateway);
}

/* When the call may be sent again; SOUK_NEVER: not. */
static souk_ms again_at(const souk_pool *pool, const souk_ticket *ticket, souk_ms now)
{
    bool is_safe = was_not_executed(ticket) || ticket->may_resend;
    if (!is_safe || pool->closing || ticket->standing) {
        return SOUK_NEVER;
    }
    if (ticket->lost) {
        return ticket->renewed || ticket->on_hold != 0 ? SOUK_NEVER : now;
    }
    if (ticket->resends >= (uint64_t)pool->options.max_resends) {
        return SOUK_NEVER;
    }
    if (ticket->err.retry_after > 0 && was_not_executed(ticket)) {
        return souk_ms_after(now, ticket->err.retry_after);
    }
    return is_passing(&ticket->err)
               ? souk_ms_after(now, souk_retry_delay(pool, ticket->resends + 1))
               : SOUK_NEVER;
}

/* The outcome says whether the server can be reached. */
static void tell_health(souk_pool *pool, souk_ticket *ticket, souk_ms now)
{
    const souk_err *err = &ticket->err;
    bool is_refusal = err->kind == SOUK_E_TRANSPORT && err->status >= 400 && err->status <= 499;
    bool answered = err->kind == SOUK_OK || err->kind == SOUK_E_RPC || err->kind == SOUK_E_AUTH ||
                    err->delivery == SOUK_DELIVERY_DELIVERED || is_refusal;
    if (answered) {
        souk_health_worked(pool, ticket->entry);
    }
    if (answered && ticket->slot != NULL) {
        ticket->slot->suspect = false;
        ticket->slot->answered = true;
    }
    if (err->kind != SOUK_OK) {
        souk_health_failed(pool, ticket->entry, ticket->attempt, false, err, now);
    }
}

/* Back into the line, at the place of its age. */
static void go_again(souk_pool *pool, souk_ticket *ticket, souk_ms at, souk_ms now)
{
    /* A session that has to be opened anew after a server's restart takes no try from the call. */
    ticket->resends += ticket->lost ? 0 : 1;
    ticket->renewed = ticket->renewed || ticket->lost;
    ticket->not_before = at;
    ticket->lost = false;
    ticket->may_have_run = ticket->may_have_run || !was_not_executed(ticket);
    ticket->waited = true;
    souk_answer_free(&ticket->answer);
    pool->stats.calls_resent++;
    ticket->place = SOUK_TICKET_WAITING;
    ticket->waits_since = now;
    souk_ticket_list_add_in_order(&ticket->entry->waiting, ticket);
}

void souk_ticket_settle(souk_pool *pool, souk_ticket *ticket, souk_ms now)
{
    souk_slot *slot = ticket->slot;
    ticket->reported = false;
    if (slot != NULL && ticket->lost && slot->state == SOUK_SLOT_OPEN && !slot->lost) {
        slot->lost = true;
        souk_kept_err_set(&slot->why, pool->alloc, &ticket->err);
    }
    /* A server that answers so lives: who put a standing call can have the next session at once. */
    bool said_so = ticket->err.kind == SOUK_E_RPC || ticket->err.kind == SOUK_E_PROTOCOL;
    if (ticket->standing && ticket->lost && said_so) {
        ticket->err.kind = SOUK_E_CLOSED;
    }
    tell_health(pool, ticket, now);
    if (ticket->on_hold != 0 && ticket->lost && was_not_executed(ticket)) {
        ticket->err.kind = SOUK_E_CLOSED; /* as for the calls on it that come later */
        souk_err_prefix(&ticket->err, "the session is gone");
    }
    leave(pool, ticket, now);
    souk_ms at = ticket->err.kind == SOUK_OK ? SOUK_NEVER : again_at(pool, ticket, now);
    if (at >= ticket->call.deadline || ticket->entry->evicted) {
        souk_ticket_finish(pool, ticket, now);
        return;
    }
    go_again(pool, ticket, at, now);
}

void souk_ticket_abort(souk_pool *pool, souk_ticket *ticket, const souk_err *why, souk_ms now)
{
    if (ticket->place == SOUK_TICKET_FINISHED || ticket->reported) {
        return; /* its end is known already: a race that the caller lost */
    }
    souk_slot *slot = ticket->slot;
    ticket->err = *why;
    ticket->err.delivery = SOUK_DELIVERY_NOT_SENT;
    if (slot != NULL) {
        ticket->err.delivery = SOUK_DELIVERY_AMBIGUOUS;
        slot->entry->handler->cancel(slot->entry->handler, &slot->session, &ticket->call,
                                     &ticket->err, now);
        bool is_silent = slot->heard == ticket->heard;
        slot->suspect = slot->suspect || (why->kind == SOUK_E_TIMEOUT && is_silent);
    }
    leave(pool, ticket, now);
    souk_ticket_finish(pool, ticket, now);
    if (ticket->entry->short_lived) {
        souk_entry_wake_at(pool, ticket->entry, now); /* it may not be needed any more */
    }
}

void souk_pool_cancel(souk_pool *pool, uint64_t id, souk_ms now)
{
    souk_ticket *ticket = souk_idmap_get(&pool->tickets, id);
    if (ticket == NULL) {
        return;
    }
    souk_err why;
    souk_fail(&why, SOUK_E_CANCELLED, "cancelled by the caller");
    souk_ticket_abort(pool, ticket, &why, now);
}

bool souk_pool_knows(const souk_pool *pool, uint64_t id)
{
    return souk_idmap_get(&pool->tickets, id) != NULL;
}
