/*
 * The insides of a session; only session*.c include it.
 *
 * session.c          birth, death, ends, time
 * session_send.c     what goes out: requests, notifications, answers to the server
 * session_open.c     the steps of opening: probe, initialize, initialized
 * session_adopt.c    sessions that several processes use
 * session_http.c     exchanges: one request (POST, GET, DELETE) and its response
 * session_place.c    where exchanges go to, when the server redirects
 * session_refused.c  responses that are no success
 * session_stream.c   event streams, and taking them up again when they break
 * session_listen.c   the stream for what the server says by itself
 * session_two_endpoints.c  HTTP+SSE of 2024-11-05
 * session_stdio.c    the child and its lines
 * session_message.c  what arrived: which of the others it is for
 * session_notice.c   notifications of the server
 * session_asked.c    requests of the server
 * session_repeat.c   what a server says once more on a stream that was taken up
 * session_about.c    what the server says about itself
 */
#ifndef SOUK_SESSION_INTERNAL_H
#define SOUK_SESSION_INTERNAL_H

#include "base/idmap.h"
#include "base/kept_err.h"
#include "mcp/envelope.h"
#include "mcp/era.h"
#include "mcp/header.h"
#include "mcp/lines.h"
#include "mcp/method.h"
#include "mcp/reply.h"
#include "mcp/result.h"
#include "mcp/rpc.h"
#include "mcp/server.h"
#include "mcp/session.h"
#include "mcp/sse.h"
#include "json/read.h"

typedef struct souk_mcp_pending souk_mcp_pending;
typedef struct souk_mcp_exchange souk_mcp_exchange;
typedef struct souk_mcp_noted souk_mcp_noted;       /* a notice that waits; session_notice.c */
typedef struct souk_mcp_question souk_mcp_question; /* of the server; session_asked.c */
typedef struct souk_mcp_settled souk_mcp_settled;   /* session_repeat.c */

typedef enum souk_mcp_purpose {
    SOUK_MCP_FOR_PROBE,
    SOUK_MCP_FOR_INITIALIZE,
    SOUK_MCP_FOR_INITIALIZED,
    SOUK_MCP_FOR_REQUEST,
    SOUK_MCP_FOR_REPLY, /* an answer to the server, or a notification: nothing is expected back */
    SOUK_MCP_FOR_DELETE,
    SOUK_MCP_FOR_LISTEN, /* souk_mcp_listen */
    SOUK_MCP_FOR_INBOUND /* HTTP+SSE: the stream that all answers come in */
} souk_mcp_purpose;

/* A request of ours that has not ended yet, or whose end has not been fetched. */
struct souk_mcp_pending {
    uint64_t id; /* JSON-RPC */
    souk_mcp_purpose purpose;
    void *tag;
    char *method;
    souk_mcp_exchange *exchange; /* HTTP: the POST that carries it, while that is under way */
    souk_mcp_end end;
    double progress; /* the last that was heard, once has_progress */
    bool has_progress;
    souk_mcp_pending *next_ended;
};

/*
 * One request over HTTP and its response. An event stream that is taken up again stays the same
 * exchange, under a new id each time: it is one stream to its request.
 */
struct souk_mcp_exchange {
    souk_id id; /* 0 while it rests: nothing is on the wire */
    souk_mcp_purpose purpose;
    souk_mcp_pending *pending; /* NULL when nothing is expected, or no longer */
    bool by_get;
    bool resumed; /* it was taken up with a GET */
    bool sent_session;
    bool has_head;
    int status;
    int64_t retry_after; /* ms; -1: the response did not say */
    souk_mcp_media media;
    souk_buf body;
    souk_mcp_exchange *prev, *next;
    souk_ms linger_until; /* SOUK_NEVER: still needed */

    /* Streams. */
    souk_sse sse;
    bool has_sse;       /* `sse` is in use; it knows the last event id and the retry time */
    souk_ms timeout;    /* ms, of the whole; of a resumed stream what is left of it */
    souk_ms expires;    /* when that is over, once the head came */
    souk_ms resume_at;  /* SOUK_NEVER: it does not rest */
    unsigned fruitless; /* times in a row that it was taken up and nothing came */
    unsigned failures;  /* times in a row that it could not even be taken up, or broke */
    bool fruitful;      /* something came since it was last taken up */
    bool stood;         /* it was a stream before (LISTEN) */
    souk_ms stood_at;
};

struct souk_mcp {
    const souk_alloc *alloc;
    souk_port port;
    souk_mcp_config config;
    souk_id id_base;
    uint64_t serial; /* exchanges and children */
    uint64_t rpc_serial;

