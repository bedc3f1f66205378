/*
 * The session pool: takes calls, finds or opens the session for each, and hands back outcomes.
 *
 * It does no I/O of its own and reads no clock: handlers ask through a port, time is an argument,
 * and everything that is for the outside is queued until it is fetched with souk_pool_next.
 */
#ifndef SOUK_POOL_H
#define SOUK_POOL_H

#include "base/env.h"
#include "base/histogram.h"
#include "pool/handler.h"

typedef struct souk_pool souk_pool;

/* X(name, default, least, most, unit, meaning): whole numbers; times in milliseconds */
#define SOUK_POOL_OPTIONS(X)                                                                       \
    X(max_sessions_per_key, 8, 1, 1024, "sessions", "sessions of one endpoint and identity")       \
    X(max_sessions, 256, 1, 32767, "sessions",                                                     \
      "sessions in all; those that are being closed do not count")                                 \
    X(max_keys, 1024, 1, 1048576, "endpoints", "endpoints that are remembered")                    \
    X(max_waiting, 1024, 1, 1048576, "calls", "calls that wait for a session, per endpoint")       \
    X(max_calls, 16384, 1, 1048576, "calls", "calls in flight and waiting, in all")                \
    X(max_in_flight, 1024, 1, 65536, "calls", "calls in flight on one session")                    \
    X(max_opening, 16, 1, 32767, "sessions", "sessions that are being opened at a time")           \
    X(max_input, 268435456, 1024, 1099511627776, "bytes",                                          \
      "inputs of all calls in flight and waiting")                                                 \
    X(max_asks, 1024, 1, 65536, "questions", "questions to the program that are not answered yet") \
    X(max_notes, 4096, 1, 1048576, "events",                                                       \
      "events, progress included, that nobody has fetched yet; more are dropped")                  \
    X(call_timeout, 60000, 1, 86400000, "ms", "time for a call, waiting for its session included") \
    X(call_cap, 600000, 1, 86400000, "ms", "time for a call that reports progress")                \
    X(idle_timeout, 300000, 1000, 86400000, "ms", "an unused session is closed after this time")   \
    X(max_life, 3600000, 1000, 604800000, "ms", "a session is replaced after this time")           \
    X(close_timeout, 5000, 0, 60000, "ms", "time for the orderly end of a session")                \
    X(max_resends, 2, 0, 1000, "times",                                                            \
      "times that a call is sent again that was not executed, or may be executed twice")           \
    X(retry_delay, 100, 1, 3600000, "ms",                                                          \
      "wait before a call is sent or a session opened again after a failure; doubled each time")   \
    X(max_retry_delay, 5000, 1, 3600000, "ms", "longest of these waits")                           \
    X(max_pause, 60000, 0, 86400000, "ms",                                                         \
      "longest time for which a server's Retry-After keeps its calls waiting")                     \
    X(breaker_failures, 5, 0, 1000000, "failures",                                                 \
      "failures in a row after which calls of an endpoint fail at once; 0: never")                 \
    X(breaker_pause, 30000, 1, 86400000, "ms", "time after which one call may try it again")       \
    X(probe_idle, 60000, 0, 86400000, "ms",                                                        \
      "a session not used for so long, or silent for a whole call, is probed first; 0: never")     \
    X(probe_limit, 5000, 1, 3600000, "ms", "time for the answer to that probe")

typedef struct souk_pool_options {
#define SOUK_POOL_FIELD(name, standard, least, most, unit, meaning) int64_t name;
    SOUK_POOL_OPTIONS(SOUK_POOL_FIELD)
#undef SOUK_POOL_FIELD
} souk_pool_options;

void souk_pool_options_default(souk_pool_options *options);

/* X(name, meaning): counters since the pool was made; standing calls are in none of them */
#define SOUK_POOL_COUNTERS(X)                                                                      \
    X(calls, "calls taken")                                                                        \
    X(calls_ok, "calls that ended with a result")                                                  \
    X(calls_failed, "calls that ended with an error")                                              \
    X(calls_resent, "calls that were sent again")                                                  \
    X(calls_waited, "calls that had to wait for a session")                                        \
    X(calls_refused, "calls that failed at once because the breaker was open")                     \
    X(sessions_opened, "sessions opened")                                                          \
    X(sessions_failed, "sessions that could not be opened")                                        \
    X(sessions_reused, "calls that found an open session")                                         \
    X(sessions_lost, "sessions that died")                                                         \
    X(sessions_closed, "sessions closed in order")                                                 \
    X(sessions_evicted, "sessions closed to make room for others")                                 \
    X(sessions_probed, "sessions that were probed before they were used")                          \
    X(breaker_opened, "times that a breaker opened")                                               \
    X(notes_dropped, "events dropped because nobody fetched them")

