/* The runtime's own structures; only files of this folder include it. */
#ifndef SOUK_RUNTIME_INTERNAL_H
#define SOUK_RUNTIME_INTERNAL_H

#include "base/idmap.h"
#include "base/map.h"
#include "runtime/runtime.h"

/* A server that the program added by name. Its config may hold secrets: nothing of it is ever
 * printed. */
typedef struct souk_server {
    souk_arena arena;
    souk_slice name;
    souk_slice prefix;
    souk_slice identity;
    souk_pairs config;
    uint64_t auth;
    souk_ms timeout;
    souk_target_memo memo; /* for its own identity */
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
    struct souk_discovery *next;
} souk_discovery;

struct souk_runtime {
    const souk_alloc *alloc;
    souk_runtime_options options;
    souk_env env;
    uint64_t seed;
    souk_engine *engine; /* NULL until the first exchange or child */
    souk_registry *registry;
    souk_policy *policy;
    souk_pool *pool;
    souk_mcp_handler mcp;
    souk_handler *own_handlers[16];
    size_t own_handler_count;
    souk_map servers;
    souk_idmap calls; /* pool call -> souk_rt_call */
    souk_idmap pages; /* pool call -> souk_discovery */
    souk_discovery *discoveries;
    souk_rt_call *handed_out; /* of the outcome that was fetched last */
    souk_answer made;         /* the answer of an outcome that the runtime itself made */
};

/* runtime.c: makes the engine unless it is there */
int souk_rt_wake_engine(souk_runtime *rt, souk_err *err);

/* call.c */
void souk_rt_call_free(souk_runtime *rt, souk_rt_call *call);
/* Looks at a call that ended well: does its output fit its schema? Turns it into a failure if not.
 */
void souk_rt_check_output(souk_runtime *rt, const souk_rt_call *call, souk_outcome *outcome);

/* server.c */
souk_server *souk_rt_server(const souk_runtime *rt, souk_slice name);
void souk_rt_server_free(souk_runtime *rt, souk_server *server);
void souk_rt_server_target(souk_server *server, souk_slice identity, souk_target *target);

/* discover.c */
/*
 * Takes the outcome of one page. True when the whole discovery has ended with it: *outcome is then
 * that of the discovery. False: nothing is to be told yet.
 */
bool souk_rt_page(souk_runtime *rt, souk_discovery *discovery, souk_outcome *outcome);
void souk_rt_discoveries_forget(souk_runtime *rt, const souk_server *server);
void souk_rt_discoveries_free(souk_runtime *rt);

#endif
