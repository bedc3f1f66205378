#include <stdio.h>
#include <string.h>

#include "bind/cdata.h"
#include "bind/hint.h"
#include "bind/marks.h"
#include "bind/values.h"

enum {
    DEFAULT_DEPTH = 128,
    PATH_ROOM = 200, /* bytes of a path in a message; the end of a longer one is kept */
    TOKEN_ROOM = 40  /* bytes of one step of it */
};

/* The address is the key of the host's own null in the registry. */
static const char host_null;

typedef struct writing {
    lua_State *L;
    souk_jw *w;
    unsigned depth; /* how many more levels are allowed */
    unsigned most;  /* how many were allowed at first */
    souk_err *err;
    int failed;
    char path[PATH_ROOM]; /* grows from its end while a failure passes through the levels */
    size_t path_start;
} writing;

static bool write_value(writing *k, souk_hint hint);

static bool fail(writing *k, const char *what)
{
    k->failed = souk_fail(k->err, SOUK_E_SCHEMA, "cannot encode %s", what);
    return false;
}

/*
 * Puts "/token" in front of the path; when there is no room "..." takes the place of all that is
 * missing.
 */
static void add_to_path(writing *k, const char *token)
{
    size_t len = strlen(token) + 1;
    if (k->path_start < len + 3) {
        if (k->path_start >= 3 && k->path[k->path_start] == '/') {
            k->path_start -= 3;
            memcpy(k->path + k->path_start, "...", 3);
        }
        return;
    }
    k->path_start -= len;
    k->path[k->path_start] = '/';
    memcpy(k->path + k->path_start + 1, token, len - 1);
}

/* A failure below the element with this index (from 0, as in RFC 6901). */
static bool fail_at_index(writing *k, size_t index)
{
    char token[TOKEN_ROOM];
    snprintf(token, sizeof token, "%zu", index);
    add_to_path(k, token);
    return false;
}

/* A failure below the member whose key is at `index` on the stack. */
static bool fail_at_key(writing *k, int index)
{
    size_t len;
    const char *key = lua_tolstring(k->L, index, &len);
    char token[TOKEN_ROOM];
    size_t used = 0;
    for (size_t i = 0; i < len && used < sizeof token - 5; i++) {
        unsigned char c = (unsigned char)key[i];
        if (c == '~' || c == '/') {
            token[used++] = '~';
            token[used++] = c == '~' ? '0' : '1';
        } else if (c < 0x20 || c >= 0x7F) {
            token[used++] = '?';
        } else {
            token[used++] = (char)c;
        }
    }
    token[used] = '\0';
    add_to_path(k, token);
    return false;
}

static bool write_number(writing *k)
{
    int64_t integer;
    if (souk_lua_to_int64(k->L, -1, &integer)) {
        souk_jw_int(k->w, integer);
        return true;
    }
    double number = (double)lua_tonumber(k->L, -1);
    if (number - number != 0) {
        return fail(k, number != number ? "NaN" : "an infinite number");
    }
    souk_jw_double(k->w, number);
    return true;
}

static bool write_string(writing *k)
{
    size_t len;
    const char *text = lua_tolstring(k->L, -1, &len);
    souk_jw_string(k->w, souk_slice_make(text, len));
    return !k->w->invalid || fail(k, "a string that is not UTF-8");
}

static bool write_light_userdata(writing *k)
{
    if (lua_touserdata(k->L, -1) == NULL) {
        souk_jw_null(k->w);
        return true;
    }
    if (souk_marks_is_empty_array(k->L, -1)) {
        souk_jw_raw(k->w, SOUK_LIT("[]"));
        return true;
    }
    return fail(k, "a light userdata");
}

static bool write_userdata(writing *k)
{
    souk_lua_getref(k->L, &host_null);
    bool is_null = lua_rawequal(k->L, -1, -2) != 0;
    lua_pop(k->L, 1);
    if (is_null) {
        souk_jw_null(k->w);
    }
    return is_null || fail(k, "a userdata");
}

static bool write_cdata(writing *k)
{
    size_t len;
    if (!souk_cdata_push_digits(k->L, -1)) {
        return fail(k, "a cdata that is no 64-bit integer");
    }
    const char *digits = lua_tolstring(k->L, -1, &len);
    souk_jw_raw(k->w, souk_slice_make(digits, len));
    lua_pop(k->L, 1);
    return true;
}

/*
 * A key of that type cannot be in the table at `index`, as other keys or a mark have shown what it
 * is.
 */
static bool fail_key(writing *k, int type, int index)
{
    if (type != LUA_TSTRING && type != LUA_TNUMBER) {
        return fail(k, "a table with keys that are neither strings nor numbers");
    }
    bool is_array = souk_marks_has(k->L, index, false);
    return fail(k, is_array ? "an array with other keys than 1 to its length"
                            : "a table with both string and number keys");
}

/*
 * The key and the value of the first member are on the stack, the table below them. All keys have
 * to be strings. On success only the table is left.
 */
static bool write_members(writing *k, souk_hint hint)
{
    lua_State *L = k->L;
    int key_index = lua_gettop(L) - 1;
    souk_jw_object(k->w);
    do {
        if (lua_type(L, -2) != LUA_TSTRING) {
            return fail_key(k, lua_type(L, -2), key_index - 1);
        }
        size_t len;
        const char *key = lua_tolstring(L, -2, &len);
        souk_jw_key(k->w, souk_slice_make(key, len));
        if (k->w->invalid) {
            return fail(k, "a key that is not UTF-8");
        }
        souk_hint below =
            hint.at == NULL ? hint : souk_hint_member(hint, souk_slice_make(key, len));
        if (!write_value(k, below)) {
            return fail_at_key(k, key_index);
        }
        lua_pop(L, 1);
    } while (lua_next(L, -2));
    souk_jw_end_object(k->w);
    return true;
}

