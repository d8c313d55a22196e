/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_GRAPH_H
#define MLSCORE_EVAL_GRAPH_GRAPH_H

/**
 * Graphs of operators on tensors: what an importer builds, what an image
 * holds, what is evaluated.
 *
 * A graph has values and nodes. A value is an input, a constant or the output
 * of one node; nodes are in an order in which each comes after those it reads
 * from. Subgraphs (bodies of If, Loop, Scan) are graphs in an attribute; what
 * they use of the graph around them is passed as further inputs of the node,
 * so that no graph refers to another's values. docs/internals/graphs.md
 */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kernel/tensor.h"
#include "mlscore/body.h"
#include "mlscore/error.h"

/** In a node's inputs or outputs: left out. */
#define MLSCORE_NO_VALUE UINT32_MAX

/** Kinds of attributes; the numbers are ONNX's AttributeType. */
typedef enum mlscore_attr_kind {
    MLSCORE_ATTR_FLOAT = 1,
    MLSCORE_ATTR_INT = 2,
    MLSCORE_ATTR_STRING = 3,
    MLSCORE_ATTR_TENSOR = 4,
    MLSCORE_ATTR_GRAPH = 5,
    MLSCORE_ATTR_FLOATS = 6,
    MLSCORE_ATTR_INTS = 7,
    MLSCORE_ATTR_STRINGS = 8
} mlscore_attr_kind;

typedef struct mlscore_attr {
    const char *name;
    mlscore_attr_kind kind;
    uint32_t count; /* of a list's elements; 1 for the others */
    union {
        const float *floats;
        const int64_t *ints;
        const mlscore_text *strings;
        const mlscore_tensor *tensor;
        struct mlscore_graph *graph;
    } of;
} mlscore_attr;

typedef struct mlscore_node {
    const char *name; /* for messages; may be "" */
    const char *op;
    const char *domain; /* "" is ai.onnx */
    int32_t version;    /* of the domain's operator set */
    uint32_t input_count, output_count, attr_count;
    uint32_t captured; /* inputs at the end that only subgraphs read */
    const uint32_t *inputs; /* values or MLSCORE_NO_VALUE */
    const uint32_t *outputs;
    const mlscore_attr *attrs;
    /* Set by mlscore_graph_prepare: */
    const struct mlscore_op *kind; /* row of the operator table */
    void *state;                   /* what the operator prepared */
    uint32_t release_from;         /* values nobody needs after this node: */
    uint32_t release_count;        /* a range of graph->releases */
} mlscore_node;

typedef struct mlscore_value {
    const char *name;
    mlscore_tensor tensor; /* as declared; data is set for constants */
} mlscore_value;

typedef struct mlscore_graph {
    mlscore_arena *arena; /* names, constants, states; the outermost owns it */
    struct mlscore_graph *parent;
    struct mlscore_graph *children; /* subgraphs, chained by `next` */
    struct mlscore_graph *next;
    mlscore_value *values;
    mlscore_node *nodes;
    uint32_t value_count, node_count;
    size_t value_capacity, node_capacity;
    const uint32_t *inputs, *outputs;
    uint32_t input_count, output_count;
    /* Set by mlscore_graph_prepare: */
    uint32_t *releases;
    uint32_t *roots;     /* the value whose memory each value shares */
    uint32_t most_ports; /* most inputs and outputs of one node */
    int prepared;
} mlscore_graph;

/** A graph, or a subgraph of `parent` that is freed with it. */
mlscore_status mlscore_graph_create(mlscore_graph **out, mlscore_graph *parent,
                                    mlscore_error *err);
/** Free an outermost graph and all below it; accepts NULL. */
void mlscore_graph_free(mlscore_graph *graph);

/** Add a value; `name` stays the caller's unless it is in graph->arena. */
mlscore_status mlscore_graph_value(mlscore_graph *graph, const char *name,
                                   uint32_t *value, mlscore_error *err);
/** Add a node; the lists it points to must live as long as the graph. */
mlscore_status mlscore_graph_node(mlscore_graph *graph,
                                  const mlscore_node *node,
                                  mlscore_error *err);

/** Find every node's operator (MLSCORE_EUNSUPPORTED names node, operator,
 *  domain and operator set when there is none), let it check and digest its
 *  attributes, and note when each value is used last. */
mlscore_status mlscore_graph_prepare(mlscore_graph *graph, mlscore_error *err);

/** Evaluate at once the nodes that depend on constants only; their outputs
 *  become constants. Results above `limit` bytes that are more than four
 *  times their inputs stay unevaluated; SIZE_MAX evaluates everything. */
mlscore_status mlscore_graph_fold(mlscore_graph *graph, size_t limit,
                                  mlscore_error *err);

/** Drop nodes and values that no output depends on, renumber the rest; a
 *  prepared graph must be prepared again. */
mlscore_status mlscore_graph_prune(mlscore_graph *graph, mlscore_error *err);

/** Append the graph's records to `records` and its constants, each aligned
 *  to 64 bytes, to `data`. */
mlscore_status mlscore_graph_write(const mlscore_graph *graph,
                                   mlscore_buffer *records,
                                   mlscore_buffer *data, mlscore_error *err);
/** Read what mlscore_graph_write wrote, trusting none of it. Constants are
 *  borrowed from `data`, which is aligned to 64 bytes. */
mlscore_status mlscore_graph_read(mlscore_graph **out, const void *records,
                                  size_t records_size, const void *data,
                                  size_t data_size, mlscore_error *err);

/** "node 'x' (Domain::Op, operator set 9)" for messages; returns `out`. */
const char *mlscore_node_text(const mlscore_node *node, char *out,
                              size_t size);

#endif
