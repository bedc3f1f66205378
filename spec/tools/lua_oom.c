/*
 * A Lua whose memory runs out: runs the function that a script returns again and again, letting the
 * first, the second, the third ... allocation of Lua fail, until the function needs no more of
 * them. Each run must end in a result or in "not enough memory", and give back all memory of Lua's;
 * a leak of C memory is found by LeakSanitizer at exit.
 *
 *     lua_oom script.lua once|forever
 *
 * "once": one allocation fails, "forever": all after it, too. Prints how many runs there were. The
 * script is run with memory; what it returns is called without.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RUNS = 100000 };

typedef struct memory {
    lua_Alloc alloc; /* the allocator of this Lua */
    void *user;
    bool armed;
    bool for_ever;
    bool fired;
    long left; /* allocations until one fails */
} memory;

static void *allocate(void *user, void *ptr, size_t old_size, size_t size)
{
    memory *m = user;
    bool is_growth = size > 0 && (ptr == NULL || size > old_size);
    if (m->armed && is_growth && (--m->left == 0 || (m->left < 0 && m->for_ever))) {
        m->fired = true;
        return NULL;
    }
    return m->alloc(m->user, ptr, old_size, size);
}

static int fail(lua_State *L, const char *what)
{
    fprintf(stderr, "lua_oom: %s: %s\n", what, lua_tostring(L, -1));
    return -1;
}

/* One run; 1 when an allocation failed, 0 when none did, -1 when something went wrong. */
static int run(const char *script, bool for_ever, long fail_at)
{
    lua_State *L = luaL_newstate();
    memory m = {NULL, NULL, false, for_ever, false, fail_at};
    m.alloc = lua_getallocf(L, &m.user);
    lua_setallocf(L, allocate, &m);
    luaL_openlibs(L);
    if (luaL_loadfile(L, script) != 0 || lua_pcall(L, 0, 1, 0) != 0) {
        return fail(L, "the script failed");
    }
    m.armed = true;
    int status = lua_pcall(L, 0, 0, 0);
    m.armed = false;
    if (status != 0 && (status != LUA_ERRMEM || !m.fired)) {
        return fail(L, "the function failed otherwise than for want of memory");
    }
    lua_setallocf(L, m.alloc, m.user);
    lua_close(L);
    return m.fired;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: lua_oom script.lua once|forever\n");
        return 2;
    }
    int fired = 1;
    long runs = 0;
    while (fired == 1 && runs < MOST_RUNS) {
        runs++;
        fired = run(argv[1], strcmp(argv[2], "forever") == 0, runs);
    }
    printf("%ld runs\n", runs);
    return fired == 0 ? 0 : 1;
}
