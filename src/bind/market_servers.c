/* Servers that the program adds by name. */
#include <string.h>

#include "bind/errors.h"
#include "bind/market.h"
#include "bind/misuse.h"
#include "bind/values.h"
#include "pool/traits.h"

/* Which option of add_server becomes which key of the flat configuration. */
static const char *const text_keys[][2] = {
    {"url", "mcp_server_url"},
    {"command", "mcp_command"},
    {"cwd", "mcp_cwd"},
    {"auth_env_var", "mcp_auth_env_var"},
    {"protocol_version", "mcp_pinned_version"},
    {"ca_file", "mcp_ca_file"},
    {"log_level", "mcp_log_level"},
    {"mode", "mcp_session_mode"},
    {"max_sessions", "mcp_max_sessions"},
    {"rate_limit", "mcp_rate_limit"},
    {"url_override_env", "mcp_server_url_override_env"},
};

/* Options that are tables; they travel as JSON text. */
static const char *const table_keys[][2] = {
    {"args", "mcp_args"},
    {"env", "mcp_env"},
    {"headers", "mcp_headers"},
};

enum {
    TEXTS = sizeof text_keys / sizeof text_keys[0],
    TABLES = sizeof table_keys / sizeof table_keys[0]
};

static void add_pair(lua_State *L, souk_market *market, souk_pair *pair, const char *key,
                     souk_slice value)
{
    pair->key = souk_slice_of(key);
    if (!souk_arena_copy(&market->arena, value, &pair->value)) {
        souk_bind_misuse(L, "add_server: out of memory");
    }
}

/* The JSON text of a table option; an empty `args` is a list, the others are objects. */
static bool read_table(lua_State *L, int options, souk_market *market, const char *name,
                       souk_pair *pair, const char *key)
{
    souk_err err;
    souk_jw w;
    lua_getfield(L, options, name);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    souk_buf_clear(&market->scratch);
    souk_jw_init(&w, &market->scratch);
    int failed = souk_bind_write_value(L, lua_gettop(L), &w, NULL, &err);
    if (failed == SOUK_OK) {
        failed = souk_jw_check(&w, &err);
    }
    if (failed != SOUK_OK) {
        souk_bind_misuse(L, "add_server: option '%s': %s", name, err.message);
    }
    souk_slice text = souk_buf_slice(&market->scratch);
    if (strcmp(name, "args") == 0 && souk_slice_is(text, "{}")) {
        text = SOUK_LIT("[]");
    }
    add_pair(L, market, pair, key, text);
    lua_pop(L, 1);
    return true;
}

/* Levels of server/utilities/logging, in all revisions. */
static void check_log_level(lua_State *L, int options)
{
    static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                         "error", "critical", "alert",  "emergency"};
    souk_slice given;
    if (!souk_bind_field_slice(L, options, "add_server", "log_level", &given)) {
        return;
    }
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (souk_slice_is(given, levels[i])) {
            return;
        }
    }
    souk_bind_misuse(
        L, "add_server: option 'log_level': expected debug, info, notice, warning, error, "
           "critical, alert or emergency");
}

static souk_listen read_listen(lua_State *L, int options)
{
    souk_slice given;
    if (!souk_bind_field_slice(L, options, "add_server", "listen", &given) ||
        souk_slice_is(given, "auto")) {
        return SOUK_LISTEN_AUTO;
    }
    if (souk_slice_is(given, "always")) {
        return SOUK_LISTEN_ALWAYS;
    }
    if (!souk_slice_is(given, "never")) {
        souk_bind_misuse(L, "add_server: option 'listen': expected auto, always or never");
    }
    return SOUK_LISTEN_NEVER;
}

static void check_rate(lua_State *L, int options)
{
    souk_slice given;
    souk_rate rate;
    if (souk_bind_field_slice(L, options, "add_server", "rate_limit", &given) &&
        !souk_rate_read(given, &rate)) {
        souk_bind_misuse(L, "add_server: option 'rate_limit': expected calls per second, minute or "
                            "hour, as \"10/s\", \"600/min\" or \"1000/h\"");
    }
}

/* Everything but where the server is. */
static void read_rest(lua_State *L, int table, souk_server_options *options)
{
    souk_bind_field_slice(L, table, "add_server", "identity", &options->identity);
    souk_bind_field_seconds(L, table, "add_server", "timeout", &options->timeout);
    souk_bind_field_number(L, table, "add_server", "auth", &options->auth);
    souk_bind_field_input(L, table, "add_server", &options->input, &options->abilities);
    options->listen = read_listen(L, table);
    check_log_level(L, table);
    check_rate(L, table);
}

/* _add_server(name, options) -> true | nil, err. The options were checked by souk.options. */
static int l_add_server(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_server_options options;
    souk_pair pairs[TEXTS + TABLES + 1];
    souk_err err;
    size_t count = 0;
    memset(&options, 0, sizeof options);
    options.name = souk_bind_check_slice(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    souk_arena_free(&market->arena);
    for (size_t i = 0; i < TEXTS; i++) {
        souk_slice value;
        if (souk_bind_field_slice(L, 3, "add_server", text_keys[i][0], &value)) {
            add_pair(L, market, &pairs[count++], text_keys[i][1], value);
        }
    }
    for (size_t i = 0; i < TABLES; i++) {
        count += read_table(L, 3, market, table_keys[i][0], &pairs[count], table_keys[i][1]);
    }
    read_rest(L, 3, &options);
    options.config.items = pairs;
    options.config.count = count;
    int failed = souk_runtime_add_server(market->rt, &options, &err);
    souk_arena_free(&market->arena);
    if (failed != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* market:remove_server(name) -> whether it was there */
static int l_remove_server(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    lua_pushboolean(L, souk_runtime_remove_server(market->rt, souk_bind_check_slice(L, 2)));
    return 1;
}

/* _tools_changed(server): another process heard it; harmless when the market is closed */
static int l_tools_changed(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_tools_changed(market->rt, souk_bind_check_slice(L, 2));
    }
    return 0;
}

const luaL_Reg souk_bind_server_methods[] = {{"_add_server", l_add_server},
                                             {"_tools_changed", l_tools_changed},
                                             {"remove_server", l_remove_server},
                                             {NULL, NULL}};
