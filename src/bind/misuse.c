#include "bind/misuse.h"

#include <stdarg.h>
#include <string.h>

static const char PREFIX[] = "souk.own_sources"; /* in the registry */

/* Whether the function has a line, and one of the script. Neither C nor the trace of a tail call
 * has one. */
static bool is_of_script(const lua_Debug *function, const char *prefix)
{
    bool has_lines = strcmp(function->what, "Lua") == 0 || strcmp(function->what, "main") == 0;
    return has_lines && (prefix == NULL || strncmp(function->source, prefix, strlen(prefix)) != 0);
}

/* The level of the innermost function of the script; 0: there is none. */
static int level_of_script(lua_State *L)
{
    lua_Debug function;
    lua_getfield(L, LUA_REGISTRYINDEX, PREFIX);
    const char *prefix = lua_tostring(L, -1);
    int level = 1;
    while (lua_getstack(L, level, &function) && lua_getinfo(L, "S", &function)) {
        if (is_of_script(&function, prefix)) {
            lua_pop(L, 1);
            return level;
        }
        level++;
    }
    lua_pop(L, 1);
    return 0;
}

int souk_bind_misuse(lua_State *L, const char *format, ...)
{
    va_list arguments;
    luaL_where(L, level_of_script(L));
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    lua_concat(L, 2);
    return lua_error(L);
}

static int l_misuse(lua_State *L)
{
    return souk_bind_misuse(L, "%s", luaL_checkstring(L, 1));
}

static int l_own_sources(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, PREFIX);
    return 0;
}

void souk_bind_open_misuse(lua_State *L)
{
    lua_pushcfunction(L, l_misuse);
    lua_setfield(L, -2, "misuse");
    lua_pushcfunction(L, l_own_sources);
    lua_setfield(L, -2, "own_sources");
}
