/* SPDX-License-Identifier: Apache-2.0 */
/* Micro-kernels of the float matrix product: portable C, AVX2 and AVX-512
 * with fused multiply-add. Fusing rounds once instead of twice, so results
 * differ in the last bits, which floats of models allow. */

#include "kernel/gemm_micro.h"

#include <string.h>

#define PANEL MLSCORE_GEMM_PANEL

enum { PLAIN_ROWS = 4 };

static void micro_plain(size_t k, const float *a, size_t a_step,
                        const float *b, size_t panel_step, float *c,
                        size_t c_step, size_t rows, size_t columns)
{
    float block[PLAIN_ROWS][PANEL] = {{0}};

    (void)panel_step;
    for (size_t p = 0; p < k; p++, b += PANEL) {
        for (size_t i = 0; i < rows; i++) {
            const float x = a[i * a_step + p];

            for (size_t j = 0; j < PANEL; j++) {
                block[i][j] += x * b[j];
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            c[i * c_step + j] += block[i][j];
        }
    }
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define PART_(name) name##_part
#define PART(name) PART_(name)

__attribute__((target("avx2,fma"))) static void add_part_avx2(float *to,
                                                              __m256 x,
                                                              size_t count)
{
    float parts[8];

    _mm256_storeu_ps(parts, x);
    for (size_t i = 0; i < count; i++) {
        to[i] += parts[i];
    }
}

#define KERNEL micro_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VECTOR __m256
#define SET _mm256_set1_ps
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define ADD _mm256_add_ps
#define FMA _mm256_fmadd_ps
#define WIDTH 8
#define SECOND 8
#define ROWS 6
#define STORE_PART add_part_avx2
#include "kernel/gemm_micro_kernel.h"

__attribute__((target("avx512f"))) static inline void add_part_avx512(
    float *to, __m512 x, size_t count)
{
    const __mmask16 used = (__mmask16)((1u << count) - 1);

    _mm512_mask_storeu_ps(
        to, used, _mm512_add_ps(_mm512_maskz_loadu_ps(used, to), x));
}

#define KERNEL micro_avx512
#define TARGET __attribute__((target("avx512f")))
#define VECTOR __m512
#define SET _mm512_set1_ps
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define ADD _mm512_add_ps
#define FMA _mm512_fmadd_ps
#define WIDTH 16
#define SECOND panel_step
#define ROWS 8
#define STORE_PART add_part_avx512
#include "kernel/gemm_micro_kernel.h"

mlscore_gemm_micro mlscore_gemm_micro_for(mlscore_cpu level)
{
    switch (level) {
    case MLSCORE_CPU_AVX512:
        return (mlscore_gemm_micro){micro_avx512, 8, 2 * PANEL};
    case MLSCORE_CPU_AVX2: return (mlscore_gemm_micro){micro_avx2, 6, PANEL};
    default: return (mlscore_gemm_micro){micro_plain, PLAIN_ROWS, PANEL};
    }
}

#else

mlscore_gemm_micro mlscore_gemm_micro_for(mlscore_cpu level)
{
    (void)level;
    return (mlscore_gemm_micro){micro_plain, PLAIN_ROWS, PANEL};
}

#endif
