/* The module souk.core: everything that is written in C, as the Lua files of souk use it. */
#include "bind/compat.h"
#include "bind/json_module.h"

SOUK_EXPORT int luaopen_souk_core(lua_State *L);

SOUK_EXPORT int luaopen_souk_core(lua_State *L)
{
    lua_createtable(L, 0, 4);
    souk_bind_open_json(L);
    lua_setfield(L, -2, "json");
    return 1;
}
