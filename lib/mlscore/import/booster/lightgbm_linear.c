/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaves that are linear models (linear_tree=true).
 */

#include "base/alloc.h"
#include "import/booster/lightgbm.h"

static mlscore_status wrong(const lightgbm_text *text, const char *what)
{
    return lightgbm_error(text, MLSCORE_EFORMAT, "linear leaves: %s", what);
}

static mlscore_status add_term(lightgbm_model *lightgbm,
                               const lightgbm_text *text, double column,
                               double coefficient)
{
    booster_model *model = lightgbm->model;

    if (!(column >= 0 && column < lightgbm->column_count) ||
        column != (double)(uint32_t)column) {
        return wrong(text, "leaf_features names a column that is not there");
    }
    if (mlscore_grow(&model->linear_terms, &model->linear_term_capacity,
                     model->linear_term_count, sizeof(*model->linear_terms))) {
        return booster_no_memory(text->err);
    }
    model->linear_terms[model->linear_term_count++] = (booster_linear_term){
        .coefficient = coefficient, .column = (uint32_t)column};
    return MLSCORE_OK;
}

mlscore_status lightgbm_add_linear(lightgbm_model *lightgbm,
                                   const lightgbm_text *text,
                                   uint32_t leaf_count, uint32_t output,
                                   const lightgbm_numbers *leaf_values,
                                   const lightgbm_numbers *constants,
                                   const lightgbm_numbers *counts,
                                   const lightgbm_numbers *columns,
                                   const lightgbm_numbers *coefficients)
{
    booster_model *model = lightgbm->model;
    const int linear = constants->count > 0;
    size_t at = 0;

    if (mlscore_grow(&model->linear_trees, &model->linear_tree_capacity,
                     model->linear_tree_count, sizeof(*model->linear_trees))) {
        return booster_no_memory(text->err);
    }
    model->linear_trees[model->linear_tree_count++] = (booster_linear_tree){
        .first_leaf = (uint32_t)model->linear_leaf_count,
        .leaf_count = leaf_count,
        .first_number = leaf_count - 1,
        .output = output,
    };
    if (linear &&
        (constants->count != leaf_count || counts->count != leaf_count ||
         columns->count != coefficients->count)) {
        return wrong(text, "lists differ in length");
    }
    for (uint32_t i = 0; i < leaf_count; i++) {
        const double terms = linear ? counts->values[i] : 0;

        if (!(terms >= 0 && terms <= (double)(columns->count - at))) {
            return wrong(text, "num_features counts more than there are");
        }
        if (mlscore_grow(&model->linear_leaves, &model->linear_leaf_capacity,
                         model->linear_leaf_count,
                         sizeof(*model->linear_leaves))) {
            return booster_no_memory(text->err);
        }
        model->linear_leaves[model->linear_leaf_count++] =
            (booster_linear_leaf){
                .constant =
                    linear ? constants->values[i] : leaf_values->values[i],
                .otherwise = leaf_values->values[i],
                .first_term = (uint32_t)model->linear_term_count,
                .term_count = (uint32_t)terms,
            };
        for (uint32_t t = 0; t < (uint32_t)terms; t++, at++) {
            const mlscore_status status =
                add_term(lightgbm, text, columns->values[at],
                         coefficients->values[at]);

            if (status != MLSCORE_OK) {
                return status;
            }
        }
    }
    return MLSCORE_OK;
}
