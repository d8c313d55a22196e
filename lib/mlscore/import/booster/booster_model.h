/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_BOOSTER_MODEL_H
#define MLSCORE_IMPORT_BOOSTER_MODEL_H

/**
 * A boosted model between its file and its image: what the XGBoost and
 * LightGBM readers fill in, and what booster_write.c makes an image of.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "eval/booster/booster_format.h"
#include "eval/forest.h"
#include "image/image.h"
#include "mlscore/import.h"

/** One input column. Texts live in the model's arena. */
typedef struct booster_input {
    const char *name;
    booster_column_kind kind;
    mlscore_text *labels;   /* BOOSTER_COLUMN_LEVELS */
    booster_number *numbers; /* BOOSTER_COLUMN_NUMBERS */
    uint32_t category_count;
} booster_input;

typedef struct booster_model {
    const mlscore_import_options *options;
    mlscore_arena *arena;

    const char *format;      /* "XGBoost JSON" */
    char producer[80];       /* "xgboost 3.2.0" */
    char objective[64];
    const char *margin_name; /* "margin" or "raw_score" */
    int single;              /* outputs are floats */
    int by_position;         /* column names are made up */

    booster_kind kind;
    booster_input *inputs;
    uint32_t input_count;
    booster_feature *features;
    uint32_t feature_count;
    uint32_t output_count;
    uint32_t tree_count;     /* as the user counts them */
    booster_link link;
    double parameter;
    double divisor;
    int unknown_is_error;

    mlscore_forest_builder *forest; /* NULL for BOOSTER_LINEAR */
    const float *weights;           /* (feature_count + 1) * output_count */

    /* BOOSTER_LINEAR_LEAVES */
    booster_linear_tree *linear_trees;
    size_t linear_tree_count, linear_tree_capacity;
    booster_linear_leaf *linear_leaves;
    size_t linear_leaf_count, linear_leaf_capacity;
    booster_linear_term *linear_terms;
    size_t linear_term_count, linear_term_capacity;
} booster_model;

mlscore_status booster_model_init(booster_model *model,
                                  const mlscore_import_options *options,
                                  mlscore_error *err);
void booster_model_free(booster_model *model);

mlscore_status booster_no_memory(mlscore_error *err);

/** Give a column its categories by numbers: number i stands for code i. They
 *  are sorted here; equal ones are refused. */
mlscore_status booster_input_numbers(booster_model *model,
                                     booster_input *input,
                                     const double *numbers, uint32_t count,
                                     mlscore_error *err);

/** A finished image builder with schema, texts and sections. */
mlscore_status booster_model_write(booster_model *model,
                                   mlscore_image_builder **out,
                                   mlscore_error *err);

#endif
