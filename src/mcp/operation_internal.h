/*
 * The insides of operations; only operation*.c include it.
 *
 * operation.c           birth, end, what is told; time
 * operation_news.c      what the session says, and whose it is
 * operation_send.c      the operation's own request: its method, params and headers
 * operation_headers.c   Mcp-Param-*, and a tool's schema read anew after -32020
 * operation_question.c  questions and what becomes of them
 * operation_round.c     rounds: multi round-trip requests, -32042, and the answers
 * operation_task.c      a task that is followed
 * operation_listen.c    subscriptions in both eras
 *
 * An operation has at most one request under way beside those that nobody waits for (`side`). It
 * is in one of four states: a request is under way (main.id), it waits for answers (questions), for
 * a moment (due), or it has ended and waits to be fetched.
 */
#ifndef SOUK_OPERATION_INTERNAL_H
#define SOUK_OPERATION_INTERNAL_H

#include "base/deadline.h"
#include "base/idmap.h"
#include "mcp/header.h"
#include "mcp/operation.h"
#include "mcp/rpc.h"

enum {
    SOUK_MCP_QUESTIONS_MAX = 64,          /* of one operation that wait for their answers */
    SOUK_MCP_TASK_KEYS_MAX = 64 * 1024,   /* bytes of all keys that one task asked for */
    SOUK_MCP_QUICK_TIMEOUT = 30 * 1000,   /* ms for requests that a server answers without work */
    SOUK_MCP_ROUND_DELAY_MOST = 60 * 1000 /* ms */
};

typedef struct souk_mcp_op_question souk_mcp_op_question;
typedef struct souk_mcp_item souk_mcp_item;
typedef struct souk_mcp_followed souk_mcp_followed;
typedef struct souk_mcp_listening souk_mcp_listening;

/* Something new that waits to be fetched; part of an operation or question, or on its own. */
struct souk_mcp_item {
    souk_mcp_item *prev, *next;
    bool queued;
    souk_mcp_news_kind kind;
    souk_mcp_op *op;                /* NULL: of none */
    souk_mcp_op_question *question; /* QUESTION, WITHDRAWN */
    souk_slice method;              /* into doc, or static */
    souk_json_doc doc;
    const souk_jval *value;
};

/* A request that is under way; its address is the tag. */
typedef struct souk_mcp_sent {
    souk_mcp_op *op;
    uint64_t id; /* JSON-RPC; 0: none */
} souk_mcp_sent;

/* What the request under way is. */
typedef enum souk_mcp_step {
    SOUK_MCP_STEP_CALL,  /* the operation's own, for the first time or again */
    SOUK_MCP_STEP_TOOLS, /* tools/list, to find the schema of a tool */
    SOUK_MCP_STEP_LOOK,  /* tasks/get */
    SOUK_MCP_STEP_TELL,  /* tasks/update */
    SOUK_MCP_STEP_STAND  /* souk_mcp_listen */
} souk_mcp_step;

typedef struct souk_mcp_op_questions {
    souk_mcp_op_question *first, *last;
} souk_mcp_op_questions;

struct souk_mcp_op {
    souk_mcp_ops *ops;
    souk_mcp_op *prev, *next;
    souk_mcp_order order;
    souk_mcp_sent main;
    souk_mcp_sent side;
    souk_mcp_step step;
    souk_mcp_headers headers; /* Mcp-Param-* */
    souk_deadline due;        /* always in ops->deadlines */
    bool resent_version;      /* after -32022 */
    bool resent_headers;      /* after -32020 */

    bool asked;
    unsigned rounds;
    souk_buf state; /* JSON text of the requestState of this round; empty: none */
    souk_buf input; /* members of params that answer the last round, while it is sent */
    souk_mcp_op_questions questions;

    unsigned pages;  /* of the tools/list that is read */
    souk_buf cursor; /* of its page under way */
    souk_mcp_followed *task;
    souk_mcp_listening *listening;