static bool write_element(writing *k, souk_hint hint, size_t index)
{
    souk_hint below = hint.at == NULL ? hint : souk_hint_element(hint, index);
    return write_value(k, below) || fail_at_index(k, index);
}

/* Counts the keys of the table on top and checks that they are 1 to that count. */
static bool check_sequence(writing *k, size_t *count)
{
    lua_State *L = k->L;
    lua_Number largest = 0;
    *count = 0;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TNUMBER) {
            return fail_key(k, lua_type(L, -2), lua_gettop(L) - 2);
        }
        lua_Number key = lua_tonumber(L, -2);
        if (!(key >= 1 && key <= (lua_Number)INT32_MAX) || (lua_Number)(int32_t)key != key) {
            return fail(k, "a table with a number as key that is no index");
        }
        largest = key > largest ? key : largest;
        ++*count;
    }
    return (lua_Number)*count == largest || fail(k, "an array with holes");
}

/*
 * The elements from number `index` (from 0) on, of the table on top, whose keys lua_next gives in
 * no useful order.
 */
static bool write_rest(writing *k, souk_hint hint, size_t index)
{
    size_t count;
    if (!check_sequence(k, &count)) {
        return false;
    }
    for (; index < count; index++) {
        lua_rawgeti(k->L, -1, (int)(index + 1));
        if (!write_element(k, hint, index)) {
            return false;
        }
        lua_pop(k->L, 1);
    }
    return true;
}

/*
 * The same as write_members for an array. Nearly always lua_next gives 1, 2, 3 ... in order, and
 * then no more has to be known about the table.
 */
static bool write_elements(writing *k, souk_hint hint)
{
    lua_State *L = k->L;
    size_t index = 0;
    souk_jw_array(k->w);
    do {
        bool in_order =
            lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == (lua_Number)(index + 1);
        if (!in_order) {
            lua_pop(L, 2);
            if (!write_rest(k, hint, index)) {
                return false;
            }
            break;
        }
        if (!write_element(k, hint, index)) {
            return false;
        }
        lua_pop(L, 1);
        index++;
    } while (lua_next(L, -2));
    souk_jw_end_array(k->w);
    return true;
}

/* The table on top has no elements or members. */
static void write_empty(writing *k, souk_hint hint)
{
    bool is_array = souk_marks_has(k->L, -1, true) || souk_hint_is_array(hint);
    souk_jw_raw(k->w, is_array ? SOUK_LIT("[]") : SOUK_LIT("{}"));
}

static bool write_table(writing *k, souk_hint hint)
{
    lua_State *L = k->L;
    if (k->depth == 0) {
        k->failed = souk_fail(k->err, SOUK_E_LIMIT,
                              "tables are nested deeper than %u (in a cycle?)", k->most);
        return false;
    }
    k->depth--;
    luaL_checkstack(L, 6, "tables are nested too deeply");
    bool written = true;
    lua_pushnil(L);
    if (!lua_next(L, -2)) {
        write_empty(k, hint);
    } else if (lua_type(L, -2) == LUA_TNUMBER) {
        written = write_elements(k, hint);
    } else if (lua_type(L, -2) != LUA_TSTRING || souk_marks_has(L, -3, false)) {
        written = fail_key(k, lua_type(L, -2), lua_gettop(L) - 2);
    } else {
        written = write_members(k, hint);
    }
    k->depth++;
    return written;
}

/* Writes the value on top of the stack and leaves it there. On failure the stack may hold more. */
static bool write_value(writing *k, souk_hint hint)
{
    lua_State *L = k->L;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        souk_jw_null(k->w);
        return true;
    case LUA_TBOOLEAN:
        souk_jw_bool(k->w, lua_toboolean(L, -1) != 0);
        return true;
    case LUA_TNUMBER:
        return write_number(k);
    case LUA_TSTRING:
        return write_string(k);
    case LUA_TTABLE:
        return write_table(k, hint);
    case LUA_TLIGHTUSERDATA:
        return write_light_userdata(k);
    case LUA_TUSERDATA:
        return write_userdata(k);
    case LUA_TFUNCTION:
        return fail(k, "a function");
    case LUA_TTHREAD:
        return fail(k, "a coroutine");
    default:
        return write_cdata(k);
    }
}

int souk_bind_write_value(lua_State *L, int index, souk_jw *w, const souk_bind_writing *options,
                          souk_err *err)
{
    int top = lua_gettop(L);
    unsigned depth = options == NULL || options->depth == 0 ? DEFAULT_DEPTH : options->depth;
    depth = depth > SOUK_JSON_MAX_DEPTH ? SOUK_JSON_MAX_DEPTH : depth;
    writing k = {
        .L = L, .w = w, .depth = depth, .most = depth, .err = err, .path_start = PATH_ROOM};
    luaL_checkstack(L, 6, "no room for a value");
    lua_pushvalue(L, index);
    bool written = write_value(&k, souk_hint_of(options == NULL ? NULL : options->schema));
    lua_settop(L, top);
    if (!written) {
        size_t len = sizeof k.path - k.path_start;
        if (len > 0) {
            souk_err_prefix(err, "at %.*s", (int)len, k.path + k.path_start);
        }
        return k.failed;
    }
    return souk_jw_check(w, err);
}

void souk_bind_mark_array(lua_State *L, int index)
{
    index = index < 0 ? lua_gettop(L) + 1 + index : index;
    souk_marks_push(L);
    lua_setmetatable(L, index);
}

void souk_bind_set_host_null(lua_State *L)
{
    souk_lua_setref(L, &host_null);
}
