/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a Scorecard. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

/** The score of the attribute that applies: 1 when it is missing. */
static int partial_score(pmml_run *run, const pmml_attribute *attribute,
                         double *score)
{
    pmml_value value;

    if (attribute->expr == PMML_NONE) {
        *score = attribute->score;
        return 0;
    }
    if (mlscore_pmml_eval(run, attribute->expr, &value)) {
        return -1;
    }
    if (value.type == PMML_MISSING) {
        return 1;
    }
    return mlscore_pmml_as_number(run, &value, score);
}

/** The first attribute whose predicate holds; NULL after a refusal. */
static const pmml_attribute *
find_attribute(pmml_run *run, const pmml_characteristic *characteristic)
{
    for (uint32_t i = 0; i < characteristic->attribute_count; i++) {
        const pmml_attribute *attribute =
            &run->plan->attributes[characteristic->attribute_first + i];
        const int holds = mlscore_pmml_test(run, attribute->predicate);

        if (holds < 0) {
            return NULL;
        }
        if (holds == PMML_TRUE) {
            return attribute;
        }
    }
    mlscore_pmml_refuse(run, "no attribute of a characteristic applies");
    return NULL;
}

/** Reason codes that cost or gave nothing less than they should, keep. */
static void keep_reasons(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    pmml_result *result = &run->results[index];
    uint32_t *keys = run->keys + model->offset;
    double *values = run->values + model->offset;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < result->count; i++) {
        if (values[i] >= 0.0) {
            keys[kept] = keys[i];
            values[kept++] = values[i];
        }
    }
    result->count = kept;
}

int mlscore_pmml_run_scorecard(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_scorecard *body = &run->plan->scorecards[model->body];
    double total = pmml_round(model, body->initial);

    run->results[index].kind = PMML_RESULT_SIMILARITY;
    for (uint32_t i = 0; i < body->characteristic_count; i++) {
        const pmml_characteristic *characteristic =
            &run->plan->characteristics[body->characteristic_first + i];
        const pmml_attribute *attribute = find_attribute(run, characteristic);
        double score;

        if (!attribute) {
            return -1;
        }
        const int missing = partial_score(run, attribute, &score);

        if (missing != 0) {
            return missing < 0 ? -1 : mlscore_pmml_set_default(run, index);
        }
        total = pmml_round(model, total + pmml_round(model, score));
        if (body->use_reasons) {
            mlscore_pmml_add_category(
                run, index, attribute->reason,
                body->points_above ? score - characteristic->baseline
                                   : characteristic->baseline - score);
        }
    }
    keep_reasons(run, index);
    return mlscore_pmml_set_number(run, index, total);
}
