#include "base/histogram.h"

static const souk_ms bounds[SOUK_HISTOGRAM_BUCKETS] = {
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, SOUK_NEVER};

souk_ms souk_histogram_bound(size_t bucket)
{
    return bounds[bucket];
}

void souk_histogram_add(souk_histogram *histogram, souk_ms took)
{
    size_t bucket = 0;
    while (took > bounds[bucket]) {
        bucket++;
    }
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum += took > 0 ? (uint64_t)took : 0;
}

double souk_histogram_quantile(const souk_histogram *histogram, double quantile)
{
    double wanted = quantile * (double)histogram->count;
    double before = 0;
    for (size_t i = 0; i < SOUK_HISTOGRAM_BUCKETS - 1; i++) {
        double here = (double)histogram->buckets[i];
        if (here > 0 && before + here >= wanted) {
            double low = i == 0 ? 0 : (double)bounds[i - 1];
            return low + ((double)bounds[i] - low) * (wanted - before) / here;
        }
        before += here;
    }
    return histogram->count == 0 ? 0 : (double)bounds[SOUK_HISTOGRAM_BUCKETS - 2];
}
