/*
 * JSON Schema: compile once, validate documents many times.
 *
 * Dialects: 2020-12 (https://json-schema.org/draft/2020-12), 2019-09, draft-07, draft-06, draft-04,
 * as
 * `$schema` says. All assertions and applicators are checked. `format`, `content...` and keywords
 * that the dialect does not know are annotations: they assert nothing. 1.0 is an integer in every
 * dialect. References (`$ref`, `$dynamicRef`, `$recursiveRef`) reach whatever lies in the same
 * document, by pointer,
 * `$id` or anchor, and nothing else: nothing is ever fetched, and metaschemas are not built in.
 *
 * Schemas and values may come from anywhere, so all work is bounded (souk_schema_options), and
 * regular expressions run in linear time (schema/regex.h).
 */
#ifndef SOUK_SCHEMA_H
#define SOUK_SCHEMA_H

#include "json/doc.h"

/* In the order of their age, so that dialects can be compared. */
typedef enum souk_schema_dialect {
    SOUK_SCHEMA_DEFAULT, /* of a document without $schema: 2020-12 */
    SOUK_SCHEMA_DRAFT_04,
    SOUK_SCHEMA_DRAFT_06,
    SOUK_SCHEMA_DRAFT_07,
    SOUK_SCHEMA_2019_09,
    SOUK_SCHEMA_2020_12
} souk_schema_dialect;

/* 0 in a field means the default. */
typedef struct souk_schema_options {
    souk_schema_dialect dialect; /* where the document does not say it */
    size_t text;                 /* bytes of the schema: 4 MiB */
    unsigned nesting;            /* nested containers in the schema's text: 128, at most 1,000 */
    size_t subschemas;           /* 20,000 */
    size_t instructions;         /* of all regular expressions together: 100,000 */
    size_t compile_steps;        /* look-ups while compiling: 10,000,000 */
    size_t steps;                /* of one validation: 10,000,000, a second at worst */
    unsigned depth;              /* nested subschemas, 1 KiB of stack each: 512, at most 4,096 */
} souk_schema_options;

typedef struct souk_schema souk_schema;

/*
 * Compiles the schema in `json`, which is copied. *out belongs to the caller (souk_schema_free) and
 * is NULL on failure; `alloc` must outlive it. SOUK_E_SCHEMA: not JSON (with line and column), not
 * a schema, an unsupported dialect, a reference that leads nowhere, or in a circle without going
 * into the value; the message has the JSON pointer of the place. SOUK_E_LIMIT: a bound or memory.
 */
int souk_schema_compile(const souk_alloc *alloc, souk_slice json, souk_schema **out, souk_err *err);

/* The same with bounds and a default dialect; options may be NULL. */
int souk_schema_compile_with(const souk_alloc *alloc, souk_slice json,
                             const souk_schema_options *options, souk_schema **out, souk_err *err);

/* NULL is allowed. */
void souk_schema_free(souk_schema *schema);

/*
 * SOUK_OK when `value`, a value of any document with everything below it, matches.
 * SOUK_E_SCHEMA when not (NULL never does): the message has the JSON pointer of the place relative
 * to `value` (nothing for the value itself), what was expected, and by which keyword: "/labels/2:
 * expected string, got integer", "/age: expected at least 18, got 17 (minimum)". Strings of the
 * value are never quoted, names of members are. Where alternatives fail together (anyOf, oneOf), it
 * is about the one that got furthest. SOUK_E_LIMIT: a bound or memory.
 *
 * Of duplicate members each is checked. Allocates only for large arrays and objects (uniqueItems,
 * enum, const, unevaluated...) and large regular expressions; nothing is kept.
 */
int souk_schema_validate(const souk_schema *schema, const souk_jval *value, souk_err *err);

/*
 * What the schema wants and souk does not check, one text each ("/properties/a/pattern: ..."):
 * patterns that are no regular expressions, are too large, or need lookaround, backreferences or
 * \p; and identifiers that occur twice, of which the first counts. At most 100. Where a verdict
 * hangs on such a pattern, the value passes. Returns how many; *out (may be NULL) becomes their
 * array, which lives as long as the schema.
 */
size_t souk_schema_warnings(const souk_schema *schema, const souk_slice **out);

#endif
