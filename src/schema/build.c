/* Rules about structure, and the order in which a node's rules are made. */
#include "schema/build.h"

#include <string.h>

#include "json/keys.h"

static void *make(souk_builder *b, size_t count, size_t size)
{
    return souk_arena_array(&b->c->schema->arena, count, size);
}

/* --- objects --- */

/* An array of strings. */
static int check_names(souk_compiler *c, const souk_jval *names)
{
    souk_json_elements it = souk_json_each_element(names);
    bool fits = souk_json_type_of(names) == SOUK_JSON_ARRAY;
    while (fits && souk_json_next_element(&it)) {
        fits = souk_json_type_of(it.value) == SOUK_JSON_STRING;
    }
    return fits ? SOUK_OK : souk_compile_fail(c, names, "expected an array of property names");
}

int souk_build_required(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    rule->as.value = b->found[keyword];
    rule->applies = SOUK_TYPE_OBJECT;
    return check_names(b->c, rule->as.value);
}

static int build_properties(souk_builder *b, const souk_jval *object, souk_members_rule *members)
{
    souk_json_keys keys;
    if (object == NULL) {
        return SOUK_OK;
    }
    members->properties = make(b, object->size, sizeof *members->properties);
    if (members->properties == NULL || !souk_json_keys_sort(&keys, b->c->schema->alloc, object)) {
        return souk_fail_memory(b->c->err);
    }
    members->property_count = keys.count;
    for (size_t i = 0; i < keys.count; i++) {
        members->properties[i].name = keys.sorted[i];
        members->properties[i].node = souk_node_at(b->c, keys.sorted[i] + 1);
    }
    souk_json_keys_free(&keys, b->c->schema->alloc);
    return SOUK_OK;
}

static int build_pattern_properties(souk_builder *b, const souk_jval *object,
                                    souk_members_rule *members)
{
    if (object == NULL) {
        return SOUK_OK;
    }
    members->patterns = make(b, object->size, sizeof *members->patterns);
    if (members->patterns == NULL) {
        return souk_fail_memory(b->c->err);
    }
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        souk_pattern_property *pattern = &members->patterns[members->pattern_count];
        int result = souk_build_regex(b->c, it.value, it.key, &pattern->regex);
        if (result != SOUK_OK) {
            return result;
        }
        pattern->node = souk_node_at(b->c, it.value);
        if (pattern->regex != NULL) {
            members->pattern_count++;
        } else {
            members->unsure = true;
        }
    }
    return SOUK_OK;
}

int souk_build_members(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *properties = b->found[SOUK_KEYWORD_PROPERTIES];
    const souk_jval *patterns = b->found[SOUK_KEYWORD_PATTERN_PROPERTIES];
    const souk_jval *additional = b->found[SOUK_KEYWORD_ADDITIONAL_PROPERTIES];
    bool is_first = keyword == SOUK_KEYWORD_PROPERTIES || properties == NULL;
    if (!is_first || (keyword == SOUK_KEYWORD_ADDITIONAL_PROPERTIES && patterns != NULL)) {
        return SOUK_OK;
    }
    souk_members_rule *members = make(b, 1, sizeof *members);
    if (members == NULL) {
        return souk_fail_memory(b->c->err);
    }
    int result = build_properties(b, properties, members);
    if (result == SOUK_OK) {
        result = build_pattern_properties(b, patterns, members);
    }
    members->additional = additional == NULL ? NULL : souk_node_at(b->c, additional);
    rule->as.members = members;
    rule->applies = SOUK_TYPE_OBJECT;
    return result;
}

int souk_build_dependents(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *object = b->found[keyword];
    if (souk_json_type_of(object) != SOUK_JSON_OBJECT) {
        return souk_compile_fail(b->c, object, "expected an object of property names");
    }
    souk_dependents_rule *dependents = make(b, 1, sizeof *dependents);
    souk_dependent *list = make(b, object->size, sizeof *list);
    if (dependents == NULL || list == NULL) {
        return souk_fail_memory(b->c->err);
    }
    dependents->list = list;
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        souk_dependent *dependent = &list[dependents->count++];
        dependent->name = it.key;
        dependent->node = souk_node_at(b->c, it.value);
        dependent->names = dependent->node == NULL ? it.value : NULL;
        int result = dependent->names == NULL ? SOUK_OK : check_names(b->c, it.value);
        if (result != SOUK_OK) {
            return result;
        }
    }
    rule->as.dependents = dependents;
    rule->applies = SOUK_TYPE_OBJECT;
    return SOUK_OK;
}

/* --- lists --- */

static int build_nodes(souk_builder *b, const souk_jval *array, souk_node_list *list)
{
    list->nodes = make(b, array->size, sizeof *list->nodes);
    if (list->nodes == NULL) {
        return souk_fail_memory(b->c->err);
    }
    souk_json_elements it = souk_json_each_element(array);
    while (souk_json_next_element(&it)) {
        list->nodes[list->count++] = souk_node_at(b->c, it.value);
    }
    return SOUK_OK;
}

