/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_GRAPH_OP_H
#define MLSCORE_EVAL_GRAPH_OP_H

/**
 * Operators: a table of rows, and what their functions are given.
 *
 * Adding one is a row in a table of ops/ and its functions:
 *   prepare  once: check attributes, make the state (in the graph's arena)
 *   infer    types and shapes of outputs from those of the inputs, and from
 *            input values when they are known already
 *   run      fill the outputs
 *   batch    whether rows of the batch stay apart (see mlscore_batch_rule)
 */

#include "eval/graph/graph.h"

typedef struct mlscore_prepare {
    mlscore_graph *graph;
    mlscore_node *node;
    mlscore_error *err;
    mlscore_status status; /* the first failure; sticky */
    uint64_t taken;        /* attributes that were asked for, as bits */
} mlscore_prepare;

typedef struct mlscore_call {
    const mlscore_node *node;
    const void *state;
    uint32_t in_count, out_count;
    const mlscore_tensor *const *in; /* NULL: left out */
    mlscore_tensor *const *out;      /* never NULL; unwanted ones are spare */
    size_t work_size;                /* scratch that run needs, set by infer */
    void *work;                      /* given to run, aligned to 64 bytes */
    mlscore_arena *texts;            /* where run puts bytes of new texts */
    mlscore_error *err;
} mlscore_call;

/** Where the batch dimension lies in each tensor: -1 not there. */
#define MLSCORE_BATCH_NONE (-1)

/** Given the dimension that holds the rows in each input, say where it is in
 *  each output; return 0 when rows do not stay apart. Inputs are concrete. */
typedef int mlscore_batch_rule(const mlscore_call *call, const int *in,
                               int *out);

enum {
    /* Output 0 is input 0 with another shape: nothing is copied. */
    MLSCORE_OP_ALIAS = 1,
    /* Works on bytes of any element size, so halves need no widening. */
    MLSCORE_OP_MOVES = 2,
    /* The shape of an output is only known by running. */
    MLSCORE_OP_DYNAMIC = 4,
    /* Not to be evaluated ahead (random, or has a subgraph). */
    MLSCORE_OP_NO_FOLD = 8,
    /* Output 0 may lie where an input of the same shape and type lay. */
    MLSCORE_OP_IN_PLACE = 16,
    /* run looks at the shapes of its inputs only, not at their elements. */
    MLSCORE_OP_SHAPE_ONLY = 32
};

typedef struct mlscore_op {
    const char *domain, *name;
    int16_t since, until; /* operator sets; until 0: the newest known */
    uint8_t min_in, max_in, min_out, max_out; /* 255: any number */
    uint16_t flags;
    uint16_t shape_inputs; /* bits: inputs that only say shapes or places */
    uint32_t types;        /* element types of input 0, 0: the op checks */
    mlscore_status (*prepare)(mlscore_prepare *prepare);
    mlscore_status (*infer)(mlscore_call *call);
    mlscore_status (*run)(const mlscore_call *call);
    mlscore_batch_rule *batch;
    void (*destroy)(void *state); /* NULL unless state owns more than arena */
    int detail;                   /* distinguishes rows with the same code */
} mlscore_op;

/** The row for an operator, or NULL; `known` (may be NULL) says whether the
 *  name exists at any version. */
const mlscore_op *mlscore_op_find(const char *domain, const char *name,
                                  int version, int *known);
/** Number of rows, and the i-th: for tests and the reference page. */
size_t mlscore_op_count(void);
const mlscore_op *mlscore_op_at(size_t i);
/** Newest operator set that is known of a domain, 0 for unknown domains. */
int mlscore_opset_newest(const char *domain);

/* --- attributes, for prepare -------------------------------------------- */

/** Memory of the graph; NULL sets the failure. */
void *mlscore_prepare_alloc(mlscore_prepare *prepare, size_t count,
                            size_t size);
/** Fail with a message about the node; returns the status. */
mlscore_status mlscore_prepare_fail(mlscore_prepare *prepare,
                                    mlscore_status status, const char *format,
                                    ...) MLSCORE_PRINTF(3, 4);
