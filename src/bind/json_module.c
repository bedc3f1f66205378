#include "bind/json_module.h"

#include <string.h>

#include "bind/cdata.h"
#include "bind/errors.h"
#include "bind/values.h"
#include "json/read.h"

/* A scratch buffer that has grown larger is not kept for the next call. */
enum { KEPT_BYTES = 256 * 1024 };

/* Some Luas cannot have longer strings. */
#define ENCODED_BYTES ((size_t)INT32_MAX)

static const char METATABLE[] = "souk.json.scratch";

/*
 * What a call owns while Lua may throw: a userdata on the stack. One is kept in the first upvalue
 * for the next call. It is taken out of there during a call, because a finalizer may run in between
 * and encode something too; when the call throws, the userdata is garbage and frees what it owns.
 */
typedef struct scratch {
    souk_buf out;
    souk_json_doc doc;
} scratch;

static int scratch_free(lua_State *L)
{
    scratch *s = lua_touserdata(L, 1);
    souk_buf_free(&s->out);
    souk_json_doc_free(&s->doc);
    return 0;
}

static void push_scratch_metatable(lua_State *L)
{
    if (luaL_newmetatable(L, METATABLE)) {
        lua_pushcfunction(L, scratch_free);
        lua_setfield(L, -2, "__gc");
    }
}

/* Pushes the scratch and empties the upvalue. */
static scratch *take_scratch(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    scratch *s = lua_touserdata(L, -1);
    if (s != NULL) {
        lua_pushnil(L);
        lua_replace(L, lua_upvalueindex(1));
        return s;
    }
    lua_pop(L, 1);
    s = lua_newuserdata(L, sizeof *s);
    souk_buf_init(&s->out, souk_alloc_libc(), ENCODED_BYTES);
    souk_json_doc_init(&s->doc, souk_alloc_libc());
    push_scratch_metatable(L);
    lua_setmetatable(L, -2);
    return s;
}

/* Puts the scratch at `index` back. */
static void return_scratch(lua_State *L, scratch *s, int index)
{
    souk_json_doc_free(&s->doc);
    if (s->out.cap > KEPT_BYTES) {
        souk_buf_free(&s->out);
    }
    souk_buf_clear(&s->out);
    lua_pushvalue(L, index);
    lua_replace(L, lua_upvalueindex(1));
}

static unsigned check_depth(lua_State *L, int index)
{
    lua_Number depth = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : 0;
    if (!(depth >= 1 && depth <= SOUK_JSON_MAX_DEPTH)) {
        luaL_error(L, "depth must be a number from 1 to %d", (int)SOUK_JSON_MAX_DEPTH);
    }
    return (unsigned)depth;
}

static souk_big_integers check_big_integers(lua_State *L, int index)
{
    static const char *const names[] = {"string", "error", "cdata"};
    const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
    for (int i = SOUK_BIG_STRING; i <= SOUK_BIG_CDATA; i++) {
        if (strcmp(name, names[i]) == 0) {
            if (i == SOUK_BIG_CDATA && !souk_cdata_exists(L)) {
                luaL_error(L, "big_integers = \"cdata\" needs LuaJIT with its FFI");
            }
            return (souk_big_integers)i;
        }
    }
    luaL_error(L, "big_integers must be \"string\", \"error\" or \"cdata\"");
    return SOUK_BIG_STRING;
}

typedef struct options {
    unsigned depth;
    souk_big_integers big;
} options;

/* Reads the table of options at `index`, if there is one. Raises for what it does not know. */
static options check_options(lua_State *L, int index, bool is_decode)
{
    options found = {0, SOUK_BIG_STRING};
    if (lua_isnoneornil(L, index)) {
        return found;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (strcmp(name, "depth") == 0) {
            found.depth = check_depth(L, -1);
        } else if (is_decode && strcmp(name, "big_integers") == 0) {
            found.big = check_big_integers(L, -1);
        } else {
            luaL_error(L, "unknown option '%s'; there %s", name,
                       is_decode ? "are depth and big_integers" : "is only depth");
        }
    }
    return found;
}

/* decode(text, options) -> value, or nil and an error */
static int json_decode(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TSTRING);
    options chosen = check_options(L, 2, true);
    lua_settop(L, 1);
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);
    scratch *s = take_scratch(L);
    souk_json_limits limits = {.depth = chosen.depth, .text = SIZE_MAX};
    souk_err err;
    int result = souk_json_read(&s->doc, souk_slice_make(text, len), &limits, &err);
    if (result == SOUK_OK) {
        result = souk_bind_push_value(L, &s->doc, s->doc.root, chosen.big, &err);
    }
    return_scratch(L, s, 2);
    return result == SOUK_OK ? 1 : souk_bind_fail(L, &err);
}

/* encode(value, options) -> text, or nil and an error */
static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    options chosen = check_options(L, 2, false);
    lua_settop(L, 1);
    scratch *s = take_scratch(L);
    souk_bind_writing writing = {.depth = chosen.depth};
    souk_jw w;
    souk_err err;
    souk_jw_init(&w, &s->out);
    int result = souk_bind_write_value(L, 1, &w, &writing, &err);
    if (result == SOUK_OK) {
        lua_pushlstring(L, s->out.data, s->out.len);
    }
    return_scratch(L, s, 2);
    return result == SOUK_OK ? 1 : souk_bind_fail(L, &err);
}

/* array(table) -> the same table, marked; array() -> a new one */
static int json_array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    souk_bind_mark_array(L, 1);
    return 1;
}

/* set_host_null(value): `value` is written as null from now on */
static int json_set_host_null(lua_State *L)
{
    lua_settop(L, 1);
    souk_bind_set_host_null(L);
    return 0;
}

/* Sets the function as a field of the table on top, with an upvalue of its own for its scratch. */
static void set_function(lua_State *L, const char *name, lua_CFunction function)
{
    lua_pushnil(L);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void souk_bind_open_json(lua_State *L)
{
    lua_createtable(L, 0, 5);
    set_function(L, "decode", json_decode);
    set_function(L, "encode", json_encode);
    set_function(L, "array", json_array);
    set_function(L, "set_host_null", json_set_host_null);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
}
