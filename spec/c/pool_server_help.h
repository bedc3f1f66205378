/*
 * Servers of the plain handler with a configuration, calls with options, failures of all kinds,
 * holds, probes.
 */
#ifndef SOUK_POOL_SERVER_HELP_H
#define SOUK_POOL_SERVER_HELP_H

#include "pool_mcp_help.h"

static inline void server_plain(mcp_server *server, const char *name)
{
    memset(server, 0, sizeof *server);
    server->target.prefix = SOUK_LIT("plain");
    server->target.name = souk_slice_of(name);
}

/* A call of a capability; its number in rig->calls, or -1 with the reason in what was said. */
static inline int call_with(pool_rig *rig, const mcp_server *server,
                            const souk_call_options *options)
{
    souk_err err;
    const souk_request request = {.kind = SOUK_REQUEST_CAPABILITY,
                                  .capability = SOUK_LIT_INIT("cap"),
                                  .name = SOUK_LIT_INIT("do")};
    int call = rig_submit(rig, &server->target, &request, options, &err);
    if (call < 0) {
        rig_say(rig, SOUK_LIT("refused"), souk_slice_of(err.message));
    }
    rig_run(rig);
    return call;
}

static inline int call_server(pool_rig *rig, const mcp_server *server)
{
    return call_with(rig, server, &(souk_call_options){.timeout = 0});
}

static inline int call_on_hold(pool_rig *rig, const mcp_server *server, uint64_t hold)
{
    return call_with(rig, server, &(souk_call_options){.on_hold = hold});
}

/* A hold; its number in rig->calls, or -1. */
static inline int hold_server(pool_rig *rig, const mcp_server *server)
{
    souk_err err;
    uint64_t id = 0;
    if (souk_pool_hold(rig->pool, &server->target, 0, rig->fake.now, &id, &err) != SOUK_OK) {
        rig_say(rig, SOUK_LIT("refused"), souk_slice_of(err.message));
        CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
        return -1;
    }
    fake_require(rig->call_count < RIG_CALLS, "too many calls for the test");
    rig->calls[rig->call_count].id = id;
    rig->call_count++;
    rig_run(rig);
    return (int)rig->call_count - 1;
}

static inline void release(pool_rig *rig, int hold)
{
    souk_pool_release(rig->pool, rig->calls[hold].id, rig->fake.now);
    rig_run(rig);
}

/* Opens the newest session, if it is not open yet. */
static inline void open_last(pool_rig *rig)
{
    rig_opened(rig, rig->session_count - 1);
}

/* A call that runs on an open session. */
static inline int start_call(pool_rig *rig, const mcp_server *server)
{
    int call = call_server(rig, server);
    if (rig->session_count > 0 && rig->sessions[rig->session_count - 1].session != NULL) {
        open_last(rig);
    }
    return call;
}

static inline void finish_call(pool_rig *rig, int call)
{
    rig_done(rig, call);
    rig_run(rig);
}

/* Ends the running call with an error of this kind. */
static inline void fail_as(pool_rig *rig, int call, int kind, souk_delivery delivery, int status,
                           souk_ms retry_after)
{
    souk_err why;
    souk_call *running = rig->calls[call].running;
    rig->calls[call].running = NULL;
    souk_fail(&why, kind, "it broke");
    why.delivery = delivery;
    why.status = status;
    why.retry_after = retry_after;
    souk_call_failed(running, &why, false, NULL);
    rig_run(rig);
}

/* The session is gone: the server is not there. */
static inline void lose_session(pool_rig *rig, size_t session, int kind)
{
    souk_err why;
    souk_fail(&why, kind, "the server went away");
    why.delivery = SOUK_DELIVERY_AMBIGUOUS;
    souk_session_lost(rig->sessions[session].session, &why);
    rig_run(rig);
}

static inline bool is_running(const pool_rig *rig, int call)
{
    return rig->calls[call].running != NULL;
}

/* Neither ended nor given to a session. */
static inline bool is_waiting(const pool_rig *rig, int call)
{
    return rig->calls[call].running == NULL && rig->calls[call].ends == 0;
}

/* --- probes --- */

static inline int plain_probe(const souk_handler *self, souk_session *session, bool suspect,
                              souk_ms now, souk_err *err)
{
    pool_rig *rig = plain_rig(self);
    (void)now;
    plain_of(session)->probes++;
    plain_of(session)->suspected += suspect;
    if (rig->probe_answer < 0) {
        return souk_fail(err, rig->probe_answer, "the probe could not be sent");
    }
    return rig->probe_answer;
}

/* A rig whose plain handler can probe. */
static inline pool_rig *rig_new_with_probes(void)
{
    pool_rig *rig = rig_new();
    rig->plain.probe = plain_probe;
    return rig;
}

static inline void answer_probe(pool_rig *rig, size_t session)
{
    souk_session_probed(rig->sessions[session].session);
    rig_run(rig);
}

#endif
