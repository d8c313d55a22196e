/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_POOL_H
#define MLSCORE_KERNEL_POOL_H

/** Pooling of one channel. */

#include "kernel/tensor.h"
#include "kernel/window.h"

/** Largest element of each window; `places` (may be NULL) gets where it was in
 *  the channel, counted rows first, or columns first when `by_column`. FLOAT,
 *  DOUBLE, INT8, UINT8. */
void mlscore_max_pool(const mlscore_window *window, mlscore_dtype type,
                      const void *in, void *out, int64_t *places,
                      int by_column);

/** Mean of each window; padding counts when `with_padding`. FLOAT, DOUBLE. */
void mlscore_average_pool(const mlscore_window *window, mlscore_dtype type,
                          const void *in, void *out, int with_padding);

/** p-norm of each window. FLOAT, DOUBLE. */
void mlscore_norm_pool(const mlscore_window *window, mlscore_dtype type,
                       const void *in, void *out, double p);

#endif
