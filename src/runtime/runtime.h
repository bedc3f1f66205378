/*
 * The environment of one program: marketplace, pool and engine, wired. This is the door for C
 * programs; the Lua binding is one of its users.
 *
 *     souk_runtime_new(alloc, &options, &rt, &err);
 *     souk_runtime_load(rt, "capabilities/", &report, &err);
 *     souk_runtime_call(rt, id, &input, &call_options, now, &call, &err);
 *     while (!done) {
 *         souk_runtime_step(rt, 1000, &err);                    // waits for something to happen
 *         while (souk_runtime_next(rt, &outcome)) { ... }       // calls that ended, questions,
 * events
 *     }
 *
 * A program with an event loop sets own_thread, watches souk_runtime_fd, and steps with 0.
 *
 * Nothing is called back. One runtime belongs to one thread at a time; the engine is made at the
 * first call that needs it, so a runtime may be made before a fork and used after it, in one of the
 * processes.
 */
#ifndef SOUK_RUNTIME_H
#define SOUK_RUNTIME_H

#include "cap/diag.h"
#include "io/engine.h"
#include "market/policy.h"
#include "market/query.h"
#include "market/registry.h"
#include "pool/mcp_handler.h"
#include "pool/pool.h"

typedef struct souk_runtime souk_runtime;

/* X(name, default, least, most, unit, meaning) */
#define SOUK_RUNTIME_OPTIONS(X)                                                                    \
    X(max_capabilities, 1000000, 1, 100000000, "capabilities", "capabilities in the marketplace")  \
    X(max_file, 16777216, 1, 1073741824, "bytes", "one capability file")                           \
    X(max_files, 100000, 1, 10000000, "files", "files of one folder")                              \
    X(max_tools, 10000, 1, 1000000, "tools", "tools of one server")                                \
    X(max_pages, 1000, 1, 100000, "pages", "pages of one tools/list")                              \
    X(max_buffered, 1073741824, 1048576, 1099511627776, "bytes",                                   \
      "all that MCP sessions receive and keep until it is fetched, memory of the sessions "        \
      "included")                                                                                  \
    X(max_connections, 256, 1, 65536, "connections", "HTTP connections of one identity")           \
    X(max_children, 256, 1, 65536, "processes", "child processes")

typedef struct souk_runtime_options {
#define SOUK_RUNTIME_FIELD(name, standard, least, most, unit, meaning) int64_t name;
    SOUK_RUNTIME_OPTIONS(SOUK_RUNTIME_FIELD)
#undef SOUK_RUNTIME_FIELD
    bool validate;      /* check inputs and outputs against schemas; default true */
    bool own_thread;    /* bytes are moved by a thread (io/courier.h), for event loops; then `alloc`
                           must be safe for threads */
    uint64_t input;     /* SOUK_ASK_INPUT of capabilities whose server was not added; 0: none */
    unsigned abilities; /* likewise: what is declared */
    uint64_t share;     /* not 0: sessions are shared with other processes, through SOUK_ASK_ADOPT
                           and its like with this number */
    souk_pool_options pool;
    souk_mcp_options mcp;
    const souk_env *env;          /* NULL: that of the process; else it must outlive the runtime */
    const souk_reach *reach;      /* which hosts and commands are allowed; NULL: all; else it must
                                     outlive the runtime */
    souk_ms (*clock)(void *user); /* NULL: the monotonic clock of the system */
    void *clock_user;
} souk_runtime_options;

void souk_runtime_options_default(souk_runtime_options *options);

/* `alloc` must outlive the runtime. SOUK_E_LIMIT when out of memory. */
int souk_runtime_new(const souk_alloc *alloc, const souk_runtime_options *options,
                     souk_runtime **out, souk_err *err);

/* Drops everything at once; souk_runtime_close first for an orderly end. NULL is allowed. */
void souk_runtime_free(souk_runtime *rt);

/* Ends all calls (SOUK_E_CLOSED), closes sessions and children, waits at most `patience` ms for
 * them. */
void souk_runtime_close(souk_runtime *rt, souk_ms patience);

/*
 * The same in steps, for programs that must not wait: after the beginning go on with
 * souk_runtime_step and souk_runtime_next until it is closed.
 */
void souk_runtime_begin_close(souk_runtime *rt);
bool souk_runtime_is_closed(const souk_runtime *rt);

souk_registry *souk_runtime_registry(souk_runtime *rt);
souk_policy *souk_runtime_policy(souk_runtime *rt);
souk_pool *souk_runtime_pool(souk_runtime *rt);
const souk_alloc *souk_runtime_alloc(const souk_runtime *rt);
souk_ms souk_runtime_now(const souk_runtime *rt);

/* --- capabilities (runtime/load.c)
 * ----------------------------------------------------------------------- */

/*
 * Loads a file, or all *.rtfs files of a folder and its folders, in order of their names. *loaded
 * counts the capabilities that were registered; diagnostics are added to *diags. SOUK_E_FILE when
 * the path cannot be read or a folder has no such file. A broken file or capability is a
 * diagnostic, not a failure.
 */
