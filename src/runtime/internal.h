/* The runtime's own structures; only files of this folder include it. */
#ifndef SOUK_RUNTIME_INTERNAL_H
#define SOUK_RUNTIME_INTERNAL_H

#include "base/budget.h"
#include "base/idmap.h"
#include "base/map.h"
#include "io/courier.h"
#include "runtime/runtime.h"

/* Flags: what a server declares that it tells by itself, and what can be subscribed to. */
typedef enum souk_tells {
    SOUK_TELLS_TOOLS = 1,
    SOUK_TELLS_PROMPTS = 2,
    SOUK_TELLS_RESOURCES = 4,
    SOUK_TELLS_LISTS = 7, /* the three above */
    SOUK_TELLS_UPDATES = 8
} souk_tells;

/* What listening wants to know of what a server said about itself (about.c). */
typedef struct souk_about {
    bool known;  /* a session was opened: the rest means something */
    bool modern; /* of era and transport */
    bool stdio;
    bool declared;  /* it named its capabilities, so `tells` is all of them */
    unsigned tells; /* souk_tells */
} souk_about;

/* A call of the runtime's own, kept until its outcome was fetched; the program never sees it. */
typedef enum souk_errand_kind {
    SOUK_ERRAND_LISTEN, /* SOUK_REQUEST_LISTEN stands: what the server says by itself */
    SOUK_ERRAND_LOOK,   /* a ping that opens a session, so that the server says what it is */
    SOUK_ERRAND_QUIET   /* everything else: its end means nothing */
} souk_errand_kind;

typedef struct souk_errand {
    souk_errand_kind kind;
    struct souk_server *server; /* NULL: nobody wants to know its end any more */
} souk_errand;

/* Listening to one server, and following the changes of its tools (watch.c, refresh.c). */
typedef struct souk_watch {
    souk_listen mode;
    souk_map uris;    /* resources that are subscribed to; the values mean nothing */
    bool uris_new;    /* they are others than when LISTEN was put */
    uint64_t call;    /* of the errand that is under way: LISTEN or LOOK; 0: none */
    bool looking;     /* it is LOOK */
    bool looked;      /* a LOOK succeeded */
    bool must_look;   /* the next LISTEN comes after a LOOK */
    unsigned tells;   /* what it said, where the server is silent otherwise */
    bool tells_known; /* it said something */
    bool stands;      /* LISTEN: the server has confirmed it */
    bool heard;       /* it stood once: from now on every beginning means missed events */
    bool seamless;    /* it was put anew on a stream that never closed: nothing was missed */
    souk_ms stood_since;
    souk_ms due;       /* when something has to be done about it; SOUK_NEVER: when news come */
    unsigned failures; /* in a row */

    bool discovered; /* its tools were asked for, with success */
    bool stale;      /* they have changed since they were asked for */
    souk_ms refresh_due;
    souk_ms refreshed; /* when the last refresh began */
    unsigned refresh_failures;
    uint64_t tries; /* for jitter */
} souk_watch;

/* A server that the program added by name. Its config may hold secrets: nothing of it is ever
 * printed. */
typedef struct souk_server {
    souk_arena arena;
    souk_slice name;
    souk_slice prefix;
    souk_slice identity;
    souk_pairs config;
    uint64_t auth;
    uint64_t input;
    unsigned abilities;
    souk_ms timeout;
    souk_target_memo memo; /* for its own identity */
    souk_watch watch;
} souk_server;

/* What the runtime keeps for a call until its outcome was fetched. */
typedef struct souk_rt_call {
    souk_manifest *manifest; /* NULL for a method */
    bool validate;
    souk_pair pairs[]; /* the manifest's flat metadata, as the pool wants it */
} souk_rt_call;

/* A tools/list that is under way, page after page. */
typedef struct souk_discovery {
    uint64_t id;          /* of the outcome that ends it: that of the first page's call */
    souk_server *server;  /* NULL once the server was removed */
    souk_map seen;        /* ids of the capabilities that were found; the values mean nothing */
    souk_map cursors;     /* those that were followed */
    souk_buf diagnostics; /* the inside of a JSON array */
    size_t pages;
    size_t tools;
    souk_ms timeout;
    bool internal;  /* nobody asked for it: its end is a note (refresh.c) */
    bool was_stale; /* it was known before that the tools have changed */
    struct souk_discovery *next;
} souk_discovery;

struct souk_runtime {
    const souk_alloc *alloc;
    souk_runtime_options options;
    souk_env env;
    uint64_t seed;
    souk_engine *engine;   /* NULL until the first exchange or child, and with own_thread */
    souk_courier *courier; /* with own_thread; NULL until it is needed */
    bool has_guest;        /* somebody reads from a socket, and has to be reassured */
    souk_registry *registry;
    souk_policy *policy;
    souk_pool *pool;
    souk_mcp_handler mcp;
    souk_budget buffered; /* what MCP sessions receive and keep lives on it */
    souk_handler *own_handlers[16];
    size_t own_handler_count;
    souk_map servers;
    souk_idmap calls;   /* pool call -> souk_rt_call */
    souk_idmap pages;   /* pool call -> souk_discovery */
    souk_idmap errands; /* pool call -> souk_errand */
    souk_ms watch_due;  /* of all servers the earliest moment; SOUK_NEVER when none waits */
    bool closing;
    souk_discovery *discoveries;
    souk_rt_call *handed_out; /* of the outcome that was fetched last */
    souk_answer made;         /* the answer of an outcome that the runtime itself made */
};

