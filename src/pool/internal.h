/*
 * The pool's own structures; only files of this folder include it.
 *
 * entry   an endpoint and identity: its sessions, the callers that wait, what was learnt about it
 * slot    a session of an entry, from its opening to its end
 * ticket  a call, from souk_pool_call until its outcome was fetched
 * hold    a caller's claim on a slot that nobody else gets
 *
 * A ticket is in exactly one place: in its entry's waiting line, in flight on a slot, or in the
 * pool's list of finished ones. Reports of handlers only set flags and put slot or ticket into a
 * list (no memory is needed, so no end can get lost); souk_pool_run works the lists off.
 */
#ifndef SOUK_POOL_INTERNAL_H
#define SOUK_POOL_INTERNAL_H

#include "base/deadline.h"
#include "base/histogram.h"
#include "base/idmap.h"
#include "base/kept_err.h"
#include "base/map.h"
#include "pool/pace.h"
#include "pool/pool.h"
#include "pool/traits.h"

typedef struct souk_entry souk_entry;
typedef struct souk_slot souk_slot;
typedef struct souk_ticket souk_ticket;
typedef struct souk_hold souk_hold;
typedef struct souk_tally souk_tally;

typedef struct souk_ticket_list {
    souk_ticket *first;
    souk_ticket *last;
    size_t count;
} souk_ticket_list;

typedef enum souk_ticket_place {
    SOUK_TICKET_NOWHERE,
    SOUK_TICKET_WAITING, /* in entry->waiting */
    SOUK_TICKET_RUNNING, /* in slot->running */
    SOUK_TICKET_FINISHED /* in pool->finished */
} souk_ticket_place;

struct souk_ticket {
    souk_call call; /* first: handlers hold a pointer to it */
    souk_arena arena;
    souk_buf body;
    souk_entry *entry;
    souk_slot *slot;
    souk_ticket_place place;
    souk_ticket *prev, *next;
    souk_deadline due;
    souk_ms timeout;
    souk_ms taken, waits_since; /* for tally.c */
    bool standing;
    bool may_resend;
    bool may_have_run;  /* an attempt may have been executed */
    bool waited;        /* it had to wait for its session */
    unsigned resends;   /* after failures */
    bool renewed;       /* it was sent again after a lost session: that is done once */
    souk_ms not_before; /* it waits in the line until then, at least */
    uint64_t attempt;   /* pool->attempts when it last went out */
    uint64_t heard;     /* slot->heard then */
    uint64_t on_hold;   /* 0, or the hold whose session it is for */
    bool reported;      /* its end is in err and answer, and it is in pool->reported */
    bool lost;
    souk_ticket *next_reported;
    souk_err err;
    souk_answer answer;
};

typedef enum souk_slot_state {
    SOUK_SLOT_OPENING,
    SOUK_SLOT_OPEN,
    SOUK_SLOT_RETIRING, /* takes no more calls, closes when those in flight have ended */
    SOUK_SLOT_LOST,     /* takes no more calls, freed when those in flight have ended */
    SOUK_SLOT_CLOSING,  /* `close` was called */
    SOUK_SLOT_ENDED     /* to be freed */
} souk_slot_state;

struct souk_slot {
    souk_session session; /* first: handlers hold a pointer to it */
    souk_entry *entry;
    souk_slot *next; /* of the same entry */
    size_t number;   /* in pool->slots, from 1 */
    souk_slot_state state;
    bool answered; /* a call was answered on it */
    bool suspect;  /* a call on it ran out of time, and nothing was heard meanwhile */
    bool probing;  /* it is asked whether it is there; it takes no calls meanwhile */
    bool probed;   /* reported, not acted on yet */
    bool opened, failed, lost, closed; /* likewise */
    bool dirty;                        /* it is in pool->dirty */
    uint64_t generation;
    souk_ticket_list running;
    size_t standing; /* how many of them are standing calls */
    uint64_t calls;
    souk_ms born, last_used, dies_at, close_by;
    const char *close_reason;
    souk_deadline due;
    uint64_t attempt;   /* pool->attempts when it began to open */
    souk_hold *holds;   /* callers who hold it */
    uint64_t heard;     /* events of it that came */
    souk_ms probe_by;   /* SOUK_NEVER: it is not probed */
    souk_ms checked_at; /* when it was last known to be there without having been used */
    souk_kept_err why;  /* it failed or was lost */
    souk_slot *next_dirty;
};

