/*
 * The interface between the pool and a session handler. The pool knows sessions, callers and
 * limits, and no protocol; a handler knows one protocol, and nothing of who waits or why.
 *
 * A handler is asked through the functions of souk_handler and answers through the souk_session_*
 * and souk_call_* functions below. These only take notes: the pool acts on them later
 * (souk_pool_run), so a handler may call them from anywhere, also from inside `open` or `call`.
 */
#ifndef SOUK_HANDLER_H
#define SOUK_HANDLER_H

#include "base/pairs.h"
#include "base/wire.h"
#include "json/doc.h"

struct souk_pool;

/*
 * A caller that uses the same target again and again may keep a memo with it, zeroed at first: the
 * pool then does not have to describe the endpoint anew for each call. It must not outlive a change
 * of the target.
 */
typedef struct souk_target_memo {
    void *entry;
    uint64_t epoch;
    souk_ms until; /* variables of the environment may change: it is looked at again now and then */
} souk_target_memo;

/* Where a server is, and who asks. */
typedef struct souk_target {
    souk_slice prefix;   /* which handler: "mcp" */
    souk_slice name;     /* the server's name, for messages and token variables; may be empty */
    souk_slice identity; /* who asks: a name that the caller chose; never a credential */
    souk_slice affinity; /* a name for a session of its own, kept apart from all others; or empty */
    souk_pairs config;   /* flat metadata: mcp_server_url, ... */
    uint64_t auth;  /* not 0: the program gives credentials, through a SOUK_ASK_CREDENTIAL with this
                       number */
    uint64_t input; /* not 0: the program answers what a server asks, through SOUK_ASK_INPUT with
                       this number */
    bool no_stream; /* no standing stream is wanted, not even for what a server asks */
    unsigned
        abilities; /* what it can be asked, and more that is declared: for MCP souk_mcp_ability */
    souk_target_memo *memo; /* NULL: none */
} souk_target;

typedef enum souk_request_kind {
    /* Handlers that have no such thing fail all but the first two with SOUK_E_CONFIG. */
    SOUK_REQUEST_CAPABILITY, /* body is the capability's input */
    SOUK_REQUEST_METHOD,     /* name is a method of the protocol, body its params */
    SOUK_REQUEST_NOTIFY,     /* name is a notification, body its params: ends when it was sent */
    SOUK_REQUEST_TASK,       /* name is the id of a task that was begun by an earlier call */
    SOUK_REQUEST_LISTEN,     /* stands until cancelled; body says what is to be heard */
    SOUK_REQUEST_PING,       /* is the server there? */
    SOUK_REQUEST_LOG_LEVEL,  /* name is the least severe log message that is wanted */
    SOUK_REQUEST_HOLD        /* the pool's own, no handler sees it: a session that is held */
} souk_request_kind;

typedef struct souk_request {
    souk_request_kind kind;
    souk_slice capability;   /* id of the capability, or the server's name: for messages */
    souk_slice name;         /* see souk_request_kind */
    souk_pairs metadata;     /* CAPABILITY: its flat metadata */
    souk_slice input_schema; /* CAPABILITY: JSON text, or empty */
    souk_slice body;         /* JSON text */
    bool raw;                /* the whole result is wanted, not its value */
    bool progress;           /* progress is wanted (SOUK_OUTCOME_PROGRESS) */
    souk_slice traceparent, tracestate, baggage; /* W3C trace context; each may be empty */
} souk_request;                                  /* everything lives as long as the call */

/* What came back. For a failed call `value` is the data of the error, if there is any. */
typedef struct souk_answer {
    souk_json_doc doc;      /* what was received */
    souk_json_doc inner;    /* a document that was inside a text of it */
    const souk_jval *value; /* into one of the two; NULL: JSON null */
    bool structured;        /* value is what an output schema speaks of, not some text around it */
    bool asked;             /* the program was asked for input on the way: not to be cached */
} souk_answer;

void souk_answer_init(souk_answer *answer, const souk_alloc *alloc);
void souk_answer_free(souk_answer *answer);
void souk_answer_move(souk_answer *to, souk_answer *from);

