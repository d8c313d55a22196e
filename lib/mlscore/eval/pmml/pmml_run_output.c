/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating Output: what is reported of a result. */

#include <math.h>
#include <string.h>

#include "eval/pmml/pmml_run.h"

/** Whose result an output field looks at. */
typedef struct view {
    pmml_run *run;
    const pmml_output *output;
    uint32_t model;  /* whose Output this is */
    uint32_t final;  /* whose result it is */
    const pmml_result *result;
} view;

/** The category asked for: the given one, or the prediction. */
static uint32_t asked_category(const view *at)
{
    return at->output->value != PMML_NONE ? at->output->value
                                          : at->result->category;
}

static const double *numbers(const view *at)
{
    return at->run->values + at->run->plan->models[at->final].offset;
}

/** A category's number; one that does not occur has the worst there is. */
static double category_number(const view *at, uint32_t category)
{
    const uint32_t where =
        mlscore_pmml_find_category(at->run, at->final, category);

    if (where == PMML_NONE) {
        return at->result->kind == PMML_RESULT_DISTANCE ? INFINITY : 0.0;
    }
    return numbers(at)[where];
}

static int get_probability(const view *at, pmml_value *value)
{
    if (at->result->kind != PMML_RESULT_PROBABILITY) {
        return mlscore_pmml_refuse(at->run, "the model gives no probability");
    }
    *value = pmml_number_value(PMML_DOUBLE,
                               category_number(at, asked_category(at)));
    return 0;
}

static int get_confidence(const view *at, pmml_value *value)
{
    const uint32_t where = mlscore_pmml_find_category(at->run, at->final,
                                                      asked_category(at));

    if (!at->result->has_confidence) {
        return get_probability(at, value);
    }
    *value = pmml_number_value(
        PMML_DOUBLE,
        where == PMML_NONE
            ? 0.0
            : at->run->confidences[at->run->plan->models[at->final].offset +
                                   where]);
    return 0;
}

static int get_residual(const view *at, pmml_value *value)
{
    const pmml_model *model = &at->run->plan->models[at->model];
    const pmml_value *expected;
    int equal;

    if (pmml_slot_value(at->run, at->output->from, &expected)) {
        return -1;
    }
    if (expected->type == PMML_MISSING) {
        return mlscore_pmml_refuse(
            at->run, "the target is missing, so it has no residual");
    }
    if (model->target_optype == PMML_CONTINUOUS) {
        *value = pmml_number_value(
            PMML_DOUBLE, expected->number - at->result->value.number);
        return 0;
    }
    if (at->result->kind != PMML_RESULT_PROBABILITY) {
        return mlscore_pmml_refuse(at->run, "the model gives no probability");
    }
    if (mlscore_pmml_equal(at->run, &at->result->value, expected, &equal)) {
        return -1;
    }
    *value = pmml_number_value(
        PMML_DOUBLE, equal - category_number(at, at->result->category));
    return 0;
}

static void get_display(const view *at, pmml_value *value)
{
    const pmml_plan *plan = at->run->plan;
    const pmml_model *model = &plan->models[at->model];

    *value = at->result->value;
    if (model->target == PMML_NONE) {
        return;
    }
    const pmml_target *target = &plan->targets[model->target];

    for (uint32_t i = 0; i < target->display_count; i++) {
        const uint32_t *pair = plan->words + target->display_first + 2 * i;

        if (pair[0] == at->result->category) {
            *value = mlscore_pmml_symbol_value(plan, pair[1]);
            return;
        }
    }
}

/* --- rankings -------------------------------------------------------------*/

/** The category at a rank, best first; equal ones in their order. */
static uint32_t ranked(const view *at, uint32_t rank)
{
    const double *values = numbers(at);
    const int sign = (at->result->kind == PMML_RESULT_DISTANCE ? -1 : 1) *
                     (at->output->ascending ? -1 : 1);

    if (at->result->ranking) {
        return rank <= at->result->count ? rank - 1 : PMML_NONE;
    }
    for (uint32_t i = 0; i < at->result->count; i++) {
        uint32_t better = 0;

        for (uint32_t k = 0; k < at->result->count; k++) {
            const int order =
                sign * mlscore_pmml_order(values[k], values[i]);

            better += order > 0 || (order == 0 && k < i);
        }
        if (better + 1 == rank) {
            return i;
        }
    }
    return PMML_NONE;
}