const mlscore_attr *mlscore_take(mlscore_prepare *prepare, const char *name,
                                 mlscore_attr_kind kind);
int64_t mlscore_take_int(mlscore_prepare *prepare, const char *name,
                         int64_t fallback);
float mlscore_take_float(mlscore_prepare *prepare, const char *name,
                         float fallback);
/** Lists: the count goes to *count; NULL and 0 when absent. */
const int64_t *mlscore_take_ints(mlscore_prepare *prepare, const char *name,
                                 size_t *count);
const float *mlscore_take_floats(mlscore_prepare *prepare, const char *name,
                                 size_t *count);
const mlscore_text *mlscore_take_strings(mlscore_prepare *prepare,
                                         const char *name, size_t *count);
const mlscore_tensor *mlscore_take_tensor(mlscore_prepare *prepare,
                                          const char *name);
/** A text attribute; `fallback` when absent. Not terminated. */
mlscore_text mlscore_take_string(mlscore_prepare *prepare, const char *name,
                                 const char *fallback);
/** Position of a text attribute's value in a NULL-ended list of words; fails
 *  when it is none of them. */
int mlscore_take_word(mlscore_prepare *prepare, const char *name,
                      const char *const *words, int fallback);
/** Say that an attribute is known and does not matter. */
void mlscore_take_ignored(mlscore_prepare *prepare, const char *name);

/* --- for infer and run --------------------------------------------------- */

/** Fail with a message about the node. */
mlscore_status mlscore_call_fail(const mlscore_call *call,
                                 mlscore_status status, const char *format,
                                 ...) MLSCORE_PRINTF(3, 4);
/** Input i is there. */
static inline int mlscore_has_input(const mlscore_call *call, uint32_t i)
{
    return i < call->in_count && call->in[i];
}

/** Give output `i` a type and the shape of `like` (whose type counts not). */
void mlscore_out_shape(const mlscore_call *call, uint32_t i,
                       mlscore_dtype type, const mlscore_tensor *like);
/** Give output `i` a type and a shape. */
void mlscore_out_dims(const mlscore_call *call, uint32_t i,
                      mlscore_dtype type, int rank, const int64_t *dims);
/** Give output `i` a type and no shape yet. */
void mlscore_out_unknown(const mlscore_call *call, uint32_t i,
                         mlscore_dtype type);
/** In run of a DYNAMIC operator: memory for output i, whose type and shape
 *  are set; fails when it is too large. */
mlscore_status mlscore_out_alloc(const mlscore_call *call, uint32_t i);

/** Fail unless input i has rank `rank`. Unknown ranks pass. */
mlscore_status mlscore_need_rank(const mlscore_call *call, uint32_t i,
                                 int rank);
/** Fail unless input i's type is in the set. */
mlscore_status mlscore_need_types(const mlscore_call *call, uint32_t i,
                                  uint32_t types);
/** Input i as whole numbers: *known is 0 when its values are not known yet.
 *  Fails on another type or more than `most` elements. */
mlscore_status mlscore_int_input(const mlscore_call *call, uint32_t i,
                                 int64_t *out, size_t most, size_t *count,
                                 int *known);
/** Make `axis` lie in [0, rank); fails when it does not. */
mlscore_status mlscore_need_axis(const mlscore_call *call, int64_t axis,
                                 int rank, int *out);
/** Broadcast two shapes (unknown dimensions stay unknown where they must);
 *  fails when they do not fit. */
mlscore_status mlscore_broadcast(const mlscore_call *call,
                                 const mlscore_tensor *a,
                                 const mlscore_tensor *b, mlscore_tensor *out);

/* --- rules for batch ------------------------------------------------------ */

/** All inputs are broadcast against each other. */
mlscore_batch_rule mlscore_batch_elementwise;
/** Input 0 has the rows in dimension 0 and so have all outputs; the other
 *  inputs have none. */
mlscore_batch_rule mlscore_batch_rows;

#endif