    bool ended;
    souk_err err; /* of the end; before it, of the request that is tried again */
    bool lost;
    souk_mcp_item end;
};

typedef enum souk_mcp_asker {
    SOUK_MCP_ASKED_BY_SERVER, /* a request of a legacy server */
    SOUK_MCP_ASKED_BY_ROUND,
    SOUK_MCP_ASKED_BY_URL, /* -32042 */
    SOUK_MCP_ASKED_BY_TASK
} souk_mcp_asker;

struct souk_mcp_op_question {
    souk_mcp_ops *ops;
    souk_mcp_op *op; /* NULL: of none */
    souk_mcp_op_question *prev, *next;
    uint64_t id;
    souk_mcp_asker asker;
    uint64_t asked; /* BY_SERVER: the session's id of it */
    souk_buf key;   /* BY_ROUND, BY_TASK: its name in inputRequests */
    bool answered;
    souk_buf answer; /* JSON text */
    souk_mcp_item item;
};

struct souk_mcp_ops {
    const souk_alloc *alloc;
    souk_mcp *mcp;
    souk_mcp_ops_config config;
    souk_mcp_op *first;
    souk_mcp_item *first_item, *last_item;
    souk_deadlines deadlines;
    uint64_t question_serial;
    souk_idmap questions;        /* id -> a question that may be answered */
    souk_mcp_op_questions loose; /* of no operation, or of one that has ended */
};

/* operation.c */

void souk_mcp_item_init(souk_mcp_item *item, const souk_alloc *alloc, souk_mcp_news_kind kind,
                        souk_mcp_op *op);
void souk_mcp_item_put(souk_mcp_ops *ops, souk_mcp_item *item);
void souk_mcp_item_take_out(souk_mcp_ops *ops, souk_mcp_item *item);
/* An item on its own. doc (may be NULL) is moved from; without memory the news is lost. */
void souk_mcp_tell(souk_mcp_ops *ops, souk_mcp_op *op, souk_mcp_news_kind kind, souk_slice method,
                   souk_json_doc *doc, const souk_jval *value);
/* The same for a value that is written as JSON text; the buffer is emptied. */
void souk_mcp_tell_text(souk_mcp_ops *ops, souk_mcp_op *op, souk_mcp_news_kind kind,
                        souk_slice method, souk_buf *text);

/*
 * Ends of an operation; it is gone when its end is fetched. doc is moved from. The data of an
 * error is given to souk_mcp_op_keep before.
 */
void souk_mcp_op_done(souk_mcp_op *op, souk_json_doc *doc, const souk_jval *value);
void souk_mcp_op_fail(souk_mcp_op *op, const souk_err *err, bool lost);
/* Keeps the failure of a request that may be tried again, and ends with what was kept. */
void souk_mcp_op_keep(souk_mcp_op *op, souk_mcp_end *end);
void souk_mcp_op_give_up(souk_mcp_op *op, bool lost);
/* Fails with an error that is this side's judgement of an answer: delivered. */
void souk_mcp_op_refuse(souk_mcp_op *op, souk_err *err);

/* operation_news.c */

/* Takes one thing from the session; false when it has nothing more to say. */
bool souk_mcp_ops_pump(souk_mcp_ops *ops, souk_ms now);

/* operation_send.c */

bool souk_mcp_op_is_modern(const souk_mcp_op *op);
bool souk_mcp_op_is_http(const souk_mcp_op *op);
/* Sends the operation's own request, with what answers the last round. */
int souk_mcp_op_send(souk_mcp_op *op, souk_err *err);
/* The same; the operation fails when it cannot be sent. */
void souk_mcp_op_resend(souk_mcp_op *op);
/* Sends another request in its name. name: for Mcp-Name, or empty. */
int souk_mcp_op_send_quick(souk_mcp_op *op, souk_mcp_sent *sent, souk_slice method,
                           souk_slice params, souk_slice name, souk_err *err);

/* operation_headers.c */

