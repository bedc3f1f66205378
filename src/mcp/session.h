/*
 * One MCP session, without I/O: the state machine that opens it, sends requests and reads answers,
 * over Streamable HTTP, HTTP+SSE or stdio, legacy (initialize) or modern (2026-07-28, stateless).
 *
 * It asks through a souk_port, is told through souk_mcp_event, and queues what it has to say: look
 * at souk_mcp_state after each call, and fetch ended requests with souk_mcp_next.
 */
#ifndef SOUK_MCP_SESSION_H
#define SOUK_MCP_SESSION_H

#include "base/wire.h"
#include "mcp/ability.h"
#include "mcp/redact.h"
#include "mcp/result.h"
#include "mcp/revision.h"
#include "json/doc.h"

typedef struct souk_mcp souk_mcp;

/* Borrowed: all of it must live as long as the session. */
typedef struct souk_mcp_config {
    const char *name;        /* the server's name, for messages */
    const char *url;         /* Streamable HTTP; NULL for stdio */
    const char *const *argv; /* stdio: as in souk_spawn; NULL for HTTP */
    const char *const *env;
    const char *cwd;
    const souk_header *headers; /* HTTP: sent with every request, beside the protocol's own */
    size_t header_count;
    const char *ca_file;
    souk_slice group;       /* HTTP: connections are shared only within a group */
    souk_slice client_name; /* clientInfo */
    souk_slice client_version;
    unsigned abilities;       /* souk_mcp_ability: what is declared, and asked of its user */
    souk_mcp_revision pinned; /* only this revision; 0: find out */
    souk_mcp_revision
        remembered;          /* what an earlier session of this endpoint found out; 0: nothing */
    souk_ms open_timeout;    /* ms, for all steps of the opening */
    souk_ms probe_timeout;   /* ms: a stdio server that is silent so long after server/discover is
                                legacy */
    souk_ms connect_timeout; /* ms */
    souk_ms grace;           /* ms between the steps that end a child */
    size_t max_response;     /* bytes of one answer, one line, one SSE event */
    size_t max_header;       /* bytes of all headers of one answer */
    size_t max_queue;        /* bytes that may wait for a child to read them */
    unsigned max_depth;      /* nesting of JSON in answers */
    souk_ms stream_retry; /* ms before a stream that ended early is taken up again, when the server
                             asked for no time of its own */
    unsigned max_redirects; /* of one exchange that are followed */
    unsigned max_resumes;   /* times in a row that a stream is taken up without anything new */
    uint64_t seed;          /* unguessable; spreads the times at which broken streams are taken up
                               again; 0: they are exact */
    size_t max_notices;     /* notifications that wait to be fetched; more are dropped; 0: 256 */
    /*
     * Legacy Streamable HTTP: the GET stream is asked for while the session opens, and the session
     * is READY when it stands, when there is none, or after listen_wait ms. Servers put questions
     * that belong to no certain call on that stream only, and drop them while nobody listens.
     */
    bool listen_first;
    souk_ms listen_wait;
    bool ask_credential_on_401; /* a 401 means "session lost": opening again reads the credential
                                   again */
} souk_mcp_config;

typedef enum souk_mcp_state {
    SOUK_MCP_NEW,
    SOUK_MCP_OPENING,
    SOUK_MCP_READY,
    SOUK_MCP_FAILED, /* opening failed: souk_mcp_why */
    SOUK_MCP_LOST,   /* it was ready and is of no use any more: souk_mcp_why */
    SOUK_MCP_CLOSING,
    SOUK_MCP_CLOSED
} souk_mcp_state;

/*
 * id_base: ids of exchanges and children are id_base + 1, + 2, ... The port is copied. NULL when
 * out of memory.
 */
souk_mcp *souk_mcp_new(const souk_alloc *alloc, const souk_port *port,
                       const souk_mcp_config *config, souk_id id_base);

/*
 * Cancels what is under way at the port, leaves a child to the ladder that ends it, frees. NULL is
 * allowed.
 */
void souk_mcp_free(souk_mcp *mcp);

/*
 * The value of the Authorization header for all requests from now on ("Bearer ..."), copied; empty
 * for none. SOUK_E_LIMIT when out of memory.
 */
int souk_mcp_authorize(souk_mcp *mcp, souk_slice value, souk_err *err);

/* What the session gave to its server; valid until the next call of a function of it. */
souk_mcp_secrets souk_mcp_get_secrets(const souk_mcp *mcp);

/* Starts opening: the era probe, or what is remembered or pinned. Failure is shown by the state. */
void souk_mcp_open(souk_mcp *mcp, souk_ms now);