/* Who has it is told when it is lost, and not given another one. */
struct souk_hold {
    uint64_t id;       /* of the call that took it */
    souk_slot *slot;   /* NULL once that is gone */
    souk_kept_err why; /* then */
    souk_hold *next;   /* of the same slot */
};

/* Whether a server can be reached, as far as its calls tell (health.c). */
typedef struct souk_health {
    unsigned failures;   /* in a row */
    uint64_t counted_at; /* attempts up to this one were under way when the last one was counted */
    souk_ms open_until;  /* the breaker is open until then, and half-open from then; 0: closed */
    souk_ticket *trial;  /* half-open: the call that tries; the others wait for how it ends */
    souk_ms open_after;  /* no session is opened before */
    souk_ms pause_until; /* nothing is sent before: the server said so */
    souk_kept_err why;   /* the last failure */
} souk_health;

struct souk_entry {
    souk_arena arena; /* the target */
    souk_traits traits;
    souk_health *health; /* own_health, or that of home */
    souk_pace *pace;     /* likewise */
    souk_health own_health;
    souk_pace own_pace;
    souk_entry *home;  /* of an affinity: the endpoint's common entry, which it keeps */
    size_t dependents; /* entries whose home it is */
    souk_deadline due; /* when its line has to be looked at though nothing happens */
    bool wants_turn;   /* it is in pool->turns: too many sessions are opening already */
    bool short_lived;  /* its affinity is of one hold, and useless after that */
    bool evicted;      /* not in the map any more, lives until its last session has closed */
    souk_entry *next_turn;
    souk_slice key; /* lent by pool->entries */
    souk_target target;
    const souk_handler *handler;
    uint64_t memory[SOUK_MEMORY_WORDS];
    char *about; /* what the server said about itself, or NULL */
    size_t about_len;
    souk_slot *slots;
    souk_ticket_list waiting;
    uint64_t generation; /* sessions opened so far */
    size_t gone;         /* sessions that were open and are not any more, and were not replaced */
    souk_ms last_used;
    souk_tally *tally;
    souk_entry *tally_prev, *tally_next; /* of the same server */
};

/* What is counted of one server, whatever the identity. */
struct souk_tally {
    souk_entry *entries; /* its endpoints, also those that were evicted and live on */
    uint64_t calls, failed;
    souk_histogram latency; /* of its calls */
};

typedef struct souk_ask {
    uint64_t id;
    souk_ask_kind kind;
    uint64_t number;
    uint64_t call;
    souk_slot *slot; /* NULL once its session is gone */
    char *payload;
    size_t payload_len;
    bool fetched;
    uint64_t withdrawn;    /* WITHDRAWN: the id that the question had */
    struct souk_ask *next; /* all asks, oldest first */
} souk_ask;

/* What the program is told between ends: notes, notices and the progress of calls, in order. */
typedef struct souk_note {
    struct souk_note *next;
    souk_outcome_kind kind;
    uint64_t call;
    souk_slice name, payload, server, identity; /* in text */
    char text[];
} souk_note;

struct souk_pool {
    const souk_alloc *alloc;
    souk_pool_options options;
    souk_port port;
    souk_env env;
    uint64_t seed;
    const souk_handler *handlers[16];
    size_t handler_count;
    souk_map entries; /* key -> souk_entry */
    uint64_t epoch;   /* grows when an entry leaves: memos from before are worth nothing */
    souk_slot **slots;
    size_t slot_cap;
    uint64_t serial;         /* for ids of calls and asks: never reused */
    uint64_t session_serial; /* tells the sessions apart that have one place one after the other */
    souk_idmap tickets;
    souk_deadlines ticket_due;
    souk_deadlines slot_due;
    souk_deadlines entry_due;
    souk_idmap holds;
    uint64_t attempts; /* calls that went out and sessions that began to open, so far */
    size_t opening;    /* sessions that are being opened */
    souk_entry *turns, *turns_last; /* entries that wait until fewer are */
    size_t input_bytes;             /* bodies of all tickets */
    souk_ticket *reported_first, *reported_last;
    souk_slot *dirty;
    souk_ticket_list finished;
    souk_ticket *handed_out; /* the ticket whose outcome was fetched last */
    souk_ask *asks, *asks_last;
    size_t ask_count;
    char *payload_handed_out; /* of the ask that was fetched last */
    char withdrawal[40];      /* likewise, of a WITHDRAWN */
    souk_note *notes, *notes_last, *note_handed_out;
    size_t note_count, note_bytes;
    bool want_notes;
    bool closing;
    souk_pool_stats stats;
    souk_pool_latency latency;
    souk_map tallies; /* name of a server -> souk_tally */
};

