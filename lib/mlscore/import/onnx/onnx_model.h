/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_MODEL_H
#define MLSCORE_IMPORT_ONNX_ONNX_MODEL_H

/**
 * An ONNX ModelProto as it is in the file: the messages of onnx.proto that
 * matter, as plain structures in an arena. Names and texts are terminated
 * copies; tensors hold their elements decoded.
 */

#include "base/arena.h"
#include "kernel/tensor.h"
#include "mlscore/error.h"

typedef struct mlscore_onnx_tensor {
    const char *name;
    mlscore_tensor tensor; /* data never NULL */
} mlscore_onnx_tensor;

typedef struct mlscore_onnx_attr {
    const char *name;
    const char *reference; /* the function's attribute to use, or NULL */
    int kind;              /* AttributeType */
    size_t count;
    union {
        const float *floats;
        const int64_t *ints;
        const mlscore_text *strings;
        const mlscore_onnx_tensor *tensor;
        const struct mlscore_onnx_graph *graph;
    } of;
} mlscore_onnx_attr;

typedef struct mlscore_onnx_node {
    const char *name, *op, *domain, *overload;
    const char **inputs, **outputs;
    mlscore_onnx_attr *attrs;
    size_t input_count, output_count, attr_count;
} mlscore_onnx_node;

/** What a value is: a tensor, or something made of tensors. */
typedef enum mlscore_onnx_kind {
    MLSCORE_ONNX_UNTYPED = 0,
    MLSCORE_ONNX_TENSOR,
    MLSCORE_ONNX_SEQUENCE,
    MLSCORE_ONNX_MAP,
    MLSCORE_ONNX_OTHER
} mlscore_onnx_kind;

typedef struct mlscore_onnx_value {
    const char *name;
    mlscore_onnx_kind kind;
    mlscore_tensor shape;  /* of a TENSOR; type and dimensions */
    const char *symbol[MLSCORE_TENSOR_RANK]; /* dim_param or NULL */
    /* Of an input that was a map (onnx_maps.h), its keys: texts or numbers. */
    const mlscore_text *keys;
    const int64_t *key_numbers;
    size_t key_count;
} mlscore_onnx_value;

typedef struct mlscore_onnx_graph {
    mlscore_onnx_node *nodes;
    mlscore_onnx_tensor *initializers;
    mlscore_onnx_value *inputs, *outputs, *infos;
    size_t node_count, initializer_count, input_count, output_count,
        info_count;
} mlscore_onnx_graph;

typedef struct mlscore_onnx_opset {
    const char *domain;
    int64_t version;
} mlscore_onnx_opset;

typedef struct mlscore_onnx_function {
    const char *domain, *name, *overload;
    const char **inputs, **outputs;
    const char **attrs;          /* names without a default */
    mlscore_onnx_attr *defaults; /* attributes with one */
    mlscore_onnx_node *nodes;
    mlscore_onnx_opset *opsets;
    size_t input_count, output_count, attr_count, default_count, node_count,
        opset_count;
} mlscore_onnx_function;

typedef struct mlscore_onnx_model {
    int64_t ir_version;
    const char *producer, *producer_version;
    mlscore_onnx_opset *opsets;
    mlscore_onnx_function *functions;
    size_t opset_count, function_count;
    mlscore_onnx_graph graph;
} mlscore_onnx_model;

/** Read a whole model; what it points to is in `arena`. `max_nodes` bounds the
 *  number of nodes, `max_depth` of graphs within graphs. */
mlscore_status mlscore_onnx_parse(mlscore_onnx_model *out,
                                  const unsigned char *bytes, size_t size,
                                  size_t max_nodes, unsigned max_depth,
                                  mlscore_arena *arena, mlscore_error *err);

/** Read one TensorProto. */
mlscore_status mlscore_onnx_parse_tensor(mlscore_onnx_tensor *out,
                                         const unsigned char *bytes,
                                         size_t size, mlscore_arena *arena,
                                         mlscore_error *err);

/** 0 when the bytes cannot be a ModelProto, else a confidence up to 90. */
int mlscore_onnx_sniff(const unsigned char *bytes, size_t size);

#endif
