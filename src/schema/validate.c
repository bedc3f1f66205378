/* Applies schemas to values: the walk over nodes and rules, and what combines subschemas. */
#include "schema/run.h"

#include <string.h>

/* --- what the rules use --- */

souk_verdict souk_run_stop(souk_run *run, souk_stop why)
{
    run->stop = why;
    return SOUK_STOP;
}

souk_verdict souk_run_steps(souk_run *run, size_t steps)
{
    if (steps > run->steps_left) {
        run->steps_left = 0;
        return souk_run_stop(run, SOUK_STOP_STEPS);
    }
    run->steps_left -= steps;
    return SOUK_PASS;
}

souk_at souk_at_child(const souk_at *at, const souk_jval *child)
{
    souk_at result = {child, at->scope, at->level + 1, NULL};
    return result;
}

uint16_t souk_types_of(const souk_jval *value)
{
    uint16_t types = (uint16_t)(1U << value->type);
    if (value->type == SOUK_JSON_DOUBLE) {
        souk_number number = souk_number_of(value);
        if (souk_number_is_integer(&number)) {
            types |= SOUK_TYPE_WHOLE;
        }
    }
    return types;
}

/*
 * Of several alternatives the message is about the one that got furthest. The deeper the value, the
 * further; at the same level a wrong type is a worse start than anything else. A wrong `const` or
 * `enum` in a member often only says that another alternative is meant: it ranks between a wrong
 * type and other failures of the object around it.
 */
static int rank_of(const souk_at *at, souk_keyword keyword)
{
    int level = (int)at->level;
    switch (keyword) {
    case SOUK_KEYWORD_TYPE:
        return 4 * level;
    case SOUK_KEYWORD_CONST:
    case SOUK_KEYWORD_ENUM:
        return 4 * (level > 0 ? level - 1 : 0) + 1;
    default:
        return 4 * level + 2;
    }
}

static bool is_type_failure(const souk_failure *failure, const souk_jval *value)
{
    return failure->value == value && failure->keyword == SOUK_KEYWORD_TYPE;
}

souk_verdict souk_run_fail(souk_run *run, const souk_at *at, const souk_rule *rule,
                           souk_keyword keyword, const souk_failure *detail)
{
    souk_failure *known = &run->failure;
    int rank = rank_of(at, keyword);
    if (keyword == SOUK_KEYWORD_TYPE && is_type_failure(known, at->value)) {
        known->types |= rule->as.types; /* "expected string or null" */
    } else if (known->value == NULL || rank > known->rank) {
        if (detail != NULL) {
            *known = *detail;
        } else {
            memset(known, 0, sizeof *known);
        }
        known->value = at->value;
        known->rule = rule;
        known->keyword = keyword;
        known->rank = rank;
        known->types = keyword == SOUK_KEYWORD_TYPE ? rule->as.types : 0;
    }
    return SOUK_FAIL;
}

/* --- subschemas of the same value --- */

/*
 * Applies a subschema whose failure is not yet the failure of the whole: what it has seen counts
 * only when it passes, and whether it passes only because something cannot be checked is told
 * apart.
 */
typedef struct trial {
    souk_verdict verdict;
    bool unsure;
} trial;

static trial try_node(souk_run *run, const souk_node *node, const souk_at *at)
{
    trial result = {SOUK_STOP, false};
    bool unsure_before = run->unsure;
    souk_seen seen;
    souk_at inner = *at;
    if (at->seen != NULL) {
        inner.seen = &seen;
        if (!souk_seen_init(&seen, run->schema->alloc, at->seen->count)) {
            souk_run_stop(run, SOUK_STOP_MEMORY);
            return result;
        }
        if (souk_run_steps(run, at->seen->count / 64) != SOUK_PASS) {
            souk_seen_free(&seen, run->schema->alloc);
            return result;
        }
    }
    run->unsure = false;
    result.verdict = souk_run_node(run, node, &inner);
    result.unsure = run->unsure && result.verdict == SOUK_PASS;
    run->unsure = unsure_before;
    if (inner.seen != NULL) {
        if (result.verdict == SOUK_PASS) {
            souk_seen_merge(at->seen, &seen);
        }
        souk_seen_free(&seen, run->schema->alloc);
    }
    return result;
}

