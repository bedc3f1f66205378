#include "bind/validate.h"

#include "bind/errors.h"
#include "bind/values.h"
#include "schema/schema.h"
#include "json/read.h"

enum { MAX_TEXT = 64 * 1024 * 1024 }; /* bytes of a value or a schema */

static const char METATABLE[] = "souk.validation";

/* What one check owns while Lua may throw: a userdata on the stack. */
typedef struct validation {
    souk_buf text; /* of the schema, then of the value */
    souk_json_doc schema_doc;
    souk_json_doc doc;
    souk_schema *schema;
} validation;

static int validation_free(lua_State *L)
{
    validation *v = lua_touserdata(L, 1);
    souk_buf_free(&v->text);
    souk_json_doc_free(&v->schema_doc);
    souk_json_doc_free(&v->doc);
    souk_schema_free(v->schema);
    v->schema = NULL;
    return 0;
}

static validation *push_validation(lua_State *L)
{
    const souk_alloc *alloc = souk_alloc_libc();
    validation *v = lua_newuserdata(L, sizeof *v);
    souk_buf_init(&v->text, alloc, MAX_TEXT);
    souk_json_doc_init(&v->schema_doc, alloc);
    souk_json_doc_init(&v->doc, alloc);
    v->schema = NULL;
    if (luaL_newmetatable(L, METATABLE)) {
        lua_pushcfunction(L, validation_free);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return v;
}

/* Writes the value at `index` and reads it into the document. */
static int read_value(lua_State *L, int index, validation *v, const souk_bind_writing *how,
                      souk_json_doc *doc, souk_err *err)
{
    souk_jw w;
    souk_json_limits limits = {.depth = SOUK_JSON_MAX_DEPTH, .text = MAX_TEXT + 1};
    souk_jw_init(&w, &v->text);
    int failed = souk_bind_write_value(L, index, &w, how, err);
    return failed == SOUK_OK ? souk_json_read_take(doc, &v->text, &limits, err) : failed;
}

static int check(lua_State *L, validation *v, souk_err *err)
{
    souk_bind_writing how = {0, NULL};
    int failed = read_value(L, 1, v, NULL, &v->schema_doc, err);
    if (failed == SOUK_OK) {
        failed = souk_schema_compile(souk_alloc_libc(), v->schema_doc.text, &v->schema, err);
    }
    if (failed != SOUK_OK) {
        souk_err_prefix(err, "the schema");
        return failed;
    }
    how.schema = v->schema_doc.root;
    failed = read_value(L, 2, v, &how, &v->doc, err);
    return failed == SOUK_OK ? souk_schema_validate(v->schema, v->doc.root, err) : failed;
}

/* validate(schema, value) -> true | nil, err. The schema is a table or a boolean. */
static int l_validate(lua_State *L)
{
    souk_err err;
    if (!lua_isboolean(L, 1)) {
        luaL_checktype(L, 1, LUA_TTABLE);
    }
    lua_settop(L, 2);
    int failed = check(L, push_validation(L), &err);
    /* It is garbage from here on, and would only be freed some day. */
    lua_pushcfunction(L, validation_free);
    lua_insert(L, -2);
    lua_call(L, 1, 0);
    if (failed != SOUK_OK) {
        return souk_bind_fail(L, &err);
    }
    lua_pushboolean(L, 1);
    return 1;
}

void souk_bind_open_validate(lua_State *L)
{
    lua_pushcfunction(L, l_validate);
    lua_setfield(L, -2, "validate");
}