/* entry.c */
/*
 * The entry of the target, made if need be. may_close: other sessions may be closed to make room.
 * They may not for a standing call: two that have room for one would close each other in turn.
 */
souk_entry *souk_entry_find(souk_pool *pool, const souk_target *target, bool may_close, souk_ms now,
                            souk_err *err);
/* The same, but none is made: NULL when it is not there. */
souk_entry *souk_entry_known(souk_pool *pool, const souk_target *target, souk_ms now);
void souk_entry_free(souk_pool *pool, souk_entry *entry);
/* Takes it out of the map; it lives until its last session has closed. */
void souk_entry_leave(souk_pool *pool, souk_entry *entry, const char *reason, souk_ms now);
/* Sessions that live or will live. */
size_t souk_entry_live(const souk_entry *entry);
/* Those that will be open soon: being opened, or just being probed. */
size_t souk_entry_coming(const souk_entry *entry);

/* serve.c */
/* The entry may be gone after it (souk_hold_tidy). */
void souk_entry_serve(souk_pool *pool, souk_entry *entry, souk_ms now);
void souk_entry_fail_waiting(souk_pool *pool, souk_entry *entry, const souk_err *why, souk_ms now);
/* What the call waits for, for people. */
const char *souk_entry_waits_for(const souk_pool *pool, const souk_ticket *ticket, souk_ms now);
/* Its line is looked at again then. */
void souk_entry_wake_at(souk_pool *pool, souk_entry *entry, souk_ms at);
/* Fewer sessions are opening than before: entries that wait for that get their turn. */
void souk_pool_give_turns(souk_pool *pool, souk_ms now);
void souk_pool_forget_turn(souk_pool *pool, souk_entry *entry);

/* health.c */
typedef enum souk_gate_state {
    SOUK_GATE_OPEN,   /* calls may go */
    SOUK_GATE_TRIAL,  /* one may go, and the others wait for how it ends */
    SOUK_GATE_WAIT,   /* none may go before *until (SOUK_NEVER: before something happens) */
    SOUK_GATE_REFUSED /* those that wait fail: *why */
} souk_gate_state;
souk_gate_state souk_health_gate(const souk_entry *entry, souk_ms now, souk_ms *until,
                                 souk_err *why);
/* A call, or the opening of a session, that began as number `attempt` failed; it is looked at what
 * that says about the server. */
void souk_health_failed(souk_pool *pool, souk_entry *entry, uint64_t attempt, bool opening,
                        const souk_err *why, souk_ms now);
/* The next session is not opened at once. */
void souk_health_hold_off(souk_pool *pool, souk_entry *entry, souk_ms now);
/* The server answered: it is there. */
void souk_health_worked(souk_pool *pool, souk_entry *entry);
/* The call is over. If it was the trial, all who wait for how that ended are looked at again, those
 * of other entries that share the health, too. */
void souk_health_end_trial(souk_pool *pool, const souk_ticket *ticket, souk_ms now);
/* A session opened: that ends the trial, but not the count of failures. */
void souk_health_opened(souk_pool *pool, souk_entry *entry, souk_ms now);
/* "closed", "half-open" or "open" */
const char *souk_health_breaker(const souk_entry *entry, souk_ms now);
/* ms to wait before the next try after so many failures in a row; some jitter is in it. */
souk_ms souk_retry_delay(const souk_pool *pool, unsigned failures);

/* hold.c */
enum { SOUK_SHORT_LIVED = 0 }; /* first byte of an affinity that is of one hold only */
bool souk_affinity_is_short_lived(souk_slice affinity);
/* SOUK_E_CONFIG when a caller gives such a one: nobody can name the session of a hold. */
int souk_affinity_check(souk_slice affinity, souk_err *err);
/* An entry that was of one hold, and that nobody needs any more, leaves; it may be gone then. */
void souk_hold_tidy(souk_pool *pool, souk_entry *entry, souk_ms now);
void souk_hold_give(souk_pool *pool, souk_ticket *ticket, souk_slot *slot, souk_ms now);
/* The slot of the hold that the ticket is for; NULL and a reason when it has none any more. */
souk_slot *souk_hold_slot(const souk_pool *pool, uint64_t id, souk_err *why);
/* The slot goes: whoever holds it has nothing from now on. */
void souk_holds_forget(souk_pool *pool, souk_slot *slot);
void souk_holds_free(souk_pool *pool);

