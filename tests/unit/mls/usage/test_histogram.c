/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets of durations: edges, order, and quantiles against sorted values. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "usage/histogram.h"

static void test_every_duration_lies_in_its_bucket(void **state)
{
    for (unsigned power = 0; power < 62; power++) {
        for (int64_t off = -1; off <= 1; off++) {
            const int64_t value = (INT64_C(1) << power) + off;
            const unsigned bucket = mls_histogram_bucket(value);

            assert_true(bucket < MLS_HISTOGRAM_BUCKETS);
            assert_true(value >= mls_histogram_lower(bucket));
            if (bucket < MLS_HISTOGRAM_BUCKETS - 1) {
                assert_true(value < mls_histogram_upper(bucket));
            }
        }
    }
    assert_int_equal(mls_histogram_bucket(-5), 0);
    assert_int_equal(mls_histogram_bucket(INT64_MAX),
                     MLS_HISTOGRAM_BUCKETS - 1);
}

static void test_buckets_join_and_are_narrow(void **state)
{
    for (unsigned i = 0; i < MLS_HISTOGRAM_BUCKETS - 1; i++) {
        assert_int_equal(mls_histogram_upper(i), mls_histogram_lower(i + 1));
        assert_int_equal(mls_histogram_bucket(mls_histogram_lower(i)), i);
        if (i) {
            assert_true((mls_histogram_upper(i) - mls_histogram_lower(i)) * 4
                        <= mls_histogram_lower(i));
        }
    }
    assert_int_equal(mls_histogram_lower(1), 1024);
    assert_int_equal(mls_histogram_lower(MLS_HISTOGRAM_BUCKETS - 1),
                     INT64_C(1) << MLS_HISTOGRAM_LAST);
}

static void test_counts_below_a_bound(void **state)
{
    uint64_t counts[MLS_HISTOGRAM_BUCKETS] = { 0 };

    counts[mls_histogram_bucket(500)] = 1;
    counts[mls_histogram_bucket((1 << 14) - 1)] += 2;
    counts[mls_histogram_bucket(1 << 14)] += 4;
    counts[MLS_HISTOGRAM_BUCKETS - 1] = 8;
    assert_int_equal(mls_histogram_below(counts, 10), 1);
    assert_int_equal(mls_histogram_below(counts, 14), 3);
    assert_int_equal(mls_histogram_below(counts, 16), 7);
    assert_int_equal(mls_histogram_below(counts, 36), 7);
    assert_int_equal(mls_histogram_count(counts), 15);
}

static int compare(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* Values over five decades: what the buckets say is within an eighth of what
 * sorting says. */
static void test_quantiles_of_many_values(void **state)
{
    enum { COUNT = 20000 };
    static const double fractions[] = { 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 1 };
    int64_t *values = malloc(COUNT * sizeof(*values));
    uint64_t counts[MLS_HISTOGRAM_BUCKETS] = { 0 };
    uint32_t random = 12345;

    for (int i = 0; i < COUNT; i++) {
        random = random * 1664525 + 1013904223;
        values[i] = 2000 + (INT64_C(1) << (random >> 27)) * (random >> 20 & 7);
        counts[mls_histogram_bucket(values[i])]++;
    }
    qsort(values, COUNT, sizeof(*values), compare);
    for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
        const double exact =
            (double)values[(int)(fractions[i] * COUNT) - 1] / 1e6;
        const double found = mls_histogram_quantile(counts, fractions[i]);

        assert_true(found > exact * 0.8 && found < exact * 1.25);
    }
    free(values);
}

static void test_quantiles_at_the_ends(void **state)
{
    uint64_t counts[MLS_HISTOGRAM_BUCKETS] = { 0 };

    assert_true(mls_histogram_quantile(counts, 0.5) < 0);
    counts[mls_histogram_bucket(4096)] = 1;
    for (double fraction = 0; fraction <= 1; fraction += 0.25) {
        const double found = mls_histogram_quantile(counts, fraction);

        assert_true(found >= 0.004096 && found <= 0.00512);
    }
    assert_true(mls_histogram_quantile(counts, 0) <
                mls_histogram_quantile(counts, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_duration_lies_in_its_bucket),
        cmocka_unit_test(test_buckets_join_and_are_narrow),
        cmocka_unit_test(test_counts_below_a_bound),
        cmocka_unit_test(test_quantiles_of_many_values),
        cmocka_unit_test(test_quantiles_at_the_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
