/*
 * The waiting line of an endpoint: which call gets which session, what it waits for, and when
 * another session is opened.
 */
#include "pool/internal.h"

/* What one look at the line has found out. */
typedef struct survey {
    souk_entry *entry;
    souk_ms now;
    souk_ms wake;       /* when the line has to be looked at again, if nothing happens */
    size_t wanted;      /* calls that a session more would help; standing ones not counted */
    bool standing_only; /* nobody but standing calls wants one */
    bool stop;          /* no call that comes later can go either */
} survey;

void souk_entry_wake_at(souk_pool *pool, souk_entry *entry, souk_ms at)
{
    if (at != entry->due.at) {
        souk_deadline_move(&pool->entry_due, &entry->due, at);
    }
}

static void fail_ticket(souk_pool *pool, souk_ticket *ticket, const souk_err *why, souk_ms now)
{
    souk_ticket_list_remove(&ticket->entry->waiting, ticket);
    ticket->err = *why;
    ticket->err.delivery = SOUK_DELIVERY_NOT_SENT;
    souk_ticket_finish(pool, ticket, now);
}

void souk_entry_fail_waiting(souk_pool *pool, souk_entry *entry, const souk_err *why, souk_ms now)
{
    while (entry->waiting.first != NULL) {
        fail_ticket(pool, entry->waiting.first, why, now);
    }
}

/* Calls that cannot outlast the pause learn it now, and not when their time is over. */
static void wait_for_pause(souk_pool *pool, souk_entry *entry, souk_ms now, souk_ms until)
{
    souk_err why;
    souk_ms left = until - now;
    souk_fail(&why, SOUK_E_TRANSPORT,
              "server '%.*s' asked for a pause (Retry-After) that lasts %lld.%d s more",
              SOUK_ARG(entry->target.name), SOUK_SECONDS_ARG(left));
    why.retry_after = left;
    for (souk_ticket *next, *ticket = entry->waiting.first; ticket != NULL; ticket = next) {
        next = ticket->next;
        if (ticket->call.deadline <= until) {
            fail_ticket(pool, ticket, &why, now);
        }
    }
}

/* One failed; those that wait for it fail at once, whatever they are. */
static void refuse_all(souk_pool *pool, souk_entry *entry, souk_err *why, souk_ms now)
{
    for (const souk_ticket *ticket = entry->waiting.first; ticket != NULL; ticket = ticket->next) {
        pool->stats.calls_refused += ticket->standing ? 0 : 1;
    }
    souk_err_prefix(why, "server '%.*s'", SOUK_ARG(entry->target.name));
    souk_entry_fail_waiting(pool, entry, why, now);
}

static size_t most_in_flight(const souk_pool *pool, const souk_entry *entry)
{
    return entry->traits.mode == SOUK_MODE_EXCLUSIVE ? 1 : (size_t)pool->options.max_in_flight;
}

static bool takes_calls(const souk_slot *slot)
{
    return slot->state == SOUK_SLOT_OPEN && !slot->lost && !slot->probing;
}

/*
 * The open session with the fewest calls in flight that can take one more; one that would have to
 * be probed first only when there is no other. A standing call is no load: any open session does.
 */
static souk_slot *pick_slot(const souk_pool *pool, const souk_entry *entry, bool standing,
                            souk_ms now)
{
    souk_slot *best = NULL;
    bool best_is_stale = false;
    size_t most = most_in_flight(pool, entry);
    for (souk_slot *slot = entry->slots; slot != NULL; slot = slot->next) {
        size_t busy = souk_slot_busy(slot);
        if (!takes_calls(slot) || (!standing && busy >= most)) {
            continue;
        }
        bool is_stale = souk_slot_is_stale(pool, slot, now);
        if (best == NULL || (best_is_stale && !is_stale) ||
            (best_is_stale == is_stale && busy < souk_slot_busy(best))) {
            best = slot;
            best_is_stale = is_stale;
        }
    }
    return best;
}