/* probe.c */
/* Whether the session has to be probed before it takes a call. */
bool souk_slot_is_stale(const souk_pool *pool, const souk_slot *slot, souk_ms now);
/* Starts probing; true when the session can be used at once, because there is nothing to probe. */
bool souk_slot_probe(souk_pool *pool, souk_slot *slot, souk_ms now);
void souk_slot_probe_ended(souk_slot *slot, souk_ms now);
void souk_slot_probe_silent(souk_pool *pool, souk_slot *slot);

/* slot.c */
int souk_slot_open(souk_pool *pool, souk_entry *entry, bool may_close, souk_ms now, souk_err *err);
void souk_slot_retire(souk_pool *pool, souk_slot *slot, const char *reason, souk_ms now);
void souk_slot_close(souk_pool *pool, souk_slot *slot, const char *reason, souk_ms now);
/* It is closed to make room for another one. */
void souk_slot_note_evicted(souk_pool *pool, const souk_slot *slot, const char *reason,
                            souk_ms now);
void souk_slot_mark_dirty(souk_slot *slot);
void souk_slot_settle(souk_pool *pool, souk_slot *slot, souk_ms now);
void souk_slot_time(souk_pool *pool, souk_slot *slot, souk_ms now);
void souk_slot_free(souk_pool *pool, souk_slot *slot);
void souk_slot_schedule(souk_pool *pool, souk_slot *slot);
/* Calls in flight that are not standing ones. */
size_t souk_slot_busy(const souk_slot *slot);

/* ticket.c */
void souk_ticket_list_add(souk_ticket_list *list, souk_ticket *ticket);
void souk_ticket_list_add_in_order(souk_ticket_list *list, souk_ticket *ticket);
void souk_ticket_list_remove(souk_ticket_list *list, souk_ticket *ticket);
void souk_ticket_run(souk_pool *pool, souk_ticket *ticket, souk_slot *slot, souk_ms now);
void souk_ticket_settle(souk_pool *pool, souk_ticket *ticket, souk_ms now);
void souk_ticket_finish(souk_pool *pool, souk_ticket *ticket, souk_ms now);
void souk_ticket_abort(souk_pool *pool, souk_ticket *ticket, const souk_err *why, souk_ms now);
void souk_ticket_free(souk_pool *pool, souk_ticket *ticket);

/* tally.c */
/* Finds or makes the numbers of the entry's server; false when out of memory. */
bool souk_tally_join(souk_pool *pool, souk_entry *entry);
void souk_tally_leave(souk_entry *entry);
void souk_tallies_free(souk_pool *pool);
/* Standing calls are not counted. */
void souk_tally_call_taken(souk_ticket *ticket, souk_ms now);
void souk_tally_call_served(souk_pool *pool, const souk_ticket *ticket, souk_ms now);
void souk_tally_call_ended(souk_pool *pool, const souk_ticket *ticket, souk_ms now);
void souk_tally_opened(souk_pool *pool, const souk_slot *slot, souk_ms now);

/* ask.c */
void souk_asks_forget(souk_pool *pool, souk_slot *slot);
void souk_asks_free(souk_pool *pool);
bool souk_asks_next(souk_pool *pool, souk_outcome *out);
bool souk_asks_any(const souk_pool *pool);

/* note.c */
/* Takes what is there of *what into the queue, copied; it is dropped when there is no room. */
void souk_notes_add(souk_pool *pool, const souk_note *what);
bool souk_notes_next(souk_pool *pool, souk_outcome *out);
void souk_notes_free(souk_pool *pool);
void souk_slot_note(souk_pool *pool, const souk_slot *slot, const char *name, const char *reason,
                    souk_ms now);
/* The same for what is about an endpoint. */
void souk_entry_note(souk_pool *pool, const souk_entry *entry, const char *name,
                     const char *reason);

#endif