/* Makes the headers of a tool's arguments; schema: JSON text, may be empty. */
int souk_mcp_op_make_headers(souk_mcp_op *op, souk_slice schema, souk_err *err);
/* Whether the failure is about headers, and the tool's schema is being read anew. */
bool souk_mcp_op_reads_tools(souk_mcp_op *op, souk_mcp_end *end);
void souk_mcp_op_take_tools(souk_mcp_op *op, const souk_mcp_end *end);

/* operation_question.c */

/* A new question of op (NULL: of none), in its list; NULL when out of memory. */
souk_mcp_op_question *souk_mcp_op_question_new(souk_mcp_ops *ops, souk_mcp_op *op,
                                               souk_mcp_asker asker);
void souk_mcp_op_question_free(souk_mcp_op_question *question);
/* It is not needed any more: told, if the program knows of it. It is gone from its list. */
void souk_mcp_op_question_withdraw(souk_mcp_op_question *question);
/* op is going away: server's questions stay, without it; or, if it is cancelled, are refused. */
void souk_mcp_op_questions_leave(souk_mcp_op *op, bool cancelled);
/* Withdraws all that op itself asks. */
void souk_mcp_op_questions_end(souk_mcp_op *op);
/* How many op itself asks that have no answer yet. */
size_t souk_mcp_op_questions_open(const souk_mcp_op *op);
/*
 * Makes questions of the members of inputRequests (NULL: none), a value of *doc. On failure some
 * may have been made.
 */
int souk_mcp_op_questions_ask(souk_mcp_op *op, souk_mcp_asker asker, const souk_json_doc *doc,
                              const souk_jval *requests, souk_err *err);
/* Appends a member: "inputResponses": {key: answer, ...}. */
int souk_mcp_op_questions_write(const souk_mcp_op *op, souk_buf *out, souk_err *err);
void souk_mcp_ops_take_asked(souk_mcp_ops *ops, souk_mcp_asked *asked);

/* operation_round.c */

void souk_mcp_op_take_round(souk_mcp_op *op, const souk_mcp_end *end, souk_ms now);
/* Whether the failure says that URLs are to be visited first, and the program is being asked. */
bool souk_mcp_op_asks_for_urls(souk_mcp_op *op, souk_mcp_end *end);

/* operation_task.c */

/* OP_TASK: follows the task that order.name names. */
int souk_mcp_task_follow(souk_mcp_op *op, souk_err *err);
/* The answer to the operation's request is a task. */
void souk_mcp_task_begin(souk_mcp_op *op, const souk_mcp_end *end, souk_ms now);
void souk_mcp_task_take(souk_mcp_op *op, souk_mcp_end *end, souk_ms now);
void souk_mcp_task_due(souk_mcp_op *op, souk_ms now);
/* One of its questions was answered. */
void souk_mcp_task_answered(souk_mcp_op *op, souk_ms now);
/* Asks the server to stop it; nobody waits for the answer. */
void souk_mcp_task_stop(souk_mcp_op *op);
/* How a failure of the session or of a request looks for an operation that became a task. */
void souk_mcp_task_explain(const souk_mcp_op *op, souk_err *err);
bool souk_mcp_task_asked_before(const souk_mcp_op *op, souk_slice key);
int souk_mcp_task_remember(souk_mcp_op *op, souk_slice key, souk_err *err);
void souk_mcp_task_free(souk_mcp_op *op);

/* operation_listen.c */

/* Legacy only; a modern LISTEN is a request like any other. */
int souk_mcp_listen_start(souk_mcp_op *op, souk_ms now, souk_err *err);
void souk_mcp_listen_notice(souk_mcp_op *op, souk_mcp_notice *notice, souk_ms now);
/* A resources/subscribe has ended. */
void souk_mcp_listen_take(souk_mcp_op *op, const souk_mcp_end *end, souk_ms now);
void souk_mcp_listen_due(souk_mcp_op *op, souk_ms now);
void souk_mcp_listen_free(souk_mcp_op *op);

#endif
