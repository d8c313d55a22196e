/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets of durations, and quantiles from them. */

#include "usage/histogram.h"

enum { PARTS = 4, PART_BITS = 2 };

unsigned mls_histogram_bucket(int64_t nanoseconds)
{
    if (nanoseconds < INT64_C(1) << MLS_HISTOGRAM_FIRST) {
        return 0;
    }
    if (nanoseconds >= INT64_C(1) << MLS_HISTOGRAM_LAST) {
        return MLS_HISTOGRAM_BUCKETS - 1;
    }
    const unsigned power =
        63 - (unsigned)__builtin_clzll((unsigned long long)nanoseconds);
    const unsigned part =
        (unsigned)(nanoseconds >> (power - PART_BITS)) & (PARTS - 1);

    return 1 + (power - MLS_HISTOGRAM_FIRST) * PARTS + part;
}

int64_t mls_histogram_lower(unsigned bucket)
{
    if (!bucket) {
        return 0;
    }
    const unsigned power = MLS_HISTOGRAM_FIRST + (bucket - 1) / PARTS;
    const int64_t part = (bucket - 1) % PARTS;

    return (PARTS + part) << (power - PART_BITS);
}

int64_t mls_histogram_upper(unsigned bucket)
{
    return bucket + 1 < MLS_HISTOGRAM_BUCKETS
               ? mls_histogram_lower(bucket + 1)
               : mls_histogram_lower(bucket) * 2;
}

uint64_t mls_histogram_count(const uint64_t counts[MLS_HISTOGRAM_BUCKETS])
{
    uint64_t count = 0;

    for (unsigned i = 0; i < MLS_HISTOGRAM_BUCKETS; i++) {
        count += counts[i];
    }
    return count;
}

uint64_t mls_histogram_below(const uint64_t counts[MLS_HISTOGRAM_BUCKETS],
                             unsigned power)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < MLS_HISTOGRAM_BUCKETS - 1; i++) {
        if (mls_histogram_upper(i) <= INT64_C(1) << power) {
            count += counts[i];
        }
    }
    return count;
}

double mls_histogram_quantile(const uint64_t counts[MLS_HISTOGRAM_BUCKETS],
                              double fraction)
{
    const double rank = fraction * (double)mls_histogram_count(counts);
    double before = 0;
    double found = -1;

    for (unsigned i = 0; i < MLS_HISTOGRAM_BUCKETS; i++) {
        if (!counts[i]) {
            continue;
        }
        const double lower = (double)mls_histogram_lower(i);
        const double upper = (double)mls_histogram_upper(i);
        const double inside = (rank - before) / (double)counts[i];

        found = lower + (upper - lower) * (inside < 1 ? inside : 1);
        before += (double)counts[i];
        if (before >= rank) {
            break;
        }
    }
    return found < 0 ? -1 : found / 1e6;
}
