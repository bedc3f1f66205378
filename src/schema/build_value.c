/* Rules about single values: types, numbers, strings, counts. */
#include "schema/build.h"

#include <string.h>

static const struct {
    const char *name;
    uint16_t types;
} type_names[] = {
    {"null", SOUK_TYPE_NULL},       {"boolean", SOUK_TYPE_BOOL},  {"object", SOUK_TYPE_OBJECT},
    {"array", SOUK_TYPE_ARRAY},     {"number", SOUK_TYPE_NUMBER}, {"string", SOUK_TYPE_STRING},
    {"integer", SOUK_TYPE_INTEGER},
};

static int add_type(souk_compiler *c, const souk_jval *name, uint16_t *types)
{
    for (size_t i = 0; i < sizeof type_names / sizeof *type_names; i++) {
        if (souk_json_is_string(name, type_names[i].name)) {
            *types = (uint16_t)(*types | type_names[i].types);
            return SOUK_OK;
        }
    }
    return souk_json_type_of(name) == SOUK_JSON_STRING
               ? souk_compile_fail_about(c, name, "is no type")
               : souk_compile_fail(c, name, "expected the name of a type");
}

int souk_build_type(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *type = b->found[keyword];
    int result = SOUK_OK;
    if (souk_json_type_of(type) != SOUK_JSON_ARRAY) {
        result = add_type(b->c, type, &rule->as.types);
    }
    souk_json_elements it = souk_json_each_element(type);
    while (result == SOUK_OK && souk_json_next_element(&it)) {
        result = add_type(b->c, it.value, &rule->as.types);
    }
    rule->applies = SOUK_TYPE_ANY;
    return result;
}

int souk_build_enum(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    rule->as.value = b->found[keyword];
    rule->applies = SOUK_TYPE_ANY;
    return souk_json_type_of(rule->as.value) == SOUK_JSON_ARRAY
               ? SOUK_OK
               : souk_compile_fail(b->c, rule->as.value, "expected an array of values");
}

int souk_build_const(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    rule->as.value = b->found[keyword];
    rule->applies = SOUK_TYPE_ANY;
    return SOUK_OK;
}

/* --- numbers --- */

static int build_number(souk_builder *b, const souk_jval *value, souk_rule *rule)
{
    double ignored;
    if (!souk_json_number(value, &ignored)) {
        return souk_compile_fail(b->c, value, "expected a number");
    }
    souk_number *number = souk_arena_array(&b->c->schema->arena, 1, sizeof *number);
    if (number == NULL) {
        return souk_fail_memory(b->c->err);
    }
    *number = souk_number_of(value);
    rule->as.number = number;
    rule->applies = SOUK_TYPE_NUMBER;
    return SOUK_OK;
}

int souk_build_multiple_of(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *value = b->found[keyword];
    static const souk_number zero = {SOUK_JSON_INT, 0, 0.0, SOUK_LIT_INIT("")};
    int result = build_number(b, value, rule);
    if (result == SOUK_OK && (rule->as.number->type == SOUK_JSON_BIGINT ||
                              souk_number_compare(rule->as.number, &zero) <= 0)) {
        return souk_compile_fail(b->c, value,
                                 "expected a number greater than 0, of at most 64 bits");
    }
    return result;
}

/*
 * In draft-04 exclusiveMaximum and exclusiveMinimum are booleans that say how maximum and minimum
 * are meant (draft-04 validation, section 5.1.2).
 */
int souk_build_limit(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    if (b->node->resource->dialect == SOUK_SCHEMA_DRAFT_04) {
        if (keyword == SOUK_KEYWORD_EXCLUSIVE_MAXIMUM ||
            keyword == SOUK_KEYWORD_EXCLUSIVE_MINIMUM) {
            bool is_bool = souk_json_type_of(b->found[keyword]) == SOUK_JSON_BOOL;
            return is_bool ? SOUK_OK
                           : souk_compile_fail(b->c, b->found[keyword], "expected true or false");
        }
        souk_keyword exclusive = keyword == SOUK_KEYWORD_MAXIMUM ? SOUK_KEYWORD_EXCLUSIVE_MAXIMUM
                                                                 : SOUK_KEYWORD_EXCLUSIVE_MINIMUM;
        if (souk_json_is_true(b->found[exclusive])) {
            rule->keyword = (uint8_t)exclusive;
        }
    }
    return build_number(b, b->found[keyword], rule);
}

