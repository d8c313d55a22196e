/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluating a MiningModel: its segments, and how they combine. */

#include <math.h>

#include "eval/pmml/pmml_run.h"

/** The segments that ran, one after the other. */
typedef struct ensemble {
    pmml_run *run;
    uint32_t index;
    const pmml_model *model;
    const pmml_mining *body;
    const pmml_segment *segments;
    double weight_sum;
    double missing_weight;
} ensemble;

static int ran(const ensemble *all, const pmml_segment *segment)
{
    return all->run->result_epochs[segment->model] == all->run->epoch;
}

/** A segment's result, behind whatever it redirects to. */
static const pmml_result *segment_result(const ensemble *all,
                                         const pmml_segment *segment,
                                         uint32_t *final)
{
    return mlscore_pmml_result(all->run, segment->model, final);
}

/* --- missing predictions --------------------------------------------------*/

enum { GO_ON, SKIP, GIVE_UP };

/** A segment has no prediction. `votes`: then "continue" counts it. */
static int handle_missing(ensemble *all, const pmml_segment *segment,
                          int votes)
{
    if (all->body->missing == PMML_PREDICTION_RETURN ||
        (all->body->missing == PMML_PREDICTION_CONTINUE && !votes)) {
        return GIVE_UP;
    }
    if (all->weight_sum == 0.0) {
        for (uint32_t i = 0; i < all->body->segment_count; i++) {
            if (ran(all, &all->segments[i])) {
                all->weight_sum += all->segments[i].weight;
            }
        }
    }
    all->missing_weight += segment->weight;
    if (all->missing_weight / all->weight_sum > all->body->threshold) {
        return GIVE_UP;
    }
    return all->body->missing == PMML_PREDICTION_SKIP ? SKIP : GO_ON;
}

/* --- numbers --------------------------------------------------------------*/

/** Sort pairs of value and weight by value; ensembles are small, and often
 *  nearly sorted makes no difference: a shell sort needs no memory. */
static void sort_pairs(double *values, double *weights, uint32_t count)
{
    uint32_t gap = 1;

    while (gap < count / 3) {
        gap = 3 * gap + 1;
    }
    for (; gap > 0; gap /= 3) {
        for (uint32_t i = gap; i < count; i++) {
            const double value = values[i], weight = weights[i];
            uint32_t k = i;

            for (; k >= gap && values[k - gap] > value; k -= gap) {
                values[k] = values[k - gap];
                weights[k] = weights[k - gap];
            }
            values[k] = value;
            weights[k] = weight;
        }
    }
}

static double median(double *values, double *weights, uint32_t count)
{
    sort_pairs(values, weights, count);
    return count % 2 ? values[count / 2]
                     : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/** The first value where half of the weight is reached. */
static double weighted_median(double *values, double *weights, uint32_t count)
{
    double sum = 0.0, so_far = 0.0;

    sort_pairs(values, weights, count);
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        so_far += weights[i];
        if (so_far >= 0.5 * sum) {
            return values[i];
        }
    }
    return values[count - 1];
}

