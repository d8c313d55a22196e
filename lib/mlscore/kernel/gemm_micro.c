/* SPDX-License-Identifier: Apache-2.0 */
/* Micro-kernels of the float matrix product: portable C, and AVX2 with fused
 * multiply-add, chosen at run time. Fusing rounds once instead of twice, so
 * results differ in the last bits, which floats of models allow. */

#include "kernel/gemm_micro.h"

#define ROWS MLSCORE_GEMM_ROWS
#define COLUMNS MLSCORE_GEMM_COLUMNS

/* Add the finished block to what of c is there. */
static void add_block(const float block[ROWS][COLUMNS], float *c,
                      size_t c_step, size_t rows, size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            c[i * c_step + j] += block[i][j];
        }
    }
}

void mlscore_gemm_micro_plain(size_t k, const float *a, const float *b,
                              float *c, size_t c_step, size_t rows,
                              size_t columns)
{
    float block[ROWS][COLUMNS] = {{0}};

    for (size_t p = 0; p < k; p++) {
        for (size_t i = 0; i < ROWS; i++) {
            const float x = a[p * ROWS + i];

            for (size_t j = 0; j < COLUMNS; j++) {
                block[i][j] += x * b[p * COLUMNS + j];
            }
        }
    }
    add_block((const float(*)[COLUMNS])block, c, c_step, rows, columns);
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define STEP(i) \
    x = _mm256_broadcast_ss(a + (i)); \
    c##i##0 = _mm256_fmadd_ps(x, b0, c##i##0); \
    c##i##1 = _mm256_fmadd_ps(x, b1, c##i##1);
#define ZERO(i) __m256 c##i##0 = _mm256_setzero_ps(), c##i##1 = c##i##0;
#define KEEP(i) \
    _mm256_storeu_ps(block[i], c##i##0); \
    _mm256_storeu_ps(block[i] + 8, c##i##1);
#define ADD(i) \
    _mm256_storeu_ps(c + (i) * c_step, \
                     _mm256_add_ps(_mm256_loadu_ps(c + (i) * c_step), \
                                   c##i##0)); \
    _mm256_storeu_ps(c + (i) * c_step + 8, \
                     _mm256_add_ps(_mm256_loadu_ps(c + (i) * c_step + 8), \
                                   c##i##1));

__attribute__((target("avx2,fma"))) static void micro_avx2(
    size_t k, const float *a, const float *b, float *c, size_t c_step,
    size_t rows, size_t columns)
{
    ZERO(0) ZERO(1) ZERO(2) ZERO(3) ZERO(4) ZERO(5)
    for (size_t p = 0; p < k; p++) {
        const __m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + 8);
        __m256 x;

        STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5)
        a += ROWS;
        b += COLUMNS;
    }
    if (rows == ROWS && columns == COLUMNS) {
        ADD(0) ADD(1) ADD(2) ADD(3) ADD(4) ADD(5)
        return;
    }
    float block[ROWS][COLUMNS];
    KEEP(0) KEEP(1) KEEP(2) KEEP(3) KEEP(4) KEEP(5)
    add_block((const float(*)[COLUMNS])block, c, c_step, rows, columns);
}

mlscore_gemm_micro *mlscore_gemm_micro_find(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
               ? micro_avx2 : mlscore_gemm_micro_plain;
}

#else

mlscore_gemm_micro *mlscore_gemm_micro_find(void)
{
    return mlscore_gemm_micro_plain;
}

#endif
