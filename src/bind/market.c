/* Birth and death of a market. */
#include "bind/market.h"
#include "bind/misuse.h"

#include <string.h>

#include "bind/errors.h"
#include "io/clock.h"
#include "io/process.h"
#include "mcp/ability.h"

static const char *env_get(void *user, const char *name)
{
    const souk_market *market = user;
    return souk_map_get(&market->env, souk_slice_of(name));
}

static souk_ms clock_now(void *user)
{
    const souk_market *market = user;
    return market->has_clock ? market->now : souk_clock_now();
}

/* Asks the program's clock, which may raise; so it happens here and never inside the core. */
static void read_clock(lua_State *L, int index, souk_market *market)
{
    if (!market->has_clock) {
        return;
    }
    souk_lua_getuservalue(L, index);
    lua_getfield(L, -1, "clock");
    lua_call(L, 0, 1);
    if (lua_type(L, -1) != LUA_TNUMBER) {
        souk_bind_misuse(L,
                         "souk.open: option 'clock': the function must return seconds as a number");
    }
    market->now = (souk_ms)(lua_tonumber(L, -1) * 1000);
    lua_pop(L, 2);
}

souk_market *souk_bind_market_any(lua_State *L, int index)
{
    return luaL_checkudata(L, index, SOUK_MARKET);
}

souk_market *souk_bind_market(lua_State *L, int index)
{
    souk_market *market = souk_bind_market_any(L, index);
    if (market->rt == NULL) {
        souk_bind_misuse(L, "souk.market is closed");
    }
    read_clock(L, index, market);
    return market;
}

static void free_env(souk_market *market)
{
    size_t cursor = 0;
    for (const souk_map_entry *it; (it = souk_map_next(&market->env, &cursor)) != NULL;) {
        souk_free(souk_alloc_libc(), it->value);
    }
    souk_map_free(&market->env);
}

static void let_go(souk_market *market)
{
    souk_runtime_free(market->rt);
    market->rt = NULL;
    free_env(market);
    souk_reach_free(&market->reach);
    souk_json_doc_free(&market->doc);
    souk_buf_free(&market->scratch);
    souk_buf_free(&market->scratch2);
    souk_arena_free(&market->arena);
    souk_diags_free(&market->diags);
}

/* core.open(settings) -> market */
static int l_open(lua_State *L)
{
    const souk_alloc *alloc = souk_alloc_libc();
    souk_runtime_options options;
    souk_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    souk_market *market = souk_lua_newuserdata(L, sizeof *market);
    memset(market, 0, sizeof *market);
    market->watched = -1;
    souk_map_init(&market->env, alloc, souk_random_seed());
    souk_reach_init(&market->reach, alloc);
    souk_json_doc_init(&market->doc, alloc);
    souk_buf_init(&market->scratch, alloc, SIZE_MAX / 4);
    souk_buf_init(&market->scratch2, alloc, SIZE_MAX / 4);
    souk_arena_init(&market->arena, alloc);
    luaL_getmetatable(L, SOUK_MARKET);
    lua_setmetatable(L, 2);
    lua_newtable(L);
    souk_lua_setuservalue(L, 2);
    souk_runtime_options_default(&options);
    souk_bind_read_options(L, 1, market, &options);
    souk_env env = {env_get, market};
    options.reach = &market->reach;
    options.env = market->has_env ? &env : NULL;
    options.clock = clock_now;
    options.clock_user = market;
    read_clock(L, 2, market);
    if (souk_runtime_new(alloc, &options, &market->rt, &err) != SOUK_OK) {
        return souk_bind_misuse(L, "souk.open: %s", err.message);
    }
    souk_bind_read_policy(L, 1, market);
    lua_settop(L, 2);
    return 1;
}

enum { CLOSE_PATIENCE = 10000, GC_PATIENCE = 200 };

/*
 * _end(seconds) -> whether the market was open. Ends calls and closes sessions; how they ended can
 * still be fetched with _next until _release.
 */
