/*
 * The n-th allocation fails, for all n, while sessions are held, used by one call at a time,
 * probed, replaced, and while a breaker opens: every call that was taken ends exactly once, and
 * nothing is left behind.
 */
#include "pool_oom_help.h"

/* Opens what is being opened. */
static void open_all(pool_rig *rig)
{
    for (size_t i = 0; i < rig->session_count; i++) {
        if (rig->sessions[i].session != NULL) {
            rig_opened(rig, i);
        }
    }
}

/* A hold that may not be had. */
static int try_hold(pool_rig *rig, const mcp_server *server)
{
    souk_err err;
    uint64_t id = 0;
    if (souk_pool_hold(rig->pool, &server->target, 0, rig->fake.now, &id, &err) != SOUK_OK) {
        CHECK_INT(err.delivery, SOUK_DELIVERY_NOT_SENT);
        return -1;
    }
    rig->calls[rig->call_count].id = id;
    rig->call_count++;
    rig_run(rig);
    open_all(rig);
    return (int)rig->call_count - 1;
}

static bool has(const pool_rig *rig, int hold)
{
    return hold >= 0 && rig->calls[hold].ends == 1 && rig->calls[hold].err.kind == SOUK_OK;
}

static void finish_all(pool_rig *rig)
{
    for (size_t i = 0; i < rig->call_count; i++) {
        if (rig->calls[i].running != NULL) {
            finish_call(rig, (int)i);
        }
    }
}

/* Loses the session that was opened last, if there is one. */
static void lose_last(pool_rig *rig)
{
    size_t last = rig->session_count;
    if (last > 0 && rig->sessions[last - 1].session != NULL && !rig->sessions[last - 1].closing) {
        lose_session(rig, last - 1, SOUK_E_TRANSPORT);
    }
}

static void run_holds(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        mcp_server server;
        mcp_server named;
        server_plain(&server, "a");
        server_plain(&named, "a");
        named.target.affinity = SOUK_LIT("tab");
        int mine = try_hold(rig, &server);
        CHECK(rig_stats(rig).keys <= 1 + (size_t)has(rig, mine)); /* else nothing is left of it */
        int tab = try_hold(rig, &named);
        if (has(rig, mine)) {
            (void)call_on_hold(rig, &server, rig->calls[mine].id);
            (void)call_on_hold(rig, &server, rig->calls[mine].id);
        }
        if (has(rig, tab)) {
            (void)call_on_hold(rig, &named, rig->calls[tab].id);
        }
        finish_all(rig);
        lose_last(rig);
        if (has(rig, tab)) {
            CHECK_INT(call_on_hold(rig, &named, rig->calls[tab].id), -1);
        }
        if (tab >= 0) {
            release(rig, tab);
        }
        tab = try_hold(rig, &named);
        if (mine >= 0) {
            release(rig, mine);
        }
        (void)try_hold(rig, &server);
    }
    finish(rig);
}

static void run_exclusive(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    rig->options.max_opening = 2;
    if (begin(rig, alloc)) {
        mcp_server server;
        server_plain(&server, "a");
        server_set(&server, "plain_session_mode", "exclusive");
        server_set(&server, "plain_max_sessions", "3");
        server_set(&server, "plain_rate_limit", "4/s");
        for (int i = 0; i < 5; i++) {
            (void)call_server(rig, &server);
        }
        open_all(rig);
        finish_all(rig);
        lose_last(rig);
        rig_wait_for(rig, 500);
        open_all(rig);
        finish_all(rig);
        (void)call_server(rig, &server);
        souk_pool_close_sessions(rig->pool, SOUK_LIT("a"), rig->fake.now);
        rig_run(rig);
    }
    finish(rig);
}

