/* What a market says about itself: sessions, counters, how long things took. */
#include "bind/errors.h"
#include "bind/market.h"
#include "runtime/metrics.h"

static void set_count(lua_State *L, const char *name, uint64_t value)
{
    souk_lua_push_int64(L, (int64_t)value);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, lua_Number value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

static void set_slice(lua_State *L, const char *name, souk_slice value)
{
    lua_pushlstring(L, value.ptr == NULL ? "" : value.ptr, value.len);
    lua_setfield(L, -2, name);
}

/* market:sessions() -> list of tables; times in seconds */
static int l_sessions(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_session_info info;
    size_t cursor = 0;
    int count = 0;
    lua_newtable(L);
    while (souk_pool_each_session(souk_runtime_pool(market->rt), &cursor,
                                  souk_runtime_now(market->rt), &info)) {
        lua_createtable(L, 0, 10);
        set_slice(L, "handler", info.handler);
        set_slice(L, "server", info.server);
        set_slice(L, "identity", info.identity);
        set_slice(L, "state", souk_slice_of(info.state));
        set_slice(L, "id", souk_slice_of(info.label));
        set_slice(L, "protocol", souk_slice_of(info.detail));
        set_count(L, "generation", info.generation);
        set_count(L, "in_flight", info.in_flight);
        set_count(L, "holds", info.holds);
        set_count(L, "calls", info.calls);
        set_number(L, "age", (lua_Number)info.age / 1000);
        set_number(L, "idle", (lua_Number)info.idle / 1000);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

static void set_quantile(lua_State *L, const char *name, const souk_histogram *h, double quantile)
{
    if (h->count > 0) {
        set_number(L, name, souk_histogram_quantile(h, quantile) / 1000);
    }
}

/* {count, sum, p50, p90, p99, buckets = {{le, count}, ...}}: seconds; the counts of buckets add up
 */
static void set_histogram(lua_State *L, const char *name, const souk_histogram *h)
{
    uint64_t so_far = 0;
    lua_createtable(L, 0, 6);
    set_count(L, "count", h->count);
    set_number(L, "sum", (lua_Number)h->sum / 1000);
    set_quantile(L, "p50", h, 0.5);
    set_quantile(L, "p90", h, 0.9);
    set_quantile(L, "p99", h, 0.99);
    lua_createtable(L, SOUK_HISTOGRAM_BUCKETS, 0);
    for (int i = 0; i < SOUK_HISTOGRAM_BUCKETS; i++) {
        souk_ms bound = souk_histogram_bound((size_t)i);
        so_far += h->buckets[i];
        lua_createtable(L, 0, 2);
        if (bound != SOUK_NEVER) { /* infinity has no JSON, so the last bucket has no bound */
            set_number(L, "le", (lua_Number)bound / 1000);
        }
        set_count(L, "count", so_far);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "buckets");
    lua_setfield(L, -2, name);
}

static void set_latency(lua_State *L, const souk_pool *pool)
{
    const souk_pool_latency *latency = souk_pool_get_latency(pool);
    lua_createtable(L, 0, 3);
    set_histogram(L, "call", &latency->call);
    set_histogram(L, "wait", &latency->wait);
    set_histogram(L, "open", &latency->open);
    lua_setfield(L, -2, "latency");
}

static void set_servers(lua_State *L, const souk_pool *pool, souk_ms now)
{
    souk_server_info info;
    size_t cursor = 0;
    lua_newtable(L);
    while (souk_pool_each_server(pool, &cursor, now, &info)) {
        lua_pushlstring(L, info.name.ptr, info.name.len);
        lua_createtable(L, 0, 7);
        set_count(L, "calls", info.calls);
        set_count(L, "failed", info.failed);
        set_count(L, "sessions", info.sessions);
        set_count(L, "in_flight", info.in_flight);
        set_count(L, "waiting", info.waiting);
        set_slice(L, "breaker", souk_slice_of(info.breaker));
        set_histogram(L, "latency", info.latency);
        lua_rawset(L, -3);
    }
    lua_setfield(L, -2, "servers");
}

/* market:stats() -> table of counters, and of histograms */
static int l_stats(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_pool_stats stats;
    souk_pool_get_stats(souk_runtime_pool(market->rt), &stats);
    lua_newtable(L);
#define SET(name, meaning) set_count(L, #name, stats.name);
    SOUK_POOL_COUNTERS(SET)
#undef SET
    set_count(L, "sessions", stats.sessions);
    set_count(L, "endpoints", stats.keys);
    set_count(L, "in_flight", stats.in_flight);
    set_count(L, "waiting", stats.waiting);
    set_count(L, "capabilities", souk_registry_count(souk_runtime_registry(market->rt)));
    set_latency(L, souk_runtime_pool(market->rt));
    set_servers(L, souk_runtime_pool(market->rt), souk_runtime_now(market->rt));
    return 1;
}

/* market:metrics() -> text for Prometheus */
static int l_metrics(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_err err;
    souk_buf_clear(&market->scratch);
    if (souk_runtime_metrics(market->rt, &market->scratch, &err) != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushlstring(L, market->scratch.data, market->scratch.len);
    return 1;
}

const luaL_Reg souk_bind_info_methods[] = {
    {"sessions", l_sessions}, {"stats", l_stats}, {"metrics", l_metrics}, {NULL, NULL}};
