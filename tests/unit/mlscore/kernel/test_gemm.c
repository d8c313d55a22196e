/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products against the three plain loops, for shapes around every
 * block boundary and for transposed operands. */

#include "../support.h"

#include "kernel/gemm.h"

static uint32_t seed = 1;

static float number(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
}

static float *numbers(size_t count)
{
    float *list = malloc((count + 1) * sizeof(*list));

    assert_non_null(list);
    for (size_t i = 0; i < count; i++) {
        list[i] = number();
    }
    return list;
}

static void assert_close(const float *a, const float *b, size_t count,
                         size_t k)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(a[i] - b[i]) <= 1e-6f * (float)(k + 8))) {
            fail_msg("element %zu is %g, not %g", i, (double)a[i],
                     (double)b[i]);
        }
    }
}

static void check(size_t m, size_t n, size_t k, int across_a, int across_b)
{
    float *a = numbers(m * k), *b = numbers(k * n);
    float *have = numbers(m * n), *want = malloc((m * n + 1) * sizeof(*want));
    const mlscore_matrix ma = {a, across_a ? 1 : k, across_a ? m : 1};
    const mlscore_matrix mb = {b, across_b ? 1 : n, across_b ? k : 1};
    void *work = aligned_alloc(64, (mlscore_gemm_work(m, n, k) + 127) / 64 *
                                       64);

    assert_non_null(work);
    memcpy(want, have, m * n * sizeof(*want));
    mlscore_gemm_reference(m, n, k, ma, mb, want, n);
    mlscore_gemm(m, n, k, ma, mb, have, n, work);
    assert_close(have, want, m * n, k);
    free(work);
    free(a);
    free(b);
    free(have);
    free(want);
}

static void test_products_equal_the_plain_loops(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 5, 6, 7, 15, 16, 17, 33, 97};

    (void)state;
    for (size_t i = 0; i < 11; i++) {
        for (size_t j = 0; j < 11; j++) {
            for (size_t p = 0; p < 11; p += 2) {
                check(sizes[i], sizes[j], sizes[p], (int)(i & 1),
                      (int)(j & 1));
            }
        }
    }
    check(100, 1100, 300, 0, 0);
    check(7, 1030, 520, 0, 1);
    check(200, 20, 513, 1, 0);
}

static void test_dot_products(void **state)
{
    (void)state;
    for (size_t count = 0; count < 40; count++) {
        float *a = numbers(count), *b = numbers(count);
        double want = 0;

        for (size_t i = 0; i < count; i++) {
            want += (double)a[i] * b[i];
        }
        assert_true(fabs(want - (double)mlscore_dot(a, b, count)) < 1e-5);
        free(a);
        free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_equal_the_plain_loops),
        cmocka_unit_test(test_dot_products),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
