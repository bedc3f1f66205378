/*
 * The HTTP half of the engine, as its own files see it.
 *
 * A group is a set of exchanges that may share connections: one CURLM. A transfer is an easy handle
 * with all that belongs to the exchange it is busy with; between exchanges it waits in its group,
 * so that options, header lists and buffers are used again. No function of libcurl is called from
 * one of its callbacks.
 */
#ifndef SOUK_IO_CURL_H
#define SOUK_IO_CURL_H

#include <curl/curl.h>

#include "base/url.h"
#include "io/head.h"
#include "io/internal.h"

#if LIBCURL_VERSION_NUM < 0x075000
#error "souk needs libcurl 7.80 or later (CURLOPT_PREREQFUNCTION)"
#endif

enum {
    SOUK_METHOD_MAX = 16,               /* with its NUL */
    SOUK_URL_MAX = 64 * 1024,           /* bytes of a URL */
    SOUK_REQUEST_HEAD_MAX = 256 * 1024, /* bytes of all request headers */
    SOUK_DEFAULT_HEAD = 64 * 1024,
    SOUK_DEFAULT_BODY = 16 * 1024 * 1024,
    SOUK_GATHER = 256 * 1024 /* bytes of a response that is no stream before they are offered */
};

typedef struct souk_transfer {
    souk_source source;
    souk_engine *engine;
    struct souk_group *group;
    struct souk_transfer *prev; /* among the busy ones of its group; */
    struct souk_transfer *next; /* also among the idle ones */
    CURL *easy;
    char *ca_file; /* as given when the handle was made; NULL: the system's roots */
    char curl_text[CURL_ERROR_SIZE];

    /* The request. What the last exchange left in the handle is kept here, to be compared with. */
    char method[SOUK_METHOD_MAX];
    bool has_body;
    bool may_repeat; /* sending it twice does no harm */
    souk_buf url;
    souk_url parts; /* borrows from url */
    CURLU *parsed_url;
    souk_buf lines; /* "Name: value" lines, each with a NUL behind it */
    size_t line_count;
    size_t lines_given;      /* those of the exchange come first, behind them are souk's own */
    size_t lines_given_size; /* bytes of the former */
    bool lines_with_body;
    struct curl_slist *list; /* an array, linked; points into lines */
    size_t list_cap;
    souk_buf body;

    /* Redirects. */
    unsigned max_redirects;
    unsigned redirects;  /* followed so far */
    size_t open_headers; /* given lines that another origin may see */
    bool turning;        /* the head is that of a redirect that will be followed */
    bool abroad;         /* one of them led to another origin */

    /* Limits. */
    souk_alarm alarm; /* the earliest of the three */
    souk_ms deadline;
    souk_ms timeout;
    souk_ms connect_by;
    souk_ms connect_timeout;
    souk_ms idle_timeout; /* 0: none */
    souk_ms last_byte;
    size_t max_head;
    curl_off_t bytes_out; /* of the request, when the idle time was last looked at */
    size_t max_body;
    size_t max_pending;
    bool stream;

    /* What has happened so far. */
    bool running;         /* libcurl has it */
    curl_socket_t socket; /* where it was last seen; CURL_SOCKET_BAD: nowhere */
    bool paused;
    bool saw_private;  /* an address was refused */
    bool saw_public;   /* a socket was opened */
    unsigned attempts; /* how often libcurl was about to send the request */
    souk_head head;
    bool head_taken;
    souk_buf pending;  /* body bytes to be fetched */
    uint64_t received; /* body bytes in all */
    bool ended;        /* nothing follows but the final event */
    souk_err failure;  /* kind SOUK_OK: none */
} souk_transfer;

typedef struct souk_group {
    souk_engine *engine;
    struct souk_group *prev; /* more recently used */
    struct souk_group *next;
    CURLM *multi;
    char *name;
    size_t name_len;
    souk_alarm timer; /* what libcurl asked for */
    souk_alarm idle_alarm;
    souk_ms last_used;
    souk_transfer *busy; /* running, or with events to fetch */
    souk_transfer *idle;
    size_t busy_count;
    size_t idle_count;
    souk_err trouble; /* a socket could not be watched: the group cannot go on */
} souk_group;

