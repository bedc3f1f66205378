#include "bind/cdata.h"

#include "json/num.h"

/* The addresses are registry keys. */
static const char to_digits;
static const char from_halves;

static const char SOURCE[] = "local found, ffi = pcall(require, 'ffi')\n"
                             "if not found then return nil, nil end\n"
                             "local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')\n"
                             "local istype, tostring, match = ffi.istype, tostring, string.match\n"
                             "local function to_digits(value)\n"
                             "  if istype(int64, value) or istype(uint64, value) then\n"
                             "    return match(tostring(value), '^-?%d+')\n"
                             "  end\n"
                             "end\n"
                             "local function from_halves(high, low, signed)\n"
                             "  local int = signed and int64 or uint64\n"
                             "  return int(high) * int(4294967296) + int(low)\n"
                             "end\n"
                             "return to_digits, from_halves\n";

/* True in LuaJIT. Looks past the globals, where a script may watch for undefined names. */
static bool is_luajit(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    bool found = false;
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_pushliteral(L, "jit");
        lua_rawget(L, -2);
        found = lua_type(L, -1) == LUA_TTABLE;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return found;
}

/* Pushes the function under `key`; false, and nothing is pushed, where there are no cdata. */
static bool push_function(lua_State *L, const void *key)
{
    souk_lua_getref(L, key);
    if (lua_isnil(L, -1) && is_luajit(L)) {
        lua_pop(L, 1);
        if (luaL_loadbuffer(L, SOURCE, sizeof SOURCE - 1, "=souk.cdata") != 0) {
            lua_error(L);
        }
        lua_call(L, 0, 2);
        souk_lua_setref(L, &from_halves);
        souk_lua_setref(L, &to_digits);
        souk_lua_getref(L, key);
    }
    bool found = !lua_isnil(L, -1);
    if (!found) {
        lua_pop(L, 1);
    }
    return found;
}

bool souk_cdata_exists(lua_State *L)
{
    bool exists = push_function(L, &to_digits);
    if (exists) {
        lua_pop(L, 1);
    }
    return exists;
}

bool souk_cdata_push_digits(lua_State *L, int index)
{
    int top = lua_gettop(L);
    index = index < 0 ? top + 1 + index : index;
    if (!push_function(L, &to_digits)) {
        return false;
    }
    lua_pushvalue(L, index);
    lua_call(L, 1, 1);
    bool is_integer = lua_type(L, -1) == LUA_TSTRING;
    if (!is_integer) {
        lua_pop(L, 1);
    }
    return is_integer;
}

/*
 * The value of a literal of an unsigned number; false when it is negative or has more than 64 bits.
 */
static bool to_uint64(souk_slice digits, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = (uint64_t)(digits.ptr[i] - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool souk_cdata_push_integer(lua_State *L, souk_slice digits)
{
    souk_num number;
    uint64_t bits;
    if (!souk_num_read(digits, &number) || !push_function(L, &from_halves)) {
        return false;
    }
    bool is_signed = number.type == SOUK_JSON_INT;
    if (is_signed) {
        int64_t low = (int64_t)((uint64_t)number.integer & UINT32_MAX);
        int64_t high = (number.integer - low) / (INT64_C(1) << 32);
        lua_pushnumber(L, (lua_Number)high);
        lua_pushnumber(L, (lua_Number)low);
    } else if (to_uint64(digits, &bits)) {
        lua_pushnumber(L, (lua_Number)(bits >> 32));
        lua_pushnumber(L, (lua_Number)(bits & UINT32_MAX));
    } else {
        lua_pop(L, 1);
        return false;
    }
    lua_pushboolean(L, is_signed);
    lua_call(L, 3, 1);
    return true;
}