    souk_mcp_state state;
    souk_kept_err why;
    souk_mcp_revision revision; /* 0 until it is known */
    souk_mcp_revision asked;    /* what the probe or initialize under way asked for */
    souk_mcp_client client;
    souk_buf authorization;
    souk_buf session_id;
    /*
     * Where the server led to with redirects, and what the session is bound to from then on: a
     * session id of another origin belongs there, and an endpoint (HTTP+SSE) is relative to it.
     */
    souk_buf moved_to; /* empty: config.url */
    bool abroad;       /* that is another origin: it gets no credentials */
    bool went_abroad;  /* some redirect led to another origin */
    bool worked;       /* a request other than the opening's was answered */
    bool contradicted; /* what was remembered was wrong */
    unsigned probes;   /* sent while opening, at most two */
    bool initialized_twice;
    bool initialized_anew; /* the server had lost the session before it was told initialized */
    bool retried_modern;
    bool listener_stands; /* the listener has been told, or would have been: it is there */
    bool resumed_any;     /* a stream was taken up with Last-Event-ID */
    bool left_to_others;  /* other processes go on using the session */
    souk_ms open_by;
    souk_ms probe_by;            /* stdio only */
    souk_mcp_pending *opening;   /* the probe or initialize under way */
    int64_t opening_retry_after; /* of the response to it that was a refusal; -1: none */

    souk_idmap pending;   /* JSON-RPC id -> souk_mcp_pending */
    souk_idmap exchanges; /* exchange id -> souk_mcp_exchange */
    souk_mcp_exchange *first_exchange;
    size_t lingering;
    size_t resting; /* exchanges that wait to be taken up again */
    size_t replies; /* exchanges with SOUK_MCP_FOR_REPLY */
    souk_mcp_pending *ended_first, *ended_last;
    souk_mcp_pending
        *listener;     /* the GET stream, or what stands for it; tag NULL: the session's own */
    souk_ms listen_by; /* OPENING: the session is ready then, stream or not */
    souk_mcp_noted *noted_first, *noted_last;
    size_t noted_count;
    souk_mcp_question *questions; /* in the order of asking */
    uint64_t question_serial;
    souk_mcp_settled *settled; /* questions that are over; NULL: none */

    char *log_level;            /* see souk_mcp_set_log_level; NULL: none */
    bool two_endpoints;         /* HTTP+SSE of 2024-11-05 */
    bool tried_two_endpoints;   /* or is just trying */
    souk_mcp_exchange *inbound; /* HTTP+SSE: the stream, while there is one */
    souk_buf endpoint;          /* HTTP+SSE: where messages are sent to, NUL-terminated */
    char *about;                /* see souk_mcp_about; NULL: nothing is known */

    souk_id child;
    bool child_alive;
    bool child_probed; /* it was sent a server/discover */
    souk_lines lines;
};

bool souk_mcp_is_http(const souk_mcp *mcp);

/* session.c */
souk_mcp_pending *souk_mcp_pending_new(souk_mcp *mcp, souk_mcp_purpose purpose, souk_slice method,
                                       void *tag);
void souk_mcp_pending_free(souk_mcp *mcp, souk_mcp_pending *pending);
/* doc may be NULL; it is moved from. */
void souk_mcp_end_request(souk_mcp *mcp, souk_mcp_pending *pending, const souk_err *err, bool lost,
                          souk_json_doc *doc, const souk_jval *value);
void souk_mcp_become_lost(souk_mcp *mcp, const souk_err *why);
/* Every request that waits for an answer fails, because what carries the answers is gone. */
void souk_mcp_fail_all(souk_mcp *mcp, const souk_err *why);

/* session_open.c */
void souk_mcp_fail_open(souk_mcp *mcp, const souk_err *why);
void souk_mcp_start_opening(souk_mcp *mcp, souk_ms now);
/* The probe or initialize came to an end: with an HTTP status (0: none), a message or NULL, or err.
 * pending is freed. */
void souk_mcp_opening_answered(souk_mcp *mcp, souk_mcp_pending *pending, int status,
                               const souk_rpc_message *message, const souk_err *err, souk_ms now);
void souk_mcp_initialized_accepted(souk_mcp *mcp, souk_ms now);
/* lost: the server has forgotten the session already. */
void souk_mcp_initialized_refused(souk_mcp *mcp, bool lost, const souk_err *why);
/* Opening only waits for the session's own stream (listen_first): is it over? */
void souk_mcp_check_first_stream(souk_mcp *mcp, souk_ms now);
/* HTTP+SSE: the endpoint is known now; or there is none, for this reason. */
void souk_mcp_initialize_at_endpoint(souk_mcp *mcp);
void souk_mcp_no_two_endpoints(souk_mcp *mcp, const souk_err *why, souk_ms now);
void souk_mcp_probe_silent(souk_mcp *mcp, souk_mcp_probe_end end, souk_ms now);

