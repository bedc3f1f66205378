/*
 * The differences between the Lua versions that souk runs in: 5.1, LuaJIT, 5.2, 5.3 and 5.4. The
 * only place that looks at LUA_VERSION_NUM.
 *
 * One binary serves LuaJIT and PUC Lua 5.1. It is built with LuaJIT's headers, so nothing may be
 * used that LuaJIT has added to the interface of 5.1 (luaL_setfuncs, luaL_testudata, lua_copy and
 * the like).
 */
#ifndef SOUK_COMPAT_H
#define SOUK_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SOUK_EXPORT __attribute__((visibility("default")))
#else
#define SOUK_EXPORT
#endif

/* The type of LuaJIT's cdata, which lua.h does not name. No other Lua has a type of this number. */
#define SOUK_LUA_TCDATA 10

#define SOUK_LUA_EXACT_DOUBLES (INT64_C(1) << 53) /* up to here doubles can count */

#if LUA_VERSION_NUM >= 502

#define souk_lua_rawlen lua_rawlen
#define souk_lua_setfuncs luaL_setfuncs

#else

#define souk_lua_rawlen lua_objlen

/*
 * Sets the functions into the table below the `upvalues` topmost values, which they share and which
 * are popped.
 */
static inline void souk_lua_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues)
{
    luaL_checkstack(L, upvalues + 1, "too many upvalues");
    for (; functions->name != NULL; functions++) {
        for (int i = 0; i < upvalues; i++) {
            lua_pushvalue(L, -upvalues);
        }
        lua_pushcclosure(L, functions->func, upvalues);
        lua_setfield(L, -(upvalues + 2), functions->name);
    }
    lua_pop(L, upvalues);
}

#endif

/*
 * A userdata with one Lua value of its own: the user value where there is such a thing, the
 * environment in 5.1. Tables are the only values that all versions take.
 */
#if LUA_VERSION_NUM >= 504

static inline void *souk_lua_newuserdata(lua_State *L, size_t size)
{
    return lua_newuserdatauv(L, size, 1);
}

/* Pops a table and hangs it on the userdata at `index`. */
static inline void souk_lua_setuservalue(lua_State *L, int index)
{
    lua_setiuservalue(L, index, 1);
}

static inline void souk_lua_getuservalue(lua_State *L, int index)
{
    lua_getiuservalue(L, index, 1);
}

#elif LUA_VERSION_NUM >= 502

#define souk_lua_newuserdata lua_newuserdata
#define souk_lua_setuservalue lua_setuservalue
#define souk_lua_getuservalue lua_getuservalue

#else

#define souk_lua_newuserdata lua_newuserdata
#define souk_lua_setuservalue lua_setfenv
#define souk_lua_getuservalue lua_getfenv

#endif

/* Registry entries under the address of something static: nobody else can have the same key. */
static inline void souk_lua_getref(lua_State *L, const void *key)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

/* Pops the value. */
static inline void souk_lua_setref(lua_State *L, const void *key)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)key);
    lua_insert(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

#if LUA_VERSION_NUM >= 503

/* Pushes the integer; false, and nothing is pushed, when this Lua cannot hold it exactly. */
static inline bool souk_lua_push_int64(lua_State *L, int64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    return true;
}

/* True when the number at `index` is an integer to this Lua. */
static inline bool souk_lua_to_int64(lua_State *L, int index, int64_t *out)
{
    *out = (int64_t)lua_tointeger(L, index);
    return lua_isinteger(L, index) != 0;
}

#else

static inline bool souk_lua_push_int64(lua_State *L, int64_t value)
{
    if (value < -SOUK_LUA_EXACT_DOUBLES || value > SOUK_LUA_EXACT_DOUBLES) {
        return false;
    }
    lua_pushnumber(L, (lua_Number)value);
    return true;
}

static inline bool souk_lua_to_int64(lua_State *L, int index, int64_t *out)
{
    lua_Number number = lua_tonumber(L, index);
    if (!(number >= -(lua_Number)SOUK_LUA_EXACT_DOUBLES &&
          number <= (lua_Number)SOUK_LUA_EXACT_DOUBLES)) {
        return false;
    }
    *out = (int64_t)number;
    return (lua_Number)*out == number;
}

#endif

#endif
