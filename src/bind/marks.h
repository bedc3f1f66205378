/*
 * Array marks: souk's own metatable, and those of lua-cjson (OpenResty's has them, others do not).
 */
#ifndef SOUK_BIND_MARKS_H
#define SOUK_BIND_MARKS_H

#include "bind/compat.h"

/* Pushes the metatable that marks an array, the same one every time. */
void souk_marks_push(lua_State *L);

/*
 * True when the table at `index` carries any mark; `is_empty` because one of lua-cjson's only
 * counts then.
 */
bool souk_marks_has(lua_State *L, int index, bool is_empty);

/* True when the light userdata at `index` is lua-cjson's empty_array. */
bool souk_marks_is_empty_array(lua_State *L, int index);

#endif
