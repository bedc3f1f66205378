/* Finds the subschemas of a document, and what they call themselves. */
#include "schema/compile.h"
#include "schema/uri.h"

/* --- dialects --- */

static const struct {
    const char *uri; /* without scheme and fragment: both http and https are seen in the field */
    souk_schema_dialect dialect;
} dialects[] = {
    {"//json-schema.org/draft/2020-12/schema", SOUK_SCHEMA_2020_12},
    {"//json-schema.org/draft/2019-09/schema", SOUK_SCHEMA_2019_09},
    {"//json-schema.org/draft-07/schema", SOUK_SCHEMA_DRAFT_07},
    {"//json-schema.org/draft-06/schema", SOUK_SCHEMA_DRAFT_06},
    {"//json-schema.org/draft-04/schema", SOUK_SCHEMA_DRAFT_04},
    {"//json-schema.org/schema", SOUK_SCHEMA_2020_12}, /* "the latest" */
};

static int find_dialect(souk_compiler *c, const souk_jval *schema, souk_schema_dialect *out)
{
    souk_slice uri;
    souk_slice fragment;
    souk_uri_split(souk_json_string(schema), &uri, &fragment);
    size_t colon = souk_slice_find(uri, ':');
    souk_slice scheme = souk_slice_make(uri.ptr, colon);
    if (souk_slice_is(scheme, "http") || souk_slice_is(scheme, "https")) {
        souk_slice rest = souk_slice_from(uri, colon + 1);
        for (size_t i = 0; i < sizeof dialects / sizeof *dialects && fragment.len == 0; i++) {
            if (souk_slice_is(rest, dialects[i].uri)) {
                *out = dialects[i].dialect;
                return SOUK_OK;
            }
        }
    }
    if (souk_json_type_of(schema) != SOUK_JSON_STRING) {
        return souk_compile_fail(c, schema, "expected the URI of a dialect");
    }
    return souk_compile_fail_about(c, schema, "is no dialect that is supported");
}

/* --- identifiers --- */

/* Makes `node` known as uri#fragment. The first one of a name counts. */
static int add_place(souk_compiler *c, souk_slice uri, souk_slice fragment, souk_node *node,
                     const souk_jval *place)
{
    souk_slice name;
    if (!souk_place_name(c, uri, fragment, &name)) {
        return souk_fail_memory(c->err);
    }
    const souk_node *earlier = souk_map_get(&c->places, name);
    if (earlier != NULL) {
        return earlier == node
                   ? SOUK_OK
                   : souk_compile_warn(c, place, name, "is the name of an earlier schema as well");
    }
    return souk_map_set(&c->places, name, node, NULL) ? SOUK_OK : souk_fail_memory(c->err);
}

static int add_dynamic_anchor(souk_compiler *c, souk_slice name, souk_node *node)
{
    souk_dynamic_anchor *anchor = souk_arena_array(&c->schema->arena, 1, sizeof *anchor);
    if (anchor == NULL) {
        return souk_fail_memory(c->err);
    }
    anchor->name = name;
    anchor->node = node;
    anchor->next = node->resource->anchors;
    node->resource->anchors = anchor;
    return SOUK_OK;
}

/* $anchor, $dynamicAnchor, and $recursiveAnchor, of which only a resource's root may have one. */
static int declare_anchors(souk_compiler *c, souk_node *node)
{
    souk_resource *resource = node->resource;
    const souk_jval *anchor = souk_json_get(node->source, "$anchor");
    const souk_jval *dynamic = souk_json_get(node->source, "$dynamicAnchor");
    const souk_jval *recursive = souk_json_get(node->source, "$recursiveAnchor");
    int result = SOUK_OK;
    if (anchor != NULL) {
        result = add_place(c, resource->uri, souk_json_string(anchor), node, anchor);
    }
    bool is_2020 = resource->dialect == SOUK_SCHEMA_2020_12;
    if (result == SOUK_OK && dynamic != NULL && is_2020) {
        result = add_place(c, resource->uri, souk_json_string(dynamic), node, dynamic);
        if (result == SOUK_OK) {
            result = add_dynamic_anchor(c, souk_json_string(dynamic), node);
        }
    }
    if (result == SOUK_OK && !is_2020 && souk_json_is_true(recursive) && resource->root == node) {
        result = add_dynamic_anchor(c, SOUK_LIT(""), node);
    }
    return result;
}

