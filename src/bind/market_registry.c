/* Capabilities: what a program puts into the marketplace, and takes out of it. */
#include <string.h>

#include "bind/errors.h"
#include "bind/market.h"
#include "bind/misuse.h"
#include "bind/values.h"
#include "json/read.h"

static souk_registry *registry_of(souk_market *market)
{
    return souk_runtime_registry(market->rt);
}

/* Pushes the diagnostics that were found as a list of tables. */
static void push_diags(lua_State *L, const souk_diags *diags)
{
    lua_createtable(L, (int)diags->count, 0);
    for (size_t i = 0; i < diags->count; i++) {
        const souk_diag *diag = &diags->items[i];
        lua_createtable(L, 0, 6);
        lua_pushstring(L, souk_severity_name(diag->severity));
        lua_setfield(L, -2, "severity");
        lua_pushlstring(L, diag->file.ptr, diag->file.len);
        lua_setfield(L, -2, "file");
        if (diag->line > 0) {
            souk_lua_push_int64(L, diag->line);
            lua_setfield(L, -2, "line");
            souk_lua_push_int64(L, diag->column);
            lua_setfield(L, -2, "column");
        }
        if (diag->capability.len > 0) {
            lua_pushlstring(L, diag->capability.ptr, diag->capability.len);
            lua_setfield(L, -2, "capability");
        }
        lua_pushlstring(L, diag->message.ptr, diag->message.len);
        lua_setfield(L, -2, "message");
        lua_rawseti(L, -2, (int)i + 1);
    }
}

enum { MAX_DIAGS = 1000 };

static void fresh_diags(souk_market *market)
{
    souk_diags_free(&market->diags);
    souk_diags_init(&market->diags, souk_alloc_libc(), SOUK_LIT(""), MAX_DIAGS);
}

static int loaded(lua_State *L, souk_market *market, int failed, size_t count, const souk_err *err)
{
    if (failed != SOUK_OK) {
        souk_bind_fail(L, err);
    } else {
        souk_lua_push_int64(L, (int64_t)count);
        push_diags(L, &market->diags);
    }
    souk_diags_free(&market->diags);
    return 2;
}

/* _load(path) -> count, diagnostics | nil, err */
static int l_load(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice path = souk_bind_check_slice(L, 2);
    souk_err err;
    size_t count = 0;
    luaL_argcheck(L, strlen(path.ptr) == path.len, 2, "a path has no NUL bytes");
    fresh_diags(market);
    int failed = souk_runtime_load(market->rt, path.ptr, &count, &market->diags, &err);
    return loaded(L, market, failed, count, &err);
}

/* _load_text(name, text) -> count, diagnostics | nil, err */
static int l_load_text(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    const char *name = luaL_checkstring(L, 2);
    souk_slice text = souk_bind_check_slice(L, 3);
    souk_err err;
    size_t count = 0;
    fresh_diags(market);
    int failed = souk_runtime_load_text(market->rt, name, text, &count, &market->diags, &err);
    return loaded(L, market, failed, count, &err);
}