static double combine_numbers(const ensemble *all, double *values,
                              double *weights, uint32_t count)
{
    const pmml_model *model = all->model;
    const uint32_t method = all->body->method;
    const int weighted =
        method == PMML_WEIGHTED_AVERAGE || method == PMML_WEIGHTED_SUM;
    double sum = 0.0, weight = 0.0;

    if (method == PMML_MEDIAN) {
        return median(values, weights, count);
    }
    if (method == PMML_WEIGHTED_MEDIAN) {
        return weighted_median(values, weights, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        const double w = weighted ? pmml_round(model, weights[i]) : 1.0;

        sum = pmml_round(model, sum + pmml_round(model, w * values[i]));
        weight = pmml_round(model, weight + w);
    }
    return method == PMML_SUM || method == PMML_WEIGHTED_SUM
               ? sum
               : pmml_round(model, sum / weight);
}

static int run_numbers(ensemble *all)
{
    pmml_run *run = all->run;
    double *values = run->numbers + all->body->sort;
    double *weights = values + all->body->segment_count;
    uint32_t count = 0, final;

    for (uint32_t i = 0; i < all->body->segment_count; i++) {
        const pmml_segment *segment = &all->segments[i];

        if (!ran(all, segment)) {
            continue;
        }
        const pmml_result *result = segment_result(all, segment, &final);

        if (result->value.type == PMML_MISSING) {
            if (handle_missing(all, segment, 0) == GIVE_UP) {
                return mlscore_pmml_set_default(run, all->index);
            }
            continue;
        }
        double number;

        if (mlscore_pmml_as_number(run, &result->value, &number)) {
            return -1;
        }
        values[count] = pmml_round(all->model, number);
        weights[count++] = segment->weight;
    }
    if (count == 0) {
        return mlscore_pmml_set_default(run, all->index);
    }
    return mlscore_pmml_set_number(
        run, all->index, combine_numbers(all, values, weights, count));
}

/* --- votes ----------------------------------------------------------------*/

static double largest(const ensemble *all)
{
    const double *values = all->run->values + all->model->offset;
    double most = 0.0;

    for (uint32_t i = 0; i < all->run->results[all->index].count; i++) {
        most = fmax(most, values[i]);
    }
    return most;
}

static int run_votes(ensemble *all)
{
    pmml_run *run = all->run;
    const int weighted = all->body->method == PMML_WEIGHTED_MAJORITY_VOTE;
    pmml_result *result = &run->results[all->index];
    double missing_votes = 0.0;
    uint32_t final;

    result->kind = all->model->function == PMML_FUNCTION_CLASSIFICATION
                       ? PMML_RESULT_PROBABILITY
                       : PMML_RESULT_SIMILARITY;
    for (uint32_t i = 0; i < all->body->segment_count; i++) {
        const pmml_segment *segment = &all->segments[i];

        if (!ran(all, segment)) {
            continue;
        }
        const pmml_result *vote = segment_result(all, segment, &final);
        const double weight = weighted ? segment->weight : 1.0;

        if (vote->value.type != PMML_MISSING) {
            mlscore_pmml_add_category(run, all->index, vote->category,
                                      pmml_round(all->model, weight));
            continue;
        }
        const int next = handle_missing(all, segment, 1);

        if (next == GIVE_UP) {
            return mlscore_pmml_set_default(run, all->index);
        }
        missing_votes += next == GO_ON ? weight : 0.0;
    }
    if (result->count == 0 || missing_votes > largest(all)) {
        return mlscore_pmml_set_default(run, all->index);
    }
    if (result->kind == PMML_RESULT_PROBABILITY) {
        mlscore_pmml_simplemax(all->model, run->values + all->model->offset,
                               result->count);
    }
    return mlscore_pmml_set_winner(run, all->index);
}

/* --- probabilities --------------------------------------------------------*/

/** Add the probabilities of a segment's result to the ensemble's. */
static int add_probabilities(ensemble *all, const pmml_segment *segment,
                             double weight)
{
    uint32_t final;
    const pmml_result *result = segment_result(all, segment, &final);
    const uint32_t offset = all->run->plan->models[final].offset;

    if (result->kind != PMML_RESULT_PROBABILITY) {
        return mlscore_pmml_refuse(all->run,
                                   "a segment gives no probabilities");
    }
    for (uint32_t i = 0; i < result->count; i++) {
        mlscore_pmml_add_category(
            all->run, all->index, all->run->keys[offset + i],
            pmml_round(all->model,
                       weight * all->run->values[offset + i]));
    }
    return 0;
}

static void divide(const ensemble *all, double by)
{
    double *values = all->run->values + all->model->offset;

    for (uint32_t i = 0; i < all->run->results[all->index].count; i++) {
        values[i] = pmml_round(all->model, values[i] / by);
    }
}

/** The segments whose probabilities count, in scratch; none means default. */
static int gather(ensemble *all, double *included, uint32_t *count)
{
    uint32_t final;

    *count = 0;
    for (uint32_t i = 0; i < all->body->segment_count; i++) {
        const pmml_segment *segment = &all->segments[i];

        if (!ran(all, segment)) {
            continue;
        }
        if (segment_result(all, segment, &final)->value.type ==
            PMML_MISSING) {
            if (handle_missing(all, segment, 0) == GIVE_UP) {
                *count = 0;
                return 0;
            }
            continue;
        }
        included[(*count)++] = i;
    }
    return 0;
}

/** The probability of a category in a segment's result. */
static double segment_probability(const ensemble *all, uint32_t segment,
                                  uint32_t category)
{
    uint32_t final;

    segment_result(all, &all->segments[segment], &final);
    const uint32_t at =
        mlscore_pmml_find_category(all->run, final, category);

    return at == PMML_NONE
               ? 0.0
               : all->run->values[all->run->plan->models[final].offset + at];
}

/** For each category, the maximum or median over the segments. */
static double over_segments(const ensemble *all, const double *included,
                            uint32_t count, uint32_t category)
{
    double *values = all->run->numbers + all->body->sort +
                     all->body->segment_count;
    double most = 0.0;

    for (uint32_t i = 0; i < count; i++) {
        values[i] =
            segment_probability(all, (uint32_t)included[i], category);
        most = fmax(most, values[i]);
    }
    if (all->body->method == PMML_MAX) {
        return most;
    }
    /* Sorting with itself as weights: there are none. */
    sort_pairs(values, values, count);
    return count % 2 ? values[count / 2]
                     : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/** The category that wins by maximum or median, and its number. */
static uint32_t find_winner(const ensemble *all, const double *included,
                            uint32_t count, double *best)
{
    const uint32_t *keys = all->run->keys + all->model->offset;
    const uint32_t *declared =
        all->run->plan->words + all->model->category_first;
    const uint32_t key_count = all->run->results[all->index].count;
    const uint32_t n =
        all->model->category_count ? all->model->category_count : key_count;
    uint32_t winner = PMML_NONE;

    for (uint32_t i = 0; i < n; i++) {
        const uint32_t category =
            all->model->category_count ? declared[i] : keys[i];
        const double number = over_segments(all, included, count, category);

        if (winner == PMML_NONE || number > *best) {
            winner = category;
            *best = number;
        }
    }
    return winner;
}

/** Only the segments nearest to the winner's number are averaged. */
static int average_contributors(ensemble *all, const double *included,
                                uint32_t count)
{
    double best = 0.0, nearest = INFINITY, used = 0.0;
    const uint32_t winner = find_winner(all, included, count, &best);

    for (uint32_t i = 0; i < count; i++) {
        nearest = fmin(nearest,
                       fabs(best - segment_probability(
                                       all, (uint32_t)included[i], winner)));
    }
    for (uint32_t i = 0; i < all->run->results[all->index].count; i++) {
        all->run->values[all->model->offset + i] = 0.0;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t segment = (uint32_t)included[i];

        if (fabs(best - segment_probability(all, segment, winner)) <=
            nearest) {
            used++;
            if (add_probabilities(all, &all->segments[segment], 1.0)) {
                return -1;
            }
        }
    }
    divide(all, used);
    return 0;
}

static int run_probabilities(ensemble *all)
{
    pmml_run *run = all->run;
    double *included = run->numbers + all->body->sort;
    const int weighted = all->body->method == PMML_WEIGHTED_AVERAGE;
    double weight = 0.0;
    uint32_t count;

    gather(all, included, &count);
    if (count == 0) {
        return mlscore_pmml_set_default(run, all->index);
    }
    run->results[all->index].kind = PMML_RESULT_PROBABILITY;
    for (uint32_t i = 0; i < count; i++) {
        const pmml_segment *segment = &all->segments[(uint32_t)included[i]];
        const double w = weighted ? segment->weight : 1.0;

        weight += w;
        if (add_probabilities(all, segment, w)) {
            return -1;
        }
    }
    if (all->body->method == PMML_MAX || all->body->method == PMML_MEDIAN) {
        if (average_contributors(all, included, count)) {
            return -1;
        }
    }
    else {
        divide(all, weight);
    }
    return mlscore_pmml_set_winner(run, all->index);
}

/* --- segments -------------------------------------------------------------*/

/** Later segments use the output fields of this one: all must be there. */
static int check_outputs(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];

    for (uint32_t i = 0; i < model->output_count; i++) {
        const uint32_t slot =
            run->plan->outputs[model->output_first + i].slot;

        if (run->slot_epochs[slot] != run->epoch) {
            return mlscore_pmml_refuse(
                run, "the output \"%.80s\" of a segment has no value",
                mlscore_pmml_symbol_bytes(run->plan,
                                          run->plan->slots[slot].name));
        }
    }
    return 0;
}

static int run_segments(ensemble *all)
{
    pmml_run *run = all->run;
    pmml_result *result = &run->results[all->index];
    const uint32_t method = all->body->method;

    for (uint32_t i = 0; i < all->body->segment_count; i++) {
        const pmml_segment *segment = &all->segments[i];
        const int applies = mlscore_pmml_test(run, segment->predicate);

        if (applies < 0) {
            return -1;
        }
        if (applies != PMML_TRUE) {
            continue;
        }
        if (mlscore_pmml_run_model(run, segment->model)) {
            return -1;
        }
        if (method == PMML_SELECT_FIRST || method == PMML_MODEL_CHAIN) {
            result->redirect = segment->model;
            result->entity = segment->id;
        }
        if (method == PMML_SELECT_FIRST) {
            return 0;
        }
        if ((method == PMML_MODEL_CHAIN || method == PMML_MULTI_CHAIN) &&
            check_outputs(run, segment->model)) {
            return -1;
        }
    }
    return 0;
}

static int any_ran(const ensemble *all)
{
    for (uint32_t i = 0; i < all->body->segment_count; i++) {
        if (ran(all, &all->segments[i])) {
            return 1;
        }
    }
    return 0;
}

int mlscore_pmml_run_mining(pmml_run *run, uint32_t index)
{
    const pmml_model *model = &run->plan->models[index];
    const pmml_mining *body = &run->plan->minings[model->body];
    ensemble all = {.run = run,
                    .index = index,
                    .model = model,
                    .body = body,
                    .segments = &run->plan->segments[body->segment_first]};

    const int done = body->forest != PMML_NONE && !run->plan->walk_only
                         ? mlscore_pmml_run_forest(run, index)
                         : PMML_FOREST_WALK;

    if (done < 0 || done == PMML_FOREST_DONE) {
        return done < 0 ? -1 : 0;
    }
    if (done == PMML_FOREST_WALK && run_segments(&all)) {
        return -1;
    }
    if (body->method >= PMML_SELECT_FIRST || !any_ran(&all)) {
        return 0;
    }
    if (model->function == PMML_FUNCTION_REGRESSION) {
        return run_numbers(&all);
    }
    return body->method == PMML_MAJORITY_VOTE ||
                   body->method == PMML_WEIGHTED_MAJORITY_VOTE
               ? run_votes(&all)
               : run_probabilities(&all);
}
