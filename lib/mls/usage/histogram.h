/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_USAGE_HISTOGRAM_H
#define MLS_USAGE_HISTOGRAM_H

/**
 * Durations sorted into buckets: four of equal width to each power of two of
 * nanoseconds, from a microsecond to a minute. A quantile that is read from
 * them, linear within its bucket, is wrong by an eighth at most.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    MLS_HISTOGRAM_FIRST = 10, /* below 2^10 ns all is one bucket */
    MLS_HISTOGRAM_LAST = 36,  /* and from 2^36 ns (69 s) on, too */
    MLS_HISTOGRAM_BUCKETS =
        (MLS_HISTOGRAM_LAST - MLS_HISTOGRAM_FIRST) * 4 + 2
};

/** The bucket of a duration; what is negative goes into the first. */
unsigned mls_histogram_bucket(int64_t nanoseconds);

/** Where a bucket begins and where it ends, in nanoseconds; the last one ends
 *  at twice its beginning. */
int64_t mls_histogram_lower(unsigned bucket);
int64_t mls_histogram_upper(unsigned bucket);

/** Number of all. */
uint64_t mls_histogram_count(const uint64_t counts[MLS_HISTOGRAM_BUCKETS]);

/** Number of those below 2^power nanoseconds. */
uint64_t mls_histogram_below(const uint64_t counts[MLS_HISTOGRAM_BUCKETS],
                             unsigned power);

/** The duration in milliseconds that `fraction` (0 to 1) of all do not
 *  exceed; -1 when there are none. */
double mls_histogram_quantile(const uint64_t counts[MLS_HISTOGRAM_BUCKETS],
                              double fraction);

#ifdef __cplusplus
}
#endif

#endif
