/*
 * The insides of the MCP handler; only mcp_*.c of this folder include it.
 *
 * mcp_handler.c   the interface: keys, and passing on what happens
 * mcp_open.c      opening: endpoint, credential, configuration of the session
 * mcp_share.c     sessions that several processes use
 * mcp_call.c      calls: their operations, their ends, their progress and tasks
 * mcp_question.c  what servers ask, and the answers
 * mcp_probe.c     is the session still there?
 * mcp_report.c    everything that is new goes to the pool: states, ends, notices
 */
#ifndef SOUK_MCP_STATE_H
#define SOUK_MCP_STATE_H

#include "mcp/operation.h"
#include "pool/mcp_endpoint.h"
#include "pool/mcp_handler.h"

/* A question of the server that the program has to answer. */
typedef struct souk_mcp_question {
    struct souk_mcp_question *next;
    uint64_t question; /* of the operations */
    uint64_t ask;      /* of the pool */
    souk_call *call;   /* the one that it is about; NULL: none, or it has ended */
    souk_ms by;        /* until then it has to be answered */
} souk_mcp_question;

/* The task that a server made of a call. */
typedef struct souk_mcp_task_name {
    struct souk_mcp_task_name *next;
    const souk_call *call;
    char id[]; /* cut to what fits into a message */
} souk_mcp_task_name;

typedef enum souk_mcp_role {
    SOUK_MCP_ALONE,   /* nobody else uses the session */
    SOUK_MCP_ASKING,  /* an ADOPT is open */
    SOUK_MCP_OPENER,  /* it is being opened for all */
    SOUK_MCP_SHARING, /* others may use it, too */
    SOUK_MCP_LEAVING  /* a LEAVE is open, and its place is somebody else's */
} souk_mcp_role;

enum { SOUK_MCP_SHARED_NAME = 48 };

/* What a session is among the processes that share theirs. Most sessions have none. */
typedef struct souk_mcp_share {
    souk_mcp_role role;
    unsigned place;  /* among this process's shared sessions with the endpoint */
    uint64_t number; /* of the questions to the program */
    uint64_t ask;    /* ADOPT or LEAVE; 0: none is open */
    souk_ms ask_by;  /* until then ADOPT has to be answered */
    uint64_t generation;
    uint32_t seat;
    char endpoint[SOUK_MCP_SHARED_NAME]; /* the same in every process */
} souk_mcp_share;

/* What a pool session is for this handler. */
typedef struct souk_mcp_slot {
    souk_arena arena;
    souk_mcp_endpoint endpoint;
    souk_mcp *mcp;       /* NULL until there is a credential */
    souk_mcp_ops *ops;   /* as mcp */
    souk_mcp_state seen; /* the last state that was reported */
    bool has_token;
    bool refreshed;           /* the credential was refused while opening, and read once more */
    char group[33];           /* connections are shared only within it */
    const char *token_source; /* the variable it came from; "" */
    const char *looked_for;   /* the variables that were looked at; for messages */
    souk_mcp_share *share;    /* NULL: SOUK_MCP_ALONE */
    uint64_t ask;             /* for the credential; 0: none is open */
    souk_ms ask_by;           /* until then it has to be answered */
    souk_mcp_question *questions;
    souk_mcp_task_name *tasks;
    souk_mcp_op *level_op; /* the handler's own LOG_LEVEL; its address is the tag */
    uint64_t level;        /* the log level that the session was last told */
    souk_mcp_op *probe_op; /* the pool wants to know whether the session is there; likewise */
} souk_mcp_slot;

/* Indexes into souk_session.memory. */
enum {
    SOUK_MCP_MEMORY_REVISION = 0,
    SOUK_MCP_MEMORY_LOG_LEVEL = 1, /* 0: none is wanted */
    SOUK_MCP_MEMORY_REFUSED = 2,   /* 1: the last credential was, and who gives them was not told */
    SOUK_MCP_MEMORY_SHARED = 3     /* a bit for each place of a shared session that is taken */
};