/*
 * Sessions that several processes use at once, as one client. Each of them has a seat, and its
 * JSON-RPC ids (and progress tokens) begin with seat * 2^32 + 1; 0 is for sessions that nobody
 * shares. To be called before anything is sent. Of a session with a seat, 409 to the GET stream
 * means that another process has it: the listener stands, and asks again now and then.
 */
enum { SOUK_MCP_SEAT_MAX = (1 << 21) - 1 }; /* ids stay below 2^53 */
void souk_mcp_take_seat(souk_mcp *mcp, uint32_t seat);

/* What another process has learnt, where config.remembered says nothing; before souk_mcp_open. */
void souk_mcp_remember(souk_mcp *mcp, souk_mcp_revision revision);

/* Whether others can use it: READY, over Streamable HTTP, and where the program said. */
bool souk_mcp_can_be_shared(const souk_mcp *mcp);

/* A session that another process has opened, or what it has learnt of a modern server. */
typedef struct souk_mcp_known {
    souk_mcp_revision revision;
    souk_slice session_id; /* legacy; empty when the server gives out none */
    souk_slice about;      /* souk_mcp_about, copied */
} souk_mcp_known;

/*
 * In the place of souk_mcp_open: the session is READY at once, and nothing is sent for that; only
 * the session's own stream (listen_first) is asked for, and not waited for. SOUK_E_CONFIG or
 * SOUK_E_PROTOCOL when it does not fit, SOUK_E_LIMIT when out of memory: it is as new as before.
 */
int souk_mcp_adopt(souk_mcp *mcp, const souk_mcp_known *known, souk_err *err);

/* Others go on using the session: souk_mcp_close does not end it at the server. */
void souk_mcp_leave_to_others(souk_mcp *mcp);

souk_mcp_state souk_mcp_get_state(const souk_mcp *mcp);
const souk_err *souk_mcp_why(const souk_mcp *mcp);            /* of FAILED and LOST */
souk_mcp_revision souk_mcp_get_revision(const souk_mcp *mcp); /* 0 before it is ready */
souk_slice souk_mcp_session_id(const souk_mcp *mcp);          /* empty when there is none */
bool souk_mcp_went_abroad(
    const souk_mcp *mcp); /* a redirect led to another origin, where credentials do not go */
bool souk_mcp_contradicted(const souk_mcp *mcp); /* what was remembered turned out to be wrong */
souk_id souk_mcp_child(const souk_mcp *mcp);     /* 0 for HTTP */

/* W3C trace context for `_meta`; each may be empty: none. */
typedef struct souk_mcp_trace {
    souk_slice traceparent;
    souk_slice tracestate;
    souk_slice baggage;
} souk_mcp_trace;

typedef struct souk_mcp_request {
    souk_slice method;
    souk_slice params; /* a JSON object's text; empty for none */
    souk_slice name;   /* value of the Mcp-Name header, where the method has one; may be empty */
    const souk_header *headers; /* HTTP: more headers of this request, such as Mcp-Param-* */
    size_t header_count;
    bool progress; /* notifications/progress are wanted; the token is the request's id */
    souk_mcp_trace trace;
    souk_ms timeout; /* HTTP, ms: the exchange never lives longer; its user may cancel it earlier.
                        SOUK_NEVER for a stream that stands (subscriptions/listen) */
    void *tag;       /* comes back with the end, with notices and questions; may be NULL */
} souk_mcp_request;  /* only needed during the call */

/*
 * Sends a request; the session must be READY. *id is its JSON-RPC id, never used twice. An error
 * means that no end follows, and that nothing was sent unless its delivery is AMBIGUOUS (a child
 * went away while it read). Look at the state afterwards: a child that reads no more makes the
 * session LOST.
 */
int souk_mcp_send(souk_mcp *mcp, const souk_mcp_request *request, uint64_t *id, souk_err *err);

/*
 * Legacy: a standing relation in which the server may speak by itself. Over Streamable HTTP that is
 * the GET stream; a server without one (405), stdio and HTTP+SSE need none, and then this only
 * stands for it. A notice with method SOUK_MCP_LISTENING says each time that it stands (again). It
 * ends like a request, when the stream cannot be kept up; souk_mcp_cancel ends it silently. A
 * session has at most one. One that is begun before the session's next tick after another was
 * cancelled goes on with the other's stream, so that nothing is missed in between (many servers
 * refuse a second stream while they have not seen the end of the first). A stream that the session
 * itself began (listen_first) is used, too, and stays the session's own afterwards. *id and errors
 * as for souk_mcp_send.
 */
#define SOUK_MCP_LISTENING "souk/listening"
int souk_mcp_listen(souk_mcp *mcp, void *tag, uint64_t *id, souk_err *err);

