/* One validation: what its parts share. */
#ifndef SOUK_RUN_H
#define SOUK_RUN_H

#include "schema/program.h"
#include "schema/seen.h"

typedef enum souk_verdict {
    SOUK_PASS,
    SOUK_FAIL, /* run->failure says why */
    SOUK_STOP  /* run->stop says why */
} souk_verdict;

typedef enum souk_stop {
    SOUK_STOP_NONE,
    SOUK_STOP_STEPS,
    SOUK_STOP_DEPTH,
    SOUK_STOP_MEMORY
} souk_stop;

/* The resources that were entered on the way to a node, innermost first: the dynamic scope of
 * $dynamicRef. */
typedef struct souk_scope {
    const souk_resource *resource;
    const struct souk_scope *outer;
} souk_scope;

/* What is being looked at. */
typedef struct souk_at {
    const souk_jval *value;
    const souk_scope *scope;
    unsigned level;  /* how deep the value lies below the one that is validated */
    souk_seen *seen; /* collects which children were evaluated; NULL when nobody asks */
} souk_at;

/* A broken rule. Holds only what is at hand; the message is written when all is over. */
typedef struct souk_failure {
    const souk_jval *value;
    const souk_rule *rule; /* NULL: the schema is false */
    souk_keyword keyword;
    int rank;         /* of two failures the one with the higher rank tells more */
    uint16_t types;   /* of `type`: what was expected */
    uint64_t found;   /* a count, or an index */
    uint64_t other;   /* of uniqueItems and oneOf: the second index */
    souk_slice name;  /* of a missing property */
    souk_slice cause; /* dependentRequired: the property that wants the missing one */
    size_t alternatives;
} souk_failure;

typedef struct souk_run {
    const struct souk_schema *schema;
    const souk_jval *root;
    size_t steps_left;
    unsigned depth_left;
    souk_stop stop;
    /*
     * Some rule passed only because it cannot be checked (a pattern that is not supported). Rules
     * that turn the result of a subschema around (not, if, oneOf, contains) then give the value the
     * benefit of the doubt.
     */
    bool unsure;
    souk_failure failure; /* value NULL: none yet */
} souk_run;

/* Applies a subschema. */
souk_verdict souk_run_node(souk_run *run, const souk_node *node, const souk_at *at);

/* A child of at->value, which lies one level deeper; nothing collects its children. */
souk_at souk_at_child(const souk_at *at, const souk_jval *child);

/* Takes steps from the bound: SOUK_PASS or SOUK_STOP. */
souk_verdict souk_run_steps(souk_run *run, size_t steps);

/* SOUK_STOP. */
souk_verdict souk_run_stop(souk_run *run, souk_stop why);

/*
 * Notes that `at` breaks the rule, unless a failure that tells more is known already; returns
 * SOUK_FAIL. `detail` (may be NULL) has the fields beside value, rule, keyword and rank.
 */
souk_verdict souk_run_fail(souk_run *run, const souk_at *at, const souk_rule *rule,
                           souk_keyword keyword, const souk_failure *detail);

/* The types of a value as bits, SOUK_TYPE_... */
uint16_t souk_types_of(const souk_jval *value);

/* Equality and search, with the steps and stops of the validation. */
souk_verdict souk_run_equal(souk_run *run, const souk_jval *a, const souk_jval *b, bool *equal);
souk_verdict souk_run_search(souk_run *run, const souk_regex *regex, souk_slice text, bool *found);

/* --- the rules; each looks at values of the types in rule->applies only --- */

souk_verdict souk_run_value_rule(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_required(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_members(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_property_names(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_dependents(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_unevaluated_properties(souk_run *run, const souk_rule *rule,
                                             const souk_at *at);
souk_verdict souk_run_items(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_contains(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_unique_items(souk_run *run, const souk_rule *rule, const souk_at *at);
souk_verdict souk_run_unevaluated_items(souk_run *run, const souk_rule *rule, const souk_at *at);

/* --- the message --- */

/* Fills *err with run->failure; returns SOUK_E_SCHEMA. */
int souk_run_report(const souk_run *run, souk_err *err);

#endif
