#include "bind/marks.h"

/* The address is the key of the metatable in the registry. */
static const char own_mark;

/*
 * Pushes a field of the lua-cjson module if a script has loaded one; nil otherwise. It is never
 * loaded from here: whether it exists, and which one, is the script's decision.
 */
static void push_cjson_field(lua_State *L, const char *name)
{
    int top = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_pushliteral(L, "cjson");
        lua_rawget(L, -2);
        if (lua_type(L, -1) == LUA_TTABLE) {
            lua_pushstring(L, name);
            lua_rawget(L, -2);
            lua_replace(L, top + 1);
            lua_settop(L, top + 1);
            return;
        }
    }
    lua_settop(L, top);
    lua_pushnil(L);
}

static void push_own_mark(lua_State *L)
{
    souk_lua_getref(L, &own_mark);
    if (lua_type(L, -1) == LUA_TTABLE) {
        return;
    }
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "souk.array");
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    souk_lua_setref(L, &own_mark);
}

void souk_marks_push(lua_State *L)
{
    push_cjson_field(L, "array_mt");
    if (lua_type(L, -1) != LUA_TTABLE) {
        lua_pop(L, 1);
        push_own_mark(L);
    }
}

/* True when the value on top is the named metatable of lua-cjson. */
static bool is_cjson_mark(lua_State *L, const char *name)
{
    push_cjson_field(L, name);
    bool same = lua_type(L, -1) == LUA_TTABLE && lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
    return same;
}

bool souk_marks_has(lua_State *L, int index, bool is_empty)
{
    if (!lua_getmetatable(L, index)) {
        return false;
    }
    push_own_mark(L);
    bool marked = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 1);
    marked = marked || is_cjson_mark(L, "array_mt");
    marked = marked || (is_empty && is_cjson_mark(L, "empty_array_mt"));
    lua_pop(L, 1);
    return marked;
}

bool souk_marks_is_empty_array(lua_State *L, int index)
{
    const void *pointer = lua_touserdata(L, index);
    push_cjson_field(L, "empty_array");
    bool same = lua_type(L, -1) == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == pointer;
    lua_pop(L, 1);
    return same;
}