/*
 * Sends a notification, of which nothing comes back. SOUK_E_CONFIG over modern HTTP, which knows
 * none (2026-07-28, basic/transports); SOUK_E_CLOSED when the session is not READY, SOUK_E_SCHEMA
 * for params that are no object, SOUK_E_LIMIT when 64 messages that nobody waits for are on their
 * way already. Look at the state afterwards, as for souk_mcp_send.
 */
int souk_mcp_notify(souk_mcp *mcp, souk_slice method, souk_slice params, souk_err *err);

/*
 * Modern: the least severe log messages that are wanted with each request from now on ("debug",
 * ...), but for server/discover; empty for none. Copied. SOUK_E_LIMIT when out of memory.
 */
int souk_mcp_set_log_level(souk_mcp *mcp, souk_slice level, souk_err *err);

/*
 * Gives up a request, telling the server as era and transport want it. No end follows, also of one
 * that ended and was not fetched. Unknown ids are ignored.
 */
void souk_mcp_cancel(souk_mcp *mcp, uint64_t id, const char *reason);

/* The end of a request. */
typedef struct souk_mcp_end {
    void *tag;
    souk_err err;              /* kind SOUK_OK: `value` is the result */
    bool lost;                 /* it failed because the session is gone */
    souk_mcp_result_type type; /* SOUK_OK: COMPLETE, or the server wants more (modern) */
    souk_json_doc doc;         /* the message that was received: the taker's to free or to move */
    const souk_jval *value;    /* into doc: the result; or the data of a JSON-RPC error; or NULL */
} souk_mcp_end;

/*
 * Fetches the next end; false when there is none. Its tag may be gone from then on: what waits with
 * the same tag, and was not fetched before, has none any more.
 */
bool souk_mcp_next(souk_mcp *mcp, souk_mcp_end *end);

/*
 * A notification of the server. Notices are fetched before ends: what came before an answer is told
 * before it.
 */
typedef struct souk_mcp_notice {
    void *tag; /* of the request that it belongs to (by its stream, its progress token or its
                  subscription id); NULL: of none, or of one that has ended */
    souk_slice method;
    souk_json_doc doc;       /* the taker's to free or to move */
    const souk_jval *params; /* into doc; may be NULL */
} souk_mcp_notice;

bool souk_mcp_next_notice(souk_mcp *mcp, souk_mcp_notice *notice);

/*
 * A request of a legacy server that the session's abilities allow: elicitation/create,
 * sampling/createMessage, roots/list. Pings and refusals are answered by the session itself; at
 * most 64 questions wait, more are refused. A question may outlive its request, but not the
 * session.
 */
typedef struct souk_mcp_asked {
    uint64_t id;    /* for souk_mcp_reply; never used twice in a session */
    bool withdrawn; /* the server does not want the answer any more, or the session is gone; id is
                       all there is, and no reply is needed */
    void *tag;      /* of the request in whose stream it came; NULL: of none */
    souk_slice method;
    souk_json_doc doc;       /* the taker's to free or to move */
    const souk_jval *params; /* into doc; may be NULL */
} souk_mcp_asked;

bool souk_mcp_next_asked(souk_mcp *mcp, souk_mcp_asked *asked);

/*
 * Whether a legacy server may ask for visits to URLs: elicitation has modes from 2025-11-25 on.
 * Over HTTP+SSE, too: there 2024-11-05 names the transport, and servers go by what the client
 * declared.
 */
bool souk_mcp_shows_urls(const souk_mcp *mcp);

/*
 * Answers it: with a result (JSON text), or with an error (err->code if it has one, else
 * SOUK_RPC_INTERNAL_ERROR, and its message). Unknown ids are ignored.
 */
void souk_mcp_reply(souk_mcp *mcp, uint64_t id, souk_slice result, const souk_err *error);

/*
 * What the server said about itself, a JSON object's text: protocolVersion, era ("legacy",
 * "modern"), transport ("http", "sse", "stdio"), serverInfo, capabilities, instructions, as far as
 * known. Instructions are kept whole. Empty when it was not asked (a remembered modern server over
 * HTTP), or when there was no memory or the text would be larger than max_response. Look when the
 * session is READY; valid until it is freed.
 */
souk_slice souk_mcp_about(const souk_mcp *mcp);

/*
 * Starts the orderly end: DELETE for a legacy HTTP session, the ladder for a child. No request is
 * in flight; a session that is still opening may be closed.
 */
void souk_mcp_close(souk_mcp *mcp);

void souk_mcp_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now);

/* Messages that nobody waits for (answers to the server, cancellations) and that are still on their
 * way. */
size_t souk_mcp_replies(const souk_mcp *mcp);

/* When souk_mcp_tick wants to be called; SOUK_NEVER: not. */
souk_ms souk_mcp_deadline(const souk_mcp *mcp);
void souk_mcp_tick(souk_mcp *mcp, souk_ms now);

#endif
