/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_FOREST_BUILD_H
#define MLSCORE_EVAL_FOREST_BUILD_H

/**
 * Private to the forest: what the builder collects and the packer reads.
 */

#include <stddef.h>
#include <stdint.h>

#include "eval/forest.h"

enum { FOREST_MAX_DEPTH = 8192 };

/* A node's op when it is not one of mlscore_split. */
enum { FOREST_OP_LEAF = 7, FOREST_OP_UNSET = 255 };

/** A node as the caller described it. */
typedef struct forest_build_node {
    double threshold;
    uint32_t feature;
    uint32_t left, right; /* caller's numbers within the tree */
    uint32_t pool;        /* first word of a set, first value of a leaf */
    uint32_t pool_count;  /* bits of a set, values of a leaf */
    uint8_t op;
    uint8_t missing_left;
} forest_build_node;

typedef struct forest_build_tree {
    size_t first; /* index of the tree's node 0 in `nodes` */
    uint32_t node_count;
    uint32_t depth; /* edges from the root to the deepest leaf */
} forest_build_tree;

struct mlscore_forest_builder {
    mlscore_forest_options options;
    forest_build_tree *trees;
    size_t tree_count, tree_capacity;
    forest_build_node *nodes;
    size_t node_count, node_capacity;
    uint32_t *set_words;
    size_t set_count, set_capacity;
    uint32_t *leaf_outputs; /* parallel to leaf_values */
    double *leaf_values;
    size_t leaf_count, leaf_outputs_capacity, leaf_values_capacity;
    uint32_t largest_tree; /* nodes */
};

/** Nodes of one tree in breadth-first order. `order` and `depth` have room for
 *  the tree's nodes; order[i] is a caller's number. Checks that it is a tree:
 *  every node set, reached once, not too deep. `seen` is zeroed scratch with a
 *  byte a node, and is zero again afterwards. Sets tree->depth. */
mlscore_status mlscore_forest_order(const mlscore_forest_builder *builder,
                                    size_t tree, uint32_t *order,
                                    uint32_t *depth, unsigned char *seen,
                                    mlscore_error *err);

/** Pack a checked builder (forest_pack.c). */
mlscore_status mlscore_forest_pack(const mlscore_forest_builder *builder,
                                   void **bytes, size_t *size,
                                   mlscore_error *err);

#endif
