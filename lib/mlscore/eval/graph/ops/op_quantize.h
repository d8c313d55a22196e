/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_OP_QUANTIZE_H
#define MLSCORE_EVAL_GRAPH_OPS_OP_QUANTIZE_H

/** Whole numbers that stand for reals. */

#include "eval/graph/op.h"

/** What can be stored: whole numbers of at most 32 bits, small types. */
#define MLSCORE_DTS_QUANTIZED \
    (MLSCORE_DTS_SMALL | \
     (MLSCORE_DTS_INTEGER & \
      ~(MLSCORE_DT_BIT(MLSCORE_DT_INT64) | MLSCORE_DT_BIT(MLSCORE_DT_UINT64))))

/** The least and the largest value of a whole type of at most 32 bits. */
void mlscore_quantized_range(mlscore_dtype type, double *least, double *most);

/** Element i of `out` is the whole number `value`, cut to the type's range;
 *  NaN becomes 0. */
void mlscore_quantized_store(void *out, mlscore_dtype type, size_t i,
                             double value);

#endif
