/* The module souk.core: everything that is written in C, as the Lua files of souk use it. */
#include <stdatomic.h>

#include "base/version.h"
#include "bind/compat.h"
#include "bind/errors.h"
#include "bind/json_module.h"
#include "bind/market.h"
#include "bind/misuse.h"
#include "bind/validate.h"
#include "io/courier.h"
#include "io/library.h"

SOUK_EXPORT int luaopen_souk_core(lua_State *L);

/*
 * Lua states of this process that have loaded the module so far. Where a server makes one for each
 * request (`lua_code_cache off`), there is soon more than one.
 */
static atomic_int states_seen;

static int l_states_seen(lua_State *L)
{
    lua_pushinteger(L, atomic_load(&states_seen));
    return 1;
}

/* wake_all(): the event loops of all markets of this process look at them */
static int l_wake_all(lua_State *L)
{
    (void)L;
    souk_courier_ring_all();
    return 0;
}

static void count_state(lua_State *L)
{
    static const char key[] = "souk.is_counted";
    lua_getfield(L, LUA_REGISTRYINDEX, key);
    if (lua_isnil(L, -1)) {
        (void)atomic_fetch_add(&states_seen, 1);
        lua_pushboolean(L, 1);
        lua_setfield(L, LUA_REGISTRYINDEX, key);
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
    lua_pushcfunction(L, l_states_seen);
    lua_setfield(L, -2, "states_seen");
    lua_pushcfunction(L, l_wake_all);
    lua_setfield(L, -2, "wake_all");
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
