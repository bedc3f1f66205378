/*
 * How long things took: a histogram of fixed size, with buckets that grow by steps of two to two
 * and a half. Adding to it allocates nothing and costs a few comparisons.
 *
 * Times are whole milliseconds, as everything here is (base/clock.h): what took less than one is in
 * the first bucket, and adds nothing to the sum.
 */
#ifndef SOUK_HISTOGRAM_H
#define SOUK_HISTOGRAM_H

#include <stddef.h>

#include "base/clock.h"

enum { SOUK_HISTOGRAM_BUCKETS = 16 };

typedef struct souk_histogram {
    uint64_t count;
    uint64_t sum;                             /* ms */
    uint64_t buckets[SOUK_HISTOGRAM_BUCKETS]; /* each for itself, not those below it, too */
} souk_histogram;                             /* zeroed at first */

/* The longest time that belongs into a bucket, in ms; SOUK_NEVER for the last one. */
souk_ms souk_histogram_bound(size_t bucket);

/* A negative time counts as 0. */
void souk_histogram_add(souk_histogram *histogram, souk_ms took);

/*
 * The time within which the share `quantile` (0 to 1) of all ended, in ms: estimated, as if the
 * times in a bucket were spread evenly. For what is past the last bound it is that bound; 0 when
 * nothing was added.
 */
double souk_histogram_quantile(const souk_histogram *histogram, double quantile);

#endif
