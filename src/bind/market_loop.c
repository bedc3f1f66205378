/* For hosts with an event loop: what they watch, and closing step by step. */
#include "bind/errors.h"
#include "bind/market.h"

/*
 * _fd() -> descriptor | nil, err
 *
 * It is a copy that stays open, and becomes readable for good, when the market is closed: so no
 * loop is left with a number that means nothing, or something else.
 */
static int l_fd(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_err err;
    if (market->watched < 0) {
        market->watched = souk_runtime_watch(market->rt, &err);
    }
    if (market->watched < 0) {
        return souk_bind_fail(L, &err);
    }
    lua_pushinteger(L, market->watched);
    return 1;
}

/* _watch() -> a copy of the descriptor, which the caller closes | nil, err */
static int l_watch(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_err err;
    int fd = souk_runtime_watch(market->rt, &err);
    if (fd < 0) {
        return souk_bind_fail(L, &err);
    }
    lua_pushinteger(L, fd);
    return 1;
}

/* _hush(): the descriptor is unreadable until something new happens; harmless when closed */
static int l_hush(lua_State *L)
{
    const souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_hush(market->rt);
    }
    return 0;
}

/* _cork(), _uncork(): what calls ask of the engine gathers in between; harmless when closed */
static int l_cork(lua_State *L)
{
    const souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_cork(market->rt);
    }
    return 0;
}

static int l_uncork(lua_State *L)
{
    const souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_uncork(market->rt);
    }
    return 0;
}

/* _open_door(folder) -> path of a socket | nil, err */
static int l_open_door(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    const char *folder = luaL_checkstring(L, 2);
    const char *path;
    souk_err err;
    if (souk_runtime_open_door(market->rt, folder, &path, &err) != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushstring(L, path);
    return 1;
}

/* _let_in() -> true | nil, err */
static int l_let_in(lua_State *L)
{
    souk_market *market = souk_bind_market(L, 1);
    souk_err err;
    if (souk_runtime_let_in(market->rt, &err) != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* _close_door(); harmless when the market is closed */
static int l_close_door(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_close_door(market->rt);
    }
    return 0;
}

/* _begin_end() -> whether the market was open. Ends calls and begins to close sessions. */
static int l_begin_end(lua_State *L)
{
    souk_market *market = souk_bind_market_any(L, 1);
    if (market->rt != NULL) {
        souk_runtime_begin_close(market->rt);
    }
    lua_pushboolean(L, market->rt != NULL);
    return 1;
}

/* _is_ended() -> whether nothing is left to be waited for */
static int l_is_ended(lua_State *L)
{
    const souk_market *market = souk_bind_market_any(L, 1);
    lua_pushboolean(L, market->rt == NULL || souk_runtime_is_closed(market->rt));
    return 1;
}

/* _is_open() -> whether it was not released yet */
static int l_is_open(lua_State *L)
{
    lua_pushboolean(L, souk_bind_market_any(L, 1)->rt != NULL);
    return 1;
}

const luaL_Reg souk_bind_loop_methods[] = {{"_fd", l_fd},
                                           {"_watch", l_watch},
                                           {"_hush", l_hush},
                                           {"_cork", l_cork},
                                           {"_uncork", l_uncork},
                                           {"_open_door", l_open_door},
                                           {"_let_in", l_let_in},
                                           {"_close_door", l_close_door},
                                           {"_begin_end", l_begin_end},
                                           {"_is_ended", l_is_ended},
                                           {"_is_open", l_is_open},
                                           {NULL, NULL}};
