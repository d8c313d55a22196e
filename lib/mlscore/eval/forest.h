/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_FOREST_H
#define MLSCORE_EVAL_FOREST_H

/**
 * The tree evaluator that every source of trees shares: boosters, ONNX tree
 * ensembles, PMML forests of plain binary splits.
 *
 * An importer describes trees with a builder; the builder packs them into one
 * section (breadth-first nodes, offsets only, deterministic). Opening checks
 * the section once; evaluation then runs without bounds checks or branches on
 * data. A forest maps `feature_count` numbers a row to `output_count` sums.
 */

#include <stddef.h>
#include <stdint.h>

#include "mlscore/error.h"

/** When a row goes to the left (first) child. */
typedef enum mlscore_split {
    MLSCORE_SPLIT_LE = 0, /* value <= threshold */
    MLSCORE_SPLIT_LT,     /* value <  threshold */
    MLSCORE_SPLIT_GE,
    MLSCORE_SPLIT_GT,
    MLSCORE_SPLIT_EQ,
    MLSCORE_SPLIT_NE,
    MLSCORE_SPLIT_IN      /* integer part of value is in the node's bit set;
                             negative, too large or fractional-out-of-range
                             values are not */
} mlscore_split;

typedef enum mlscore_forest_number {
    MLSCORE_FOREST_FLOAT = 0, /* features and thresholds compared as float */
    MLSCORE_FOREST_DOUBLE     /* compared as double */
} mlscore_forest_number;

typedef enum mlscore_forest_sum {
    MLSCORE_FOREST_SUM_FLOAT = 0, /* leaves added as float, in tree order */
    MLSCORE_FOREST_SUM_DOUBLE     /* leaves added as double, in tree order */
} mlscore_forest_sum;

typedef struct mlscore_forest_options {
    uint32_t feature_count;
    uint32_t output_count;
    mlscore_forest_number number;
    mlscore_forest_sum sum;
    /* How outputs combine over trees: 0 sum, 1 minimum, 2 maximum. Averages
     * and base values are the caller's, after the forest. */
    int combine;
} mlscore_forest_options;

typedef struct mlscore_forest_builder mlscore_forest_builder;

mlscore_status mlscore_forest_builder_create(
    mlscore_forest_builder **out, const mlscore_forest_options *options,
    mlscore_error *err);
void mlscore_forest_builder_free(mlscore_forest_builder *builder);

/** Begin the next tree. Its nodes are numbered by the caller from 0 (the
 *  root) in any order; every node is set exactly once. */
mlscore_status mlscore_forest_tree(mlscore_forest_builder *builder,
                                   uint32_t node_count, mlscore_error *err);

/** A split node. `missing_left`: where NAN goes. Thresholds of a FLOAT forest
 *  are rounded to float by the caller. */
mlscore_status mlscore_forest_split(mlscore_forest_builder *builder,
                                    uint32_t node, uint32_t feature,
                                    mlscore_split split, double threshold,
                                    uint32_t left, uint32_t right,
                                    int missing_left, mlscore_error *err);

/** A categorical split: `bits` has bit_count bits, least significant first. */
mlscore_status mlscore_forest_split_set(mlscore_forest_builder *builder,
                                        uint32_t node, uint32_t feature,
                                        const uint32_t *bits,
                                        size_t bit_count, uint32_t left,
                                        uint32_t right, int missing_left,
                                        mlscore_error *err);

/** A leaf that adds `values[i]` to output `outputs[i]`, i < count. A leaf
 *  for one output in every tree is the fast case. Several calls for one leaf
 *  are not allowed; count may be 0. */
mlscore_status mlscore_forest_leaf(mlscore_forest_builder *builder,
                                   uint32_t node, const uint32_t *outputs,
                                   const double *values, size_t count,
                                   mlscore_error *err);

/** Pack: checks that every tree is a tree (each node reached once, depth
 *  within limits). *bytes is freed with free(). */
mlscore_status mlscore_forest_builder_finish(mlscore_forest_builder *builder,
                                             void **bytes, size_t *size,
                                             mlscore_error *err);

/** An opened forest over a section's bytes, which stay where they are. */
typedef struct mlscore_forest mlscore_forest;

mlscore_status mlscore_forest_open(mlscore_forest **out, const void *bytes,
                                   size_t size, mlscore_error *err);
void mlscore_forest_free(mlscore_forest *forest);

uint32_t mlscore_forest_features(const mlscore_forest *forest);
uint32_t mlscore_forest_outputs(const mlscore_forest *forest);
uint32_t mlscore_forest_trees(const mlscore_forest *forest);
mlscore_forest_number mlscore_forest_number_of(const mlscore_forest *forest);

/** Bytes of 64-byte-aligned scratch that evaluation needs, any row count. */
size_t mlscore_forest_scratch(const mlscore_forest *forest);

/** Evaluate. `features` is row-major, rows x feature_count, floats for a FLOAT
 *  forest and doubles otherwise; missing is NAN. `out` is row-major, rows x
 *  output_count doubles (float sums widened), overwritten. */
void mlscore_forest_run(const mlscore_forest *forest, const void *features,
                        size_t rows, double *out, void *scratch);

/** Per-tree leaves, for votes and medians: for each row and tree the leaf's
 *  number, as the caller numbered it in the builder; out is rows x trees. */
void mlscore_forest_leaves(const mlscore_forest *forest, const void *features,
                           size_t rows, uint32_t *out, void *scratch);

#endif
