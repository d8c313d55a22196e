/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OPS_OPS_H
#define MLSCORE_EVAL_GRAPH_OPS_OPS_H

/** The operator tables, one a file of this folder. */

#include <stddef.h>

#include "eval/graph/op.h"

typedef struct mlscore_op_table {
    const mlscore_op *rows;
    size_t count;
} mlscore_op_table;

extern const mlscore_op_table mlscore_ops_unary;    /* op_unary.c */
extern const mlscore_op_table mlscore_ops_binary;   /* op_binary.c */
extern const mlscore_op_table mlscore_ops_cast;     /* op_cast.c */
extern const mlscore_op_table mlscore_ops_shape;    /* op_shape.c */
extern const mlscore_op_table mlscore_ops_move;     /* op_move.c */
extern const mlscore_op_table mlscore_ops_slice;    /* op_slice.c */
extern const mlscore_op_table mlscore_ops_pad;      /* op_pad.c */
extern const mlscore_op_table mlscore_ops_gather;   /* op_gather.c */
extern const mlscore_op_table mlscore_ops_reduce;   /* op_reduce.c */
extern const mlscore_op_table mlscore_ops_order;    /* op_order.c */
extern const mlscore_op_table mlscore_ops_matmul;   /* op_matmul.c */
extern const mlscore_op_table mlscore_ops_norm;     /* op_norm.c */
extern const mlscore_op_table mlscore_ops_conv;     /* op_conv.c */
extern const mlscore_op_table mlscore_ops_pool;     /* op_pool.c */
extern const mlscore_op_table mlscore_ops_resize;   /* op_resize.c */
extern const mlscore_op_table mlscore_ops_control;  /* op_control.c */
extern const mlscore_op_table mlscore_ops_text;     /* op_text.c */
extern const mlscore_op_table mlscore_ops_tokens;   /* op_tokens.c */
extern const mlscore_op_table mlscore_ops_tfidf;    /* op_tfidf.c */
extern const mlscore_op_table mlscore_ops_rx_hash;      /* rx_hash.c */
extern const mlscore_op_table mlscore_ops_rx_text;      /* rx_text.c */
extern const mlscore_op_table mlscore_ops_rx_sentiment; /* rx_sentiment.c */
extern const mlscore_op_table mlscore_ops_rx_image;     /* rx_image.c */
extern const mlscore_op_table mlscore_ops_quantize;  /* op_quantize.c */
extern const mlscore_op_table mlscore_ops_quantized; /* op_quantized.c */
extern const mlscore_op_table mlscore_ops_recurrent; /* op_recurrent.c */
extern const mlscore_op_table mlscore_ops_einsum;    /* op_einsum.c */
extern const mlscore_op_table mlscore_ops_unique;    /* op_unique.c */
extern const mlscore_op_table
    mlscore_ops_linear_algebra; /* op_linear_algebra.c */
extern const mlscore_op_table mlscore_ops_grid;      /* op_grid.c */
extern const mlscore_op_table mlscore_ops_attention; /* op_attention.c */
extern const mlscore_op_table mlscore_ops_tokens_order; /* op_tokens_order.c */
extern const mlscore_op_table mlscore_ops_ml_linear;
extern const mlscore_op_table mlscore_ops_ml_svm;
extern const mlscore_op_table mlscore_ops_ml_scale;
extern const mlscore_op_table mlscore_ops_ml_encode;
extern const mlscore_op_table mlscore_ops_ml_label;
extern const mlscore_op_table mlscore_ops_ml_tree;

/** The functions of MatMul and Conv, on which quantised ones are built. */
mlscore_status mlscore_matmul_infer(mlscore_call *call);
mlscore_status mlscore_matmul_run(const mlscore_call *call);
mlscore_status mlscore_conv_prepare(mlscore_prepare *prepare);
mlscore_status mlscore_conv_infer(mlscore_call *call);
mlscore_status mlscore_conv_run_call(const mlscore_call *call);

#define MLSCORE_OP_TABLE(name, rows) \
    const mlscore_op_table name = {rows, sizeof(rows) / sizeof((rows)[0])}

#endif
