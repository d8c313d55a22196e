/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_FOREST_PLAN_H
#define MLSCORE_EVAL_FOREST_PLAN_H

/**
 * Private to the forest: an opened forest and the functions that evaluate it,
 * grouped under their files' names.
 */

#include "eval/forest_format.h"
#include "kernel/cpu.h"

/** Leaves of a group's trees for up to FOREST_BLOCK rows. `block` holds the
 *  virtual features, [feature][FOREST_BLOCK]; leaves are
 *  [tree of the group][FOREST_BLOCK]. Rows are rounded up to 16. */
typedef void forest_masks_function(const mlscore_forest *forest,
                                   const forest_group *group,
                                   const float *block, uint32_t rows,
                                   uint32_t *leaves);

struct mlscore_forest {
    const forest_header *header;
    const forest_tree *trees;
    const forest_run *runs;
    uint32_t run_count;
    const forest_virtual *virtuals;
    uint32_t virtual_count;
    const double *cuts;
    const forest_group *groups;
    const forest_lane *lanes;
    const float *mask_cuts;
    const uint32_t *masks;
    const uint16_t *mask_features;
    const forest_walk_node *walk;
    const forest_wide_node *wide;
    const uint8_t *order;
    const forest_general_node *general;
    const uint32_t *sets;
    const forest_value *sparse;
    const float *leaf_floats;
    const double *leaf_doubles;
    const uint32_t *numbers;
    const forest_quick *quick;
    const float *quick_cuts;
    const uint32_t *quick_keeps;
    const uint32_t *quick_words;
    const float *quick_marks;
    const uint32_t *quick_masks;
    const forest_quick_set *quick_sets;
    const uint32_t *buckets;

    mlscore_cpu level;
    forest_masks_function *masks_leaves;
    uint32_t block;      /* rows at once, a multiple of FOREST_BLOCK */
    uint32_t few;        /* so many rows are evaluated one by one */
    int identity;        /* virtual feature i is feature i as it is */
    int has_masks, has_walk, has_general;
    uint32_t most_quick; /* of a run: features, */
    uint32_t most_words; /* and words of leaves */
};

/** Use at most these instructions (tests). */
void mlscore_forest_limit(mlscore_forest *forest, mlscore_cpu level);

/* --- forest_features.c ------------------------------------------------------
 */

/** Floats in a row of virtual features: count + 1 NAN, rounded up so that
 *  64 can be loaded at once. */
size_t mlscore_forest_row_width(const mlscore_forest *forest);
/** One row's virtual features, then NAN. */
void mlscore_forest_fill_row(const mlscore_forest *forest,
                             const void *features, size_t row, float *out);
/** [virtual feature][FOREST_BLOCK]; rows up to the next 16 repeat the last. */
void mlscore_forest_fill_block(const mlscore_forest *forest,
                               const void *features, size_t first,
                               uint32_t rows, float *block);

/* --- forest_masks*.c
 * ---------------------------------------------------------- */

forest_masks_function mlscore_forest_masks_plain;
#if defined(__x86_64__)
forest_masks_function mlscore_forest_masks_avx2;
forest_masks_function mlscore_forest_masks_avx512;

/** One row, at most 64 virtual features: leaves of each lane of a group. */
void mlscore_forest_row_masks_avx512(const mlscore_forest *forest,
                                     const forest_group *group,
                                     const float *row, uint32_t *words);
/** One row of a run of `single` groups with float sums: added to `sum`. */
float mlscore_forest_row_sum_avx512(const mlscore_forest *forest,
                                    const forest_run *run, const float *row,
                                    float sum);
/** The same for double sums. */
double mlscore_forest_row_sum_double_avx512(const mlscore_forest *forest,
                                            const forest_run *run,
                                            const float *row, double sum);
/** The same from the words of mlscore_forest_quick_leaves. */
float mlscore_forest_words_sum_avx512(const mlscore_forest *forest,
                                      const forest_run *run,
                                      const uint32_t *words, float sum);
double mlscore_forest_words_sum_double_avx512(const mlscore_forest *forest,
                                              const forest_run *run,
                                              const uint32_t *words,
                                              double sum);
/** sums[r] += the leaf's float, for a tree of one word. */
void mlscore_forest_add_avx512(const float *values, const uint32_t *leaves,
                               uint32_t rows, float *sums);
void mlscore_forest_add_double_avx512(const double *values,
                                      const uint32_t *leaves, uint32_t rows,
                                      double *sums);
/** out[r] = how many of the ascending cuts are <= x[r * width], or than its
 *  negative; NAN stays. Rows are a multiple of 16. */
void mlscore_forest_ranks_avx512(const double *cuts, uint32_t count,
                                 const double *x, size_t width, int negative,
                                 uint32_t rows, float *out);
#endif

/* --- forest_quick.c
 * ----------------------------------------------------------- */

/** Is what the run says of its cuts sound? */
int mlscore_forest_quick_ok(const mlscore_forest *forest,
                            const forest_run *run);
/** Bytes of scratch that the runs looked up by cuts need. */
size_t mlscore_forest_quick_scratch(const mlscore_forest *forest);
/** One row: the leaves that remain in each word of the run, in scratch. */
const uint32_t *mlscore_forest_quick_leaves(const mlscore_forest *forest,
                                            const forest_run *run,
                                            const float *row, void *scratch);

/* --- forest_walk.c
 * ------------------------------------------------------------ */

/** Leaves of one tree for rows of virtual features, `width` floats apart. `out`
 *  gets the leaf node's union as bits, or with `nodes` the node's position. */
void mlscore_forest_walk_rows(const mlscore_forest *forest,
                              const forest_tree *tree, const float *rows,
                              size_t width, uint32_t count, int nodes,
                              uint32_t *out);
/** One row through all trees of a walkable run: `out` gets, for each tree, the
 *  leaf node's union as bits. */
void mlscore_forest_walk_run(const mlscore_forest *forest,
                             const forest_run *run, const float *row,
                             uint32_t window, uint32_t *out);

/* --- forest_general.c
 * --------------------------------------------------------- */

/** The leaf of a general tree. */
const forest_general_node *mlscore_forest_general_leaf(
    const mlscore_forest *forest, const forest_tree *tree,
    const void *features, size_t row);

/** Combine a value with a sum as the forest's options say. Nothing yet is NAN
 *  for minimum and maximum. */
double mlscore_forest_combine(const forest_header *header, double sum,
                              double value);

/* --- forest_plain.c
 * ------------------------------------------------------------ */

/** The reference: the same as mlscore_forest_run and _leaves from the same
 *  bytes, row by row and tree by tree without vectors or interleaving. `leaves`
 *  may be NULL. */
void mlscore_forest_run_plain(const mlscore_forest *forest,
                              const void *features, size_t rows, double *out,
                              uint32_t *leaves, void *scratch);

#endif
