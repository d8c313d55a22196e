/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_GEMM_MICRO_H
#define MLSCORE_KERNEL_GEMM_MICRO_H

/** The innermost part of gemm.c, once for each kind of machine. */

#include <stddef.h>

#include "kernel/cpu.h"

enum { MLSCORE_GEMM_PANEL = 16 /* columns of a packed panel of b */ };

/** c += the product of a few rows of a, which lie a_step apart, and of packed
 *  panels of b (k rows of 16 columns), which lie panel_step apart. Only
 *  rows x columns of c are there. */
typedef void mlscore_gemm_function(size_t k, const float *a, size_t a_step,
                                   const float *b, size_t panel_step, float *c,
                                   size_t c_step, size_t rows,
                                   size_t columns);

typedef struct mlscore_gemm_micro {
    mlscore_gemm_function *run;
    size_t rows, columns; /* at most, of one call */
} mlscore_gemm_micro;

/** The one for a machine's instructions. */
mlscore_gemm_micro mlscore_gemm_micro_for(mlscore_cpu level);

#endif
