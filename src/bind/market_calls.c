/* Calls and requests: what Lua asks of the core. */
#include <string.h>

#include "bind/errors.h"
#include "bind/market.h"
#include "bind/misuse.h"
#include "bind/values.h"
#include "json/read.h"

/* --- input
 * -----------------------------------------------------------------------------------------------
 */

int souk_bind_write_plain(lua_State *L, int index, souk_market *market,
                          const souk_bind_writing *how, souk_err *err)
{
    souk_jw w;
    souk_buf_clear(&market->scratch);
    souk_jw_init(&w, &market->scratch);
    int failed = souk_bind_write_value(L, index, &w, how, err);
    return failed == SOUK_OK ? souk_jw_check(&w, err) : failed;
}

static bool contains(souk_slice text, souk_slice part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        const char *hit = memchr(text.ptr + i, part.ptr[0], text.len - part.len - i + 1);
        if (hit == NULL) {
            return false;
        }
        if (memcmp(hit, part.ptr, part.len) == 0) {
            return true;
        }
        i = (size_t)(hit - text.ptr);
    }
    return false;
}

/*
 * Writes the input into market->scratch. An empty table is {} unless the schema says array; the
 * schema is only read when there was an empty table at all.
 */
static int write_input(lua_State *L, int index, souk_market *market, const souk_manifest *manifest,
                       souk_err *err)
{
    if (lua_isnoneornil(L, index)) {
        souk_buf_clear(&market->scratch);
        souk_buf_add_text(&market->scratch, "{}");
        return souk_buf_check(&market->scratch, "the input", err);
    }
    int failed = souk_bind_write_plain(L, index, market, NULL, err);
    if (failed != SOUK_OK || manifest == NULL ||
        !contains(souk_buf_slice(&market->scratch), SOUK_LIT("{}")) ||
        !contains(manifest->input_schema, SOUK_LIT("\"array\""))) {
        return failed;
    }
    souk_bind_writing how;
    memset(&how, 0, sizeof how);
    if (souk_json_read(&market->doc, manifest->input_schema, NULL, NULL) == SOUK_OK) {
        how.schema = market->doc.root;
    }
    failed = souk_bind_write_plain(L, index, market, &how, err);
    souk_json_doc_free(&market->doc);
    return failed;
}

static const char *const call_options[] = {
    "timeout", "identity", "raw",      "resend",  "validate",        "on_progress",
    "cap",     "trace",    "affinity", "session", "cancel_on_abort", NULL};
static const char *const trace_options[] = {"traceparent", "tracestate", "baggage", NULL};

/* Raises for a key of the table that is not among the names. */
static void refuse_unknown(lua_State *L, int table, const char *where, const char *const *names)
{
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        size_t i = 0;
        while (names[i] != NULL && strcmp(key, names[i]) != 0) {
            i++;
        }
        if (names[i] == NULL) {
            lua_pushstring(L, names[0]);
            for (i = 1; names[i] != NULL; i++) {
                lua_pushfstring(L, ", %s", names[i]);
                lua_concat(L, 2);
            }
            souk_bind_misuse(L, "%s: unknown option '%s' (there are: %s)", where, key,
                             lua_tostring(L, -1));
        }
        lua_pop(L, 1);
    }
}

/* The texts stay in the caller's table, which is an argument. */
static void read_trace(lua_State *L, int table, const char *where, souk_invoke_options *options)
{
    lua_getfield(L, table, "trace");
    int type = lua_type(L, -1);
    if (type == LUA_TTABLE) {
        int trace = lua_gettop(L);
        refuse_unknown(L, trace, where, trace_options);
        souk_bind_field_slice(L, trace, where, "traceparent", &options->traceparent);
        souk_bind_field_slice(L, trace, where, "tracestate", &options->tracestate);
        souk_bind_field_slice(L, trace, where, "baggage", &options->baggage);
    } else if (type != LUA_TNIL) {
        souk_bind_misuse(L, "%s: option 'trace': expected a table, got %s", where,
                         lua_typename(L, type));
    }
    lua_pop(L, 1);
}

