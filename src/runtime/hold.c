/* Sessions that the program holds: nobody else's calls run on them. */
#include <string.h>

#include "runtime/internal.h"

int souk_runtime_hold(souk_runtime *rt, const souk_hold_options *options, uint64_t *call,
                      souk_err *err)
{
    souk_server *server = souk_rt_server(rt, options->server);
    souk_target target;
    if (server == NULL) {
        return souk_fail(err, SOUK_E_CONFIG, "there is no server named '%.*s'",
                         SOUK_ARG(options->server));
    }
    souk_rt_call *record = souk_rt_call_new(rt, 0);
    if (record == NULL) {
        return souk_fail_memory(err);
    }
    souk_rt_server_target(server, options->identity, &target);
    target.affinity = options->affinity;
    souk_ms timeout = options->timeout > 0 ? options->timeout : server->timeout;
    int failed = souk_pool_hold(rt->pool, &target, timeout, souk_runtime_now(rt), call, err);
    if (failed == SOUK_OK && !souk_idmap_add(&rt->calls, *call, record)) {
        souk_pool_release(rt->pool, *call, souk_runtime_now(rt));
        failed = souk_fail_memory(err);
    }
    if (failed != SOUK_OK) {
        souk_rt_call_free(rt, record);
    }
    souk_rt_kick(rt);
    return failed;
}

void souk_runtime_release(souk_runtime *rt, uint64_t hold)
{
    souk_pool_release(rt->pool, hold, souk_runtime_now(rt));
    souk_rt_kick(rt);
}