/* session_adopt.c */
/* Whether other processes use the session, too. */
bool souk_mcp_has_seat(const souk_mcp *mcp);

/* session_http.c */
/* What goes out in one exchange; purpose and timeout beside what the headers are made of. */
typedef struct souk_mcp_post {
    souk_mcp_purpose purpose;
    souk_mcp_pending *pending; /* NULL when no answer is expected */
    souk_ms timeout;           /* ms */
    souk_mcp_http_request http;
} souk_mcp_post;

/*
 * body may be NULL; it is moved from. On failure nothing was sent. *made (may be NULL) is the
 * exchange.
 */
int souk_mcp_http_send(souk_mcp *mcp, const souk_mcp_post *post, souk_buf *body,
                       souk_mcp_exchange **made, souk_err *err);
/* Sends a GET for a stream that rests, in the same exchange. On failure it still rests. */
int souk_mcp_http_send_again(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_err *err);
/* Takes the exchange off the wire; it lives on without an id. */
void souk_mcp_http_detach(souk_mcp *mcp, souk_mcp_exchange *exchange);
/* The exchange is not needed any more, but may still end by itself for a moment. */
void souk_mcp_http_linger(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now);
void souk_mcp_http_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now);
/* Cancels at the port, and frees. */
void souk_mcp_http_cancel(souk_mcp *mcp, souk_mcp_exchange *exchange);
void souk_mcp_http_tick(souk_mcp *mcp, souk_ms now);
souk_ms souk_mcp_http_deadline(const souk_mcp *mcp);
void souk_mcp_http_free(souk_mcp *mcp);
bool souk_mcp_is_success(int status);
bool souk_mcp_is_stream(const souk_mcp_exchange *exchange);

/* session_place.c */
/* Whether it goes to another origin than the server's: no credentials go along. */
bool souk_mcp_goes_abroad(const souk_mcp *mcp, const souk_mcp_exchange *exchange);
const char *souk_mcp_target_url(const souk_mcp *mcp, const souk_mcp_exchange *exchange);
souk_slice souk_mcp_base_url(const souk_mcp *mcp);
/* The place that answered has given out a session, or opened the stream that names an endpoint. */
int souk_mcp_stay_there(souk_mcp *mcp, const souk_io_event *head, souk_err *err);
/* Opening begins anew, where the program said. */
void souk_mcp_come_home(souk_mcp *mcp);

/* session_refused.c */
/* The request that the exchange carried failed. */
void souk_mcp_fail_exchange(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *why,
                            bool lost, souk_ms now);
/* The response is complete, and its status is no success. */
void souk_mcp_exchange_refused(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now);

/* session_stream.c */
/* The response is an event stream, or goes on with one. */
void souk_mcp_stream_begin(souk_mcp *mcp, souk_mcp_exchange *exchange);
/* Takes the text of an event, as souk_mcp_take_text does. */
int souk_mcp_stream_data(souk_mcp *mcp, souk_slice data, souk_mcp_exchange *exchange, souk_ms now,
                         souk_err *err);
/* Bytes of an event stream. SOUK_OK, or what makes it impossible to read on. */
int souk_mcp_stream_bytes(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_slice bytes, souk_ms now,
                          souk_err *err);
/* The stream of a request is over, or a try to take it up is; err: how it broke, NULL when it
 * ended. False: it cannot be taken up again. */
bool souk_mcp_stream_rests(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err,
                           souk_ms now);
/* The head of the response to a GET that takes up a stream. */
void souk_mcp_stream_resumed(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now);
/* The stream of a request cannot be taken up again, and the request fails. why: of the last try;
 * NULL: it ended. */
void souk_mcp_stream_give_up(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *why);
/* Waits until it is time to take the stream up again. failed: it was refused or broke. */
void souk_mcp_stream_rest(souk_mcp *mcp, souk_mcp_exchange *exchange, bool failed, souk_ms now);
/* The same, for so long. */
void souk_mcp_stream_rest_for(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms wait,
                              souk_ms now);
/* A status after which the same GET may work a little later. */
bool souk_mcp_stream_may_come_back(int status);
/* A stream that rests is due. It may be freed by this. */
void souk_mcp_stream_due(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now);

/* session_listen.c */
/* Begins the session's own stream while it opens (listen_first); false when none is wanted. */
bool souk_mcp_listen_first(souk_mcp *mcp, souk_ms now);
/* The same for a session that is READY; nothing waits for it. */
void souk_mcp_listen_beside(souk_mcp *mcp);
/* Whether a listener that is given up stays, as the session's own. */
bool souk_mcp_listen_keep(souk_mcp *mcp, souk_mcp_pending *pending);
/* Whether it is known what becomes of the session's own stream. */
bool souk_mcp_listen_is_settled(const souk_mcp *mcp);
void souk_mcp_listen_head(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now);
/* The exchange may be freed by these; err: how it broke, NULL when it ended. */
void souk_mcp_listen_over(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err,
                          souk_ms now);