static int l_end(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    souk_ms patience = souk_bind_opt_seconds(L, 2, CLOSE_PATIENCE);
    if (market->rt != NULL) {
        souk_runtime_close(market->rt, patience);
    }
    lua_pushboolean(L, market->rt != NULL);
    return 1;
}

/* _release(): frees everything; harmless when that was done already. */
static int l_release(lua_State *L)
{
    let_go(souk_bind_market_any(L, 1));
    return 0;
}

/* A market that was forgotten: say good-bye to servers if that is quick, leave nothing behind in
 * any case. */
static int l_gc(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_stop_asking(market->rt);
        souk_runtime_close(market->rt, GC_PATIENCE);
    }
    let_go(market);
    souk_close_fd(&market->watched);
    return 0;
}

/* `local market <close>`: the method, which is written in Lua because it hands out how calls ended.
 */
static int l_scope_end(lua_State *L)
{
    lua_settop(L, 1);
    lua_getfield(L, 1, "close");
    lua_insert(L, 1);
    lua_call(L, 1, 0);
    return 0;
}

static int l_tostring(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt == NULL) {
        lua_pushliteral(L, "souk.market (closed)");
    } else {
        souk_pool_stats stats;
        souk_pool_get_stats(souk_runtime_pool(market->rt), &stats);
        lua_pushfstring(L, "souk.market (%d capabilities, %d sessions)",
                        (int)souk_registry_count(souk_runtime_registry(market->rt)),
                        (int)stats.sessions);
    }
    return 1;
}

/* market:_state() -> the table that hangs on the userdata, for the Lua half of the binding */
static int l_state(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt == NULL) {
        return souk_bind_misuse(L, "souk.market is closed");
    }
    souk_lua_getuservalue(L, 1);
    return 1;
}

static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)souk_clock_now() / 1000);
    return 1;
}

/* Pushes {elicit_form = 1, ...}: flags for `abilities`. */
static void push_abilities(lua_State *L)
{
    static const struct {
        const char *name;
        souk_mcp_ability flag;
    } rows[] = {{"elicit_form", SOUK_MCP_CAN_ELICIT_FORM},
                {"elicit_url", SOUK_MCP_CAN_ELICIT_URL},
                {"sample", SOUK_MCP_CAN_SAMPLE},
                {"roots", SOUK_MCP_CAN_LIST_ROOTS},
                {"tasks", SOUK_MCP_CAN_FOLLOW_TASKS}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        souk_lua_push_int64(L, rows[i].flag);
        lua_setfield(L, -2, rows[i].name);
    }
}

int souk_bind_open_market(lua_State *L)
{
    static const luaL_Reg own_methods[] = {
        {"_end", l_end}, {"_release", l_release}, {"_state", l_state}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__gc", l_gc}, {"__close", l_scope_end}, {"__tostring", l_tostring}, {NULL, NULL}};
    int module = lua_gettop(L);
    luaL_newmetatable(L, SOUK_MARKET);
    souk_lua_setfuncs(L, meta, 0);
    lua_pushliteral(L, SOUK_MARKET);
    lua_setfield(L, -2, "__name");
    lua_pushliteral(L, "souk.market: its metatable is private");
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    souk_lua_setfuncs(L, own_methods, 0);
    souk_lua_setfuncs(L, souk_bind_call_methods, 0);
    souk_lua_setfuncs(L, souk_bind_pump_methods, 0);
    souk_lua_setfuncs(L, souk_bind_registry_methods, 0);
    souk_lua_setfuncs(L, souk_bind_server_methods, 0);
    souk_lua_setfuncs(L, souk_bind_info_methods, 0);
    souk_lua_setfuncs(L, souk_bind_hold_methods, 0);
    souk_lua_setfuncs(L, souk_bind_loop_methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, module, "market_methods");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    lua_pushcfunction(L, l_open);
    lua_setfield(L, module, "open");
    lua_pushcfunction(L, l_now);
    lua_setfield(L, module, "now");
    push_abilities(L);
    lua_setfield(L, module, "abilities");
    souk_bind_open_holds(L, module);
    souk_bind_push_option_names(L);
    lua_setfield(L, module, "option_names");
    return 0;
}