/* mcp_open.c */
int souk_mcp_slot_open(const souk_handler *self, souk_session *session, souk_ms now, souk_err *err);
/* An ask was answered that is no question of the server: the one for the credential. */
void souk_mcp_slot_answer(const souk_handler *self, souk_session *session, uint64_t ask,
                          souk_slice json, const souk_err *err, souk_ms now);
/*
 * The server refused the credential while the session was opening. It may have been replaced in the
 * meantime: it is read once more, and the opening begins anew. False when that is of no use.
 */
bool souk_mcp_slot_refresh(const souk_handler *self, souk_session *session, const souk_err *why,
                           souk_ms now);
/* The program did not answer the ask for a credential in time. */
void souk_mcp_slot_ask_silent(souk_session *session);

/* mcp_share.c */
/* Opens the session, or asks first whether another process has done so. */
void souk_mcp_share_begin(const souk_handler *self, souk_session *session, souk_ms now);
/* False when the ask is none of these. */
bool souk_mcp_share_answered(const souk_handler *self, souk_session *session, uint64_t ask,
                             souk_slice json, const souk_err *err, souk_ms now);
/* The program did not answer in time. */
void souk_mcp_share_silent(const souk_handler *self, souk_session *session, souk_ms now);
/* The session is open; could not be opened; is gone. */
void souk_mcp_share_ready(souk_session *session);
void souk_mcp_share_failed(souk_session *session);
void souk_mcp_share_lost(souk_session *session);
void souk_mcp_share_free(souk_session *session);
souk_ms souk_mcp_share_deadline(const souk_mcp_slot *state);
/* Before the session is closed: true when its end waits for what the program says. */
bool souk_mcp_share_leave(const souk_handler *self, souk_session *session);

/* mcp_call.c */
int souk_mcp_call_start(souk_session *session, souk_call *call, souk_ms now, souk_err *err);
void souk_mcp_call_cancel(souk_session *session, souk_call *call, souk_err *why, souk_ms now);
void souk_mcp_call_end(souk_session *session, souk_mcp_news *news);
void souk_mcp_call_goes_on(const souk_session *session, souk_call *call, const souk_mcp_news *news,
                           souk_ms now);
/* Tells the server which log messages are wanted, if it has not heard that yet. */
void souk_mcp_level_keep(souk_session *session, souk_ms now);
void souk_mcp_level_end(souk_mcp_slot *state, const souk_mcp_news *news);

/* mcp_probe.c */
int souk_mcp_probe(const souk_handler *self, souk_session *session, bool suspect, souk_ms now,
                   souk_err *err);
void souk_mcp_probe_end(souk_session *session, const souk_mcp_news *news);
/* The session closes: nobody wants to know any more. */
void souk_mcp_probe_drop(souk_session *session, souk_ms now);

/* mcp_question.c */
void souk_mcp_question_put(const souk_mcp_handler *handler, souk_session *session,
                           const souk_mcp_news *news, souk_ms now);
void souk_mcp_question_withdrawn(souk_session *session, uint64_t question);
/* False when the ask is no question of the server. */
bool souk_mcp_question_answered(souk_session *session, uint64_t ask, souk_slice json,
                                const souk_err *err, souk_ms now);
/* The call has ended; questions about it may go on, but are about it no more. */
void souk_mcp_question_forget_call(souk_mcp_slot *state, const souk_call *call);
souk_ms souk_mcp_question_deadline(const souk_mcp_slot *state);
/* Answers those whose time is over with an error. */
void souk_mcp_question_tick(souk_session *session, souk_ms now);
/* Takes all of them back; no answer goes to the server. */
void souk_mcp_question_drop_all(souk_session *session);

/* mcp_report.c */
/* Passes on everything that is new in the session, which must have a souk_mcp. */
void souk_mcp_slot_report(const souk_handler *self, souk_session *session, souk_ms now);
/* Says which server an error is about, and for refused credentials what a person can do. */
void souk_mcp_slot_explain(const souk_session *session, souk_err *err);

#endif
