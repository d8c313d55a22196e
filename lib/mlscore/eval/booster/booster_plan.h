/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_BOOSTER_PLAN_H
#define MLSCORE_EVAL_BOOSTER_PLAN_H

/**
 * Private to the booster engine: what open() builds beside the image.
 */

#include "eval/booster/booster_format.h"
#include "eval/forest.h"
#include "mlscore/frame.h"

typedef struct booster_plan {
    const booster_header *header;
    const booster_column *columns;
    const booster_feature *features;
    const booster_number *numbers;
    mlscore_forest *forest; /* NULL for BOOSTER_LINEAR */
    const float *weights;   /* BOOSTER_LINEAR: [feature][output], then bias */
    const booster_linear_header *linear; /* BOOSTER_LINEAR_LEAVES */
    const booster_linear_tree *linear_trees;
    const booster_linear_leaf *linear_leaves;
    const booster_linear_term *linear_terms;
    size_t block; /* rows evaluated at once */
} booster_plan;

/** Sums of one row to predictions (booster_link.c). `prediction` has
 *  header->prediction_count numbers; sums are not changed. */
void booster_link_apply(const booster_header *header, const double *sums,
                        double *prediction);

/** The sums of `rows` rows by a linear model; features are floats, row-major,
 *  missing ones add nothing. */
void booster_linear_run(const booster_plan *plan, const float *features,
                        size_t rows, double *sums);

/** The sums of rows by trees with linear leaves. `leaves` are
 *  mlscore_forest_leaves' numbers; terms read the frame's columns. */
void booster_linear_leaves_run(const booster_plan *plan,
                               const mlscore_frame *in, size_t first_row,
                               size_t rows, const uint32_t *leaves,
                               double *sums);

/** The number that a column's cell stands for: NAN when missing. Returns 0 for
 *  a category that training did not know, else 1. */
int booster_cell(const booster_plan *plan, const mlscore_column *column,
                 uint32_t number, size_t row, double *value);

#endif
