/*
 * Runs a program over a text: at each position the set of all instructions that can have been
 * reached, each at most once. That makes the work at most program size x text length, whatever the
 * pattern.
 */
#include <string.h>

#include "base/utf8.h"
#include "schema/regex_program.h"

enum { SMALL = 256 }; /* instructions of a program that is run without allocating */

#define NO_CHARACTER UINT32_MAX /* past the beginning or the end of the text */

typedef struct search {
    const souk_regex *regex;
    size_t generation; /* the position's number, from 1 */
    uint32_t before;   /* the character before the position, and the one behind it */
    uint32_t behind;
    size_t work; /* instructions looked at in this position */
    size_t pending_count;
    uint16_t
        *pending; /* reached with the character before; what they lead to is not yet followed */
    size_t waiting_count;
    uint16_t *waiting; /* reached instructions that consume a character */
    size_t *reached;   /* for each instruction the last generation in which it was reached */
} search;

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z');
}

/* Whether the way leads on past the instruction without a character. */
static bool passes(const search *s, souk_regex_op op)
{
    switch (op) {
    case SOUK_REGEX_OP_BEGIN:
        return s->before == NO_CHARACTER;
    case SOUK_REGEX_OP_END:
        return s->behind == NO_CHARACTER;
    case SOUK_REGEX_OP_WORD:
        return is_word(s->before) != is_word(s->behind);
    case SOUK_REGEX_OP_NOT_WORD:
        return is_word(s->before) == is_word(s->behind);
    default:
        return op == SOUK_REGEX_OP_SPLIT;
    }
}

static void push(search *s, size_t instruction)
{
    if (s->reached[instruction] != s->generation) {
        s->reached[instruction] = s->generation;
        s->pending[s->pending_count++] = (uint16_t)instruction;
    }
}

/*
 * Follows everything that can be reached at this position without a character, starting from
 * `pending`, which is used as a stack: no instruction is pushed twice, so that it cannot overflow.
 * True when the pattern has matched.
 */
static bool follow(search *s)
{
    s->waiting_count = 0;
    s->work = 0;
    while (s->pending_count > 0) {
        s->work++;
        size_t at = s->pending[--s->pending_count];
        const souk_regex_instruction *instruction = &s->regex->program[at];
        switch ((souk_regex_op)instruction->op) {
        case SOUK_REGEX_OP_MATCH:
            return true;
        case SOUK_REGEX_OP_CHAR:
        case SOUK_REGEX_OP_SET:
            s->waiting[s->waiting_count++] = (uint16_t)at;
            break;
        case SOUK_REGEX_OP_JUMP:
            push(s, instruction->other);
            break;
        default:
            if (instruction->op == SOUK_REGEX_OP_SPLIT) {
                push(s, instruction->other);
            }
            if (passes(s, (souk_regex_op)instruction->op)) {
                push(s, at + 1);
            }
            break;
        }
    }
    return false;
}

/* Consumes the character behind the position: what waits for it is pending at the next one. */
static void consume(search *s)
{
    s->generation++;
    for (size_t i = 0; i < s->waiting_count; i++) {
        size_t at = s->waiting[i];
        const souk_regex_instruction *instruction = &s->regex->program[at];
        if (instruction->op == SOUK_REGEX_OP_CHAR
                ? instruction->as.character == s->behind
                : souk_charset_has(instruction->as.set, s->behind)) {
            push(s, at + 1);
        }
    }
}

static size_t decode(souk_slice text, size_t at, uint32_t *character)
{
    if (at == text.len) {
        *character = NO_CHARACTER;
        return 0;
    }
    size_t len = souk_utf8_decode(souk_slice_from(text, at), character);
    if (len == 0) {
        *character =
            0xFFFD; /* the text is not valid after all: one replacement character for each byte */
        return 1;
    }
    return len;
}

static bool spend(size_t *steps, size_t cost)
{
    *steps -= cost < *steps ? cost : *steps;
    return *steps > 0;
}

static int run(search *s, souk_slice text, size_t *steps, bool *found)
{
    size_t next = 0;
    s->generation = 1;
    s->before = NO_CHARACTER;
    for (;;) {
        next += decode(text, next, &s->behind);
        if (s->before == NO_CHARACTER || !s->regex->anchored) {
            push(s, 0);
        }
        *found = follow(s);
        if (*found || s->behind == NO_CHARACTER || (s->waiting_count == 0 && s->regex->anchored)) {
            return SOUK_OK;
        }
        if (!spend(steps, 1 + s->work)) {
            return SOUK_E_LIMIT;
        }
        consume(s);
        s->before = s->behind;
    }
}

int souk_regex_search(const souk_regex *regex, souk_slice text, const souk_alloc *alloc,
                      size_t *steps, bool *found)
{
    size_t small_reached[SMALL];
    uint16_t small_lists[2 * SMALL];
    search s;
    memset(&s, 0, sizeof s);
    s.regex = regex;
    s.reached = small_reached;
    s.pending = small_lists;
    if (regex->count > SMALL) {
        s.reached = souk_new_array(alloc, regex->count, sizeof *s.reached);
        s.pending = souk_new_array(alloc, regex->count, 2 * sizeof *s.pending);
    } else {
        memset(small_reached, 0, regex->count * sizeof *small_reached);
    }
    int result = SOUK_E_LIMIT;
    if (s.reached != NULL && s.pending != NULL) {
        s.waiting = s.pending + regex->count;
        result = run(&s, text, steps, found);
    }
    if (regex->count > SMALL) {
        souk_free(alloc, s.reached);
        souk_free(alloc, s.pending);
    }
    return result;
}