int souk_runtime_load(souk_runtime *rt, const char *path, size_t *loaded, souk_diags *diags,
                      souk_err *err);

/* The same for a text; name stands for the file in diagnostics. */
int souk_runtime_load_text(souk_runtime *rt, const char *name, souk_slice text, size_t *loaded,
                           souk_diags *diags, souk_err *err);

/* Registers a manifest (takes a hold of its own); what is doubtful about its schemas is added to
 * diags (may be NULL). */
int souk_runtime_register(souk_runtime *rt, souk_manifest *manifest, souk_diags *diags,
                          souk_err *err);

/* Writes capabilities whose id matches the glob as one file; "" matches all. *count is how many. */
int souk_runtime_export(souk_runtime *rt, const char *path, souk_slice match, size_t *count,
                        souk_err *err);

/* --- servers (runtime/server.c)
 * -------------------------------------------------------------------------- */

/* Whether souk listens to what a server says by itself (runtime/watch.c). */
typedef enum souk_listen {
    SOUK_LISTEN_AUTO, /* once its tools were asked for, and if it declares that its lists change;
                         and while a resource is subscribed to */
    SOUK_LISTEN_ALWAYS,
    SOUK_LISTEN_NEVER /* not even for subscriptions, which then only work where no stream is needed
                       */
} souk_listen;

typedef struct souk_server_options {
    souk_slice name;   /* letters, digits, '_', '-', '.' */
    souk_slice prefix; /* which handler; empty: "mcp" */
    souk_slice identity;
    souk_pairs config;  /* flat keys, as capability files have them: mcp_server_url, ...; may hold
                           secrets */
    uint64_t auth;      /* not 0: credentials are asked for, with this number */
    uint64_t input;     /* not 0: what it asks comes as SOUK_ASK_INPUT with this number */
    unsigned abilities; /* what is declared: souk_mcp_ability */
    souk_ms timeout;    /* of its calls; 0: the default */
    souk_listen listen;
} souk_server_options;

/*
 * Remembers a server, or replaces one of that name (its capabilities are removed then). Everything
 * is copied. No connection is made yet.
 */
int souk_runtime_add_server(souk_runtime *rt, const souk_server_options *options, souk_err *err);

/* Forgets it with its capabilities, and closes its sessions. False when there is none of that name.
 */
bool souk_runtime_remove_server(souk_runtime *rt, souk_slice name);

/*
 * Asks a server for its tools, all pages, and registers each as <prefix>.<server>.<tool>. *call is
 * the number of an outcome that follows: its value is a JSON object {"tools": count, "diagnostics":
 * [...]}.
 */
int souk_runtime_discover(souk_runtime *rt, souk_slice name, souk_ms timeout, uint64_t *call,
                          souk_err *err);

/*
 * Wants to hear when a resource changes (notifications/resources/updated come as NOTICEs), or no
 * more. It holds until the server is removed, over lost sessions and streams; errors of single
 * attempts are notes ("listening_failed"). SOUK_E_CONFIG for an unknown server.
 */
int souk_runtime_subscribe(souk_runtime *rt, souk_slice server, souk_slice uri, bool wanted,
                           souk_err *err);

/*
 * Another process heard that a server's tools have changed: they are asked for again, as if it had
 * been said here. Unknown servers are ignored.
 */
void souk_runtime_tools_changed(souk_runtime *rt, souk_slice name);

/*
 * What a server said about itself: a JSON object's text (souk_mcp_about); empty when no session was
 * opened yet, or there is no such server. identity: ptr NULL for the server's own. Valid until the
 * next call of a function of the runtime.
 */
souk_slice souk_runtime_about(souk_runtime *rt, souk_slice server, souk_slice identity);

/* --- sessions that are held (runtime/hold.c)
 * ------------------------------------------------------------- */

typedef struct souk_hold_options {
    souk_slice server;
    souk_slice identity; /* ptr NULL: the server's */
    souk_slice affinity; /* a name: who names it again gets the same session, while it lives */
    souk_ms timeout;     /* for getting it; 0: the server's, or the default */
} souk_hold_options;

/*
 * Takes a session that nobody else's calls run on (souk_pool_hold). *call is the number of the
 * outcome that tells of it, and then that of the hold. It must be released, also when that outcome
 * was an error.
 */
int souk_runtime_hold(souk_runtime *rt, const souk_hold_options *options, uint64_t *call,
                      souk_err *err);
void souk_runtime_release(souk_runtime *rt, uint64_t hold);

/* --- calls (runtime/call.c)
 * ------------------------------------------------------------------------------ */

typedef struct souk_invoke_options {
    souk_ms timeout;     /* 0: the server's, or the default */
    souk_slice identity; /* ptr NULL: the server's */
    bool raw;            /* the whole result */
    bool may_resend;     /* the caller says that executing it twice does no harm */
    bool never_resend;   /* even a tool that is marked idempotent is not sent twice */
    bool skip_validation;
    bool progress;       /* SOUK_OUTCOME_PROGRESS is wanted */
    souk_ms cap;         /* progress cannot extend the deadline beyond; 0: option call_cap */
    uint64_t on_hold;    /* not 0: on the session that this hold has; its identity is used */
    souk_slice affinity; /* a session of its own, shared by those who name it; empty: none */
    souk_slice traceparent, tracestate, baggage; /* W3C trace context; each may be empty */
} souk_invoke_options;

