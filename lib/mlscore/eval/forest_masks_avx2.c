/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The masks kernel with AVX2.
 */

#include "eval/forest_plan.h"

#if defined(__x86_64__)

#pragma GCC target("avx2")

#define KERNEL mlscore_forest_masks_avx2
#define WIDTH 8

#include "eval/forest_masks_kernel.h"

#endif
