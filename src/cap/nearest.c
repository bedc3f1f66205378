#include "cap/nearest.h"

enum { LONGEST_WORD = 63 };

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance, one row of the table at a time. */
static size_t distance(souk_slice a, souk_slice b)
{
    size_t row[LONGEST_WORD + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t replaced = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[b.len];
}

const char *souk_nearest(souk_slice word, const char *const *known, size_t count)
{
    const char *best = NULL;
    size_t fewest = word.len / 2 + 1;
    if (word.len > LONGEST_WORD) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        souk_slice candidate = souk_slice_of(known[i]);
        if (candidate.len > LONGEST_WORD) {
            continue;
        }
        size_t edits = distance(word, candidate);
        if (edits < fewest) {
            fewest = edits;
            best = known[i];
        }
    }
    return best;
}
