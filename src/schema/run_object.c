/* Rules about objects. */
#include "schema/run.h"

#include <string.h>

#include "json/keys.h"

/* The value of a member, NULL in *out when it is missing. */
static souk_verdict find_member(souk_run *run, const souk_jval *object, souk_slice name,
                                const souk_jval **out)
{
    *out = souk_json_get_slice(object, name);
    return souk_run_steps(run, 1 + object->size / 8);
}

/* Checks that all of `names` are there. `cause` is the property that wants them, empty for
 * `required`. */
static souk_verdict check_names(souk_run *run, const souk_rule *rule, const souk_jval *names,
                                souk_slice cause, const souk_at *at)
{
    souk_json_elements it = souk_json_each_element(names);
    while (souk_json_next_element(&it)) {
        const souk_jval *member;
        souk_slice name = souk_json_string(it.value);
        if (find_member(run, at->value, name, &member) != SOUK_PASS) {
            return SOUK_STOP;
        }
        if (member == NULL) {
            souk_failure detail;
            memset(&detail, 0, sizeof detail);
            detail.name = name;
            detail.cause = cause;
            return souk_run_fail(run, at, rule, (souk_keyword)rule->keyword, &detail);
        }
    }
    return SOUK_PASS;
}

souk_verdict souk_run_required(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    return check_names(run, rule, rule->as.value, SOUK_LIT(""), at);
}

souk_verdict souk_run_dependents(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    const souk_dependents_rule *dependents = rule->as.dependents;
    souk_verdict verdict = SOUK_PASS;
    for (size_t i = 0; i < dependents->count && verdict == SOUK_PASS; i++) {
        const souk_dependent *dependent = &dependents->list[i];
        const souk_jval *member;
        if (find_member(run, at->value, dependent->name, &member) != SOUK_PASS) {
            return SOUK_STOP;
        }
        if (member == NULL) {
            continue;
        }
        verdict = dependent->node != NULL
                      ? souk_run_node(run, dependent->node, at)
                      : check_names(run, rule, dependent->names, dependent->name, at);
    }
    return verdict;
}

/* A key of the document is a string value like any other. */
souk_verdict souk_run_property_names(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    souk_verdict verdict = SOUK_PASS;
    const souk_jval *key = souk_json_first(at->value);
    for (uint32_t i = 0; i < at->value->size && verdict == SOUK_PASS; i++) {
        souk_at child = souk_at_child(at, key);
        verdict = souk_run_node(run, rule->as.node, &child);
        key = souk_json_after(key + 1);
    }
    return verdict;
}

/* --- properties, patternProperties, additionalProperties --- */

static const souk_node *find_property(const souk_members_rule *members, const souk_jval *key)
{
    size_t low = 0;
    size_t high = members->property_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = souk_json_keys_compare(members->properties[middle].name, key);
        if (order == 0) {
            return members->properties[middle].node;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* Applies the patterns that match the key; *any becomes true when one does. */
static souk_verdict run_patterns(souk_run *run, const souk_members_rule *members,
                                 const souk_jval *key, const souk_at *child, bool *any)
{
    souk_verdict verdict = SOUK_PASS;
    for (size_t i = 0; i < members->pattern_count && verdict == SOUK_PASS; i++) {
        bool found = false;
        verdict = souk_run_search(run, members->patterns[i].regex, souk_json_string(key), &found);
        if (verdict == SOUK_PASS && found) {
            *any = true;
            verdict = souk_run_node(run, members->patterns[i].node, child);
        }
    }
    return verdict;
}

/* One member; *evaluated becomes true when a schema was applied to it. */
static souk_verdict run_member(souk_run *run, const souk_rule *rule, const souk_jval *key,
                               const souk_at *child, bool *evaluated)
{
    const souk_members_rule *members = rule->as.members;
    const souk_node *node = find_property(members, key);
    *evaluated = node != NULL;
    souk_verdict verdict = node == NULL ? SOUK_PASS : souk_run_node(run, node, child);
    if (verdict == SOUK_PASS && members->pattern_count > 0) {
        verdict = run_patterns(run, members, key, child, evaluated);
    }
    if (verdict != SOUK_PASS || *evaluated) {
        return verdict;
    }
    if (members->unsure) {
        run->unsure = true; /* the pattern that is not supported may be about this one */
        *evaluated = true;
        return SOUK_PASS;
    }
    if (members->additional == NULL) {
        return SOUK_PASS;
    }
    *evaluated = true;
    if (members->additional->kind == SOUK_NODE_FALSE) {
        return souk_run_fail(run, child, rule, SOUK_KEYWORD_ADDITIONAL_PROPERTIES, NULL);
    }
    return souk_run_node(run, members->additional, child);
}

souk_verdict souk_run_members(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    souk_verdict verdict = souk_run_steps(run, at->value->size);
    const souk_jval *key = souk_json_first(at->value);
    for (uint32_t i = 0; i < at->value->size && verdict == SOUK_PASS; i++) {
        bool evaluated;
        souk_at child = souk_at_child(at, key + 1);
        verdict = run_member(run, rule, key, &child, &evaluated);
        if (evaluated) {
            souk_seen_add(at->seen, i);
        }
        key = souk_json_after(key + 1);
    }
    return verdict;
}

souk_verdict souk_run_unevaluated_properties(souk_run *run, const souk_rule *rule,
                                             const souk_at *at)
{
    souk_verdict verdict = souk_run_steps(run, at->value->size);
    const souk_jval *key = souk_json_first(at->value);
    for (uint32_t i = 0; i < at->value->size && verdict == SOUK_PASS; i++) {
        souk_at child = souk_at_child(at, key + 1);
        if (!souk_seen_has(at->seen, i)) {
            verdict =
                rule->as.node->kind == SOUK_NODE_FALSE
                    ? souk_run_fail(run, &child, rule, SOUK_KEYWORD_UNEVALUATED_PROPERTIES, NULL)
                    : souk_run_node(run, rule->as.node, &child);
        }
        key = souk_json_after(key + 1);
    }
    souk_seen_add_first(at->seen, at->value->size);
    return verdict;
}
