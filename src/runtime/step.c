/* The pump: engine events to the pool, the pool's outcomes to the program. */
#include "io/clock.h"
#include "runtime/internal.h"

/* Moves what the engine has to the pool; bounded, so that a flood cannot keep the program from its
 * outcomes. */
static void move_events(souk_runtime *rt)
{
    souk_io_event event;
    for (int i = 0; i < 1024 && souk_rt_next_event(rt, &event); i++) {
        souk_pool_io(rt->pool, &event, souk_runtime_now(rt));
    }
}

souk_ms souk_rt_due(const souk_runtime *rt)
{
    return souk_pool_has_outcome(rt->pool)
               ? 0
               : souk_ms_min(souk_pool_deadline(rt->pool), rt->watch_due);
}

static souk_ms time_to_wait(const souk_runtime *rt, souk_ms timeout)
{
    souk_ms now = souk_runtime_now(rt);
    souk_ms due = souk_rt_due(rt);
    return due <= now ? 0 : souk_ms_min(timeout, due == SOUK_NEVER ? SOUK_NEVER : due - now);
}

int souk_runtime_step(souk_runtime *rt, souk_ms timeout, souk_err *err)
{
    souk_pool_run(rt->pool, souk_runtime_now(rt));
    souk_rt_watch_run(rt, souk_runtime_now(rt));
    souk_ms wait = time_to_wait(rt, timeout);
    if (wait == 0 && !souk_rt_has_engine(rt)) {
        return SOUK_OK;
    }
    /* Even when nothing was started, a deadline may have to be waited for: the engine can sleep,
     * too. */
    int failed = souk_rt_wake_engine(rt, err);
    if (failed == SOUK_OK) {
        failed = souk_rt_wait(rt, wait, err);
    }
    if (failed != SOUK_OK) {
        return failed;
    }
    move_events(rt);
    souk_pool_run(rt->pool, souk_runtime_now(rt));
    return SOUK_OK;
}

void souk_runtime_flush(souk_runtime *rt, souk_ms patience)
{
    /* A courier sends them by itself. */
    if (rt->engine == NULL || souk_pool_on_the_way(rt->pool) == 0) {
        return;
    }
    souk_ms until = souk_ms_after(souk_clock_now(), patience);
    while (souk_pool_on_the_way(rt->pool) > 0) {
        souk_ms left = until - souk_clock_now();
        if (left <= 0 || souk_engine_wait(rt->engine, left, NULL) != SOUK_OK) {
            return;
        }
        move_events(rt);
        souk_pool_run(rt->pool, souk_runtime_now(rt));
    }
}

/* Memory was not exhausted, but what may be buffered. */
static void explain_budget(souk_runtime *rt, souk_outcome *outcome)
{
    if (!outcome->err.out_of_memory || rt->buffered.refused == 0) {
        return;
    }
    souk_delivery delivery = outcome->err.delivery;
    rt->buffered.refused = 0;
    (void)souk_fail(&outcome->err, SOUK_E_LIMIT,
                    "what sessions have received and not handed over has more than %zu bytes "
                    "(option max_buffered)",
                    rt->buffered.max);
    outcome->err.delivery = delivery;
}

/* A call that ended: false when the program is not to hear of it. */
static bool call_ended(souk_runtime *rt, souk_outcome *outcome)
{
    souk_discovery *discovery = souk_idmap_remove(&rt->pages, outcome->id);
    if (discovery != NULL) {
        return souk_rt_page(rt, discovery, outcome);
    }
    if (souk_rt_errand_ended(rt, outcome)) {
        return false;
    }
    rt->handed_out = souk_idmap_remove(&rt->calls, outcome->id);
    if (rt->handed_out == NULL) {
        return false; /* it could not be remembered when it was put, which was told then */
    }
    explain_budget(rt, outcome);
    souk_rt_check_output(rt, rt->handed_out, outcome);
    return true;
}

bool souk_runtime_next(souk_runtime *rt, souk_outcome *outcome)
{
    souk_rt_call_free(rt, rt->handed_out);
    rt->handed_out = NULL;
    souk_answer_free(&rt->made);
    while (souk_pool_next(rt->pool, outcome)) {
        bool is_for_program = true;
        if (outcome->kind == SOUK_OUTCOME_NOTICE) {
            is_for_program = souk_rt_watch_notice(rt, outcome);
        } else if (outcome->kind == SOUK_OUTCOME_DONE) {
            is_for_program = call_ended(rt, outcome);
        }
        if (is_for_program) {
            return true;
        }
    }
    souk_rt_kick(rt); /* now it is known when there is something to do again */
    return false;
}

bool souk_runtime_answer(souk_runtime *rt, uint64_t ask, souk_slice json, const souk_err *err)
{
    souk_ms now = souk_runtime_now(rt);
    bool was_awaited = souk_pool_answer(rt->pool, ask, json, err, now);
    souk_pool_run(rt->pool, now);
    souk_rt_kick(rt);
    return was_awaited;
}

void souk_runtime_stop_asking(souk_runtime *rt)
{
    rt->mcp.share = 0;
}

void souk_runtime_cancel(souk_runtime *rt, uint64_t call)
{
    souk_pool_cancel(rt->pool, call, souk_runtime_now(rt));
    souk_rt_kick(rt);
}
