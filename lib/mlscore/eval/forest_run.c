/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluates a forest over rows.
 */

#include <math.h>

#include "eval/forest_build.h"
#include "eval/forest_format.h"

/* Is the category in the node's set? */
static int in_set(const mlscore_forest *forest, const forest_general_node *node,
                  double value)
{
    if (!(value >= 0 && value < node->pool_count)) {
        return 0;
    }
    const uint32_t category = (uint32_t)value;

    return forest->sets[node->pool + category / 32] >> category % 32 & 1;
}

static int goes_left(const mlscore_forest *forest,
                     const forest_general_node *node, double value)
{
    if (isnan(value)) {
        return node->missing_left;
    }
    switch (node->op) {
    case MLSCORE_SPLIT_LE:
        return value <= node->threshold;
    case MLSCORE_SPLIT_LT:
        return value < node->threshold;
    case MLSCORE_SPLIT_GE:
        return value >= node->threshold;
    case MLSCORE_SPLIT_GT:
        return value > node->threshold;
    case MLSCORE_SPLIT_EQ:
        return value == node->threshold;
    case MLSCORE_SPLIT_NE:
        return value != node->threshold;
    default:
        return in_set(forest, node, value);
    }
}

static double feature_at(const mlscore_forest *forest, const void *features,
                         size_t row, uint32_t feature)
{
    const size_t at = row * forest->header->feature_count + feature;

    return forest->header->number == MLSCORE_FOREST_FLOAT
               ? (double)((const float *)features)[at]
               : ((const double *)features)[at];
}

static const forest_general_node *walk(const mlscore_forest *forest,
                                       const forest_tree *tree,
                                       const void *features, size_t row)
{
    const forest_general_node *nodes = forest->general + tree->first;
    const forest_general_node *node = nodes;

    while (node->op != FOREST_OP_LEAF) {
        const double value = feature_at(forest, features, row, node->feature);

        node = nodes + node->left + !goes_left(forest, node, value);
    }
    return node;
}

/* NAN stands for "nothing yet" with minimum and maximum. */
static double combine(const forest_header *header, double sum, double value)
{
    if (header->sum == MLSCORE_FOREST_SUM_FLOAT) {
        value = (float)value;
    }
    switch (header->combine) {
    case 1:
        return sum <= value ? sum : value;
    case 2:
        return sum >= value ? sum : value;
    default:
        return header->sum == MLSCORE_FOREST_SUM_FLOAT
                   ? (double)((float)sum + (float)value)
                   : sum + value;
    }
}

size_t mlscore_forest_scratch(const mlscore_forest *forest)
{
    (void)forest;
    return 64;
}

void mlscore_forest_run(const mlscore_forest *forest, const void *features,
                        size_t rows, double *out, void *scratch)
{
    const forest_header *header = forest->header;
    const uint32_t outputs = header->output_count;

    (void)scratch;
    for (size_t row = 0; row < rows; row++) {
        double *sums = out + row * outputs;

        for (uint32_t k = 0; k < outputs; k++) {
            sums[k] = header->combine ? NAN : 0.0;
        }
        for (uint32_t t = 0; t < header->tree_count; t++) {
            const forest_general_node *leaf =
                walk(forest, &forest->trees[t], features, row);
            const forest_value *values = forest->values + leaf->pool;

            for (uint32_t i = 0; i < leaf->pool_count; i++) {
                double *sum = &sums[values[i].output];

                *sum = combine(header, *sum, values[i].value);
            }
        }
        for (uint32_t k = 0; header->combine && k < outputs; k++) {
            sums[k] = isnan(sums[k]) ? 0.0 : sums[k];
        }
    }
}

void mlscore_forest_leaves(const mlscore_forest *forest, const void *features,
                           size_t rows, uint32_t *out, void *scratch)
{
    const uint32_t trees = forest->header->tree_count;

    (void)scratch;
    for (size_t row = 0; row < rows; row++) {
        for (uint32_t t = 0; t < trees; t++) {
            out[row * trees + t] =
                walk(forest, &forest->trees[t], features, row)->number;
        }
    }
}
