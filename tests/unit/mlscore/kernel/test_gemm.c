/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products: every micro-kernel that this machine runs against three
 * plain loops, for sizes around the blocks' borders. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "kernel/gemm.h"
#include "kernel/gemm_micro.h"
#include "kernel/weighted_sum.h"

/* Numbers of few bits: their products and sums are exact, so that the order
 * and fusing of operations does not matter. */
static float *numbers(size_t count, unsigned seed)
{
    float *out = malloc(count * sizeof(*out) + 1);

    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525 + 1013904223;
        out[i] = (float)((int)(seed >> 27) - 16) / 4;
    }
    return out;
}

static const struct {
    const char *name;
    size_t m, n, k;
} sizes[] = {
    {"one number", 1, 1, 1},
    {"a row", 1, 40, 300},
    {"a column", 70, 1, 9},
    {"less than a panel", 5, 15, 300},
    {"a panel", 8, 16, 256},
    {"a panel and one", 9, 17, 257},
    {"two panels and a part", 8, 45, 600},
    {"rows of more than a block", 131, 33, 70},
    {"columns of more than a block", 7, 530, 40},
    {"nothing to add up", 4, 4, 0},
};

/* a is stored with its columns, b with its rows next to each other, or the
 * other way round; c has a wider row than the product. */
static void compare(size_t m, size_t n, size_t k, int a_turned, int b_turned)
{
    const size_t c_step = n + 3;
    float *a = numbers(m * k, 1), *b = numbers(k * n, 2);
    float *c = numbers(m * c_step, 3), *expected = numbers(m * c_step, 3);
    void *work = mlscore_malloc_aligned(mlscore_gemm_work(m, n, k) + 1);
    const mlscore_matrix as = {a, a_turned ? 1 : k, a_turned ? m : 1};
    const mlscore_matrix bs = {b, b_turned ? 1 : n, b_turned ? k : 1};

    assert_non_null(work);
    mlscore_gemm(m, n, k, as, bs, c, c_step, work);
    mlscore_gemm_reference(m, n, k, as, bs, expected, c_step);
    assert_memory_equal(c, expected, m * c_step * sizeof(*c));
    mlscore_free(work);
    free(a);
    free(b);
    free(c);
    free(expected);
}

static void test_products_are_those_of_plain_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        for (int turned = 0; turned < 4; turned++) {
            print_message("%s, %d\n", sizes[i].name, turned);
            compare(sizes[i].m, sizes[i].n, sizes[i].k, turned & 1,
                    turned >> 1);
        }
    }
}

static void test_every_micro_kernel_keeps_to_its_part(void **state)
{
    (void)state;
    enum { M = 19, N = 50, K = 37, STEP = 64 };
    float *a = numbers(M * K, 4), *b = numbers(K * N, 5);
    float *panels = calloc(64 * K, sizeof(*panels));

    assert_non_null(panels);
    mlscore_gemm_pack(N, K, (mlscore_matrix){b, N, 1}, panels);
    for (mlscore_cpu level = 0; level <= mlscore_cpu_level(); level++) {
        for (size_t n = 1; n <= N; n++) {
            float *c = numbers(M * STEP, 6), *expected = numbers(M * STEP, 6);
            const size_t m = 1 + n % M;

            mlscore_gemm_panels(level, m, n, K, a, K, panels, c, STEP);
            mlscore_gemm_reference(m, n, K, (mlscore_matrix){a, K, 1},
                                   (mlscore_matrix){b, N, 1}, expected, STEP);
            assert_memory_equal(c, expected, M * STEP * sizeof(*c));
            free(c);
            free(expected);
        }
    }
    free(panels);
    free(a);
    free(b);
}

static void test_weighted_sums_of_columns(void **state)
{
    enum { ROWS = 21, MOST = 7 };
    double cells[MOST][ROWS];
    const double *columns[MOST];
    float *weights = numbers(MOST, 7);

    (void)state;
    for (size_t c = 0; c < MOST; c++) {
        columns[c] = cells[c];
        for (size_t i = 0; i < ROWS; i++) {
            cells[c][i] = (double)(c * 31 + i * 17 % 23) / 8 - 5;
        }
    }
    for (size_t count = 0; count <= MOST; count++) {
        float sums[ROWS];

        for (size_t i = 0; i < ROWS; i++) {
            sums[i] = (float)i;
        }
        mlscore_weighted_sum(sums, columns, weights, count, ROWS);
        for (size_t i = 0; i < ROWS; i++) {
            float expected = (float)i;

            for (size_t c = 0; c < count; c++) {
                expected += weights[c] * (float)cells[c][i];
            }
            assert_true(sums[i] == expected);
        }
    }
    free(weights);
}

static void test_the_environment_lowers_the_instructions(void **state)
{
    (void)state;
    const mlscore_cpu most = mlscore_cpu_level();

    setenv("MLSCORE_INSTRUCTIONS", "plain", 1);
    assert_int_equal(mlscore_cpu_level(), MLSCORE_CPU_PLAIN);
    setenv("MLSCORE_INSTRUCTIONS", "avx512", 1);
    assert_int_equal(mlscore_cpu_level(), most);
    setenv("MLSCORE_INSTRUCTIONS", "nonsense", 1);
    assert_int_equal(mlscore_cpu_level(), most);
    unsetenv("MLSCORE_INSTRUCTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_are_those_of_plain_loops),
        cmocka_unit_test(test_every_micro_kernel_keeps_to_its_part),
        cmocka_unit_test(test_weighted_sums_of_columns),
        cmocka_unit_test(test_the_environment_lowers_the_instructions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
