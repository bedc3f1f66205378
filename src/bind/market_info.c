/* What a market says about itself: sessions and counters. */
#include "bind/market.h"

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

/* market:stats() -> table of counters */
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
    return 1;
}

const luaL_Reg souk_bind_info_methods[] = {
    {"sessions", l_sessions}, {"stats", l_stats}, {NULL, NULL}};