/*
 * The schema's identifier, or NULL. Up to draft-07 a $ref makes everything beside it mean nothing
 * (draft-07 core, section 8.3), the identifier included.
 */
static const souk_jval *find_id(const souk_jval *source, souk_schema_dialect dialect)
{
    if (dialect <= SOUK_SCHEMA_DRAFT_07 && souk_json_get(source, "$ref") != NULL) {
        return NULL;
    }
    const souk_jval *id = souk_json_get(source, dialect == SOUK_SCHEMA_DRAFT_04 ? "id" : "$id");
    return souk_json_type_of(id) == SOUK_JSON_STRING ? id : NULL;
}

/*
 * The node begins a resource of its own: the document does, and what has an $id. `uri` is what the
 * $id says, without its fragment.
 */
static int enter_resource(souk_compiler *c, souk_node *node, souk_resource *around, souk_slice uri,
                          souk_schema_dialect dialect)
{
    souk_slice base = around == NULL ? SOUK_LIT("") : around->uri;
    int result = souk_compile_steps(c, base.len + uri.len);
    if (result != SOUK_OK) {
        return result;
    }
    souk_resource *resource = souk_arena_array(&c->schema->arena, 1, sizeof *resource);
    if (resource == NULL || !souk_uri_resolve(&c->schema->arena, base, uri, &resource->uri)) {
        return souk_fail_memory(c->err);
    }
    resource->dialect = dialect;
    resource->root = node;
    node->resource = resource;
    const souk_jval *id = find_id(node->source, dialect);
    return add_place(c, resource->uri, SOUK_LIT(""), node, id != NULL ? id : node->source);
}

/*
 * Gives the node its resource: that of its $id, or the one around it. The fragment of an $id is an
 * anchor up to draft-07; one that looks like a JSON pointer, which some generators write, adds
 * nothing to what pointers reach anyway.
 */
static int identify(souk_compiler *c, souk_node *node, souk_resource *around)
{
    souk_schema_dialect dialect = around != NULL ? around->dialect : c->schema->options.dialect;
    const souk_jval *schema = souk_json_get(node->source, "$schema");
    bool has_id =
        souk_json_get(node->source, "$id") != NULL || souk_json_get(node->source, "id") != NULL;
    int result = SOUK_OK;
    if (schema != NULL && (around == NULL || has_id)) {
        result = find_dialect(c, schema, &dialect);
    }
    const souk_jval *id = find_id(node->source, dialect);
    souk_slice uri;
    souk_slice fragment;
    souk_uri_split(souk_json_string(id), &uri, &fragment);
    node->resource = around;
    if (result == SOUK_OK && (around == NULL || uri.len > 0)) {
        result = enter_resource(c, node, around, uri, dialect);
    }
    if (result != SOUK_OK || node->resource == NULL) {
        return result;
    }
    if (dialect >= SOUK_SCHEMA_2019_09) {
        return declare_anchors(c, node);
    }
    bool is_anchor = fragment.len > 0 && fragment.ptr[0] != '/';
    return is_anchor ? add_place(c, node->resource->uri, fragment, node, id) : SOUK_OK;
}

/* --- the walk --- */

static int declare_list(souk_compiler *c, const souk_jval *list, souk_resource *around)
{
    int result = SOUK_OK;
    souk_json_elements it = souk_json_each_element(list);
    while (result == SOUK_OK && souk_json_next_element(&it)) {
        result = souk_declare(c, it.value, around);
    }
    return result;
}

