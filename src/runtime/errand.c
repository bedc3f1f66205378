/* Errands: calls that the runtime puts by itself, and whose ends the program never sees. */
#include <string.h>

#include "runtime/internal.h"

static souk_errand_kind kind_of(const souk_request *request)
{
    switch (request->kind) {
    case SOUK_REQUEST_LISTEN:
        return SOUK_ERRAND_LISTEN;
    case SOUK_REQUEST_PING:
        return SOUK_ERRAND_LOOK;
    default:
        return SOUK_ERRAND_QUIET;
    }
}

int souk_rt_errand(souk_runtime *rt, souk_server *server, const souk_request *request,
                   souk_buf *body, uint64_t *call, souk_err *err)
{
    souk_target target;
    souk_call_options options;
    souk_errand *errand = souk_new(rt->alloc, sizeof *errand);
    if (errand == NULL) {
        return souk_fail_memory(err);
    }
    errand->kind = kind_of(request);
    errand->server = errand->kind == SOUK_ERRAND_QUIET ? NULL : server;
    souk_rt_server_target(server, souk_slice_make(NULL, 0), &target);
    memset(&options, 0, sizeof options);
    options.standing = errand->kind == SOUK_ERRAND_LISTEN;
    options.timeout = options.standing ? 0 : server->timeout;
    options.may_resend = errand->kind == SOUK_ERRAND_LOOK;
    souk_order order = {&target, request, body, options};
    int failed = souk_pool_call(rt->pool, &order, souk_runtime_now(rt), call, err);
    if (failed == SOUK_OK && !souk_idmap_add(&rt->errands, *call, errand)) {
        souk_pool_cancel(rt->pool, *call, souk_runtime_now(rt));
        failed = souk_fail_memory(err);
    }
    if (failed != SOUK_OK) {
        souk_free(rt->alloc, errand);
    }
    return failed;
}

void souk_rt_errand_drop(souk_runtime *rt, uint64_t call)
{
    souk_errand *errand = call == 0 ? NULL : souk_idmap_get(&rt->errands, call);
    if (errand != NULL) {
        errand->server = NULL;
        souk_pool_cancel(rt->pool, call, souk_runtime_now(rt));
    }
}

void souk_rt_errands_forget(souk_runtime *rt, const souk_server *server)
{
    for (size_t i = 0; i < rt->errands.size; i++) {
        souk_errand *errand = rt->errands.slots[i].value;
        if (rt->errands.slots[i].id != 0 && errand->server == server) {
            souk_rt_errand_drop(rt, rt->errands.slots[i].id);
        }
    }
}

bool souk_rt_errand_ended(souk_runtime *rt, const souk_outcome *outcome)
{
    souk_errand *errand = souk_idmap_remove(&rt->errands, outcome->id);
    if (errand == NULL) {
        return false;
    }
    if (errand->server != NULL && !rt->closing) {
        if (errand->kind == SOUK_ERRAND_LISTEN) {
            souk_rt_watch_listen_ended(rt, errand->server, &outcome->err);
        } else {
            souk_rt_watch_look_ended(rt, errand->server, outcome);
        }
    }
    souk_free(rt->alloc, errand);
    return true;
}

void souk_rt_errands_free(souk_runtime *rt)
{
    for (size_t i = 0; i < rt->errands.size; i++) {
        if (rt->errands.slots[i].id != 0) {
            souk_free(rt->alloc, rt->errands.slots[i].value);
        }
    }
    souk_idmap_free(&rt->errands);
}

enum { FIRST_DELAY = 500, LONGEST_DELAY = 60000, DOUBLINGS = 7 }; /* ms */

/* Between a half and the whole of it, so that many clients do not come back in one moment. */
static souk_ms with_jitter(souk_runtime *rt, souk_server *server, souk_ms delay)
{
    uint64_t random = souk_hash(server->name, rt->seed + ++server->watch.tries);
    return delay / 2 + (souk_ms)(random % (uint64_t)(delay / 2 + 1));
}

souk_ms souk_rt_back_off(souk_runtime *rt, souk_server *server, unsigned failures)
{
    souk_ms delay = (souk_ms)FIRST_DELAY << (failures < DOUBLINGS ? failures : DOUBLINGS);
    return with_jitter(rt, server, souk_ms_min(delay, LONGEST_DELAY));
}

souk_ms souk_rt_back_off_long(souk_runtime *rt, souk_server *server)
{
    return with_jitter(rt, server, LONGEST_DELAY);
}

bool souk_rt_is_lasting(int kind)
{
    return kind == SOUK_E_CONFIG || kind == SOUK_E_AUTH || kind == SOUK_E_LIMIT ||
           kind == SOUK_E_RPC || kind == SOUK_E_POLICY;
}
