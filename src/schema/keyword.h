/*
 * The keywords of JSON Schema in one table: name, dialects, and where its value holds subschemas.
 *
 * Rows are in the order in which they are checked: cheap and telling ones first, `unevaluated...`
 * last, since they need what all others have found.
 */
#ifndef SOUK_KEYWORD_H
#define SOUK_KEYWORD_H

#include "schema/schema.h"

typedef enum souk_keyword_shape {
    SOUK_SHAPE_VALUE,        /* no subschema in it */
    SOUK_SHAPE_SCHEMA,       /* one */
    SOUK_SHAPE_LIST,         /* an array of them */
    SOUK_SHAPE_MAP,          /* an object of them */
    SOUK_SHAPE_MAP_OR_NAMES, /* an object of them and of arrays of names */
    SOUK_SHAPE_ONE_OR_LIST   /* `items` before 2020-12 */
} souk_keyword_shape;

/* X(id, name, first dialect, last dialect, shape) */
#define SOUK_KEYWORDS(X)                                                                           \
    X(TYPE, "type", DRAFT_04, 2020_12, VALUE)                                                      \
    X(ENUM, "enum", DRAFT_04, 2020_12, VALUE)                                                      \
    X(CONST, "const", DRAFT_06, 2020_12, VALUE)                                                    \
    X(MULTIPLE_OF, "multipleOf", DRAFT_04, 2020_12, VALUE)                                         \
    X(MAXIMUM, "maximum", DRAFT_04, 2020_12, VALUE)                                                \
    X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum", DRAFT_04, 2020_12, VALUE)                             \
    X(MINIMUM, "minimum", DRAFT_04, 2020_12, VALUE)                                                \
    X(EXCLUSIVE_MINIMUM, "exclusiveMinimum", DRAFT_04, 2020_12, VALUE)                             \
    X(MAX_LENGTH, "maxLength", DRAFT_04, 2020_12, VALUE)                                           \
    X(MIN_LENGTH, "minLength", DRAFT_04, 2020_12, VALUE)                                           \
    X(PATTERN, "pattern", DRAFT_04, 2020_12, VALUE)                                                \
    X(MAX_ITEMS, "maxItems", DRAFT_04, 2020_12, VALUE)                                             \
    X(MIN_ITEMS, "minItems", DRAFT_04, 2020_12, VALUE)                                             \
    X(MAX_PROPERTIES, "maxProperties", DRAFT_04, 2020_12, VALUE)                                   \
    X(MIN_PROPERTIES, "minProperties", DRAFT_04, 2020_12, VALUE)                                   \
    X(REQUIRED, "required", DRAFT_04, 2020_12, VALUE)                                              \
    X(DEPENDENT_REQUIRED, "dependentRequired", 2019_09, 2020_12, VALUE)                            \
    X(PROPERTY_NAMES, "propertyNames", DRAFT_06, 2020_12, SCHEMA)                                  \
    X(PROPERTIES, "properties", DRAFT_04, 2020_12, MAP)                                            \
    X(PATTERN_PROPERTIES, "patternProperties", DRAFT_04, 2020_12, MAP)                             \
    X(ADDITIONAL_PROPERTIES, "additionalProperties", DRAFT_04, 2020_12, SCHEMA)                    \
    X(PREFIX_ITEMS, "prefixItems", 2020_12, 2020_12, LIST)                                         \
    X(ITEMS, "items", DRAFT_04, 2020_12, ONE_OR_LIST)                                              \
    X(ADDITIONAL_ITEMS, "additionalItems", DRAFT_04, 2019_09, SCHEMA)                              \
    X(CONTAINS, "contains", DRAFT_06, 2020_12, SCHEMA)                                             \
    X(MAX_CONTAINS, "maxContains", 2019_09, 2020_12, VALUE)                                        \
    X(MIN_CONTAINS, "minContains", 2019_09, 2020_12, VALUE)                                        \
    X(UNIQUE_ITEMS, "uniqueItems", DRAFT_04, 2020_12, VALUE)                                       \
    X(DEPENDENT_SCHEMAS, "dependentSchemas", 2019_09, 2020_12, MAP)                                \
    X(DEPENDENCIES, "dependencies", DRAFT_04, 2020_12, MAP_OR_NAMES)                               \
    X(REF, "$ref", DRAFT_04, 2020_12, VALUE)                                                       \
    X(DYNAMIC_REF, "$dynamicRef", 2020_12, 2020_12, VALUE)                                         \
    X(RECURSIVE_REF, "$recursiveRef", 2019_09, 2019_09, VALUE)                                     \
    X(ALL_OF, "allOf", DRAFT_04, 2020_12, LIST)                                                    \
    X(ANY_OF, "anyOf", DRAFT_04, 2020_12, LIST)                                                    \
    X(ONE_OF, "oneOf", DRAFT_04, 2020_12, LIST)                                                    \
    X(NOT, "not", DRAFT_04, 2020_12, SCHEMA)                                                       \
    X(IF, "if", DRAFT_07, 2020_12, SCHEMA)                                                         \
    X(THEN, "then", DRAFT_07, 2020_12, SCHEMA)                                                     \
    X(ELSE, "else", DRAFT_07, 2020_12, SCHEMA)                                                     \
    X(UNEVALUATED_ITEMS, "unevaluatedItems", 2019_09, 2020_12, SCHEMA)                             \
    X(UNEVALUATED_PROPERTIES, "unevaluatedProperties", 2019_09, 2020_12, SCHEMA)                   \
    X(CONTENT_SCHEMA, "contentSchema", 2019_09, 2020_12, SCHEMA)                                   \
    X(DEFS, "$defs", 2019_09, 2020_12, MAP)                                                        \
    X(DEFINITIONS, "definitions", DRAFT_04, 2020_12, MAP)

typedef enum souk_keyword {
#define SOUK_KEYWORD_ENUM(id, name, first, last, shape) SOUK_KEYWORD_##id,
    SOUK_KEYWORDS(SOUK_KEYWORD_ENUM)
#undef SOUK_KEYWORD_ENUM
        SOUK_KEYWORD_COUNT /* also "no keyword": the schema false, an unknown name */
} souk_keyword;

/* The keyword of that name in the dialect, or SOUK_KEYWORD_COUNT. */
souk_keyword souk_keyword_find(souk_slice name, souk_schema_dialect dialect);

/* "" for SOUK_KEYWORD_COUNT. Static. */
const char *souk_keyword_name(souk_keyword keyword);

souk_keyword_shape souk_keyword_shape_of(souk_keyword keyword);

#endif