static void ranked_key(const view *at, pmml_value *value)
{
    const uint32_t where = ranked(at, at->output->rank);

    *value = where == PMML_NONE
                 ? pmml_missing()
                 : mlscore_pmml_symbol_value(
                       at->run->plan,
                       at->run->keys[at->run->plan->models[at->final].offset +
                                     where]);
}

static void get_entity(const view *at, pmml_value *value)
{
    if (at->output->rank > 1 || at->result->ranking) {
        ranked_key(at, value);
        return;
    }
    *value = at->result->entity == PMML_NONE
                 ? pmml_missing()
                 : mlscore_pmml_symbol_value(at->run->plan,
                                             at->result->entity);
}

static void get_affinity(const view *at, pmml_value *value)
{
    const uint32_t asked = at->output->value;

    if (asked == PMML_NONE &&
        (at->output->rank > 1 || at->result->entity == PMML_NONE ||
         at->result->ranking)) {
        const uint32_t where = ranked(at, at->output->rank);

        *value = where == PMML_NONE
                     ? pmml_missing()
                     : pmml_number_value(PMML_DOUBLE, numbers(at)[where]);
        return;
    }
    *value = pmml_number_value(
        PMML_DOUBLE,
        category_number(at, asked == PMML_NONE ? at->result->entity : asked));
}

/* --- fields ---------------------------------------------------------------*/

static int get_transformed(const view *at, pmml_value *value)
{
    if (at->output->expr != PMML_NONE) {
        return mlscore_pmml_eval(at->run, at->output->expr, value);
    }
    const uint32_t slot = at->output->from;

    *value = at->run->slot_epochs[slot] == at->run->epoch
                 ? at->run->slots[slot]
                 : pmml_missing();
    return 0;
}

static int get_value(const view *at, pmml_value *value)
{
    switch (at->output->feature) {
    case PMML_PREDICTED_VALUE:
        *value = at->result->value;
        return 0;
    case PMML_PREDICTED_DISPLAY:
        get_display(at, value);
        return 0;
    case PMML_TRANSFORMED:
        return get_transformed(at, value);
    case PMML_PROBABILITY:
        return get_probability(at, value);
    case PMML_CONFIDENCE:
        return get_confidence(at, value);
    case PMML_RESIDUAL:
        return get_residual(at, value);
    case PMML_ENTITY_ID:
    case PMML_CLUSTER_ID:
        get_entity(at, value);
        return 0;
    case PMML_AFFINITY:
    case PMML_ENTITY_AFFINITY:
        get_affinity(at, value);
        return 0;
    case PMML_REASON_CODE:
        ranked_key(at, value);
        return 0;
    default: /* a report is not made */
        *value = pmml_missing();
        return 0;
    }
}

/** Which model's result the field looks at; 0 when it has none. */
static int find_result(view *at)
{
    const pmml_output *output = at->output;
    const uint32_t source =
        output->source == PMML_NONE ? at->model : output->source;

    if (at->run->result_epochs[source] != at->run->epoch) {
        return 0;
    }
    at->result = mlscore_pmml_result(at->run, source, &at->final);
    if (output->feature == PMML_ENTITY_ID && source == at->model &&
        at->run->results[source].redirect != PMML_NONE) {
        /* The winning entity of a selection is the segment. */
        at->result = &at->run->results[source];
        at->final = source;
        return 1;
    }
    return at->result->value.type != PMML_MISSING || at->result->ranking;
}

int mlscore_pmml_run_outputs(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];

    for (uint32_t i = 0; i < model->output_count; i++) {
        const pmml_output *output =
            &run->plan->outputs[model->output_first + i];
        view at = {.run = run, .output = output, .model = index};
        pmml_value value;

        if (!find_result(&at)) {
            continue;
        }
        if (get_value(&at, &value) ||
            mlscore_pmml_cast_value(run, &value, output->type)) {
            return -1;
        }
        pmml_set_slot(run, output->slot, &value);
    }
    return 0;
}