typedef struct souk_session {
    struct souk_pool *pool;
    const souk_alloc *alloc;
    const souk_target *target;
    uint64_t *memory; /* SOUK_MEMORY_WORDS words that outlive the session: what was learnt about its
                         endpoint */
    souk_id id_base;  /* ids for the port: id_base + n, 0 < n < 2^32, each once */
    size_t on_the_way; /* messages that nobody waits for, not sent yet; set by the handler */
    void *state;       /* the handler's; freed by its `free` */
    char label[24];    /* for people: a shortened session id, a process id; set by the handler */
    const char *
        detail; /* for people: the protocol revision or the like; static text, set by the handler */
} souk_session;

enum { SOUK_MEMORY_WORDS = 4 };

typedef struct souk_call {
    uint64_t id;
    souk_request request;
    souk_ms deadline;      /* the pool watches it and calls `cancel`; SOUK_NEVER: it stands */
    souk_ms cap;           /* the deadline never moves past it */
    souk_session *session; /* while a session executes it */
    void *state; /* the handler's, from `call` until it reports the end or `cancel` returns */
} souk_call;

enum { SOUK_NOTHING_TO_PROBE = 1 };

typedef struct souk_handler souk_handler;
struct souk_handler {
    const char *prefix;
    void *user;

    /*
     * Writes the endpoint's fingerprint: two targets with the same one may share a session.
     * Identity is added by the pool. SOUK_E_CONFIG when the target is incomplete.
     */
    int (*key)(const souk_handler *self, const souk_target *target, souk_buf *key, souk_err *err);

    /*
     * Starts opening; sets session->state. A failure may also be reported later by
     * souk_session_failed. The pool calls `free` in every case, after `open` failed too.
     */
    int (*open)(const souk_handler *self, souk_session *session, souk_ms now, souk_err *err);

    /*
     * Starts the call; its end is reported by souk_call_done or souk_call_failed, unless this
     * returns an error, which means that nothing was sent if it does not set another delivery.
     */
    int (*call)(const souk_handler *self, souk_session *session, souk_call *call, souk_ms now,
                souk_err *err);

    /*
     * Nobody waits any more: tell the server if the protocol can, and forget the call. Nothing is
     * reported. why: how the call ends; SOUK_E_CANCELLED by the caller, SOUK_E_TIMEOUT, or
     * SOUK_E_CLOSED when the session is replaced or the pool closed. The handler may change its
     * message, when there is more that the caller should know.
     */
    void (*cancel)(const souk_handler *self, souk_session *session, souk_call *call, souk_err *why,
                   souk_ms now);

    /*
     * Starts closing; souk_session_closed is reported when all is done. No calls are in flight.
     * When the pool itself is closed this may come while the session is still opening.
     */
    void (*close)(const souk_handler *self, souk_session *session, souk_ms now);

    /* Something happened to an exchange or child of this session. */
    void (*io)(const souk_handler *self, souk_session *session, const souk_io_event *event,
               souk_ms now);

    /* The answer to an ask of this session: JSON text, or an error when err is not NULL. */
    void (*answer)(const souk_handler *self, souk_session *session, uint64_t ask, souk_slice json,
                   const souk_err *err, souk_ms now);

    /* When tick wants to be called next (SOUK_NEVER: not), and that call. */
    souk_ms (*deadline)(const souk_handler *self, const souk_session *session);
    void (*tick)(const souk_handler *self, souk_session *session, souk_ms now);

    /*
     * Starts finding out whether a session is still there that was not used for long, or (suspect)
     * that a call on it ran out of time, by the cheapest thing that its server has;
     * souk_session_probed or souk_session_lost follows. 1 (SOUK_NOTHING_TO_PROBE): there is nothing
     * that could have been lost. An error: it is lost. NULL: sessions are never probed.
     */
    int (*probe)(const souk_handler *self, souk_session *session, bool suspect, souk_ms now,
                 souk_err *err);

    /* Frees session->state; cancels what is still under way at the port. session->state may be
     * NULL. */
    void (*free)(const souk_handler *self, souk_session *session);
};

/* What a handler reports. */

void souk_session_opened(souk_session *session);

/* Opening did not succeed. */
void souk_session_failed(souk_session *session, const souk_err *why);

/* It is of no use any more; calls in flight are reported one by one. */
void souk_session_lost(souk_session *session, const souk_err *why);

/* After `probe`: it is there. */
void souk_session_probed(souk_session *session);

/* After `close`. */
void souk_session_closed(souk_session *session);

/* The call succeeded; the content of *answer is moved away. */
void souk_call_done(souk_call *call, souk_answer *answer);

