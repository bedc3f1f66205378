/* The module souk.core: everything that is written in C, as the Lua files of souk use it. */
#include <stdatomic.h>

#include "base/version.h"
#include "bind/compat.h"
#include "bind/errors.h"
#include "bind/json_module.h"
#include "bind/market.h"
#include "bind/misuse.h"
#include "bind/validate.h"
#include "io/library.h"

SOUK_EXPORT int luaopen_souk_core(lua_State *L);

/*
 * Lua states of this process that have the module now. Where a server makes one for each request
 * (`lua_code_cache off`), there are more than one.
 */
static atomic_int live_states;

static int l_state_ends(lua_State *L)
{
    (void)L;
    (void)atomic_fetch_sub(&live_states, 1);
    return 0;
}

static int l_live_states(lua_State *L)
{
    lua_pushinteger(L, atomic_load(&live_states));
    return 1;
}

/* Something that is collected with the state hangs on its registry. */
static void count_state(lua_State *L)
{
    static const char key[] = "souk.live_state";
    lua_getfield(L, LUA_REGISTRYINDEX, key);
    if (lua_isnil(L, -1)) {
        (void)lua_newuserdata(L, 1);
        lua_newtable(L);
        lua_pushcfunction(L, l_state_ends);
        lua_setfield(L, -2, "__gc");
        lua_setmetatable(L, -2);
        lua_setfield(L, LUA_REGISTRYINDEX, key);
        (void)atomic_fetch_add(&live_states, 1);
    }
    lua_pop(L, 1);
}

/* libcurl(): which one is loaded. */
static int l_libcurl(lua_State *L)
{
    lua_pushstring(L, souk_io_library());
    return 1;
}

SOUK_EXPORT int luaopen_souk_core(lua_State *L)
{
    count_state(L);
    lua_createtable(L, 0, 10);
    lua_pushliteral(L, SOUK_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushcfunction(L, l_live_states);
    lua_setfield(L, -2, "live_states");
    lua_pushcfunction(L, l_libcurl);
    lua_setfield(L, -2, "libcurl");
    souk_bind_open_json(L);
    lua_setfield(L, -2, "json");
    souk_bind_open_errors(L);
    souk_bind_open_misuse(L);
    souk_bind_open_market(L);
    souk_bind_open_validate(L);
    return 1;
}
