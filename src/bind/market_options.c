/* Options of souk.open, from the tables that the rooms keep of theirs. Lua gives times in seconds.
 */
#include <math.h>
#include <string.h>

#include "bind/market.h"
#include "bind/misuse.h"

souk_slice souk_bind_check_slice(lua_State *L, int index)
{
    size_t len;
    luaL_checktype(L, index, LUA_TSTRING);
    const char *text = lua_tolstring(L, index, &len);
    return souk_slice_make(text, len);
}

bool souk_bind_field_slice(lua_State *L, int table, const char *where, const char *name,
                           souk_slice *out)
{
    size_t len;
    lua_getfield(L, table, name);
    int type = lua_type(L, -1);
    if (type != LUA_TNIL && type != LUA_TSTRING) {
        souk_bind_misuse(L, "%s: option '%s': expected a string, got %s", where, name,
                         lua_typename(L, type));
    }
    const char *text = type == LUA_TNIL ? NULL : lua_tolstring(L, -1, &len);
    if (text != NULL) {
        *out = souk_slice_make(text, len); /* the table keeps it alive */
    }
    lua_pop(L, 1);
    return text != NULL;
}

enum { MOST_SECONDS = 1000000000 };

souk_ms souk_bind_opt_seconds(lua_State *L, int index, souk_ms standard)
{
    if (lua_isnoneornil(L, index)) {
        return standard;
    }
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds >= 0, index, "expected a number of seconds");
    return (souk_ms)ceil((seconds < MOST_SECONDS ? seconds : MOST_SECONDS) * 1000);
}

bool souk_bind_field_seconds(lua_State *L, int table, const char *where, const char *name,
                             souk_ms *out)
{
    lua_getfield(L, table, name);
    int type = lua_type(L, -1);
    lua_Number seconds = type == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (type != LUA_TNIL && (type != LUA_TNUMBER || !(seconds > 0) || seconds > MOST_SECONDS)) {
        souk_bind_misuse(L, "%s: option '%s': expected a number of seconds, got %s", where, name,
                         type == LUA_TNUMBER ? "one that is too small or too large"
                                             : lua_typename(L, type));
    }
    lua_pop(L, 1);
    if (type == LUA_TNIL) {
        return false;
    }
    *out = (souk_ms)ceil(seconds * 1000);
    return true;
}

bool souk_bind_field_bool(lua_State *L, int table, const char *where, const char *name, bool *out)
{
    lua_getfield(L, table, name);
    int type = lua_type(L, -1);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) {
        souk_bind_misuse(L, "%s: option '%s': expected true or false, got %s", where, name,
                         lua_typename(L, type));
    }
    if (type == LUA_TBOOLEAN) {
        *out = lua_toboolean(L, -1);
    }
    lua_pop(L, 1);
    return type == LUA_TBOOLEAN;
}

bool souk_bind_field_number(lua_State *L, int table, const char *where, const char *name,
                            uint64_t *out)
{
    lua_getfield(L, table, name);
    int type = lua_type(L, -1);
    lua_Number given = type == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    if (type != LUA_TNIL &&
        (!(given >= 0 && given <= (lua_Number)SOUK_LUA_EXACT_DOUBLES) || given != floor(given))) {
        souk_bind_misuse(L, "%s: option '%s': expected a whole number from 0 on", where, name);
    }
    lua_pop(L, 1);
    if (type == LUA_TNIL) {
        return false;
    }
    *out = (uint64_t)given;
    return true;
}

void souk_bind_field_input(lua_State *L, int table, const char *where, uint64_t *input,
                           unsigned *abilities)
{
    uint64_t flags = 0;
    souk_bind_field_number(L, table, where, "input", input);
    souk_bind_field_number(L, table, where, "abilities", &flags);
    *abilities = (unsigned)(flags & UINT32_MAX);
}

/* A limit for a message; seconds may have fractions, everything else has none. */
static void push_limit(lua_State *L, int64_t value, bool is_time)
{
    if (!is_time) {
        souk_lua_push_int64(L, value);
    } else if (value % 1000 == 0) {
        souk_lua_push_int64(L, value / 1000);
    } else {
        lua_pushnumber(L, (lua_Number)value / 1000);
    }
}

/* A row of one of the rooms' tables of options. */
typedef struct option {
    const char *name;
    int64_t standard;
    int64_t least;
    int64_t most;
    const char *unit; /* "ms" are seconds in Lua */
    const char *meaning;
} option;

