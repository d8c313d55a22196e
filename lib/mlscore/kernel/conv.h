/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_CONV_H
#define MLSCORE_KERNEL_CONV_H

/** Convolutions of floats, channels first, as matrix products: the windows of
 *  a tile of output places become columns (im2col), which the weights
 *  multiply. The columns are made as the panels that the product wants
 *  (conv_panels.h). Convolutions of one channel each are plain loops. */

#include "kernel/window.h"

typedef struct mlscore_conv {
    mlscore_window window;
    size_t channels, filters; /* of all groups */
    size_t groups;
    int relu; /* mlscore_conv_run: results below 0 become 0 */
} mlscore_conv;

/** Bytes of 64-byte-aligned scratch. */
size_t mlscore_conv_work(const mlscore_conv *conv);

/** One picture: x is [channels, in...], weights [filters, channels / groups,
 *  size...], bias [filters] or NULL, y [filters, out...]. */
void mlscore_conv_run(const mlscore_conv *conv, const float *x,
                      const float *weights, const float *bias, float *y,
                      void *work);

/** The same by definition: the reference in tests, and for doubles. */
void mlscore_conv_reference(const mlscore_conv *conv, const float *x,
                            const float *weights, const float *bias, float *y);
void mlscore_conv_double(const mlscore_conv *conv, const double *x,
                         const double *weights, const double *bias, double *y);

/** The transpose: x is [filters, out...], y [channels, in...] and set to the
 *  bias [channels] first; weights [filters, channels / groups, size...]. */
void mlscore_conv_transpose(const mlscore_conv *conv, const float *x,
                            const float *weights, const float *bias, float *y);

#endif
