#include "bind/errors.h"

#include <string.h>

static const char METATABLE[] = "souk.error";

/* The field as text below the buffer that is being filled: pushes it, or returns false. */
static bool push_text_field(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
        return true;
    }
    lua_pop(L, 1);
    return false;
}

/* "mcp.github.get_me: rpc: no such user (code -32001)", "file: expected ']' (line 3, column 7)" */
static int error_tostring(lua_State *L)
{
    static const char *const details[] = {"status", "code", "delivery", "line", "column"};
    luaL_checktype(L, 1, LUA_TTABLE);
    int pieces = 0;
    luaL_checkstack(L, 40, "too many fields");
    if (push_text_field(L, "capability")) {
        lua_pushliteral(L, ": ");
        pieces += 2;
    }
    if (push_text_field(L, "kind")) {
        lua_pushliteral(L, ": ");
        pieces += 2;
    }
    pieces += push_text_field(L, "message");
    bool is_first = true;
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
        lua_pushfstring(L, "%s%s ", is_first ? " (" : ", ", details[i]);
        if (push_text_field(L, details[i])) {
            pieces += 2;
            is_first = false;
        } else {
            lua_pop(L, 1);
        }
    }
    if (!is_first) {
        lua_pushliteral(L, ")");
        pieces++;
    }
    lua_concat(L, pieces);
    return 1;
}

static void push_metatable(lua_State *L)
{
    if (luaL_newmetatable(L, METATABLE)) {
        lua_pushcfunction(L, error_tostring);
        lua_setfield(L, -2, "__tostring");
        lua_pushstring(L, METATABLE);
        lua_setfield(L, -2, "__name");
    }
}

static void set_text(lua_State *L, const char *name, const char *value)
{
    if (value[0] != '\0') {
        lua_pushstring(L, value);
        lua_setfield(L, -2, name);
    }
}

static void set_integer(lua_State *L, const char *name, int64_t value)
{
    if (!souk_lua_push_int64(L, value)) {
        lua_pushnumber(L, (lua_Number)value);
    }
    lua_setfield(L, -2, name);
}

void souk_bind_push_error(lua_State *L, const souk_err *err)
{
    luaL_checkstack(L, 4, "no room for an error");
    lua_createtable(L, 0, 8);
    set_text(L, "kind", souk_kind_name(err->kind));
    set_text(L, "message", err->message);
    lua_pushboolean(L, err->retryable);
    lua_setfield(L, -2, "retryable");
    if (err->retry_after > 0) {
        lua_pushnumber(L, (lua_Number)err->retry_after / 1000);
        lua_setfield(L, -2, "retry_after");
    }
    set_text(L, "delivery", souk_delivery_name(err->delivery));
    if (err->status != 0) {
        set_integer(L, "status", err->status);
    }
    if (err->has_code) {
        set_integer(L, "code", err->code);
    }
    if (err->line != 0) {
        set_integer(L, "line", err->line);
        set_integer(L, "column", err->column);
    }
    push_metatable(L);
    lua_setmetatable(L, -2);
}

int souk_bind_fail(lua_State *L, const souk_err *err)
{
    lua_pushnil(L);
    souk_bind_push_error(L, err);
    return 2;
}

static bool is_kind(const char *name)
{
#define SOUK_COMPARE_KIND(constant, value, text, retryable, meaning)                               \
    if (strcmp(name, text) == 0) {                                                                 \
        return true;                                                                               \
    }
    SOUK_KINDS(SOUK_COMPARE_KIND)
#undef SOUK_COMPARE_KIND
    return false;
}

/* error(kind, message, fields) -> error; the fields (a table or nil) are copied into it */
static int l_error(lua_State *L)
{
    luaL_argcheck(L, is_kind(luaL_checkstring(L, 1)), 1, "no such kind of error");
    luaL_checkstring(L, 2);
    lua_settop(L, 3);
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, 1);
    lua_setfield(L, 4, "kind");
    lua_pushvalue(L, 2);
    lua_setfield(L, 4, "message");
    lua_pushboolean(L, 0);
    lua_setfield(L, 4, "retryable");
    if (lua_istable(L, 3)) {
        lua_pushnil(L);
        while (lua_next(L, 3) != 0) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, 4);
        }
    }
    push_metatable(L);
    lua_setmetatable(L, 4);
    return 1;
}

void souk_bind_open_errors(lua_State *L)
{
    lua_pushcfunction(L, l_error);
    lua_setfield(L, -2, "error");
    push_metatable(L);
    lua_setfield(L, -2, "error_metatable");
    lua_newtable(L);
#define SOUK_PUSH_KIND(constant, value, text, retryable, meaning)                                  \
    lua_pushstring(L, meaning);                                                                    \
    lua_setfield(L, -2, text);
    SOUK_KINDS(SOUK_PUSH_KIND)
#undef SOUK_PUSH_KIND
    lua_setfield(L, -2, "error_kinds");
}
