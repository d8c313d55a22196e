/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The masks kernel with the instructions that every machine of the target
 * architecture has.
 */

#include "eval/forest_plan.h"

#define KERNEL mlscore_forest_masks_plain
#define WIDTH 4

#include "eval/forest_masks_kernel.h"
