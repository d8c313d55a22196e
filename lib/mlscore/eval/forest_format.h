/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_FOREST_FORMAT_H
#define MLSCORE_EVAL_FOREST_FORMAT_H

/**
 * Private to the forest: the bytes of a packed forest.
 *
 * A header, then arrays aligned to 64 bytes, found by offset and count. All
 * numbers are little-endian; the structs below are laid over the bytes, which
 * is why a big-endian machine refuses to open them. docs/internals/trees.md
 * explains the choices.
 */

#include <stddef.h>
#include <stdint.h>

#include "eval/forest.h"

#define FOREST_MAGIC "mlsforst"

enum { FOREST_VERSION = 1 };

enum {
    FOREST_ARRAY_TREES = 0, /* forest_tree */
    FOREST_ARRAY_GENERAL,   /* forest_general_node */
    FOREST_ARRAY_SETS,      /* uint32_t words of category sets */
    FOREST_ARRAY_VALUES,    /* forest_value */
    FOREST_ARRAYS
};

typedef struct forest_array {
    uint64_t offset;
    uint64_t count;
} forest_array;

typedef struct forest_header {
    char magic[8];
    uint32_t version;
    uint32_t feature_count;
    uint32_t output_count;
    uint32_t tree_count;
    uint8_t number;
    uint8_t sum;
    uint8_t combine;
    uint8_t reserved[5];
    forest_array arrays[FOREST_ARRAYS];
} forest_header;

typedef struct forest_tree {
    uint32_t first;      /* the root, in the array of its kind */
    uint32_t node_count;
    uint32_t depth;
    uint32_t reserved;
} forest_tree;

/** What one leaf adds to one output. */
typedef struct forest_value {
    double value;
    uint32_t output;
    uint32_t reserved;
} forest_value;

/** A node of a tree with any kind of split. Children lie side by side. */
typedef struct forest_general_node {
    double threshold;
    uint32_t feature;
    uint32_t left;     /* within the tree; right is left + 1 */
    uint32_t pool;     /* first set word, or first value of a leaf */
    uint32_t pool_count; /* set bits, or values of a leaf */
    uint32_t number;   /* the caller's, for mlscore_forest_leaves */
    uint8_t op;        /* mlscore_split, or FOREST_OP_LEAF */
    uint8_t missing_left;
    uint16_t reserved;
} forest_general_node;

/** The opened forest: pointers into the section. */
struct mlscore_forest {
    const forest_header *header;
    const forest_tree *trees;
    const forest_general_node *general;
    const uint32_t *sets;
    const forest_value *values;
};

#endif