/* --- curl_group.c --- */

/*
 * The group of that name, made when there is none. SOUK_E_LIMIT when all are busy, or out of
 * memory.
 */
int souk_group_get(souk_engine *engine, souk_slice name, souk_group **out, souk_err *err);

/* Stops and frees the group with its transfers and connections. */
void souk_group_free(souk_group *group);

/*
 * Lets libcurl act: on a descriptor (events: CURL_CSELECT_...) or, with CURL_SOCKET_TIMEOUT, on its
 * timer.
 */
void souk_group_act(souk_group *group, curl_socket_t fd, int events);

/* A transfer that has become busy; one that is idle again: it is kept for later, or freed. */
void souk_group_engage(souk_group *group, souk_transfer *transfer);
void souk_group_release(souk_group *group, souk_transfer *transfer);

/* The transfer has ended well: what its connection says from now on belongs to no request. */
void souk_group_leave(souk_group *group, souk_transfer *transfer);

/* --- curl_transfer.c --- */

/*
 * An idle transfer for the group. NULL ca_file: the system's roots. SOUK_E_LIMIT when out of
 * memory.
 */
int souk_transfer_new(souk_group *group, const char *ca_file, souk_transfer **out, souk_err *err);
void souk_transfer_free(souk_transfer *transfer);

/* Leaves what belongs to libcurl untouched: for a forked child. */
void souk_transfer_free_memory(souk_transfer *transfer);

/* --- curl_request.c --- */

/* True when the text has a line break, a NUL or another control character but the tab. */
bool souk_request_has_control(souk_slice text);

/*
 * Checks the exchange and sets the handle up for it; the body is only lent until the caller moves
 * it. SOUK_E_CONFIG when something of it must not be sent, SOUK_E_LIMIT when it is too large or
 * memory is exhausted.
 */
int souk_request_set(souk_transfer *transfer, const souk_exchange *exchange, souk_err *err);

/* --- curl_redirect.c --- */

/* The head of the response is complete: sets transfer->turning. */
void souk_redirect_look(souk_transfer *transfer);

/*
 * Sets the handle, which libcurl does not have any more, up for where the redirect leads to. Else
 * an error, which is in transfer->failure.
 */
int souk_redirect_follow(souk_transfer *transfer);

/* --- curl_response.c: libcurl's callbacks, `user` is the transfer --- */

size_t souk_response_header(char *bytes, size_t size, size_t count, void *user);
size_t souk_response_body(char *bytes, size_t size, size_t count, void *user);
int souk_response_prereq(void *user, char *remote, char *local, int remote_port, int local_port);

/* --- curl_exchange.c --- */

/* The alarm of a transfer: a limit of time may have passed. */
void souk_transfer_ring(void *owner);

/*
 * The transfer is over, as libcurl says with `code`, or as transfer->failure says if that is set.
 */
void souk_transfer_finish(souk_transfer *transfer, CURLcode code);

/* --- curl_failure.c --- */

enum { SOUK_SHOWN_MAX = 200 /* bytes of a URL in a message */ };

/* printf("%.*s"): the URL without query. */
#define SOUK_SHOWN(t)                                                                              \
    (int)((t)->parts.open.len < SOUK_SHOWN_MAX ? (t)->parts.open.len : SOUK_SHOWN_MAX),            \
        (t)->parts.open.ptr

/* Puts what `code` means for a person into transfer->failure, if it means a failure. */
void souk_failure_from_curl(souk_transfer *transfer, CURLcode code);

/* transfer->failure for a limit of time that has passed, at engine->now. */
void souk_failure_from_time(souk_transfer *transfer);

/* NOT_SENT when no byte of the request has left, REJECTED when only redirects have seen it, else
 * AMBIGUOUS. */
souk_delivery souk_failure_delivery(const souk_transfer *transfer);

#endif
