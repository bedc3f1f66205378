/* Making the rules of one node. */
#ifndef SOUK_BUILD_H
#define SOUK_BUILD_H

#include "schema/compile.h"

typedef struct souk_builder {
    souk_compiler *c;
    const souk_node *node;
    const souk_jval *found[SOUK_KEYWORD_COUNT]; /* the value of each keyword that the schema has */
} souk_builder;

/*
 * Each fills the rule of one keyword or group of keywords. rule->keyword is set already; a rule
 * whose `applies` stays 0 is dropped, because the keyword belongs to the rule of another one or
 * asserts nothing.
 */
typedef int souk_rule_builder(souk_builder *b, souk_keyword keyword, souk_rule *rule);

souk_rule_builder souk_build_type;
souk_rule_builder souk_build_enum;
souk_rule_builder souk_build_const;
souk_rule_builder souk_build_multiple_of;
souk_rule_builder souk_build_limit;  /* maximum, exclusiveMaximum, ... */
souk_rule_builder souk_build_length; /* maxLength, minLength */
souk_rule_builder souk_build_item_count;
souk_rule_builder souk_build_property_count;
souk_rule_builder souk_build_pattern;
souk_rule_builder souk_build_unique_items;

souk_rule_builder souk_build_required;
souk_rule_builder souk_build_members; /* properties, patternProperties, additionalProperties */
souk_rule_builder souk_build_items;   /* prefixItems, items, additionalItems */
souk_rule_builder souk_build_contains;
souk_rule_builder souk_build_dependents; /* dependentRequired, dependentSchemas, dependencies */

souk_rule_builder souk_build_ref;
souk_rule_builder souk_build_list;      /* allOf, anyOf, oneOf */
souk_rule_builder souk_build_node_rule; /* not, propertyNames, unevaluated... */
souk_rule_builder souk_build_condition;
souk_rule_builder souk_build_nothing; /* part of another keyword's rule, or no assertion */

/* Compiles a regular expression; *out is NULL, and there is a warning, when it is not supported. */
int souk_build_regex(souk_compiler *c, const souk_jval *place, souk_slice pattern,
                     const souk_regex **out);

#endif
