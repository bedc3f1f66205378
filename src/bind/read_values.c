#include "bind/cdata.h"
#include "bind/marks.h"
#include "bind/values.h"
#include "json/read.h"

typedef struct reading {
    lua_State *L;
    const souk_json_doc *doc;
    souk_big_integers big;
    int mark;      /* stack index of the array mark */
    bool has_mark; /* it has been put there: the first array does that */
    souk_err *err;
    int failed;
} reading;

static const souk_jval *push_value(reading *r, const souk_jval *value);

/* An integer that this Lua cannot hold. */
static bool push_big(reading *r, const souk_jval *value)
{
    souk_slice digits = souk_json_raw(r->doc, value);
    if (r->big == SOUK_BIG_STRING) {
        lua_pushlstring(r->L, digits.ptr, digits.len);
        return true;
    }
    if (r->big == SOUK_BIG_CDATA && souk_cdata_push_integer(r->L, digits)) {
        return true;
    }
    enum { SHOWN = 40 };
    int shown = digits.len > SHOWN ? SHOWN : (int)digits.len;
    r->failed = souk_fail(r->err, SOUK_E_LIMIT, "the integer %.*s%s is too large", shown,
                          digits.ptr, digits.len > SHOWN ? "..." : "");
    souk_json_locate(r->doc->text, value->begin, r->err);
    return false;
}

/* Marks the table on top. */
static void mark_array(reading *r)
{
    if (!r->has_mark) {
        souk_marks_push(r->L);
        lua_replace(r->L, r->mark);
        r->has_mark = true;
    }
    lua_pushvalue(r->L, r->mark);
    lua_setmetatable(r->L, -2);
}

static const souk_jval *push_array(reading *r, const souk_jval *array)
{
    lua_State *L = r->L;
    luaL_checkstack(L, 8, "JSON is nested too deeply");
    lua_createtable(L, (int)array->size, 0);
    const souk_jval *next = array + 1;
    for (uint32_t i = 1; i <= array->size; i++) {
        next = push_value(r, next);
        if (next == NULL) {
            return NULL;
        }
        lua_rawseti(L, -2, (int)i);
    }
    mark_array(r);
    return next;
}

static const souk_jval *push_object(reading *r, const souk_jval *object)
{
    lua_State *L = r->L;
    luaL_checkstack(L, 8, "JSON is nested too deeply");
    lua_createtable(L, 0, (int)object->size);
    const souk_jval *next = object + 1;
    for (uint32_t i = 0; i < object->size; i++) {
        lua_pushlstring(L, next->as.text, next->size);
        next = push_value(r, next + 1);
        if (next == NULL) {
            return NULL;
        }
        lua_rawset(L, -3);
    }
    return next;
}

/*
 * Pushes the value and returns what follows it on the tape; NULL on failure, with anything left on
 * the stack. The reader's depth limit is the limit of the recursion.
 */
static const souk_jval *push_value(reading *r, const souk_jval *value)
{
    lua_State *L = r->L;
    switch ((souk_json_type)value->type) {
    case SOUK_JSON_NULL:
        lua_pushlightuserdata(L, NULL);
        break;
    case SOUK_JSON_BOOL:
        lua_pushboolean(L, value->as.boolean);
        break;
    case SOUK_JSON_INT:
        if (!souk_lua_push_int64(L, value->as.integer) && !push_big(r, value)) {
            return NULL;
        }
        break;
    case SOUK_JSON_BIGINT:
        if (!push_big(r, value)) {
            return NULL;
        }
        break;
    case SOUK_JSON_DOUBLE:
        lua_pushnumber(L, value->as.number);
        break;
    case SOUK_JSON_STRING:
        lua_pushlstring(L, value->as.text, value->size);
        break;
    case SOUK_JSON_ARRAY:
        return push_array(r, value);
    case SOUK_JSON_OBJECT:
        return push_object(r, value);
    }
    return value + 1;
}

int souk_bind_push_value(lua_State *L, const souk_json_doc *doc, const souk_jval *value,
                         souk_big_integers big, souk_err *err)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 4, "no room for a JSON value");
    lua_pushnil(L); /* the place of the array mark, and then of the result */
    reading r = {.L = L, .doc = doc, .big = big, .mark = top + 1, .err = err};
    if (push_value(&r, value) == NULL) {
        lua_settop(L, top);
        return r.failed;
    }
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
    return SOUK_OK;
}
