/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_GEMM_H
#define MLSCORE_KERNEL_GEMM_H

/**
 * Matrix products of floats, of any strides: c += a b, where a is m x k, b is
 * k x n, c is m x n with rows next to each other.
 *
 * The product is blocked for the caches after Goto and van de Geijn, "Anatomy
 * of High-Performance Matrix Multiplication" (2008): panels of a and b are
 * packed, and a micro-kernel multiplies a few rows by a few columns in
 * registers. The micro-kernel is chosen by what the machine can do.
 */

#include <stddef.h>

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

/** Matrices b that are constant can be packed once. Bytes that b, k x n,
 *  takes packed; the packed form does not depend on the machine. */
size_t mlscore_gemm_packed_size(size_t n, size_t k);
void mlscore_gemm_pack(size_t n, size_t k, mlscore_matrix b, float *packed);
void mlscore_gemm_packed(size_t m, size_t n, size_t k, mlscore_matrix a,
                         const float *packed, float *c, size_t c_step,
                         void *work);

/** c += a b for doubles, plain and blocked by rows. */
void mlscore_gemm_double(size_t m, size_t n, size_t k, const double *a,
                         size_t a_row, size_t a_column, const double *b,
                         size_t b_row, size_t b_column, double *c,
                         size_t c_step);

/** A dot product of floats, summed in eight parts. */
float mlscore_dot(const float *a, const float *b, size_t count);

#endif
