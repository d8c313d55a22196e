/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_GEMM_H
#define MLSCORE_KERNEL_GEMM_H

/**
 * Matrix products of floats, of any strides: c += a b, where a is m x k, b is
 * k x n, c is m x n with rows next to each other.
 *
 * The product is blocked for the caches after Goto and van de Geijn, "Anatomy
 * of High-Performance Matrix Multiplication" (2008): panels of b are packed,
 * and a micro-kernel multiplies a few rows of a by a few columns in registers.
 * The micro-kernel is chosen by what the machine can do.
 */

#include <stddef.h>

#include "kernel/cpu.h"

typedef struct mlscore_matrix {
    const float *data;
    size_t row_step, column_step; /* in elements */
} mlscore_matrix;

/** Scratch, aligned to 64 bytes, that a product of this size needs; may be
 *  0. It does not grow with m, n, k beyond some megabytes. */
size_t mlscore_gemm_work(size_t m, size_t n, size_t k);

void mlscore_gemm(size_t m, size_t n, size_t k, mlscore_matrix a,
                  mlscore_matrix b, float *c, size_t c_step, void *work);

/** The same in three plain loops: the reference in tests. */
void mlscore_gemm_reference(size_t m, size_t n, size_t k, mlscore_matrix a,
                            mlscore_matrix b, float *c, size_t c_step);

/** The parts of a product. Panels are MLSCORE_GEMM_PANEL columns of b, row
 *  after row (missing columns are 0), one panel after the other; k should not
 *  exceed MLSCORE_GEMM_DEPTH, so that they stay in the cache. */
enum { MLSCORE_GEMM_DEPTH = 256 };
void mlscore_gemm_pack(size_t n, size_t k, mlscore_matrix b, float *panels);
/** c += a b for packed b, with a level's instructions (at most the
 *  machine's). */
void mlscore_gemm_panels(mlscore_cpu level, size_t m, size_t n, size_t k,
                         const float *a, size_t a_step, const float *panels,
                         float *c, size_t c_step);

/** c += a b for doubles, plain and blocked by rows. */
void mlscore_gemm_double(size_t m, size_t n, size_t k, const double *a,
                         size_t a_row, size_t a_column, const double *b,
                         size_t b_row, size_t b_column, double *c,
                         size_t c_step);

/** A dot product of floats, summed in eight parts. */
float mlscore_dot(const float *a, const float *b, size_t count);

#endif