void souk_mcp_listen_end(souk_mcp *mcp, const souk_err *why, bool lost);
/* Nobody listens to the stream any more; unless somebody does again, it ends with the next tick. */
void souk_mcp_listen_leave(souk_mcp *mcp, souk_mcp_exchange *exchange);

/* session_two_endpoints.c */
/* Asks for the stream of HTTP+SSE. Once in a session; false when it is of no use to ask. */
bool souk_mcp_try_two_endpoints(souk_mcp *mcp, int status, const souk_rpc_message *message);
void souk_mcp_inbound_head(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now);
/* Takes an event; SOUK_OK, or why the stream is of no use. */
int souk_mcp_inbound_event(souk_mcp *mcp, const souk_sse_event *event, souk_ms now, souk_err *err);
/* The stream is over; err: how it broke, NULL when it ended. The exchange is freed by this. */
void souk_mcp_inbound_over(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err,
                           souk_ms now);
void souk_mcp_inbound_drop(souk_mcp *mcp);

/* session_stdio.c */
int souk_mcp_stdio_spawn(souk_mcp *mcp, souk_err *err);
int souk_mcp_stdio_write(souk_mcp *mcp, souk_buf *message, souk_err *err);
void souk_mcp_stdio_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now);

/* session_send.c */
/* More messages that expect no answer than this are never begun by what the server does: one stream
 * could ask without end. */
enum { SOUK_MCP_REPLIES_MAX = 64 };
/*
 * Sends a message that expects no answer, by whatever transport. The buffer is emptied. Nobody is
 * told when it fails.
 */
void souk_mcp_send_quietly(souk_mcp *mcp, souk_buf *message);

/* session_message.c */
/*
 * Takes a text that should be a JSON-RPC message (or a batch). exchange: the one that it came in,
 * whose request is the only one that it can answer; NULL for stdio. SOUK_E_PROTOCOL when it is no
 * message, SOUK_E_LIMIT when it passes a limit.
 */
int souk_mcp_take_text(souk_mcp *mcp, souk_buf *text, souk_mcp_exchange *exchange, souk_ms now,
                       souk_err *err);

/* session_notice.c */
/*
 * Queues a notice. doc is moved from, and `method` points into it; or it is NULL, and `method` is
 * static: then the notice is the session's own, which is never dropped for want of room, but is not
 * queued twice.
 */
void souk_mcp_note(souk_mcp *mcp, void *tag, souk_slice method, souk_json_doc *doc,
                   const souk_jval *params);
/* doc is moved from; exchange: the one that it came in, NULL for stdio. */
void souk_mcp_take_notification(souk_mcp *mcp, souk_json_doc *doc, const souk_rpc_message *message,
                                const souk_mcp_exchange *exchange);
/* The owner of this tag is gone: notices that wait are nobody's from now on. */
void souk_mcp_notices_forget(souk_mcp *mcp, const void *tag);
void souk_mcp_notices_free(souk_mcp *mcp);

/* session_asked.c */
/* A request of the server: answered, queued or refused. doc is moved from when it is queued. */
void souk_mcp_take_question(souk_mcp *mcp, souk_json_doc *doc, const souk_rpc_message *message,
                            const souk_mcp_exchange *exchange);
/* The server takes back the request of its own that has this id; an unknown one is ignored. */
void souk_mcp_withdraw(souk_mcp *mcp, const souk_jval *id);
void souk_mcp_withdraw_all(souk_mcp *mcp);
/* The owner of this tag is gone: questions that nobody has seen are nobody's from now on. */
void souk_mcp_questions_forget(souk_mcp *mcp, const void *tag);
void souk_mcp_questions_free(souk_mcp *mcp);

/* session_repeat.c */
/* Whether this report was heard before; if not, it has been from now on. */
bool souk_mcp_is_old_progress(const souk_mcp *mcp, souk_mcp_pending *pending,
                              const souk_jval *params);
/* The question with this id is over: it will not be put a second time. */
void souk_mcp_question_settled(souk_mcp *mcp, souk_rpc_id id);
bool souk_mcp_question_is_settled(const souk_mcp *mcp, souk_rpc_id id);

/* session_about.c */
/*
 * Keeps what a good answer to initialize or server/discover says; to be called when mcp->revision
 * and mcp->two_endpoints are what they will be. NULL: the server was not asked, and only what the
 * session knows by itself is kept. When there is no room or memory nothing is.
 */
void souk_mcp_learn(souk_mcp *mcp, const souk_jval *result);

#endif
