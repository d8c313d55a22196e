/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_GEMM_MICRO_H
#define MLSCORE_KERNEL_GEMM_MICRO_H

/** The innermost part of gemm.c, once for each kind of machine. */

#include <stddef.h>

enum {
    MLSCORE_GEMM_ROWS = 6,    /* of a packed panel of a */
    MLSCORE_GEMM_COLUMNS = 16 /* of a packed panel of b */
};

/** c[6][16] += the product of a panel of a (k columns of 6) and a panel of b
 *  (k rows of 16). Only rows x columns of c are there. */
typedef void mlscore_gemm_micro(size_t k, const float *a, const float *b,
                                float *c, size_t c_step, size_t rows,
                                size_t columns);

/** The fastest one that this machine can run. */
mlscore_gemm_micro *mlscore_gemm_micro_find(void);
/** The portable one. */
mlscore_gemm_micro mlscore_gemm_micro_plain;

#endif
