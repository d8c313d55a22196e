/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_KERNEL_LAYOUT_H
#define MLSCORE_KERNEL_LAYOUT_H

/** Laying elements of any size out in another order. */

#include <stddef.h>
#include <stdint.h>

/** out's dimension i is in's dimension perm[i]. Ranks up to 8. */
void mlscore_transpose(void *out, const void *in, int rank,
                       const int64_t *dims, const int *perm, size_t size);

#endif
