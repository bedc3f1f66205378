/*
 * The market userdata ("souk.market"): a runtime, and what Lua needs beside it. Only files of this
 * folder include it.
 *
 * Longjmp rules: a Lua error may leave any of these functions in the middle. So whatever C owns
 * hangs on the userdata (the runtime, the scratch buffers, the diagnostics) before a Lua function
 * that can fail is called.
 */
#ifndef SOUK_BIND_MARKET_H
#define SOUK_BIND_MARKET_H

#include "base/map.h"
#include "bind/compat.h"
#include "bind/values.h"
#include "runtime/runtime.h"

#define SOUK_MARKET "souk.market"

typedef struct souk_market {
    souk_runtime *rt; /* NULL when closed */
    bool has_env;
    souk_map env; /* name -> value (char *), when the program gave an environment of its own */
    souk_reach reach;
    bool has_clock;
    souk_ms now;       /* what the program's clock said last */
    souk_json_doc doc; /* scratch, owned here so that a Lua error cannot leak it */
    souk_buf scratch;
    souk_buf scratch2;
    souk_arena arena;
    souk_diags diags;
    int watched; /* what _fd gave: -1 when it was not asked for; open as long as the userdata lives
                  */
} souk_market;

/* The market at that index; raises when it is none, or when it is closed. Reads the program's
 * clock. */
souk_market *souk_bind_market(lua_State *L, int index);

/* The same, but a closed market is given, too. */
souk_market *souk_bind_market_any(lua_State *L, int index);

/* Adds open, market_methods and what belongs to them to the module table on top of the stack. */
int souk_bind_open_market(lua_State *L);

/* market_options.c: reads the table at `index` (may raise) into *options and the market; pushes
 * core.option_names. */
void souk_bind_read_options(lua_State *L, int index, souk_market *market,
                            souk_runtime_options *options);
void souk_bind_push_option_names(lua_State *L);
/* The policy, which needs the runtime. */
void souk_bind_read_policy(lua_State *L, int index, souk_market *market);

/* The methods of each file. */
extern const luaL_Reg souk_bind_call_methods[];
extern const luaL_Reg souk_bind_pump_methods[];
extern const luaL_Reg souk_bind_registry_methods[];
extern const luaL_Reg souk_bind_server_methods[];
extern const luaL_Reg souk_bind_info_methods[];
extern const luaL_Reg souk_bind_hold_methods[];
extern const luaL_Reg souk_bind_loop_methods[];

/* market_holds.c: adds core.release to the module at that index. */
void souk_bind_open_holds(lua_State *L, int module);

/* market_calls.c: writes the value at `index` as JSON into market->scratch. how may be NULL. */
int souk_bind_write_plain(lua_State *L, int index, souk_market *market,
                          const souk_bind_writing *how, souk_err *err);
/* market_pump.c: pushes the value of a JSON text that the core made; {} when it cannot be read. */
void souk_bind_push_payload(lua_State *L, souk_market *market, souk_slice payload);

/* An argument in seconds, as milliseconds; `standard` when it is absent. Raises for a negative one.
 */
souk_ms souk_bind_opt_seconds(lua_State *L, int index, souk_ms standard);

/* An optional field of a table; raises "`where`: option 'x': expected ..." for a wrong type. */
bool souk_bind_field_slice(lua_State *L, int table, const char *where, const char *name,
                           souk_slice *out);
bool souk_bind_field_seconds(lua_State *L, int table, const char *where, const char *name,
                             souk_ms *out);
bool souk_bind_field_bool(lua_State *L, int table, const char *where, const char *name, bool *out);
/* A whole number from 0 on, such as the Lua half of the binding gives. */
bool souk_bind_field_number(lua_State *L, int table, const char *where, const char *name,
                            uint64_t *out);
/* What answers a server's questions: the fields `input` and `abilities`. */
void souk_bind_field_input(lua_State *L, int table, const char *where, uint64_t *input,
                           unsigned *abilities);

/* The string argument at `index`; raises when it is none. Valid as long as it is on the stack. */
souk_slice souk_bind_check_slice(lua_State *L, int index);

#endif
