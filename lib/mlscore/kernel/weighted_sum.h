/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_WEIGHTED_SUM_H
#define MLSCORE_KERNEL_WEIGHTED_SUM_H

/** Sums over columns: what a linear model does with many rows. */

#include <stddef.h>

/** sums[i] += weights[0] * columns[0][i] + ... of `count` columns, in that
 *  order, i < rows; cells are rounded to float first. Memory is the limit, so
 *  there is one version for all machines. */
void mlscore_weighted_sum(float *sums, const double *const *columns,
                          const float *weights, size_t count, size_t rows);

#endif
