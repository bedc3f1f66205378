/*
 * Lua values <-> JSON, one pass each way.
 *
 * null is light userdata NULL, as in lua-cjson and OpenResty. Arrays carry a mark, a metatable:
 * lua-cjson's own when the module that is loaded has one, else souk's. Tables are read raw; no
 * metamethod runs.
 */
#ifndef SOUK_BIND_VALUES_H
#define SOUK_BIND_VALUES_H

#include "bind/compat.h"
#include "json/doc.h"
#include "json/write.h"

/*
 * What becomes of an integer that this Lua cannot hold exactly: past 64 bits, or past 2^53 where
 * numbers are doubles.
 */
typedef enum souk_big_integers {
    SOUK_BIG_STRING, /* a string with its digits */
    SOUK_BIG_ERROR,
    SOUK_BIG_CDATA /* LuaJIT: an int64_t or uint64_t, an error past those */
} souk_big_integers;

/*
 * Pushes the Lua value of a JSON value. On failure (only of big integers) the kind, *err has a
 * message with the position in the text and nothing is pushed. It may raise when Lua is out of
 * memory or stack: the document must be owned by a userdata.
 */
int souk_bind_push_value(lua_State *L, const souk_json_doc *doc, const souk_jval *value,
                         souk_big_integers big, souk_err *err);

typedef struct souk_bind_writing {
    unsigned depth;          /* of nested tables; 0 means 128 */
    const souk_jval *schema; /* says which empty tables are arrays; NULL when nobody knows */
} souk_bind_writing;

/*
 * Writes the Lua value at `index` as JSON. options may be NULL. On failure SOUK_E_SCHEMA (it has no
 * JSON), SOUK_E_LIMIT (nested too deeply, which is how cycles end; or what stopped the buffer), and
 * *err has a message with the path as a JSON pointer, "at /a/3: cannot encode a function"; what has
 * been written is then of no use. It may raise when Lua is out of memory or stack: the buffer must
 * be owned by a userdata.
 */
int souk_bind_write_value(lua_State *L, int index, souk_jw *w, const souk_bind_writing *options,
                          souk_err *err);

/* Marks the table at `index` as an array, also when it is empty. */
void souk_bind_mark_array(lua_State *L, int index);

/*
 * Pops a value, a host's own null (vim.NIL), which is then written as null too. nil takes that
 * back.
 */
void souk_bind_set_host_null(lua_State *L);

#endif
