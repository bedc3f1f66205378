/*
 * The pool's own structures; only files of this folder include it.
 *
 * entry   an endpoint and identity: its sessions, the callers that wait, what was learnt about it
 * slot    a session of an entry, from its opening to its end
 * ticket  a call, from souk_pool_call until its outcome was fetched
 *
 * A ticket is in exactly one place: in its entry's waiting line, in flight on a slot, or in the
 * pool's list of finished ones. Reports of handlers only set flags and put slot or ticket into a
 * list (no memory is needed, so no end can get lost); souk_pool_run works the lists off.
 */
#ifndef SOUK_POOL_INTERNAL_H
#define SOUK_POOL_INTERNAL_H

#include "base/deadline.h"
#include "base/idmap.h"
#include "base/kept_err.h"
#include "base/map.h"
#include "pool/pool.h"

typedef struct souk_entry souk_entry;
typedef struct souk_slot souk_slot;
typedef struct souk_ticket souk_ticket;

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
    bool standing;
    bool may_resend;
    bool may_have_run; /* an attempt on a lost session may have been executed */
    bool waited;       /* it had to wait for its session */
    unsigned resends;  /* after a lost session */
    bool reported;     /* its end is in err and answer, and it is in pool->reported */
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
    uint64_t generation;
    souk_ticket_list running;
    size_t standing; /* how many of them are standing calls */
    uint64_t calls;
    souk_ms born, last_used, dies_at, close_by;
    const char *close_reason;
    souk_deadline due;
    bool opened, failed, lost, closed; /* reported, not acted on yet */
    souk_kept_err why;                 /* it failed or was lost */
    bool dirty;
    souk_slot *next_dirty;
};

struct souk_entry {
    souk_arena arena; /* key and target */
    souk_slice key;
    souk_target target;
    const souk_handler *handler;
    uint64_t memory[SOUK_MEMORY_WORDS];
    char *about; /* what the server said about itself, or NULL */
    size_t about_len;
    souk_slot *slots;
    souk_ticket_list waiting;
    uint64_t generation; /* sessions opened so far */
    souk_ms last_used;
    bool evicted; /* not in the map any more, lives until its last session has closed */
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
void souk_entry_serve(souk_pool *pool, souk_entry *entry, souk_ms now);
void souk_entry_fail_waiting(souk_pool *pool, souk_entry *entry, const souk_err *why);

/* slot.c */
int souk_slot_open(souk_pool *pool, souk_entry *entry, bool may_close, souk_ms now, souk_err *err);
void souk_slot_retire(souk_pool *pool, souk_slot *slot, const char *reason, souk_ms now);
void souk_slot_close(souk_pool *pool, souk_slot *slot, const char *reason, souk_ms now);
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
void souk_ticket_finish(souk_pool *pool, souk_ticket *ticket);
void souk_ticket_abort(souk_pool *pool, souk_ticket *ticket, const souk_err *why, souk_ms now);
void souk_ticket_free(souk_pool *pool, souk_ticket *ticket);

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

#endif
