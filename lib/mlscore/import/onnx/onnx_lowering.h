/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_ONNX_ONNX_LOWERING_H
#define MLSCORE_IMPORT_ONNX_ONNX_LOWERING_H

/** Private to lowering: names and what they stand for. */

#include "import/onnx/name_map.h"
#include "import/onnx/onnx_lower.h"

/* What a name stands for. */
struct binding {
    mlscore_onnx_form form;
    uint32_t value;         /* AS_TENSOR, AS_MAPS */
    uint32_t *values;       /* AS_SEQUENCE */
    size_t count;           /* of values, or of keys */
    const mlscore_text *keys;
    const int64_t *numbers;
};

struct capture {
    uint32_t outer, inner;
    struct capture *next;
};

/* The names of one graph, or of one function's body within a graph. */
struct scope {
    struct scope *outer; /* the graph around a subgraph; NULL for functions */
    mlscore_graph *graph;
    mlscore_name_map names;
    struct capture *captures, **captures_end;
    uint32_t capture_count;
    const mlscore_onnx_opset *opsets;
    size_t opset_count;
    const mlscore_onnx_node *caller; /* of the function; its attributes */
    const mlscore_onnx_function *function;
    const struct scope *caller_scope;
    unsigned depth;
};

struct lowering {
    const mlscore_onnx_model *model;
    mlscore_arena *arena;
    mlscore_error *err;
    size_t budget; /* nodes that may still be made: inlining multiplies */
};

/** Memory of the model's arena, zeroed; NULL when there is none. */
void *mlscore_lower_take(struct lowering *lower, size_t count, size_t size);
mlscore_status mlscore_lower_no_memory(struct lowering *lower);

/** From now on `name` stands for `binding`, which is copied. */
mlscore_status mlscore_lower_bind(struct lowering *lower, struct scope *scope,
                                  const char *name,
                                  const struct binding *binding);
/** A new constant of that name. */
mlscore_status mlscore_lower_constant(struct lowering *lower,
                                      struct scope *scope, const char *name,
                                      const mlscore_tensor *tensor);
/** What a node's input stands for; fails when nothing before it makes it. */
mlscore_status mlscore_lower_need(struct lowering *lower, struct scope *scope,
                                  const mlscore_onnx_node *node,
                                  const char *name,
                                  const struct binding **out);
/** The same of an input that must be a tensor. */
mlscore_status mlscore_lower_tensor(struct lowering *lower,
                                    struct scope *scope,
                                    const mlscore_onnx_node *node,
                                    const char *name, uint32_t *out);
/** A node of the graph for a node of the model. */
mlscore_status mlscore_lower_plain(struct lowering *lower,
                                   struct scope *scope,
                                   const mlscore_onnx_node *from);

/** Operators on sequences and optional values, which become lists of tensors
 *  (onnx_sequences.c); *done is 0 when the node is none of them. */
mlscore_status mlscore_lower_sequence(struct lowering *lower,
                                      struct scope *scope,
                                      const mlscore_onnx_node *node,
                                      int *done);

#endif