static souk_verdict run_all_of(souk_run *run, const souk_node_list *list, const souk_at *at)
{
    souk_verdict verdict = SOUK_PASS;
    for (size_t i = 0; i < list->count && verdict == SOUK_PASS; i++) {
        verdict = souk_run_node(run, list->nodes[i], at);
    }
    return verdict;
}

/* Of the failures in the alternatives and the one before them, the one that tells most stays. */
static void choose_failure(souk_run *run, const souk_failure *before, size_t alternatives,
                           const souk_at *at)
{
    /* "expected string or null" needs no word on alternatives. */
    if (run->failure.alternatives == 0 && !is_type_failure(&run->failure, at->value)) {
        run->failure.alternatives = alternatives;
    }
    if (before->keyword == SOUK_KEYWORD_TYPE && is_type_failure(&run->failure, before->value)) {
        run->failure.types |= before->types;
    } else if (before->value != NULL && before->rank >= run->failure.rank) {
        run->failure = *before;
    }
}

static souk_verdict run_any_of(souk_run *run, const souk_node_list *list, const souk_at *at)
{
    souk_failure before = run->failure;
    memset(&run->failure, 0, sizeof run->failure);
    bool passed = false;
    bool sure = false;
    for (size_t i = 0; i < list->count && !(sure && at->seen == NULL); i++) {
        trial t = try_node(run, list->nodes[i], at);
        if (t.verdict == SOUK_STOP) {
            return SOUK_STOP;
        }
        passed = passed || t.verdict == SOUK_PASS;
        sure = sure || (t.verdict == SOUK_PASS && !t.unsure);
    }
    if (!passed) {
        choose_failure(run, &before, list->count, at);
        return SOUK_FAIL;
    }
    run->unsure = run->unsure || !sure;
    run->failure = before;
    return SOUK_PASS;
}

/* One of the alternatives that only perhaps match may be the one that does, or may not match at
 * all. */
static souk_verdict run_one_of(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    const souk_node_list *list = rule->as.list;
    souk_failure before = run->failure;
    memset(&run->failure, 0, sizeof run->failure);
    size_t matching[2] = {0, 0};
    size_t sure = 0;
    size_t unsure = 0;
    for (size_t i = 0; i < list->count && sure < 2; i++) {
        trial t = try_node(run, list->nodes[i], at);
        if (t.verdict == SOUK_STOP) {
            return SOUK_STOP;
        }
        if (t.verdict == SOUK_PASS && t.unsure) {
            unsure++;
        } else if (t.verdict == SOUK_PASS) {
            matching[sure++] = i;
        }
    }
    if (sure + unsure == 0) {
        choose_failure(run, &before, list->count, at);
        return SOUK_FAIL;
    }
    run->failure = before;
    if (sure > 1) {
        souk_failure detail;
        memset(&detail, 0, sizeof detail);
        detail.found = matching[0];
        detail.other = matching[1];
        return souk_run_fail(run, at, rule, SOUK_KEYWORD_ONE_OF, &detail);
    }
    run->unsure = run->unsure || unsure > 0;
    return SOUK_PASS;
}

/* What a subschema under `not` has seen does not count, whether it fails or passes. */
static souk_verdict run_not(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    souk_failure before = run->failure;
    souk_at inner = *at;
    inner.seen = NULL;
    trial t = try_node(run, rule->as.node, &inner);
    if (t.verdict == SOUK_STOP) {
        return SOUK_STOP;
    }
    run->failure = before;
    if (t.verdict == SOUK_FAIL) {
        return SOUK_PASS;
    }
    if (t.unsure) {
        run->unsure = true;
        return SOUK_PASS;
    }
    return souk_run_fail(run, at, rule, SOUK_KEYWORD_NOT, NULL);
}

static souk_verdict run_branch(souk_run *run, const souk_node *node, const souk_at *at)
{
    return node == NULL ? SOUK_PASS : souk_run_node(run, node, at);
}