/*
 * The call failed. err->delivery is set. lost: it failed because the session is gone (the server
 * rejected it for that reason), so the pool may try it once more on a new session. answer (may be
 * NULL) has the error's data and is moved away.
 */
void souk_call_failed(souk_call *call, const souk_err *err, bool lost, souk_answer *answer);

/* What a handler may want from the program that uses souk. */

typedef enum souk_ask_kind {
    SOUK_ASK_CREDENTIAL, /* number: target.auth; answer: a JSON string with the token, or null */
    SOUK_ASK_OPEN,       /* handlers that the program itself implements: */
    SOUK_ASK_CALL,       /* number: which of them (souk_ask_handler_new) */
    SOUK_ASK_CANCEL,     /* no answer is expected to this one and the next */
    SOUK_ASK_CLOSE,
    /*
     * A server asks: number: target.input; answer: a JSON object, the result that the method
     * promises. Payload: {"server", "identity", "method", "params"}, for MCP "elicitation/create",
     * "sampling/createMessage" or "roots/list"; and "capability" when it is about the call of one.
     */
    SOUK_ASK_INPUT,
    /*
     * The answer to an INPUT that the program has seen is not needed any more: {"ask": its id}. The
     * pool makes it (souk_session_withdraw); no answer is expected. number: as for the INPUT.
     */
    SOUK_ASK_WITHDRAWN,
    /*
     * Several processes share their sessions, and the program keeps what they know of each other's
     * (pool/mcp_share.c has the payloads and the answers). WITHDRAWN follows an ADOPT, too.
     */
    SOUK_ASK_ADOPT,   /* a session is needed: is there one, or who opens it? */
    SOUK_ASK_PUBLISH, /* it was opened: for the others; no answer to it and the next two */
    SOUK_ASK_GIVE_UP, /* it could not be opened: another one may try */
    SOUK_ASK_LOST,    /* it is gone: nobody is to adopt it any more */
    SOUK_ASK_LEAVE    /* it is not needed here any more: does nobody else use it? */
} souk_ask_kind;

/* A question to the program. */
typedef struct souk_question {
    souk_ask_kind kind;
    uint64_t number;    /* which function of the program */
    uint64_t call;      /* the call it is about, or 0 */
    souk_slice payload; /* JSON text, copied */
} souk_question;

/* Puts a question; *id identifies the answer. SOUK_E_LIMIT when too many are open. */
int souk_session_ask(souk_session *session, const souk_question *question, uint64_t *id,
                     souk_err *err);

/*
 * Takes a question back: its answer will be ignored. True when the program has seen it already (of
 * a SOUK_ASK_INPUT it then learns that); false when it will never see it. The questions of a
 * session that ends are taken back by the pool.
 */
bool souk_session_withdraw(souk_session *session, uint64_t ask);

/* Something that observers may want to know: name such as "session_probed", fields a JSON object's
 * text. */
void souk_session_note(souk_session *session, const char *name, souk_slice fields);

/* The call's time begins anew: its deadline moves, but never past its absolute cap, nor nearer. */
void souk_call_extend(souk_call *call, souk_ms now);

/*
 * The call, or all calls of the session, wait for somebody who may take until then: their deadlines
 * move to that moment, but never past their caps, and never nearer.
 */
void souk_call_hold(souk_call *call, souk_ms until);
void souk_session_hold(souk_session *session, souk_ms until);

/* What was waited for is there: their time begins anew. */
void souk_call_release(souk_call *call, souk_ms now);
void souk_session_release(souk_session *session, souk_ms now);

/*
 * The call goes on: its deadline moves (souk_call_extend), and the program is told, always before
 * it is told the end. For what is worth telling also when request.progress is not set; else
 * souk_call_extend is enough. payload: a JSON object's text, copied.
 */
void souk_call_progress(souk_call *call, souk_slice payload, souk_ms now);

/*
 * The server said something that belongs to no call. It is queued for the program whether somebody
 * observes or not. params: JSON text, may be empty; copied.
 */
void souk_session_notice(souk_session *session, souk_slice method, souk_slice params);

/*
 * What the server says about itself, a JSON object's text, copied. It is kept with the endpoint and
 * outlives the session (souk_pool_about). False when out of memory.
 */
bool souk_session_describe(souk_session *session, souk_slice about);

#endif