static int declare_map(souk_compiler *c, const souk_jval *map, bool names_too,
                       souk_resource *around)
{
    if (souk_json_type_of(map) != SOUK_JSON_OBJECT) {
        return souk_compile_fail(c, map, "expected an object of schemas");
    }
    int result = SOUK_OK;
    souk_json_members it = souk_json_each_member(map);
    while (result == SOUK_OK && souk_json_next_member(&it)) {
        if (!names_too || souk_json_type_of(it.value) != SOUK_JSON_ARRAY) {
            result = souk_declare(c, it.value, around);
        }
    }
    return result;
}

static int declare_keyword(souk_compiler *c, souk_keyword keyword, const souk_jval *value,
                           souk_resource *around)
{
    bool is_list = souk_json_type_of(value) == SOUK_JSON_ARRAY;
    switch (souk_keyword_shape_of(keyword)) {
    case SOUK_SHAPE_SCHEMA:
        return souk_declare(c, value, around);
    case SOUK_SHAPE_LIST:
        return is_list ? declare_list(c, value, around)
                       : souk_compile_fail(c, value, "expected an array of schemas");
    case SOUK_SHAPE_MAP:
        return declare_map(c, value, false, around);
    case SOUK_SHAPE_MAP_OR_NAMES:
        return declare_map(c, value, true, around);
    case SOUK_SHAPE_ONE_OR_LIST:
        if (is_list && around->dialect == SOUK_SCHEMA_2020_12) {
            return souk_compile_fail(c, value,
                                     "expected a schema; since 2020-12 a list of them is "
                                     "called prefixItems");
        }
        return is_list ? declare_list(c, value, around) : souk_declare(c, value, around);
    case SOUK_SHAPE_VALUE:
        break;
    }
    return SOUK_OK;
}

static int declare_members(souk_compiler *c, const souk_node *node)
{
    souk_resource *resource = node->resource;
    bool only_definitions =
        resource->dialect <= SOUK_SCHEMA_DRAFT_07 && souk_json_get(node->source, "$ref") != NULL;
    int result = SOUK_OK;
    souk_json_members it = souk_json_each_member(node->source);
    while (result == SOUK_OK && souk_json_next_member(&it)) {
        souk_keyword keyword = souk_keyword_find(it.key, resource->dialect);
        if (!only_definitions || keyword == SOUK_KEYWORD_DEFINITIONS) {
            result = declare_keyword(c, keyword, it.value, resource);
        }
    }
    return result;
}

/* NULL, and *result is the error, when there may be no more. */
static souk_node *new_node(souk_compiler *c, const souk_jval *source, int *result)
{
    if (c->nodes_left == 0) {
        *result = souk_fail(c->err, SOUK_E_LIMIT, "the schema has more than %zu subschemas",
                            c->schema->options.subschemas);
        return NULL;
    }
    souk_node *node = souk_arena_array(&c->schema->arena, 1, sizeof *node);
    if (node == NULL) {
        *result = souk_fail_memory(c->err);
        return NULL;
    }
    c->nodes_left--;
    node->source = source;
    *(c->last == NULL ? &c->schema->root : &c->last->next) = node;
    c->last = node;
    c->by_value[source - c->schema->doc.root] = node;
    return node;
}

/* Goes as deep as the text is nested, which souk_schema_options bounds. */
int souk_declare(souk_compiler *c, const souk_jval *value, souk_resource *around)
{
    souk_json_type type = souk_json_type_of(value);
    if (type != SOUK_JSON_OBJECT && type != SOUK_JSON_BOOL) {
        return souk_compile_fail(c, value, "expected a schema: an object, true or false");
    }
    if (souk_node_at(c, value) != NULL) {
        return SOUK_OK;
    }
    int result = SOUK_OK;
    souk_node *node = new_node(c, value, &result);
    if (node == NULL) {
        return result;
    }
    if (type == SOUK_JSON_BOOL) {
        node->kind = souk_json_is_true(value) ? SOUK_NODE_TRUE : SOUK_NODE_FALSE;
    }
    result = identify(c, node, around);
    return result == SOUK_OK && type == SOUK_JSON_OBJECT ? declare_members(c, node) : result;
}