/* Where it is not known whether the condition holds, either branch will do. */
static souk_verdict run_condition(souk_run *run, const souk_condition_rule *rule, const souk_at *at)
{
    souk_failure before = run->failure;
    trial condition = try_node(run, rule->condition, at);
    if (condition.verdict == SOUK_STOP) {
        return SOUK_STOP;
    }
    run->failure = before;
    if (!condition.unsure) {
        bool holds = condition.verdict == SOUK_PASS;
        return run_branch(run, holds ? rule->then_node : rule->else_node, at);
    }
    run->unsure = true;
    souk_verdict verdict = run_branch(run, rule->then_node, at);
    if (verdict == SOUK_FAIL) {
        verdict = run_branch(run, rule->else_node, at);
    }
    if (verdict == SOUK_PASS) {
        run->failure = before;
    }
    return verdict;
}

/* --- references --- */

/* The dynamic anchor of the outermost resource in scope that has it; the static target has one, so
 * there is one. */
static souk_verdict find_dynamic(souk_run *run, const souk_ref_rule *ref, const souk_scope *scope,
                                 const souk_node **out)
{
    *out = ref->target;
    for (; scope != NULL; scope = scope->outer) {
        const souk_dynamic_anchor *anchor = scope->resource->anchors;
        for (; anchor != NULL; anchor = anchor->next) {
            if (souk_run_steps(run, 1) != SOUK_PASS) {
                return SOUK_STOP;
            }
            if (souk_slice_eq(anchor->name, ref->anchor)) {
                *out = anchor->node;
            }
        }
    }
    return SOUK_PASS;
}

static souk_verdict run_ref(souk_run *run, const souk_ref_rule *ref, const souk_at *at)
{
    const souk_node *target = ref->target;
    if (ref->dynamic && find_dynamic(run, ref, at->scope, &target) != SOUK_PASS) {
        return SOUK_STOP;
    }
    return souk_run_node(run, target, at);
}

/* --- nodes --- */

static souk_verdict run_rule(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    switch ((souk_keyword)rule->keyword) {
    case SOUK_KEYWORD_REQUIRED:
        return souk_run_required(run, rule, at);
    case SOUK_KEYWORD_DEPENDENT_REQUIRED:
    case SOUK_KEYWORD_DEPENDENT_SCHEMAS:
    case SOUK_KEYWORD_DEPENDENCIES:
        return souk_run_dependents(run, rule, at);
    case SOUK_KEYWORD_PROPERTY_NAMES:
        return souk_run_property_names(run, rule, at);
    case SOUK_KEYWORD_PROPERTIES:
    case SOUK_KEYWORD_PATTERN_PROPERTIES:
    case SOUK_KEYWORD_ADDITIONAL_PROPERTIES:
        return souk_run_members(run, rule, at);
    case SOUK_KEYWORD_PREFIX_ITEMS:
    case SOUK_KEYWORD_ITEMS:
        return souk_run_items(run, rule, at);
    case SOUK_KEYWORD_CONTAINS:
        return souk_run_contains(run, rule, at);
    case SOUK_KEYWORD_UNIQUE_ITEMS:
        return souk_run_unique_items(run, rule, at);
    case SOUK_KEYWORD_REF:
    case SOUK_KEYWORD_DYNAMIC_REF:
    case SOUK_KEYWORD_RECURSIVE_REF:
        return run_ref(run, rule->as.ref, at);
    case SOUK_KEYWORD_ALL_OF:
        return run_all_of(run, rule->as.list, at);
    case SOUK_KEYWORD_ANY_OF:
        return run_any_of(run, rule->as.list, at);
    case SOUK_KEYWORD_ONE_OF:
        return run_one_of(run, rule, at);
    case SOUK_KEYWORD_NOT:
        return run_not(run, rule, at);
    case SOUK_KEYWORD_IF:
        return run_condition(run, rule->as.condition, at);
    case SOUK_KEYWORD_UNEVALUATED_ITEMS:
        return souk_run_unevaluated_items(run, rule, at);
    case SOUK_KEYWORD_UNEVALUATED_PROPERTIES:
        return souk_run_unevaluated_properties(run, rule, at);
    default:
        return souk_run_value_rule(run, rule, at);
    }
}

