/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference evaluation of a packed forest: what the fast kernels must
 * agree with, bit by bit.
 */

#include <math.h>
#include <string.h>

#include "eval/forest_plan.h"

/* The leaf of a tree of masks, by all of its conditions. */
static uint32_t masks_leaf(const mlscore_forest *forest,
                           const forest_group *group, uint32_t lane,
                           uint32_t words, const float *row)
{
    for (uint32_t w = 0; w < words; w++, lane++) {
        const forest_lane counts =
            forest->lanes[(group - forest->groups) * FOREST_LANES + lane];
        uint32_t good = UINT32_MAX;

        for (uint32_t i = 0; i < counts.cut_count; i++) {
            const size_t at = (group->slots + (size_t)i) * FOREST_LANES + lane;

            if (!(row[forest->mask_features[at]] < forest->mask_cuts[at])) {
                good &= ~forest->masks[at];
            }
        }
        for (uint32_t i = 0; i < counts.set_count; i++) {
            const size_t at =
                (group->slots + (size_t)group->cut_slots + i) * FOREST_LANES +
                lane;
            uint32_t bits, set;

            memcpy(&bits, &row[forest->mask_features[at]], sizeof(bits));
            memcpy(&set, &forest->mask_cuts[at], sizeof(set));
            if (bits & set) {
                good &= ~forest->masks[at];
            }
        }
        if (good) {
            return w * FOREST_WORD + (uint32_t)__builtin_ctz(good);
        }
    }
    return words * FOREST_WORD - 1;
}

/* The value of leaf `index` for output k of its payload. */
static double leaf_value(const mlscore_forest *forest, const forest_tree *tree,
                         uint32_t index, uint32_t k)
{
    const uint32_t width = tree->payload == FOREST_PAYLOAD_ONE
                               ? 1
                               : forest->header->output_count;
    const size_t at = tree->values + (size_t)index * width + k;

    return forest->header->sum == MLSCORE_FOREST_SUM_FLOAT
               ? forest->leaf_floats[at]
               : forest->leaf_doubles[at];
}

static void add_payload(const mlscore_forest *forest, const forest_tree *tree,
                        uint32_t index, double *sums)
{
    const forest_header *header = forest->header;

    if (tree->payload == FOREST_PAYLOAD_ONE) {
        double *sum = &sums[tree->output];

        *sum = mlscore_forest_combine(header, *sum,
                                      leaf_value(forest, tree, index, 0));
        return;
    }
    for (uint32_t k = 0; k < header->output_count; k++) {
        sums[k] = mlscore_forest_combine(header, sums[k],
                                         leaf_value(forest, tree, index, k));
    }
}

/* A walk tree: one node after the other. Returns the leaf's number. */
static uint32_t add_walk(const mlscore_forest *forest, const forest_tree *tree,
                         const float *row, double *sums)
{
    uint32_t place, bits;

    mlscore_forest_walk_rows(forest, tree, row, 0, 1, 1, &place);
    mlscore_forest_walk_rows(forest, tree, row, 0, 1, 0, &bits);
    if (tree->payload == FOREST_PAYLOAD_ONE &&
        forest->header->sum == MLSCORE_FOREST_SUM_FLOAT) {
        float value;

        memcpy(&value, &bits, sizeof(value));
        sums[tree->output] = mlscore_forest_combine(
            forest->header, sums[tree->output], value);
    }
    else {
        add_payload(forest, tree, bits, sums);
    }
    return forest->numbers[tree->numbers + place];
}

static uint32_t add_general(const mlscore_forest *forest,
                            const forest_tree *tree, const void *features,
                            size_t row, double *sums)
{
    const forest_general_node *leaf =
        mlscore_forest_general_leaf(forest, tree, features, row);
    const forest_value *values = forest->sparse + leaf->pool;

    for (uint32_t i = 0; i < leaf->pool_count; i++) {
        double *sum = &sums[values[i].output];

        *sum = mlscore_forest_combine(forest->header, *sum, values[i].value);
    }
    return leaf->number;
}

static uint32_t add_masks(const mlscore_forest *forest,
                          const forest_group *group, uint32_t *lane,
                          const forest_tree *tree, const float *row,
                          double *sums)
{
    const uint32_t index =
        masks_leaf(forest, group, *lane, tree->words, row);

    *lane += tree->words;
    add_payload(forest, tree, index, sums);
    return forest->numbers[tree->numbers + index];
}

/* All trees of a run for one row. */
static void add_run(const mlscore_forest *forest, const forest_run *run,
                    const void *features, size_t row, const float *virtuals,
                    double *sums, uint32_t *leaves)
{
    const forest_group *group = forest->groups + run->first_group;
    uint32_t lane = 0;

    for (uint32_t t = run->first_tree; t < run->first_tree + run->tree_count;
         t++) {
        const forest_tree *tree = &forest->trees[t];
        uint32_t number;

        switch (run->class_) {
        case FOREST_CLASS_MASKS:
            if (t == group->first_tree + group->tree_count) {
                group++;
                lane = 0;
            }
            number = add_masks(forest, group, &lane, tree, virtuals, sums);
            break;
        case FOREST_CLASS_WALK:
            number = add_walk(forest, tree, virtuals, sums);
            break;
        default:
            number = add_general(forest, tree, features, row, sums);
            break;
        }
        if (leaves) {
            leaves[t] = number;
        }
    }
}

void mlscore_forest_run_plain(const mlscore_forest *forest,
                              const void *features, size_t rows, double *out,
                              uint32_t *leaves, void *scratch)
{
    const forest_header *header = forest->header;
    const uint32_t outputs = header->output_count;
    float *virtuals = scratch;

    for (size_t row = 0; row < rows; row++) {
        double *sums = out + row * outputs;

        mlscore_forest_fill_row(forest, features, row, virtuals);
        for (uint32_t k = 0; k < outputs; k++) {
            sums[k] = header->combine ? NAN : 0.0;
        }
        for (uint32_t i = 0; i < forest->run_count; i++) {
            add_run(forest, &forest->runs[i], features, row, virtuals, sums,
                    leaves ? leaves + row * header->tree_count : NULL);
        }
        for (uint32_t k = 0; header->combine && k < outputs; k++) {
            sums[k] = isnan(sums[k]) ? 0.0 : sums[k];
        }
    }
}
