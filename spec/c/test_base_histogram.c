#include "base/histogram.h"

#include "tap.h"

static void times_fall_into_their_buckets(void)
{
    souk_histogram h = {0};
    souk_histogram_add(&h, -5);
    souk_histogram_add(&h, 0);
    souk_histogram_add(&h, 1);
    souk_histogram_add(&h, 2);
    souk_histogram_add(&h, 3);
    souk_histogram_add(&h, 60000);
    souk_histogram_add(&h, 60001);
    souk_histogram_add(&h, SOUK_NEVER - 1);
    CHECK_INT(h.count, 8);
    CHECK_INT(h.buckets[0], 3);
    CHECK_INT(h.buckets[1], 1);
    CHECK_INT(h.buckets[2], 1);
    CHECK_INT(h.buckets[SOUK_HISTOGRAM_BUCKETS - 2], 1);
    CHECK_INT(h.buckets[SOUK_HISTOGRAM_BUCKETS - 1], 2);
    CHECK(h.sum == 1 + 2 + 3 + 60000 + 60001 + (uint64_t)SOUK_NEVER - 1);
}

static void bounds_grow(void)
{
    for (size_t i = 1; i < SOUK_HISTOGRAM_BUCKETS; i++) {
        CHECK(souk_histogram_bound(i) > souk_histogram_bound(i - 1));
    }
    CHECK(souk_histogram_bound(SOUK_HISTOGRAM_BUCKETS - 1) == SOUK_NEVER);
}

static void quantiles_lie_within_their_bucket(void)
{
    souk_histogram h = {0};
    CHECK(souk_histogram_quantile(&h, 0.5) == 0);
    for (int i = 0; i < 10; i++) {
        souk_histogram_add(&h, 7); /* of the bucket 5 to 10 */
    }
    CHECK(souk_histogram_quantile(&h, 0.5) == 7.5);
    CHECK(souk_histogram_quantile(&h, 1) == 10);
    for (int i = 0; i < 10; i++) {
        souk_histogram_add(&h, 700); /* 500 to 1000 */
    }
    CHECK(souk_histogram_quantile(&h, 0.5) == 10);
    CHECK(souk_histogram_quantile(&h, 0.9) == 900);
    souk_histogram late = {0};
    souk_histogram_add(&late, 3600000);
    CHECK(souk_histogram_quantile(&late, 0.5) == 60000);
}

int main(void)
{
    CASE(times_fall_into_their_buckets);
    CASE(bounds_grow);
    CASE(quantiles_lie_within_their_bucket);
    return tap_done();
}
