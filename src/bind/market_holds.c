/* Sessions that a script holds. */
#include <string.h>

#include "bind/errors.h"
#include "bind/market.h"

#define SOUK_HOLD "souk.hold"

/* What gives a session back when its holder was forgotten. The market hangs on it. */
typedef struct hold_guard {
    uint64_t id; /* 0: it was given back */
} hold_guard;

/* _hold(server, options) -> number of the call that gets it | nil, err */
static int l_hold(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_hold_options options;
    souk_err err;
    uint64_t call = 0;
    memset(&options, 0, sizeof options);
    options.server = souk_bind_check_slice(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    souk_bind_field_slice(L, 3, "session", "identity", &options.identity);
    souk_bind_field_slice(L, 3, "session", "affinity", &options.affinity);
    souk_bind_field_seconds(L, 3, "session", "timeout", &options.timeout);
    if (souk_runtime_hold(market->rt, &options, &call, &err) != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    souk_lua_push_int64(L, (int64_t)call);
    return 1;
}

/* _guard(id) -> what releases the hold when it is collected, or by core.release(guard) */
static int l_guard(lua_State *L)
{
    (void)souk_bind_market(L, 1);
    hold_guard *guard = souk_lua_newuserdata(L, sizeof *guard);
    guard->id = (uint64_t)luaL_checknumber(L, 2);
    luaL_getmetatable(L, SOUK_HOLD);
    lua_setmetatable(L, -2);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    souk_lua_setuservalue(L, -2);
    return 1;
}

static int l_release(lua_State *L)
{
    hold_guard *guard = luaL_checkudata(L, 1, SOUK_HOLD);
    uint64_t id = guard->id;
    guard->id = 0;
    if (id == 0) {
        return 0;
    }
    souk_lua_getuservalue(L, 1);
    lua_rawgeti(L, -1, 1);
    const souk_market *market = souk_bind_market_any(L, lua_gettop(L));
    if (market->rt != NULL) {
        souk_runtime_release(market->rt, id);
    }
    return 0;
}

void souk_bind_open_holds(lua_State *L, int module)
{
    luaL_newmetatable(L, SOUK_HOLD);
    lua_pushcfunction(L, l_release);
    lua_setfield(L, -2, "__gc");
    lua_pushliteral(L, "souk.hold: its metatable is private");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lua_pushcfunction(L, l_release);
    lua_setfield(L, module, "release");
}

const luaL_Reg souk_bind_hold_methods[] = {{"_hold", l_hold}, {"_guard", l_guard}, {NULL, NULL}};