typedef struct souk_pool_stats {
#define SOUK_POOL_COUNTER(name, meaning) uint64_t name;
    SOUK_POOL_COUNTERS(SOUK_POOL_COUNTER)
#undef SOUK_POOL_COUNTER
    size_t sessions; /* now, in whatever state */
    size_t keys;
    size_t in_flight; /* standing calls not counted */
    size_t waiting;   /* likewise */
    size_t standing;  /* standing calls, in flight or waiting */
} souk_pool_stats;

/*
 * `port` is used by handlers, `env` by those that look for credentials; both are copied and must
 * stay usable as long as the pool. seed: an unguessable number (hash tables, jitter). NULL when out
 * of memory.
 */
souk_pool *souk_pool_new(const souk_alloc *alloc, const souk_pool_options *options,
                         const souk_port *port, const souk_env *env, uint64_t seed);

/* Drops everything at once, without telling servers; for an orderly end see souk_pool_close. */
void souk_pool_free(souk_pool *pool);

/* The pool does not own the handler, which must outlive it. SOUK_E_CONFIG when the prefix is taken.
 */
int souk_pool_add_handler(souk_pool *pool, const souk_handler *handler, souk_err *err);

/* The handler of that prefix, or NULL. */
const souk_handler *souk_pool_handler(const souk_pool *pool, souk_slice prefix);

/* What handlers need of the pool's surroundings. */
const souk_port *souk_pool_port(const souk_pool *pool);
const souk_env *souk_pool_env(const souk_pool *pool);

typedef struct souk_call_options {
    souk_ms timeout; /* 0: the default */
    souk_ms cap;     /* progress cannot extend it beyond; 0: option call_cap */
    bool may_resend; /* executing it twice does no harm: resend when nobody knows whether it was */
    /*
     * It has no deadline and stands until it is cancelled, fails, or its session is replaced (then
     * it fails with SOUK_E_CLOSED, so that it can be put again). The pool never sends it again by
     * itself. Such a call keeps a session from growing idle, but not from being replaced, or closed
     * for want of room; it never is the reason for a second session, nor for closing another one.
     */
    bool standing;
    uint64_t on_hold; /* not 0: only on the session that this hold has (souk_pool_hold) */
} souk_call_options;

/* A call, as it is given to the pool. */
typedef struct souk_order {
    const souk_target *target;
    const souk_request *request; /* its body is not looked at */
    souk_buf *body;              /* JSON text, moved from */
    souk_call_options options;
} souk_order;

/*
 * Takes a call. Texts of the request are copied, but its metadata and its input schema are borrowed
 * and must live until the call was fetched with souk_pool_next. *id is its number. An error means
 * that nothing was taken and no outcome will follow (the body is lost).
 */
int souk_pool_call(souk_pool *pool, const souk_order *order, souk_ms now, uint64_t *id,
                   souk_err *err);

/*
 * Takes a hold of a session that nobody else gets: its target has an affinity of its own, or that
 * which `target` names. *id is a call whose answer is {"session": label, "protocol", "generation"};
 * once it is there, calls with on_hold = *id run on that session. It neither grows idle nor old
 * while it is held. When it is lost it is not renewed: calls on it end with SOUK_E_CLOSED.
 */
int souk_pool_hold(souk_pool *pool, const souk_target *target, souk_ms timeout, souk_ms now,
                   uint64_t *id, souk_err *err);

/*
 * Gives it back, also when it has not got a session yet. The session is closed, unless the target
 * named an affinity: then it stays for the next who names it. Unknown ids are ignored.
 */
void souk_pool_release(souk_pool *pool, uint64_t hold, souk_ms now);

/*
 * What the endpoint's server said about itself (souk_session_describe); empty when nothing is
 * known. Valid until the next call of a function of the pool.
 */
souk_slice souk_pool_about(souk_pool *pool, const souk_target *target, souk_ms now);

/* Ends a call with SOUK_E_CANCELLED; its outcome is queued as every other. Unknown ids are ignored.
 */
void souk_pool_cancel(souk_pool *pool, uint64_t id, souk_ms now);

/* An event of the engine; ids that nobody knows are ignored. */
void souk_pool_io(souk_pool *pool, const souk_io_event *event, souk_ms now);

/* Acts on everything that was reported, and on deadlines that have passed. */
void souk_pool_run(souk_pool *pool, souk_ms now);

/* When souk_pool_run has to be called at the latest; SOUK_NEVER: not before something happens. */
souk_ms souk_pool_deadline(const souk_pool *pool);

/*
 * Answers an ask: JSON text, or an error. False when nobody waits for the answer any more; unknown
 * ids are ignored.
 */
