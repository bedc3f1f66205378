/* Calls, questions and events: what passes between Lua and the core while it works. */
#include <string.h>

#include "bind/errors.h"
#include "bind/market.h"
#include "bind/values.h"
#include "json/read.h"

/* --- input
 * -----------------------------------------------------------------------------------------------
 */

static int write_plain(lua_State *L, int index, souk_market *market, const souk_bind_writing *how,
                       souk_err *err)
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
    int failed = write_plain(L, index, market, NULL, err);
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
    failed = write_plain(L, index, market, &how, err);
    souk_json_doc_free(&market->doc);
    return failed;
}

static const char *const call_options[] = {"timeout", "identity", "raw",
                                           "resend",  "validate", NULL};

static void refuse_unknown(lua_State *L, int table, const char *where)
{
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        bool known = false;
        for (size_t i = 0; call_options[i] != NULL; i++) {
            known = known || strcmp(key, call_options[i]) == 0;
        }
        if (!known) {
            luaL_error(
                L, "%s: unknown option '%s' (there are: timeout, identity, raw, resend, validate)",
                where, key);
        }
        lua_pop(L, 1);
    }
}

static void read_call_options(lua_State *L, int index, const char *where,
                              souk_invoke_options *options)
{
    memset(options, 0, sizeof *options);
    if (lua_isnoneornil(L, index)) {
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    refuse_unknown(L, index, where);
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

/* --- the pump
 * -------------------------------------------------------------------------------------------- */

/* _step(seconds) -> true | nil, err */
static int l_step(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_ms wait = souk_bind_opt_seconds(L, 2, 0);
    souk_err err;
    if (souk_runtime_step(market->rt, wait, &err) != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

enum { FLUSH_PATIENCE = 100, LONGEST_WAIT = 3600000 }; /* ms */

/* _flush(): lets messages go out that nobody waits for */
static int l_flush(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_flush(market->rt, FLUSH_PATIENCE);
    }
    return 0;
}

/* "done", number, value | "done", number, nil, err */
static int push_done(lua_State *L, const souk_outcome *outcome)
{
    const souk_answer *answer = outcome->answer;
    const souk_json_doc *doc = &answer->doc;
    souk_err err = outcome->err;
    souk_err why;
    lua_pushliteral(L, "done");
    souk_lua_push_int64(L, (int64_t)outcome->id);
    if (answer->inner.root != NULL) {
        doc = &answer->inner;
    }
    if (err.kind == SOUK_OK) {
        if (answer->value == NULL) {
            lua_pushlightuserdata(L, NULL);
            return 3;
        }
        if (souk_bind_push_value(L, doc, answer->value, SOUK_BIG_STRING, &err) == SOUK_OK) {
            return 3;
        }
    }
    lua_pushnil(L);
    souk_bind_push_error(L, &err);
    if (answer->value != NULL && outcome->err.kind != SOUK_OK &&
        souk_bind_push_value(L, doc, answer->value, SOUK_BIG_STRING, &why) == SOUK_OK) {
        lua_setfield(L, -2, "data");
    }
    return 4;
}

/* Pushes the value of a JSON text that the core made; the document hangs on the market meanwhile.
 */
static void push_payload(lua_State *L, souk_market *market, souk_slice payload)
{
    souk_err err;
    if (souk_json_read(&market->doc, payload, NULL, &err) != SOUK_OK ||
        souk_bind_push_value(L, &market->doc, market->doc.root, SOUK_BIG_STRING, &err) != SOUK_OK) {
        lua_newtable(L);
    }
    souk_json_doc_free(&market->doc);
}

static const char *ask_name(souk_ask_kind kind)
{
    static const char *const names[] = {"credential", "open", "call", "cancel", "close"};
    return names[kind];
}

/* "done", ... | "ask", id, kind, number, payload | "note", name, payload */
static int push_outcome(lua_State *L, souk_market *market, const souk_outcome *outcome)
{
    switch (outcome->kind) {
    case SOUK_OUTCOME_DONE:
        return push_done(L, outcome);
    case SOUK_OUTCOME_ASK:
        lua_pushliteral(L, "ask");
        souk_lua_push_int64(L, (int64_t)outcome->id);
        lua_pushstring(L, ask_name(outcome->ask));
        souk_lua_push_int64(L, (int64_t)outcome->number);
        push_payload(L, market, outcome->payload);
        if (outcome->call != 0) {
            souk_lua_push_int64(L, (int64_t)outcome->call);
            lua_setfield(L, -2, "call");
        }
        return 5;
    case SOUK_OUTCOME_NOTE:
    case SOUK_OUTCOME_PROGRESS:
    case SOUK_OUTCOME_NOTICE:
        break;
    }
    lua_pushliteral(L, "note");
    lua_pushlstring(L, outcome->name.ptr, outcome->name.len);
    push_payload(L, market, outcome->payload);
    return 3;
}

/* _next() -> nothing, or an outcome (push_outcome) */
static int l_next(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    souk_outcome outcome;
    if (market->rt == NULL || !souk_runtime_next(market->rt, &outcome)) {
        return 0;
    }
    return push_outcome(L, market, &outcome);
}

/*
 * _await() -> an outcome as from _next | nothing, when it is time to look up | false, err
 *
 * The short way for a call that somebody waits for: step, flush and next in one. It looks up after
 * each step, so that Lua hooks (Ctrl-C) get their turn.
 */
static int l_await(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_outcome outcome;
    souk_err err;
    if (souk_runtime_step(market->rt, LONGEST_WAIT, &err) != SOUK_OK) {
        lua_pushboolean(L, 0);
        souk_bind_push_error(L, &err);
        return 2;
    }
    if (!souk_runtime_next(market->rt, &outcome)) {
        return 0;
    }
    if (outcome.kind == SOUK_OUTCOME_DONE) {
        souk_runtime_flush(market->rt, FLUSH_PATIENCE);
    }
    return push_outcome(L, market, &outcome);
}

/* _answer(ask, value): answers a question */
static int l_answer(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    uint64_t ask = (uint64_t)luaL_checknumber(L, 2);
    souk_err err;
    if (market->rt == NULL) {
        return 0;
    }
    if (write_plain(L, 3, market, NULL, &err) == SOUK_OK) {
        souk_runtime_answer(market->rt, ask, souk_buf_slice(&market->scratch), NULL);
    } else {
        souk_err_prefix(&err, "the answer of a function of the program");
        souk_runtime_answer(market->rt, ask, souk_slice_make(NULL, 0), &err);
    }
    return 0;
}

/* The kind of that name; SOUK_E_TOOL when there is none. */
static int kind_named(const char *name)
{
#define MATCH(constant, value, text, retryable, meaning)                                           \
    if (strcmp(name, text) == 0) {                                                                 \
        return SOUK_E_##constant;                                                                  \
    }
    SOUK_KINDS(MATCH)
#undef MATCH
    return SOUK_E_TOOL;
}

/* What an error table of the program says: kind, message, and a JSON-RPC code if there is one. */
static void read_error(lua_State *L, int index, souk_err *err)
{
    int64_t code;
    lua_getfield(L, index, "kind");
    lua_getfield(L, index, "message");
    lua_getfield(L, index, "code");
    const char *kind = lua_type(L, -3) == LUA_TSTRING ? lua_tostring(L, -3) : "";
    const char *message = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "no answer";
    souk_fail(err, kind_named(kind), "%s", message);
    if (lua_type(L, -1) == LUA_TNUMBER && souk_lua_to_int64(L, -1, &code)) {
        err->has_code = true;
        err->code = code;
    }
    lua_pop(L, 3);
}

/* _answer_error(ask, table): the answer to a question is an error */
static int l_answer_error(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    uint64_t ask = (uint64_t)luaL_checknumber(L, 2);
    souk_err err;
    luaL_checktype(L, 3, LUA_TTABLE);
    if (market->rt != NULL) {
        read_error(L, 3, &err);
        souk_runtime_answer(market->rt, ask, souk_slice_make(NULL, 0), &err);
    }
    return 0;
}

/* _handler(prefix, number) -> true | nil, err */
static int l_handler(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice prefix = souk_bind_check_slice(L, 2);
    souk_err err;
    if (souk_runtime_add_handler(market->rt, prefix, (uint64_t)luaL_checknumber(L, 3), &err) !=
        SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* _observe(wanted); harmless when the market is closed */
static int l_observe(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_pool_want_notes(souk_runtime_pool(market->rt), lua_toboolean(L, 2));
    }
    return 0;
}

const luaL_Reg souk_bind_call_methods[] = {{"_call", l_call},
                                           {"_request", l_request},
                                           {"_discover", l_discover},
                                           {"_cancel", l_cancel},
                                           {"_check", l_check},
                                           {"_step", l_step},
                                           {"_flush", l_flush},
                                           {"_next", l_next},
                                           {"_await", l_await},
                                           {"_answer", l_answer},
                                           {"_answer_error", l_answer_error},
                                           {"_handler", l_handler},
                                           {"_observe", l_observe},
                                           {NULL, NULL}};