/* The session for one call of the line, or NULL: it waits, or has failed. */
static souk_slot *slot_for(souk_pool *pool, survey *s, souk_ticket *ticket)
{
    if (ticket->on_hold != 0) {
        souk_err why;
        souk_slot *slot = souk_hold_slot(pool, ticket->on_hold, &why);
        if (slot == NULL) {
            fail_ticket(pool, ticket, &why, s->now);
            return NULL;
        }
        bool has_room = souk_slot_busy(slot) < most_in_flight(pool, s->entry);
        return takes_calls(slot) && has_room ? slot : NULL;
    }
    if (!ticket->standing && s->wanted > 0) {
        return NULL; /* the call before it found none */
    }
    return pick_slot(pool, s->entry, ticket->standing, s->now);
}

static size_t most_sessions(const souk_pool *pool, const souk_entry *entry)
{
    return entry->traits.max_sessions > 0 ? entry->traits.max_sessions
                                          : (size_t)pool->options.max_sessions_per_key;
}

const char *souk_entry_waits_for(const souk_pool *pool, const souk_ticket *ticket, souk_ms now)
{
    const souk_entry *entry = ticket->entry;
    if (entry->health->pause_until > now) {
        return "the server asked for a pause";
    }
    if (ticket->not_before > now) {
        return "it was to be sent again after a failure";
    }
    if (souk_entry_coming(entry) > 0) {
        return "a session was being opened";
    }
    if (entry->health->open_after > now || entry->wants_turn) {
        return "a session was to be opened";
    }
    if (souk_pace_ready(entry->pace, &entry->traits.rate) > now) {
        return "the rate limit was reached";
    }
    return souk_entry_live(entry) >= most_sessions(pool, entry) ? "all sessions were busy"
                                                                : "no session was open";
}

/* Whether the rate limit lets one more go. */
static bool rate_allows(survey *s)
{
    souk_ms ready = souk_pace_ready(s->entry->pace, &s->entry->traits.rate);
    if (ready <= s->now) {
        return true;
    }
    s->wake = souk_ms_min(s->wake, ready);
    s->stop = true;
    return false;
}

static void send(souk_pool *pool, survey *s, souk_ticket *ticket, souk_slot *slot, bool trial)
{
    if (ticket->call.request.kind == SOUK_REQUEST_HOLD) {
        souk_hold_give(pool, ticket, slot, s->now);
        return;
    }
    if (!ticket->standing) {
        souk_pace_take(s->entry->pace, &s->entry->traits.rate, s->now);
    }
    /* A standing call goes, too, but nobody can wait for its end. */
    if (trial && !ticket->standing) {
        s->entry->health->trial = ticket;
        s->stop = true;
        souk_entry_note(pool, s->entry, "breaker_trial", NULL);
    }
    souk_ticket_run(pool, ticket, slot, s->now);
}

/* Whether the rate limit is about it: a hold takes a session, and asks the server for nothing. */
static bool is_counted(const souk_ticket *ticket)
{
    return !ticket->standing && ticket->call.request.kind != SOUK_REQUEST_HOLD;
}

/* Gives the call a session, if there is one for it. */
static void serve_one(souk_pool *pool, survey *s, souk_ticket *ticket, bool trial)
{
    if (ticket->not_before > s->now) {
        s->wake = souk_ms_min(s->wake, ticket->not_before);
        return;
    }
    uint64_t on_hold = ticket->on_hold; /* the ticket may be gone after the next line */
    souk_slot *slot = slot_for(pool, s, ticket);
    if (slot == NULL) {
        if (on_hold == 0) {
            s->wanted += ticket->standing ? 0 : 1;
            s->standing_only = s->standing_only && ticket->standing;
        }
        return;
    }
    if (is_counted(ticket) && !rate_allows(s)) {
        return;
    }
    if (souk_slot_is_stale(pool, slot, s->now) && !souk_slot_probe(pool, slot, s->now)) {
        s->wanted += ticket->standing ? 0 : 1;
        return;
    }
    send(pool, s, ticket, slot, trial);
}

/* Puts the entry into the queue of those that wait until fewer sessions are opening. */
static void wait_for_turn(souk_pool *pool, souk_entry *entry)
{
    if (entry->wants_turn) {
        return;
    }
    entry->wants_turn = true;
    entry->next_turn = NULL;
    if (pool->turns == NULL) {
        pool->turns = entry;
    } else {
        pool->turns_last->next_turn = entry;
    }
    pool->turns_last = entry;
}

