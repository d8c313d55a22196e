/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_EVAL_PMML_MEASURE_RUN_H
#define MLSCORE_EVAL_PMML_MEASURE_RUN_H

/** Comparing the row with centers of clusters or with training instances. */

#include "eval/pmml/pmml_run.h"

/** The row's side of a comparison. */
typedef struct pmml_comparison {
    pmml_run *run;
    const pmml_model *model;
    const pmml_measure *measure;
    const pmml_measure_field *fields;
    double adjustment; /* for what is missing */
} pmml_comparison;

/** Read the fields of a measure. `weights` (may be NULL) are those of missing
 *  values. */
int mlscore_pmml_compare_begin(pmml_comparison *comparison, pmml_run *run,
                               const pmml_model *model, uint32_t measure,
                               const double *weights);
/** How far the row is from numbers, or how alike it is. */
int mlscore_pmml_compare_numbers(const pmml_comparison *comparison,
                                 const double *center, double *result);
/** The same with values. */
int mlscore_pmml_compare_values(const pmml_comparison *comparison,
                                const pmml_value *values, double *result);

#endif
