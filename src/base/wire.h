/*
 * The seam between protocol and I/O, as data. The protocol side (mcp, pool) asks through a
 * souk_port and is told through souk_io_events; the engine in `io` is one implementation, the
 * recording port of the tests another. Neither side includes the other.
 *
 * Ids of exchanges and children are chosen by the asking side, from one counter, and never reused.
 */
#ifndef SOUK_WIRE_H
#define SOUK_WIRE_H

#include "base/buf.h"
#include "base/clock.h"

typedef uint64_t souk_id; /* 0 is never a valid id */

typedef struct souk_header {
    souk_slice name;
    souk_slice value; /* may be empty; with a control character the exchange is refused */
} souk_header;

/*
 * One HTTP request and its response. Everything that is borrowed is only needed during the call.
 * Content-Length, Transfer-Encoding, Connection and Expect belong to the engine: an exchange that
 * names one of them is refused with SOUK_E_CONFIG, as is a URL with a user in it. SOUK_E_POLICY
 * when the engine's rules (base/reach.h) do not allow the host.
 *
 * Redirects that keep the method are followed: 307 and 308, for GET also 301, 302 and 303, within
 * the same deadline. The server that redirects has not executed the request. The body goes along,
 * also to another origin (scheme, host, port), and so do the first open_headers headers; the others
 * never leave their origin, not even when a later redirect leads back to it. All other 3xx are
 * delivered as the response. A redirect fails with SOUK_E_PROTOCOL when there were too many, and
 * when it leads from https to http, has a user in it, or is no http or https URL; with
 * SOUK_E_POLICY when the engine's rules do not allow the host.
 */
typedef struct souk_exchange {
    souk_id id;
    const char *method; /* "POST", "GET", "DELETE" */
    const char *url;    /* absolute http or https, ASCII */
    const souk_header *headers;
    size_t header_count;
    size_t open_headers;    /* how many of them, from the first on, any origin may see */
    unsigned max_redirects; /* 0: none is followed, each 3xx is delivered as the response */
    /* Moved from (left empty) on success, untouched on failure; NULL for none. */
    souk_buf *body;
    /* For the whole exchange, from now; SOUK_NEVER for streams; 0 or less: it is too late. */
    souk_ms timeout_ms;
    souk_ms connect_timeout_ms; /* until the request can be sent; 0 for no limit of its own */
    souk_ms idle_timeout_ms;    /* no byte for so long fails it; 0 for no such limit */
    size_t max_header;          /* bytes of all response headers; 0 for 64 KiB */
    /*
     * Bytes of the response body; 0 for 16 MiB. A stream has no limit in all: it is paused while
     * more than this, or than the engine's limit, waits to be fetched.
     */
    size_t max_body;
    /* Exchanges of different groups never share a connection. No control characters. */
    souk_slice group;
    const char *ca_file; /* PEM file with trusted roots; NULL for the system's */
    /*
     * Sending it twice does no harm. Then it goes out once more when a kept-alive connection turns
     * out to be dead before a byte of the answer came; idempotent methods (GET, DELETE) always do.
     */
    bool repeatable;
    bool stream; /* deliver bytes as they come; else they may be gathered into fewer events */
} souk_exchange;

/* One child process with three pipes, in a process group of its own. */
typedef struct souk_spawn {
    souk_id id;
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in the child's PATH */
    const char *const *env;  /* NULL-terminated "NAME=value", over what is inherited; or NULL */
    bool whole_env;          /* env is all there is: nothing is inherited */
    const char *cwd;         /* NULL: the parent's */
    size_t max_write_queue;  /* bytes that may wait for the child to read them; 0 for 16 MiB */
    size_t stderr_tail;      /* bytes of stderr kept for the exit event */
} souk_spawn;

/*
 * All functions return SOUK_OK or a negative kind with *err filled. After a successful `exchange`
 * or `spawn` events follow, exactly one of them final (END, FAILED; EXIT), also after cancel and
 * close_child. After a failed one no event follows. No function calls back.
 */
typedef struct souk_port {
    void *user;
    int (*exchange)(void *user, const souk_exchange *exchange, souk_err *err);
    /* FAILED with SOUK_E_CANCELLED follows; unknown ids are ignored. */
    void (*cancel)(void *user, souk_id exchange);
    int (*spawn)(void *user, const souk_spawn *spawn, souk_err *err);
    /*
     * Copies all of the bytes, or none: SOUK_E_LIMIT when they do not fit in the queue,
     * SOUK_E_CLOSED when the child is being closed or its EXIT was fetched, SOUK_E_TRANSPORT when
     * it has closed its stdin or is gone (delivery AMBIGUOUS if it did so after a part was
     * written).
     */
    int (*write)(void *user, souk_id child, souk_slice bytes, souk_err *err);
    /*
     * Closes stdin once what was written has gone (at the latest after grace_ms), after grace_ms
     * TERM to its process group, after grace_ms more KILL. grace 0: KILL at once. A second call can
     * make it faster, never slower.
     */
    void (*close_child)(void *user, souk_id child, souk_ms grace_ms);
} souk_port;

typedef enum souk_io_kind {
    SOUK_IO_HEAD,   /* exchange: status and headers (of the final response, not of 1xx) */
    SOUK_IO_BYTES,  /* exchange: body bytes */
    SOUK_IO_END,    /* exchange: the response is complete */
    SOUK_IO_FAILED, /* exchange: see err, its status, and its delivery: NOT_SENT, AMBIGUOUS, or
                       REJECTED behind a redirect, when no byte went to where it leads */
    SOUK_IO_STDOUT, /* child: bytes it wrote */
    SOUK_IO_STDERR, /* child: bytes it wrote; the oldest are dropped when nobody fetches them */
    SOUK_IO_EXIT,   /* child: gone and reaped, pipes closed; no event follows */
    /* The next two only come from a port that hands over what it is asked (io/courier.h), and where
       others would have refused at once. */
    SOUK_IO_UNSTARTED, /* child: it could not be started: see err; no event follows */
    SOUK_IO_UNWRITTEN  /* child: what was written last is lost, and it is told no more: see err */
} souk_io_kind;

typedef struct souk_io_event {
    souk_io_kind kind;
    souk_id id;
    int status;                 /* HEAD */
    const souk_header *headers; /* HEAD */
    size_t header_count;
    souk_slice moved_to; /* HEAD: the URL that answered, when redirects led there; else empty */
    bool abroad;         /* HEAD: one of them led to another origin */
    souk_slice bytes;    /* BYTES, STDOUT, STDERR; EXIT: the last bytes of stderr */
    souk_err err;        /* FAILED: TRANSPORT, TIMEOUT, LIMIT, CANCELLED, PROTOCOL, POLICY, CONFIG;
                            EXIT: a message how; UNSTARTED, UNWRITTEN */
    int exit_code;       /* EXIT: the code, or -1 */
    int exit_signal;     /* EXIT: the signal, or 0 */
} souk_io_event;         /* what it points to is valid until the next event is fetched */

#endif
