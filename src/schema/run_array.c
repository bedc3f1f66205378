/* Rules about arrays. */
#include "schema/run.h"

#include <string.h>

#include "schema/value_hash.h"

/* Applies a node to an element; where the node is false, the failure is about the keyword that it
 * belongs to. */
static souk_verdict run_element(souk_run *run, const souk_node *node, const souk_rule *rule,
                                souk_keyword keyword, const souk_at *child)
{
    if (node->kind == SOUK_NODE_FALSE) {
        return souk_run_fail(run, child, rule, keyword, NULL);
    }
    return souk_run_node(run, node, child);
}

souk_verdict souk_run_items(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    const souk_items_rule *items = rule->as.items;
    souk_verdict verdict = souk_run_steps(run, at->value->size);
    souk_json_elements it = souk_json_each_element(at->value);
    size_t i = 0;
    for (; i < items->prefix.count && verdict == SOUK_PASS && souk_json_next_element(&it); i++) {
        souk_at child = souk_at_child(at, it.value);
        verdict =
            run_element(run, items->prefix.nodes[i], rule, (souk_keyword)rule->keyword, &child);
    }
    if (items->rest != NULL) {
        for (; verdict == SOUK_PASS && souk_json_next_element(&it); i++) {
            souk_at child = souk_at_child(at, it.value);
            verdict = run_element(run, items->rest, rule, items->rest_keyword, &child);
        }
    }
    souk_seen_add_first(at->seen, i);
    return verdict;
}

static souk_verdict fail_contains(souk_run *run, const souk_rule *rule, const souk_at *at,
                                  souk_keyword keyword, uint64_t found)
{
    souk_failure detail;
    memset(&detail, 0, sizeof detail);
    detail.found = found;
    return souk_run_fail(run, at, rule, keyword, &detail);
}

/* Elements that only perhaps match count for the minimum and not for the maximum. */
souk_verdict souk_run_contains(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    const souk_contains_rule *contains = rule->as.contains;
    souk_failure before = run->failure;
    bool unsure_before = run->unsure;
    uint64_t sure = 0;
    uint64_t unsure = 0;
    souk_json_elements it = souk_json_each_element(at->value);
    for (size_t i = 0; souk_json_next_element(&it); i++) {
        souk_at child = souk_at_child(at, it.value);
        run->unsure = false;
        souk_verdict verdict = souk_run_steps(run, 1);
        if (verdict == SOUK_PASS) {
            verdict = souk_run_node(run, contains->node, &child);
        }
        if (verdict == SOUK_STOP) {
            return SOUK_STOP;
        }
        if (verdict == SOUK_PASS) {
            sure += !run->unsure;
            unsure += run->unsure;
            souk_seen_add(contains->evaluates ? at->seen : NULL, i);
        }
    }
    run->failure = before;
    run->unsure = unsure_before || unsure > 0;
    if (sure + unsure < contains->min) {
        return fail_contains(run, rule, at, contains->min_keyword, sure + unsure);
    }
    if (sure > contains->max) {
        return fail_contains(run, rule, at, SOUK_KEYWORD_MAX_CONTAINS, sure);
    }
    return SOUK_PASS;
}

souk_verdict souk_run_unevaluated_items(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    souk_verdict verdict = souk_run_steps(run, at->value->size);
    souk_json_elements it = souk_json_each_element(at->value);
    for (size_t i = 0; verdict == SOUK_PASS && souk_json_next_element(&it); i++) {
        if (!souk_seen_has(at->seen, i)) {
            souk_at child = souk_at_child(at, it.value);
            verdict = run_element(run, rule->as.node, rule, SOUK_KEYWORD_UNEVALUATED_ITEMS, &child);
        }
    }
    souk_seen_add_first(at->seen, at->value->size);
    return verdict;
}

/* --- uniqueItems --- */

enum { FEW = 16 }; /* so many elements are compared in pairs */

static souk_verdict fail_unique(souk_run *run, const souk_rule *rule, const souk_at *at,
                                size_t first, size_t second)
{
    souk_failure detail;
    memset(&detail, 0, sizeof detail);
    detail.found = first;
    detail.other = second;
    return souk_run_fail(run, at, rule, SOUK_KEYWORD_UNIQUE_ITEMS, &detail);
}

static souk_verdict compare_pairs(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    const souk_jval *second = souk_json_first(at->value);
    for (size_t i = 0; i < at->value->size; i++) {
        const souk_jval *first = souk_json_first(at->value);
        for (size_t j = 0; j < i; j++) {
            bool equal;
            if (souk_run_equal(run, first, second, &equal) != SOUK_PASS) {
                return SOUK_STOP;
            }
            if (equal) {
                return fail_unique(run, rule, at, j, i);
            }
            first = souk_json_after(first);
        }
        second = souk_json_after(second);
    }
    return SOUK_PASS;
}

typedef struct unique_entry {
    const souk_jval *element; /* NULL: free */
    size_t index;
    uint64_t hash;
} unique_entry;

/* An open hash table of all elements so far; two elements are compared only when their hashes are
 * equal. */
static souk_verdict compare_hashed(souk_run *run, const souk_rule *rule, const souk_at *at,
                                   unique_entry *table, size_t mask)
{
    souk_json_elements it = souk_json_each_element(at->value);
    for (size_t i = 0; souk_json_next_element(&it); i++) {
        uint64_t hash = souk_value_hash(it.value, run->schema->seed);
        souk_verdict verdict = souk_run_steps(run, 1 + (it.value->end - it.value->begin) / 4);
        size_t slot = (size_t)hash & mask;
        for (; verdict == SOUK_PASS && table[slot].element != NULL; slot = (slot + 1) & mask) {
            bool equal = false;
            verdict = souk_run_steps(run, 1);
            if (verdict == SOUK_PASS && table[slot].hash == hash) {
                verdict = souk_run_equal(run, table[slot].element, it.value, &equal);
            }
            if (equal) {
                return fail_unique(run, rule, at, table[slot].index, i);
            }
        }
        if (verdict != SOUK_PASS) {
            return verdict;
        }
        table[slot].element = it.value;
        table[slot].index = i;
        table[slot].hash = hash;
    }
    return SOUK_PASS;
}

souk_verdict souk_run_unique_items(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    size_t count = at->value->size;
    if (count <= FEW) {
        return compare_pairs(run, rule, at);
    }
    size_t size = FEW;
    while (size < count * 2) {
        size *= 2;
    }
    unique_entry *table = souk_new_array(run->schema->alloc, size, sizeof *table);
    if (table == NULL) {
        return souk_run_stop(run, SOUK_STOP_MEMORY);
    }
    souk_verdict verdict = compare_hashed(run, rule, at, table, size - 1);
    souk_free(run->schema->alloc, table);
    return verdict;
}