#define OPTION(name, standard, least, most, unit, meaning)                                         \
    (&(const option){#name, standard, least, most, unit, meaning})

static bool is_time(const option *row)
{
    return strcmp(row->unit, "ms") == 0;
}

static void read_number(lua_State *L, int table, const option *row, int64_t *out)
{
    lua_getfield(L, table, row->name);
    int type = lua_type(L, -1);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    lua_Number given = type == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    lua_Number value = is_time(row) ? ceil(given * 1000) : given;
    if (type != LUA_TNUMBER || !(value >= (lua_Number)row->least) ||
        !(value <= (lua_Number)row->most) || value != floor(value)) {
        push_limit(L, row->least, is_time(row));
        push_limit(L, row->most, is_time(row));
        souk_bind_misuse(L, "souk.open: option '%s': expected %s from %s to %s", row->name,
                         is_time(row) ? "seconds" : row->unit, lua_tostring(L, -2),
                         lua_tostring(L, -1));
    }
    *out = (int64_t)value;
    lua_pop(L, 1);
}

/* Copies the table of variables: the core reads it while no Lua runs. */
static void read_env(lua_State *L, int table, souk_market *market)
{
    lua_getfield(L, table, "env");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    luaL_argcheck(L, lua_istable(L, -1), 1, "option 'env': expected a table of strings");
    market->has_env = true;
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
            souk_bind_misuse(L,
                             "souk.open: option 'env': expected names and values that are strings");
        }
        char *value = souk_dup(souk_alloc_libc(), souk_slice_of(lua_tostring(L, -1)));
        void *old = NULL;
        if (value == NULL ||
            !souk_map_set(&market->env, souk_slice_of(lua_tostring(L, -2)), value, &old)) {
            souk_free(souk_alloc_libc(), value);
            souk_bind_misuse(L, "souk.open: out of memory");
        }
        souk_free(souk_alloc_libc(), old);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void read_clock_option(lua_State *L, int table, souk_market *market)
{
    lua_getfield(L, table, "clock");
    if (!lua_isnil(L, -1)) {
        luaL_argcheck(L, lua_isfunction(L, -1), 1, "option 'clock': expected a function");
        market->has_clock = true;
        souk_lua_getuservalue(L, 2);
        lua_pushvalue(L, -2);
        lua_setfield(L, -2, "clock");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Which hosts may be connected to. An empty list allows none. */
static void read_hosts(lua_State *L, int table, souk_reach *reach)
{
    souk_err err;
    lua_getfield(L, table, "allow_hosts");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1)) {
        souk_bind_misuse(L, "souk.open: option 'allow_hosts': expected a list of hosts, got %s",
                         luaL_typename(L, -1));
    }
    size_t count = souk_lua_rawlen(L, -1);
    size_t members = 0;
    reach->only_hosts = true;
    lua_pushnil(L);
    for (; lua_next(L, -2) != 0; members++) {
        if (lua_type(L, -1) != LUA_TSTRING || lua_type(L, -2) != LUA_TNUMBER) {
            souk_bind_misuse(L, "souk.open: option 'allow_hosts': expected a list of strings");
        }
        if (souk_reach_allow(reach, souk_bind_check_slice(L, -1), &err) != SOUK_OK) {
            souk_bind_misuse(L, "souk.open: option 'allow_hosts': %s", err.message);
        }
        lua_pop(L, 1);
    }
    if (members != count) {
        souk_bind_misuse(L, "souk.open: option 'allow_hosts': expected a list of strings");
    }
    lua_pop(L, 1);
}

void souk_bind_read_options(lua_State *L, int index, souk_market *market,
                            souk_runtime_options *options)
{
#define READ_POOL(name, standard, least, most, unit, meaning)                                      \
    read_number(L, index, OPTION(name, standard, least, most, unit, meaning), &options->pool.name);
#define READ_MCP(name, standard, least, most, unit, meaning)                                       \
    read_number(L, index, OPTION(name, standard, least, most, unit, meaning), &options->mcp.name);
#define READ_RUNTIME(name, standard, least, most, unit, meaning)                                   \
    read_number(L, index, OPTION(name, standard, least, most, unit, meaning), &options->name);
    SOUK_POOL_OPTIONS(READ_POOL)
    SOUK_MCP_OPTIONS(READ_MCP)
    SOUK_RUNTIME_OPTIONS(READ_RUNTIME)
#undef READ_POOL
#undef READ_MCP
#undef READ_RUNTIME
    souk_bind_field_bool(L, index, "souk.open", "validate", &options->validate);
    souk_bind_field_bool(L, index, "souk.open", "own_thread", &options->own_thread);
    souk_bind_field_input(L, index, "souk.open", &options->input, &options->abilities);
    souk_bind_field_number(L, index, "souk.open", "share", &options->share);
    souk_bind_field_bool(L, index, "souk.open", "deny_private", &market->reach.deny_private);
    souk_bind_field_bool(L, index, "souk.open", "deny_commands", &market->reach.deny_commands);
    read_hosts(L, index, &market->reach);
    read_env(L, index, market);
    read_clock_option(L, index, market);
}

/* One list of globs of the policy option. */
static void read_rules(lua_State *L, int policy, const char *name, souk_policy *to,
                       int (*add)(souk_policy *, souk_slice, souk_err *))
{
    souk_err err;
    lua_getfield(L, policy, name);
    if (!lua_isnil(L, -1) && !lua_istable(L, -1)) {
        souk_bind_misuse(L, "souk.open: option 'policy.%s': expected a list of globs", name);
    }
    size_t count = lua_istable(L, -1) ? souk_lua_rawlen(L, -1) : 0;
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING) {
            souk_bind_misuse(L, "souk.open: option 'policy.%s': expected a list of strings", name);
        }
        if (add(to, souk_slice_of(lua_tostring(L, -1)), &err) != SOUK_OK) {
            souk_bind_misuse(L, "souk.open: %s", err.message);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void souk_bind_read_policy(lua_State *L, int index, souk_market *market)
{
    souk_policy *policy = souk_runtime_policy(market->rt);
    bool restrictive = false;
    lua_getfield(L, index, "policy");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    luaL_argcheck(L, lua_istable(L, -1), 1, "option 'policy': expected a table");
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (strcmp(key, "allow") != 0 && strcmp(key, "deny") != 0 &&
            strcmp(key, "restrictive") != 0) {
            souk_bind_misuse(
                L,
                "souk.open: option 'policy': unknown member '%s' (there are: allow, deny, "
                "restrictive)",
                key);
        }
        lua_pop(L, 1);
    }
    read_rules(L, table, "allow", policy, souk_policy_allow);
    read_rules(L, table, "deny", policy, souk_policy_deny);
    souk_bind_field_bool(L, table, "souk.open", "restrictive", &restrictive);
    if (restrictive) {
        souk_policy_restrict(policy);
    }
    lua_pop(L, 1);
}

/* A table of all option names: name -> {default, least, most, unit, meaning}; times in seconds. */
static void push_option(lua_State *L, const option *row)
{
    lua_createtable(L, 0, 5);
    push_limit(L, row->standard, is_time(row));
    lua_setfield(L, -2, "default");
    push_limit(L, row->least, is_time(row));
    lua_setfield(L, -2, "least");
    push_limit(L, row->most, is_time(row));
    lua_setfield(L, -2, "most");
    lua_pushstring(L, is_time(row) ? "seconds" : row->unit);
    lua_setfield(L, -2, "unit");
    lua_pushstring(L, row->meaning);
    lua_setfield(L, -2, "meaning");
    lua_setfield(L, -2, row->name);
}

void souk_bind_push_option_names(lua_State *L)
{
    static const char *const others[][2] = {
        {"validate", "check inputs and outputs against their schemas (default true)"},
        {"deny_private",
         "connect to no address that is private, link-local, loopback or else not public (default "
         "false)"},
        {"deny_commands", "start no server that is a command (default false)"},
        {"allow_hosts", "hosts that may be connected to: names, globs, addresses (default all)"},
        {"env", "a table of variables that takes the place of the process's environment"},
        {"clock", "a function that returns seconds and takes the place of the system's clock"},
        {"policy",
         "{allow = globs, deny = globs, restrictive = boolean}: which capabilities may be called"},
    };
    lua_newtable(L);
#define PUSH(name, standard, least, most, unit, meaning)                                           \
    push_option(L, OPTION(name, standard, least, most, unit, meaning));
    SOUK_POOL_OPTIONS(PUSH)
    SOUK_MCP_OPTIONS(PUSH)
    SOUK_RUNTIME_OPTIONS(PUSH)
#undef PUSH
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        lua_createtable(L, 0, 1);
        lua_pushstring(L, others[i][1]);
        lua_setfield(L, -2, "meaning");
        lua_setfield(L, -2, others[i][0]);
    }
}