static souk_verdict run_rules(souk_run *run, const souk_node *node, const souk_at *at)
{
    uint16_t types = souk_types_of(at->value);
    souk_verdict verdict = souk_run_steps(run, 1 + node->rule_count);
    for (size_t i = 0; i < node->rule_count && verdict == SOUK_PASS; i++) {
        const souk_rule *rule = &node->rules[i];
        if (rule->keyword == SOUK_KEYWORD_TYPE) {
            if ((rule->as.types & types) == 0) {
                return souk_run_fail(run, at, rule, SOUK_KEYWORD_TYPE, NULL);
            }
        } else if ((rule->applies & types) != 0) {
            verdict = run_rule(run, rule, at);
        }
    }
    return verdict;
}

/* A node with unevaluated... sees what its own subschemas have evaluated, not what its neighbours
 * have. */
static souk_verdict run_tracking(souk_run *run, const souk_node *node, const souk_at *at)
{
    bool has_children = at->value->type == SOUK_JSON_ARRAY || at->value->type == SOUK_JSON_OBJECT;
    if (!node->tracks || !has_children) {
        return run_rules(run, node, at);
    }
    souk_seen seen;
    if (souk_run_steps(run, at->value->size / 64) != SOUK_PASS) {
        return SOUK_STOP;
    }
    if (!souk_seen_init(&seen, run->schema->alloc, at->value->size)) {
        return souk_run_stop(run, SOUK_STOP_MEMORY);
    }
    souk_at inner = *at;
    inner.seen = &seen;
    souk_verdict verdict = run_rules(run, node, &inner);
    if (verdict == SOUK_PASS) {
        souk_seen_merge(at->seen, &seen);
    }
    souk_seen_free(&seen, run->schema->alloc);
    return verdict;
}

souk_verdict souk_run_node(souk_run *run, const souk_node *node, const souk_at *at)
{
    if (node->kind == SOUK_NODE_TRUE) {
        return SOUK_PASS;
    }
    if (node->kind == SOUK_NODE_FALSE) {
        return souk_run_fail(run, at, NULL, SOUK_KEYWORD_COUNT, NULL);
    }
    if (run->depth_left == 0) {
        return souk_run_stop(run, SOUK_STOP_DEPTH);
    }
    run->depth_left--;
    souk_verdict verdict;
    if (node->resource == at->scope->resource) {
        verdict = run_tracking(run, node, at);
    } else {
        souk_scope scope = {node->resource, at->scope};
        souk_at inner = *at;
        inner.scope = &scope;
        verdict = run_tracking(run, node, &inner);
    }
    run->depth_left++;
    return verdict;
}

int souk_schema_validate(const souk_schema *schema, const souk_jval *value, souk_err *err)
{
    if (value == NULL) {
        return souk_fail(err, SOUK_E_SCHEMA, "expected a value, got none");
    }
    souk_run run;
    memset(&run, 0, sizeof run);
    run.schema = schema;
    run.root = value;
    run.steps_left = schema->options.steps;
    run.depth_left = schema->options.depth;
    souk_scope scope = {schema->root->resource, NULL};
    souk_at at = {value, &scope, 0, NULL};
    switch (souk_run_node(&run, schema->root, &at)) {
    case SOUK_PASS:
        return SOUK_OK;
    case SOUK_FAIL:
        return souk_run_report(&run, err);
    case SOUK_STOP:
        break;
    }
    switch (run.stop) {
    case SOUK_STOP_STEPS:
        return souk_fail(err, SOUK_E_LIMIT, "the value takes more than %zu steps to validate",
                         schema->options.steps);
    case SOUK_STOP_DEPTH:
        return souk_fail(err, SOUK_E_LIMIT, "more than %u schemas are nested in each other",
                         schema->options.depth);
    default:
        return souk_fail_memory(err);
    }
}
