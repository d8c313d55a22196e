/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear boosters, and trees with a linear model in each leaf.
 */

#include <math.h>

#include "eval/booster/booster_plan.h"

/* The bias comes first and features follow in order, in float: XGBoost's
 * order. */
void booster_linear_run(const booster_plan *plan, const float *features,
                        size_t rows, double *sums)
{
    const uint32_t width = plan->header->feature_count;
    const uint32_t outputs = plan->header->output_count;
    const float *bias = plan->weights + (size_t)width * outputs;

    for (size_t row = 0; row < rows; row++) {
        const float *x = features + row * width;

        for (uint32_t k = 0; k < outputs; k++) {
            float sum = bias[k];

            for (uint32_t f = 0; f < width; f++) {
                if (!isnan(x[f])) {
                    sum += x[f] * plan->weights[(size_t)f * outputs + k];
                }
            }
            sums[row * outputs + k] = sum;
        }
    }
}

static double leaf_value(const booster_plan *plan,
                         const booster_linear_leaf *leaf,
                         const mlscore_frame *in, size_t row)
{
    const booster_linear_term *terms = plan->linear_terms + leaf->first_term;
    double sum = leaf->constant;

    for (uint32_t i = 0; i < leaf->term_count; i++) {
        double value;

        booster_cell(plan, &in->columns[terms[i].column], terms[i].column, row,
                     &value);
        if (isnan(value)) {
            return leaf->otherwise;
        }
        sum += terms[i].coefficient * value;
    }
    return sum;
}

void booster_linear_leaves_run(const booster_plan *plan,
                               const mlscore_frame *in, size_t first_row,
                               size_t rows, const uint32_t *leaves,
                               double *sums)
{
    const uint32_t trees = plan->linear->tree_count;
    const uint32_t outputs = plan->header->output_count;

    for (size_t row = 0; row < rows; row++) {
        double *out = sums + row * outputs;

        for (uint32_t k = 0; k < outputs; k++) {
            out[k] = 0;
        }
        for (uint32_t t = 0; t < trees; t++) {
            const booster_linear_tree *tree = &plan->linear_trees[t];
            const uint32_t leaf =
                leaves[row * trees + t] - tree->first_number;

            /* The forest's numbers were checked to be inside when opened, as
             * far as that can be told; a damaged one is held inside here. */
            out[tree->output] += leaf_value(
                plan,
                &plan->linear_leaves[tree->first_leaf +
                                     leaf % tree->leaf_count],
                in, first_row + row);
        }
    }
}