/* engine.c: the engine, or the courier that has one */
souk_port souk_rt_port(souk_runtime *rt);
bool souk_rt_has_engine(const souk_runtime *rt);
/* Makes it unless it is there. */
int souk_rt_wake_engine(souk_runtime *rt, souk_err *err);
int souk_rt_wait(souk_runtime *rt, souk_ms timeout, souk_err *err);
bool souk_rt_next_event(souk_runtime *rt, souk_io_event *event);
void souk_rt_free_engine(souk_runtime *rt);
/*
 * With own_thread: lets the pool act on what was just asked of it, and has the event loop woken
 * when the next thing is due. Else it does nothing: the program drives the engine.
 */
void souk_rt_kick(souk_runtime *rt);

/* step.c: when there is something to do, by the program's clock; 0 when an outcome is there */
souk_ms souk_rt_due(const souk_runtime *rt);

/* call.c */
souk_rt_call *souk_rt_call_new(const souk_runtime *rt, size_t pairs);
void souk_rt_call_free(souk_runtime *rt, souk_rt_call *call);
/* Looks at a call that ended well: does its output fit its schema? Turns it into a failure if not.
 */
void souk_rt_check_output(souk_runtime *rt, const souk_rt_call *call, souk_outcome *outcome);

/* server.c */
souk_server *souk_rt_server(const souk_runtime *rt, souk_slice name);
void souk_rt_server_free(souk_runtime *rt, souk_server *server);
void souk_rt_server_target(souk_server *server, souk_slice identity, souk_target *target);

/* about.c */
void souk_rt_read_about(souk_runtime *rt, souk_server *server, souk_about *about);
/* The flags of a capabilities object; *declared: it is one. */
unsigned souk_rt_tells(const souk_jval *capabilities, bool *declared);

/* errand.c */
/*
 * Puts a call of the runtime's own; the body is moved. An error means that nothing was put and no
 * end follows.
 */
int souk_rt_errand(souk_runtime *rt, souk_server *server, const souk_request *request,
                   souk_buf *body, uint64_t *call, souk_err *err);
/* Gives it up: its end is not told any more. 0 is allowed. */
void souk_rt_errand_drop(souk_runtime *rt, uint64_t call);
/* The server goes: all of its errands are given up. */
void souk_rt_errands_forget(souk_runtime *rt, const souk_server *server);
/* True when the outcome was that of an errand: the program is not to see it. */
bool souk_rt_errand_ended(souk_runtime *rt, const souk_outcome *outcome);
void souk_rt_errands_free(souk_runtime *rt);
/* ms to wait before the next of several tries in a row (from 0); some jitter is in it. */
souk_ms souk_rt_back_off(souk_runtime *rt, souk_server *server, unsigned failures);
/* The same for failures that another try is not likely to mend. */
souk_ms souk_rt_back_off_long(souk_runtime *rt, souk_server *server);
bool souk_rt_is_lasting(int kind); /* whether a failure is one of those */

/* watch.c */
void souk_rt_watch_init(souk_runtime *rt, souk_server *server, souk_listen mode);
void souk_rt_watch_free(souk_server *server);
/* Stops listening, for good. */
void souk_rt_watch_end(souk_runtime *rt, souk_server *server);
/* Something about the server has to be looked at by then. */
void souk_rt_watch_by(souk_runtime *rt, souk_ms *due, souk_ms at);
/* Does what is due for all servers. */
void souk_rt_watch_run(souk_runtime *rt, souk_ms now);
void souk_rt_watch_listen_ended(souk_runtime *rt, souk_server *server, const souk_err *err);
void souk_rt_watch_look_ended(souk_runtime *rt, souk_server *server, const souk_outcome *outcome);
/* souk_tells flags, as far as anybody knows them. */
unsigned souk_rt_watch_tells(const souk_watch *watch, const souk_about *about);

/* heard.c */
/* A notice of a server: is it about the list of its tools, or about listening itself? False when
 * the program is not to see it. */
bool souk_rt_watch_notice(souk_runtime *rt, const souk_outcome *outcome);
/* A note {"server", "uri" unless it is empty, "reason"}; name is static. */
void souk_rt_note_failure(souk_runtime *rt, const char *name, const souk_server *server,
                          souk_slice uri, const char *reason);

/* refresh.c */
/* A discovery of this server has ended well. */
void souk_rt_refresh_known(souk_runtime *rt, souk_server *server);
/* Its tools have changed: they are asked for soon, if they ever were. */
void souk_rt_refresh_want(souk_runtime *rt, souk_server *server);
void souk_rt_refresh_run(souk_runtime *rt, souk_server *server, souk_ms now);
/* The internal discovery has ended; the outcome is not for the program. */
void souk_rt_refresh_ended(souk_runtime *rt, souk_server *server, const souk_outcome *outcome);

/* discover.c */
/*
 * Takes the outcome of one page. True when the whole discovery has ended with it: *outcome is then
 * that of the discovery. False: nothing is to be told yet.
 */
bool souk_rt_page(souk_runtime *rt, souk_discovery *discovery, souk_outcome *outcome);
/* Begins one; `internal`: its end is told to souk_rt_refresh_ended, and not to the program. */
int souk_rt_discover(souk_runtime *rt, souk_server *server, souk_ms timeout, bool internal,
                     uint64_t *call, souk_err *err);
bool souk_rt_is_discovering(const souk_runtime *rt, const souk_server *server);
void souk_rt_discoveries_forget(souk_runtime *rt, const souk_server *server);
void souk_rt_discoveries_free(souk_runtime *rt);

#endif