/* Whether souk_runtime_call would look at the input: not when the program itself provides the
 * capability and nothing is to be checked. */
bool souk_runtime_reads_input(const souk_runtime *rt, souk_slice id,
                              const souk_invoke_options *options);

/*
 * Finds the capability, checks policy and input, and hands it on. input (JSON text, empty for {})
 * is moved. SOUK_OK: *call is the number of the outcome that will follow. 1 (SOUK_RUNTIME_LOCAL):
 * the program itself provides it, nothing was started. Errors: SOUK_E_CONFIG (unknown, no handler),
 * SOUK_E_POLICY, SOUK_E_SCHEMA, SOUK_E_LIMIT, SOUK_E_CLOSED.
 */
enum { SOUK_RUNTIME_LOCAL = 1 };
int souk_runtime_call(souk_runtime *rt, souk_slice id, souk_buf *input,
                      const souk_invoke_options *options, uint64_t *call, souk_err *err);

typedef struct souk_method {
    souk_slice server;      /* one that was added */
    souk_slice name;        /* of the protocol: "resources/list"; else see souk_request_kind */
    souk_request_kind kind; /* METHOD, NOTIFY, TASK, PING or LOG_LEVEL; 0 is METHOD */
} souk_method;

/* Asks a server for anything that its protocol has. params: a JSON object's text, moved. */
int souk_runtime_request(souk_runtime *rt, const souk_method *method, souk_buf *params,
                         const souk_invoke_options *options, uint64_t *call, souk_err *err);

void souk_runtime_cancel(souk_runtime *rt, uint64_t call);

/* Checks a value of a local capability: input (output false) or output. SOUK_OK when it has no
 * schema. */
int souk_runtime_check(souk_runtime *rt, souk_slice id, souk_slice json, bool output,
                       souk_err *err);

/* --- the pump (runtime/step.c)
 * --------------------------------------------------------------------------- */

/*
 * Works until there is an outcome to fetch or `timeout` ms are over (0: only what can be done at
 * once). SOUK_E_CLOSED in a process other than that which made the first call.
 */
int souk_runtime_step(souk_runtime *rt, souk_ms timeout, souk_err *err);

/*
 * Waits at most `patience` ms for messages that nobody waits for: the answer to a server's ping,
 * the news that a call was cancelled. For programs that do not drive the engine all the time.
 */
void souk_runtime_flush(souk_runtime *rt, souk_ms patience);

/* Fetches the next outcome, as souk_pool_next does. */
bool souk_runtime_next(souk_runtime *rt, souk_outcome *outcome);

/* --- event loops (runtime/engine.c); with own_thread only
 * ------------------------------------------------ */

/*
 * A descriptor that becomes readable when souk_runtime_step(rt, 0, ...) and souk_runtime_next have
 * something to do, be it only that a time is over. It makes the engine, so it comes after a fork.
 * -1 and *err: SOUK_E_CONFIG without own_thread, SOUK_E_LIMIT, SOUK_E_CLOSED.
 */
int souk_runtime_fd(souk_runtime *rt, souk_err *err);

/*
 * A copy of it, which outlives the runtime and is readable for good when that is gone; the caller
 * closes it. For a loop whose handle may still be there when the runtime is not.
 */
int souk_runtime_watch(souk_runtime *rt, souk_err *err);

/* Makes it unreadable until something new happens: for a loop that steps a little later. */
void souk_runtime_hush(const souk_runtime *rt);

/* Gathers what calls ask of the engine, until the end of the cork wakes it (io/courier.h). */
void souk_runtime_cork(const souk_runtime *rt);
void souk_runtime_uncork(const souk_runtime *rt);

/*
 * For a loop that cannot watch a descriptor: *path is that of a Unix-domain socket below `folder`.
 * The loop connects to it, then calls souk_runtime_let_in, and from then on reads a byte where the
 * descriptor would become readable. When it has gone it says so.
 */
int souk_runtime_open_door(souk_runtime *rt, const char *folder, const char **path, souk_err *err);
int souk_runtime_let_in(souk_runtime *rt, souk_err *err);
void souk_runtime_close_door(souk_runtime *rt);

/*
 * Answers a question that came as an outcome: JSON text, or an error. False when nobody waits for
 * the answer any more.
 */
bool souk_runtime_answer(souk_runtime *rt, uint64_t ask, souk_slice json, const souk_err *err);

/* Nobody answers any more, as when the program goes: nothing waits for that from now on. */
void souk_runtime_stop_asking(souk_runtime *rt);

/* A handler of the program's own; number comes with its questions. */
int souk_runtime_add_handler(souk_runtime *rt, souk_slice prefix, uint64_t number, souk_err *err);

#endif
