/* The module souk.core: everything that is written in C, as the Lua files of souk use it. */
#include "base/version.h"
#include "bind/compat.h"
#include "bind/errors.h"
#include "bind/json_module.h"
#include "bind/market.h"
#include "bind/misuse.h"
#include "bind/validate.h"

SOUK_EXPORT int luaopen_souk_core(lua_State *L);

SOUK_EXPORT int luaopen_souk_core(lua_State *L)
{
    lua_createtable(L, 0, 10);
    lua_pushliteral(L, SOUK_VERSION);
    lua_setfield(L, -2, "version");
    souk_bind_open_json(L);
    lua_setfield(L, -2, "json");
    souk_bind_open_errors(L);
    souk_bind_open_misuse(L);
    souk_bind_open_market(L);
    souk_bind_open_validate(L);
    return 1;
}
