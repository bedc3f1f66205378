/* Tree -> program. The parser has counted the instructions, so that the program is made in one
 * piece. */
#include <string.h>

#include "base/utf8.h"
#include "schema/regex_program.h"

static souk_regex_instruction *add(souk_regex *regex, souk_regex_op op)
{
    souk_regex_instruction *instruction = &regex->program[regex->count++];
    instruction->op = (uint8_t)op;
    return instruction;
}

static void emit(souk_regex *regex, const souk_regex_part *part);

/* SPLIT past(1); first; JUMP end; past(1): SPLIT past(2); second; JUMP end; past(2): last; end: */
static void emit_choice(souk_regex *regex, const souk_regex_part *choice)
{
    size_t end = regex->count + choice->size;
    for (const souk_regex_part *part = choice->child; part != NULL; part = part->next) {
        if (part->next == NULL) {
            emit(regex, part);
            continue;
        }
        souk_regex_instruction *split = add(regex, SOUK_REGEX_OP_SPLIT);
        emit(regex, part);
        add(regex, SOUK_REGEX_OP_JUMP)->other = (uint16_t)end;
        split->other = (uint16_t)regex->count;
    }
}

/*
 * {n,m}: the part n times, then m - n times as "SPLIT end; part".
 * {0,}:  again: SPLIT end; part; JUMP again; end:
 * {n,}:  the part n - 1 times, then "again: part; SPLIT again", which goes on behind itself as
 * well.
 */
static void emit_repeat(souk_regex *regex, const souk_regex_part *repeat)
{
    size_t end = regex->count + repeat->size;
    size_t again = regex->count;
    for (uint32_t i = 0; i < repeat->min; i++) {
        again = regex->count;
        emit(regex, repeat->child);
    }
    if (repeat->max == SOUK_REGEX_NO_MAX && repeat->min > 0) {
        add(regex, SOUK_REGEX_OP_SPLIT)->other = (uint16_t)again;
    } else if (repeat->max == SOUK_REGEX_NO_MAX) {
        add(regex, SOUK_REGEX_OP_SPLIT)->other = (uint16_t)end;
        emit(regex, repeat->child);
        add(regex, SOUK_REGEX_OP_JUMP)->other = (uint16_t)again;
    } else {
        for (uint32_t i = repeat->min; i < repeat->max; i++) {
            add(regex, SOUK_REGEX_OP_SPLIT)->other = (uint16_t)end;
            emit(regex, repeat->child);
        }
    }
}

/* The parser bounds how deep parts are nested. */
static void emit(souk_regex *regex, const souk_regex_part *part)
{
    switch (part->kind) {
    case SOUK_REGEX_CHAR:
        add(regex, SOUK_REGEX_OP_CHAR)->as.character = part->character;
        break;
    case SOUK_REGEX_SET:
        add(regex, SOUK_REGEX_OP_SET)->as.set = part->set;
        break;
    case SOUK_REGEX_BEGIN:
        add(regex, SOUK_REGEX_OP_BEGIN);
        break;
    case SOUK_REGEX_END:
        add(regex, SOUK_REGEX_OP_END);
        break;
    case SOUK_REGEX_WORD:
        add(regex, SOUK_REGEX_OP_WORD);
        break;
    case SOUK_REGEX_NOT_WORD:
        add(regex, SOUK_REGEX_OP_NOT_WORD);
        break;
    case SOUK_REGEX_SEQUENCE:
        for (const souk_regex_part *child = part->child; child != NULL; child = child->next) {
            emit(regex, child);
        }
        break;
    case SOUK_REGEX_CHOICE:
        emit_choice(regex, part);
        break;
    case SOUK_REGEX_REPEAT:
        if (part->size > 0) {
            emit_repeat(regex, part);
        }
        break;
    }
}

static int build(souk_arena *arena, const souk_regex_part *root, size_t *budget, souk_regex **out,
                 souk_err *err)
{
    size_t count = root->size + 1; /* and MATCH */
    if (count > SOUK_REGEX_MAX) {
        return souk_fail(err, SOUK_E_SCHEMA, "it needs more than %d instructions", SOUK_REGEX_MAX);
    }
    if (count > *budget) {
        return souk_fail(err, SOUK_E_SCHEMA, "all patterns together need too many instructions");
    }
    souk_regex *regex =
        souk_arena_array(arena, 1, sizeof *regex + count * sizeof(souk_regex_instruction));
    if (regex == NULL) {
        return souk_fail_memory(err);
    }
    emit(regex, root);
    add(regex, SOUK_REGEX_OP_MATCH);
    regex->anchored = regex->program[0].op == SOUK_REGEX_OP_BEGIN;
    *budget -= count;
    *out = regex;
    return SOUK_OK;
}

int souk_regex_compile(souk_arena *arena, souk_slice pattern, size_t *budget, souk_regex **out,
                       souk_err *err)
{
    *out = NULL;
    if (!souk_utf8_valid(pattern, NULL)) {
        return souk_fail(err, SOUK_E_SCHEMA, "it is not valid UTF-8");
    }
    souk_arena scratch;
    souk_arena_init(&scratch, arena->alloc);
    souk_regex_part *root;
    int result = souk_regex_parse(arena, &scratch, pattern, &root, err);
    if (result == SOUK_OK) {
        result = build(arena, root, budget, out, err);
    }
    souk_arena_free(&scratch);
    return result;
}
