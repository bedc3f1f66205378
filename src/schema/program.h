/*
 * A compiled schema: a graph of nodes, one for each subschema, each a list of rules. Everything
 * lives in the schema's arena and does not change after compiling. Values that the schema mentions
 * (`const`, `enum`) and names stay in its document.
 */
#ifndef SOUK_PROGRAM_H
#define SOUK_PROGRAM_H

#include "schema/keyword.h"
#include "schema/number.h"
#include "schema/regex.h"

struct souk_node;

/* Types as bits: 1 << souk_json_type, and one more for a DOUBLE without a fraction. */
enum {
    SOUK_TYPE_NULL = 1 << SOUK_JSON_NULL,
    SOUK_TYPE_BOOL = 1 << SOUK_JSON_BOOL,
    SOUK_TYPE_STRING = 1 << SOUK_JSON_STRING,
    SOUK_TYPE_ARRAY = 1 << SOUK_JSON_ARRAY,
    SOUK_TYPE_OBJECT = 1 << SOUK_JSON_OBJECT,
    SOUK_TYPE_WHOLE = 1 << 8,
    SOUK_TYPE_INTEGER = 1 << SOUK_JSON_INT | 1 << SOUK_JSON_BIGINT | SOUK_TYPE_WHOLE,
    SOUK_TYPE_NUMBER = SOUK_TYPE_INTEGER | 1 << SOUK_JSON_DOUBLE,
    SOUK_TYPE_ANY = (1 << 9) - 1
};

typedef struct souk_node_list {
    const struct souk_node **nodes;
    size_t count;
} souk_node_list;

typedef struct souk_pattern_property {
    const souk_regex *regex;
    const struct souk_node *node;
} souk_pattern_property;

/* One member of `properties`. */
typedef struct souk_property {
    const souk_jval *name;
    const struct souk_node *node;
} souk_property;

/* properties, patternProperties, additionalProperties. */
typedef struct souk_members_rule {
    souk_property *properties; /* sorted as souk_json_keys_compare does */
    size_t property_count;
    souk_pattern_property *patterns;
    size_t pattern_count;
    bool unsure; /* a pattern is not supported: what it would match is not known */
    const struct souk_node *additional; /* NULL: anything, and not evaluated */
} souk_members_rule;

/* prefixItems, items, additionalItems. */
typedef struct souk_items_rule {
    souk_node_list prefix;
    const struct souk_node *rest; /* NULL: anything, and not evaluated */
    souk_keyword rest_keyword;
} souk_items_rule;

typedef struct souk_contains_rule {
    const struct souk_node *node;
    uint64_t min;
    uint64_t max;
    souk_keyword min_keyword; /* contains or minContains */
    bool evaluates;           /* what matches counts as evaluated: since 2020-12 */
} souk_contains_rule;

/* One property of dependentRequired, dependentSchemas, dependencies: names, or a node. */
typedef struct souk_dependent {
    souk_slice name;
    const souk_jval *names;
    const struct souk_node *node;
} souk_dependent;

typedef struct souk_dependents_rule {
    souk_dependent *list;
    size_t count;
} souk_dependents_rule;

typedef struct souk_condition_rule {
    const struct souk_node *condition;
    const struct souk_node *then_node; /* NULL: anything */
    const struct souk_node *else_node; /* NULL: anything */
} souk_condition_rule;

/* $ref, $dynamicRef, $recursiveRef. */
typedef struct souk_ref_rule {
    const struct souk_node *target;
    bool dynamic; /* the outermost resource in scope that has the dynamic anchor `anchor` decides */
    souk_slice anchor; /* "" is 2019-09's $recursiveAnchor */
} souk_ref_rule;

typedef struct souk_rule {
    uint8_t keyword;  /* souk_keyword; of a rule for several keywords one of them */
    uint16_t applies; /* types of values that it is about */
    union {
        uint16_t types;
        uint64_t count;
        const souk_jval *value; /* const, enum, required */
        const souk_number *number;
        const struct souk_pattern_rule *pattern;
        const souk_members_rule *members;
        const souk_items_rule *items;
        const souk_contains_rule *contains;
        const souk_dependents_rule *dependents;
        const souk_condition_rule *condition;
        const souk_ref_rule *ref;
        const souk_node_list *list;
        const struct souk_node *node;
    } as;
} souk_rule;

typedef struct souk_pattern_rule {
    const souk_regex *regex; /* NULL: not supported, anything may match */
    souk_slice source;
} souk_pattern_rule;

typedef struct souk_dynamic_anchor {
    souk_slice name;
    const struct souk_node *node;
    struct souk_dynamic_anchor *next;
} souk_dynamic_anchor;

/* What an $id (or the document) stands for: a base URI and a set of anchors. */
typedef struct souk_resource {
    souk_slice uri; /* absolute where the document says so, without fragment */
    souk_schema_dialect dialect;
    struct souk_node *root;
    souk_dynamic_anchor *anchors;
} souk_resource;

typedef enum souk_node_kind { SOUK_NODE_RULES, SOUK_NODE_TRUE, SOUK_NODE_FALSE } souk_node_kind;

typedef struct souk_node {
    souk_node_kind kind;
    bool tracks; /* has unevaluatedProperties or unevaluatedItems */
    size_t rule_count;
    souk_rule *rules;
    souk_resource *resource;
    const souk_jval *source; /* where it stands in the schema's document */
    struct souk_node *next;  /* in the order of their discovery */
    uint8_t mark;            /* used while looking for circles */
} souk_node;

struct souk_schema {
    const souk_alloc *alloc;
    souk_json_doc doc; /* has a copy of the text */
    souk_arena arena;
    souk_node *root;
    souk_schema_options options; /* no field is 0 */
    uint64_t seed;               /* of hashes; an outsider cannot know it */
    souk_slice *warnings;
    size_t warning_count;
};

#endif
