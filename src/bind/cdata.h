/*
 * 64-bit integers of LuaJIT. Its C interface knows nothing of them, so a few lines of Lua do the
 * work.
 */
#ifndef SOUK_BIND_CDATA_H
#define SOUK_BIND_CDATA_H

#include "base/slice.h"
#include "bind/compat.h"

/* True when this Lua has them. */
bool souk_cdata_exists(lua_State *L);

/*
 * Pushes the digits of the int64_t or uint64_t at `index` as a string. False, and nothing is
 * pushed, when it is another cdata.
 */
bool souk_cdata_push_digits(lua_State *L, int index);

/*
 * Pushes the integer literal as int64_t, or as uint64_t when only that can hold it. False, and
 * nothing is pushed, when neither can.
 */
bool souk_cdata_push_integer(lua_State *L, souk_slice digits);

#endif
