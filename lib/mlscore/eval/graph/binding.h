/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_BINDING_H
#define MLSCORE_EVAL_GRAPH_BINDING_H

/** How columns of frames become a graph's inputs and its outputs columns. */

#include "eval/graph/graph.h"

/** Sections of a graph's image. */
enum {
    MLSCORE_GRAPH_RECORDS = 64, /* graph_read.c */
    MLSCORE_GRAPH_DATA = 65,
    MLSCORE_GRAPH_BINDING = 66
};

typedef enum mlscore_rows_mode {
    MLSCORE_ROWS_APART = 0, /* any number at a time gives the same */
    MLSCORE_ROWS_WHOLE,     /* all rows of a call at once */
    MLSCORE_ROWS_SINGLE     /* the graph takes one row */
} mlscore_rows_mode;

/** A range of columns: one input's, in order, or one output's. */
typedef struct mlscore_port {
    uint32_t value;        /* position in graph->inputs or graph->outputs */
    uint32_t first, count; /* fields of the schema */
    uint8_t has_rows;      /* its dimension 0 is the rows */
} mlscore_port;

typedef struct mlscore_binding {
    mlscore_rows_mode mode;
    mlscore_port *inputs, *outputs; /* one for each of the graph's inputs */
    uint32_t input_count, output_count;
} mlscore_binding;

mlscore_status mlscore_binding_write(const mlscore_binding *binding,
                                     mlscore_buffer *out, mlscore_error *err);
/** Read and check against the graph and the schemas; lists in `arena`. */
mlscore_status mlscore_binding_read(mlscore_binding *out, const void *bytes,
                                    size_t size, const mlscore_graph *graph,
                                    const mlscore_schema *inputs,
                                    const mlscore_schema *outputs,
                                    mlscore_arena *arena, mlscore_error *err);

/** The shape of input i for a number of rows. */
mlscore_tensor mlscore_binding_shape(const mlscore_graph *graph,
                                     const mlscore_port *port, int64_t rows);

#endif