/* The function itself is Lua's business: here it only says that progress is wanted. */
static void read_progress(lua_State *L, int table, const char *where, souk_invoke_options *options)
{
    lua_getfield(L, table, "on_progress");
    int type = lua_type(L, -1);
    if (type != LUA_TNIL && type != LUA_TFUNCTION) {
        souk_bind_misuse(L, "%s: option 'on_progress': expected a function, got %s", where,
                         lua_typename(L, type));
    }
    options->progress = type == LUA_TFUNCTION;
    lua_pop(L, 1);
}

static void read_call_options(lua_State *L, int index, const char *where,
                              souk_invoke_options *options)
{
    memset(options, 0, sizeof *options);
    if (lua_isnoneornil(L, index)) {
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    refuse_unknown(L, index, where, call_options);
    bool resend = false;
    bool validate = true;
    souk_bind_field_seconds(L, index, where, "timeout", &options->timeout);
    souk_bind_field_slice(L, index, where, "identity", &options->identity);
    souk_bind_field_bool(L, index, where, "raw", &options->raw);
    if (souk_bind_field_bool(L, index, where, "resend", &resend)) {
        options->may_resend = resend;
        options->never_resend = !resend;
    }
    souk_bind_field_bool(L, index, where, "validate", &validate);
    options->skip_validation = !validate;
    souk_bind_field_seconds(L, index, where, "cap", &options->cap);
    souk_bind_field_slice(L, index, where, "affinity", &options->affinity);
    souk_bind_field_number(L, index, where, "session", &options->on_hold); /* made by held.lua */
    read_progress(L, index, where, options);
    read_trace(L, index, where, options);
}

static int fail_for(lua_State *L, const souk_err *err, souk_slice capability)
{
    souk_bind_fail(L, err);
    lua_pushlstring(L, capability.ptr, capability.len);
    lua_setfield(L, -2, "capability");
    return 2;
}

static int started(lua_State *L, int failed, uint64_t call, const souk_err *err,
                   souk_slice capability)
{
    if (failed < 0) {
        return fail_for(L, err, capability);
    }
    if (failed == SOUK_RUNTIME_LOCAL) {
        lua_pushboolean(L, 0);
    } else {
        souk_lua_push_int64(L, (int64_t)call);
    }
    return 1;
}

/* _call(id, input, opts) -> number of the call | false (a function of the script provides it) |
 * nil, err */
static int l_call(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice id = souk_bind_check_slice(L, 2);
    souk_invoke_options options;
    souk_err err;
    uint64_t call = 0;
    read_call_options(L, 4, "call", &options);
    int failed = SOUK_OK;
    souk_buf_clear(&market->scratch);
    if (souk_runtime_reads_input(market->rt, id, &options)) {
        souk_manifest *manifest = souk_registry_get(souk_runtime_registry(market->rt), id);
        failed = write_input(L, 3, market, manifest, &err);
    }
    if (failed == SOUK_OK) {
        failed = souk_runtime_call(market->rt, id, &market->scratch, &options, &call, &err);
    } else {
        souk_err_prefix(&err, "input of '%.*s'", SOUK_ARG(id));
        err.delivery = SOUK_DELIVERY_NOT_SENT;
    }
    return started(L, failed, call, &err, id);
}

/* _request(server, method, params, opts) -> number of the call | nil, err */
static int l_request(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_method method = {souk_bind_check_slice(L, 2), souk_bind_check_slice(L, 3),
                          SOUK_REQUEST_METHOD};
    souk_invoke_options options;
    souk_err err;
    uint64_t call = 0;
    read_call_options(L, 5, "request", &options);
    int failed = write_input(L, 4, market, NULL, &err);
    if (failed == SOUK_OK) {
        failed = souk_runtime_request(market->rt, &method, &market->scratch, &options, &call, &err);
    }
    return started(L, failed, call, &err, method.server);
}

static souk_request_kind check_kind(lua_State *L, int index)
{
    static const struct {
        const char *name;
        souk_request_kind kind;
    } kinds[] = {{"notify", SOUK_REQUEST_NOTIFY},
                 {"task", SOUK_REQUEST_TASK},
                 {"ping", SOUK_REQUEST_PING},
                 {"log_level", SOUK_REQUEST_LOG_LEVEL}};
    const char *name = luaL_checkstring(L, index);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            return kinds[i].kind;
        }
    }
    luaL_argcheck(L, false, index, "expected notify, task, ping or log_level");
    return SOUK_REQUEST_METHOD;
}

