/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_OP_WINDOW_H
#define MLSCORE_EVAL_GRAPH_OPS_OP_WINDOW_H

/** The attributes that convolutions and pooling share. */

#include "eval/graph/op.h"
#include "kernel/window.h"

typedef enum mlscore_auto_pad {
    MLSCORE_PAD_NOTSET = 0,
    MLSCORE_PAD_SAME_UPPER,
    MLSCORE_PAD_SAME_LOWER,
    MLSCORE_PAD_VALID
} mlscore_auto_pad;

typedef struct mlscore_sliding {
    const int64_t *kernel, *strides, *dilations, *pads;
    size_t kernel_count, stride_count, dilation_count, pad_count;
    mlscore_auto_pad auto_pad;
    int ceil;
} mlscore_sliding;

/** Read kernel_shape, strides, dilations, pads, auto_pad and (pooling)
 *  ceil_mode; values are checked to be sensible. */
void mlscore_take_sliding(mlscore_prepare *prepare, mlscore_sliding *out,
                          int pooling);

/** The window for an input [N, C, spatial...] of known shape. `kernel` is used
 *  when the attribute is absent. */
mlscore_status mlscore_make_window(const mlscore_call *call,
                                   const mlscore_sliding *sliding,
                                   const mlscore_tensor *in,
                                   const int64_t *kernel, mlscore_window *out);

#endif