static void run_probes(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new_with_probes();
    if (begin(rig, alloc)) {
        mcp_server server;
        server_plain(&server, "a");
        for (int round = 0; round < 3; round++) {
            (void)call_server(rig, &server);
            (void)call_server(rig, &server);
            size_t last = rig->session_count;
            if (round == 1 && last > 0 && rig->sessions[last - 1].session != NULL) {
                answer_probe(rig, last - 1);
            }
            rig_wait_for(rig, 5000); /* a probe without an answer is a loss */
            open_all(rig);
            finish_all(rig);
            rig_wait_for(rig, 60000);
        }
    }
    finish(rig);
}

static void run_breaker(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    rig->options.breaker_failures = 2;
    if (begin(rig, alloc)) {
        mcp_server server;
        server_plain(&server, "a");
        for (int i = 0; i < 4; i++) {
            int call = call_server(rig, &server);
            if (call >= 0 && rig->session_count > 0 && i < 2 && is_waiting(rig, call)) {
                plain_session *last = &rig->sessions[rig->session_count - 1];
                if (last->session != NULL) {
                    rig_open_failed(rig, rig->session_count - 1);
                }
                rig_wait_for(rig, 200);
            }
        }
        rig_wait_for(rig, 30000);
        int trial = call_server(rig, &server);
        open_all(rig);
        if (trial >= 0 && is_running(rig, trial)) {
            fail_as(rig, trial, SOUK_E_TRANSPORT, SOUK_DELIVERY_REJECTED, 503, 2000);
        }
        (void)call_server(rig, &server);
        rig_wait_for(rig, 2000);
        open_all(rig);
        finish_all(rig);
        souk_pool_close(rig->pool, rig->fake.now);
    }
    finish(rig);
}

static void probe_legacy(pool_rig *rig, const mcp_server *server)
{
    call_tool(rig, server, "a");
    open_legacy(rig, "one");
    fake_exchange *x = fake_open(&rig->fake, "tools/call");
    if (x != NULL) {
        fake_result(&rig->fake, x, "{'content':[]}");
        rig_run(rig);
    }
    rig_wait_for(rig, 60000);
    call_tool(rig, server, "b");
    x = fake_open(&rig->fake, "ping");
    if (x != NULL) {
        fake_respond(&rig->fake, x, 404, "", "");
        rig_run(rig);
    }
    open_legacy(rig, "two");
    x = fake_open(&rig->fake, "tools/call");
    if (x != NULL) {
        fake_respond(&rig->fake, x, 429, "Retry-After: 1", "");
        rig_run(rig);
    }
    rig_wait_for(rig, 1000);
    x = fake_open(&rig->fake, "tools/call");
    if (x != NULL) {
        fake_result(&rig->fake, x, "{'content':[]}");
        rig_run(rig);
    }
}

static void run_mcp(const souk_alloc *alloc)
{
    pool_rig *rig = rig_new();
    if (begin(rig, alloc)) {
        mcp_server server;
        server_http(&server);
        server.target.no_stream = true;
        probe_legacy(rig, &server);
        souk_pool_close(rig->pool, rig->fake.now);
    }
    finish(rig);
}

static void holds_survive_every_failing_allocation(void)
{
    fail_everywhere(run_holds);
}

static void exclusive_sessions_survive_every_failing_allocation(void)
{
    fail_everywhere(run_exclusive);
}

static void probes_survive_every_failing_allocation(void)
{
    fail_everywhere(run_probes);
}

static void a_breaker_and_pauses_survive_every_failing_allocation(void)
{
    fail_everywhere(run_breaker);
}

static void probes_of_mcp_survive_every_failing_allocation(void)
{
    fail_everywhere(run_mcp);
}

int main(void)
{
    CASE(holds_survive_every_failing_allocation);
    CASE(exclusive_sessions_survive_every_failing_allocation);
    CASE(probes_survive_every_failing_allocation);
    CASE(a_breaker_and_pauses_survive_every_failing_allocation);
    CASE(probes_of_mcp_survive_every_failing_allocation);
    return tap_done();
}
