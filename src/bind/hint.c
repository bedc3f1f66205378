#include "bind/hint.h"

enum { MOST_REFERENCES = 16 }; /* in a row; they can go in circles */

static souk_hint unknown(void)
{
    souk_hint hint = {NULL, NULL};
    return hint;
}

/* The hint for a part of the schema, behind the references that it may begin with. */
static souk_hint follow(souk_hint from, const souk_jval *at)
{
    for (int i = 0; i < MOST_REFERENCES && at != NULL; i++) {
        souk_slice reference = souk_json_string(souk_json_get(at, "$ref"));
        if (reference.ptr == NULL) {
            souk_hint hint = {from.root, at};
            return hint;
        }
        bool is_local = souk_slice_starts(reference, SOUK_LIT("#"));
        at = is_local ? souk_json_pointer(from.root, souk_slice_from(reference, 1)) : NULL;
    }
    return unknown();
}

souk_hint souk_hint_of(const souk_jval *schema)
{
    souk_hint hint = {schema, schema};
    return schema == NULL ? hint : follow(hint, schema);
}

souk_hint souk_hint_member(souk_hint object, souk_slice key)
{
    if (object.at == NULL) {
        return object;
    }
    const souk_jval *schema = souk_json_get_slice(souk_json_get(object.at, "properties"), key);
    if (schema == NULL) {
        schema = souk_json_get(object.at, "additionalProperties");
    }
    return follow(object, schema);
}

souk_hint souk_hint_element(souk_hint array, size_t index)
{
    if (array.at == NULL) {
        return array;
    }
    const souk_jval *schema = souk_json_at(souk_json_get(array.at, "prefixItems"), index);
    if (schema == NULL) {
        schema = souk_json_get(array.at, "items");
    }
    return follow(array, schema);
}

bool souk_hint_is_array(souk_hint hint)
{
    const souk_jval *type = souk_json_get(hint.at, "type");
    if (souk_json_type_of(type) != SOUK_JSON_ARRAY) {
        return souk_json_is_string(type, "array");
    }
    bool allows_array = false;
    souk_json_elements it = souk_json_each_element(type);
    while (souk_json_next_element(&it)) {
        if (souk_json_is_string(it.value, "object")) {
            return false;
        }
        allows_array = allows_array || souk_json_is_string(it.value, "array");
    }
    return allows_array;
}
