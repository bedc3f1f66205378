/* Rules about single values: const, enum, numbers, strings, counts. */
#include "schema/run.h"

#include <string.h>

#include "base/utf8.h"

static souk_verdict fail_count(souk_run *run, const souk_rule *rule, const souk_at *at,
                               uint64_t found)
{
    souk_failure detail;
    memset(&detail, 0, sizeof detail);
    detail.found = found;
    return souk_run_fail(run, at, rule, (souk_keyword)rule->keyword, &detail);
}

static souk_verdict check_max(souk_run *run, const souk_rule *rule, const souk_at *at,
                              uint64_t found)
{
    return found <= rule->as.count ? SOUK_PASS : fail_count(run, rule, at, found);
}

static souk_verdict check_min(souk_run *run, const souk_rule *rule, const souk_at *at,
                              uint64_t found)
{
    return found >= rule->as.count ? SOUK_PASS : fail_count(run, rule, at, found);
}

/* --- equality --- */

souk_verdict souk_run_equal(souk_run *run, const souk_jval *a, const souk_jval *b, bool *equal)
{
    *equal = false;
    if (a->type == SOUK_JSON_STRING || b->type == SOUK_JSON_STRING) {
        *equal = a->type == b->type && souk_slice_eq(souk_json_string(a), souk_json_string(b));
        return souk_run_steps(run, *equal ? 1 + a->size / 64 : 1);
    }
    /* A byte of the shorter text is a step: small objects are compared member by member with
     * member. */
    size_t text_a = a->end - a->begin;
    size_t text_b = b->end - b->begin;
    if (souk_run_steps(run, 1 + (text_a < text_b ? text_a : text_b)) != SOUK_PASS) {
        return SOUK_STOP;
    }
    if (!souk_json_equal_large(run->schema->alloc, a, b, equal)) {
        return souk_run_stop(run, SOUK_STOP_MEMORY);
    }
    return SOUK_PASS;
}

static souk_verdict run_const(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    bool equal;
    souk_verdict verdict = souk_run_equal(run, rule->as.value, at->value, &equal);
    if (verdict != SOUK_PASS || equal) {
        return verdict;
    }
    return souk_run_fail(run, at, rule, SOUK_KEYWORD_CONST, NULL);
}

static souk_verdict run_enum(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    souk_json_elements it = souk_json_each_element(rule->as.value);
    while (souk_json_next_element(&it)) {
        bool equal;
        souk_verdict verdict = souk_run_equal(run, it.value, at->value, &equal);
        if (verdict != SOUK_PASS || equal) {
            return verdict;
        }
    }
    return souk_run_fail(run, at, rule, SOUK_KEYWORD_ENUM, NULL);
}

/* --- numbers --- */

static souk_verdict run_number(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    const souk_number *bound = rule->as.number;
    if (souk_run_steps(run, at->value->type == SOUK_JSON_BIGINT ? at->value->size : 1) !=
        SOUK_PASS) {
        return SOUK_STOP;
    }
    souk_number number = souk_number_of(at->value);
    bool fits = true;
    switch ((souk_keyword)rule->keyword) {
    case SOUK_KEYWORD_MULTIPLE_OF:
        fits = souk_number_is_multiple(&number, bound);
        break;
    case SOUK_KEYWORD_MAXIMUM:
        fits = souk_number_compare(&number, bound) <= 0;
        break;
    case SOUK_KEYWORD_EXCLUSIVE_MAXIMUM:
        fits = souk_number_compare(&number, bound) < 0;
        break;
    case SOUK_KEYWORD_MINIMUM:
        fits = souk_number_compare(&number, bound) >= 0;
        break;
    default:
        fits = souk_number_compare(&number, bound) > 0;
        break;
    }
    return fits ? SOUK_PASS : souk_run_fail(run, at, rule, (souk_keyword)rule->keyword, NULL);
}

/* --- strings --- */

/* Lengths are in characters, that is in code points (2020-12 validation, section 6.3.1). */
static souk_verdict run_length(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    if (souk_run_steps(run, 1 + at->value->size / 64) != SOUK_PASS) {
        return SOUK_STOP;
    }
    size_t length = souk_utf8_length(souk_json_string(at->value));
    return rule->keyword == SOUK_KEYWORD_MAX_LENGTH ? check_max(run, rule, at, length)
                                                    : check_min(run, rule, at, length);
}

souk_verdict souk_run_search(souk_run *run, const souk_regex *regex, souk_slice text, bool *found)
{
    const souk_alloc *alloc = run->schema->alloc;
    if (souk_regex_search(regex, text, alloc, &run->steps_left, found) == SOUK_OK) {
        return SOUK_PASS;
    }
    return souk_run_stop(run, run->steps_left == 0 ? SOUK_STOP_STEPS : SOUK_STOP_MEMORY);
}

static souk_verdict run_pattern(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    bool found = true;
    if (rule->as.pattern->regex == NULL) {
        run->unsure = true;
        return SOUK_PASS;
    }
    souk_slice text = souk_json_string(at->value);
    souk_verdict verdict = souk_run_search(run, rule->as.pattern->regex, text, &found);
    if (verdict != SOUK_PASS || found) {
        return verdict;
    }
    return souk_run_fail(run, at, rule, SOUK_KEYWORD_PATTERN, NULL);
}

souk_verdict souk_run_value_rule(souk_run *run, const souk_rule *rule, const souk_at *at)
{
    switch ((souk_keyword)rule->keyword) {
    case SOUK_KEYWORD_CONST:
        return run_const(run, rule, at);
    case SOUK_KEYWORD_ENUM:
        return run_enum(run, rule, at);
    case SOUK_KEYWORD_PATTERN:
        return run_pattern(run, rule, at);
    case SOUK_KEYWORD_MAX_LENGTH:
    case SOUK_KEYWORD_MIN_LENGTH:
        return run_length(run, rule, at);
    case SOUK_KEYWORD_MAX_ITEMS:
    case SOUK_KEYWORD_MAX_PROPERTIES:
        return check_max(run, rule, at, at->value->size);
    case SOUK_KEYWORD_MIN_ITEMS:
    case SOUK_KEYWORD_MIN_PROPERTIES:
        return check_min(run, rule, at, at->value->size);
    default:
        return run_number(run, rule, at);
    }
}