/* The same in all dialects: some elements have schemas of their own, one schema is for the rest.
 * Only the names moved. */
int souk_build_items(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *prefix = b->found[SOUK_KEYWORD_PREFIX_ITEMS];
    const souk_jval *rest = b->found[SOUK_KEYWORD_ITEMS];
    souk_keyword rest_keyword = SOUK_KEYWORD_ITEMS;
    if ((keyword == SOUK_KEYWORD_ITEMS && prefix != NULL) ||
        keyword == SOUK_KEYWORD_ADDITIONAL_ITEMS) {
        return SOUK_OK;
    }
    if (souk_json_type_of(rest) == SOUK_JSON_ARRAY) {
        prefix = rest;
        rest = b->found[SOUK_KEYWORD_ADDITIONAL_ITEMS];
        rest_keyword = SOUK_KEYWORD_ADDITIONAL_ITEMS;
    }
    souk_items_rule *items = make(b, 1, sizeof *items);
    if (items == NULL) {
        return souk_fail_memory(b->c->err);
    }
    int result = prefix == NULL ? SOUK_OK : build_nodes(b, prefix, &items->prefix);
    items->rest = rest == NULL ? NULL : souk_node_at(b->c, rest);
    items->rest_keyword = rest_keyword;
    rule->as.items = items;
    rule->applies = SOUK_TYPE_ARRAY;
    return result;
}

int souk_build_list(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *array = b->found[keyword];
    if (array->size == 0) {
        return souk_compile_fail(b->c, array, "expected at least one schema");
    }
    souk_node_list *list = make(b, 1, sizeof *list);
    if (list == NULL) {
        return souk_fail_memory(b->c->err);
    }
    rule->as.list = list;
    rule->applies = SOUK_TYPE_ANY;
    return build_nodes(b, array, list);
}

/* --- others --- */

int souk_build_node_rule(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    rule->as.node = souk_node_at(b->c, b->found[keyword]);
    if (keyword == SOUK_KEYWORD_UNEVALUATED_ITEMS) {
        rule->applies = SOUK_TYPE_ARRAY;
    } else {
        rule->applies = keyword == SOUK_KEYWORD_NOT ? SOUK_TYPE_ANY : SOUK_TYPE_OBJECT;
    }
    return SOUK_OK;
}

int souk_build_condition(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    souk_condition_rule *condition = make(b, 1, sizeof *condition);
    if (condition == NULL) {
        return souk_fail_memory(b->c->err);
    }
    const souk_jval *then_value = b->found[SOUK_KEYWORD_THEN];
    const souk_jval *else_value = b->found[SOUK_KEYWORD_ELSE];
    condition->condition = souk_node_at(b->c, b->found[keyword]);
    condition->then_node = then_value == NULL ? NULL : souk_node_at(b->c, then_value);
    condition->else_node = else_value == NULL ? NULL : souk_node_at(b->c, else_value);
    rule->as.condition = condition;
    rule->applies = SOUK_TYPE_ANY;
    return SOUK_OK;
}

int souk_build_ref(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    souk_ref_rule *ref = make(b, 1, sizeof *ref);
    if (ref == NULL) {
        return souk_fail_memory(b->c->err);
    }
    rule->as.ref = ref;
    rule->applies = SOUK_TYPE_ANY;
    return souk_resolve(b->c, b->node, keyword, b->found[keyword], ref);
}

int souk_build_nothing(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    (void)b;
    (void)keyword;
    (void)rule;
    return SOUK_OK;
}

/* --- the node --- */

