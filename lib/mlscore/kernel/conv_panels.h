/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_CONV_PANELS_H
#define MLSCORE_KERNEL_CONV_PANELS_H

/** Private to the convolutions: the windows of output places as packed panels
 *  of a matrix product (gemm.h), without a column matrix in between.
 *
 *  A picture is copied once into a padded one, in which nothing lies outside;
 *  its lines are split by the stride (all elements 0, s, 2s ..., then 1, s + 1
 *  ...), so that an element of neighbouring windows is always a stretch of a
 *  line. */

#include "kernel/conv.h"

/** How a padded picture of one group lies. */
typedef struct mlscore_padded {
    size_t phase;  /* floats of a line's part */
    size_t line;   /* floats of a line: stride parts */
    size_t lines;  /* of a slice */
    size_t slices; /* of a channel */
    size_t channels;
    size_t floats; /* of all, and what may be read beyond */
} mlscore_padded;

/** Returns 0 when padding would make far too much of the picture. */
int mlscore_padded_make(mlscore_padded *padded, const mlscore_conv *conv);
void mlscore_padded_fill(const mlscore_padded *padded, const mlscore_conv *conv,
                         const float *x, float *out);
/** Where each element of a window is, from where its first one is. */
void mlscore_padded_taps(const mlscore_padded *padded, const mlscore_conv *conv,
                         size_t *taps);

/** Rows first..first+k-1 of the panels of `count` places from `place` on.
 *  Writes up to a panel's row beyond their end. */
void mlscore_padded_panels(const mlscore_padded *padded,
                           const mlscore_conv *conv, const float *picture,
                           const size_t *taps, size_t place, size_t count,
                           size_t first, size_t k, float *panels);

#endif
