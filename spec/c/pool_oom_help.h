/* Scenarios of the pool in which the n-th allocation fails, for all n. */
#ifndef SOUK_POOL_OOM_HELP_H
#define SOUK_POOL_OOM_HELP_H

#include "failing_alloc.h"
#include "pool_server_help.h"

/* A pool on this allocator; false when there was no memory even for that. */
static inline bool begin(pool_rig *rig, const souk_alloc *alloc)
{
    rig->alloc = alloc;
    return rig_make(rig);
}

/* Lets the pool end: time passes until every call has ended. */
static inline void finish(pool_rig *rig)
{
    if (rig->pool != NULL) {
        rig_wait_for(rig, 700000);
        souk_pool_close(rig->pool, rig->fake.now);
        rig_wait_for(rig, 10000);
        CHECK(souk_pool_is_empty(rig->pool));
        for (size_t i = 0; i < rig->call_count; i++) {
            CHECK_INT(rig->calls[i].ends, 1);
        }
        souk_pool_stats stats = rig_stats(rig);
        CHECK_INT(stats.calls, rig->call_count - rig->standing);
        CHECK_INT(stats.calls_ok + stats.calls_failed, stats.calls);
        CHECK_INT(stats.in_flight + stats.waiting + stats.standing + stats.sessions, 0);
    }
    rig_end(rig);
}

/* Runs the scenario once for each allocation, which fails alone or with all that follow. */
static inline void fail_everywhere(void (*scenario)(const souk_alloc *alloc))
{
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        for (long n = 1;; n++) {
            failing_alloc f;
            failing_alloc_init(&f, n);
            f.for_ever = for_ever;
            scenario(&f.alloc);
            CHECK_INT(f.live, 0);
            if (!f.fired) {
                break;
            }
        }
    }
}

#endif
