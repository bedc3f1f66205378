/* Errors of misuse, raised at the line of the script. */
#ifndef SOUK_BIND_MISUSE_H
#define SOUK_BIND_MISUSE_H

#include "bind/compat.h"

/*
 * As luaL_error, but the place that the message begins with is that of the innermost function that
 * is none of souk's own: there the mistake was made, however many of souk's functions lie between.
 */
int souk_bind_misuse(lua_State *L, const char *format, ...);

/*
 * Adds to the table on top of the stack: misuse(message), which raises; and own_sources(prefix),
 * which says what the names of souk's own Lua files begin with.
 */
void souk_bind_open_misuse(lua_State *L);

#endif