/* --- counts --- */

static int build_count(souk_builder *b, const souk_jval *value, uint16_t applies, souk_rule *rule)
{
    int64_t count;
    souk_slice digits = souk_json_digits(value);
    if (digits.len > 0 && digits.ptr[0] != '-') {
        count = INT64_MAX; /* more than there can be of anything */
    } else if (!souk_json_integer(value, &count) || count < 0) {
        return souk_compile_fail(b->c, value, "expected an integer, 0 or more");
    }
    rule->as.count = (uint64_t)count;
    rule->applies = applies;
    return SOUK_OK;
}

int souk_build_length(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    return build_count(b, b->found[keyword], SOUK_TYPE_STRING, rule);
}

int souk_build_item_count(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    return build_count(b, b->found[keyword], SOUK_TYPE_ARRAY, rule);
}

int souk_build_property_count(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    return build_count(b, b->found[keyword], SOUK_TYPE_OBJECT, rule);
}

int souk_build_unique_items(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    if (souk_json_type_of(b->found[keyword]) != SOUK_JSON_BOOL) {
        return souk_compile_fail(b->c, b->found[keyword], "expected true or false");
    }
    rule->applies = souk_json_is_true(b->found[keyword]) ? SOUK_TYPE_ARRAY : 0;
    return SOUK_OK;
}

int souk_build_contains(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *min = b->found[SOUK_KEYWORD_MIN_CONTAINS];
    const souk_jval *max = b->found[SOUK_KEYWORD_MAX_CONTAINS];
    souk_rule bound = *rule;
    souk_contains_rule *contains = souk_arena_array(&b->c->schema->arena, 1, sizeof *contains);
    if (contains == NULL) {
        return souk_fail_memory(b->c->err);
    }
    contains->node = souk_node_at(b->c, b->found[keyword]);
    contains->evaluates = b->node->resource->dialect == SOUK_SCHEMA_2020_12;
    contains->min = 1;
    contains->min_keyword = SOUK_KEYWORD_CONTAINS;
    contains->max = UINT64_MAX;
    int result = SOUK_OK;
    if (min != NULL) {
        result = build_count(b, min, SOUK_TYPE_ARRAY, &bound);
        contains->min = bound.as.count;
        contains->min_keyword = SOUK_KEYWORD_MIN_CONTAINS;
    }
    if (max != NULL && result == SOUK_OK) {
        result = build_count(b, max, SOUK_TYPE_ARRAY, &bound);
        contains->max = bound.as.count;
    }
    rule->as.contains = contains;
    rule->applies = SOUK_TYPE_ARRAY;
    return result;
}

/* --- regular expressions --- */

int souk_build_regex(souk_compiler *c, const souk_jval *place, souk_slice pattern,
                     const souk_regex **out)
{
    souk_err why;
    souk_regex *regex;
    int result =
        souk_regex_compile(&c->schema->arena, pattern, &c->instructions_left, &regex, &why);
    *out = regex;
    if (result != SOUK_E_SCHEMA) {
        return result == SOUK_OK ? SOUK_OK : souk_fail_memory(c->err);
    }
    souk_err_prefix(&why, "is not checked");
    return souk_compile_warn(c, place, pattern, why.message);
}

int souk_build_pattern(souk_builder *b, souk_keyword keyword, souk_rule *rule)
{
    const souk_jval *value = b->found[keyword];
    if (souk_json_type_of(value) != SOUK_JSON_STRING) {
        return souk_compile_fail(b->c, value, "expected a regular expression");
    }
    souk_pattern_rule *pattern = souk_arena_array(&b->c->schema->arena, 1, sizeof *pattern);
    if (pattern == NULL) {
        return souk_fail_memory(b->c->err);
    }
    pattern->source = souk_json_string(value);
    rule->as.pattern = pattern;
    rule->applies = SOUK_TYPE_STRING;
    return souk_build_regex(b->c, value, pattern->source, &pattern->regex);
}
