/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a NearestNeighborModel. */

#include <math.h>

#include "eval/pmml/pmml_measure_run.h"

/** The nearest instances so far, best first: their rows and numbers. */
typedef struct nearest {
    const pmml_neighbor *body;
    double *numbers;
    double *rows;
    uint32_t count;
    int sign; /* -1 when less is better */
} nearest;

/** Insert an instance where it belongs; equal ones keep their order. */
static void insert(nearest *best, double number, uint32_t row)
{
    uint32_t at = best->count;

    if (at == best->body->keep) {
        if (best->sign * mlscore_pmml_order(number, best->numbers[at - 1]) <=
            0) {
            return;
        }
        at--;
    }
    else {
        best->count++;
    }
    while (at > 0 && best->sign * mlscore_pmml_order(
                                      number, best->numbers[at - 1]) > 0) {
        best->numbers[at] = best->numbers[at - 1];
        best->rows[at] = best->rows[at - 1];
        at--;
    }
    best->numbers[at] = number;
    best->rows[at] = row;
}

static int find_nearest(pmml_run *run, const pmml_model *model,
                        const pmml_neighbor *body, nearest *best,
                        int *similarity)
{
    pmml_comparison comparison;

    if (run->plan->refusals[model->body]) {
        return mlscore_pmml_refuse(run,
                                   "a training instance cannot be used: %s",
                                   run->plan->refusals[model->body]);
    }
    if (mlscore_pmml_compare_begin(&comparison, run, model, body->measure,
                                   NULL)) {
        return -1;
    }
    *similarity = (int)comparison.measure->similarity;
    *best = (nearest){.body = body,
                      .numbers = run->numbers + body->offset,
                      .rows = run->numbers + body->offset + body->keep,
                      .sign = *similarity ? 1 : -1};

    const pmml_value *values = run->plan->instances[model->body];

    for (uint32_t i = 0; i < body->instance_count; i++) {
        double number;

        if (mlscore_pmml_compare_values(&comparison, values, &number)) {
            return -1;
        }
        insert(best, number, i);
        values += comparison.measure->field_count;
    }
    return 0;
}

static const pmml_constant *target_of(const pmml_run *run,
                                      const pmml_neighbor *body, uint32_t row)
{
    return &run->plan
                ->constants[run->plan->words[body->target_first + row]];
}

/* --- numbers --------------------------------------------------------------*/

static double median(const pmml_run *run, const nearest *best)
{
    double *sorted = best->rows + best->body->keep;
    const uint32_t k = best->body->k;

    for (uint32_t i = 0; i < k; i++) {
        const double number =
            target_of(run, best->body, (uint32_t)best->rows[i])->number;
        uint32_t at = i;

        for (; at > 0 && sorted[at - 1] > number; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = number;
    }
    return k % 2 ? sorted[k / 2] : 0.5 * (sorted[k / 2 - 1] + sorted[k / 2]);
}

static int set_number(pmml_run *run, uint32_t index, const nearest *best)
{
    const pmml_neighbor *body = best->body;
    double sum = 0.0, weights = 0.0;

    if (body->continuous == PMML_NEIGHBOR_MEDIAN) {
        return mlscore_pmml_set_number(run, index, median(run, best));
    }
    for (uint32_t i = 0; i < body->k; i++) {
        const double weight =
            body->continuous == PMML_NEIGHBOR_WEIGHTED_AVERAGE
                ? 1.0 / (best->numbers[i] + body->threshold)
                : 1.0;

        sum += weight *
               target_of(run, body, (uint32_t)best->rows[i])->number;
        weights += weight;
    }
    return mlscore_pmml_set_number(run, index, sum / weights);
}

/* --- categories -----------------------------------------------------------*/

static double votes_for(const pmml_run *run, const nearest *best,
                        uint32_t symbol)
{
    double votes = 0.0;

    for (uint32_t i = 0; i < best->body->k; i++) {
        if (target_of(run, best->body, (uint32_t)best->rows[i])->symbol ==
            symbol) {
            votes += best->body->weighted
                         ? 1.0 / (best->numbers[i] + best->body->threshold)
                         : 1.0;
        }
    }
    return votes;
}

static uint32_t cases_of(const pmml_run *run, const pmml_neighbor *body,
                         uint32_t symbol)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < body->instance_count; i++) {
        count += target_of(run, body, i)->symbol == symbol;
    }
    return count;
}

/** Of two categories with as many votes: the one with more cases in the
 *  training data, or else the smaller value, wins. */
static int wins_tie(pmml_run *run, const pmml_neighbor *body,
                    const pmml_constant *left, const pmml_constant *right)
{
    const uint32_t a = cases_of(run, body, left->symbol);
    const uint32_t b = cases_of(run, body, right->symbol);
    int order = 0;

    if (a != b) {
        return a > b;
    }
    const pmml_value l = left->type == PMML_STRING
                             ? mlscore_pmml_symbol_value(run->plan,
                                                         left->symbol)
                             : pmml_number_value(left->type, left->number);
    const pmml_value r = right->type == PMML_STRING
                             ? mlscore_pmml_symbol_value(run->plan,
                                                         right->symbol)
                             : pmml_number_value(right->type, right->number);

    return mlscore_pmml_compare(run, &l, &r, &order) == 0 && order < 0;
}

static int set_category(pmml_run *run, uint32_t index, const nearest *best)
{
    const pmml_constant *winner = NULL;
    double most = 0.0;

    for (uint32_t i = 0; i < best->body->k; i++) {
        const pmml_constant *target =
            target_of(run, best->body, (uint32_t)best->rows[i]);
        const double votes = votes_for(run, best, target->symbol);

        if (winner && target->symbol == winner->symbol) {
            continue;
        }
        if (!winner || votes > most ||
            (votes == most && wins_tie(run, best->body, target, winner))) {
            winner = target;
            most = votes;
        }
    }
    run->results[index].category = winner->symbol;
    run->results[index].value =
        winner->type == PMML_STRING
            ? mlscore_pmml_symbol_value(run->plan, winner->symbol)
            : pmml_number_value(winner->type, winner->number);
    return 0;
}

int mlscore_pmml_run_neighbor(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_neighbor *body = &run->plan->neighbors[model->body];
    pmml_result *result = &run->results[index];
    nearest best = {0};
    int similarity = 0;

    if (find_nearest(run, model, body, &best, &similarity)) {
        return -1;
    }
    result->kind =
        similarity ? PMML_RESULT_SIMILARITY : PMML_RESULT_DISTANCE;
    result->ranking = 1;
    result->count = best.count;
    for (uint32_t i = 0; i < best.count; i++) {
        run->keys[model->offset + i] =
            run->plan->words[body->id_first + (uint32_t)best.rows[i]];
        run->values[model->offset + i] = best.numbers[i];
    }
    result->entity = run->keys[model->offset];
    if (body->target_first == PMML_NONE) {
        return 0;
    }
    return model->target_optype == PMML_CONTINUOUS
               ? set_number(run, index, &best)
               : set_category(run, index, &best);
}
