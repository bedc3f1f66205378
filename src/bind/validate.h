/* JSON Schema for Lua values: what the functions of the script answer is checked with it. */
#ifndef SOUK_BIND_VALIDATE_H
#define SOUK_BIND_VALIDATE_H

#include "bind/compat.h"

/*
 * Adds validate(schema, value) to the table on top of the stack: true, or nil and an error (kind
 * "schema") that says where the value does not match, or what is wrong with the schema.
 */
void souk_bind_open_validate(lua_State *L);

#endif
