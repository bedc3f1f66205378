/* References: from the text of a $ref to the node that it means. */
#include "schema/compile.h"
#include "schema/uri.h"

#include <string.h>

bool souk_place_name(souk_compiler *c, souk_slice uri, souk_slice fragment, souk_slice *out)
{
    if (fragment.len == 0) {
        *out = uri;
        return true;
    }
    size_t size;
    char *text = NULL;
    if (souk_size_add(uri.len, fragment.len, &size) && souk_size_add(size, 1, &size)) {
        text = souk_arena_new(&c->scratch, size);
    }
    if (text == NULL) {
        return false;
    }
    if (uri.len > 0) {
        memcpy(text, uri.ptr, uri.len);
    }
    text[uri.len] = '#';
    memcpy(text + uri.len + 1, fragment.ptr, fragment.len);
    *out = souk_slice_make(text, size);
    return true;
}

/* --- JSON pointers --- */

/* Undoes ~0 and ~1 (RFC 6901 section 4); `token` is written over. */
static souk_slice unescape(char *token, size_t len)
{
    size_t written = 0;
    for (size_t i = 0; i < len; i++) {
        char c = token[i];
        if (c == '~' && i + 1 < len && (token[i + 1] == '0' || token[i + 1] == '1')) {
            c = token[++i] == '0' ? '~' : '/';
        }
        token[written++] = c;
    }
    return souk_slice_make(token, written);
}

static const souk_jval *element(const souk_jval *array, souk_slice token)
{
    size_t index = 0;
    if (token.len == 0 || token.len > 9 || (token.len > 1 && token.ptr[0] == '0')) {
        return NULL;
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '0' || token.ptr[i] > '9') {
            return NULL;
        }
        index = index * 10 + (size_t)(token.ptr[i] - '0');
    }
    return souk_json_at(array, index);
}

/*
 * Follows a pointer from the root of a resource and declares what it finds, which may lie where no
 * keyword looks. *out is NULL when the pointer leads nowhere.
 */
static int follow_pointer(souk_compiler *c, const souk_node *root, souk_slice pointer,
                          souk_node **out)
{
    char *text = souk_arena_new(&c->scratch, pointer.len);
    if (text == NULL) {
        return souk_fail_memory(c->err);
    }
    memcpy(text, pointer.ptr, pointer.len);
    const souk_jval *value = root->source;
    souk_resource *resource = root->resource;
    int result = SOUK_OK;
    for (size_t at = 0; value != NULL && at < pointer.len && result == SOUK_OK;) {
        size_t start = at + 1;
        at = start + souk_slice_find(souk_slice_from(pointer, start), '/');
        souk_slice token = unescape(text + start, at - start);
        bool is_array = souk_json_type_of(value) == SOUK_JSON_ARRAY;
        bool is_container = is_array || souk_json_type_of(value) == SOUK_JSON_OBJECT;
        result = souk_compile_steps(c, is_container ? 1 + (size_t)value->size : 1);
        value = is_array ? element(value, token) : souk_json_get_slice(value, token);
        const souk_node *passed = value == NULL ? NULL : souk_node_at(c, value);
        resource = passed != NULL ? passed->resource : resource;
    }
    *out = NULL;
    if (result == SOUK_OK && value != NULL) {
        result = souk_declare(c, value, resource);
        *out = souk_node_at(c, value);
    }
    return result;
}

/* --- references --- */

/* The node at uri#fragment, or NULL in *out. */
static int find_place(souk_compiler *c, souk_slice uri, souk_slice fragment, souk_node **out)
{
    souk_slice name;
    if (!souk_place_name(c, uri, fragment, &name)) {
        return souk_fail_memory(c->err);
    }
    *out = souk_map_get(&c->places, name);
    if (*out != NULL || fragment.len == 0 || fragment.ptr[0] != '/') {
        return SOUK_OK;
    }
    const souk_node *root = souk_map_get(&c->places, uri);
    if (root == NULL) {
        return SOUK_OK;
    }
    int result = follow_pointer(c, root, fragment, out);
    if (result == SOUK_OK && *out != NULL && !souk_map_set(&c->places, name, *out, NULL)) {
        return souk_fail_memory(c->err);
    }
    return result;
}

/*
 * A reference is dynamic only where its static target has the dynamic anchor itself (2020-12 core,
 * section 8.2.3.2; 2019-09 core, section 8.2.4.2.1).
 */
static int make_dynamic(souk_compiler *c, souk_keyword keyword, souk_slice fragment,
                        souk_ref_rule *rule)
{
    bool may_be = (keyword == SOUK_KEYWORD_DYNAMIC_REF && fragment.len > 0) ||
                  (keyword == SOUK_KEYWORD_RECURSIVE_REF && fragment.len == 0);
    const souk_dynamic_anchor *anchor = may_be ? rule->target->resource->anchors : NULL;
    size_t steps = 0;
    for (; anchor != NULL && !rule->dynamic; anchor = anchor->next) {
        steps++;
        if (anchor->node == rule->target && souk_slice_eq(anchor->name, fragment)) {
            rule->dynamic = true;
            rule->anchor = anchor->name;
        }
    }
    return souk_compile_steps(c, steps);
}

int souk_resolve(souk_compiler *c, const souk_node *node, souk_keyword keyword,
                 const souk_jval *reference, souk_ref_rule *out)
{
    if (souk_json_type_of(reference) != SOUK_JSON_STRING) {
        return souk_compile_fail(c, reference, "expected a URI reference");
    }
    souk_slice uri;
    souk_slice fragment;
    souk_uri_split(souk_json_string(reference), &uri, &fragment);
    int result = souk_compile_steps(c, node->resource->uri.len + reference->size);
    if (result != SOUK_OK) {
        return result;
    }
    if (!souk_uri_resolve(&c->scratch, node->resource->uri, uri, &uri) ||
        !souk_uri_decode(&c->scratch, fragment, &fragment)) {
        return souk_fail_memory(c->err);
    }
    souk_node *target = NULL;
    result = find_place(c, uri, fragment, &target);
    if (result != SOUK_OK) {
        return result;
    }
    if (target == NULL) {
        bool known = souk_map_get(&c->places, uri) != NULL;
        return souk_compile_fail_about(c, reference,
                                       known ? "leads to nothing in this document"
                                             : "is not in this document, and nothing is fetched");
    }
    out->target = target;
    return make_dynamic(c, keyword, fragment, out);
}
