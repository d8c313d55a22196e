/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_WINDOW_H
#define MLSCORE_KERNEL_WINDOW_H

/** Windows that slide over up to three spatial dimensions. With fewer, the
 *  first ones are of size 1. */

#include <stddef.h>
#include <stdint.h>

enum { MLSCORE_SPATIAL = 3 };

typedef struct mlscore_window {
    int64_t in[MLSCORE_SPATIAL];     /* size of the input */
    int64_t out[MLSCORE_SPATIAL];    /* number of windows */
    int64_t size[MLSCORE_SPATIAL];   /* of a window, in elements */
    int64_t stride[MLSCORE_SPATIAL];
    int64_t dilation[MLSCORE_SPATIAL];
    int64_t before[MLSCORE_SPATIAL]; /* padding */
    int64_t after[MLSCORE_SPATIAL];
} mlscore_window;

static inline size_t mlscore_volume(const int64_t *dims)
{
    return (size_t)(dims[0] * dims[1] * dims[2]);
}

#endif
