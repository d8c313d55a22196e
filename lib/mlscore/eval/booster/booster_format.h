/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_BOOSTER_FORMAT_H
#define MLSCORE_EVAL_BOOSTER_FORMAT_H

/**
 * The sections of a compiled booster: how columns become features, the forest
 * or the linear model, and how sums become predictions.
 */

#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

enum {
    BOOSTER_SECTION_MAIN = MLSCORE_SECTION_ENGINE, /* header and tables */
    BOOSTER_SECTION_FOREST,                        /* eval/forest.h */
    BOOSTER_SECTION_LINEAR   /* float weights, or linear leaves */
};

enum { BOOSTER_VERSION = 1 };

typedef enum booster_kind {
    BOOSTER_TREES = 0,
    BOOSTER_LINEAR_LEAVES, /* trees whose leaves are linear models */
    BOOSTER_LINEAR         /* no trees: one linear model an output */
} booster_kind;

/** From a sum ("margin", "raw score") to a prediction. The _FLOAT ones
 *  compute in float, as XGBoost does. */
typedef enum booster_link {
    BOOSTER_LINK_NONE = 0,
    BOOSTER_LINK_SIGMOID_FLOAT,
    BOOSTER_LINK_EXP_FLOAT,
    BOOSTER_LINK_HINGE,   /* above 0: 1, else 0 */
    BOOSTER_LINK_SOFTMAX_FLOAT,
    BOOSTER_LINK_ARGMAX,  /* one prediction: the first largest sum's index */
    BOOSTER_LINK_SIGMOID, /* 1 / (1 + exp(-parameter x)) */
    BOOSTER_LINK_EXP,
    BOOSTER_LINK_SOFTMAX,
    BOOSTER_LINK_SQUARE,  /* sign(x) x x */
    BOOSTER_LINK_LOG1P_EXP,
    BOOSTER_LINKS
} booster_link;

typedef struct booster_header {
    uint32_t version;
    uint32_t kind;
    uint32_t column_count;
    uint32_t feature_count;
    uint32_t number_count;   /* of category numbers */
    uint32_t output_count;   /* sums a row */
    uint32_t prediction_count;
    uint32_t link;
    double parameter;        /* of the link */
    double divisor;          /* sums are divided by it for the prediction */
    uint32_t unknown_is_error; /* a category that training did not know */
    uint32_t reserved;
} booster_header;
/* followed by booster_column[column_count], booster_number[number_count],
 * booster_feature[feature_count] */

typedef enum booster_column_kind {
    BOOSTER_COLUMN_NUMBER = 0,
    BOOSTER_COLUMN_LEVELS, /* text; the level's position is the code */
    BOOSTER_COLUMN_NUMBERS /* numbers that stand for codes */
} booster_column_kind;

typedef struct booster_column {
    uint32_t kind;
    uint32_t first; /* BOOSTER_COLUMN_NUMBERS: range of numbers, ascending */
    uint32_t count;
    uint32_t reserved;
} booster_column;

typedef struct booster_number {
    double number;
    double code;
} booster_number;

/** What a feature of the forest is made of. */
typedef enum booster_use {
    BOOSTER_USE_VALUE = 0,    /* the column's value, missing is NAN */
    BOOSTER_USE_MISSING_ZERO, /* missing counts as 0 */
    BOOSTER_USE_ZERO_MISSING, /* |value| <= 1e-35 is missing */
    BOOSTER_USE_CATEGORY      /* towards zero to a whole number */
} booster_use;

typedef struct booster_feature {
    uint32_t column;
    uint32_t use;
} booster_feature;

/** BOOSTER_LINEAR_LEAVES: a header, then trees, leaves and terms. */
typedef struct booster_linear_header {
    uint32_t tree_count;
    uint32_t leaf_count;
    uint32_t term_count;
    uint32_t reserved;
} booster_linear_header;

typedef struct booster_linear_tree {
    uint32_t first_leaf;
    uint32_t leaf_count;
    uint32_t first_number; /* the forest's number of leaf 0 */
    uint32_t output;
} booster_linear_tree;

typedef struct booster_linear_leaf {
    double constant;
    double otherwise; /* when one of its columns is missing */
    uint32_t first_term;
    uint32_t term_count;
} booster_linear_leaf;

typedef struct booster_linear_term {
    double coefficient;
    uint32_t column;
    uint32_t reserved;
} booster_linear_term;

#endif
