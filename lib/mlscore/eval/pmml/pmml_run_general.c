/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a GeneralRegressionModel. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

/** The inverses of link functions. */
static double unlink_value(const pmml_model *model, const pmml_general *body,
                           double x)
{
    const double d = body->parameter;

    switch (body->link) {
    case PMML_LINK_LOGIT:
        x = 1.0 / (1.0 + exp(-x));
        break;
    case PMML_LINK_PROBIT:
        x = mlscore_pmml_normal_cdf(x);
        break;
    case PMML_LINK_CLOGLOG:
        x = 1.0 - exp(-exp(x));
        break;
    case PMML_LINK_LOGLOG:
        x = exp(-exp(-x));
        break;
    case PMML_LINK_CAUCHIT:
        x = 0.5 + atan(x) / M_PI;
        break;
    case PMML_LINK_LOG:
        x = exp(x);
        break;
    case PMML_LINK_LOGC:
        x = 1.0 - exp(x);
        break;
    case PMML_LINK_POWER:
        x = d != 0.0 ? pow(x, 1.0 / d) : exp(x);
        break;
    case PMML_LINK_NEGBIN:
        x = 1.0 / (d * (exp(-x) - 1.0));
        break;
    case PMML_LINK_ODDSPOWER:
        x = d != 0.0 ? 1.0 / (1.0 + pow(1.0 + d * x, -1.0 / d))
                     : 1.0 / (1.0 + exp(-x));
        break;
    default:
        break;
    }
    return pmml_round(model, x);
}

/* --- predictors -----------------------------------------------------------*/

/** What a factor's value counts in a contrast matrix. */
static int contrast(pmml_run *run, const pmml_ppcell *cell,
                    const pmml_value *value, double *factor)
{
    *factor = 0.0;
    for (uint32_t i = 0; i < cell->contrast_count; i++) {
        const pmml_value category = mlscore_pmml_constant_value(
            run->plan, run->plan->words[cell->contrast_first + i]);
        int equal;

        if (mlscore_pmml_equal(run, value, &category, &equal)) {
            return -1;
        }
        if (equal) {
            *factor = run->plan->numbers[cell->contrast_number + i];
            return 0;
        }
    }
    return 0;
}

static int cell_factor(pmml_run *run, const pmml_ppcell *cell,
                       const pmml_value *value, double *factor)
{
    int equal;

    if (cell->kind == PMML_PPCELL_CONTRAST) {
        return contrast(run, cell, value, factor);
    }
    if (cell->kind == PMML_PPCELL_FACTOR) {
        const pmml_value level =
            mlscore_pmml_constant_value(run->plan, cell->constant);

        if (mlscore_pmml_equal(run, value, &level, &equal)) {
            return -1;
        }
        *factor = equal;
        return 0;
    }
    if (mlscore_pmml_as_number(run, value, factor)) {
        return -1;
    }
    if (cell->exponent != 1.0) {
        *factor = pow(*factor, cell->exponent);
    }
    return 0;
}

/** Sum coefficients times their predictors; 1 when a value is missing. */
static int dot_product(pmml_run *run, const pmml_model *model, uint32_t first,
                       uint32_t count, double *sum)
{
    *sum = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        const pmml_pcell *pcell = &run->plan->pcells[first + i];
        double product = pmml_round(model, pcell->beta);

        for (uint32_t k = 0; k < pcell->cell_count; k++) {
            const pmml_ppcell *cell =
                &run->plan->ppcells[pcell->cell_first + k];
            const pmml_value *value;
            double factor;

            if (pmml_slot_value(run, cell->slot, &value)) {
                return -1;
            }
            if (value->type == PMML_MISSING) {
                return 1;
            }
            if (cell_factor(run, cell, value, &factor)) {
                return -1;
            }
            product = pmml_round(model, product * pmml_round(model, factor));
        }
        *sum = pmml_round(model, *sum + product);
    }
    return 0;
}

/** A variable that must be there. */
static int need_number(pmml_run *run, uint32_t slot, double *number)
{
    const pmml_value *value;

    if (pmml_slot_value(run, slot, &value)) {
        return -1;
    }
    if (value->type == PMML_MISSING) {
        return mlscore_pmml_refuse(
            run, "the field \"%.80s\" is missing",
            mlscore_pmml_symbol_bytes(run->plan,
                                      run->plan->slots[slot].name));
    }
    return mlscore_pmml_as_number(run, value, number);
}

/** Offset, link and trials around the sum. */
static int apply_link(pmml_run *run, const pmml_model *model,
                      const pmml_general *body, double *x)
{
    double offset = body->offset, trials = body->trials;

    if ((body->offset_slot != PMML_NONE &&
         need_number(run, body->offset_slot, &offset)) ||
        (body->trials_slot != PMML_NONE &&
         need_number(run, body->trials_slot, &trials))) {
        return -1;
    }
    *x = unlink_value(model, body, pmml_round(model, *x + offset));
    if (body->type == PMML_GENERALIZED_LINEAR) {
        *x = pmml_round(model, *x * trials);
    }
    return 0;
}

