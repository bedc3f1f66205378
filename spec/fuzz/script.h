/* What fuzz targets that run a script have in common: reading the script, and what must hold. */
#ifndef SOUK_FUZZ_SCRIPT_H
#define SOUK_FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define must(condition) must_at((condition), __FILE__, __LINE__)

static inline void must_at(bool condition, const char *file, int line)
{
    if (!condition) {
        fprintf(stderr, "%s:%d: what must hold does not\n", file, line);
        abort();
    }
}

/* Bytes that choose what happens next. */
typedef struct script {
    const uint8_t *data;
    size_t left;
} script;

/* 0 when the script is over. */
static inline uint8_t script_byte(script *s)
{
    if (s->left == 0) {
        return 0;
    }
    s->left--;
    return *s->data++;
}

/* A number below count, which is not 0. */
static inline size_t script_choose(script *s, size_t count)
{
    return script_byte(s) % count;
}

#endif
