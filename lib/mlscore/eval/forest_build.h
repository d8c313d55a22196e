/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_FOREST_BUILD_H
#define MLSCORE_EVAL_FOREST_BUILD_H

/**
 * Private to the forest: what the builder collects and how it is packed,
 * grouped under the files' names.
 */

#include <stddef.h>
#include <stdint.h>

#include "eval/forest.h"
#include "eval/forest_format.h"

/* A node's op before it is described. */
enum { FOREST_OP_UNSET = 255 };

/** A node as the caller described it. */
typedef struct forest_build_node {
    double threshold;
    uint32_t feature;
    uint32_t left, right; /* caller's numbers within the tree */
    uint32_t pool;        /* first word of a set, first value of a leaf */
    uint32_t pool_count;  /* bits of a set, values of a leaf */
    uint8_t op;           /* mlscore_split, FOREST_OP_LEAF or _UNSET */
    uint8_t missing_left;
} forest_build_node;

typedef struct forest_build_tree {
    size_t first; /* index of the tree's node 0 in `nodes` */
    uint32_t node_count;
    /* found by mlscore_forest_inspect */
    uint32_t depth; /* edges from the root to the deepest leaf */
    uint32_t leaves;
    uint32_t output;
    uint8_t payload;  /* forest_payload */
    uint8_t class_;   /* forest_class */
    uint8_t walkable; /* conditions are cuts only */
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

/* --- forest_inspect.c
 * --------------------------------------------------------- */

/** Check that the builder's tree is a tree: every node set, reached once, not
 *  too deep. Finds its depth, leaves and payload. `order` has room for the
 *  tree's nodes, gets their numbers breadth-first; `seen` is zeroed scratch of
 *  a byte a node and is zero again afterwards. */
mlscore_status mlscore_forest_inspect(const mlscore_forest_builder *builder,
                                      size_t tree, uint32_t *order,
                                      uint32_t *depth, unsigned char *seen,
                                      mlscore_error *err);
/** Choose every tree's class. */
void mlscore_forest_classify(const mlscore_forest_builder *builder);

/* --- forest_condition.c
 * ------------------------------------------------------- */

typedef enum forest_condition_kind {
    FOREST_CONDITION_CUT = 0, /* x, or -x, < cut: first child */
    FOREST_CONDITION_EQUAL,   /* x < cut and -x < negative_cut: first child */
    FOREST_CONDITION_SET,     /* in the set: second child */
    FOREST_CONDITION_NONE     /* cannot be brought into these forms */
} forest_condition_kind;

/** A split in normal form. Missing goes to the second child, except that a
 *  SET has a bit for it. */
typedef struct forest_condition {
    forest_condition_kind kind;
    int negative;
    double cut;
    double negative_cut;
    int missing_in_set;
    uint32_t first, second; /* children, caller's numbers */
} forest_condition;

forest_condition mlscore_forest_condition(const mlscore_forest_builder *builder,
                                          const forest_build_node *node);

/* --- forest_virtuals.c
 * --------------------------------------------------------- */

/** The virtual features of the fast trees. The maps go from a feature to
 *  1 + the virtual feature, 0 for none. */
typedef struct forest_virtuals {
    forest_virtual *items;
    uint32_t count;
    uint32_t *value_of, *negative_of, *word_of;
    uint32_t *categories; /* the bit for missing; 0: no sets */
    double *cuts;
    size_t cut_count;
    int too_fine; /* a feature has more cuts than a float can count */
    int is_double;
} forest_virtuals;

mlscore_status mlscore_forest_virtuals_make(
    forest_virtuals *virtuals, const mlscore_forest_builder *builder,
    mlscore_error *err);
void mlscore_forest_virtuals_free(forest_virtuals *virtuals);
/** A cut as it is compared: itself, or its rank. */
float mlscore_forest_virtual_cut(const forest_virtuals *virtuals,
                                 uint32_t virtual_feature, double cut);

/* --- forest_pack.c
 * -------------------------------------------------------------- */

/** A section while it is made. */
typedef struct forest_packer {
    const mlscore_forest_builder *builder;
    mlscore_error *err;
    forest_virtuals virtuals;
    struct {
        void *items;
        size_t count, capacity;
    } arrays[FOREST_ARRAYS];
    /* scratch, largest_tree elements each */
    uint32_t *order, *places, *stack;
    unsigned char *seen;
} forest_packer;

extern const size_t mlscore_forest_array_sizes[FOREST_ARRAYS];

mlscore_status mlscore_forest_pack(const mlscore_forest_builder *builder,
                                   void **bytes, size_t *size,
                                   mlscore_error *err);
/** `count` more zeroed elements of an array, NULL when memory runs out. They
 *  move when more are taken. */
void *mlscore_forest_take(forest_packer *packer, int array, size_t count);
mlscore_status mlscore_forest_no_memory(mlscore_error *err);

/* --- forest_pack_buckets.c
 * ------------------------------------------------------ */

/** Give the virtual features of many cuts buckets. */
mlscore_status mlscore_forest_pack_buckets(forest_packer *packer);

/* --- forest_pack_quick.c
 * -------------------------------------------------------- */

/** Is a run of masks looked up by its cuts? */
int mlscore_forest_wants_quick(const forest_run *run);
/** Sort the conditions of a run of packed masks. */
mlscore_status mlscore_forest_pack_quick(forest_packer *packer,
                                         forest_run *run);

/* --- forest_pack_masks.c, forest_pack_walk.c
 * ------------------------------------ */

/** Pack the trees of a masks run into groups. */
mlscore_status mlscore_forest_pack_masks(forest_packer *packer,
                                         forest_run *run);
/** Pack a tree's walk nodes. `leaf_index` gives a leaf's number by the
 *  caller's, NULL to count them as they come. */
mlscore_status mlscore_forest_pack_walk(forest_packer *packer,
                                        uint32_t tree,
                                        const uint32_t *leaf_index);
/** The value that a leaf adds to output k of its payload. */
double mlscore_forest_leaf_value(const mlscore_forest_builder *builder,
                                 const forest_build_node *leaf, uint32_t k);

#endif
