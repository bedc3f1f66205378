/*
 * Operations: what a program asks of a server, with all the requests that it takes.
 *
 * One operation is one request most of the time. It is more when a modern server wants input first
 * (multi round-trip requests), makes a task of it, finds headers that do not fit its schema any
 * more
 * (-32020) or another revision (-32022), when a 2025-11-25 server wants a URL visited (-32042), or
 * when it is a subscription. This layer sits on a souk_mcp that is READY, and fetches everything
 * that the session has to say: its user never calls souk_mcp_next, _next_notice, _next_asked.
 *
 * Nothing is called back: everything new is fetched with souk_mcp_ops_next.
 */
#ifndef SOUK_MCP_OPERATION_H
#define SOUK_MCP_OPERATION_H

#include "mcp/session.h"

typedef struct souk_mcp_ops souk_mcp_ops; /* all operations of one session */
typedef struct souk_mcp_op souk_mcp_op;   /* one of them */

typedef struct souk_mcp_ops_config {
    unsigned abilities;  /* as given to the session */
    unsigned max_rounds; /* requests for input that one operation may bring */
    unsigned max_pages;  /* of a tools/list that is read to find a tool's schema anew */
    souk_ms
        round_delay; /* ms before a round without questions is sent; grows from round to round */
    souk_ms poll_interval;      /* ms between looks at a task, when the server says nothing */
    souk_ms poll_least;         /* ms: no task is polled more often, whatever the server says */
    souk_ms poll_most;          /* ms: nor less often */
    unsigned max_poll_failures; /* looks in a row that may fail for reasons of transport */
} souk_mcp_ops_config;

/* mcp must outlive it. NULL when out of memory. */
souk_mcp_ops *souk_mcp_ops_new(const souk_alloc *alloc, souk_mcp *mcp,
                               const souk_mcp_ops_config *config);

/* Frees all operations without telling the server; call it before souk_mcp_free. NULL is allowed.
 */
void souk_mcp_ops_free(souk_mcp_ops *ops);

typedef enum souk_mcp_op_kind {
    SOUK_MCP_OP_TOOL,     /* name: the tool, params: its arguments */
    SOUK_MCP_OP_METHOD,   /* name: the method, params: its params */
    SOUK_MCP_OP_TASK,     /* name: a task's id, of a call that went on before; modern only */
    SOUK_MCP_OP_LISTEN,   /* params: {"toolsListChanged":true, ..., "resourceSubscriptions":[uri]}
                             as in subscriptions/listen; legacy: GET stream and resources/subscribe */
    SOUK_MCP_OP_PING,     /* legacy: ping; modern: server/discover */
    SOUK_MCP_OP_LOG_LEVEL /* name: "debug", ...; legacy: logging/setLevel; modern: kept for the
                             requests to come */
} souk_mcp_op_kind;

/* Borrowed: texts live until the operation has ended. */
typedef struct souk_mcp_order {
    souk_mcp_op_kind kind;
    souk_slice name;
    souk_slice params;       /* JSON text of an object; empty for {} */
    souk_slice input_schema; /* TOOL: JSON text, as far as known; for Mcp-Param-* */
    bool progress;
    souk_mcp_trace trace;
    souk_ms timeout; /* ms: no exchange of it lives longer; its user watches the deadline */
    void *tag;       /* comes back with its news; never NULL */
} souk_mcp_order;

/*
 * Starts an operation. An error means that no END follows, and that nothing was sent unless its
 * delivery says otherwise. Look at the session's state afterwards.
 */
int souk_mcp_op_start(souk_mcp_ops *ops, const souk_mcp_order *order, souk_ms now, souk_mcp_op **op,
                      souk_err *err);

/*
 * Gives it up; no END follows. The server is told as era and transport want it: by closing the
 * stream, notifications/cancelled, or for a task tasks/cancel if stop_task is set (else the task
 * goes on, and can be picked up by its id).
 */
void souk_mcp_op_cancel(souk_mcp_ops *ops, souk_mcp_op *op, const char *reason, bool stop_task,
                        souk_ms now);

typedef enum souk_mcp_news_kind {
    SOUK_MCP_NEWS_END,      /* err; SOUK_OK: value is the result. The operation is gone */
    SOUK_MCP_NEWS_PROGRESS, /* value: params of notifications/progress */
    SOUK_MCP_NEWS_TASK,   /* value: an object with taskId, status, perhaps statusMessage: each time
                             that one of them changes, first when the task begins */
    SOUK_MCP_NEWS_NOTICE, /* method, value: a notification that belongs to no operation, or to a
                             subscription */
    SOUK_MCP_NEWS_QUESTION, /* method, value (its params): to be answered by `question` */
    SOUK_MCP_NEWS_WITHDRAWN /* the answer to `question` is not needed any more */
} souk_mcp_news_kind;

/* Methods of NOTICEs that no server sends. */

/* A tool's schema is not the server's any more (-32020); it has no value. */
#define SOUK_MCP_TOOLS_STALE "souk/tools_stale"

/* One resource of a legacy LISTEN cannot be heard of: {"uri": ..., "message": ...}. */
#define SOUK_MCP_LISTENING_FAILED "souk/listening_failed"

typedef struct souk_mcp_news {
    souk_mcp_news_kind kind;
    /*
     * Of the operation. NULL for a NOTICE and maybe a QUESTION that belong to none, and for a
     * WITHDRAWN whose operation was cancelled or has ended.
     */
    void *tag;
    souk_err err;
    bool lost;  /* END: it failed because the session is gone */
    bool asked; /* END: input was asked for on the way, so the result is nobody else's */
    uint64_t question;
    souk_slice method;
    souk_json_doc doc;      /* the taker's to free or to move */
    const souk_jval *value; /* into doc; may be NULL; of a failed END: data of the error */
} souk_mcp_news;

/* Fetches what is new, the session's ends, notices and questions included; false when nothing is.
 */
bool souk_mcp_ops_next(souk_mcp_ops *ops, souk_ms now, souk_mcp_news *news);

/*
 * Answers a question: the JSON text of a result object, or an error. A declined elicitation is a
 * result ({"action":"decline"}); an error on modern ends the operation with it. Unknown ids are
 * ignored.
 */
void souk_mcp_ops_answer(souk_mcp_ops *ops, uint64_t question, souk_slice json, const souk_err *err,
                         souk_ms now);

/* When souk_mcp_ops_tick wants to be called; SOUK_NEVER: not. */
souk_ms souk_mcp_ops_deadline(const souk_mcp_ops *ops);
void souk_mcp_ops_tick(souk_mcp_ops *ops, souk_ms now);

#endif
