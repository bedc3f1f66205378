/* The session handler for MCP: endpoints, credentials and calls on one side, souk_mcp sessions on
 * the other. */
#ifndef SOUK_MCP_HANDLER_H
#define SOUK_MCP_HANDLER_H

#include "base/reach.h"
#include "pool/handler.h"

/* X(name, default, least, most, unit, meaning): whole numbers; times in milliseconds */
#define SOUK_MCP_OPTIONS(X)                                                                        \
    X(open_timeout, 30000, 1, 3600000, "ms", "time for opening a session over HTTP")               \
    X(spawn_timeout, 60000, 1, 3600000, "ms", "time for starting a child and opening its session") \
    X(probe_timeout, 3000, 1, 3600000, "ms",                                                       \
      "a child that is silent so long after server/discover is legacy")                            \
    X(connect_timeout, 10000, 1, 3600000, "ms", "time for a connection, TLS included")             \
    X(child_grace, 2000, 0, 60000, "ms",                                                           \
      "time between the steps that end a child: stdin closed, TERM, KILL")                         \
    X(max_response, 33554432, 1024, 1073741824, "bytes",                                           \
      "one answer, one line of a child, one event of a stream")                                    \
    X(max_header, 262144, 1024, 16777216, "bytes", "all headers of one answer")                    \
    X(max_queue, 67108864, 1024, 1073741824, "bytes", "input that a child has not read yet")       \
    X(max_depth, 128, 1, 1000, "levels", "nesting of JSON in answers")                             \
    X(stream_retry, 1000, 0, 3600000, "ms",                                                        \
      "time before a broken stream is taken up again, when the server names none")                 \
    X(max_resumes, 5, 0, 1000, "times",                                                            \
      "times that a broken stream is taken up again without anything new")                         \
    X(max_redirects, 5, 0, 100, "redirects", "redirects of one request that are followed")         \
    X(max_rounds, 16, 1, 1000, "rounds", "times that one call may ask for input")                  \
    X(poll_interval, 1000, 10, 3600000, "ms",                                                      \
      "time between looks at a task, when the server names none")                                  \
    X(max_poll_failures, 5, 1, 1000, "times", "looks at a task that may fail in a row")            \
    X(input_timeout, 600000, 1, 86400000, "ms", "time for the answer to a question of a server")

typedef struct souk_mcp_options {
#define SOUK_MCP_OPTION_FIELD(name, standard, least, most, unit, meaning) int64_t name;
    SOUK_MCP_OPTIONS(SOUK_MCP_OPTION_FIELD)
#undef SOUK_MCP_OPTION_FIELD
} souk_mcp_options;

void souk_mcp_options_default(souk_mcp_options *options);

/*
 * A notice of the handler's own, not the server's: it asked for a visit to a URL that the rules do
 * not allow; {"reason": text}.
 */
#define SOUK_MCP_VISIT_DECLINED "souk/visit_declined"

typedef struct souk_mcp_handler {
    souk_handler base; /* prefix "mcp" */
    souk_mcp_options options;
    const struct souk_pool *pool;
    const souk_reach *reach; /* which servers are allowed; set it after _init; NULL: all */
    uint64_t seed;
    uint64_t share; /* not 0: sessions are shared with other processes; the number of the questions
                       about that (mcp_share.c). Set it after _init */
    /* Of what sessions receive and keep; it outlives the engine. NULL: the pool's. */
    const souk_alloc *alloc;
} souk_mcp_handler;

/* Fills the handler; give &handler->base to souk_pool_add_handler. It owns nothing. */
void souk_mcp_handler_init(souk_mcp_handler *handler, const souk_mcp_options *options,
                           const struct souk_pool *pool, uint64_t seed);

#endif
