/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_REDUCE_H
#define MLSCORE_KERNEL_REDUCE_H

/** Reductions along one dimension of a tensor seen as [outer, dim, inner]. */

#include "kernel/tensor.h"

typedef enum mlscore_reduce {
    MLSCORE_REDUCE_SUM = 0,
    MLSCORE_REDUCE_MEAN,
    MLSCORE_REDUCE_MAX,
    MLSCORE_REDUCE_MIN,
    MLSCORE_REDUCE_PROD,
    MLSCORE_REDUCE_SUM_SQUARE,
    MLSCORE_REDUCE_L1,
    MLSCORE_REDUCE_L2,
    MLSCORE_REDUCE_LOG_SUM,
    MLSCORE_REDUCE_LOG_SUM_EXP
} mlscore_reduce;

/** out is [outer, inner] of the same type (FLOAT, DOUBLE, INT32, INT64).
 *  Floats are summed as double. Returns -1 for another type. */
int mlscore_reduce_run(mlscore_reduce function, mlscore_dtype type, void *out,
                       const void *in, size_t outer, size_t dim, size_t inner);

/** Positions of the largest (or smallest) elements; the first of equal ones,
 *  or the last. */
int mlscore_arg_run(int smallest, int last, mlscore_dtype type, int64_t *out,
                    const void *in, size_t outer, size_t dim, size_t inner);

typedef enum mlscore_softmax {
    MLSCORE_SOFTMAX = 0,
    MLSCORE_LOG_SOFTMAX,
    MLSCORE_HARDMAX /* 1 for the first largest, else 0 */
} mlscore_softmax;

/** FLOAT or DOUBLE; out may be in. */
void mlscore_softmax_run(mlscore_softmax function, mlscore_dtype type,
                         void *out, const void *in, size_t outer, size_t dim,
                         size_t inner);

#endif
