/*
 * Refuses schemas that would go around in a circle: from a node to itself through keywords that
 * apply a subschema to the same value. (A circle that goes through `properties` or `items` is fine:
 * it goes down into the value, which ends.) 2020-12 core, section 9.4.1, leaves such schemas
 * undefined. A $dynamicRef counts as leading to its static target; where it leads elsewhere, the
 * bound on depth ends the circle.
 */
#include "schema/compile.h"

enum { UNSEEN, OPEN, DONE };

/* A node whose subschemas are being looked at, and how far that is. */
typedef struct frame {
    souk_node *node;
    size_t rule;
    size_t item;
} frame;

/* Subschema number `item` of the rule that sees the same value; NULL when there is none. *end: no
 * more after that. */
static const souk_node *subschema(const souk_rule *rule, size_t item, bool *end)
{
    *end = true;
    switch ((souk_keyword)rule->keyword) {
    case SOUK_KEYWORD_REF:
    case SOUK_KEYWORD_DYNAMIC_REF:
    case SOUK_KEYWORD_RECURSIVE_REF:
        return rule->as.ref->target;
    case SOUK_KEYWORD_NOT:
        return rule->as.node;
    case SOUK_KEYWORD_ALL_OF:
    case SOUK_KEYWORD_ANY_OF:
    case SOUK_KEYWORD_ONE_OF:
        *end = item + 1 >= rule->as.list->count;
        return rule->as.list->nodes[item];
    case SOUK_KEYWORD_IF:
        *end = item == 2;
        return item == 0   ? rule->as.condition->condition
               : item == 1 ? rule->as.condition->then_node
                           : rule->as.condition->else_node;
    case SOUK_KEYWORD_DEPENDENT_SCHEMAS:
    case SOUK_KEYWORD_DEPENDENCIES:
        *end = item + 1 >= rule->as.dependents->count;
        return rule->as.dependents->count == 0 ? NULL : rule->as.dependents->list[item].node;
    default:
        return NULL;
    }
}

/* The next subschema of the frame's node that sees the same value; NULL when all were seen. */
static souk_node *next_subschema(const souk_compiler *c, frame *f)
{
    while (f->rule < f->node->rule_count) {
        bool end;
        const souk_node *found = subschema(&f->node->rules[f->rule], f->item, &end);
        f->item = end ? 0 : f->item + 1;
        f->rule += end;
        if (found != NULL) {
            return souk_node_at(c, found->source);
        }
    }
    return NULL;
}

/* Depth first, with a stack of its own: chains of references can be as long as there are nodes. */
static int check_from(souk_compiler *c, frame *stack, souk_node *start)
{
    size_t depth = 0;
    stack[depth++] = (frame){start, 0, 0};
    start->mark = OPEN;
    while (depth > 0) {
        souk_node *next = next_subschema(c, &stack[depth - 1]);
        if (next == NULL) {
            stack[--depth].node->mark = DONE;
        } else if (next->mark == OPEN) {
            return souk_compile_fail(c, next->source,
                                     "this schema applies itself to the same value without end");
        } else if (next->mark == UNSEEN) {
            next->mark = OPEN;
            stack[depth++] = (frame){next, 0, 0};
        }
    }
    return SOUK_OK;
}

int souk_check_circles(souk_compiler *c)
{
    size_t count = c->schema->options.subschemas - c->nodes_left;
    frame *stack = souk_arena_array(&c->scratch, count, sizeof *stack);
    if (stack == NULL) {
        return souk_fail_memory(c->err);
    }
    int result = SOUK_OK;
    for (souk_node *node = c->schema->root; node != NULL && result == SOUK_OK; node = node->next) {
        if (node->mark == UNSEEN) {
            result = check_from(c, stack, node);
        }
    }
    return result;
}
