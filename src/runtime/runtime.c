#include "runtime/internal.h"

#include <string.h>

#include "io/clock.h"
#include "io/env.h"
#include "pool/ask_handler.h"

void souk_runtime_options_default(souk_runtime_options *options)
{
    memset(options, 0, sizeof *options);
#define SOUK_RUNTIME_DEFAULT(name, standard, least, most, unit, meaning) options->name = standard;
    SOUK_RUNTIME_OPTIONS(SOUK_RUNTIME_DEFAULT)
#undef SOUK_RUNTIME_DEFAULT
    options->validate = true;
    souk_pool_options_default(&options->pool);
    souk_mcp_options_default(&options->mcp);
}

souk_ms souk_runtime_now(const souk_runtime *rt)
{
    return rt->options.clock(rt->options.clock_user);
}

/* --- birth and death
 * ------------------------------------------------------------------------------------- */

static souk_ms system_clock(void *user)
{
    (void)user;
    return souk_clock_now();
}

static int make_parts(souk_runtime *rt, souk_err *err)
{
    souk_port port = souk_rt_port(rt);
    rt->pool = souk_pool_new(rt->alloc, &rt->options.pool, &port, &rt->env, rt->seed);
    rt->registry = souk_registry_new(rt->alloc, rt->seed, (size_t)rt->options.max_capabilities);
    rt->policy = souk_policy_new(rt->alloc);
    if (rt->pool == NULL || rt->registry == NULL || rt->policy == NULL) {
        return souk_fail_memory(err);
    }
    souk_mcp_handler_init(&rt->mcp, &rt->options.mcp, rt->pool, rt->seed);
    rt->mcp.alloc = &rt->buffered.alloc;
    rt->mcp.reach = rt->options.reach;
    rt->mcp.share = rt->options.share;
    return souk_pool_add_handler(rt->pool, &rt->mcp.base, err);
}

int souk_runtime_new(const souk_alloc *alloc, const souk_runtime_options *options,
                     souk_runtime **out, souk_err *err)
{
    souk_runtime *rt = souk_new(alloc, sizeof *rt);
    if (rt == NULL) {
        return souk_fail_memory(err);
    }
    rt->alloc = alloc;
    rt->options = *options;
    if (rt->options.clock == NULL) {
        rt->options.clock = system_clock;
    }
    rt->env = options->env != NULL ? *options->env : souk_env_process();
    rt->seed = souk_random_seed();
    souk_map_init(&rt->servers, alloc, rt->seed);
    souk_idmap_init(&rt->calls, alloc);
    souk_idmap_init(&rt->pages, alloc);
    souk_idmap_init(&rt->errands, alloc);
    souk_budget_init(&rt->buffered, alloc, (size_t)rt->options.max_buffered);
    rt->watch_due = SOUK_NEVER;
    souk_answer_init(&rt->made, alloc);
    int failed = make_parts(rt, err);
    if (failed != SOUK_OK) {
        souk_runtime_free(rt);
        return failed;
    }
    *out = rt;
    return SOUK_OK;
}

static void free_calls(souk_runtime *rt)
{
    for (size_t i = 0; i < rt->calls.size; i++) {
        if (rt->calls.slots[i].id != 0) {
            souk_rt_call_free(rt, rt->calls.slots[i].value);
        }
    }
    souk_rt_call_free(rt, rt->handed_out);
    souk_idmap_free(&rt->calls);
}

void souk_runtime_free(souk_runtime *rt)
{
    if (rt == NULL) {
        return;
    }
    souk_pool_free(rt->pool);
    souk_rt_free_engine(rt);
    free_calls(rt);
    souk_rt_discoveries_free(rt);
    souk_idmap_free(&rt->pages);
    souk_rt_errands_free(rt);
    size_t cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&rt->servers, &cursor)) != NULL;) {
        souk_rt_server_free(rt, it->value);
    }
    souk_map_free(&rt->servers);
    for (size_t i = 0; i < rt->own_handler_count; i++) {
        souk_ask_handler_free(rt->own_handlers[i]);
    }
    souk_registry_free(rt->registry);
    souk_policy_free(rt->policy);
    souk_answer_free(&rt->made);
    souk_free(rt->alloc, rt);
}

void souk_runtime_begin_close(souk_runtime *rt)
{
    rt->closing = true;
    souk_pool_close(rt->pool, souk_runtime_now(rt));
}

bool souk_runtime_is_closed(const souk_runtime *rt)
{
    return !souk_rt_has_engine(rt) || souk_pool_is_empty(rt->pool);
}

void souk_runtime_close(souk_runtime *rt, souk_ms patience)
{
    souk_runtime_begin_close(rt);
    /* The program's clock may be a fake one that stands still; patience is about real time. */
    souk_ms until = souk_ms_after(souk_clock_now(), patience);
    while (!souk_runtime_is_closed(rt)) {
        souk_ms left = until - souk_clock_now();
        souk_io_event event;
        if (left <= 0 || souk_rt_wait(rt, left, NULL) != SOUK_OK) {
            return;
        }
        while (souk_rt_next_event(rt, &event)) {
            souk_pool_io(rt->pool, &event, souk_runtime_now(rt));
        }
        souk_pool_run(rt->pool, souk_runtime_now(rt));
    }
}

souk_registry *souk_runtime_registry(souk_runtime *rt)
{
    return rt->registry;
}

souk_policy *souk_runtime_policy(souk_runtime *rt)
{
    return rt->policy;
}

souk_pool *souk_runtime_pool(souk_runtime *rt)
{
    return rt->pool;
}

const souk_alloc *souk_runtime_alloc(const souk_runtime *rt)
{
    return rt->alloc;
}

int souk_runtime_add_handler(souk_runtime *rt, souk_slice prefix, uint64_t number, souk_err *err)
{
    size_t room = sizeof rt->own_handlers / sizeof rt->own_handlers[0];
    if (rt->own_handler_count == room) {
        return souk_fail(err, SOUK_E_LIMIT, "more than %zu session handlers", room);
    }
    souk_handler *handler = souk_ask_handler_new(rt->alloc, prefix, number);
    if (handler == NULL) {
        return souk_fail_memory(err);
    }
    int failed = souk_pool_add_handler(rt->pool, handler, err);
    if (failed != SOUK_OK) {
        souk_ask_handler_free(handler);
        return failed;
    }
    rt->own_handlers[rt->own_handler_count++] = handler;
    return SOUK_OK;
}
