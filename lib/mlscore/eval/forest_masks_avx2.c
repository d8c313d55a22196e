/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The masks kernel with AVX2.
 */

#include "eval/forest_plan.h"

#if defined(__x86_64__)

#include <stdint.h>
#include <string.h>

#define INSTRUCTIONS "avx2"
#include "eval/forest_target.h"

#define KERNEL mlscore_forest_masks_avx2
#define WIDTH 8

#include "eval/forest_masks_kernel.h"

#include "eval/forest_target_end.h"

#endif
