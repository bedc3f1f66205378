/* souk.json: encode and decode for scripts. */
#ifndef SOUK_BIND_JSON_MODULE_H
#define SOUK_BIND_JSON_MODULE_H

#include "bind/compat.h"

/* Pushes the table of functions: encode, decode, array, null, set_host_null. */
void souk_bind_open_json(lua_State *L);

#endif
