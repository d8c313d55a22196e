/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_BOOSTER_LIGHTGBM_H
#define MLSCORE_IMPORT_BOOSTER_LIGHTGBM_H

/**
 * Private to the LightGBM importer: its text file is lines of key=value, a
 * header, a block of lines for each tree, parameters, and perhaps the
 * categories that pandas knew.
 */

#include "import/booster/booster_model.h"

/** A line, split at its first '='; value is NULL without one. */
typedef struct lightgbm_line {
    const char *key;
    size_t key_length;
    const char *value;
    size_t value_length;
    unsigned long number;
} lightgbm_line;

/** Reads lines one by one. */
typedef struct lightgbm_text {
    const char *bytes;
    size_t size;
    size_t at;
    unsigned long number; /* of the line that was read last */
    mlscore_error *err;
} lightgbm_text;

/** The next line, 0 at the end. A trailing CR is not part of it. */
int lightgbm_next_line(lightgbm_text *text, lightgbm_line *line);
int lightgbm_key_is(const lightgbm_line *line, const char *key);

/** "LightGBM, line N: ..." */
mlscore_status lightgbm_error(const lightgbm_text *text, mlscore_status status,
                              const char *format, ...) MLSCORE_PRINTF(3, 4);

/** Numbers separated by spaces. */
typedef struct lightgbm_numbers {
    double *values;
    size_t count, capacity;
} lightgbm_numbers;

mlscore_status lightgbm_read_numbers(const lightgbm_text *text,
                                     const lightgbm_line *line,
                                     lightgbm_numbers *numbers);
/** A whole number from 0 to `maximum`. */
mlscore_status lightgbm_read_count(const lightgbm_text *text,
                                   const lightgbm_line *line,
                                   uint32_t maximum, uint32_t *count);

enum { LIGHTGBM_USES = BOOSTER_USE_CATEGORY + 1 };

typedef struct lightgbm_model {
    booster_model *model;
    mlscore_error *err;
    const char *bytes;
    size_t size;
    uint32_t column_count;
    uint32_t trees_per_iteration;
    unsigned char *categorical; /* a flag for each column */
    /* column and use -> 1 + the forest's feature, 0 when not used */
    uint32_t *feature_of;
    size_t trees_at;           /* offset of the first "Tree=" line */
    unsigned long trees_line;  /* lines before it */
    int linear;                /* a tree has linear leaves */
} lightgbm_model;

/** Which features the trees need, in model->features (lightgbm_trees.c). */
mlscore_status lightgbm_scan_trees(lightgbm_model *lightgbm);
/** Read the trees into the forest. */
mlscore_status lightgbm_read_trees(lightgbm_model *lightgbm);
/** One tree's linear leaves; `numbers` are the tree's arrays
 *  (lightgbm_linear.c). */
mlscore_status lightgbm_add_linear(lightgbm_model *lightgbm,
                                   const lightgbm_text *text,
                                   uint32_t leaf_count, uint32_t output,
                                   const lightgbm_numbers *leaf_values,
                                   const lightgbm_numbers *constants,
                                   const lightgbm_numbers *counts,
                                   const lightgbm_numbers *columns,
                                   const lightgbm_numbers *coefficients);

/** "binary sigmoid:1" and the like: the model's link. */
mlscore_status lightgbm_objective(lightgbm_model *lightgbm,
                                  const lightgbm_text *text,
                                  const lightgbm_line *line);

/** The list after "pandas_categorical:", at `at` (lightgbm_categories.c).
 *  `listed` are the columns that the parameters call categorical. */
mlscore_status lightgbm_read_categories(lightgbm_model *lightgbm, size_t at,
                                        const lightgbm_numbers *listed);

#endif