/*
 * _special(server, kind, name, params, opts) -> number of the call | nil, err. kind: "notify",
 * "task", "ping", "log_level"; name: the notification, the task's id, nothing, the level.
 */
static int l_special(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_method method = {souk_bind_check_slice(L, 2), SOUK_LIT(""), check_kind(L, 3)};
    souk_invoke_options options;
    souk_err err;
    uint64_t call = 0;
    if (!lua_isnoneornil(L, 4)) {
        method.name = souk_bind_check_slice(L, 4);
    }
    read_call_options(L, 6, "request", &options);
    int failed = write_input(L, 5, market, NULL, &err);
    if (failed == SOUK_OK) {
        failed = souk_runtime_request(market->rt, &method, &market->scratch, &options, &call, &err);
    }
    return started(L, failed, call, &err, method.server);
}

/* _discover(server, seconds) -> number of the call | nil, err */
static int l_discover(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice server = souk_bind_check_slice(L, 2);
    souk_err err;
    uint64_t call = 0;
    souk_ms timeout = souk_bind_opt_seconds(L, 3, 0);
    int failed = souk_runtime_discover(market->rt, server, timeout, &call, &err);
    return started(L, failed, call, &err, server);
}

static int l_cancel(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_runtime_cancel(market->rt, (uint64_t)luaL_checknumber(L, 2));
    return 0;
}

/* _check(id, value, is_output) -> true | nil, err */
static int l_check(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice id = souk_bind_check_slice(L, 2);
    bool output = lua_toboolean(L, 4);
    souk_err err;
    souk_manifest *manifest = souk_registry_get(souk_runtime_registry(market->rt), id);
    bool has_schema =
        manifest != NULL && (output ? manifest->output_schema : manifest->input_schema).len > 0;
    int failed = SOUK_OK;
    if (has_schema) {
        failed = write_input(L, 3, market, output ? NULL : manifest, &err);
        if (failed == SOUK_OK) {
            failed =
                souk_runtime_check(market->rt, id, souk_buf_slice(&market->scratch), output, &err);
        } else {
            souk_err_prefix(&err, "%s of '%.*s'", output ? "output" : "input", SOUK_ARG(id));
        }
    }
    if (failed != SOUK_OK) {
        return fail_for(L, &err, id);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* --- what a server says by itself, and of itself --- */

/* _subscribe(server, uri, wanted) -> true | nil, err */
static int l_subscribe(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice server = souk_bind_check_slice(L, 2);
    souk_slice uri = souk_bind_check_slice(L, 3);
    souk_err err;
    if (souk_runtime_subscribe(market->rt, server, uri, lua_toboolean(L, 4), &err) != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* _about(server, identity | nil) -> table | nil */
static int l_about(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice server = souk_bind_check_slice(L, 2);
    souk_slice identity = souk_slice_make(NULL, 0);
    if (!lua_isnoneornil(L, 3)) {
        identity = souk_bind_check_slice(L, 3);
    }
    souk_slice about = souk_runtime_about(market->rt, server, identity);
    if (about.len == 0) {
        lua_pushnil(L);
    } else {
        souk_bind_push_payload(L, market, about);
    }
    return 1;
}

const luaL_Reg souk_bind_call_methods[] = {
    {"_call", l_call},           {"_request", l_request}, {"_special", l_special},
    {"_discover", l_discover},   {"_cancel", l_cancel},   {"_check", l_check},
    {"_subscribe", l_subscribe}, {"_about", l_about},     {NULL, NULL}};
