/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trees with any kind of split and any kind of leaf, node by node.
 */

#include <math.h>

#include "eval/forest_plan.h"

/* Is the category in the node's set? */
static int in_set(const mlscore_forest *forest,
                  const forest_general_node *node, double value)
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

const forest_general_node *mlscore_forest_general_leaf(
    const mlscore_forest *forest, const forest_tree *tree,
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

double mlscore_forest_combine(const forest_header *header, double sum,
                              double value)
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