bool souk_pool_answer(souk_pool *pool, uint64_t id, souk_slice json, const souk_err *err,
                      souk_ms now);

typedef enum souk_outcome_kind {
    SOUK_OUTCOME_DONE,     /* a call ended */
    SOUK_OUTCOME_ASK,      /* a question to the program */
    SOUK_OUTCOME_NOTE,     /* something for observers */
    SOUK_OUTCOME_PROGRESS, /* a call goes on */
    SOUK_OUTCOME_NOTICE    /* a server said something that belongs to no call */
} souk_outcome_kind;

typedef struct souk_outcome {
    souk_outcome_kind kind;
    uint64_t id;                 /* of the call or of the ask */
    souk_err err;                /* DONE: kind SOUK_OK, or why it failed */
    souk_answer *answer;         /* DONE: may be moved from; never NULL */
    souk_ask_kind ask;           /* ASK */
    uint64_t number;             /* ASK: which function of the program */
    uint64_t call;               /* ASK: the call it is about, or 0 */
    souk_slice name;             /* NOTE: "session_opened", ...; NOTICE: the method */
    souk_slice payload;          /* ASK, NOTE, PROGRESS: JSON text; NOTICE: params, may be empty */
    souk_slice server, identity; /* NOTICE: of the target */
} souk_outcome; /* what it points to is valid until the next call of souk_pool_next */

bool souk_pool_next(souk_pool *pool, souk_outcome *outcome);

/* Whether souk_pool_next would fetch one. */
bool souk_pool_has_outcome(const souk_pool *pool);

/* True when a call with this id is still known. */
bool souk_pool_knows(const souk_pool *pool, uint64_t id);

/* Notes are only made when somebody wants them. */
void souk_pool_want_notes(souk_pool *pool, bool wanted);

/*
 * A note of the pool's owner, among its own: name is static, fields a JSON object's text, copied.
 * Nothing happens when nobody wants notes.
 */
void souk_pool_note(souk_pool *pool, const char *name, souk_slice fields);

/*
 * Starts the orderly end: calls end with SOUK_E_CLOSED, sessions are closed, also those that are
 * still opening. Go on with io and run until souk_pool_is_empty (after close_timeout at the
 * latest), or free it when patience ends.
 */
void souk_pool_close(souk_pool *pool, souk_ms now);
bool souk_pool_is_empty(const souk_pool *pool); /* no session left, in whatever state */

/* Messages that nobody waits for and that are still on their way: the engine should be driven until
 * they have left. */
size_t souk_pool_on_the_way(const souk_pool *pool);

void souk_pool_get_stats(const souk_pool *pool, souk_pool_stats *stats);

/* How long things took, of all servers together; standing calls are in none of them. */
typedef struct souk_pool_latency {
    souk_histogram call; /* from souk_pool_call to the end, whichever it was */
    souk_histogram wait; /* until a call got its session; once more for one that is sent again */
    souk_histogram open; /* of sessions that were opened, from the first step on */
} souk_pool_latency;

const souk_pool_latency *souk_pool_get_latency(const souk_pool *pool);

/* One server, all identities together. */
typedef struct souk_server_info {
    souk_slice name;
    uint64_t calls, failed; /* as in souk_pool_stats */
    size_t sessions;        /* the rest as it is now */
    size_t in_flight, waiting;
    const char *breaker;           /* "closed", "half-open", "open": the worst of its endpoints */
    const souk_histogram *latency; /* of its calls that have ended */
} souk_server_info;

/* Walks the servers that calls went to: start with *cursor = 0; false at the end. */
bool souk_pool_each_server(const souk_pool *pool, size_t *cursor, souk_ms now,
                           souk_server_info *info);

typedef struct souk_session_info {
    souk_slice handler; /* prefix */
    souk_slice server;  /* name or fingerprint of the endpoint; holds no secret */
    souk_slice identity;
    const char *state;   /* "opening", "open", "retiring", "lost", "closing" */
    const char *label;   /* shortened session id or process id */
    const char *detail;  /* protocol revision or the like */
    uint64_t generation; /* 1 for the first session of its endpoint */
    size_t in_flight;    /* standing calls not counted */
    size_t holds;        /* callers who hold it */
    uint64_t calls;      /* calls that it executed; standing ones not counted */
    souk_ms age, idle;   /* ms */
} souk_session_info;

/* Walks the sessions: start with *cursor = 0; false at the end. */
bool souk_pool_each_session(const souk_pool *pool, size_t *cursor, souk_ms now,
                            souk_session_info *info);

/* Closes idle sessions of an endpoint by server name ("" for all); in use ones close when their
 * calls end. */
void souk_pool_close_sessions(souk_pool *pool, souk_slice server, souk_ms now);

#endif
