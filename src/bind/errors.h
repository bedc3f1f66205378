/* souk_err as a Lua value. */
#ifndef SOUK_BIND_ERRORS_H
#define SOUK_BIND_ERRORS_H

#include "base/err.h"
#include "bind/compat.h"

/*
 * Pushes the error as a table with the fields kind, message, retryable and, where they say
 * something, delivery, status, code, line and column. Whoever knows them adds `capability` and
 * `data`. tostring() of it gives a line that a person can act on.
 */
void souk_bind_push_error(lua_State *L, const souk_err *err);

/* Pushes nil and the error; returns 2, so that a binding function can end with it. */
int souk_bind_fail(lua_State *L, const souk_err *err);

/*
 * Adds to the table on top of the stack: error(kind, message, fields), which makes an error as C
 * does; error_metatable; error_kinds, a table kind -> what it means.
 */
void souk_bind_open_errors(lua_State *L);

#endif
