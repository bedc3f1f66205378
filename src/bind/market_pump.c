/* The pump: what the core has for Lua while it works - ends, questions, events - and the answers.
 */
#include <string.h>

#include "bind/errors.h"
#include "bind/market.h"
#include "bind/values.h"
#include "json/read.h"

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

/* What ended well: number, value, or number, value, nil, true when it is nobody else's. */
static int push_value(lua_State *L, const souk_json_doc *doc, const souk_answer *answer,
                      souk_err *err)
{
    if (answer->value == NULL) {
        lua_pushlightuserdata(L, NULL);
    } else if (souk_bind_push_value(L, doc, answer->value, SOUK_BIG_STRING, err) != SOUK_OK) {
        return 0;
    }
    if (!answer->asked) {
        return 3;
    }
    lua_pushnil(L);
    lua_pushboolean(L, 1);
    return 5;
}

/*
 * "done", number, value | "done", number, value, nil, true (the program was asked for input on the
 * way) | "done", number, nil, err
 */
static int push_done(lua_State *L, const souk_outcome *outcome)
{
    const souk_answer *answer = outcome->answer;
    const souk_json_doc *doc = answer->inner.root != NULL ? &answer->inner : &answer->doc;
    souk_err err = outcome->err;
    souk_err why;
    lua_pushliteral(L, "done");
    souk_lua_push_int64(L, (int64_t)outcome->id);
    int pushed = err.kind == SOUK_OK ? push_value(L, doc, answer, &err) : 0;
    if (pushed > 0) {
        return pushed;
    }
    lua_pushnil(L);
    souk_bind_push_error(L, &err);
    if (answer->value != NULL && outcome->err.kind != SOUK_OK &&
        souk_bind_push_value(L, doc, answer->value, SOUK_BIG_STRING, &why) == SOUK_OK) {
        lua_setfield(L, -2, "data");
    }
    return 4;
}

/* It hangs on the market while it is pushed. */
void souk_bind_push_payload(lua_State *L, souk_market *market, souk_slice payload)
{
    souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = payload.len + 1};
    souk_err err;
    if (souk_json_read(&market->doc, payload, &limits, &err) != SOUK_OK ||
        souk_bind_push_value(L, &market->doc, market->doc.root, SOUK_BIG_STRING, &err) != SOUK_OK) {
        lua_newtable(L);
    }
    souk_json_doc_free(&market->doc);
}

static void push_slice(lua_State *L, souk_slice text)
{
    lua_pushlstring(L, text.ptr == NULL ? "" : text.ptr, text.len);
}

static const char *ask_name(souk_ask_kind kind)
{
    switch (kind) {
    case SOUK_ASK_CREDENTIAL:
        return "credential";
    case SOUK_ASK_OPEN:
        return "open";
    case SOUK_ASK_CALL:
        return "call";
    case SOUK_ASK_CANCEL:
        return "cancel";
    case SOUK_ASK_CLOSE:
        return "close";
    case SOUK_ASK_INPUT:
        return "input";
    case SOUK_ASK_WITHDRAWN:
        return "withdrawn";
    case SOUK_ASK_ADOPT:
        return "adopt";
    case SOUK_ASK_PUBLISH:
        return "publish";
    case SOUK_ASK_GIVE_UP:
        return "give_up";
    case SOUK_ASK_LOST:
        return "lost";
    case SOUK_ASK_LEAVE:
        return "leave";
    }
    return "";
}

/* "ask", id, kind, number, payload */
static int push_ask(lua_State *L, souk_market *market, const souk_outcome *outcome)
{
    lua_pushliteral(L, "ask");
    souk_lua_push_int64(L, (int64_t)outcome->id);
    lua_pushstring(L, ask_name(outcome->ask));
    souk_lua_push_int64(L, (int64_t)outcome->number);
    souk_bind_push_payload(L, market, outcome->payload);
    if (outcome->call != 0) {
        souk_lua_push_int64(L, (int64_t)outcome->call);
        lua_setfield(L, -2, "call");
    }
    return 5;
}

/* "notice", method, params or nil, server, identity */
static int push_notice(lua_State *L, souk_market *market, const souk_outcome *outcome)
{
    lua_pushliteral(L, "notice");
    push_slice(L, outcome->name);
    if (outcome->payload.len == 0) {
        lua_pushnil(L);
    } else {
        souk_bind_push_payload(L, market, outcome->payload);
    }
    push_slice(L, outcome->server);
    push_slice(L, outcome->identity);
    return 5;
}

/* "done", ... | "ask", ... | "note", name, payload | "progress", id, payload | "notice", ... */
static int push_outcome(lua_State *L, souk_market *market, const souk_outcome *outcome)
{
    switch (outcome->kind) {
    case SOUK_OUTCOME_DONE:
        return push_done(L, outcome);
    case SOUK_OUTCOME_ASK:
        return push_ask(L, market, outcome);
    case SOUK_OUTCOME_NOTICE:
        return push_notice(L, market, outcome);
    case SOUK_OUTCOME_PROGRESS:
        lua_pushliteral(L, "progress");
        souk_lua_push_int64(L, (int64_t)outcome->id);
        break;
    case SOUK_OUTCOME_NOTE:
        lua_pushliteral(L, "note");
        push_slice(L, outcome->name);
        break;
    }
    souk_bind_push_payload(L, market, outcome->payload);
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

/* _answer(ask, value) -> whether somebody waited for the answer */
static int l_answer(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    uint64_t ask = (uint64_t)luaL_checknumber(L, 2);
    bool was_awaited = false;
    souk_err err;
    if (market->rt == NULL) {
        lua_pushboolean(L, 0);
        return 1;
    }
    if (souk_bind_write_plain(L, 3, market, NULL, &err) == SOUK_OK) {
        was_awaited = souk_runtime_answer(market->rt, ask, souk_buf_slice(&market->scratch), NULL);
    } else {
        souk_err_prefix(&err, "the answer of a function of the program");
        was_awaited = souk_runtime_answer(market->rt, ask, souk_slice_make(NULL, 0), &err);
    }
    lua_pushboolean(L, was_awaited);
    return 1;
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

const luaL_Reg souk_bind_pump_methods[] = {
    {"_step", l_step},       {"_flush", l_flush},     {"_next", l_next},
    {"_await", l_await},     {"_answer", l_answer},   {"_answer_error", l_answer_error},
    {"_handler", l_handler}, {"_observe", l_observe}, {NULL, NULL}};