static souk_rule_builder *const builders[SOUK_KEYWORD_COUNT] = {
    [SOUK_KEYWORD_TYPE] = souk_build_type,
    [SOUK_KEYWORD_ENUM] = souk_build_enum,
    [SOUK_KEYWORD_CONST] = souk_build_const,
    [SOUK_KEYWORD_MULTIPLE_OF] = souk_build_multiple_of,
    [SOUK_KEYWORD_MAXIMUM] = souk_build_limit,
    [SOUK_KEYWORD_EXCLUSIVE_MAXIMUM] = souk_build_limit,
    [SOUK_KEYWORD_MINIMUM] = souk_build_limit,
    [SOUK_KEYWORD_EXCLUSIVE_MINIMUM] = souk_build_limit,
    [SOUK_KEYWORD_MAX_LENGTH] = souk_build_length,
    [SOUK_KEYWORD_MIN_LENGTH] = souk_build_length,
    [SOUK_KEYWORD_PATTERN] = souk_build_pattern,
    [SOUK_KEYWORD_MAX_ITEMS] = souk_build_item_count,
    [SOUK_KEYWORD_MIN_ITEMS] = souk_build_item_count,
    [SOUK_KEYWORD_MAX_PROPERTIES] = souk_build_property_count,
    [SOUK_KEYWORD_MIN_PROPERTIES] = souk_build_property_count,
    [SOUK_KEYWORD_REQUIRED] = souk_build_required,
    [SOUK_KEYWORD_DEPENDENT_REQUIRED] = souk_build_dependents,
    [SOUK_KEYWORD_PROPERTY_NAMES] = souk_build_node_rule,
    [SOUK_KEYWORD_PROPERTIES] = souk_build_members,
    [SOUK_KEYWORD_PATTERN_PROPERTIES] = souk_build_members,
    [SOUK_KEYWORD_ADDITIONAL_PROPERTIES] = souk_build_members,
    [SOUK_KEYWORD_PREFIX_ITEMS] = souk_build_items,
    [SOUK_KEYWORD_ITEMS] = souk_build_items,
    [SOUK_KEYWORD_ADDITIONAL_ITEMS] = souk_build_items,
    [SOUK_KEYWORD_CONTAINS] = souk_build_contains,
    [SOUK_KEYWORD_MAX_CONTAINS] = souk_build_nothing,
    [SOUK_KEYWORD_MIN_CONTAINS] = souk_build_nothing,
    [SOUK_KEYWORD_UNIQUE_ITEMS] = souk_build_unique_items,
    [SOUK_KEYWORD_DEPENDENT_SCHEMAS] = souk_build_dependents,
    [SOUK_KEYWORD_DEPENDENCIES] = souk_build_dependents,
    [SOUK_KEYWORD_REF] = souk_build_ref,
    [SOUK_KEYWORD_DYNAMIC_REF] = souk_build_ref,
    [SOUK_KEYWORD_RECURSIVE_REF] = souk_build_ref,
    [SOUK_KEYWORD_ALL_OF] = souk_build_list,
    [SOUK_KEYWORD_ANY_OF] = souk_build_list,
    [SOUK_KEYWORD_ONE_OF] = souk_build_list,
    [SOUK_KEYWORD_NOT] = souk_build_node_rule,
    [SOUK_KEYWORD_IF] = souk_build_condition,
    [SOUK_KEYWORD_THEN] = souk_build_nothing,
    [SOUK_KEYWORD_ELSE] = souk_build_nothing,
    [SOUK_KEYWORD_UNEVALUATED_ITEMS] = souk_build_node_rule,
    [SOUK_KEYWORD_UNEVALUATED_PROPERTIES] = souk_build_node_rule,
    [SOUK_KEYWORD_CONTENT_SCHEMA] = souk_build_nothing,
    [SOUK_KEYWORD_DEFS] = souk_build_nothing,
    [SOUK_KEYWORD_DEFINITIONS] = souk_build_nothing,
};

/* Which keywords the schema has; returns how many. */
static size_t find_keywords(souk_builder *b)
{
    size_t count = 0;
    souk_json_members it = souk_json_each_member(b->node->source);
    while (souk_json_next_member(&it)) {
        souk_keyword keyword = souk_keyword_find(it.key, b->node->resource->dialect);
        if (keyword < SOUK_KEYWORD_COUNT) {
            b->found[keyword] = it.value;
            count++;
        }
    }
    const souk_jval *ref = b->found[SOUK_KEYWORD_REF];
    if (ref != NULL && b->node->resource->dialect <= SOUK_SCHEMA_DRAFT_07) {
        memset(b->found, 0, sizeof b->found); /* draft-07 core, section 8.3 */
        b->found[SOUK_KEYWORD_REF] = ref;
    }
    return count;
}

int souk_build_node(souk_compiler *c, souk_node *node)
{
    if (node->kind != SOUK_NODE_RULES) {
        return SOUK_OK;
    }
    souk_builder b;
    memset(&b, 0, sizeof b);
    b.c = c;
    b.node = node;
    node->rules = make(&b, find_keywords(&b), sizeof *node->rules);
    if (node->rules == NULL) {
        return souk_fail_memory(c->err);
    }
    int result = SOUK_OK;
    for (int keyword = 0; keyword < SOUK_KEYWORD_COUNT && result == SOUK_OK; keyword++) {
        if (b.found[keyword] != NULL) {
            souk_rule *rule = &node->rules[node->rule_count];
            rule->keyword = (uint8_t)keyword;
            result = builders[keyword](&b, (souk_keyword)keyword, rule);
            node->rule_count += rule->applies != 0;
        }
    }
    node->tracks = b.found[SOUK_KEYWORD_UNEVALUATED_ITEMS] != NULL ||
                   b.found[SOUK_KEYWORD_UNEVALUATED_PROPERTIES] != NULL;
    return result;
}
