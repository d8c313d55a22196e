/* SPDX-License-Identifier: Apache-2.0 */
/* Distances and similarities. */

#include <math.h>

#include "eval/pmml/pmml_measure_run.h"

int mlscore_pmml_compare_begin(pmml_comparison *comparison, pmml_run *run,
                               const pmml_model *model, uint32_t measure,
                               const double *weights)
{
    const pmml_measure *record = &run->plan->measures[measure];
    double all = 0.0, present = 0.0;

    *comparison = (pmml_comparison){
        .run = run,
        .model = model,
        .measure = record,
        .fields = &run->plan->measure_fields[record->field_first]};
    for (uint32_t i = 0; i < record->field_count; i++) {
        const double weight = weights ? weights[i] : 1.0;
        const pmml_value *value;

        if (pmml_slot_value(run, comparison->fields[i].slot, &value)) {
            return -1;
        }
        all += weight;
        present += value->type == PMML_MISSING ? 0.0 : weight;
    }
    comparison->adjustment = all / present;
    return 0;
}

/* --- distances ------------------------------------------------------------*/

/** How far one field is, before its weight; 1 and nothing when missing. */
static int field_difference(const pmml_comparison *comparison, uint32_t i,
                            const pmml_value *reference, double *result)
{
    pmml_run *run = comparison->run;
    const pmml_measure_field *field = &comparison->fields[i];
    const pmml_value *value = &run->slots[field->slot];
    double left, right;
    int equal;

    if (value->type == PMML_MISSING || reference->type == PMML_MISSING) {
        return 1;
    }
    if (field->compare == PMML_COMPARE_DELTA ||
        field->compare == PMML_COMPARE_EQUAL) {
        if (mlscore_pmml_equal(run, value, reference, &equal)) {
            return -1;
        }
        *result = equal == (field->compare == PMML_COMPARE_EQUAL);
        return 0;
    }
    if (mlscore_pmml_as_number(run, value, &left) ||
        mlscore_pmml_as_number(run, reference, &right)) {
        return -1;
    }
    *result = field->compare == PMML_COMPARE_ABS_DIFF
                  ? fabs(left - right)
                  : exp(-M_LN2 * (left - right) * (left - right) /
                        (field->scale * field->scale));
    return 0;
}

/** Fields are powered, weighted and added up (chebychev: the largest). */
static void take_field(const pmml_comparison *comparison, uint32_t i,
                       double difference, double *sum)
{
    const pmml_measure *measure = comparison->measure;
    const double weight = comparison->fields[i].weight;
    double term = difference;

    if (measure->metric <= PMML_METRIC_SQUARED_EUCLIDEAN) {
        term = difference * difference;
    }
    else if (measure->metric == PMML_METRIC_MINKOWSKI) {
        term = pow(difference, measure->p);
    }
    term = pmml_round(comparison->model, term * weight);
    *sum = measure->metric == PMML_METRIC_CHEBYCHEV
               ? fmax(*sum, term)
               : pmml_round(comparison->model, *sum + term);
}

static double finish(const pmml_comparison *comparison, double sum)
{
    sum *= comparison->adjustment;
    switch (comparison->measure->metric) {
    case PMML_METRIC_EUCLIDEAN:
        sum = sqrt(sum);
        break;
    case PMML_METRIC_MINKOWSKI:
        sum = pow(sum, 1.0 / comparison->measure->p);
        break;
    default:
        break;
    }
    return pmml_round(comparison->model, sum);
}

/* --- similarities of flags ------------------------------------------------*/

static int flag(const pmml_comparison *comparison, const pmml_value *value,
                int *set)
{
    double number = NAN;

    if (value->type != PMML_MISSING &&
        mlscore_pmml_as_number(comparison->run, value, &number)) {
        return -1;
    }
    if (number != 0.0 && number != 1.0) {
        return mlscore_pmml_refuse(comparison->run,
                                   "a flag to compare is neither 0 nor 1");
    }
    *set = number != 0.0;
    return 0;
}

/** a[0..3]: how often 00, 01, 10, 11. */
static double similarity(const pmml_comparison *comparison, const double *a)
{
    const double *p = comparison->measure->metric == PMML_METRIC_BINARY
                          ? comparison->run->plan->numbers +
                                comparison->measure->binary
                          : NULL;

    switch (comparison->measure->metric) {
    case PMML_METRIC_SIMPLE_MATCHING:
        return (a[3] + a[0]) / (a[0] + a[1] + a[2] + a[3]);
    case PMML_METRIC_JACCARD:
        return a[3] / (a[1] + a[2] + a[3]);
    case PMML_METRIC_TANIMOTO:
        return (a[3] + a[0]) / (a[3] + 2.0 * (a[1] + a[2]) + a[0]);
    default:
        return (p[0] * a[0] + p[1] * a[1] + p[2] * a[2] + p[3] * a[3]) /
               (p[4] * a[0] + p[5] * a[1] + p[6] * a[2] + p[7] * a[3]);
    }
}

/* --- both -----------------------------------------------------------------*/

/** One field against its reference value. */
typedef struct tally {
    double sum;
    double counts[4];
} tally;

static int compare_field(const pmml_comparison *comparison, uint32_t i,
                         const pmml_value *reference, tally *all)
{
    int left, right;
    double difference;

    if (comparison->measure->similarity) {
        const uint32_t slot = comparison->fields[i].slot;

        if (flag(comparison, &comparison->run->slots[slot], &left) ||
            flag(comparison, reference, &right)) {
            return -1;
        }
        all->counts[2 * left + right] += 1.0;
        return 0;
    }
    const int missing =
        field_difference(comparison, i, reference, &difference);

    if (missing == 0) {
        take_field(comparison, i, difference, &all->sum);
    }
    return missing < 0 ? -1 : 0;
}

static double total(const pmml_comparison *comparison, const tally *all)
{
    return comparison->measure->similarity
               ? pmml_round(comparison->model,
                            similarity(comparison, all->counts))
               : finish(comparison, all->sum);
}

int mlscore_pmml_compare_numbers(const pmml_comparison *comparison,
                                 const double *center, double *result)
{
    tally all = {0};

    for (uint32_t i = 0; i < comparison->measure->field_count; i++) {
        const pmml_value reference =
            pmml_number_value(PMML_DOUBLE, center[i]);

        if (compare_field(comparison, i, &reference, &all)) {
            return -1;
        }
    }
    *result = total(comparison, &all);
    return 0;
}

int mlscore_pmml_compare_values(const pmml_comparison *comparison,
                                const pmml_value *values, double *result)
{
    tally all = {0};

    for (uint32_t i = 0; i < comparison->measure->field_count; i++) {
        if (compare_field(comparison, i, &values[i], &all)) {
            return -1;
        }
    }
    *result = total(comparison, &all);
    return 0;
}