/* _export(path, glob) -> count | nil, err */
static int l_export(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    const char *path = luaL_checkstring(L, 2);
    souk_slice match = souk_bind_check_slice(L, 3);
    souk_err err;
    size_t count = 0;
    if (souk_runtime_export(market->rt, path, match, &count, &err) != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    souk_lua_push_int64(L, (int64_t)count);
    return 1;
}

/* _register(manifest) -> true, diagnostics | nil, err */
static int l_register(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_err err;
    souk_jw w;
    souk_manifest *manifest = NULL;
    luaL_checktype(L, 2, LUA_TTABLE);
    souk_buf_clear(&market->scratch);
    souk_jw_init(&w, &market->scratch);
    fresh_diags(market);
    int failed = souk_bind_write_value(L, 2, &w, NULL, &err);
    if (failed == SOUK_OK) {
        failed = souk_jw_check(&w, &err);
    }
    if (failed == SOUK_OK) {
        failed = souk_json_read(&market->doc, souk_buf_slice(&market->scratch), NULL, &err);
    }
    if (failed == SOUK_OK) {
        failed = souk_manifest_from_json(souk_alloc_libc(), &market->doc, market->doc.root,
                                         &market->diags, &manifest, &err);
    }
    if (failed == SOUK_OK) {
        failed = souk_runtime_register(market->rt, manifest, &market->diags, &err);
    }
    souk_manifest_unref(manifest);
    souk_json_doc_free(&market->doc);
    if (failed != SOUK_OK) {
        souk_err_prefix(&err, "register");
        return souk_bind_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    push_diags(L, &market->diags);
    souk_diags_free(&market->diags);
    return 2;
}

/* _remove(id) -> whether it was there */
static int l_remove(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_slice id = souk_bind_check_slice(L, 2);
    lua_pushboolean(L, souk_registry_remove(registry_of(market), id));
    return 1;
}

static void push_manifest(lua_State *L, souk_market *market, const souk_manifest *manifest)
{
    souk_err err;
    souk_buf_clear(&market->scratch2);
    int failed = souk_manifest_to_json(manifest, &market->scratch2, &err);
    if (failed == SOUK_OK) {
        failed = souk_json_read(&market->doc, souk_buf_slice(&market->scratch2), NULL, &err);
    }
    if (failed == SOUK_OK) {
        failed = souk_bind_push_value(L, &market->doc, market->doc.root, SOUK_BIG_STRING, &err);
    }
    souk_json_doc_free(&market->doc);
    if (failed != SOUK_OK) {
        souk_bind_misuse(L, "%s", err.message);
    }
}

/* market:get(id) -> manifest | nil */
static int l_get(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    const souk_manifest *manifest =
        souk_registry_get(registry_of(market), souk_bind_check_slice(L, 2));
    if (manifest == NULL) {
        lua_pushnil(L);
    } else {
        push_manifest(L, market, manifest);
    }
    return 1;
}

static const char *const query_fields[] = {"match",  "provider", "server", "permission", "effect",
                                           "domain", "category", "limit",  NULL};

static void read_query(lua_State *L, int index, souk_query *query)
{
    memset(query, 0, sizeof *query);
    if (lua_isnoneornil(L, index)) {
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        bool known = false;
        for (size_t i = 0; query_fields[i] != NULL; i++) {
            known = known || strcmp(key, query_fields[i]) == 0;
        }
        if (!known) {
            souk_bind_misuse(
                L,
                "list: unknown option '%s' (there are: match, provider, server, permission, "
                "effect, "
                "domain, category, limit)",
                key);
        }
        lua_pop(L, 1);
    }
    souk_bind_field_slice(L, index, "list", "match", &query->match);
    souk_bind_field_slice(L, index, "list", "provider", &query->provider);
    souk_bind_field_slice(L, index, "list", "server", &query->server);
    souk_bind_field_slice(L, index, "list", "permission", &query->permission);
    souk_bind_field_slice(L, index, "list", "effect", &query->effect);
    souk_bind_field_slice(L, index, "list", "domain", &query->domain);
    souk_bind_field_slice(L, index, "list", "category", &query->category);
    lua_getfield(L, index, "limit");
    lua_Number limit = luaL_optnumber(L, -1, 0);
    luaL_argcheck(L, limit >= 0, index, "limit: expected a number from 0 on");
    query->limit = (size_t)limit;
    lua_pop(L, 1);
}

/* market:list(query) -> list of manifests */
static int l_list(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_query query;
    size_t cursor = 0;
    int count = 0;
    souk_manifest *manifest;
    read_query(L, 2, &query);
    lua_newtable(L);
    while ((query.limit == 0 || (size_t)count < query.limit) &&
           (manifest = souk_query_next(&query, registry_of(market), &cursor)) != NULL) {
        push_manifest(L, market, manifest);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

const luaL_Reg souk_bind_registry_methods[] = {{"_load", l_load},     {"_load_text", l_load_text},
                                               {"_export", l_export}, {"_register", l_register},
                                               {"_remove", l_remove}, {"get", l_get},
                                               {"list", l_list},      {NULL, NULL}};