/* --- classification -------------------------------------------------------*/

static int category_value(pmml_run *run, const pmml_model *model,
                          const pmml_general *body, uint32_t i, double *x)
{
    const uint32_t *range = run->plan->words + body->range_first + 2 * i;
    const int missing = dot_product(run, model, range[0], range[1], x);

    if (missing != 0) {
        return missing;
    }
    if (body->type == PMML_MULTINOMIAL_LOGISTIC) {
        *x = pmml_round(model, exp(*x));
        return 0;
    }
    return apply_link(run, model, body, x);
}

static void finish(const pmml_model *model, const pmml_general *body,
                   double *values, uint32_t count)
{
    if (body->type == PMML_MULTINOMIAL_LOGISTIC) {
        values[count - 1] = 1.0;
        mlscore_pmml_simplemax(model, values, count);
        return;
    }
    /* A forged image may name one category twice: then there is one. */
    if (body->type == PMML_GENERALIZED_LINEAR && count > 1) {
        values[count - 1] = pmml_round(model, 1.0 - values[count - 2]);
        return;
    }
    values[count - 1] = 1.0; /* ordinal: from cumulative to single */
    for (uint32_t i = count - 1; i > 0; i--) {
        values[i] = pmml_round(model, values[i] - values[i - 1]);
    }
}

static int run_classification(pmml_run *run, uint32_t index,
                              const pmml_general *body)
{
    const pmml_model *model = &run->plan->models[index];
    pmml_result *result = &run->results[index];
    double *values = run->values + model->offset;

    result->kind = PMML_RESULT_PROBABILITY;
    for (uint32_t i = 0; i < body->category_count; i++) {
        double x = 0.0;
        const int missing =
            i + 1 < body->category_count
                ? category_value(run, model, body, i, &x)
                : 0;

        if (missing != 0) {
            return missing < 0 ? -1 : mlscore_pmml_set_default(run, index);
        }
        mlscore_pmml_add_category(
            run, index, run->plan->words[body->category_first + i], x);
    }
    finish(model, body, values, result->count);
    return mlscore_pmml_set_winner(run, index);
}

/* --- Cox ------------------------------------------------------------------*/

static int find_stratum(pmml_run *run, const pmml_general *body,
                        const pmml_stratum **found)
{
    const pmml_value *value;

    *found = NULL;
    if (body->strata_slot == PMML_NONE) {
        *found = &run->plan->strata[body->stratum_first];
        return 0;
    }
    if (pmml_slot_value(run, body->strata_slot, &value)) {
        return -1;
    }
    if (value->type == PMML_MISSING) {
        return mlscore_pmml_refuse(run, "the stratum is missing");
    }
    for (uint32_t i = 0; i < body->stratum_count && !*found; i++) {
        const pmml_stratum *stratum =
            &run->plan->strata[body->stratum_first + i];
        const pmml_value wanted =
            mlscore_pmml_constant_value(run->plan, stratum->value);
        int equal;

        if (mlscore_pmml_equal(run, value, &wanted, &equal)) {
            return -1;
        }
        if (equal) {
            *found = stratum;
        }
    }
    return 0;
}

static int run_cox(pmml_run *run, uint32_t index, const pmml_general *body)
{
    const pmml_model *model = &run->plan->models[index];
    const uint32_t *range = run->plan->words + body->range_first;
    const pmml_stratum *stratum;
    double time, sum, hazard = 0.0;

    if (find_stratum(run, body, &stratum) ||
        need_number(run, body->time_slot, &time)) {
        return -1;
    }
    if (!stratum || time > stratum->max_time) {
        return mlscore_pmml_set_default(run, index);
    }
    const double *cells = run->plan->numbers + stratum->cell_first;

    if (time < cells[0]) {
        return mlscore_pmml_set_number(run, index, 0.0);
    }
    for (uint32_t i = 0; i < stratum->cell_count && cells[2 * i] <= time;
         i++) {
        hazard = cells[2 * i + 1];
    }
    const int missing = dot_product(run, model, range[0], range[1], &sum);

    if (missing != 0) {
        return missing < 0 ? -1 : mlscore_pmml_set_default(run, index);
    }
    return mlscore_pmml_set_number(
        run, index,
        pmml_round(model, exp(sum - body->reference) * hazard));
}

int mlscore_pmml_run_general(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_general *body = &run->plan->generals[model->body];
    const uint32_t *range = run->plan->words + body->range_first;
    double x;

    if (body->category_count > 0) {
        return run_classification(run, index, body);
    }
    if (body->type == PMML_COX_REGRESSION) {
        return run_cox(run, index, body);
    }
    const int missing = dot_product(run, model, range[0], range[1], &x);

    if (missing != 0) {
        return missing < 0 ? -1 : mlscore_pmml_set_default(run, index);
    }
    if (body->type == PMML_GENERALIZED_LINEAR &&
        apply_link(run, model, body, &x)) {
        return -1;
    }
    return mlscore_pmml_set_number(run, index, x);
}