void souk_pool_forget_turn(souk_pool *pool, souk_entry *entry)
{
    souk_entry *before = NULL;
    for (souk_entry *it = pool->turns; entry->wants_turn && it != NULL; it = it->next_turn) {
        if (it != entry) {
            before = it;
            continue;
        }
        if (before == NULL) {
            pool->turns = it->next_turn;
        } else {
            before->next_turn = it->next_turn;
        }
        pool->turns_last = pool->turns_last == it ? before : pool->turns_last;
        break;
    }
    entry->wants_turn = false;
}

void souk_pool_give_turns(souk_pool *pool, souk_ms now)
{
    while (pool->turns != NULL && pool->opening < (size_t)pool->options.max_opening) {
        souk_entry *entry = pool->turns;
        souk_pool_forget_turn(pool, entry);
        souk_entry_serve(pool, entry, now);
    }
}

/*
 * Whether one more session may be opened now. Single flight: whoever comes while one is opening
 * waits for that one; only where each call needs one of its own, several are opened at a time,
 * unless the first has to show that there is a server at all.
 */
static bool may_open(souk_pool *pool, survey *s, bool trial)
{
    const souk_entry *entry = s->entry;
    size_t soon = souk_entry_coming(entry);
    bool one_each = entry->traits.mode == SOUK_MODE_EXCLUSIVE && !trial;
    bool has_enough = one_each ? soon >= s->wanted && soon > 0 : soon > 0;
    if (has_enough || souk_entry_live(entry) >= most_sessions(pool, entry)) {
        return false;
    }
    if (entry->health->open_after > s->now) {
        s->wake = souk_ms_min(s->wake, entry->health->open_after);
        return false;
    }
    if (pool->opening >= (size_t)pool->options.max_opening) {
        wait_for_turn(pool, s->entry);
        return false;
    }
    return true;
}

static void open_sessions(souk_pool *pool, survey *s, bool trial)
{
    souk_err why;
    while (s->entry->waiting.first != NULL && may_open(pool, s, trial)) {
        if (trial && souk_entry_live(s->entry) == 0) {
            souk_entry_note(pool, s->entry, "breaker_trial", NULL);
        }
        souk_err_clear(&why);
        if (souk_slot_open(pool, s->entry, !s->standing_only, s->now, &why) != SOUK_OK) {
            if (souk_entry_live(s->entry) == 0) {
                souk_entry_fail_waiting(pool, s->entry, &why, s->now);
            }
            return;
        }
    }
}

/* Those that came last and found nothing wait from now on, which is told once. */
static void note_waiting(souk_pool *pool, souk_entry *entry, souk_ms now)
{
    for (souk_ticket *it = entry->waiting.last; it != NULL && !it->waited; it = it->prev) {
        it->waited = true;
        if (!it->standing) {
            pool->stats.calls_waited++;
            souk_entry_note(pool, entry, "session_waiting", souk_entry_waits_for(pool, it, now));
        }
    }
}

static void serve_line(souk_pool *pool, souk_entry *entry, souk_ms now)
{
    survey s = {.entry = entry, .now = now, .wake = SOUK_NEVER, .standing_only = true};
    souk_err why;
    souk_ms until = SOUK_NEVER;
    souk_gate_state gate = souk_health_gate(entry, now, &until, &why);
    if (gate == SOUK_GATE_REFUSED) {
        refuse_all(pool, entry, &why, now);
    } else if (gate == SOUK_GATE_WAIT && until != SOUK_NEVER) {
        wait_for_pause(pool, entry, now, until);
        s.wake = until;
    } else if (gate != SOUK_GATE_WAIT) {
        bool trial = gate == SOUK_GATE_TRIAL;
        for (souk_ticket *next, *it = entry->waiting.first; it != NULL && !s.stop; it = next) {
            next = it->next;
            serve_one(pool, &s, it, trial);
        }
        /* Standing calls wait only where no session is open: no reason for a second one. */
        if (s.wanted > 0 || !s.standing_only || souk_entry_live(entry) == 0) {
            open_sessions(pool, &s, trial);
        }
    }
    note_waiting(pool, entry, now);
    souk_entry_wake_at(pool, entry, s.wake);
}

void souk_entry_serve(souk_pool *pool, souk_entry *entry, souk_ms now)
{
    if (entry->waiting.first == NULL) {
        souk_entry_wake_at(pool, entry, SOUK_NEVER);
    } else {
        serve_line(pool, entry, now);
    }
    souk_hold_tidy(pool, entry, now);
}
